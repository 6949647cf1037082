"""The words of the review: what a status is called, and what a detection warned of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from LandmarkDetectionLib.core.doubts import open_doubts
from LandmarkDetectionLib.core.landmarks import Status

if TYPE_CHECKING:
    from LandmarkDetectionLib.cohort.results.verdicts import Verdict
    from LandmarkDetectionLib.core.review import Review


def statusText(status: Status) -> str:
    """A status in the reader's language."""
    # Asked for every row of a table, and translating takes time: one sentence only.
    if status is Status.DETECTED:
        return _("detected")
    if status is Status.UNCERTAIN:
        return _("uncertain")
    if status is Status.ABSENT:
        return _("not in the scan")
    if status is Status.ACCEPTED:
        return _("accepted")
    if status is Status.CORRECTED:
        return _("corrected")
    return _("missing")


def warningsOfAll(review: Review) -> list[str]:
    """The warnings that are about no landmark and not settled; the others are shown with their landmark."""
    names = review.landmarks.names
    doubts = open_doubts(review.prediction.doubts, review.landmarks)
    return [doubt.text for doubt in doubts if not set(doubt.landmarks).intersection(names)]


def verdictText(verdict: Verdict) -> str:
    """What a reader says of a case, for people."""
    return {"accept": _("accepted"), "doubt": _("doubtful"), "reject": _("rejected")}[verdict.value]
