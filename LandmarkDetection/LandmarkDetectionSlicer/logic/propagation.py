"""The landmarks that nobody has settled follow a person's corrections, asked for in the background.

The correction itself is in the scene at once. What it makes of the others arrives a moment later and belongs
to the same step of undo: no state is saved in between. An answer to what is no longer so is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.core.detection import Detection, detection_from_record
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.requests import Refine
from LandmarkDetectionSlicer.logic.volume_request import OnFailed, VolumeRequest
from LandmarkDetectionSlicer.scene import nodes
from LandmarkDetectionSlicer.scene.transforms import linearToWorld

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

Settled = dict[str, tuple[str, tuple[float, ...]]]


class Propagator:
    """Asks what the other landmarks make of a person's corrections, and writes the answer into the review.

    Of questions that come while one is being answered only the latest is asked, so dragging never queues up.

    Parameters
    ----------
    session
        The review; its node must be that of a volume.
    worker
        The background process; a property of somebody else, who ends it.
    modelName
        That made the review.
    onAnswered
        Called when the others are where they belong, with the landmarks as they were before, in the node's
        own coordinates. After a drag that they followed they often are there already.
    onFailed
        Called with one sentence.
    """

    def __init__(
        self,
        session: ReviewSession,
        worker: BackgroundWorker,
        modelName: str,
        onAnswered: Callable[[LandmarkSet], None],
        onFailed: OnFailed,
    ) -> None:
        self._session, self._worker, self._modelName = session, worker, modelName
        self._onAnswered, self._onFailed = onAnswered, onFailed
        self._asked: Settled | None = None
        self._again = False
        self._closed = False

    @property
    def isAsking(self) -> bool:
        """Whether an answer is waited for."""
        return self._asked is not None

    def ask(self) -> None:
        """The review has changed: let the others follow."""
        session = self._session
        if self._closed or session.isClosed:
            return
        if self.isAsking:
            self._again = True
            return
        volume = nodes.volumeOf(session.node)
        if volume is None:
            return
        review = session.currentReview()
        self._asked = _settled(review)
        self._again = False
        world = review.transformed(linearToWorld(session.node))
        ask = partial(Refine, model=self._modelName, record=world.to_record())
        VolumeRequest(self._worker, volume, ask, _ignore, self._receive, self._refuse).start()

    def close(self) -> None:
        """Let answers that are still to come go."""
        self._closed = True

    def _receive(self, result: dict[str, Any]) -> None:
        asked, self._asked = self._asked, None
        session = self._session
        if self._closed or session.isClosed:
            return
        if not session.isDragging and _settled(session.review) != asked:
            # Undone, or something else was settled meanwhile, which is asked for in its turn.
            if self._again:
                self.ask()
            return
        before = session.review.landmarks
        session.propagate(_toNode(detection_from_record(result), session))
        self._onAnswered(before)
        if self._again:
            self.ask()

    def _refuse(self, sentence: str) -> None:
        self._asked, self._again = None, False
        if not self._closed:
            self._onFailed(sentence)


def _toNode(detection: Detection, session: ReviewSession) -> Detection:
    return detection.transformed(linearToWorld(session.node).inverse)


def _settled(review: Review) -> Settled:
    """What the answer depends on."""
    return {
        mark.name: (mark.status.value, tuple(np.round(mark.position, 3)) if mark.is_present else ())
        for mark in review.landmarks
        if mark.status.by_person
    }


def _ignore(fraction: float, text: str) -> None:
    """Progress that nobody waits for."""
