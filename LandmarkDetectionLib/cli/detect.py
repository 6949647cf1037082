"""``detect`` and ``series``: one image to landmarks, and what a DICOM folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli import measure as cli_measure
from LandmarkDetectionLib.cli.options import (
    DEFAULT_MODEL,
    PICTURE_SUFFIXES,
    Depth,
    DeviceOption,
    JsonOption,
    ModelOption,
    Side,
    Telling,
    check_outputs,
    check_threshold,
    series_of,
)
from LandmarkDetectionLib.cli.output import (
    REPORT,
    files_record,
    print_times,
    print_warnings,
    tell_files,
    write_results,
)
from LandmarkDetectionLib.cli.recording import Recording
from LandmarkDetectionLib.errors import InputError, OutputError

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.measurement import Measurements


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
            ".json for the full record, .dcm for a report on a DICOM image. May be given several times.",
        ),
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option(help="Picture to write: the views with the landmarks (.png, .svg, .pdf).")
    ] = None,
    paths: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write the ways of search agents to, one Slicer curve (.mrk.json) per landmark."
        ),
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
    ] = "auto",
    channel: Annotated[
        list[Path] | None,
        typer.Option(help="Further image of the case on the same voxels, for models of several (T1w, T2w)."),
    ] = None,
    pixel_size: cli_measure.PixelSizeOption = None,
    device: DeviceOption = "auto",
    *,
    recording: Recording,
    telling: Telling,
) -> None:
    """Find the landmarks of a volume or a radiograph."""
    check_threshold(threshold)
    outputs = list(output or [])
    from LandmarkDetectionLib.io.records import DETECTION_SUFFIXES

    check_outputs(outputs, (*DETECTION_SUFFIXES, REPORT))
    sources = _sources(source, series_of(series), outputs)
    check_outputs([overlay] if overlay else [], PICTURE_SUFFIXES)

    from LandmarkDetectionLib.core.volume import with_pixel_size
    from LandmarkDetectionLib.io.volumes import read_volume
    from LandmarkDetectionLib.measurement import measure_in
    from LandmarkDetectionLib.models import load_model

    with console.progress_bar(telling.shown) as progress:
        package = load_model(model)
        progress(0.0, f"reading {source.name}")
        volume = read_volume(source, series=series_of(series))
        further = [read_volume(path) for path in channel or []]
        if pixel_size is not None:
            volume, *further = (with_pixel_size(one, pixel_size) for one in (volume, *further))
        # Only now, so that what cannot work is refused before PyTorch is loaded.
        from LandmarkDetectionLib.core.options import DetectOptions
        from LandmarkDetectionLib.detectors.dispatch import analyse
        from LandmarkDetectionLib.io.curves import write_paths

        if paths is not None and package.detector != "search-agent":
            raise InputError(
                f"The model {package.name!r} does not search by agents, so there are no ways to write; leave "
                "out the paths.",
                about="paths",
            )
        options = DetectOptions(threshold, depth, device, side, tuple(further))
        analysis = analyse(volume, package, options, progress=progress)
        detection = analysis.detection
        if pixel_size is not None:
            detection = replace(detection, parameters={**detection.parameters, "pixel_size_mm": pixel_size})
        progress(1.0, "writing")
        made = replace(analysis, detection=detection)
        write_results(made, package.protocol, outputs, overlay, volume, sources=sources)
        curves = [] if paths is None else write_paths(analysis.paths, paths)
    files = [*outputs, *([overlay] if overlay else []), *curves]
    manifest = recording.keep(
        files,
        images=[volume, *further],
        models=[package],
        protocol=package.protocol,
        used=asdict(detection.used),
    )
    measured = measure_in(volume, detection.landmarks, package.protocol)
    _report(detection, telling, files, measured, manifest)


def _sources(source: Path, series: str | int | None, outputs: Sequence[Path]) -> tuple[Path, ...]:
    """The DICOM files that a report names; raises OutputError where one is asked for and there are none."""
    reports = [path for path in outputs if path.name.lower().endswith(REPORT)]
    if not reports:
        return ()
    from LandmarkDetectionLib.files import require_not_inputs
    from LandmarkDetectionLib.measurement.from_files import dicom_files

    files = dicom_files(source, series)
    if not files:
        raise OutputError(
            f"Cannot write {reports[0]}: a DICOM report names the DICOM images it was made on, and {source} "
            "is not one series of them; write .mrk.json or .csv."
        )
    require_not_inputs(reports, files)
    return files


def list_dicom_series(
    folder: Annotated[Path, typer.Argument(help="Folder with DICOM files, searched with its subfolders.")],
    as_json: JsonOption = False,
) -> None:
    """List the DICOM series of a folder."""
    from LandmarkDetectionLib.io.volumes import list_series

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


def _report(
    detection: Detection,
    telling: Telling,
    files: Sequence[Path],
    measurements: Measurements | None,
    manifest: Path | None = None,
) -> None:
    measured = {} if measurements is None else measurements.to_record()
    if telling.as_json:
        written = files_record(files, manifest)
        console.print_json({**detection.to_record(), **_of_measurements(measured), **written})
        return
    if telling.shown:
        title = f"{detection.model} {detection.model_version}"
        console.print_landmarks(detection.landmarks, title, unit=detection.unit)
        if measurements is not None:
            cli_measure.print_measurements(measurements, "Measurements, for research use only")
        print_times(detection)
    print_warnings(detection)
    for warning in measured.get("warnings", ()):
        console.say(f"Warning: {warning}")
    tell_files(files, telling, manifest=manifest)


def _of_measurements(record: dict[str, Any]) -> dict[str, Any]:
    """The entries of measurements beside those of a detection, which has warnings of its own."""
    return {f"measurement_{key}" if key == "warnings" else key: value for key, value in record.items()}


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def _size(size: object) -> str:
    return " x ".join(str(one) for one in size) if isinstance(size, list | tuple) else _text(size)
