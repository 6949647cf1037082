"""One case from its files to its record, in a worker process that keeps the models in memory."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from LandmarkDetectionLib import errors
from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cohort.results import records
from LandmarkDetectionLib.cohort.results.records import CaseRecord, Outcome, State, find_case, write_case
from LandmarkDetectionLib.cohort.run.hashing import Fingerprint, file_digest, fingerprint, stamp_of
from LandmarkDetectionLib.cohort.run.nameless import nameless
from LandmarkDetectionLib.cohort.run.plan import (
    MOST_CRASHES,
    Ending,
    Job,
    Plan,
    PlannedModel,
    kept_outcomes,
    recipe_of,
)
from LandmarkDetectionLib.cohort.run.privacy import without_names
from LandmarkDetectionLib.cohort.run.resident_models import Gate, ResidentModel
from LandmarkDetectionLib.cohort.run.thumbnail import write_thumbnail
from LandmarkDetectionLib.cohort.sources.case_source import text_of
from LandmarkDetectionLib.core.doubts import doubts_to_record
from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.base import timed
from LandmarkDetectionLib.detectors.dispatch import analyse, choose_device
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, OutputError
from LandmarkDetectionLib.files import atomic_folder, make_folder, read_json, write_text
from LandmarkDetectionLib.io.records import write_detection
from LandmarkDetectionLib.measurement import Measurements, measure_in
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.reporting.overlay import write_overlay

AT_WORK = ".at-work"
DEFECT = "Defect"
ON_GPU = 8
_gate = Gate()
# Drawing holds Python's lock nearly all the time; a second thread would only take memory.
_drawing = threading.Lock()


def process(plan: Plan, job: Job, limit: str = "") -> Ending:
    """Do what is left to do of a case; called in a worker.

    Parameters
    ----------
    plan, job
        What to do.
    limit
        Memory of this worker, for the sentence about a case that ended it.

    Returns
    -------
    Ending
        Its record is written; whatever is wrong with the case is in there.

    Raises
    ------
    OutputError
        The results cannot be written; the cohort cannot go on.
    """
    _check_worker(plan)
    folder = plan.folder / records.CASES / job.key
    make_folder(folder, "nothing finished is lost")
    with _Attempt(folder, plan.session) as attempt, _gate.passing(alone=attempt.crashes > 0):
        return _process(plan, job, attempt, limit)


def _process(plan: Plan, job: Job, attempt: _Attempt, limit: str) -> Ending:
    started = time.perf_counter()
    attempt.say("hashing its files")
    known = find_case(plan.folder, job.key)
    try:
        print_ = fingerprint(job.case, _called(plan, job))
    except InputError as problem:
        return _ended(plan, _all_failed(plan, job, Fingerprint("", ""), problem, known), started)
    hashing = time.perf_counter() - started
    kept = kept_outcomes(plan, job, known) if known and known.digest == print_.digest else {}
    left = [one for one in plan.models if one.settings.name not in kept]
    if known is not None and not left:
        if known.stamp != print_.stamp:
            write_case(plan.folder, replace(known, stamp=print_.stamp))
        return Ending(job.key, known.state, known.reason)
    record = _empty(plan, job, print_, known)
    if attempt.crashes >= MOST_CRASHES:
        return _ended(plan, _set_aside(plan, job, record, kept, attempt, limit), started)
    return _ended(plan, _detected(plan, job, record, kept, left, attempt, hashing), started)


def _detected(
    plan: Plan,
    job: Job,
    record: CaseRecord,
    kept: dict[str, Outcome],
    left: list[PlannedModel],
    attempt: _Attempt,
    hashing: float,
) -> CaseRecord:
    """Read the case and run the models that are left; the record is also written between two models."""
    before = stamp_of(job.case.files, _called(plan, job))
    attempt.say("reading it")
    begun = time.perf_counter()
    print_ = Fingerprint(record.digest, record.stamp)
    with nameless(job.case, job.key, plan.identifiers) as plain:
        try:
            with _told_apart(job, plain.told):
                volumes = [replace(one, name=job.key) for one in plain.case.read()]
            _require_unchanged(plan, job, before)
        except ChangedError as problem:
            return _all_failed(plan, job, Fingerprint("", ""), problem, record)
        except LandmarkDetectionError as problem:
            return _all_failed(plan, job, print_, problem, record, kept)
        steps = {"hash": hashing, "read": time.perf_counter() - begun}
        # Voxels may be mapped from the file and not in memory.
        return _with_outcomes(plan, job, record, kept, left, attempt, volumes, before, steps)


def _with_outcomes(
    plan: Plan,
    job: Job,
    record: CaseRecord,
    kept: dict[str, Outcome],
    left: list[PlannedModel],
    attempt: _Attempt,
    volumes: list[Volume],
    before: str,
    steps: dict[str, float],
) -> CaseRecord:
    """Run the models that are left on what was read."""
    first = volumes[0]
    record = replace(
        record,
        modality=first.modality or job.case.modality,
        size=tuple(map(int, first.size)),
        spacing_mm=tuple(round(float(step), 6) for step in first.spacing),
    )
    for number, model in enumerate(left):
        attempt.say(f"running {model.settings.name}")
        kept[model.settings.name] = _outcome(plan, job, model, volumes, steps)
        record = replace(record, outcomes=_in_order(plan, kept))
        if number < len(left) - 1:
            write_case(plan.folder, record)
    try:
        _require_unchanged(plan, job, before)
    except InputError as problem:
        return _all_failed(plan, job, Fingerprint("", ""), problem, record)
    return record


def _outcome(
    plan: Plan, job: Job, model: PlannedModel, volumes: list[Volume], steps: dict[str, float]
) -> Outcome:
    """Run one model and write its files."""
    try:
        with _told_apart(job):
            analysis, measurements = _analyse(plan, job, model, volumes)
    except LandmarkDetectionError as problem:
        return _failed(plan, job, model, problem)
    seconds = dict(steps)
    detection = analysis.detection
    seconds.update(detection.seconds)
    files, written = _write(plan, job, model, volumes[0], analysis, measurements)
    seconds.update(written)
    present = [one for one in detection.landmarks if one.is_present]
    confident = [one.confidence for one in present if one.confidence is not None]
    told = dict.fromkeys((*detection.doubts, *(measurements.doubts if measurements else ())))
    said = doubts_to_record(replace(one, text=_plain(plan, job, one.text)) for one in told)
    return Outcome(
        model=model.settings.name,
        model_version=model.settings.version,
        state=State.DONE,
        recipe=recipe_of(plan, model, job.case),
        landmarks=len(detection.landmarks),
        present=len(present),
        uncertain=sum(one.status.value == "uncertain" for one in present),
        confidence=round(sum(confident) / len(confident), 4) if confident else None,
        warnings=tuple(said["warnings"]),
        doubts=tuple(said["doubts"]),
        seconds={step: round(value, 4) for step, value in seconds.items()},
        files=files,
        finished=_now(),
    )


def _analyse(
    plan: Plan, job: Job, model: PlannedModel, volumes: list[Volume]
) -> tuple[Analysis, Measurements | None]:
    device = choose_device(plan.device)
    resident = _resident(model.path, model.settings.digest, plan.batch or (ON_GPU if device == "cuda" else 1))
    given = {"side": job.case.side, **plan.options}
    if not resident.capabilities.of_hands:
        given["side"] = "auto"
    options = DetectOptions(device=device, channels=tuple(volumes[1:]), **given)
    analysis = analyse(volumes[0], resident, options)
    return analysis, measure_in(volumes[0], analysis.detection.landmarks, resident.protocol)


class _Written(NamedTuple):
    """SHA-256 by file, and seconds by step."""

    files: dict[str, str]
    seconds: dict[str, float]


def _write(
    plan: Plan,
    job: Job,
    model: PlannedModel,
    volume: Volume,
    analysis: Analysis,
    measurements: Measurements | None,
) -> _Written:
    seconds: dict[str, float] = {}
    detection = analysis.detection
    target = plan.folder / records.CASES / job.key / model.settings.name
    with atomic_folder(target) as new:
        with timed(seconds, "write"):
            write_detection(detection, new / records.LANDMARKS)
            write_detection(detection, new / records.DETECTION)
            if measurements is not None:
                text = json.dumps(measurements.to_record(), indent=1, allow_nan=False)
                write_text(new / records.MEASUREMENTS, text + "\n")
        if plan.pictures:
            with timed(seconds, "draw"), _drawing:
                protocol = load_model(model.path).protocol
                picture = new / records.OVERLAY
                write_overlay(
                    detection,
                    analysis.views,
                    protocol,
                    picture,
                    volume=volume,
                    case=job.key,
                    paths=analysis.paths,
                )
                write_thumbnail(new / records.OVERLAY, new / records.THUMBNAIL)
        files = {path.name: file_digest(path) for path in sorted(new.iterdir())}
    return _Written(files, seconds)


# --- what a case ends as ----------------------------------------------------------------------------------


def _ended(plan: Plan, record: CaseRecord, started: float) -> Ending:
    for outcome in record.outcomes:
        if outcome.state is not State.DONE:
            # What an earlier version of the file gave must not lie beside the news that this one gives none.
            old = plan.folder / records.CASES / record.key / outcome.model
            shutil.rmtree(old, ignore_errors=True)
    write_case(plan.folder, record)
    return Ending(record.key, record.state, record.reason, time.perf_counter() - started)


def _empty(plan: Plan, job: Job, print_: Fingerprint, known: CaseRecord | None) -> CaseRecord:
    return CaseRecord(
        key=job.key,
        digest=print_.digest,
        stamp=print_.stamp,
        outcomes=(),
        kind_of_file=job.case.kind,
        modality=job.case.modality,
        source=text_of(job.case.path) if plan.identifiers else "",
        size=known.size if known and known.digest == print_.digest else (),
        spacing_mm=known.spacing_mm if known and known.digest == print_.digest else (),
    )


def _all_failed(
    plan: Plan,
    job: Job,
    print_: Fingerprint,
    problem: LandmarkDetectionError,
    known: CaseRecord | None,
    kept: dict[str, Outcome] | None = None,
) -> CaseRecord:
    outcomes = dict(kept or {})
    for model in plan.models:
        outcomes.setdefault(model.settings.name, _failed(plan, job, model, problem))
    return replace(_empty(plan, job, print_, known), outcomes=_in_order(plan, outcomes))


def _set_aside(
    plan: Plan, job: Job, record: CaseRecord, kept: dict[str, Outcome], attempt: _Attempt, limit: str
) -> CaseRecord:
    memory = f"the {limit} of memory of" if limit else "the memory of"
    reason = (
        f"The process that worked on {job.key} ended {attempt.crashes} times, last while {attempt.stage}: it "
        f"needs more than {memory} a worker, or its file makes a reader crash. Try it alone with 'detect', "
        "or again with more memory, retrying what failed."
    )
    for model in plan.models:
        failed = replace(_failed(plan, job, model, InputError(reason)), state=State.SET_ASIDE, kind="Crash")
        kept.setdefault(model.settings.name, failed)
    return replace(record, outcomes=_in_order(plan, kept), attempts=attempt.crashes)


def _failed(plan: Plan, job: Job, model: PlannedModel, problem: LandmarkDetectionError) -> Outcome:
    kind = DEFECT if type(problem) is LandmarkDetectionError else type(problem).__name__
    return Outcome(
        model=model.settings.name,
        model_version=model.settings.version,
        state=State.FAILED,
        recipe=recipe_of(plan, model, job.case),
        kind=kind,
        reason=_plain(plan, job, str(problem)),
        finished=_now(),
    )


@contextmanager
def _told_apart(job: Job, told: Callable[[str], str] = str) -> Iterator[None]:
    """Let whatever goes wrong with a case be an error that a sentence tells, with ``told`` applied to it."""
    try:
        yield
    except LandmarkDetectionError as problem:
        kind = next(kind for kind in type(problem).__mro__ if kind.__module__ == errors.__name__)
        raise kind(told(str(problem))) from problem
    except MemoryError:
        raise InputError(f"{job.key} needs more memory than a worker has.") from None
    except Exception as problem:
        raise LandmarkDetectionError(
            f"Unexpected {type(problem).__name__}: {told(str(problem))} - a defect of landmark-detection "
            f"{__version__}; please report it."
        ) from problem


def _in_order(plan: Plan, outcomes: dict[str, Outcome]) -> tuple[Outcome, ...]:
    return tuple(outcomes[one.settings.name] for one in plan.models if one.settings.name in outcomes)


def _plain(plan: Plan, job: Job, text: str) -> str:
    """One line, without names of files unless those were asked for."""
    plain = text if plan.identifiers else without_names(text, job.case, job.key)
    return text_of(" ".join(plain.split()))


def _called(plan: Plan, job: Job) -> str:
    """What sentences of this module call the files of a case; "" for each by its name."""
    return "" if plan.identifiers else job.key


def _require_unchanged(plan: Plan, job: Job, before: str) -> None:
    """Raise ChangedError when the files are not those that were hashed."""
    called = _called(plan, job)
    if stamp_of(job.case.files, called) != before:
        first = called or text_of(job.case.files[0])
        raise ChangedError(f"{first} was changed while it was read; run the same command again.")


class ChangedError(InputError):
    """The files are not those that were hashed."""


# --- what a worker keeps ----------------------------------------------------------------------------------


class _Attempt:
    """A small file beside the record while a case is at work; left behind, it says that a process ended.

    One that another client left is no evidence against the case: that client was ended from outside.
    """

    def __init__(self, folder: Path, session: str) -> None:
        self._path = folder / AT_WORK
        self._folder = folder
        self._session = session
        self.crashes = 0
        self.stage = "starting"

    def __enter__(self) -> _Attempt:
        left: dict[str, Any] = {}
        with suppress(LandmarkDetectionError):
            left = read_json(self._path) if self._path.is_file() else {}
        if left:
            for remains in self._folder.glob(".writing-*"):
                shutil.rmtree(remains) if remains.is_dir() else remains.unlink(missing_ok=True)
        if left.get("session") == self._session:
            crashes = left.get("crashes", 0)
            self.crashes = (crashes if isinstance(crashes, int) else 0) + 1
            self.stage = str(left.get("stage", self.stage))
        return self

    def say(self, stage: str) -> None:
        """Note what is being done, so that a crash can be told from where it happened."""
        if self.crashes < MOST_CRASHES:
            self.stage = stage
        content = {"session": self._session, "crashes": self.crashes, "stage": self.stage}
        try:
            self._path.write_text(json.dumps(content))
        except OSError as problem:
            raise OutputError(
                f"Cannot write into {self._folder.parent}: {(problem.strerror or str(problem)).lower()}."
            ) from problem

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


@cache
def _resident(path: Path, digest: str, largest: int) -> ResidentModel:
    return ResidentModel.of(load_model(path), largest)


@cache
def _use_threads(count: int) -> None:
    import torch

    torch.set_num_threads(count)


@cache
def _keep_libraries_quiet() -> None:
    """Keep what libraries say of headers, names of patients included, out of the workers' logs."""
    import logging

    for name in ("pydicom", "nibabel", "PIL"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _check_worker(plan: Plan) -> None:
    if plan.program != __version__:
        raise OutputError(
            f"A worker has landmark-detection {__version__}, and this is {plan.program}; install the same."
        )
    if not (plan.folder / records.COHORT).is_file():
        raise OutputError(
            f"A worker does not see the results in {plan.folder}; they and the source must be in a folder "
            "that every worker shares."
        )
    if plan.threads:
        _use_threads(plan.threads)
    _keep_libraries_quiet()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


Process = Callable[[Plan, Job, str], Ending]
