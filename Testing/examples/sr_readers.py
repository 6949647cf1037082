"""How others read points out of Structured Reports, rule by rule, as their sources have it.

Slicer 5.12 (``DICOMTID1500Plugin``) and OHIF 3 (``cornerstone-dicom-sr``) raise, or pass over a report, where
it lacks what they read without looking; so does this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.sr.codedict import codes

SLICER_KINDS = {
    pydicom.uid.EnhancedSRStorage: "EnhancedSR",
    pydicom.uid.ComprehensiveSRStorage: "ComprehensiveSR",
    pydicom.uid.Comprehensive3DSRStorage: "Comprehensive3DSR",
}


@dataclass(frozen=True)
class InSlicer:
    """What Slicer makes of a report: point lists by name (RAS), what it shows them on, and its table."""

    points: dict[str, np.ndarray]
    series: set[str]
    table: list[dict[str, str]]


def in_slicer(report: Path, database: Sequence[Path]) -> InSlicer:
    """Read a report as Slicer does whose DICOM database holds these files."""
    from highdicom import sr

    data = pydicom.dcmread(report)
    assert data.Modality == "SR" and data.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    document = getattr(sr, SLICER_KINDS[data.SOPClassUID]).from_dataset(data)
    groups = document.content.get_planar_roi_measurement_groups()
    if not any(group.reference_type == codes.DCM.ImageRegion for group in groups):
        return InSlicer({}, set(), [])
    points = document.content.get_planar_roi_measurement_groups(
        graphic_type=sr.GraphicTypeValues3D.POINT, reference_type=codes.DCM.ImageRegion
    )
    frames = {group.roi.frame_of_reference_uid for group in points}
    series = set()
    for file in database:
        header = pydicom.dcmread(file, stop_before_pixels=True)
        if header.StudyInstanceUID == data.StudyInstanceUID and header.Modality not in ("SR", "SEG"):
            if header.get("FrameOfReferenceUID", "") in frames:
                series.add(header.SeriesInstanceUID)
    assert data.SeriesNumber is not None and data.SeriesDescription
    places, rows = {}, []
    for group in points:
        x, y, z = group.roi.value[0]
        assert group.tracking_identifier not in places, "two point lists of one name"
        places[group.tracking_identifier] = np.array([-x, -y, z])
        # Codes of more than 16 characters have no CodeValue; a group without a site has no first one.
        assert group.finding_type.CodeValue
        row = {"finding": group.finding_type.CodeMeaning, "site": group.finding_sites[0].value.CodeMeaning}
        assert group.finding_sites[0].value.CodeValue
        coded = sr.utils.find_content_items(
            group[0],
            relationship_type=sr.RelationshipTypeValues.CONTAINS,
            value_type=sr.ValueTypeValues.CODE,
        )
        row |= {item.name.CodeMeaning: item.value.CodeMeaning for item in coded}
        assert all(item.name.CodeValue and item.value.CodeValue for item in coded)
        rows.append(row)
    # Columns are named by the lowest point alone, and filled by their numbers.
    assert len({tuple(row) for row in rows}) <= 1, "the table of Slicer would mix columns"
    return InSlicer(places, series, rows)


def in_ohif(report: Path) -> dict[str, tuple[str, list[float], str]]:
    """Kind, coordinates and image or frame of reference of every group that OHIF draws, by its identifier."""
    data = pydicom.dcmread(report)
    assert data.ConceptNameCodeSequence[0].CodeValue == "126000"
    library = _named(data, "111028")
    group = _named(library, "126200")
    assert any("ReferencedSOPSequence" in item for item in group.ContentSequence)
    found = {}
    for group in _named(data, "126010").ContentSequence:
        if group.ConceptNameCodeSequence[0].CodeValue != "125007":
            continue
        assert _named(group, "112040").UID
        name = _named(group, "112039").TextValue
        graphics = [item for item in group.ContentSequence if item.ValueType in ("SCOORD", "SCOORD3D")]
        if not graphics:
            # A number without anything below it ends the loading of the whole report.
            assert all(item.ContentSequence for item in group.ContentSequence if item.ValueType == "NUM")
            continue
        one = graphics[0]
        if one.ValueType == "SCOORD":
            within = one.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        else:
            within = one.ReferencedFrameOfReferenceUID
        found[name] = (one.GraphicType, [float(value) for value in one.GraphicData], within)
    return found


def _named(item: pydicom.Dataset, code: str) -> pydicom.Dataset:
    return next(one for one in _items(item) if one.ConceptNameCodeSequence[0].CodeValue == code)


def _items(item: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    yield from item.ContentSequence
