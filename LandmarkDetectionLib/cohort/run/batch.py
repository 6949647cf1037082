"""A cohort from its source to its tables: look, number, skip what is finished, run, write."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cohort.report.page import write_report
from LandmarkDetectionLib.cohort.results import records, tables
from LandmarkDetectionLib.cohort.results.records import Cohort, CohortSettings, State, find_case, read_cohort
from LandmarkDetectionLib.cohort.run import keys
from LandmarkDetectionLib.cohort.run.cluster import dashboard_link, gone_if_lost
from LandmarkDetectionLib.cohort.run.engine import Engine
from LandmarkDetectionLib.cohort.run.events import Counts, Ended, Listener, Looking, Started, WorkerSaid
from LandmarkDetectionLib.cohort.run.hashing import stamp_of
from LandmarkDetectionLib.cohort.run.plan import Job, Plan, kept_outcomes, plan_models
from LandmarkDetectionLib.cohort.run.verify import damaged_cases, forget
from LandmarkDetectionLib.cohort.sources.case_source import LeftOut, text_of
from LandmarkDetectionLib.cohort.sources.filters import Filters
from LandmarkDetectionLib.cohort.sources.find import find_cases
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import make_folder
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from distributed import Client

LOCK = ".running"


@dataclass(frozen=True)
class Request:
    """What a person asks for.

    Attributes
    ----------
    source, folder
        Where cases come from, and where results go.
    models
        Names or folders.
    options
        Of ``detectors.dispatch.detect``: threshold, depth, side; only those that are given.
    filters
        Which cases are taken; None takes pictures only when a model looks at them.
    key_file
        Table of codes and sources, read and completed; None names cases by salted hashes.
    identifiers
        Name cases by their files, and record those.
    moved
        The same source lies elsewhere than at the last run.
    verify
        Check the files of finished cases first, and do again what is damaged.
    device, pictures, retry, rehash, batch, threads
        See ``plan.Plan``.
    """

    source: Path
    folder: Path
    models: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    filters: Filters | None = None
    key_file: Path | None = None
    identifiers: bool = False
    moved: bool = False
    verify: bool = False
    device: str = "auto"
    pictures: bool = True
    retry: bool = False
    rehash: bool = False
    batch: int = 0
    threads: int = 1


@dataclass(frozen=True)
class Prospect:
    """What a run would do.

    Attributes
    ----------
    plan
        What is done to every case.
    settings
        What is recorded of it.
    jobs
        All cases, by key.
    waiting
        Those that are not finished, or whose files may have changed.
    counts
        The others.
    left_out
        What of the source is no case.
    damaged
        Of finished cases, by key, what is wrong with their files.
    codes
        Of the key file, completed.
    ended
        How the others ended, by key.
    lasting
        Keys that a run will use as well: without a key file or a run before, the others are made up anew.
    """

    plan: Plan
    settings: CohortSettings
    jobs: tuple[Job, ...]
    waiting: tuple[Job, ...]
    counts: Counts
    left_out: tuple[LeftOut, ...]
    damaged: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    ended: Mapping[str, State] = field(default_factory=dict)
    lasting: frozenset[str] = frozenset()


def prospect_of(request: Request, listener: Listener) -> Prospect:
    """Find out what there is to do; writes nothing.

    Raises
    ------
    InputError
        The source holds no case, the key file cannot be used, or the folder holds another cohort.
    ModelError
        A model cannot be used.
    OutputError
        The key file lies in the folder of the results.
    """
    _require_source(request.source)
    # Workers may run in another folder.
    source = request.source.absolute()
    if request.key_file is not None:
        keys.check_outside(request.key_file, request.folder)
    listener(Looking("checking the models"))
    models = plan_models(request.models)
    filters = request.filters or Filters(pictures=take_pictures(request.models))
    listener(Looking(f"looking through {source if request.identifiers else 'the source'}"))
    found = find_cases(source, filters, skip=request.folder, looking=lambda text: listener(Looking(text)))
    secret_file = request.folder / records.SECRET
    secret = keys.read_secret(secret_file) if secret_file.is_file() else secrets.token_bytes(32)
    by_key, codes, known_codes = _keyed(request, found.cases, secret)
    plan = Plan(
        folder=request.folder.resolve(),
        models=models,
        options=request.options,
        device=request.device,
        identifiers=request.identifiers,
        pictures=request.pictures,
        retry=request.retry,
        rehash=request.rehash,
        batch=request.batch,
        threads=request.threads,
        session=secrets.token_hex(4),
    )
    settings = CohortSettings(
        models=tuple(one.settings for one in models),
        options=dict(request.options),
        identifiers=request.identifiers,
        source=text_of(source.resolve()) if request.identifiers else "",
        program=__version__,
        source_digest=keys.hashed(secret, str(source.resolve())),
        total=len(by_key),
    )
    _require_same_cohort(request, settings)
    # By key: the order of names would say something about them.
    jobs = tuple(Job(key, by_key[key]) for key in sorted(by_key))
    listener(Looking("comparing with what is finished"))
    damaged = damaged_cases(plan.folder, by_key, only=None if request.verify else (records.DETECTION,))
    ended = _ended(plan, jobs, damaged)
    waiting = tuple(job for job in jobs if job.key not in ended)
    numbers = Counter(ended.values())
    counts = Counts(len(jobs), *(numbers[state] for state in (State.DONE, State.FAILED, State.SET_ASIDE)))
    lasts = request.identifiers or secret_file.is_file()
    lasting = frozenset(by_key) if lasts else frozenset(known_codes & set(by_key))
    return Prospect(plan, settings, jobs, waiting, counts, found.left_out, damaged, codes, ended, lasting)


def run(
    request: Request,
    workers: Callable[[], AbstractContextManager[Client]],
    listener: Listener,
    cancelled: Callable[[], bool] | None = None,
    patience: float | None = None,
) -> Ended:
    """Run a cohort, or go on with it.

    Parameters
    ----------
    request
        What is asked for.
    workers
        Starts or finds workers; only called when there is something to do.
    listener
        Told of everything in :mod:`.events`.
    cancelled
        Asked twice a second.
    patience
        Seconds to wait when all workers are gone; None for ever.

    Raises
    ------
    InputError, ModelError, OutputError
        As :func:`look`; OutputError also when the results cannot be written or another run writes there.
    ClusterError
        The workers do not start or are gone.
    Cancelled
        ``cancelled`` said so. Finished cases stay.
    """
    started = time.monotonic()
    _require_source(request.source)
    make_folder(request.folder / records.CASES)
    with _only_one(request.folder):
        keys.read_secret(request.folder / records.SECRET)
        prospect = prospect_of(request, listener)
        plan, counts = prospect.plan, prospect.counts
        key_file = ""
        if request.key_file is not None:
            keys.write_key_file(request.key_file, prospect.codes)
            key_file = text_of(request.key_file)
        records.write_settings(plan.folder, prospect.settings)
        tables.write_listed(plan.folder, prospect.jobs)
        tables.write_left_out(plan.folder, prospect.left_out, plan.identifiers)
        for key, problem in prospect.damaged.items():
            forget(plan.folder, key)
            listener(WorkerSaid(f"{key} is done again: {problem}."))
        if prospect.waiting:
            with workers() as client:
                with gone_if_lost():
                    count = len(client.nthreads())
                listener(Started(counts, len(prospect.left_out), count, dashboard_link(client)))
                engine = Engine(client, plan, listener, cancelled, patience)
                counts = engine.run(prospect.waiting, counts)
        else:
            listener(Started(counts, len(prospect.left_out)))
        files, unreadable = write_tables(read_cohort(plan.folder), request.models)
        if unreadable:
            listener(
                WorkerSaid(
                    f"{counted(len(unreadable), 'result')} cannot be read; do them again with the files "
                    "verified."
                )
            )
            counts = replace(
                counts, done=counts.done - len(unreadable), failed=counts.failed + len(unreadable)
            )
        page = write_report(plan.folder)
    seconds = round(time.monotonic() - started, 1)
    ended = Ended(counts, seconds, (*files, records.LEFT_OUT, page.name), key_file)
    listener(ended)
    return ended


def write_tables(cohort: Cohort, models: Sequence[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Write the tables of a cohort anew from its records; see :func:`tables.write_results`."""
    return tables.write_results(cohort, [load_model(name).protocol for name in models])


# --------------------------------------------------------------------------------------------------------


def take_pictures(models: Sequence[str]) -> bool:
    """Whether any of the models looks at single images."""
    return any(load_model(name).capabilities.single_images for name in models)


def _keyed(
    request: Request, cases: Sequence[Any], secret: bytes
) -> tuple[dict[str, Any], Mapping[str, str], frozenset[str]]:
    """Cases by key, the key file completed, and the codes that it had."""
    if request.key_file is not None:
        codes = keys.read_key_file(request.key_file) if request.key_file.is_file() else {}
        return *keys.coded_keys(cases, secret, codes), frozenset(codes)
    if request.identifiers:
        return keys.readable_keys(cases, secret), {}, frozenset()
    return keys.hashed_keys(cases, secret), {}, frozenset()


def _require_same_cohort(request: Request, settings: CohortSettings) -> None:
    """One folder holds one cohort: names that occur in two sources would be taken for one case."""
    if not (request.folder / records.COHORT).is_file():
        return
    known = read_cohort(request.folder).settings
    if known.identifiers != settings.identifiers:
        how = "with" if known.identifiers else "without"
        raise InputError(
            f"{request.folder} holds results {how} identifiers; go on {how} them, or give another folder.",
            about="keep_identifiers",
        )
    if known.source_digest != settings.source_digest and not request.moved:
        raise InputError(
            f"{request.folder} holds the results of another source; give another folder, or say that the "
            "same source was moved.",
            about="moved",
        )


def _ended(plan: Plan, jobs: Sequence[Job], damaged: Mapping[str, str]) -> dict[str, State]:
    """How the cases ended, by key, whose results and files are known to be as they were."""
    states = {job.key: _known_state(plan, job) for job in jobs if job.key not in damaged}
    return {key: state for key, state in states.items() if state is not None}


def _known_state(plan: Plan, job: Job) -> State | None:
    """How a case ended; None when it did not, or its files may have changed since."""
    record = find_case(plan.folder, job.key)
    if record is None or plan.rehash or len(kept_outcomes(plan, job, record)) < len(plan.models):
        return None
    try:
        unchanged = bool(record.stamp) and stamp_of(job.case.files) == record.stamp
    except InputError:
        return None
    return (
        replace(record, outcomes=tuple(kept_outcomes(plan, job, record).values())).state
        if unchanged
        else None
    )


def _require_source(source: Path) -> None:
    if not source.exists():
        raise InputError(f"{source} does not exist; give a folder, a BIDS data set or a datalist.")


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Keep a second run out of the folder; the system takes the lock back when a process is killed."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OutputError(f"Another run is writing into {folder}; wait for it, or end it.") from None
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise OutputError(f"Cannot write into {folder}: {reason}; choose another folder.") from problem
    try:
        yield
    finally:
        lock.release()
