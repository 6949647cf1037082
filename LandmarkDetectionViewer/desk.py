"""The page's side of a review: what a person does comes in as keys and clicks, what there is to see goes out
as the state of the page. What a step means is :class:`LandmarkDetectionSlicer.logic.review_desk.ReviewDesk`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from LandmarkDetectionSlicer.logic import annotating
from LandmarkDetectionSlicer.logic.case_review import CaseReview
from LandmarkDetectionSlicer.logic.known_models import KnownModels, ProtocolFinder
from LandmarkDetectionSlicer.logic.review_desk import ReviewDesk
from LandmarkDetectionSlicer.process.worker import BackgroundWorker
from LandmarkDetectionSlicer.scene import volumes
from LandmarkDetectionSlicer.scene.choices import Others
from LandmarkDetectionSlicer.scene.nodes import loadWorldReview

from LandmarkDetectionLib.core.protocol import protocol_of_names
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionViewer import showing, surfaces
from LandmarkDetectionViewer.cases import StoreCase
from LandmarkDetectionViewer.finding import Finding
from LandmarkDetectionViewer.host import QTimer
from LandmarkDetectionViewer.state import Message, PageState

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionViewer.cases import Cases, Entry
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
        self.state, self.views, self.cases, self.models = state, views, cases, models
        self.reviewer = reviewer
        self.message = Message(state)
        self.worker = worker or BackgroundWorker()
        self.desk = ReviewDesk(self)
        self.review = CaseReview(self.worker, self._onOpened, self._onSaved, self._onNotSaved, reviewer)
        self.entries: list[Entry] = []
        self.volumeNode: slicer.vtkMRMLScalarVolumeNode | None = None
        self.finding = Finding(self)
        self.protocols = ProtocolFinder()
        self._clock = annotating.ReviewClock()
        self._kept: Review | None = None
        self._pending = False
        self._measuring = QTimer()
        self._measuring.setSingleShot(True)
        self._measuring.setInterval(MEASURE_MS)
        self._measuring.connect("timeout()", self._measureNow)
        self._observed: tuple[Any, int] | None = None
        self.keys: dict[str, Callable[[], object]] = {
            "A": self.desk.accept,
            "M": self.desk.markMissing,
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
            "Ctrl+S": self.save,
            "Shift+N": lambda: self.goToCase(1),
            "Shift+P": lambda: self.goToCase(-1),
            "Escape": self.desk.findNear.stop,
            **{key: partial(self.moveBy, key) for key in DIRECTIONS},
        }
        state.models = [model.name for model in models.usable]
        state.model = state.models[0] if state.models else ""
        self._proposed = state.model
        state.hasStore = cases.store is not None
        state.keys = list(self.keys)

    # --- the window of the desk -------------------------------------------------------------------------

    @property
    def others(self) -> Others:
        """When the landmarks that nobody has settled follow a correction."""
        return Others(self.state.others)

    def modelOf(self, review: Review) -> Model | None:
        """Whose words to use of a review."""
        return self.models.modelOf(review)

    def clearMessages(self) -> None:
        """An action begins: what was said about the one before is over."""
        self.message.clear()

    def showReview(self) -> None:
        """The landmarks may be others, or said otherwise."""
        self._show()

    def showSelection(self) -> None:
        """Another landmark is selected."""
        self._show()

    def findNearStopped(self) -> None:
        """No click is waited for any longer."""
        self.state.isFinding = False

    def reviewEnded(self) -> None:
        """The landmarks under review are gone."""
        self._show()

    # --- cases ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """List the cases, and open the worst one."""
        self._list()
        first = next((row for row, one in enumerate(self.entries) if not one.reason), None)
        if first is None:
            self.message.warning("There is no case with a result; run the batch first.")
        else:
            self.openCase(first)

    def _list(self) -> None:
        try:
            self.entries = self.cases.entries()
        except LandmarkDetectionError as problem:
            self.message.error(str(problem))
        self.state.cases = [
            {**asdict(one), "open": self.cases.reviewing(one)} if not one.reason else asdict(one)
            for one in self.entries
        ]

    def openCase(self, row: int) -> None:
        """Save the open case, and open one of the list."""
        entry = self.entries[row]
        if entry.reason:
            self.message.warning(entry.reason)
            return
        self._leaveAnd(lambda: self._open(row))

    def goToCase(self, step: int) -> None:
        """The case so many rows below that can be opened."""
        rows = [row for row, one in enumerate(self.entries) if not one.reason]
        row = self.state.case
        if row in rows and 0 <= (place := rows.index(row) + step) < len(rows):
            self.openCase(rows[place])
        elif rows:
            self.message.information("This is the last case." if step > 0 else "This is the first case.")

    def _leaveAnd(self, go: Callable[[], None]) -> None:
        """Keep what was said, where cases are kept in a store, before the next one is opened."""
        if self._mustKeep():
            self._annotate(go)
        else:
            go()

    def _mustKeep(self) -> bool:
        """Whether the store alone keeps what is said, and does not have it yet."""
        node = self.review.landmarkNode
        if not self.cases.isStoreOnly or node is None or self._kept is None:
            return False
        review = loadWorldReview(node)
        return review != self._kept and any(
            mark.is_present and mark.status.by_person for mark in review.landmarks
        )

    def _open(self, row: int) -> None:
        self.stopDetecting()
        self.message.information(f"Opening {self.entries[row].key}...")
        self.state.isOpening = True
        # In the next turn of the event loop: the page says so before the image is read.
        asyncio.get_event_loop().call_later(0.05, self._openNow, row)

    def _openNow(self, row: int) -> None:
        try:
            case = self.cases.case(self.entries[row], self.reviewer)
        except LandmarkDetectionError as problem:
            self.state.isOpening = False
            self.message.error(str(problem))
            return
        if not self.review.leave():
            self.state.isOpening = False
            return
        self._forget()
        self.state.case = row
        # Of a cohort, a case is one model's.
        own = self.entries[row].model
        usable = [model.name for model in self.models.usable]
        self.state.models = [one for one in usable if own in ("", one)]
        self.state.model = self._proposed if self._proposed in self.state.models else own
        self.review.openCase(case)

    def _forget(self) -> None:
        self.desk.close()
        self._unobserve()
        self.volumeNode, self._kept = None, None
        self.state.conflict = []
        surfaces.clear()

    def _onOpened(
        self,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        landmarkNode: slicer.vtkMRMLMarkupsFiducialNode | None,
    ) -> None:
        self.state.isOpening = False
        self.volumeNode = volumeNode
        self.message.clear()
        self.views.show(volumeNode)
        if problem := volumes.refusal(volumeNode):
            self.message.error(problem)
        elif remark := volumes.remark(volumeNode):
            self.message.information(remark)
        if landmarkNode is not None:
            self._take(landmarkNode)
        if others := self.review.others:
            self.message.warning(f"{others[0]} What both say will be compared when it is saved.")
        self._show()
        if not problem:
            asyncio.get_event_loop().create_task(self._drawSurfaces(volumeNode))

    async def _drawSurfaces(self, volumeNode: slicer.vtkMRMLScalarVolumeNode) -> None:
        if not self.views.isVolume:
            return
        volume = volumes.readVolume(volumeNode)
        voxels, matrix = np.array(volume.voxels), volume.ijk_to_ras
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(None, surfaces.surfaces, voxels, matrix)
        if self.volumeNode is volumeNode:
            surfaces.show(found)

    def _take(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        self.desk.open(landmarkNode)
        self.desk.mark()
        made = self.desk.opened.review.prediction.model
        if made in self.state.models:
            self.state.model = made
        self._kept = loadWorldReview(landmarkNode)
        self._unobserve()
        tag = landmarkNode.AddObserver(landmarkNode.PointModifiedEvent, self._onPoints)
        self._observed = (landmarkNode, tag)
        self._clock.watch(landmarkNode.GetID())
        self.desk.begin()

    def _unobserve(self) -> None:
        observed, self._observed = self._observed, None
        if observed is not None:
            observed[0].RemoveObserver(observed[1])

    def _onPoints(self, *_args: object) -> None:
        session = self.desk.session
        if session is None or not session.isDragging:
            self._show()
        elif not self._measuring.active:  # often: the table stays as it is until the point is let go
            self._measuring.start()

    def _measureNow(self) -> None:
        if self.desk.session is not None and not self.desk.session.isClosed:
            self.state.measurements = showing.measured(self)

    # --- saving -----------------------------------------------------------------------------------------

    def save(self) -> None:
        """Save the review now, and keep it in the store where there is one."""
        self.message.clear()
        if self.review.save() and self.review.landmarkNode is not None:
            if self.cases.store is not None:
                self._annotate(lambda: None)
            else:
                self.message.information("Saved.")
        self._show()

    def _onSaved(self, review: Review) -> None:
        row = self.state.case
        done, total = review.progress
        self.state.cases = [
            {**one, "done": done, "total": total} if number == row else one
            for number, one in enumerate(self.state.cases)
        ]
        self._show()

    def _onNotSaved(self, sentence: str) -> None:
        self.state.isOpening = False
        self.message.error(sentence)
        self._show()

    def keepMine(self) -> None:
        """End a conflict: what was said here counts, everything else is the other one's."""
        self.message.clear()
        if self.review.merge():
            self.message.information("Saved; where both said something, what was said here counts.")
        self._show()

    def takeTheirs(self) -> None:
        """End a conflict: what the other one saved counts; undo brings back what was said here."""
        self.message.clear()
        self.review.takeTheirs()
        self.message.information("The other one's review is shown; undo brings back what was said here.")
        self._show()

    def _annotate(self, then: Callable[[], None]) -> None:
        node, store = self.review.landmarkNode, self.cases.store
        if node is None or store is None or self.volumeNode is None:
            return
        review = loadWorldReview(node)
        title, names = review.landmarks.name or "Landmarks", review.landmarks.names

        def done(result: dict[str, Any]) -> None:
            self._kept = review
            self.message.information("Saved, and kept in the store to learn from.")
            then()

        try:
            protocol = store.protocol or self.protocols.protocolOf(review, self.desk.model)
            annotating.saveAnnotation(
                self.worker,
                self.volumeNode,
                node,
                str(store.path),
                protocol or protocol_of_names(names, title),
                reviewer=self.reviewer,
                seconds=self._clock.seconds(node.GetID()),
                onDone=done,
                onFailed=self.message.error,
            )
        except LandmarkDetectionError as problem:
            self.message.error(str(problem))

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
        self._take(landmarkNode)
        self.message.information(sentence)
        self._show()

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
        self._show()

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
        self._show()

    # --- what is shown ----------------------------------------------------------------------------------

    def _show(self) -> None:
        """Soon: many steps of the scene are one for the page."""
        if not self._pending:
            self._pending = True
            asyncio.get_event_loop().call_soon(self._showNow)

    def _showNow(self) -> None:
        self._pending = False
        showing.showAll(self)

    def close(self) -> None:
        """Save what is open, and end the background process."""
        node, case = self.review.landmarkNode, self.review.case
        if self._mustKeep() and node is not None and isinstance(case, StoreCase):
            try:
                case.keep(loadWorldReview(node), self.reviewer, self._clock.seconds(node.GetID()))
            except LandmarkDetectionError as problem:
                print(f"Error: {problem}", file=sys.stderr)
        self.review.close()
        self.desk.close()
        self.worker.stop()
