"""The command line's part for evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.commands import with_options
from LandmarkDetectionLib.cli.options import PICTURE_SUFFIXES, DeviceOption, Telling, check_outputs
from LandmarkDetectionLib.cli.output import files_record, tell_files
from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.datasets.cases import Case, Datalist
    from LandmarkDetectionLib.evaluation.evaluate import Evaluation, Normalisation
    from LandmarkDetectionLib.models import Model

#: What errors are told in.
EvaluationUnit = Literal["auto", "mm", "px"]

#: What the numbers of a table are.
TableUnit = Literal["mm", "pixel"]


@dataclass(frozen=True)
class Compared:
    """What is measured: whose landmarks, on which cases, against whom."""

    predictions: Annotated[
        list[str] | None,
        typer.Option(
            "--predictions",
            "-p",
            metavar="NAME=FOLDER",
            help="A model's landmark files, one per case, named as the image; may be given several times.",
        ),
    ] = None
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="Installed model, or its folder, to run on every case; may be given several times.",
        ),
    ] = None
    split: Annotated[str, typer.Option(help="Evaluate this split only.")] = ""
    rater: Annotated[
        str, typer.Option(help="mean of the raters, all (the mean and every single one), or a rater's name.")
    ] = "mean"
    landmarks: Annotated[str, typer.Option(metavar="A,B,...", help="Evaluate these landmarks only.")] = ""
    rename: Annotated[
        str,
        typer.Option(
            metavar="A=B,...",
            help="What the data set calls landmarks of the models: index_pip=index_2. By default those of "
            "the same name are evaluated.",
        ),
    ] = ""

    @property
    def folders(self) -> list[tuple[str, Path]]:
        """Names of models with the folders of their landmark files."""
        return _named_folders(self.predictions or [])


@dataclass(frozen=True)
class Measures:
    """How errors are told."""

    radius: Annotated[
        str,
        typer.Option(
            metavar="R,R,...", help="Radii of the success detection rate (2,2.5,3,4 mm; 5,10,15,20 px)."
        ),
    ] = ""
    outlier: Annotated[
        str,
        typer.Option(
            metavar="R,R,...", help="Radii above which an error is an outlier (2,4,10 mm; 10,20,40 px)."
        ),
    ] = ""
    unit: Annotated[
        EvaluationUnit, typer.Option(help="auto: mm where the size of a pixel is known, px where it is not.")
    ] = "auto"
    table_unit: Annotated[
        TableUnit,
        typer.Option(
            help="What the numbers of prediction tables (.csv) are: RAS mm, or pixels of the image."
        ),
    ] = "mm"
    normalise: Annotated[
        str,
        typer.Option(
            metavar="A,B=MM",
            help="Take the distance of two landmarks, or of two middles a+b, for known in every case, as a "
            "wrist of 50 mm.",
        ),
    ] = ""
    found_within: Annotated[
        float | None,
        typer.Option(help="Radius within which a landmark is found, for the reliability of confidences."),
    ] = None

    def keywords(self) -> dict[str, Any]:
        """For `evaluation.evaluate.evaluate`; what is written wrongly is refused."""
        if self.found_within is not None and not (math.isfinite(self.found_within) and self.found_within > 0):
            raise typer.BadParameter("give a positive length.", param_hint="--found-within")
        return {
            "unit": self.unit,
            "normalisation": _normalisation(self.normalise),
            "radii": _numbers(self.radius, "--radius"),
            "outlier_radii": _numbers(self.outlier, "--outlier"),
            "found_within": self.found_within,
        }


@dataclass(frozen=True)
class Page:
    """What the report shows."""

    worst: Annotated[int, typer.Option(min=0, max=40, help="Worst cases to show of every model.")] = 4
    mni: Annotated[
        bool, typer.Option("--mni", help="The images are in MNI space: draw the errors on a glass brain.")
    ] = False


def evaluate(
    data: Annotated[
        Path, typer.Argument(metavar="DATALIST", help="Datalist (.json) with the true landmarks.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the report; made when missing.")],
    compared: Compared,
    measures: Measures,
    shown: Page,
    *,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same intervals.")] = 0,
    device: DeviceOption = "auto",
    recording: Recording,
    telling: Telling,
) -> None:
    """Measure models on a data set, as papers do: errors, rates, intervals, tests, figures.

    Predictions of --model are kept in OUT/predictions; the same command goes on where it was stopped.
    """
    folders, names, measuring = compared.folders, _renamed(compared.rename), measures.keywords()
    if not folders and not compared.model:
        raise typer.BadParameter(
            "give --predictions NAME=FOLDER or --model MODEL.", param_hint="--predictions"
        )

    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.evaluation.evaluate import evaluate as run
    from LandmarkDetectionLib.evaluation.evaluate import (
        renamed,
        select_cases,
        shared_landmarks,
        training_cases,
    )
    from LandmarkDetectionLib.evaluation.predictions import predict, read_predictions
    from LandmarkDetectionLib.evaluation.report_pages import write_evaluation
    from LandmarkDetectionLib.models import load_model

    with console.progress_bar(telling.shown) as progress, console.interruptible() as cancelled:
        progress(0.0, "reading the data set")
        models = [load_model(name) for name in compared.model or []]
        datalist = read_datalist(data, missing="allow")
        cases, root = select_cases(datalist, compared.split), datalist.path.parent
        finds = {one.name: [names.get(name, name) for name in one.protocol.names] for one in models}
        # Before any model is run, which may take hours.
        chosen, shared = shared_landmarks(datalist, finds, _words(compared.landmarks))
        found = [read_predictions(name, folder, cases, root, measures.table_unit) for name, folder in folders]
        found += [
            predict(
                one,
                cases,
                root,
                out / "predictions" / one.name,
                device=device,
                progress=progress,
                cancelled=cancelled,
            )
            for one in models
        ]
        progress(0.0, "comparing")
        result = run(
            datalist,
            [renamed(one, names) for one in found],
            split=compared.split,
            rater=compared.rater,
            landmarks=chosen,
            seed=seed,
            **measuring,
        )
        seen = tuple(text for one in models if (text := _learned_from(one, datalist, cases)))
        about = {shared: "--rename", training_cases(datalist, cases): "--split"}
        notes = (text for text in (shared, *result.notes, *seen) if text)
        result = replace(
            result,
            notes=tuple(with_options(text, about[text]) if text in about else text for text in notes),
        )
        page = write_evaluation(result, out, worst=shown.worst, glass_brain=shown.mni, progress=progress)
    files = _files(page)
    manifest = recording.keep(
        files,
        beside=out,
        files={"datalist": [data], "predictions": [folder for _, folder in folders]},
        models=models,
    )
    _tell(result, files, manifest, telling)


def learning_curve(
    runs: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="CSV table of runs with the columns network,images,errors."),
    ],
    out: Annotated[Path, typer.Option(help="Figure to write (.png, .svg, .pdf).")],
    *,
    recording: Recording,
    telling: Telling,
) -> None:
    """Draw errors over the number of training images, from what evaluate measured of every run.

    Each row names a network, how many images it was trained on, and the errors.csv of its evaluation; rows of
    the same network and number are folds and are taken together.
    """
    from LandmarkDetectionLib.evaluation.learning_curve import learning_curve_figure, read_runs
    from LandmarkDetectionLib.evaluation.plots import write_figure

    check_outputs([out], PICTURE_SUFFIXES)
    write_figure(learning_curve_figure(read_runs(runs)), out)
    tell_files([out], telling, manifest=recording.keep([out], files={"runs": [runs]}))


def kernels(
    model: Annotated[str, typer.Argument(help="Name of an installed model, or its folder.")],
    out: Annotated[Path, typer.Option(help="Figure to write (.png, .svg, .pdf).")],
    network: Annotated[str, typer.Option(help="Which of the model's networks; the first otherwise.")] = "",
    *,
    recording: Recording,
    telling: Telling,
) -> None:
    """Draw the kernels of a network's first layer."""
    from LandmarkDetectionLib.errors import InputError
    from LandmarkDetectionLib.evaluation.network_pictures import kernel_figure
    from LandmarkDetectionLib.evaluation.plots import write_figure
    from LandmarkDetectionLib.models import load_model

    check_outputs([out], PICTURE_SUFFIXES)
    package = load_model(model)
    chosen = network or next(iter(package.networks))
    if chosen not in package.networks:
        raise InputError(
            f"The model {package.name} has no network {chosen}; it has {', '.join(package.networks)}."
        )
    write_figure(kernel_figure(package.build_networks()[chosen]), out)
    tell_files([out], telling, manifest=recording.keep([out], models=[package]))


def _learned_from(model: Model, datalist: Datalist, cases: Sequence[Case]) -> str:
    """A sentence where a model learned from cases it is measured on, as far as this computer remembers."""
    from LandmarkDetectionLib.errors import InputError
    from LandmarkDetectionLib.models.learned_from import noted_data
    from LandmarkDetectionLib.training.supervised.plan import divide

    learned: set[int] = set()
    for source in noted_data(model):
        if Path(source.path).resolve() == datalist.path.resolve():
            with suppress(InputError):
                split = divide(datalist, source.held_out, source.seed, source.learn_from)
                learned |= {case.row for case in split.training}
    known = sum(case.row in learned for case in cases)
    return (
        f"{model.name} learned from {known} of {counted(len(cases), 'case')}: its errors there say little."
        if known
        else ""
    )


def _files(page: Path) -> list[Path]:
    """What an evaluation has written, the page first and the record of everything last."""
    measured = read_json(page.parent / "results.json")["measurements"]
    tables = ["summary.csv", "errors.csv", *(["measurements.csv"] if measured else [])]
    return [page, *(page.parent / name for name in ("summary.md", *tables, "results.json"))]


def _tell(result: Evaluation, files: Sequence[Path], manifest: Path | None, telling: Telling) -> None:
    content = read_json(files[-1])
    measured = content["measurements"]
    if telling.as_json:
        everything = [row for row in content["summary"] if row["landmark"] == "all"]
        told = {
            "notes": content["notes"],
            "summary": everything,
            "regions": {model: found["all"] for model, found in content["regions"].items()},
            "measurements": measured,
        }
        console.print_json({**files_record(files, manifest), **told})
        return
    for note in result.notes:
        console.say(f"Note: {note}")
    if telling.quiet:
        return
    from LandmarkDetectionLib.evaluation.metrics import summarise

    unit = result.unit
    heading = [
        "model",
        f"MRE ({unit})",
        "sd",
        "median",
        *(f"SDR {radius:g}" for radius in result.radii),
        "missed",
    ]
    rows = []
    for name in result.models:
        one = summarise(result.errors(name), result.radii)
        rates = [f"{100 * one.success[radius]:.1f} %" for radius in result.radii]
        lengths = [
            f"{value:.2f}" if math.isfinite(value) else "-" for value in (one.mean, one.deviation, one.median)
        ]
        rows.append([name, *lengths, *rates, f"{one.missed} of {one.count}"])
    console.print_table(heading, rows)
    for model, found in content["regions"].items():
        print(_of_regions(model, found["all"]))
    for line in _of_measurements(measured):
        print(line)
    tell_files(files, telling, manifest=manifest)


def _of_regions(model: str, held: dict[str, Any]) -> str:
    """How much a model's 95 % regions hold, in a line."""
    size = held["median_size"]
    large = "" if size is None else f"; their median size is {size:.1f} {held['unit']}"
    of = f"{100 * held['share']:.1f} % of {counted(held['count'], 'landmark')}"
    return f"{model}: 95 % regions hold {of}{large}."


def _of_measurements(measured: dict[str, Any] | None) -> Iterator[str]:
    """Rates of classes and errors of Cobb angles, a line for every model."""
    if measured is None:
        return
    for model, rate in measured["success classification rate"].items():
        yield f"{model}: {100 * rate['value']:.2f} % in the same class (SCR, mean over the measurements)."
    for model, error in measured["Cobb SMAPE percent"].items():
        own = [row for row in measured["rows"] if row["model"] == model]
        degrees = ", ".join(
            f"{row['measurement']} {row['mean absolute error']:.2f}"
            for row in own
            if row["unit"] == "deg" and row["mean absolute error"] is not None
        )
        yield f"{model}: SMAPE of the Cobb angles {error['value']:.2f} %; mean absolute error {degrees} deg."


def _named_folders(texts: list[str]) -> list[tuple[str, Path]]:
    found = []
    for text in texts:
        name, separator, folder = text.partition("=")
        if not separator or not name.strip() or not folder.strip():
            raise typer.BadParameter(f"'{text}' will not do: write NAME=FOLDER.", param_hint="--predictions")
        found.append((name.strip(), Path(folder.strip()).expanduser()))
    return found


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _renamed(text: str) -> dict[str, str]:
    names = {}
    for word in _words(text):
        model, separator, data = (part.strip() for part in word.partition("="))
        if not (model and separator and data) or model in names:
            raise typer.BadParameter(
                f"'{word}' will not do: write the model's name and the data set's as a=b, each once.",
                param_hint="--rename",
            )
        names[model] = data
    return names


def _numbers(text: str, option: str) -> list[float]:
    try:
        numbers = [float(word) for word in _words(text)]
    except ValueError:
        numbers = [math.nan]
    if not all(math.isfinite(number) and number > 0 for number in numbers):
        raise typer.BadParameter(
            f"'{text}' will not do: write positive numbers as 2,2.5,3,4.", param_hint=option
        )
    return numbers


def _normalisation(text: str) -> Normalisation | None:
    if not text:
        return None
    from LandmarkDetectionLib.evaluation.evaluate import Normalisation

    names, _, length = text.rpartition("=")
    ends = _words(names)
    try:
        value = float(length)
    except ValueError:
        value = math.nan
    if len(ends) != 2 or ends[0] == ends[1] or not (math.isfinite(value) and value > 0):
        raise typer.BadParameter(
            f"'{text}' will not do: write two landmarks and their distance in mm as a,b=50.",
            param_hint="--normalise",
        )
    return Normalisation(ends[0], ends[1], value)
