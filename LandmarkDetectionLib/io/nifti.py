"""Read and write NIfTI-1 and NIfTI-2.

The header is decoded by nibabel and the voxels are read here, because ITK's reader refuses sheared matrices
(a CT with gantry tilt) and silently fills a truncated ``.nii.gz`` with zeros, and nibabel turns scaled
integers into float64.
"""

from __future__ import annotations

import gzip
import zlib
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.geometry import geometry_problem, ras_from_lps
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.io.formats import (
    native,
    require_geometry,
    require_size,
    rescaled,
    stem,
    writable_dtype,
)
from LandmarkDetectionLib.io.voxel_data import fill, require_end, voxel_array

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

#: Length of the header, by which the two versions are told apart.
HEADER_BYTES = {1: 348, 2: 540}
#: Millimetres of the spatial units a header can name; 0 is "unknown", which means mm in practice.
MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
#: Padding behind the voxels that means nothing.
BLOCK_BYTES = 4096
#: The transform code of scanner coordinates.
SCANNER = 1
#: Cosine between two axes of an sform from which on ITK does not believe it.
SHEAR_IN_ITK = 1e-4


def read(path: Path) -> Volume:
    """Read a ``.nii`` or ``.nii.gz`` file, compressed or not whatever its name.

    Slope and intercept are applied. Where both matrices are set and differ, the one is taken that Slicer
    takes, so that landmarks appear where they were found: the sform if it is in scanner coordinates, is the
    only one or is sheared, otherwise the qform. A file with neither is placed as Slicer places it: i to the
    left, j to posterior.

    Raises
    ------
    InputError
        The file is truncated, is no NIfTI file, or holds something else than one grey volume.
    """
    header, voxels = _read(path)
    matrix = _ijk_to_ras(header)
    require_geometry(path, matrix)
    return Volume(voxels, matrix, name=stem(path), doubts=_doubts(header, voxels.shape, matrix))


def read_vectors(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read three values per voxel (a fourth or fifth axis): (3, K, J, I), and the (4, 4) matrix to RAS mm.

    Raises
    ------
    InputError
        As :func:`read`, or there are not three values per voxel.
    """
    header, vectors = _read(path, values=3)
    matrix = _ijk_to_ras(header)
    require_geometry(path, matrix)
    return vectors, matrix


def slices(path: Path) -> int:
    """Slices as the header says; raises InputError."""
    try:
        with _opened(path) as stream:
            header = _read_header(stream, path)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged or truncated; copy or export it again.") from error
    return int(header["dim"][3]) if header["dim"][0] > 2 else 1


def _read(path: Path, values: int = 1) -> tuple[Nifti1Header, np.ndarray]:
    """The header, and voxels (K, J, I), or (values, K, J, I) for several values per voxel."""
    try:
        with _opened(path) as stream:
            header = _read_header(stream, path)
            return header, _read_voxels(stream, header, path, values)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged or truncated; copy or export it again.") from error


def write(volume: Volume, path: Path) -> None:
    """Write a NIfTI-1 file, or NIfTI-2 where an axis is too long for it.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import nibabel

    voxels = volume.voxels.astype(writable_dtype(volume.voxels.dtype), copy=False)
    kind = nibabel.Nifti1Image if max(voxels.shape) < 2**15 else nibabel.Nifti2Image
    image = kind(voxels.T, volume.ijk_to_ras, dtype=voxels.dtype)
    image.header.set_xyzt_units("mm")
    image.set_sform(volume.ijk_to_ras, code=SCANNER)
    # The qform cannot hold a shear; a wrong one beside the right sform would only mislead.
    sheared = not _orthogonal(volume.ijk_to_ras, 1e-6)
    image.set_qform(volume.ijk_to_ras, code=0 if sheared else SCANNER)
    with atomic_write(path) as temporary:
        nibabel.save(image, temporary)


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb")) if compressed else path.open("rb")


def _read_header(stream: BinaryIO, path: Path) -> Nifti1Header:
    """Read the header as it is: nibabel's own checks would repair a spacing of zero to one."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    block = stream.read(HEADER_BYTES[1])
    length = {int.from_bytes(block[:4], order) for order in ("little", "big")}
    if HEADER_BYTES[1] in length and block[344:348] == b"n+1\0":
        return Nifti1Header(block, check=False)
    if HEADER_BYTES[2] in length and block[4:8] == b"n+2\0":
        block += stream.read(HEADER_BYTES[2] - HEADER_BYTES[1])
        if len(block) == HEADER_BYTES[2]:
            return Nifti2Header(block, check=False)
    raise InputError(f"{path} is no NIfTI file, or its header is damaged; export it again as .nii.gz.")


def _read_voxels(stream: BinaryIO, header: Nifti1Header, path: Path, values: int) -> np.ndarray:
    """Read and scale the voxels; returns (K, J, I), or (values, K, J, I)."""
    size = (*_size(header, path, values), *([values] if values > 1 else []))
    dtype = _dtype(header, path)
    encoding = "gzip" if isinstance(stream, gzip.GzipFile) else "raw"
    voxels = voxel_array(size[::-1], dtype, path.stat().st_size, encoding, path)
    _skip_to_voxels(stream, header, path)
    fill(voxels, stream, path)
    # Some writers fill up their last block; another slice would mean that the header is wrong.
    require_end(stream, path, tolerated=min(voxels[0].nbytes - 1, BLOCK_BYTES))
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not np.isfinite([slope, intercept]).all():
        slope, intercept = 1.0, 0.0
    return rescaled(native(voxels), slope, intercept)


def _skip_to_voxels(stream: BinaryIO, header: Nifti1Header, path: Path) -> None:
    offset = float(header["vox_offset"])
    if not 0 <= offset < 2**40:
        raise InputError(f"{path} has a damaged header (its voxels start at byte {offset}); export it again.")
    # Some writers leave the offset at zero and mean the first byte that it can be.
    stream.seek(max(int(offset), header.single_vox_offset))


def _size(header: Nifti1Header, path: Path, values: int) -> tuple[int, int, int]:
    """Voxels along (i, j, k); ``values`` per voxel lie along the fourth or fifth axis."""
    dimensions = int(header["dim"][0])
    if not 1 <= dimensions <= 7:
        raise InputError(f"{path} has a damaged header ({dimensions} dimensions); export it again.")
    size = tuple(int(count) for count in header["dim"][1 : dimensions + 1])
    if values > 1:
        if [count for count in size[3:] if count != 1] != [values]:
            raise InputError(
                f"{path} has {' x '.join(map(str, size))} values, and directions need three per voxel."
            )
        size = size[:3]
    require_size(path, size)
    i, j, k = (*size, 1, 1)[:3]
    return i, j, k


def _dtype(header: Nifti1Header, path: Path) -> np.dtype:
    from nibabel.spatialimages import HeaderDataError

    try:
        dtype = header.get_data_dtype()
    except (HeaderDataError, KeyError) as error:
        raise InputError(f"{path} has an unknown voxel type; save it as 16-bit integers.") from error
    if dtype.fields:
        raise InputError(f"{path} is a colour (RGB) image; save it as grey values.")
    if dtype.kind == "c":
        raise InputError(f"{path} has complex voxels; save their magnitude.")
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise InputError(f"{path} has voxels of type {dtype}; save it as 16-bit integers or 32-bit floats.")
    return dtype


def _ijk_to_ras(header: Nifti1Header) -> np.ndarray:
    spacing = np.abs(np.array(header["pixdim"][1:4], dtype=np.float64))
    # A picture of two dimensions may leave the spacing of the third empty.
    flat = np.arange(3) >= header["dim"][0]
    spacing[flat & ~(spacing > 0)] = 1
    sform = header.get_sform() if header["sform_code"] > 0 else None
    qform = _qform(header, spacing) if header["qform_code"] > 0 else None
    if sform is None and qform is None:
        matrix = ras_from_lps(np.diag([*spacing, 1.0]))
    elif qform is None or (sform is not None and _prefers_sform(header, sform)):
        matrix = np.array(sform, dtype=np.float64)
    else:
        matrix = qform
    matrix[:3] *= MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    return matrix


def _doubts(header: Nifti1Header, shape: tuple[int, ...], matrix: np.ndarray) -> tuple[Doubt, ...]:
    """Say so where Slicer shows the image elsewhere, by more than half a voxel at any corner."""
    slicer = _in_slicer(header)
    if slicer is None:
        return ()
    corners = np.array([[*corner, 1] for corner in product(*((0, count - 1) for count in shape[::-1]))])
    apart = float(np.linalg.norm((corners @ (matrix - slicer).T)[:, :3], axis=1).max())
    if not np.isfinite(apart) or apart <= np.linalg.norm(matrix[:3, :3], axis=0).min() / 2:
        return ()
    text = (
        "The file's two descriptions of where its voxels lie contradict (sform, and qform or voxel size). "
        f"Its sform is used; Slicer shows the image up to {apart:.1f} mm elsewhere."
    )
    return (Doubt(text, DoubtKind.IMAGE_FILE),)


def _in_slicer(header: Nifti1Header) -> np.ndarray | None:
    """(4, 4) matrix that ITK, and so Slicer, makes of a header with an sform; None where it follows that.

    ITK takes directions and origin from the sform or the qform, but the voxel size always from ``pixdim``,
    and a sheared sform gives way to any qform (itkNiftiImageIO.cxx, ITK 5.4).
    """
    if header["sform_code"] <= 0:
        return None
    sform = np.array(header.get_sform(), dtype=np.float64)
    spacing = np.abs(np.array(header["pixdim"][1:4], dtype=np.float64))
    lengths = np.linalg.norm(sform[:3, :3], axis=0)
    if not np.isfinite(spacing).all() or min(*spacing, *lengths) <= 0:
        return None
    if header["qform_code"] > 0 and not (_prefers_sform(header, sform) and _orthogonal(sform, SHEAR_IN_ITK)):
        matrix = _qform(header, spacing)
    else:
        matrix = sform
        matrix[:3, :3] *= spacing / lengths
    matrix[:3] *= MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    return matrix


def _prefers_sform(header: Nifti1Header, sform: np.ndarray) -> bool:
    if geometry_problem(sform):
        return False
    return bool(header["sform_code"] == SCANNER) or not _orthogonal(sform, 1e-3)


def _orthogonal(matrix: np.ndarray, tolerance: float) -> bool:
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    return np.allclose(axes.T @ axes, np.eye(3), atol=tolerance)


def _qform(header: Nifti1Header, spacing: np.ndarray) -> np.ndarray:
    """(4, 4) matrix of the quaternion, with ``spacing`` in place of what the header may lack."""
    from nibabel.quaternions import quat2mat

    vector = np.array([header["quatern_b"], header["quatern_c"], header["quatern_d"]], dtype=np.float64)
    # Single precision can leave the vector a little longer than 1.
    first = np.sqrt(max(0.0, 1.0 - float(vector @ vector)))
    sides = spacing.copy()
    if header["pixdim"][0] < 0:
        sides[2] *= -1
    matrix = np.eye(4)
    matrix[:3, :3] = quat2mat(np.array([first, *vector])) * sides
    matrix[:3, 3] = header["qoffset_x"], header["qoffset_y"], header["qoffset_z"]
    return matrix
