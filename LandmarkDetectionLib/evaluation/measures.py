"""What errors of landmarks do to what is measured between them: angles, classes, and Cobb angles.

The success classification rate is that of Wang et al. 2016, the symmetric percentage error of Cobb angles
that of the AASCE challenge. As a landmark that was not given lies within no radius, a value that a model's
landmarks do not give is in no class, and an image without Cobb angles has those of a straight spine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.measurement_kinds import Measurement
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.evaluation.agreement import Confusion, confusion
from LandmarkDetectionLib.evaluation.evaluate import Evaluation
from LandmarkDetectionLib.evaluation.metrics import finite_mean
from LandmarkDetectionLib.evaluation.statistics import Resampling
from LandmarkDetectionLib.measurement.measure import Measured, measure_in
from LandmarkDetectionLib.typing import FloatArray

#: The Cobb angles of a spine that count together.
CURVES = 3


@dataclass(frozen=True)
class Share:
    """A mean over cases and its 95 % interval, by resampling subjects; NaN with too few."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class MeasureRow:
    """One measurement of one model.

    Attributes
    ----------
    model
        Its name.
    definition, unit
        What was measured.
    cases, missed
        With a value of the reference, and how many of those have none of the model.
    error
        Mean absolute difference where both have a value, in the unit.
    same_class
        Share of the cases in the class of the reference; None for a measurement without classes.
    confusion
        Of the classes, where both have a value; None as above.
    """

    model: str
    definition: Measurement
    unit: str
    cases: int
    missed: int
    error: Share
    same_class: Share | None
    confusion: Confusion | None

    def record(self) -> dict[str, object]:
        """As one row of a table."""
        same = self.same_class
        return {
            "model": self.model,
            "measurement": self.definition.name,
            "unit": self.unit,
            "cases": self.cases,
            "missed": self.missed,
            "mean absolute error": _rounded(self.error.value),
            "error low": _rounded(self.error.low),
            "error high": _rounded(self.error.high),
            "same class": None if same is None else _rounded(same.value),
            "same class low": None if same is None else _rounded(same.low),
            "same class high": None if same is None else _rounded(same.high),
        }


@dataclass(frozen=True)
class Measures:
    """All that is measured on a data set.

    Attributes
    ----------
    rows
        For every model and measurement that the reference has in some case.
    success
        By model: share of the same class, mean over the measurements with classes; empty without any.
    smape
        By model: symmetric mean absolute percentage error of the Cobb angles, in percent; empty without.
    """

    rows: tuple[MeasureRow, ...]
    success: dict[str, Share]
    smape: dict[str, Share]

    def of(self, model: str) -> tuple[MeasureRow, ...]:
        """The rows of one model."""
        return tuple(row for row in self.rows if row.model == model)


def measure_models(result: Evaluation, draws: Resampling) -> Measures | None:
    """Measure the main reference and every model; None where the data set's protocol measures nothing.

    Parameters
    ----------
    result
        From ``evaluate.evaluate``.
    draws
        Of subjects, from ``result.resampling``.
    """
    protocol = result.datalist.protocol
    if protocol is None or not any(one.shown for one in protocol.measurements):
        return None
    if protocol.view == "picture" and not all(volume.is_2d for volume in result.geometries):
        return None
    truth = _measured(result, result.reference.ras, protocol)
    rows: list[MeasureRow] = []
    success, smape = {}, {}
    for model, found in result.models.items():
        values = _measured(result, found.ras, protocol)
        own = list(_rows(model, truth, values, draws))
        judged = [_same_class(truth[row.definition.name], values[row.definition.name]) for row in own]
        judged = [one for one, row in zip(judged, own, strict=True) if row.same_class is not None]
        if judged:
            success[model] = _share(np.stack(judged, axis=1), draws)
        if (errors := _cobb_errors(truth, values)) is not None:
            smape[model] = _share(100 * errors, draws)
        rows += own
    return Measures(tuple(rows), success, smape) if rows else None


def _measured(result: Evaluation, ras: FloatArray, protocol: Protocol) -> dict[str, list[Measured]]:
    """By measurement: what was measured in every case."""
    cases = [
        _of_case(volume, places, result.landmarks, protocol)
        for volume, places in zip(result.geometries, ras, strict=True)
    ]
    return {one.name: [case[one.name] for case in cases] for one in protocol.measurements if one.shown}


def _of_case(
    volume: Volume, places: FloatArray, names: tuple[str, ...], protocol: Protocol
) -> dict[str, Measured]:
    marks = LandmarkSet(
        tuple(
            Landmark(name, place)
            for name, place in zip(names, places, strict=True)
            if np.isfinite(place).all()
        )
    )
    found = measure_in(volume, marks, protocol)
    return {} if found is None else dict(found.by_name)


def _values(measured: list[Measured]) -> FloatArray:
    return np.array([np.nan if one.value is None else one.value for one in measured])


def _rows(
    model: str, truth: dict[str, list[Measured]], values: dict[str, list[Measured]], draws: Resampling
) -> Iterator[MeasureRow]:
    for name, reference in truth.items():
        wanted, given = _values(reference), _values(values[name])
        there = np.isfinite(wanted)
        if not there.any():
            continue
        both = there & np.isfinite(given)
        definition, unit = reference[0].definition, reference[0].unit
        judged = bool(definition.classes) and any(one.class_name for one in reference)
        yield MeasureRow(
            model=model,
            definition=definition,
            unit=unit,
            cases=int(there.sum()),
            missed=int((there & ~both).sum()),
            error=_share(np.abs(given - wanted), draws),
            same_class=_share(_same_class(reference, values[name]), draws) if judged else None,
            confusion=confusion(definition, wanted[both], given[both]) if judged else None,
        )


def _same_class(reference: list[Measured], found: list[Measured]) -> FloatArray:
    """(cases,) 1 where both are in one class, or both in none; NaN where the reference has no value."""
    return np.array(
        [
            np.nan
            if one.value is None
            else float(other.value is not None and one.class_name == other.class_name)
            for one, other in zip(reference, found, strict=True)
        ]
    )


def _cobb_errors(truth: dict[str, list[Measured]], values: dict[str, list[Measured]]) -> FloatArray | None:
    """(cases,) sum of the angles' differences over their sum; None where the protocol has no three angles."""
    curves = [name for name, cases in truth.items() if cases and cases[0].definition.kind == "cobb"]
    if len(curves) != CURVES:
        return None
    wanted = np.stack([_values(truth[name]) for name in curves], axis=1)
    given = np.nan_to_num(np.stack([_values(values[name]) for name in curves], axis=1))
    total = (wanted + given).sum(axis=1)
    # Straight in both: nothing is wrong.
    shares = np.abs(wanted - given).sum(axis=1) / np.where(total > 0, total, 1)
    return shares if np.isfinite(shares).any() else None


def _share(values: FloatArray, draws: Resampling) -> Share:
    return Share(float(finite_mean(values.ravel(), axis=0)), *draws.mean_interval(values))


def _rounded(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
