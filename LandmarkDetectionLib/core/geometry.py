"""Matrices between voxels and the patient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Share of a voxel by which the corners of two grids may lie apart and still count as one.
SAME_GRID = 0.1

#: Volume of the parallelepiped of the three unit axes: 1 when orthogonal, cos(tilt) for a gantry tilt.
LEAST_AXES_DETERMINANT = 0.5


def voxels_apart(size: Sequence[int], first: np.ndarray, second: np.ndarray) -> float:
    """How far the corners of two grids of one size lie apart, in voxels; of single slices within their plane.

    Up to ``SAME_GRID`` they count as one: this is the only place that says so.

    Parameters
    ----------
    size
        Voxels along (i, j, k).
    first, second : (4, 4)
        Voxel indices to RAS mm.
    """
    ends = [sorted({0, int(n) - 1}) for n in size]
    corners = np.array([[i, j, k, 1.0] for i in ends[0] for j in ends[1] for k in ends[2]])
    apart = (corners @ (np.linalg.inv(first) @ second).T - corners)[:, : 2 if size[2] == 1 else 3]
    return float(np.abs(apart).max())


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
