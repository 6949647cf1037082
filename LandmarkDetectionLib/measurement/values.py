"""The value of each kind of measurement, for many samples of the landmarks at once."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.measurement_kinds import (
    CORNERS,
    Angle,
    Asymmetry,
    Cobb,
    CurveAngle,
    Distance,
    End,
    Line,
    LineAngle,
    Mean,
    Measurement,
    Path,
    Perpendicular,
    ProjectedDistance,
    Ratio,
    Sum,
)
from LandmarkDetectionLib.measurement import geometry
from LandmarkDetectionLib.measurement.cobb import CURVES, CobbAngles, cobb_angles
from LandmarkDetectionLib.measurement.curve import largest_curve_angle
from LandmarkDetectionLib.measurement.frame import Frame, in_plane
from LandmarkDetectionLib.measurement.uncertainty import Samples
from LandmarkDetectionLib.typing import FloatArray


def value_of(
    definition: Measurement, samples: Samples, frame: Frame, known: Mapping[str, Measurement]
) -> FloatArray:
    """The value of a measurement for each of S samples.

    Parameters
    ----------
    definition
        What to measure.
    samples
        S places in the frame's unit of every landmark that the definition needs. Cobb angles are those of the
        vertebrae that are there.
    frame
        Directions and the height of a picture.
    known : mapping
        The definitions that sums, ratios and asymmetries are computed from.

    Returns
    -------
    (S,) float64
        mm or pixels, degrees, percent or a plain number; NaN where it is not defined.
    """
    if definition.name not in samples.cache:
        if isinstance(definition, (Ratio, Sum, Mean, Asymmetry)):
            parts = {name: value_of(known[name], samples, frame, known) for name in definition.of}
            value = _combined(definition, parts)
        elif isinstance(definition, Cobb):
            value = cobb_of(definition, samples, frame).degrees[:, CURVES.index(definition.curve)]
        else:
            value = _of_points(definition, samples.points, frame)
        samples.cache[definition.name] = value
    return np.asarray(samples.cache[definition.name])


def _of_points(definition: Measurement, points: Mapping[str, FloatArray], frame: Frame) -> FloatArray:
    # A chain of alternatives, one per kind: each is a line or two, and they are read together.
    plane = definition.plane
    seen = {
        name: in_plane(points[name], plane) if plane else points[name] for name in definition.own_landmarks
    }

    def place(end: End) -> FloatArray:
        return seen[end] if isinstance(end, str) else (seen[end[0]] + seen[end[1]]) / 2

    def vector(line: Line) -> FloatArray:
        if not isinstance(line, str):
            return place(line[1]) - place(line[0])
        direction = frame.direction(line)
        return (in_plane(direction, plane) if plane else direction)[None]

    if isinstance(definition, Distance):
        first, last = definition.landmarks
        step = vector((first, last))
        size = geometry.length(step)
        if definition.sign_along is None:
            return size
        return np.asarray(size * np.sign(geometry.along(step, vector(definition.sign_along))))
    if isinstance(definition, Path):
        pairs = pairwise(definition.landmarks)
        return np.asarray(sum(geometry.length(vector(pair)) for pair in pairs))
    if isinstance(definition, ProjectedDistance):
        first, last = definition.landmarks
        return geometry.along(vector((first, last)), vector(definition.along))
    if isinstance(definition, Perpendicular):
        (name,) = definition.landmarks
        return geometry.across(seen[name] - seen[definition.line[0]], vector(definition.line))
    if isinstance(definition, Angle):
        first, middle, last = definition.landmarks
        return geometry.angle_between(seen[first] - seen[middle], seen[last] - seen[middle])
    if isinstance(definition, LineAngle):
        formula = geometry.signed_angle if definition.signed else geometry.angle_between
        return formula(vector(definition.lines[0]), vector(definition.lines[1]))
    if isinstance(definition, CurveAngle):
        return largest_curve_angle(np.stack([seen[name] for name in definition.landmarks], axis=1))
    raise TypeError(f"{definition.kind} has no value")


def visible_vertebrae(definition: Cobb, names: Any) -> tuple[str, ...]:
    """The vertebrae of which all four corners are among the landmark names, top to bottom."""
    return tuple(
        vertebra
        for vertebra in definition.vertebrae
        if all(f"{vertebra}_{corner}" in names for corner in CORNERS)
    )


def corners_of(definition: Cobb, points: Mapping[str, FloatArray]) -> FloatArray:
    """(S, N, 4, 2) corners of the visible vertebrae."""
    visible = visible_vertebrae(definition, points)
    return np.stack(
        [np.stack([points[f"{one}_{corner}"] for corner in CORNERS], axis=1) for one in visible], axis=1
    )


def cobb_of(definition: Cobb, samples: Samples, frame: Frame) -> CobbAngles:
    """All three Cobb angles of S samples, of the visible vertebrae."""
    key = f"Cobb angles of {' '.join(definition.vertebrae)}"
    if key not in samples.cache:
        samples.cache[key] = cobb_angles(corners_of(definition, samples.points), frame.height)
    angles: CobbAngles = samples.cache[key]
    return angles


def is_circular(definition: Measurement) -> bool:
    """Whether a value of 179 degrees lies beside one of -179."""
    return isinstance(definition, LineAngle) and definition.signed


def _combined(definition: Ratio | Sum | Mean | Asymmetry, parts: Mapping[str, FloatArray]) -> FloatArray:
    if isinstance(definition, Sum):
        total = sum(parts[name] for name in definition.add)
        return np.asarray(total - sum(parts[name] for name in definition.subtract))
    if isinstance(definition, Mean):
        return np.asarray(sum(parts.values()) / len(parts))
    first, second = (parts[name] for name in definition.of)
    with np.errstate(all="ignore"):
        if isinstance(definition, Ratio):
            value = first / second * (100 if definition.percent else 1)
        elif definition.percent:
            value = 200 * (first - second) / (first + second)
        else:
            value = first - second
    return np.where(np.isfinite(value), value, np.nan)
