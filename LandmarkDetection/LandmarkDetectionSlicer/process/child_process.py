"""A process of the library that says what it does in JSON lines, seen from the main thread."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import LandmarkDetectionLib


def libraryCommand(module: str, *arguments: str) -> list[str]:
    """How to start a module of the library: Slicer's Python without its application, or this Python."""
    return [shutil.which("PythonSlicer") or sys.executable, "-m", module, *arguments]


def eventOf(said: bytes | dict[str, Any]) -> dict[str, Any] | None:
    """An event of a process; None for a line that is none, as the launcher may print."""
    if isinstance(said, dict):
        return said
    with suppress(ValueError):
        return json.loads(said)
    return None


class ChildProcess:
    """A started process whose events, and at last its end, come into a queue, each with the process.

    It leads a group of its own, because Slicer's Python is a launcher that starts another process: the group
    is killed as a whole. Windows knows no such groups; there the worker itself ends when its input is closed.

    Parameters
    ----------
    command
        Program and arguments.
    events
        Where a thread puts (process, what it said), for :func:`eventOf`; the last event is
        ``{"event": "ended", "message"}``.
    environment
        Further variables for the process; other users cannot read them, as they can its arguments.
    """

    def __init__(
        self, command: list[str], events: queue.SimpleQueue, environment: dict[str, str] | None = None
    ) -> None:
        self._events = events
        self._lastWords = ""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**_environment(), **(environment or {})},
            start_new_session=os.name != "nt",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        streams = self._process.stdin, self._process.stdout, self._process.stderr
        self._input, self._output, self._complaints = cast("tuple[IO[bytes], ...]", streams)
        self._listener = threading.Thread(target=self._readComplaints, daemon=True)
        self._listener.start()
        threading.Thread(target=self._readEvents, daemon=True).start()

    @property
    def isAlive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def send(self, message: dict[str, Any]) -> None:
        """Write a line to its input."""
        # When the process has just died, the thread that reads its answers will say so.
        with suppress(OSError):
            self._input.write(json.dumps(message).encode() + b"\n")
            self._input.flush()

    def terminate(self) -> None:
        """Ask it to end; on Windows, which knows no such request, it is killed."""
        if os.name == "nt":
            self.kill()
            return
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, and whatever it has started."""
        with suppress(OSError):
            if os.name == "nt":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(OSError):
            self._input.close()

    def _readEvents(self) -> None:
        # Whoever takes them reads them, on the main thread: many new objects make Python look for garbage in
        # the thread that makes them, and it may hold things of Qt and VTK, which no other thread may delete.
        for line in self._output:
            self._events.put((self, line))
        self._listener.join(timeout=1)
        code = self._process.wait()
        self._events.put((self, {"event": "ended", "message": self._farewell(code)}))

    def _readComplaints(self) -> None:
        for line in self._complaints:
            self._lastWords = line.decode(errors="replace").strip() or self._lastWords

    def _farewell(self, code: int) -> str:
        # In English: only the main thread may ask Slicer for a translation.
        if code == -getattr(signal, "SIGKILL", 9):
            reason = "it was killed, perhaps because memory ran out"
        else:
            reason = self._lastWords.rstrip(".") or f"exit code {code}"
        return f"The background process ended unexpectedly ({reason}); try again."


def _environment() -> dict[str, str]:
    """This process's environment, in which the library is found."""
    root = str(Path(LandmarkDetectionLib.__file__).resolve().parents[1])
    others = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, others] if others else [root])}
