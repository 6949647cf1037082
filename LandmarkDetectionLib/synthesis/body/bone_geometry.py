"""Points of one bone from its vertices: extremes, centres, and spheres through joint heads.

The meshes are coarse (a femur has some 450 vertices, spread unevenly), so nothing here weighs by vertices:
a centre is that of the convex hull or of the box, and an extreme is the mean of the outermost millimetre.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.typing import Array, FloatArray

RIGHT, ANTERIOR, SUPERIOR = np.eye(3)
# Radii of the heads of femur and humerus of adults, mm (Noble et al. 1988; Iannotti et al. 1992).
HEAD_RADII = (18.0, 30.0)


def outermost(points: Array, direction: Sequence[float] | Array, depth: float = 1.0) -> FloatArray:
    """Mean of the vertices that lie within ``depth`` mm of the outermost one.

    Parameters
    ----------
    points : (V, 3) array, mm
    direction : three numbers, not all 0
    depth : mm

    Returns
    -------
    (3,) array, mm
    """
    heights = points @ _unit(direction)
    return np.asarray(points[heights >= heights.max() - depth].mean(axis=0))


def outer_part(points: Array, direction: Sequence[float] | Array, depth: float) -> Array:
    """The vertices within ``depth`` mm of the outermost one in a direction, (W, 3)."""
    heights = points @ _unit(direction)
    return points[heights >= heights.max() - depth]


def box_centre(points: Array) -> FloatArray:
    """Centre of the box around the points, (3,) mm."""
    return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2.0, dtype=np.float64)


def solid_centre(points: Array) -> FloatArray:
    """Centroid of the solid that the convex hull of the points encloses, (3,) mm.

    Unlike the mean of the vertices it does not lean towards where a mesh is finer.
    """
    from scipy.spatial import ConvexHull

    hull = ConvexHull(points)
    inside = points[hull.vertices].mean(axis=0)
    corners = points[hull.simplices] - inside
    volumes = np.abs(np.linalg.det(corners))
    return np.asarray(inside + (volumes[:, None] * corners.sum(axis=1)).sum(axis=0) / (4.0 * volumes.sum()))


def long_axis(points: Array, towards: Sequence[float] | Array) -> FloatArray:
    """Unit vector along a bone's longest extent, turned towards a direction, (3,)."""
    spread = points - points.mean(axis=0)
    axis = np.linalg.svd(spread, full_matrices=False)[2][0]
    return np.asarray(axis if axis @ _unit(towards) >= 0 else -axis)


def flat_axis(points: Array, towards: Sequence[float] | Array) -> FloatArray:
    """Unit vector across a flat part (a disc), turned towards a direction, (3,)."""
    spread = points - points.mean(axis=0)
    axis = np.linalg.svd(spread, full_matrices=False)[2][2]
    return np.asarray(axis if axis @ _unit(towards) >= 0 else -axis)


def head_centre(points: Array, bone: str, tolerance: float = 1.0, trials: int = 3000) -> FloatArray:
    """Centre of the sphere that most of the given vertices of a joint head lie on.

    Parameters
    ----------
    points : (V, 3) array, mm
        Vertices of the bone's end; a neck, a tubercle or a part of the shaft among them does no harm.
    bone : str
        For the sentence of the error.
    tolerance : mm
        How far off its sphere a vertex still counts.
    trials : how many spheres through four of the vertices are tried

    Returns
    -------
    (3,) array, mm

    Raises
    ------
    InputError
        If no sphere of 18 to 30 mm radius passes through a quarter of the vertices.

    Notes
    -----
    Random sample consensus (Fischler and Bolles 1981) with a fixed seed, then least squares over the
    vertices that agree.
    """
    rng = np.random.default_rng(0)
    samples = points[np.argsort(rng.random((trials, len(points))), axis=1)[:, :4]]  # (T, 4, 3)
    differences = 2.0 * (samples[:, 1:] - samples[:, :1])
    squares = (samples**2).sum(axis=2)
    solvable = np.abs(np.linalg.det(differences)) > 1.0
    samples, differences, squares = samples[solvable], differences[solvable], squares[solvable]
    centres = np.linalg.solve(differences, (squares[:, 1:] - squares[:, :1])[..., None])[..., 0]
    radii = np.linalg.norm(samples[:, 0] - centres, axis=1)
    allowed = (radii >= HEAD_RADII[0]) & (radii <= HEAD_RADII[1])
    if not allowed.any():
        raise InputError(_no_head(bone))
    centres, radii = centres[allowed], radii[allowed]
    off = np.abs(np.linalg.norm(points[None] - centres[:, None], axis=2) - radii[:, None])
    best = int(np.argmax((off <= tolerance).sum(axis=1)))
    centre, radius = centres[best], radii[best]
    residuals = np.abs(np.linalg.norm(points - centre, axis=1) - radius)
    if (residuals <= tolerance).sum() < max(8, len(points) / 4):
        raise InputError(_no_head(bone))
    for _ in range(5):
        # Three robust standard deviations of those that agree: a neck's vertices next to the sphere go.
        spread = 3.0 * 1.4826 * float(np.median(residuals[residuals <= tolerance]))
        centre, radius = _least_squares_sphere(points[residuals <= min(tolerance, max(spread, 0.05))])
        residuals = np.abs(np.linalg.norm(points - centre, axis=1) - radius)
    if not HEAD_RADII[0] <= radius <= HEAD_RADII[1]:
        raise InputError(_no_head(bone))
    return centre


def _least_squares_sphere(points: Array) -> tuple[FloatArray, float]:
    mean = points.mean(axis=0)  # of a frame whose origin is far away the equations would be ill-conditioned
    spread = points - mean
    design = np.concatenate([2.0 * spread, np.ones((len(points), 1))], axis=1)
    solution = np.linalg.lstsq(design, (spread**2).sum(axis=1), rcond=None)[0]
    centre = solution[:3]
    return mean + centre, float(np.sqrt(solution[3] + centre @ centre))


def _no_head(bone: str) -> str:
    low, high = HEAD_RADII
    return (
        f"{bone}: no sphere of {low:.0f} to {high:.0f} mm radius fits its head; "
        "give the bones of an adult, in millimetres"
    )


def _unit(direction: Sequence[float] | Array) -> FloatArray:
    vector = np.asarray(direction, dtype=np.float64)
    return np.asarray(vector / np.linalg.norm(vector))
