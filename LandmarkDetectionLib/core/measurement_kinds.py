"""How a protocol file says what is measured: a kind, the landmarks, a usual range and classes; no formulas.

Every measurement is one readable entry, and nothing in a file is ever evaluated::

    {"kind": "angle", "name": "SNA", "title": "SNA", "landmarks": ["sella", "nasion", "subspinale"],
     "range": [79.4, 83.2], "classes": [{"name": "2", "above": 83.2}, {"name": "3", "below": 79.4}]}
    {"kind": "sum", "name": "ANB", "title": "ANB", "add": ["SNA"], "subtract": ["SNB"]}

The formulas of the kinds are in :mod:`LandmarkDetectionLib.measurement`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
# Printable, on one line: names are column heads, labels and keys in files.
Name = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f|](?:[^\x00-\x1f|]{0,78}[^\s\x00-\x1f|])?$")]

Direction = Literal[
    "right", "left", "anterior", "posterior", "superior", "inferior", "picture_right", "picture_down"
]
"""A direction of the patient, or of a picture as it is shown."""

Plane = Literal["coronal", "sagittal", "axial"]
End = Name | tuple[Name, Name]
"""A landmark, or the middle between two."""

Line = tuple[End, End] | Direction
"""From one end to another, or a direction."""

CORNERS = ("top_left", "top_right", "bottom_left", "bottom_right")
"""Of a vertebra, as seen in the picture: ``t1_top_left`` and so on."""


class Frozen(BaseModel):
    """A part of a protocol: it cannot be changed, and a misspelt key is refused, not dropped."""

    # Built when first used: most are only ever checked as parts of a protocol, and programs start sooner.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ValueClass(Frozen):
    """A named class of values; all its limits hold for a value in it.

    Parameters
    ----------
    name
        Short, for tables, for example ``2``.
    meaning
        In words, for example ``skeletal class II``.
    at_least, at_most
        Limits that belong to the class.
    above, below
        Limits that do not.
    equal
        The only value.
    """

    name: Name
    meaning: str = ""
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    equal: float | None = None

    @model_validator(mode="after")
    def _limited(self) -> ValueClass:
        limits = (self.at_least, self.at_most, self.above, self.below, self.equal)
        if all(limit is None for limit in limits):
            raise ValueError(f"the class {self.name!r} has no limit")
        return self

    def holds(self, value: float) -> bool:
        """Whether a value is in the class."""
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
            and (self.equal is None or value == self.equal)
        )


class Code(Frozen):
    """A coded concept for DICOM Structured Reports, for example of SNOMED CT."""

    value: Text
    scheme: Text
    meaning: Text


class _Definition(Frozen):
    """What every kind has.

    Parameters
    ----------
    name, title
        Unique in the protocol; for people.
    group
        Heading in lists, for example ``Steiner``.
    description
        What it tells, or how it is defined, in a sentence.
    plane
        Look at the landmarks along this plane's normal: ``coronal`` from the front. Of the patient; without
        meaning in a picture, which has one plane only.
    range
        Usual values, both ends included.
    source
        Where range and classes are from.
    classes
        The first that holds a value names it; a value in none has no class.
    shown
        False for what only serves other measurements.
    code
        For DICOM Structured Reports.
    """

    name: Name
    title: Text
    group: str = ""
    description: str = ""
    plane: Plane | None = None
    range: tuple[float, float] | None = None
    source: str = ""
    classes: tuple[ValueClass, ...] = ()
    shown: bool = True
    code: Code | None = None

    @model_validator(mode="after")
    def _ordered(self) -> _Definition:
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError(f"the range of {self.name!r} ends below its beginning")
        return self

    @property
    def own_landmarks(self) -> tuple[str, ...]:
        """Landmarks that the definition names itself, each once."""
        return tuple(dict.fromkeys(_ends(self._lines())))

    @property
    def of(self) -> tuple[str, ...]:
        """Measurements that it is computed from."""
        return ()

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Directions that it names."""
        return tuple(line for line in self._lines() if isinstance(line, str))

    def _lines(self) -> tuple[Line, ...]:
        return ()


class _OfPoints(_Definition):
    """Of so many different landmarks."""

    needed: ClassVar[int]
    or_more: ClassVar[bool] = False

    landmarks: tuple[Name, ...]

    @model_validator(mode="after")
    def _enough(self) -> _OfPoints:
        count = len(set(self.landmarks))
        is_right = count >= self.needed if self.or_more else count == self.needed
        if not is_right or count < len(self.landmarks):
            number = f"at least {self.needed}" if self.or_more else str(self.needed)
            kind = getattr(self, "kind", "")
            raise ValueError(f"{kind} {self.name!r} needs {number} different landmarks")
        return self

    @property
    def own_landmarks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.landmarks, *super().own_landmarks)))


class Distance(_OfPoints):
    """Length of the way from the first of two landmarks to the other, mm.

    Parameters
    ----------
    sign_along
        Negative when the second landmark lies the other way along this direction, 0 when neither way.
    """

    needed: ClassVar[int] = 2

    kind: Literal["distance"]
    sign_along: Direction | None = None

    def _lines(self) -> tuple[Line, ...]:
        return () if self.sign_along is None else (self.sign_along,)


class Path(_OfPoints):
    """Length of the way over three landmarks or more, mm."""

    needed: ClassVar[int] = 3
    or_more: ClassVar[bool] = True

    kind: Literal["path"]


class ProjectedDistance(_OfPoints):
    """How far the second of two landmarks lies from the first along a line, mm; negative the other way."""

    needed: ClassVar[int] = 2

    kind: Literal["projected_distance"]
    along: Line

    def _lines(self) -> tuple[Line, ...]:
        return (self.along,)


class Perpendicular(_OfPoints):
    """Distance of a landmark from a line, mm.

    In a picture or a plane it is positive to the left of somebody who walks along the line with the head
    towards the viewer, and negative to the right. In space it is never negative.
    """

    needed: ClassVar[int] = 1

    kind: Literal["perpendicular"]
    line: tuple[Name, Name]

    def _lines(self) -> tuple[Line, ...]:
        return (self.line,)


class Angle(_OfPoints):
    """Angle at the second of three landmarks, 0 to 180 degrees."""

    needed: ClassVar[int] = 3

    kind: Literal["angle"]


class LineAngle(_Definition):
    """Angle between two directed lines, 0 to 180 degrees.

    Parameters
    ----------
    lines
        Each from a landmark to another, or a direction.
    signed
        -180 to 180 degrees in a picture or a plane: positive when the second line is turned clockwise from
        the first as the viewer sees it.
    """

    kind: Literal["line_angle"]
    lines: tuple[Line, Line]
    signed: bool = False

    def _lines(self) -> tuple[Line, ...]:
        return self.lines


class CurveAngle(_OfPoints):
    """Largest angle between the tangents of a smooth curve through landmarks, 0 to 180 degrees.

    The Cobb angle of a spine when only the centres of its vertebrae are known; see
    :mod:`LandmarkDetectionLib.measurement.curve`. In space it needs a plane.

    Parameters
    ----------
    landmarks
        Seven or more, from one end of the curve to the other.
    """

    needed: ClassVar[int] = 7
    or_more: ClassVar[bool] = True

    kind: Literal["curve_angle"]


class Ratio(_Definition):
    """One measurement by another, as a plain number or in percent."""

    kind: Literal["ratio"]
    parts: tuple[Name, Name]
    percent: bool = False

    @property
    def of(self) -> tuple[str, ...]:
        return self.parts


class Sum(_Definition):
    """Sum of measurements less others, all of one unit."""

    kind: Literal["sum"]
    add: Annotated[tuple[Name, ...], Field(min_length=1)]
    subtract: tuple[Name, ...] = ()

    @property
    def of(self) -> tuple[str, ...]:
        return (*self.add, *self.subtract)


class Mean(_Definition):
    """Mean of measurements of one unit."""

    kind: Literal["mean"]
    parts: Annotated[tuple[Name, ...], Field(min_length=2)]

    @property
    def of(self) -> tuple[str, ...]:
        return self.parts


class Asymmetry(_Definition):
    """Left less right, or, in percent, of their mean."""

    kind: Literal["asymmetry"]
    left: Name
    right: Name
    percent: bool = False

    @property
    def of(self) -> tuple[str, ...]:
        return (self.left, self.right)


class Cobb(_Definition):
    """One of the three Cobb angles of a spine, degrees.

    Parameters
    ----------
    vertebrae
        From top to bottom, for example ``["t1", "t2"]``; each has the four landmarks ``t1_top_left``,
        ``t1_top_right``, ``t1_bottom_left`` and ``t1_bottom_right``, left and right as in the picture.
    curve
        Which of the three.
    """

    kind: Literal["cobb"]
    vertebrae: Annotated[tuple[Name, ...], Field(min_length=3)]
    curve: Literal["proximal_thoracic", "main_thoracic", "thoracolumbar"]

    @property
    def own_landmarks(self) -> tuple[str, ...]:
        return tuple(f"{vertebra}_{corner}" for vertebra in self.vertebrae for corner in CORNERS)


class NotMeasurable(_Definition):
    """What an analysis knows and these landmarks do not give, so that a list says why it is missing."""

    kind: Literal["not_measurable"]
    needs: Text


Measurement = Annotated[
    Distance
    | Path
    | ProjectedDistance
    | Perpendicular
    | Angle
    | LineAngle
    | CurveAngle
    | Ratio
    | Sum
    | Mean
    | Asymmetry
    | Cobb
    | NotMeasurable,
    Field(discriminator="kind"),
]

UNITS = {"distance": "mm", "path": "mm", "projected_distance": "mm", "perpendicular": "mm"}
"""Of the kinds that are measured between landmarks, where it is not degrees."""


class OrderCheck(Frozen):
    """What must be so before anything is measured: of two landmarks, the second lies farther along.

    Parameters
    ----------
    landmarks
        Not judged while one of them is absent.
    along
        The direction.
    tolerance
        By how many mm (of pictures without a pixel size: pixels) the order may be the other way.
    otherwise
        What is wrong and what to do, for people, when it is not so.
    """

    landmarks: tuple[Name, Name]
    along: Direction
    tolerance: Annotated[float, Field(ge=0)] = 0.0
    otherwise: Text

    def fails(self, step: Any, scale: float = 1.0) -> Any:
        """Whether steps along the direction, of ``scale`` mm each, are the wrong way; never for NaN."""
        return step < -self.tolerance * scale if self.tolerance else step <= 0


def unit_of(definition: Measurement, known: dict[str, Measurement]) -> str:
    """``mm``, ``deg``, ``%`` or, for a plain number, ``1``."""
    if isinstance(definition, Ratio):
        return "%" if definition.percent else "1"
    if isinstance(definition, Asymmetry) and definition.percent:
        return "%"
    if isinstance(definition, Sum | Mean | Asymmetry):
        return unit_of(known[definition.of[0]], known)
    return UNITS.get(definition.kind, "" if isinstance(definition, NotMeasurable) else "deg")


def landmarks_of(definition: Measurement, known: dict[str, Measurement]) -> tuple[str, ...]:
    """Landmarks that a measurement needs, those of what it is computed from included."""
    indirect = (name for part in definition.of for name in landmarks_of(known[part], known))
    return tuple(dict.fromkeys((*definition.own_landmarks, *indirect)))


def problems_of(
    measurements: tuple[Measurement, ...], checks: tuple[OrderCheck, ...], in_picture: bool
) -> Iterator[str]:
    """What is wrong with the measurements of a protocol, besides the names of landmarks."""
    known: dict[str, Measurement] = {}
    for one in measurements:
        if one.name in known:
            yield f"the measurement {one.name!r} is defined twice"
        missing = [part for part in one.of if part not in known]
        # Only what stands above: so nothing can be computed from itself.
        for part in missing:
            yield f"the measurement {one.name!r} is computed from {part!r}, which is not defined above it"
        if not missing:
            yield from _wrong_parts(one, known)
        yield from _wrong_view(one, in_picture)
        known.setdefault(one.name, one)
    for check in checks:
        if _is_of_picture(check.along) != in_picture:
            yield f"a check goes along {check.along!r}, which {_place(in_picture)} does not have"


def _wrong_parts(one: Measurement, known: dict[str, Measurement]) -> Iterator[str]:
    for part in one.of:
        if isinstance(known[part], NotMeasurable):
            yield f"the measurement {one.name!r} is computed from {part!r}, which cannot be measured"
            return
    if len({unit_of(known[part], known) for part in one.of}) > 1:
        yield f"the measurement {one.name!r} is computed from measurements of different units"


def _wrong_view(one: Measurement, in_picture: bool) -> Iterator[str]:
    for direction in one.directions:
        if _is_of_picture(direction) != in_picture:
            yield (
                f"the measurement {one.name!r} goes along {direction!r}, "
                f"which {_place(in_picture)} does not have"
            )
    if one.plane is not None and in_picture:
        yield f"the measurement {one.name!r} has a plane, but a picture has one plane only"
    if isinstance(one, LineAngle) and one.signed and not in_picture and one.plane is None:
        yield f"the measurement {one.name!r} is signed; that needs a plane"
    if isinstance(one, CurveAngle) and not in_picture and one.plane is None:
        yield f"the measurement {one.name!r} is of a curve; that needs a plane"
    if isinstance(one, Cobb) and not in_picture:
        yield f"the measurement {one.name!r} is a Cobb angle; that needs the view 'picture'"


def _is_of_picture(direction: str) -> bool:
    return bool(re.match("picture_", direction))


def _place(in_picture: bool) -> str:
    return "a picture" if in_picture else "space"


def landmarks_of_end(end: End) -> tuple[str, ...]:
    """The landmark that an end of a line is, or the two that it lies between."""
    return (end,) if isinstance(end, str) else end


def _ends(lines: tuple[Line, ...]) -> tuple[str, ...]:
    ends = (end for line in lines if not isinstance(line, str) for end in line)
    return tuple(name for end in ends for name in landmarks_of_end(end))
