"""Find, read and write DICOM series.

Only the tags named in :data:`HEADER_TAGS` and ``dicom_pixels.PIXEL_TAGS`` are ever decoded: none of them
identifies a patient. A file is taken apart into frames (one for a classic slice, many for an enhanced
multi-frame file), and frames are put together into a volume by their positions, never by file names.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.geometry import ras_from_lps
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import reason_of
from LandmarkDetectionLib.io.dicom_pixels import (
    CROSS_SECTIONAL,
    Pixels,
    drop_damaged,
    most_frames,
    require_bounded,
    save,
)
from LandmarkDetectionLib.io.dicom_stack import even_line, resampled
from LandmarkDetectionLib.io.formats import require_geometry, require_size, silent
from LandmarkDetectionLib.io.pixel_size import TAGS as PIXEL_SIZE_TAGS
from LandmarkDetectionLib.io.pixel_size import PixelSize, pixel_size
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

HEADER_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "InstanceNumber",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "ImageType",
    *PIXEL_SIZE_TAGS,
    "SliceThickness",
    "SpacingBetweenSlices",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "RescaleSlope",
    "RescaleIntercept",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]
#: Objects that have rows and columns but are no images of a patient.
NOT_IMAGES = ("SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "SR", "PR", "KO", "REG", "RWV")
#: Modalities of pictures through the patient, whose pixels are larger at the detector than in the patient.
PROJECTIONS = ("CR", "DX", "IO", "MG", "PX", "RF", "RG", "XA")
#: Images closer than this, in mm, are at one position.
SAME_POSITION_MM = 0.01
#: Endings of DICOM files, which old ones among them have instead of the mark.
ENDINGS = (".dcm", ".ima", ".dicom")
#: Part of the positions that may hold a second image (a slice scanned again) before they are time points.
MOST_REPEATED = 0.1
#: Part of a series that must share size and orientation; the rest (a scout) is left out.
LEAST_ALIKE = 0.8
#: Largest difference of direction cosines within a stack: 0.1 degrees.
SAME_DIRECTION = 2e-3

#: Storage classes to write as: CT, MR, computed radiography, digital radiography.
STORAGE_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
}


@dataclass(frozen=True)
class Series:
    """One image series of a DICOM folder.

    Attributes
    ----------
    uid
        Series instance UID.
    number
        Series number, or None when the files have none.
    description
        Series description, or "".
    modality
        "CT", "MR", "CR", ...
    slices
        Number of images, copies counted.
    size
        Pixels along (i, j): columns and rows of most of the images.
    files
        The files, in no particular order.
    damaged
        Files that lie beside them and begin as DICOM files or are empty, but hold no image that can be read:
        what a copy that was broken off leaves behind. Whether they are of this series, nobody can know.
    """

    uid: str
    number: int | None
    description: str
    modality: str
    slices: int
    size: tuple[int, int]
    files: tuple[Path, ...]
    damaged: tuple[Path, ...] = ()
    _frames: tuple[_Frame, ...] = field(default=(), repr=False, compare=False)

    def __str__(self) -> str:
        number = "no number" if self.number is None else str(self.number)
        text = f" {self.description}" if self.description else ""
        return f"{number}:{text} ({self.modality or 'unknown modality'}, {counted(self.slices, 'image')})"


@dataclass(frozen=True)
class _Frame:
    """One two-dimensional image: where its pixels are stored and where they lie, LPS mm."""

    path: Path
    index: int
    instance: tuple[str, int]
    number: int
    size: tuple[int, int]
    spacing: tuple[float, float] | None
    #: Of a radiograph: sides and meaning; ``spacing`` holds the mm of these.
    pixel_size: PixelSize | None
    is_localizer: bool
    thickness: float | None
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    slope: float
    intercept: float

    def is_parallel_to(self, other: _Frame) -> bool:
        if self.size != other.size or not np.allclose(self.spacing or 1, other.spacing or 1, rtol=1e-3):
            return False
        if self.orientation is None or other.orientation is None:
            return self.orientation is other.orientation
        return bool(np.abs(np.subtract(self.orientation, other.orientation)).max() < SAME_DIRECTION)


# Finding ----------------------------------------------------------------------------------------------


def is_dicom(path: Path) -> bool:
    """Whether the file starts as a DICOM file does; False for a named pipe, which would be waited for."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False


@silent("pydicom")
def find_series(folder: Path) -> list[Series]:
    """List the image series below a folder, by number and UID.

    Raises
    ------
    InputError
        There is none.
    """
    found, objects = _grouped(_files(folder))
    if not found:
        raise InputError(
            f"{folder} holds {counted(objects, 'DICOM file')} but no image; give the folder of the scan "
            "itself."
            if objects
            else f"{folder} holds no DICOM images; give the folder of the scan, or an image file."
        )
    return found


@silent("pydicom")
def read(path: Path, series: str | int | None = None) -> Volume:
    """Read one DICOM file, or one series of a folder.

    Slices are sorted along their normal; the matrix follows their positions, so a gantry tilt becomes a
    shear. Copies of an image are left out; so is a second image at a position already seen (the lower
    instance number stays) when this concerns at most a tenth of the positions, and scouts beside other
    images. Damaged files beside the series are left out, with a warning: it may have lost its ends. Slices
    at uneven distances, or with gaps of a few, are interpolated at even ones, with a warning.
    Rescale slope and intercept are applied slice by slice, padding becomes air, MONOCHROME1 radiographs are
    inverted: dark is small. What the millimetres of a radiograph mean is said in the warnings.

    Raises
    ------
    InputError
        No series, several and none chosen, a wide gap between slices, several time points, colour, or damage.
    MissingPackageError
        The files are compressed in a way that needs another package.
    """
    return _volume(_chosen(find_series(path), series, path) if path.is_dir() else _single_file(path), path)


@silent("pydicom")
def read_files(files: Sequence[Path], series: str) -> Volume:
    """Read one series from its files, without looking through the folders they lie in; see :func:`read`.

    Raises
    ------
    InputError
        As :func:`read`; also when the files, or the series in them, are gone.
    MissingPackageError
        As :func:`read`.
    """
    folder = files[0].parent
    if gone := [file for file in files if not file.is_file()]:
        raise InputError(f"{gone[0]} is gone; look through the folder again.")
    found, _ = _grouped(files)
    return _volume(_chosen(found, series, folder), folder)


@silent("pydicom")
def read_pixel_size(path: Path) -> PixelSize | None:
    """The size of a radiograph's pixels by its header; see :mod:`LandmarkDetectionLib.io.pixel_size`.

    Parameters
    ----------
    path
        The file of a projection radiograph.

    Returns
    -------
    PixelSize or None
        None when it is no DICOM image, or none of a projection: their PixelSpacing is of the patient.
    """
    header = _header(path)
    if header is None or not _is_image(header):
        return None
    return _frames(header, path)[0].pixel_size


@silent("pydicom")
def corners(files: Sequence[Path]) -> np.ndarray | None:
    """Where the outermost voxels of a series lie in the patient.

    Parameters
    ----------
    files
        Of one series.

    Returns
    -------
    (8, 3) float64 or None
        LPS mm of the centres of the corner voxels of the first and last image along their normal; None for
        images that have no place in the patient: radiographs and pictures.

    Raises
    ------
    InputError
        There is no image, its header is damaged, or the files mix images of several kinds.
    """
    found, _ = _grouped(files)
    frames = [frame for series in found for frame in series._frames]
    if not frames:
        raise InputError(f"{files[0]} is no DICOM image or is damaged; give the scan itself.")
    frames = _alike([frame for frame in frames if not frame.is_localizer] or frames, files[0])
    first = frames[0]
    if first.pixel_size is not None or first.position is None or first.orientation is None:
        return None
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    frames.sort(key=lambda frame: float(normal @ (frame.position or (0.0, 0.0, 0.0))))
    last = np.array(first.size) - 1
    ij = np.array([[i, j, 0, 1] for i in (0, last[0]) for j in (0, last[1])])
    ends = [_single_matrix(frame) @ ij.T for frame in (frames[0], frames[-1])]
    return np.concatenate([end.T[:, :3] for end in ends])


def _volume(chosen: Series, path: Path) -> Volume:
    stack = _stacked(chosen._frames, path)
    require_size(path, (*stack.frames[0].size, len(stack.frames)))
    matrix = ras_from_lps(stack.matrix)
    require_geometry(path, matrix)
    name = chosen.description or f"{chosen.modality} series {chosen.number or ''}".strip()
    voxels = _voxels(stack.frames, chosen.modality)
    if stack.places is not None:
        voxels = resampled(voxels, stack.places)
    doubts = (*stack.doubts, *_loss(chosen.damaged))
    return Volume(voxels, matrix, chosen.modality, name, stack.spacing_known, doubts)


def _loss(damaged: Sequence[Path]) -> tuple[Doubt, ...]:
    if not damaged:
        return ()
    others = f" and {counted(len(damaged) - 1, 'more file')}" if len(damaged) > 1 else ""
    are = "are" if others else "is"
    return (
        Doubt(
            f"{damaged[0].name}{others} {are} empty, damaged or truncated and left out: slices may be "
            "missing, also at the ends, where no gap tells; copy or export the scan again.",
            DoubtKind.SLICES,
        ),
    )


def _grouped(files: Iterable[Path]) -> tuple[list[Series], int]:
    """The image series that files belong to, by number and UID, and how many of the files are DICOM."""
    groups: dict[str, tuple[Dataset, list[_Frame]]] = {}
    damaged: dict[Path, list[Path]] = {}
    objects = 0
    for path in files:
        header = _header(path)
        if _is_damaged(path, header):
            damaged.setdefault(path.parent, []).append(path)
        if header is None:
            continue
        objects += 1
        if _is_image(header):
            _, frames = groups.setdefault(str(header.get("SeriesInstanceUID", "")), (header, []))
            frames.extend(_frames(header, path))
    series = [
        replace(one, damaged=_beside(one.files, damaged))
        for one in (_series(uid, header, frames) for uid, (header, frames) in groups.items())
    ]
    return sorted(series, key=lambda one: (one.number is None, one.number or 0, one.uid)), objects


def _is_damaged(path: Path, header: Dataset | None) -> bool:
    """Whether the file should hold an image and holds none: empty, or broken off before its rows are told."""
    from pydicom.uid import UID

    if header is None:
        return is_dicom(path) or (path.is_file() and path.stat().st_size == 0)
    meta = getattr(header, "file_meta", None) or {}
    kind = header.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""
    return "Image Storage" in UID(str(kind)).name and not header.get("Rows")


def _beside(files: Sequence[Path], damaged: dict[Path, list[Path]]) -> tuple[Path, ...]:
    """Damaged files in the folders of a series that end as its files do."""
    endings = {(path.parent, path.suffix.lower()) for path in files}
    return tuple(
        path
        for parent, ending in sorted(endings)
        for path in damaged.get(parent, ())
        if path.suffix.lower() == ending
    )


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            if path.is_file():
                yield path


def _header(path: Path) -> FileDataset | None:
    return read_header(path, HEADER_TAGS)


@silent("pydicom")
def read_header(path: Path, tags: Sequence[str]) -> FileDataset | None:
    """Some tags of a DICOM file, or None when it is none or damaged."""
    import pydicom

    if not path.is_file():
        return None
    unmarked = not is_dicom(path)
    # Old files lack the mark; looking into every other file for one would take texts for DICOM.
    if unmarked and path.suffix.lower() not in ENDINGS:
        return None
    try:
        require_bounded(path)
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(tags), force=unmarked)
        drop_damaged(header)
        return header if header.get("SOPClassUID") or not unmarked else None
    except Exception:
        # A damaged file raises whatever its bytes lead to; it is no image either way.
        return None


def _is_image(header: Dataset) -> bool:
    return bool(header.get("Rows") and header.get("Columns")) and header.get("Modality") not in NOT_IMAGES


def _series(uid: str, header: Dataset, frames: Sequence[_Frame]) -> Series:
    return Series(
        uid=uid,
        number=whole(header.get("SeriesNumber")),
        description=str(header.get("SeriesDescription") or "").strip(),
        modality=str(header.get("Modality") or "").strip(),
        slices=len(frames),
        size=Counter(frame.size for frame in frames).most_common(1)[0][0],
        files=tuple(dict.fromkeys(frame.path for frame in frames)),
        _frames=tuple(frames),
    )


def _single_file(path: Path) -> Series:
    header = _header(path)
    if header is None:
        raise InputError(f"{path} is no DICOM file or is damaged; copy or export it again.")
    if not _is_image(header):
        kind = header.get("Modality") or "unknown kind"
        raise InputError(
            f"{path} is a DICOM object without an image ({kind}) or truncated; give the scan itself."
        )
    return _series(str(header.get("SeriesInstanceUID", "")), header, _frames(header, path))


def _chosen(found: list[Series], wanted: str | int | None, folder: Path) -> Series:
    if wanted is None:
        matching = found
    else:
        matching = [one for one in found if one.uid == str(wanted)]
        matching = matching or [one for one in found if str(one.number) == str(wanted).strip()]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise InputError(f"{folder} holds no series {wanted}; it holds {_listed(found)}.")
    numbers = [one.number for one in matching]
    if len(set(numbers)) == len(numbers) and None not in numbers:
        raise InputError(
            f"{folder} holds {len(matching)} series; choose one by its number, or give a folder that "
            f"holds it alone: {_listed(matching)}."
        )
    uids = "; ".join(f"{one.uid} = {one}" for one in matching[:10])
    raise InputError(
        f"{folder} holds {len(matching)} series; choose one by its UID, or give a folder that "
        f"holds it alone: {uids}."
    )


def _listed(series: Sequence[Series]) -> str:
    more = f"; and {len(series) - 10} more" if len(series) > 10 else ""
    return "; ".join(map(str, series[:10])) + more


# Frames -----------------------------------------------------------------------------------------------


def _frames(header: Dataset, path: Path) -> list[_Frame]:
    """Take a file apart into its frames.

    Raises
    ------
    InputError
        The geometry cannot be decoded.
    """
    try:
        shared = next(iter(header.get("SharedFunctionalGroupsSequence") or []), None)
        groups: list[Any] = list(header.get("PerFrameFunctionalGroupsSequence") or [])
        count = len(groups) or whole(header.get("NumberOfFrames")) or 1
        if not 0 < count <= most_frames(header, path):
            raise InputError(f"{path} is damaged or truncated; copy or export it again.")
        groups = groups or [None] * count
        return [
            _frame(path, index, header, [part for part in (group, shared) if part is not None])
            for index, group in enumerate(groups)
        ]
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(f"{path} has a damaged DICOM header; export it again.") from error


def _frame(path: Path, index: int, header: Dataset, groups: list[Any]) -> _Frame:
    def value(keyword: str, *sequences: str) -> Any:
        """The attribute of this frame, of all frames, or of a classic file, whichever comes first."""
        for group in groups:
            for sequence in sequences:
                for item in group.get(sequence) or []:
                    if item.get(keyword) not in (None, ""):
                        return item.get(keyword)
        return header.get(keyword)

    def numbers(keyword: str, count: int, *sequences: str) -> tuple[float, ...] | None:
        found = value(keyword, *sequences)
        if found is None or found == "" or not len(found):
            return None
        result = tuple(float(number) for number in found)
        if len(result) != count:
            raise ValueError(keyword)
        return result

    position = numbers("ImagePositionPatient", 3, "PlanePositionSequence")
    orientation = numbers("ImageOrientationPatient", 6, "PlaneOrientationSequence")
    projected: PixelSize | None = None
    if _is_projection(str(header.get("Modality") or ""), position is not None and orientation is not None):
        projected = pixel_size(lambda keyword: value(keyword, "PixelMeasuresSequence"))
        spacing = projected.sides if projected.known else None
    else:
        rows = numbers("PixelSpacing", 2, "PixelMeasuresSequence")
        spacing = (rows[1], rows[0]) if rows else None
    return _Frame(
        path=path,
        index=index,
        instance=(str(header.get("SOPInstanceUID") or path), index),
        number=whole(header.get("InstanceNumber")) or 0,
        size=(int(header.Columns), int(header.Rows)),
        spacing=spacing,
        pixel_size=projected,
        is_localizer="LOCALIZER" in image_type(header),
        thickness=_positive(value("SpacingBetweenSlices", "PixelMeasuresSequence"))
        or _positive(value("SliceThickness", "PixelMeasuresSequence")),
        position=position,
        orientation=orientation,
        # A slope of zero would make every voxel the same; writers mean "none" by it.
        slope=float(value("RescaleSlope", "PixelValueTransformationSequence") or 1),
        intercept=float(value("RescaleIntercept", "PixelValueTransformationSequence") or 0),
    )


def _is_projection(modality: str, is_placed: bool) -> bool:
    return modality in PROJECTIONS or not (is_placed or modality in (*CROSS_SECTIONAL, "US"))


def image_type(header: Dataset) -> frozenset[str]:
    """The words of a header's image type, in capitals."""
    value = header.get("ImageType") or ()
    return frozenset(str(word).strip().upper() for word in ([value] if isinstance(value, str) else value))


def whole(value: Any) -> int | None:
    """The whole number of a header's value; None for what is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _positive(value: Any) -> float | None:
    try:
        return float(value) if float(value) > 0 else None
    except (TypeError, ValueError):
        return None


# Stacking ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Stack:
    """Frames in order, with the (4, 4) matrix to LPS mm; ``places`` as in :class:`dicom_stack.Line`."""

    frames: list[_Frame]
    matrix: np.ndarray
    spacing_known: bool
    doubts: tuple[Doubt, ...] = ()
    places: np.ndarray | None = None


def _stacked(frames: Sequence[_Frame], path: Path) -> _Stack:
    """Sort frames into a stack."""
    frames = list({frame.instance: frame for frame in reversed(frames)}.values())
    frames = [frame for frame in frames if not frame.is_localizer] or frames
    frames = _alike(frames, path)
    first = frames[0]
    if len(frames) == 1:
        doubts = first.pixel_size.doubts if first.pixel_size else ()
        return _Stack(frames, _single_matrix(first), first.spacing is not None, doubts)
    if any(frame.position is None or frame.orientation is None for frame in frames):
        raise InputError(
            f"{path} holds {len(frames)} images without positions (separate radiographs or a film); "
            "give the file of a single image."
        )
    if first.spacing is None:
        raise InputError(f"{path} does not say how large its pixels are; export it again with PixelSpacing.")
    # A useless orientation would first look as if all slices were at one position.
    require_geometry(path, _single_matrix(first))
    normal = np.cross(first.orientation[:3], first.orientation[3:])  # type: ignore[index]
    normal /= np.linalg.norm(normal)
    frames = _one_per_position(frames, normal, path)
    if len(frames) == 1:
        return _Stack(frames, _single_matrix(frames[0]), True)
    positions = np.array([frame.position for frame in frames], dtype=np.float64)
    if not np.isfinite(positions).all():
        raise InputError(f"{path} has a damaged DICOM header; export it again.")
    line = even_line(path, positions, normal)
    return _Stack(frames, _matrix(first, line.step, positions[0]), True, line.doubts, line.places)


def _alike(frames: list[_Frame], path: Path) -> list[_Frame]:
    """The frames that share size and orientation, if they are nearly all."""
    groups: list[list[_Frame]] = []
    for frame in frames:
        group = next((group for group in groups if frame.is_parallel_to(group[0])), None)
        if group is None:
            groups.append([frame])
        else:
            group.append(frame)
    largest = max(groups, key=len)
    if len(largest) < LEAST_ALIKE * len(frames):
        raise InputError(
            f"{path} mixes images of {len(groups)} different sizes or orientations in one series; "
            "put those of one stack into a folder of their own."
        )
    return largest


def _one_per_position(frames: list[_Frame], normal: np.ndarray, path: Path) -> list[_Frame]:
    ordered = sorted(frames, key=lambda frame: (float(normal @ frame.position), frame.number))
    kept = [ordered[0]]
    for frame in ordered[1:]:
        if normal @ np.subtract(frame.position, kept[-1].position) > SAME_POSITION_MM:  # type: ignore[arg-type]
            kept.append(frame)
    if len(ordered) - len(kept) > MOST_REPEATED * len(kept):
        raise InputError(
            f"{path} holds {len(ordered)} images at only {counted(len(kept), 'position')} (time points, "
            "echoes or reconstructions); put one of them into a folder of its own."
        )
    return kept


def _single_matrix(frame: _Frame) -> np.ndarray:
    orientation = np.array(frame.orientation or (1, 0, 0, 0, 1, 0), dtype=np.float64)
    normal = np.cross(orientation[:3], orientation[3:])
    return _matrix(frame, normal * (frame.thickness or 1.0), np.array(frame.position or (0.0, 0.0, 0.0)))


def _matrix(frame: _Frame, step: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """(4, 4) matrix from (i, j, k) to LPS mm; without a pixel size, one unit per width of a pixel."""
    orientation = np.array(frame.orientation or (1, 0, 0, 0, 1, 0), dtype=np.float64)
    sides = frame.spacing or (frame.pixel_size.sides if frame.pixel_size else (1.0, 1.0))
    matrix = np.eye(4)
    for axis, cosines in enumerate((orientation[:3], orientation[3:])):
        # Cosines are written with few digits; over a whole row that would add up.
        matrix[:3, axis] = cosines / (np.linalg.norm(cosines) or 1.0) * sides[axis]
    matrix[:3, 2] = step
    matrix[:3, 3] = origin
    return matrix


# Pixels -----------------------------------------------------------------------------------------------


def _voxels(frames: list[_Frame], modality: str) -> np.ndarray:
    """(K, J, I) rescaled values in the narrowest type that every slice fits."""
    pixels = Pixels(frames[0].path)
    voxels = np.empty(0)
    for k, frame in enumerate(frames):
        if pixels.path != frame.path:
            pixels = Pixels(frame.path)
        values = pixels.values(frame.index, frame.slope, frame.intercept, modality)
        if k == 0:
            voxels = np.empty((len(frames), *values.shape), values.dtype)
        # Copies only when a slice has a wider type than all before it, which is rare.
        voxels = voxels.astype(np.result_type(voxels, values), copy=False)
        voxels[k] = values
    return voxels


# Writing ----------------------------------------------------------------------------------------------


def write(volume: Volume, folder: Path) -> None:
    """Write a volume as one file per slice; see :func:`LandmarkDetectionLib.io.volumes.write_dicom`."""
    axes = ras_from_lps(volume.ijk_to_ras)[:3, :3] / volume.spacing
    if abs(axes[:, 0] @ axes[:, 1]) > 1e-4:
        raise OutputError(
            f"Cannot write {folder}: DICOM needs perpendicular rows and columns; resample the volume first."
        )
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise OutputError(f"Cannot write {folder}: it is not empty; give a new folder.")
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder.parent) as temporary:
            finished = Path(temporary) / folder.name
            finished.mkdir()
            _write_slices(volume, finished)
            if folder.is_dir():
                folder.rmdir()
            os.replace(finished, folder)  # noqa: PTH105
    except OSError as error:
        raise OutputError(f"Cannot write {folder}: {reason_of(error)}; choose another folder.") from error


def _write_slices(volume: Volume, folder: Path) -> None:
    import pydicom
    from pydicom.valuerep import DSfloat

    def decimals(values: Any) -> list[DSfloat]:
        return [DSfloat(float(value), auto_format=True) for value in values]

    modality = volume.modality or ("DX" if volume.is_2d else "CT")
    storage = STORAGE_CLASSES.get(modality, pydicom.uid.SecondaryCaptureImageStorage)
    matrix = ras_from_lps(volume.ijk_to_ras)
    slope, intercept = _scaling(volume.voxels)
    study, series, frame = (pydicom.uid.generate_uid() for _ in range(3))
    for k, voxels in enumerate(volume.voxels):
        data = pydicom.Dataset()
        data.SOPClassUID, data.SOPInstanceUID = storage, pydicom.uid.generate_uid()
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.PatientName = data.PatientID = data.StudyID = ""
        data.PatientBirthDate = data.PatientSex = data.StudyDate = data.StudyTime = ""
        data.AccessionNumber = data.ReferringPhysicianName = data.Manufacturer = ""
        data.Modality, data.SeriesDescription = modality, volume.name[:64]
        data.SeriesNumber, data.InstanceNumber = 1, k + 1
        data.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        data.PositionReferenceIndicator = ""
        data.ImagePositionPatient = decimals((matrix @ [0, 0, k, 1])[:3])
        data.ImageOrientationPatient = decimals((matrix[:3, :2] / volume.spacing[:2]).T.ravel())
        if volume.spacing_known:
            data.PixelSpacing = decimals(volume.spacing[1::-1])
        data.SliceThickness = decimals(volume.spacing[2:])[0]
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.Rows, data.Columns = voxels.shape
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation = 15, 0
        data.RescaleSlope, data.RescaleIntercept = decimals([slope, intercept])
        data.RescaleType = "HU" if modality == "CT" else "US"
        stored = np.rint((voxels.astype(np.float64) - intercept) / slope)
        data.PixelData = np.clip(stored, 0, 65535).astype("<u2").tobytes()
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        save(data, folder / f"{k + 1:05d}.dcm")


def _scaling(voxels: np.ndarray) -> tuple[float, float]:
    """Slope and intercept that bring the values into 16 unsigned bits, exactly where they are integers."""
    low, high = float(voxels.min()), float(voxels.max())
    if voxels.dtype.kind in "iub" and high - min(low, 0.0) <= 65535:
        return 1.0, min(low, 0.0)
    if voxels.dtype.kind in "iu" and high - low <= 65535:
        return 1.0, low
    # Ten digits: what a decimal string of 16 characters holds for certain.
    return float(f"{(high - low) / 65535 or 1.0:.10g}"), float(f"{low:.10g}")
