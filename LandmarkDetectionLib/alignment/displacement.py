"""How far landmarks moved between two visits, the later one laid onto the first by what did not move.

A displacement is uncertain because both places are, and because what the visits are laid by is. Landmarks
that the superimposition rests on lie nearer to it than they are sure, all others farther.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.alignment.align import errors_of, plane_map, remarks_of, require_same_kind
from LandmarkDetectionLib.alignment.fitting import Fit, MirroredError, UndeterminedError, fit
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.measurement import Frame
from LandmarkDetectionLib.measurement.measure import why_absent
from LandmarkDetectionLib.measurement.sensible import MOST_DEG
from LandmarkDetectionLib.typing import FloatArray

LEVEL = 0.05
"""Of the tests: so often a landmark or measurement that did not change is called changed."""
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


@dataclass(frozen=True, eq=False)
class Superimposition:
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


def superimposed(
    first: Visit,
    later: Visit,
    protocol: Protocol,
    stable: Sequence[str],
    as_placed: bool,
    rater_sd: float | None,
) -> tuple[Superimposition | None, tuple[str, ...], str]:
    """The superimposition, what to know of it, and why there is none."""
    require_same_kind(later.frame, first.frame, with_scale=True)
    if {first.frame.unit, later.frame.unit} != {"mm"}:
        return None, (), "needs the pixel size of both pictures"
    if as_placed:
        return Superimposition(None, ()), (), ""
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
    return Superimposition(found, names), remarks_of(found, names, first.frame.unit), ""


def displacement(
    name: str, first: Visit, later: Visit, laid: Superimposition, turn: FloatArray, rater_sd: float | None
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
