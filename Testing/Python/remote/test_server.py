"""A server with real sockets and real processes: who is let in, what is kept, and what ends with whom.

The workers are small programs here, which need no networks; test_remote_worker has the real ones.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.errors import ClusterError, LandmarkDetectionError
from LandmarkDetectionLib.remote.client import Bridge, Elsewhere, connect
from LandmarkDetectionLib.remote.server import Limits, Server
from LandmarkDetectionLib.remote.wire import RefusedError

TOKEN = "a token of more than sixteen letters"
PROGRAM = """
import json, sys, time, os
def say(**event): print(json.dumps(event), flush=True)
say(event='ready', version='0')
for line in sys.stdin:
    r = json.loads(line)
    m = r.get('model')
    if m == 'sleep':
        say(id=r['id'], event='progress', fraction=0, text=str(os.getpid()))
        time.sleep(600)
    if m == 'die':
        os._exit(3)
    if m == 'defect':
        say(id=r['id'], event='error', kind='Defect', message='Traceback\\n  /srv/x.py\\nKeyError: 1')
        continue
    if 'path' in r:
        open(r['path'], 'wb').write(b'\\x89PNG' + bytes(range(256)) * 1000)
    v = r.get('volume')
    size = len(open(v['file'], 'rb').read()) if v else 0
    say(id=r['id'], event='done', result={'pid': os.getpid(), 'size': size, 'picture': r.get('path'),
        'folder': os.getcwd(), 'letters': v and list(v['name']), 'said': f"{v and v['name']} is odd."})
"""


class Client:
    """A bridge to a server, and the events that came of what it was asked."""

    def __init__(self, server: Server, token: str = TOKEN, certificate: str = "") -> None:
        self.events: list[dict[str, Any]] = []
        place = Elsewhere(f"{server.host}:{server.port}", token, certificate)
        self.bridge = Bridge(place, self.events.append)

    def ask(self, do: str = "models", **entries: Any) -> dict[str, Any]:
        """The last event of a request."""
        self.bridge.answer({"id": 1, "do": do, **entries})
        return self.events[-1]

    def result(self, do: str = "models", **entries: Any) -> dict[str, Any]:
        event = self.ask(do, **entries)
        assert event["event"] == "done", event
        result: dict[str, Any] = event["result"]
        return result


@pytest.fixture
def started() -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test."""
    servers: list[Server] = []

    def start(**options: Any) -> Server:
        server = Server("127.0.0.1", 0, TOKEN, command=[sys.executable, "-c", PROGRAM], **options)
        threading.Thread(target=server.serve, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def scan(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "DOE^JOHN.raw"
    np.arange(24, dtype="<i2").tofile(file)
    return {
        "file": str(file),
        "dtype": "<i2",
        "shape": [2, 3, 4],
        "ijk_to_ras": np.eye(4).tolist(),
        "token": "1",
        "name": "DOE^JOHN",
    }


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does; a test that waits for ever is stopped from outside."""
    while not condition():
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_voxels_arrive_once_and_without_a_name(started: Callable[..., Server], scan: dict[str, Any]) -> None:
    client = Client(started())
    assert client.result("detect", volume=scan, model="x")["size"] == 48
    Path(scan["file"]).unlink()  # not read again
    result = client.result("detect", volume=scan, model="x")
    assert (result["size"], "".join(result["letters"])) == (48, "@volume@")
    assert result["said"] == "DOE^JOHN is odd."
    assert "cannot be read" in client.ask("detect", volume={**scan, "token": "2"}, model="x")["message"]


def test_a_picture_comes_back_as_a_file(
    started: Callable[..., Server], scan: dict[str, Any], tmp_path: Path
) -> None:
    path = str(tmp_path / "picture.png")
    assert Client(started()).result("silhouette", volume=scan, model="x", path=path)["picture"] == path
    assert Path(path).read_bytes() == b"\x89PNG" + bytes(range(256)) * 1000


def test_two_clients_at_once_have_a_process_and_a_folder_each(
    started: Callable[..., Server], scan: dict[str, Any]
) -> None:
    server = started()
    one, other = Client(server), Client(server)
    threads = [
        threading.Thread(target=client.result, args=("detect",), kwargs={"volume": scan, "model": "x"})
        for client in (one, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = [client.events[-1]["result"] for client in (one, other)]
    assert len({result["pid"] for result in results}) == len({result["folder"] for result in results}) == 2
    folder = Path(results[0]["folder"])
    if os.name != "nt":
        assert folder.stat().st_mode & 0o077 == 0
    one.bridge._drop()
    wait_until(lambda: not folder.exists() and not is_alive(results[0]["pid"]))
    assert other.result("detect", volume=scan, model="x")["pid"] == results[1]["pid"]


def test_one_client_too_many_is_told_so_and_comes_in_later(started: Callable[..., Server]) -> None:
    server = started(limits=Limits(clients=1))
    one, other = Client(server), Client(server)
    one.result()
    assert "as many clients as it may" in other.ask()["message"]
    one.bridge._drop()
    wait_until(lambda: other.ask()["event"] == "done")


def test_a_wrong_token_is_a_sentence_and_the_server_serves_on(started: Callable[..., Server]) -> None:
    server = started()
    answer = Client(server, TOKEN + "x").ask()
    assert answer["kind"] == "RefusedError" and "refuses the token" in answer["message"]
    assert "needs the token" in Client(server, "").ask()["message"]
    assert Client(server).ask()["event"] == "done"


def test_garbage_ends_its_own_connection_alone(started: Callable[..., Server]) -> None:
    server = started()
    client = Client(server)
    client.result()
    for garbage in (b"GET / HTTP/1.1\r\n\r\n" * 10, b"\x00" * 5000, b"J\xff\xff\xff\xff"):
        with socket.create_connection((server.host, server.port)) as channel:
            channel.settimeout(30)
            channel.sendall(garbage)
            while channel_says(channel):
                pass
    wire, _ = connect(Elsewhere(f"{server.host}:{server.port}", TOKEN))
    wire.channel.settimeout(30)
    wire.channel.sendall(b"J\xff\xff\xff\xff")
    assert channel_says(wire.channel) == b""
    assert client.ask()["event"] == "done"


def channel_says(channel: socket.socket) -> bytes:
    """What comes next; nothing when the other end has hung up."""
    try:
        return channel.recv(4096)
    except ConnectionError:
        return b""


def test_who_says_nothing_does_not_stay_at_the_door(
    started: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    from LandmarkDetectionLib.remote import server as module

    monkeypatch.setattr(module, "GREETING_SECONDS", 0.2)
    server = started()
    with socket.create_connection((server.host, server.port)) as channel:
        channel.settimeout(30)
        while channel_says(channel):
            pass


@pytest.mark.skipif(os.name == "nt", reason="asks whether a process lives by a signal")
def test_what_was_asked_for_ends_when_the_client_goes(
    started: Callable[..., Server], scan: dict[str, Any]
) -> None:
    client = Client(started())
    thread = threading.Thread(target=client.ask, args=("detect",), kwargs={"volume": scan, "model": "sleep"})
    thread.start()
    wait_until(lambda: bool(client.events))
    pid = int(client.events[0]["text"])
    assert is_alive(pid)
    assert client.bridge._wire is not None
    client.bridge._wire.channel.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: not is_alive(pid))
    thread.join(30)


@pytest.mark.skipif(os.name == "nt", reason="asks whether a process lives by a signal")
def test_a_server_that_is_closed_takes_its_processes_with_it(
    started: Callable[..., Server], scan: dict[str, Any]
) -> None:
    server = started()
    client = Client(server)
    result = client.result("detect", volume=scan, model="x")
    server.close()
    assert not is_alive(result["pid"]) and not Path(result["folder"]).exists()
    answer = client.ask("detect", volume=scan, model="x")
    assert answer["kind"] == "ClusterError" and "There is no answer of a worker" in answer["message"]


def test_a_process_that_dies_is_a_sentence_and_the_next_request_has_another(
    started: Callable[..., Server], scan: dict[str, Any]
) -> None:
    client = Client(started())
    answer = client.ask("detect", volume=scan, model="die")
    assert answer["kind"] == "ClusterError" and "ended unexpectedly" in answer["message"]
    assert client.result("detect", volume=scan, model="x")["size"] == 48


def test_a_defect_tells_its_last_line_alone(
    started: Callable[..., Server], scan: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    answer = Client(started()).ask("detect", volume=scan, model="defect")
    assert (answer["kind"], answer["message"]) == ("Defect", "KeyError: 1")
    assert "/srv/x.py" in capsys.readouterr().err


def test_a_volume_that_is_too_large_is_refused_before_it_is_sent(
    started: Callable[..., Server], scan: dict[str, Any]
) -> None:
    client = Client(started(limits=Limits(volume_bytes=47)))
    answer = client.ask("detect", volume=scan, model="x")
    assert (answer["event"], answer["id"]) == ("error", 1) and "takes at most" in answer["message"]
    assert client.ask()["event"] == "done"


def test_voxels_that_were_not_sent_are_not_made_up(
    started: Callable[..., Server], scan: dict[str, Any]
) -> None:
    server = started()
    wire, _ = connect(Elsewhere(f"{server.host}:{server.port}", TOKEN))
    wire.channel.settimeout(30)
    for request, sentence in (
        ({"do": "detect", "model": "x", "volume": {**scan, "file": "", "name": ""}}, "were not sent"),
        ({"do": "detect", "model": "x", "volume": scan}, "must not name its volume"),
        ({"do": "voxels", "token": "1", "dtype": "O", "shape": [1, 1, 1]}, "no numbers"),
        ({"do": "voxels", "token": "1", "dtype": "<i2", "shape": [1, -1, 1]}, "three numbers"),
        ({"do": "train", "name": "x", "store": "/x"}, "does not do 'train'"),
        ({"do": "quit"}, "no request 'quit'"),
    ):
        wire.send({"id": 7, **request})
        answer = wire.receive()
        assert (answer["event"], answer["id"]) == ("error", 7) and sentence in answer["message"], answer


def test_a_connection_can_be_encrypted(started: Callable[..., Server], tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    from LandmarkDetectionLib.cli.serve import _tls

    server = started(tls=_tls(certificate, key))
    assert Client(server, certificate=str(certificate)).ask()["event"] == "done"
    (tmp_path / "other").mkdir()
    stranger, _ = self_signed(tmp_path / "other")
    answer = Client(server, certificate=str(stranger)).ask()
    assert answer["kind"] == "RefusedError" and "check the certificate" in answer["message"]
    assert "no certificate" in Client(server, certificate=str(key)).ask()["message"]
    plain = Client(server).ask()
    assert plain["event"] == "error" and plain["message"].endswith("."), plain


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key."""
    pytest.importorskip("cryptography", reason="makes a certificate with the package cryptography")
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "worker")])
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def test_a_port_that_is_taken_is_a_sentence(started: Callable[..., Server]) -> None:
    server = started()
    with pytest.raises(ClusterError, match="Nothing can listen at") as problem:
        Server("127.0.0.1", server.port, TOKEN)
    assert isinstance(problem.value, LandmarkDetectionError) and problem.value.about == ("port",)


def test_a_worker_that_is_not_there_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(ClusterError, match="There is no answer of a worker") as problem:
        connect(Elsewhere(address, TOKEN))
    assert not isinstance(problem.value, RefusedError)


def test_a_server_that_was_restarted_between_requests_is_simply_asked(
    started: Callable[..., Server], scan: dict[str, Any]
) -> None:
    server = started()
    client = Client(server)
    first = client.result("detect", volume=scan, model="x")
    server.close()
    again = Server("127.0.0.1", server.port, TOKEN, command=[sys.executable, "-c", PROGRAM])
    threading.Thread(target=again.serve, daemon=True).start()
    try:
        second = client.result("detect", volume=scan, model="x")
        assert (second["size"], second["pid"] != first["pid"]) == (48, True)
    finally:
        again.close()


def test_a_connection_that_is_lost_in_the_middle_is_a_sentence_and_the_next_request_works(
    started: Callable[..., Server], scan: dict[str, Any]
) -> None:
    server = started()
    client = Client(server)
    client.result()
    thread = threading.Thread(target=client.ask, args=("detect",), kwargs={"volume": scan, "model": "sleep"})
    thread.start()
    wait_until(lambda: client.events[-1]["event"] == "progress")
    assert client.bridge._wire is not None
    client.bridge._wire.channel.shutdown(socket.SHUT_RDWR)
    thread.join()
    answer = client.events[-1]
    assert answer["kind"] == "ClusterError" and "was lost; nothing was changed" in answer["message"]
    assert client.result("detect", volume=scan, model="x")["size"] == 48
