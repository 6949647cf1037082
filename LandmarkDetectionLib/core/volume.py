"""A volume: stored voxels and where they lie in the patient, in RAS mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind, texts_of
from LandmarkDetectionLib.core.geometry import Affine, geometry_problem
from LandmarkDetectionLib.errors import InputError

#: What a person may say of the size of a pixel, mm.
LEAST_PIXEL_MM, LARGEST_PIXEL_MM = 1e-4, 100.0


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
    doubts
        What is doubtful about the file although it was read; ``warnings`` are their sentences.

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
    doubts: tuple[Doubt, ...] = ()

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
    def warnings(self) -> tuple[str, ...]:
        """The sentences of ``doubts``, for people."""
        return texts_of(self.doubts)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along (k, j, i): the shape of ``voxels``."""
        return self.voxels.shape

    @property
    def size(self) -> tuple[int, ...]:
        """Number of voxels along (i, j, k)."""
        return self.voxels.shape[::-1]

    @property
    def affine(self) -> Affine:
        """``ijk_to_ras`` as a map of points."""
        return Affine(self.ijk_to_ras)

    @property
    def spacing(self) -> np.ndarray:
        """(3,) mm between voxel centres along i, j and k."""
        return self.affine.spacing

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
        return self.affine.apply(ijk)

    def ras_to_ijk_points(self, ras: Any) -> np.ndarray:
        """Map (N, 3) RAS mm to (N, 3) voxel indices (i, j, k), not rounded."""
        return self.affine.apply_inverse(ras)

    def holds(self, ras: Any) -> np.ndarray:
        """Whether places (..., 3) RAS mm lie in the image; beside a radiograph's plane counts as in it."""
        ijk, size = self.ras_to_ijk_points(ras), np.array(self.size)
        return np.asarray(((ijk >= -0.5) & (ijk <= size - 0.5) | (size == 1)).all(axis=-1))

    def is_on_grid_of(self, other: Volume) -> bool:
        """Whether both have the same voxels in the same places."""
        return self.size == other.size and self.affine.same_grid(other.affine, self.size)


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
    told = tuple(one for one in volume.doubts if one.kind is not DoubtKind.PIXEL_SIZE)
    return replace(volume, ijk_to_ras=matrix, spacing_known=True, doubts=told)


def with_pixel_size(volume: Volume, mm: float) -> Volume:
    """A picture or radiograph whose file does not say how large its pixels are, with the size a person gives.

    Raises
    ------
    InputError
        The file says it already, the pixels are not square, or the size cannot be.
    """
    name = volume.name or "The image"
    if volume.spacing_known:
        raise InputError(f"{name} says how large its pixels are; leave out the pixel size.")
    if not np.isfinite(mm) or not LEAST_PIXEL_MM <= mm <= LARGEST_PIXEL_MM:
        raise InputError(f"A pixel size of {mm:g} mm cannot be; give the mm from one pixel to the next.")
    if not np.allclose(volume.spacing[:2], volume.spacing[0], rtol=1e-6):
        raise InputError(f"The pixels of {name} are not square, so one size cannot be.")
    return with_spacing(volume, (mm, mm))


def with_voxels(volume: Volume, voxels: np.ndarray, name: str | None = None) -> Volume:
    """Other voxels of the same shape (K, J, I) in the same place; the name stays unless one is given."""
    if voxels.shape != volume.shape:
        raise ValueError(f"voxels must be {volume.shape}, not {voxels.shape}")
    return replace(volume, voxels=voxels, name=volume.name if name is None else name)
