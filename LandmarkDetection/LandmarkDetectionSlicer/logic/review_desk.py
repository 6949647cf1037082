"""A review as a person goes through it: what is looked at, what is said of it, which landmark comes next.

A :class:`ReviewDesk` has no widgets. Whatever shows it (the panel, a page in a browser) is its window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.core.landmarks import Landmark, Status
from LandmarkDetectionLib.quality.triage import landmarks_by_priority, next_open, warnings_of
from LandmarkDetectionSlicer.logic.finding_near import FindNear
from LandmarkDetectionSlicer.logic.following import Following
from LandmarkDetectionSlicer.logic.reviewing import PointLists, ReviewSession, pointLists
from LandmarkDetectionSlicer.logic.words import statusText
from LandmarkDetectionSlicer.scene import colors, views
from LandmarkDetectionSlicer.scene.names import LandmarkNames
from LandmarkDetectionSlicer.scene.regions import Region
from LandmarkDetectionSlicer.scene.transforms import worldPosition

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.landmarks import LandmarkSet
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker
    from LandmarkDetectionSlicer.scene.choices import Names, Others


class Messages(Protocol):
    """The one sentence that a window has to say."""

    def information(self, sentence: str) -> None:
        """What happened, or what to do next."""

    def warning(self, sentence: str) -> None:
        """What a person should look at before going on."""

    def error(self, sentence: str) -> None:
        """What did not work, and what to do."""

    def clear(self) -> None:
        """Say nothing."""


class DeskWindow(Protocol):
    """What a desk needs of the window that shows it."""

    @property
    def message(self) -> Messages:
        """Where sentences are shown."""

    @property
    def worker(self) -> BackgroundWorker:
        """Does the slow work."""

    @property
    def others(self) -> Others:
        """When the landmarks that nobody has settled follow a correction."""

    @property
    def namesInViews(self) -> Names:
        """Which landmarks' names the views show."""

    def modelOf(self, review: Review) -> Model | None:
        """Whose words to use of a review; None when no model that is here knows its landmarks."""

    def clearMessages(self) -> None:
        """An action begins: what was said about the one before is over."""

    def showReview(self) -> None:
        """The landmarks may be others, or said otherwise."""

    def showSelection(self) -> None:
        """Another landmark is selected."""

    def findNearStopped(self) -> None:
        """No click is waited for any longer."""

    def reviewEnded(self) -> None:
        """The landmarks under review are gone."""

    def landmarksWentAway(self, nodeId: str) -> None:
        """Undo, or redo, took the landmarks away that were under review."""

    def landmarksCameBack(self, nodeId: str) -> None:
        """Undo, or redo, brought another point list back, or changed it."""


class Row(NamedTuple):
    """What is shown of one landmark; ``name`` is that of the protocol."""

    name: str
    title: str
    confidence: float | None
    status: Status
    statusText: str
    warnings: tuple[str, ...]


class BeforeStep(NamedTuple):
    """What there was before a step back or forth."""

    session: ReviewSession | None
    lists: PointLists
    landmarks: LandmarkSet | None


class _StepsOfOthers(VTKObservationMixin):
    """Undo and redo of the scene that nobody asked the desk for: Slicer has a menu of its own for them."""

    def __init__(self, desk: ReviewDesk) -> None:
        super().__init__()
        self._desk = desk
        self._before: BeforeStep | None = None
        scene = slicer.mrmlScene
        for event in (scene.StartUndoEvent, scene.StartRedoEvent):
            self.addObserver(scene, event, self._onStart, priority=1.0)
        for event in (scene.EndUndoEvent, scene.EndRedoEvent):
            self.addObserver(scene, event, self._onEnd, priority=-1.0)  # the session first

    def _onStart(self, _caller: object, _event: object) -> None:
        self._before = None if self._desk.isTravelling else self._desk.beforeStep()

    def _onEnd(self, _caller: object, _event: object) -> None:
        before, self._before = self._before, None
        if before is not None:
            self._desk.afterStep(before)


class ReviewDesk(VTKObservationMixin):
    """The landmark node under review, if one is.

    Parameters
    ----------
    window
        Shows it.

    Attributes
    ----------
    session
        The review; None without one.
    selected
        The landmark that is looked at.
    model
        Whose words are used.
    openOnly
        Whether only landmarks are listed that nobody has settled.
    names
        The landmarks as they were listed last, the worst first.
    following
        Lets the other landmarks follow.
    findNear
        Looks for a landmark near a click.
    region, markers, labels
        What is drawn besides the points; None without a review.
    """

    def __init__(self, window: DeskWindow) -> None:
        super().__init__()
        self.window = window
        self.session: ReviewSession | None = None
        self.selected: str | None = None
        self.model: Model | None = None
        self._titled: Model | None = None
        self._titles: dict[str, str] = {}
        self.openOnly = False
        self.names: list[str] = []
        self.region: Region | None = None
        self.markers: colors.StatusMarkers | None = None
        self.labels: LandmarkNames | None = None
        self.following = Following(self)
        self.findNear = FindNear(self)
        self._isSettling = self._isTravelling = False
        self._stepsOfOthers: _StepsOfOthers | None = None

    # --- which landmarks --------------------------------------------------------------------------------

    def open(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        """Review a node, the landmark first that most needs a look; nothing is shown yet."""
        self._leave()
        self.session = ReviewSession(
            landmarkNode, self._onReviewChanged, self.following.onSettled, self.following.onDragged
        )
        review = self.session.review
        self.model = self.window.modelOf(review)
        self.following.begin()
        self.region = Region(landmarkNode)
        self.addObserver(
            landmarkNode, slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent, self._onPointPicked
        )
        self.selected = next_open(review) or next(iter(landmarks_by_priority(review)), None)

    def mark(self) -> None:
        """Draw the status of every landmark, and its name where there is room."""
        if self.labels is not None or self.session is None or self.session.isClosed:
            return
        if self.markers is None:
            self.markers = colors.StatusMarkers(self.session.node)
        else:
            self.markers.follow(self.session.node)
        self.labels = LandmarkNames(self.session.node, self.title)
        self.showNames()

    def close(self) -> None:
        """Review nothing."""
        self._leave()
        if self.markers is not None:
            self.markers.close()
            self.markers = None

    def _leave(self) -> None:
        """The landmarks are under review no longer; their marks stay until others have them."""
        self.findNear.stop()
        self.following.end()
        self.removeObservers()
        if self.session is not None:
            self.session.close()
        if self.labels is not None:
            self.labels.close()
        if self.region is not None:
            self.region.close()
        self.labels = self.region = None
        self.session, self.selected, self.model = None, None, None

    def listen(self, isListening: bool) -> None:
        """Follow undo and redo of others, those of Slicer's menu, or no longer."""
        steps, self._stepsOfOthers = self._stepsOfOthers, None
        if steps is not None:
            steps.removeObservers()
        if isListening:
            self._stepsOfOthers = _StepsOfOthers(self)

    def begin(self) -> None:
        """Show the landmark that most needs a look."""
        if self.session is None:
            return
        first = next_open(self.session.review)
        if first is not None and first == self.selected:
            self.center(first)
        elif first is not None:
            self.select(first)

    @property
    def review(self) -> Review | None:
        """The review as it stands."""
        return self.session.review if self.session is not None else None

    @property
    def opened(self) -> ReviewSession:
        """The session, where there must be one: a button of the review was pressed."""
        if self.session is None:
            raise RuntimeError("no landmarks are under review")
        return self.session

    def _onReviewChanged(self) -> None:
        if self.session is not None and self.session.isClosed:
            self.close()
            self.window.reviewEnded()
        elif not self._isSettling:
            self.window.showReview()

    # --- words ------------------------------------------------------------------------------------------

    def title(self, name: str) -> str:
        """A landmark's name for people."""
        if self._titled is not self.model:  # asked for every row of a list
            self._titled = self.model
            landmarks = self.model.protocol.landmarks if self.model is not None else ()
            self._titles = {one.name: one.title for one in landmarks}
        if name in self._titles:
            return self._titles[name]
        text = name.replace("_", " ")
        return text[:1].upper() + text[1:]

    def statusText(self, name: str) -> str:
        """A landmark's status for people."""
        review = self.opened.review
        return self._wordOf(review.landmarks[name].status, review)

    @staticmethod
    def _wordOf(status: Status, review: Review) -> str:
        if status is Status.ABSENT and not review.prediction.model:
            return _("not placed")
        return statusText(status)

    def remarks(self, name: str) -> list[str]:
        """What there is to say of a landmark: its definition, warnings, and how far it was moved."""
        review = self.opened.review
        landmark, predicted = review.landmarks[name], review.prediction.landmarks[name]
        warnings = warnings_of(review.prediction, name)
        if landmark.status.by_person:  # what was doubted is settled, and still explains why it was
            told = [_("Was in doubt: {warning}").format(warning=one) for one in warnings]
        else:
            told = [f"\u26a0 {one}" for one in warnings]
        lines = [landmark.description, *told]
        if landmark.status is Status.CORRECTED and predicted.is_present:
            distance = float(((landmark.position - predicted.position) ** 2).sum() ** 0.5)
            moved = _("Moved by {distance} mm from where the model had it.")
            lines.append(moved.format(distance=f"{distance:.1f}"))
        return [line for line in lines if line]

    def rows(self) -> list[Row]:
        """The landmarks to list, the worst first; also takes them as those that are listed from now on."""
        review = self.review
        if review is None or self.selected not in review.landmarks:  # undo may take a point away
            self.selected = None
        done = review.reviewed if review is not None and self.openOnly else ()
        rows = [] if review is None else [row for row in self._rows(review) if row.name not in done]
        self.names = [row.name for row in rows]
        return rows

    def _rows(self, review: Review) -> list[Row]:
        # Called at every step: each status is translated once, and each landmark looked up once.
        now = {mark.name: mark for mark in review.landmarks}
        predicted = {mark.name: mark for mark in review.prediction.landmarks}
        texts = {status: self._wordOf(status, review) for status in {mark.status for mark in now.values()}}
        return [
            Row(
                name,
                self.title(name),
                predicted[name].confidence,
                now[name].status,
                texts[now[name].status],
                () if now[name].status.by_person else warnings_of(review.prediction, name),
            )
            for name in landmarks_by_priority(review)
        ]

    # --- going from one to the next ---------------------------------------------------------------------

    def select(self, name: str, center: bool = True) -> None:
        """Go to a landmark: its row and its words, and the views unless ``center`` is False."""
        self.selected = name
        self.window.showSelection()
        if center:
            self.center(name)
        else:
            self.showNames()

    def goToNext(self) -> None:
        """The row below."""
        self._go(1)

    def goToPrevious(self) -> None:
        """The row above."""
        self._go(-1)

    def _go(self, step: int) -> None:
        name = self.neighbour(self.selected, step)
        if name is not None:
            self.select(name)

    def neighbour(self, name: str | None, step: int) -> str | None:
        """The landmark so many rows below, or at the end of the list; None when it is empty."""
        if not self.names:
            return None
        row = self.names.index(name) + step if name in self.names else 0
        return self.names[min(max(row, 0), len(self.names) - 1)]

    def showRegion(self) -> None:
        """Draw where the selected landmark may be."""
        if self.region is not None:
            self.region.show(self.opened.review.landmarks[self.selected] if self.selected else None)

    def center(self, name: str) -> None:
        """Bring a landmark into the middle of the views."""
        session = self.opened
        position = session.worldPosition(name)
        if position is None:  # where the model had it, if it had it anywhere
            predicted = session.review.prediction.landmarks[name]
            if predicted.is_present:
                position = worldPosition(session.node, predicted.position)
        views.highlight(session.node, session.review.landmarks.names.index(name))
        if position is not None:
            views.centerOn(position, self._field(name))
        self.showNames()

    def showNames(self) -> None:
        """Name landmarks in the views, those about the selected one first."""
        if self.labels is not None:
            names = self.opened.review.landmarks.names
            index = names.index(self.selected) if self.selected in names else None
            self.labels.show(self.window.namesInViews, index)

    def _field(self, name: str) -> float:
        """How much of the image a look at a landmark needs, in mm."""
        landmarks = self.opened.review.landmarks
        place = (
            self.opened.review.prediction.landmarks[name]
            if not landmarks[name].is_present
            else landmarks[name]
        )
        others = [mark.position for mark in landmarks if mark.is_present and mark.name != name]
        return views.suitableField(
            place.position, others, place.expected_error or 0.0, views.widthOfRadiograph(self.opened.node)
        )

    def _onPointPicked(self, caller: Any, _event: object) -> None:
        display = caller.GetDisplayNode()
        index = display.GetActiveControlPoint() if display is not None else -1
        names = self.session.review.landmarks.names if self.session is not None else ()
        if 0 <= index < len(names):
            self.select(names[index], center=False)

    # --- what a person says -----------------------------------------------------------------------------

    def accept(self) -> None:
        """The selected landmark is right; go to the next open one."""
        self._settle(lambda session, name: session.accept(name))

    def markMissing(self) -> None:
        """The selected landmark is not in the image; go to the next open one."""
        self._settle(lambda session, name: session.markMissing(name))

    def markAbsentMissing(self) -> None:
        """All landmarks that are absent are not in the image; go to the next open one."""
        self._settle(lambda session, _name: session.markAbsentMissing())

    def _settle(self, step: Callable[[ReviewSession, str], None]) -> None:
        if self.session is None or self.selected is None:
            return
        self.window.clearMessages()
        settled = self.selected
        self._isSettling = True  # shown once, with the next one selected
        try:
            step(self.session, settled)
        finally:
            self._isSettling = False
        review = self.session.review
        following = settled if settled not in review.reviewed else next_open(review, settled)
        self.selected = following or settled
        self.window.showReview()
        if following is not None:
            self.center(following)
        else:
            self.window.message.information(
                _("All {count} landmarks are reviewed.").format(count=len(self.session.review.landmarks))
                if len(self.session.review.landmarks) > 1
                else _("The landmark is reviewed.")
            )

    def shiftLevels(self, levels: int) -> None:
        """The whole spine is off: every vertebra belongs where the one below it (1) or above it (-1) is."""
        if self.session is None:
            return
        self.window.clearMessages()
        chain = self.chain
        if not chain:
            self.window.message.information(_("These landmarks are no chain of vertebrae."))
            return
        self.session.shift(chain, levels)
        if self.selected is not None:
            self.center(self.selected)
        end = chain[-1] if levels > 0 else chain[0]
        self.window.message.information(
            _("All vertebrae moved; {end} has no place now, look for it.").format(
                end=", ".join(self.title(name) for name in end)
            )
        )

    @property
    def chain(self) -> tuple[tuple[str, ...], ...]:
        """The levels of a spine in the model's protocol, as far as all of its landmarks are under review."""
        names = self.opened.review.landmarks.names
        return self.model.protocol.restricted(names).chain if self.model is not None else ()

    def restore(self) -> None:
        """Back to what the model said of the selected landmark."""
        if self.session is not None and self.selected is not None:
            self.window.clearMessages()
            self.session.restore(self.selected)
            self.center(self.selected)

    def restoreAll(self) -> None:
        """Back to what the model said of every landmark; undo takes it back."""
        if self.session is not None:
            self.window.clearMessages()
            self.session.restoreAll()

    def undo(self) -> None:
        """Take the last step back, and show what it was about."""
        scene = slicer.mrmlScene
        self._travel(lambda session: session.undo(), scene.Undo, scene.GetNumberOfUndoLevels() > 0)

    def redo(self) -> None:
        """Do the step again that was taken back."""
        scene = slicer.mrmlScene
        self._travel(lambda session: session.redo(), scene.Redo, scene.GetNumberOfRedoLevels() > 0)

    def _travel(
        self, step: Callable[[ReviewSession], None], stepOfScene: Callable[[], object], isPossible: bool
    ) -> None:
        """Go a step back or forth; without a review it is one of points that are just clicked, say."""
        if not isPossible:
            return
        before = self.beforeStep()
        self._isTravelling = True
        try:
            if self.session is None:
                stepOfScene()
            else:
                step(self.session)
        finally:
            self._isTravelling = False
        self.afterStep(before)

    @property
    def isTravelling(self) -> bool:
        """Whether a step is taken back, or done again, here."""
        return self._isTravelling

    def beforeStep(self) -> BeforeStep:
        """A step will be taken back, or done again; gives what there is before."""
        self.window.clearMessages()
        self.following.forget()
        session = self.session
        return BeforeStep(session, pointLists(), session.review.landmarks if session is not None else None)

    def afterStep(self, there: BeforeStep) -> None:
        """Show what a step back or forth was about."""
        session, lists, before = there
        if session is not None and self.session is None:  # it took the landmarks themselves away
            self.window.landmarksWentAway(session.nodeId)
        if others := _others(self.session, lists, pointLists()):
            self.window.landmarksCameBack(others[0])
        elif session is not None and session is self.session and before is not None:
            self._showChange(before, session.review.landmarks)

    def _showChange(self, before: LandmarkSet, now: LandmarkSet) -> None:
        """Go to what is said otherwise now."""
        if before.names == now.names:
            said = (one.name for one, other in zip(before, now, strict=True) if _isSaidOtherwise(one, other))
            if (changed := next(said, None)) is not None:
                self.select(changed)

    def showVolume(self, isShown: bool) -> None:
        """Show the bones of a CT, or what is bright in another image, in the 3D views, or no longer."""
        if self.session is not None:
            self.session.showVolume(isShown)
            self.window.showReview()

    def setLocked(self, isLocked: bool) -> None:
        """Hold the points against the mouse, or let them go."""
        if self.session is not None:
            self.session.setLocked(isLocked)


def _others(session: ReviewSession | None, before: PointLists, now: PointLists) -> list[str]:
    """Point lists that a step brought back; besides those under review also those that it changed."""
    if session is None:
        return [nodeId for nodeId in now if nodeId not in before]
    changed = [nodeId for nodeId, content in now.items() if before.get(nodeId) != content]
    return [nodeId for nodeId in changed if nodeId != session.nodeId]


def _isSaidOtherwise(before: Landmark, now: Landmark) -> bool:
    """Whether a person says something else of it; what only followed is left out."""
    if not (before.status.by_person or now.status.by_person):
        return False
    isThere = before.is_present and now.is_present
    return before.status is not now.status or (isThere and bool((before.position != now.position).any()))
