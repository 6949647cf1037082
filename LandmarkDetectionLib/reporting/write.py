"""Write a report as the kind of file that its name says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.measurement import Frame, Measurements, measure_in
from LandmarkDetectionLib.reporting.case import CaseReport

REPORT_SUFFIXES = (".pdf", ".html", ".csv", ".dcm")


def report_of(detection: Detection, protocol: Protocol, volume: Volume) -> CaseReport:
    """The report of a detection in its image, with what the protocol measures there."""
    measured = measure_in(volume, detection.landmarks, protocol)
    if measured is None:
        measured = Measurements(protocol, (), Frame.space(spacing_known=volume.spacing_known))
    made = (detection.model, detection.model_version, detection.doubts)
    return CaseReport(volume.name, measured, detection.landmarks, datetime.now(), volume, *made)


def write_report(report: CaseReport, path: str | os.PathLike[str], sources: Sequence[Path] = ()) -> None:
    """Write one case's report: ``.pdf``, ``.html``, ``.csv``, or ``.dcm`` for a DICOM Structured Report.

    Parameters
    ----------
    report
        What it says.
    path
        The file.
    sources
        The DICOM files of the image, which a Structured Report must name.

    Raises
    ------
    OutputError
        The suffix is another one, the file cannot be written, or a ``.dcm`` is asked for without sources.
    MissingPackageError
        highdicom is not installed and a ``.dcm`` is asked for.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".pdf":
        from LandmarkDetectionLib.reporting.pdf import write_pdf

        write_pdf(report, path)
    elif suffix == ".html":
        from LandmarkDetectionLib.reporting.html import write_html

        write_html(report, path)
    elif suffix == ".csv":
        from LandmarkDetectionLib.reporting.table import write_csv

        write_csv([report], path)
    elif suffix == ".dcm":
        from LandmarkDetectionLib.reporting.dicom_sr import write_sr

        write_sr(report, path, sources)
    else:
        raise OutputError(f"Cannot write {path}: a report ends in {', '.join(REPORT_SUFFIXES)}.")
