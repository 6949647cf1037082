"""How good a trained model is on cases held out, said so that a bad one is not taken for a good one.

A network that has learned nothing puts every landmark where it lies on average. How far that *mean shape*
is from the truth is therefore what a model's error is compared with: hardly better means that images and
landmarks do not belong together (another row order, rows counted from the bottom), or that the training was
too short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.evaluation.metrics import finite_mean
from LandmarkDetectionLib.evaluation.statistics import resample
from LandmarkDetectionLib.quality.calibration import UNCERTAIN_BELOW
from LandmarkDetectionLib.training.supervised.cases import SupervisedCase
from LandmarkDetectionLib.typing import Array
from LandmarkDetectionLib.wording import counted

#: A model whose mean error is a larger share of the mean shape's has hardly learned from the images.
HARDLY_BETTER = 0.7


@dataclass(frozen=True)
class TrainingQuality:
    """Errors on the cases held out; numbers are None where nothing could be measured.

    Attributes
    ----------
    cases, landmarks
        Held out, and how many landmarks they have together.
    unit
        "mm" or "px".
    mean, low, high, median
        Point-to-point error; the 95 % interval of the mean, subjects resampled (None with too few of them).
    radius, within
        Share of the landmarks that lie this close.
    trusted, trusted_within
        Share of the landmarks with a confidence of 0.5 or more, and how many of those lie within the radius.
    mean_shape
        Mean error of putting every landmark where it lies on average in the cases that were learned from.
    """

    cases: int
    landmarks: int
    unit: str
    radius: float
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    median: float | None = None
    within: float | None = None
    trusted: float | None = None
    trusted_within: float | None = None
    mean_shape: float | None = None

    @property
    def share_of_mean_shape(self) -> float | None:
        """The model's mean error in relation to the mean shape's."""
        return None if self.mean is None or not self.mean_shape else self.mean / self.mean_shape

    @property
    def doubt(self) -> str:
        """Why nobody should rely on the model, in one sentence; empty when nothing speaks against it."""
        share = self.share_of_mean_shape
        if share is None or share <= HARDLY_BETTER:
            return ""
        return (
            f"The model is hardly better than putting every landmark where it lies on average "
            f"({self.mean:.3g} against {self.mean_shape:.3g} {self.unit}): the landmarks may not belong to "
            "their "
            "images (rows that count from the bottom, images in another order), or the training was too "
            "short; look at the landmarks on their images."
        )

    def sentences(self) -> list[str]:
        """What was measured, for the last lines of a training and for the card."""
        if self.mean is None:
            return ["Nothing was measured: no landmark of a case was held back; confidence is a guess."]
        interval = (
            f"95 % interval {self.low:.3g} to {self.high:.3g}"
            if self.low is not None and self.high is not None
            else "too few subjects for an interval"
        )
        lines = [
            f"Error on {counted(self.cases, 'case')} held back: mean {self.mean:.3g} {self.unit} "
            f"({interval}), median {self.median:.3g} {self.unit}."
        ]
        if self.share_of_mean_shape is not None:
            lines.append(
                f"Putting every landmark where it lies on average would be {self.mean_shape:.3g} "
                f"{self.unit} off; the model's error is {100 * self.share_of_mean_shape:.0f} % of that."
            )
        right = "" if self.trusted_within is None else f", {100 * self.trusted_within:.0f} % of those rightly"
        lines.append(
            f"Usable: {100 * (self.within or 0):.0f} % of {counted(self.landmarks, 'landmark')} lie within "
            f"{self.radius:g} {self.unit}; {100 * (self.trusted or 0):.0f} % have a confidence of "
            f"{UNCERTAIN_BELOW:g} or more{right}."
        )
        return lines

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {key: round(one, 4) if isinstance(one, float) else one for key, one in asdict(self).items()}


def measure_quality(
    training: Sequence[SupervisedCase],
    held_out: Sequence[SupervisedCase],
    error: Array,
    confidence: Array,
    radius: float,
    unit: str,
) -> TrainingQuality:
    """Sum up a model's errors.

    Parameters
    ----------
    training
        What it learned from.
    held_out
        What was measured.
    error, confidence : (cases, landmarks)
        Of the cases held out, in their order; errors are NaN where there is no truth.
    radius
        A landmark counts as found within it.
    """
    expected = mean_shape_errors(training, held_out) if np.isfinite(error).any() else None
    return quality_of_errors([case.subject for case in held_out], error, confidence, radius, unit, expected)


def quality_of_errors(
    subjects: Sequence[str],
    error: Array,
    confidence: Array,
    radius: float,
    unit: str,
    expected: Array | None,
) -> TrainingQuality:
    """As ``measure_quality``, of cases of these subjects.

    Parameters
    ----------
    expected : (cases, landmarks), optional
        Errors of putting every landmark where it lies on average; NaN where there is no truth.
    """
    there = np.isfinite(error)
    if not there.any():
        return TrainingQuality(len(subjects), 0, unit, radius)
    errors, trusted = error[there], (confidence >= UNCERTAIN_BELOW)[there]
    draws = resample(list(subjects), np.random.default_rng(0))
    low, high = draws.mean_interval(error)
    both = there & np.isfinite(expected) if expected is not None else np.zeros_like(there)
    return TrainingQuality(
        cases=len(subjects),
        landmarks=int(there.sum()),
        unit=unit,
        radius=radius,
        mean=float(errors.mean()),
        low=_finite(low),
        high=_finite(high),
        median=float(np.median(errors)),
        within=float((errors <= radius).mean()),
        trusted=float(trusted.mean()),
        trusted_within=float((errors[trusted] <= radius).mean()) if trusted.any() else None,
        mean_shape=float(expected[both].mean()) if expected is not None and both.any() else None,
    )


def mean_shape_errors(training: Sequence[SupervisedCase], held_out: Sequence[SupervisedCase]) -> Array:
    """(cases, landmarks) distances from where landmarks lie on average, as shares of the image's sides.

    NaN where a landmark is not annotated, or in no case that was learned from.
    """
    mean = finite_mean(np.concatenate([(case.points + 0.5) / _sides(case) for case in training]), axis=0)
    return np.stack(
        [
            np.linalg.norm((case.points[0] + 0.5) - mean * _sides(case), axis=-1)
            * np.linalg.norm(case.to_ras[:3, 0])
            for case in held_out
        ]
    )


def _sides(case: SupervisedCase) -> Array:
    """Cells along x, y(, z) that the image takes."""
    return np.array(case.content[::-1], float)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
