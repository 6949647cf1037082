"""Small turns as vectors, and how far a Gaussian error reaches."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.typing import FloatArray


def rotation_vectors(rotations: FloatArray) -> FloatArray:
    """(S, 3) axis times angle in degrees, 0 to 180, of (S, 3, 3) rotations; NaN stays NaN.

    Through the unit quaternion, which keeps its digits for the smallest turns and for half turns (Shepperd,
    Journal of Guidance and Control 1978).
    """
    r = np.asarray(rotations, dtype=np.float64)
    xx, yy, zz = r[..., 0, 0], r[..., 1, 1], r[..., 2, 2]
    yz, zx, xy = r[..., 2, 1], r[..., 0, 2], r[..., 1, 0]
    zy, xz, yx = r[..., 1, 2], r[..., 2, 0], r[..., 0, 1]
    # Four times the outer product of the quaternion (w, x, y, z) with itself: its largest column is safe.
    outer = np.stack(
        [
            np.stack([1 + xx + yy + zz, yz - zy, zx - xz, xy - yx], -1),
            np.stack([yz - zy, 1 + xx - yy - zz, xy + yx, zx + xz], -1),
            np.stack([zx - xz, xy + yx, 1 - xx + yy - zz, yz + zy], -1),
            np.stack([xy - yx, zx + xz, yz + zy, 1 - xx - yy + zz], -1),
        ],
        -2,
    )
    largest = np.einsum("...ii->...i", np.nan_to_num(outer)).argmax(axis=-1)
    column = np.take_along_axis(outer, largest[..., None, None], axis=-2)[..., 0, :]
    quaternion = column / np.linalg.norm(column, axis=-1, keepdims=True)
    quaternion = np.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    sine = np.linalg.norm(quaternion[..., 1:], axis=-1)
    angle = 2 * np.arctan2(sine, quaternion[..., 0])
    factor = np.where(sine > 0, angle / np.where(sine > 0, sine, 1.0), 2.0)
    return np.degrees(quaternion[..., 1:] * factor[..., None])


def rotation_matrices(vectors: FloatArray) -> FloatArray:
    """(S, 3, 3) rotations of (S, 3) vectors in radians: axis times angle (Rodrigues' formula)."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(np.asarray(vectors, dtype=np.float64), -1, 0)
    zero = np.zeros_like(x)
    skew = np.stack(
        [np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2
    )
    small = angle < 1e-8
    safe = np.where(small, 1.0, angle)
    first = np.where(small, 1.0, np.sin(safe) / safe)
    second = np.where(small, 0.5, (1 - np.cos(safe)) / safe**2)
    return np.asarray(np.eye(3) + first * skew + second * skew @ skew)


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
