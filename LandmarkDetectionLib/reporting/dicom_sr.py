"""Measurements as a DICOM Structured Report after template TID 1500, and back.

Each measurement is a group of its own (TID 1501) whose tracking identifier is the measurement's name. Its
concept is coded in SNOMED CT or DICOM where there is a code, the unit in UCUM. Numbers are decimal strings of
at most 16 characters, as DICOM wants; the exact double stands beside them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.errors import InputError, MissingPackageError, OutputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.measurement_definition import Code
from LandmarkDetectionLib.reporting.case import PROGRAM, CaseReport

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from LandmarkDetectionLib.measurement import Measured

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
_UCUM = {
    "mm": ("mm", "millimeter"),
    "deg": ("deg", "degree"),
    "%": ("%", "percent"),
    "1": ("1", "no units"),
    "px": ("{pixels}", "pixels"),
}


def write_sr(report: CaseReport, path: str | os.PathLike[str], sources: Sequence[Path]) -> None:
    """Write the measurements that have a value.

    Parameters
    ----------
    report
        The case.
    path
        The file to write, ``.dcm``.
    sources
        The DICOM files of the image: patient and study are taken over, every image is referred to.

    Raises
    ------
    OutputError
        There are no sources, nothing was measured, or the file cannot be written.
    InputError
        A source is no DICOM file.
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
        raise MissingPackageError(
            "DICOM Structured Reports need the package highdicom; install it with "
            "'pip install landmark-detection[dicom-sr]'."
        ) from None
    images = [_header(source) for source in sources]
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
    with atomic_write(path) as temporary:
        document.save_as(temporary)


def read_sr(path: str | os.PathLike[str]) -> dict[str, tuple[float, str]]:
    """Value and UCUM unit of every measurement of a report, by its name.

    Raises
    ------
    InputError
        The file is no DICOM Structured Report.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        document = pydicom.dcmread(path)
    except (InvalidDicomError, OSError):
        raise InputError(f"Cannot read {path}: it is no DICOM file.") from None
    if "ContentSequence" not in document:
        raise InputError(f"Cannot read {path}: it is no Structured Report.")
    return dict(_numbers(document, ""))


def _numbers(item: Dataset, tracking: str) -> Any:
    """(name, (value, unit)) of the measurement groups of a content tree."""
    children = list(item.get("ContentSequence", ()))
    for child in children:
        if child.ValueType == "TEXT" and child.ConceptNameCodeSequence[0].CodeValue == "112039":
            tracking = child.TextValue
    for child in children:
        if child.ValueType == "NUM" and child.RelationshipType == "CONTAINS":
            measured = child.MeasuredValueSequence[0]
            value = measured.get("FloatingPointValue", measured.NumericValue)
            yield tracking, (float(value), measured.MeasurementUnitsCodeSequence[0].CodeValue)
        elif child.ValueType == "CONTAINER":
            yield from _numbers(child, tracking)


def _header(path: Path) -> Dataset:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except (InvalidDicomError, OSError):
        raise InputError(f"{path} is no DICOM file; a Structured Report needs the image as DICOM.") from None
    # Needed in the report, and left out by some devices.
    for keyword in (
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "PatientSex",
        "StudyID",
        "AccessionNumber",
    ):
        if keyword not in header:
            setattr(header, keyword, "")
    for keyword in ("StudyDate", "StudyTime", "ReferringPhysicianName"):
        if keyword not in header:
            setattr(header, keyword, None)
    return header


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
    return name.replace("=", " ").replace("^", " ").strip()[:63] + "^"


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
