"""Calls in later turns of the event loop: what would be noticed at once is done in several."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import qt

SOON_MS = 5
"""Not 0: what waits for its turn now, a click for example, comes first."""


class Soon:
    """Makes each call in a turn of its own; none after it is closed, as widgets may be gone by then."""

    def __init__(self) -> None:
        self._calls: deque[Callable[[], None]] = deque()
        self._isClosed = False
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SOON_MS)
        self._timer.connect("timeout()", self._callNext)

    @property
    def isWaiting(self) -> bool:
        """Whether a call is still to be made."""
        return bool(self._calls)

    def __call__(self, call: Callable[[], None]) -> None:
        """Make a call, after those before it."""
        if not self._isClosed:
            self._calls.append(call)
            self._timer.start()

    def close(self) -> None:
        """Make no call any more."""
        self._isClosed = True
        self._calls.clear()
        self._timer.stop()

    def _callNext(self) -> None:
        call = self._calls.popleft()
        if self._calls:
            self._timer.start()
        call()
