"""What the readers and writers of volumes share: endings, checks of headers, stored values."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.geometry import geometry_problem
from LandmarkDetectionLib.errors import InputError

NIFTI = (".nii", ".nii.gz")
NRRD = (".nrrd", ".nhdr")
METAIMAGE = (".mha", ".mhd")
ITK = NRRD + METAIMAGE
PICTURES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
DICOM = (".dcm", ".ima", ".dicom")
#: Share of the range of values by which the channels of a grey picture may lie apart: 10 of 255 levels.
NEARLY_GREY = 10 / 255
#: Share of the pixels of a grey picture that may be coloured all the same: a stamp, a small mark.
COLOURED = 1e-3


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
    drawn in colour, and any tint that can be seen, is further apart. A mark of very few pixels does not make
    a radiograph a photograph.

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
    apart = np.ptp(colours, axis=-1) > NEARLY_GREY * np.iinfo(colours.dtype).max
    if apart.mean() > COLOURED:
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
    """The name for people: without its ending (``.nii.gz`` is one), "?" for bytes that are no text."""
    name = path.name[: -len(suffix_of(path))] if suffix_of(path) else path.name
    return name.encode("utf-8", "replace").decode("utf-8")


def suffix_of(path: Path) -> str:
    """The file's ending in lower case, ``.nii.gz`` being one."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix
