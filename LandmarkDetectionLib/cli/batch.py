"""The command line's part for cohorts: many cases, any number of workers, one command to start and go on."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import (
    DEFAULT_MODEL,
    Depth,
    Device,
    DeviceOption,
    Telling,
    check_threshold,
)
from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client

    from LandmarkDetectionLib.cohort.run.batch import Prospect, Request
    from LandmarkDetectionLib.cohort.run.cluster import LocalWorkers, Slurm
    from LandmarkDetectionLib.cohort.run.events import Ended, Event, Listener

#: Local workers that end again and again are not waited for; a queue is.
PATIENCE_SECONDS = 120.0

#: How progress is told.
ProgressKind = Literal["auto", "json"]

#: Which hand all pictures show.
Side = Literal["left", "right"]


@dataclass(frozen=True)
class Cases:
    """Which cases, of what, looked at by which models, and where results go."""

    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="Folder of volumes or DICOM files, BIDS data set, datalist."),
    ]
    out: Annotated[Path, typer.Option(help="Folder for the results; made when missing, gone on with.")]
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Installed model, or its folder. May be given several times."),
    ] = None
    modality: Annotated[list[str] | None, typer.Option(help="Only this modality (CT, MR, ...).")] = None
    pattern: Annotated[
        list[str] | None, typer.Option(help="Only names or series descriptions like this (*T1w*).")
    ] = None
    exclude: Annotated[list[str] | None, typer.Option(help="No names like this (*_seg.nii.gz).")] = None
    minimum_slices: Annotated[int, typer.Option(min=0, help="Only volumes of this many slices.")] = 0
    every_series: Annotated[
        bool, typer.Option("--every-series", help="DICOM: localizers, derived series and screens, too.")
    ] = False

    @property
    def models(self) -> tuple[str, ...]:
        """Names or folders."""
        return tuple(self.model or [DEFAULT_MODEL])


@dataclass(frozen=True)
class Detecting:
    """How every case is looked at."""

    threshold: Annotated[float | None, typer.Option(help="As in detect, for every case.")] = None
    depth: Annotated[Depth | None, typer.Option(help="As in detect, for every case.")] = None
    side: Annotated[Side | None, typer.Option(help="Which hand all pictures show.")] = None
    device: DeviceOption = "auto"
    pictures: Annotated[bool, typer.Option(help="Draw the overlay of every case.")] = True

    @property
    def options(self) -> dict[str, Any]:
        """Keywords of `detectors.dispatch.detect`, those that were given."""
        given = {"threshold": self.threshold, "depth": self.depth, "side": self.side}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Work:
    """Who does the work."""

    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: as cores, memory and GPUs allow.")] = 0
    threads: Annotated[
        int, typer.Option(min=0, help="Cases at work in each process; 0: 2, more with a GPU.")
    ] = 0
    memory: Annotated[
        str | None, typer.Option(help="Memory of each worker (4GB); shared equally otherwise.")
    ] = None
    batch_size: Annotated[
        int, typer.Option(min=0, help="Images a network sees at once; 0: 1 on processors, 8 on GPUs.")
    ] = 0
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler that runs already (tls://host:8786).")
    ] = None


@dataclass(frozen=True)
class SlurmJobs:
    """Workers that are jobs of SLURM."""

    slurm: Annotated[
        int, typer.Option(min=0, metavar="JOBS", help="Submit this many jobs to SLURM; 0: work here.")
    ] = 0
    slurm_queue: Annotated[str, typer.Option(help="SLURM: partition.")] = ""
    slurm_account: Annotated[str, typer.Option(help="SLURM: account.")] = ""
    slurm_walltime: Annotated[str, typer.Option(help="SLURM: time limit of a job.")] = "08:00:00"
    slurm_cores: Annotated[int, typer.Option(min=1, help="SLURM: cores of a job.")] = 2
    slurm_interface: Annotated[str, typer.Option(help="SLURM: network of the nodes (ib0).")] = ""
    slurm_directive: Annotated[
        list[str] | None, typer.Option(help="SLURM: further line of the job script (--gres=gpu:1).")
    ] = None


@dataclass(frozen=True)
class Privacy:
    """Which names cases have."""

    key: Annotated[
        Path | None,
        typer.Option(help="Table of study codes (code,source), read and completed; OUT-key.csv otherwise."),
    ] = None
    no_key: Annotated[
        bool, typer.Option("--no-key", help="Write nowhere which code is which file: for good.")
    ] = False
    keep_identifiers: Annotated[
        bool, typer.Option("--keep-identifiers", help="Name cases by their files instead of by codes.")
    ] = False

    def key_file(self, out: Path) -> Path | None:
        """Where it is kept which code is which file; None where codes are not used, or never read again."""
        from LandmarkDetectionLib.cohort.run.keys import key_file_beside

        if self.key is not None and self.keep_identifiers:
            raise typer.BadParameter("names are either codes or identifiers.", param_hint="--key")
        if self.key is not None and self.no_key:
            raise typer.BadParameter("give a key file or none.", param_hint="--key")
        if self.keep_identifiers or self.no_key:
            return None
        return self.key or key_file_beside(out)


@dataclass(frozen=True)
class GoingOn:
    """What is done again of a run before."""

    moved: Annotated[bool, typer.Option("--moved", help="The same source lies elsewhere now.")] = False
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed or was set aside.")
    ] = False
    rehash: Annotated[
        bool, typer.Option("--rehash", help="Read every file again to see whether it changed.")
    ] = False
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the files of finished cases; do damaged ones again.")
    ] = False


def batch(
    cases: Cases,
    *,
    listing: Annotated[
        bool, typer.Option("--list", help="Only say what would be done and what is left out.")
    ] = False,
    detecting: Detecting,
    work: Work,
    slurm: SlurmJobs,
    slurm_script: Annotated[
        bool, typer.Option("--slurm-script", help="SLURM: print the job script and end.")
    ] = False,
    privacy: Privacy,
    going_on: GoingOn,
    progress: Annotated[
        ProgressKind, typer.Option(help="A bar or lines for people, or JSON lines for programs.")
    ] = "auto",
    dashboard: Annotated[
        bool, typer.Option("--dashboard", help="Serve Dask's page, to everybody on this computer.")
    ] = False,
    recording: Recording,
    telling: Telling,
) -> None:
    """Find the landmarks of a whole cohort; started again, it goes on where it was stopped."""
    check_options(detecting, work, slurm)
    key_file = privacy.key_file(cases.out)
    jobs = _jobs(slurm, work.memory)
    if slurm_script:
        _print_script(jobs)
        return
    request = _request(cases, detecting, work, privacy, going_on, key_file)
    here = workers_here(work, detecting.device, dashboard)
    if listing:
        _list(request, telling.as_json or progress == "json")
        return
    start, patience = workers_for(here, work.scheduler, jobs, cases.out)
    quiet = telling.quiet or telling.as_json
    with told(progress, quiet) as listener, console.interruptible() as cancelled:
        from LandmarkDetectionLib.cohort.run.batch import run

        ended = run(request, start, listener, cancelled, patience)
    manifest = _keep(recording, cases.out, ended)
    if telling.as_json:
        written = {} if manifest is None else {"manifest": manifest}
        console.print_json({**_came_to(cases.out, ended), **written})


def _keep(recording: Recording, out: Path, ended: Ended) -> Path | None:
    """Record the run of a cohort; the records of its cases have what is to know of each."""
    from LandmarkDetectionLib.cohort import read_cohort
    from LandmarkDetectionLib.provenance import ModelUsed

    cohort = read_cohort(out)
    return recording.keep(
        [out / name for name in ended.files],
        beside=out,
        models=[ModelUsed(one.name, one.version, one.digest) for one in cohort.settings.models],
        used=cohort.settings.options,
        cases=tuple(cohort.readable()),
    )


def _request(
    cases: Cases, detecting: Detecting, work: Work, privacy: Privacy, going_on: GoingOn, key_file: Path | None
) -> Request:
    from LandmarkDetectionLib.cohort.run.batch import Request, take_pictures
    from LandmarkDetectionLib.cohort.sources.filters import Filters

    return Request(
        source=cases.source,
        folder=cases.out,
        models=cases.models,
        options=detecting.options,
        filters=Filters(
            modalities=tuple(cases.modality or ()),
            patterns=tuple(cases.pattern or ()),
            excluded=tuple(cases.exclude or ()),
            minimum_slices=cases.minimum_slices,
            pictures=take_pictures(cases.models),
            every_series=cases.every_series,
        ),
        key_file=key_file,
        identifiers=privacy.keep_identifiers,
        moved=going_on.moved,
        verify=going_on.verify,
        device=detecting.device,
        pictures=detecting.pictures,
        retry=going_on.retry_failed,
        rehash=going_on.rehash,
        batch=work.batch_size,
    )


def workers_here(work: Work, device: Device, dashboard: bool) -> LocalWorkers:
    """Workers on this computer, as they were asked for."""
    from LandmarkDetectionLib.cohort.run.cluster import LocalWorkers, memory_of

    memory = memory_of(work.memory) if work.memory else 0
    return LocalWorkers(work.workers, work.threads, memory, device != "cpu", dashboard)


def _jobs(slurm: SlurmJobs, memory: str | None) -> Slurm:
    from LandmarkDetectionLib.cohort.run.cluster import Slurm

    return Slurm(
        jobs=slurm.slurm,
        cores=slurm.slurm_cores,
        memory=memory or "8GB",
        queue=slurm.slurm_queue,
        account=slurm.slurm_account,
        walltime=slurm.slurm_walltime,
        interface=slurm.slurm_interface,
        directives=tuple(slurm.slurm_directive or ()),
    )


def check_options(detecting: Detecting, work: Work, slurm: SlurmJobs | None = None) -> None:
    """Refuse what cannot go together before anything is looked at."""
    check_threshold(detecting.threshold)
    if work.scheduler is not None and slurm is not None and slurm.slurm:
        raise typer.BadParameter("give either a scheduler or SLURM jobs.", param_hint="--scheduler")


def workers_for(
    here: LocalWorkers, scheduler: str | None, jobs: Slurm | None = None, out: Path = Path()
) -> tuple[Callable[[], AbstractContextManager[Client]], float | None]:
    """How workers are started, and how long it is waited for them."""
    from LandmarkDetectionLib.cohort.run import cluster

    if scheduler is not None:
        return partial(cluster.running_client, scheduler), None
    if jobs is not None and jobs.jobs:
        return partial(cluster.slurm_client, jobs, out.absolute() / ".slurm"), None
    return partial(cluster.local_client, here), PATIENCE_SECONDS


def _print_script(jobs: Slurm) -> None:
    import gc
    import tempfile

    from LandmarkDetectionLib.cohort.run.cluster import slurm_cluster

    with tempfile.TemporaryDirectory() as folder:
        cluster = slurm_cluster(jobs, Path(folder))
        try:
            print(cluster.job_script())
        finally:
            cluster.close()
        # It removes its certificate when it is collected, and complains when the folder went before.
        del cluster
        gc.collect()


# --- what people and programs are told --------------------------------------------------------------------


def _list(request: Request, as_json: bool) -> None:
    from LandmarkDetectionLib.cohort.run.batch import prospect_of

    prospect = prospect_of(request, lambda event: None)
    listed = _listed(prospect)
    if as_json:
        console.print_json(listed)
        return
    columns = ("key", "identity", "kind", "modality", "slices", "state")
    rows = [[str(case[column] or "-") for column in columns] for case in listed["cases"]]
    console.print_table(["code", "case", "kind", "modality", "slices", "state"], rows)
    if prospect.left_out:
        rows = [list(one.values()) for one in listed["left_out"]]
        console.print_table(["left out", "kind", "reason"], rows)
    if len(prospect.lasting) < len(prospect.jobs):
        print("The first run gives the codes.")
    print(
        f"{counted(len(prospect.jobs), 'case')}, {len(prospect.waiting)} to do; {len(prospect.left_out)} "
        "left out. Nothing was written."
    )


def _state(prospect: Prospect, key: str) -> str:
    """What is known of a case: how it ended, or that it is to do."""
    if key in prospect.damaged:
        return "damaged"
    return prospect.ended[key].value if key in prospect.ended else "to do"


def _came_to(out: Path, ended: Ended) -> dict[str, Any]:
    """What became of a cohort and of each of its cases, for programs."""
    from LandmarkDetectionLib.cohort import read_cohort
    from LandmarkDetectionLib.cohort.run.events import to_json

    told = to_json(ended)
    del told["event"]
    readable = read_cohort(out).readable()
    cases = [{"key": one.key, "state": one.state.value, "reason": one.reason} for one in readable]
    return {"folder": out, **told, "cases": cases}


def _listed(prospect: Prospect) -> dict[str, Any]:
    from LandmarkDetectionLib.cohort.sources.case_source import text_of

    waiting = {job.key for job in prospect.waiting}
    cases = [
        {
            "key": job.key if job.key in prospect.lasting else None,
            "identity": text_of(job.case.identity),
            "kind": job.case.kind,
            "modality": job.case.modality,
            "slices": job.case.slices,
            "state": _state(prospect, job.key),
            "to_do": job.key in waiting,
            "damaged": prospect.damaged.get(job.key),
        }
        for job in sorted(prospect.jobs, key=lambda job: job.case.identity)
    ]
    left_out = [
        {"identity": text_of(one.identity), "kind": one.kind, "reason": one.reason}
        for one in prospect.left_out
    ]
    return {"cases": cases, "left_out": left_out}


@contextmanager
def told(progress: ProgressKind, quiet: bool) -> Iterator[Listener]:
    """Give a listener that shows events."""
    if progress == "json":
        with _json_lines() as listener:
            yield listener
    elif quiet:
        yield lambda event: None
    elif sys.stderr.isatty():
        with _bar() as listener:
            yield listener
    else:
        yield _Lines()


@contextmanager
def _json_lines() -> Iterator[Listener]:
    from LandmarkDetectionLib.cohort.run.events import to_json

    def say(line: dict[str, Any]) -> None:
        print(json.dumps(line, allow_nan=False), flush=True)

    try:
        yield lambda event: say(to_json(event))
    except LandmarkDetectionError as problem:
        kind = type(problem).__name__
        say({"event": "error", "kind": kind, "message": str(problem), "exit_code": problem.exit_code})
        raise


@contextmanager
def _bar() -> Iterator[Listener]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[more]}"),
    )
    with Progress(*columns, console=console.error_console()) as bar:
        task = bar.add_task("starting", total=None, more="")
        lines = _Lines(say=bar.console.print, every=math.inf)

        def listen(event: Event) -> None:
            lines(event)
            if event.event == "looking":
                bar.update(task, description=event.text)  # type: ignore[union-attr]
            elif event.event in ("start", "case"):
                counts = event.counts  # type: ignore[union-attr]
                bar.update(
                    task, description="cases", total=counts.total, completed=counts.ended, more=lines.progress
                )

        yield listen


class _Lines:
    """Events as lines for people: a start, a line now and then, every failure, and an end."""

    def __init__(self, say: Callable[[str], Any] = console.say, every: float = 30.0) -> None:
        self._say = say
        self._every = every
        self._told = 0.0
        self.progress = ""

    def __call__(self, event: Event) -> None:
        import time

        from LandmarkDetectionLib.cohort.run.events import CaseEnded, Ended, Started, WorkerSaid

        if isinstance(event, Started):
            self._told = time.monotonic()
            counts = event.counts
            self._say(
                f"{counted(counts.total, 'case')}, {counts.total - counts.ended} to do, {event.left_out} "
                f"left out; {counted(event.workers, 'worker')}."
            )
            if event.dashboard:
                self._say(f"Dashboard: {event.dashboard}")
        elif isinstance(event, CaseEnded):
            counts = event.counts
            self.progress = (
                f"{event.rate:.1f}/min, {counts.failed + counts.set_aside} failed, "
                f"{_duration(event.seconds_left)} left"
            )
            if event.state != "done":
                self._say(f"{event.key}: {event.reason}")
            if time.monotonic() - self._told >= self._every:
                self._told = time.monotonic()
                self._say(f"{counts.ended} of {counts.total}: {self.progress}")
        elif isinstance(event, WorkerSaid):
            self._say(event.text)
        elif isinstance(event, Ended):
            counts = event.counts
            self._say(
                f"{counts.done} done, {counts.failed} failed, {counts.set_aside} set aside in "
                f"{_duration(event.seconds)}. Tables: {', '.join(event.files)}."
            )
            if counts.failed or counts.set_aside:
                self._say("--retry-failed tries them again; --verify does results that are damaged again.")
            if event.key_file:
                self._say(f"Which code is which file: {event.key_file} (keep it to yourself).")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
    )
