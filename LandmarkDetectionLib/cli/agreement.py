"""``agreement``: how far raters, or a model and a rater, measure the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.measure import HeightOption, PixelSizeOption
from LandmarkDetectionLib.cli.options import Telling
from LandmarkDetectionLib.cli.output import files_record, tell_files
from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import make_folder
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from LandmarkDetectionLib.evaluation.agreement import Agreement


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
    *,
    recording: Recording,
    telling: Telling,
) -> None:
    """Compare what raters, or a model and a rater, measure: differences, classes, and correlation."""
    from LandmarkDetectionLib.core.landmarks import LandmarkSet
    from LandmarkDetectionLib.evaluation.ratings import MEAN, common_cases, mean_ratings, read_ratings
    from LandmarkDetectionLib.measurement import Frame
    from LandmarkDetectionLib.measurement.from_files import PixelSizing, protocol_of

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
    frame = PixelSizing(pixel_size=pixel_size).apply(frame, LandmarkSet(()), None)

    from LandmarkDetectionLib.evaluation.agreement import agreement as compare

    others = [one for one in read if one is not first]
    compared = {one.rater: compare(first.of(cases), one.of(cases), chosen, frame) for one in others}
    for rater, values in compared.items():
        if not values:
            raise InputError(f"{first.rater} and {rater} have no measurement of two cases in common.")
    files = _write_agreement(out, first.rater, compared) if out is not None else []
    manifest = recording.keep(files, beside=out, files={"rater": raters}, protocol=chosen)
    if telling.as_json:
        record = _agreement_record(first.rater, compared, cases)
        console.print_json({**record, **files_record(files, manifest)})
        return
    if telling.shown:
        for rater, values in compared.items():
            _print_agreement(first.rater, rater, values, len(cases))
    tell_files(files, telling, manifest=manifest)


def _print_agreement(reference: str, rater: str, values: Sequence[Agreement], cases: int) -> None:
    from LandmarkDetectionLib.evaluation.agreement import spine_error

    heads = ["measurement", "unit", "cases", "bias", "limits of agreement", "ICC(A,1) (95 %)"]
    heads += ["same class, of images", "same class, mean of classes"]
    rows = [_agreement_row(one) for one in values]
    console.print_table(heads, rows, f"{rater} against {reference}, {counted(cases, 'case')}")
    judged = [one for one in values if one.confusion is not None]
    if judged:
        images, classes = _success_rates(judged)
        print(
            f"Success classification rate, average over {counted(len(judged), 'measurement')}: {images:.2%} "
            f"of images; {classes:.2%} as the mean over each measurement's classes."
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
    reference: str, compared: dict[str, tuple[Agreement, ...]], cases: tuple[str, ...]
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
    return {"reference": reference, "cases": len(cases), "raters": raters}


def _write_agreement(out: Path, reference: str, compared: dict[str, tuple[Agreement, ...]]) -> list[Path]:
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
