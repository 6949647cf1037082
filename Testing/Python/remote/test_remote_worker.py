"""``landmark-detection serve`` as a process on loopback, and the process that passes requests on to it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.remote.client import Elsewhere
from Testing.examples.worker_process import Message, Process, message_of

MODEL = "tiny-model"


class Served:
    """The command, running."""

    def __init__(self, repository: Path, token: Path, models: Path, port: int = 0) -> None:
        self.token = token
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "LandmarkDetectionLib", "serve", "--port", str(port)),
                *("--token-file", str(token)),
            ],
            cwd=repository,
            env={**os.environ, "LANDMARK_DETECTION_MODELS": str(models)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.said = [self.process.stdout.readline(), self.process.stdout.readline()]
        self.address = self.said[0].split("listens at ")[1].split(";")[0]

    def client(self, repository: Path, token: str | None = None) -> Process:
        place = Elsewhere(self.address, token or self.token.read_text().strip())
        return Process(repository, module="LandmarkDetectionLib.remote.client", **place.to_environment())

    def end(self, number: int = signal.SIGTERM) -> str:
        """End it; what it said on standard error."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=120)[1]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def served(repository: Path, tiny_model: Path, files: Path) -> Iterator[Served]:
    server = Served(repository, files / "token", tiny_model.parent)
    yield server
    if server.process.poll() is None:
        server.process.kill()
        server.process.communicate()


@pytest.fixture(scope="module")
def scan(files: Path) -> Message:
    """The sample that ships, with fewer voxels."""
    whole = read_volume(resource_path("SampleData", "synthetic-body-ct.nrrd"))
    fewer = Volume(whole.voxels[::3, ::2, ::2], whole.ijk_to_ras @ np.diag([2.0, 2.0, 3.0, 1.0]))
    return {**message_of(fewer, files), "name": "DOE^JOHN"}


@pytest.fixture(scope="module")
def client(repository: Path, served: Served) -> Iterator[Process]:
    process = served.client(repository)
    yield process
    process.end()


def test_a_token_is_drawn_and_no_other_user_can_read_it(served: Served) -> None:
    assert "127.0.0.1:" in served.said[0] and "was written to" in served.said[1]
    token = served.token.read_text().strip()
    assert len(token) >= 40 and token not in "".join(served.said)
    if os.name != "nt":
        assert served.token.stat().st_mode & 0o077 == 0


def test_it_says_where_and_in_which_versions_it_runs(served: Served, client: Process) -> None:
    from importlib.metadata import version

    about = client.result("about")
    assert about["address"] == served.address
    assert about["torch"] == version("torch")


def test_answers_are_those_of_the_worker_of_this_computer(
    repository: Path, tiny_model: Path, client: Process, scan: Message, tmp_path: Path
) -> None:
    here = Process(repository, LANDMARK_DETECTION_MODELS=str(tiny_model.parent))
    try:
        pictures = {}
        for name, worker in (("here", here), ("there", client)):
            path = tmp_path / f"{name}.png"
            worker.result("silhouette", volume=scan, model=MODEL, path=str(path))
            pictures[name] = path.read_bytes()
        assert pictures["here"] == pictures["there"]
        one, other = (
            without_time(worker.result("detect", volume=scan, model=MODEL, device="cpu"))
            for worker in (here, client)
        )
        assert one == other
        near = {"volume": scan, "model": MODEL, "landmark": "knee_left", "near": [0, 0, 0]}
        assert here.result("locate_near", **near) == client.result("locate_near", **near)
        assert here.result("models") == client.result("models")
    finally:
        here.end()


def without_time(record: Message) -> Message:
    """A record without how long it took."""
    return {key: value for key, value in record.items() if key != "seconds"}


def test_a_wrong_token_is_a_sentence(repository: Path, served: Served) -> None:
    stranger = served.client(repository, "x" * 43)
    answer = stranger.ask("about")[-1]
    stranger.end()
    assert answer["kind"] == "RefusedError" and "refuses the token" in answer["message"]


def test_a_server_that_is_killed_is_a_sentence_and_the_next_one_is_asked(
    repository: Path, tiny_model: Path, served: Served, client: Process, scan: Message
) -> None:
    unseen: dict[str, Any] = {"volume": {**scan, "token": "unseen"}, "model": MODEL, "device": "cpu"}
    client.count += 1
    client.write(id=client.count, do="detect", **unseen)
    assert client.event()["event"] == "progress"
    served.process.kill()
    served.process.communicate()
    events = [client.event()]
    while events[-1]["event"] == "progress":
        events.append(client.event())
    assert events[-1]["kind"] == "ClusterError"
    assert "was lost; nothing was changed" in events[-1]["message"], events[-1]
    assert "There is no answer of a worker" in client.ask("detect", **unseen)[-1]["message"]
    again = Served(repository, served.token, tiny_model.parent, int(served.address.rpartition(":")[2]))
    try:
        assert "is in" in again.said[1]
        assert len(client.result("detect", **unseen)["landmarks"]) == 3
        said = again.end()
        assert "DOE" not in said and "Traceback" not in said, said
        assert again.process.returncode == 0
    finally:
        again.process.kill()


def test_its_port_can_be_taken_again_at_once_or_is_said_to_be_taken(cli: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        answer = cli("serve", "--port", other.getsockname()[1], "--token-file", tmp_path / "token")
    assert answer.code == 9 and "Nothing can listen at" in answer.err and "--port" in answer.err
