"""How messages and voxels travel: frames over a socket, with limits, and a greeting that proves the token.

A frame is one letter, a length of four bytes (big-endian) and so many bytes: ``J``, a JSON object; ``R``, raw
bytes; ``Z``, bytes packed by zlib. A file is announced in a JSON object with its size, and follows in parts.
Nothing is unpickled or evaluated, and what is longer than announced or allowed ends the connection.

The token itself never travels. Each end sends a number drawn at random, and proves by an HMAC of both numbers
(RFC 2104, SHA-256) that it knows the token: the client to the server, then the server to the client, so that
nobody who took over a port is sent voxels.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import struct
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import BufferedIOBase
from typing import Any, BinaryIO

import numpy as np

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.errors import ClusterError
from LandmarkDetectionLib.requests import Message

PROTOCOL = 1
"""Of frames and greeting; raised when another version could not even say that it is another one."""
GREETING_BYTES = 4_096
MESSAGE_BYTES = 16_000_000
"""Far above the record of any review."""
PART_BYTES = 4 << 20
"""Of a file, before it is packed. A multiple of the size of every kind of number."""
BLOCK_BYTES = 1 << 19
"""Raw bytes are passed on in blocks of this size, which stay in a processor's cache on their way."""
TRIED_BYTES = 4 * PART_BYTES
"""A smaller file is not worth finding out how fast the line is."""
SAMPLE_BYTES = 1 << 17
"""Of a part that is packed to see how long that takes and what it saves. A multiple as above."""
PICTURE_BYTES = 256_000_000
GREETING_SECONDS = 10.0
THREADS = max(1, min(4, os.cpu_count() or 1))

_HEADER = struct.Struct(">cI")


class FrameError(Exception):
    """What came is nothing that the other end may send."""


class RefusedError(ClusterError):
    """The worker elsewhere was reached and does not serve this client."""


class Wire:
    """One end of a connection, used by one thread at a time.

    Every method raises OSError or EOFError when the connection is gone and FrameError when what comes cannot
    be.
    """

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """End the connection."""
        self.channel.close()

    def send(self, message: Message) -> None:
        """Send a JSON object."""
        self._frame(b"J", json.dumps(message, allow_nan=False).encode())

    def receive(self, limit: int = MESSAGE_BYTES) -> Message:
        """Wait for a JSON object of at most ``limit`` bytes."""
        kind, size = self._header(limit)
        if kind != b"J":
            raise FrameError("a message was expected")
        try:
            message = json.loads(self._read(size))
        except (ValueError, RecursionError):
            raise FrameError("a message is no JSON") from None
        if not isinstance(message, dict):
            raise FrameError("a message is no JSON object")
        return message

    def send_file(self, stream: BufferedIOBase, size: int, itemsize: int = 1) -> None:
        """Send ``size`` bytes of a file, packed where that makes them fewer and the line is no faster.

        The first parts of a large file show how fast the line is and how long packing takes: on one computer,
        or in one building, packing may take longer than it saves.

        Parameters
        ----------
        itemsize
            Of the numbers that the file is made of; their bytes are sorted by significance before they are
            packed, as HDF5's shuffle filter does: neighbouring voxels differ in the low bytes alone.
        """
        if size >= TRIED_BYTES:
            left = size - 2 * PART_BYTES
            if not self._try_line(stream, itemsize):
                self._send_raw(stream, left)
                return
            size = left
        parts = _parts(stream, size)
        waiting: deque[Future[tuple[bytes, bytes]]] = deque()
        with ThreadPoolExecutor(THREADS) as pool:
            for part in parts:
                waiting.append(pool.submit(_packed, part, itemsize))
                if len(waiting) > THREADS:
                    self._frame(*waiting.popleft().result())
            while waiting:
                self._frame(*waiting.popleft().result())

    def _try_line(self, stream: BufferedIOBase, itemsize: int) -> bool:
        """Send two parts as they are, and say whether packing the others saves time."""
        self._send_raw(stream, PART_BYTES)  # fills what lies between, which would seem fast
        start = time.perf_counter()
        sample = self._send_raw(stream, PART_BYTES)
        sent = time.perf_counter()
        _, packed = _packed(sample, itemsize)
        packing = (time.perf_counter() - sent) * PART_BYTES / len(sample)
        return saves_time(sent - start, packing, len(packed) / len(sample))

    def _send_raw(self, stream: BufferedIOBase, size: int) -> bytes:
        """Send parts of a file as they are; gives some bytes of the last one."""
        block = memoryview(bytearray(min(size, BLOCK_BYTES)))
        while size:
            left = part = min(size, PART_BYTES)
            self.channel.sendall(_HEADER.pack(b"R", part))
            while left:
                count = stream.readinto(block[:left])
                if not count:
                    raise FrameError("a file is shorter than it was")
                self.channel.sendall(block[:count])
                left -= count
            size -= part
        return bytes(block[: min(count, SAMPLE_BYTES)])

    def receive_file(self, stream: BinaryIO, size: int, itemsize: int = 1) -> None:
        """Write the ``size`` bytes that the other end sends with ``send_file``."""
        waiting: deque[Future[bytes]] = deque()
        block = memoryview(bytearray(min(size, BLOCK_BYTES)))

        def write(most: int) -> None:
            while len(waiting) > most:
                stream.write(waiting.popleft().result())

        with ThreadPoolExecutor(THREADS) as pool:
            left = size
            while left:
                part = min(left, PART_BYTES)
                kind, length = self._header(part)
                if kind == b"R" and length == part:
                    write(0)
                    self._pass_on(stream, part, block)
                elif kind == b"Z":
                    waiting.append(pool.submit(_unpacked, self._read(length), part, itemsize))
                    write(THREADS)
                else:
                    raise FrameError("a part of a file has another size than announced")
                left -= part
            write(0)

    def _pass_on(self, stream: BinaryIO, size: int, block: memoryview) -> None:
        """Write the next ``size`` bytes into a file."""
        while size:
            some = block[:size]
            self._fill(some)
            stream.write(some)
            size -= len(some)

    def _frame(self, kind: bytes, content: bytes) -> None:
        self.channel.sendall(_HEADER.pack(kind, len(content)))
        self.channel.sendall(content)

    def _header(self, limit: int) -> tuple[bytes, int]:
        kind, size = _HEADER.unpack(self._read(_HEADER.size))
        if kind not in (b"J", b"R", b"Z") or size > limit:
            raise FrameError("a frame is of another kind or larger than it may be")
        return kind, size

    def _read(self, size: int) -> bytearray:
        content = bytearray(size)
        self._fill(memoryview(content))
        return content

    def _fill(self, view: memoryview) -> None:
        while view:
            count = self.channel.recv_into(view)
            if not count:
                raise EOFError("the connection has ended")
            view = view[count:]


def saves_time(sending: float, packing: float, share: float, threads: int = THREADS) -> bool:
    """Whether parts arrive sooner when they are packed, which is done while those before are on their way.

    Parameters
    ----------
    sending, packing
        Seconds for one part as it is.
    share
        Of its bytes that are left.

    Examples
    --------
    >>> saves_time(0.4, 0.1, 0.5, 2), saves_time(0.01, 0.1, 0.5, 2)
    (True, False)
    """
    return max(packing / threads, share * sending) < sending


def _parts(stream: BufferedIOBase, size: int) -> Iterator[bytes]:
    while size:
        part = stream.read(min(size, PART_BYTES))
        if not part:
            raise FrameError("a file is shorter than it was")
        size -= len(part)
        yield part


def _packed(part: bytes, itemsize: int) -> tuple[bytes, bytes]:
    packed = zlib.compress(_sorted(part, itemsize), 1)
    return (b"Z", packed) if len(packed) < len(part) else (b"R", part)


def _unpacked(content: bytearray, size: int, itemsize: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        # No more than was announced, whatever it claims to hold.
        part = unpacker.decompress(content, size + 1)
    except zlib.error:
        raise FrameError("a part of a file is damaged") from None
    if len(part) != size:
        raise FrameError("a part of a file has another size than announced")
    return _sorted_back(part, itemsize)


def _sorted(part: bytes, itemsize: int) -> bytes:
    if itemsize == 1 or len(part) % itemsize:
        return part
    return np.frombuffer(part, np.uint8).reshape(-1, itemsize).T.tobytes()


def _sorted_back(part: bytes, itemsize: int) -> bytes:
    if itemsize == 1 or len(part) % itemsize:
        return part
    return np.frombuffer(part, np.uint8).reshape(itemsize, -1).T.tobytes()


# --- the greeting ---------------------------------------------------------------------------------------


def greet_client(wire: Wire, token: str, about: Callable[[], Message]) -> None:
    """Let a client in that knows the token, and show it that the server does.

    Parameters
    ----------
    about
        Asked for what such a client is told: what runs here, in which versions.

    Raises
    ------
    FrameError
        It does not know the token or sends something else; it was told no more than that it is refused.
    """
    own = secrets.token_hex(32)
    wire.send({"landmark-detection": PROTOCOL, "nonce": own})
    answer = wire.receive(GREETING_BYTES)
    other, proof = answer.get("nonce"), answer.get("proof")
    if not _is_nonce(other) or not _proves(proof, token, "client", own, str(other)):
        wire.send({"event": "refused"})
        raise FrameError("a client was refused")
    ready = {"event": "ready", "version": __version__, "proof": _proof(token, "server", own, str(other))}
    wire.send({**about(), **ready})


def greet_server(wire: Wire, token: str, address: str) -> Message:
    """Show a server that this client knows the token, and see that it does, too.

    Returns
    -------
    dict
        What the server says of itself: ``version`` and what else it was given as ``about``.

    Raises
    ------
    RefusedError
        It is none, of another version, refuses the token or does not know it; one sentence.
    """
    strange = f"What answers at {address} is no worker of Landmark Detection; check the address and the port."
    try:
        hello = wire.receive(GREETING_BYTES)
    except FrameError:
        raise RefusedError(strange) from None
    spoken, other = hello.get("landmark-detection"), hello.get("nonce")
    if not isinstance(spoken, int) or not _is_nonce(other):
        raise RefusedError(strange)
    if spoken != PROTOCOL:
        raise RefusedError(
            _of_another_version(address, f"speaks version {spoken} of the protocol", str(PROTOCOL))
        )
    own = secrets.token_hex(32)
    wire.send({"nonce": own, "proof": _proof(token, "client", str(other), own)})
    try:
        ready = wire.receive(GREETING_BYTES)
    except FrameError:
        raise RefusedError(strange) from None
    if ready.get("event") != "ready":
        raise RefusedError(f"The worker at {address} refuses the token; enter the one it was started with.")
    if not _proves(ready.get("proof"), token, "server", str(other), own):
        raise RefusedError(
            f"The worker at {address} does not know the token, so nothing was sent to it; "
            "it may be somebody else's."
        )
    version = str(ready.get("version"))
    if version.split(".")[:2] != __version__.split(".")[:2]:
        raise RefusedError(_of_another_version(address, f"is version {version}", __version__))
    return {key: value for key, value in ready.items() if key not in ("event", "proof")}


def _of_another_version(address: str, what: str, own: str) -> str:
    return f"The worker at {address} {what}, this computer has {own}; install the same version on both."


def _is_nonce(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _proof(token: str, who: str, servers: str, clients: str) -> str:
    text = f"landmark-detection {PROTOCOL} {who} {servers} {clients}"
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()


def _proves(proof: Any, token: str, who: str, servers: str, clients: str) -> bool:
    expected = _proof(token, who, servers, clients)
    return isinstance(proof, str) and proof.isascii() and hmac.compare_digest(proof, expected)
