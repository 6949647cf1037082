"""A joint Gaussian as the bytes of a safetensors file, checked when it is read."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.correction.joint_gaussian import JointGaussian
from LandmarkDetectionLib.typing import Array

NAMES = ("mean", "covariance", "error_correlation", "calibration", "certainty")
#: Matrices that equal their mirror images: their lower triangles are written, row by row.
SYMMETRIC = ("covariance", "error_correlation")


def joint_to_bytes(joint: JointGaussian) -> bytes:
    """The content of a ``.safetensors`` file in float32."""
    from safetensors.numpy import save

    values = {name: getattr(joint, name) for name in NAMES}
    values |= {name: _lower(values[name]) for name in SYMMETRIC}
    # In C order: safetensors writes memory as it lies.
    return save({name: np.array(value, np.float32, order="C") for name, value in values.items()})


def _lower(matrix: Array) -> Array:
    return np.asarray(matrix[np.tril_indices(len(matrix))])


def _whole(lower: Array, size: int) -> Array:
    matrix = np.zeros((size, size), lower.dtype)
    rows, columns = np.tril_indices(size)
    matrix[rows, columns] = matrix[columns, rows] = lower
    return matrix


def joint_from_bytes(content: bytes, landmarks: int) -> JointGaussian:
    """The inverse of ``joint_to_bytes``.

    Raises
    ------
    ValueError
        The content is no such file, is of other landmarks, or holds what is no joint Gaussian.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError):
        raise ValueError("is damaged or no safetensors file") from None
    if set(tensors) != set(NAMES):
        raise ValueError(f"must hold {', '.join(NAMES)}")
    mean = tensors["mean"]
    d = mean.shape[1] if mean.ndim == 2 else 0
    size = landmarks * d
    for name in SYMMETRIC:  # packages of before hold both triangles
        if tensors[name].shape == (size * (size + 1) // 2,):
            tensors[name] = _whole(tensors[name], size)
    shapes = {
        "mean": (landmarks, d),
        "covariance": (size, size),
        "error_correlation": (size, size),
        "calibration": (landmarks, d, 3),
        "certainty": (),
    }
    for name, shape in shapes.items():
        if d not in (2, 3) or tensors[name].shape != shape:
            raise ValueError(f"{name} must have the shape {shape} for {landmarks} landmarks")
        if not np.isfinite(tensors[name]).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    values = {name: tensors[name].astype(np.float64) for name in NAMES}
    for name in SYMMETRIC:
        matrix = values[name] = (values[name] + values[name].T) / 2
        eigenvalues = np.linalg.eigvalsh(matrix)
        if eigenvalues[0] < -1e-4 * max(eigenvalues[-1], 1e-12):
            raise ValueError(f"{name} is no covariance")
    certainty = float(values.pop("certainty"))
    return JointGaussian(
        values["mean"], values["covariance"], values["error_correlation"], values["calibration"], certainty
    )
