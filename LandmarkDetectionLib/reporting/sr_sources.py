"""The images of a Structured Report: what it takes over from their headers, and where their points are."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io.dicom import corners
from LandmarkDetectionLib.io.dicom_pixels import drop_damaged
from LandmarkDetectionLib.io.dicom_sr import PIXEL_CENTRE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from LandmarkDetectionLib.typing import FloatArray

_SEXES = {"M": "M", "F": "F", "O": "O", "MALE": "M", "FEMALE": "F", "OTHER": "O"}
#: A volume lies where its images do if no corner is farther off than this many mm, or a voxel.
SAME_PLACE_MM = 1.0


@dataclass(frozen=True, eq=False)
class Sources:
    """The images of a report.

    Attributes
    ----------
    images
        What the report takes over from each, in UTF-8.
    frame_of_reference
        UID of what places in the patient are in; "" for a radiograph or picture, whose points are its pixels.
    volume
        The image as it was read; None where only the landmarks are known.
    """

    images: tuple[Dataset, ...]
    frame_of_reference: str
    volume: Volume | None

    def in_space(self, position: FloatArray) -> FloatArray:
        """(1, 3) LPS mm of a (3,) RAS position."""
        return np.array([position * (-1.0, -1.0, 1.0)])

    def on_image(self, position: FloatArray) -> FloatArray | None:
        """(1, 2) column and row of a (3,) RAS position; None outside the image, where DICOM has no places."""
        assert self.volume is not None
        place = self.volume.ras_to_ijk_points([position])[:, :2] + PIXEL_CENTRE
        return place if ((place >= 0) & (place <= self.volume.size[:2])).all() else None


def read_sources(files: Sequence[Path], volume: Volume | None, *, with_points: bool) -> Sources:
    """Read the headers of images.

    Parameters
    ----------
    files
        At least one.
    volume
        The image that the positions of landmarks belong to.
    with_points
        Whether there are places to write, for which the images have to say what they are in.

    Raises
    ------
    InputError
        A file is no DICOM file, or lacks a UID by which reports name images.
    OutputError
        The images have no frame of reference, or several, or the volume is not where they are.
    """
    headers = [_header(file) for file in files]
    images = tuple(_taken_over(header, file) for header, file in zip(headers, files, strict=True))
    if not with_points:
        return Sources(images, "", volume)
    space = corners(files)
    if space is None:
        _require_picture(headers, files, volume)
        return Sources(images[:1], "", volume)
    uids = {str(header.get("FrameOfReferenceUID") or "") for header in headers}
    if len(uids) > 1:
        raise OutputError(
            f"The images beside {files[0]} are in {len(uids)} frames of reference, so a place in one means "
            "nothing in another; put those of one into a folder of their own."
        )
    uid = uids.pop()
    if not uid:
        raise OutputError(
            f"{files[0]} has no frame of reference (FrameOfReferenceUID), in which a Structured Report "
            "places points; export the image again, or write another kind of file."
        )
    if volume is not None:
        _require_same_place(volume, space, files[0])
    return Sources(images, uid, volume)


def _require_picture(headers: Sequence[Dataset], files: Sequence[Path], volume: Volume | None) -> None:
    if volume is None:
        raise OutputError(
            f"The points of {files[0]} are written in its pixels; give the image beside the landmarks."
        )
    size = (headers[0].get("Columns"), headers[0].get("Rows"))
    if not volume.is_2d or volume.size[:2] != size:
        raise OutputError(
            f"The image in hand has {' x '.join(map(str, volume.size))} pixels, but {files[0]} has "
            f"{size[0]} x {size[1]}; give the image as the DICOM file has it."
        )


def _require_same_place(volume: Volume, space: FloatArray, file: Path) -> None:
    """Refuse a volume that somebody has moved, or cut, since it was read.

    Its order of slices may be the other way round, as Slicer's sometimes is.
    """
    last = np.array(volume.size) - 1
    ijk = np.array([[i, j, k] for i in (0, last[0]) for j in (0, last[1]) for k in (0, last[2])])
    lps = volume.ijk_to_ras_points(ijk) * (-1.0, -1.0, 1.0)
    apart = np.linalg.norm(lps[:, None] - space[None], axis=-1)
    farthest = max(apart.min(axis=0).max(), apart.min(axis=1).max())
    if farthest > max(SAME_PLACE_MM, float(volume.spacing.max())):
        raise OutputError(
            f"The volume lies up to {farthest:.0f} mm from where {file} and the images beside it place it, "
            "so its landmarks have no place there; export those of the image as it was loaded."
        )


def _header(path: Path) -> Dataset:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        drop_damaged(header)
    except (InvalidDicomError, OSError):
        raise InputError(f"{path} is no DICOM file; a Structured Report needs the image as DICOM.") from None
    return header


def _taken_over(header: Dataset, path: Path) -> Dataset:
    """What a report takes over from an image, in UTF-8 and as DICOM allows it.

    Ordinary headers break the rules for dates, times and sex; what cannot be understood is left empty, as
    DICOM allows for all of these. Identifiers and descriptions stay as they are, whatever their length.
    """
    import pydicom
    from pydicom.valuerep import DA, TM

    source = pydicom.Dataset()
    source.SpecificCharacterSet = "ISO_IR 192"
    meta: Any = getattr(header, "file_meta", {})
    source.SOPClassUID = header.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")
    source.SOPInstanceUID = header.get("SOPInstanceUID") or meta.get("MediaStorageSOPInstanceUID")
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
