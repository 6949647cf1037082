"""How often the regions that models draw about their landmarks hold the truth, and how large they are.

A model that gives a covariance promises that its ellipse, or ellipsoid, of 95 % holds the landmark in 95 % of
the cases. Share and size are told together, as either alone is easily had.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.evaluation.statistics import Resampling
from LandmarkDetectionLib.quality.conformal import LEVEL, gaussian_radius, mahalanobis
from LandmarkDetectionLib.typing import FloatArray

#: Least ratio of a region's variances, in voxels: what is thinner is no region but a place on a line.
THINNEST = 1e-12


@dataclass(frozen=True)
class Held:
    """Regions of one landmark, or of all.

    Attributes
    ----------
    count
        Landmarks that are there and were given with a region.
    share
        Of them, the share that lies in its region; NaN without any.
    low, high
        Its 95 % interval over subjects; NaN with too few.
    median_size
        Half of the regions are smaller; NaN where images and volumes are mixed.
    unit
        Of the size: mm² or mm³, or px² where the size of a pixel is unknown; empty where they are mixed.
    """

    count: int
    share: float
    low: float
    high: float
    median_size: float
    unit: str


def judge_regions(
    found: FloatArray,
    truth: FloatArray,
    covariance: FloatArray,
    geometries: tuple[Volume, ...],
    cell_size: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Whether the regions hold the truth, and their sizes.

    Distances are told in voxels, as a Mahalanobis distance is the same in all units: of a radiograph
    along its rows and columns alone.

    Parameters
    ----------
    found, truth : (cases, landmarks, 3)
        RAS mm; NaN where there is none.
    covariance : (cases, landmarks, 3, 3)
        RAS mm²; NaN where the model gave none.
    geometries
        Of the cases.
    cell_size : (cases, 3)
        Of a voxel along i, j and k, in the unit of lengths.

    Returns
    -------
    held : (cases, landmarks) float64
        1 or 0; NaN where the truth, the landmark or its region is not there.
    size : (cases, landmarks) float64
        Area or volume in the unit's square or cube; NaN in the same places.
    """
    held, size = np.full(found.shape[:2], np.nan), np.full(found.shape[:2], np.nan)
    for case, volume in enumerate(geometries):
        d = 2 if volume.is_2d else 3
        to_ijk = np.linalg.inv(volume.ijk_to_ras[:3, :3])
        spread = (to_ijk @ covariance[case] @ to_ijk.T)[:, :d, :d]
        offset = (found[case] - truth[case]) @ to_ijk.T
        there = np.isfinite(offset).all(axis=-1) & np.isfinite(spread).all(axis=(-2, -1))
        variances = np.linalg.eigvalsh(np.where(there[:, None, None], spread, np.eye(d)))
        there &= variances[:, 0] > THINNEST * variances[:, -1]
        if not there.any():
            continue
        radius = gaussian_radius(LEVEL, d)
        held[case, there] = mahalanobis(offset[there, :d], spread[there]) <= radius
        ball = np.pi if d == 2 else 4 / 3 * np.pi
        cells = ball * radius**d * np.sqrt(variances[there].prod(axis=-1))
        size[case, there] = cells * cell_size[case, :d].prod()
    return held, size


def summarise_regions(held: FloatArray, size: FloatArray, draws: Resampling, unit: str) -> Held:
    """The numbers of what :func:`judge_regions` gave, sizes in this unit; none where it is empty."""
    known = np.isfinite(held)
    if not known.any():
        return Held(0, np.nan, np.nan, np.nan, np.nan, unit)
    low, high = draws.mean_interval(held)
    return Held(
        int(known.sum()),
        float(held[known].mean()),
        low,
        high,
        float(np.median(size[known])) if unit else np.nan,
        unit,
    )
