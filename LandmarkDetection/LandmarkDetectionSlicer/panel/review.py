"""Look at every landmark, the doubtful ones first, and accept, correct or refuse it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.core.landmarks import Landmark, Status
from LandmarkDetectionLib.quality.triage import landmarks_by_priority, next_open, warnings_of
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.panel.actions import ReviewActions
from LandmarkDetectionSlicer.panel.files import Files
from LandmarkDetectionSlicer.panel.find_near import FindNear
from LandmarkDetectionSlicer.panel.landmark_table import LandmarkTable, Row
from LandmarkDetectionSlicer.panel.message import MessageLine
from LandmarkDetectionSlicer.panel.pictures import ReferenceBody
from LandmarkDetectionSlicer.panel.update_others import UpdateOthers
from LandmarkDetectionSlicer.panel.words import statusText, warningsOfAll
from LandmarkDetectionSlicer.scene import colors, views
from LandmarkDetectionSlicer.scene.regions import Region
from LandmarkDetectionSlicer.scene.transforms import worldPosition

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionSlicer.panel.context import PanelContext
    from LandmarkDetectionSlicer.panel.detect import DetectSection

PICTURE_SIZE = (84, 126)


class ReviewPage(VTKObservationMixin):
    """The page in front: the landmarks in a table, what is to be said of them in a bar below.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.
    widget
        Loaded from ``review.ui``.
    detect
        What finds the landmarks, in the upper part of the page.

    Attributes
    ----------
    hasNextCase
        Whether this is a case of a cohort, and not its last.
    isShown
        Whether it is the page in front.
    """

    def __init__(self, context: PanelContext, widget: Any, detect: DetectSection) -> None:
        super().__init__()
        self.context = context
        self.heading = _("Review")
        self.widget = widget
        self.ui = ui = detect.ui
        self.message = MessageLine(ui.messageIcon, ui.messageText)
        self.files = Files(context, widget, self.message)
        self.hasNextCase: Callable[[], bool] = lambda: False
        self.canDetect = detect.isReady
        self.isShown = True
        self._isSettling = False
        self.session: ReviewSession | None = None
        self.selected: str | None = None
        self.model: Model | None = None
        self._body: ReferenceBody | None = None
        self._nodeId: str | None = None
        self._markers: colors.StatusMarkers | None = None
        self._region: Region | None = None
        self._table = LandmarkTable(ui.landmarkTable, self.select)
        self.actions = ReviewActions(self, detect.detect, self.files.save, self.files.open)
        self._findNear = FindNear(self, self.actions.findNear)
        self._others = UpdateOthers(self)
        ui.landmarkSelector.setMRMLScene(slicer.mrmlScene)
        ui.openOnlyBox.connect("toggled(bool)", lambda *_args: self._fillTable())
        for button, action in (
            (ui.acceptButton, self.accept),
            (ui.missingButton, self.markMissing),
            (ui.undoButton, self.undo),
            (ui.nextButton, self.goToNext),
            (ui.saveButton, self.files.save),
            (ui.openButton, self.files.open),
        ):
            button.connect("clicked(bool)", lambda _checked, action=action: action())
        self._show()

    def turned(self, isShown: bool) -> None:
        """It has come to the front, or has gone behind another."""
        self.isShown = isShown

    def enter(self) -> None:
        """The module is opened: keys mean something."""
        self.actions.listen(True)

    def exit(self) -> None:
        """Another module is opened: keys and clicks are its own."""
        self._findNear.stop()
        self.actions.listen(False)

    # --- which landmarks --------------------------------------------------------------------------------

    def setLandmarks(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode | None) -> None:
        """Review another node, or none."""
        self._tellOfRemoval(landmarkNode)
        current = self.session.landmarkNode if self.session is not None else None
        if landmarkNode is current:
            self._showSelector()
            return
        self.close()
        if landmarkNode is not None:
            self.session = ReviewSession(
                landmarkNode, self._onReviewChanged, self._others.onSettled, self._others.onDragged
            )
            self.model = self.context.modelOf(self.session.review)
            self._others.begin()
            self._body = ReferenceBody(self.model) if self.model is not None else None
            self._nodeId = landmarkNode.GetID()
            qt.QTimer.singleShot(0, self._mark)  # what is in the table comes first
            self._region = Region(landmarkNode)
            self.addObserver(
                landmarkNode, slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent, self._onPointPicked
            )
            review = self.session.review
            self.selected = next_open(review) or next(iter(landmarks_by_priority(review)), None)
        self._fillTable()

    def _mark(self) -> None:
        if self._markers is None and self.session is not None and not self.session.isClosed:
            self._markers = colors.StatusMarkers(self.session.node)

    def _tellOfRemoval(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode | None) -> None:
        """Landmarks that were under review and are gone should not vanish without a word."""
        if self.context.parameters is None:  # with the whole scene
            self._nodeId = None
        elif landmarkNode is None and self._nodeId and slicer.mrmlScene.GetNodeByID(self._nodeId) is None:
            self._nodeId = None
            self.message.warning(_("The landmarks were removed from the scene."))

    def close(self) -> None:
        """Review nothing."""
        self._findNear.stop()
        self._others.end()
        self.removeObservers()
        if self.session is not None:
            self.session.close()
        if self._markers is not None:
            self._markers.close()
        if self._region is not None:
            self._region.close()
        self._markers = self._region = None
        self.session, self.selected, self.model, self._body = None, None, None, None

    def begin(self) -> None:
        """Show the landmark that most needs a look, and take the keys."""
        if self.session is None:
            return
        first = next_open(self.session.review)
        if first is not None and first == self.selected:
            self._center(first)
        elif first is not None:
            self.select(first)
        self.ui.landmarkTable.setFocus()

    def _onReviewChanged(self) -> None:
        if self.session is not None and self.session.isClosed:
            self.close()
            self._fillTable()
            if self.context.parameters is not None:  # else the scene is being closed
                self.context.parameters.landmarks = None  # type: ignore[assignment]
            return
        if not self._isSettling:
            self._fillTable()

    # --- what is shown ----------------------------------------------------------------------------------

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

    def title(self, name: str) -> str:
        """A landmark's name for people."""
        if self.model is not None and name in self.model.protocol.names:
            return self.model.protocol[name].title
        text = name.replace("_", " ")
        return text[:1].upper() + text[1:]

    def _statusText(self, name: str) -> str:
        review = self.opened.review
        status = review.landmarks[name].status
        if status is Status.ABSENT and not review.prediction.model:
            return _("not placed")
        return statusText(status)

    def _fillTable(self) -> None:
        review = self.review
        if review is None or self.selected not in review.landmarks:  # undo may take a point away
            self.selected = None
        done = review.reviewed if review is not None and self.ui.openOnlyBox.checked else ()
        names = landmarks_by_priority(review) if review is not None else ()
        self._table.fill([self._row(name) for name in names if name not in done], self.selected)
        self._show()

    def _row(self, name: str) -> Row:
        review = self.opened.review
        return Row(
            name,
            self.title(name),
            review.prediction.landmarks[name].confidence,
            review.landmarks[name].status,
            self._statusText(name),
            warnings_of(review.prediction, name),
        )

    def _show(self) -> None:
        """Everything but the table's rows."""
        ui, session, review = self.ui, self.session, self.review
        isThere = session is not None and review is not None
        done, total = review.progress if review is not None else (0, 0)
        isComplete = 0 < total == done
        self._showSelector()
        ui.startArea.visible = not isThere
        ui.reviewArea.visible = ui.reviewBar.visible = isThere
        # One button that says what comes next.
        ui.acceptButton.visible = not isComplete
        ui.nextCaseButton.visible = isComplete and self.hasNextCase()
        ui.saveButton.visible = isComplete and not ui.nextCaseButton.visible
        self.actions.refresh()
        if session is None or review is None:
            return
        ui.progressLabel.text = _("{done} of {total} reviewed").format(done=done, total=total)
        ui.reviewProgressBar.maximum = max(total, 1)
        ui.reviewProgressBar.value = done
        warnings = warningsOfAll(review)
        ui.warningLabel.text = "\n".join(f"\u26a0 {warning}" for warning in warnings)
        ui.warningLabel.visible = bool(warnings)
        for button in (ui.acceptButton, ui.missingButton, ui.nextButton):
            button.enabled = self.selected is not None
        ui.undoButton.enabled = session.canUndo
        self._showDetails()

    def _showSelector(self) -> None:
        """A choice is offered only where there is one."""
        selector = self.ui.landmarkSelector
        isChoice = selector.nodeCount() > (0 if self.session is None else 1)
        selector.visible = self.ui.landmarksLabel.visible = isChoice
        self.ui.openButton.enabled = self.context.parameters is not None

    def _showDetails(self) -> None:
        ui, name = self.ui, self.selected
        picture = self._body.closeUp(*PICTURE_SIZE, name) if self._body is not None and name else None
        ui.landmarkPicture.visible = picture is not None
        if picture is not None:
            ui.landmarkPicture.setPixmap(picture)
        ui.landmarkText.text = self._details(name) if name else ""
        if self._region is not None:
            self._region.show(self.opened.review.landmarks[name] if name else None)

    def _details(self, name: str) -> str:
        review = self.opened.review
        landmark = review.landmarks[name]
        lines = [f"<b>{escape(self.title(name))}</b>", escape(landmark.description)]
        lines += [f"&#9888; {escape(warning)}" for warning in warnings_of(review.prediction, name)]
        predicted = review.prediction.landmarks[name]
        if landmark.status is Status.CORRECTED and predicted.is_present:
            distance = float(((landmark.position - predicted.position) ** 2).sum() ** 0.5)
            moved = _("Moved by {distance} mm from where the model had it.").format(
                distance=f"{distance:.1f}"
            )
            lines.append(escape(moved))
        return "".join(f'<p style="margin:0 0 6px 0">{line}</p>' for line in lines if line)

    # --- going from one to the next ---------------------------------------------------------------------

    def select(self, name: str, center: bool = True) -> None:
        """Go to a landmark: its row, its words and its picture, and the views unless ``center`` is False."""
        self.selected = name
        self._table.select(name)
        self._show()
        if center:
            self._center(name)

    def goToNext(self) -> None:
        """The row below."""
        self._go(1)

    def goToPrevious(self) -> None:
        """The row above."""
        self._go(-1)

    def _go(self, step: int) -> None:
        name = self._table.neighbour(self.selected, step)
        if name is not None:
            self.select(name)

    def _center(self, name: str) -> None:
        session = self.opened
        position = session.worldPosition(name)
        if position is None:  # where the model had it, if it had it anywhere
            predicted = session.review.prediction.landmarks[name]
            if predicted.is_present:
                position = worldPosition(session.node, predicted.position)
        views.highlight(session.node, session.review.landmarks.names.index(name))
        if position is not None:
            views.centerOn(position, self._field(name))

    def _field(self, name: str) -> float:
        """How much of the image a look at a landmark needs, in mm."""
        landmarks = self.opened.review.landmarks
        place = (
            self.opened.review.prediction.landmarks[name]
            if not landmarks[name].is_present
            else landmarks[name]
        )
        others = [mark.position for mark in landmarks if mark.is_present and mark.name != name]
        return views.suitableField(place.position, others, place.expected_error or 0.0)

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

    def _settle(self, step: Callable[[ReviewSession, str], None]) -> None:
        if self.session is None or self.selected is None:
            return
        self.context.actions.clearMessages()
        settled = self.selected
        self._isSettling = True  # shown once, with the next one selected
        try:
            step(self.session, settled)
        finally:
            self._isSettling = False
        following = next_open(self.session.review, settled)
        self.selected = following or settled
        self._fillTable()
        if following is not None:
            self._center(following)
        else:
            self.message.information(
                _("All {count} landmarks are reviewed.").format(count=len(self.session.review.landmarks))
            )

    def shiftLevels(self, levels: int) -> None:
        """The whole spine is off: every vertebra belongs where the one below it (1) or above it (-1) is."""
        if self.session is None:
            return
        self.context.actions.clearMessages()
        chain = self.chain
        if not chain:
            self.message.information(_("These landmarks are no chain of vertebrae."))
            return
        self.session.shift(chain, levels)
        if self.selected is not None:
            self._center(self.selected)
        end = chain[-1] if levels > 0 else chain[0]
        self.message.information(
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
            self.context.actions.clearMessages()
            self.session.restore(self.selected)
            self._center(self.selected)

    def restoreAll(self) -> None:
        """Back to what the model said of every landmark; undo takes it back."""
        if self.session is not None:
            self.context.actions.clearMessages()
            self.session.restoreAll()

    def undo(self) -> None:
        """Take the last step back, and show what it was about."""
        self._travel(lambda session: session.undo())

    def redo(self) -> None:
        """Do the step again that was taken back."""
        self._travel(lambda session: session.redo())

    def _travel(self, step: Callable[[ReviewSession], None]) -> None:
        if self.session is None:
            return
        self.context.actions.clearMessages()
        self._others.forget()
        before = self.session.review.landmarks
        step(self.session)
        if self.session is None:  # undo took the landmarks themselves away
            return
        now = self.session.review.landmarks
        if before.names == now.names:
            said = (one.name for one, other in zip(before, now, strict=True) if _isSaidOtherwise(one, other))
            if (changed := next(said, None)) is not None:
                self.select(changed)

    @property
    def canFindNear(self) -> bool:
        """Whether the model can look for the selected landmark again."""
        return self._findNear.isPossible()

    def setLocked(self, isLocked: bool) -> None:
        """Hold the points against the mouse, or let them go."""
        if self.session is not None:
            self.session.setLocked(isLocked)


def _isSaidOtherwise(before: Landmark, now: Landmark) -> bool:
    """Whether a person says something else of it; what only followed is left out."""
    if not (before.status.by_person or now.status.by_person):
        return False
    isThere = before.is_present and now.is_present
    return before.status is not now.status or (isThere and bool((before.position != now.position).any()))
