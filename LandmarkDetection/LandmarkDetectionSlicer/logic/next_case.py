"""Landmarks that a person set in one volume, looked for in another one of the scene.

For lists that no model knows: one annotated case is all that is needed. What is found is a proposal, each
point with how far off it may be, and comes under review like a detection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.core.detection import detection_from_record
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.requests import FindCounterparts
from LandmarkDetectionSlicer.logic.volume_request import OnFailed, VolumeRequest
from LandmarkDetectionSlicer.scene import nodes, volumes
from LandmarkDetectionSlicer.scene.transforms import linearToWorld

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker


def annotatedCase(
    volumeNode: slicer.vtkMRMLScalarVolumeNode | None,
) -> slicer.vtkMRMLMarkupsFiducialNode | None:
    """Landmarks that a person set in another volume and that this one lacks, the newest; None without any.

    Those of a model are left out: it can look itself.
    """
    if volumeNode is None or volumes.refusal(volumeNode) is not None:
        return None
    isSingle = volumes.isSingleImage(volumeNode)
    for node in reversed(slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")):
        other = nodes.volumeOf(node)
        review = nodes.storedReview(node) if other not in (None, volumeNode) else None
        if other is None or review is None or review.prediction.model or volumes.refusal(other) is not None:
            continue
        isSettled = any(mark.is_present and mark.status.by_person for mark in review.landmarks)
        isThere = nodes.findLandmarkNode(volumeNode, nodes.modelOf(review)) is not None
        if isSettled and not isThere and volumes.isSingleImage(other) == isSingle:
            return node
    return None


class NextCaseRun:
    """One search in the background, from the landmarks of one volume to those of another.

    Parameters
    ----------
    worker
        Of this computer: nothing is needed but what Slicer has.
    landmarkNode
        Of :func:`annotatedCase`. What nobody has settled there is not looked for.
    volumeNode
        Where to look.
    onProgress
        Called many times a second with a fraction, a text, and None.
    onFinished
        Called with the new landmark node and one sentence that sums up.
    onFailed
        Called with one sentence; the scene is then as it was.
    """

    def __init__(
        self,
        worker: BackgroundWorker,
        landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        *,
        onProgress: Callable[[float, str, float | None], None],
        onFinished: Callable[[slicer.vtkMRMLMarkupsFiducialNode, str], None],
        onFailed: OnFailed,
    ) -> None:
        self._worker, self._volumeNode = worker, volumeNode
        self._onFinished, self._onFailed = onFinished, onFailed
        source = nodes.volumeOf(landmarkNode)
        if source is None:
            raise RuntimeError("landmarks of no volume")
        self._sourceName = source.GetName()
        self._request = VolumeRequest(
            worker,
            volumeNode,
            partial(FindCounterparts, record=_settled(nodes.loadWorldReview(landmarkNode)).to_record()),
            lambda fraction, text: onProgress(fraction, text, None),
            self._apply,
            onFailed,
            {"source": source},
        )

    @property
    def isActive(self) -> bool:
        """Whether it has begun and has not ended yet."""
        return self._request.isActive

    def start(self) -> None:
        """Begin; what cannot work fails at once."""
        self._request.start()

    def cancel(self) -> None:
        """Stop at once and leave the scene as it was; ``onFailed`` says so."""
        self._request.cancel()

    def _apply(self, result: dict[str, Any]) -> None:
        try:
            detection = detection_from_record(result)
        except ValueError as problem:
            self._onFailed(_("The answer cannot be used: {problem}.").format(problem=problem))
            return
        review = Review.of(detection).transformed(linearToWorld(self._volumeNode).inverse)
        nodes.enableUndo()
        slicer.mrmlScene.SaveStateForUndo()
        node = nodes.storeReview(review, self._volumeNode)
        self._worker.soon(partial(self._onFinished, node, self._summary(detection)))

    def _summary(self, detection: Detection) -> str:
        found = detection.landmarks.present
        if len(detection.landmarks) == 1:
            sentence = (
                _("The landmark was found as in {case}; look at it.")
                if found
                else _("The landmark was not found as in {case}.")
            )
            return sentence.format(case=self._sourceName)
        return _(
            "{found} of {total} landmarks found as in {case}, {uncertain} of them uncertain; look at each."
        ).format(
            found=len(found),
            total=len(detection.landmarks),
            case=self._sourceName,
            uncertain=sum(mark.status is Status.UNCERTAIN for mark in found),
        )


def _settled(review: Review) -> Review:
    """Only what a person says has a place in an image is looked for in another one."""
    marks = tuple(
        mark
        if mark.status.by_person and mark.is_present
        else replace(mark, status=Status.ABSENT, confidence=None, covariance=None, expected_error=None)
        for mark in review.landmarks
    )
    return Review.of(replace(review.prediction, landmarks=replace(review.landmarks, landmarks=marks)))
