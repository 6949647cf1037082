"""A volume: stored voxels and where they lie in the patient, read from and written to files.

Every position inside the library is RAS mm. The formats that say LPS are converted by :func:`ras_from_lps`
and nowhere else. One module reads each family of files: :mod:`~LandmarkDetectionLib.nifti`,
:mod:`~LandmarkDetectionLib.nrrd`, :mod:`~LandmarkDetectionLib.metaimage`,
:mod:`~LandmarkDetectionLib.radiograph` (PNG, TIFF, JPEG, BMP) and :mod:`~LandmarkDetectionLib.dicom`; this
module picks the right one and refuses what cannot work.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.errors import InputError, OutputError

if TYPE_CHECKING:
    from LandmarkDetectionLib.dicom import Series

NIFTI = (".nii", ".nii.gz")
NRRD = (".nrrd", ".nhdr")
METAIMAGE = (".mha", ".mhd")
ITK = NRRD + METAIMAGE
PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
DICOM = (".dcm", ".ima", ".dicom")

#: How a warning begins that says what the millimetres of an image mean.
PIXEL_SIZE = "Pixel size: "

#: Share of the range of values by which the channels of a grey picture may lie apart: 10 of 255 levels.
NEARLY_GREY = 10 / 255
#: Volume of the parallelepiped of the three unit axes: 1 when orthogonal, cos(tilt) for a gantry tilt.
LEAST_AXES_DETERMINANT = 0.5


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels as stored, with their place in the patient.

    Attributes
    ----------
    voxels
        (K, J, I) array of any real scalar type, as Slicer's ``arrayFromVolume`` gives it. Kept as stored:
        an int16 CT stays int16. Values are rescaled (Hounsfield units for CT).
    ijk_to_ras
        (4, 4) float64. Maps the voxel index (i, j, k, 1), of voxel centres, to RAS mm. May be oblique,
        left-handed, anisotropic and moderately sheared (gantry tilt), never singular.
    modality
        DICOM's word ("CT", "MR", "CR", "DX", ...), or "" when the file does not say.
    name
        Name for people: the file's name without its ending, or the DICOM series description. No patient
        identifier is read.
    spacing_known
        False when the file does not say how large a pixel is; lengths are then in pixels, not mm.
    warnings
        Sentences for people: what is doubtful about the file although it was read.

    Raises
    ------
    ValueError
        The shapes are wrong, the voxels are not real numbers, or ``ijk_to_ras`` is singular.

    Examples
    --------
    >>> volume = Volume(np.zeros((5, 4, 3), np.int16), np.diag([-1.0, -1.0, 2.0, 1.0]))
    >>> volume.size, volume.spacing.tolist()
    ((3, 4, 5), [1.0, 1.0, 2.0])
    >>> volume.ijk_to_ras_points([[2, 3, 4]]).tolist()
    [[-2.0, -3.0, 8.0]]
    """

    voxels: np.ndarray
    ijk_to_ras: np.ndarray
    modality: str = ""
    name: str = ""
    spacing_known: bool = True
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        matrix = np.array(self.ijk_to_ras, dtype=np.float64)
        if self.voxels.ndim != 3 or self.voxels.dtype.kind not in "iufb":
            raise ValueError(f"voxels must be (K, J, I) real numbers, not {self.voxels.dtype} {self.shape}")
        if matrix.shape != (4, 4) or not np.array_equal(matrix[3], [0, 0, 0, 1]):
            raise ValueError("ijk_to_ras must be (4, 4) with the last row 0 0 0 1")
        if problem := geometry_problem(matrix):
            raise ValueError(f"ijk_to_ras {problem}")
        object.__setattr__(self, "ijk_to_ras", matrix)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along (k, j, i): the shape of ``voxels``."""
        return self.voxels.shape

    @property
    def size(self) -> tuple[int, ...]:
        """Number of voxels along (i, j, k)."""
        return self.voxels.shape[::-1]

    @property
    def spacing(self) -> np.ndarray:
        """(3,) mm between voxel centres along i, j and k."""
        return np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)

    @property
    def extent_mm(self) -> np.ndarray:
        """(3,) mm along i, j and k, from the outer face of the first voxel to that of the last."""
        return self.spacing * self.size

    @property
    def is_2d(self) -> bool:
        """Whether there is only one slice, as in a radiograph."""
        return self.voxels.shape[0] == 1

    def ijk_to_ras_points(self, ijk: Any) -> np.ndarray:
        """Map (N, 3) voxel indices (i, j, k), of voxel centres, to (N, 3) RAS mm."""
        points = np.asarray(ijk, dtype=np.float64)
        return points @ self.ijk_to_ras[:3, :3].T + self.ijk_to_ras[:3, 3]

    def ras_to_ijk_points(self, ras: Any) -> np.ndarray:
        """Map (N, 3) RAS mm to (N, 3) voxel indices (i, j, k), not rounded."""
        points = np.asarray(ras, dtype=np.float64) - self.ijk_to_ras[:3, 3]
        return np.linalg.solve(self.ijk_to_ras[:3, :3], points.T).T


def read_volume(path: str | os.PathLike[str], series: str | int | None = None) -> Volume:
    """Read a volume or a radiograph.

    Parameters
    ----------
    path
        NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd), a radiograph as PNG, TIFF, JPEG
        or BMP, a DICOM file (any name) or a folder with DICOM files (searched with its subfolders).
    series
        Which series of a DICOM folder: its series instance UID, or its series number. Not needed when the
        folder holds only one.

    Returns
    -------
    Volume
        Values rescaled, geometry in RAS mm. Files that give no orientation (PNG, TIFF, CR) are placed as
        Slicer places them: i to the patient's left, j to posterior.

    Raises
    ------
    InputError
        The file is missing, damaged, or no single grey volume with finite values and a usable geometry; or
        the folder holds no series, or several and none was chosen. The sentence says which and what to do.
    MissingPackageError
        A DICOM file is compressed in a way that needs another package.
    """
    path = Path(path)
    _require_readable(path)
    if series is not None and not path.is_dir():
        raise InputError(f"{path} is a single file; a series can only be chosen from a DICOM folder.")
    try:
        return _checked(_read(path, series), path)
    except MemoryError as error:
        raise InputError(
            f"{path} says it is larger than the memory of this computer; check the file or shrink the image."
        ) from error


def write_volume(volume: Volume, path: str | os.PathLike[str]) -> None:
    """Write a volume as NIfTI, NRRD or MetaImage, chosen by the suffix.

    Values and geometry are kept; the modality is not, as these formats have no place for it. A float16 array
    is written as float32 and a bool array as uint8. ``.mhd`` and ``.nhdr`` write their data beside them.

    Parameters
    ----------
    volume
        What to write.
    path
        Name ending in .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd, in an existing folder.

    Raises
    ------
    OutputError
        The suffix is another one, or the file cannot be written; an older file is then untouched.
    """
    path = Path(path)
    suffix = _suffix(path)
    if suffix in NIFTI:
        from LandmarkDetectionLib import nifti

        nifti.write(volume, path)
    elif suffix in NRRD:
        from LandmarkDetectionLib import nrrd

        nrrd.write(volume, path)
    elif suffix in METAIMAGE:
        from LandmarkDetectionLib import metaimage

        metaimage.write(volume, path)
    else:
        raise OutputError(f"Cannot write {path}: '{suffix}' is no volume format; use {_listed(NIFTI + ITK)}.")


def list_series(folder: str | os.PathLike[str]) -> list[Series]:
    """List the image series of a DICOM folder, its subfolders included, ordered by series number.

    Raises
    ------
    InputError
        The folder is missing or holds no DICOM image.
    """
    folder = Path(folder)
    _require_readable(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; give the folder that holds the DICOM files.")
    from LandmarkDetectionLib import dicom

    return dicom.find_series(folder)


def write_dicom(volume: Volume, folder: str | os.PathLike[str]) -> None:
    """Write a volume as a minimal DICOM series, one file per slice.

    Integers that span at most 65535 are kept exactly (rescale slope 1); other values are rounded to 16 bits
    over their range.

    Parameters
    ----------
    volume
        Its slice axis k may be tilted; i and j must be perpendicular, as DICOM knows nothing else.
    folder
        New or empty folder.

    Raises
    ------
    OutputError
        The folder holds something already or cannot be written, or i and j are not perpendicular.
    """
    from LandmarkDetectionLib import dicom

    dicom.write(volume, Path(folder))


def with_spacing(volume: Volume, spacing: Sequence[float]) -> Volume:
    """The volume with voxels of another size, for images whose file does not say how large a pixel is.

    Parameters
    ----------
    volume
        Its first voxel stays where it is, and its axes keep their directions.
    spacing
        mm between voxel centres along (i, j) or (i, j, k). What the file said of them no longer matters.
    """
    sides = np.array([*spacing, *volume.spacing[len(spacing) :]], dtype=np.float64)
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, :3] *= sides / volume.spacing
    told = tuple(text for text in volume.warnings if not text.startswith(PIXEL_SIZE))
    return replace(volume, ijk_to_ras=matrix, spacing_known=True, warnings=told)


def with_voxels(volume: Volume, voxels: np.ndarray, name: str | None = None) -> Volume:
    """Other voxels of the same shape (K, J, I) in the same place; the name stays unless one is given."""
    if voxels.shape != volume.shape:
        raise ValueError(f"voxels must be {volume.shape}, not {voxels.shape}")
    return replace(volume, voxels=voxels, name=volume.name if name is None else name)


# Shared by the modules that read one format each -----------------------------------------------------


def ras_from_lps(ijk_to_lps: np.ndarray) -> np.ndarray:
    """Turn a (4, 4) matrix to LPS mm (ITK, DICOM) into one to RAS mm, and back: it is its own inverse."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ ijk_to_lps


def geometry_problem(matrix: np.ndarray) -> str:
    """Say what is wrong with a (4, 4) matrix from voxel indices to mm, as the end of a sentence, or ""."""
    if not np.isfinite(matrix).all():
        return "has a position, spacing or direction that is not a finite number"
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if lengths.min() < 1e-6:
        return "has a voxel spacing of zero or a direction matrix of zeros"
    if abs(np.linalg.det(matrix[:3, :3] / lengths)) < LEAST_AXES_DETERMINANT:
        return "has a singular or strongly sheared direction matrix"
    return ""


def require_geometry(path: Path, ijk_to_ras: np.ndarray) -> None:
    """Refuse a file whose (4, 4) geometry does not place voxels in space.

    Raises
    ------
    InputError
        The matrix is not finite, singular, or sheared by more than 60 degrees.
    """
    if problem := geometry_problem(ijk_to_ras):
        raise InputError(f"{path} {problem}; correct its header or export the image again.")


def require_size(path: Path, size: tuple[int, ...]) -> None:
    """Refuse a file, before its voxels are read, that is no single image.

    Parameters
    ----------
    path
        Named in the message.
    size
        Number of voxels along every axis of the file, i first.

    Raises
    ------
    InputError
        There are several time points or channels behind the third axis, an axis is empty, or fewer than two
        axes have more than one voxel.
    """
    text = " x ".join(map(str, size))
    if any(count != 1 for count in size[3:]):
        raise InputError(
            f"{path} has four or more dimensions ({text}); save one time point or channel as a 3D volume."
        )
    if sum(count > 1 for count in size) < 2 or min(size) < 1:
        raise InputError(f"{path} holds no image, only {text} voxels; check how it was exported.")


def rescaled(stored: np.ndarray, slope: float, intercept: float) -> np.ndarray:
    """Apply ``slope * stored + intercept``, keeping integers integers and the memory once where possible.

    Parameters
    ----------
    stored
        Any real array that may be overwritten.
    slope, intercept
        With a whole slope and intercept an integer array stays one: of its own type, or else the signed type
        of at least the same width that holds the result (uint16 with -1024 becomes int16 where it fits).

    Returns
    -------
    numpy.ndarray
        Of the same shape; float32 or float64 when slope or intercept has a fraction.
    """
    if slope == 1 and intercept == 0:
        return stored
    if stored.dtype.kind in "iu" and float(slope).is_integer() and float(intercept).is_integer():
        ends = [int(end) * int(slope) + int(intercept) for end in (stored.min(), stored.max())]
        width = max(stored.dtype.itemsize, 2)
        signed = [np.dtype(f"i{bytes_}") for bytes_ in (2, 4, 8) if bytes_ >= width]
        for dtype in (stored.dtype, *signed):
            if np.iinfo(dtype).min <= min(ends) and max(ends) <= np.iinfo(dtype).max:
                return _rescaled_modulo(stored, int(slope), int(intercept), dtype)
    result = stored.astype(np.result_type(stored.dtype, np.float32), copy=False)
    # Damaged files have absurd values; what overflows is found as not finite.
    with np.errstate(all="ignore"):
        result *= slope
        result += intercept
    return result


def _rescaled_modulo(stored: np.ndarray, slope: int, intercept: int, dtype: np.dtype) -> np.ndarray:
    """Rescale in unsigned arithmetic, whose overflow cancels out as the result is known to fit ``dtype``."""
    bits = 8 * dtype.itemsize
    wide = stored if stored.dtype.itemsize == dtype.itemsize else stored.astype(dtype)
    unsigned = wide.view(f"u{dtype.itemsize}")
    unsigned *= unsigned.dtype.type(slope % 2**bits)
    unsigned += unsigned.dtype.type(intercept % 2**bits)
    return unsigned.view(dtype)


@contextmanager
def silent(package: str) -> Iterator[None]:
    """Keep a package from warning and logging: it would quote values, and problems that matter are raised."""
    logger = logging.getLogger(package)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def native(array: np.ndarray) -> np.ndarray:
    """Give the array in this computer's byte order, swapping in place so that memory is taken once."""
    if array.dtype.isnative:
        return array
    if not array.flags.writeable:
        array = array.copy()
    return array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))


def grey_of_colours(colours: np.ndarray) -> np.ndarray | None:
    """The grey values of a picture whose channels are all but the same, or None when it has colours.

    Saving as JPEG moves the channels of a grey picture a few levels apart (its colours are rounded); anything
    drawn in colour, and any tint that can be seen, is further apart.

    Parameters
    ----------
    colours
        (..., C) integers.

    Returns
    -------
    numpy.ndarray or None
        (...) of the same type: the channel itself where all are the same, else their mean, rounded.
    """
    first = colours[..., 0]
    if colours.shape[-1] == 1 or all(np.array_equal(first, colours[..., n]) for n in (1, 2)):
        return first
    if colours.dtype.kind not in "iu":
        return None
    apart = int(np.ptp(colours, axis=-1).max())
    if apart > NEARLY_GREY * np.iinfo(colours.dtype).max:
        return None
    return np.rint(colours.mean(axis=-1, dtype=np.float32)).astype(colours.dtype)


def writable_dtype(dtype: np.dtype) -> np.dtype:
    """The type to write an array as: the formats know neither bool nor float16 nor long double."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return np.dtype(np.float32 if dtype.itemsize < 4 else np.float64)
    return dtype.newbyteorder("=")


def stem(path: Path) -> str:
    """The file's name without its ending, ``.nii.gz`` being one."""
    return path.name[: -len(_suffix(path))] if _suffix(path) else path.name


# ------------------------------------------------------------------------------------------------------


def _read(path: Path, series: str | int | None) -> Volume:
    from LandmarkDetectionLib import dicom

    suffix = _suffix(path)
    # Scanners and archives write DICOM files under any name.
    if path.is_dir() or suffix in DICOM or dicom.is_dicom(path):
        return dicom.read(path, series)
    if suffix in NIFTI:
        from LandmarkDetectionLib import nifti

        return nifti.read(path)
    if suffix in NRRD:
        from LandmarkDetectionLib import nrrd

        return nrrd.read(path)
    if suffix in METAIMAGE:
        from LandmarkDetectionLib import metaimage

        return metaimage.read(path)
    if suffix in PICTURES:
        from LandmarkDetectionLib import radiograph

        return radiograph.read(path)
    raise InputError(
        f"{path} is of an unknown kind; give a DICOM file or folder, or {_listed(NIFTI + ITK + PICTURES)}."
    )


def _require_readable(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist; check the name and the folder.")
    if not path.is_file() and not path.is_dir():
        raise InputError(f"{path} is a device, not a file; give an image file or a DICOM folder.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path} cannot be read with your permissions; ask its owner or copy it elsewhere.")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); copy or export it again.")


def _checked(volume: Volume, path: Path) -> Volume:
    require_size(path, volume.size)
    if bad := _not_finite(volume.voxels):
        raise InputError(
            f"{path} has {bad} voxels that are NaN or infinite; replace them (in CT by -1024) and save again."
        )
    return volume


def _not_finite(voxels: np.ndarray) -> int:
    """Count NaN and infinite values slice by slice: a mask of the whole volume would take its own memory."""
    if voxels.dtype.kind != "f":
        return 0
    return sum(int(voxel_slice.size - np.isfinite(voxel_slice).sum()) for voxel_slice in voxels)


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def _listed(suffixes: tuple[str, ...]) -> str:
    return ", ".join(suffixes[:-1]) + f" or {suffixes[-1]}"
