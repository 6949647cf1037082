"""Corners of a column of vertebrae, read together where single heatmaps take a vertebra for the next."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.heatmaps.column import CORNERS, LENGTHS, along_column
from LandmarkDetectionLib.heatmaps.decoding import read_heatmaps
from LandmarkDetectionLib.typing import Array

ROWS, COLUMNS = 256, 96


def corners(bend: float, length: float = 225.0, top: float = 12.0) -> Array:
    """Corners (68, 2) in cells, x first, of a column that is bent to a side by so many cells."""
    place = top + length * np.concatenate([[0.0], np.cumsum(LENGTHS)])
    phase = 2 * np.pi * place / ROWS
    middle = np.stack([COLUMNS / 2 + bend * np.sin(phase), place], axis=1)
    slope = bend * np.cos(phase) * 2 * np.pi / ROWS
    across = np.stack([np.ones_like(slope), -slope], axis=1) / np.hypot(1, slope)[:, None]
    half = np.linspace(7.0, 11.0, len(place))[:, None] * across
    return np.stack([middle - half, middle + half], axis=1).reshape(-1, 2)


def peaks(where: Array, weight: float = 1.0) -> Array:
    """A heatmap (68, H, W) with one peak each."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    squared = (x - where[:, 0, None, None]) ** 2 + (y - where[:, 1, None, None]) ** 2
    maps = np.exp(-0.5 * squared / 1.5**2)
    return np.asarray(weight * maps / maps.sum(axis=(1, 2), keepdims=True))


def highest(maps: Array) -> Array:
    """(68, 2) x and y of the highest cells."""
    rows, columns = np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:])
    return np.stack([columns, rows], axis=1)


@settings(max_examples=12, deadline=None)
@given(st.floats(-14, 14), st.floats(170, 235))
def test_what_heatmaps_agree_on_is_left_where_it_is(bend: float, length: float) -> None:
    where = corners(bend, length)
    assert np.abs(highest(along_column(peaks(where))) - where).max() < 1.5


@pytest.mark.parametrize("bend", [0.0, 10.0])
def test_vertebrae_that_are_taken_for_their_neighbours_are_put_right(bend: float) -> None:
    where = corners(bend)
    maps = peaks(where, 0.9) + 0.1 / (ROWS * COLUMNS)
    # T6 to T9 are each seen, more strongly, one vertebra too low.
    wrong = np.arange(20, 36)
    maps[wrong] = peaks(where[wrong + 4], 0.65) + peaks(where[wrong], 0.3)
    assert np.abs(highest(maps)[wrong] - where[wrong]).max() > 8
    assert np.abs(highest(along_column(maps)) - where).max() < 1.5


def test_every_heatmap_keeps_its_sum() -> None:
    maps = peaks(corners(5.0)) * np.linspace(0.1, 1.0, CORNERS)[:, None, None]
    assert along_column(maps).sum(axis=(1, 2)) == pytest.approx(maps.sum(axis=(1, 2)), rel=1e-3)


def test_vertebrae_above_the_picture_do_not_push_the_others_down() -> None:
    where = corners(0.0, top=-20.0)
    maps = peaks(where)
    unseen = where[:, 1] < 0
    maps[unseen] = 1e-3 / (ROWS * COLUMNS)
    found = highest(along_column(maps))
    assert np.abs(found - where)[~unseen].max() < 1.5


def test_other_numbers_of_corners_are_refused() -> None:
    with pytest.raises(ValueError, match="a column has 68 corners, not 19"):
        along_column(np.zeros((19, 32, 32)))


def test_readings_of_a_column_are_of_the_weighed_heatmaps() -> None:
    where = corners(6.0)
    logits = torch.from_numpy(np.log(peaks(where) + 1e-9)).float()[None]
    plain, together = (read_heatmaps(logits, True, 2, 8.0, column=column) for column in (False, True))
    assert np.abs(together.position - (2 * (where + 0.5) - 0.5)).max() < 1.0
    assert together.present == pytest.approx(plain.present)
