"""Where the work is done: processes of this computer, a Dask cluster that runs already, or SLURM jobs.

A Dask scheduler, and every worker, runs what it is sent. What this program starts, here and as SLURM jobs,
therefore listens only to who holds a certificate that is made for the one run and kept in memory (SLURM: in a
private folder); on this computer it also listens to 127.0.0.1 only, and no web page is served unless it is
asked for. Whoever starts a scheduler must protect it likewise.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.errors import ClusterError, InputError

if TYPE_CHECKING:
    from distributed import Client

GIB = 1 << 30
#: Room that a process with PyTorch needs for an ordinary scan.
LEAST_MEMORY = 2 * GIB
#: Cases that one process of a processor core has at work: one is read while another is computed.
THREADS = 2
MOST_GPU_THREADS = 16
LOOPBACK = "127.0.0.1"

#: Records decide what is set aside, so Dask never gives up; nothing that workers hold is worth writing to a
#: disk or waiting for.
CONFIG: Mapping[str, Any] = {
    "distributed.scheduler.allowed-failures": 1000,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
}
#: One thread per process for numerical libraries, and few pools of memory. Dask's own low threshold for
#: giving memory back is left out on purpose: every array would be mapped anew, which costs 80 % more
#: processor time.
ENVIRONMENT: Mapping[str, str] = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "MALLOC_ARENA_MAX": "2",
    # Libraries that read images warn with what stands in their headers, names of patients included.
    "PYTHONWARNINGS": "ignore",
}
#: How a call to Dask ends when the scheduler is gone: by the class of whatever broke first. Most of
#: Dask's and Tornado's own (CommClosedError, StreamClosedError) are kinds of these, and so is "IOLoop is
#: closed" (RuntimeError). Before Python 3.11 the time-outs of asyncio are a class of their own.
LOST = (
    OSError,
    RuntimeError,
    ValueError,
    TimeoutError,
    asyncio.TimeoutError,
    asyncio.CancelledError,
    concurrent.futures.TimeoutError,
    concurrent.futures.CancelledError,
)
SCHEDULER_GONE = (
    "The Dask scheduler is gone. The finished cases stay: start it, and the same command goes on."
)
#: Servers of this computer answer nothing over HTTP; Dask opens a port for it whatever it is told.
NO_PAGES: Mapping[str, Any] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
#: What goes wrong is told by this program, not by the log of every worker.
QUIET: Mapping[str, str] = {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "critical"}


@dataclass(frozen=True)
class LocalWorkers:
    """Processes of this computer.

    Attributes
    ----------
    processes
        How many; 0 lets cores, memory and graphics processors decide.
    threads
        Cases that each has at work; 0 for 2, and more where there is a graphics processor.
    memory
        Bytes that each may take; 0 shares what is free.
    gpus
        Whether every graphics processor gets a worker of its own.
    dashboard
        Whether Dask's page of this run is served: to everybody on this computer.
    """

    processes: int = 0
    threads: int = 0
    memory: int = 0
    gpus: bool = True
    dashboard: bool = False


@dataclass(frozen=True)
class Slurm:
    """Jobs of a cluster with SLURM, one worker each.

    Attributes
    ----------
    jobs
        How many.
    cores, memory
        Of each, memory as "8GB".
    queue, account, walltime
        As the cluster wants them; empty leaves them out.
    interface
        Network of the nodes ("ib0"); empty for the usual one.
    directives
        Further lines of the job script ("--gres=gpu:1").
    """

    jobs: int = 1
    cores: int = 2
    memory: str = "8GB"
    queue: str = ""
    account: str = ""
    walltime: str = "08:00:00"
    interface: str = ""
    directives: tuple[str, ...] = ()


@contextmanager
def local_client(wanted: LocalWorkers) -> Iterator[Client]:
    """Start workers here, and end them with the block.

    Raises
    ------
    ClusterError
        They do not start.
    """
    import dask
    from distributed import Client, Nanny, Scheduler, SpecCluster

    _keep_quiet()
    security = _certificate()
    specifications = worker_specifications(wanted)
    config = {
        **CONFIG,
        **({} if wanted.dashboard else NO_PAGES),
        "distributed.nanny.pre-spawn-environ": {**ENVIRONMENT, **QUIET},
    }
    both = {"host": LOOPBACK, "protocol": "tls://", "security": security}
    with dask.config.set(config):
        workers = {
            number: {"cls": Nanny, "options": {**one, **both}} for number, one in enumerate(specifications)
        }
        scheduler = {
            "cls": Scheduler,
            "options": {
                **both,
                "port": 0,
                "dashboard": wanted.dashboard,
                "dashboard_address": f"{LOOPBACK}:0",
            },
        }
        try:
            cluster = SpecCluster(
                workers=workers, scheduler=scheduler, security=security, silence_logs=logging.CRITICAL
            )
        except LOST as problem:
            raise ClusterError(f"The workers of this computer did not start: {problem}.") from problem
        try:
            with _closed_at_the_end(Client(cluster, set_as_default=False)) as client:
                yield client
        finally:
            with suppress(*LOST):
                cluster.close(timeout=20)


def dashboard_link(client: Client) -> str:
    """Address of Dask's page; "" where none is served."""
    import dask

    if not dask.config.get("distributed.scheduler.http.routes"):
        return ""
    with gone_if_lost():
        return client.dashboard_link or ""


@contextmanager
def gone_if_lost() -> Iterator[None]:
    """Let every way in which the connection to the scheduler breaks be the one sentence.

    Raises
    ------
    ClusterError
        Something in the block ended with one of ``LOST``, or a class of Dask's or Tornado's own.
    """
    try:
        yield
    except LOST as problem:
        raise ClusterError(SCHEDULER_GONE) from problem
    except Exception as problem:
        if type(problem).__module__.partition(".")[0] not in ("distributed", "tornado"):
            raise
        raise ClusterError(SCHEDULER_GONE) from problem


@contextmanager
def _closed_at_the_end(client: Client) -> Iterator[Client]:
    """Close a client with the block; how its end goes wrong tells nobody anything."""
    try:
        yield client
    finally:
        with suppress(*LOST):
            client.close()


def _certificate() -> Any:
    """A certificate for one run; who does not have it can send nothing and see nothing."""
    import cryptography  # noqa: F401  # what makes the certificate, named here for who lacks it
    from distributed.security import Security

    return Security.temporary()


def worker_specifications(wanted: LocalWorkers) -> list[dict[str, Any]]:
    """Options of one Nanny per worker."""
    gpus = visible_gpus() if wanted.gpus else []
    cores = usable_cores()
    free = usable_memory()
    count = wanted.processes or len(gpus) or max(1, min(cores, free // (wanted.memory or LEAST_MEMORY)))
    memory = wanted.memory or free // count
    threads = wanted.threads or (max(THREADS, min(MOST_GPU_THREADS, cores // count)) if gpus else THREADS)
    result = []
    for number in range(count):
        options: dict[str, Any] = {
            "nthreads": threads,
            "memory_limit": memory,
            "name": f"worker-{number + 1}",
            "dashboard": False,
        }
        if gpus:
            options["env"] = {"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]}
        result.append(options)
    return result


@contextmanager
def running_client(address: str) -> Iterator[Client]:
    """Connect to a scheduler that runs already; it and its workers go on afterwards.

    Raises
    ------
    ClusterError
        There is none at the address.
    """
    from distributed import Client

    _keep_quiet()
    try:
        client = Client(address, set_as_default=False, timeout="10s")
    except LOST as problem:
        raise ClusterError(
            f"There is no Dask scheduler at {address} ({problem}); start one with 'dask scheduler'."
        ) from problem
    with _closed_at_the_end(client):
        yield client


@contextmanager
def slurm_client(wanted: Slurm, logs: Path) -> Iterator[Client]:
    """Submit jobs to SLURM, and take them back with the block.

    Parameters
    ----------
    wanted
        The jobs.
    logs
        Folder, seen by every node, for the jobs' outputs and the certificate of this run.

    Raises
    ------
    ClusterError
        There is no SLURM here.
    """
    import dask
    from distributed import Client

    if shutil.which("sbatch") is None:
        raise ClusterError("There is no SLURM here (no command sbatch); run this on a login node.")
    _keep_quiet()
    with dask.config.set(dict(CONFIG)):
        cluster = slurm_cluster(wanted, logs)
        try:
            cluster.scale(jobs=wanted.jobs)
            with _closed_at_the_end(Client(cluster, set_as_default=False)) as client:
                yield client
        finally:
            with suppress(*LOST):
                cluster.close()


def slurm_cluster(wanted: Slurm, logs: Path) -> Any:
    """The cluster before any job is submitted; ``job_script()`` of it is what ``sbatch`` gets."""
    from dask_jobqueue import SLURMCluster

    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The key is written here for the jobs to read; a folder of an earlier run may be open to others.
    logs.chmod(0o700)
    return SLURMCluster(
        cores=THREADS * max(1, wanted.cores // 2),
        processes=max(1, wanted.cores // 2),
        job_cpu=wanted.cores,
        memory=wanted.memory,
        queue=wanted.queue or None,
        account=wanted.account or None,
        walltime=wanted.walltime,
        interface=wanted.interface or None,
        job_extra_directives=list(wanted.directives),
        job_script_prologue=[f"export {name}={value}" for name, value in ENVIRONMENT.items()],
        log_directory=str(logs),
        security=_certificate(),
        shared_temp_directory=str(logs),
        protocol="tls://",
    )


def _keep_quiet() -> None:
    """Dask logs, with tracebacks, what this program tells in a sentence."""
    # Each of these has a level of its own.
    for name in ("distributed", "distributed.client", "distributed.gc"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_memory() -> int:
    """Bytes that are free here and allowed by the group this process is in."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    free = int(psutil.virtual_memory().available * 0.9)
    return max(GIB // 2, min(free, int(MEMORY_LIMIT)))


def visible_gpus() -> list[str]:
    """Names of the CUDA devices for CUDA_VISIBLE_DEVICES; PyTorch is only asked where there is a driver."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def memory_of(text: str) -> int:
    """Bytes of "4GB" and the like; InputError when it is none."""
    from dask.utils import parse_bytes

    try:
        return int(parse_bytes(text))
    except ValueError:
        raise InputError(f"{text!r} is no amount of memory; write 4GB, for example.") from None
