"""Whatever is ended, full or forbidden: nothing is lost, nothing is done twice, the results are the same."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from LandmarkDetectionLib.cohort import State, read_cohort
from LandmarkDetectionLib.cohort.results.records import find_case
from LandmarkDetectionLib.cohort.run.batch import Request, run
from LandmarkDetectionLib.cohort.run.cluster import LocalWorkers, local_client, running_client
from LandmarkDetectionLib.cohort.run.events import CaseEnded, Event
from Testing.Python.cohort.conftest import SURNAME, Ended, is_root, positions, share_keys, states

Run = Callable[..., Ended]
Here = Callable[..., list[Any]]
Finished = tuple[Path, Ended]
DEADLINE = 240.0


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Wait until something is so; slow machines take long, and that is no failure."""
    ends = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < ends, f"waited in vain for {what}"
        time.sleep(0.05)
    return value


def assert_as_undisturbed(out: Path, undisturbed: Finished) -> None:
    assert states(out) == states(undisturbed[0])
    assert positions(out, undisturbed[0]) == positions(undisturbed[0], undisturbed[0])
    assert len((out / "results.csv").read_text().splitlines()) == 5
    assert not list(out.glob("cases/*/.writing-*"))


def finished(out: Path) -> dict[str, bytes]:
    """Records that are written."""
    return {path.parent.name: path.read_bytes() for path in out.glob("cases/*/case.json")}


def start(words: list[str], repository: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*words, "--no-pictures", "--device", "cpu", "--workers", "1", "--threads", "1"],
        cwd=repository,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == event:
            return dict(json.loads(line))
    raise AssertionError(f"no {event}: {process.stderr.read() if process.stderr else ''}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "cancelled"])
def test_a_client_that_is_ended_is_gone_with_its_workers_and_goes_on_later(
    number: signal.Signals,
    source: Path,
    undisturbed: Finished,
    command: Callable[..., list[str]],
    run_here: Here,
    repository: Path,
    tmp_path: Path,
) -> None:
    out = share_keys(undisturbed[0], tmp_path / "out")
    with start(command(source, out), repository) as process:
        read_until(process, "case")
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(number)
        # Read to the end, so that no full pipe keeps it.
        process.communicate(timeout=DEADLINE)
        assert process.returncode == (-number if number == signal.SIGKILL else 130)
    wait_for(lambda: not any(map(is_alive, children)), "the workers to end")
    before = finished(out)
    assert before
    assert len(before) < 6
    assert len(run_here(source, out)) == 6 - len(before)
    after = finished(out)
    assert {key: after[key] for key in before} == before
    assert_as_undisturbed(out, undisturbed)


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def request_for(source: Path, out: Path, detector: Path, **more: Any) -> Request:
    return Request(source, out, (str(detector),), device="cpu", pictures=False, **more)


def test_a_worker_that_is_killed_loses_nothing(
    source: Path, undisturbed: Finished, detector: Path, tmp_path: Path
) -> None:
    out = share_keys(undisturbed[0], tmp_path / "out")
    told: list[Event] = []
    # Workers of an earlier test may still be ending.
    earlier = {child.pid for child in worker_processes()}

    def kill_one_worker(event: Event) -> None:
        told.append(event)
        if isinstance(event, CaseEnded) and event.counts.ended == 1:
            (pid,) = {child.pid for child in worker_processes()} - earlier
            os.kill(pid, signal.SIGKILL)

    ended = run(
        request_for(source, out, detector),
        lambda: local_client(LocalWorkers(1, 1, gpus=False)),
        kill_one_worker,
        patience=DEADLINE,
    )
    assert (ended.counts.done, ended.counts.failed, ended.counts.set_aside) == (4, 2, 0)
    keys = [event.key for event in told if isinstance(event, CaseEnded)]
    assert len(set(keys)) == len(keys) == 6
    assert_as_undisturbed(out, undisturbed)


def worker_processes() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        if any("spawn_main" in word for word in child.cmdline()):
            found.append(child)
    return found


def test_a_case_that_exhausts_the_memory_twice_is_set_aside_and_the_others_are_done(
    bodies: list[Any], detector: Path, tmp_path: Path
) -> None:
    from LandmarkDetectionLib.io.volumes import write_volume

    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    write_volume(bodies[0], source / "b.nii.gz")
    # 1.2 GB of zeros that take no room on the disk.
    write_volume(bodies[0], source / "a.nii")
    with (source / "a.nii").open("r+b") as file:
        file.seek(40)
        file.write((3).to_bytes(2, "little") + b"".join(n.to_bytes(2, "little") for n in (1000, 1000, 600)))
        file.truncate(352 + 2 * 1000 * 1000 * 600)
    told: list[Event] = []
    ended = run(
        request_for(source, out, detector, identifiers=True),
        lambda: local_client(LocalWorkers(1, 2, memory=800_000_000, gpus=False)),
        told.append,
        patience=DEADLINE,
    )
    assert (ended.counts.done, ended.counts.failed, ended.counts.set_aside) == (1, 0, 1)
    record = find_case(out, "a")
    assert record is not None
    assert record.state is State.SET_ASIDE
    assert "0.8 GB" in record.reason
    assert "while reading it" in record.reason
    assert record.attempts == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB that can be made larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if not is_root() or subprocess.run(words, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk, and not in every container")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_with_more_room_it_goes_on(
    small_disk: Path, source: Path, undisturbed: Finished, run_command: Run, run_here: Here
) -> None:
    out = share_keys(undisturbed[0], small_disk / "out")
    full = run_command(source, out)
    assert (full.code, full.events[-1]["kind"]) == (5, "OutputError")
    assert "no space left on device" in full.err
    assert "Traceback" not in full.err
    before = {key: State.DONE.value for key, state in states(out).items() if state == "done"}
    assert len(before) < 4
    remount(small_disk, "size=50m")
    assert run_here(source, out)
    assert before.items() <= states(out).items()
    assert_as_undisturbed(out, undisturbed)


def test_a_folder_that_may_not_be_written_is_one_sentence(
    small_disk: Path, source: Path, run_cli: Run
) -> None:
    (small_disk / "out").mkdir()
    remount(small_disk, "ro")
    ended = run_cli(source, small_disk / "out")
    assert (ended.code, ended.events[-1]["kind"]) == (5, "OutputError")
    assert "read-only file system" in ended.err
    assert "Traceback" not in ended.err


def test_two_runs_do_not_write_into_one_folder(
    source: Path, command: Callable[..., list[str]], run_cli: Run, repository: Path, tmp_path: Path
) -> None:
    with start(command(source, tmp_path / "out"), repository) as process:
        read_until(process, "start")
        second = run_cli(source, tmp_path / "out")
        assert (second.code, second.events[-1]["kind"]) == (5, "OutputError")
        assert "Another run is writing" in second.err
        process.terminate()
        process.communicate(timeout=DEADLINE)


# --- a cluster of its own ---------------------------------------------------------------------------------


class Cluster:
    """A scheduler and workers as processes of their own, each on an address of its own."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self._folder, self._repository = folder, repository
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.address = ""

    def start(self) -> None:
        file = self._folder / f"scheduler-{len(list(self._folder.iterdir()))}.json"
        self._run(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)
        )
        self.address = wait_for(lambda: address_in(file), "the scheduler")
        for host in ("127.0.0.2", "127.0.0.3"):
            self._run("worker", self.address, "--host", host, "--nthreads", "1", "--no-dashboard", name=host)
        with running_client(self.address) as client:
            client.wait_for_workers(2, timeout=DEADLINE)

    def _run(self, kind: str, *words: str, name: str = "scheduler") -> None:
        self._processes[name] = subprocess.Popen(
            [sys.executable, "-m", "dask", kind, *words],
            cwd=self._repository,
            env={**os.environ, "PYTHONPATH": str(self._repository)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self, name: str) -> None:
        self._processes.pop(name).kill()

    def stop(self) -> None:
        for process in self._processes.values():
            for child in (
                psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            ):
                child.kill()
            process.kill()
            process.wait()
        self._processes = {}


def address_in(file: Path) -> str:
    try:
        return str(json.loads(file.read_text())["address"])
    except (OSError, ValueError):
        return ""


@pytest.fixture
def cluster(tmp_path: Path, repository: Path) -> Iterator[Cluster]:
    (tmp_path / "cluster").mkdir()
    one = Cluster(tmp_path / "cluster", repository)
    yield one
    one.stop()


def cases_per_worker(address: str) -> dict[str, int]:
    """How often each worker's resident model was used."""

    def used() -> int:
        from LandmarkDetectionLib.cohort.run import processing

        information = processing._resident.cache_info()
        return information.hits + information.misses

    with running_client(address) as client:
        return dict(client.run(used))


def test_two_workers_on_two_addresses_share_a_cohort_and_survive_the_scheduler(
    cluster: Cluster,
    source: Path,
    undisturbed: Finished,
    command: Callable[..., list[str]],
    run_cli: Run,
    repository: Path,
    tmp_path: Path,
) -> None:
    out = share_keys(undisturbed[0], tmp_path / "out")
    cluster.start()
    with start([*command(source, out), "--scheduler", cluster.address], repository) as process:
        read_until(process, "case")
        cluster.kill("scheduler")
        _, err = process.communicate(timeout=DEADLINE)
        assert process.returncode == 9
        assert "The Dask scheduler is gone" in err
        assert "Traceback" not in err
    before = finished(out)
    assert before
    cluster.stop()
    cluster.start()
    (cluster_source := tmp_path / "more").symlink_to(source)
    again = run_cli(source, out, "--scheduler", cluster.address)
    assert again.code == 0, again.err
    after = finished(out)
    assert {key: after[key] for key in before} == before
    assert_as_undisturbed(out, undisturbed)
    whole = run_cli(cluster_source, tmp_path / "whole", "--scheduler", cluster.address)
    assert whole.code == 0, whole.err
    used = cases_per_worker(cluster.address)
    assert {address.split("//")[1].split(":")[0] for address in used} == {"127.0.0.2", "127.0.0.3"}
    assert all(used.values())


def test_no_scheduler_is_one_sentence(source: Path, run_cli: Run, tmp_path: Path) -> None:
    ended = run_cli(source, tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9", "--pattern", "*.mha")
    assert (ended.code, ended.events[-1]["kind"]) == (9, "ClusterError")
    assert "no Dask scheduler at tcp://127.0.0.1:9" in ended.err


def test_what_is_shown_of_a_cohort_names_nobody(undisturbed: Finished) -> None:
    for record in read_cohort(undisturbed[0]):
        assert SURNAME not in json.dumps(record.to_record())
