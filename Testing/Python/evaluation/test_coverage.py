"""Regions are judged by what they promise: the share of landmarks they hold, and the size it takes."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.evaluation.coverage import judge_regions
from LandmarkDetectionLib.evaluation.evaluate import Evaluation, Normalisation, evaluate
from LandmarkDetectionLib.evaluation.predictions import read_predictions
from LandmarkDetectionLib.evaluation.report_pages import write_evaluation
from LandmarkDetectionLib.evaluation.tables import make_tables
from LandmarkDetectionLib.files import read_json

Make = Callable[..., Any]


def evaluated(data: Any, covariance: np.ndarray | None, move: float, **options: Any) -> Evaluation:
    """Predictions ``move`` mm to the right of the truth, each with this covariance."""
    datalist = read_datalist(data.datalist)
    folder = data.predict("net", lambda case, points: points + np.array([move, 0.0, 0.0]))
    found = read_predictions("net", folder, datalist.cases, data.folder)
    sets = tuple(
        replace(one, landmarks=tuple(replace(mark, covariance=covariance) for mark in one))
        for one in found.landmarks
    )
    return evaluate(datalist, [replace(found, landmarks=sets)], **options)


def test_an_ellipse_holds_what_lies_within_its_radius_of_95_percent(make_data: Make) -> None:
    data = make_data()
    covariance = np.diag([4.0, 1.0, 0.0])  # flat, as beside a radiograph's plane nothing is said
    held = make_tables(evaluated(data, covariance, 4.89)).regions["net"]["all"]
    assert (held.share, held.count) == (1.0, 18)
    assert held.median_size == pytest.approx(np.pi * 5.991 * 2.0, rel=1e-3)
    assert make_tables(evaluated(data, covariance, 4.91)).regions["net"]["all"].share == 0.0


def test_an_ellipsoid_of_oblique_voxels_has_its_volume_in_cubic_millimetres(make_data: Make) -> None:
    data = make_data(kind="volume")
    held = make_tables(evaluated(data, np.diag([4.0, 1.0, 9.0]), 5.58)).regions["net"]["wrist"]
    assert (held.share, held.count) == (1.0, 6)
    assert held.median_size == pytest.approx(4 / 3 * np.pi * 7.815**1.5 * 6.0, rel=1e-3)
    assert make_tables(evaluated(data, np.diag([4.0, 1.0, 9.0]), 5.60)).regions["net"]["wrist"].share == 0.0


def test_a_known_distance_scales_areas_and_changes_nothing_of_what_is_held(make_data: Make) -> None:
    data = make_data()
    as_is = evaluated(data, np.diag([4.0, 1.0, 0.0]), 3.0)
    scaled = evaluated(
        data, np.diag([4.0, 1.0, 0.0]), 3.0, normalisation=Normalisation("wrist", "thumb_tip", 50.0)
    )
    np.testing.assert_array_equal(as_is.regions("net")[0], scaled.regions("net")[0])
    truth = as_is.reference.positions
    factor = 50.0 / np.linalg.norm(truth[:, 0] - truth[:, 1], axis=-1)
    np.testing.assert_allclose(scaled.regions("net")[1], as_is.regions("net")[1] * factor[:, None] ** 2)


@pytest.mark.parametrize("covariance", [None, np.zeros((3, 3)), np.diag([1.0, 0.0, 0.0])])
def test_what_has_no_region_is_not_judged(make_data: Make, covariance: np.ndarray | None) -> None:
    assert make_tables(evaluated(make_data(), covariance, 0.0)).regions == {}


@given(seed=st.integers(0, 2**32 - 1), flat=st.booleans())
def test_gaussian_errors_lie_in_their_regions_at_95_percent_in_any_image(seed: int, flat: bool) -> None:
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.3, 3.0, 3)
    volume = Volume(
        np.zeros((1 if flat else 4, 5, 6), np.int16),
        np.block([[axes, rng.normal(size=(3, 1))], [0, 0, 0, 1]]),
    )
    root = rng.normal(size=(3, 3)) + 2 * np.eye(3)
    if flat:
        root = axes[:, :2] @ rng.normal(size=(2, 2)) + 1e-9
    covariance = root @ root.T
    truth = rng.normal(size=(1, 4000, 3))
    found = truth + rng.normal(size=(1, 4000, root.shape[1])) @ root.T
    held, size = judge_regions(
        found, truth, np.broadcast_to(covariance, (1, 4000, 3, 3)), (volume,), volume.spacing[None]
    )
    assert 0.93 < held.mean() < 0.97
    assert np.ptp(size) == pytest.approx(0.0, abs=1e-9 * size.max())


def test_the_report_tells_share_and_size_and_each_case_whether_it_was_held(
    make_data: Make, tmp_path: Path
) -> None:
    page = write_evaluation(evaluated(make_data(), np.diag([4.0, 1.0, 0.0]), 3.0), tmp_path / "out", worst=0)
    text = (page.parent / "summary.md").read_text(encoding="utf-8")
    assert "| 95 % regions hold | 100.0 % (100.0 to 100.0) |" in text
    assert "| median size of 95 % regions (px²) | 37.65 |" in text
    record = read_json(page.parent / "results.json")
    assert record["regions"]["net"]["thumb_tip"]["share"] == 1.0
    rows = list(csv.DictReader((page.parent / "errors.csv").open(encoding="utf-8")))
    assert {row["in region"] for row in rows} == {"1"}
