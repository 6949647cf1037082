"""What a report is made of, and how numbers are written in all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from LandmarkDetectionLib import __version__
from LandmarkDetectionLib.volume import PIXEL_SIZE

if TYPE_CHECKING:
    from LandmarkDetectionLib.landmarks import LandmarkSet
    from LandmarkDetectionLib.measurement import Measured, Measurements
    from LandmarkDetectionLib.volume import Volume

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
    warnings
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
    warnings: tuple[str, ...] = ()
    reviewed: Reviewed | None = None

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """Of the detection and of the measuring; once calibrated, not what the file said of its pixels."""
        calibrated = bool(self.measurements.frame.note)
        told = [text for text in self.warnings if not (calibrated and text.startswith(PIXEL_SIZE))]
        return tuple(dict.fromkeys((*told, *self.measurements.warnings)))

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
    if definition.range is not None:
        low, high = (number(end, _unit(one), with_unit=False) for end in definition.range)
        usual = f"{low} to {high}"
    if one.value is None:
        return definition.title, "-", "", usual, one.gap
    interval = ""
    if one.spread is not None:
        ends = (number(end, one.unit, with_unit=False) for end in (one.spread.low, one.spread.high))
        interval = " to ".join(ends)
    # 3.18 is below 3.2, and must not be shown as 3.2.
    close = (
        one.position in ("below", "above") and number(one.value, one.unit, with_unit=False) in usual.split()
    )
    return definition.title, number(one.value, one.unit, more=2 * close), interval, usual, _said(one)


def _said(one: Measured) -> str:
    name, meaning = one.class_name, one.class_meaning
    text = meaning if name and name in meaning else f"class {name}: {meaning}".rstrip(": ")
    parts = [text] if name else []
    if not parts and one.position in ("below", "above"):
        parts.append(f"{one.position} the range")
    return "; ".join([*parts, *one.remarks])


def _unit(one: Measured) -> str:
    """A range is in mm even where the value is in pixels."""
    return "mm" if one.unit == "px" else one.unit
