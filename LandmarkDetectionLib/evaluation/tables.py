"""The numbers of an evaluation as rows: one per error, and one per model and landmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.evaluation.coverage import Held, summarise_regions
from LandmarkDetectionLib.evaluation.evaluate import Evaluation
from LandmarkDetectionLib.evaluation.measures import Measures, measure_models
from LandmarkDetectionLib.evaluation.metrics import (
    ErrorSummary,
    Presence,
    finite_mean,
    image_errors,
    presence,
    summarise,
)
from LandmarkDetectionLib.evaluation.statistics import PairedTest, Resampling, paired_tests
from LandmarkDetectionLib.quality.calibration import expected_calibration_error, reliability
from LandmarkDetectionLib.typing import FloatArray

Interval = tuple[float, float]

ALL, PER_IMAGE = "all", "image mean"


@dataclass(frozen=True)
class SummaryRow:
    """Errors of one model at one landmark, at all of them, or averaged over the landmarks of each image.

    Attributes
    ----------
    model, reference, landmark : str
        ``landmark`` is ``all`` or ``image mean`` for the last two.
    summary : ErrorSummary
        In the evaluation's unit.
    mean_interval, median_interval : (low, high)
        95 %, by resampling subjects; NaN with too few.
    success_intervals
        The same of the success detection rate, by radius.
    """

    model: str
    reference: str
    landmark: str
    summary: ErrorSummary
    mean_interval: Interval
    median_interval: Interval
    success_intervals: dict[float, Interval]

    def record(self, unit: str) -> dict[str, Any]:
        """As one row of a table."""
        one = self.summary
        record: dict[str, Any] = {
            "model": self.model,
            "reference": self.reference,
            "landmark": self.landmark,
            "unit": unit,
            "count": one.count,
            "missed": one.missed,
            "mean": _rounded(one.mean),
            "mean low": _rounded(self.mean_interval[0]),
            "mean high": _rounded(self.mean_interval[1]),
            "sd": _rounded(one.deviation),
            "median": _rounded(one.median),
            "median low": _rounded(self.median_interval[0]),
            "median high": _rounded(self.median_interval[1]),
            "95 %": _rounded(one.percentile_95),
            "largest": _rounded(one.largest),
        }
        for radius, share in one.success.items():
            low, high = self.success_intervals[radius]
            record[f"SDR {radius:g}"] = _rounded(share)
            record[f"SDR {radius:g} low"], record[f"SDR {radius:g} high"] = _rounded(low), _rounded(high)
        for radius, count in one.outliers.items():
            record[f"outliers {radius:g}"] = count
        return record


@dataclass(frozen=True)
class Disagreement:
    """How far raters are apart, and models from their mean.

    Attributes
    ----------
    raters : tuple of str
    mean, median : float
        Distance between two raters over all pairs, cases and landmarks, in the unit.
    single : float
        Mean distance of a rater from the mean of all. With two raters this is half of ``mean``.
    per_landmark : (landmarks,)
        Mean distance between two raters.
    ratios : by model
        Mean error against the main reference divided by ``mean``, and its 95 % interval.
    median_ratios : by model
        Median error divided by ``median``.
    """

    raters: tuple[str, ...]
    mean: float
    median: float
    single: float
    per_landmark: FloatArray
    ratios: dict[str, tuple[float, float, float]]
    median_ratios: dict[str, float]


@dataclass(frozen=True)
class Tables:
    """Everything that is told in numbers.

    Attributes
    ----------
    rows
        For every reference, model and landmark.
    tests
        Every pair of models.
    presence
        By model, then by landmark or ``all``.
    absent
        How many landmarks are known to be absent.
    disagreement
        None with a single rater.
    calibration
        By model that gave confidences: rows of ``calibration.reliability`` and the expected calibration
        error.
    regions
        By model that gave covariances, then by landmark or ``all``.
    measures
        What the protocol measures; None where it measures nothing.
    """

    rows: tuple[SummaryRow, ...]
    tests: tuple[PairedTest, ...]
    presence: dict[str, dict[str, Presence]]
    absent: int
    disagreement: Disagreement | None
    calibration: dict[str, tuple[list[dict[str, float]], float]]
    regions: dict[str, dict[str, Held]]
    measures: Measures | None

    def row(self, model: str, landmark: str = ALL, reference: str | None = None) -> SummaryRow:
        """One of the rows, of the main reference when None."""
        wanted = reference if reference is not None else self.rows[0].reference
        return next(
            row for row in self.rows if (row.model, row.landmark, row.reference) == (model, landmark, wanted)
        )


def make_tables(result: Evaluation) -> Tables:
    """Compute all numbers."""
    draws = result.resampling()
    rows = []
    for reference in result.references:
        for model in result.models:
            errors = result.errors(model, reference)
            columns = [
                (ALL, errors),
                (PER_IMAGE, image_errors(errors)[:, None]),
                *((name, errors[:, [n]]) for n, name in enumerate(result.landmarks)),
            ]
            rows += [_row(result, model, reference, name, values, draws) for name, values in columns]
    truth = result.reference
    return Tables(
        rows=tuple(rows),
        tests=tuple(paired_tests({model: result.errors(model) for model in result.models}, draws)),
        presence={model: _presence(result, model) for model in result.models},
        absent=int((truth.known & ~truth.present).sum()),
        disagreement=_disagreement(result, draws),
        calibration=_calibration(result),
        regions=_regions(result, draws),
        measures=measure_models(result, draws),
    )


def error_rows(result: Evaluation) -> list[dict[str, Any]]:
    """One row per case, landmark, model and reference; no error where there is nothing to compare."""
    rows = []
    for reference, truth in result.references.items():
        for model, found in result.models.items():
            errors = result.errors(model, reference)
            held = result.regions(model, reference)[0]
            for c, (key, case) in enumerate(zip(result.keys, result.cases, strict=True)):
                for n, landmark in enumerate(result.landmarks):
                    rows.append(
                        {
                            "case": key,
                            "subject": case.subject,
                            "split": case.split,
                            "model": model,
                            "reference": reference,
                            "landmark": landmark,
                            "annotated": int(truth.known[c, n]),
                            "present": int(truth.present[c, n]),
                            "given": int(found.given[c, n]),
                            "error": round(float(errors[c, n]), 6) if np.isfinite(errors[c, n]) else None,
                            "unit": result.unit,
                            "confidence": _rounded(float(found.confidence[c, n])),
                            "in region": int(held[c, n]) if np.isfinite(held[c, n]) else None,
                        }
                    )
    return rows


def _row(
    result: Evaluation, model: str, reference: str, landmark: str, errors: FloatArray, draws: Resampling
) -> SummaryRow:
    there = ~np.isnan(errors)
    return SummaryRow(
        model=model,
        reference=reference,
        landmark=landmark,
        summary=summarise(errors, result.radii, result.outlier_radii),
        mean_interval=draws.mean_interval(errors),
        median_interval=draws.median_interval(errors),
        success_intervals={
            radius: draws.mean_interval(np.where(there, errors <= radius, np.nan)) for radius in result.radii
        },
    )


def _presence(result: Evaluation, model: str) -> dict[str, Presence]:
    given, truth = result.models[model].given, result.reference
    found = {ALL: presence(given, truth.present, truth.known)}
    for n, name in enumerate(result.landmarks):
        found[name] = presence(given[:, n], truth.present[:, n], truth.known[:, n])
    return found


def _disagreement(result: Evaluation, draws: Resampling) -> Disagreement | None:
    apart, between = result.rater_distances(), result.between_raters()
    if between is None:
        return None
    mean, median = float(np.nanmean(apart)), float(np.nanmedian(apart))
    ratios, median_ratios = {}, {}
    for model in result.models:
        errors = result.errors(model)
        summary = summarise(errors)
        ratios[model] = (
            (summary.mean / mean, *draws.ratio_interval(errors, between)) if mean else (np.nan,) * 3
        )
        median_ratios[model] = summary.median / median if median else np.nan
    return Disagreement(
        raters=tuple(result.raters),
        mean=mean,
        median=median,
        single=float(np.nanmean(result.rater_offsets())),
        per_landmark=finite_mean(apart.reshape(-1, len(result.landmarks)), axis=0),
        ratios=ratios,
        median_ratios=median_ratios,
    )


def _calibration(result: Evaluation) -> dict[str, tuple[list[dict[str, float]], float]]:
    """Of every landmark with a confidence whose presence is annotated: was it there and found?"""
    found = {}
    for model, one in result.models.items():
        judged = np.isfinite(one.confidence) & result.reference.known
        if judged.any():
            # NaN (absent) and inf (missed) are both no finds.
            hit = (result.errors(model) <= result.found_within)[judged]
            confidence = one.confidence[judged]
            found[model] = (reliability(confidence, hit), expected_calibration_error(confidence, hit))
    return found


def _regions(result: Evaluation, draws: Resampling) -> dict[str, dict[str, Held]]:
    unit = result.size_unit
    found = {}
    for model in result.models:
        held, size = result.regions(model)
        if np.isfinite(held).any():
            found[model] = {ALL: summarise_regions(held, size, draws, unit)} | {
                name: summarise_regions(held[:, [n]], size[:, [n]], draws, unit)
                for n, name in enumerate(result.landmarks)
            }
    return found


def _rounded(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
