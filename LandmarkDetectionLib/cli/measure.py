"""``measure`` and ``report``: measurements of one case or many, as a table, pages, or DICOM reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.commands import with_options
from LandmarkDetectionLib.cli.failures import told
from LandmarkDetectionLib.cli.options import Telling, series_of
from LandmarkDetectionLib.cli.output import files_record, tell_files
from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, MissingPackageError, OutputError
from LandmarkDetectionLib.files import is_manifest, make_folder
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.measurement import Measurements
    from LandmarkDetectionLib.measurement.from_files import PixelSizing
    from LandmarkDetectionLib.reporting import CaseReport, Reviewed

SourcesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="LANDMARKS...",
        help="Landmark files (.json of a detection, .mrk.json, .fcsv, .csv), or folders of them.",
    ),
]
PixelSizeOption = Annotated[
    float | None, typer.Option(help="mm per pixel, for images that do not say how large a pixel is.")
]
HeightOption = Annotated[
    float | None,
    typer.Option(help="Without --image: height of the picture in the positions' unit, for S-shaped spines."),
]


@dataclass(frozen=True)
class Reading:
    """How landmark files become measurements: by which protocol, in which image, at which scale."""

    protocol: Annotated[
        str | None,
        typer.Option(help="Name of a protocol or its .json file; found by the model or the names otherwise."),
    ] = None
    image: Annotated[
        Path | None,
        typer.Option(
            help="The image of the landmarks; for several cases the folder of images named as the landmark "
            "files."
        ),
    ] = None
    series: Annotated[str | None, typer.Option(help="Number or UID of a DICOM series.")] = None
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Without --image: the positions are pixels of unknown size.")
    ] = False
    pixel_size: PixelSizeOption = None
    ruler: Annotated[
        str | None,
        typer.Option(help="A ruler in the image as X1,Y1,X2,Y2=MM: two pixels and their distance."),
    ] = None
    known_distance: Annotated[
        str | None, typer.Option(help="A known distance as LANDMARK,LANDMARK=MM, to calibrate by.")
    ] = None
    picture_height: HeightOption = None
    rater_sd: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Standard deviation, along each axis and in the positions' unit, of landmarks that have no "
            "spread of their own because a person placed them.",
        ),
    ] = None

    @property
    def calibration(self) -> PixelSizing:
        """What is said of the size of pixels."""
        from LandmarkDetectionLib.measurement.from_files import PixelSizing

        return PixelSizing(self.pixel_size, _ruler(self.ruler), _distance(self.known_distance))


@dataclass(frozen=True)
class Review:
    """Who has looked at the landmarks."""

    reviewer: Annotated[str | None, typer.Option(help="Who has reviewed the landmarks.")] = None
    reviewed_at: Annotated[
        datetime | None, typer.Option(help="When; now when only the reviewer is given.")
    ] = None

    @property
    def done(self) -> Reviewed | None:
        """The review for the report."""
        from LandmarkDetectionLib.reporting import Reviewed

        if self.reviewed_at is not None and self.reviewer is None:
            raise typer.BadParameter("say who with --reviewer.", param_hint="--reviewed-at")
        return Reviewed(self.reviewer, self.reviewed_at or datetime.now()) if self.reviewer else None


def measure(
    sources: SourcesArgument,
    reading: Reading,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table of all cases to write (.csv).")
    ] = None,
    recording: Recording,
    telling: Telling,
) -> None:
    """Measure landmarks: distances, angles and classes with their uncertainty. For research use only."""
    if output is not None and output.suffix.lower() != ".csv":
        raise OutputError(f"Cannot write {output}: the name must end in .csv.")
    from LandmarkDetectionLib.files import require_not_inputs
    from LandmarkDetectionLib.measurement.from_files import case_files
    from LandmarkDetectionLib.reporting.table import write_csv

    files = case_files(sources)
    cases, problems = _read_cases(files, reading, any(one.is_dir() for one in sources))
    reports = [case.report for case in cases]
    if output is not None:
        require_not_inputs([output], files)
        write_csv(reports, output)
    written = [output] if output is not None else []
    manifest = _keep(recording, written, cases)
    if telling.as_json:
        records = [{"case": one.name, **one.measurements.to_record()} for one in reports]
        told_all = {"research_use_only": True, "cases": records, **files_record(written, manifest)}
        console.print_json({**told_all, "failures": _failures(problems)})
    else:
        _show(reports, telling)
        tell_files(written, telling, manifest=manifest)
    _raise(
        problems,
        len(files),
        f"{len(problems)} of {counted(len(files), 'case')} could not be measured; see above.",
    )


def report(
    sources: SourcesArgument,
    out: Annotated[
        list[Path],
        typer.Option(
            "--out",
            "-o",
            help="File to write: .pdf, .html, .csv, or .dcm (DICOM Structured Report); may be given several "
            "times. For several cases a folder.",
        ),
    ],
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option("--format", help="For a folder: pdf, html, csv, dcm; may be given several times."),
    ] = None,
    reading: Reading,
    review: Review,
    recording: Recording,
    telling: Telling,
) -> None:
    """Write a page per case with picture, measures and warnings (PDF, HTML), a table, or a DICOM report."""
    from LandmarkDetectionLib.files import require_not_inputs
    from LandmarkDetectionLib.measurement.from_files import case_files

    reviewed = review.done
    targets = _targets(out, kind or ["pdf"])
    files = case_files(sources)
    cases, unread = _read_cases(files, reading, any(one.is_dir() for one in sources), reviewed)
    pages, tables = targets.pages(cases, len(files)), targets.tables
    read = [*files, *(one for case in cases for one in case.images)]
    require_not_inputs([*(path for path, _ in pages), *tables], read)
    for folder in targets.folders:
        make_folder(folder)
    written, unwritten = _write_reports(pages, tables, cases)
    problems = {**unread, **unwritten}
    manifest = _keep(recording, written, cases, next(iter(targets.folders), None))
    if telling.as_json:
        told_all = {"research_use_only": True, **files_record(written, manifest)}
        console.print_json({**told_all, "failures": _failures(problems)})
    else:
        tell_files(written, telling, manifest=manifest)
    lost = [f"{len(unread)} of {counted(len(files), 'case')} could not be measured"] if unread else []
    lost += [f"{len(unwritten)} of {counted(len(pages), 'report')} could not be written"] if unwritten else []
    _raise(problems, len(unread) + len(pages), f"{', and '.join(lost)}; see above.")


# --- cases ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Case:
    """A case measured, the file of its landmarks, and the DICOM files of its image."""

    report: CaseReport
    file: Path
    images: tuple[Path, ...]


def _read_cases(
    files: Sequence[Path], reading: Reading, in_folders: bool, reviewed: Reviewed | None = None
) -> tuple[list[_Case], dict[Path, Exception]]:
    """Cases measured, and why others could not be: one damaged file stops no other.

    What lets no case be measured is raised.
    """
    several = len(files) > 1 or in_folders
    if several and reading.image is not None and not reading.image.is_dir():
        raise InputError(
            f"{reading.image} is one image for several cases; give the folder that holds theirs."
        )
    calibration = reading.calibration
    cases: list[_Case] = []
    problems: dict[Path, Exception] = {}
    for file in files:
        try:
            cases.append(_read_case(file, reading, several, calibration, reviewed))
        except (LandmarkDetectionError, OSError, MemoryError) as problem:
            problems[file] = problem
    if not cases:
        _raise(problems, len(files), f"None of {counted(len(files), 'case')} could be measured; see above.")
    return cases, problems


def _read_case(
    file: Path, reading: Reading, several: bool, calibration: PixelSizing, reviewed: Reviewed | None
) -> _Case:
    from LandmarkDetectionLib.io.dicom_sr import require_made_on
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.measurement.from_files import (
        case_name,
        dicom_files,
        measure_found,
        protocol_of,
        read_found,
        require_in_image,
    )
    from LandmarkDetectionLib.reporting import CaseReport

    series = series_of(reading.series)
    picture = image_of(case_name(file), reading.image, several)
    if picture is not None:
        require_made_on(file, picture)
    volume = read_volume(picture, series=series) if picture is not None else None
    found = read_found(file, volume)
    if volume is not None and not reading.pixels:
        require_in_image(found.landmarks, volume, found.name)
    measured = measure_found(
        found,
        protocol_of(found.landmarks, found.model, reading.protocol),
        volume,
        calibration,
        in_pixels=reading.pixels,
        picture_height=reading.picture_height,
        rater_sd=reading.rater_sd,
    )
    made = (found.model, found.model_version, found.doubts)
    report = CaseReport(found.name, measured, found.landmarks, datetime.now(), volume, *made, reviewed)
    return _Case(report, file, dicom_files(picture, series) if picture is not None else ())


def _keep(
    recording: Recording, written: Sequence[Path], cases: Sequence[_Case], beside: Path | None = None
) -> Path | None:
    """Record how cases were measured; the protocol, too, where it is one for all."""
    from LandmarkDetectionLib.provenance import ModelUsed

    reports = [one.report for one in cases]
    protocols = {one.measurements.protocol.name: one.measurements.protocol for one in reports}
    return recording.keep(
        written,
        beside=beside,
        images=[one.volume for one in reports if one.volume is not None],
        files={"landmarks": [one.file for one in cases]},
        models=[ModelUsed(one.model, one.model_version) for one in reports if one.model],
        protocol=next(iter(protocols.values())) if len(protocols) == 1 else None,
    )


def image_of(name: str, image: Path | None, several: bool) -> Path | None:
    """The image of a case: the one that was given, or, for several cases, that of the same name.

    InputError when the folder has none.
    """
    if image is None or not several:
        return image
    found = sorted(
        one
        for one in image.iterdir()
        if one.name == name or (one.name.startswith(f"{name}.") and not is_manifest(one))
    )
    if not found:
        raise InputError(f"{image} holds no image named {name}; name the images as the landmark files.")
    return found[0]


def _ruler(text: str | None) -> tuple[float, float, float, float, float] | None:
    if text is None:
        return None
    try:
        places, mm = text.split("=")
        x1, y1, x2, y2 = (float(part) for part in places.split(","))
        return x1, y1, x2, y2, float(mm)
    except ValueError:
        raise typer.BadParameter("write it as X1,Y1,X2,Y2=MM.", param_hint="--ruler") from None


def _distance(text: str | None) -> tuple[str, str, float] | None:
    if text is None:
        return None
    try:
        names, mm = text.split("=")
        first, last = names.split(",")
        return first.strip(), last.strip(), float(mm)
    except ValueError:
        raise typer.BadParameter("write it as LANDMARK,LANDMARK=MM.", param_hint="--known-distance") from None


# --- files ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Targets:
    """Where reports go: files, each a page or a table, and folders with a file of every format."""

    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    formats: tuple[str, ...]

    @property
    def tables(self) -> list[Path]:
        """Tables of all cases."""
        inside = [folder / "measurements.csv" for folder in self.folders if ".csv" in self.formats]
        return [path for path in self.files if _is_table(path)] + inside

    def pages(self, cases: Sequence[_Case], count: int) -> list[tuple[Path, _Case]]:
        """Every page with its case, of so many cases that were asked for.

        Raises
        ------
        OutputError
            A page would be written over by another case's.
        """
        single = [path for path in self.files if not _is_table(path)]
        if single and count > 1:
            raise OutputError(
                f"Cannot write {count} cases to {single[0]}: it is a page of one case; give a folder."
            )
        pages = [(path, case) for path in single for case in cases]
        for folder in self.folders:
            pages += [
                (folder / f"{case.report.name}{suffix}", case)
                for case in cases
                for suffix in self.formats
                if suffix != ".csv"
            ]
        paths = [path for path, _ in pages]
        if twice := next((path for path in paths if paths.count(path) > 1), None):
            raise OutputError(
                f"Two cases would be written to {twice}; give their files different names, or each a folder."
            )
        return pages


def _targets(out: Sequence[Path], kinds: Sequence[str]) -> _Targets:
    from LandmarkDetectionLib.reporting import REPORT_SUFFIXES

    files = tuple(path for path in out if path.suffix.lower() in REPORT_SUFFIXES)
    folders = tuple(path for path in out if path not in files)
    for path in folders:
        if path.suffix:
            raise OutputError(f"Cannot write {path}: a report ends in {', '.join(REPORT_SUFFIXES)}.")
    formats = tuple(dict.fromkeys(f".{one.lower().lstrip('.')}" for one in kinds))
    for one in formats:
        if one not in REPORT_SUFFIXES:
            raise typer.BadParameter(f"'{one[1:]}' is none of pdf, html, csv, dcm.", param_hint="--format")
    return _Targets(files, folders, formats)


def _is_table(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _write_reports(
    pages: Sequence[tuple[Path, _Case]], tables: Sequence[Path], cases: Sequence[_Case]
) -> tuple[list[Path], dict[Path, Exception]]:
    """Write pages, and tables of all cases; what was written, and why the rest was not."""
    from LandmarkDetectionLib.reporting import write_report
    from LandmarkDetectionLib.reporting.table import write_csv

    written: list[Path] = []
    problems: dict[Path, Exception] = {}
    for path, case in pages:
        try:
            write_report(case.report, path, case.images)
        except LandmarkDetectionError as problem:
            # The others, and the table, do not wait for one image to be exported again.
            problems[path] = problem
        else:
            written.append(path)
    for path in tables:
        write_csv([case.report for case in cases], path)
        written.append(path)
    return written, problems


# --- what is told -----------------------------------------------------------------------------------------


def _show(reports: Sequence[CaseReport], telling: Telling) -> None:
    from LandmarkDetectionLib.measurement.from_files import UNIT_UNKNOWN

    if telling.shown:
        for one in reports:
            print_measurements(one.measurements, f"{one.name}, {one.measurements.protocol.title}")
    for one in reports:
        for warning in one.measurements.warnings:
            options = ("--image", "--pixels") if warning == UNIT_UNKNOWN else ()
            console.say(f"Warning: {one.name}: {with_options(warning, *options)}")


def print_measurements(measurements: Measurements, title: str) -> None:
    """Print the measurements with interval, range and class, and say once why there are no others."""
    from LandmarkDetectionLib.reporting.case import cells, not_shown, shown

    rows = []
    for one in shown(measurements):
        _, *rest = cells(one)
        rows.append([one.name, *rest])
    if rows:
        unit = measurements.frame.unit
        heads = ("measurement", "value", "95 % interval", "usual", "class and remarks")
        console.print_table(heads, rows, f"{title} (lengths in {unit})")
    else:
        print(f"{title}: nothing could be measured.")
    for sentence in not_shown(measurements):
        console.print_sentence(sentence)


def _sentence(problem: Exception) -> str:
    about = problem.about if isinstance(problem, LandmarkDetectionError) else ()
    known = [f"--{one.replace('_', '-')}" for one in about if one in Reading.__dataclass_fields__]
    return with_options(told(problem)[1], *known)


def _named(path: Path, problem: Exception) -> str:
    """A sentence that says which file it is about."""
    text = _sentence(problem)
    return text if path.name in text else f"{path}: {text}"


def _failures(problems: Mapping[Path, Exception]) -> list[dict[str, object]]:
    return [{"file": path, "error": _sentence(problem)} for path, problem in problems.items()]


def _raise(problems: Mapping[Path, Exception], count: int, several: str) -> None:
    """Raise what kept some of so many cases from being measured or written.

    That is the problem itself where it is one for all; else every file is named with its own.
    """
    if not problems:
        return
    first = next(iter(problems.values()))
    alike = len({told(one)[1] for one in problems.values()}) == 1
    if alike and (len(problems) == count or isinstance(first, MissingPackageError)):
        raise first
    sentences = [_named(path, problem) for path, problem in problems.items()]
    if len(problems) == 1:
        raise (type(first) if isinstance(first, LandmarkDetectionError) else InputError)(sentences[0])
    for text in sentences:
        console.say(text)
    kinds = {type(one) for one in problems.values() if isinstance(one, LandmarkDetectionError)}
    raise (kinds.pop() if len(kinds) == 1 else InputError)(several)
