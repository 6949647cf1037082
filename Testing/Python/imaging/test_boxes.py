"""Boxes cut from stored voxels are what interpolation of the whole volume would give."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.boxes import BoxSource, GreyWindow
from LandmarkDetectionLib.networks.q_network import ACTIONS

PLAIN = GreyWindow(-1e6, 1e6, 0.0, 1.0)
STRAIGHT = np.array([[0, 0, -2.0, 30], [-1.5, 0, 0, 20], [0, 2.5, 0, -40], [0, 0, 0, 1.0]])
ANGLE = 0.3
TURN = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0], [np.sin(ANGLE), np.cos(ANGLE), 0], [0, 0, 1]])


def volume(oblique: bool = False, dtype: type = np.int16) -> Volume:
    rng = np.random.default_rng(3)
    matrix = STRAIGHT.copy()
    if oblique:
        matrix[:3, :3] = TURN @ matrix[:3, :3]
    return Volume(rng.integers(0, 1000, (18, 20, 22)).astype(dtype), matrix)


def source(one: Volume, window: GreyWindow = PLAIN) -> BoxSource:
    return BoxSource(one, window, np.array([[0, 0, 0], np.array(one.size) - 1]))


def middle(one: Volume) -> np.ndarray:
    return one.ijk_to_ras_points((np.array(one.size) - 1) / 2)


def interpolated(one: Volume, centre: np.ndarray, cell: float, side: int) -> np.ndarray:
    offset = (np.arange(side) - side // 2) * cell
    s, a, r = np.meshgrid(offset, offset, offset, indexing="ij")
    ijk = one.ras_to_ijk_points(centre + np.stack([r, a, s], -1).reshape(-1, 3))
    values = map_coordinates(one.voxels.astype(float), ijk.T[::-1], order=1, mode="nearest")
    return values.reshape(side, side, side)


@pytest.mark.parametrize("oblique", [False, True])
@pytest.mark.parametrize("dtype", [np.int16, np.dtype(">i2"), np.float16])
def test_fine_cells_are_interpolated_linearly_whatever_the_axes_and_kind_of_numbers(oblique, dtype):
    one = volume(oblique, dtype)
    found = source(one).cut(middle(one), 1.0, 9)
    assert np.allclose(found[0], interpolated(one, middle(one), 1.0, 9), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("oblique", [False, True])
def test_coarse_cells_are_means_so_that_noise_is_less(oblique):
    one = volume(oblique)
    values = source(one).cut(middle(one), 4.0, 5)
    alone = interpolated(one, middle(one), 4.0, 5)
    assert values.std() < 0.75 * alone.std()
    ramp = np.broadcast_to(np.arange(22, dtype=np.float32) * 10, one.voxels.shape)
    smooth = source(Volume(np.ascontiguousarray(ramp), one.ijk_to_ras))
    expected = interpolated(smooth.volume, middle(one), 4.0, 5)
    assert np.abs(smooth.cut(middle(one), 4.0, 5)[0] - expected).mean() < 5, "half a voxel of rounding"


def test_outside_the_field_stands_what_no_voxel_has():
    one = volume()
    window = GreyWindow(100.0, 900.0, 500.0, 200.0)
    box = source(one, window).cut(one.ijk_to_ras_points([[0, 0, 0]]), 1.5, 9)[0]
    assert box.min() == window.outside < (100 - 500) / 200
    inside = box[box > window.outside]
    assert inside.min() >= -2.0 - 1e-6 and inside.max() <= 2.0 + 1e-6
    cropped = BoxSource(one, window, np.array([[4, 4, 4], [9, 9, 9]]))
    seen = cropped.cut(one.ijk_to_ras_points([[6.5, 6.5, 6.5]]), 1.5, 25)[0]
    assert (seen == window.outside).mean() > 0.8


@pytest.mark.parametrize("oblique", [False, True])
def test_the_boxes_of_a_step_are_those_of_both_places(oblique):
    one = volume(oblique)
    for action in ACTIONS:
        before, after = source(one).cut_step(middle(one), action, 1.0, 7)
        assert np.allclose(before, source(one).cut(middle(one), 1.0, 7)[0], atol=1e-3)
        assert np.allclose(after, source(one).cut(middle(one) + np.array(action), 1.0, 7)[0], atol=1e-3)


def test_a_volume_smaller_than_a_box_is_padded():
    tiny = Volume(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4))
    box = source(tiny).cut([[0.0, 0.0, 0.0]], 1.0, 25)[0]
    assert box.shape == (25, 25, 25) and np.isfinite(box).all()
    assert (box != PLAIN.outside).sum() == 8


def test_the_volume_is_not_copied():
    one = volume()
    assert np.shares_memory(source(one)._turned, one.voxels)


def test_a_hole_of_no_number_is_what_lies_outside():
    voxels = np.ones((6, 6, 6), np.float32)
    voxels[3, 3, 3] = np.nan
    for matrix in (np.eye(4), volume(True).ijk_to_ras):
        one = Volume(voxels, matrix)
        box = source(one).cut(one.ijk_to_ras_points([[3, 3, 3]]), 1.0, 3)[0]
        assert np.isfinite(box).all() and box[1, 1, 1] == PLAIN.outside


def test_grey_values_of_a_field_are_standardised_and_those_of_ct_are_not():
    one = volume()
    shown = BoxSource.of(one, "standardise")
    box = shown.cut(middle(one), 2.0, 9)
    assert abs(box.mean()) < 0.3 and 0.5 < shown.window.deviation / one.voxels.std() < 1.5
    assert BoxSource.of(one, "hounsfield").window.deviation == 1000.0
    with pytest.raises(InputError, match="is one grey value only"):
        BoxSource.of(Volume(np.zeros((5, 5, 5), np.int16), np.eye(4)), "standardise")


def test_shares_of_the_field_lie_along_the_axes_of_the_patient():
    one = volume()
    shown = source(one)
    low, high = shown.bounds
    assert np.allclose(shown.places(np.array([[0.5, 0.5, 0.5]])), middle(one))
    assert np.allclose(shown.shares(np.stack([low, high])), [[0, 0, 0], [1, 1, 1]])
    assert shown.inside(middle(one)[None]).all() and not shown.inside(high[None] + 1).any()
