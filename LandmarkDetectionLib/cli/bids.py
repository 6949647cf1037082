"""The command line's part for BIDS data sets, with the words that every BIDS App takes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.batch import Detecting, Work, check_options, told, workers_for, workers_here
from LandmarkDetectionLib.cli.commands import Command
from LandmarkDetectionLib.cli.options import DEFAULT_MODEL, Telling
from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.cohort.run.batch import Request

#: Images of one participant at a time, or tables of all.
Level = Literal["participant", "group"]

#: Where cohorts are kept below the results; hidden, so that no reader of BIDS looks into it.
WORK = ".landmark-detection"
MOST_LETTERS = 60
PARTICIPANTS = ("--participant-label", "--participant_label")
SESSIONS = ("--session-label", "--session_label")


class SeveralLabels(Command):
    """Takes several labels after one option, as BIDS Apps do: ``--participant_label 01 02``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give the option to each label. Before the data set and the level are named it takes one only."""
        taken: list[str] = []
        option = ""
        for place, word in enumerate(args):
            if word in (*PARTICIPANTS, *SESSIONS):
                option = word
            elif word.startswith("-"):
                option = ""
            elif option and place and args[place - 1] != option:
                if {"participant", "group"} & set(taken):
                    taken.append(option)
                else:
                    option = ""
            taken.append(word)
        return super().parse_args(ctx, taken)


@dataclass(frozen=True)
class DataSet:
    """Which data set, where its derivative goes, and what is done."""

    bids_dir: Annotated[Path, typer.Argument(metavar="BIDS_DIR", help="A BIDS data set.")]
    out: Annotated[Path, typer.Argument(metavar="OUTPUT_DIR", help="Folder for the BIDS derivative.")]
    level: Annotated[
        Level, typer.Argument(metavar="LEVEL", help="participant: find landmarks; group: tables of all.")
    ]
    participant_label: Annotated[
        list[str] | None,
        typer.Option(*PARTICIPANTS, help="Only these participants (01 02), with or without sub-."),
    ] = None
    session_label: Annotated[
        list[str] | None, typer.Option(*SESSIONS, help="Only these sessions, with or without ses-.")
    ] = None
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="Installed model, or its folder. May be given several times."),
    ] = None
    pattern: Annotated[list[str] | None, typer.Option(help="Only names like this (*T1w*).")] = None
    work_dir: Annotated[
        Path | None, typer.Option("--work-dir", "-w", help="For what lets a stopped run go on.")
    ] = None
    skip_bids_validator: Annotated[
        bool,
        typer.Option(
            "--skip-bids-validator",
            "--skip_bids_validator",
            help="As of other BIDS Apps; nothing more than what is read is checked here anyway.",
        ),
    ] = False

    @property
    def participants(self) -> tuple[str, ...]:
        """Labels without ``sub-``."""
        return _labels(self.participant_label, "sub", PARTICIPANTS[0])

    @property
    def sessions(self) -> tuple[str, ...]:
        """Labels without ``ses-``."""
        return _labels(self.session_label, "ses", SESSIONS[0])


def bids(
    data: DataSet,
    *,
    detecting: Detecting,
    work: Work,
    recording: Recording,
    telling: Telling,
) -> None:
    """Find the landmarks of a BIDS data set, as a BIDS App: a derivative data set comes out."""
    from LandmarkDetectionLib.cohort.results.derivatives import write_group

    check_options(detecting, work)
    _check_folders(data)
    if data.level == "group":
        tables = write_group(data.out, data.participants)
        if telling.as_json:
            console.print_json({"folder": data.out, "files": tables})
        elif not telling.quiet:
            console.say(f"Wrote {', '.join(path.name for path in tables)} into {data.out}.")
        return
    _find(data, detecting, work, recording, telling)


def _find(data: DataSet, detecting: Detecting, work: Work, recording: Recording, telling: Telling) -> None:
    """The level of participants: a cohort in the folder for work, then its results by the names of BIDS."""
    from LandmarkDetectionLib.cohort import read_cohort
    from LandmarkDetectionLib.cohort.results.derivatives import describe, write_derivatives
    from LandmarkDetectionLib.cohort.run.batch import prospect_of, run
    from LandmarkDetectionLib.files import make_folder
    from LandmarkDetectionLib.provenance import ModelUsed

    request = _request(data, detecting, work)
    make_folder(data.out)
    describe(data.bids_dir, data.out)
    here = workers_here(work, detecting.device, dashboard=False)
    start, patience = workers_for(here, work.scheduler)
    with told("auto", not telling.shown) as listener, console.interruptible() as cancelled:
        ended = run(request, start, listener, cancelled, patience)
    cohort = read_cohort(request.folder)
    jobs = prospect_of(request, lambda event: None).jobs
    written = write_derivatives(cohort, {job.key: job.case.identity for job in jobs}, data.out)
    manifest = recording.keep(
        [path for files in written.values() for path in files],
        beside=data.out / f"landmarks-{request.folder.name}",
        models=[ModelUsed(one.name, one.version, one.digest) for one in cohort.settings.models],
        used=cohort.settings.options,
        cases=tuple(cohort.readable()),
    )
    if telling.as_json:
        images = [{"image": image, "files": list(files)} for image, files in sorted(written.items())]
        console.print_json({"folder": data.out, "images": images, "manifest": manifest})
    if failed := ended.counts.failed + ended.counts.set_aside:
        raise InputError(
            f"{failed} of {counted(ended.counts.total, 'image')} could not be done; "
            f"{request.folder / 'failures.csv'} says why. The others are written."
        )


def _request(data: DataSet, detecting: Detecting, work: Work) -> Request:
    from LandmarkDetectionLib.cohort.run.batch import Request, take_pictures
    from LandmarkDetectionLib.cohort.sources.filters import Filters

    models = tuple(data.model or [DEFAULT_MODEL])
    _check_participants(data)
    folder = (data.work_dir or data.out / WORK) / _name_of_run(data)
    return Request(
        source=data.bids_dir,
        folder=folder,
        models=models,
        options=detecting.options,
        filters=Filters(patterns=_patterns(data), pictures=take_pictures(models)),
        identifiers=True,  # a derivative is named as its source, whose labels are codes already
        moved=True,  # containers mount the same data set now here, now there
        device=detecting.device,
        pictures=detecting.pictures,
        retry=True,
        batch=work.batch_size,
    )


def _patterns(data: DataSet) -> tuple[str, ...]:
    """Paths below the data set that were chosen; none when all were."""
    subjects = data.participants or ("*",)
    names = data.pattern or ["*"]
    if not (data.participants or data.sessions or data.pattern):
        return ()
    sessions = [f"ses-{one}/" for one in data.sessions] or [""]
    return tuple(f"sub-{one}/{session}{name}" for one in subjects for session in sessions for name in names)


def _name_of_run(data: DataSet) -> str:
    """Which folder runs of the same choice share, so that others may run beside them."""
    chosen = "_".join(
        [
            *(f"sub-{one}" for one in sorted(data.participants)),
            *(f"ses-{one}" for one in sorted(data.sessions)),
            *([hashlib.sha256("\n".join(data.pattern).encode()).hexdigest()[:8]] if data.pattern else []),
        ]
    )
    if len(chosen) > MOST_LETTERS:
        chosen = hashlib.sha256(chosen.encode()).hexdigest()[:16]
    return chosen or "all"


def _check_folders(data: DataSet) -> None:
    from LandmarkDetectionLib.cohort.sources.bids import DESCRIPTION

    if not data.bids_dir.is_dir():
        what = "is a file" if data.bids_dir.exists() else "does not exist"
        raise InputError(f"{data.bids_dir} {what}; give the folder of a BIDS data set.")
    if not (data.bids_dir / DESCRIPTION).is_file():
        raise InputError(f"{data.bids_dir} is no BIDS data set: it holds no {DESCRIPTION}.")
    if data.out.exists() and data.out.resolve() == data.bids_dir.resolve():
        raise OutputError(f"{data.out} is the data set that is read; give another folder for the results.")


def _check_participants(data: DataSet) -> None:
    there = sorted(path.name.removeprefix("sub-") for path in data.bids_dir.glob("sub-*") if path.is_dir())
    if lacking := [one for one in data.participants if one not in there]:
        raise InputError(
            f"{data.bids_dir} has no participant {', '.join(lacking)}; it has {', '.join(there) or 'none'}.",
            about="participant_label",
        )


def _labels(given: Sequence[str] | None, entity: str, option: str) -> tuple[str, ...]:
    labels = tuple(one.removeprefix(f"{entity}-") for one in given or ())
    for label in labels:
        if not re.fullmatch("[A-Za-z0-9]+", label):
            raise typer.BadParameter(f"{label!r} is no label: letters and digits.", param_hint=option)
    return labels
