"""Nothing that a person said is lost: saving, somebody else's review of the same case, and a full disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LandmarkDetectionSlicer.logic import annotating
from LandmarkDetectionSlicer.logic.known_models import ProtocolFinder
from LandmarkDetectionSlicer.scene.nodes import loadWorldReview

from LandmarkDetectionLib.core.protocol import protocol_of_names
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.io.records import write_review
from LandmarkDetectionViewer.cases import StoreCase
from LandmarkDetectionViewer.host import QTimer

if TYPE_CHECKING:
    import slicer

    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionViewer.cases import Cases
    from LandmarkDetectionViewer.desk import PageDesk

AGAIN_MS = 5000
"""After a review could not be saved: a full disk may have room again."""

CHANGED = (
    "Somebody else has saved this review meanwhile, so it was not written over. Choose what counts where "
    "both differ."
)


class Keeping:
    """What is shown of the open case, on the disk.

    Parameters
    ----------
    desk
        Of the page.
    cases
        Tell where the annotation store is, if there is one.
    """

    def __init__(self, desk: PageDesk, cases: Cases) -> None:
        self._desk, self._cases = desk, cases
        self._clock = annotating.ReviewClock()
        self._kept: Review | None = None
        self._again = QTimer()
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.connect("timeout()", self._tryAgain)
        self._isFailing = False
        self.protocols = ProtocolFinder()

    def watch(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        """These landmarks are reviewed from now on."""
        self._kept = loadWorldReview(landmarkNode)
        self._clock.watch(landmarkNode.GetID())

    def forget(self) -> None:
        """Nothing is open."""
        self._again.stop()
        self._kept, self._isFailing = None, False

    def save(self) -> None:
        """Save the review now, and keep it in the store where there is one."""
        desk = self._desk
        desk.message.clear()
        if desk.review.save() and desk.review.landmarkNode is not None:
            if self._cases.store is not None:
                self._annotate(lambda: None)
            else:
                desk.message.information("Saved.")
        desk.showReview()

    def before(self, go: Callable[[], None]) -> None:
        """Keep what was said where only a store keeps it, and then go to another case."""
        if self._mustKeep():
            self._annotate(go)
        else:
            go()

    def onSaved(self, review: Review) -> None:
        """The review is on the disk."""
        self._again.stop()
        if self._isFailing:
            self._isFailing = False
            self._desk.message.information("Now it could be saved.")
        self._desk.opening.showProgress(*review.progress)
        self._desk.showReview()

    def onFailed(self, sentence: str) -> None:
        """A case could not be opened, or a review not be saved."""
        desk = self._desk
        desk.state.isOpening = False
        conflict = desk.review.conflict
        # The page shows what differs in a table.
        desk.message.error(CHANGED if conflict is not None and sentence == str(conflict) else sentence)
        if conflict is None and not desk.review.isSaved:
            self._isFailing = True
            self._again.start()
        desk.showReview()

    def _tryAgain(self) -> None:
        self._desk.review.save()

    # --- somebody else's review of the same case --------------------------------------------------------

    def keepMine(self) -> None:
        """End a conflict: what was said here counts, everything else is the other one's."""
        desk = self._desk
        desk.message.clear()
        if desk.review.merge():
            desk.message.information("Saved; where both said something, what was said here counts.")
        desk.showReview()

    def takeTheirs(self) -> None:
        """End a conflict: what the other one saved counts; undo brings back what was said here."""
        desk = self._desk
        desk.message.clear()
        desk.review.takeTheirs()
        desk.message.information("The other one's review is shown; undo brings back what was said here.")
        desk.showReview()

    # --- the annotation store ---------------------------------------------------------------------------

    def _mustKeep(self) -> bool:
        """Whether the store alone keeps what is said, and does not have it yet."""
        node = self._desk.review.landmarkNode
        if not self._cases.isStoreOnly or node is None or self._kept is None:
            return False
        review = loadWorldReview(node)
        return review != self._kept and any(
            mark.is_present and mark.status.by_person for mark in review.landmarks
        )

    def _annotate(self, then: Callable[[], None]) -> None:
        desk = self._desk
        node, store, volumeNode = desk.review.landmarkNode, self._cases.store, desk.volumeNode
        if node is None or store is None or volumeNode is None:
            return
        review = loadWorldReview(node)
        title, names = review.landmarks.name or "Landmarks", review.landmarks.names

        def done(result: dict[str, Any]) -> None:
            self._kept = review
            desk.message.information("Saved, and kept in the store to learn from.")
            then()

        try:
            protocol = store.protocol or self.protocols.protocolOf(review, desk.desk.model)
            annotating.saveAnnotation(
                desk.worker,
                volumeNode,
                node,
                str(store.path),
                protocol or protocol_of_names(names, title),
                reviewer=desk.reviewer,
                seconds=self._clock.seconds(node.GetID()),
                onDone=done,
                onFailed=desk.message.error,
            )
        except LandmarkDetectionError as problem:
            desk.message.error(str(problem))

    # --- the end ----------------------------------------------------------------------------------------

    def end(self) -> str:
        """Save what is open; one sentence, which names no case, when that works only somewhere else."""
        self._again.stop()
        node, case = self._desk.review.landmarkNode, self._desk.review.case
        if node is None:
            self._desk.review.close()
            return ""
        review = loadWorldReview(node)
        isKept = True
        if self._mustKeep() and isinstance(case, StoreCase):
            try:
                case.keep(review, self._desk.reviewer, self._clock.seconds(node.GetID()))
            except LandmarkDetectionError:
                isKept = False
        if self._desk.review.leave() and isKept:
            return ""
        self._desk.review.close()
        return _saveElsewhere(review)


def _saveElsewhere(review: Review) -> str:
    for folder in (tempfile.gettempdir(), Path.home()):
        try:
            path = Path(tempfile.mkdtemp(prefix="landmark-review-", dir=folder)) / "review.json"
            write_review(review, path)
        except (OSError, LandmarkDetectionError):
            continue
        return (
            f"The last changes could not be saved where they belong; the review is in {path}. Make room, and "
            "put it where the review of the case is."
        )
    return "The last changes could not be saved anywhere; make room before the next review."
