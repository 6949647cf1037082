"""Images on a network's grid: cells lie where they say, whatever the axes and the resampling."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.grid import GridSettings, look_at


def blob(shape: tuple[int, ...], centre: np.ndarray, width: float) -> np.ndarray:
    """A Gaussian (K, J, I) about (i, j, k)."""
    k, j, i = np.indices(shape)
    squared = (i - centre[0]) ** 2 + (j - centre[1]) ** 2 + (k - centre[2]) ** 2 * (shape[0] > 1)
    return (1000 * np.exp(-0.5 * squared / width**2)).astype(np.float32)


def centre_of(image: np.ndarray) -> np.ndarray:
    """Centre of mass in cells, x first, of what is well above the background."""
    weight = np.clip(image - image.min() - 0.3 * (image.max() - image.min()), 0, None)
    return np.array([(weight * axis).sum() / weight.sum() for axis in np.indices(image.shape)])[::-1]


@pytest.mark.parametrize("flips", list(product((1, -1), repeat=3)))
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_volume_is_turned_along_the_patient_whatever_its_axes(order, flips):
    spacing = np.array([2.0, 3.0, 4.0])
    matrix = np.eye(4)
    matrix[:3, :3] = 0
    for row, (axis, flip) in enumerate(zip(order, flips, strict=True)):
        matrix[row, axis] = flip * spacing[axis]
    matrix[:3, 3] = (10, -20, 30)
    centre = np.array([12.0, 14.0, 9.0])
    volume = Volume(blob((20, 24, 28), centre, 3.0), matrix)
    grid = look_at([volume], GridSettings((8, 8, 8), (4.0, 4.0, 4.0)))
    directions = grid.to_ras[:3, :3] / grid.voxel_mm
    assert np.allclose(directions, np.diag([-1, -1, 1]), atol=1e-9)
    found = grid.points_to_ras(centre_of(grid.image[0][tuple(slice(n) for n in grid.content)])[None])[0]
    assert np.linalg.norm(found - volume.ijk_to_ras_points(centre)) < 0.25


@given(
    rows=st.integers(40, 300),
    columns=st.integers(40, 300),
    spacing=st.floats(0.05, 3.0),
    place=st.tuples(st.floats(0.3, 0.7), st.floats(0.3, 0.7)),
)
def test_a_radiograph_fitted_into_the_canvas_keeps_its_proportions_and_places(rows, columns, spacing, place):
    centre = np.array([place[0] * columns, place[1] * rows, 0])
    volume = Volume(
        blob((1, rows, columns), centre, min(rows, columns) / 12), np.diag([-spacing, -spacing, 1, 1])
    )
    grid = look_at([volume], GridSettings((96, 128), None), multiple=16)
    assert grid.image.shape == (1, 96, 128)
    # Whole cells: the sides may differ by half a cell from the exact proportion.
    assert abs(grid.voxel_mm[0] / grid.voxel_mm[1] - 1) < 0.5 / min(grid.content) * 2 + 1e-9
    found = grid.points_to_ras(centre_of(grid.image[0][: grid.content[0], : grid.content[1]])[None])[0]
    assert np.linalg.norm(found - volume.ijk_to_ras_points(centre)) < 0.3 * grid.voxel_mm.max()


@given(st.lists(st.tuples(*[st.floats(-500, 500)] * 3), min_size=1, max_size=5))
def test_cells_and_patient_are_inverse_to_one_another(points):
    matrix = np.array([[0, 2.5, 0.1, 5], [-1.1, 0, 0, 7], [0.2, 0.1, 3, -9], [0, 0, 0, 1.0]])
    grid = look_at(
        [Volume(np.random.default_rng(0).normal(size=(9, 10, 11)), matrix)],
        GridSettings((8, 8, 8), (2.0,) * 3),
    )
    ras = np.array(points)
    assert np.allclose(grid.points_to_ras(grid.points_from_ras(ras)), ras, atol=1e-6)


def test_a_covariance_is_turned_and_scaled_with_the_cells():
    volume = Volume(np.random.default_rng(0).normal(size=(12, 12, 12)), np.diag([3.0, 3.0, 3.0, 1]))
    grid = look_at([volume], GridSettings((8, 8, 8), (3.0, 3.0, 3.0)))
    covariance = np.diag([1.0, 4.0, 9.0])
    assert np.allclose(grid.covariance_to_ras(covariance), 9 * covariance)


def test_hounsfield_units_keep_their_values_and_grey_values_are_standardised():
    voxels = np.linspace(-1000, 1000, 16**3).reshape(16, 16, 16).astype(np.int16)
    volume = Volume(voxels, np.diag([1.0, 1, 1, 1]))
    hounsfield = look_at([volume], GridSettings((16, 16, 16), (1.0,) * 3, "hounsfield")).image
    assert abs(hounsfield.min() + 1.0) < 1e-3 and abs(hounsfield.max() - 1.0) < 1e-3
    standard = look_at([volume], GridSettings((16, 16, 16), (1.0,) * 3)).image
    assert abs(standard.mean()) < 1e-4 and abs(standard.std() - 1) < 1e-3


def test_what_cannot_be_looked_at_is_refused_in_one_sentence():
    flat = Volume(np.zeros((1, 20, 20), np.int16), np.eye(4), name="flat")
    noise = np.random.default_rng(0).normal(size=(1, 20, 20))
    image, other = (
        Volume(noise, np.eye(4), name="image"),
        Volume(noise, np.diag([2.0, 2, 1, 1]), name="other"),
    )
    settings = GridSettings((16, 16), None)
    with pytest.raises(InputError, match="flat is one grey value only"):
        look_at([flat], settings)
    with pytest.raises(InputError, match="other is not on the same voxels as image"):
        look_at([image, other], settings)
    with pytest.raises(InputError, match="image is a single image, but a volume is needed"):
        look_at([image], GridSettings((8, 8, 8), (1.0,) * 3))
    with pytest.raises(InputError, match="is a volume, but a single image is needed"):
        look_at([Volume(np.zeros((4, 4, 4)), np.eye(4))], settings)
