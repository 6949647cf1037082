"""Regions that hold a landmark as often as they promise: split conformal prediction.

A network's own covariance tells in which direction, and in which image, a landmark may be farther off than in
another; it does not tell how far. Images held out do: the score of a landmark in one of them is the
Mahalanobis distance of the truth under the network's covariance, and all places whose distance is at most
the scores' quantile are the region, an ellipse or an ellipsoid.

Notes
-----
With n scores and the level 1 - a the quantile is the ceil((n + 1)(1 - a))-th smallest score (Vovk, Gammerman
and Shafer 2005; Lei et al. 2018, equation 2). A new score is then below it with a probability of at least
1 - a, and at most 1 - a + 1 / (n + 1), whatever the network and the errors are like, as long as it is
exchangeable with those held out: an image of another clinic is not.

*Subjects* are exchangeable, not images: each weighs 1, shared among its images, so that the promise is for an
image of a new subject (Lee, Barber and Willett 2023).

*Few subjects.* A landmark with fewer than ``ENOUGH`` of its own is filled up to as many with the scores of
all other landmarks, each of these weighing the same. The promise then holds as far as landmarks err alike,
measured in their own deviations, and about so on average over those that do not.

*Too few.* The level 1 - a needs 1 / a - 1 subjects, 19 for 95 %. With S of them, fewer than that, the largest
score of all landmarks is taken, and only S / (S + 1) is promised.

References
----------
V. Vovk, A. Gammerman and G. Shafer, "Algorithmic learning in a random world", Springer (2005).
J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani and L. Wasserman, "Distribution-free predictive inference for
regression", Journal of the American Statistical Association 113(523), 1094-1111 (2018).
Y. Lee, R. F. Barber and R. Willett, "Distribution-free inference with hierarchical data", arXiv:2306.06342
(2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.typing import Array

LEVEL = 0.95
#: With so many subjects of its own a landmark needs no others: at 95 % what a region really holds then
#: differs from what it promises by a standard deviation of 2 %.
ENOUGH = 100
#: Variance along an axis of a place that may be anywhere in a cell of size 1: no heatmap tells less.
CELL_VARIANCE = 1 / 12


@dataclass(frozen=True)
class Regions:
    """How far regions reach.

    Attributes
    ----------
    level
        What was asked for.
    promised
        What is kept: the level, or less with too few subjects.
    subjects
        Held out.
    scale : (L,) float64
        Mahalanobis distance from the position to the region's border.
    own : (L,) int
        Subjects of each landmark's own.
    """

    level: float
    promised: float
    subjects: int
    scale: Array
    own: npt.NDArray[np.intp]


def mahalanobis(offset: npt.ArrayLike, covariance: npt.ArrayLike) -> Array:
    """Distances (...) of offsets (..., d) under covariances (..., d, d)."""
    offset = np.asarray(offset, np.float64)
    solved = np.linalg.solve(np.asarray(covariance, np.float64), offset[..., None])[..., 0]
    return np.asarray(np.sqrt((offset * solved).sum(axis=-1)))


def fit_regions(scores: npt.ArrayLike, subjects: Sequence[str], level: float = LEVEL) -> Regions | None:
    """Regions from images held out; None where there is no score.

    Parameters
    ----------
    scores : (N, L)
        Mahalanobis distances; NaN where a landmark is not there, not annotated, or not found.
    subjects
        Of the N images.
    level
        Share of landmarks that their regions are to hold, between 0 and 1.
    """
    scores = np.asarray(scores, np.float64)
    known = np.isfinite(scores)
    if not known.any():
        return None
    _, index = np.unique(np.array(subjects, dtype=str), return_inverse=True)
    images = np.zeros((index.max() + 1, scores.shape[1]))
    np.add.at(images, index, known)
    own = (images > 0).sum(axis=0)
    count = int((images > 0).any(axis=1).sum())
    if count < level / (1 - level) - 1e-9:
        most = np.full(scores.shape[1], scores[known].max())
        return Regions(level, count / (count + 1), count, most, own)
    weight = known / np.maximum(images[index], 1)
    scale = [_filled_quantile(scores, weight, n, own, level) for n in range(scores.shape[1])]
    return Regions(level, level, count, np.array(scale), own)


def spread_factors(scale: npt.ArrayLike, level: float, dimensions: int) -> Array:
    """Factors (L,) on deviations after which the Gaussian's own ellipsoid of this level is the region."""
    return np.asarray(scale, np.float64) / gaussian_radius(level, dimensions)


def widened(covariance: npt.ArrayLike, scale: npt.ArrayLike, level: float, floor: float) -> Array:
    """Covariances (..., L, d, d) whose Gaussians have the regions for ellipsoids of their level.

    Parameters
    ----------
    covariance
        Of the network.
    scale : (L,)
        See ``Regions``.
    level
        Of the regions.
    floor
        Added to variances along every axis first.
    """
    covariance = np.asarray(covariance, np.float64)
    d = covariance.shape[-1]
    factor = spread_factors(scale, level, d)
    return np.asarray((covariance + floor * np.eye(d)) * factor[:, None, None] ** 2)


def gaussian_radius(level: float, dimensions: int) -> float:
    """Mahalanobis distance within which a Gaussian of 1, 2 or 3 dimensions lies with a probability.

    The root of a quantile of chi-squared. Found by halving, for a window that must not wait for scipy.

    Examples
    --------
    >>> round(gaussian_radius(0.95, 2), 3)
    2.448
    """
    low, high = 0.0, 40.0
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        if _gaussian_within(middle, dimensions) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _gaussian_within(radius: float, dimensions: int) -> float:
    """Probability that a standard Gaussian vector is not longer; the distribution of chi, in closed form."""
    if dimensions == 2:
        return -math.expm1(-(radius**2) / 2)
    along = math.erf(radius / math.sqrt(2))
    return {1: along, 3: along - math.sqrt(2 / math.pi) * radius * math.exp(-(radius**2) / 2)}[dimensions]


def chance_within(covariance: npt.ArrayLike, radius: npt.ArrayLike) -> Array:
    """Probability (...) of Gaussian errors of covariances (..., d, d), taken as round, within radii (...)."""
    from scipy.special import chdtr

    covariance = np.asarray(covariance, np.float64)
    d = covariance.shape[-1]
    variance = np.maximum(np.einsum("...ii", covariance) / d, 1e-18)
    return np.asarray(chdtr(d, np.asarray(radius, np.float64) ** 2 / variance))


def _filled_quantile(scores: Array, weight: Array, landmark: int, own: Array, level: float) -> float:
    """The conformal quantile of one landmark, whose own subjects are filled up to ``ENOUGH``."""
    total, others = float(own[landmark]), float(own.sum() - own[landmark])
    filled = min(max(ENOUGH - total, 0.0), others)
    weights = weight * (filled / others if others else 0.0)
    weights[:, landmark] = weight[:, landmark]
    order = np.argsort(scores, axis=None)[: np.isfinite(scores).sum()]
    below = np.cumsum(weights.ravel()[order])
    place = int(np.searchsorted(below, level * (total + filled + 1) - 1e-9))
    # One landmark alone may have too few, others in other images none at all.
    return float(scores.ravel()[order][min(place, len(order) - 1)])
