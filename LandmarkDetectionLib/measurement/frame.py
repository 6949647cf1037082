"""Where landmarks are measured: in the patient's space, or in the plane of a picture; in mm, or in pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.typing import FloatArray

_SPACE = np.eye(3)
#: A radiograph without an orientation lies with its columns to the patient's left and its rows to posterior.
_PICTURE = np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
_DIRECTIONS = {
    "right": (1, 0, 0),
    "left": (-1, 0, 0),
    "anterior": (0, 1, 0),
    "posterior": (0, -1, 0),
    "superior": (0, 0, 1),
    "inferior": (0, 0, -1),
    "picture_right": (1, 0),
    "picture_down": (0, 1),
}
# Columns and rows of the picture that the viewer sees: from the front, from the left, from below.
_PLANES: dict[str, Any] = {
    "coronal": np.array([[-1.0, 0, 0], [0, 0, -1]]),
    "sagittal": np.array([[0, -1.0, 0], [0, 0, -1]]),
    "axial": np.array([[-1.0, 0, 0], [0, -1, 0]]),
}


@dataclass(frozen=True, eq=False)
class Frame:
    """Maps RAS positions to what is measured in.

    Attributes
    ----------
    axes : (d, 3)
        Rows are the axes of measuring in RAS: the patient's (d = 3), or x to the right and y down of a
        picture (d = 2).
    origin : (3,)
        RAS position of the upper left corner of a picture; anywhere in space.
    scale
        mm per unit of RAS positions: 1 unless a picture without pixel size was calibrated.
    unit
        ``mm``, or ``px`` when the pixel size is unknown.
    height
        Of the picture in this unit, NaN when unknown.
    note
        Where the unit comes from, when a person gave it.
    square
        False when the unit is pixels that are not square: lengths are then refused.
    """

    axes: FloatArray
    origin: FloatArray
    scale: float = 1.0
    unit: str = "mm"
    height: float = float("nan")
    note: str = ""
    square: bool = True

    @classmethod
    def space(cls, *, spacing_known: bool = True) -> Frame:
        """The patient's space in mm, or in pixels for a radiograph without a pixel size."""
        return cls(_SPACE, np.zeros(3), unit="mm" if spacing_known else "px")

    @classmethod
    def picture(cls, *, spacing_known: bool = True, height: float = float("nan")) -> Frame:
        """A radiograph placed as files without an orientation are: x is -R, y is -A."""
        return cls(_PICTURE, np.zeros(3), unit="mm" if spacing_known else "px", height=height)

    @classmethod
    def of(cls, volume: Volume, view: str = "space") -> Frame:
        """The frame of an image.

        Parameters
        ----------
        volume
            A radiograph, or a volume.
        view
            The protocol's ``space`` or ``picture``.

        Raises
        ------
        InputError
            A picture is asked for and the image has many slices.
        """
        unit = "mm" if volume.spacing_known else "px"
        square = volume.spacing_known or bool(np.allclose(volume.spacing[:2], volume.spacing[0], rtol=1e-6))
        # Slicer gives pixels of unknown size a size in its space all the same; lengths count pixels.
        scale = 1.0 if volume.spacing_known or not square else 1.0 / float(volume.spacing[0])
        if view == "space":
            return cls(_SPACE, np.zeros(3), scale=scale, unit=unit, square=square)
        if not volume.is_2d:
            raise InputError(
                f"{volume.name or 'The image'} has {volume.shape[0]} slices, and these measurements are of a "
                "radiograph; give the radiograph."
            )
        sides = volume.ijk_to_ras[:3, :2]
        axes = (sides / np.linalg.norm(sides, axis=0)).T
        corner = volume.ijk_to_ras_points([[-0.5, -0.5, 0.0]])[0]
        height = float(volume.shape[1] * volume.spacing[1]) * scale
        return cls(axes, corner, scale=scale, unit=unit, height=height, square=square)

    def calibrated(self, mm_per_unit: float, note: str) -> Frame:
        """The frame with a scale that a person gave; InputError unless it is a positive finite number."""
        if not np.isfinite(mm_per_unit) or mm_per_unit <= 0:
            raise InputError(f"The scale of {mm_per_unit:g} mm per {self.unit} cannot be; measure it again.")
        return replace(
            self,
            scale=self.scale * mm_per_unit,
            unit="mm",
            height=self.height * mm_per_unit,
            note=note,
            square=True,
        )

    def calibrated_by(self, first: Any, last: Any, mm: float) -> Frame:
        """The frame with the scale of a ruler: two RAS points (3,) and their true distance in mm.

        Raises
        ------
        InputError
            The points coincide, or the distance is not positive.
        """
        ends = self.points(np.array([first, last], dtype=np.float64))
        measured = float(np.linalg.norm(ends[1] - ends[0]))
        if not measured > 0 or not np.isfinite(measured):
            raise InputError("The two ends of the ruler lie on the same spot; mark them again.")
        return self.calibrated(mm / measured, f"calibrated by a known distance of {mm:g} mm")

    def points(self, ras: FloatArray) -> FloatArray:
        """(..., 3) RAS -> (..., d) in the frame's unit."""
        return np.asarray((ras - self.origin) @ self.axes.T * self.scale)

    def covariance(self, ras: FloatArray) -> FloatArray:
        """(..., 3, 3) RAS -> (..., d, d) in the frame's unit squared."""
        return np.asarray(self.axes @ ras @ self.axes.T * self.scale**2)

    def direction(self, name: str) -> FloatArray:
        """(d,) unit vector of a direction."""
        return np.array(_DIRECTIONS[name], dtype=np.float64)


def in_plane(points: FloatArray, plane: str) -> FloatArray:
    """(..., 3) in the patient's space -> (..., 2) as the viewer of a plane sees them, y down."""
    return np.asarray(points @ _PLANES[plane].T)


def known_distance(frame: Frame, landmarks: LandmarkSet, first: str, last: str, mm: float) -> Frame:
    """The frame calibrated by the true distance of two landmarks in mm; InputError when one is not there."""
    for name in (first, last):
        if name not in landmarks or not landmarks[name].is_present:
            raise InputError(f"Cannot calibrate by {first} and {last}: there is no {name} in the landmarks.")
    return frame.calibrated_by(landmarks[first].position, landmarks[last].position, mm)
