"""The background process as the panel knows it: asked on the main thread, answered on the main thread."""

import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from Testing.Python.slicer_host import SlicerHost

from Testing.Python.slicer_module.panel_cases import worker_that

ECHO = "say(id=r['id'], event='done', result=r)"
SLEEP = "time.sleep(600)"


class Asked:
    """A request with whatever entries a test's own process reads."""

    def __init__(self, do: str = "detect", **entries: Any) -> None:
        self.do, self.entries = do, entries

    def to_message(self) -> dict[str, Any]:
        return {"do": self.do, **self.entries}


class Answers:
    """What came back of requests, in order."""

    def __init__(self, host: "SlicerHost") -> None:
        self.host = host
        self.seen: list[tuple[str, Any, Any]] = []

    def ask(self, worker: Any, name: str = "", **message: Any) -> int:
        return worker.request(
            Asked(**message),
            lambda fraction, text: self.seen.append((name, "progress", (fraction, text))),
            lambda result: self.seen.append((name, "done", result)),
            lambda kind, sentence: self.seen.append((name, kind, sentence)),
        )

    def wait(self, count: int = 1) -> list[tuple[str, Any, Any]]:
        """Let the event loop run until so many requests have ended."""
        self.host.wait_until(lambda: len(self.ends) >= count, 60_000)
        return self.ends

    @property
    def ends(self) -> list[tuple[str, Any, Any]]:
        return [one for one in self.seen if one[1] != "progress"]


@pytest.fixture
def answers(host: "SlicerHost") -> Answers:
    return Answers(host)


def is_alive(pid: int) -> bool:
    """Whether a process still runs (one that only waits to be reaped does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):  # the file is gone, or the process while it was read
        return False


def test_progress_and_result_come_on_the_main_thread_while_the_event_loop_runs(answers: Answers) -> None:
    worker = worker_that("say(id=r['id'], event='progress', fraction=0.5, text='half')\n" + ECHO)
    assert not worker.isRunning
    number = answers.ask(worker, landmark="große Zehe")
    assert answers.seen == []
    assert worker.isBusy
    ((_, kind, result),) = answers.wait()
    assert (kind, result["id"], result["landmark"]) == ("done", number, "große Zehe")
    assert answers.seen[0] == ("", "progress", (0.5, "half"))
    assert worker.isRunning
    assert not worker.isBusy
    worker.stop()


def test_requests_are_answered_one_after_the_other_by_one_process(answers: Answers) -> None:
    worker = worker_that("say(id=r['id'], event='done', result={'pid': os.getpid()})")
    for name in "abc":
        answers.ask(worker, name)
    ends = answers.wait(3)
    assert [name for name, _, _ in ends] == ["a", "b", "c"]
    assert len({result["pid"] for _, _, result in ends}) == 1
    worker.stop()


def test_of_the_previews_that_wait_only_the_latest_is_drawn(answers: Answers) -> None:
    worker = worker_that("time.sleep(0.2)\n" + ECHO)
    answers.ask(worker, "first", do="silhouette")
    answers.ask(worker, "other")
    for name in ("second", "third", "fourth"):
        answers.ask(worker, name, do="silhouette")
    answers.wait(5)
    assert {name: kind for name, kind, _ in answers.ends} == {
        "first": "done",
        "other": "done",
        "second": "Superseded",
        "third": "Superseded",
        "fourth": "done",
    }
    worker.stop()


def test_an_error_of_the_library_is_its_sentence(answers: Answers) -> None:
    worker = worker_that("say(id=r['id'], event='error', kind='NoBodyError', message='No body.')")
    answers.ask(worker)
    assert answers.wait() == [("", "NoBodyError", "No body.")]
    worker.stop()


def test_a_defect_is_one_sentence_and_its_traceback_is_in_the_log(
    answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    trace = "Traceback (most recent call last):\n  ...\nKeyError: 'volume'\n"
    worker = worker_that(f"say(id=r['id'], event='error', kind='Defect', message={trace!r})")
    with caplog.at_level(logging.ERROR):
        answers.ask(worker)
        ((_, kind, sentence),) = answers.wait()
    assert kind == "Defect"
    assert "KeyError: 'volume'" in sentence
    assert "\n" not in sentence
    assert "Traceback" in caplog.text
    worker.stop()


def test_a_process_that_dies_is_reported_with_its_last_words_and_replaced(answers: Answers) -> None:
    worker = worker_that(
        "if r['die']:\n"
        "    print('first', file=sys.stderr); print('no space left.', file=sys.stderr)\n"
        "    sys.exit(3)\n" + ECHO
    )
    answers.ask(worker, "one", die=True)
    answers.ask(worker, "two", die=False)
    (_, kind, sentence), (name, end, _) = answers.wait(2)
    assert kind == "Died"
    assert "no space left)" in sentence
    assert sentence.endswith("try again.")
    assert (name, end) == ("two", "done")
    worker.stop()


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
def test_a_killed_process_is_reported_and_replaced(answers: Answers) -> None:
    worker = worker_that(
        "if r.get('sleep'):\n    say(id=r['id'], event='progress', fraction=0, text=str(os.getpid()))\n"
        "    time.sleep(600)\n" + ECHO
    )
    answers.ask(worker, sleep=True)
    answers.host.wait_until(lambda: answers.seen)
    os.kill(int(answers.seen[0][2][1]), signal.SIGKILL)
    ((_, kind, sentence),) = answers.wait()
    assert kind == "Died"
    assert "memory" in sentence
    answers.ask(worker)
    assert answers.wait(2)[1][1] == "done"
    worker.stop()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes, on Linux")
def test_cancelling_ends_everything(answers: Answers) -> None:
    """The launcher of Slicer's Python starts another process; both must go."""
    worker = worker_that(
        "import subprocess\n"
        f"child = subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(600)'])\n"
        "say(id=r['id'], event='progress', fraction=0, text=f'{os.getpid()} {child.pid}')\n" + SLEEP
    )
    answers.ask(worker, "running")
    answers.ask(worker, "waiting")
    answers.host.wait_until(lambda: answers.seen)
    pids = [int(pid) for pid in answers.seen[0][2][1].split()]
    assert all(is_alive(pid) for pid in pids)
    worker.cancel()
    assert [(name, kind) for name, kind, _ in answers.ends] == [
        ("running", "Cancelled"),
        ("waiting", "Cancelled"),
    ]
    # Both would sleep for minutes.
    answers.host.wait_until(lambda: not any(is_alive(pid) for pid in pids))
    assert not worker.isRunning
    answers.host.process_events(200)
    assert len(answers.ends) == 2
    worker.stop()


def test_a_request_that_waits_can_be_taken_back_without_harm_to_the_others(answers: Answers) -> None:
    worker = worker_that("time.sleep(0.2)\n" + ECHO)
    answers.ask(worker, "one")
    number = answers.ask(worker, "two")
    answers.ask(worker, "three")
    worker.cancel(number)
    answers.wait(3)
    assert {name: kind for name, kind, _ in answers.ends} == {
        "one": "done",
        "two": "Cancelled",
        "three": "done",
    }
    worker.stop()


def test_a_program_that_cannot_be_started_is_one_sentence(answers: Answers) -> None:
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

    worker = BackgroundWorker(["/no/such/PythonSlicer"])
    answers.ask(worker)
    ((_, kind, sentence),) = answers.wait()
    assert kind == "Died"
    assert "cannot be started" in sentence
    worker.stop()


def test_a_process_left_alone_is_ended(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    from LandmarkDetectionSlicer.process import worker as module

    monkeypatch.setattr(module, "IDLE_MINUTES", 0.005)
    worker = worker_that("time.sleep(0.5)\n" + ECHO)
    answers.ask(worker)
    assert answers.wait()[0][1] == "done"
    answers.host.wait_until(lambda: not worker.isRunning)
    answers.ask(worker)
    assert answers.wait(2)[1][1] == "done"
    worker.stop()


def test_the_process_finds_the_library_from_any_folder(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    worker = BackgroundWorker()
    volume = {"file": "v.raw", "dtype": "<i2", "shape": [1, 1, 1], "ijk_to_ras": np.eye(4).tolist()}
    answers.ask(worker, model="no-such-model", volume=volume)
    ((_, kind, sentence),) = answers.wait()
    assert kind == "ModelError", sentence
    worker.stop()
    assert not worker.isRunning
    worker.stop()


def test_slicers_own_python_is_preferred(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("PySide6")
    from Testing.Python.slicer_host import pythonqt

    pythonqt.install()
    from LandmarkDetectionSlicer.process.child_process import libraryCommand

    own = tmp_path / ("PythonSlicer.bat" if os.name == "nt" else "PythonSlicer")
    own.write_text("")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert libraryCommand("a.module", "word") == [str(own), "-m", "a.module", "word"]
    monkeypatch.setenv("PATH", "")
    assert libraryCommand("a.module")[0] == sys.executable


@pytest.mark.parametrize(
    "script",
    [
        "say(id=r['id'], event='error', kind='Defect', "
        "message='Traceback\\nModuleNotFoundError: No module named pydantic')",
        "import pydantic_that_is_not_there",
    ],
    ids=["answers", "dies"],
)
def test_a_process_that_lacks_packages_says_where_to_install_them(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    from LandmarkDetectionSlicer.process import packages

    missing = (packages.Package("pydantic>=2.6", "checks models", 3),)
    monkeypatch.setattr(packages, "missingPackages", lambda: missing)
    worker = worker_that(script)
    answers.ask(worker)
    ((_, _, sentence),) = answers.wait()
    assert (
        sentence == "This needs Python packages that are missing (pydantic); install them on the page Review."
    )
    worker.stop()
