"""What errors of landmarks do to angles, classes and Cobb angles, as the challenges' tables tell it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.datasets.cases import write_datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.evaluation.agreement import agreement, smape
from LandmarkDetectionLib.evaluation.evaluate import Evaluation, Normalisation, evaluate
from LandmarkDetectionLib.evaluation.measures import Measures, measure_models
from LandmarkDetectionLib.evaluation.predictions import Predictions
from LandmarkDetectionLib.evaluation.report_pages import write_evaluation
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.measurement import Frame
from LandmarkDetectionLib.measurement.many import measure_many
from Testing.examples.measurement_cases import FACE, in_picture, spine, spine_landmarks

HEIGHT = 900


def faces(seed: int, sd: float, count: int = 8) -> list[LandmarkSet]:
    rng = np.random.default_rng(seed)
    return [
        in_picture({name: tuple(np.array(point) + rng.normal(0, sd, 2)) for name, point in FACE.items()})
        for _ in range(count)
    ]


def spines(seed: int, count: int = 6) -> list[LandmarkSet]:
    rng = np.random.default_rng(seed)
    return [
        spine_landmarks(spine(rng.uniform(5, 25) * np.sin(np.linspace(0, np.pi * rng.uniform(1, 2), 17))))
        for _ in range(count)
    ]


Evaluated = Callable[[str, Sequence[LandmarkSet], dict[str, Sequence[LandmarkSet]]], Evaluation]


@pytest.fixture
def evaluated(tmp_path: Path) -> Evaluated:
    """An evaluation of models on blank pictures with pixels of 1 mm."""

    def run(
        protocol: str,
        truth: Sequence[LandmarkSet],
        models: dict[str, Sequence[LandmarkSet]],
        **options: Normalisation,
    ) -> Evaluation:
        rows = []
        for n, marks in enumerate(truth):
            rng = np.random.default_rng(n)
            picture = rng.integers(0, 255, (HEIGHT, 400), np.uint8)
            Image.fromarray(picture).save(tmp_path / f"{n}.png")
            write_landmarks(marks, tmp_path / f"{n}.csv")
            rows.append({"image": f"{n}.png", "landmarks": f"{n}.csv", "subject": f"s{n}", "spacing": 1.0})
        write_datalist(rows, tmp_path / "data.json", "drawn", protocol=protocol)
        data = read_datalist(tmp_path / "data.json", missing="allow")
        found = [Predictions(name, tuple(sets), {}) for name, sets in models.items()]
        return evaluate(data, found, **options)

    return run


def measures_of(result: Evaluation) -> Measures:
    found = measure_models(result, result.resampling())
    assert found is not None
    return found


def places(sets: Sequence[LandmarkSet], protocol: str) -> np.ndarray:
    names = load_protocol(protocol).names
    return np.array([[marks[name].position for name in names] for marks in sets])


def test_classes_are_those_that_an_agreement_of_two_raters_counts(evaluated: Evaluated) -> None:
    truth, found = faces(0, 1.0), faces(1, 1.5)
    name = "cephalometric-19"
    measures = measures_of(evaluated(name, truth, {"model": found, "copy": truth}))
    expected = agreement(places(truth, name), places(found, name), load_protocol(name), Frame.picture())
    rates = {one.definition.name: one.confusion for one in expected if one.confusion is not None}
    rows = {row.definition.name: row for row in measures.of("model")}
    assert len(rates) == 8, "the eight of the benchmark"
    for measurement, table in rates.items():
        row = rows[measurement]
        assert row.same_class is not None and row.confusion is not None
        assert row.same_class.value == pytest.approx(table.rate_of_images)
        assert np.array_equal(row.confusion.counts, table.counts)
    mean = np.mean([table.rate_of_images for table in rates.values()])
    assert measures.success["model"].value == pytest.approx(mean)
    assert mean < 1, "some classes differ"
    assert measures.success["copy"].value == 1
    assert all(row.error.value == 0 for row in measures.of("copy"))
    errors = {one.definition.name: float(np.abs(one.other - one.reference).mean()) for one in expected}
    assert {key: row.error.value for key, row in rows.items()} == pytest.approx(errors)


def test_a_value_that_a_model_does_not_give_is_in_no_class(evaluated: Evaluated) -> None:
    truth = faces(0, 1.0)
    without = [LandmarkSet(tuple(mark for mark in marks if mark.name != "sella")) for marks in truth[:2]]
    measures = measures_of(evaluated("cephalometric-19", truth, {"model": [*without, *truth[2:]]}))
    rows = {row.definition.name: row for row in measures.of("model")}
    sna, mw = rows["SNA"], rows["MW"]
    assert (sna.cases, sna.missed, mw.missed) == (8, 2, 0)
    assert sna.same_class is not None and sna.same_class.value == 6 / 8
    assert mw.same_class is not None and mw.same_class.value == 1
    assert sna.error.value == 0, "of the values that are given"


def test_cobb_angles_err_as_the_challenge_counts(evaluated: Evaluated) -> None:
    truth, found = spines(0), spines(1)
    measures = measures_of(evaluated("spine-68", truth, {"model": found, "copy": truth}))
    protocol = load_protocol("spine-68")
    frame = Frame.picture(height=HEIGHT)
    wanted, given = (measure_many(places(sets, "spine-68"), protocol, frame) for sets in (truth, found))
    angles = [np.stack([values[name] for name in wanted], axis=1) for values in (wanted, given)]
    assert measures.smape["model"].value == pytest.approx(smape(*angles))
    assert measures.smape["copy"].value == 0
    row = measures.of("model")[0]
    assert row.error.value == pytest.approx(np.abs(angles[0] - angles[1])[:, 0].mean())


def test_an_image_without_angles_is_a_straight_spine(evaluated: Evaluated) -> None:
    truth = spines(0)
    lost = LandmarkSet(tuple(mark for mark in truth[0] if not mark.name.startswith(("t5", "t6"))))
    measures = measures_of(evaluated("spine-68", truth, {"model": [lost, *truth[1:]]}))
    assert measures.smape["model"].value == pytest.approx(100 / len(truth))
    assert {row.missed for row in measures.of("model")} == {1}


def test_the_report_tells_rates_and_angles(evaluated: Evaluated, tmp_path: Path) -> None:
    truth, found = faces(0, 1.0), faces(1, 1.5)
    page = write_evaluation(
        evaluated("cephalometric-19", truth, {"ours": found}), tmp_path / "faces", worst=0
    )
    text = (page.parent / "summary.md").read_text()
    assert "same class (SCR), mean of 8 measurements" in text and "## Measurements" in text
    assert (page.parent / "measurements.csv").read_text().count("ours") >= 8
    spine_page = write_evaluation(
        evaluated("spine-68", spines(0), {"ours": spines(1)}), tmp_path / "spines", worst=0
    )
    assert "SMAPE of the Cobb angles (%)" in (spine_page.parent / "summary.md").read_text()


def test_lengths_are_told_in_a_distance_between_two_middles(evaluated: Evaluated) -> None:
    truth = spines(0)
    corners = ("top_left", "top_right", "bottom_left", "bottom_right")
    ends = ["+".join(f"{level}_{corner}" for corner in corners) for level in ("l4", "l5")]
    shifted = [
        LandmarkSet(tuple(Landmark(mark.name, mark.position + np.array([4.0, 0, 0])) for mark in marks))
        for marks in truth
    ]
    result = evaluated("spine-68", truth, {"ours": shifted}, normalisation=Normalisation(*ends, 35.0))
    # Vertebrae are drawn 40 pixels apart.
    assert result.errors("ours") == pytest.approx(np.full((len(truth), 68), 4.0 * 35 / 40))
