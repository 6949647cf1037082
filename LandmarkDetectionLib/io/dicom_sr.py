"""Landmarks of DICOM Structured Reports after template TID 1500: our own, Slicer's, OHIF's and others'.

Places are written in one of two ways (PS3.3). SCOORD3D (C.18.9) are LPS mm in a frame of reference. SCOORD
(C.18.6) are (column, row) on one image, counted from the outer corner of its first pixel: that corner is
(0, 0), the centre of that pixel is (0.5, 0.5). The latter become RAS mm by the geometry of the image.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.core.landmarks import (
    BrokenError,
    Landmark,
    LandmarkSet,
    Status,
    require_sane,
    unique,
)
from LandmarkDetectionLib.core.measurement_kinds import Code
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.dicom import is_dicom, read_header
from LandmarkDetectionLib.io.dicom_pixels import drop_damaged, require_bounded
from LandmarkDetectionLib.io.formats import silent

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from LandmarkDetectionLib.core.volume import Volume

#: Where the centre of the first pixel is, in columns and rows of SCOORD.
PIXEL_CENTRE = 0.5
#: Codes that no standard scheme has.
SCHEME = "99LANDMARK"
STATUS = Code(value="STATUS", scheme=SCHEME, meaning="Status of the landmark")
EXPECTED_ERROR = Code(value="EXPECTED-ERROR", scheme=SCHEME, meaning="Expected error of the position")
CERTAINTY = Code(value="111012", scheme="DCM", meaning="Certainty of Finding")

#: Enhanced, Comprehensive, Comprehensive 3D and Extensible SR.
REPORTS = tuple(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (22, 33, 34, 35))
_GROUP, _TRACKING, _FINDING = "125007", "112039", "121071"
_SITES = ("363698007", "G-C0E3")  # SNOMED's code and what it was called before
_ALGORITHM, _VERSION = "111001", "111003"
_DEEPEST = 50
#: Of a sequence that ends where a mark says so.
UNDEFINED = 0xFFFFFFFF
#: What OHIF writes as the identifier: the name of its tool; the label is the finding.
_TOOL = re.compile(r"cornerstone.*@", re.IGNORECASE)


@dataclass(frozen=True)
class ReportedPoint:
    """One point of a report.

    Attributes
    ----------
    names
        What may be its name: tracking identifier, finding, site; "" where there is none.
    place
        LPS mm in space, (column, row) on an image, or () for a landmark without a place.
    within
        UID of the frame of reference, or UID and number of the image's frame.
    status, confidence, expected_error
        As of :class:`Landmark`; None where the report does not say.
    """

    names: tuple[str, str, str]
    place: tuple[float, ...]
    within: tuple[str, ...] = ()
    status: Status | None = None
    confidence: float | None = None
    expected_error: float | None = None


@dataclass(frozen=True)
class LandmarkReport:
    """The points of a report, and what found them.

    Attributes
    ----------
    path
        The file, for sentences.
    points
        At least one, and all of one kind: in one frame of reference, or on one image.
    model, model_version
        "" for reports that do not say.
    """

    path: Path
    points: tuple[ReportedPoint, ...]
    model: str = ""
    model_version: str = ""

    @property
    def in_pixels(self) -> bool:
        """Whether the places are on an image."""
        return any(len(point.place) == 2 for point in self.points)

    def landmarks(self, volume: Volume | None = None) -> LandmarkSet:
        """Give the points as landmarks.

        Parameters
        ----------
        volume
            The image that points in pixels were marked on.

        Returns
        -------
        LandmarkSet
            RAS mm.

        Raises
        ------
        InputError
            The points are in pixels and there is no image of one slice, or two have one name.
        """
        names = _names(self.points)
        if self.in_pixels and (volume is None or not volume.is_2d):
            raise InputError(
                f"Cannot read landmarks from {self.path}: its points are pixels of an image; "
                + ("give this image." if volume is None else "a volume was given; give the image itself.")
            )
        try:
            marks = [_landmark(point, name, volume) for point, name in zip(self.points, names, strict=True)]
            return unique(marks)
        except ValueError as problem:
            raise InputError(f"Cannot read landmarks from {self.path}: {problem}.") from None


def require_made_on(path: Path, image: Path) -> None:
    """Refuse a DICOM image that the points of a report do not belong to.

    Parameters
    ----------
    path
        The report; other landmark files name no image.
    image
        A file, or a folder of a series. One that is not DICOM cannot tell, and is taken as it is.

    Raises
    ------
    InputError
        The image has another frame of reference, or is another image; or the report is damaged.
    """
    if is_sr(path):
        _require_made_on(read_sr(path), image)


def _require_made_on(report: LandmarkReport, image: Path) -> None:
    within = next((point.within for point in report.points if point.within), ("",))
    keyword = "SOPInstanceUID" if report.in_pixels else "FrameOfReferenceUID"
    headers = (read_header(file, ["SOPClassUID", keyword]) for file in _files(image))
    known = {str(header.get(keyword)) for header in headers if header is not None and header.get(keyword)}
    if known and within[0] and within[0] not in known:
        what = "on another image" if report.in_pixels else "in another frame of reference"
        raise InputError(
            f"{report.path} was made {what} than {image}, so its points mean nothing there; give the image "
            "it was made on."
        )


def _files(image: Path) -> list[Path]:
    return sorted(file for file in image.rglob("*") if file.is_file()) if image.is_dir() else [image]


def read_sr_on(path: Path, image: Path, volume: Volume | None = None) -> LandmarkSet:
    """Read the landmarks of a report on its image, which is opened only where they are its pixels.

    Parameters
    ----------
    path
        The report.
    image
        A file, or a folder of a series.
    volume
        The image, where it was read already.

    Returns
    -------
    LandmarkSet
        RAS mm.

    Raises
    ------
    InputError
        As :func:`read_sr` and :func:`require_made_on`, or the image cannot be read.
    """
    from LandmarkDetectionLib.io.volumes import read_volume

    report = read_sr(path)
    _require_made_on(report, image)
    if report.in_pixels and volume is None:
        volume = read_volume(image)
    return report.landmarks(volume)


def is_sr(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a DICOM Structured Report that may hold points."""
    path = Path(path)
    if path.suffix.lower() != ".dcm" and not is_dicom(path):
        return False
    header = read_header(path, ["SOPClassUID"])
    return header is not None and header.get("SOPClassUID") in REPORTS


@silent("pydicom")
def read_sr(path: str | os.PathLike[str]) -> LandmarkReport:
    """Read the points of a Structured Report.

    Groups of measurements (TID 1410, 1411 and 1501) are looked for at any depth; of each, points that it
    holds or that one of its measurements was inferred from. Lines and outlines are no landmarks and left out.

    Raises
    ------
    InputError
        The file is no such report, is damaged, holds no points, or points of several frames of reference or
        images.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the name and the folder.")
    try:
        return _parse(path)
    except BrokenError as problem:
        raise InputError(f"Cannot read landmarks from {path}: {problem}.") from None


def _parse(path: Path) -> LandmarkReport:
    import pydicom

    try:
        require_bounded(path)
        document = pydicom.dcmread(path, force=not is_dicom(path), stop_before_pixels=True)
        is_cut = _is_cut(document)
        drop_damaged(document)
        kind = document.get("SOPClassUID")
    except Exception:
        # A damaged file raises whatever its bytes lead to.
        raise BrokenError("it is no DICOM file or is damaged; copy or export it again") from None
    if kind not in REPORTS:
        raise BrokenError("it is no DICOM Structured Report; give the report, not an image")
    if is_cut:
        raise BrokenError("it ends too early; copy or export it again")
    groups = list(_groups(document))
    points = tuple(point for group in groups for point in _points(group))
    if not any(point.place or point.status for point in points):
        kinds = sorted({str(item.get("GraphicType", "")) for group in groups for item in _graphics(group)})
        raise BrokenError(
            "it holds no points in groups of measurements (TID 1500)"
            + (f", only {', '.join(kinds)}" if kinds else "")
        )
    lengths = {len(point.place) for point in points if point.place}
    within = {point.within for point in points if point.place}
    if len(lengths) > 1:
        raise BrokenError("some of its points are in space and some on an image; give one report for each")
    if len(within) > 1:
        where = "lie on several images" if lengths == {2} else "are in several frames of reference"
        raise BrokenError(f"its points {where}; give one report for each")
    of_points = (group for group in groups if _points(group))
    model = next((found for group in of_points if (found := _algorithm(group))[0]), ("", ""))
    return LandmarkReport(path, points, *model)


def _is_cut(document: Dataset) -> bool:
    """Whether the file ends within a value: pydicom would take the groups before for all of them."""
    from pydicom.dataelem import RawDataElement

    raws = [document.get_item(tag) for tag in document.keys()]
    return any(
        isinstance(raw, RawDataElement) and raw.length != UNDEFINED and len(raw.value or b"") < raw.length
        for raw in raws
    )


# --- the content tree ---------------------------------------------------------------------------------------


def _children(item: Dataset) -> list[Dataset]:
    return list(item.get("ContentSequence") or [])


def _concept(item: Dataset) -> str:
    return _code(item, "ConceptNameCodeSequence")[0]


def _code(item: Dataset, keyword: str) -> tuple[str, str, str]:
    """Value, scheme and meaning of a coded entry; three times "" where there is none."""
    entry = next(iter(item.get(keyword) or []), None)
    if entry is None:
        return "", "", ""
    value = entry.get("CodeValue") or entry.get("LongCodeValue") or entry.get("URNCodeValue") or ""
    return (
        str(value),
        str(entry.get("CodingSchemeDesignator") or ""),
        str(entry.get("CodeMeaning") or "").strip(),
    )


def _groups(item: Dataset, depth: int = 0) -> Iterator[Dataset]:
    if depth > _DEEPEST:
        return
    for child in _children(item):
        if child.get("ValueType") == "CONTAINER" and _concept(child) == _GROUP:
            yield child
        else:
            yield from _groups(child, depth + 1)


def _graphics(item: Dataset, depth: int = 0) -> Iterator[Dataset]:
    """Coordinates of a group: its own, and those its measurements were inferred from."""
    if depth > _DEEPEST:
        return
    for child in _children(item):
        if child.get("ValueType") in ("SCOORD", "SCOORD3D"):
            yield child
        else:
            yield from _graphics(child, depth + 1)


def _points(group: Dataset) -> list[ReportedPoint]:
    """The points of a group; one without a place for a landmark of ours that has none."""
    children = _children(group)
    tracking = next((str(one.get("TextValue") or "") for one in children if _concept(one) == _TRACKING), "")
    coded = [(_concept(one), _code(one, "ConceptCodeSequence")) for one in children]
    names = (
        tracking.strip(),
        next((code[2] for concept, code in coded if concept == _FINDING), ""),
        next((code[2] for concept, code in coded if concept in _SITES), ""),
    )
    certainty, error = (_number(children, code) for code in (CERTAINTY, EXPECTED_ERROR))
    said = (
        _status(coded),
        min(max(certainty / 100, 0.0), 1.0) if certainty is not None else None,
        error if error is not None and error >= 0 else None,
    )
    graphics = [one for one in _graphics(group) if one.get("GraphicType") == "POINT"]
    if not graphics:
        return [ReportedPoint(names, (), (), *said)] if said[0] is not None else []
    if len(graphics) == 1:
        place, within = _place(graphics[0], tracking)
        return [ReportedPoint(names, place, within, *said)]
    points = []
    for number, one in enumerate(graphics, 1):
        place, within = _place(one, tracking)
        points.append(ReportedPoint((f"{names[0] or names[1]}_{number}", "", ""), place, within, *said))
    return points


def _place(graphic: Dataset, name: str) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Coordinates and what they are in."""
    data = graphic.get("GraphicData")
    numbers = (
        tuple(float(value) for value in data) if data is not None and not isinstance(data, float) else ()
    )
    wanted = 3 if graphic.ValueType == "SCOORD3D" else 2
    if len(numbers) != wanted:
        raise BrokenError(f"the position of point '{name}' is not {wanted} numbers")
    if not all(map(math.isfinite, numbers)):
        raise BrokenError(f"the position of point '{name}' is not finite")
    if wanted == 3:
        return numbers, (str(graphic.get("ReferencedFrameOfReferenceUID") or ""),)
    image = next(
        (one for child in _children(graphic) for one in child.get("ReferencedSOPSequence") or []), None
    )
    if image is None:
        raise BrokenError(f"it does not say on which image point '{name}' lies")
    return numbers, (
        str(image.get("ReferencedSOPInstanceUID") or ""),
        str(image.get("ReferencedFrameNumber") or 1),
    )


def _status(coded: Sequence[tuple[str, tuple[str, str, str]]]) -> Status | None:
    for concept, (value, scheme, _) in coded:
        if concept == STATUS.value and scheme == SCHEME:
            try:
                return Status(value.lower())
            except ValueError:
                return None
    return None


def _number(children: Sequence[Dataset], code: Code) -> float | None:
    for one in children:
        if one.get("ValueType") == "NUM" and _code(one, "ConceptNameCodeSequence")[:2] == (
            code.value,
            code.scheme,
        ):
            measured: Any = next(iter(one.get("MeasuredValueSequence") or []), {})
            value = measured.get("FloatingPointValue", measured.get("NumericValue"))
            return float(value) if value is not None and math.isfinite(float(value)) else None
    return None


def _algorithm(group: Dataset) -> tuple[str, str]:
    texts = {_concept(one): str(one.get("TextValue") or "") for one in _children(group)}
    return texts.get(_ALGORITHM, ""), texts.get(_VERSION, "")


# --- landmarks ----------------------------------------------------------------------------------------------


def _names(points: Sequence[ReportedPoint]) -> list[str]:
    """Names of all points: the first of identifier, finding and site that tells them apart.

    Others write the tool into the identifier, or the same finding into every group.
    """
    for kind in range(3):
        names = [point.names[kind] for point in points]
        if all(names) and len(set(names)) == len(names) and not any(map(_TOOL.search, names)):
            return names
    return [next((name for name in point.names if name), f"point_{n}") for n, point in enumerate(points, 1)]


def _landmark(point: ReportedPoint, name: str, volume: Volume | None) -> Landmark:
    status, confidence = point.status, point.confidence
    if not point.place:
        status = status if status is not None and not status.has_position else Status.ABSENT
        return Landmark(name, np.full(3, np.nan), status, confidence)
    if status is None or not status.has_position:
        status = Status.DETECTED
    if len(point.place) == 3:
        position = np.array(point.place) * (-1.0, -1.0, 1.0)
    else:
        assert volume is not None
        index = np.array([*point.place, PIXEL_CENTRE]) - PIXEL_CENTRE
        position = volume.ijk_to_ras_points([index])[0]
    require_sane(f"position of point '{name}'", position)
    return Landmark(name, position, status, confidence, expected_error=point.expected_error)
