"""Look at every landmark, the doubtful ones first, and accept, correct or refuse it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from LandmarkDetectionSlicer.logic.review_desk import ReviewDesk
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.logic.words import warningsOfAll
from LandmarkDetectionSlicer.panel.actions import ReviewActions
from LandmarkDetectionSlicer.panel.files import Files
from LandmarkDetectionSlicer.panel.landmark_table import LandmarkTable
from LandmarkDetectionSlicer.panel.message import MessageLine
from LandmarkDetectionSlicer.panel.pictures import ReferenceBody
from LandmarkDetectionSlicer.scene import nodes
from LandmarkDetectionSlicer.scene.choices import Names, Others

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionSlicer.panel.context import PanelContext
    from LandmarkDetectionSlicer.panel.detect import DetectSection
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

PICTURE_SIZE = (84, 126)


class ReviewPage:
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
    desk
        The review that is shown.
    hasNextCase
        Whether this is a case of a cohort, and not its last.
    isShown
        Whether it is the page in front.
    """

    def __init__(self, context: PanelContext, widget: Any, detect: DetectSection) -> None:
        self.context = context
        self.heading = _("Review")
        self.widget = widget
        self.ui = ui = detect.ui
        self.message = MessageLine(ui.messageIcon, ui.messageText)
        self.files = Files(context, widget, self.message)
        self.hasNextCase: Callable[[], bool] = lambda: False
        self.canDetect = detect.isReady
        self.isShown = True
        self._body: ReferenceBody | None = None
        self._nodeId: str | None = None
        self._before: dict[str, str | None] = {}
        self._names = Names.ROOM
        self.desk = ReviewDesk(self)
        self._table = LandmarkTable(ui.landmarkTable, self.select)
        self.actions = ReviewActions(self, detect.detect, self.files.save, self.files.open)
        self.actions.findNear.connect("toggled(bool)", self._onFindNear)
        ui.landmarkSelector.setMRMLScene(slicer.mrmlScene)
        ui.openOnlyBox.connect("toggled(bool)", lambda *_args: self._fillTable())
        for button, action in (
            (ui.acceptButton, self.desk.accept),
            (ui.missingButton, self.desk.markMissing),
            (ui.undoButton, self.desk.undo),
            (ui.nextButton, self.desk.goToNext),
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
        self.desk.listen(True)

    def exit(self) -> None:
        """Another module is opened: keys and clicks are its own."""
        self.desk.findNear.stop()
        self.actions.listen(False)
        self.desk.listen(False)

    # --- what is under review ---------------------------------------------------------------------------

    @property
    def session(self) -> ReviewSession | None:
        """The review; None without one."""
        return self.desk.session

    @property
    def review(self) -> Review | None:
        """The review as it stands."""
        return self.desk.review

    @property
    def selected(self) -> str | None:
        """The landmark that is looked at."""
        return self.desk.selected

    @property
    def model(self) -> Model | None:
        """Whose words and picture are shown."""
        return self.desk.model

    # --- the window of the desk -------------------------------------------------------------------------

    @property
    def worker(self) -> BackgroundWorker:
        """Does the slow work."""
        return self.context.logic.worker

    @property
    def others(self) -> Others:
        """When the landmarks that nobody has settled follow a correction."""
        parameters = self.context.parameters
        return parameters.others if parameters is not None else Others.STAY

    @property
    def namesInViews(self) -> Names:
        """Which landmarks' names the views show."""
        parameters = self.context.parameters
        return parameters.names if parameters is not None else Names.ROOM

    def modelOf(self, review: Review) -> Model | None:
        """Whose words to use of a review."""
        return self.context.modelOf(review)

    def clearMessages(self) -> None:
        """An action begins: what was said about the one before is over."""
        self.context.actions.clearMessages()

    def showReview(self) -> None:
        """The landmarks may be others, or said otherwise."""
        self._fillTable()

    def showSelection(self) -> None:
        """Another landmark is selected."""
        self._table.select(self.desk.selected)
        self._show()

    def findNearStopped(self) -> None:
        """No click is waited for any longer."""
        if self.actions.findNear.checked:
            self.actions.findNear.checked = False

    def reviewEnded(self) -> None:
        """The landmarks under review are gone."""
        self._body = None
        self._fillTable()
        if self.context.parameters is not None:  # else the scene is being closed
            self.context.parameters.landmarks = None  # type: ignore[assignment]

    def landmarksWentAway(self, nodeId: str) -> None:
        """Undo took them away: those come back that were under review before."""
        before = slicer.mrmlScene.GetNodeByID(self._before.get(nodeId) or "")
        if before is not None and self.context.parameters is not None:
            self.context.actions.takeLandmarks(before)

    def landmarksCameBack(self, nodeId: str) -> None:
        """Undo or redo brought other landmarks back, or changed them: they are what it was about."""
        node = slicer.mrmlScene.GetNodeByID(nodeId)
        if node is not None and nodes.storedReview(node) is not None:
            self.context.actions.takeLandmarks(node)

    def _onFindNear(self, isOn: bool) -> None:
        if not isOn:
            self.desk.findNear.stop()
        else:
            self.desk.findNear.start()
            self.actions.findNear.checked = self.desk.findNear.isWaiting

    # --- which landmarks --------------------------------------------------------------------------------

    def setLandmarks(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode | None) -> None:
        """Review another node, or none."""
        self._tellOfRemoval(landmarkNode)
        current = self.session.landmarkNode if self.session is not None else None
        if landmarkNode is current:
            self._showSelector()
            if self._names is not self.namesInViews:
                self._names = self.namesInViews
                self.desk.showNames()
            return
        self._body = None
        if landmarkNode is None:
            self.close()
        else:
            if current is not None or landmarkNode.GetID() not in self._before:
                self._before[landmarkNode.GetID()] = current.GetID() if current is not None else None
            self.desk.open(landmarkNode)
            self._nodeId = landmarkNode.GetID()
            # What is in the table comes first; all at once would be noticed.
            for step in (self._takeBody, self.desk.mark):
                self.context.logic.background.soon(step)
        self._fillTable()

    def _tellOfRemoval(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode | None) -> None:
        """Landmarks that were under review and are gone should not vanish without a word."""
        if self.context.parameters is None:  # with the whole scene
            self._nodeId = None
            self._before.clear()
        elif landmarkNode is None and self._nodeId and slicer.mrmlScene.GetNodeByID(self._nodeId) is None:
            self._nodeId = None
            self.message.warning(_("The landmarks were removed from the scene."))

    def takeModel(self) -> None:
        """Other models are known: show the words of one where there was none to speak for the review."""
        if self.review is not None and self.model is None:
            self.desk.model = self.modelOf(self.review)
            self._fillTable()
            self._takeBody()

    def _takeBody(self) -> None:
        """Read the picture of the model, and show the selected landmark in it."""
        self._body = ReferenceBody(self.model) if self.model is not None else None
        self._showDetails()

    def close(self) -> None:
        """Review nothing."""
        self.desk.close()
        self._body = None

    def begin(self) -> None:
        """Show the landmark that most needs a look, and take the keys."""
        if self.session is not None:
            self.desk.begin()
            self.ui.landmarkTable.setFocus()

    # --- what is shown ----------------------------------------------------------------------------------

    def _fillTable(self) -> None:
        self.desk.openOnly = bool(self.ui.openOnlyBox.checked)
        self._table.fill(self.desk.rows(), self.selected)
        self._show()

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
        last = ui.nextCaseButton if self.hasNextCase() else ui.saveButton
        following = last if isComplete else ui.acceptButton
        # The others go first: two of them at once would widen the panel for a moment.
        for button in sorted(
            (ui.acceptButton, ui.saveButton, ui.nextCaseButton), key=lambda one: one is following
        ):
            button.visible = button is following
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
        self.desk.showRegion()

    def _details(self, name: str) -> str:
        about = [f"<b>{escape(self.desk.title(name))}</b>", *map(escape, self.desk.remarks(name))]
        return "".join(f'<p style="margin:0 0 6px 0">{line}</p>' for line in about)

    # --- for the other pages, and scripts ---------------------------------------------------------------

    def select(self, name: str) -> None:
        """Go to a landmark: its row, its words and its picture, and the views."""
        self.desk.select(name)

    @property
    def canFindNear(self) -> bool:
        """Whether the model can look for the selected landmark again."""
        return self.desk.findNear.isPossible()
