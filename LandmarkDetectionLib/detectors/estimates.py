"""What networks say of the views of bodies and hands, before it becomes landmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from LandmarkDetectionLib.quality.calibration import RADIUS_MM
from LandmarkDetectionLib.typing import Array

if TYPE_CHECKING:
    from torch import Tensor


LENGTH_OF_PATCH = 0.6  # hand's length as a share of the patch's rows where its ends are not seen


class HandEstimates(NamedTuple):
    """What the network says about L landmarks of B hands, in the patch's own coordinates.

    Attributes
    ----------
    position : (B, L, 2)
        Column and row in pixels.
    covariance : (B, L, 2, 2)
        Square pixels.
    present : (B, L)
        Probability that the landmark lies in the picture.
    near : (B, L)
        Probability that it lies within the confidence's radius of ``position``, to be calibrated.
    depth, depth_error : (B, L)
        In mm by the network, and its expected absolute error; means nothing for hands without depth.
    mean, deviation : (B,)
        Of the depth of the front surface, in mm.
    length : (B,)
        Wrist to tip of the middle finger, in pixels.
    maps : (B, 3, L, h, w) float32
        Probability of every cell, and the network's depth and its expected absolute error there in mm.
    """

    position: Array
    covariance: Array
    present: Array
    near: Array
    depth: Array
    depth_error: Array
    mean: Array
    deviation: Array
    length: Array
    maps: Array


class Estimates(NamedTuple):
    """What the networks say about L landmarks in B coronal views, in the view's own coordinates.

    Attributes
    ----------
    position : (B, L, 2)
        Column and row in pixels.
    covariance : (B, L, 2, 2)
        Square pixels.
    present : (B, L)
        Probability that the landmark lies in the image.
    near : (B, L)
        Probability that it lies within ``RADIUS_MM`` of ``position``.
    depth, depth_error : dict of (B, L)
        Depth in mm, and its expected absolute error, by method.
    maps : (B, 3, L, h, w) Tensor or array
        Probability of every cell, and the network's depth and its expected absolute error there in mm.
    """

    position: Array
    covariance: Array
    present: Array
    near: Array
    depth: dict[str, Array]
    depth_error: dict[str, Array]
    maps: Tensor | Array

    def score(self, method: str) -> Array:
        """The networks' own probability (B, L) of being within ``RADIUS_MM`` in 3D, to be calibrated."""
        return np.asarray(self.near * -np.expm1(-RADIUS_MM / np.maximum(self.depth_error[method], 1e-3)))
