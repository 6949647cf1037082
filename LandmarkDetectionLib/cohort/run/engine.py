"""Hands cases to Dask workers, a few at a time, and hears what became of each.

Only keys, paths and sentences travel; images and results stay between the workers and the disk. A worker that
ends takes nothing along: its cases are given to another one. What may not be tried again is decided by the
records (see ``processing``), so that it also holds when client or scheduler end.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from LandmarkDetectionLib.cohort.results.records import State
from LandmarkDetectionLib.cohort.run.cluster import LOST, SCHEDULER_GONE, gone_if_lost
from LandmarkDetectionLib.cohort.run.events import CaseEnded, Counts, Listener, WorkerSaid
from LandmarkDetectionLib.cohort.run.plan import Ending, Job, Plan
from LandmarkDetectionLib.cohort.run.processing import process
from LandmarkDetectionLib.errors import Cancelled, ClusterError

if TYPE_CHECKING:
    from distributed import Client, Future

LOOK_EVERY = 0.5
COUNT_WORKERS_EVERY = 2.0
#: A worker's worth of cases may be with the scheduler beyond those at work, so that no worker waits.
AHEAD = 1
#: Dask gives a case back when it was on this many workers that ended; the records say when to stop.
MOST_RETURNS = 20


class Engine:
    """Runs cases on the workers of a client.

    Parameters
    ----------
    client
        Of a Dask cluster of any size, which may change meanwhile.
    plan
        What is done to every case.
    listener
        Told of every case that ends and every worker that is lost.
    cancelled
        Asked twice a second.
    patience
        Seconds without any worker after which there is no use in waiting; None waits for ever, for a queue.
    """

    def __init__(
        self,
        client: Client,
        plan: Plan,
        listener: Listener,
        cancelled: Callable[[], bool] | None = None,
        patience: float | None = None,
    ) -> None:
        self._client = client
        self._plan = plan
        self._listener = listener
        self._cancelled = cancelled or (lambda: False)
        self._patience = patience
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._running: dict[Future, tuple[Job, int]] = {}
        self._workers: dict[str, int] = {}
        self._counted = -COUNT_WORKERS_EVERY
        self._alone_since: float | None = None

    def run(self, jobs: Iterable[Job], counts: Counts) -> Counts:
        """Run cases until none is left.

        Parameters
        ----------
        jobs
            What is to be done, taken one by one as workers are free.
        counts
            What is known before.

        Returns
        -------
        Counts
            What is known afterwards.

        Raises
        ------
        OutputError
            The results cannot be written.
        ClusterError
            The scheduler is gone, or no worker is left.
        Cancelled
            ``cancelled`` said so.
        """
        waiting = iter(jobs)
        started, before = time.monotonic(), counts.ended
        try:
            while self._submit(waiting) or self._running:
                ending = self._next()
                if ending is None:
                    continue
                counts = _counted(counts, ending)
                passed = time.monotonic() - started
                here = counts.ended - before
                self._listener(
                    CaseEnded(
                        counts,
                        ending.key,
                        ending.state.value,
                        ending.reason,
                        round(ending.seconds, 3),
                        round(60 * here / passed, 2) if passed > 0 else 0.0,
                        round((counts.total - counts.ended) * passed / here, 1),
                    )
                )
        finally:
            if self._running and self._client.status == "running":
                with suppress(*LOST):
                    self._client.cancel(list(self._running), force=True)
        return counts

    def _submit(self, waiting: Iterator[Job]) -> bool:
        """Keep every worker busy; False when nothing was left to submit."""
        self._count_workers()
        wanted = sum(self._workers.values()) + AHEAD * len(self._workers)
        while len(self._running) < wanted:
            job = next(waiting, None)
            if job is None:
                return False
            self._send(job, 0)
        return True

    def _send(self, job: Job, returns: int) -> None:
        key = f"case-{job.key}-{self._plan.session}-{returns}"
        with gone_if_lost():
            future = self._client.submit(_process, self._plan, job, key=key, pure=False)
        self._running[future] = (job, returns)
        future.add_done_callback(self._ended.put)

    def _next(self) -> Ending | None:
        """What became of a case; None when nothing is known after a while."""
        if self._cancelled():
            raise Cancelled("Cancelled; the finished cases stay, and the same command goes on from there.")
        try:
            future = self._ended.get(timeout=LOOK_EVERY)
        except queue.Empty:
            self._require_scheduler()
            return None
        job, returns = self._running.pop(future)
        if future.status == "finished":
            # The answer still lies with the worker, and comes by way of the scheduler.
            with gone_if_lost():
                ending: Ending = future.result()
            return ending
        self._require_scheduler(future)
        if future.status == "lost":
            # The worker ended before its answer was fetched; the record knows that the case is done.
            self._send(job, returns + 1)
            return None
        with gone_if_lost():
            problem = future.exception()
        if not _may_be_given_to_another(problem) or returns >= MOST_RETURNS:
            raise problem
        self._send(job, returns + 1)
        return None

    def _require_scheduler(self, future: Future | None = None) -> None:
        lost = future is not None and future.cancelled()
        if lost or self._client.status not in ("running", "newly-created"):
            self._running.clear()
            raise ClusterError(SCHEDULER_GONE)

    def _count_workers(self) -> None:
        now = time.monotonic()
        if now - self._counted < COUNT_WORKERS_EVERY:
            return
        self._counted = now
        try:
            workers = dict(self._client.nthreads())
        except LOST:
            # A busy scheduler may be slow to answer once; one that is gone ends the client.
            self._require_scheduler()
            return
        if lost := set(self._workers) - set(workers):
            plural = "workers have" if len(lost) > 1 else "worker has"
            self._listener(WorkerSaid(f"{len(lost)} {plural} ended; the cases go to others."))
        if not workers and self._alone_since is None:
            self._alone_since = now
            self._listener(WorkerSaid("There is no worker; waiting for one."))
        elif workers:
            self._alone_since = None
        elif self._patience is not None and now - (self._alone_since or now) > self._patience:
            raise ClusterError("All workers have ended and none came back; the finished cases stay.")
        self._workers = workers


def _counted(counts: Counts, ending: Ending) -> Counts:
    field = {State.DONE: "done", State.FAILED: "failed", State.SET_ASIDE: "set_aside"}[ending.state]
    return replace(counts, **{field: getattr(counts, field) + 1})


def _may_be_given_to_another(problem: BaseException) -> bool:
    """Whether the worker is to blame: it died, or its connections broke."""
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker

    return isinstance(problem, KilledWorker | CommClosedError)


def _process(plan: Plan, job: Job) -> Ending:
    """In a worker: say how much memory it has, for the sentence about a case that takes more."""
    from distributed import get_worker

    limit = getattr(get_worker().memory_manager, "memory_limit", None)
    return process(plan, job, f"{limit / 1e9:.1f} GB" if limit else "")
