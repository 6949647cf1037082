"""A case in the scene: opened, reviewed, and saved before it is left.

What a person does is saved a moment later, so that not even the end of the program loses it. Where somebody
else has saved the case meanwhile nothing is written over: a person decides, and whoever leaves the case
without a decision finds what was said here in a file beside the review.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.io.records import write_review
from LandmarkDetectionLib.io.shared_review import (
    RENEW_SECONDS,
    Mark,
    ReviewChangedError,
    Reviewing,
    merged,
    version_of,
)
from LandmarkDetectionLib.requests import ReadImage
from LandmarkDetectionSlicer.scene.nodes import (
    POINTS_CHANGED,
    RECORD_ROLE,
    enableUndo,
    loadWorldReview,
    storeReview,
)
from LandmarkDetectionSlicer.scene.transforms import linearToWorld

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionSlicer.logic.image_prefetch import ImagePrefetch
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

# What Slicer itself reads as the library does; the rest is read by the library, DICOM for example.
READ_BY_SLICER = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
SAVE_AFTER_MS = 2000


@dataclass(frozen=True)
class ImagePlace:
    """File or folder of an image, and the UID of its DICOM series or ""."""

    path: Path
    series: str = ""


class ReviewedCase(Protocol):
    """A case that can be opened.

    Attributes
    ----------
    title
        Its name in the scene.
    place
        Where its image is.
    path
        Where its review is, or would be.
    """

    @property
    def title(self) -> str: ...

    @property
    def place(self) -> ImagePlace: ...

    @property
    def path(self) -> Path: ...

    def read(self) -> Review | None:
        """The review as it stands; None when nobody has looked for landmarks. InputError for a broken one."""

    def write(self, review: Review, version: str) -> str:
        """Write it over the version that was read, and give the one that is there now.

        Raises ReviewChangedError when there is another one, and OutputError.
        """


class CaseReview:
    """The case that is open, if one is.

    Parameters
    ----------
    worker
        Reads the images that Slicer does not read by itself.
    onOpened
        Called with the volume and the landmarks when a case is there; with None for landmarks that nobody
        has looked for yet.
    onSaved
        Called with the review after each time it was saved.
    onFailed
        Called with one sentence when a case cannot be opened, or a review not be saved.
    reviewer
        As others who open the same case are told; may be changed.
    images
        What was read beforehand; None where nothing is.

    Attributes
    ----------
    case
        The one that is open or being opened.
    conflict
        What somebody else has saved meanwhile; None while nobody has. ``takeTheirs`` and ``merge`` end it.
    """

    def __init__(
        self,
        worker: BackgroundWorker,
        onOpened: Callable[[slicer.vtkMRMLScalarVolumeNode, slicer.vtkMRMLMarkupsFiducialNode | None], None],
        onSaved: Callable[[Review], None],
        onFailed: Callable[[str], None],
        reviewer: str = "",
        images: ImagePrefetch | None = None,
    ) -> None:
        self._images = images
        self.conflict: ReviewChangedError | None = None
        self.reviewer = reviewer
        self._mark: Mark | None = None
        self._version = ""
        self._begun: Review | None = None
        self._worker = worker
        self._onOpened, self._onSaved, self._onFailed = onOpened, onSaved, onFailed
        self.case: ReviewedCase | None = None
        self._saved: Review | None = None
        self._volumeId = self._landmarksId = ""
        self._request: int | None = None
        self._temporary: tempfile.TemporaryDirectory | None = None
        self._observed: tuple[slicer.vtkMRMLNode, list[int]] | None = None
        self._saveTimer = qt.QTimer()
        self._saveTimer.setSingleShot(True)
        self._saveTimer.setInterval(SAVE_AFTER_MS)
        self._saveTimer.connect("timeout()", self.save)
        self._markTimer = qt.QTimer()
        self._markTimer.setInterval(round(1000 * RENEW_SECONDS))
        self._markTimer.connect("timeout()", self._renewMark)

    @property
    def isLoading(self) -> bool:
        """Whether an image is being read."""
        return self._request is not None

    @property
    def landmarkNode(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """The landmarks of the open case; None when they are not in the scene (any more)."""
        return slicer.mrmlScene.GetNodeByID(self._landmarksId) if self._landmarksId else None

    @property
    def others(self) -> list[Reviewing]:
        """Who else has the open case open."""
        return self._mark.others() if self._mark is not None else []

    @property
    def isSaved(self) -> bool:
        """Whether what is on the disk is what is shown."""
        node = self.landmarkNode
        return node is None or loadWorldReview(node) == self._saved

    def openCase(self, case: ReviewedCase) -> None:
        """Leave the case that is open and open another; ``onOpened`` or ``onFailed`` is called."""
        if not self.leave():
            return
        self.case = case
        path = case.place.path
        ready = self._images.take(case.place) if self._images is not None else None
        if ready is not None:
            self._load(ready.path, ready.modality)
        elif path.is_file() and path.name.lower().endswith(READ_BY_SLICER):
            self._load(path)
        else:
            self._readByLibrary(case.place)

    def take(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        """Landmarks were found or placed in the open case: from now on they are its review, and saved."""
        self._landmarksId = landmarkNode.GetID()
        self._saved = None
        self._begun = loadWorldReview(landmarkNode)
        self._observe(landmarkNode)
        self._saveTimer.start()

    def save(self) -> bool:
        """Write the review of the open case if it has changed; False when that did not work."""
        self._saveTimer.stop()
        node = self.landmarkNode
        if node is None or self.case is None:
            return True
        review = loadWorldReview(node)
        if review == self._saved:
            return True
        if self.conflict is not None:
            self._onFailed(str(self.conflict))
            return False
        try:
            self._version = self.case.write(review, self._version)
        except ReviewChangedError as problem:
            self.conflict = problem
            self._onFailed(str(problem))
            return False
        except LandmarkDetectionError as problem:
            self._onFailed(str(problem))
            return False
        self._saved = self._begun = review
        self._onSaved(review)
        return True

    def takeTheirs(self) -> None:
        """End the conflict: what the other one saved is shown, what was said here is taken back (undo)."""
        if self.conflict is not None:
            self._settle(self.conflict.theirs)

    def merge(self) -> bool:
        """End the conflict: what was said here stays, everything else is the other one's; then save."""
        node = self.landmarkNode
        if self.conflict is None or node is None or self._begun is None:
            return True
        self._settle(merged(self._begun, loadWorldReview(node), self.conflict.theirs))
        return self.save()

    def _settle(self, review: Review) -> None:
        conflict, node = self.conflict, self.landmarkNode
        if conflict is None or node is None:
            return
        self.conflict = None
        self._version, self._saved, self._begun = conflict.version, conflict.theirs, conflict.theirs
        slicer.mrmlScene.SaveStateForUndo()
        storeReview(review.transformed(linearToWorld(node).inverse), None, node)

    def _keepAside(self) -> bool:
        """Write what a person said here, and nobody decided on, into a file beside; False when that fails."""
        node, mark = self.landmarkNode, self._mark
        if node is None or mark is None:
            return True
        number = 1
        while (path := mark.path.with_name(f"{mark.path.stem}-not-merged-{number}.json")).exists():
            number += 1
        try:
            write_review(loadWorldReview(node), path)
        except LandmarkDetectionError as problem:
            self._onFailed(str(problem))
            return False
        self._onFailed(
            _("Somebody else's review of {case} stands; what was said here is in {file}.").format(
                case=self.case.title if self.case is not None else "", file=path
            )
        )
        return True

    def leave(self) -> bool:
        """Save the open case and take it out of the scene; False, and it stays, when it cannot be saved."""
        if not (self._keepAside() if self.conflict is not None else self.save()):
            return False
        self._cancelLoading()
        self._removeNodes()
        self._forget()
        return True

    def sceneCloses(self) -> None:
        """The scene is about to be closed: the last moment to save."""
        if self.conflict is not None:
            self._keepAside()
        else:
            self.save()
        self._cancelLoading()
        self._forget()

    close = sceneCloses
    """The module is removed; the scene keeps the nodes."""

    # --- loading ----------------------------------------------------------------------------------------

    def _readByLibrary(self, place: ImagePlace) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="landmark-detection-")
        target = Path(self._temporary.name) / "image.nrrd"
        request = ReadImage(source=str(place.path), series=place.series or None, path=str(target))
        self._request = self._worker.request(
            request, lambda fraction, text: None, self._onRead, self._onNotRead
        )

    def _onRead(self, result: dict[str, Any]) -> None:
        self._request = None
        self._load(Path(result["path"]), result.get("modality", ""))

    def _onNotRead(self, kind: str, sentence: str) -> None:
        self._request = None
        self._dropTemporary()
        self._forget()
        self._onFailed(sentence)

    def _load(self, path: Path, modality: str = "") -> None:
        case = self.case
        if case is None:  # another case was asked for meanwhile
            self._dropTemporary()
            return
        try:
            volumeNode = slicer.util.loadVolume(str(path), {"name": case.title})
        except RuntimeError:
            self._forget()
            self._onFailed(
                _("The image of {case} cannot be loaded; is it still as it was?").format(case=case.title)
            )
            return
        finally:
            self._dropTemporary()
        self._volumeId = volumeNode.GetID()
        storage = volumeNode.GetStorageNode()
        if storage is not None:  # of a copy too: the original says how large pixels are
            storage.SetFileName(str(case.place.path))
        if modality:
            volumeNode.SetAttribute("DICOM.Modality", modality)
        self._version = version_of(case.path)
        try:
            review = case.read()
        except LandmarkDetectionError as problem:
            self._removeNodes()
            self._forget()
            self._onFailed(str(problem))
            return
        self._mark = Mark(case.path, self.reviewer)
        self._renewMark()
        self._markTimer.start()
        landmarkNode = None
        if review is not None:
            enableUndo()
            landmarkNode = storeReview(review, volumeNode)
            self._landmarksId = landmarkNode.GetID()
            self._saved = self._begun = loadWorldReview(landmarkNode)
            self._observe(landmarkNode)
        # Steps of another case are not taken back in this one.
        slicer.mrmlScene.ClearUndoStack()
        slicer.mrmlScene.ClearRedoStack()
        self._onOpened(volumeNode, landmarkNode)

    def _observe(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        self._ignorePoints()
        tags = [landmarkNode.AddObserver(event, self._onPoints) for event in POINTS_CHANGED]
        self._observed = (landmarkNode, tags)

    def _ignorePoints(self) -> None:
        observed, self._observed = self._observed, None
        if observed is not None:
            for tag in observed[1]:
                observed[0].RemoveObserver(tag)

    def _onPoints(self, *_args: object) -> None:
        self._saveTimer.start()

    def _renewMark(self) -> None:
        if self._mark is not None:
            self._mark.renew()

    # --- leaving ----------------------------------------------------------------------------------------

    def _cancelLoading(self) -> None:
        number, self._request = self._request, None
        if number is not None:
            self._worker.cancel(number)
        self._dropTemporary()

    def _dropTemporary(self) -> None:
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            with suppress(OSError):
                temporary.cleanup()

    def _removeNodes(self) -> None:
        scene = slicer.mrmlScene
        for nodeId in (self._landmarksId, self._volumeId):
            node = scene.GetNodeByID(nodeId) if nodeId else None
            if node is None:
                continue
            others = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
            others += [node.GetStorageNode(), node.GetNodeReference(RECORD_ROLE)]
            scene.RemoveNode(node)
            for other in filter(None, others):
                scene.RemoveNode(other)
        if self._volumeId:
            scene.ClearUndoStack()
            scene.ClearRedoStack()

    def _forget(self) -> None:
        self._saveTimer.stop()
        self._markTimer.stop()
        mark, self._mark, self.conflict, self._begun = self._mark, None, None, None
        if mark is not None:
            mark.remove()
        self._ignorePoints()
        self.case = self._saved = None
        self._volumeId = self._landmarksId = ""
