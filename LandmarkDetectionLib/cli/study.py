"""The command line's part for studies and their data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import DeviceOption, Telling
from LandmarkDetectionLib.cli.output import tell_files
from LandmarkDetectionLib.files import results_folder
from LandmarkDetectionLib.wording import counted

app = typer.Typer(help="Repeat the synthetic-data study, also on your own scans.", no_args_is_help=True)

#: The paper's two applications.
StudyRegion = Literal["hand", "body"]


@app.command("synthetic")
def synthetic(
    region: Annotated[StudyRegion, typer.Option(help="What the images show.")],
    out: Annotated[Path, typer.Option(help="Folder of the study; the same command goes on in it.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Datalist (.json) of your scans; without one a second synthetic domain stands in for them."
        ),
    ] = None,
    preset: Annotated[str, typer.Option(help="paper, scaled, or tiny.")] = "scaled",
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed than the preset's.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Folds side by side; as many as there are cores otherwise.")
    ] = None,
    device: DeviceOption = "auto",
    *,
    telling: Telling,
) -> None:
    """Train, cross-validate and compare every method of the paper, and write a report.

    Ctrl-C, or a kill, loses no finished part: the same command goes on from there.
    """
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.study.presets import study_config

    config = study_config(preset, region)
    if seed is not None:
        config = config.model_copy(update={"seed": seed})
    datalist = read_datalist(data) if data is not None else None
    for warning in datalist.warnings if datalist is not None else ():
        console.say(f"Warning: {warning}.")

    from LandmarkDetectionLib.detectors.dispatch import choose_device
    from LandmarkDetectionLib.study.report import write_report
    from LandmarkDetectionLib.study.run import run_study, with_data

    if datalist is not None:
        config = with_data(config, datalist)
        if untouched := len(datalist) - len(datalist.to_learn_from()):
            are = "is" if untouched == 1 else "are"
            console.say(
                f"Note: {untouched} of {counted(len(datalist), 'case')} {are} of other splits than the one "
                f"to learn from, and {are} not touched."
            )
    with (
        results_folder(out),
        console.progress_bar(telling.shown) as progress,
        console.interruptible() as cancelled,
    ):
        result = run_study(
            config,
            out,
            datalist,
            device=choose_device(device),
            workers=workers,
            progress=progress,
            cancelled=cancelled,
        )
    page = write_report(result, out)
    if telling.as_json:
        console.print_json({"report": page, "results": out / "results.json"})
    else:
        tell_files([page], telling)


@app.command("package")
def package(
    study: Annotated[Path, typer.Option(help="Folder of a finished study.")],
    out: Annotated[Path, typer.Option(help="Folder of the model to write.")],
    name: Annotated[str, typer.Option(help="Name of the model: lower case letters, digits and dashes.")],
    model_version: Annotated[str, typer.Option(help="Version of the model.")] = "1.0.0",
    device: DeviceOption = "auto",
    *,
    telling: Telling,
) -> None:
    """Fine-tune on all cases of a study and write a model of your own."""
    from LandmarkDetectionLib.detectors.dispatch import choose_device
    from LandmarkDetectionLib.study.package import package_study

    with console.progress_bar(telling.shown) as progress:
        model = package_study(
            study,
            out,
            name=name,
            version=model_version,
            device=choose_device(device),
            progress=progress,
        )
    tell_files([model.path], telling)
