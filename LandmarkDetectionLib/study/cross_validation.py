"""Cross-validation of any estimator, fold by fold: resumable, and side by side in processes of their own."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.datasets.folds import Fold
from LandmarkDetectionLib.errors import Cancelled, InputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.study.baselines.estimator import Estimator
from LandmarkDetectionLib.typing import Array, Progress
from LandmarkDetectionLib.wording import counted


@dataclass(frozen=True)
class CrossValidation:
    """Predictions for every case by the estimator of the fold that had not seen it.

    Attributes
    ----------
    predictions : (N, T) float32
    seconds : tuple of float
        Of every fold, training and prediction.
    """

    predictions: Array
    seconds: tuple[float, ...]


def cross_validate(
    estimator: Estimator,
    patches: Array,
    targets: Array,
    folds: Sequence[Fold],
    folder: Path | None = None,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> CrossValidation:
    """Fit a copy of the estimator on every fold's training cases and predict its test cases.

    Parameters
    ----------
    estimator : Estimator
        Not fitted; one with the attribute ``checkpoint`` keeps unfinished training in the folder, and one
        with the attribute ``cancelled`` is told to stop.
    patches, targets : (N, H, W), (N, T)
    folds
        See ``folds.make_folds``.
    folder : Path, optional
        A finished fold is written here whole and never repeated; the folder is made when missing.
    workers : int
        Processes that work on folds side by side; 1 stays in this one.
    progress, cancelled : callable, optional
        Called after every fold; asked all the time.

    Raises
    ------
    InputError
        When the folder holds folds of other data or another estimator.
    Cancelled
        When ``cancelled`` said so; finished folds are kept.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    done: dict[int, tuple[Array, float]] = {}
    todo = []
    for number, fold in enumerate(folds):
        job = _job(estimator, patches, targets, fold, number, folder)
        stored = _read(job)
        if stored is None:
            todo.append(job)
        else:
            done[number] = stored
    predictions = np.full(targets.shape, np.nan, np.float32)
    for job, result in _run(todo, workers, cancelled or (lambda: False)):
        done[job.number] = result
        if progress is not None:
            progress(len(done) / len(folds), f"{len(done)} of {counted(len(folds), 'fold')}")
    if len(done) < len(folds):
        raise Cancelled("The cross-validation was stopped; finished folds are kept.")
    for number, fold in enumerate(folds):
        predictions[list(fold.test)] = done[number][0]
    return CrossValidation(predictions, tuple(done[n][1] for n in range(len(folds))))


@dataclass(frozen=True)
class _Job:
    number: int
    estimator: Estimator
    patches: Array
    targets: Array
    tested: Array
    fingerprint: str
    file: Path | None


def _job(
    estimator: Estimator, patches: Array, targets: Array, fold: Fold, number: int, folder: Path | None
) -> _Job:
    train, test = list(fold.train), list(fold.test)
    file = None if folder is None else folder / f"fold-{number + 1:03d}.npz"
    fingerprint = _fingerprint(estimator, patches[train], targets[train], patches[test])
    mine = copy(estimator)
    if file is not None and hasattr(mine, "checkpoint"):
        mine.checkpoint = file.with_suffix(".checkpoint")
    return _Job(number, mine, patches[train], targets[train], patches[test], fingerprint, file)


def _run(
    jobs: Sequence[_Job], workers: int, cancelled: Callable[[], bool]
) -> Iterator[tuple[_Job, tuple[Array, float]]]:
    if workers <= 1 or len(jobs) <= 1:
        for job in jobs:
            if cancelled():
                return
            yield job, _fit_and_predict(job, cancelled)
        return
    # Not forked: a process with threads of torch or OpenMP must not be.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_start_worker, initargs=(stop,))
    try:
        running: dict[Future[tuple[Array, float]], _Job] = {
            pool.submit(_fit_and_predict, job): job for job in jobs
        }
        while running and not cancelled():
            finished, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for one in finished:
                yield running.pop(one), one.result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


_stop: Any = None  # in a worker: the event that says to stop


def _start_worker(stop: Any) -> None:
    global _stop
    _stop = stop
    # Ctrl-C reaches every process of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A killed study must not leave workers behind, which would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _fit_and_predict(job: _Job, cancelled: Callable[[], bool] | None = None) -> tuple[Array, float]:
    started = time.monotonic()
    if hasattr(job.estimator, "cancelled"):
        job.estimator.cancelled = cancelled or _stop.is_set
    predictions = np.asarray(job.estimator.fit(job.patches, job.targets).predict(job.tested), np.float32)
    seconds = time.monotonic() - started
    if job.file is not None:
        with atomic_write(job.file) as temporary:
            with temporary.open("wb") as stream:
                np.savez(stream, predictions=predictions, seconds=seconds, fingerprint=job.fingerprint)
    return predictions, seconds


def _read(job: _Job) -> tuple[Array, float] | None:
    if job.file is None or not job.file.exists():
        return None
    with np.load(job.file) as stored:
        if str(stored["fingerprint"]) != job.fingerprint:
            raise InputError(
                f"{job.file} is the result of other data or other settings; choose another folder."
            )
        return stored["predictions"], float(stored["seconds"])


def _fingerprint(estimator: Estimator, *arrays: Array) -> str:
    """A name for data and settings: what the result depends on, and nothing else."""
    digest = hashlib.sha256(json.dumps(_settings(estimator), sort_keys=True).encode())
    for array in arrays:
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _settings(estimator: Any) -> dict[str, str]:
    """Parameters of an estimator; not what was fitted, where it runs, or how it tells of it."""
    if not is_dataclass(estimator):
        return {"estimator": repr(estimator)}
    aside = {"checkpoint", "progress", "cancelled", "threads", "jobs", "device"}
    shown = {f.name: getattr(estimator, f.name) for f in fields(estimator)}
    kept = {name: value for name, value in shown.items() if name not in aside and not name.endswith("_")}
    return {
        "estimator": type(estimator).__name__,
        # A file is told by its name: the study's folder may have been moved.
        **{name: value.name if isinstance(value, Path) else repr(value) for name, value in kept.items()},
    }
