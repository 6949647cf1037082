"""The rasteriser against surfaces whose depth is known in closed form."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from LandmarkDetectionLib.synthesis.rasterise import rasterise, visible_extent

ROWS, COLUMNS, PIXEL = 60, 50, 4.0
RADIUS = 80.0
CENTRE = np.array([12.0, -30.0, 45.0])  # RAS mm


def outward(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The faces of a convex surface, all turned outwards."""
    a, b, c = (vertices[faces[:, n]] for n in range(3))
    inwards = np.einsum("ij,ij->i", np.cross(b - a, c - a), a - vertices.mean(axis=0)) < 0
    return np.where(inwards[:, None], faces[:, [0, 2, 1]], faces).astype(np.int32)


def sphere() -> tuple[np.ndarray, np.ndarray]:
    """A finely triangulated sphere, (V, 3) float32 RAS mm and (F, 3)."""
    n = np.arange(3000) + 0.5
    height, angle = 1 - 2 * n / 3000, n * np.pi * (1 + 5**0.5)
    ring = np.sqrt(1 - height**2)
    unit = np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
    vertices = CENTRE + RADIUS * unit
    return vertices.astype(np.float32), outward(vertices, ConvexHull(unit).simplices)


def box(low: tuple[float, ...], high: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    corners = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), -1).reshape(-1, 3)
    return corners.astype(np.float32), outward(corners, ConvexHull(corners).simplices)


def draw(
    surface: tuple[np.ndarray, np.ndarray], lateral: bool, near: float = -1e4, far: float = 1e4
) -> tuple[np.ndarray, np.ndarray]:
    """Front and back (rows, columns) of one surface, in an image around ``CENTRE``."""
    vertices, faces = surface
    across = -CENTRE[1] if lateral else -CENTRE[0]
    origin = np.array([[across - PIXEL * COLUMNS / 2 + 0.7, -CENTRE[2] - PIXEL * ROWS / 2 + 0.3]], np.float32)
    spacing = np.full((1, 2), PIXEL, np.float32)
    limits = (np.array([value], np.float32) for value in (near, far))
    front, back = rasterise(vertices[None], faces, lateral, origin, spacing, *limits, (ROWS, COLUMNS))
    return front[0], back[0]


def centres(lateral: bool) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal and vertical offset in mm of every pixel's centre from the sphere's centre."""
    x = np.arange(COLUMNS) * PIXEL - PIXEL * COLUMNS / 2 + 0.7
    y = np.arange(ROWS) * PIXEL - PIXEL * ROWS / 2 + 0.3
    return x[None, :], y[:, None]


@pytest.mark.parametrize("lateral", [False, True])
def test_a_sphere_has_the_depth_of_a_sphere(lateral: bool) -> None:
    front, back = draw(sphere(), lateral)
    x, y = centres(lateral)
    square = RADIUS**2 - x**2 - y**2
    inside = square > (0.25 * RADIUS) ** 2
    depth = CENTRE[0] if lateral else -CENTRE[1]
    half = np.sqrt(np.where(inside, square, 0))
    np.testing.assert_allclose(front[inside], (depth - half)[inside], atol=1.0)
    np.testing.assert_allclose(back[inside], (depth + half)[inside], atol=1.0)


@pytest.mark.parametrize("lateral", [False, True])
def test_the_outline_of_a_sphere_is_a_disc_without_holes(lateral: bool) -> None:
    front, back = draw(sphere(), lateral)
    x, y = centres(lateral)
    distance = np.hypot(x, y)
    assert np.isfinite(front[distance < RADIUS - 1]).all()
    assert np.isinf(front[distance > RADIUS]).all()
    assert np.array_equal(np.isfinite(front), np.isfinite(back))
    assert (front[np.isinf(front)] > 0).all()
    assert (back[np.isinf(back)] < 0).all()


@pytest.mark.parametrize("lateral", [False, True])
def test_a_cut_through_the_body_is_its_surface_there(lateral: bool) -> None:
    depth = CENTRE[0] if lateral else -CENTRE[1]
    near, far = depth - 70.0, depth + 60.0
    front, back = draw(sphere(), lateral, near, far)
    x, y = centres(lateral)
    inner = np.hypot(x, y) < np.sqrt(RADIUS**2 - 70**2) - 2
    assert (front[inner] == np.float32(near)).all()
    assert (back[inner] == np.float32(far)).all()
    # Further out the sphere is thinner than the scan, and nothing changes.
    ring = (np.hypot(x, y) > np.sqrt(RADIUS**2 - 60**2) + 2) & (np.hypot(x, y) < RADIUS - 1)
    whole_front, whole_back = draw(sphere(), lateral)
    np.testing.assert_array_equal(front[ring], whole_front[ring])
    np.testing.assert_array_equal(back[ring], whole_back[ring])


def test_material_outside_the_scanned_depth_leaves_no_trace() -> None:
    depth = -CENTRE[1]
    for near, far in ((depth + 90, depth + 200), (depth - 200, depth - 90)):
        front, back = draw(sphere(), False, near, far)
        assert np.isinf(front).all()
        assert np.isinf(back).all()


def test_a_scan_wholly_inside_the_body_is_full() -> None:
    low, high = tuple(CENTRE - 500), tuple(CENTRE + 500)
    front, back = draw(box(low, high), False, -20.0, 60.0)
    assert (front == -20.0).all()
    assert (back == 60.0).all()


def test_a_box_covers_exactly_the_pixel_centres_inside_it() -> None:
    low, high = CENTRE - np.array([40, 20, 60]), CENTRE + np.array([24, 50, 32])
    front, back = draw(box(tuple(low), tuple(high)), False)
    x, y = centres(False)
    # Columns run to the left (-R), rows downwards (-S), depth to the back (-A).
    inside = (x > -24) & (x < 40) & (y > -32) & (y < 60)
    assert np.array_equal(np.isfinite(front), inside)
    np.testing.assert_allclose(front[inside], -high[1], atol=1e-3)
    np.testing.assert_allclose(back[inside], -low[1], atol=1e-3)


def test_two_bodies_of_a_batch_do_not_mix() -> None:
    vertices, faces = sphere()
    both = np.stack([vertices, vertices + np.float32(40)])
    origin = np.array([[-CENTRE[0] - 100, -CENTRE[2] - 120]] * 2, np.float32)
    spacing = np.full((2, 2), PIXEL, np.float32)
    near, far = np.full(2, -1e4, np.float32), np.full(2, 1e4, np.float32)
    front, _ = rasterise(both, faces, False, origin, spacing, near, far, (ROWS, COLUMNS))
    for n in range(2):
        one, _ = rasterise(
            both[n : n + 1], faces, False, origin[:1], spacing[:1], near[:1], far[:1], (ROWS, COLUMNS)
        )
        np.testing.assert_array_equal(front[n], one[0])


def test_the_visible_extent_is_that_of_what_the_box_holds() -> None:
    vertices, _ = sphere()
    low, high = np.array([[-1e3, -1e3, 40]], np.float32), np.array([[1e3, 1e3, 60]], np.float32)
    start, end = visible_extent(vertices[None], low, high)
    assert 40 <= start[0, 2] < 41
    assert 59 < end[0, 2] <= 60
    assert end[0, 0] - start[0, 0] == pytest.approx(2 * RADIUS, abs=3)


def test_the_visible_extent_of_an_empty_box_is_the_box() -> None:
    vertices, _ = sphere()
    low, high = np.array([[500, 500, 500]], np.float32), np.array([[600, 700, 800]], np.float32)
    start, end = visible_extent(vertices[None], low, high)
    assert (start[0] == low[0]).all()
    assert (end[0] == high[0]).all()
