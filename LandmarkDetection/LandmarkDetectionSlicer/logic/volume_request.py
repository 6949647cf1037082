"""Asking the background process something about a volume."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    from LandmarkDetectionSlicer.scene.voxels import VoxelStore

TICK_MS = 10
COPY_SHARE = 0.2
"""Of the progress; the process does the rest."""

OnFailed = Callable[[str], None]


class VolumeRequest:
    """One request about a volume: its voxels are copied if the process does not have them, then it is asked.

    ``onDone`` or ``onFailed`` is called once, except when a newer ``silhouette`` request takes the place of
    this one, or the worker is closed. There is an answer only if the volume is still in the scene and as it
    was: a result for other voxels or another place would be wrong.

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
    others
        Further volumes that the request is about, by the name under which ``ask`` takes them.
    """

    def __init__(
        self,
        worker: BackgroundWorker,
        volumeNode: slicer.vtkMRMLScalarVolumeNode,
        ask: Callable[..., Request],
        onProgress: OnProgress,
        onDone: OnDone,
        onFailed: OnFailed,
        others: Mapping[str, slicer.vtkMRMLScalarVolumeNode] | None = None,
    ) -> None:
        self._worker = worker
        self._nodes = {"volume": volumeNode, **(others or {})}
        self._ask = ask
        self._onProgress, self._onDone, self._onFailed = onProgress, onDone, onFailed
        self._handed: dict[str, _Handed] = {}
        self._number: int | None = None
        self._progress = (0.0, _("reading the volume"))
        self._timer = qt.QTimer()
        self._timer.setInterval(TICK_MS)

    @property
    def isActive(self) -> bool:
        """Whether it has begun and is not answered yet."""
        return bool(self._handed)

    def start(self) -> None:
        """Begin; what cannot work fails at once."""
        if self._worker.isClosed:
            return
        try:
            for name, node in self._nodes.items():
                self._handed[name] = _Handed(node, self._worker.voxels)
        except LandmarkDetectionError as problem:
            self._release(keepVoxels=True)
            self._onFailed(str(problem))
            return
        # Nobody else needs to keep a request, and a timer keeps its callback in some bindings only.
        self._worker.attach(self)
        self._timer.connect("timeout()", self._tick)
        self._timer.start()

    def cancel(self) -> None:
        """Stop at once: the process is killed if it is at this request, and the voxels are removed."""
        self._fail(_("Cancelled; nothing was changed."))

    def abandon(self) -> None:
        """Stop and call nobody back."""
        if self.isActive:
            self._end(keepVoxels=False)

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
        fractions = [one.advance() for one in self._handed.values()]
        self._progress = (COPY_SHARE * sum(fractions) / len(fractions), _("reading the volume"))
        if all(one.isComplete for one in self._handed.values()):
            self._timer.setInterval(10 * TICK_MS)
            messages = {name: one.message for name, one in self._handed.items()}
            self._number = self._worker.request(
                self._ask(**messages), self._noteProgress, self._receive, self._refuse
            )

    def _requireSameVolume(self) -> None:
        """Raises InputError when an answer would no longer be one for these volumes."""
        for one in self._handed.values():
            one.requireSame()

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
        self._worker.detach(self)
        self._release(keepVoxels)

    def _release(self, keepVoxels: bool) -> None:
        handed, self._handed = self._handed, {}
        for one in handed.values():
            self._worker.voxels.release(one.copy, keepVoxels)


class _Handed:
    """A volume on its way to the process, and as it was when the request began."""

    def __init__(self, volumeNode: slicer.vtkMRMLScalarVolumeNode, voxels: VoxelStore) -> None:
        self._node = volumeNode
        volume = volumes.readVolume(volumeNode)
        self.copy = voxels.acquire(volumeNode)
        self.message = VolumeMessage(
            file=str(self.copy.path),
            dtype=self.copy.dtype,
            shape=self.copy.shape,
            ijk_to_ras=matrixOf(volume.ijk_to_ras),
            name=volume.name,
            modality=volume.modality,
            spacing_known=volume.spacing_known,
            doubts=doubts_to_record(volume.doubts),
            token=self.copy.token,
        )

    @property
    def isComplete(self) -> bool:
        """Whether the process can read all of it."""
        return self.copy.isComplete

    def advance(self) -> float:
        """Copy some more; gives the fraction done."""
        return self.copy.advance(self._node)

    def requireSame(self) -> None:
        """Raises InputError when the volume is gone, or no longer as it was."""
        name = self.message.name or _("The volume")
        if self._node.GetScene() is None:
            raise InputError(
                _("{name} was removed from the scene meanwhile, so there is no result.").format(name=name)
            )
        if not self.copy.isOf(self._node) or not np.array_equal(
            volumes.readVolume(self._node).ijk_to_ras, self.message.ijk_to_ras
        ):
            raise InputError(
                _("{name} was changed or moved meanwhile, so there is no result; start again.").format(
                    name=name
                )
            )


def matrixOf(affine: np.ndarray) -> Matrix:
    """A (4, 4) array as a message holds it."""
    first, second, third, last = (tuple(row) for row in affine.tolist())
    return first, second, third, last
