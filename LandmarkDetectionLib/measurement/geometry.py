"""The formulas of measurements, each for many samples of the landmarks at once.

Points are (..., d) arrays with d = 2 or 3; in the plane x runs to the right of the picture and y down, as the
benchmarks have it. What is not defined (coinciding landmarks) is NaN, never an error and never a number.
"""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.typing import FloatArray

LEAST_LENGTH = 1e-9
"""mm or pixels; landmarks nearer to each other than this point nowhere."""


def length(vector: FloatArray) -> FloatArray:
    """(...,) length of (..., d) vectors."""
    return np.asarray(np.sqrt((vector * vector).sum(axis=-1)))


def unit_vector(vector: FloatArray) -> FloatArray:
    """(..., d) of length 1; NaN where a vector is (almost) zero."""
    size = length(vector)[..., None]
    return vector / np.where(size > LEAST_LENGTH, size, np.nan)


def cross(first: FloatArray, second: FloatArray) -> FloatArray:
    """(...,) cross product in the plane: positive when ``second`` is turned clockwise, y being down."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def angle_between(first: FloatArray, second: FloatArray) -> FloatArray:
    """(...,) angle between directed vectors, 0 to 180 degrees.

    By the half-angle formula, which keeps its digits near 0 and 180, where the arc cosine loses them.
    """
    u, v = unit_vector(first), unit_vector(second)
    return np.degrees(2 * np.arctan2(length(u - v), length(u + v)))


def signed_angle(first: FloatArray, second: FloatArray) -> FloatArray:
    """(...,) angle from one vector to another in the plane, -180 to 180 degrees, clockwise positive."""
    size = angle_between(first, second)
    return np.where(cross(first, second) < 0, -size, size)


def along(vector: FloatArray, direction: FloatArray) -> FloatArray:
    """(...,) component of a vector along a direction."""
    return np.asarray((vector * unit_vector(direction)).sum(axis=-1))


def across(vector: FloatArray, direction: FloatArray) -> FloatArray:
    """(...,) distance of a vector's tip from a line through its foot.

    In the plane positive to the left of who walks along the direction; in space never negative.
    """
    unit = unit_vector(direction)
    if vector.shape[-1] == 2:
        return -cross(unit, vector)
    return length(vector - (vector * unit).sum(axis=-1, keepdims=True) * unit)
