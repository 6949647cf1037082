"""Learning a joint Gaussian: the shapes of the training data, and a network's errors on data held out.

Notes
-----
Mean and covariance S of the aligned shapes are those of a point distribution model (Cootes et al. 1995). When
N shapes are fewer than their D coordinates, much of S is chance; as Ledoit and Wolf (2004) do, it is shrunk
towards a target without correlations, here its own diagonal:

    S* = (1 - g) S + g diag(S),   g = D / (D + 10 N).

Their optimal g is estimated from fourth moments, of which so few shapes tell little; this one is 1 without
shapes and vanishes with their number, as theirs does. Correlations of errors seen in n images are shrunk in
the same way, by n / (n + 30).

References
----------
T. F. Cootes et al. (1995), see :mod:`.joint_gaussian`.
O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
Multivariate Analysis 88(2), 365-411 (2004).
"""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.correction.config import CONFIG, CorrectionConfig
from LandmarkDetectionLib.correction.joint_gaussian import JointGaussian, Observed, calibrated, features
from LandmarkDetectionLib.typing import Array


def fit_joint_gaussian(
    shapes: Array, observed: Observed, truth: Array, config: CorrectionConfig = CONFIG
) -> JointGaussian:
    """Learn from shapes and from a network's answers.

    Parameters
    ----------
    shapes : (N, L, d)
        Landmarks of the training data; NaN where one is not known.
    observed : Observed
        Of M images that the network was not trained on: (M, L, d), (M, L, d), (M, L), (M, L).
    truth : (M, L, d)
        Where the landmarks are there; NaN where that is not known.
    config
        Numbers of the fit, and of what it is used for.

    Raises
    ------
    ValueError
        Fewer than two shapes, or a landmark without any.
    """
    if len(shapes) < 2 or np.isnan(shapes).all(axis=(0, 2)).any():
        raise ValueError("a joint Gaussian needs at least two shapes, and every landmark in some of them")
    mean, covariance = _shape(np.asarray(shapes, float), config)
    size = max(float(np.sqrt(((mean - mean.mean(axis=0)) ** 2).sum(axis=1).mean())), 1e-6)
    errors = np.where(observed.seen[..., None], truth - observed.position, np.nan)
    calibration = _calibration(errors, observed, size, config)
    standard = errors / calibrated(calibration, observed.deviation, observed.near, size, config)
    correlation = _correlation(standard.clip(-config.clipped, config.clipped), config)
    return JointGaussian(mean, covariance, correlation, calibration, config=config)


def of_shapes(shapes: Array, config: CorrectionConfig = CONFIG) -> JointGaussian:
    """How landmarks lie to one another, while nothing is known of a network: its word is taken as it is.

    Parameters
    ----------
    shapes : (N, L, d)
        Landmarks of the training data; NaN where one is not known.
    """
    mean, covariance = _shape(np.asarray(shapes, float), config)
    size = max(float(np.sqrt(((mean - mean.mean(axis=0)) ** 2).sum(axis=1).mean())), 1e-6)
    calibration = np.broadcast_to([np.log(size), 1.0, 0.0], (*mean.shape, 3)).copy()
    return JointGaussian(mean, covariance, np.eye(mean.size), calibration, config=config)


def _shape(shapes: Array, config: CorrectionConfig) -> tuple[Array, Array]:
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
    shrinkage = dimension / (dimension + config.shrunk * len(shapes))
    covariance = (1 - shrinkage) * covariance + shrinkage * np.diag(np.diag(covariance))
    largest = float(np.linalg.eigvalsh(covariance)[-1])
    return mean - mean.mean(axis=0), _positive(covariance, config.least_shape * largest)


def _pairwise(values: Array) -> Array:
    """Second moments (D, D) of rows (N, D) over those where both are known; 0 where none are."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    count = known.T.astype(float) @ known
    return np.asarray(filled.T @ filled / np.maximum(count, 1))


def _positive(matrix: Array, least: float) -> Array:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.maximum(values, max(least, 1e-12))) @ vectors.T)


def _calibration(errors: Array, observed: Observed, size: float, config: CorrectionConfig) -> Array:
    """Coefficients (L, d, 3): a line through the logarithms, raised to the errors' root mean square."""
    known = np.isfinite(errors).all(axis=2)
    described = features(observed.deviation, observed.near, size, config)
    count, d = errors.shape[1:]
    result = np.zeros((count, d, 3))
    for axis in range(d):
        common = _line(described[known][:, axis], errors[known][:, axis], size, config)
        for landmark in range(count):
            mine = known[:, landmark]
            own = mine.sum() >= config.own_calibration
            result[landmark, axis] = (
                _line(described[mine, landmark, axis], errors[mine, landmark, axis], size, config)
                if own
                else common
            )
    return result


def _line(described: Array, errors: Array, size: float, config: CorrectionConfig) -> Array:
    if len(errors) < config.least_calibration:  # as the network says
        return np.array([np.log(size), 1.0, 0.0])
    height = np.log(np.abs(errors) + 1e-3 * size)
    coefficients = np.linalg.lstsq(described, height, rcond=1e-6)[0]
    standard = errors / np.exp(described @ coefficients)
    coefficients[0] += 0.5 * np.log(np.mean(np.clip(standard, -config.clipped, config.clipped) ** 2) + 1e-12)
    return np.asarray(coefficients)


def _correlation(standard: Array, config: CorrectionConfig) -> Array:
    values = standard.reshape(len(standard), standard.shape[1] * standard.shape[2])
    known = np.isfinite(values)
    count = known.T.astype(float) @ known
    moments = _pairwise(values)
    seen = np.where(np.diag(count) > 0, np.diag(moments), 1.0)
    moments[np.diag_indices_from(moments)] = seen.clip(config.least_diagonal)
    off = ~np.eye(len(moments), dtype=bool)
    moments[off] *= (count / (count + config.halved_at))[off]
    return _positive(moments, config.least_error)
