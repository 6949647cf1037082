"""Images of the cases that come next, unpacked beforehand, so that going on takes no time.

A process of its own reads them, one after the other, into temporary files of nothing but voxels; Slicer loads
such a file about as fast as the disk gives it. What lies there is bounded in number and in bytes, and is
thrown away when it is no longer wanted. A prefetch that fails is no matter: the case is then opened from its
own file, which tells what is wrong.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.requests import ReadImage
from LandmarkDetectionSlicer.process.worker import BackgroundWorker

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.logic.case_review import ImagePlace

MOST_CASES = 20
MOST_BYTES = 4 << 30
FREE_SHARE = 0.5
"""Of what is free on the disk of temporary files, at most that."""

FindPlace = Callable[[], "ImagePlace"]


@dataclass(frozen=True)
class ReadyImage:
    """An image that was read.

    Attributes
    ----------
    path
        An NRRD file, not packed.
    modality
        DICOM's word for it; "" where it is not known.
    """

    path: Path
    modality: str

    @property
    def size(self) -> int:
        """In bytes; 0 when somebody removed it."""
        with suppress(OSError):
            return self.path.stat().st_size
        return 0


class ImagePrefetch:
    """What was read beforehand, and what is being read.

    Parameters
    ----------
    worker
        Reads; nobody else may use it, as nobody should wait for what is wanted later.
    mostCases, mostBytes
        Bounds of what lies ready.
    """

    def __init__(
        self,
        worker: BackgroundWorker | None = None,
        mostCases: int = MOST_CASES,
        mostBytes: int = MOST_BYTES,
    ) -> None:
        self._worker = worker or BackgroundWorker()
        self._mostCases, self._mostBytes = mostCases, mostBytes
        self._folder: tempfile.TemporaryDirectory | None = None
        self._ready: dict[ImagePlace, ReadyImage] = {}
        self._stamps: dict[ImagePlace, tuple[int, int]] = {}
        self._wanted: list[FindPlace] = []
        self._kept: set[ImagePlace] = set()
        self._reading: int | None = None
        self._count = 0
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._readNext)

    @property
    def isReading(self) -> bool:
        """Whether more is to come."""
        return self._reading is not None or self._timer.active

    @property
    def ready(self) -> tuple[ImagePlace, ...]:
        """What lies there."""
        return tuple(self._ready)

    def want(self, places: Sequence[FindPlace]) -> None:
        """Read these, the first one first; what lies there and is not among them is thrown away.

        Parameters
        ----------
        places
            Each gives where an image is, or raises LandmarkDetectionError; asked when its turn comes.
        """
        self._wanted = list(places[: self._mostCases])
        self._kept = set()
        self._timer.start()

    def take(self, place: ImagePlace) -> ReadyImage | None:
        """An image that lies ready and is still what it was read from; it stays until others are wanted."""
        ready = self._ready.get(place)
        if ready is None or ready.size == 0 or self._stamps[place] != _stamp(place):
            return None
        return ready

    def close(self) -> None:
        """Throw everything away and end the process."""
        self._timer.stop()
        self._wanted, self._reading = [], None
        self._worker.close()
        self._ready.clear()
        folder, self._folder = self._folder, None
        if folder is not None:
            with suppress(OSError):
                folder.cleanup()

    def _readNext(self) -> None:
        """Ask for the next one that is not there; one each turn of the event loop, as finding may take."""
        if self._reading is not None:
            return  # goes on when that is read
        if not self._wanted:
            self._drop()
            return
        find = self._wanted.pop(0)
        try:
            place = find()
        except LandmarkDetectionError:
            self._timer.start()
            return
        self._kept.add(place)
        if self.take(place) is not None:
            self._timer.start()
        elif self._hasRoom():
            self._ask(place)
        else:
            self._wanted = []
            self._drop()

    def _hasRoom(self) -> bool:
        """Whether one more may lie there; what nobody wants any more makes room first."""
        held = sum(one.size for one in self._ready.values())
        if held >= self._mostBytes or len(self._ready) >= self._mostCases:
            self._drop()
            held = sum(one.size for one in self._ready.values())
        with suppress(OSError):
            free = shutil.disk_usage(tempfile.gettempdir()).free
            return held < min(self._mostBytes, FREE_SHARE * (free + held))
        return False

    def _ask(self, place: ImagePlace) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(
                prefix="landmark-detection-", ignore_cleanup_errors=True
            )
        self._count += 1
        target = Path(self._folder.name) / f"{self._count}.nrrd"
        request = ReadImage(source=str(place.path), series=place.series or None, path=str(target))
        stamp = _stamp(place)

        def read(result: dict[str, Any]) -> None:
            self._reading = None
            self._forget(place)
            self._ready[place] = ReadyImage(Path(result["path"]), result.get("modality", ""))
            self._stamps[place] = stamp
            self._timer.start()

        def failed(kind: str, sentence: str) -> None:
            self._reading = None
            self._timer.start()

        self._reading = self._worker.request(request, lambda fraction, text: None, read, failed)

    def _drop(self) -> None:
        for place in [one for one in self._ready if one not in self._kept]:
            self._forget(place)

    def _forget(self, place: ImagePlace) -> None:
        ready = self._ready.pop(place, None)
        if ready is not None:
            with suppress(OSError):
                ready.path.unlink()


def _stamp(place: ImagePlace) -> tuple[int, int]:
    """Another one when the file was changed."""
    with suppress(OSError):
        status = place.path.stat()
        return status.st_mtime_ns, status.st_size
    return 0, 0
