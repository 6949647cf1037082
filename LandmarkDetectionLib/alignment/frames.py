"""Coordinate frames of a protocol, placed by the landmarks of one image, with their uncertainty.

A frame is a right-handed system of axes called right, anterior and superior, in mm from its origin. Its
transform takes RAS mm of the scan to RAS mm of the frame: given to a volume as its transform, it moves the
patient so that the frame's axes become those of space. The first axis of a definition runs along its line,
the second is what is left of its line across the first (Gram and Schmidt), the third stands on both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from LandmarkDetectionLib.alignment.rotations import radius_95, rotation_vectors
from LandmarkDetectionLib.core.frame_kinds import CoordinateFrame, Place
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.measurement.frame import Frame
from LandmarkDetectionLib.measurement.geometry import angle_between, length, unit_vector
from LandmarkDetectionLib.measurement.measure import failed_checks, missing_gap, unknown_spread
from LandmarkDetectionLib.measurement.sensible import MOST_DEG
from LandmarkDetectionLib.measurement.uncertainty import Propagation, Samples
from LandmarkDetectionLib.typing import FloatArray

AXIS_NAMES = ("right", "anterior", "superior")

LEAST_ANGLE = 10.0
"""Degrees between the lines of a frame; below it an error of a millimetre turns the frame by many degrees."""
LEAST_LINE = 1.0
"""mm or pixels between the ends of a line."""
SWAPPED = 90.0
"""Degrees from the scan's axes, beyond which swapped names are likelier than such a patient."""

#: In the frame itself; those of a picture as a file without an orientation has them.
_DIRECTIONS = {
    "right": (1.0, 0.0, 0.0),
    "left": (-1.0, 0.0, 0.0),
    "anterior": (0.0, 1.0, 0.0),
    "posterior": (0.0, -1.0, 0.0),
    "superior": (0.0, 0.0, 1.0),
    "inferior": (0.0, 0.0, -1.0),
    "picture_right": (-1.0, 0.0, 0.0),
    "picture_down": (0.0, -1.0, 0.0),
}


@dataclass(frozen=True, eq=False)
class PlacedFrame:
    """One frame in one image.

    Attributes
    ----------
    definition
        What was placed.
    ras_to_frame
        Takes RAS mm of the scan to RAS mm of the frame; None when there is a gap.
    unit
        ``mm``, or ``px`` for a picture whose pixels have no known size.
    turning : (3, 3), optional
        Covariance in deg^2 of how the frame may be turned, about its own axes right, anterior and superior.
        None when the spread of a landmark is not known.
    shifting : (3, 3), optional
        Covariance in mm^2 of its origin, along the same axes.
    method
        ``first order`` or ``sampling``; empty without a spread.
    gap
        Why there is no frame, as in ``needs porion_left, which is absent``; empty when there is one.
    needs
        The landmarks without a place that the gap is because of.
    remarks
        What to know of it, each a part of a sentence.
    """

    definition: CoordinateFrame
    ras_to_frame: Affine | None
    unit: str = "mm"
    turning: FloatArray | None = None
    shifting: FloatArray | None = None
    method: str = ""
    gap: str = ""
    needs: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the definition."""
        return self.definition.name

    @cached_property
    def transform(self) -> Affine:
        """``ras_to_frame`` where it is known to be there; ValueError when there is a gap."""
        if self.ras_to_frame is None:
            raise ValueError(f"there is no frame {self.name!r}: {self.gap}")
        return self.ras_to_frame

    @property
    def origin(self) -> FloatArray:
        """(3,) RAS mm of the scan."""
        return self.transform.inverse.shift

    @property
    def turned(self) -> float:
        """Degrees, 0 to 180, by which its axes differ from those of the scan, in one turn."""
        return float(np.linalg.norm(rotation_vectors(self.transform.linear[None])[0]))

    @property
    def turning_95(self) -> float | None:
        """Degrees within which the true axes lie in 95 of 100 cases, in one turn."""
        return None if self.turning is None else radius_95(self.turning)

    @property
    def shifting_95(self) -> float | None:
        """mm within which the true origin lies in 95 of 100 cases."""
        return None if self.shifting is None else radius_95(self.shifting)

    def to_record(self) -> dict[str, Any]:
        """As JSON values; matrices are for columns (x, y, z, 1)."""
        record: dict[str, Any] = {
            "name": self.name,
            "title": self.definition.title,
            "gap": self.gap or None,
            "needs": list(self.needs),
            "remarks": list(self.remarks),
            "unit": self.unit,
        }
        if self.ras_to_frame is None:
            return record
        sd = {"turning_sd_deg": self.turning, "origin_sd": self.shifting}
        return {
            **record,
            "ras_to_frame": self.transform.matrix.tolist(),
            "frame_to_ras": self.transform.inverse.matrix.tolist(),
            "origin_ras": self.origin.tolist(),
            "axes_ras": dict(zip(AXIS_NAMES, self.transform.linear.tolist(), strict=True)),
            "turned_from_scan_deg": self.turned,
            **{
                key: None if matrix is None else _by_axis(np.sqrt(np.clip(np.diag(matrix), 0, None)))
                for key, matrix in sd.items()
            },
            "turning_95_deg": self.turning_95,
            "origin_95": self.shifting_95,
            "method": self.method or None,
        }


def _by_axis(values: FloatArray) -> dict[str, float]:
    return dict(zip(AXIS_NAMES, values.tolist(), strict=True))


def place_frames(
    landmarks: LandmarkSet,
    protocol: Protocol,
    frame: Frame | None = None,
    *,
    rater_sd: float | None = None,
) -> tuple[PlacedFrame, ...]:
    """Place every coordinate frame that the protocol defines.

    Parameters
    ----------
    landmarks
        RAS positions, with covariances where the spread is known; the spread of different landmarks is taken
        as independent, as in measurements.
    protocol
        Its frames and checks.
    frame
        What the protocol's checks are judged in: ``Frame.of(volume, protocol.view)``. Without an image the
        patient's space in mm, or, for protocols of pictures, a radiograph as its reader places it.
    rater_sd
        Standard deviation along each axis of landmarks that have no covariance; None leaves it unknown.

    Returns
    -------
    tuple of PlacedFrame
        A transform or a named gap for every frame, in the protocol's order.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> detection = ld.read_detection("ct.json")
    >>> [frame.name for frame in ld.place_frames(detection.landmarks, ld.load_protocol("whole-body"))]
    ['body']
    """
    if frame is None:
        frame = Frame.picture() if protocol.view == "picture" else Frame.space()
    present = landmarks.present
    places = zip(present.names, frame.points(present.positions), strict=True)
    failed = failed_checks(protocol, dict(places), frame)
    if failed:
        return tuple(PlacedFrame(one, None, frame.unit, gap=failed[0]) for one in protocol.frames)
    return tuple(_placed(one, landmarks, protocol, frame, rater_sd) for one in protocol.frames)


def _placed(
    definition: CoordinateFrame,
    landmarks: LandmarkSet,
    protocol: Protocol,
    frame: Frame,
    rater_sd: float | None,
) -> PlacedFrame:
    marks = {mark.name: mark for mark in landmarks}
    there = {mark.name: mark.position for mark in landmarks.present}
    missing = tuple(name for name in definition.landmarks if name not in there)
    if missing:
        gap = missing_gap(missing, marks, protocol)
        return PlacedFrame(definition, None, frame.unit, gap=gap, needs=missing)
    normal = np.cross(frame.axes[0], frame.axes[1]) if len(frame.axes) == 2 else None
    used = {name: there[name] for name in definition.landmarks}
    here = {name: place[None] for name, place in used.items()}
    gap = _degenerate(definition, here)
    turns, origins = _axes_and_origin(definition, here, normal)
    turn, origin = turns[0], origins[0]
    gap = gap or _wrong_way(definition, turn, there)
    if gap:
        return PlacedFrame(definition, None, frame.unit, gap=gap)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, -turn @ origin
    placed = PlacedFrame(definition, Affine(matrix), frame.unit)
    remarks = []
    if placed.turned > SWAPPED:
        remarks.append(
            f"its axes are turned by {placed.turned:.0f} degrees from those of the scan; check that no "
            "landmarks are exchanged"
        )
    assumed = None if rater_sd is None else np.eye(3) * rater_sd**2
    spread = {name: assumed if (own := marks[name].covariance) is None else own for name in used}
    unknown = [name for name, matrix in spread.items() if matrix is None]
    if unknown:
        remarks.append(unknown_spread(unknown, protocol))
        return PlacedFrame(definition, Affine(matrix), frame.unit, remarks=tuple(remarks))
    known = {name: one for name, one in spread.items() if one is not None}
    propagation = Propagation(used, known)

    def turning(samples: Samples) -> FloatArray:
        turned, _ = _axes_and_origin(definition, samples.points, normal)
        # In the frame's own axes, as R_s R^T is written in them.
        return rotation_vectors(turned @ turn.T)

    def shifting(samples: Samples) -> FloatArray:
        _, moved = _axes_and_origin(definition, samples.points, normal)
        return np.asarray((moved - origin) @ turn.T)

    turned, shifted = propagation.covariance_of(turning), propagation.covariance_of(shifting)
    if turned is None or shifted is None or radius_95(turned[0]) > MOST_DEG / 2:
        within = (
            "" if turned is None else f": in 95 of 100 cases only within {radius_95(turned[0]):.0f} degrees"
        )
        gap = f"its landmarks are too uncertain to tell its axes{within}"
        return PlacedFrame(definition, None, frame.unit, gap=gap)
    return PlacedFrame(
        definition, Affine(matrix), frame.unit, turned[0], shifted[0], turned[1], remarks=tuple(remarks)
    )


def _place(place: Place, points: Mapping[str, FloatArray]) -> FloatArray:
    if isinstance(place, str):
        return points[place]
    return np.asarray(np.mean([points[name] for name in place], axis=0))


def _lines(definition: CoordinateFrame, points: Mapping[str, FloatArray]) -> list[FloatArray]:
    return [_place(one.line[1], points) - _place(one.line[0], points) for one in definition.axes]


def _axes_and_origin(
    definition: CoordinateFrame, points: Mapping[str, FloatArray], normal: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """(S, 3, 3) matrices from RAS to the frame's axes and (S, 3) origins; NaN where they are not defined.

    ``normal`` is that of the picture; a picture's frame has no second line.
    """
    lines = _lines(definition, points)
    targets = [np.array(_DIRECTIONS[one.axis]) for one in definition.axes]
    if normal is not None:
        lines.append(np.cross(np.broadcast_to(normal, lines[0].shape), lines[0]))
        targets.append(np.cross([0.0, 0.0, 1.0], targets[0]))
    first = unit_vector(lines[0])
    second = unit_vector(lines[1] - (lines[1] * first).sum(axis=-1, keepdims=True) * first)
    own = np.stack([first, second, np.cross(first, second)], axis=-2)
    wanted = np.stack([*targets, np.cross(targets[0], targets[1])], axis=-2)
    return np.einsum("ki,skj->sij", wanted, own), _place(definition.origin, points)


def _degenerate(definition: CoordinateFrame, here: Mapping[str, FloatArray]) -> str:
    lines = [line[0] for line in _lines(definition, here)]
    for one, line in zip(definition.axes, lines, strict=True):
        if length(line) < LEAST_LINE:
            return f"cannot be placed, as the ends of its axis {one.axis} lie on the same spot"
    if len(lines) < 2:
        return ""
    between = float(angle_between(*lines))
    if min(between, 180 - between) < LEAST_ANGLE:
        first, second = (one.axis for one in definition.axes)
        return (
            f"cannot be placed, as its landmarks lie nearly on one line: its axes {first} and {second} are "
            f"{min(between, 180 - between):.0f} degrees apart"
        )
    return ""


def _wrong_way(definition: CoordinateFrame, turn: FloatArray, there: Mapping[str, FloatArray]) -> str:
    """What the frame's own checks say; those whose landmarks are absent say nothing."""
    for check in definition.checks:
        first, second = (there.get(name) for name in check.landmarks)
        if first is not None and second is not None:
            step = float(turn @ (second - first) @ np.array(_DIRECTIONS[check.along]))
            if check.fails(step):
                return check.otherwise.rstrip(".")
    return ""
