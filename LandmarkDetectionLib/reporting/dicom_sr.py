"""Measurements as a DICOM Structured Report after template TID 1500, and back.

Each measurement is a group of its own (TID 1501) whose tracking identifier is the measurement's name. Its
concept is coded in SNOMED CT or DICOM where there is a code, the unit in UCUM. Numbers are decimal strings of
at most 16 characters, as DICOM wants; the exact double stands beside them.
"""

from __future__ import annotations

import os
from collections.abc import MutableSequence, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.core.measurement_kinds import Code
from LandmarkDetectionLib.errors import InputError, MissingPackageError, OutputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.io.dicom_pixels import drop_damaged
from LandmarkDetectionLib.io.formats import silent
from LandmarkDetectionLib.measurement import Measured
from LandmarkDetectionLib.reporting.case import PROGRAM, CaseReport

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_LENGTH = Code(value="410668003", scheme="SCT", meaning="Length")
_DISTANCE = Code(value="121206", scheme="DCM", meaning="Distance")
_ANGLE = Code(value="1483009", scheme="SCT", meaning="Angle")
_RATIO = Code(value="118586006", scheme="SCT", meaning="Ratio")
_CONCEPTS = {
    "distance": _LENGTH,
    "path": Code(value="121211", scheme="DCM", meaning="Path length"),
    "projected_distance": _DISTANCE,
    "perpendicular": _DISTANCE,
}
_OF_UNITS = {"mm": _LENGTH, "px": _LENGTH, "deg": _ANGLE, "%": _RATIO, "1": _RATIO}
_SEXES = {"M": "M", "F": "F", "O": "O", "MALE": "M", "FEMALE": "F", "OTHER": "O"}
_UCUM = {
    "mm": ("mm", "millimeter"),
    "deg": ("deg", "degree"),
    "%": ("%", "percent"),
    "1": ("1", "no units"),
    "px": ("{pixels}", "pixels"),
}


@silent("pydicom")
@silent("highdicom")
def write_sr(report: CaseReport, path: str | os.PathLike[str], sources: Sequence[Path]) -> None:
    """Write the measurements that have a value.

    Parameters
    ----------
    report
        The case.
    path
        The file to write, ``.dcm``.
    sources
        The DICOM files of the image: patient and study are taken over, every image is referred to. Whatever
        character set they are in, the report is in UTF-8.

    Raises
    ------
    OutputError
        There are no sources, nothing was measured, or the file cannot be written.
    InputError
        A source is no DICOM file, or lacks a UID by which reports name images.
    MissingPackageError
        highdicom is not installed.
    """
    if not sources:
        raise OutputError(
            f"Cannot write {path}: a DICOM Structured Report names the images it was measured in; give the "
            "image as DICOM."
        )
    if all(one.value is None for one in report.measurements):
        raise OutputError(f"Cannot write {path}: nothing was measured that a report could hold.")
    try:
        import highdicom
    except ModuleNotFoundError:
        raise MissingPackageError.of("A DICOM Structured Report", "highdicom", "dicom-sr") from None
    images = [_source(source) for source in sources]
    try:
        document = highdicom.sr.ComprehensiveSR(
            evidence=images,
            content=_content(report, images),
            series_instance_uid=highdicom.UID(),
            series_number=100,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer="Landmark Detection developers",
            is_complete=True,
            series_description="Measurements, for research use only",
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # highdicom quotes values, which may be a patient's.
        raise OutputError(
            f"Cannot write {path}: the header of {sources[0]} allows no Structured Report "
            f"({type(error).__name__}); export the image again, or write a .csv or .pdf."
        ) from error
    document.SpecificCharacterSet = "ISO_IR 192"  # not every highdicom takes it over
    with atomic_write(path) as temporary:
        document.save_as(temporary)


def _source(path: Path) -> Dataset:
    """What a report takes over from an image, in UTF-8 and as DICOM allows it.

    Ordinary headers break the rules for dates, times and sex; what cannot be understood is left empty, as
    DICOM allows for all of these. Identifiers and descriptions stay as they are, whatever their length.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError
    from pydicom.valuerep import DA, TM

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        drop_damaged(header)
    except (InvalidDicomError, OSError):
        raise InputError(f"{path} is no DICOM file; a Structured Report needs the image as DICOM.") from None
    source = pydicom.Dataset()
    source.SpecificCharacterSet = "ISO_IR 192"
    source.SOPClassUID = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
    source.SOPInstanceUID = header.get("SOPInstanceUID") or header.file_meta.get("MediaStorageSOPInstanceUID")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        setattr(source, keyword, header.get(keyword))
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        if not source.get(keyword):
            raise InputError(
                f"{path} lacks its {keyword}, by which a Structured Report names an image; export the image "
                "again."
            )
    for keyword in ("PatientID", "StudyID", "AccessionNumber"):
        setattr(source, keyword, _text(header.get(keyword)))
    for keyword in ("IssuerOfPatientID", "StudyDescription"):
        if keyword in header:
            setattr(source, keyword, _text(header.get(keyword)))
    for keyword in ("PatientName", "ReferringPhysicianName"):
        setattr(source, keyword, _text(header.get(keyword)).partition("\\")[0])
    source.PatientSex = _SEXES.get(_text(header.get("PatientSex")).upper(), "")
    source.PatientBirthDate = _valid(DA, header.get("PatientBirthDate"))
    source.StudyDate = _valid(DA, header.get("StudyDate"))
    source.StudyTime = _valid(TM, header.get("StudyTime"))
    source.Modality = _text(header.get("Modality")) or "OT"
    for keyword in ("Rows", "Columns", "NumberOfFrames"):
        if keyword in header:
            setattr(source, keyword, header.get(keyword))
    return source


def _text(value: Any) -> str:
    """A header's text without what DICOM does not allow in it; several values are one text again."""
    if value is None:
        return ""
    parts = (
        [str(part) for part in value] if isinstance(value, list | tuple | MutableSequence) else [str(value)]
    )
    text = "\\".join(parts).encode("utf-8", "replace").decode("utf-8")
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _valid(kind: Any, value: Any) -> str:
    """A date or time, also from its old form with points or colons; "" when it is none."""
    text = _text(value)
    if kind.__name__ == "TM":
        text = text.replace(":", "")
    elif len(text) == len("2020.01.02"):
        text = text.replace(".", "")
    try:
        found = kind(text)
    except (ValueError, TypeError, OverflowError):
        return ""
    return str(found or "")


def _content(report: CaseReport, images: Sequence[Dataset]) -> Any:
    from highdicom import UID, sr
    from pydicom.sr.codedict import codes

    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=UID(),
            name=PROGRAM[:64],
            model_name=f"{report.model} {report.model_version}".strip()[:64] or None,
        ),
    )
    person = None
    if report.reviewed is not None:
        person = sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
                name=_person(report.reviewed.by)
            ),
        )
    groups = [_group(one, one.value, report, images) for one in report.measurements if one.value is not None]
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_person_context=person, observer_device_context=device
        ),
        procedure_reported=_coded(Code(value="363679005", scheme="SCT", meaning="Imaging procedure")),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )


def _group(one: Measured, number: float, report: CaseReport, images: Sequence[Dataset]) -> Any:
    from highdicom import UID, sr

    concept = one.definition.code or _CONCEPTS.get(one.definition.kind) or _OF_UNITS[one.unit]
    properties = None
    if one.spread is not None:
        properties = sr.MeasurementProperties(
            upper_measurement_uncertainty=_decimal(one.spread.high - number),
            lower_measurement_uncertainty=_decimal(number - one.spread.low),
        )
    algorithm = sr.AlgorithmIdentification(
        name=report.model or PROGRAM,
        version=report.model_version or "-",
        parameters=[f"protocol {report.measurements.protocol.name} {report.measurements.protocol.version}"],
    )
    measurement = sr.Measurement(
        name=_coded(concept), value=number, unit=_coded(_unit(one.unit)), properties=properties
    )
    value = measurement[0].MeasuredValueSequence[0]
    value.NumericValue = _decimal(number)
    value.FloatingPointValue = number
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=UID(), identifier=one.name),
        algorithm_id=algorithm,
        measurements=[measurement],
        qualitative_evaluations=_class(one),
        source_images=[sr.SourceImageForMeasurementGroup.from_source_image(image) for image in images[:1]],
    )


def _class(one: Measured) -> Any:
    """The class as a private code, as no standard one means what the protocol does."""
    from highdicom import sr

    if not one.class_name:
        return None
    meaning = (one.class_meaning or one.class_name)[:64]
    return [
        sr.QualitativeEvaluation(
            name=_coded(Code(value="CLASS", scheme="99LANDMARK", meaning="Class of the measurement")),
            value=_coded(Code(value=f"CLASS-{one.class_name}"[:16], scheme="99LANDMARK", meaning=meaning)),
        )
    ]


def _person(name: str) -> str:
    """A DICOM person name: all of it as the family name, as nobody can tell the parts apart."""
    plain = "".join(" " if letter in "=^\\" or not letter.isprintable() else letter for letter in name)
    return plain.strip()[:63] + "^"


def _unit(unit: str) -> Code:
    value, meaning = _UCUM[unit]
    return Code(value=value, scheme="UCUM", meaning=meaning)


def _coded(code: Code) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=code.meaning)


def _decimal(value: float) -> Any:
    """A DICOM decimal string of at most 16 characters."""
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)
