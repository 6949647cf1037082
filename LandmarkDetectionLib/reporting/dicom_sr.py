"""Landmarks and measurements as a DICOM Structured Report after template TID 1500.

A Comprehensive 3D SR with one group for each landmark and each measurement, whose tracking identifier is its
name. Points are SCOORD3D in the frame of reference of the images; those of a radiograph are SCOORD on the
image. Concepts are coded in SNOMED CT or DICOM where there is a code, units in UCUM. Numbers are decimal
strings of at most 16 characters, as DICOM wants; the exact double stands beside them. Coordinates are single
precision, as DICOM has them: good to a micrometre within 8 m. :mod:`LandmarkDetectionLib.io.dicom_sr` reads
it again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.core.measurement_kinds import Code
from LandmarkDetectionLib.errors import MissingPackageError, OutputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.io.dicom_sr import SCHEME
from LandmarkDetectionLib.io.formats import silent
from LandmarkDetectionLib.reporting.case import PROGRAM, CaseReport
from LandmarkDetectionLib.reporting.sr_groups import Groups, coded
from LandmarkDetectionLib.reporting.sr_sources import Sources, read_sources

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAKER = "Landmark Detection developers"
_PROCEDURE = Code(value="363679005", scheme="SCT", meaning="Imaging procedure")
_SOURCE = Code(value="260753009", scheme="SCT", meaning="Source")


@silent("pydicom")
@silent("highdicom")
def write_sr(report: CaseReport, path: str | os.PathLike[str], sources: Sequence[Path]) -> None:
    """Write the landmarks, and the measurements that have a value.

    A landmark without a place, and one outside a radiograph, is named with its status and has no coordinates.

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
        There are no sources, there is nothing to report, the images have no frame of reference or several,
        the case's volume is not where they are, or the file cannot be written.
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
    if not len(report.landmarks) and all(one.value is None for one in report.measurements):
        raise OutputError(f"Cannot write {path}: nothing was found or measured that a report could hold.")
    try:
        import highdicom
    except ModuleNotFoundError:
        raise MissingPackageError.of("A DICOM Structured Report", "highdicom", "dicom-sr") from None
    read = read_sources(sources, report.volume, with_points=bool(len(report.landmarks.present)))
    try:
        document = highdicom.sr.Comprehensive3DSR(
            evidence=read.images,
            content=_content(report, read)[0],
            series_instance_uid=highdicom.UID(),
            series_number=100,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer=MAKER,
            is_complete=True,
            series_description="Landmarks and measurements, for research use only",
        )
        document.CodingSchemeIdentificationSequence = _schemes()
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # highdicom quotes values, which may be a patient's.
        raise OutputError(
            f"Cannot write {path}: the header of {sources[0]} allows no Structured Report "
            f"({type(error).__name__}); export the image again, or write a .csv or .pdf."
        ) from error
    document.SpecificCharacterSet = "ISO_IR 192"  # not every highdicom takes it over
    with atomic_write(path) as temporary:
        document.save_as(temporary)


def _content(report: CaseReport, sources: Sources) -> Any:
    from highdicom import UID, sr
    from pydicom.sr.codedict import codes

    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=UID(),
            name=PROGRAM[:64],
            manufacturer_name=MAKER,
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
    groups = Groups(report, sources)
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_person_context=person, observer_device_context=device
        ),
        procedure_reported=coded(_PROCEDURE),
        imaging_measurements=[
            *(groups.of_landmark(one) for one in report.landmarks),
            *(groups.of_measurement(one, one.value) for one in report.measurements if one.value is not None),
        ],
        title=codes.DCM.ImagingMeasurementReport,
    )
    # OHIF opens no report without a library of its images.
    items = content[0].ContentSequence
    items.insert(len(items) - 1, _library(sources.images))
    return content


def _library(images: Sequence[Dataset]) -> Any:
    """The images of the report (TID 1600) by their UIDs alone.

    highdicom's own library needs entries of their headers that valid images lack.
    """
    from highdicom import sr
    from pydicom.sr.codedict import codes

    group = sr.ContainerContentItem(codes.DCM.ImageLibraryGroup, relationship_type="CONTAINS")
    group.ContentSequence = sr.ContentSequence(
        [
            sr.ImageContentItem(
                coded(_SOURCE), image.SOPClassUID, image.SOPInstanceUID, relationship_type="CONTAINS"
            )
            for image in images
        ]
    )
    library = sr.ContainerContentItem(codes.DCM.ImageLibrary, relationship_type="CONTAINS")
    library.ContentSequence = sr.ContentSequence([group])
    return library


def _schemes() -> list[Dataset]:
    """Who is responsible for the codes that no standard scheme has."""
    from pydicom.dataset import Dataset

    scheme = Dataset()
    scheme.CodingSchemeDesignator = SCHEME
    scheme.CodingSchemeName = "Landmark Detection"
    scheme.CodingSchemeResponsibleOrganization = MAKER
    return [scheme]


def _person(name: str) -> str:
    """A DICOM person name: all of it as the family name, as nobody can tell the parts apart."""
    plain = "".join(" " if letter in "=^\\" or not letter.isprintable() else letter for letter in name)
    return plain.strip()[:63] + "^"
