"""A cohort at work in a process of its own: the command ``landmark-detection batch``, started and followed.

The window never waits for it, and it needs the window only to be told: what is finished lies in the output
folder, whatever ends first.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from LandmarkDetectionSlicer.process.child_process import ChildProcess, eventOf, libraryCommand

POLL_MS = 100
PATIENCE_MS = 10_000
"""A process that was asked to end and does not is killed after that."""

DONE, CANCELLED, FAILED = "done", "cancelled", "failed"


@dataclass(frozen=True)
class BatchRequest:
    """What to run.

    Attributes
    ----------
    source
        Folder of images, DICOM archive, BIDS data set or datalist.
    out
        Where results go; one that holds some is gone on with.
    models
        Names of models.
    keyFile
        Where it is written which case is which image; outside ``out``, which can then be passed on.
    workers
        How many processes work side by side; 0 leaves it to the engine.
    """

    source: Path
    out: Path
    models: tuple[str, ...]
    keyFile: Path
    workers: int = 0

    def command(self) -> list[str]:
        """Program and arguments."""
        models = [word for model in self.models for word in ("--model", model)]
        workers = ["--workers", str(self.workers)] if self.workers else []
        return libraryCommand(
            "LandmarkDetectionLib",
            "batch",
            str(self.source),
            "--out",
            str(self.out),
            *models,
            "--key",
            str(self.keyFile),
            *workers,
            "--progress",
            "json",
        )


@dataclass(frozen=True)
class BatchProgress:
    """How far it is: cases that have ended, of how many, and one sentence."""

    ended: int
    total: int
    sentence: str


class BatchRun:
    """One run of the command, followed on the main thread.

    Parameters
    ----------
    command
        Of :meth:`BatchRequest.command`.
    onProgress
        Called with a :class:`BatchProgress`.
    onEnded
        Called once, with ``DONE``, ``CANCELLED`` or ``FAILED`` and a sentence.
    """

    def __init__(
        self,
        command: list[str],
        onProgress: Callable[[BatchProgress], None],
        onEnded: Callable[[str, str], None],
    ) -> None:
        self._command = command
        self._onProgress, self._onEnded = onProgress, onEnded
        self._events: queue.SimpleQueue[tuple[ChildProcess, Any]] = queue.SimpleQueue()
        self._process: ChildProcess | None = None
        self._isCancelled = False
        self._outcome: tuple[str, str] | None = None
        self._pollTimer = qt.QTimer()
        self._pollTimer.setInterval(POLL_MS)
        self._pollTimer.connect("timeout()", self._deliver)
        self._killTimer = qt.QTimer()
        self._killTimer.setSingleShot(True)
        self._killTimer.setInterval(PATIENCE_MS)
        self._killTimer.connect("timeout()", self._kill)

    @property
    def isActive(self) -> bool:
        """Whether it has begun and has not ended."""
        return self._process is not None

    def start(self) -> None:
        """Begin; ``onEnded`` says so when that does not work."""
        try:
            self._process = ChildProcess(self._command, self._events)
        except OSError as problem:
            self._onEnded(FAILED, _("The batch cannot be started ({problem}).").format(problem=problem))
            return
        self._pollTimer.start()
        self._onProgress(BatchProgress(0, 0, _("Starting...")))

    def cancel(self) -> None:
        """Ask it to end; what is finished stays."""
        if self._process is not None and not self._isCancelled:
            self._isCancelled = True
            self._process.terminate()
            self._killTimer.start()

    def close(self) -> None:
        """End it at once, without a word: the module is removed."""
        self._kill()
        self._stop()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _stop(self) -> None:
        self._pollTimer.stop()
        self._killTimer.stop()
        self._process = None

    def _deliver(self) -> None:
        """Tell of the events that have come; called by the timer."""
        latest: BatchProgress | None = None
        while self._process is not None:
            try:
                _process, said = self._events.get_nowait()
            except queue.Empty:
                break
            event = eventOf(said)
            if event is None:
                continue
            if event.get("event") == "ended":
                self._end(str(event["message"]))
                return
            latest = self._told(event) or latest
        if latest is not None and not self._isCancelled:
            self._onProgress(latest)

    def _told(self, event: dict[str, Any]) -> BatchProgress | None:
        kind = event.get("event")
        if kind == "end":
            self._outcome = (DONE, _finished(event))
        elif kind == "error":
            self._outcome = (FAILED, str(event.get("message", "")))
        return _progress(event)

    def _end(self, farewell: str) -> None:
        self._stop()
        if self._isCancelled and (self._outcome is None or self._outcome[0] != DONE):
            sentence = _("Cancelled; what is finished stays, and Continue goes on from there.")
            self._onEnded(CANCELLED, sentence)
        else:
            self._onEnded(*(self._outcome or (FAILED, farewell)))


def _progress(event: dict[str, Any]) -> BatchProgress | None:
    """What an event says of how far the cohort is; None when it says nothing of that."""
    kind = event.get("event")
    if kind == "looking":
        return BatchProgress(0, 0, _("Looking through the source..."))
    if kind not in ("start", "case"):
        return None
    total = int(event.get("total", 0))
    failed = int(event.get("failed", 0)) + int(event.get("set_aside", 0))
    ended = int(event.get("done", 0)) + failed
    text = _("{ended} of {total} cases") if total != 1 else _("{ended} of 1 case")
    parts = [text.format(ended=ended, total=total)]
    if failed:
        parts.append(_("{failed} failed").format(failed=failed))
    seconds = event.get("seconds_left")
    if seconds is not None:
        parts.append(_("about {time} left").format(time=duration(float(seconds))))
    return BatchProgress(ended, total, ", ".join(parts) + ".")


def _finished(event: dict[str, Any]) -> str:
    parts = [_("{done} done").format(done=event.get("done", 0))]
    if event.get("failed"):
        parts.append(_("{failed} failed").format(failed=event["failed"]))
    if event.get("set_aside"):
        parts.append(_("{aside} set aside").format(aside=event["set_aside"]))
    total = event.get("total", 0)
    text = _("{total} cases in {time}: {parts}.") if total != 1 else _("1 case in {time}: {parts}.")
    return text.format(total=total, time=duration(float(event.get("seconds", 0))), parts=", ".join(parts))


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, as people say them.

    Examples
    --------
    >>> duration(42.4), duration(150), duration(9000)
    ('42 s', '3 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
