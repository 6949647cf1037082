"""The command line: thin faces over the library's functions.

Nothing but Typer is imported until a command needs it, so ``--help`` answers at once. Every error a user can
cause is one sentence on standard error and an exit code of :mod:`LandmarkDetectionLib.errors`.
"""

from __future__ import annotations

import errno
import io
import math
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from LandmarkDetectionLib import (
    __version__,
    cli_annotations,
    cli_batch,
    cli_cohort,
    cli_data,
    cli_evaluate,
    cli_finetune,
    cli_measure,
    cli_refine,
    cli_study,
    cli_train,
    console,
)
from LandmarkDetectionLib.cli_help import GroupedCommands, WholeHelp
from LandmarkDetectionLib.cli_options import Device, DeviceOption, JsonOption, QuietOption, make_folder
from LandmarkDetectionLib.errors import (
    Cancelled,
    InputError,
    LandmarkDetectionError,
    MissingPackageError,
    ModelError,
    OutputError,
)

if TYPE_CHECKING:
    from types import FrameType

    from LandmarkDetectionLib.detection import Detection
    from LandmarkDetectionLib.landmarks import LandmarkSet
    from LandmarkDetectionLib.measurement import Measurements
    from LandmarkDetectionLib.model import Model
    from LandmarkDetectionLib.protocol import Protocol
    from LandmarkDetectionLib.volume import Volume

DEFAULT_MODEL = "whole-body-ct"
SHEET_AT_MOST = 400
#: Options of all commands that name what is written; all other paths are read.
OUTPUT_OPTIONS = {"output", "out", "overlay", "phantom", "truth", "volumes", "sheet"}
#: A table of codes is completed.
BOTH_READ_AND_WRITTEN = {"key"}
PICTURE_SUFFIXES = (".png", ".svg", ".pdf")

# Which extra of the pip package brings an optional module.
_EXTRAS = {
    "anny": "synthesis",
    "lightning_fabric": "train",
    "tensorboard": "train",
    "faiss": "study",
    "sklearn": "study",
    "highdicom": "dicom-sr",
    "pandas": "agreement",
    "pingouin": "agreement",
    "nilearn": "brain",
    **dict.fromkeys(("cryptography", "dask", "distributed", "filelock", "psutil", "pyarrow"), "batch"),
    "dask_jobqueue": "slurm",
}

EXIT_CODES = (
    "Exit codes: 0 done, 1 a defect of this program, 2 wrong usage, 3 the input cannot be used, 4 the model "
    "cannot be used, 5 the output cannot be written, 6 no body in the image, 7 a package is missing, "
    "8 a training diverged, 9 the workers are gone, 10 a new model is not better, 130 cancelled."
)

app = typer.Typer(
    cls=GroupedCommands,
    rich_markup_mode=None,
    help="Anatomical landmarks in CT, MR and radiographs. For research use only.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
models_app = typer.Typer(help="List, inspect, check, install and remove models.", no_args_is_help=True)
app.add_typer(models_app, name="models", cls=WholeHelp, epilog=EXIT_CODES)
app.add_typer(cli_data.app, name="data", cls=WholeHelp, epilog=EXIT_CODES)
app.add_typer(cli_annotations.app, name="annotations", cls=WholeHelp, epilog=EXIT_CODES)
app.add_typer(cli_study.app, name="study", cls=WholeHelp, epilog=EXIT_CODES)
app.command(epilog=EXIT_CODES)(cli_batch.batch)
app.command(name="train", epilog=EXIT_CODES)(cli_train.train)
app.command(name="finetune", epilog=EXIT_CODES)(cli_finetune.finetune)
cli_measure.add_to(app, EXIT_CODES)
cli_refine.add_to(app, EXIT_CODES)
app.command(epilog=EXIT_CODES)(cli_evaluate.evaluate)
app.command("learning-curve", epilog=EXIT_CODES)(cli_evaluate.learning_curve)
app.command("cohort-report", epilog=EXIT_CODES)(cli_cohort.cohort_report)
models_app.command("kernels", epilog=EXIT_CODES)(cli_evaluate.kernels)


class Depth(str, Enum):
    """How the depth of a landmark is found."""

    MEAN = "mean"
    NETWORK = "network"
    LATERAL = "lateral"


class Side(str, Enum):
    """Which hand a picture shows."""

    AUTO = "auto"
    LEFT = "left"
    RIGHT = "right"


class HeadContrast(str, Enum):
    """How synthetic heads are scanned."""

    CT = "ct"
    MR = "mr"


class Region(str, Enum):
    """What is synthesised and studied."""

    BODY = "body"
    HAND = "hand"


ModelOption = Annotated[str, typer.Option("--model", "-m", help="Name of an installed model, or its folder.")]
SeedOption = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]


# --- commands ---------------------------------------------------------------------------------------------


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"landmark-detection {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, anywhere.")] = False,
) -> None:
    """Anatomical landmarks in CT, MR and radiographs. For research use only."""


@app.command(epilog=EXIT_CODES)
def detect(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="NIfTI, NRRD, MetaImage, radiograph, or DICOM folder.")
    ],
    model: ModelOption = DEFAULT_MODEL,
    series: Annotated[
        str | None, typer.Option(help="Number or UID of a DICOM series (see the command series).")
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write; the ending chooses the format: .mrk.json or .fcsv for Slicer, .csv, "
            ".json for the full record. May be given several times.",
        ),
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(help="Picture to write: the views with the landmarks (.png, .svg, .pdf).")
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Voxels above this value are body (HU in CT); estimated when not given."),
    ] = None,
    depth: Annotated[
        Depth | None, typer.Option(help="How depth is found; the model's best otherwise.")
    ] = None,
    side: Annotated[
        Side,
        typer.Option(
            help="Which hand it is, for models of hands; auto looks where the thumb is, taking a "
            "radiograph as dorsopalmar (PA)."
        ),
    ] = Side.AUTO,
    channel: Annotated[
        list[Path] | None,
        typer.Option(help="Further image of the case on the same voxels, for models of several (T1w, T2w)."),
    ] = None,
    pixel_size: cli_measure.PixelSizeOption = None,
    device: DeviceOption = Device.AUTO,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find the landmarks of a volume or a radiograph."""
    if threshold is not None and not math.isfinite(threshold):
        raise typer.BadParameter("the threshold must be a finite number.", param_hint="--threshold")
    outputs = list(output or [])
    from LandmarkDetectionLib.detection import DETECTION_SUFFIXES

    _check_outputs(outputs, DETECTION_SUFFIXES)
    _check_outputs([overlay] if overlay else [], PICTURE_SUFFIXES)

    from LandmarkDetectionLib.model import load_model
    from LandmarkDetectionLib.volume import read_volume, with_pixel_size

    with console.progress_bar(not quiet and not as_json) as progress:
        package = load_model(model)
        progress(0.0, f"reading {source.name}")
        volume = read_volume(source, series=_series(series))
        further = [read_volume(path) for path in channel or []]
        if pixel_size is not None:
            volume, *further = (with_pixel_size(one, pixel_size) for one in (volume, *further))
        # Only now, so that what cannot work is refused before PyTorch is loaded.
        from LandmarkDetectionLib.detectors import detect as run_detector

        detection = run_detector(
            volume,
            package,
            threshold=threshold,
            depth=depth.value if depth else None,
            device=device.value,
            side=side.value,
            channels=further,
            progress=progress,
        )
        if pixel_size is not None:
            detection = replace(detection, parameters={**detection.parameters, "pixel_size_mm": pixel_size})
        progress(1.0, "writing")
        _write_results(detection, package.protocol, outputs, overlay, volume)
    files = [*outputs, *([overlay] if overlay else [])]
    _report(detection, as_json, quiet, files, _measured(detection, package.protocol, volume))


@app.command(name="series", epilog=EXIT_CODES)
def list_dicom_series(
    folder: Annotated[Path, typer.Argument(help="Folder with DICOM files, searched with its subfolders.")],
    as_json: JsonOption = False,
) -> None:
    """List the DICOM series of a folder."""
    from LandmarkDetectionLib.volume import list_series

    found = list_series(folder)
    if as_json:
        fields = ("uid", "number", "description", "modality", "slices", "size")
        console.print_json([{field: getattr(one, field) for field in fields} for one in found])
        return
    rows = [
        [_text(one.number), one.modality, one.description, str(one.slices), _size(one.size), one.uid]
        for one in found
    ]
    console.print_table(["number", "modality", "description", "slices", "size", "UID"], rows)


@models_app.command("list", epilog=EXIT_CODES)
def models_list(as_json: JsonOption = False) -> None:
    """List the models that come with the program or were installed."""
    from LandmarkDetectionLib.model import broken_models, list_models

    found, broken = list_models(), broken_models()
    if as_json:
        console.print_json({"models": [_model_summary(one) for one in found], "broken": broken})
        return
    rows = []
    for one in found:
        summary = _model_summary(one)
        rows.append([one.name, one.version, str(summary["landmarks"]), summary["title"], str(one.path)])
    console.print_table(["name", "version", "landmarks", "for", "folder"], rows)
    for problem in broken.values():
        console.say(f"Warning: {problem}")


@models_app.command("info", epilog=EXIT_CODES)
def models_info(
    name: Annotated[str, typer.Argument(help="Name of an installed model, or its folder.")],
    as_json: JsonOption = False,
) -> None:
    """Say what a model is, where it comes from, and which landmarks it finds."""
    from LandmarkDetectionLib.model import load_model

    model = load_model(name)
    protocol = model.protocol
    if as_json:
        definitions = [
            {"name": one.name, "title": one.title, "definition": one.definition} for one in protocol.landmarks
        ]
        console.print_json({**_model_summary(model), "metadata": model.metadata, "protocol": definitions})
        return
    print(f"{model.name} {model.version}: {protocol.title}")
    for field in ("description", "authors", "copyright", "intended_use"):
        if text := _metadata_field(model, field):
            print(f"{field.replace('_', ' ')}: {text}")
    print(f"folder: {model.path}")
    rows = [[one.name, one.definition] for one in protocol.landmarks]
    console.print_table(["landmark", "definition"], rows)


@models_app.command("validate", epilog=EXIT_CODES)
def models_validate(
    path: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model, or its folder.")],
    as_json: JsonOption = False,
) -> None:
    """Check that a model is complete, undamaged and safe to load, and that its networks run."""
    from LandmarkDetectionLib.detectors.checking import check_model
    from LandmarkDetectionLib.errors import ModelError
    from LandmarkDetectionLib.model.registry import model_folder

    folder = model_folder(path)
    problems = check_model(folder)
    if as_json:
        console.print_json({"path": str(path), "valid": not problems, "problems": problems})
        if problems:
            raise typer.Exit(ModelError.exit_code)
    elif problems:
        raise ModelError(f"{path} is not a usable model: " + " ".join(problems))
    else:
        print(f"{path} is a valid model.")


@models_app.command("install", epilog=EXIT_CODES)
def models_install(
    source: Annotated[
        str, typer.Argument(help="Folder of a model, a .zip file of it, or the https address of one.")
    ],
    sha256: Annotated[str | None, typer.Option(help="SHA-256 of the .zip file; an address needs it.")] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check a model and copy it to your own models."""
    from LandmarkDetectionLib.detectors.checking import check_model
    from LandmarkDetectionLib.model import install_model

    with console.progress_bar(not quiet and not as_json) as progress:
        model = install_model(source, sha256, check=check_model, progress=progress)
    if as_json:
        console.print_json(_model_summary(model))
    elif not quiet:
        print(f"Installed {model.name} {model.version} in {model.path}.")


@models_app.command("remove", epilog=EXIT_CODES)
def models_remove(
    name: Annotated[str, typer.Argument(help="Name of a model you installed.")], as_json: JsonOption = False
) -> None:
    """Remove a model that you installed; models that come with the program stay."""
    from LandmarkDetectionLib.model import remove_model

    folder = remove_model(name)
    if as_json:
        console.print_json({"name": name, "removed": str(folder)})
    else:
        print(f"Removed {name} from {folder}.")


@app.command(epilog=EXIT_CODES)
def synthesize(
    out: Annotated[
        Path | None, typer.Option(help="Contact sheet to write (.png): many bodies, hands or heads.")
    ] = None,
    volumes: Annotated[
        Path | None,
        typer.Option(help="Folder to write: --count heads as 3D volumes with landmarks and a datalist."),
    ] = None,
    region: Annotated[Region, typer.Option(help="What to draw on the sheet.")] = Region.BODY,
    phantom: Annotated[
        Path | None, typer.Option(help="CT phantom to write (.nii.gz, .nrrd, .mha): one body with a table.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="With --phantom: its true landmarks (.mrk.json, .fcsv, .csv).")
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=10_000, help="Bodies or hands on the sheet (at most 400), or volumes.")
    ] = 24,
    size: Annotated[int, typer.Option(min=16, max=256, help="Voxels along every side of --volumes.")] = 64,
    contrast: Annotated[HeadContrast, typer.Option(help="What scans --volumes.")] = HeadContrast.MR,
    seed: SeedOption = 0,
    spacing: Annotated[float, typer.Option(min=0.5, max=20.0, help="Voxel size of the phantom, mm.")] = 3.0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Generate bodies, hands or heads with known landmarks: a sheet to look at, a CT phantom, or volumes."""
    if (out is None and volumes is None) == (phantom is None):
        raise typer.BadParameter("give --out, --volumes or --phantom.", param_hint="--out")
    if volumes is not None:
        _synthesize_volumes(volumes, out, count, size, contrast, seed, as_json, quiet)
        return
    if count > SHEET_AT_MOST:
        raise typer.BadParameter(f"a sheet holds {SHEET_AT_MOST} at most.", param_hint="--count")
    if truth is not None and phantom is None:
        raise typer.BadParameter("--truth needs --phantom.", param_hint="--truth")
    if phantom is not None and region is not Region.BODY:
        raise typer.BadParameter("a phantom is a whole body; use --out for hands.", param_hint="--region")
    from LandmarkDetectionLib.landmarks import LANDMARK_SUFFIXES, write_landmarks
    from LandmarkDetectionLib.volume import ITK, NIFTI, write_volume

    written = [path for path in (out, phantom, truth) if path]
    _check_outputs([out] if out else [], (".png",))
    _check_outputs([phantom] if phantom else [], (*NIFTI, *ITK))
    _check_outputs([truth] if truth else [], LANDMARK_SUFFIXES)

    with console.progress_bar(not quiet and not as_json) as progress:
        progress(0.0, "generating")
        if out is not None and region is Region.HAND:
            from LandmarkDetectionLib.synthesis.hand_sheet import write_hand_sheet

            write_hand_sheet(out, count=count, seed=seed)
        elif out is not None:
            from LandmarkDetectionLib.synthesis.contact_sheet import write_contact_sheet

            write_contact_sheet(out, count=count, seed=seed)
        if phantom is not None:
            from LandmarkDetectionLib.synthesis.phantom import make_phantom

            volume, landmarks = make_phantom(seed, spacing_mm=spacing)
            write_volume(volume, phantom)
            if truth is not None:
                write_landmarks(landmarks, truth)
    _report_files(written, as_json, quiet)


def _synthesize_volumes(
    folder: Path, sheet: Path | None, count: int, size: int, contrast: HeadContrast, seed: int,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    _check_outputs([sheet] if sheet else [], (".png",))
    from LandmarkDetectionLib.synthesis.head_sheet import write_head_sheet
    from LandmarkDetectionLib.synthesis.volumes import write_volume_set

    with (
        console.progress_bar(not quiet and not as_json) as progress,
        console.interruptible() as cancelled,
    ):
        write_volume_set(
            folder, count, size=size, contrast=contrast.value, seed=seed, progress=progress,
            cancelled=cancelled,
        )  # fmt: skip
        if sheet is not None:
            write_head_sheet(sheet, count=min(count, 24), size=size, contrast=contrast.value, seed=seed)
    _report_files([folder, *([sheet] if sheet else [])], as_json, quiet)


@app.command(epilog=EXIT_CODES)
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results; made when missing.")] = Path(
        "demo-output"
    ),
    seed: SeedOption = 2,
    model: ModelOption = DEFAULT_MODEL,
    device: DeviceOption = Device.AUTO,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Generate a synthetic CT with known landmarks, find them, and compare."""
    make_folder(out)
    ct, picture = out / "synthetic_ct.nii.gz", out / "overlay.png"
    found, record, truth = out / "landmarks.mrk.json", out / "detection.json", out / "truth.mrk.json"
    outputs = [ct, found, record, truth, picture]
    _check_outputs(outputs, (".nii.gz", ".json", ".png"))

    from LandmarkDetectionLib.detectors import detect as run_detector
    from LandmarkDetectionLib.landmarks import write_landmarks
    from LandmarkDetectionLib.model import load_model
    from LandmarkDetectionLib.synthesis.phantom import make_phantom
    from LandmarkDetectionLib.volume import read_volume, write_volume

    package = load_model(model)
    with console.progress_bar(not quiet and not as_json) as progress:
        progress(0.0, "generating a synthetic CT")
        phantom, known = make_phantom(seed)
        write_volume(phantom, ct)
        write_landmarks(known, truth)
        # Read back what was written, so that the demo takes the way of a user's own file.
        volume = read_volume(ct)
        detection = run_detector(volume, package, device=device.value, progress=progress)
        _write_results(detection, package.protocol, [found, record], picture, volume, truth=known)

    errors = _errors_mm(detection.landmarks, known)
    mean = sum(errors.values()) / len(errors) if errors else None
    if as_json:
        found_record = {**detection.to_record(), "synthetic": True, "errors_mm": errors}
        console.print_json({**found_record, "mean_error_mm": mean, "files": outputs})
        return
    if not quiet:
        title = "Synthetic CT (generated, no patient); error = distance to the known truth"
        console.print_landmarks(detection.landmarks, title, errors)
        if mean is not None:
            print(f"Mean error over {len(errors)} landmarks: {mean:.1f} mm, on a synthetic body.")
        _print_times(detection)
    _warn(detection)
    _report_files(outputs, as_json=False, quiet=quiet)


# --- versions of models -----------------------------------------------------------------------------------


@models_app.command("versions", epilog=EXIT_CODES)
def models_versions(
    name: Annotated[str, typer.Argument(help="Name of a model.")], as_json: JsonOption = False
) -> None:
    """List the versions of a model: which one is in use, and what each was made from."""
    from LandmarkDetectionLib.errors import ModelError
    from LandmarkDetectionLib.model import load_model, model_versions, parent_version, ships_with_library

    used = None
    with suppress(ModelError):  # a damaged note on what is in use: the list says what to choose from
        used = load_model(name)
    found = [used] if used is not None and ships_with_library(used) else model_versions(name)
    if as_json:
        listed = [{**_model_summary(one), "parent": parent_version(one)} for one in found]
        console.print_json({"in_use": used.version if used else None, "versions": listed})
        return
    rows = [
        [
            one.version,
            "yes" if used and one.version == used.version else "",
            parent_version(one) or "-",
            str(one.path),
        ]
        for one in found
    ]
    console.print_table(["version", "in use", "made from", "folder"], rows)


@models_app.command("back", epilog=EXIT_CODES)
def models_back(
    name: Annotated[str, typer.Argument(help="Name of a model you installed.")],
    to: Annotated[str | None, typer.Option(help="Another version than the one it was made from.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Use the version that the one in use was made from, or any other (--to)."""
    from LandmarkDetectionLib.model import go_back, use_version

    model = use_version(name, to) if to is not None else go_back(name)
    if as_json:
        console.print_json(_model_summary(model))
    else:
        print(f"{model.name} {model.version} is in use.")


# --- what commands share ----------------------------------------------------------------------------------


def _check_outputs(paths: Sequence[Path], suffixes: Sequence[str]) -> None:
    """Refuse outputs before the heavy work: unknown ending, missing or unwritable folder, named twice."""
    for path in paths:
        if not path.name.lower().endswith(tuple(suffixes)) or path.name.lower() in suffixes:
            raise OutputError(f"Cannot write {path}: the name must end in {' or '.join(suffixes)}.")
        if path.is_dir():
            raise OutputError(f"Cannot write {path}: it is a folder; give a file name.")
        if not path.parent.is_dir():
            raise OutputError(f"Cannot write {path}: there is no folder {path.parent}; create it first.")
        try:
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"Cannot write {path}: {reason}; choose a folder you may write to.") from error
    if len({path.absolute() for path in paths}) < len(paths):
        raise OutputError("The same output file is named twice; give each output its own name.")


def _series(text: str | None) -> str | int | None:
    """A series is chosen by its number or its UID; a UID always holds dots."""
    return int(text) if text is not None and text.isdecimal() else text


def _write_results(
    detection: Detection,
    protocol: Protocol,
    outputs: Sequence[Path],
    overlay: Path | None,
    volume: Volume,
    truth: LandmarkSet | None = None,
) -> None:
    if outputs:
        from LandmarkDetectionLib.detection import write_detection

        for path in outputs:
            write_detection(detection, path)
    if overlay is not None:
        from LandmarkDetectionLib.evaluation.overlay import write_overlay

        write_overlay(detection, protocol, overlay, volume=volume, case=volume.name, truth=truth)


def _measured(detection: Detection, protocol: Protocol, volume: Volume) -> Measurements | None:
    """What the protocol measures; None when it measures nothing, or not in such an image."""
    from LandmarkDetectionLib.measurement import Frame, measure

    if not protocol.measurements or (protocol.view == "picture" and not volume.is_2d):
        return None
    return measure(detection.landmarks, protocol, Frame.of(volume, protocol.view))


def _report(
    detection: Detection,
    as_json: bool,
    quiet: bool,
    files: Sequence[Path],
    measurements: Measurements | None = None,
) -> None:
    measured = {} if measurements is None else measurements.to_record()
    if as_json:
        console.print_json({**detection.to_record(), **_of_measurements(measured), "files": list(files)})
        return
    if not quiet:
        title = f"{detection.model} {detection.model_version}"
        console.print_landmarks(detection.landmarks, title, unit=detection.unit)
        if measurements is not None:
            cli_measure.print_measurements(measurements, "Measurements, for research use only")
        _print_times(detection)
    _warn(detection)
    for warning in measured.get("warnings", ()):
        console.say(f"Warning: {warning}")
    _report_files(files, as_json=False, quiet=quiet)


def _of_measurements(record: dict[str, Any]) -> dict[str, Any]:
    """The entries of measurements beside those of a detection, which has warnings of its own."""
    return {f"measurement_{key}" if key == "warnings" else key: value for key, value in record.items()}


def _print_times(detection: Detection) -> None:
    steps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in detection.seconds.items())
    if steps:
        print(f"Time: {steps}.")


def _warn(detection: Detection) -> None:
    for warning in detection.warnings:
        console.say(f"Warning: {warning}")


def _report_files(files: Sequence[Path], as_json: bool, quiet: bool) -> None:
    if as_json:
        console.print_json({"files": list(files)})
    elif not quiet:
        for file in files:
            print(f"Wrote {file}")


def _errors_mm(found: LandmarkSet, truth: LandmarkSet) -> dict[str, float]:
    """Distance (mm) of each landmark that is present both in the result and in the truth."""
    known = {one.name: one.position for one in truth.landmarks}
    distances = {
        one.name: math.dist(one.position, known[one.name]) for one in found.landmarks if one.name in known
    }
    return {name: distance for name, distance in distances.items() if math.isfinite(distance)}


def _model_summary(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "version": model.version,
        "title": model.protocol.title,
        "landmarks": len(model.protocol.landmarks),
        "path": str(model.path),
    }


def _metadata_field(model: Model, field: str) -> str:
    return str(model.metadata.get(field, ""))


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def _size(size: object) -> str:
    return " x ".join(str(one) for one in size) if isinstance(size, list | tuple) else _text(size)


class _Guarded(TyperCommand):
    """A command that refuses, before anything else, to write over a file that it reads."""

    def invoke(self, ctx: Any) -> Any:
        """Compare all paths among the options, then run."""
        from LandmarkDetectionLib.files import require_not_inputs

        named = {
            name: [
                one
                for one in (value if isinstance(value, list | tuple) else [value])
                if isinstance(one, Path)
            ]
            for name, value in ctx.params.items()
            if name not in BOTH_READ_AND_WRITTEN
        }
        require_not_inputs(
            (path for name, paths in named.items() if name in OUTPUT_OPTIONS for path in paths),
            (path for name, paths in named.items() if name not in OUTPUT_OPTIONS for path in paths),
        )
        return super().invoke(ctx)


for _part in (app, models_app, cli_data.app, cli_annotations.app, cli_study.app):
    for _command in _part.registered_commands:
        _command.cls = _Guarded


# --- errors -----------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters
    ----------
    arguments
        Words after the command's name; those of the process when ``None``.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
    # Found by hand, so that it may stand anywhere and works for errors in the usage itself.
    debug, as_json = "--debug" in words, "--json" in words
    words = [word for word in words if word != "--debug"]
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _terminate)
        code = app(words, prog_name="landmark-detection", standalone_mode=False)
        if code == Cancelled.exit_code:
            # Typer turned Ctrl-C into this number.
            raise KeyboardInterrupt
        if sys.stdout is not None:  # as under pythonw, or closed by the caller
            sys.stdout.flush()
    except SystemExit:
        # Typer ends in this way when the reader went away (`| head`), and says so by what it leaves behind.
        if type(sys.stdout).__name__ != "PacifyFlushWrapper":
            raise
        code = _unread()
    except BrokenPipeError:
        code = _unread()
    except BaseException as error:
        if debug:
            traceback.print_exc()
        code = _explain(error, as_json, words)
    sys.exit(code if isinstance(code, int) else 0)


def _unread() -> int:
    """Nobody reads standard output any more, which needs no sentence: `head` wants no more than that.

    Python would complain again when it closes standard output.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return OutputError.exit_code


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """End as Ctrl-C does, so that temporary files are removed."""
    raise KeyboardInterrupt


def _explain(error: BaseException, as_json: bool, words: Sequence[str] = ()) -> int:
    """Write one sentence about an error to standard error and give the exit code."""
    if isinstance(error, KeyboardInterrupt):
        error = Cancelled("Cancelled; nothing was written.")
    if isinstance(error, ModuleNotFoundError) and error.name and _is_optional(error.name):
        error = _missing_package(error.name)
    # Typer's own errors are click's, which newer versions carry inside: known by what they can do.
    if hasattr(error, "format_message") and hasattr(error, "show"):
        code = int(getattr(error, "exit_code", 2))
        if not as_json:
            _show_usage_error(error)
            return code
        kind, message = "UsageError", str(error.format_message())
    elif isinstance(error, LandmarkDetectionError):
        kind, message, code = type(error).__name__, str(error), error.exit_code
    elif isinstance(error, OSError) and error.errno is not None:
        kind, message, code = _of_system(error, words)
    elif isinstance(error, RuntimeError) and "ymlink loop" in str(error):  # of Path.resolve until Python 3.12
        kind, message, code = "InputError", f"{error}; take away one of the links.", InputError.exit_code
    elif isinstance(error, MemoryError):
        kind, message, code = "MemoryError", "Not enough memory for this volume.", InputError.exit_code
    else:
        kind, code = type(error).__name__, LandmarkDetectionError.exit_code
        message = (
            f"Unexpected {kind}: {error} - this is a defect of landmark-detection {__version__}; "
            "please report it with what the same command prints with --debug."
        )
    if as_json:
        import json

        console.say(json.dumps({"error": {"kind": kind, "message": message, "exit_code": code}}))
    else:
        console.say(f"Error: {' '.join(message.split())}")
    return code


def _of_system(error: OSError, words: Sequence[str]) -> tuple[str, str, int]:
    """Kind, sentence and exit code for what the operating system refuses: over-long names, full disks."""
    reason, name = (error.strerror or str(error)).lower(), str(error.filename or "")
    full = error.errno in (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))
    before = [words[n - 1] for n in range(1, len(words)) if words[n] and words[n] in name]
    if full or any(word == "-o" or word.removeprefix("--") in OUTPUT_OPTIONS for word in before):
        return "OutputError", f"Cannot write {name or 'the output'}: {reason}.", OutputError.exit_code
    if words[:1] == ["models"] or any(word in ("-m", "--model") for word in before):
        return "ModelError", f"Cannot use {name}: {reason}.", ModelError.exit_code
    return "InputError", f"Cannot use {name or 'a file'}: {reason}.", InputError.exit_code


def _show_usage_error(error: Any) -> None:
    try:
        from typer.rich_utils import rich_format_error
    except ImportError:
        error.show()
    else:
        rich_format_error(error)


def _is_optional(module: str) -> bool:
    return module.split(".")[0] != "LandmarkDetectionLib"


def _missing_package(module: str) -> MissingPackageError:
    package = module.split(".")[0]
    extra = _EXTRAS.get(package)
    if extra:
        return MissingPackageError.of("This", package, extra)
    return MissingPackageError(
        f"This needs the package {package}, which is not installed; run: pip install {package}"
    )
