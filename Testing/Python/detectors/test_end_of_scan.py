"""What lies at the end of a scan, or beyond it, is not surely in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.detectors.bones import chance_inside, distance_to_the_end, likely_inside
from LandmarkDetectionLib.imaging.body.cells import ScannedBox
from LandmarkDetectionLib.imaging.view import View, ViewGeometry
from LandmarkDetectionLib.quality.calibration import UNCERTAIN_BELOW

PIXEL = 8.0
GEOMETRY = ViewGeometry(
    np.array([100.0, 0.0, 196.0]),
    np.array([-1.0, 0, 0]),
    np.array([0, 0, -1.0]),
    np.array([0, -1.0, 0]),
    (PIXEL, PIXEL),
    (25, 25),
)


def box(low: float, high: float) -> ScannedBox:
    """Voxels of 2 mm between two heights, and 400 mm wide and deep."""
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    matrix[:3, 3] = (-199.0, -199.0, low + 1.0)
    return ScannedBox(Affine(matrix), (200, 200, round((high - low) / 2)))


def view(rows: slice) -> View:
    """From the front, with so many rows in the field of view."""
    inside = np.zeros(GEOMETRY.shape, bool)
    inside[rows] = True
    empty = np.full(GEOMETRY.shape, np.nan, np.float32)
    return View(inside, empty, empty, np.zeros(GEOMETRY.shape, np.float32), inside, GEOMETRY)


@pytest.mark.parametrize("end", [50.0, 51.5, 54.0])
@pytest.mark.parametrize("beyond", [-30.0, -6.0, -2.0, 3.0, 6.0])
def test_the_distance_from_a_cut_is_exact_and_not_to_a_pixel(end: float, beyond: float) -> None:
    cut = view(slice(0, int((196.0 + PIXEL / 2 - end) // PIXEL)))
    place = np.array([[4.0, 0.0, end - beyond]])
    assert distance_to_the_end(cut, box(end, 194.0 + end % 2), place) == pytest.approx(-beyond, abs=1e-6)


def test_an_end_that_cuts_nothing_counts_for_nothing() -> None:
    """As where a scan ends in the air above a head."""
    place = np.array([[4.0, 0.0, 100.0]])
    assert distance_to_the_end(view(slice(0, 25)), box(98.0, 198.0), place) > 60.0
    assert distance_to_the_end(view(slice(0, 12)), box(98.0, 198.0), place) == pytest.approx(2.0)


def test_without_a_box_a_pixel_is_as_exact_as_it_gets() -> None:
    place = np.array([[4.0, 0.0, 100.0]])
    assert abs(distance_to_the_end(view(slice(0, 12)), None, place)[0] - 2.0) <= PIXEL


def test_what_lies_at_the_cut_or_beyond_is_not_sure_to_be_inside() -> None:
    distance = np.array([-10.0, -2.0, 0.0, 3.0, 5.0, 10.0, 20.0])
    chance = chance_inside(distance)
    assert (np.diff(chance) > 0).all()
    assert (chance[distance < 5.0] < UNCERTAIN_BELOW).all()
    assert chance[-1] > 0.99


def test_what_a_first_look_says_is_in_doubt_farther_from_the_end_than_what_a_close_one_says() -> None:
    distance = np.array([-3.0, 4.0, 10.0, 15.0, 30.0])
    close, first = (likely_inside(np.full(5, kind), distance) for kind in ("close", "first"))
    np.testing.assert_array_equal(close, chance_inside(distance))
    np.testing.assert_allclose(first, [0.0, 0.2, 0.5, 0.75, 1.0])


def test_the_depth_in_a_box_is_that_along_its_own_axes() -> None:
    turn = np.array([[0.8, -0.6, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    turned = replace(box(0.0, 100.0), ijk_to_ras=Affine(turn @ box(0.0, 100.0).ijk_to_ras.matrix))
    places = np.array([[0.0, 0.0, 30.0], [190.0, 0.0, 50.0], [0.0, 0.0, 104.0]])
    np.testing.assert_allclose(turned.depth_of(places @ turn[:3, :3].T), [30.0, 10.0, -4.0], atol=1e-9)
