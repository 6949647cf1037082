"""Workers as cores, memory and graphics processors allow; SLURM job scripts as text."""

import asyncio
import concurrent.futures
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from LandmarkDetectionLib.cohort.run import cluster
from LandmarkDetectionLib.cohort.run.cluster import GIB, LocalWorkers, Slurm, worker_specifications
from LandmarkDetectionLib.errors import ClusterError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int, list[str]], None]:
    """Pretend to be on a machine with these cores, free bytes and graphics processors."""

    def be(cores: int, memory: int, gpus: list[str]) -> None:
        monkeypatch.setattr(cluster, "usable_cores", lambda: cores)
        monkeypatch.setattr(cluster, "usable_memory", lambda: memory)
        monkeypatch.setattr(cluster, "visible_gpus", lambda: gpus)

    return be


def test_there_are_as_many_workers_as_cores_and_memory_allow(machine: Callable) -> None:
    machine(8, 64 * GIB, [])
    assert [one["memory_limit"] for one in worker_specifications(LocalWorkers())] == [8 * GIB] * 8
    machine(8, 6 * GIB, [])
    assert len(worker_specifications(LocalWorkers())) == 3
    machine(8, 1 * GIB, [])
    assert len(worker_specifications(LocalWorkers())) == 1
    machine(4, 16 * GIB, [])
    assert len(worker_specifications(LocalWorkers(memory=8 * GIB))) == 2
    assert len(worker_specifications(LocalWorkers(processes=3))) == 3


def test_every_graphics_processor_has_one_worker_of_its_own(machine: Callable) -> None:
    machine(32, 64 * GIB, ["0", "1", "GPU-ab"])
    specifications = worker_specifications(LocalWorkers())
    assert [one["env"]["CUDA_VISIBLE_DEVICES"] for one in specifications] == ["0", "1", "GPU-ab"]
    assert {one["nthreads"] for one in specifications} == {10}
    without = worker_specifications(LocalWorkers(gpus=False))
    assert len(without) == 32
    assert all("env" not in one for one in without)


def listening() -> set[tuple[str, int]]:
    """Where this process and its children listen."""
    import psutil

    here = psutil.Process()
    return {
        (one.laddr.ip, one.laddr.port)
        for process in (here, *here.children(recursive=True))
        for one in process.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN
    }


def answer_to(address: tuple[str, int], question: bytes, encrypted: bool) -> bytes:
    """What a stranger is told, who has no certificate."""
    with socket.create_connection(address, timeout=3) as plain:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with context.wrap_socket(plain) if encrypted else nullcontext(plain) as stream:
                stream.sendall(question)
                return stream.recv(1000)
        except OSError:
            return b""


def test_whoever_else_is_on_this_computer_can_send_nothing_and_see_nothing() -> None:
    before = listening()
    with cluster.local_client(LocalWorkers(1, 1, memory=GIB, gpus=False)) as client:
        assert client.submit(sum, (1, 2)).result() == 3
        assert cluster.dashboard_link(client) == ""
        assert client.scheduler.address.startswith("tls://")
        opened = listening() - before
        assert {host for host, _ in opened} == {"127.0.0.1"}
        assert len(opened) >= 3, "scheduler, nanny, worker"
        for address in sorted(opened):
            assert answer_to(address, b"", encrypted=True) == b"", "a greeting of Dask begins with its length"
            for page in (b"info/main/workers.html", b"status", b"metrics", b""):
                told = answer_to(address, b"GET /%s HTTP/1.0\r\n\r\n" % page, encrypted=False)
                assert told == b"" or told.split()[1] == b"404", told


def test_the_page_of_dask_is_there_when_it_is_asked_for() -> None:
    import urllib.request

    import dask
    from distributed.config import defaults

    # Workers that other tests of this process share, and that serve no page, have taken Dask's pages away.
    pages = {
        f"distributed.{kind}.http.routes": defaults["distributed"][kind]["http"]["routes"]
        for kind in ("scheduler", "worker")
    }
    wanted = LocalWorkers(1, 1, memory=GIB, gpus=False, dashboard=True)
    with dask.config.set(pages), cluster.local_client(wanted) as client:
        link = cluster.dashboard_link(client)
        assert link.startswith("http://127.0.0.1:")
        assert urllib.request.urlopen(link, timeout=60).status == 200


@pytest.mark.parametrize(
    "broken",
    [
        ConnectionResetError("reset"),
        TimeoutError("slow"),
        asyncio.CancelledError(),
        concurrent.futures.CancelledError("scheduler-connection-lost"),
        RuntimeError("IOLoop is closed"),
        "distributed.comm.CommClosedError",
        "tornado.iostream.StreamClosedError",
        "distributed.client.ClosedClientError",
    ],
    ids=str,
)
def test_however_a_connection_breaks_the_scheduler_is_gone(broken: BaseException | str) -> None:
    if isinstance(broken, str):
        module, _, name = broken.rpartition(".")
        broken = getattr(pytest.importorskip(module), name)()
    with pytest.raises(ClusterError, match="scheduler is gone"), cluster.gone_if_lost():
        raise broken


def test_the_graphics_processors_are_those_that_the_environment_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-ab")
    assert cluster.visible_gpus() == ["2", "GPU-ab"]
    for none in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert cluster.visible_gpus() == []


def test_the_script_of_a_slurm_job_asks_for_what_was_wanted(tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue", reason="SLURM needs the extra slurm")
    wanted = Slurm(
        jobs=10,
        cores=8,
        memory="32GB",
        queue="gpu",
        account="study",
        walltime="02:00:00",
        directives=("--gres=gpu:1",),
    )
    jobs = cluster.slurm_cluster(wanted, tmp_path / "logs")
    try:
        script = jobs.job_script()
    finally:
        jobs.close()
    lines = script.splitlines()
    assert lines[0].startswith("#!")
    for directive in (
        "-p gpu",
        "-A study",
        "-n 1",
        "--cpus-per-task=8",
        "--mem=30G",
        "-t 02:00:00",
        "--gres=gpu:1",
    ):
        assert f"#SBATCH {directive}" in lines, script
    assert "export OMP_NUM_THREADS=1" in lines
    assert re.search(r"-m distributed\.cli\.dask_worker tls://\S+ ", script)
    # Only who has the certificate of this run may send work.
    assert "--tls-ca-file" in script
    assert (tmp_path / "logs").stat().st_mode & 0o077 == 0


def test_the_script_is_printed_without_submitting_anything(cli: Callable, tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue", reason="SLURM needs the extra slurm")
    answer = cli(
        "batch",
        tmp_path,
        "--out",
        tmp_path / "out",
        "--slurm",
        "3",
        "--slurm-queue",
        "long",
        "--slurm-script",
    )
    assert answer.code == 0, answer.err
    assert "#SBATCH -p long" in answer.out


def test_without_slurm_it_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(cluster.ClusterError, match="no SLURM here"), cluster.slurm_client(Slurm(), tmp_path):
        pass
