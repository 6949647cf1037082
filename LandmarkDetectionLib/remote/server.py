"""The end of a connection that has the networks: a worker process of its own for every client.

A client is let in when it proves that it knows the token. What it asks is handed to
``python -m LandmarkDetectionLib.worker``, one request after the other; when it goes, so does that process,
whatever it was doing, and with it everything that was kept: voxels lie in a folder that nobody else may read
and that is removed at the end.
"""

from __future__ import annotations

import json
import os
import queue
import select
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from LandmarkDetectionLib.errors import ClusterError, InputError, LandmarkDetectionError
from LandmarkDetectionLib.files import reason_of
from LandmarkDetectionLib.remote.addresses import address_text
from LandmarkDetectionLib.remote.parcels import bytes_of, unpack
from LandmarkDetectionLib.remote.wire import GREETING_SECONDS, PICTURE_BYTES, FrameError, Wire, greet_client
from LandmarkDetectionLib.requests import Detect, Message, Request, VolumeMessage, request_of
from LandmarkDetectionLib.worker.pipes import DEFECT
from LandmarkDetectionLib.worker.tasks import versions

GREETINGS = 32
"""Clients that may be at the door at once."""
LOOK_SECONDS = 0.1
WORKER = [sys.executable, "-m", "LandmarkDetectionLib.worker"]


@dataclass(frozen=True)
class Limits:
    """What clients may use.

    Attributes
    ----------
    clients
        At once; each has a process with its own networks and volume in memory.
    volume_bytes
        Of one volume, unpacked.
    """

    clients: int = 4
    volume_bytes: int = 8_000_000_000


class Server:
    """Listens at an address and serves clients that know the token, until it is closed.

    Parameters
    ----------
    host, port
        Port 0 takes any that is free.
    token
        What clients must know.
    limits
        What they may use.
    tls
        Encrypts connections.
    command
        Starts a worker.

    Raises
    ------
    ClusterError
        Nobody may listen there, or somebody else does.
    """

    def __init__(
        self,
        host: str,
        port: int,
        token: str,
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        command: list[str] | None = None,
    ) -> None:
        self._token, self._limits, self._tls = token, limits or Limits(), tls
        self._command = command or WORKER
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._accepting = threading.Lock()
        self._door = threading.BoundedSemaphore(GREETINGS)
        self._channels: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._places = threading.Semaphore(self._limits.clients)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server((host, port), family=family)
        except OSError as problem:
            reason = reason_of(problem).partition(" (")[0]
            raise ClusterError(
                f"Nothing can listen at {address_text(host, port)} ({reason}); choose another port or "
                "address.",
                about="port",
            ) from None
        # So that it sees that it was closed, which not every system tells a thread that waits.
        self._listener.settimeout(0.5)
        self.host, self.port = self._listener.getsockname()[:2]

    def serve(self) -> None:
        """Let clients in until the server is closed."""
        with self._accepting:
            self._accept()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                channel, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                # Closed, or a client that went at once, or too many files are open: it is not the end.
                self._closed.wait(LOOK_SECONDS)
                continue
            if not self._door.acquire(blocking=False):
                channel.close()
                continue
            thread = threading.Thread(target=self._serve, args=(channel,), daemon=True)
            with self._lock:
                self._channels.add(channel)
                self._threads.add(thread)
            thread.start()

    def close(self) -> None:
        """Let nobody in any more, and end what is under way, its processes and files included."""
        self._closed.set()
        with self._accepting:  # else the port stays taken while somebody waits at it
            self._listener.close()
        with self._lock:
            channels, threads = list(self._channels), list(self._threads)
        for channel in channels:
            _hang_up(channel)
        for thread in threads:
            thread.join(timeout=10)

    def _serve(self, raw: socket.socket) -> None:
        taken = False

        def about() -> Message:
            nonlocal taken
            taken = self._places.acquire(blocking=False)
            return {**versions(), "busy": not taken}

        channel = raw
        try:
            raw.settimeout(None)
            if self._tls is not None:
                channel = self._tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
                with self._lock:
                    self._channels.add(channel)
            try:
                wire = self._greeted(channel, about)
            finally:
                self._door.release()
            if taken:
                with _Session(wire, self._limits, self._command) as session:
                    session.run()
        except (OSError, EOFError, FrameError):
            pass  # it is gone, or is to go; there is nobody to tell
        finally:
            if taken:
                self._places.release()
            channel.close()
            with self._lock:
                self._channels -= {raw, channel}
                self._threads.discard(threading.current_thread())

    def _greeted(self, channel: socket.socket, about: Callable[[], Message]) -> Wire:
        # Who says nothing, or a byte now and then, does not stay at the door.
        timer = threading.Timer(GREETING_SECONDS, _hang_up, (channel,))
        timer.daemon = True
        timer.start()
        try:
            if isinstance(channel, ssl.SSLSocket):
                channel.do_handshake()
            wire = Wire(channel)
            greet_client(wire, self._token, about)
        finally:
            timer.cancel()
        return wire


class _Session:
    """One client: its connection, its process and its files."""

    def __init__(self, wire: Wire, limits: Limits, command: list[str]) -> None:
        self._wire, self._limits, self._command = wire, limits, command
        self._files = tempfile.TemporaryDirectory(prefix="landmark-detection-", ignore_cleanup_errors=True)
        self._folder = Path(self._files.name)
        self._process: _Process | None = None
        self._voxels: VolumeMessage | None = None

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
        self._files.cleanup()

    def run(self) -> None:
        """Answer until the client goes; raises OSError, EOFError or FrameError then."""
        while True:
            message = self._wire.receive()
            number = message.get("id")
            try:
                if message.get("do") == "voxels":
                    self._keep(message)
                else:
                    self._answer(message, number)
            except LandmarkDetectionError as problem:
                self._wire.send(_error(number, type(problem).__name__, str(problem)))

    def _keep(self, message: Message) -> None:
        """Receive voxels in the place of those before."""
        asked = request_of({"do": Detect.do, "model": "none", "volume": _announced(message)})
        announced = cast("Detect", asked).volume
        size = bytes_of(announced.dtype, announced.shape)
        if size > self._limits.volume_bytes:
            raise InputError(
                f"The volume has {size / 1e9:.1f} GB, and the worker elsewhere takes at most "
                f"{self._limits.volume_bytes / 1e9:.3g} GB; crop it, or start the worker with a higher limit."
            )
        if self._voxels is not None:
            with suppress(OSError):  # Windows removes no file that is mapped; the end does
                Path(self._voxels.file).unlink()
        self._voxels = None
        path = self._folder / f"{uuid.uuid4().hex}.raw"
        if size > shutil.disk_usage(self._folder).free:
            raise InputError("The computer of the worker has no room for the volume on its disk; make room.")
        self._wire.send({"event": "go"})
        try:
            with path.open("wb") as stream:
                self._wire.receive_file(stream, size, np.dtype(announced.dtype).itemsize)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self._voxels = replace(announced, file=str(path))

    def _answer(self, message: Message, number: object) -> None:
        request = self._localised(unpack(message))
        if self._process is None:
            self._process = _Process(self._command, self._folder)
        self._process.ask({**request.to_message(), "id": number})
        while True:
            event = self._process.event(LOOK_SECONDS)
            if event is None:
                if self._client_is_gone():
                    raise EOFError
            elif event.get("event") == "ended":
                self._process = None
                raise ClusterError(
                    "The process that worked elsewhere ended unexpectedly, perhaps because its memory ran "
                    "out; try again."
                )
            elif event.get("event") == "progress":
                self._wire.send(event)
            elif event.get("event") in ("done", "error"):
                break
        self._send_answer(event, getattr(request, "path", None))

    def _localised(self, request: Request) -> Request:
        """The request with files of this computer."""
        changes: dict[str, Any] = {}
        volume = getattr(request, "volume", None)
        if isinstance(volume, VolumeMessage):
            kept = self._voxels
            if kept is None or (kept.token, kept.dtype, kept.shape) != (
                volume.token,
                volume.dtype,
                volume.shape,
            ):
                raise InputError("The voxels of this volume were not sent; start again.")
            changes["volume"] = replace(volume, file=kept.file)
        if (suffix := getattr(request, "path", None)) is not None:
            changes["path"] = str(self._folder / f"picture{suffix}")
        return replace(request, **changes)

    def _send_answer(self, event: Message, path: str | None) -> None:
        if event["event"] == "error":
            if event.get("kind") == DEFECT:
                # Where files lie here is nothing to tell; the whole of it is for who runs the server.
                text = str(event.get("message")).strip()
                print(text, file=sys.stderr, flush=True)
                event = {**event, "message": text.rpartition("\n")[2]}
            self._wire.send({**event, "message": self._without_folder(str(event.get("message")))})
            return
        if path is None:
            self._wire.send(event)
            return
        picture = Path(path)
        size = picture.stat().st_size
        if size > PICTURE_BYTES:
            raise InputError("The picture is too large to be sent.")
        self._wire.send({**event, "result": {**event["result"], "picture": ""}, "bytes": size})
        with picture.open("rb") as stream:
            self._wire.send_file(stream, size)
        picture.unlink()

    def _without_folder(self, text: str) -> str:
        return text.replace(f" in {self._folder}{os.sep}", " in ").replace(f"{self._folder}{os.sep}", "")

    def _client_is_gone(self) -> bool:
        """Whether something comes that is not expected: its end, or a second request at once."""
        return bool(select.select([self._wire.channel], [], [], 0)[0])


class _Process:
    """The worker of one client."""

    def __init__(self, command: list[str], folder: Path) -> None:
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        try:
            # A folder of its own, so that no model is taken for a folder that happens to lie beside it.
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )
        except OSError as problem:
            raise ClusterError(f"The worker cannot be started elsewhere ({reason_of(problem)}).") from None
        pipes = self._process.stdin, self._process.stdout
        self._input, self._output = cast("tuple[IO[bytes], IO[bytes]]", pipes)
        self._events: queue.SimpleQueue[Message] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, message: Message) -> None:
        """Send a request."""
        with suppress(OSError):  # it has just ended, which its last event says
            self._input.write(json.dumps(message).encode() + b"\n")
            self._input.flush()

    def event(self, seconds: float) -> Message | None:
        """The next event, or None after so many seconds without one."""
        try:
            return self._events.get(timeout=seconds)
        except queue.Empty:
            return None

    def kill(self) -> None:
        """End it and what it has started."""
        with suppress(OSError):
            self._process.kill()
        with suppress(OSError):
            self._input.close()
        self._process.wait()

    def _read(self) -> None:
        for line in self._output:
            with suppress(ValueError):
                self._events.put(json.loads(line))
        self._events.put({"event": "ended"})


def _announced(message: Message) -> Message:
    """A volume of announced voxels, to be checked as any other."""
    place = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    entries = {key: message.get(key) for key in ("token", "dtype", "shape")}
    return {"file": "", "ijk_to_ras": place, **entries}


def _error(number: object, kind: str, message: str) -> Message:
    return {"id": number, "event": "error", "kind": kind, "message": message}


def _hang_up(channel: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(channel, socket.SHUT_RDWR)
