"""The values of many cases at once, without uncertainty: for tables of agreement and for whole data sets."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.core.measurement_kinds import Cobb, Measurement, NotMeasurable
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.measurement.cobb import spine_problems
from LandmarkDetectionLib.measurement.frame import Frame
from LandmarkDetectionLib.measurement.uncertainty import Samples
from LandmarkDetectionLib.measurement.values import corners_of, value_of
from LandmarkDetectionLib.typing import FloatArray


def measure_many(positions: FloatArray, protocol: Protocol, frame: Frame) -> dict[str, FloatArray]:
    """Every shown measurement of N cases.

    Parameters
    ----------
    positions : (N, L, 3)
        RAS, in the protocol's order of landmarks; NaN where a landmark is absent.
    protocol, frame
        As in :func:`LandmarkDetectionLib.measurement.measure`; the frame holds for all cases.

    Returns
    -------
    dict of name to (N,) float64
        NaN where ``measure`` gives a gap. Cobb angles need all vertebrae here.
    """
    points = frame.points(np.asarray(positions, dtype=np.float64))
    samples = Samples({name: points[:, row] for row, name in enumerate(protocol.names)})
    known = {one.name: one for one in protocol.measurements}
    right = _rightly_placed(samples, protocol, frame)
    return {
        one.name: np.where(right, value_of(one, samples, frame, known), np.nan)
        for one in protocol.measurements
        if one.shown and not isinstance(one, NotMeasurable)
    }


def class_of(definition: Measurement, value: float) -> str:
    """The name of a value's class, empty for a value in none."""
    return next((one.name for one in definition.classes if one.holds(value)), "")


def _rightly_placed(samples: Samples, protocol: Protocol, frame: Frame) -> np.ndarray:
    """(N,) whether no check of the protocol fails; with an absent landmark it does not."""
    right = np.ones(len(next(iter(samples.points.values()))), bool)
    for check in protocol.checks:
        first, second = (samples.points[name] for name in check.landmarks)
        right &= ~check.fails((second - first) @ frame.direction(check.along), frame.scale)
    cobb = next((one for one in protocol.measurements if isinstance(one, Cobb)), None)
    if cobb is not None:
        right &= _plausible_spines(cobb, samples)
    return right


def _plausible_spines(definition: Cobb, samples: Samples) -> np.ndarray:
    corners = corners_of(definition, samples.points)
    return np.array([not spine_problems(one, definition.vertebrae) for one in corners])
