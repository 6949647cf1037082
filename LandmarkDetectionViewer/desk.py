"""The page's side of a review: what a person does comes in as keys and clicks, what there is to see goes out
as the state of the page. What a step means is :class:`LandmarkDetectionSlicer.logic.review_desk.ReviewDesk`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import slicer
from LandmarkDetectionSlicer.logic.case_review import CaseReview
from LandmarkDetectionSlicer.logic.known_models import KnownModels
from LandmarkDetectionSlicer.logic.review_desk import ReviewDesk
from LandmarkDetectionSlicer.process.worker import BackgroundWorker
from LandmarkDetectionSlicer.scene.choices import Names, Others
from LandmarkDetectionSlicer.scene.nodes import POINTS_CHANGED

from LandmarkDetectionViewer import showing, surfaces
from LandmarkDetectionViewer.finding import Finding
from LandmarkDetectionViewer.host import QTimer
from LandmarkDetectionViewer.keeping import Keeping
from LandmarkDetectionViewer.opening import Opening
from LandmarkDetectionViewer.pictures import ReferencePictures
from LandmarkDetectionViewer.state import Message, PageState

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionViewer.cases import Cases
    from LandmarkDetectionViewer.views import Views

MOVE_MM = 1.0
MEASURE_MS = 120
DIRECTIONS = {
    "Shift+ArrowLeft": (-1, 0, 0),
    "Shift+ArrowRight": (1, 0, 0),
    "Shift+ArrowUp": (0, 0, 1),
    "Shift+ArrowDown": (0, 0, -1),
    "Shift+PageUp": (0, 1, 0),
    "Shift+PageDown": (0, -1, 0),
}
"""Keys that move the selected landmark: left and right on the screen, up and down, forward and back."""


class PageDesk:
    """The review that a page shows, and all that can be done with it.

    Parameters
    ----------
    state
        Of the page.
    views
        Where images are seen.
    cases
        What is opened.
    models
        That are here.
    reviewer
        Who reviews.
    worker
        Does the slow work.
    """

    def __init__(
        self,
        state: PageState,
        views: Views,
        cases: Cases,
        models: KnownModels,
        reviewer: str = "",
        worker: BackgroundWorker | None = None,
    ) -> None:
        self.state, self.views, self.models = state, views, models
        self.reviewer = reviewer
        self.message = Message(state)
        self.worker = worker or BackgroundWorker()
        self.desk = ReviewDesk(self)
        self.opening, self.keeping = Opening(self, cases), Keeping(self, cases)
        self.review = CaseReview(
            self.worker, self.opening.onOpened, self.keeping.onSaved, self.keeping.onFailed, reviewer
        )
        self.volumeNode: slicer.vtkMRMLScalarVolumeNode | None = None
        self.finding = Finding(self)
        self.pictures = ReferencePictures(None)
        self._pending = False
        self._measuring = QTimer()
        self._measuring.setSingleShot(True)
        self._measuring.setInterval(MEASURE_MS)
        self._measuring.connect("timeout()", self._measureNow)
        self._observed: tuple[Any, list[int]] | None = None
        self.keys: dict[str, Callable[[], object]] = {
            "A": self.desk.accept,
            "M": self.desk.markMissing,
            "Shift+M": self.desk.markAbsentMissing,
            "N": self.desk.goToNext,
            "P": self.desk.goToPrevious,
            "ArrowDown": self.desk.goToNext,
            "ArrowUp": self.desk.goToPrevious,
            "R": self.desk.restore,
            "D": lambda: self.desk.shiftLevels(1),
            "U": lambda: self.desk.shiftLevels(-1),
            "F": self.toggleFindNear,
            "L": lambda: self.desk.setLocked(not self.desk.opened.isLocked),
            "Ctrl+Z": self.desk.undo,
            "Ctrl+Y": self.desk.redo,
            "Ctrl+Shift+Z": self.desk.redo,
            "Ctrl+S": self.keeping.save,
            "Shift+N": lambda: self.opening.go(1),
            "Shift+P": lambda: self.opening.go(-1),
            "Escape": self.desk.findNear.stop,
            **{key: partial(self.moveBy, key) for key in DIRECTIONS},
        }
        state.models = [model.name for model in models.usable]
        state.model = state.models[0] if state.models else ""
        self.proposed = state.model
        state.hasStore = cases.store is not None
        state.keys = list(self.keys)

    # --- the window of the desk -------------------------------------------------------------------------

    @property
    def others(self) -> Others:
        """When the landmarks that nobody has settled follow a correction."""
        return Others(self.state.others)

    @property
    def namesInViews(self) -> Names:
        """Which landmarks' names the views show."""
        return Names.ROOM

    def modelOf(self, review: Review) -> Model | None:
        """Whose words to use of a review."""
        return self.models.modelOf(review)

    def clearMessages(self) -> None:
        """An action begins: what was said about the one before is over."""
        self.message.clear()

    def findNearStopped(self) -> None:
        """No click is waited for any longer."""
        self.state.isFinding = False

    # --- the open case ----------------------------------------------------------------------------------

    def forget(self) -> None:
        """The case is closed, and another will be opened."""
        self.desk.close()
        self._unobserve()
        self.keeping.forget()
        self.volumeNode = None
        self.state.conflict = []
        surfaces.clear()

    def take(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        """Review these landmarks."""
        self.desk.open(landmarkNode)
        self.desk.mark()
        made = self.desk.opened.review.prediction.model
        if made in self.state.models:
            self.state.model = made
        self.keeping.watch(landmarkNode)
        if self.pictures.model is not self.desk.model:
            self.pictures = ReferencePictures(self.desk.model)
        self._unobserve()
        tags = [landmarkNode.AddObserver(event, self._onPoints) for event in POINTS_CHANGED]
        self._observed = (landmarkNode, tags)
        self.desk.begin()

    def _unobserve(self) -> None:
        observed, self._observed = self._observed, None
        if observed is not None:
            for tag in observed[1]:
                observed[0].RemoveObserver(tag)

    def _onPoints(self, *_args: object) -> None:
        session = self.desk.session
        if session is None or not session.isDragging:
            self.showReview()
        elif not self._measuring.active:  # often: the table stays as it is until the point is let go
            self._measuring.start()

    def _measureNow(self) -> None:
        if self.desk.session is not None and not self.desk.session.isClosed:
            self.state.measurements = showing.measured(self)

    # --- detecting --------------------------------------------------------------------------------------

    def detect(self) -> None:
        """Find landmarks in the open image, in the background."""
        self.finding.start()

    def stopDetecting(self) -> None:
        """Stop a detection; nothing has changed."""
        self.finding.stop()

    def takeDetected(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, sentence: str) -> None:
        """Review what was found."""
        before = self.review.landmarkNode
        if before is not None and before is not landmarkNode:
            self.desk.close()
            before.GetDisplayNode().SetVisibility(False)
        self.review.take(landmarkNode)
        self.take(landmarkNode)
        self.message.information(sentence)
        self.showReview()

    # --- one landmark -----------------------------------------------------------------------------------

    def press(self, key: str) -> None:
        """A key was pressed that is one of ``keys``."""
        action = self.keys.get(key)
        isAlways = key in ("Shift+N", "Shift+P")
        if action is not None and (isAlways or self.desk.session is not None):
            action()

    def toggleFindNear(self) -> None:
        """Wait for a click near the selected landmark, or no longer."""
        if self.desk.findNear.isWaiting:
            self.desk.findNear.stop()
        else:
            self.desk.findNear.start()
            self.state.isFinding = self.desk.findNear.isWaiting
        self.showReview()

    def moveBy(self, key: str) -> None:
        """Move the selected landmark by a millimetre, as the screen shows it."""
        name, session = self.desk.selected, self.desk.session
        if name is None or session is None or session.isLocked:
            return
        place = session.worldPosition(name)
        if place is None:
            predicted = session.review.prediction.landmarks[name]
            place = session.toWorld(predicted.position) if predicted.is_present else None
        if place is None:
            self.message.information("This landmark has no place yet; press F and click near it.")
            return
        session.correct(name, place + MOVE_MM * self.views.onScreen(DIRECTIONS[key]))
        self.desk.center(name)

    def setOpenOnly(self, isOpenOnly: bool) -> None:
        """List only what nobody has settled, or everything."""
        self.desk.openOnly = isOpenOnly
        self.showReview()

    # --- what is shown ----------------------------------------------------------------------------------

    def showReview(self) -> None:
        """The landmarks may be others, or said otherwise: many steps of the scene are one for the page."""
        if not self._pending:
            self._pending = True
            asyncio.get_event_loop().call_soon(self._showNow)

    showSelection = reviewEnded = showReview

    def landmarksWentAway(self, nodeId: str) -> None:
        """Undo or redo took the landmarks of the case away; what is open is shown."""
        self.showReview()

    landmarksCameBack = landmarksWentAway

    def _showNow(self) -> None:
        self._pending = False
        showing.showAll(self)

    def close(self) -> str:
        """Save what is open, and end the background process; one sentence when saving did not work."""
        self.stopDetecting()
        self.opening.close()
        problem = self.keeping.end()
        self.desk.close()
        self.worker.close()
        return problem
