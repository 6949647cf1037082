"""Corners that a file lists in another order: put right where it is clear, and never otherwise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.datasets.importers.vertebra_order import put_in_order
from LandmarkDetectionLib.typing import Array


def spine(first: float = 0.0, last: float = 0.0, seed: int = 0) -> Array:
    """(17, 4, 2) corners of a column whose course turns between two angles from downwards, in degrees.

    Vertebrae lie a little aside of it, and are turned against it by up to 12 degrees.
    """
    rng = np.random.default_rng(seed)
    angle = np.radians(np.linspace(first, last, 17))
    height = np.linspace(28, 55, 17)
    down = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    middle = np.cumsum(1.25 * height[:, None] * down, axis=0) + rng.normal(0, 1.5, (17, 2))
    angle = angle + np.radians(rng.uniform(-12, 12, 17))
    down = height[:, None] / 2 * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    right = np.stack([down[:, 1], -down[:, 0]], axis=1) * rng.uniform(1.3, 2.2, (17, 1))
    quads = [middle - down - right, middle - down + right, middle + down - right, middle + down + right]
    return np.stack(quads, axis=1)


#: Courses that turn by up to 90 degrees either way.
COURSES = st.tuples(st.floats(-75, 75), st.floats(-75, 75)).filter(
    lambda angles: abs(angles[0] - angles[1]) <= 90 and abs(sum(angles)) <= 100
)
ANY = settings(max_examples=60, deadline=None)


@ANY
@given(COURSES, st.integers(0, 999))
def test_a_sound_annotation_is_never_changed(course: tuple[float, float], seed: int) -> None:
    corners = spine(*course, seed)
    read = put_in_order(corners)
    assert read.corners is corners and not read.changed and not read.unclear


@ANY
@given(COURSES, st.integers(0, 999), st.permutations(range(17)), st.integers(0, 999), st.floats(0, 1))
def test_any_order_of_vertebrae_and_corners_is_restored(
    course: tuple[float, float], seed: int, order: list[int], draw: int, share: float
) -> None:
    corners = spine(*course, seed)
    rng = np.random.default_rng(draw)
    listed = corners[order].copy()
    for n in np.flatnonzero(rng.random(17) < share):
        listed[n] = listed[n][rng.permutation(4)]
    read = put_in_order(listed)
    assert (read.corners == corners).all() and not read.unclear
    assert bool(read.changed) == (listed != corners).any()


def test_what_was_changed_is_said() -> None:
    corners = spine(-20, 30)
    assert put_in_order(np.roll(corners, -1, axis=0)).changed == "the first vertebra listed last"
    assert put_in_order(np.roll(corners, -3, axis=0)).changed == "the first 3 listed last"
    assert put_in_order(corners[::-1]).changed == "listed from the bottom"
    mirrored = corners[:, [1, 0, 3, 2]]
    assert put_in_order(mirrored).changed == "corners exchanged in every vertebra"
    corners[4] = corners[4, [0, 1, 3, 2]]
    assert put_in_order(corners).changed == "corners exchanged in vertebra 5"
    exchanged = spine()[[0, 2, 1, *range(3, 17)]]
    assert put_in_order(exchanged).changed.startswith("listed as 1, 3, 2, 4,")


def test_a_picture_that_is_upside_down_is_left_as_it_is() -> None:
    upside_down = 1000 - spine(10, -40)
    read = put_in_order(upside_down)
    assert read.corners is upside_down
    assert read.unclear == "the spine runs upwards, as in a picture that is upside down"


def _twice(corners: Array) -> None:
    corners[16] = corners[15] + 3


def _far(corners: Array) -> None:
    corners[16] += (0, 400)


def _aside(corners: Array) -> None:
    corners[9] += (150, 0)


def _unknown(corners: Array) -> None:
    corners[2, 1] = np.nan


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_twice, "16 and 17 of the file lie at one place"),
        (_far, "its vertebrae do not follow one another"),
        (_aside, "its vertebrae do not follow one another"),
        (_unknown, "not every vertebra has four corners"),
    ],
)
def test_what_is_not_clear_is_left_and_said(spoil: Callable[[Array], None], why: str) -> None:
    corners = spine(5, -15)
    spoil(corners)
    listed = np.roll(corners, -1, axis=0) if why.startswith("its") else corners
    read = put_in_order(listed)
    assert read.corners is listed and not read.changed and read.unclear == why


def test_corners_that_do_not_go_around_a_vertebra_are_left() -> None:
    corners = spine(5, -15)
    corners[3, 3] = corners[3].mean(axis=0) - 2
    corners[3] = corners[3, [3, 1, 0, 2]]
    read = put_in_order(corners)
    assert read.corners is corners
    assert read.unclear == "the corners of vertebra 4 of the file do not go around it"


def test_a_column_that_lies_across_the_picture_has_no_top() -> None:
    lying = spine()[..., ::-1]
    assert put_in_order(lying).unclear == "which end of the spine is its top is not clear"
