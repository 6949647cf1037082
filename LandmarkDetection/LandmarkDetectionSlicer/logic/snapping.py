"""Clicked points go to what a model sees near the click."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import slicer

from LandmarkDetectionSlicer.logic import detecting
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.scene import nodes
from LandmarkDetectionSlicer.scene.transforms import worldPosition

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.landmarks import Landmark
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionSlicer.logic.volume_request import OnFailed, VolumeRequest
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

OnSnapped = Callable[[str, float | None], None]


class Snapper:
    """Moves the points of one landmark node, each once, after it was placed.

    Undo takes a click back together with what came of it. Where something else was done before the answer
    came, the move is a step of its own; where the point itself was moved or taken back, it stays as it is.

    Parameters
    ----------
    worker
        Looks.
    landmarkNode
        With a volume, and with landmarks that the model knows.
    modelName, side
        As for a detection; the model must be able to find near a click.
    onSnapped
        Called with the name of a landmark and how far it was moved in mm; None where nothing like it is near.
    onFailed
        Called with one sentence.
    """

    def __init__(
        self,
        worker: BackgroundWorker,
        landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
        modelName: str,
        side: str,
        onSnapped: OnSnapped,
        onFailed: OnFailed,
    ) -> None:
        self._worker, self._modelName, self._side = worker, modelName, side
        self._nodeId = landmarkNode.GetID()
        self._onSnapped, self._onFailed = onSnapped, onFailed
        self._requests: list[VolumeRequest] = []

    def close(self) -> None:
        """Look for nothing any more, and say nothing of it."""
        self._onFailed = _ignore
        for request in self._requests:
            if request.isActive:
                request.cancel()

    def snap(self, name: str) -> None:
        """Look for a landmark near where it has just been placed."""
        node = slicer.mrmlScene.GetNodeByID(self._nodeId)
        volumeNode = nodes.volumeOf(node) if node is not None else None
        if volumeNode is None:
            return
        clicked = nodes.loadReview(node)
        near = worldPosition(node, clicked.landmarks[name].position)
        request = detecting.locateNear(
            self._worker,
            volumeNode,
            self._modelName,
            name,
            near.tolist(),
            lambda found: self._move(name, clicked, found),
            lambda sentence: self._onFailed(sentence),
            side=self._side,
        )
        self._requests = [one for one in (*self._requests, request) if one.isActive]

    def _move(self, name: str, clicked: Review, found: Landmark) -> None:
        node = slicer.mrmlScene.GetNodeByID(self._nodeId)
        if node is None:
            return
        now = nodes.loadReview(node)
        if name not in now.landmarks or now.landmarks[name] != clicked.landmarks[name]:
            return
        if not found.is_present:
            self._onSnapped(name, None)
            return
        near = worldPosition(node, now.landmarks[name].position)
        session = ReviewSession(node)
        (session.amend if now == clicked else session.correct)(name, found.position)
        session.close()
        self._onSnapped(name, float(np.linalg.norm(found.position - near)))


def _ignore(sentence: str) -> None:
    """Nobody is there to read it."""
