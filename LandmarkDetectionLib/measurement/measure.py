"""Measure landmarks as a protocol says: values with uncertainty, range and class, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind, doubts_to_record, texts_of
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.measurement_kinds import (
    Angle,
    Asymmetry,
    Cobb,
    CurveAngle,
    Distance,
    Line,
    LineAngle,
    Measurement,
    NotMeasurable,
    Path,
    landmarks_of,
    landmarks_of_end,
    unit_of,
)
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.measurement.cobb import CURVES, spine_problems
from LandmarkDetectionLib.measurement.frame import Frame
from LandmarkDetectionLib.measurement.sensible import widest_interval
from LandmarkDetectionLib.measurement.uncertainty import Propagation, Samples, Spread
from LandmarkDetectionLib.measurement.values import (
    cobb_of,
    corners_of,
    is_circular,
    value_of,
    visible_vertebrae,
)
from LandmarkDetectionLib.typing import FloatArray

LEAST_VERTEBRAE = 3
LENGTHS_IN_PIXELS = Doubt(
    "The pixel size is unknown: lengths are in pixels (px), not mm; calibrate by a ruler or a known "
    "distance.",
    DoubtKind.PIXELS,
)
UNDEFINED = "cannot be computed, as landmarks that it needs lie on the same spot"
OUT_OF_ORDER = "cannot be computed, as its landmarks do not follow one another along the curve"


@dataclass(frozen=True)
class Measured:
    """One measurement of one case.

    Attributes
    ----------
    definition
        What was measured.
    value
        None when there is a gap.
    unit
        ``mm``, ``px``, ``deg``, ``%`` or ``1``.
    spread
        None when the value is, or the spread of a landmark is not known.
    class_name, class_meaning
        Empty when the value has no class; see ``remarks``.
    position
        ``below``, ``within`` or ``above`` the range; empty without a range in this unit.
    gap
        Why there is no value, as in ``needs gonion, which is absent``; empty when there is one.
    remarks
        What to know of the value, each a part of a sentence.
    lines
        Pairs of landmarks that show it in a picture.
    needs
        The landmarks without a place that the gap is because of.
    too_wide
        The spread of a value that is not given as its interval is wider than people differ; see
        :mod:`.sensible`. None when that is not why there is a gap.
    """

    definition: Measurement
    value: float | None
    unit: str
    spread: Spread | None = None
    class_name: str = ""
    class_meaning: str = ""
    position: str = ""
    gap: str = ""
    remarks: tuple[str, ...] = ()
    lines: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    too_wide: Spread | None = None

    @property
    def name(self) -> str:
        """Of the definition."""
        return self.definition.name

    @property
    def usual(self) -> tuple[float, float] | None:
        """The usual range; None where there is none in the unit of the value."""
        return None if self.unit == "px" else self.definition.range

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        spread = self.spread
        return {
            "name": self.name,
            "title": self.definition.title,
            "group": self.definition.group,
            "value": self.value,
            "unit": self.unit,
            "sd": None if spread is None else spread.sd,
            "interval_95": None if spread is None else [spread.low, spread.high],
            "method": None if spread is None else spread.method,
            "range": None if self.usual is None else list(self.usual),
            "position": self.position or None,
            "class": self.class_name or None,
            "meaning": self.class_meaning or None,
            "gap": self.gap or None,
            "needs": list(self.needs),
            "too_wide": self.too_wide is not None,
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True)
class Measurements:
    """Everything that was measured in one case.

    Attributes
    ----------
    protocol
        Whose measurements they are.
    values
        The shown ones in the protocol's order.
    frame
        What they were measured in.
    doubts
        What to know of all of them; ``warnings`` are their sentences.
    """

    protocol: Protocol
    values: tuple[Measured, ...]
    frame: Frame
    doubts: tuple[Doubt, ...] = ()
    by_name: Mapping[str, Measured] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {one.name: one for one in self.values})

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of ``doubts``, for people."""
        return texts_of(self.doubts)

    def __iter__(self) -> Iterator[Measured]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> Measured:
        return self.by_name[name]

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "protocol": {"name": self.protocol.name, "version": self.protocol.version},
            "unit_of_lengths": self.frame.unit,
            "calibration": self.frame.note or None,
            **doubts_to_record(self.doubts),
            "measurements": [one.to_record() for one in self.values],
        }


def measure_in(volume: Volume, landmarks: LandmarkSet, protocol: Protocol) -> Measurements | None:
    """What a protocol measures in an image; None when it measures nothing, or not in such an image."""
    if not protocol.measurements or (protocol.view == "picture" and not volume.is_2d):
        return None
    return measure(landmarks, protocol, Frame.of(volume, protocol.view))


def measure(
    landmarks: LandmarkSet,
    protocol: Protocol,
    frame: Frame | None = None,
    *,
    rater_sd: float | None = None,
) -> Measurements:
    """Measure everything the protocol defines.

    Parameters
    ----------
    landmarks
        RAS positions, with covariances where the spread is known.
    protocol
        Its measurements and checks.
    frame
        ``Frame.of(volume, protocol.view)``; without an image the patient's space in mm, or, for protocols of
        pictures, a radiograph of unknown height whose positions are in mm.
    rater_sd
        Standard deviation, in the unit of the positions and along each axis, of landmarks that have no
        covariance: those that a person placed or corrected. None leaves their spread unknown.

    Returns
    -------
    Measurements
        A value or a named gap for every shown measurement.

    Examples
    --------
    >>> from LandmarkDetectionLib.core.landmarks import Landmark
    >>> from LandmarkDetectionLib.io.protocols import load_protocol
    >>> pair = LandmarkSet((Landmark("shoulder_right", [150, 0, 0]), Landmark("shoulder_left", [-160, 0, 0])))
    >>> found = measure(pair, load_protocol("whole-body"))
    >>> round(found["shoulder_width"].value), found["hip_width"].gap
    (310, 'needs Right hip and Left hip, which are not among the landmarks')
    """
    if frame is None:
        frame = Frame.picture() if protocol.view == "picture" else Frame.space()
    case = _Case(landmarks, protocol, frame, rater_sd)
    failed = failed_checks(protocol, case.points, frame)
    values = []
    for definition in protocol.measurements:
        if definition.shown:
            gap = failed[0] if failed and not isinstance(definition, NotMeasurable) else ""
            values.append(case.measured(definition, gap))
    doubts = [Doubt(f"Nothing was measured: {text}.", DoubtKind.NOT_MEASURED) for text in failed]
    if frame.unit != "mm" and any(one.unit == "px" for one in values):
        doubts.append(LENGTHS_IN_PIXELS)
    if frame.note:
        doubts.append(Doubt(f"Lengths in mm are {frame.note}.", DoubtKind.CALIBRATION))
    return Measurements(protocol, tuple(values), frame, tuple(doubts))


class _Case:
    """What all measurements of a case share."""

    def __init__(
        self, landmarks: LandmarkSet, protocol: Protocol, frame: Frame, rater_sd: float | None
    ) -> None:
        self.protocol, self.frame = protocol, frame
        self.known = {one.name: one for one in protocol.measurements}
        self.marks = {mark.name: mark for mark in landmarks}
        present = [mark for mark in landmarks if mark.is_present]
        places = frame.points(landmarks.present.positions)
        self.points = {mark.name: place for mark, place in zip(present, places, strict=True)}
        assumed = None if rater_sd is None else np.eye(3) * rater_sd**2
        spread = {mark.name: assumed if mark.covariance is None else mark.covariance for mark in present}
        self.covariances = {
            name: frame.covariance(matrix) for name, matrix in spread.items() if matrix is not None
        }
        self.here = Samples({name: place[None] for name, place in self.points.items()})
        self.propagation = Propagation(self.points, self.covariances) if self.covariances else None

    def measured(self, definition: Measurement, gap: str = "") -> Measured:
        unit, failed = self._unit(definition), bool(gap)
        used, lines, remarks = landmarks_of(definition, self.known), self._lines(definition), list[str]()
        if isinstance(definition, Cobb) and not gap:
            used, gap, remarks, lines = self._vertebrae(definition)
        gap = gap or self._gap(definition, used)
        if gap:
            needs = () if failed else tuple(name for name in used if name not in self.points)
            return Measured(definition, None, unit, gap=gap, needs=needs)
        value = float(value_of(definition, self.here, self.frame, self.known)[0])
        if not math.isfinite(value):
            gap = OUT_OF_ORDER if isinstance(definition, CurveAngle) else UNDEFINED
            return Measured(definition, None, unit, gap=gap)
        spread = self._spread(definition, used, value)
        if spread is not None and self._is_too_wide(definition, value, unit, spread):
            gap = (
                f"its landmarks are too uncertain: the 95 % interval, {interval(spread, unit)}, is wider "
                "than people differ"
            )
            return Measured(definition, None, unit, gap=gap, too_wide=spread)
        judged = unit == unit_of(definition, self.known)
        found = next((one for one in definition.classes if one.holds(value)), None) if judged else None
        if definition.classes and found is None:
            remarks.append("no class is defined for this value" if judged else "its class needs millimetres")
        if spread is None:
            remarks += self._unknown_spread(used)
        return Measured(
            definition,
            value,
            unit,
            spread,
            found.name if found else "",
            found.meaning if found else "",
            _position(value, definition.range) if judged else "",
            remarks=tuple(remarks),
            lines=lines,
        )

    def _unit(self, definition: Measurement) -> str:
        unit = unit_of(definition, self.known)
        return self.frame.unit if unit == "mm" else unit

    def _gap(self, definition: Measurement, used: tuple[str, ...]) -> str:
        if isinstance(definition, NotMeasurable):
            return f"needs {definition.needs}"
        missing = [name for name in used if name not in self.points]
        if missing:
            return missing_gap(missing, self.marks, self.protocol)
        if not self.frame.square and self._unit(definition) == "px":
            return "needs the pixel size, as the pixels are not square"
        return ""

    def _vertebrae(
        self, definition: Cobb
    ) -> tuple[tuple[str, ...], str, list[str], tuple[tuple[str, str], ...]]:
        """Landmarks of the visible vertebrae, or why they give no angle, what to say of it, what to draw."""
        visible = visible_vertebrae(definition, self.points)
        names = [one.upper() for one in visible]
        if len(visible) < LEAST_VERTEBRAE:
            return (), f"needs at least {LEAST_VERTEBRAE} vertebrae, and {len(visible)} are visible", [], ()
        order = [definition.vertebrae.index(one) for one in visible]
        between = [definition.vertebrae[i].upper() for i in range(order[0], order[-1]) if i not in order]
        if between:
            verb = "is" if len(between) == 1 else "are"
            return (), f"needs {', '.join(between)}, which {verb} absent", [], ()
        used = tuple(name for name in definition.own_landmarks if name.rsplit("_", 2)[0] in visible)
        problems = spine_problems(corners_of(definition, self.here.points)[0], names)
        if problems:
            return (), f"the corners cannot be right: {problems[0]}", [], ()
        angles = cobb_of(definition, self.here, self.frame)
        row = CURVES.index(definition.curve)
        if angles.s_shaped[0] and not math.isfinite(self.frame.height):
            return (), "needs the height of the picture, as the spine is S-shaped", [], ()
        first, last = (visible[end] for end in sorted(angles.ends[0, row]))
        remarks = [f"between {first.upper()} and {last.upper()}"]
        if len(visible) < len(definition.vertebrae):
            remarks.append(
                f"of {len(visible)} visible vertebrae, {names[0]} to {names[-1]}, "
                f"instead of {len(definition.vertebrae)}"
            )
        lines = ((f"{first}_top_left", f"{first}_top_right"), (f"{last}_bottom_left", f"{last}_bottom_right"))
        return used, "", remarks, lines

    def _spread(self, definition: Measurement, used: tuple[str, ...], value: float) -> Spread | None:
        if self.propagation is None or not self.covariances.keys() >= set(used):
            return None
        return self.propagation.spread_of(
            lambda samples: value_of(definition, samples, self.frame, self.known),
            value,
            limits=_limits(definition),
            circular=is_circular(definition),
        )

    def _is_too_wide(self, definition: Measurement, value: float, unit: str, spread: Spread) -> bool:
        """Whether a value is not given although there is one: its interval holds whatever people may have."""
        sides = None
        if isinstance(definition, Asymmetry):
            left, right = (
                float(value_of(self.known[name], self.here, self.frame, self.known)[0])
                for name in (definition.left, definition.right)
            )
            sides = left, right
        return spread.high - spread.low > widest_interval(definition, value, unit, self.known, sides)

    def _unknown_spread(self, used: tuple[str, ...]) -> list[str]:
        unknown = [name for name in used if name not in self.covariances]
        return [unknown_spread(unknown, self.protocol)] if unknown else []

    def _lines(self, definition: Measurement) -> tuple[tuple[str, str], ...]:
        lines = lines_of(definition)
        for part in definition.of:
            lines = (*lines, *self._lines(self.known[part]))
        return tuple(dict.fromkeys(lines))


def failed_checks(protocol: Protocol, points: Mapping[str, FloatArray], frame: Frame) -> tuple[str, ...]:
    """What keeps everything from being measured, each the end of a sentence, for (d,) points in the frame."""
    failed = []
    for check in protocol.checks:
        first, second = (points.get(name) for name in check.landmarks)
        if first is not None and second is not None:
            step = float((second - first) @ frame.direction(check.along))
            if check.fails(step, frame.scale):
                failed.append(check.otherwise.rstrip("."))
    return tuple(failed)


def why_absent(mark: Landmark | None) -> str:
    """Why a landmark has no place, as ``gonion, which is absent`` ends."""
    if mark is None:
        return "which is not among the landmarks"
    return "which is not in the image" if mark.status is Status.MISSING else "which is absent"


def missing_gap(names: Sequence[str], marks: Mapping[str, Landmark], protocol: Protocol) -> str:
    """The gap of what needs landmarks that have no place: two of each reason named for people."""
    by_reason: dict[str, list[str]] = {}
    for name in names:
        by_reason.setdefault(why_absent(marks.get(name)), []).append(title_of(name, protocol))
    parts = [
        f"{_listed(titles)}, {reason if len(titles) == 1 else reason.replace('which is', 'which are', 1)}"
        for reason, titles in by_reason.items()
    ]
    return f"needs {', and '.join(parts)}"


def _listed(titles: Sequence[str]) -> str:
    shown = [*titles[:2], f"{len(titles) - 2} more"] if len(titles) > 2 else titles
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def unknown_spread(names: Sequence[str], protocol: Protocol) -> str:
    """The remark on landmarks without a covariance, three of them named for people."""
    shown = ", ".join(title_of(name, protocol) for name in names[:3])
    return f"the spread of {shown}{f' and {len(names) - 3} more' if len(names) > 3 else ''} is unknown"


def title_of(name: str, protocol: Protocol) -> str:
    """A landmark's name for people; its own where the protocol does not know it."""
    return protocol[name].title if name in protocol.names else name


def interval(spread: Spread, unit: str) -> str:
    """Its ends in few digits, as in ``40 to 95 mm``."""
    digits = 2 if unit == "1" else 0
    symbol = {"deg": "°", "1": "", "%": " %"}.get(unit, f" {unit}")
    return f"{spread.low:.{digits}f} to {spread.high:.{digits}f}{symbol}"


def lines_of(definition: Measurement) -> tuple[tuple[str, str], ...]:
    """Pairs of landmarks that a definition itself draws."""
    marks: tuple[str, ...] = getattr(definition, "landmarks", ())
    if isinstance(definition, Angle):
        return ((marks[1], marks[0]), (marks[1], marks[2]))
    lines: list[Line] = [*getattr(definition, "lines", ())]
    lines += [line for name in ("along", "line") if (line := getattr(definition, name, None)) is not None]
    # The middle of two landmarks is no landmark: who draws joins both.
    ends = [tuple(map(landmarks_of_end, line)) for line in lines if not isinstance(line, str)]
    return (*pairwise(marks), *((a, b) for start, end in ends for a, b in product(start, end)))


def _limits(definition: Measurement) -> tuple[float, float]:
    if isinstance(definition, Angle | Cobb | CurveAngle) or (
        isinstance(definition, LineAngle) and not definition.signed
    ):
        return 0.0, 180.0
    if isinstance(definition, Path) or (isinstance(definition, Distance) and definition.sign_along is None):
        return 0.0, math.inf
    return -math.inf, math.inf


def _position(value: float, usual: tuple[float, float] | None) -> str:
    if usual is None:
        return ""
    return "below" if value < usual[0] else "above" if value > usual[1] else "within"
