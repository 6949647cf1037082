"""What networks saw of an image, kept for when a person points to a place or corrects a landmark."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from LandmarkDetectionLib.detectors.joint import JointEvidence, JointFrame
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.typing import Array


class Maps(NamedTuple):
    """What the networks saw of L landmarks in one view, cell by cell.

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
    stride : int
        Pixels of the view per cell.
    """

    view: View
    maps: Array
    radius_mm: float
    click_mm: float
    click_depth_mm: float
    contains: Callable[[Array], bool]
    confidence: Callable[[float, float, Array], float]
    stride: int = 2


class VolumeMaps(NamedTuple):
    """What a network saw of L landmarks in a volume, voxel by voxel.

    Attributes
    ----------
    frame : JointFrame
        The voxels of the image that it looked at.
    maps : (L, D, H, W) float32
        Probability of every cell.
    stride : int
        Voxels of the image per cell.
    voxel_mm : (3,)
        Size of the image's voxels, x first.
    radius_mm, click_mm, contains
        As in ``Maps``.
    confidence : callable
        From the probability of lying within the radius to a calibrated confidence.
    """

    frame: JointFrame
    maps: Array
    stride: int
    voxel_mm: Array
    radius_mm: float
    click_mm: float
    contains: Callable[[Array], bool]
    confidence: Callable[[float], float]


class Evidence(NamedTuple):
    """What is kept of a detection.

    Attributes
    ----------
    maps : Maps, VolumeMaps or None
        For looking for one landmark again near a click; regression models and agents have none.
    joint : JointEvidence or None
        For what the others make of a correction.
    """

    maps: Maps | VolumeMaps | None
    joint: JointEvidence | None


def pictured(view: View, point: Array) -> bool:
    """Whether a place (3,) RAS mm lies in what a view shows of the scan."""
    column, row = np.rint(view.geometry.from_ras(point)[0, :2]).astype(int)
    rows, columns = view.field_of_view.shape
    return bool(0 <= row < rows and 0 <= column < columns and view.field_of_view[row, column])
