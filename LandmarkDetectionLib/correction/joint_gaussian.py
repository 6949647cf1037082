"""A joint Gaussian of all landmarks: how they lie to one another, and how a network errs about them.

Positions x (L landmarks, d axes) are one Gaussian vector whose place in the image is free. A network's answer
is y = x + e, and its errors e are Gaussian too: each with the deviation that the network's own scores tell,
and correlated between landmarks as they were on images held out. Both together give what is known of every
landmark once some of them are known for certain.

Notes
-----
The prior is the point distribution model of Cootes et al. (1995), kept as its whole covariance instead of its
first modes: with the mean shape m and the covariance S of aligned training shapes,

    x ~ N(m, S + a^2 J + o^2 I),

J putting all landmarks at one common place that may be anywhere (a), and o what one body has of its own. With
a network's answer y = x + e, e ~ N(0, R), and some x_k known, the others are Gaussian by conditioning:

    P = (S + a^2 J + o^2 I)^-1,   A = P + R^-1,   b = P m + R^-1 y,
    x_f | x_k, y ~ N(A_ff^-1 (b_f - A_fk x_k), A_ff^-1).

That the errors have heavier tails is taken into account as in Lange, Little and Taylor (1989): they follow
Student's t with v degrees of freedom, which expectation maximisation fits by weighing each answer with

    w_i = (v + 1) / (v + s_i),   s_i = mean over the axes of E[(y_i - x_i)^2] / r_i^2,

and dividing its variance r_i^2 by w_i, a few times over.

References
----------
T. F. Cootes, C. J. Taylor, D. H. Cooper and J. Graham, "Active shape models: their training and application",
Computer Vision and Image Understanding 61(1), 38-59 (1995).
K. L. Lange, R. J. A. Little and J. M. G. Taylor, "Robust statistical modeling using the t distribution",
Journal of the American Statistical Association 84(408), 881-896 (1989).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from LandmarkDetectionLib.correction.config import CONFIG, CorrectionConfig
from LandmarkDetectionLib.typing import Array


class Observed(NamedTuple):
    """A network's answer in one image, in the coordinates of the joint Gaussian.

    Attributes
    ----------
    position : (L, d)
        Of every landmark, also of those that are hardly there.
    deviation : (L, d)
        The spread that the network itself gives.
    near : (L,)
        The network's own probability of lying within the radius of its confidence.
    seen : (L,) bool
        What is taken to be in the image; the position of the others tells nothing.
    """

    position: Array
    deviation: Array
    near: Array
    seen: Array


class Posterior(NamedTuple):
    """Mean (L, d) and covariance (L, d, d) of every landmark; of known ones the place itself and zero."""

    mean: Array
    covariance: Array


@dataclass(frozen=True)
class JointGaussian:
    """See the module.

    Attributes
    ----------
    mean : (L, d)
        About the landmarks' common centre.
    covariance : (L d, L d)
        Of the positions about their common centre, landmark by landmark.
    error_correlation : (L d, L d)
        Of the network's errors, each divided by its calibrated deviation; the diagonal is near 1.
    calibration : (L, d, 3)
        Coefficients c of the calibrated deviation exp(c0 + c1 log(deviation / size) + c2 log(1 - near)).
    certainty : float
        Landmarks follow corrections only as far as they do not move away from the truth with so many
        deviations' certainty; see ``certainty.choose_certainty``.
    config
        No part of what is learned or stored.
    """

    mean: Array
    covariance: Array
    error_correlation: Array
    calibration: Array
    certainty: float = 2.0
    config: CorrectionConfig = CONFIG

    @property
    def landmarks(self) -> int:
        """L."""
        return int(self.mean.shape[0])

    @property
    def dimensions(self) -> int:
        """The number d of axes."""
        return int(self.mean.shape[1])

    @cached_property
    def size(self) -> float:
        """Root mean square distance of the mean shape's landmarks from their centre."""
        centred = self.mean - self.mean.mean(axis=0)
        return max(float(np.sqrt((centred**2).sum(axis=1).mean())), 1e-6)

    def deviations(self, observed: Observed) -> Array:
        """Calibrated deviations (L, d) of the network's errors."""
        return calibrated(self.calibration, observed.deviation, observed.near, self.size, self.config)

    def first_axes(self, count: int) -> JointGaussian:
        """The same of the first axes alone: the plane of a hand without depth."""
        kept = (np.arange(self.landmarks)[:, None] * self.dimensions + np.arange(count)).ravel()
        among = np.ix_(kept, kept)
        return replace(
            self,
            mean=self.mean[:, :count],
            covariance=self.covariance[among],
            error_correlation=self.error_correlation[among],
            calibration=self.calibration[:, :count],
        )

    def posterior(self, observed: Observed, known: Array, places: Array) -> Posterior:
        """What is known of every landmark.

        Parameters
        ----------
        observed : Observed
        known : (L,) bool
            Landmarks whose place is certain; what the network says of them does not matter.
        places : (L, d)
            Where those are; ignored elsewhere.
        """
        deviation, degrees = self.deviations(observed), self.config.degrees
        heard = np.repeat(observed.seen, self.dimensions)
        independent = np.linalg.inv(self.error_correlation[np.ix_(heard, heard)])

        def given(widened: Array) -> Posterior:
            return self._gaussian(observed.position, widened, heard, independent, known, places)

        posterior = given(deviation)
        for _ in range(self.config.iterations):
            variance = np.diagonal(posterior.covariance, axis1=1, axis2=2)
            apart = ((observed.position - posterior.mean) ** 2 + variance) / deviation**2
            surprise = np.where(observed.seen, apart.mean(axis=1), 1.0)
            widened = deviation * np.sqrt((degrees + surprise) / (degrees + 1))[:, None]
            posterior = given(widened)
        return posterior

    def given(self, places: Array, noise: Array, found: Array) -> Posterior:
        """Every landmark by the places of some, whose errors have nothing to do with one another.

        Parameters
        ----------
        places : (L, d)
        noise : (L, d, d)
            Covariances of the found places.
        found : (L,) bool
        """
        count, d = self.mean.shape
        precision, information = self._precision.copy(), self._precision @ self.mean.ravel()
        for n, own in zip(np.flatnonzero(found), np.linalg.inv(noise[found]), strict=True):
            at = slice(n * d, (n + 1) * d)
            precision[at, at] += own
            information[at] += own @ places[n]
        covariance = np.linalg.inv(precision)
        blocks = covariance.reshape(count, d, count, d)[np.arange(count), :, np.arange(count)]
        return Posterior((covariance @ information).reshape(count, d), blocks)

    def _gaussian(
        self,
        position: Array,
        deviation: Array,
        heard: Array,
        independent: Array,
        known: Array,
        places: Array,
    ) -> Posterior:
        """See ``posterior``; ``independent`` is the inverse of the correlation of what is heard (L d,)."""
        count, d = self.mean.shape
        mean = self.mean.ravel()
        certain = np.repeat(known, d)
        free = ~certain
        precision = self._precision.copy()
        own = deviation.ravel()[heard]
        evidence = np.zeros_like(precision)
        evidence[np.ix_(heard, heard)] = independent / np.outer(own, own)
        precision += evidence
        information = self._precision @ mean + evidence @ np.where(heard, position.ravel(), 0.0)
        fixed = np.where(certain, places.ravel(), 0.0)
        covariance = np.linalg.inv(precision[np.ix_(free, free)])
        found = fixed.copy()
        found[free] = covariance @ (information[free] - precision[np.ix_(free, certain)] @ fixed[certain])
        whole = np.zeros((count * d, count * d))
        whole[np.ix_(free, free)] = covariance
        blocks = whole.reshape(count, d, count, d)[np.arange(count), :, np.arange(count)]
        return Posterior(found.reshape(count, d), blocks)

    @cached_property
    def _precision(self) -> Array:
        count, d = self.mean.shape
        common = np.kron(np.ones((count, count)), np.eye(d)) * (self.config.anywhere * self.size) ** 2
        own = np.eye(count * d) * (self.config.own_shape * self.size) ** 2
        return np.linalg.inv(self.covariance + common + own)


def calibrated(
    calibration: Array, deviation: Array, near: Array, size: float, config: CorrectionConfig = CONFIG
) -> Array:
    """Deviations (..., L, d) from the network's own (..., L, d) and its probability of being near.

    What few images taught is a product of powers, which far from them knows no bounds: these are set here.
    """
    power = (calibration * features(deviation, near, size, config)).sum(axis=-1)
    least, most = np.log(config.least_deviation * size), np.log(config.most_deviation * size)
    return np.asarray(np.exp(np.clip(power, least, most)))


def features(deviation: Array, near: Array, size: float, config: CorrectionConfig = CONFIG) -> Array:
    """What the calibrated deviation is a product of powers of: (..., L, d, 3)."""
    own = np.log(np.maximum(deviation, config.least_deviation * size) / size)
    doubt = np.broadcast_to(np.log(np.clip(1 - near, config.least_doubt, 1))[..., None], own.shape)
    return np.stack([np.ones_like(own), own, doubt], axis=-1)
