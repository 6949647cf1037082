"""Thickness and first moment along rays against solids whose chords are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from LandmarkDetectionLib.synthesis.bone_thickness import Surfaces, bone_thickness
from LandmarkDetectionLib.typing import Array
from Testing.examples.small_skeleton import hull

PIXEL, ROWS, COLUMNS = 4.0, 40, 36
FAR_AWAY = 500.0
# Corners at odd multiples of a 256th of a pixel: none is rounded, and none lies on a pixel's centre.
STEPS = st.integers(-16 * 128, 16 * 128 - 1)
CORNERS = st.lists(st.tuples(STEPS, STEPS, STEPS), min_size=5, max_size=14, unique=True)


def solid(*parts: tuple[Array, Array]) -> tuple[Array, Surfaces]:
    """Points (1, N, 3) and surfaces of closed parts (vertices, faces)."""
    counts = np.cumsum([0, *(len(points) for points, _ in parts)])
    faces = np.concatenate([triangles + start for (_, triangles), start in zip(parts, counts, strict=False)])
    starts = np.cumsum([0, *(len(triangles) for _, triangles in parts)])
    points = np.concatenate([points for points, _ in parts]).astype(np.float32)[None]
    return points, Surfaces(faces.astype(np.int32), counts.astype(np.int64), starts.astype(np.int64))


def look(
    points: Array,
    surfaces: Surfaces,
    lateral: bool = False,
    near: float = -FAR_AWAY,
    far: float = FAR_AWAY,
    density: tuple[float, ...] = (1.0,),
) -> tuple[Array, Array]:
    """Thickness and moment (ROWS, COLUMNS) of the first body, the origin in the middle of the picture."""
    thickness, moment = bone_thickness(
        points,
        surfaces,
        np.tile(np.array(density, np.float32), (len(points), 1)),
        lateral,
        np.array([[-PIXEL * COLUMNS / 2, -PIXEL * ROWS / 2]], np.float32),
        np.full((1, 2), PIXEL, np.float32),
        np.array([near], np.float32),
        np.array([far], np.float32),
        (ROWS, COLUMNS),
    )
    return thickness[0], moment[0]


def rays() -> tuple[Array, Array]:
    """Column and row mm of every pixel's centre, (1, COLUMNS) and (ROWS, 1)."""
    return (np.arange(COLUMNS) - COLUMNS / 2)[None] * PIXEL, (np.arange(ROWS) - ROWS / 2)[:, None] * PIXEL


def ball(radius: float, centre: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> tuple[Array, Array]:
    n = np.arange(4000) + 0.5
    height, angle = 1 - 2 * n / 4000, n * np.pi * (1 + 5**0.5)
    ring = np.sqrt(1 - height**2)
    return hull(radius * np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1) + centre)


def random_hull(corners: list[tuple[int, int, int]]) -> tuple[Array, Array] | None:
    points = (2.0 * np.array(corners) + 1.0) * PIXEL / 256
    if np.linalg.matrix_rank(points - points[0], tol=PIXEL) < 3:
        return None
    return hull(points)


def chords(points: Array, lateral: bool) -> tuple[Array, Array, Array]:
    """Where rays enter and leave a convex solid in mm of depth, and which rays do not graze its outline."""
    right, anterior, superior = points.T
    across, deep = (-anterior, right) if lateral else (-right, -anterior)
    equations = ConvexHull(np.stack([across, -superior, deep], axis=1)).equations
    column, row = rays()
    enter, leave = np.full((ROWS, COLUMNS), -np.inf), np.full((ROWS, COLUMNS), np.inf)
    clear = np.ones((ROWS, COLUMNS), bool)
    for a, b, c, d in equations:
        value = a * column + b * row + d
        if abs(c) < 1e-9:
            clear &= np.abs(value) > 1e-3
            leave = np.where(value > 0, -np.inf, leave)
        elif c > 0:
            leave = np.minimum(leave, -value / c)
        else:
            enter = np.maximum(enter, -value / c)
    # Where both lie close together, rounding decides whether a ray meets the solid.
    clear &= np.abs(leave - enter) > 1e-2
    return enter, leave, clear


@pytest.mark.parametrize("lateral", [False, True])
def test_a_ball_is_as_thick_as_its_chords(lateral: bool) -> None:
    thickness, moment = look(*solid(ball(60.0, (5.0, -7.0, 3.0))), lateral, near=-100.0)
    column, row = rays()
    middle, depth = (7.0, 5.0) if lateral else (-5.0, 7.0)
    square = 60.0**2 - (column - middle) ** 2 - (row + 3.0) ** 2
    chord = 2 * np.sqrt(np.maximum(square, 0))
    clear = np.abs(square) > 300  # at the outline the ball's facets differ from it
    np.testing.assert_allclose(thickness[clear], chord[clear], atol=0.5)
    np.testing.assert_allclose(moment[clear], (chord * (depth + 100))[clear], rtol=0.02, atol=1)


def test_a_box_is_as_thick_as_it_is_deep_and_its_moment_lies_in_its_middle() -> None:
    low, high = np.array([-20.5, 10.0, -30.5]), np.array([33.5, 22.0, 41.5])
    corners = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), -1).reshape(-1, 3)
    column, row = rays()
    for lateral, depth, sides in (
        (False, (-22.0, -10.0), (-33.5, 20.5)),
        (True, (-20.5, 33.5), (-22.0, -10.0)),
    ):
        thickness, moment = look(*solid(hull(corners)), lateral, near=-50.0)
        inside = (column > sides[0]) & (column < sides[1]) & (row > -41.5) & (row < 30.5)
        assert inside.sum() > 30
        np.testing.assert_allclose(thickness[inside], depth[1] - depth[0], atol=1e-3)
        np.testing.assert_allclose(moment[inside], (depth[1] - depth[0]) * (sum(depth) / 2 + 50), rtol=1e-4)
        beyond = (column < sides[0] - 0.1) | (column > sides[1] + 0.1) | (row < -41.6) | (row > 30.6)
        assert (thickness[beyond] == 0).all()
        assert (moment[beyond] == 0).all()


@settings(max_examples=40)
@given(CORNERS, st.booleans())
def test_every_convex_solid_is_as_thick_as_its_chords(
    corners: list[tuple[int, int, int]], lateral: bool
) -> None:
    made = random_hull(corners)
    if made is None:
        return
    thickness, moment = look(*solid(made), lateral, near=-200.0, far=200.0)
    enter, leave, clear = chords(made[0], lateral)
    through = np.maximum(leave - enter, 0)
    np.testing.assert_allclose(thickness[clear], through[clear], atol=0.02)
    with np.errstate(invalid="ignore"):
        middle = np.where(through > 0, (enter + leave) / 2 + 200, 0)
    np.testing.assert_allclose(moment[clear], (through * middle)[clear], atol=4.0)


@settings(max_examples=40)
@given(CORNERS, st.booleans(), st.floats(-80, 80), st.floats(-80, 80))
def test_slabs_side_by_side_add_up_to_the_slab_that_holds_both(
    corners: list[tuple[int, int, int]], lateral: bool, one: float, other: float
) -> None:
    made = random_hull(corners)
    if made is None or abs(one - other) < 1:
        return
    first, last = -90.0, 90.0
    cut = float(np.float32(min(one, other)))
    whole, whole_moment = look(*solid(made), lateral, first, last)
    near, near_moment = look(*solid(made), lateral, first, cut)
    far, far_moment = look(*solid(made), lateral, cut, last)
    np.testing.assert_allclose(near + far, whole, atol=2e-3)
    np.testing.assert_allclose(near_moment + far_moment + (cut - first) * far, whole_moment, atol=0.5)
    assert min(near.min(), far.min()) > -2e-3
    assert near.max() < cut - first + 2e-3


@settings(max_examples=40)
@given(CORNERS, st.booleans())
def test_no_ray_leaks_through_an_edge(corners: list[tuple[int, int, int]], lateral: bool) -> None:
    """Behind a slab every surface is clamped to its end: a ray that met a single face would count all."""
    made = random_hull(corners)
    if made is None:
        return
    thickness, moment = look(*solid(made), lateral, near=-FAR_AWAY, far=-100.0)
    assert (thickness == 0).all()
    assert (moment == 0).all()


def test_the_volume_of_a_solid_is_the_sum_of_its_rays() -> None:
    rng = np.random.default_rng(3)
    made = hull(rng.normal(0, 22, (60, 3)).clip(-60, 60))
    for lateral in (False, True):
        thickness, _ = look(*solid(made), lateral)
        assert thickness.sum() * PIXEL**2 == pytest.approx(ConvexHull(made[0]).volume, rel=0.01)


def test_a_wall_is_what_a_cavity_leaves_of_a_solid() -> None:
    outer, inner = ball(50.0), ball(30.0)
    both = look(*solid(outer, inner), density=(0.8, -0.5))[0]
    alone = [look(*solid(one))[0] for one in (outer, inner)]
    np.testing.assert_allclose(both, 0.8 * alone[0] - 0.5 * alone[1], atol=1e-2)


def test_what_has_no_density_is_not_drawn() -> None:
    thickness, moment = look(*solid(ball(50.0)), density=(0.0,))
    assert not thickness.any()
    assert not moment.any()


def test_a_solid_beside_or_in_front_of_the_picture_leaves_no_trace() -> None:
    for centre in ((400.0, 0.0, 0.0), (0.0, 0.0, -400.0), (0.0, 300.0, 0.0)):
        thickness, _ = look(*solid(ball(50.0, centre)), near=-100.0)
        assert not thickness.any()


def test_a_picture_shows_the_body_it_is_asked_for() -> None:
    points, surfaces = solid(ball(40.0))
    both = np.concatenate([points, points * np.float32(0.5)])
    pictures = bone_thickness(
        both,
        surfaces,
        np.ones((2, 1), np.float32),
        False,
        np.full((3, 2), -PIXEL * COLUMNS / 2, np.float32),
        np.full((3, 2), PIXEL, np.float32),
        np.full(3, -100, np.float32),
        np.full(3, 100, np.float32),
        (ROWS, COLUMNS),
        np.array([1, 0, 1]),
    )[0]
    np.testing.assert_array_equal(pictures[0], pictures[2])
    np.testing.assert_allclose(pictures.max(axis=(1, 2)), [40, 80, 40], atol=0.5)
