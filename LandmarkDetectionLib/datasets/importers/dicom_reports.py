"""A folder of DICOM files in which Structured Reports mark points on images."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from LandmarkDetectionLib.datasets.importers.writing import Imported, ImportedCase, write_import
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.dicom import NOT_IMAGES, read_header
from LandmarkDetectionLib.io.dicom_sr import LandmarkReport, is_sr, read_sr
from LandmarkDetectionLib.io.volumes import read_volume

_UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID")
_TAGS = ["SOPClassUID", "Modality", "Rows", *_UIDS]


@dataclass(frozen=True)
class _Image:
    """A file of an image."""

    file: Path
    instance: str
    series: str
    frame_of_reference: str
    patient: str


def import_dicom_reports(source: str | os.PathLike[str], out: str | os.PathLike[str]) -> Imported:
    """Import the points of Structured Reports with the images they were made on.

    Several reports on one image, or series, count as raters, in the order of their names. Images of one
    patient are of one subject, which is numbered: no name or number of a patient is written.

    Parameters
    ----------
    source
        A folder with images and reports, in any order, under any names; each series in a folder of its own.
    out
        New folder to write.

    Raises
    ------
    InputError
        There is no report of points, a report's images are not there, or they share their folder with others.
    OutputError
        The folder holds something already, or cannot be written.
    """
    folder = Path(source)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; give the one that holds the images and the reports.")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    images = list(_images(files))
    owned: dict[Path, list[LandmarkReport]] = defaultdict(list)
    notes = []
    for path in files:
        if not is_sr(path):
            continue
        try:
            report = read_sr(path)
        except InputError as problem:
            # Archives hold reports of doses and texts, too.
            notes.append(f"left out: {problem}".rstrip("."))
            continue
        owned[_image_of(report, images)].append(report)
    if not owned:
        why = "; ".join(notes) or "check the folder"
        raise InputError(f"{folder} holds no Structured Report with points; {why}.")
    patients: dict[str, str] = {}
    cases = []
    for number, (image, reports) in enumerate(owned.items(), 1):
        patient = next(one.patient for one in images if image in (one.file, one.file.parent))
        subject = patients.setdefault(patient or str(image), f"patient-{len(patients) + 1}")
        volume = read_volume(image)
        marks = [report.landmarks(volume) for report in reports]
        raters = ["rater"] if len(marks) == 1 else [f"rater-{index}" for index in range(1, len(marks) + 1)]
        cases.append(ImportedCase(f"case-{number}", (image,), dict(zip(raters, marks, strict=True)), subject))
    return write_import(out, cases, name=folder.name, notes=notes)


def _images(files: Sequence[Path]) -> Iterator[_Image]:
    for file in files:
        header = read_header(file, _TAGS)
        if header is None or not header.get("Rows") or header.get("Modality") in NOT_IMAGES:
            continue
        yield _Image(file, *(str(header.get(keyword) or "") for keyword in _UIDS))


def _image_of(report: LandmarkReport, images: Sequence[_Image]) -> Path:
    """The file, or the folder of the series, that a report's points lie on."""
    within = next(point.within[0] for point in report.points if point.within)
    if report.in_pixels:
        for image in images:
            if image.instance == within:
                return image.file
        raise InputError(
            f"The image that {report.path} marks points on is not there; put it beside the report."
        )
    series = {image.series for image in images if image.frame_of_reference == within}
    if len(series) > 1:
        series &= _named_by(report.path)
    if len(series) != 1:
        what = "several series" if series else "no image"
        raise InputError(
            f"The points of {report.path} fit {what} by their frame of reference; put the series they were "
            "made on beside the report, and no other of that frame."
        )
    files = [image.file for image in images if image.series in series]
    folder = files[0].parent
    beside = {image.series for image in images if image.file.parent == folder}
    if any(file.parent != folder for file in files) or beside != series:
        raise InputError(f"The series of {report.path} shares its folder with others; put each into its own.")
    return folder if len(files) > 1 else files[0]


def _named_by(report: Path) -> set[str]:
    """UIDs of the series that a report says it was made from."""
    header = read_header(report, ["SOPClassUID", "CurrentRequestedProcedureEvidenceSequence"])
    studies = (header.get("CurrentRequestedProcedureEvidenceSequence") or []) if header is not None else []
    return {
        str(series.get("SeriesInstanceUID") or "")
        for study in studies
        for series in study.get("ReferencedSeriesSequence") or []
    }
