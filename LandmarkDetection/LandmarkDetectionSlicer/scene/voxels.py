"""The way of a volume's voxels to the background process: a temporary file, written bit by bit.

Copying a whole-body CT at once would freeze the window, so the main thread, the only one that may look at a
volume, copies some planes at a time; a thread writes them, because a slow disk would freeze it as well.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import slicer.util
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import OutputError

SLAB_BYTES = 16 << 20


class VoxelStore:
    """Copies of voxels in temporary files: those in use, and the latest in case it is needed again."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory | None = None
        self._copies: list[VoxelCopy] = []

    def acquire(self, volumeNode: Any) -> VoxelCopy:
        """The copy of a volume's voxels as they are now: complete, under way, or just begun.

        Raises
        ------
        OutputError
            There is no place for it.
        """
        copy = next((one for one in self._copies if one.isOf(volumeNode)), None)
        if copy is None:
            copy = VoxelCopy(volumeNode, self._newFile(slicer.util.arrayFromVolume(volumeNode).nbytes))
        else:
            self._copies.remove(copy)
        self._copies.append(copy)
        copy.users += 1
        self._prune()
        return copy

    def release(self, copy: VoxelCopy, keep: bool = True) -> None:
        """Say that a copy is no longer used; ``keep`` it for the next who needs it, if it is the latest."""
        copy.users -= 1
        if not keep and copy.users == 0 and copy in self._copies:
            self._copies.remove(copy)
            copy.remove()
        self._prune()

    def clear(self) -> None:
        """Remove all files."""
        for copy in self._copies:
            copy.remove()
        self._copies.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _prune(self) -> None:
        for copy in self._copies[:]:
            latest = copy is self._copies[-1]
            if copy.users == 0 and not (latest and copy.isComplete):
                self._copies.remove(copy)
                copy.remove()

    def _newFile(self, size: int) -> Path:
        try:
            if self._folder is None:
                # A file that another process still maps cannot be removed on Windows; the next clearing can.
                self._folder = tempfile.TemporaryDirectory(
                    prefix="landmark-detection-", ignore_cleanup_errors=True
                )
            free = shutil.disk_usage(self._folder.name).free
        except OSError as problem:
            raise _cannotWrite(tempfile.gettempdir(), problem) from problem
        if free < size:
            raise _cannotWrite(tempfile.gettempdir(), OSError(errno.ENOSPC, _("no space left on device")))
        return Path(self._folder.name) / f"{uuid.uuid4().hex}.raw"


class VoxelCopy:
    """The voxels of one volume on their way into a file. It holds nothing of the volume itself.

    Attributes
    ----------
    path
        The file: the voxels in (K, J, I) order and nothing else.
    users
        How many requests need it.
    """

    def __init__(self, volumeNode: Any, path: Path) -> None:
        self.path = path
        self.users = 0
        self._state = _stateOf(volumeNode)
        array = slicer.util.arrayFromVolume(volumeNode)
        self.dtype, self.shape = array.dtype.str, array.shape
        self._slabs = list(slabs(array.shape, array.itemsize))
        self._done = 0
        self._stream: Any = None
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future | None = None

    @property
    def token(self) -> str:
        """Another one for every copy, as the process wants it."""
        return self.path.stem

    @property
    def isComplete(self) -> bool:
        """Whether all voxels are in the file, which is closed."""
        return self._done == len(self._slabs) and self._stream is None

    def isOf(self, volumeNode: Any) -> bool:
        """Whether these are the voxels that the volume has now."""
        return self._state is not None and _stateOf(volumeNode) == self._state

    def advance(self, volumeNode: Any) -> float:
        """Copy some more planes, unless the disk is still busy with those before; gives the fraction done.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        try:
            if not self.isComplete:
                self._advance(volumeNode)
        except OSError as problem:
            raise _cannotWrite(self.path.parent, problem) from problem
        return 1.0 if self.isComplete else self._done / (len(self._slabs) + 1)

    def _advance(self, volumeNode: Any) -> None:
        if self._stream is None:
            self._stream = self.path.open("wb")
        if self._writing is not None:
            if not self._writing.done():
                return
            self._writing.result()
            self._writing = None
            self._done += 1
        if self._done < len(self._slabs):
            # The array is fetched anew each time: VTK may have moved the voxels since.
            slab = slicer.util.arrayFromVolume(volumeNode)[self._slabs[self._done]]
            self._writing = self._writer.submit(self._stream.write, np.array(slab, order="C"))
        else:
            stream, self._stream = self._stream, None
            stream.close()
            self._writer.shutdown(wait=False)

    def remove(self) -> None:
        """Give up or forget the file. It neither waits nor raises."""
        if self._stream is not None:
            self._writer.submit(_discard, self._stream, self.path)
            self._writer.shutdown(wait=False)
            self._stream = None
        with suppress(OSError):  # Windows removes no file that is open; whoever closes it does
            self.path.unlink(missing_ok=True)


def slabs(shape: tuple[int, ...], itemsize: int) -> Iterator[tuple[slice, slice]]:
    """Indices that cut a (K, J, I) array, in the order of its voxels, into slabs of at most 16 MB."""
    planes, rows, columns = shape
    fit = max(1, SLAB_BYTES // (columns * itemsize))
    planeStep, rowStep = max(1, fit // rows), min(rows, fit)
    for k in range(0, planes, planeStep):
        for j in range(0, rows, rowStep):
            yield slice(k, k + planeStep), slice(j, j + rowStep)


def _stateOf(volumeNode: Any) -> int | None:
    """VTK's time of the last change of the image or its values, which no other image has."""
    imageData = volumeNode.GetImageData()
    return None if imageData is None else imageData.GetMTime()


def _discard(stream: Any, path: Path) -> None:
    with suppress(OSError):
        stream.close()
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _cannotWrite(folder: Any, problem: OSError) -> OutputError:
    reason = (problem.strerror or str(problem)).lower().rstrip(".")
    return OutputError(
        _(
            "The volume cannot be copied to the temporary folder {folder}: {reason}; make room or set "
            "another temporary folder."
        ).format(folder=folder, reason=reason)
    )
