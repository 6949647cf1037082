"""A round piece of body with balls of bone in it, in voxels of any size and direction."""

from collections.abc import Sequence

import numpy as np

from LandmarkDetectionLib.core.volume import Volume

Ball = tuple[Sequence[float], float, float]  # centre in RAS mm, radius in mm, HU


def bone_phantom(
    *balls: Ball,
    spacing: Sequence[float] = (2.0, 2.0, 3.0),
    rotation: np.ndarray | None = None,
    soft: float = 40.0,
    noise: float = 0.0,
    offset: float = 0.0,
) -> Volume:
    """Voxels (int16, HU plus ``offset``) of an ellipsoid of 180 x 130 x 200 mm about the origin, in air."""
    axes = np.eye(3) if rotation is None else rotation
    step = np.asarray(spacing, float)
    half = np.abs(axes.T) @ np.array([110.0, 85.0, 120.0])
    size = np.ceil(2 * half / step).astype(int)
    ijk_to_ras = np.eye(4)
    ijk_to_ras[:3, :3] = axes * step
    ijk_to_ras[:3, 3] = -ijk_to_ras[:3, :3] @ ((size - 1) / 2)
    k, j, i = np.meshgrid(*[np.arange(n) for n in size[::-1]], indexing="ij")
    points = np.stack([i, j, k], -1) @ ijk_to_ras[:3, :3].T + ijk_to_ras[:3, 3]
    width = float(step.mean())

    def mixed(values: np.ndarray, distance: np.ndarray, hounsfield: float) -> np.ndarray:
        """Voxels at a surface hold the share that lies in them."""
        return values + np.clip(0.5 - distance / width, 0, 1) * (hounsfield - values)

    values = np.full(points.shape[:3], -1000.0)
    values = mixed(values, (np.linalg.norm(points / (90, 65, 100), axis=-1) - 1) * 80, soft)
    for centre, radius, hounsfield in balls:
        values = mixed(values, np.linalg.norm(points - centre, axis=-1) - radius, hounsfield)
    values += np.random.default_rng(0).normal(0, noise, values.shape) + offset
    return Volume(np.rint(values).clip(-2000, 30000).astype(np.int16), ijk_to_ras, "CT", "balls")
