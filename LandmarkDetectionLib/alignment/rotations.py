"""Small turns as vectors, and how far a Gaussian error reaches."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.typing import FloatArray


def rotation_vectors(rotations: FloatArray) -> FloatArray:
    """(S, 3) axis times angle in degrees, 0 to 180, of (S, 3, 3) rotations; NaN stays NaN."""
    from scipy.spatial.transform import Rotation

    known = np.isfinite(rotations).all(axis=(1, 2))
    vectors = np.full((len(rotations), 3), np.nan)
    if known.any():
        vectors[known] = Rotation.from_matrix(rotations[known]).as_rotvec(degrees=True)
    return vectors


def radius_95(covariance: FloatArray) -> float:
    """Length that a Gaussian error of a (d, d) covariance stays within in 95 of 100 cases.

    The squared length as a scaled chi-squared variable of the same mean and variance (Satterthwaite 1946);
    within 3 % of the truth, and on the safe side for flat ellipsoids.
    """
    from scipy.special import chdtri  # scipy.stats takes seconds to import

    total, squared = float(np.trace(covariance)), float((covariance**2).sum())
    if total <= 0:
        return 0.0
    freedom = total**2 / squared
    return float(np.sqrt(chdtri(freedom, 0.05) * squared / total))
