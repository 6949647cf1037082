"""A scan seen through lies where its voxels are, whichever way they are stored, with bones bright."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.scan_picture import LONGEST, scan_pictures


def signed_permutations() -> st.SearchStrategy[np.ndarray]:
    """Rotations and reflections that send axes to axes."""

    def build(order: list[int], signs: tuple[int, int, int]) -> np.ndarray:
        return np.eye(3)[order] * signs

    return st.builds(build, st.permutations(range(3)), st.tuples(*[st.sampled_from([-1, 1])] * 3))


def with_one_bone(directions: np.ndarray, spacing: tuple[float, ...], place: tuple[int, ...]) -> Volume:
    """Water with one voxel of bone at (i, j, k)."""
    voxels = np.zeros((9, 11, 13), np.int16)
    voxels[place[2], place[1], place[0]] = 1200
    matrix = np.eye(4)
    matrix[:3, :3] = directions * spacing
    matrix[:3, 3] = (12.0, -7.0, 150.0)
    return Volume(voxels, matrix, modality="CT")


@given(
    signed_permutations(),
    st.tuples(*[st.floats(0.5, 4)] * 3),
    st.tuples(st.integers(0, 12), st.integers(0, 10), st.integers(0, 8)),
)
@settings(max_examples=60)
def test_the_brightest_pixel_lies_over_the_densest_voxel(
    directions: np.ndarray, spacing: tuple[float, ...], place: tuple[int, ...]
) -> None:
    volume = with_one_bone(directions, spacing, place)
    truth = volume.ijk_to_ras_points([place])[0]
    front, left = scan_pictures(volume)
    for picture, seen in ((front, (0, 2)), (left, (1, 2))):
        row, column = np.unravel_index(np.argmax(picture.grey), picture.grey.shape)
        found = picture.geometry.to_ras([column, row, 0.0])[0]
        assert found[list(seen)] == pytest.approx(truth[list(seen)], abs=1e-6)


@pytest.mark.parametrize("degrees", [3.0, 20.0, 40.0])
def test_an_oblique_scan_is_turned_to_the_patient(degrees: float) -> None:
    angle = np.radians(degrees)
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]], float)
    volume = with_one_bone(turn, (2.0, 2.0, 2.0), (4, 3, 6))
    truth = volume.ijk_to_ras_points([(4, 3, 6)])[0]
    for picture, seen in zip(scan_pictures(volume), ((0, 2), (1, 2)), strict=True):
        row, column = np.unravel_index(np.argmax(picture.grey), picture.grey.shape)
        found = picture.geometry.to_ras([column, row, 0.0])[0]
        assert np.abs(found - truth)[list(seen)].max() < 2.0


def test_views_show_the_patient_as_viewers_do() -> None:
    front, left = scan_pictures(with_one_bone(np.eye(3), (1.0, 1.0, 1.0), (0, 0, 8)))
    # The voxel is at the patient's left, at the back and at the head.
    assert np.unravel_index(np.argmax(front.grey), front.grey.shape) == (0, 12)
    assert np.unravel_index(np.argmax(left.grey), left.grey.shape) == (0, 10)


def test_large_scans_are_averaged_down_and_stay_in_place() -> None:
    voxels = np.zeros((2 * LONGEST + 1, 2, 40), np.int16)
    voxels[600:604, :, 8:12] = 1200
    volume = Volume(voxels, np.eye(4), modality="CT")
    front, _ = scan_pictures(volume)
    assert max(front.grey.shape) <= LONGEST
    weight = front.grey - front.grey.min()
    rows, columns = np.indices(weight.shape)
    centre = [float((weight * axis).sum() / weight.sum()) for axis in (columns, rows)]
    found = front.geometry.to_ras([*centre, 0.0])[0]
    assert found[[0, 2]] == pytest.approx([9.5, 601.5], abs=front.geometry.spacing[1])


def test_magnetic_resonance_is_shown_by_its_mean_value() -> None:
    voxels = np.random.default_rng(0).uniform(0, 100, (6, 7, 8)).astype(np.float32)
    front, _ = scan_pictures(Volume(voxels, np.eye(4), modality="MR"))
    mean = voxels.mean(axis=1)[::-1, ::-1]
    assert np.corrcoef(front.grey.ravel(), mean.ravel())[0, 1] > 0.99
