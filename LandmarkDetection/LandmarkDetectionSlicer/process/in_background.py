"""Work of a moment that would be noticed if the window waited for it: reading and writing files, imports.

It is done in a thread, so it may be pure Python only: nothing of MRML, VTK or Qt. What takes seconds, or much
memory, belongs into the background process (:mod:`.worker`).

Python looks for garbage in whatever thread makes many objects, and it may hold things of Qt and VTK, which
only the main thread may delete: so it does not look while something is being done here.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import qt

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionSlicer.process import garbage
from LandmarkDetectionSlicer.process.soon import Soon

POLL_MS = 10


class InBackground:
    """Does pieces of work one after the other in a thread, and calls back on the main thread.

    After ``close`` nobody is called back, since widgets that a callback would reach may be gone.

    Attributes
    ----------
    soon
        Calls in another turn of the event loop, unless closed by then.
    """

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._pieces: list[_Piece] = []
        self._isClosed = self._wasCollecting = False
        self._modulesBefore = 0
        self.soon = Soon()
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self._deliver)

    @property
    def isClosed(self) -> bool:
        """Whether nobody is called back any more."""
        return self._isClosed

    @property
    def isBusy(self) -> bool:
        """Whether something is not done, or not told, yet."""
        return bool(self._pieces) or self.soon.isWaiting

    def start(
        self, work: Callable[[], Any], onDone: Callable[[Any], None], onFailed: Callable[[str], None]
    ) -> None:
        """Do a piece of work after those before it.

        Parameters
        ----------
        work
            What to do; pure Python.
        onDone
            Called with what came of it.
        onFailed
            Called with the sentence of a ``LandmarkDetectionError``; any other exception is raised on the
            main thread, as that of a callback is.
        """
        if self._isClosed:
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1)
        if not self._pieces:
            self._wasCollecting = gc.isenabled()
            gc.disable()
            self._modulesBefore = len(sys.modules)
        self._pieces.append(_Piece(self._thread.submit(work), work, onDone, onFailed))
        self._timer.start()

    def close(self) -> None:
        """Call nobody back any more; what has begun is done to its end, so that no file is left half."""
        self._isClosed = True
        self.soon.close()
        self._timer.stop()
        if self._thread is not None:
            self._thread.shutdown(wait=True)
        if self._pieces:
            self._pieces.clear()
            self._collectAgain()

    def _collectAgain(self) -> None:
        if len(sys.modules) > self._modulesBefore:
            garbage.setNewAside()
        if self._wasCollecting:
            gc.enable()

    def _deliver(self) -> None:
        """One piece in each turn of the event loop."""
        if not self._pieces or not self._pieces[0].work.done():
            return
        piece = self._pieces.pop(0)
        if not self._pieces:
            self._timer.stop()
            self._collectAgain()
        try:
            result = piece.work.result()
        except LandmarkDetectionError as problem:
            piece.onFailed(str(problem))
        else:
            piece.onDone(result)


class _Piece(NamedTuple):
    """``kept`` is what the thread does: it holds what only the main thread may let go."""

    work: Future[Any]
    kept: Callable[[], Any]
    onDone: Callable[[Any], None]
    onFailed: Callable[[str], None]
