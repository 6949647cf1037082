"""The shipped model on a CT made from a real body's segmentation, which it was never trained on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.models import Model


@pytest.fixture(scope="module")
def volume(real_data: Path) -> Volume:
    return read_volume(real_data / "whole_body" / "female_ct.nii.gz")


@pytest.fixture(scope="module")
def truth(real_data: Path) -> LandmarkSet:
    return read_landmarks(real_data / "whole_body" / "female_landmarks.mrk.json")


@pytest.fixture(scope="module")
def found(volume: Volume, body_model: Model) -> Detection:
    return detect(volume, body_model)


def errors(found: Detection, truth: LandmarkSet) -> np.ndarray:
    """Differences (N, 3) in RAS mm to the true landmarks."""
    return np.array([found.landmarks[one.name].position - one.position for one in truth])


def test_the_nine_landmarks_of_the_paper_are_found(found: Detection, truth: LandmarkSet) -> None:
    difference = errors(found, truth)
    distance = np.linalg.norm(difference, axis=1)
    assert np.hypot(difference[:, 0], difference[:, 2]).mean() <= 15
    assert distance.mean() <= 20
    assert distance.max() <= 40


def test_a_good_scan_gives_no_warning(found: Detection) -> None:
    assert found.warnings == ()


def test_the_answer_does_not_depend_on_the_axis_order(
    volume: Volume, body_model: Model, found: Detection
) -> None:
    reorder = np.array(
        [[0, 0, -1, volume.voxels.shape[2] - 1], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float
    )
    voxels = np.ascontiguousarray(volume.voxels.transpose(2, 1, 0)[::-1])
    # New (i, j, k) is old (k, j, last - i): the matrix maps new indices to old ones.
    again = detect(replace(volume, voxels=voxels, ijk_to_ras=volume.ijk_to_ras @ reorder), body_model)
    moved = np.linalg.norm(again.landmarks.positions - found.landmarks.positions, axis=1)
    sure = np.array([one.status is Status.DETECTED for one in found.landmarks])
    both = np.isfinite(moved) & sure
    assert both.sum() >= 0.95 * sure.sum()
    # Two heights fit the axis of this spine equally well, and rounding decides: half a vertebra at its end.
    end = np.isin(found.landmarks.names, ("vertebra_c2", "vertebra_c3"))
    assert moved[both & end].max() <= 10
    assert moved[both & ~end].max() <= 5


@pytest.mark.parametrize(
    ("last_slice", "shoulders"), [(290, 0), (302, 2)], ids=["below", "above the shoulders"]
)
def test_nothing_outside_a_cut_scan_is_found_with_confidence(
    volume: Volume, body_model: Model, found: Detection, truth: LandmarkSet, last_slice: int, shoulders: int
) -> None:
    chest = slice(210, last_slice)
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, 3] = volume.ijk_to_ras_points(np.array([[0, 0, chest.start]]))[0]
    cut = detect(replace(volume, voxels=volume.voxels[chest], ijk_to_ras=matrix), body_model)
    low, high = volume.ijk_to_ras_points(np.array([[0, 0, chest.start], [0, 0, chest.stop - 1]]))[:, 2]
    for one in found.landmarks.present:
        outside = not low - 10 <= one.position[2] <= high + 10
        if outside and cut.landmarks[one.name].status is not Status.ABSENT:
            assert (cut.landmarks[one.name].confidence or 0) <= 0.5, one.name
    inside = [one for one in truth if low <= one.position[2] <= high]
    assert len(inside) == shoulders
    if inside:
        assert (
            np.mean([np.linalg.norm(cut.landmarks[one.name].position - one.position) for one in inside]) <= 30
        )


def test_a_head_that_ends_at_the_brow_is_a_head(real_data: Path, body_model: Model) -> None:
    found = detect(read_volume(real_data / "real_ct" / "head_chin_up.nii.gz"), body_model)
    for name in ("eye_right", "eye_left"):
        assert found.landmarks[name].status is Status.DETECTED, name
    # 5 mm before the last slice, where what is cut off would be drawn, too: placed, but not surely.
    chin = found.landmarks["chin"]
    seen = json.loads((real_data / "real_ct" / "points_ras_mm.json").read_text())["head_chin_up"]["chin"]
    assert chin.is_present and np.linalg.norm(chin.position - seen) < 10
    assert not any("skull" in warning for warning in found.warnings)
