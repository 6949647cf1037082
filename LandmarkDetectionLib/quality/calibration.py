"""Confidence that means what it says: calibration curves and the thresholds of status."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RADIUS_MM = 20.0
"""A landmark counts as found when it lies this close to the truth: what confidence is a probability of."""

UNCERTAIN_BELOW = 0.5
PRESENT_ABOVE = 0.35
"""What may well be there is shown as uncertain rather than left out: a person sees at once if it is not."""


@dataclass(frozen=True)
class Calibration:
    """A monotone map from a network's own score to the share of landmarks that were found at that score.

    Attributes
    ----------
    scores, shares : (n,) increasing
        Knots; linear between them.
    """

    scores: np.ndarray
    shares: np.ndarray

    @classmethod
    def fit(cls, scores: np.ndarray, found: np.ndarray, knots: int = 25) -> Calibration:
        """Isotonic regression of found (n,) bool on scores (n,), thinned to at most twice as many knots.

        Knots stand for equal numbers of landmarks, and where the share changes fast for equal steps of it, so
        that a few bad scores among many good ones keep their own.
        """
        from scipy.optimize import isotonic_regression

        order = np.argsort(scores)
        ordered, fitted = scores[order], isotonic_regression(found[order].astype(float)).x
        rank, step = np.arange(len(order)) * knots // len(order), np.floor(fitted * knots)
        starts = np.flatnonzero(np.diff(rank, prepend=-1) + np.diff(step, prepend=-1))
        groups = np.split(np.arange(len(order)), starts[1:])
        return cls(
            np.array([ordered[g].mean() for g in groups]), np.array([fitted[g].mean() for g in groups])
        )

    def to_settings(self) -> dict[str, list[float]]:
        """As JSON values."""
        return {"scores": self.scores.round(6).tolist(), "shares": self.shares.round(6).tolist()}

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Confidence of scores, in [0, 1]."""
        return np.clip(np.interp(scores, self.scores, self.shares), 0.0, 1.0)


def reliability(confidence: np.ndarray, found: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """Mean confidence and share found per bin of confidence, with counts; empty bins left out."""
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.digitize(confidence, edges) - 1, 0, bins - 1)
    return [
        {
            "confidence": float(confidence[index == b].mean()),
            "found": float(found[index == b].mean()),
            "count": int((index == b).sum()),
        }
        for b in range(bins)
        if (index == b).any()
    ]


def expected_calibration_error(confidence: np.ndarray, found: np.ndarray, bins: int = 10) -> float:
    """Mean distance between confidence and share found, weighted by bin counts (Naeini 2015)."""
    rows = reliability(confidence, found, bins)
    return float(sum(r["count"] * abs(r["confidence"] - r["found"]) for r in rows) / max(1, len(confidence)))
