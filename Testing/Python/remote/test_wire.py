"""Frames over a real socket: what is sent arrives, and what cannot be is refused before it takes memory."""

import io
import json
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.remote import wire as module
from LandmarkDetectionLib.remote.addresses import PORT, address_of, address_text, is_loopback
from LandmarkDetectionLib.remote.wire import (
    MESSAGE_BYTES,
    PART_BYTES,
    FrameError,
    RefusedError,
    Wire,
    greet_client,
    greet_server,
)

TOKEN = "a token of more than sixteen letters"


@pytest.fixture
def ends() -> Iterator[tuple[Wire, Wire]]:
    """Both ends of a connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname(), 30)
        far, _ = listener.accept()
    far.settimeout(30)
    wires = Wire(near), Wire(far)
    yield wires
    for wire in wires:
        wire.close()


def meanwhile(work: Callable[[], object]) -> Callable[[], object]:
    """Begin something at the other end; what is returned waits for it, and raises what it raised."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(work())
        except BaseException as problem:
            outcome.append(problem)

    thread = threading.Thread(target=run)
    thread.start()

    def wait() -> object:
        thread.join(60)
        (came,) = outcome
        if isinstance(came, BaseException):
            raise came
        return came

    return wait


def frame(kind: bytes, content: bytes, size: int | None = None) -> bytes:
    return struct.pack(">cI", kind, len(content) if size is None else size) + content


def test_messages_arrive_as_they_were_sent(ends: tuple[Wire, Wire]) -> None:
    message = {"id": 1, "do": "detect", "text": "große Zehe", "numbers": [1.5, None, True]}
    for _ in range(3):
        ends[0].send(message)
    assert [ends[1].receive() for _ in range(3)] == [message] * 3


@pytest.mark.parametrize("dtype", ["|u1", "<i2", ">u2", "<f4", ">f8"])
@pytest.mark.parametrize("count", [1, 1000, PART_BYTES // 2 + 13], ids=["one", "small", "several parts"])
def test_voxels_arrive_bit_for_bit(ends: tuple[Wire, Wire], dtype: str, count: int) -> None:
    voxels = (1000 * np.sin(np.arange(count) / 50)).astype(dtype)
    content, there = voxels.tobytes(), io.BytesIO()
    size, itemsize = len(content), voxels.dtype.itemsize
    wait = meanwhile(lambda: ends[1].receive_file(there, size, itemsize))
    ends[0].send_file(io.BytesIO(content), size, itemsize)
    wait()
    assert there.getvalue() == content


def test_what_does_not_shrink_travels_as_it_is(ends: tuple[Wire, Wire]) -> None:
    content, there = np.random.default_rng(1).bytes(100_000), io.BytesIO()
    wait = meanwhile(lambda: ends[1].receive_file(there, len(content)))
    ends[0].send_file(io.BytesIO(content), len(content))
    wait()
    assert there.getvalue() == content


@pytest.mark.parametrize("pays", [True, False])
def test_a_large_file_arrives_whether_packing_pays_or_not(
    ends: tuple[Wire, Wire], monkeypatch: pytest.MonkeyPatch, pays: bool
) -> None:
    tried: list[tuple[float, ...]] = []
    monkeypatch.setattr(module, "saves_time", lambda *times: tried.append(times) or pays)
    monkeypatch.setattr(module, "PART_BYTES", 8_000)
    monkeypatch.setattr(module, "TRIED_BYTES", 32_000)
    kinds: list[bytes] = []
    header = ends[1]._header
    monkeypatch.setattr(ends[1], "_header", lambda limit: (one := header(limit), kinds.append(one[0]))[0])
    content, there = np.arange(20_001, dtype="<i2").tobytes(), io.BytesIO()
    wait = meanwhile(lambda: ends[1].receive_file(there, len(content), 2))
    ends[0].send_file(io.BytesIO(content), len(content), 2)
    wait()
    assert there.getvalue() == content and len(tried) == 1
    # The last part has two bytes, which packing makes more.
    assert kinds == [b"R", b"R", *[b"Z" if pays else b"R"] * 3, b"R"]


def test_raw_and_packed_parts_arrive_in_their_order(ends: tuple[Wire, Wire]) -> None:
    parts = [bytes([letter]) * PART_BYTES for letter in b"abcde"]
    there = io.BytesIO()
    wait = meanwhile(lambda: ends[1].receive_file(there, 5 * PART_BYTES))
    for index, part in enumerate(parts):
        kind, content = (b"R", part) if index in (0, 3) else (b"Z", zlib.compress(part, 1))
        ends[0].channel.sendall(frame(kind, content))
    wait()
    assert there.getvalue() == b"".join(parts)


def test_a_file_that_became_shorter_is_noticed_while_it_is_sent(ends: tuple[Wire, Wire]) -> None:
    size = module.TRIED_BYTES
    wait = meanwhile(lambda: ends[1].receive_file(io.BytesIO(), size))
    with pytest.raises(FrameError, match="shorter than it was"):
        ends[0].send_file(io.BytesIO(bytes(size - 1)), size)
    ends[0].close()
    with pytest.raises(EOFError):
        wait()


def test_packing_pays_on_a_slow_line_alone() -> None:
    assert module.saves_time(0.4, 0.1, 0.5, 1)
    assert not module.saves_time(0.05, 0.1, 0.5, 1)
    assert module.saves_time(0.06, 0.1, 0.5, 2)
    assert not module.saves_time(0.4, 0.1, 1.0, 2)


def test_a_smooth_image_takes_less_than_half_the_way() -> None:
    voxels = (1000 * np.sin(np.arange(100_000) / 500)).astype("<i2").tobytes()
    kind, packed = module._packed(voxels, 2)
    assert kind == b"Z" and len(packed) < len(voxels) / 2


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
        frame(b"X", b"{}"),
        frame(b"J", b"", MESSAGE_BYTES + 1),
        frame(b"J", b"", 2**32 - 1),
        frame(b"J", b"hello"),
        frame(b"J", b"[1, 2]"),
        frame(b"J", b"null"),
        frame(b"J", b"\xff\xfe\x00"),
        frame(b"J", b"[" * 100_000),
        frame(b"R", b"{}"),
        b"\x80\x04\x95\x00\x00\x00\x00" + b"\x00" * 8,
    ],
    ids=range(11),
)
def test_garbage_in_the_place_of_a_message_is_refused(ends: tuple[Wire, Wire], sent: bytes) -> None:
    ends[0].channel.sendall(sent)
    with pytest.raises(FrameError):
        ends[1].receive()


@pytest.mark.parametrize(
    "sent",
    [
        frame(b"R", b"12345"),
        frame(b"R", b"123"),
        frame(b"Z", zlib.compress(b"12345")),
        frame(b"Z", b"ab"),
        frame(b"J", b"1234"),
    ],
    ids=["longer", "shorter", "longer packed", "damaged", "message"],
)
def test_a_file_of_another_size_than_announced_is_refused(ends: tuple[Wire, Wire], sent: bytes) -> None:
    ends[0].channel.sendall(sent)
    with pytest.raises(FrameError):
        ends[1].receive_file(io.BytesIO(), 4)


def test_a_bomb_is_unpacked_no_further_than_was_announced(ends: tuple[Wire, Wire]) -> None:
    bomb = zlib.compress(bytes(1 << 27), 1)
    assert len(bomb) < PART_BYTES
    ends[0].channel.settimeout(30)
    there = io.BytesIO()
    wait = meanwhile(lambda: ends[0].channel.sendall(frame(b"Z", bomb)))
    with pytest.raises(FrameError):
        ends[1].receive_file(there, PART_BYTES)
    wait()
    assert there.getvalue() == b""


def test_an_end_in_the_middle_is_noticed(ends: tuple[Wire, Wire]) -> None:
    ends[0].channel.sendall(frame(b"J", b'{"id"', 20))
    ends[0].close()
    with pytest.raises(EOFError):
        ends[1].receive()


# --- the greeting ---------------------------------------------------------------------------------------


def test_who_knows_the_token_is_let_in_and_told_what_runs_there(ends: tuple[Wire, Wire]) -> None:
    wait = meanwhile(lambda: greet_client(ends[1], TOKEN, lambda: {"python": "3.12"}))
    assert greet_server(ends[0], TOKEN, "there:1") == {"python": "3.12", "version": __version__}
    wait()


def test_the_token_does_not_travel(ends: tuple[Wire, Wire]) -> None:
    sent: list[dict[str, object]] = []
    for wire in ends:
        send = wire.send
        wire.send = lambda message, send=send: (sent.append(message), send(message))  # type: ignore
    wait = meanwhile(lambda: greet_client(ends[1], TOKEN, dict))
    greet_server(ends[0], TOKEN, "there:1")
    wait()
    assert len(sent) == 3 and TOKEN not in json.dumps(sent)


def test_a_wrong_token_is_refused_without_details(ends: tuple[Wire, Wire]) -> None:
    told: list[str] = []
    wait = meanwhile(lambda: greet_client(ends[1], TOKEN, lambda: told.append("about") or {}))
    with pytest.raises(RefusedError, match="refuses the token; enter the one it was started with"):
        greet_server(ends[0], TOKEN[:-1], "there:1")
    with pytest.raises(FrameError):
        wait()
    assert told == []


@pytest.mark.parametrize(
    "answer",
    [{}, {"nonce": "x", "proof": "y"}, {"nonce": 5, "proof": 6}, {"nonce": "0" * 64, "proof": "\ud800"}],
)
def test_who_proves_nothing_is_refused_without_details(
    ends: tuple[Wire, Wire], answer: dict[str, object]
) -> None:
    wait = meanwhile(lambda: greet_client(ends[1], TOKEN, dict))
    ends[0].receive()
    ends[0].send(answer)
    assert ends[0].receive() == {"event": "refused"}
    with pytest.raises(FrameError):
        wait()


def test_proofs_are_compared_in_constant_time(
    ends: tuple[Wire, Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[str, str]] = []
    compare = module.hmac.compare_digest
    monkeypatch.setattr(
        module.hmac, "compare_digest", lambda one, other: compared.append((one, other)) or compare(one, other)
    )
    wait = meanwhile(lambda: greet_client(ends[1], TOKEN, dict))
    greet_server(ends[0], TOKEN, "there:1")
    wait()
    assert len(compared) == 2


def test_a_server_that_does_not_know_the_token_is_found_out(ends: tuple[Wire, Wire]) -> None:
    """As of somebody who took the port over and lets everybody in."""

    def impostor() -> None:
        ends[1].send({"landmark-detection": module.PROTOCOL, "nonce": "0" * 64})
        proof = ends[1].receive()["proof"]  # sent back, it is of the wrong end
        ends[1].send({"event": "ready", "version": __version__, "proof": proof})

    wait = meanwhile(impostor)
    with pytest.raises(RefusedError, match="does not know the token, so nothing was sent"):
        greet_server(ends[0], TOKEN, "there:1")
    wait()


def test_another_version_is_one_sentence(ends: tuple[Wire, Wire], monkeypatch: pytest.MonkeyPatch) -> None:
    ends[1].send({"landmark-detection": module.PROTOCOL + 1, "nonce": "0" * 64})
    with pytest.raises(RefusedError, match="install the same version on both"):
        greet_server(ends[0], TOKEN, "there:1")


def test_another_version_of_the_library_is_one_sentence(ends: tuple[Wire, Wire]) -> None:
    def newer() -> None:
        ends[1].send({"landmark-detection": module.PROTOCOL, "nonce": "0" * 64})
        answer = ends[1].receive()
        proof = module._proof(TOKEN, "server", "0" * 64, answer["nonce"])
        ends[1].send({"event": "ready", "version": "999.1.0", "proof": proof})

    wait = meanwhile(newer)
    with pytest.raises(RefusedError, match=f"is version 999.1.0, this computer has {__version__}"):
        greet_server(ends[0], TOKEN, "there:1")
    wait()


def test_another_program_is_one_sentence(ends: tuple[Wire, Wire]) -> None:
    ends[1].channel.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
    with pytest.raises(RefusedError, match="is no worker of Landmark Detection; check the address"):
        greet_server(ends[0], TOKEN, "there:22")


# --- addresses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        (" workstation ", ("workstation", PORT)),
        ("[::1]:9000", ("::1", 9000)),
        ("::1", ("::1", PORT)),
        ("[fe80::2]", ("fe80::2", PORT)),
    ],
)
def test_addresses_are_read_as_people_write_them(text: str, address: tuple[str, int]) -> None:
    assert address_of(text) == address
    assert address_of(address_text(*address)) == address


@pytest.mark.parametrize(
    "text", ["", "  ", "there:0", "there:70000", "there:x", "http://there", "a b", ":90", "[::1]9", "[::1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no address of a worker"):
        address_of(text)


def test_loopback_is_this_computer_alone() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.7", "workstation", "localhost.example.org")))
