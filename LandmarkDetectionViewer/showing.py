"""What the page shows of a review: the desk and the scene as entries of the page's state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from LandmarkDetectionSlicer.logic import measuring
from LandmarkDetectionSlicer.logic.words import statusText, warningsOfAll
from LandmarkDetectionSlicer.scene import colors, volumes
from LandmarkDetectionSlicer.scene.nodes import loadWorldReview

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.reporting.case import cells, number

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.logic.review_desk import Row

    from LandmarkDetectionLib.measurement import Measured
    from LandmarkDetectionViewer.desk import PageDesk


def showAll(page: PageDesk) -> None:
    """Bring everything up to date."""
    state, desk = page.state, page.desk
    session, volumeNode = desk.session, page.volumeNode
    state.rows = [_row(one) for one in desk.rows()]
    state.selected = desk.selected or ""
    state.hasLandmarks = session is not None
    state.canDetect = volumeNode is not None and volumes.refusal(volumeNode) is None
    state.isSaved = page.review.isSaved
    state.conflict = _conflict(page)
    if session is None or session.isClosed or desk.review is None:
        state.title, state.picture, state.remarks = "", "", []
        state.warnings, state.measurements = [], []
        state.done = state.total = 0
        return
    state.done, state.total = desk.review.progress
    state.warnings = warningsOfAll(desk.review)
    state.canUndo, state.canRedo, state.isLocked = session.canUndo, session.canRedo, session.isLocked
    state.canFindNear, state.canFollow = desk.findNear.isPossible(), desk.following.isPossible()
    state.hasChain = bool(desk.chain)
    name = desk.selected
    state.title, state.remarks = ("", []) if name is None else (desk.title(name), desk.remarks(name))
    state.picture = "" if name is None else page.pictures.of(name)
    desk.showRegion()
    state.measurements = measured(page)


def measured(page: PageDesk) -> list[dict[str, str]]:
    """What the landmarks measure where they are now, a dragged one included."""
    node = page.desk.opened.node
    review = loadWorldReview(node)
    protocol = page.keeping.protocols.protocolOf(review, page.desk.model)
    if protocol is None or not protocol.measurements:
        return []
    try:
        found = measuring.measureNode(node, protocol, review)
    except LandmarkDetectionError as problem:
        return [{"title": str(problem), "value": "", "usual": "", "said": ""}]
    return [_measurement(one) for one in found if one.value is not None]


def _conflict(page: PageDesk) -> list[dict[str, str]]:
    conflict = page.review.conflict
    return [
        {
            "title": page.desk.title(one.name),
            "mine": statusText(one.mine.status),
            "theirs": statusText(one.theirs.status),
            "distance": f"{one.distance:.1f} mm" if one.distance else "",
        }
        for one in (conflict.differences if conflict is not None else ())
    ]


def _row(row: Row) -> dict[str, Any]:
    color, shape = colors.mark(row.status)
    return {
        "name": row.name,
        "title": row.title,
        "confidence": "" if row.confidence is None else f"{100 * row.confidence:.0f} %",
        "status": row.status.value,
        "statusText": row.statusText,
        "color": color,
        "symbol": colors.SYMBOLS[shape],
        "warnings": list(row.warnings),
    }


def _measurement(one: Measured) -> dict[str, str]:
    title, value, _interval, usual, said = cells(one)
    if one.spread is not None:
        half = number((one.spread.high - one.spread.low) / 2, one.unit, with_unit=False)
        value = f"{value} \u00b1 {half}"
    return {"title": title, "value": value, "usual": usual, "said": said}
