"""``synthesize`` and ``demo``: images with known landmarks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import (
    DEFAULT_MODEL,
    DeviceOption,
    ModelOption,
    Region,
    SeedOption,
    Telling,
    check_outputs,
)
from LandmarkDetectionLib.cli.output import print_times, print_warnings, tell_files, write_results
from LandmarkDetectionLib.files import resource_path, results_folder
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.landmarks import LandmarkSet
    from LandmarkDetectionLib.core.volume import Volume


SHEET_AT_MOST = 400

#: How synthetic heads are scanned.
HeadContrast = Literal["ct", "mr"]


def synthesize(
    out: Annotated[
        Path | None,
        typer.Option(help="Contact sheet to write (.png): many bodies, hands or radiographs."),
    ] = None,
    volumes: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write: --count volumes with landmarks and a datalist; heads, or with --region "
            "body or bones whole bodies in CT."
        ),
    ] = None,
    region: Annotated[
        Region | None,
        typer.Option(
            help="What to draw on the sheet, a body if not given; a phantom is a body, or one with bones."
        ),
    ] = None,
    phantom: Annotated[
        Path | None, typer.Option(help="CT phantom to write (.nii.gz, .nrrd, .mha): one body with a table.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="With --phantom: its true landmarks (.mrk.json, .fcsv, .csv).")
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=10_000, help="Bodies or hands on the sheet (at most 400), or volumes.")
    ] = 24,
    size: Annotated[int, typer.Option(min=16, max=256, help="Voxels along every side of a head.")] = 64,
    contrast: Annotated[HeadContrast, typer.Option(help="What scans heads.")] = "mr",
    seed: SeedOption = 0,
    spacing: Annotated[float, typer.Option(min=0.5, max=20.0, help="Voxel size of a body, mm.")] = 3.0,
    *,
    telling: Telling,
) -> None:
    """Generate images with known landmarks: a sheet to look at, a CT phantom, or sets of volumes."""
    if (out is None and volumes is None) == (phantom is None):
        raise typer.BadParameter("give --out, --volumes or --phantom.", param_hint="--out")
    if volumes is not None and region is None:
        _synthesize_heads(volumes, out, count, size, contrast, seed, telling)
        return
    if (volumes is not None or phantom is not None) and region not in (None, "body", "bones"):
        raise typer.BadParameter(
            "a phantom is a body, with bones or without; so are volumes, or heads where no region is given.",
            param_hint="--region",
        )
    if volumes is not None:
        if out is not None:
            raise typer.BadParameter("a sheet is drawn of bodies without --volumes.", param_hint="--out")
        _synthesize_bodies(volumes, count, spacing, region == "bones", seed, telling)
        return
    if count > SHEET_AT_MOST:
        raise typer.BadParameter(f"a sheet holds {SHEET_AT_MOST} at most.", param_hint="--count")
    if truth is not None and phantom is None:
        raise typer.BadParameter("--truth needs --phantom.", param_hint="--truth")
    from LandmarkDetectionLib.io.formats import ITK, NIFTI
    from LandmarkDetectionLib.io.markups import LANDMARK_SUFFIXES, write_landmarks
    from LandmarkDetectionLib.io.volumes import write_volume

    written = [path for path in (out, phantom, truth) if path]
    check_outputs([out] if out else [], (".png",))
    check_outputs([phantom] if phantom else [], (*NIFTI, *ITK))
    check_outputs([truth] if truth else [], LANDMARK_SUFFIXES)

    with console.progress_bar(telling.shown) as progress:
        progress(0.0, "generating")
        if out is not None and region == "hand":
            from LandmarkDetectionLib.synthesis.hand.sheet import write_hand_sheet

            write_hand_sheet(out, count=count, seed=seed)
        elif out is not None and region == "cephalogram":
            from LandmarkDetectionLib.synthesis.radiograph.sheet import write_cephalogram_sheet

            write_cephalogram_sheet(out, count=count, seed=seed)
        elif out is not None and region == "spine":
            from LandmarkDetectionLib.synthesis.radiograph.sheet import write_spine_sheet

            write_spine_sheet(out, count=count, seed=seed)
        elif out is not None:
            from LandmarkDetectionLib.synthesis.body.sheet import write_contact_sheet

            write_contact_sheet(out, count=count, seed=seed, bones=region == "bones")
        if phantom is not None:
            from LandmarkDetectionLib.synthesis.body.phantom import make_phantom

            volume, landmarks = make_phantom(seed, spacing_mm=spacing, bones=region == "bones")
            write_volume(volume, phantom)
            if truth is not None:
                write_landmarks(landmarks, truth)
    tell_files(written, telling)


def _synthesize_heads(
    folder: Path,
    sheet: Path | None,
    count: int,
    size: int,
    contrast: HeadContrast,
    seed: int,
    telling: Telling,
) -> None:
    check_outputs([sheet] if sheet else [], (".png",))
    from LandmarkDetectionLib.synthesis.head.sheet import write_head_sheet
    from LandmarkDetectionLib.synthesis.head.volumes import write_volume_set

    with (
        console.progress_bar(telling.shown) as progress,
        console.interruptible() as cancelled,
    ):
        write_volume_set(
            folder, count, size=size, contrast=contrast, seed=seed, progress=progress,
            cancelled=cancelled,
        )  # fmt: skip
        if sheet is not None:
            write_head_sheet(sheet, count=min(count, 24), size=size, contrast=contrast, seed=seed)
    tell_files([folder, *([sheet] if sheet else [])], telling)


def _synthesize_bodies(
    folder: Path, count: int, spacing: float, bones: bool, seed: int, telling: Telling
) -> None:
    from LandmarkDetectionLib.synthesis.body.phantom import write_body_set

    with (
        console.progress_bar(telling.shown) as progress,
        console.interruptible() as cancelled,
    ):
        write_body_set(
            folder, count, spacing_mm=spacing, bones=bones, seed=seed, progress=progress,
            cancelled=cancelled,
        )  # fmt: skip
    tell_files([folder], telling)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results; made when missing.")] = Path(
        "demo-output"
    ),
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, help="Generate another body than the sample that ships; needs the extra synthesis."
        ),
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    device: DeviceOption = "auto",
    *,
    telling: Telling,
) -> None:
    """Find the landmarks of a synthetic CT that are known, and compare."""
    ct, picture = out / "synthetic_ct.nii.gz", out / "overlay.png"
    found, record, truth = out / "landmarks.mrk.json", out / "detection.json", out / "truth.mrk.json"
    outputs = [ct, found, record, truth, picture]

    from LandmarkDetectionLib.core.options import DetectOptions
    from LandmarkDetectionLib.detectors.dispatch import analyse
    from LandmarkDetectionLib.io.markups import write_landmarks
    from LandmarkDetectionLib.io.volumes import read_volume, write_volume
    from LandmarkDetectionLib.models import load_model

    with results_folder(out):
        check_outputs(outputs, (".nii.gz", ".json", ".png"))
        package = load_model(model)
    with console.progress_bar(telling.shown) as progress:
        progress(0.0, "reading the sample" if seed is None else "generating a synthetic CT")
        phantom, known = _sample() if seed is None else _phantom(seed)
        write_volume(phantom, ct)
        write_landmarks(known, truth)
        # Read back what was written, so that the demo takes the way of a user's own file.
        volume = read_volume(ct)
        analysis = analyse(volume, package, DetectOptions(device=device), progress=progress)
        detection = analysis.detection
        write_results(analysis, package.protocol, [found, record], picture, volume, truth=known)

    errors = _errors_mm(detection.landmarks, known)
    mean = sum(errors.values()) / len(errors) if errors else None
    if telling.as_json:
        found_record = {**detection.to_record(), "synthetic": True, "errors_mm": errors}
        console.print_json({**found_record, "mean_error_mm": mean, "files": outputs})
        return
    if telling.shown:
        title = "Synthetic CT (generated, no patient); error = distance to the known truth"
        console.print_landmarks(detection.landmarks, title, errors)
        if mean is not None:
            print(f"Mean error over {counted(len(errors), 'landmark')}: {mean:.1f} mm, on a synthetic body.")
        print_times(detection)
    print_warnings(detection)
    tell_files(outputs, telling)


def _sample() -> tuple[Volume, LandmarkSet]:
    """The synthetic CT that ships, and its true landmarks."""
    from LandmarkDetectionLib.io.markups import read_landmarks
    from LandmarkDetectionLib.io.volumes import read_volume

    folder = resource_path("SampleData")
    truth = read_landmarks(folder / "synthetic-body-ct-truth.mrk.json")
    return read_volume(folder / "synthetic-body-ct.nrrd"), truth


def _phantom(seed: int) -> tuple[Volume, LandmarkSet]:
    """A new one, with bones where they are installed."""
    from LandmarkDetectionLib.synthesis.body.phantom import make_phantom
    from LandmarkDetectionLib.synthesis.body.skeleton import is_installed

    return make_phantom(seed, bones=is_installed())


def _errors_mm(found: LandmarkSet, truth: LandmarkSet) -> dict[str, float]:
    """Distance (mm) of each landmark that is present both in the result and in the truth."""
    known = {one.name: one.position for one in truth.landmarks}
    distances = {
        one.name: math.dist(one.position, known[one.name]) for one in found.landmarks if one.name in known
    }
    return {name: distance for name, distance in distances.items() if math.isfinite(distance)}
