"""Many visits of one patient: each against the first, and how fast every measurement goes.

The rate is the slope of a straight line through the values over time, each weighing by its certainty
(weighted least squares); how well a line describes them is judged by the squares that are left (chi-squared).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from LandmarkDetectionLib.alignment.change import LIES, is_in_scan_axes
from LandmarkDetectionLib.alignment.compare import Comparison, compare
from LandmarkDetectionLib.alignment.displacement import Visit
from LandmarkDetectionLib.core.measurement_kinds import Measurement, NotMeasurable
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.measurement import Measured, measure
from LandmarkDetectionLib.measurement.uncertainty import Spread

DAYS_PER_YEAR = 365.25
BENT = 0.01
"""Probability of what a straight line leaves over, below which it is said not to go straight."""
_Z = 1.959963984540054  # 97.5 % quantile of the standard normal distribution


@dataclass(frozen=True)
class Rate:
    """How fast one measurement goes.

    Attributes
    ----------
    name, title, unit
        Of the measurement.
    values
        At every visit, with a gap where there is none.
    per_year
        Slope; None when there is a gap.
    spread
        Of the slope.
    gap
        Why there is no slope.
    remarks
        What to know of it, each a part of a sentence.
    """

    name: str
    title: str
    unit: str
    values: tuple[Measured, ...]
    per_year: float | None = None
    spread: Spread | None = None
    gap: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def changed(self) -> bool | None:
        """Whether it goes up or down more than chance explains; None where that cannot be told."""
        return None if self.spread is None else not self.spread.low <= 0 <= self.spread.high

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "name": self.name,
            "unit": self.unit,
            "values": [one.value for one in self.values],
            "per_year": self.per_year,
            "interval_95": None if self.spread is None else [self.spread.low, self.spread.high],
            "changed": self.changed,
            "gap": self.gap or None,
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True, eq=False)
class Course:
    """All visits of a patient.

    Attributes
    ----------
    protocol
        What was compared.
    visits
        In order of time.
    comparisons
        Of every later visit with the first.
    rates
        Of every measurement; empty when not all visits say when they were.
    """

    protocol: Protocol
    visits: tuple[Visit, ...]
    comparisons: tuple[Comparison, ...]
    rates: tuple[Rate, ...]

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "protocol": {"name": self.protocol.name, "version": self.protocol.version},
            "visits": [
                {"name": one.name, "when": one.when or None, "years": one.years} for one in self.visits
            ],
            "comparisons": [one.to_record() for one in self.comparisons],
            "rates": [one.to_record() for one in self.rates],
        }


def follow(
    visits: Sequence[Visit],
    protocol: Protocol,
    stable: Sequence[str] = (),
    *,
    axes: str | None = None,
    as_placed: bool = False,
    rater_sd: float | None = None,
) -> Course:
    """Compare every later visit with the first, and tell how fast measurements go.

    Parameters are those of :func:`LandmarkDetectionLib.alignment.compare.compare`.

    Raises
    ------
    InputError
        There are fewer than two visits, two have one name or time, they are not in order of time, or two
        cannot be compared.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> from LandmarkDetectionLib.alignment.displacement import Visit
    >>> from LandmarkDetectionLib.measurement import Frame
    >>> landmarks = ld.read_landmarks("ct.mrk.json")
    >>> visits = [Visit(name, landmarks, Frame.space()) for name in ("before", "after")]
    >>> course = ld.follow(visits, ld.load_protocol("whole-body"), rater_sd=2.0)
    >>> [one.changed for one in course.comparisons[0].changes[:3]]
    [False, False, False]
    """
    if len(visits) < 2:
        raise InputError("A comparison needs at least two visits.")
    names = [one.name for one in visits]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"Two visits are called {twice}; give their files different names.")
    times = [one.years for one in visits]
    known = [one for one in times if one is not None]
    if known and len(known) < len(times):
        raise InputError("Say of all visits when they were, or of none.")
    if any(later <= earlier for earlier, later in pairwise(known)):
        raise InputError(
            "The visits are not in order of time, or two are of one time; name the first one first."
        )
    comparisons = tuple(
        compare(visits[0], later, protocol, stable, axes=axes, as_placed=as_placed, rater_sd=rater_sd)
        for later in visits[1:]
    )
    rates = _rates(visits, known, protocol, rater_sd) if known else ()
    return Course(protocol, tuple(visits), comparisons, rates)


def years_of(when: str) -> tuple[float, str]:
    """A date (2024-05-31) or an age in years (12.5) as years, and which of the two it is.

    Raises
    ------
    InputError
        It is neither.
    """
    try:
        return date.fromisoformat(when).toordinal() / DAYS_PER_YEAR, "date"
    except ValueError:
        pass
    try:
        years = float(when)
    except ValueError:
        years = float("nan")
    if not 0 <= years < 200:
        raise InputError(f"'{when}' is neither a date as 2024-05-31 nor an age in years as 12.5.")
    return years, "age"


def _rates(
    visits: Sequence[Visit], years: Sequence[float], protocol: Protocol, rater_sd: float | None
) -> tuple[Rate, ...]:
    known = {one.name: one for one in protocol.measurements}
    measured = [measure(one.landmarks, protocol, one.frame, rater_sd=rater_sd) for one in visits]
    return tuple(
        _rate(tuple(one[definition.name] for one in measured), years, known)
        for definition in protocol.measurements
        if definition.shown and not isinstance(definition, NotMeasurable)
    )


def _rate(values: tuple[Measured, ...], years: Sequence[float], known: Mapping[str, Measurement]) -> Rate:
    first = values[0]
    name, title, unit = first.name, first.definition.title, first.unit
    there = [(one, year) for one, year in zip(values, years, strict=True) if one.value is not None]
    if len({one.unit for one, _ in there}) > 1 or (there and there[0][0].unit == "px"):
        return Rate(name, title, unit, values, gap="needs the pixel size of all pictures")
    if len(there) < 2:
        return Rate(name, title, unit, values, gap=f"needs two visits with a value, and {len(there)} has one")
    spreads = [one.spread for one, _ in there]
    sd = np.array([one.sd for one in spreads if one is not None])
    if len(sd) < len(there):
        return Rate(name, title, unit, values, gap="needs the spread of the landmarks, which is unknown")
    value, time = np.array([one.value for one, _ in there]), np.array([year for _, year in there])
    weight = 1 / np.maximum(sd, 1e-9) ** 2
    middle = (weight * time).sum() / weight.sum()
    arm = time - middle
    inertia = float((weight * arm**2).sum())
    slope = float((weight * arm * value).sum() / inertia)
    error = 1 / np.sqrt(inertia)
    remarks = []
    if len(there) > 2:
        line = (weight * value).sum() / weight.sum() + slope * arm
        if _left_over(float((weight * (value - line) ** 2).sum()), len(there) - 2) < BENT:
            remarks.append("the values do not lie on a straight line")
    if len(there) < len(values):
        remarks.append(f"of {len(there)} of {len(values)} visits")
    if is_in_scan_axes(first.definition, known):
        remarks.append(LIES)
    spread = Spread(error, slope - _Z * error, slope + _Z * error, "first order")
    return Rate(name, title, unit, values, slope, spread, remarks=tuple(remarks))


def _left_over(squares: float, freedom: int) -> float:
    from scipy.special import chdtrc  # scipy.stats takes seconds to import

    return float(chdtrc(freedom, squares))
