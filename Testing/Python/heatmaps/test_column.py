"""Levels of a chain, read together where single heatmaps take a vertebra for the next."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.heatmaps.column import along_column
from LandmarkDetectionLib.heatmaps.decoding import present_between, read_heatmaps
from LandmarkDetectionLib.heatmaps.ladder import OF_SPINES
from LandmarkDetectionLib.typing import Array

ROWS, COLUMNS = 256, 96
CORNERS = len(OF_SPINES.landmarks)


def corners(bend: float, length: float = 225.0, top: float = 12.0) -> Array:
    """Corners (68, 2) in cells, x first, of a column that is bent to a side by so many cells."""
    place = top + length * np.concatenate([[0.0], np.cumsum(OF_SPINES.lengths)])
    phase = 2 * np.pi * place / ROWS
    middle = np.stack([COLUMNS / 2 + bend * np.sin(phase), place], axis=1)
    slope = bend * np.cos(phase) * 2 * np.pi / ROWS
    across = np.stack([np.ones_like(slope), -slope], axis=1) / np.hypot(1, slope)[:, None]
    half = np.linspace(7.0, 11.0, len(place))[:, None] * across
    return np.stack([middle - half, middle + half], axis=1).reshape(-1, 2)


def peaks(where: Array, weight: float = 1.0, rows: int = ROWS, columns: int = COLUMNS) -> Array:
    """A heatmap (68, H, W) with one peak each."""
    y, x = np.mgrid[:rows, :columns]
    squared = (x - where[:, 0, None, None]) ** 2 + (y - where[:, 1, None, None]) ** 2
    maps = np.exp(-0.5 * squared / 1.5**2)
    return np.asarray(weight * maps / maps.sum(axis=(1, 2), keepdims=True))


def highest(maps: Array) -> Array:
    """(68, 2) x and y of the highest cells."""
    rows, columns = np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:])
    return np.stack([columns, rows], axis=1)


def slipped(where: Array, share: float) -> Array:
    """Heatmaps of a column of which every level is seen one too low, the right one with so much weight."""
    maps = np.zeros((CORNERS, ROWS, COLUMNS))
    low = np.concatenate([where[4:], where[-4:] + (where[-4:] - where[-8:-4])])
    return np.asarray(maps + peaks(low, 0.95 - share) + peaks(where, share) + 0.05 / (ROWS * COLUMNS))


@settings(max_examples=6, deadline=None)
@given(st.floats(-14, 14), st.floats(170, 235))
def test_what_heatmaps_agree_on_is_left_where_it_is(bend: float, length: float) -> None:
    where = corners(bend, length)
    read = along_column(peaks(where), OF_SPINES)
    assert np.abs(highest(read.maps) - where).max() < 1.5
    assert read.chance.min() > 0.7


@pytest.mark.parametrize("bend", [0.0, 10.0])
def test_vertebrae_that_are_taken_for_their_neighbours_are_put_right(bend: float) -> None:
    where = corners(bend)
    maps = peaks(where, 0.9) + 0.1 / (ROWS * COLUMNS)
    # T6 to T9 are each seen, more strongly, one vertebra too low.
    wrong = np.arange(20, 36)
    maps[wrong] = peaks(where[wrong + 4], 0.65) + peaks(where[wrong], 0.3)
    assert np.abs(highest(maps)[wrong] - where[wrong]).max() > 8
    assert np.abs(highest(along_column(maps, OF_SPINES).maps) - where).max() < 1.5


def test_pictures_of_few_rows_are_read_as_well() -> None:
    where = corners(6.0) / 2
    maps = peaks(where, 0.9, ROWS // 2, COLUMNS // 2) + 0.1 / (ROWS * COLUMNS)
    wrong = np.arange(20, 36)
    lower = peaks(where[wrong + 4], 0.65, ROWS // 2, COLUMNS // 2)
    maps[wrong] = lower + peaks(where[wrong], 0.3, ROWS // 2, COLUMNS // 2)
    assert np.abs(highest(along_column(maps, OF_SPINES).maps) - where).max() < 1.5


def test_a_column_that_may_as_well_be_counted_otherwise_is_hardly_sure() -> None:
    where = corners(4.0)
    doubtful = along_column(slipped(where, 0.47), OF_SPINES).chance
    assert doubtful.max() < 0.8
    assert along_column(slipped(where, 0.9), OF_SPINES).chance.min() > 0.8


def test_one_landmark_that_a_person_placed_brings_a_slipped_column_back() -> None:
    where = corners(4.0)
    maps = slipped(where, 0.25)
    off = np.abs(highest(along_column(maps, OF_SPINES).maps) - where).max(axis=1)
    assert np.median(off) > 8
    placed = {40: (float(where[40, 0]), float(where[40, 1]))}
    read = along_column(maps, OF_SPINES, placed)
    assert np.abs(highest(read.maps) - where).max() < 1.5
    assert read.chance[40] == 1


def test_every_heatmap_keeps_its_sum() -> None:
    maps = peaks(corners(5.0)) * np.linspace(0.1, 1.0, CORNERS)[:, None, None]
    assert along_column(maps, OF_SPINES).maps.sum(axis=(1, 2)) == pytest.approx(
        maps.sum(axis=(1, 2)), rel=1e-3
    )


def test_vertebrae_above_the_picture_do_not_push_the_others_down() -> None:
    where = corners(0.0, top=-20.0)
    maps = peaks(where)
    unseen = where[:, 1] < 0
    maps[unseen] = 1e-3 / (ROWS * COLUMNS)
    found = highest(along_column(maps, OF_SPINES).maps)
    assert np.abs(found - where)[~unseen].max() < 1.5


def test_landmarks_that_are_on_no_rung_are_left_alone() -> None:
    other = np.random.default_rng(0).random((1, ROWS, COLUMNS)).astype(np.float32)
    read = along_column(np.concatenate([peaks(corners(0.0)), other]), OF_SPINES)
    assert (read.maps[-1] == other[0]).all() and read.chance[-1] == 1


def test_a_ladder_of_other_landmarks_is_refused() -> None:
    with pytest.raises(ValueError, match="a ladder of 68 landmarks is not of 19"):
        along_column(np.zeros((19, 32, 32)), OF_SPINES)


def test_readings_of_a_column_are_of_the_weighed_heatmaps() -> None:
    where = corners(6.0)
    logits = torch.from_numpy(np.log(peaks(where) + 1e-9)).float()[None]
    plain, together = (read_heatmaps(logits, True, 2, 8.0, ladder=ladder) for ladder in (None, OF_SPINES))
    assert np.abs(together.position - (2 * (where + 0.5) - 0.5)).max() < 1.0
    assert (together.present >= plain.present).all()
    assert (plain.chance == 1).all() and together.chance.min() > 0.8


def test_what_lies_between_two_that_are_in_the_image_is_in_it() -> None:
    present = np.full((1, CORNERS), 0.9)
    present[0, [8, 21]] = 0.2
    present[0, 60:] = 0.1  # L4 and L5 are cut off
    present[0, :2] = 0.3
    read = present_between(present, OF_SPINES)
    assert (read[0, 2:60] == 0.9).all()
    assert (read[0, 60:] == 0.1).all() and (read[0, :2] == 0.3).all()
