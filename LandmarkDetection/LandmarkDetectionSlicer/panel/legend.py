"""The words and marks of the review: what a status is called, and which key does what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionSlicer.scene import colors

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.review import Review


def statusText(status: Status) -> str:
    """A status in the reader's language."""
    return {
        Status.DETECTED: _("detected"),
        Status.UNCERTAIN: _("uncertain"),
        Status.ABSENT: _("not in the scan"),
        Status.ACCEPTED: _("accepted"),
        Status.CORRECTED: _("corrected"),
        Status.MISSING: _("missing"),
    }[status]


def legend() -> str:
    """Marks and keys as rich text of three lines."""
    keys = (
        ("A", _("accept")),
        ("M", _("missing")),
        ("R", _("restore")),
        ("N / P", _("next / previous")),
        ("F", _("find again near click")),
        ("L", _("lock")),
        ("D / U", _("all vertebrae one down / up")),
        ("Ctrl+Z / Ctrl+Y", _("undo / redo")),
    )
    shown = (Status.DETECTED, Status.UNCERTAIN, Status.CORRECTED, Status.ACCEPTED, Status.ABSENT)
    marks = (
        f'<span style="color:{color}">{colors.SYMBOLS[shape]}</span> {statusText(status)}'
        for status in shown
        for color, shape in [colors.mark(status)]
    )
    # A key and its meaning stay on one line.
    shortcuts = " &nbsp;".join(f"<b>{key}</b> {text}".replace(" ", "&nbsp;") for key, text in keys)
    return f"<small>{' &nbsp;'.join(marks)}<br>{shortcuts}</small>"


def warningsOfAll(review: Review) -> list[str]:
    """The warnings that are about no landmark; the others are shown with their landmark."""
    names = review.landmarks.names
    return [doubt.text for doubt in review.prediction.doubts if not set(doubt.landmarks).intersection(names)]
