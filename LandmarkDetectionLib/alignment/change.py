"""How measurements changed between two visits, and whether by chance.

A change is uncertain because all landmarks of a measurement are, at both visits; both spreads are carried
over together, as that of one measurement is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.alignment.displacement import Visit
from LandmarkDetectionLib.core.measurement_kinds import Measurement, NotMeasurable
from LandmarkDetectionLib.measurement import Measured, Measurements
from LandmarkDetectionLib.measurement.uncertainty import Propagation, Samples, Spread
from LandmarkDetectionLib.measurement.values import is_circular, value_of
from LandmarkDetectionLib.typing import FloatArray

LIES = "measured in the axes of the scan, so it changes with how the patient lies"


@dataclass(frozen=True)
class Change:
    """How one measurement changed.

    Attributes
    ----------
    before, after
        The measurement at both visits.
    value
        After less before; None when there is a gap.
    spread
        Of the change; None where the spread of a landmark is not known.
    gap
        Why there is no change.
    remarks
        What to know of it, each a part of a sentence.
    """

    before: Measured
    after: Measured
    value: float | None = None
    spread: Spread | None = None
    gap: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def definition(self) -> Measurement:
        """What is measured."""
        return self.before.definition

    @property
    def changed(self) -> bool | None:
        """Whether it changed more than chance explains; None where that cannot be told."""
        return None if self.spread is None else not self.spread.low <= 0 <= self.spread.high

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        spread = self.spread
        return {
            "name": self.definition.name,
            "title": self.definition.title,
            "unit": self.before.unit,
            "before": self.before.value,
            "after": self.after.value,
            "change": self.value,
            "sd": None if spread is None else spread.sd,
            "interval_95": None if spread is None else [spread.low, spread.high],
            "changed": self.changed,
            "class_before": self.before.class_name or None,
            "class_after": self.after.class_name or None,
            "gap": self.gap or None,
            "remarks": list(self.remarks),
        }


def changes_of(
    first: Visit, later: Visit, before: Measurements, after: Measurements, rater_sd: float | None = None
) -> tuple[Change, ...]:
    """The change of every measurement, or why there is none.

    Parameters
    ----------
    first, later
        The visits.
    before, after
        What was measured at them.
    rater_sd
        As it was measured with.
    """
    shared = _Changes(first, later, before, rater_sd)
    return tuple(
        shared.change(one, after[one.name]) for one in before if not isinstance(one.definition, NotMeasurable)
    )


def is_in_scan_axes(definition: Measurement, known: Mapping[str, Measurement]) -> bool:
    """Whether a measurement, or one that it is computed from, depends on how the patient lies in the scan."""
    own = bool(definition.directions) or definition.plane is not None
    return own or any(is_in_scan_axes(known[name], known) for name in definition.of)


class _Changes:
    """What the changes of all measurements share: the landmarks of both visits, as those of one."""

    def __init__(self, first: Visit, later: Visit, before: Measurements, rater_sd: float | None) -> None:
        self.visits = first, later
        self.known = {one.name: one for one in before.protocol.measurements}
        assumed = None if rater_sd is None else np.eye(3) * rater_sd**2
        self.points: dict[str, FloatArray] = {}
        self.covariances: dict[str, FloatArray] = {}
        for number, visit in enumerate(self.visits):
            for mark in visit.landmarks.present:
                key = f"{number} {mark.name}"
                self.points[key] = visit.frame.points(mark.position)
                own = assumed if mark.covariance is None else mark.covariance
                if own is not None:
                    self.covariances[key] = visit.frame.covariance(own)
        self.propagation = Propagation(self.points, self.covariances) if self.covariances else None

    def change(self, before: Measured, after: Measured) -> Change:
        for visit, one in zip(self.visits, (before, after), strict=True):
            if one.value is None:
                return Change(before, after, gap=f"{visit.name}: {one.gap}")
        if before.unit != after.unit or before.unit == "px":
            return Change(before, after, gap="needs the pixel size of both pictures")
        assert before.value is not None and after.value is not None
        value = after.value - before.value
        definition = before.definition
        if is_circular(definition):
            value = (value + 180) % 360 - 180
        remarks = [LIES] if is_in_scan_axes(definition, self.known) else []
        if before.spread is None or after.spread is None or self.propagation is None:
            remarks.append("whether by chance cannot be told, as the spread of its landmarks is unknown")
            return Change(before, after, value, remarks=tuple(remarks))
        spread = self.propagation.spread_of(
            lambda samples: self._value(definition, samples, 1) - self._value(definition, samples, 0),
            value,
            circular=is_circular(definition),
        )
        if spread is None or not math.isfinite(spread.sd):
            return Change(before, after, gap="cannot be told apart from chance, as it is not defined nearby")
        return Change(before, after, value, spread, remarks=tuple(remarks))

    def _value(self, definition: Measurement, samples: Samples, number: int) -> FloatArray:
        """Of one visit for samples of both."""
        key = f"visit {number}"
        if key not in samples.cache:
            own = {
                name.removeprefix(f"{number} "): places
                for name, places in samples.points.items()
                if name.startswith(f"{number} ")
            }
            samples.cache[key] = Samples(own)
        return value_of(definition, samples.cache[key], self.visits[number].frame, self.known)
