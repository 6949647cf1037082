"""Whether a new model is better than the one it came from, on cases that neither of them chose.

The new model is better when its mean error over the cases held out is smaller than the old one's and the
95 % interval of the difference, from resampling whole cases of both models together, lies below zero. Where
cases of the data the old model came from are held out, too, the new one must not have become worse there:
neither by more than chance, nor on average by more than ``FORGOTTEN`` of the old model's error. (An interval
that had to end below that would be asked of data that often hold back a handful of cases, too few for it.)

Positions that a person merely accepted are the old model's own: measured from there it could not be wrong. So
for these only what lies beyond half the radius within which a landmark counts as found is an error, of either
model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.evaluation.statistics import resample
from LandmarkDetectionLib.typing import Array
from LandmarkDetectionLib.wording import counted

#: By how much of the old model's error the new one may be worse on the data the old one came from.
FORGOTTEN = 0.1
#: Of the radius: nearer than this to an accepted position is right.
TOLERANCE = 0.5


@dataclass(frozen=True)
class PairedErrors:
    """Two models on the same landmarks of the same cases.

    Attributes
    ----------
    cases, landmarks
        How many were compared.
    unit
        mm or px.
    old, new
        Mean errors.
    old_interval, new_interval
        Their 95 % intervals.
    difference, low, high
        New minus old, and its 95 % interval; below zero where the new one is better.
    """

    cases: int
    landmarks: int
    unit: str
    old: float
    old_interval: tuple[float, float]
    new: float
    new_interval: tuple[float, float]
    difference: float
    low: float
    high: float

    def sentence(self) -> str:
        """Both models in one line."""
        new, old = self.new_interval, self.old_interval
        return (
            f"{self.new:.2f} {self.unit} ({new[0]:.2f} to {new[1]:.2f}) instead of {self.old:.2f} "
            f"({old[0]:.2f} to {old[1]:.2f}), difference {self.difference:+.2f} ({self.low:+.2f} to "
            f"{self.high:+.2f}), {counted(self.landmarks, 'landmark')} of {counted(self.cases, 'case')}"
        )


@dataclass(frozen=True)
class ModelComparison:
    """What became of a fine-tuning.

    Attributes
    ----------
    held_out
        On the store's cases.
    earlier
        On those of the data the model came from; None where there are none, or too few for an interval.
    """

    held_out: PairedErrors
    earlier: PairedErrors | None = None

    @property
    def is_better(self) -> bool:
        """Whether the new model may take the old one's place."""
        return self.held_out.high < 0 and not self.forgets

    @property
    def forgets(self) -> bool:
        """Whether the new model has become worse on the data the old one came from."""
        found = self.earlier
        return found is not None and (found.low > 0 or found.difference > FORGOTTEN * found.old)

    def sentence(self) -> str:
        """The decision and its numbers."""
        text = f"mean error on cases held back: {self.held_out.sentence()}"
        if self.earlier is not None:
            text += f"; on earlier data: {self.earlier.sentence()}"
        if self.is_better:
            return f"The new model is better; {text}."
        if self.held_out.high >= 0:
            return f"The new model is not shown to be better, so the old one stays; {text}."
        return f"The new model has become worse on what the old one knew, so the old one stays; {text}."

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "better": self.is_better,
            "held back": asdict(self.held_out),
            "earlier": asdict(self.earlier) if self.earlier is not None else None,
            "sentence": self.sentence(),
        }


def comparison_from_record(record: dict[str, Any]) -> ModelComparison:
    """Inverse of :meth:`ModelComparison.to_record`."""

    def errors(found: dict[str, Any]) -> PairedErrors:
        intervals = {key: tuple(found[key]) for key in ("old_interval", "new_interval")}
        return PairedErrors(**{**found, **intervals})

    earlier = record["earlier"]
    return ModelComparison(errors(record["held back"]), errors(earlier) if earlier is not None else None)


def compare(
    old: Array, new: Array, subjects: Sequence[str], unit: str, tolerance: Array | None = None, seed: int = 0
) -> PairedErrors:
    """Compare errors, case by case.

    Parameters
    ----------
    old, new : (cases, landmarks)
        Point-to-point errors; NaN where there is no truth.
    subjects
        Of every case: those of one are drawn together.
    unit
        Of the errors.
    tolerance : (cases, landmarks), optional
        What of each error is none.
    seed
        Of the resampling.
    """
    beyond = np.zeros_like(old) if tolerance is None else tolerance
    old, new = (np.maximum(errors - beyond, 0.0) for errors in (old, new))
    both = np.isfinite(old) & np.isfinite(new)
    old, new = np.where(both, old, np.nan), np.where(both, new, np.nan)
    draws = resample(subjects, np.random.default_rng(seed))
    low, high = draws.mean_interval(new - old)
    return PairedErrors(
        cases=int(both.any(axis=1).sum()),
        landmarks=int(both.sum()),
        unit=unit,
        old=float(np.nanmean(old)),
        old_interval=draws.mean_interval(old),
        new=float(np.nanmean(new)),
        new_interval=draws.mean_interval(new),
        difference=float(np.nanmean(new - old)),
        low=low,
        high=high,
    )
