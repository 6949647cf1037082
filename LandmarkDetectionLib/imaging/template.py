"""Which image of a training set the others are registered to, and which part of it.

As Reddy et al. 2021 prepare radiographs: one training image, cropped so that it holds all landmarks, is the
template. They take any image; here it is the one whose landmarks are nearest to the mean shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from LandmarkDetectionLib.core.shapes import moved_onto
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError

#: Rounds of aligning to the mean and taking the mean again; it settles after two or three.
ROUNDS = 10


def choose_template(shapes: np.ndarray | Sequence[np.ndarray]) -> int:
    """Index of the case whose landmarks are nearest to the mean shape.

    Generalised Procrustes analysis (Gower 1975): every shape is moved, turned and scaled onto the mean, the
    mean is taken again, and the case with the least root mean square distance to it, over the landmarks it
    has, is chosen. Mirrored shapes stay mirrored.

    Parameters
    ----------
    shapes
        (cases, landmarks, d) positions; rows of NaN are landmarks a case does not have.

    Raises
    ------
    ValueError
        The array is of another shape, or no case has all landmarks.
    """
    points = np.asarray(shapes, np.float64)
    if points.ndim != 3 or 0 in points.shape:
        raise ValueError(f"shapes must be (cases, landmarks, d), not {points.shape}")
    known = np.asarray(np.isfinite(points).all(axis=2))
    complete = np.flatnonzero(known.all(axis=1))
    if not len(complete):
        raise ValueError("no case has all landmarks, so none can be the template")
    mean = points[complete[0]]
    size = _size(mean)
    for _ in range(ROUNDS):
        aligned = moved_onto(points, mean, known)
        aligned[known.sum(axis=1) < 2] = np.nan
        mean = np.nanmean(aligned, axis=0)
        # Scaling onto a mean shrinks it a little each time.
        mean = (mean - mean.mean(axis=0)) * (size / max(_size(mean), 1e-12))
    distance = np.sqrt(((aligned[complete] - mean) ** 2).sum(axis=2).mean(axis=1))
    return int(complete[int(np.argmin(distance))])


def crop_around(volume: Volume, positions: np.ndarray, margin: float = 0.15) -> Volume:
    """The part of a volume that holds all landmarks, with a margin.

    Parameters
    ----------
    volume
        A volume or a radiograph; a single slice stays whole along k.
    positions
        (N, 3) RAS mm; rows of NaN are left out.
    margin
        Share of the box's longest side that is added on every side, as far as the volume reaches.

    Raises
    ------
    InputError
        No landmark lies inside the volume.
    """
    positions = np.asarray(positions, np.float64).reshape(-1, 3)
    ijk = volume.ras_to_ijk_points(positions[np.isfinite(positions).all(axis=1)])
    size = np.array(volume.size)
    inside = ((ijk > -0.5) & (ijk < size - 0.5)) | ([False, False, volume.is_2d])
    if not inside.all(axis=1).any():
        name = volume.name or "the image"
        raise InputError(f"None of the landmarks lies in {name}; check that they belong to this image.")
    low, high = ijk.min(axis=0), ijk.max(axis=0)
    room = margin * float(((high - low) * volume.spacing).max()) / volume.spacing
    start = np.clip(np.floor(low - room), 0, size - 1).astype(int)
    stop = np.clip(np.ceil(high + room) + 1, start + 1, size).astype(int)
    if volume.is_2d:
        start[2], stop[2] = 0, 1
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, 3] = volume.ijk_to_ras_points(start[None])[0]
    (i0, j0, k0), (i1, j1, k1) = start, stop
    return replace(volume, voxels=volume.voxels[k0:k1, j0:j1, i0:i1], ijk_to_ras=matrix)


def _size(shape: np.ndarray) -> float:
    return float(np.sqrt(((shape - shape.mean(axis=0)) ** 2).sum()))
