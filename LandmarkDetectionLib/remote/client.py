"""A process that looks like the worker and passes everything on to one elsewhere.

``python -m LandmarkDetectionLib.remote.client`` speaks on standard input and output as
:mod:`LandmarkDetectionLib.worker` does. Where it asks is in environment variables, which other users of a
computer cannot read: ``LANDMARK_DETECTION_WORKER`` (an address), ``LANDMARK_DETECTION_WORKER_TOKEN``, and
``LANDMARK_DETECTION_WORKER_CERTIFICATE`` (a file) where the connection is encrypted.

It connects when it is first asked, and again after the connection was lost; a request that was lost with it
is answered by the sentence of a ``ClusterError``. When its input is closed it ends, and with the connection
the work that was asked for elsewhere.
"""

from __future__ import annotations

import io
import os
import socket
import ssl
import traceback
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.errors import ClusterError, InputError, LandmarkDetectionError
from LandmarkDetectionLib.files import atomic_write, reason_of, require_file
from LandmarkDetectionLib.remote.addresses import Elsewhere, address_of, address_text
from LandmarkDetectionLib.remote.parcels import Parcel, bytes_of, pack
from LandmarkDetectionLib.remote.wire import (
    GREETING_SECONDS,
    PICTURE_BYTES,
    FrameError,
    RefusedError,
    Wire,
    greet_server,
)
from LandmarkDetectionLib.requests import About, Message, VolumeMessage
from LandmarkDetectionLib.worker.pipes import DEFECT, Send, answer_pipes

GONE = (OSError, EOFError, FrameError)


def connect(place: Elsewhere) -> tuple[Wire, Message]:
    """Reach a worker; gives the connection and what the worker says of itself.

    Raises
    ------
    ClusterError
        There is none, or it does not serve this client.
    InputError
        The address or the certificate cannot be used.
    """
    host, port = address_of(place.address)
    address = address_text(host, port)
    if not place.token:
        raise InputError(f"The worker at {address} needs the token that it was started with; enter it.")
    context = _context(place.certificate) if place.certificate else None
    wire = None
    try:
        channel = socket.create_connection((host, port), GREETING_SECONDS)
        wire = Wire(context.wrap_socket(channel, server_hostname=host) if context else channel)
        about = greet_server(wire, place.token, address)
    except ssl.SSLError as problem:
        raise RefusedError(
            f"No encrypted connection to the worker at {address} could be made "
            f"({str(problem.reason or problem).replace('_', ' ').lower()}); check the certificate."
        ) from None
    except (OSError, EOFError, FrameError) as problem:
        reason = reason_of(problem) if isinstance(problem, OSError) else str(problem)
        raise ClusterError(
            f"There is no answer of a worker at {address} ({reason}); start landmark-detection serve there, "
            "or check the address and the tunnel."
        ) from None
    except RefusedError:
        if wire is not None:
            wire.close()
        raise
    if about.pop("busy", False):
        wire.close()
        raise RefusedError(f"The worker at {address} serves as many clients as it may; try again later.")
    wire.channel.settimeout(None)
    return wire, {**about, "address": address}


def _context(certificate: str) -> ssl.SSLContext:
    require_file(Path(certificate))
    try:
        return ssl.create_default_context(cafile=certificate)
    except (OSError, ValueError):
        raise InputError(f"{certificate} is no certificate in the format PEM.") from None


class Bridge:
    """Answers requests as a worker does, by one elsewhere.

    Parameters
    ----------
    place
        Where that is.
    send
        Called with every event.
    """

    def __init__(self, place: Elsewhere, send: Send) -> None:
        self._place = place
        self._send = send
        self._wire: Wire | None = None
        self._about: Message = {}
        self._is_begun = False
        self._sent: tuple[str, str, tuple[int, int, int]] | None = None

    def answer(self, request: Message) -> None:
        """Answer one request; whatever goes wrong becomes its error event."""
        number = request.get("id") if isinstance(request, dict) else None
        try:
            result = self._asked(request, number)
        except LandmarkDetectionError as problem:
            self._send(_error(number, type(problem).__name__, str(problem)))
        except Exception:
            self._drop()
            self._send(_error(number, DEFECT, traceback.format_exc()))
        else:
            self._send(result)

    def _asked(self, request: Message, number: object) -> Message:
        if isinstance(request, dict) and request.get("do") == About.do:
            self._drop()  # somebody wants to know whether it can be reached now
            self._connected()
            return {"id": number, "event": "done", "result": self._about}
        parcel = pack(request)
        was_open, self._is_begun = self._wire is not None, False
        try:
            return self._pass_on(parcel, number)
        except GONE as problem:
            self._drop()
            if self._is_begun or not was_open:
                raise self._lost(problem) from None
        # It may have been gone since the last request; no request changes anything there.
        try:
            return self._pass_on(parcel, number)
        except GONE as problem:
            self._drop()
            raise self._lost(problem) from None

    def _pass_on(self, parcel: Parcel, number: object) -> Message:
        wire = self._connected()
        if parcel.volume is not None and (refusal := self._hand_over(wire, parcel.volume)):
            return {**refusal, "id": number}
        wire.send({**parcel.message, "id": number})
        while True:
            event = parcel.named(wire.receive())
            kind = event.get("event")
            if kind == "done":
                return self._received(wire, parcel, event)
            if kind == "error":
                return event
            if kind != "progress":
                raise FrameError("an event is of another kind")
            self._is_begun = True
            self._send(event)

    def _received(self, wire: Wire, parcel: Parcel, event: Message) -> Message:
        result, size = event.get("result"), event.pop("bytes", None)
        if not isinstance(result, dict):
            raise FrameError("an answer has no result")
        if size is not None and parcel.path is not None:
            if not isinstance(size, int) or not 0 <= size <= PICTURE_BYTES:
                raise FrameError("a picture is larger than it may be")
            picture = io.BytesIO()  # a connection that is lost is no file that cannot be written
            wire.receive_file(picture, size)
            with atomic_write(parcel.path) as temporary:
                temporary.write_bytes(picture.getbuffer())
            result = {**result, "picture": parcel.path}
        return {**event, "result": parcel.restored(result)}

    def _hand_over(self, wire: Wire, volume: VolumeMessage) -> Message | None:
        """Send the voxels unless they are there; gives the error event of a worker that refuses them."""
        voxels = volume.token, volume.dtype, volume.shape
        if volume.token and self._sent == voxels:
            return None
        self._sent = None
        size = bytes_of(volume.dtype, volume.shape)
        try:
            stream = Path(volume.file).open("rb")
        except OSError as problem:
            raise InputError(f"The voxels cannot be read ({reason_of(problem)}); start again.") from None
        with stream:
            if os.fstat(stream.fileno()).st_size != size:
                raise InputError("The voxels are not complete; start again.")
            wire.send(
                {"do": "voxels", "token": volume.token, "dtype": volume.dtype, "shape": list(volume.shape)}
            )
            event = wire.receive()
            if event.get("event") != "go":
                return event
            wire.send_file(stream, size, np.dtype(volume.dtype).itemsize)
        self._sent = voxels
        return None

    def _connected(self) -> Wire:
        if self._wire is None:
            self._wire, self._about = connect(self._place)
        return self._wire

    def _drop(self) -> None:
        if self._wire is not None:
            self._wire.close()
        self._wire = self._sent = None

    def _lost(self, problem: BaseException) -> ClusterError:
        if isinstance(problem, FrameError):
            return ClusterError(
                f"The worker at {self._place.address} answered something that cannot be understood "
                f"({problem}); nothing was changed. Install the same version on both computers."
            )
        return ClusterError(
            f"The connection to the worker at {self._place.address} was lost; nothing was changed. "
            "Try again, or compute on this computer."
        )


def _error(number: object, kind: str, message: str) -> Message:
    return {"id": number, "event": "error", "kind": kind, "message": message}


def main() -> None:
    """Pass the requests of standard input on."""
    place = Elsewhere.from_environment()
    answer_pipes(lambda send: Bridge(place, send).answer)


if __name__ == "__main__":
    main()
