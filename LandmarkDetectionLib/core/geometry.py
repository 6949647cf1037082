"""Affine maps between voxels and the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from LandmarkDetectionLib.typing import BoolArray, FloatArray

#: Share of a voxel by which the corners of two grids may lie apart and still count as one.
SAME_GRID = 0.1

#: Volume of the parallelepiped of the three unit axes: 1 when orthogonal, cos(tilt) for a gantry tilt.
LEAST_AXES_DETERMINANT = 0.5


@dataclass(frozen=True, eq=False)
class Affine:
    """An affine map of space: voxel indices to RAS mm, one patient's mm to another's.

    Parameters
    ----------
    matrix : (4, 4)
        For columns (x, y, z, 1). Copied and locked.

    Raises
    ------
    ValueError
        The matrix has another shape or another last row than 0 0 0 1.

    Examples
    --------
    >>> to_ras = Affine(np.diag([-2.0, -2.0, 3.0, 1.0]))
    >>> to_ras.apply([[1, 2, 3]]).tolist()
    [[-2.0, -4.0, 9.0]]
    >>> (to_ras.inverse @ to_ras).apply([[1, 2, 3]]).tolist()
    [[1.0, 2.0, 3.0]]
    """

    matrix: FloatArray

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.array_equal(matrix[3], [0, 0, 0, 1]):
            raise ValueError("an affine map is (4, 4) with the last row 0 0 0 1")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @property
    def linear(self) -> FloatArray:
        """(3, 3): what the map does to differences of points."""
        return self.matrix[:3, :3]

    @property
    def shift(self) -> FloatArray:
        """(3,): where the map puts the origin."""
        return self.matrix[:3, 3]

    @property
    def spacing(self) -> FloatArray:
        """(3,) lengths of the unit axes: of a map of voxels the mm between their centres."""
        return np.asarray(np.linalg.norm(self.linear, axis=0))

    def apply(self, points: Any) -> FloatArray:
        """Map (N, d) points, or one (d,), to (N, 3) or (3,); coordinates behind the d-th are 0."""
        points = np.asarray(points, dtype=np.float64)
        return np.asarray(points @ self.linear[:, : points.shape[-1]].T + self.shift)

    def apply_inverse(self, points: Any) -> FloatArray:
        """The points, (N, 3) or (3,), that :meth:`apply` maps to these."""
        offset = np.asarray(points, dtype=np.float64) - self.shift
        return np.asarray(np.linalg.solve(self.linear, offset.T).T)

    @cached_property
    def inverse(self) -> Affine:
        """The map back; raises LinAlgError when there is none."""
        inverse = np.asarray(np.linalg.inv(self.matrix), dtype=np.float64)
        inverse[3] = 0, 0, 0, 1
        return Affine(inverse)

    def __matmul__(self, first: Affine) -> Affine:
        """The map that does ``first`` and then this one."""
        product = self.matrix @ first.matrix
        product[3] = 0, 0, 0, 1
        return Affine(product)

    def contains(self, points: Any, size: Sequence[int]) -> BoolArray:
        """(N,) whether (N, 3) mm lie in an image whose voxels this map places, up to their outer faces.

        Parameters
        ----------
        size
            Voxels along (i, j, k).
        """
        index = self.apply_inverse(points)
        return np.asarray(((index >= -0.5) & (index <= np.array(size) - 0.5)).all(axis=1))

    def voxels_apart(self, other: Affine, size: Sequence[int]) -> float:
        """How far the corners of two grids of one size lie apart, in voxels; of one slice within its plane.

        Parameters
        ----------
        other
            Another map of voxel indices to RAS mm.
        size
            Voxels along (i, j, k) of both.
        """
        ends = [sorted({0, int(n) - 1}) for n in size]
        corners = np.array([[i, j, k] for i in ends[0] for j in ends[1] for k in ends[2]], dtype=np.float64)
        apart = (self.inverse @ other).apply(corners) - corners
        return float(np.abs(apart[:, : 2 if size[2] == 1 else 3]).max())

    def same_grid(self, other: Affine, size: Sequence[int]) -> bool:
        """Whether two grids of one size count as one: the only rule for this there is."""
        return self.voxels_apart(other, size) <= SAME_GRID


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
