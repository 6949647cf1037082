"""What networks saw of a scan, kept so that one landmark can be looked for again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from LandmarkDetectionLib.projection import View

Array = np.ndarray


class Evidence(NamedTuple):
    """What the networks saw of L landmarks.

    Attributes
    ----------
    view : View
        The view they looked at.
    maps : (3, L, h, w) or, of a radiograph, (1, L, h, w) float32
        Probability of every cell, and the network's depth and its expected absolute error there in mm.
    radius_mm : float
        How near is right, which confidence is a probability of.
    click_mm, click_depth_mm : float
        How exactly a person points, in the view's plane and in depth (standard deviations).
    contains : callable
        Whether a place, (3,) RAS mm, was scanned.
    confidence : callable
        From the probability of lying within the radius in the view's plane, the expected absolute error of
        depth in mm, and the place (2,) in pixels, to a calibrated confidence.
    """

    view: View
    maps: Array
    radius_mm: float
    click_mm: float
    click_depth_mm: float
    contains: Callable[[Array], bool]
    confidence: Callable[[float, float, Array], float]


def pictured(view: View, point: Array) -> bool:
    """Whether a place (3,) RAS mm lies in what a view shows of the scan."""
    column, row = np.rint(view.geometry.from_ras(point)[0, :2]).astype(int)
    rows, columns = view.field_of_view.shape
    return bool(0 <= row < rows and 0 <= column < columns and view.field_of_view[row, column])
