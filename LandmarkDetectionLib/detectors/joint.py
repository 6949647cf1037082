"""A detector's answer as its model's joint Gaussian sees it: kept after a detection, without images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from LandmarkDetectionLib._renamed import names_of_before
from LandmarkDetectionLib.correction import JointGaussian, Observed
from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class JointFrame:
    """The coordinates (N, d) of a joint Gaussian in the patient: RAS mm = origin + axes @ coordinates.

    Attributes
    ----------
    origin : (3,)
    axes : (3, d)
        Two axes of an image without depth; what lies beside its plane is put into it.
    """

    origin: Array
    axes: Array

    def to_ras(self, points: Array) -> Array:
        """(N, d) to (N, 3) RAS mm."""
        return np.asarray(self.origin + np.asarray(points, float) @ self.axes.T)

    def from_ras(self, ras: Array) -> Array:
        """(N, 3) RAS mm to (N, d)."""
        return np.asarray((np.asarray(ras, float).reshape(-1, 3) - self.origin) @ self._inverse.T)

    def covariance_to_ras(self, covariance: Array) -> Array:
        """(..., d, d) to (..., 3, 3) mm^2."""
        return np.asarray(self.axes @ covariance @ self.axes.T)

    @cached_property
    def mm(self) -> float:
        """Millimetres per unit, on average over the axes."""
        return float(np.linalg.norm(self.axes, axis=0).mean())

    @cached_property
    def _inverse(self) -> Array:
        return np.asarray(np.linalg.pinv(self.axes))


class Answer(NamedTuple):
    """What the networks say, and the probability (L,) of every landmark being in the image."""

    observed: Observed
    present: Array


@dataclass(frozen=True)
class JointEvidence:
    """What ``refine`` needs of a detection.

    Attributes
    ----------
    frame : JointFrame
    answer : Answer
    joint : JointGaussian or None
        None for a model that was packaged without.
    radius : float
        How near is right, in units of the frame.
    judged_axes : int
        So many first axes count for being near.
    inside : callable
        Which of some places (N, d) were imaged: (N,) bool.
    answer_again : callable, optional
        What the networks' spatial branch answers once some landmarks (L,) bool are at places (L, d).
    """

    frame: JointFrame
    answer: Answer
    joint: JointGaussian | None
    radius: float
    judged_axes: int
    inside: Callable[[Array], Array]
    answer_again: Callable[[Array, Array], Answer] | None = None


__getattr__ = names_of_before(__name__)
