"""The landmarks of many cases in one frame, and which of them lie where those of no other case do.

Every case is moved, turned and scaled onto the cohort's median shape (generalised Procrustes analysis, Gower
1975, with medians for means and weights that keep a few wrong landmarks from dragging the others along). What
is left is differences of build and pose, and errors. A landmark is an outlier when its robust distance, the
Mahalanobis distance by the minimum covariance determinant (Rousseeuw & Van Driessen 1999, concentration steps
from a start by medians), is larger than normal differences explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.core.shapes import moved_onto
from LandmarkDetectionLib.typing import FloatArray

LEAST_CASES = 10
"""Fewer cases tell nothing about what is usual."""
LEAST_LANDMARKS = 3
"""What a case needs to be moved, turned and scaled."""
OUTLIER_QUANTILE = 0.9999
"""Of the chi-squared distribution: one in 10,000 normal landmarks is called an outlier."""

_ROUNDS = 8
_STEPS = 10
_CORE = 0.75
_LEAST_SPREAD = 1e-3  # of the shape's size: depths that all cases share exactly still allow a distance


@dataclass(frozen=True, eq=False)
class CommonFrame:
    """N cases with L landmarks each, aligned.

    Attributes
    ----------
    shape : (L, 3)
        The cohort's median shape in RAS mm at the cohort's median size, its middle at the origin.
    aligned : (N, L, 3)
        Every case moved, turned and scaled onto it; NaN where a landmark is absent, or the whole case has
        fewer than ``LEAST_LANDMARKS``.
    distances : (N, L)
        Robust distance of each landmark from where it is in the cohort, corrected for how few cases there
        are; NaN where it is not known.
    limit
        Distances above it are outliers.
    """

    shape: FloatArray
    aligned: FloatArray
    distances: FloatArray
    limit: float

    @cached_property
    def outliers(self) -> npt.NDArray[np.bool_]:
        """(N, L) whether a landmark is an outlier."""
        return np.nan_to_num(self.distances, nan=0.0) > self.limit


def common_frame(positions: npt.ArrayLike) -> CommonFrame:
    """Align the cases of a cohort.

    Parameters
    ----------
    positions : (N, L, 3)
        RAS mm, NaN where a landmark is absent.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> cases = np.eye(3) * 100 + rng.normal(0, 2, (50, 3, 3)) + rng.normal(0, 500, (50, 1, 3))
    >>> frame = common_frame(cases)
    >>> frame.aligned.shape, bool(np.nanstd(frame.aligned, axis=0).max() < 5)
    ((50, 3, 3), True)
    """
    points = np.asarray(positions, dtype=np.float64)
    shape, aligned = _aligned(points)
    distances = np.full(points.shape[:2], np.nan)
    size = _size(shape[None], np.isfinite(shape[None, :, 0]))[0]
    for column in range(points.shape[1]):
        known = np.isfinite(aligned[:, column, 0])
        if known.sum() >= LEAST_CASES:
            far = robust_distances(aligned[known, column], _LEAST_SPREAD * size)
            distances[known, column] = far / _few_cases(int(known.sum()))
    return CommonFrame(shape, aligned, distances, float(np.sqrt(_chi_squared(OUTLIER_QUANTILE, 3))))


def robust_distances(points: FloatArray, least_spread: float = 0.0) -> FloatArray:
    """(N,) Mahalanobis distances of (N, D) points, which outliers among them do not hide.

    Parameters
    ----------
    points
        Finite.
    least_spread
        Standard deviation that is taken for granted along every axis.
    """
    count, axes = points.shape
    core = max(int(_CORE * count), axes + 1)
    floor = np.eye(axes) * max(least_spread, 1e-9) ** 2
    centre = np.median(points, axis=0)
    spread = np.diag((1.4826 * np.median(np.abs(points - centre), axis=0)) ** 2) + floor
    squared = _squared_distances(points, centre, spread)
    for _ in range(_STEPS):
        nearest = points[np.argpartition(squared, min(core, count) - 1)[:core]]
        centre, spread = nearest.mean(axis=0), np.cov(nearest.T) + floor
        squared, before = _squared_distances(points, centre, spread), squared
        if np.allclose(squared, before):
            break
    # Half of normal points lie within the median of the chi-squared distribution of the axes in which they
    # differ at all; the floor is no estimate.
    own = int((np.linalg.eigvalsh(spread - floor) > floor[0, 0]).sum())
    factor = float(np.median(squared)) / _chi_squared(0.5, own) if own else 1.0
    return np.sqrt(_squared_distances(points, centre, max(factor, 1e-12) * (spread - floor) + floor))


def _few_cases(count: int) -> float:
    """How many times too large distances of so many cases are, whose spread is estimated from themselves.

    The core that a spread is estimated from is the tightest part of the cases, and the fewer they are, the
    tighter it is beside the rest (Hardin & Rocke 2005). Fitted so that of normal places (30,000 for each of
    10, 15, 20, 30, 50, 100 and 300 cases) no more than one in 10,000 is called an outlier; without it, of ten
    cases nearly one in ten would be.
    """
    return float(np.exp(18 / count + 440 / count**3))


def _chi_squared(quantile: float, axes: int) -> float:
    from scipy.special import chdtri  # of scipy.stats, which takes seconds to import, nothing else is needed

    return float(chdtri(axes, 1 - quantile))


def _squared_distances(points: FloatArray, centre: FloatArray, spread: FloatArray) -> FloatArray:
    difference = points - centre
    return np.einsum("ni,ni->n", difference, np.linalg.solve(spread, difference.T).T)


# --- alignment ---------------------------------------------------------------------------------------------


def _aligned(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The median shape, and every case on it."""
    present: npt.NDArray[np.bool_] = np.asarray(np.isfinite(points).all(axis=2))
    usable = present.sum(axis=1) >= LEAST_LANDMARKS
    aligned = np.full_like(points, np.nan)
    if not usable.any():
        return np.full(points.shape[1:], np.nan), aligned
    cases, there = points[usable], present[usable]
    # The first guess: cases lie in RAS, so they differ little in how they are turned.
    middle = np.nanmean(np.where(there[..., None], cases, np.nan), axis=1, keepdims=True)
    centred = cases - middle
    sizes = _size(centred, there)
    size = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 1.0
    shape = _median(centred * (size / np.where(sizes > 0, sizes, size))[:, None, None])
    weights = there.astype(np.float64)
    moved = centred
    for _ in range(_ROUNDS):
        moved = moved_onto(cases, shape, weights)
        shape = _normalised(_median(moved), size)
        residual = np.linalg.norm(moved - shape, axis=2)
        usual = _median(residual[..., None])[:, 0] + 1e-9 * size + 1e-9
        # The farther from where it should be, the less a landmark pulls: it does not turn the whole case.
        weights = np.where(there, 1 / np.maximum(np.nan_to_num(residual / (3 * usual)), 1.0) ** 2, 0.0)
    aligned[usable] = np.where(there[..., None], moved, np.nan)
    return shape, aligned


def _median(cases: FloatArray) -> FloatArray:
    """(L, D) median over (N, L, D) cases; NaN for a landmark that no case has."""
    known = np.isfinite(cases[..., 0]).any(axis=0)
    shape = np.full(cases.shape[1:], np.nan)
    shape[known] = np.nanmedian(cases[:, known], axis=0)
    return shape


def _normalised(shape: FloatArray, size: float) -> FloatArray:
    centred = shape - np.nanmean(shape, axis=0)
    own = _size(centred[None], np.isfinite(centred[None, :, 0]))[0]
    return centred * (size / own) if own > 0 else centred


def _size(centred: FloatArray, there: npt.NDArray[np.bool_]) -> FloatArray:
    """(N,) root mean square distance of the present landmarks from the middle."""
    squared = np.where(there, (np.nan_to_num(centred) ** 2).sum(axis=2), 0.0).sum(axis=1)
    return np.sqrt(squared / np.maximum(there.sum(axis=1), 1))
