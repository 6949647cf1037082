"""Keeping a review in an annotation store, from the scene: which file, which subject, how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from LandmarkDetectionLib.requests import Annotate
from LandmarkDetectionSlicer.logic.volume_request import OnFailed, VolumeRequest, matrixOf
from LandmarkDetectionSlicer.scene.nodes import loadWorldReview
from LandmarkDetectionSlicer.scene.pixel_size import isAsInFile
from LandmarkDetectionSlicer.scene.transforms import linearToWorld
from LandmarkDetectionSlicer.scene.volumes import readVolume

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker


class ReviewClock:
    """How long the landmarks of each node have been before a person.

    Parameters
    ----------
    now
        Gives seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._spent: dict[str, float] = {}
        self._watched: str | None = None
        self._since = 0.0

    def watch(self, nodeId: str | None) -> None:
        """From now on the time is that of this node; of none for None."""
        if nodeId == self._watched:
            return
        if self._watched is not None:
            self._spent[self._watched] = self.seconds(self._watched)
        self._watched, self._since = nodeId, self._now()

    def seconds(self, nodeId: str) -> float:
        """Time spent on a node so far."""
        running = self._now() - self._since if nodeId == self._watched else 0.0
        return self._spent.get(nodeId, 0.0) + running


def saveAnnotation(
    worker: BackgroundWorker,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
    store: str,
    protocol: Protocol,
    *,
    reviewer: str = "",
    comment: str = "",
    seconds: float | None = None,
    copyImage: bool = False,
    onDone: Callable[[dict[str, Any]], None],
    onFailed: OnFailed,
) -> VolumeRequest:
    """Save the review of a node in the background.

    Positions are kept in the coordinates of the image's file, however it was moved in the scene.

    Parameters
    ----------
    worker
        Saves it.
    volumeNode, landmarkNode
        The image and its landmarks.
    store, protocol, reviewer, comment, seconds
        As in ``LandmarkDetectionLib.datasets.annotations.AnnotationStore.save``.
    copyImage
        Keep a copy of the image in the store.
    onDone
        Called with ``file``, ``split``, ``annotations`` and ``held_out``.
    onFailed
        Called with one sentence; nothing was saved then.
    """
    review = loadWorldReview(landmarkNode).transformed(linearToWorld(volumeNode).inverse)
    ask = partial(
        Annotate,
        ijk_to_ras=matrixOf(readVolume(volumeNode, world=False).ijk_to_ras),
        record=review.to_record(),
        store=store,
        protocol=protocol.model_dump(mode="json", exclude_defaults=True),
        image=imageFileOf(volumeNode),
        reviewer=reviewer,
        comment=comment,
        seconds=seconds,
        subject=subjectOf(volumeNode),
        copy_image=copyImage,
    )
    request = VolumeRequest(worker, volumeNode, ask, lambda share, text: None, onDone, onFailed)
    request.start()
    return request


def imageFileOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str | None:
    """The file, or of several the folder, that a volume was read from; None for one that is in no file."""
    storage = volumeNode.GetStorageNode()
    if storage is None or not storage.GetFileName() or not isAsInFile(volumeNode):
        return None
    file = Path(storage.GetFullNameFromFileName())
    several = storage.GetNumberOfFileNames() > 1
    place = file.parent if several else file
    return str(place) if place.exists() else None


def subjectOf(volumeNode: slicer.vtkMRMLScalarVolumeNode) -> str:
    """The patient's number as DICOM has it, for a pseudonym; empty when nothing says it."""
    attribute = "DICOM.PatientID"
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(volumeNode) if hierarchy is not None else 0
    while item and item != hierarchy.GetSceneItemID():
        if number := hierarchy.GetItemAttribute(item, attribute):
            return number
        item = hierarchy.GetItemParent(item)
    uids = volumeNode.GetAttribute("DICOM.instanceUIDs")
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not uids:
        return ""
    return database.instanceValue(uids.split()[0], "0010,0020") or ""
