"""Affine maps: what is mapped there comes back, products map in turn, and grids are compared."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from LandmarkDetectionLib.core.geometry import SAME_GRID, Affine
from LandmarkDetectionLib.core.volume import Volume

NUMBERS = st.floats(-300, 300, allow_subnormal=False)
POINTS = arrays(np.float64, (4, 3), elements=NUMBERS)
SIZES = st.tuples(*[st.integers(1, 40)] * 3)


@st.composite
def affines(draw: st.DrawFn) -> Affine:
    """Turned, mirrored, stretched and sheared, as scanners and registrations make them."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec(draw(arrays(np.float64, 3, elements=st.floats(-3, 3)))).as_matrix()
    sides = np.diag(draw(st.lists(st.floats(0.1, 8), min_size=3, max_size=3)))
    shear = np.eye(3)
    shear[0, 2] = draw(st.floats(-0.3, 0.3))
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ shear @ sides * draw(st.sampled_from([1.0, -1.0]))
    matrix[:3, 3] = draw(arrays(np.float64, 3, elements=NUMBERS))
    return Affine(matrix)


@given(affines(), POINTS)
def test_what_is_mapped_comes_back_by_either_inverse(affine, points):
    there = affine.apply(points)
    np.testing.assert_allclose(affine.apply_inverse(there), points, atol=1e-6)
    np.testing.assert_allclose(affine.inverse.apply(there), points, atol=1e-6)
    np.testing.assert_allclose(affine.inverse.inverse.matrix, affine.matrix, atol=1e-6)


@given(affines(), affines(), POINTS)
def test_a_product_does_the_right_hand_map_first(second, first, points):
    np.testing.assert_allclose(
        (second @ first).apply(points), second.apply(first.apply(points)), rtol=1e-9, atol=1e-6
    )


@given(affines(), POINTS)
def test_coordinates_that_are_left_out_are_zero(affine, points):
    flat = points * (1, 1, 0)
    np.testing.assert_allclose(affine.apply(points[:, :2]), affine.apply(flat), atol=1e-9)


@given(affines(), SIZES, arrays(np.float64, 3, elements=st.floats(-2, 42)))
def test_an_image_contains_what_lies_within_the_outer_faces_of_its_voxels(affine, size, index):
    faces = np.array([[-0.5] * 3, np.array(size) - 0.5])
    assume(np.abs(index - faces).min() > 1e-6)
    inside = bool((index > faces[0]).all() and (index < faces[1]).all())
    assert affine.contains(affine.apply(index[None]), size).tolist() == [inside]


@given(affines(), SIZES, st.integers(0, 2), st.floats(0.0, 2.0))
def test_two_grids_are_one_as_long_as_no_corner_is_a_tenth_of_a_voxel_off(affine, size, axis, shift):
    assume(abs(shift - SAME_GRID) > 1e-6)
    moved = np.eye(4)
    moved[axis, 3] = shift
    other = affine @ Affine(moved)
    flat = size[2] == 1 and axis == 2
    assert affine.voxels_apart(other, size) == pytest.approx(0 if flat else shift, abs=1e-6)
    assert affine.same_grid(other, size) == other.same_grid(affine, size) == (flat or shift < SAME_GRID)


@given(affines(), st.integers(2, 40))
def test_a_grid_that_grows_is_another_one_at_its_far_corner(affine, count):
    size = (count, 2, 2)
    stretched = affine @ Affine(np.diag([1 + 0.2 / (count - 1), 1, 1, 1]))
    assert affine.voxels_apart(stretched, size) == pytest.approx(0.2, abs=1e-6)
    assert not affine.same_grid(stretched, size)


def test_volumes_of_unequal_size_are_never_on_one_grid():
    small, large = Volume(np.zeros((2, 3, 4)), np.eye(4)), Volume(np.zeros((2, 3, 5)), np.eye(4))
    assert small.is_on_grid_of(small) and not small.is_on_grid_of(large) and not large.is_on_grid_of(small)


@given(affines(), POINTS)
def test_a_volume_maps_as_its_affine_does(affine, points):
    assume(abs(np.linalg.det(affine.linear / affine.spacing)) > 0.6)
    volume = Volume(np.zeros((2, 3, 4)), affine.matrix)
    assert np.array_equal(volume.affine.matrix, volume.ijk_to_ras)
    assert np.array_equal(volume.ijk_to_ras_points(points), affine.apply(points))
    assert np.array_equal(volume.ras_to_ijk_points(points), affine.apply_inverse(points))


@pytest.mark.parametrize("matrix", [np.eye(3), np.ones((4, 4)), np.zeros((2, 4, 4))])
def test_what_is_no_affine_map_is_refused(matrix):
    with pytest.raises(ValueError, match="last row 0 0 0 1"):
        Affine(matrix)


def test_a_map_stays_what_it_is():
    matrix = np.eye(4)
    affine = Affine(matrix)
    matrix[0, 3] = 5
    assert affine.shift.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="read-only"):
        affine.matrix[0, 3] = 5
