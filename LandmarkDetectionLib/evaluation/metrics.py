"""Measures of landmark localisation, on arrays: what papers print, from positions found and true ones.

Everything takes errors ``(cases, landmarks)`` in one unit of length. Two values stand for no distance:

* ``NaN``: there is nothing to compare with, because the landmark is not annotated in the case or is absent
  from it. It enters no measure.
* ``inf``: the landmark is there, but was not given. It lies within no radius, so it lowers the success
  detection rate, counts as an outlier and keeps the cumulative distribution below 1; mean, standard
  deviation and median are those of the landmarks that were given, and the number missed is told beside them.
  A model that leaves out what is hard does not get ahead by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.typing import FloatArray


def point_errors(found: npt.ArrayLike, truth: npt.ArrayLike) -> FloatArray:
    """Point-to-point errors: the Euclidean distance of every landmark found from the true one.

    Parameters
    ----------
    found, truth : (cases, landmarks, d)
        Positions in one unit; NaN where there is none.

    Returns
    -------
    (cases, landmarks) float64
        In the same unit. NaN where ``truth`` has no position, inf where it has one and ``found`` has none.

    Raises
    ------
    ValueError
        The shapes differ, or are not ``(cases, landmarks, d)``.
    """
    found, truth = np.asarray(found, np.float64), np.asarray(truth, np.float64)
    if found.shape != truth.shape or found.ndim != 3:
        raise ValueError(
            f"positions must be (cases, landmarks, d) twice, not {found.shape} and {truth.shape}"
        )
    errors = np.linalg.norm(found - truth, axis=-1)
    errors[np.isnan(found).any(axis=-1)] = np.inf
    errors[np.isnan(truth).any(axis=-1)] = np.nan
    return np.asarray(errors)


def image_errors(errors: FloatArray) -> FloatArray:
    """Image-specific point-to-point error (Payer et al. 2019): the mean over the landmarks of every image.

    Parameters
    ----------
    errors : (cases, landmarks)
        See the module.

    Returns
    -------
    (cases,) float64
        Mean over the landmarks given; NaN for a case without one.
    """
    return finite_mean(errors, axis=1)


def finite_mean(values: FloatArray, axis: int | None = None) -> FloatArray:
    """Mean of the finite values along an axis, or of all; NaN where there is none."""
    given = np.isfinite(values)
    count = given.sum(axis=axis)
    return np.asarray(np.where(given, values, 0.0).sum(axis=axis) / np.where(count > 0, count, np.nan))


@dataclass(frozen=True)
class ErrorSummary:
    """Errors of one landmark or of all, in a few numbers; lengths in the unit of the errors.

    Attributes
    ----------
    count
        Landmarks that are there.
    missed
        Of them, those that were not given.
    mean, deviation, median, percentile_95, largest
        Over those given; NaN when there is none. The mean over all landmarks and cases is the mean radial
        error (MRE). The standard deviation is that of the sample (divided by n).
    success
        Success detection rate (SDR) by radius: share of ``count`` with an error of at most the radius.
    outliers
        How many of ``count`` have an error above the radius, by radius.
    """

    count: int
    missed: int
    mean: float
    deviation: float
    median: float
    percentile_95: float
    largest: float
    success: dict[float, float]
    outliers: dict[float, int]


def summarise(
    errors: npt.ArrayLike, radii: Sequence[float] = (), outlier_radii: Sequence[float] = ()
) -> ErrorSummary:
    """Summarise errors of any shape.

    Parameters
    ----------
    errors
        See the module.
    radii
        Radii of the success detection rate.
    outlier_radii
        Radii above which an error is an outlier.
    """
    there = np.ravel(np.asarray(errors, np.float64))
    there = there[~np.isnan(there)]
    given = there[np.isfinite(there)]
    some = len(given) > 0
    return ErrorSummary(
        count=len(there),
        missed=len(there) - len(given),
        mean=float(given.mean()) if some else np.nan,
        deviation=float(given.std()) if some else np.nan,
        median=float(np.median(given)) if some else np.nan,
        percentile_95=float(np.quantile(given, 0.95)) if some else np.nan,
        largest=float(given.max()) if some else np.nan,
        success={radius: float((there <= radius).mean()) if len(there) else np.nan for radius in radii},
        outliers={radius: int((there > radius).sum()) for radius in outlier_radii},
    )


def cumulative_distribution(errors: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Empirical cumulative distribution of errors.

    Returns
    -------
    values : (n,)
        Finite errors, increasing.
    shares : (n,)
        Share of all landmarks that are there with an error of at most the value; ends below 1 when some were
        missed.
    """
    there = np.ravel(np.asarray(errors, np.float64))
    there = np.sort(there[~np.isnan(there)])
    shares = np.arange(1, len(there) + 1) / max(1, len(there))
    given = np.isfinite(there)
    return there[given], shares[given]


@dataclass(frozen=True)
class Presence:
    """How often it was said rightly whether a landmark is in the image.

    Attributes
    ----------
    both
        Present, and given (true positives).
    missed
        Present, and said to be absent (false negatives).
    invented
        Absent, and given (false positives).
    neither
        Absent, and said to be so (true negatives).
    """

    both: int
    missed: int
    invented: int
    neither: int

    @property
    def sensitivity(self) -> float:
        """Share of the present landmarks that were given; NaN without any."""
        return _share(self.both, self.missed)

    @property
    def specificity(self) -> float:
        """Share of the absent landmarks that were said to be absent; NaN without any."""
        return _share(self.neither, self.invented)


def presence(given: npt.ArrayLike, present: npt.ArrayLike, known: npt.ArrayLike | bool = True) -> Presence:
    """Count agreements about which landmarks are in the image.

    Parameters
    ----------
    given, present, known : bool arrays of one shape
        Whether the model gave a position, the landmark is in the image, and its presence is annotated at all;
        what is not is left out.
    """
    given, present = np.asarray(given, bool), np.asarray(present, bool)
    known = np.broadcast_to(np.asarray(known, bool), present.shape)
    return Presence(
        both=int((given & present & known).sum()),
        missed=int((~given & present & known).sum()),
        invented=int((given & ~present & known).sum()),
        neither=int((~given & ~present & known).sum()),
    )


def _share(part: int, rest: int) -> float:
    return part / (part + rest) if part + rest else np.nan
