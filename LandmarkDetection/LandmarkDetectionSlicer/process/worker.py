"""The background process that does the slow work, seen from the main thread.

Slicer's ``launchConsoleProcess`` is not used: it closes the standard input, and its form that does not block
is missing in 5.10, while this process stays alive and is sent one request after the other. So there is one
way for all versions: a thread reads each pipe, and a timer delivers what they read on the main thread, the
only one that may touch MRML and Qt.
"""

from __future__ import annotations

import logging
import queue
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import qt
from slicer.i18n import tr as _

from LandmarkDetectionLib.remote.addresses import Elsewhere
from LandmarkDetectionLib.requests import Request, Silhouette
from LandmarkDetectionSlicer.process import packages
from LandmarkDetectionSlicer.process.child_process import ChildProcess, eventOf, libraryCommand
from LandmarkDetectionSlicer.process.soon import Soon
from LandmarkDetectionSlicer.scene.voxels import VoxelStore

MODULE = "LandmarkDetectionLib.worker"
BRIDGE = "LandmarkDetectionLib.remote.client"
POLL_MS = 50
IDLE_MINUTES = 10

CANCELLED = "Cancelled"
SUPERSEDED = "Superseded"
DIED = "Died"
DEFECT = "Defect"

OnProgress = Callable[[float, str], None]
OnDone = Callable[[dict[str, Any]], None]
OnError = Callable[[str, str], None]


class Client(Protocol):
    """Whoever is on the way to a request, or waits for its answer."""

    def abandon(self) -> None:
        """Give up without a word: nobody is there any more to hear it."""


class BackgroundWorker:
    """Sends requests to a process of the library, one at a time, and calls back on the main thread.

    The process is started by the first request and again by the first one after it was killed or has died;
    left alone for ten minutes it is ended to free its memory. After ``close`` nobody is called back any more,
    since widgets that a callback would reach may be gone.

    Parameters
    ----------
    command
        How to start the process; that of the library by default.
    place
        Of a worker elsewhere, to which the process passes everything on; None to work on this computer.

    Attributes
    ----------
    voxels
        What the process was given to look at.
    place
        As given.
    soon
        Calls in another turn of the event loop, unless the worker is closed by then.

    Examples
    --------
    >>> worker = BackgroundWorker()  # doctest: +SKIP
    >>> worker.request(Silhouette(...), onProgress, onDone, onError)  # doctest: +SKIP
    """

    def __init__(self, command: list[str] | None = None, place: Elsewhere | None = None) -> None:
        self.voxels = VoxelStore()
        self.place = place
        self._command = command or libraryCommand(MODULE if place is None else BRIDGE)
        self._process: ChildProcess | None = None
        self._events: queue.SimpleQueue[tuple[ChildProcess | None, Any]] = queue.SimpleQueue()
        self._waiting: deque[_Request] = deque()
        self._current: _Request | None = None
        self._clients: set[Client] = set()
        self.soon = Soon()
        self._isClosed = False
        self._lastId = 0
        self._pollTimer = qt.QTimer()
        self._pollTimer.setInterval(POLL_MS)
        self._pollTimer.connect("timeout()", self._deliver)
        self._idleTimer = qt.QTimer()
        self._idleTimer.setSingleShot(True)
        self._idleTimer.setInterval(round(IDLE_MINUTES * 60_000))
        self._idleTimer.connect("timeout()", self.stop)

    @property
    def isRunning(self) -> bool:
        """Whether the process is alive, at work or not."""
        return self._process is not None and self._process.isAlive

    @property
    def isClosed(self) -> bool:
        """Whether it answers nobody any more."""
        return self._isClosed

    @property
    def isBusy(self) -> bool:
        """Whether a request is not yet answered."""
        return self._current is not None or bool(self._waiting)

    def request(self, request: Request, onProgress: OnProgress, onDone: OnDone, onError: OnError) -> int:
        """Send a request when those before it are answered.

        Of several ``silhouette`` requests that wait, only the latest is kept; the others' threshold has
        already been changed again, and they end with the error ``Superseded``.

        Parameters
        ----------
        request
            One of ``LandmarkDetectionLib.requests``.
        onProgress
            Called with a fraction and a text.
        onDone
            Called with the result.
        onError
            Called with the kind (a class of ``LandmarkDetectionLib.errors``, ``"Cancelled"``,
            ``"Superseded"``, ``"Died"`` or ``"Defect"``) and one sentence.

        Returns
        -------
        The request's number. Of a worker that is closed it is that of no request, and nobody is called.
        """
        self._lastId += 1
        if self._isClosed:
            return self._lastId
        if request.do == Silhouette.do:
            self._supersede(request.do)
        message = {"id": self._lastId, **request.to_message()}
        self._waiting.append(_Request(message, onProgress, onDone, onError))
        self._sendNext()
        return self._lastId

    def _supersede(self, task: str) -> None:
        old = [one for one in self._waiting if one.message["do"] == task]
        self._waiting = deque(one for one in self._waiting if one not in old)
        for request in old:
            request.onError(SUPERSEDED, _("A newer request has taken its place."))

    def cancel(self, number: int | None = None) -> None:
        """Stop a request, or all; they end with the error ``Cancelled``. A process at one of them is killed.

        Parameters
        ----------
        number
            What ``request`` returned; one that is answered already is no error.
        """
        unanswered = [*([self._current] if self._current else []), *self._waiting]
        dropped = [one for one in unanswered if number in (None, one.message["id"])]
        if self._current in dropped:
            self._endProcess()
            self._current = None
        self._waiting = deque(one for one in self._waiting if one not in dropped)
        for request in dropped:
            request.onError(CANCELLED, _("Cancelled; nothing was changed."))
        self._sendNext()

    def stop(self) -> None:
        """End the process until the next request."""
        self.cancel()
        self._endProcess()
        self._pollTimer.stop()
        self.voxels.clear()

    def close(self) -> None:
        """End the process for good, and call nobody back: those who asked are being removed."""
        self._isClosed = True
        self.soon.close()
        self._current = None
        self._waiting.clear()
        for client in list(self._clients):
            client.abandon()
        self._clients.clear()
        self.stop()

    def attach(self, client: Client) -> None:
        """Tell a client when the worker is closed; also keeps it alive."""
        self._clients.add(client)

    def detach(self, client: Client) -> None:
        """Forget a client."""
        self._clients.discard(client)

    def start(self) -> ChildProcess:
        """Start the process if it does not run, so that it is ready when the first request comes.

        Raises
        ------
        OSError
            It cannot be started.
        """
        if self._process is None or not self._process.isAlive:
            variables = self.place.to_environment() if self.place is not None else None
            self._process = ChildProcess(self._command, self._events, variables)
        self._idleTimer.start()
        return self._process

    def _sendNext(self) -> None:
        if self._current is None and self._waiting:
            self._pollTimer.start()
            self._current = self._waiting.popleft()
            try:
                process = self.start()
            except OSError as problem:
                self._events.put((self._process, {"event": "ended", "message": _notStarted(problem)}))
            else:
                self._idleTimer.stop()
                process.send(self._current.message)

    def _deliver(self) -> None:
        """Hand the events that have come to the request they belong to; called by the timer."""
        while True:
            try:
                process, said = self._events.get_nowait()
            except queue.Empty:
                break
            event = eventOf(said)
            if event is not None and process is self._process:
                self._handle(event)
        if not self.isBusy:
            self._pollTimer.stop()
            if self.isRunning:
                self._idleTimer.start()

    def _handle(self, event: dict[str, Any]) -> None:
        request, kind = self._current, event["event"]
        if kind == "ended":
            self._process = None
            self._finish()
            if request is not None:
                request.onError(DIED, _lacking(event["message"]) or event["message"])
        elif request is None or event.get("id") != request.message["id"]:
            return  # "ready", or a line of nobody
        elif kind == "progress":
            request.onProgress(event["fraction"], event["text"])
        elif kind == "done":
            self._finish()
            request.onDone(event["result"])
        elif kind == "error":
            self._finish()
            request.onError(event["kind"], _sentence(event))

    def _finish(self) -> None:
        """Before its last callback, which may raise or ask for more, a request is off the list."""
        self._current = None
        self._sendNext()

    def _endProcess(self) -> None:
        self._idleTimer.stop()
        if self._process is not None:
            self._process.kill()
            self._process = None


class _Request(NamedTuple):
    message: dict[str, Any]
    onProgress: OnProgress
    onDone: OnDone
    onError: OnError


def _notStarted(problem: OSError) -> str:
    return _("The background process cannot be started ({problem}); is Slicer installed completely?").format(
        problem=problem
    )


def _lacking(reason: str) -> str | None:
    """What to say when the process lacks a Python package; None when that was not it."""
    return packages.needsInstalling() if "ModuleNotFoundError" in reason else None


def _sentence(event: dict[str, Any]) -> str:
    if event["kind"] != DEFECT:
        return event["message"]
    reason = event["message"].strip().splitlines()[-1].rstrip(".")
    if lacking := _lacking(reason):
        return lacking
    logging.error("The landmark detection process has met a defect:\n%s", event["message"])
    return _("Something went wrong that should not have ({reason}); the details are in the log.").format(
        reason=reason
    )
