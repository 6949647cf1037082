"""What changed between two visits of one patient, landmarks and measurements, and whether by chance.

The later visit is laid onto the first by landmarks that are taken as unmoved. A landmark's displacement is
uncertain because both places are, and because what it was laid on is; a measurement's change is uncertain
because all of its landmarks are, at both visits. "Changed" means: more than these errors explain in 95 of 100
cases where nothing changed. Errors of both visits are taken as independent; what a model does wrong alike at
both cancels out, which makes the test more careful, not less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.alignment.align import errors_of, plane_map, remarks_of, require_same_kind
from LandmarkDetectionLib.alignment.fitting import Fit, MirroredError, UndeterminedError, fit
from LandmarkDetectionLib.alignment.frames import place_frames
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.measurement_kinds import Measurement, NotMeasurable
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.measurement import Frame, Measured, Measurements, measure
from LandmarkDetectionLib.measurement.measure import why_absent
from LandmarkDetectionLib.measurement.sensible import MOST_DEG
from LandmarkDetectionLib.measurement.uncertainty import Propagation, Samples, Spread
from LandmarkDetectionLib.measurement.values import is_circular, value_of
from LandmarkDetectionLib.typing import FloatArray

LEVEL = 0.05
"""Of the tests: so often a landmark or measurement that did not change is called changed."""
LIES = "measured in the axes of the scan, so it changes with how the patient lies"
MOST_LEVERAGE = 0.7
"""A landmark that decides the superimposition by more than this share cannot be tested by it."""


@dataclass(frozen=True, eq=False)
class Visit:
    """One examination of a patient.

    Attributes
    ----------
    name
        Of the case; no patient's name is needed.
    landmarks
        RAS, with covariances where the spread is known.
    frame
        Where they are measured: ``Frame.of(volume, protocol.view)``.
    years
        When, on any common scale in years: an age, or a date; None when it is not known.
    when
        The same as people write it.
    """

    name: str
    landmarks: LandmarkSet
    frame: Frame
    years: float | None = None
    when: str = ""


@dataclass(frozen=True, eq=False)
class Displacement:
    """How far one landmark moved from the first visit to a later one.

    Attributes
    ----------
    name
        Of the landmark.
    vector : (d,)
        Along the axes of the comparison, in its unit; None when there is a gap.
    covariance : (d, d)
        None where the spread is not known.
    p
        Probability of at least this displacement if the landmark did not move; None where that is not known,
        or where the landmark itself decides the superimposition.
    held
        Whether the superimposition rests on it.
    gap
        Why there is no displacement.
    """

    name: str
    vector: FloatArray | None = None
    covariance: FloatArray | None = None
    p: float | None = None
    held: bool = False
    gap: str = ""

    @property
    def changed(self) -> bool | None:
        """Whether it moved more than chance explains; None where that cannot be told."""
        return None if self.p is None else self.p < LEVEL

    @property
    def distance(self) -> float | None:
        """Length of the way."""
        return None if self.vector is None else float(np.linalg.norm(self.vector))

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        sd = None if self.covariance is None else np.sqrt(np.clip(np.diag(self.covariance), 0, None)).tolist()
        return {
            "name": self.name,
            "vector": None if self.vector is None else self.vector.tolist(),
            "sd": sd,
            "distance": self.distance,
            "p": self.p,
            "changed": self.changed,
            "held": self.held,
            "gap": self.gap or None,
        }


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


@dataclass(frozen=True, eq=False)
class Comparison:
    """A later visit against the first.

    Attributes
    ----------
    first, later
        The visits.
    axes
        Names of what displacements are along: ``right``, ``anterior``, ``superior`` of the first scan or of a
        frame in it; ``picture_right``, ``picture_down`` of a radiograph.
    unit
        Of displacements.
    superimposition
        Takes RAS mm of the later scan to RAS mm of the first; None when there is none.
    displacements, changes
        Of every landmark and measurement of the protocol.
    remarks
        What to know of all of them, each a sentence.
    """

    first: Visit
    later: Visit
    axes: tuple[str, ...]
    unit: str
    superimposition: Affine | None
    displacements: tuple[Displacement, ...]
    changes: tuple[Change, ...]
    remarks: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        laid = self.superimposition
        return {
            "first": self.first.name,
            "later": self.later.name,
            "axes": list(self.axes),
            "unit": self.unit,
            "later_to_first": None if laid is None else laid.matrix.tolist(),
            "remarks": list(self.remarks),
            "landmarks": [one.to_record() for one in self.displacements],
            "measurements": [one.to_record() for one in self.changes],
        }


def compare(
    first: Visit,
    later: Visit,
    protocol: Protocol,
    stable: Sequence[str] = (),
    *,
    axes: str | None = None,
    as_placed: bool = False,
    rater_sd: float | None = None,
) -> Comparison:
    """Compare a later visit with the first.

    Parameters
    ----------
    first, later
        Of one patient.
    protocol
        Whose landmarks and measurements are compared.
    stable
        Landmarks that the later visit is laid onto the first by, as those of the cranial base or the pelvis;
        all that both have when empty, those that moved being left out.
    axes
        Name of a frame of the protocol, placed at the first visit, along whose axes displacements are told.
    as_placed
        Lay nothing onto one another: both are in one coordinate system already.
    rater_sd
        Standard deviation along each axis of landmarks that have no covariance; None leaves it unknown.

    Raises
    ------
    InputError
        The visits have no landmark of the protocol in common, a stable landmark is not there, one visit is
        the mirror image of the other, or there is no such frame.
    """
    for visit in (first, later):
        if not set(visit.landmarks.present.names) & set(protocol.names):
            raise InputError(
                f"{visit.name} has no landmark of the protocol {protocol.name}: it is of another protocol, "
                "or nothing was found."
            )
    turn, names = _axes(first, protocol, axes, rater_sd)
    laid, remarks, gap = _superimposed(first, later, protocol, stable, as_placed, rater_sd)
    displacements = tuple(
        Displacement(name, gap=gap)
        if laid is None
        else _displacement(name, first, later, laid, turn, rater_sd)
        for name in protocol.names
    )
    before, after = (
        measure(visit.landmarks, protocol, visit.frame, rater_sd=rater_sd) for visit in (first, later)
    )
    changes = _Changes(first, later, before, after, rater_sd).all()
    said = [*remarks, *_about(first, before), *_about(later, after)]
    matrix = None if laid is None or laid.fit is None else laid.ras(first.frame, later.frame)
    if as_placed:
        matrix = Affine(np.eye(4))
    return Comparison(
        first, later, names, first.frame.unit, matrix, displacements, changes, tuple(dict.fromkeys(said))
    )


def _about(visit: Visit, measured: Measurements) -> list[str]:
    return [f"{visit.name}: {text}" for text in measured.warnings]


def _axes(
    first: Visit, protocol: Protocol, wanted: str | None, rater_sd: float | None
) -> tuple[FloatArray, tuple[str, ...]]:
    """(d, d) from what is measured in to the axes of displacements, and their names."""
    in_picture = len(first.frame.axes) == 2
    names = ("picture_right", "picture_down") if in_picture else ("right", "anterior", "superior")
    if wanted is None:
        return np.eye(len(names)), names
    known = [one.name for one in protocol.frames]
    if wanted not in known:
        raise InputError(
            f"The protocol {protocol.name} has no frame '{wanted}'; it has {', '.join(known) or 'none'}."
        )
    placed = place_frames(first.landmarks, protocol, first.frame, rater_sd=rater_sd)[known.index(wanted)]
    if placed.gap:
        raise InputError(f"There is no frame {wanted} in {first.name}: {placed.gap}.")
    linear = placed.transform.linear @ first.frame.axes.T
    # In a frame of a picture its right and down are -R and -A.
    return (-linear[:2] if in_picture else linear), names


def is_in_scan_axes(definition: Measurement, known: Mapping[str, Measurement]) -> bool:
    """Whether a measurement, or one that it is computed from, depends on how the patient lies in the scan."""
    own = bool(definition.directions) or definition.plane is not None
    return own or any(is_in_scan_axes(known[name], known) for name in definition.of)


# --- superimposition ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Laid:
    """How the later visit lies on the first: by a fit, or as it is."""

    fit: Fit | None
    names: tuple[str, ...]

    def apply(self, points: FloatArray) -> FloatArray:
        return points if self.fit is None else self.fit.apply(points)

    def linear(self, d: int) -> FloatArray:
        return np.eye(d) if self.fit is None else self.fit.linear

    def ras(self, first: Frame, later: Frame) -> Affine:
        assert self.fit is not None
        d, matrix = len(self.fit.shift), np.eye(4)
        matrix[:d, :d], matrix[:d, 3] = self.fit.linear, self.fit.shift
        return plane_map(first).inverse @ Affine(matrix) @ plane_map(later)


def _superimposed(
    first: Visit,
    later: Visit,
    protocol: Protocol,
    stable: Sequence[str],
    as_placed: bool,
    rater_sd: float | None,
) -> tuple[_Laid | None, tuple[str, ...], str]:
    """The superimposition, what to know of it, and why there is none."""
    require_same_kind(later.frame, first.frame, with_scale=True)
    if {first.frame.unit, later.frame.unit} != {"mm"}:
        return None, (), "needs the pixel size of both pictures"
    if as_placed:
        return _Laid(None, ()), (), ""
    for name in stable:
        for visit in (first, later):
            mark = visit.landmarks[name] if name in visit.landmarks else None
            if mark is None or not mark.is_present:
                raise InputError(
                    f"{visit.name} cannot be laid by {name}, {why_absent(mark)}; leave it out of the "
                    "stable ones."
                )
    there = [set(visit.landmarks.present.names) for visit in (first, later)]
    names = tuple(dict.fromkeys(stable)) or tuple(
        name for name in protocol.names if name in there[0] and name in there[1]
    )
    points, errors = [], []
    for visit in (later, first):
        marks = [visit.landmarks[name] for name in names]
        places = np.array([mark.position for mark in marks]).reshape(-1, 3)
        points.append(visit.frame.points(places))
        errors.append(errors_of(marks, visit.frame, rater_sd))
    try:
        found = fit(points[0], points[1], errors[0], errors[1])
    except MirroredError as problem:
        raise InputError(f"{first.name} and {later.name} cannot be of one patient: {problem}.") from None
    except UndeterminedError as problem:
        return None, (), f"cannot be told, as the landmarks to lay the visits by do not do it: {problem}"
    if found.turning_95 > MOST_DEG / 2:
        return None, (), "cannot be told, as the landmarks to lay the visits by are too uncertain"
    return _Laid(found, names), remarks_of(found, names, first.frame.unit), ""


def _displacement(
    name: str, first: Visit, later: Visit, laid: _Laid, turn: FloatArray, rater_sd: float | None
) -> Displacement:
    marks = []
    for visit in (first, later):
        mark = visit.landmarks[name] if name in visit.landmarks else None
        if mark is None or not mark.is_present:
            return Displacement(name, gap=f"needs it at {visit.name}, {why_absent(mark)}")
        marks.append(mark)
    here = first.frame.points(marks[0].position[None])
    mapped = laid.apply(later.frame.points(marks[1].position[None]))
    vector = turn @ (mapped - here)[0]
    held = laid.fit is not None and name in laid.names and bool(laid.fit.used[laid.names.index(name)])
    own = errors_of(marks[:1], first.frame, rater_sd), errors_of(marks[1:], later.frame, rater_sd)
    if own[0] is None or own[1] is None:
        return Displacement(name, vector, held=held)
    linear = laid.linear(len(vector))
    errors = own[0][0] + linear @ own[1][0] @ linear.T
    covariance, tested = errors, True
    if laid.fit is not None:
        if held:
            errors = errors * laid.fit.factor**2 if laid.fit.explained is not None else errors
        lever = laid.fit.spread_at(mapped)[0]
        # What the superimposition rests on moves it, and so lies nearer to it than it is sure.
        covariance = errors - lever if held else errors + lever
        share = float(
            np.linalg.eigvals(np.linalg.solve(errors + np.eye(len(vector)) * 1e-9, lever)).real.max()
        )
        tested = not held or share <= MOST_LEVERAGE
    covariance = turn @ covariance @ turn.T
    if not tested:
        return Displacement(name, vector, held=True)
    return Displacement(name, vector, covariance, _chance(vector, covariance), held)


def _chance(vector: FloatArray, covariance: FloatArray) -> float:
    """Probability of a displacement at least as unlikely as this one, if there is none."""
    from scipy.special import chdtrc  # scipy.stats takes seconds to import

    covariance = covariance + np.eye(len(vector)) * 1e-9
    return float(chdtrc(len(vector), vector @ np.linalg.solve(covariance, vector)))


# --- measurements ------------------------------------------------------------------------------------------


class _Changes:
    """What the changes of all measurements share: the landmarks of both visits, as those of one."""

    def __init__(
        self, first: Visit, later: Visit, before: Measurements, after: Measurements, rater_sd: float | None
    ) -> None:
        self.visits, self.measured = (first, later), (before, after)
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

    def all(self) -> tuple[Change, ...]:
        before, after = self.measured
        return tuple(
            self._change(one, after[one.name])
            for one in before
            if not isinstance(one.definition, NotMeasurable)
        )

    def _change(self, before: Measured, after: Measured) -> Change:
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
