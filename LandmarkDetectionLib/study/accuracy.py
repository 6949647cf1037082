"""Errors of a study as numbers: per landmark and method, and whether the paper's order of methods holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.study.run import StudyResult
from LandmarkDetectionLib.typing import Array

RESAMPLES = 2_000
# What Riegler et al. 2015 found on hands, section 4 and figure 2: the first of each pair is the better one.
PAPER_ORDER = (
    ("CNN(ft)", "CNN(syn)"),
    ("CNN(ft)", "CNN(med)"),
    ("NN(med)", "NN(syn)"),
    ("CNN(syn)", "NN(syn)"),
    ("CNN(ft)", "RF"),
    ("CNN(med)", "RF"),
    ("NN(med)", "RF"),
)


@dataclass(frozen=True)
class Comparison:
    """Whether one method is better than another, as the paper says.

    Attributes
    ----------
    better, worse : str
        As in the paper.
    difference : float
        Mean error of ``worse`` minus that of ``better``, px.
    low, high : float
        Its 95 % interval, from resampled subjects.
    """

    better: str
    worse: str
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """In a word or two."""
        if self.low > 0:
            return "holds"
        if self.high < 0:
            return "does not hold"
        return "undecided"


def position_errors(result: StudyResult) -> dict[str, Array]:
    """(N, L) px by method: the root of the squared error of every landmark in every image."""
    truth = result.medical.points[..., :2]
    return {method: np.linalg.norm(found - truth, axis=-1) for method, found in result.positions.items()}


def position_errors_mm(result: StudyResult) -> dict[str, Array]:
    """(N, L) mm by method."""
    truth, spacing = result.medical.points[..., :2], result.medical.spacing[:, None]
    return {
        method: np.linalg.norm((found - truth) * spacing, axis=-1)
        for method, found in result.positions.items()
    }


def depth_errors(result: StudyResult) -> dict[str, Array]:
    """(N, L) mm by method: absolute depth errors."""
    truth = result.medical.points[..., 2]
    return {method: np.abs(found - truth) for method, found in result.depths.items()}


def table(errors: dict[str, Array], names: Sequence[str]) -> list[dict[str, Any]]:
    """One row per method and landmark, and one for all landmarks: count, mean, deviation, RMSE, quantiles."""
    rows = []
    for method, values in errors.items():
        for landmark, one in [*zip(names, values.T, strict=True), ("all", values.ravel())]:
            rows.append(
                {
                    "method": method,
                    "landmark": landmark,
                    "count": int(one.size),
                    "mean": round(float(one.mean()), 3),
                    "deviation": round(float(one.std()), 3),
                    "rmse": round(float(np.sqrt((one**2).mean())), 3),
                    "median": round(float(np.median(one)), 3),
                    "95 %": round(float(np.quantile(one, 0.95)), 3),
                }
            )
    return rows


def compare(errors: dict[str, Array], subjects: Sequence[str], seed: int = 0) -> list[Comparison]:
    """The paper's statements of which method is better than which, on these errors (N, L)."""
    found = []
    for better, worse in PAPER_ORDER:
        difference = (errors[worse] - errors[better]).mean(axis=1)
        low, high = interval(difference, subjects, seed)
        found.append(Comparison(better, worse, float(difference.mean()), low, high))
    return found


def interval(values: Array, subjects: Sequence[str], seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean of (N,) values, from resampled subjects: a subject's images go together."""
    people, index = np.unique(np.array(subjects), return_inverse=True)
    sums, counts = np.bincount(index, values), np.bincount(index)
    drawn = np.random.default_rng(seed).integers(0, len(people), (RESAMPLES, len(people)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
