"""Rungs of a chain read with their neighbours: in order, not crossed, and with both ends."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.heatmaps.ladder import OF_SPINES
from LandmarkDetectionLib.heatmaps.rungs import STRETCHED, measure_stretch, present_together, put_in_line
from LandmarkDetectionLib.measurement.cobb import _cross_each_other
from LandmarkDetectionLib.typing import Array
from Testing.Python.heatmaps.test_column import CORNERS, corners

SEEN = np.ones(CORNERS)
BENDS = st.floats(-14, 14)


def tilts(where: Array) -> Array:
    """(34,) degrees of the rungs."""
    ends = where.reshape(-1, 2, 2)
    across = ends[:, 1] - ends[:, 0]
    return np.asarray(np.degrees(np.arctan2(across[:, 1], across[:, 0])))


def crossed(where: Array) -> int:
    """How many rungs have an end above that of the one before, by more than a tenth of a cell."""
    return int((np.diff(where.reshape(-1, 2, 2)[..., 1], axis=0) < -0.1).any(axis=1).sum())


@settings(max_examples=20, deadline=None)
@given(BENDS)
def test_columns_that_are_in_order_are_left_as_they_are(bend: float) -> None:
    where = corners(bend)
    assert np.abs(put_in_line(where, SEEN, OF_SPINES) - where).max() < 0.3


@settings(max_examples=20, deadline=None)
@given(BENDS, st.integers(2, CORNERS - 3), st.sampled_from([-6.0, 6.0]))
def test_an_end_that_was_read_too_high_or_low_tilts_its_rung_less(bend: float, end: int, by: float) -> None:
    where = corners(bend)
    read = where.copy()
    read[end, 1] += by
    rung = end // 2
    before = abs(tilts(read) - tilts(where))[rung]
    assert abs(tilts(put_in_line(read, SEEN, OF_SPINES)) - tilts(where))[rung] < 0.8 * before


@settings(max_examples=60, deadline=None)
@given(BENDS, st.integers(0, 2**32 - 1), st.integers(4, 30), st.floats(2, 15), st.sampled_from([1.0, 1.2]))
def test_no_end_plates_cross_however_many_ends_are_read_wrongly(
    bend: float, seed: int, wrong: int, by: float, stretch: float
) -> None:
    rng = np.random.default_rng(seed)
    read = corners(bend)
    ends = rng.choice(CORNERS, wrong, replace=False)
    read[ends] += rng.uniform(-by, by, (wrong, 2)) * (0.5, 1.0)
    after = put_in_line(read, SEEN, OF_SPINES.model_copy(update={"stretch": stretch}))
    plates = after.reshape(-1, 2, 2)
    assert not any(_cross_each_other(*pair) for pair in pairwise(plates))


def test_hardly_any_end_lies_above_the_one_before_when_four_are_read_wrongly() -> None:
    before = after = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        read = corners(rng.uniform(-5, 5))
        read[rng.choice(CORNERS, 4, replace=False), 1] += rng.uniform(-7, 7, 4)
        before += crossed(read) > 0
        after += crossed(put_in_line(read, SEEN, OF_SPINES)) > 0
    assert before > 100 and after <= 1


def test_tilts_are_drawn_out_about_their_mean_by_as_much_as_is_measured_on_images_held_out() -> None:
    truth = np.stack([corners(bend) for bend in np.linspace(6, 14, 9)])
    less = OF_SPINES.model_copy(update={"stretch": 1 / 1.1})
    found = np.stack([put_in_line(one, SEEN, less) for one in truth])
    stretch = measure_stretch(found, truth, OF_SPINES)
    assert stretch == pytest.approx(1.1, abs=0.01)
    again = put_in_line(found[0], SEEN, OF_SPINES.model_copy(update={"stretch": stretch}))
    assert tilts(again) == pytest.approx(tilts(truth[0]), abs=0.5)
    turned = found[0] @ np.array([[np.cos(0.2), np.sin(0.2)], [-np.sin(0.2), np.cos(0.2)]])
    drawn = put_in_line(turned, SEEN, OF_SPINES.model_copy(update={"stretch": stretch}))
    assert tilts(drawn) == pytest.approx(tilts(again) + np.degrees(0.2), abs=0.1)


def test_tilts_are_left_as_they_are_where_little_tells_how_far_to_draw_them_out() -> None:
    truth = np.stack([corners(bend) for bend in np.linspace(6, 14, 9)])
    straight = np.stack([corners(0.3) for _ in truth])
    unknown = truth.copy()
    unknown[2:, 10] = np.nan
    assert measure_stretch(truth, unknown, OF_SPINES) == 1.0
    assert measure_stretch(straight, truth, OF_SPINES) == STRETCHED[1]
    assert measure_stretch(truth, straight, OF_SPINES) == STRETCHED[0]


def test_end_plates_that_were_exchanged_come_one_below_the_other() -> None:
    where = corners(5.0)
    read = where.copy()
    read[[20, 21, 22, 23]] = where[[22, 23, 20, 21]]
    assert crossed(read)
    assert crossed(put_in_line(read, SEEN, OF_SPINES)) == 0


def test_what_a_person_placed_stays_and_others_follow() -> None:
    where = corners(3.0)
    placed = where.copy()
    placed[30, 1] -= 1.5
    read = put_in_line(placed, SEEN, OF_SPINES, [30])
    assert (read[[30, 31]] == placed[[30, 31]]).all()
    assert tilts(read)[14] > tilts(where)[14]


def test_ends_outside_the_picture_tilt_no_others() -> None:
    where = corners(3.0)
    read, present = where.copy(), SEEN.copy()
    read[:4, 1] += [5, -5, 5, -5]
    present[:4] = 0.0
    assert np.abs(put_in_line(read, present, OF_SPINES)[4:] - where[4:]).max() < 0.3


def test_rungs_of_one_landmark_are_left_alone() -> None:
    ladder = OF_SPINES.model_copy(update={"rungs": tuple((2 * n,) for n in range(34))})
    read = np.random.default_rng(0).normal(size=(CORNERS, 2))
    assert (put_in_line(read, SEEN, ladder) == read).all()


@pytest.mark.parametrize(("columns", "there"), [(96, True), (52, False)])
def test_the_other_end_of_a_rung_is_there_when_the_image_is_wide_enough(columns: int, there: bool) -> None:
    where = corners(0.0)  # right ends lie at 55 to 59
    present = np.full(CORNERS, 0.9)
    present[[1, 3]] = 0.2
    read = present_together(present, where, OF_SPINES, np.array([columns, 256.0]))
    assert read[[1, 3]] == pytest.approx(0.9 if there else 0.2)
    assert (np.delete(read, [1, 3]) == 0.9).all()


def test_a_rung_of_which_nothing_is_there_stays_absent() -> None:
    present = np.full(CORNERS, 0.9)
    present[:2] = 0.1
    assert (present_together(present, corners(0.0), OF_SPINES, np.array([96.0, 256.0])) == present).all()
    nothing = np.full(CORNERS, 0.3)
    assert (present_together(nothing, corners(0.0), OF_SPINES, np.array([96.0, 256.0])) == 0.3).all()
