"""The groups of a Structured Report: one for each landmark (TID 1410), one for each measurement (TID 1501).

What readers need beyond the standard is met here, and tested by their rules: Slicer 5.12 takes a point only
with a finding and a site whose codes have at most 16 characters, and the columns of its table from the lowest
point, so that all groups have the same coded items in the same order. OHIF wants a tracking UID in every
group and a reference below every number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

from LandmarkDetectionLib.core.landmarks import Landmark, Status
from LandmarkDetectionLib.core.measurement_kinds import Code
from LandmarkDetectionLib.io.dicom_sr import CERTAINTY, EXPECTED_ERROR, SCHEME, STATUS
from LandmarkDetectionLib.measurement import Measured
from LandmarkDetectionLib.reporting.case import PROGRAM, CaseReport
from LandmarkDetectionLib.reporting.landmark_sites import POINT, site_of
from LandmarkDetectionLib.reporting.sr_sources import Sources

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
_UCUM = {
    "mm": ("mm", "millimeter"),
    "deg": ("deg", "degree"),
    "%": ("%", "percent"),
    "1": ("1", "no units"),
    "px": ("{pixels}", "pixels"),
}


@dataclass(frozen=True, eq=False)
class Groups:
    """Makes the groups of one report."""

    report: CaseReport
    sources: Sources

    def of_landmark(self, landmark: Landmark) -> Any:
        """A point with its name, site, status and confidence; without coordinates one that is nowhere."""
        from highdicom import sr

        region, status = self._region(landmark)
        site = site_of(landmark.name)
        about: dict[str, Any] = {
            "tracking_identifier": self._tracking(landmark.name, "landmark"),
            # Points of a person have none.
            "algorithm_id": self._algorithm() if self.report.model else None,
            "finding_type": coded(POINT),
            "finding_sites": [
                sr.FindingSite(coded(site.structure), laterality=coded(site.side) if site.side else None)
            ],
            "measurements": self._numbers_of(landmark),
            "qualitative_evaluations": [
                sr.QualitativeEvaluation(
                    name=coded(STATUS),
                    value=coded(Code(value=status.name, scheme=SCHEME, meaning=status.value)),
                )
            ],
        }
        if region is None:
            return sr.MeasurementsAndQualitativeEvaluations(**about)
        return sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **about)

    def of_measurement(self, one: Measured, number: float) -> Any:
        """A value with its uncertainty, class and image."""
        from highdicom import sr

        concept = one.definition.code or _CONCEPTS.get(one.definition.kind) or _OF_UNITS[one.unit]
        properties = None
        if one.spread is not None:
            properties = sr.MeasurementProperties(
                upper_measurement_uncertainty=_decimal(one.spread.high - number),
                lower_measurement_uncertainty=_decimal(number - one.spread.low),
            )
        return sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=self._tracking(one.name, "measurement"),
            algorithm_id=self._algorithm(),
            measurements=[self._number(concept, number, one.unit, properties)],
            qualitative_evaluations=_class(one),
        )

    def _region(self, landmark: Landmark) -> tuple[Any, Status]:
        """The point, and the status; none for a landmark without a place, or with one outside a picture."""
        from highdicom import sr

        if not landmark.is_present:
            return None, landmark.status
        if self.sources.frame_of_reference:
            place = self.sources.in_space(landmark.position)
            return sr.ImageRegion3D("POINT", place, self.sources.frame_of_reference), landmark.status
        on_image = self.sources.on_image(landmark.position)
        if on_image is None:
            return None, Status.MISSING if landmark.status.by_person else Status.ABSENT
        image = sr.SourceImageForRegion.from_source_image(self._image, _frames(self._image))
        return sr.ImageRegion("POINT", on_image, image), landmark.status

    def _numbers_of(self, landmark: Landmark) -> list[Any] | None:
        numbers = []
        if landmark.confidence is not None:
            numbers.append(self._number(CERTAINTY, 100 * landmark.confidence, "%"))
        if landmark.expected_error is not None and landmark.is_present:
            unit = self.report.measurements.frame.unit
            numbers.append(self._number(EXPECTED_ERROR, landmark.expected_error, unit))
        return numbers or None

    def _number(self, concept: Code, number: float, unit: str, properties: Any = None) -> Any:
        """A measurement in the image, with the exact double beside the decimal string."""
        from highdicom import sr

        value, meaning = _UCUM[unit]
        image = sr.SourceImageForMeasurement.from_source_image(self._image, _frames(self._image))
        measurement = sr.Measurement(
            name=coded(concept),
            value=number,
            unit=coded(Code(value=value, scheme="UCUM", meaning=meaning)),
            properties=properties,
            referenced_images=[image],
        )
        written = measurement[0].MeasuredValueSequence[0]
        written.NumericValue = _decimal(number)
        written.FloatingPointValue = float(number)
        return measurement

    def _tracking(self, name: str, kind: str) -> Any:
        """The same UID whenever the same thing of the same series is reported again."""
        from highdicom import UID, sr

        series = self._image.SeriesInstanceUID
        uid = UID(f"2.25.{uuid5(NAMESPACE_OID, f'{series}/{kind}/{name}').int}")
        return sr.TrackingIdentifier(uid=uid, identifier=name)

    def _algorithm(self) -> Any:
        from highdicom import sr

        protocol = self.report.measurements.protocol
        return sr.AlgorithmIdentification(
            name=self.report.model or PROGRAM,
            version=self.report.model_version or "-",
            parameters=[f"protocol {protocol.name} {protocol.version}"],
        )

    @property
    def _image(self) -> Dataset:
        return self.sources.images[0]


def coded(code: Code) -> Any:
    """A code as highdicom has it."""
    from highdicom.sr import CodedConcept

    return CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=code.meaning)


def _frames(image: Dataset) -> list[int] | None:
    return [1] if "NumberOfFrames" in image and image.NumberOfFrames == 1 else None


def _class(one: Measured) -> Any:
    """The class as a private code, as no standard one means what the protocol does."""
    from highdicom import sr

    if not one.class_name:
        return None
    meaning = (one.class_meaning or one.class_name)[:64]
    return [
        sr.QualitativeEvaluation(
            name=coded(Code(value="CLASS", scheme=SCHEME, meaning="Class of the measurement")),
            value=coded(Code(value=f"CLASS-{one.class_name}"[:16], scheme=SCHEME, meaning=meaning)),
        )
    ]


def _decimal(value: float) -> Any:
    """A DICOM decimal string of at most 16 characters."""
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)
