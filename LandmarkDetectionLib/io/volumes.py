"""A volume: stored voxels and where they lie in the patient, read from and written to files.

Every position inside the library is RAS mm. The formats that say LPS are converted by :func:`ras_from_lps`
and nowhere else. One module reads each family of files: :mod:`~LandmarkDetectionLib.io.nifti`,
:mod:`~LandmarkDetectionLib.io.nrrd`, :mod:`~LandmarkDetectionLib.io.metaimage`,
:mod:`~LandmarkDetectionLib.io.raster` (PNG, TIFF, JPEG, BMP) and :mod:`~LandmarkDetectionLib.io.dicom`; this
module picks the right one and refuses what cannot work.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io import dicom, metaimage, nifti, nrrd, raster
from LandmarkDetectionLib.io.dicom import Series
from LandmarkDetectionLib.io.formats import (
    DICOM,
    ITK,
    METAIMAGE,
    NIFTI,
    NRRD,
    PICTURES,
    require_size,
    suffix_of,
)
from LandmarkDetectionLib.wording import counted

#: The module of each kind of volume file, by ending.
MODULES: dict[str, Any] = {
    **dict.fromkeys(NIFTI, nifti),
    **dict.fromkeys(NRRD, nrrd),
    **dict.fromkeys(METAIMAGE, metaimage),
}


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

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> volume = ld.read_volume("ct.nrrd")
    >>> volume.size, volume.spacing.tolist()
    ((129, 90, 342), [5.0, 5.0, 5.0])
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

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> ld.write_volume(ld.read_volume("ct.nrrd"), "copy.nii.gz")
    >>> ld.read_volume("copy.nii.gz").size
    (129, 90, 342)
    """
    path = Path(path)
    suffix = suffix_of(path)
    if suffix not in MODULES:
        raise OutputError(f"Cannot write {path}: '{suffix}' is no volume format; use {listed(NIFTI + ITK)}.")
    MODULES[suffix].write(volume, path)


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
    dicom.write(volume, Path(folder))


def _read(path: Path, series: str | int | None) -> Volume:
    suffix = suffix_of(path)
    # Scanners and archives write DICOM files under any name.
    if path.is_dir() or suffix in DICOM or dicom.is_dicom(path):
        return dicom.read(path, series)
    reader: Any = raster if suffix in PICTURES else MODULES.get(suffix)
    if reader is None:
        raise InputError(
            f"{path} is of an unknown kind; give a DICOM file or folder, or {listed(NIFTI + ITK + PICTURES)}."
        )
    volume: Volume = reader.read(path)
    return volume


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
    # Slice by slice: a mask of the whole volume would take its own memory.
    slices = volume.voxels if volume.voxels.dtype.kind == "f" else ()
    if bad := sum(int(one.size - np.isfinite(one).sum()) for one in slices):
        them = "it" if bad == 1 else "them"
        raise InputError(
            f"{path} has {counted(bad, 'voxel that is', 'voxels that are')} NaN or infinite; replace {them} "
            "(in CT by -1024) and save again."
        )
    return volume


def listed(suffixes: tuple[str, ...]) -> str:
    """Endings as the end of a sentence."""
    return ", ".join(suffixes[:-1]) + f" or {suffixes[-1]}"
