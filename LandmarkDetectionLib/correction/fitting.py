"""Learning a joint Gaussian: the shapes of the training data, and a network's errors on data held back."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.correction.joint_gaussian import JointGaussian, Observed, calibrated, features
from LandmarkDetectionLib.typing import Array

#: Errors beyond so many deviations count as that many: one lost landmark must not make all correlations.
CLIPPED = 5.0
#: Correlations seen in so few images are halved.
HALVED_AT = 30
#: A landmark's own calibration needs so many errors; with fewer it shares that of all.
OWN_CALIBRATION = 200
#: Least variance of any combination of standardised errors, and least share of the largest one of shapes.
LEAST_ERROR, LEAST_SHAPE = 0.02, 1e-6


def fit_joint_gaussian(shapes: Array, observed: Observed, truth: Array) -> JointGaussian:
    """Learn from shapes and from a network's answers.

    Parameters
    ----------
    shapes : (N, L, d)
        Landmarks of the training data; NaN where one is not known.
    observed : Observed
        Of M images that the network was not trained on: (M, L, d), (M, L, d), (M, L), (M, L).
    truth : (M, L, d)
        Where the landmarks are there; NaN where that is not known.

    Raises
    ------
    ValueError
        Fewer than two shapes, or a landmark without any.
    """
    if len(shapes) < 2 or np.isnan(shapes).all(axis=(0, 2)).any():
        raise ValueError("a joint Gaussian needs at least two shapes, and every landmark in some of them")
    mean, covariance = _shape(np.asarray(shapes, float))
    size = max(float(np.sqrt(((mean - mean.mean(axis=0)) ** 2).sum(axis=1).mean())), 1e-6)
    errors = np.where(observed.seen[..., None], truth - observed.position, np.nan)
    calibration = _calibration(errors, observed, size)
    standard = errors / calibrated(calibration, observed.deviation, observed.near, size)
    return JointGaussian(mean, covariance, _correlation(standard.clip(-CLIPPED, CLIPPED)), calibration)


def _shape(shapes: Array) -> tuple[Array, Array]:
    """Mean and covariance about the common centre, which what is missing must not move."""
    first = shapes[np.isfinite(shapes).all(axis=2).sum(axis=1).argmax()]
    mean = np.where(np.isfinite(first), first, np.nanmean(shapes, axis=0))
    for _ in range(10):
        centre = np.nanmean(shapes - mean, axis=1, keepdims=True)
        mean = np.nanmean(shapes - centre, axis=0)
    apart = (shapes - np.nanmean(shapes - mean, axis=1, keepdims=True) - mean).reshape(len(shapes), -1)
    covariance = _pairwise(apart)
    # Of fewer shapes than coordinates, what is common by chance is taken back.
    dimension = covariance.shape[0]
    shrinkage = dimension / (dimension + 10.0 * len(shapes))
    covariance = (1 - shrinkage) * covariance + shrinkage * np.diag(np.diag(covariance))
    largest = float(np.linalg.eigvalsh(covariance)[-1])
    return mean - mean.mean(axis=0), _positive(covariance, LEAST_SHAPE * largest)


def _pairwise(values: Array) -> Array:
    """Second moments (D, D) of rows (N, D) over those where both are known; 0 where none are."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    count = known.T.astype(float) @ known
    return np.asarray(filled.T @ filled / np.maximum(count, 1))


def _positive(matrix: Array, least: float) -> Array:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.maximum(values, max(least, 1e-12))) @ vectors.T)


def _calibration(errors: Array, observed: Observed, size: float) -> Array:
    """Coefficients (L, d, 3): a line through the logarithms, raised to the errors' root mean square."""
    known = np.isfinite(errors).all(axis=2)
    described = features(observed.deviation, observed.near, size)
    count, d = errors.shape[1:]
    result = np.zeros((count, d, 3))
    for axis in range(d):
        common = _line(described[known][:, axis], errors[known][:, axis], size)
        for landmark in range(count):
            mine = known[:, landmark]
            own = mine.sum() >= OWN_CALIBRATION
            result[landmark, axis] = (
                _line(described[mine, landmark, axis], errors[mine, landmark, axis], size) if own else common
            )
    return result


def _line(described: Array, errors: Array, size: float) -> Array:
    if len(errors) < 10:  # as the network says
        return np.array([np.log(size), 1.0, 0.0])
    height = np.log(np.abs(errors) + 1e-3 * size)
    coefficients = np.linalg.lstsq(described, height, rcond=1e-6)[0]
    standard = errors / np.exp(described @ coefficients)
    coefficients[0] += 0.5 * np.log(np.mean(np.clip(standard, -CLIPPED, CLIPPED) ** 2) + 1e-12)
    return np.asarray(coefficients)


def _correlation(standard: Array) -> Array:
    values = standard.reshape(len(standard), standard.shape[1] * standard.shape[2])
    known = np.isfinite(values)
    count = known.T.astype(float) @ known
    moments = _pairwise(values)
    moments[np.diag_indices_from(moments)] = np.where(np.diag(count) > 0, np.diag(moments), 1.0).clip(0.2)
    off = ~np.eye(len(moments), dtype=bool)
    moments[off] *= (count / (count + HALVED_AT))[off]
    return _positive(moments, LEAST_ERROR)
