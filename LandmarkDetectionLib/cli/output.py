"""What commands tell of what they did: files, warnings, times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.cli import console

if TYPE_CHECKING:
    from LandmarkDetectionLib.cli.options import Telling
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.landmarks import LandmarkSet
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.detectors.analysis import Analysis


#: A DICOM Structured Report.
REPORT = ".dcm"


def write_results(
    analysis: Analysis,
    protocol: Protocol,
    outputs: Sequence[Path],
    overlay: Path | None,
    volume: Volume,
    truth: LandmarkSet | None = None,
    sources: Sequence[Path] = (),
) -> None:
    """Write a detection to all its files, and the overlay picture where one is wanted.

    ``sources`` are the DICOM files of the image, which a Structured Report (``.dcm``) names.
    """
    for path in outputs:
        if path.name.lower().endswith(REPORT):
            from LandmarkDetectionLib.reporting import report_of, write_report

            write_report(report_of(analysis.detection, protocol, volume), path, sources)
        else:
            from LandmarkDetectionLib.io.records import write_detection

            write_detection(analysis.detection, path)
    if overlay is not None:
        from LandmarkDetectionLib.reporting.overlay import write_overlay

        write_overlay(
            analysis.detection,
            analysis.views,
            protocol,
            overlay,
            volume=volume,
            case=volume.name,
            truth=truth,
            paths=analysis.paths,
        )


def print_times(detection: Detection) -> None:
    """Say how long every step of a detection took."""
    steps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in detection.seconds.items())
    if steps:
        print(f"Time: {steps}.")


def print_warnings(detection: Detection) -> None:
    """Say on standard error what a detection warns of."""
    for warning in detection.warnings:
        console.say(f"Warning: {warning}")


def tell_files(
    files: Sequence[Path],
    telling: Telling,
    more: Mapping[str, Any] | None = None,
    manifest: Path | None = None,
) -> None:
    """Name the files that were written; to programs, with more of what came of it."""
    if telling.as_json:
        console.print_json({**files_record(files, manifest), **(more or {})})
    elif not telling.quiet:
        for file in (*files, *([manifest] if manifest is not None else [])):
            print(f"Wrote {file}")


def files_record(files: Sequence[Path], manifest: Path | None) -> dict[str, Any]:
    """Of what was written, for programs: the results, and the manifest where there is one."""
    return {"files": list(files), **({} if manifest is None else {"manifest": manifest})}
