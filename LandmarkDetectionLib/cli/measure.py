"""The command line's part for measurements: one case or many, reports, and agreement between raters."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import JsonOption, QuietOption, make_folder
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from LandmarkDetectionLib.evaluation.agreement import Agreement
    from LandmarkDetectionLib.evaluation.ratings import Ratings
    from LandmarkDetectionLib.measurement import Measurements
    from LandmarkDetectionLib.measurement.from_files import Calibration
    from LandmarkDetectionLib.reporting import CaseReport, Reviewed

SourcesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="LANDMARKS...",
        help="Landmark files (.json of a detection, .mrk.json, .fcsv, .csv), or folders of them.",
    ),
]
ProtocolOption = Annotated[
    str | None,
    typer.Option(help="Name of a protocol or its .json file; found by the model or the names otherwise."),
]
ImageOption = Annotated[
    Path | None,
    typer.Option(
        help="The image of the landmarks; for several cases the folder of images named as the landmark files."
    ),
]
SeriesOption = Annotated[str | None, typer.Option(help="Number or UID of a DICOM series.")]
PixelsOption = Annotated[
    bool, typer.Option("--pixels", help="Without --image: the positions are pixels of unknown size.")
]
PixelSizeOption = Annotated[
    float | None, typer.Option(help="mm per pixel, for images that do not say how large a pixel is.")
]
RulerOption = Annotated[
    str | None, typer.Option(help="A ruler in the image as X1,Y1,X2,Y2=MM: two pixels and their distance.")
]
DistanceOption = Annotated[
    str | None, typer.Option(help="A known distance as LANDMARK,LANDMARK=MM, to calibrate by.")
]
HeightOption = Annotated[
    float | None,
    typer.Option(help="Without --image: height of the picture in the positions' unit, for S-shaped spines."),
]
RaterOption = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="Standard deviation, along each axis and in the positions' unit, of landmarks that have no "
        "spread of their own because a person placed them.",
    ),
]


def add_to(app: typer.Typer, epilog: str) -> None:
    """Add the commands to the command line."""
    for command in (measure, report, agreement):
        app.command(command.__name__, epilog=epilog)(command)


def measure(
    sources: SourcesArgument,
    protocol: ProtocolOption = None,
    image: ImageOption = None,
    series: SeriesOption = None,
    pixels: PixelsOption = False,
    pixel_size: PixelSizeOption = None,
    ruler: RulerOption = None,
    known_distance: DistanceOption = None,
    picture_height: HeightOption = None,
    rater_sd: RaterOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Table of all cases to write (.csv).")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure landmarks: distances, angles and classes with their uncertainty. For research use only."""
    if output is not None and output.suffix.lower() != ".csv":
        raise OutputError(f"Cannot write {output}: the name must end in .csv.")
    calibration = _calibration(pixel_size, ruler, known_distance)
    reports = [
        case
        for case, _ in _cases(
            sources, protocol, image, series, pixels, calibration, picture_height, rater_sd, None
        )
    ]
    if output is not None:
        from LandmarkDetectionLib.files import require_not_inputs
        from LandmarkDetectionLib.measurement.from_files import case_files
        from LandmarkDetectionLib.reporting.table import write_csv

        require_not_inputs([output], case_files(sources))
        write_csv(reports, output)
    if as_json:
        records = [{"case": one.name, **one.measurements.to_record()} for one in reports]
        console.print_json({"research_use_only": True, "cases": records, "files": [output] if output else []})
        return
    if not quiet:
        for one in reports:
            print_measurements(one.measurements, f"{one.name}, {one.measurements.protocol.title}")
    for one in reports:
        for warning in one.measurements.warnings:
            console.say(f"Warning: {one.name}: {warning}")
    if output is not None and not quiet:
        print(f"Wrote {output}")


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
    kind: Annotated[
        list[str] | None,
        typer.Option("--format", help="For a folder: pdf, html, csv, dcm; may be given several times."),
    ] = None,
    protocol: ProtocolOption = None,
    image: ImageOption = None,
    series: SeriesOption = None,
    pixels: PixelsOption = False,
    pixel_size: PixelSizeOption = None,
    ruler: RulerOption = None,
    known_distance: DistanceOption = None,
    picture_height: HeightOption = None,
    rater_sd: RaterOption = None,
    reviewer: Annotated[str | None, typer.Option(help="Who has reviewed the landmarks.")] = None,
    reviewed_at: Annotated[
        datetime | None, typer.Option(help="When; now when only the reviewer is given.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a page per case with picture, measures and warnings (PDF, HTML), a table, or a DICOM report."""
    from LandmarkDetectionLib.reporting import REPORT_SUFFIXES

    if reviewed_at is not None and reviewer is None:
        raise typer.BadParameter("say who with --reviewer.", param_hint="--reviewed-at")
    from LandmarkDetectionLib.reporting import Reviewed

    reviewed = Reviewed(reviewer, reviewed_at or datetime.now()) if reviewer else None
    calibration = _calibration(pixel_size, ruler, known_distance)
    files = [path for path in out if path.suffix.lower() in REPORT_SUFFIXES]
    folders = [path for path in out if path not in files]
    for path in folders:
        if path.suffix:
            raise OutputError(f"Cannot write {path}: a report ends in {', '.join(REPORT_SUFFIXES)}.")
    formats = [f".{one.lower().lstrip('.')}" for one in kind or ["pdf"]]
    for one in formats:
        if one not in REPORT_SUFFIXES:
            raise typer.BadParameter(f"'{one[1:]}' is none of pdf, html, csv, dcm.", param_hint="--format")
    cases = _cases(sources, protocol, image, series, pixels, calibration, picture_height, rater_sd, reviewed)
    single = [path for path in files if path.suffix.lower() != ".csv"]
    if single and len(cases) > 1:
        raise OutputError(
            f"Cannot write {len(cases)} cases to {single[0]}: it is a page of one case; give a folder."
        )
    wanted = [(path, *cases[0]) for path in single]
    tables = [path for path in files if path not in single]
    pages = [suffix for suffix in formats if suffix != ".csv"]
    for folder in folders:
        wanted += [
            (folder / f"{case.name}{suffix}", case, images) for case, images in cases for suffix in pages
        ]
        if ".csv" in formats:
            tables.append(folder / "measurements.csv")
    from LandmarkDetectionLib.files import require_not_inputs
    from LandmarkDetectionLib.measurement.from_files import case_files

    read = [*case_files(sources), *(one for _, images in cases for one in images)]
    require_not_inputs([*(path for path, _, _ in wanted), *tables], read)
    for folder in folders:
        make_folder(folder)
    written, problems = _write_reports(wanted, tables, [case for case, _ in cases])
    if as_json:
        failures = [{"file": path, "error": str(problem)} for path, problem in problems.items()]
        console.print_json({"research_use_only": True, "files": written, "failures": failures})
    elif not quiet:
        for path in written:
            print(f"Wrote {path}")
    _raise_unwritten(problems, len(wanted))


def agreement(
    raters: Annotated[
        list[Path],
        typer.Argument(
            metavar="RATERS...",
            help="Two or more raters: tables of coordinates (.csv: case, x1, y1, x2, ...) or folders of "
            "landmark files.",
        ),
    ],
    protocol: Annotated[str, typer.Option(help="Name of a protocol or its .json file.")] = "cephalometric-19",
    reference: Annotated[
        str | None,
        typer.Option(help="Name of the rater that the others are compared with (the first), or 'mean'."),
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Positions are pixels of unknown size, not mm.")
    ] = False,
    pixel_size: PixelSizeOption = None,
    picture_height: HeightOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for tables (.csv) and Bland-Altman plots (.png).")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare what raters, or a model and a rater, measure: differences, classes, and correlation."""
    from LandmarkDetectionLib.core.landmarks import LandmarkSet
    from LandmarkDetectionLib.evaluation.ratings import MEAN, common_cases, mean_ratings, read_ratings
    from LandmarkDetectionLib.measurement import Frame
    from LandmarkDetectionLib.measurement.from_files import Calibration, protocol_of

    if len(raters) < 2:
        raise typer.BadParameter("give at least two raters.", param_hint="RATERS")
    chosen = protocol_of(LandmarkSet(()), wanted=protocol)
    read = tuple(read_ratings(path, chosen) for path in raters)
    names = [one.rater for one in read]
    if len(set(names)) < len(names):
        raise InputError(f"Two raters are called {names[0]}; give their files different names.")
    if reference not in (None, MEAN, *names):
        raise InputError(f"There is no rater {reference}; there are {', '.join(names)} and {MEAN}.")
    cases = common_cases(read)
    first = mean_ratings(read, cases) if reference == MEAN else read[names.index(reference or names[0])]
    known = not (pixels or pixel_size is not None)
    height = float("nan") if picture_height is None else picture_height
    frame = (
        Frame.picture(spacing_known=known, height=height)
        if chosen.view == "picture"
        else Frame.space(spacing_known=known)
    )
    frame = Calibration(pixel_size=pixel_size).apply(frame, LandmarkSet(()), None)

    from LandmarkDetectionLib.evaluation.agreement import agreement as compare

    others = [one for one in read if one is not first]
    compared = {one.rater: compare(first.of(cases), one.of(cases), chosen, frame) for one in others}
    for rater, values in compared.items():
        if not values:
            raise InputError(f"{first.rater} and {rater} have no measurement of two cases in common.")
    files = _write_agreement(out, first.rater, compared, read, cases) if out is not None else []
    if as_json:
        console.print_json(_agreement_record(first.rater, compared, cases, files))
        return
    if not quiet:
        for rater, values in compared.items():
            _print_agreement(first.rater, rater, values, len(cases))
        for path in files:
            print(f"Wrote {path}")


# --- what the commands share ------------------------------------------------------------------------------


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


def _cases(
    sources: list[Path],
    protocol: str | None,
    image: Path | None,
    series: str | None,
    pixels: bool,
    calibration: Calibration,
    picture_height: float | None,
    rater_sd: float | None,
    reviewed: Reviewed | None,
) -> list[tuple[CaseReport, tuple[Path, ...]]]:
    """Every case measured, and the DICOM files of its image."""
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.measurement.from_files import (
        case_files,
        dicom_files,
        measure_found,
        protocol_of,
        read_found,
    )
    from LandmarkDetectionLib.reporting import CaseReport

    files = case_files(sources)
    wanted = int(series) if series is not None and series.isdecimal() else series
    cases = []
    for path in files:
        found = read_found(path)
        picture = _image_of(found.name, image, len(files) > 1 or any(one.is_dir() for one in sources))
        volume = read_volume(picture, series=wanted) if picture is not None else None
        measured = measure_found(
            found,
            protocol_of(found.landmarks, found.model, protocol),
            volume,
            calibration,
            in_pixels=pixels,
            picture_height=picture_height,
            rater_sd=rater_sd,
        )
        case = CaseReport(
            found.name,
            measured,
            found.landmarks,
            datetime.now(),
            volume,
            found.model,
            found.model_version,
            found.warnings,
            reviewed,
        )
        cases.append((case, dicom_files(picture, wanted) if picture is not None else ()))
    return cases


def _write_reports(
    wanted: Sequence[tuple[Path, CaseReport, tuple[Path, ...]]],
    tables: Sequence[Path],
    cases: Sequence[CaseReport],
) -> tuple[list[Path], dict[Path, LandmarkDetectionError]]:
    """Write pages, each with its case and DICOM files, and tables of all cases; what was written, or not."""
    from LandmarkDetectionLib.reporting import write_report
    from LandmarkDetectionLib.reporting.table import write_csv

    written: list[Path] = []
    problems: dict[Path, LandmarkDetectionError] = {}
    for path, case, images in wanted:
        try:
            write_report(case, path, images)
        except LandmarkDetectionError as problem:
            # The others, and the table, do not wait for one image to be exported again.
            problems[path] = problem
        else:
            written.append(path)
    for path in tables:
        write_csv(cases, path)
        written.append(path)
    return written, problems


def _raise_unwritten(problems: dict[Path, LandmarkDetectionError], count: int) -> None:
    """Raise what kept reports from being written: the problem itself, or that there were several."""
    if len(set(map(str, problems.values()))) == 1:
        raise next(iter(problems.values()))
    if problems:
        for text in map(str, problems.values()):
            console.say(f"Not written: {text}")
        raise OutputError(f"{len(problems)} of {count} reports could not be written; see above.")


def _image_of(name: str, image: Path | None, several: bool) -> Path | None:
    """The image of a case: the one that was given, or, for several cases, that of the same name."""
    if image is None or not several:
        return image
    if not image.is_dir():
        raise InputError(f"{image} is one image for several cases; give the folder that holds theirs.")
    found = sorted(one for one in image.iterdir() if one.name == name or one.name.startswith(f"{name}."))
    if not found:
        raise InputError(f"{image} holds no image named {name}; name the images as the landmark files.")
    return found[0]


def _calibration(pixel_size: float | None, ruler: str | None, distance: str | None) -> Calibration:
    from LandmarkDetectionLib.measurement.from_files import Calibration

    marks: tuple[float, float, float, float, float] | None = None
    if ruler is not None:
        try:
            places, mm = ruler.split("=")
            x1, y1, x2, y2 = (float(part) for part in places.split(","))
            marks = (x1, y1, x2, y2, float(mm))
        except ValueError:
            raise typer.BadParameter("write it as X1,Y1,X2,Y2=MM.", param_hint="--ruler") from None
    known: tuple[str, str, float] | None = None
    if distance is not None:
        try:
            names, mm = distance.split("=")
            first, last = names.split(",")
            known = (first.strip(), last.strip(), float(mm))
        except ValueError:
            raise typer.BadParameter(
                "write it as LANDMARK,LANDMARK=MM.", param_hint="--known-distance"
            ) from None
    return Calibration(pixel_size, marks, known)


# --- agreement --------------------------------------------------------------------------------------------


def _print_agreement(reference: str, rater: str, values: Sequence[Agreement], cases: int) -> None:
    from LandmarkDetectionLib.evaluation.agreement import spine_error

    heads = ["measurement", "unit", "cases", "bias", "limits of agreement", "ICC(A,1) (95 %)"]
    heads += ["same class, of images", "same class, mean of classes"]
    rows = [_agreement_row(one) for one in values]
    console.print_table(heads, rows, f"{rater} against {reference}, {cases} cases")
    judged = [one for one in values if one.confusion is not None]
    if judged:
        images, classes = _success_rates(judged)
        print(
            f"Success classification rate, average over {len(judged)} measurements: {images:.2%} of images; "
            f"{classes:.2%} as the mean over each measurement's classes."
        )
    error = spine_error(values)
    if error is not None:
        print(f"Symmetric mean absolute percentage error of the Cobb angles: {error:.2f} %")
    for one in judged:
        assert one.confusion is not None
        table = [
            [name, *map(str, counts)]
            for name, counts in zip(one.confusion.names, one.confusion.counts.tolist(), strict=True)
        ]
        title = f"{one.definition.name}: classes of {reference} (rows) and of {rater} (columns)"
        print(title)
        console.print_table(["class", *one.confusion.names], table)


def _agreement_row(one: Agreement) -> list[str]:
    from LandmarkDetectionLib.reporting.case import number

    low, high = (number(limit, one.unit, with_unit=False) for limit in one.limits)
    correlation = _correlation(one)
    rates = one.confusion
    return [
        one.definition.name,
        "" if one.unit == "1" else one.unit,
        str(len(one.reference)),
        number(one.bias, one.unit, with_unit=False),
        f"{low} to {high}",
        "-" if correlation is None else "{:.3f} ({:.2f} to {:.2f})".format(*correlation),
        "-" if rates is None else f"{rates.rate_of_images:.2%}",
        "-" if rates is None else f"{rates.rate_of_classes:.2%}",
    ]


def _success_rates(judged: Sequence[Agreement]) -> tuple[float, float]:
    tables = [one.confusion for one in judged if one.confusion is not None]
    return (
        sum(table.rate_of_images for table in tables) / len(tables),
        sum(table.rate_of_classes for table in tables) / len(tables),
    )


def _correlation(one: Agreement) -> tuple[float, float, float] | None:
    """ICC and its interval; None for too few cases or values that do not differ."""
    import numpy as np

    from LandmarkDetectionLib.evaluation.agreement import LEAST_CASES, intraclass_correlation

    ratings = np.stack([one.reference, one.other], axis=1)
    if len(ratings) < LEAST_CASES or np.ptp(ratings) == 0:
        return None
    if np.array_equal(one.reference, one.other):
        return 1.0, 1.0, 1.0
    found = intraclass_correlation(ratings)
    return found.value, found.low, found.high


def _agreement_record(
    reference: str, compared: dict[str, tuple[Agreement, ...]], cases: tuple[str, ...], files: list[Path]
) -> dict[str, object]:
    from LandmarkDetectionLib.evaluation.agreement import spine_error

    raters = {}
    for rater, values in compared.items():
        judged = [one for one in values if one.confusion is not None]
        rates = _success_rates(judged) if judged else (None, None)
        raters[rater] = {
            "success_rate_images": rates[0],
            "success_rate_classes": rates[1],
            "cobb_smape_percent": spine_error(values),
            "measurements": [{**one.to_record(), "icc": _correlation(one)} for one in values],
        }
    return {"reference": reference, "cases": len(cases), "raters": raters, "files": files}


def _write_agreement(
    out: Path,
    reference: str,
    compared: dict[str, tuple[Agreement, ...]],
    read: tuple[Ratings, ...],
    cases: tuple[str, ...],
) -> list[Path]:
    from LandmarkDetectionLib.evaluation.agreement_plots import write_bland_altman
    from LandmarkDetectionLib.files import write_text
    from LandmarkDetectionLib.io.csv_text import table_text

    make_folder(out)
    written = []
    rows: list[Sequence[object]] = [
        "reference rater measurement unit cases missing bias low high icc icc_low icc_high "
        "success_rate_images success_rate_classes".split()
    ]
    counts: list[Sequence[object]] = ["reference rater measurement reference_class class images".split()]
    for rater, values in compared.items():
        for one in values:
            rates = one.confusion
            shares = ("", "") if rates is None else (rates.rate_of_images, rates.rate_of_classes)
            head = (reference, rater, one.definition.name)
            numbers = (len(one.reference), one.missing, one.bias, *one.limits)
            rows.append((*head, one.unit, *numbers, *(_correlation(one) or ("", "", "")), *shares))
            if rates is not None:
                for row, name in enumerate(rates.names):
                    for column, other in enumerate(rates.names):
                        counts.append((*head, name, other, int(rates.counts[row, column])))
        picture = out / f"bland_altman_{rater}.png"
        write_bland_altman(values, reference, rater, picture)
        written.append(picture)
    write_text(out / "agreement.csv", table_text(rows))
    write_text(out / "confusion.csv", table_text(counts))
    return [out / "agreement.csv", out / "confusion.csv", *written]
