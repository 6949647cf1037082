"""Where the other landmarks go once some are settled, and how far from the truth each is expected to be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from LandmarkDetectionLib.correction.joint_gaussian import JointGaussian, Observed
from LandmarkDetectionLib.typing import Array


class Propagated(NamedTuple):
    """What corrections make of L landmarks.

    Attributes
    ----------
    position : (L, d)
        Settled landmarks are where they were settled.
    covariance : (L, d, d)
        Of the truth about ``position``; its trace is the expected square of the error.
    mean : (L, d)
        The most likely place, which a landmark moves towards only as far as that is safe.
    """

    position: Array
    covariance: Array
    mean: Array

    @property
    def expected_error(self) -> Array:
        """Root of the expected square (L,) of the distance from the truth."""
        return np.asarray(np.sqrt(np.trace(self.covariance, axis1=1, axis2=2)))


def propagate(
    joint: JointGaussian,
    observed: Observed,
    settled: Array | None = None,
    places: Array | None = None,
    *,
    tolerance: float = 0.0,
    moving: bool = True,
) -> Propagated:
    """The landmarks after some of them were settled.

    Parameters
    ----------
    joint : JointGaussian
    observed : Observed
        The network's answer.
    settled : (L,) bool, optional
        Landmarks that a person corrected or accepted.
    places : (L, d), optional
        Where; ignored elsewhere.
    tolerance : float
        Moves up to here never matter.
    moving : bool
        False leaves the landmarks where the network has them and only says how far off they may be.
    """
    count = joint.landmarks
    known = np.zeros(count, bool) if settled is None else np.asarray(settled, bool)
    fixed = observed.position if places is None else places
    posterior = joint.posterior(observed, known, fixed)
    start = np.where(observed.seen[:, None], observed.position, posterior.mean)
    move = posterior.mean - start
    if moving:
        move = _safe(move, posterior.covariance, joint.certainty, tolerance)
    position = np.where(
        known[:, None], fixed, start + move if moving else np.where(known[:, None], fixed, start)
    )
    rest = np.where(known[:, None], 0.0, posterior.mean - position)
    return Propagated(position, posterior.covariance + rest[:, :, None] * rest[:, None, :], posterior.mean)


def _safe(move: Array, covariance: Array, certainty: float, tolerance: float) -> Array:
    """Moves (L, d) shortened where the truth may as well lie on the other side.

    A move of length t along a line on which the truth is N(m, s^2) ends farther from it by more than the
    tolerance where the truth is below (t - tolerance) / 2, so t <= 2 (m - z s) + tolerance. What is not
    surely on that side stays.
    """
    length = np.linalg.norm(move, axis=1)
    direction = move / np.maximum(length, 1e-12)[:, None]
    deviation = np.sqrt(np.einsum("li,lij,lj->l", direction, covariance, direction).clip(0))
    sure = length - certainty * deviation
    most = np.where(sure > 0, 2 * sure + tolerance, 0.0)
    return np.asarray(direction * np.minimum(length, most)[:, None])
