"""Asking the background process something about a volume."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import qt
from slicer.i18n import tr as _

from LandmarkDetectionLib.core.doubts import doubts_to_record
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError
from LandmarkDetectionLib.requests import Matrix, Request, VolumeMessage
from LandmarkDetectionSlicer.process.worker import SUPERSEDED
from LandmarkDetectionSlicer.scene import volumes

if TYPE_CHECKING:
    import slicer

    from LandmarkDetectionSlicer.process.worker import BackgroundWorker, OnDone, OnProgress
    from LandmarkDetectionSlicer.scene.voxels import VoxelCopy

TICK_MS = 10
COPY_SHARE = 0.2
"""Of the progress; the process does the rest."""

OnFailed = Callable[[str], None]

_active: set[VolumeRequest] = set()
"""Nobody else needs to keep a request, and a timer keeps its callback in some bindings only."""


class VolumeRequest:
    """One request about a volume: its voxels are copied if the process does not have them, then it is asked.

    ``onDone`` or ``onFailed`` is called once, except when a newer ``silhouette`` request takes the place of
    this one. There is an answer only if the volume is still in the scene and as it was: a result for other
    voxels or another place would be wrong.

    Parameters
    ----------
    worker
        Keeps the voxels, so that those of an unchanged volume are copied once.
    volumeNode
        The volume; it is only read.
    ask
        Makes the request of a ``volume``: a type of ``LandmarkDetectionLib.requests`` with everything else
        given (``functools.partial``); positions in world RAS mm.
    onProgress
        Called with a fraction and a text, many times a second.
    onDone
        Called with the result.
    onFailed
        Called with one sentence.
    """

    def __init__(
        self,
        worker: BackgroundWorker,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        ask: Callable[..., Request],
        onProgress: OnProgress,
        onDone: OnDone,
        onFailed: OnFailed,
    ) -> None:
        self._worker = worker
        self._volumeNode = volumeNode
        self._ask = ask
        self._onProgress, self._onDone, self._onFailed = onProgress, onDone, onFailed
        self._copying: VoxelCopy | None = None
        self._number: int | None = None
        self._progress = (0.0, _("reading the volume"))
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK_MS)

    @property
    def isActive(self) -> bool:
        """Whether it has begun and is not answered yet."""
        return self._copying is not None

    @property
    def _copy(self) -> VoxelCopy:
        if self._copying is None:
            raise RuntimeError("the request has not begun or has ended")
        return self._copying

    def start(self) -> None:
        """Begin; what cannot work fails at once."""
        try:
            volume = volumes.readVolume(self._volumeNode)
            self._copying = self._worker.voxels.acquire(self._volumeNode)
        except LandmarkDetectionError as problem:
            self._onFailed(str(problem))
            return
        self._volume = VolumeMessage(
            file=str(self._copy.path),
            dtype=self._copy.dtype,
            shape=self._copy.shape,
            ijk_to_ras=matrixOf(volume.ijk_to_ras),
            name=volume.name,
            modality=volume.modality,
            spacing_known=volume.spacing_known,
            doubts=doubts_to_record(volume.doubts),
            token=self._copy.token,
        )
        _active.add(self)
        self._timer.connect("timeout()", self._tick)
        self._timer.start()

    def cancel(self) -> None:
        """Stop at once: the process is killed if it is at this request, and the voxels are removed."""
        self._fail(_("Cancelled; nothing was changed."))

    def _tick(self) -> None:
        """Look after the volume, and copy some more of it until the process can be asked."""
        try:
            self._requireSameVolume()
            if self._number is None:
                self._copyAndAsk()
        except LandmarkDetectionError as problem:
            self._fail(str(problem))
            return
        if self.isActive:
            self._onProgress(*self._progress)

    def _copyAndAsk(self) -> None:
        fraction = self._copy.advance(self._volumeNode)
        self._progress = (COPY_SHARE * fraction, _("reading the volume"))
        if self._copy.isComplete:
            self._timer.setInterval(10 * TICK_MS)
            self._number = self._worker.request(
                self._ask(volume=self._volume), self._noteProgress, self._receive, self._refuse
            )

    def _requireSameVolume(self) -> None:
        """Raises InputError when an answer would no longer be one for this volume."""
        name = self._volume.name or _("The volume")
        if self._volumeNode.GetScene() is None:
            raise InputError(
                _("{name} was removed from the scene meanwhile, so there is no result.").format(name=name)
            )
        unchanged = self._copy.isOf(self._volumeNode)
        if not unchanged or not np.array_equal(
            volumes.readVolume(self._volumeNode).ijk_to_ras, self._volume.ijk_to_ras
        ):
            raise InputError(
                _("{name} was changed or moved meanwhile, so there is no result; start again.").format(
                    name=name
                )
            )

    def _noteProgress(self, fraction: float, text: str) -> None:
        self._progress = (COPY_SHARE + (1 - COPY_SHARE) * fraction, text)
        self._onProgress(*self._progress)

    def _receive(self, result: dict[str, Any]) -> None:
        self._number = None  # answered: there is nothing to cancel
        try:
            self._requireSameVolume()
        except LandmarkDetectionError as problem:
            self._fail(str(problem))
            return
        self._end(keepVoxels=True)
        self._onDone(result)

    def _refuse(self, kind: str, sentence: str) -> None:
        if self.isActive:
            self._end(keepVoxels=True)
            if kind != SUPERSEDED:
                self._onFailed(sentence)

    def _fail(self, sentence: str) -> None:
        if not self.isActive:
            return
        number, self._number = self._number, None
        self._end(keepVoxels=False)
        if number is not None:
            self._worker.cancel(number)
        self._onFailed(sentence)

    def _end(self, keepVoxels: bool) -> None:
        self._timer.stop()
        self._timer.disconnect("timeout()", self._tick)
        _active.discard(self)
        copy, self._copying = self._copy, None
        self._worker.voxels.release(copy, keepVoxels)


def matrixOf(affine: np.ndarray) -> Matrix:
    """A (4, 4) array as a message holds it."""
    first, second, third, last = (tuple(row) for row in affine.tolist())
    return first, second, third, last
