"""The command line's part for data sets: import, export, check, divide and summarise them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.commands import with_options
from LandmarkDetectionLib.cli.options import PICTURE_SUFFIXES, JsonOption, check_outputs
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.datasets.cases import Datalist
    from LandmarkDetectionLib.datasets.importers.writing import Imported

app = typer.Typer(
    help="Bring annotated images into a data set: import, export, check, divide.", no_args_is_help=True
)

ListArgument = Annotated[Path, typer.Argument(metavar="DATALIST", help="Datalist (.json).")]
MissingOption = Annotated[
    bool, typer.Option("--allow-missing", help="Cases may lack landmarks that others have.")
]

#: What can be imported.
Format = Literal[
    "isbi2015", "hand-atlas", "aasce", "afids", "nnlandmark", "monai", "slicer", "dicom-sr", "tps", "table"
]

#: What a data set can be written as.
ExportFormat = Literal["monai", "nnlandmark"]

#: Where rows are counted from.
YOrigin = Literal["top", "bottom"]

#: What the scale of a TPS file may be in.
ScaleUnit = Literal["mm", "cm", "m", "inch"]

MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "inch": 25.4}


@app.command("import")
def import_data(
    kind: Annotated[Format, typer.Argument(metavar="FORMAT", help="How SOURCE is laid out.")],
    source: Annotated[Path, typer.Argument(help="Folder as downloaded, or a Slicer scene.")],
    out: Annotated[Path, typer.Option(help="New folder for the datalist.")],
    table: Annotated[
        list[str] | None,
        typer.Option(help="Table of pixel positions (.csv, .tps), or RATER=FILE; once per rater."),
    ] = None,
    protocol: Annotated[str, typer.Option(help="table, tps: protocol whose landmarks the columns are.")] = "",
    names: Annotated[str, typer.Option(help="table, tps: names of the landmarks, with commas between.")] = "",
    pixel_mm: Annotated[
        float | None,
        typer.Option(min=1e-6, help="table, tps: size of a pixel where the images do not say it."),
    ] = None,
    origin: Annotated[
        float,
        typer.Option(help="table, tps: number of the first pixel's centre; 1 where tables count from 1."),
    ] = 0.0,
    y_from: Annotated[
        YOrigin | None,
        typer.Option(
            help="table, tps: where y is counted from; top in tables and bottom in TPS files otherwise."
        ),
    ] = None,
    scale_unit: Annotated[
        ScaleUnit, typer.Option(help="tps: unit per pixel of SCALE=, which the files do not say.")
    ] = "mm",
    raters: Annotated[bool, typer.Option(help="afids: take each rater instead of the ground truth.")] = False,
    wrist: Annotated[bool, typer.Option(help="hand-atlas: every wrist counts as 50 mm wide.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a datalist of a public data set, of tables, or of what 3D Slicer saved.

    FORMAT is isbi2015, hand-atlas, aasce, afids, nnlandmark, monai, slicer, dicom-sr, tps or table;
    docs/data.md says how each is laid out.
    """
    tables = _tables(table or [])
    if kind == "table" and not tables:
        raise typer.BadParameter("the format table needs --table.", param_hint="--table")
    if kind not in ("table", "tps", "hand-atlas") and tables:
        raise typer.BadParameter(f"the format {kind} has its own annotations.", param_hint="--table")
    if y_from is not None and kind not in ("table", "tps"):
        raise typer.BadParameter(f"the format {kind} says where y is counted from.", param_hint="--y-from")
    counting: dict[str, Any] = {
        "protocol": protocol,
        "names": [name.strip() for name in names.split(",") if name.strip()],
        "pixel_mm": pixel_mm,
        "origin": origin,
        **({"y_from": y_from} if y_from is not None else {}),
    }
    if kind == "tps":
        from LandmarkDetectionLib.datasets.importers.tps import import_tps

        done = import_tps(source, out, tables or None, unit_mm=MM_PER_UNIT[scale_unit], **counting)
    else:
        done = _import(kind, source, out, tables, counting, raters, wrist)
    if as_json:
        console.print_json({"datalist": done.datalist, "cases": done.cases, "notes": list(done.notes)})
        return
    for note in done.notes:
        options = ("--scale-unit",) if note in done.assumed else ()
        console.say(f"Note: {with_options(f'{note}.', *options)}")
    print(f"Wrote {done.datalist} with {counted(done.cases, 'case')}.")


@app.command("export")
def export_data(
    kind: Annotated[ExportFormat, typer.Argument(metavar="FORMAT", help="monai or nnlandmark.")],
    data: ListArgument,
    out: Annotated[Path, typer.Option(help="New folder for the data set.")],
    rater: Annotated[str, typer.Option(help="Whose landmarks; the mean of all raters otherwise.")] = "mean",
    as_json: JsonOption = False,
) -> None:
    """Write a data set for MONAI or nnLandmark, so that the same data train theirs, too."""
    datalist = _read(data, True, None)
    if kind == "monai":
        from LandmarkDetectionLib.datasets.exporters.monai import export_monai

        done = export_monai(datalist, out, rater)
    else:
        from LandmarkDetectionLib.datasets.exporters.nnlandmark import export_nnlandmark

        done = export_nnlandmark(datalist, out, rater)
    if as_json:
        console.print_json({"file": done.file, "cases": done.cases, "notes": list(done.notes)})
        return
    for note in done.notes:
        console.say(f"Note: {note}.")
    print(f"Wrote {done.file} with {counted(done.cases, 'case')}.")


@app.command("check")
def check(
    data: ListArgument,
    allow_missing: MissingOption = False,
    split: Annotated[
        list[str] | None, typer.Option(help="Split that must have a case; several times.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Draw the landmarks of a few cases on their images (.png, .svg, .pdf)."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a datalist: refuse what is wrong, warn of what looks wrong, and say what is in it."""
    if sheet is not None:
        _draw_sheet(data, sheet)
    datalist = _read(data, allow_missing, split)
    if as_json:
        console.print_json(_contents(datalist))
        return
    for warning in datalist.warnings:
        console.say(f"Warning: {warning}.")
    for key, value in _contents(datalist).items():
        if key != "warnings":
            print(f"{key}: {(', '.join(value) or 'none') if isinstance(value, list) else value}")


@app.command("split")
def split_data(
    data: ListArgument,
    out: Annotated[Path, typer.Option(help="Datalist to write, in the folder of the old one.")],
    train: Annotated[float, typer.Option(min=0, help="Share of the split train.")] = 0.8,
    val: Annotated[float, typer.Option(min=0, help="Share of the split val.")] = 0.2,
    test: Annotated[float, typer.Option(min=0, help="Share of the split test.")] = 0.0,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Instead, folds of equal size: fold 1, fold 2, ...")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same splits.")] = 0,
    every: Annotated[
        bool, typer.Option("--all", help="Divide all cases anew, also those of a test split that is there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Divide the cases into splits or folds, all images of a subject into the same one.

    Where there are splits already, only what may be learned from is divided: the split called train, or else
    all that are not called val, held back or test. The others stay what they are (--all divides them, too).
    """
    from LandmarkDetectionLib.files import read_json, write_text

    datalist = _read(data, True, None)
    if data.absolute().parent != out.absolute().parent:
        raise OutputError(f"Cannot write {out}: the paths in {data} are relative, so write beside it.")
    learned = {case.row for case in datalist if every} or {case.row for case in datalist.to_learn_from()}
    divided = [n for n, case in enumerate(datalist) if case.row in learned]
    subjects = [datalist.subjects[n] for n in divided]
    splits = [case.split for case in datalist]
    if folds is not None:
        from LandmarkDetectionLib.datasets.folds import make_folds

        made = make_folds(subjects, "k-fold", folds, seed)
        for number, fold in enumerate(made, start=1):
            for case in fold.test:
                splits[divided[case]] = f"fold {number}"
    else:
        from LandmarkDetectionLib.datasets.splits import assign_splits

        shares = {"train": train, "val": val, "test": test}
        for n, split in zip(divided, assign_splits(subjects, shares, seed), strict=True):
            splits[n] = split
    import json

    content = read_json(data)
    for row, split in zip(content["cases"], splits, strict=True):
        row["split"] = split
    write_text(out, json.dumps(content, indent=1) + "\n")
    if untouched := len(datalist) - len(divided):
        many = "cases of splits that are not learned from stay what they are"
        one = "case of a split that is not learned from stays what it is"
        console.say(f"Note: {counted(untouched, one, many)}.")
    counts = {split: splits.count(split) for split in sorted(set(splits))}
    if as_json:
        console.print_json({"datalist": out, "splits": counts})
    else:
        said = (f"{counted(count, 'case')} in {split}" for split, count in counts.items())
        print(f"Wrote {out}: {', '.join(said)}.")


@app.command("summary")
def summary(data: ListArgument, as_json: JsonOption = False) -> None:
    """Count the cases, splits and landmarks of a data set, and say how far its raters are apart."""
    from LandmarkDetectionLib.datasets.summary import summarise

    found = summarise(_read(data, True, None))
    if as_json:
        console.print_json(found.to_record())
        return
    print(f"{found.name}: {counted(found.cases, 'case')} of {counted(found.subjects, 'subject')}")
    for split, count in found.splits.items():
        print(f"split {split or '(none)'}: {count}")
    for rater, count in found.raters.items():
        print(f"rater {rater}: {counted(count, 'case')}")
    rows = []
    for row in found.landmarks:
        apart = [f"{value:.2f}" if row.pairs else "-" for value in (row.mean, row.median)]
        rows.append([row.landmark, str(row.annotated), *apart])
    unit = found.unit
    console.print_table(["landmark", "annotations", f"raters apart, mean {unit}", f"median {unit}"], rows)


def _draw_sheet(data: Path, sheet: Path) -> None:
    """Before the check, so that a data set that is refused can be looked at."""
    from LandmarkDetectionLib.datasets.datalist import list_cases, read_datalist
    from LandmarkDetectionLib.evaluation.dataset_sheet import write_dataset_sheet
    from LandmarkDetectionLib.files import require_not_inputs

    check_outputs([sheet], PICTURE_SUFFIXES)
    cases = read_datalist(data, "allow").cases if data.is_dir() else list_cases(data)
    read = (file for case in cases for file in (*case.image_files, *(path for _, path in case.landmarks)))
    require_not_inputs([sheet], read)
    write_dataset_sheet(cases, sheet)
    console.say(f"Wrote {sheet}; look whether the points lie where they belong.")


def _read(data: Path, allow_missing: bool, splits: list[str] | None) -> Datalist:
    from LandmarkDetectionLib.datasets.datalist import read_datalist

    return read_datalist(data, "allow" if allow_missing else "refuse", tuple(splits or ()))


def _contents(datalist: Datalist) -> dict[str, Any]:
    splits = [case.split for case in datalist]
    return {
        "name": datalist.name,
        "cases": len(datalist),
        "subjects": len(set(datalist.subjects)),
        "splits": [f"{split} ({splits.count(split)})" for split in sorted(set(splits)) if split],
        "raters": list(datalist.raters),
        "landmarks": list(datalist.landmark_names),
        "warnings": [str(warning) for warning in datalist.warnings],
    }


def _tables(given: list[str]) -> dict[str, Path]:
    tables: dict[str, Path] = {}
    for text in given:
        rater, _, file = text.rpartition("=")
        rater = rater or ("rater" if len(given) == 1 else Path(file).stem)
        if rater in tables:
            raise InputError(f"Two tables are by {rater}; name their raters as RATER=FILE.")
        tables[rater] = Path(file)
    return tables


def _import(
    kind: Format,
    source: Path,
    out: Path,
    tables: dict[str, Path],
    counting: dict[str, Any],
    raters: bool,
    wrist: bool,
) -> Imported:
    if kind == "isbi2015":
        from LandmarkDetectionLib.datasets.importers.isbi2015 import import_isbi2015

        return import_isbi2015(source, out)
    if kind == "hand-atlas":
        from LandmarkDetectionLib.datasets.importers.hand_atlas import import_hand_atlas

        return import_hand_atlas(source, out, next(iter(tables.values()), None), wrist)
    if kind == "aasce":
        from LandmarkDetectionLib.datasets.importers.aasce import import_aasce

        return import_aasce(source, out)
    if kind == "afids":
        from LandmarkDetectionLib.datasets.importers.afids import import_afids

        return import_afids(source, out, raters)
    if kind == "nnlandmark":
        from LandmarkDetectionLib.datasets.importers.nnlandmark import import_nnlandmark

        return import_nnlandmark(source, out)
    if kind == "monai":
        from LandmarkDetectionLib.datasets.importers.monai import import_monai

        return import_monai(source, out)
    if kind == "dicom-sr":
        from LandmarkDetectionLib.datasets.importers.dicom_reports import import_dicom_reports

        return import_dicom_reports(source, out)
    if kind == "slicer":
        from LandmarkDetectionLib.datasets.importers.slicer_scenes import import_slicer

        return import_slicer(source, out)
    from LandmarkDetectionLib.datasets.importers.table import import_table

    return import_table(source, tables, out, **counting)
