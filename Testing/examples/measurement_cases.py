"""What tests of measurements start from: landmarks in a picture or in space, and generated spines."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.io.protocols import load_protocol

Point = Sequence[float]

# A drawn face that looks to the right, in mm from the upper left corner, y down.
FACE: dict[str, Point] = {
    "sella": (80.0, 90.0),
    "nasion": (150.0, 80.0),
    "orbitale": (140.0, 108.0),
    "porion": (62.0, 110.0),
    "subspinale": (149.0, 138.0),
    "supramentale": (143.0, 176.0),
    "pogonion": (144.0, 192.0),
    "menton": (136.0, 201.0),
    "gnathion": (141.0, 199.0),
    "gonion": (76.0, 170.0),
    "lower_incisor": (151.0, 157.0),
    "upper_incisor": (154.0, 158.0),
    "upper_lip": (166.0, 150.0),
    "lower_lip": (163.0, 164.0),
    "subnasale": (162.0, 135.0),
    "soft_pogonion": (156.0, 193.0),
    "posterior_nasal_spine": (98.0, 130.0),
    "anterior_nasal_spine": (153.0, 130.0),
    "articulare": (70.0, 122.0),
}


# A standing body, in RAS mm.
RIGHT = {
    "shoulder": (180.0, 0.0, 1400.0),
    "elbow": (200.0, 0.0, 1100.0),
    "wrist": (220.0, 0.0, 850.0),
    "hip": (90.0, 0.0, 900.0),
    "knee": (90.0, 0.0, 480.0),
    "ankle": (90.0, 0.0, 80.0),
    "heel": (90.0, -40.0, 10.0),
}
BODY = {
    "head_top": (0.0, 0.0, 1710.0),
    "pubic_symphysis": (0.0, 50.0, 860.0),
    **{f"{name}_right": place for name, place in RIGHT.items()},
    **{f"{name}_left": (-x, y, z) for name, (x, y, z) in RIGHT.items()},
}


def in_picture(points: Mapping[str, Point | None], sd: float | None = None) -> LandmarkSet:
    """Landmarks of a radiograph as its reader places them: x to the patient's left, y to posterior."""
    covariance = None if sd is None else np.diag([sd**2, sd**2, 0.0])
    return LandmarkSet(
        tuple(
            Landmark(name, [np.nan] * 3, "absent")  # type: ignore[arg-type]
            if point is None
            else Landmark(name, np.array([-point[0], -point[1], 0.0]), covariance=covariance)
            for name, point in points.items()
        )
    )


def in_space(points: Mapping[str, Point], sd: float | None = None) -> LandmarkSet:
    """Landmarks in RAS mm."""
    covariance = None if sd is None else np.eye(3) * sd**2
    return LandmarkSet(
        tuple(Landmark(name, np.array(point), covariance=covariance) for name, point in points.items())
    )


def protocol_of(measurements: Sequence[Mapping[str, Any]], names: Sequence[str], **entries: Any) -> Protocol:
    """A protocol of named landmarks with these measurements; a title is added where none is given."""
    return Protocol.model_validate(
        {
            "name": "test",
            "title": "Test",
            "version": "1.0.0",
            "region": "test",
            "landmarks": [{"name": name, "title": name, "definition": name} for name in names],
            "measurements": [{"title": "A title", **one} for one in measurements],
            **entries,
        }
    )


def spine(tilts: Sequence[float], *, top: float = 40.0, left: float = 300.0) -> np.ndarray:
    """(N, 4, 2) corners of vertebrae whose tilts (degrees) are given; each stands on the one below."""
    step, half_width, half_height = 40.0, 25.0, 14.0
    centre, corners = np.array([left, top]), []
    for tilt in tilts:
        across = np.array([np.cos(np.radians(tilt)), np.sin(np.radians(tilt))])
        down = np.array([-across[1], across[0]])
        corners.append(
            [
                centre - half_width * across - half_height * down,
                centre + half_width * across - half_height * down,
                centre - half_width * across + half_height * down,
                centre + half_width * across + half_height * down,
            ]
        )
        centre = centre + step * down
    return np.array(corners)


def spine_landmarks(corners: np.ndarray, first: int = 0, sd: float | None = None) -> LandmarkSet:
    """The landmarks of spine-68 for (N, 4, 2) corners, beginning with the vertebra of a number."""
    names = load_protocol("spine-68").names[4 * first :]
    return in_picture(dict(zip(names, corners.reshape(-1, 2), strict=False)), sd)
