"""How sure a measured error is: intervals and tests that take subjects, not landmarks, as independent.

Landmarks of one image err together, and so do images of one person: an interval that treated them as
independent would be far too narrow. Subjects are drawn with replacement and all their errors go with them
(cluster bootstrap; Davison and Hinkley 1997, chapter 3.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.typing import FloatArray

RESAMPLES = 4_000
LEVEL = 0.95
TAILS = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
LEAST_SUBJECTS = 5
"""With fewer the bootstrap's interval says nothing; none is given."""


@dataclass(frozen=True)
class Resampling:
    """Draws of subjects, the same for every measure and model, so that differences are paired.

    Attributes
    ----------
    index : (cases,) int
        Subject of every case.
    counts : (resamples, subjects) float64
        How often each subject was drawn.
    """

    index: npt.NDArray[np.intp]
    counts: FloatArray

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return self.counts.shape[1]

    def mean_interval(self, values: npt.ArrayLike) -> tuple[float, float]:
        """Interval of the mean of all values, bias-corrected and accelerated (BCa; Efron 1987).

        Parameters
        ----------
        values : (cases,) or (cases, landmarks)
            Of numbers, or of 0 and 1 for a share; what is not finite is left out.

        Returns
        -------
        low, high : float
            NaN with fewer than ``LEAST_SUBJECTS`` subjects that have a value.
        """
        sums, sizes = self._by_subject(values)
        if (sizes > 0).sum() < LEAST_SUBJECTS:
            return np.nan, np.nan
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = (self.counts @ sums) / (self.counts @ sizes)
        has = sizes > 0
        without = (sums.sum() - sums[has]) / (sizes.sum() - sizes[has])
        return _bca(drawn[np.isfinite(drawn)], sums.sum() / sizes.sum(), without)

    def median_interval(self, values: npt.ArrayLike) -> tuple[float, float]:
        """Interval of the median of all values, by percentiles; NaN as in ``mean_interval``."""
        values = np.asarray(values, np.float64)
        who = np.broadcast_to(self.index.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
        finite = np.isfinite(values)
        flat, who = values[finite], who[finite]
        if len(np.unique(who)) < LEAST_SUBJECTS:
            return np.nan, np.nan
        order = np.argsort(flat)
        flat, who = flat[order], who[order]
        medians = []
        # In portions: counts of every value in every resample would not fit into the memory at once.
        for counts in np.array_split(self.counts, max(1, len(self.counts) * len(flat) // 4_000_000)):
            below = np.cumsum(counts[:, who], axis=1)
            half = below[:, -1:] / 2
            place = (below < half).sum(axis=1)
            medians.append(flat[np.minimum(place, len(flat) - 1)])
        low, high = np.quantile(np.concatenate(medians), TAILS)
        return float(low), float(high)

    def ratio_interval(self, values: npt.ArrayLike, others: npt.ArrayLike) -> tuple[float, float]:
        """Percentile interval of the mean of all values divided by the mean of others, drawn together."""
        sums, sizes = self._by_subject(values)
        other_sums, other_sizes = self._by_subject(others)
        if ((sizes > 0) & (other_sizes > 0)).sum() < LEAST_SUBJECTS:
            return np.nan, np.nan
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (self.counts @ sums) / (self.counts @ sizes)
            other = (self.counts @ other_sums) / (self.counts @ other_sizes)
            ratio = mean / other
        low, high = np.quantile(ratio[np.isfinite(ratio)], TAILS)
        return float(low), float(high)

    def _by_subject(self, values: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """(subjects,) sum and number of the finite values of each subject."""
        values = np.asarray(values, np.float64).reshape(len(self.index), -1)
        finite = np.isfinite(values)
        sums = np.where(finite, values, 0.0).sum(axis=1)
        return (
            np.bincount(self.index, sums, self.subjects).astype(np.float64),
            np.bincount(self.index, finite.sum(axis=1), self.subjects).astype(np.float64),
        )


def resample(subjects: Sequence[str], rng: np.random.Generator, resamples: int = RESAMPLES) -> Resampling:
    """Draw subjects with replacement.

    Parameters
    ----------
    subjects
        Of every case.
    rng
        The same seed gives the same draws, whatever the order of the cases.
    resamples
        How many times.

    Raises
    ------
    ValueError
        There is no case.
    """
    if not len(subjects):
        raise ValueError("there is no subject to draw from")
    people, index = np.unique(np.array(subjects, dtype=str), return_inverse=True)
    counts = rng.multinomial(len(people), np.full(len(people), 1 / len(people)), resamples)
    return Resampling(index, counts.astype(np.float64))


@dataclass(frozen=True)
class PairedTest:
    """Two models on the same landmarks.

    Attributes
    ----------
    first, second : str
        The models.
    subjects : int
        Compared: those with a landmark that both models gave.
    first_mean, second_mean : float
        Mean over subjects of each subject's mean error, over the landmarks that both gave.
    difference, low, high : float
        Mean over subjects of first minus second, and its 95 % interval by paired bootstrap; below zero where
        the first is better.
    p : float
        Wilcoxon's signed-rank test over subjects, two-sided.
    p_holm : float
        The same, corrected by Holm (1979) for all pairs that were tested.
    """

    first: str
    second: str
    subjects: int
    first_mean: float
    second_mean: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float

    @property
    def verdict(self) -> str:
        """In a few words: a difference needs both the corrected test at 5 % and an interval without zero."""
        if not (self.p_holm < 0.05 and (self.high < 0 or self.low > 0)):
            return "no difference shown"
        return f"{self.first if self.difference < 0 else self.second} is better"


def paired_tests(errors: dict[str, FloatArray], draws: Resampling) -> list[PairedTest]:
    """Compare every pair of models, subject by subject.

    Parameters
    ----------
    errors : (cases, landmarks) by model
        See :mod:`.metrics`. Only landmarks that both models gave are compared; those that one missed are
        told by the success detection rate.
    draws
        From :func:`resample`.
    """
    found = []
    models = list(errors)
    for number, first in enumerate(models):
        for second in models[number + 1 :]:
            found.append(_paired(first, second, errors[first], errors[second], draws))
    corrected = holm([test.p for test in found])
    return [
        PairedTest(**{**vars(test), "p_holm": float(p)}) for test, p in zip(found, corrected, strict=True)
    ]


def holm(p: Sequence[float]) -> FloatArray:
    """Holm's (1979) step-down correction of p-values; NaN stays NaN and is not counted."""
    values = np.asarray(p, np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known])]
    corrected = np.full(len(values), np.nan)
    steps = values[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return corrected


def _paired(first: str, second: str, one: FloatArray, other: FloatArray, draws: Resampling) -> PairedTest:
    both = np.isfinite(one) & np.isfinite(other)
    means = []
    for errors in (one, other):
        sums, sizes = draws._by_subject(np.where(both, errors, np.nan))
        means.append(np.divide(sums, sizes, out=np.full(len(sums), np.nan), where=sizes > 0))
    difference = means[0] - means[1]
    known = np.isfinite(difference)
    if not known.any():
        return PairedTest(first, second, 0, *[np.nan] * 7)
    low, high = Resampling(np.arange(draws.subjects), draws.counts).mean_interval(difference)
    return PairedTest(
        first=first,
        second=second,
        subjects=int(known.sum()),
        first_mean=float(means[0][known].mean()),
        second_mean=float(means[1][known].mean()),
        difference=float(difference[known].mean()),
        low=low,
        high=high,
        p=_signed_rank(difference[known]),
        p_holm=np.nan,
    )


def _signed_rank(differences: FloatArray) -> float:
    from scipy.stats import wilcoxon

    # Rounded, so that what differs by the last bits only counts as a tie; scipy drops zeros (Wilcoxon 1945).
    rounded = np.round(differences, 9)
    if not rounded.any():
        return 1.0
    return float(wilcoxon(rounded).pvalue)


def _bca(drawn: FloatArray, estimate: float, without: FloatArray) -> tuple[float, float]:
    """Bias-corrected and accelerated interval (Efron 1987).

    Parameters
    ----------
    drawn
        The measure in every resample.
    estimate
        The measure of all.
    without
        The measure with one subject left out, for each.
    """
    from scipy.stats import norm

    tails = TAILS
    away = without.mean() - without
    spread = float((away**2).sum())
    # Half of the ties, as a share has many.
    below = float((drawn < estimate).mean() + (drawn == estimate).mean() / 2)
    if spread > 0 and 0 < below < 1:
        acceleration = float((away**3).sum()) / (6 * spread**1.5)
        bias = norm.ppf(below)
        shifted = bias + norm.ppf(tails)
        tails = norm.cdf(bias + shifted / (1 - acceleration * shifted))
    low, high = np.quantile(drawn, tails)
    return float(low), float(high)
