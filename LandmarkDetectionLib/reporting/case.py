"""What a report is made of, and how numbers are written in all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind, open_doubts, texts_of
from LandmarkDetectionLib.measurement.measure import interval
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from LandmarkDetectionLib.core.landmarks import LandmarkSet
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.measurement import Measured, Measurements

RESEARCH_ONLY = "For research use only. Not for diagnosis or treatment."
PROGRAM = f"landmark-detection {__version__}"

_DIGITS = {"mm": 1, "px": 1, "deg": 1, "%": 1, "1": 3}
_UNITS = {"deg": "°", "1": ""}


@dataclass(frozen=True)
class Reviewed:
    """Who looked at the landmarks, and when."""

    by: str
    when: datetime


@dataclass(frozen=True, eq=False)
class CaseReport:
    """Everything a report of one case says.

    Attributes
    ----------
    name
        Of the case; no patient's name is needed.
    measurements
        What was measured.
    landmarks
        RAS, as measured.
    made
        When the report was made.
    volume
        The image, for the picture; None draws the landmarks alone.
    model, model_version
        What found the landmarks; empty when a person placed them.
    doubts
        Of the detection.
    reviewed
        None when nobody has.
    """

    name: str
    measurements: Measurements
    landmarks: LandmarkSet
    made: datetime
    volume: Volume | None = None
    model: str = ""
    model_version: str = ""
    doubts: tuple[Doubt, ...] = ()
    reviewed: Reviewed | None = None

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """Of the detection, as far as nobody has settled them, and of the measuring.

        Once calibrated, not what the file said of its pixels.
        """
        calibrated = bool(self.measurements.frame.note)
        told = [
            one
            for one in open_doubts(self.doubts, self.landmarks)
            if not (calibrated and one.kind is DoubtKind.PIXEL_SIZE)
        ]
        return tuple(dict.fromkeys(texts_of((*told, *self.measurements.doubts))))

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """Head and text of what stands beside the picture."""
        protocol, counts = self.measurements.protocol, Counter(mark.status.value for mark in self.landmarks)
        model = f"{self.model} {self.model_version}".strip() or "none; placed by a person"
        return (
            ("Case", self.name),
            ("Protocol", f"{protocol.title}, {protocol.name} {protocol.version}"),
            ("Model", model),
            ("Landmarks", ", ".join(f"{number} {status}" for status, number in counts.items())),
            ("Lengths", self.measurements.frame.note or f"in {self.measurements.frame.unit}"),
            ("Reviewed", reviewed_text(self.reviewed)),
            ("Made", f"{self.made:%Y-%m-%d %H:%M} by {PROGRAM}"),
        )


def reviewed_text(reviewed: Reviewed | None) -> str:
    """By whom and when."""
    return (
        "not reviewed by a person"
        if reviewed is None
        else f"by {reviewed.by}, {reviewed.when:%Y-%m-%d %H:%M}"
    )


def number(value: float, unit: str, *, with_unit: bool = True, more: int = 0) -> str:
    """A value as reports show it: ``3.2 mm``, ``81.0°``, ``0.671``; with ``more`` digits where asked for."""
    text = f"{value:.{_DIGITS.get(unit, 2) + more}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    symbol = _UNITS.get(unit, f" {unit}") if with_unit else ""
    return text + symbol


def cells(one: Measured) -> tuple[str, str, str, str, str]:
    """Title, value, 95 % interval, usual range, and what to say, as reports show them."""
    definition = one.definition
    usual = ""
    if one.usual is not None:
        low, high = (number(end, one.unit, with_unit=False) for end in one.usual)
        usual = f"{low} to {high}"
    if one.value is None:
        return definition.title, "-", "", usual, one.gap
    between = ""
    if one.spread is not None:
        ends = (number(end, one.unit, with_unit=False) for end in (one.spread.low, one.spread.high))
        between = " to ".join(ends)
    # 3.18 is below 3.2, and must not be shown as 3.2.
    close = (
        one.position in ("below", "above") and number(one.value, one.unit, with_unit=False) in usual.split()
    )
    return definition.title, number(one.value, one.unit, more=2 * close), between, usual, _said(one)


def shown(measurements: Measurements) -> tuple[Measured, ...]:
    """The measurements that have a line of their own: those with a value, and gaps that need explaining."""
    return tuple(one for one in measurements if one.value is not None or _is_particular(one))


def not_shown(measurements: Measurements) -> tuple[str, ...]:
    """Sentences for all the others, one for each reason."""
    sentences = []
    without = [one for one in measurements if one.needs and not _is_particular(one)]
    if without:
        names = list(dict.fromkeys(name for one in without for name in one.needs))
        verb = "needs" if len(without) == 1 else "need"
        what = "a landmark that is" if len(names) == 1 else "landmarks that are"
        sentences.append(
            f"{counted(len(without), 'measurement')} {verb} {what} absent or not given: "
            f"{listed(names, MOST_NAMES)}."
        )
    wide = [
        f"{one.definition.title} {interval(one.too_wide, one.unit)}"
        for one in measurements
        if one.too_wide is not None
    ]
    if wide:
        verb = "is" if len(wide) == 1 else "are"
        intervals = listed(wide, MOST_NAMES)
        sentences.append(
            f"{counted(len(wide), 'measurement')} {verb} not given, because the landmarks are too "
            f"uncertain: the 95 % interval is wider than people differ ({intervals})."
        )
    never: dict[str, list[str]] = {}
    for one in measurements:
        if one.definition.kind == "not_measurable":
            never.setdefault(one.gap, []).append(one.definition.title)
    sentences += [f"{listed(titles, MOST_NAMES)}: {gap}." for gap, titles in never.items()]
    return tuple(sentences)


MOST_NAMES = 6
"""That a sentence lists; the rest are counted."""


def listed(words: Sequence[str], most: int) -> str:
    """``a, b, c and 4 more``."""
    more = len(words) - most
    return ", ".join(words[:most]) + (f" and {more} more" if more > 0 else "")


def _is_particular(one: Measured) -> bool:
    """A gap of another kind than an absent landmark, a wide interval, or what no landmarks give."""
    return (
        one.value is None
        and one.too_wide is None
        and one.definition.kind != "not_measurable"
        and (not one.needs or one.definition.kind == "cobb")
    )


def _said(one: Measured) -> str:
    name, meaning = one.class_name, one.class_meaning
    text = meaning if name and name in meaning else f"class {name}: {meaning}".rstrip(": ")
    parts = [text] if name else []
    if not parts and one.position in ("below", "above"):
        parts.append(f"{one.position} the range")
    return "; ".join([*parts, *one.remarks])
