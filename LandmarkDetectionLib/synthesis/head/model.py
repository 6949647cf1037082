"""A head made of simple shapes: skull, brain, ventricles, eyes, jaw and air spaces, with exact landmarks.

For sets of volumes to try 3D networks on. Every head draws its own proportions. Shapes are signed distances
in mm in the head's own frame (right, anterior, superior; the origin lies between the ear canals), painted
one over the other. Clearly not a patient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.typing import Array

#: Signed distance (N,) mm of points (N, 3), negative inside.
Distance = Callable[[Array], Array]
Triple = Sequence[float] | Array

#: Grey values of the tissues: Hounsfield units, and T1-weighted signal as a share of fat's.
TISSUES: dict[str, tuple[float, float]] = {
    "air": (-1000, 0.0),
    "skin": (20, 0.55),
    "fat": (-95, 1.0),
    "muscle": (55, 0.42),
    "bone": (950, 0.06),
    "marrow": (380, 0.62),
    "csf": (8, 0.16),
    "grey": (39, 0.48),
    "white": (31, 0.70),
    "vitreous": (9, 0.18),
    "lens": (75, 0.40),
    "tooth": (1900, 0.03),
    "calcified": (260, 0.24),
    "gland": (45, 0.78),
}


@dataclass(frozen=True)
class Shape:
    """A signed distance, and the box (mm) outside of which it is positive."""

    distance: Distance
    low: Array
    high: Array

    def near(self, points: Array, margin: float) -> Array:
        """Indices of the points in the box widened by ``margin`` mm."""
        low, high = self.low - margin, self.high + margin
        inside = (points[:, 0] > low[0]) & (points[:, 0] < high[0])
        for axis in (1, 2):
            inside &= (points[:, axis] > low[axis]) & (points[:, axis] < high[axis])
        return np.flatnonzero(inside)


@dataclass(frozen=True)
class Head:
    """A head in its own frame.

    Attributes
    ----------
    parts
        Tissue and shape, in the order of painting.
    landmarks
        Name and (3,) mm.
    """

    parts: tuple[tuple[str, Shape], ...]
    landmarks: dict[str, Array]


def draw_head(rng: np.random.Generator) -> Head:
    """Draw the proportions of a head; sizes are those of adults, further scaling is up to the pose."""

    def vary(value: float, share: float = 0.07) -> float:
        return float(value * np.clip(rng.normal(1, share), 1 - 2.5 * share, 1 + 2.5 * share))

    parts: list[tuple[str, Shape]] = []
    marks: dict[str, Array] = {}

    def paint(tissue: str, shape: Shape) -> None:
        parts.append((tissue, shape))

    skull = np.array([vary(71), vary(89, 0.05), vary(72, 0.05)])
    centre = np.array([0, 0, vary(26, 0.1)])
    thick, scalp = vary(6.5, 0.15), vary(6, 0.25)
    eye_x, eye_y, eye_z = vary(32), vary(68, 0.04), vary(-9, 0.3)
    jaw_y, jaw_z, jaw_w = vary(70, 0.05), vary(-84, 0.06), vary(42)
    nose = np.array([0, vary(106, 0.03), vary(-34, 0.12)])

    # Soft tissue: neck, face, nose, ears, scalp.
    paint("skin", _capsule((0, -18, -190), (0, -8, -45), vary(56)))
    paint("muscle", _capsule((0, -18, -190), (0, -8, -45), vary(51)))
    paint("skin", _ellipsoid((0, 36, -38), (vary(62), vary(57), vary(66))))
    paint("fat", _ellipsoid((0, 34, -38), (vary(57), vary(52), vary(61))))
    paint("skin", _capsule(nose * [1, 0.86, 0.5], nose - [0, 9, 0], 9))
    for side in (1, -1):
        paint("skin", _ellipsoid((side * (skull[0] + 8), -12, -20), (9, 17, 28)))
    paint("skin", _ellipsoid(centre, skull + scalp))
    paint("fat", _ellipsoid(centre, skull + 0.6 * scalp))
    paint("muscle", _ellipsoid((0, 25, -42), (vary(50), vary(46), vary(48))))
    marks["nose_tip"] = nose
    # Skull: two tables with marrow between, bump at the back.
    inner = skull - thick
    paint("bone", _ellipsoid(centre, skull))
    paint("marrow", _shell(_ellipsoid(centre, skull - thick / 2), thick / 5))
    back = np.array([0, 0, centre[2] - vary(20, 0.2)])
    back[1] = -skull[1] * np.sqrt(1 - ((back[2] - centre[2]) / skull[2]) ** 2) + 1
    bump = vary(7, 0.1)
    paint("bone", _sphere(back, bump))
    marks["inion"] = back - [0, bump, 0]
    paint("csf", _ellipsoid(centre, inner))
    # Brain with folds: the white matter's surface waves.
    brain = inner - vary(3, 0.2)
    waves = rng.uniform(0, 2 * np.pi, 3), rng.uniform(0.22, 0.3, 3)
    paint("grey", _ellipsoid(centre, brain))
    paint("white", _waving(_ellipsoid(centre, brain - vary(9, 0.1)), *waves))
    paint("csf", _falx(_ellipsoid(centre, inner), vary(1.4, 0.2), centre[2] + 8))
    # Base of the skull, cerebellum, brainstem, neck bones.
    base = vary(-22, 0.08)
    paint("bone", _ellipsoid((0, 28, base), (vary(54), vary(48), vary(9))))
    paint("muscle", _ellipsoid((0, -34, base - 34), (46, 42, 14)))
    paint("grey", _ellipsoid((0, -46, base + 2), (vary(44), vary(27), vary(21))))
    paint("white", _ellipsoid((0, -42, base + 3), (vary(20), vary(14), vary(9))))
    canal = _capsule((0, -22, -190), (0, -14, base + 4), vary(12))
    for number in range(5):
        level = base - 28 - 22 * number
        paint("bone", _ellipsoid((0, -22, level), (vary(25), vary(24), vary(7.5))))
        paint("marrow", _ellipsoid((0, -5, level), (vary(11), vary(8), 5.0)))
    paint("csf", canal)
    paint("white", _capsule((0, -22, -190), (0, -16, base - 40), vary(6)))
    paint("white", _capsule((0, -19, base - 40), (0, -10, base + 22), vary(10.5)))
    # Sella: a pit in the base, with the gland in it.
    sella = np.array([0, vary(13, 0.15), base + vary(8, 0.08)])
    paint("bone", _sphere(sella, 9.5))
    paint("gland", _sphere(sella + _at(0, 0, 1.5), 5.5))
    marks["sella"] = sella + _at(0, 0, 1.5)
    # Ventricles.
    horn_y, horn_x, horn_z = vary(30, 0.12), vary(12, 0.12), centre[2] + vary(4, 0.3)
    width = vary(5.5, 0.2)
    for name, side in (("right", 1), ("left", -1)):
        start = np.array([side * 5.0, horn_y - 24, horn_z + 3])
        tip = np.array([side * horn_x, horn_y, horn_z])
        rear = np.array([side * vary(13), -vary(30), horn_z + 3])
        paint("csf", _capsule(start, tip, width))
        paint("csf", _capsule(start, rear, 0.9 * width))
        paint("csf", _capsule(rear, (side * vary(24), -vary(54), horn_z - 12), 0.8 * width))
        paint("csf", _capsule(rear, (side * vary(30), -vary(8, 0.2), horn_z - 32), 0.6 * width))
        paint("grey", _ellipsoid((side * 9, -6, horn_z - 10), (7, 12, 8)))
        along = (tip - start) / np.linalg.norm(tip - start)
        marks[f"frontal_horn_{name}"] = tip + width * along
    paint("csf", _ellipsoid((0, -2, horn_z - 12), (2.2, vary(14), vary(9))))
    pineal = np.array([0, -vary(24, 0.08), horn_z - vary(9, 0.2)])
    paint("calcified", _sphere(pineal, vary(4, 0.08)))
    marks["pineal"] = pineal
    # Face bones: orbits with eyes, cheeks, nose, sinuses, upper jaw with teeth, lower jaw.
    paint("bone", _ellipsoid((0, eye_y - 12, -50), (vary(30), vary(22), vary(20))))
    paint("air", _ellipsoid((0, eye_y - 8, -36), (vary(10), vary(24), vary(17))))
    paint("bone", _ellipsoid((0, eye_y - 8, -36), (1.8, 24, 17)))
    paint("air", _ellipsoid((0, skull[1] - 10, vary(12, 0.2)), (vary(16, 0.2), 5.5, vary(9, 0.2))))
    paint("air", _capsule((0, 22, -60), (0, 8, -190), vary(9)))
    for name, side in (("right", 1), ("left", -1)):
        eye = np.array([side * eye_x, eye_y, eye_z])
        paint("bone", _capsule(eye + _at(side * 16, -8, -16), (side * (skull[0] - 8), -2, -18), 5))
        paint("air", _ellipsoid((side * vary(25), eye_y - 14, -38), (vary(10), vary(13), vary(12))))
        paint("bone", _ellipsoid(eye - [0, 12, 0], (20, 22, 18.5)))
        paint("fat", _ellipsoid(eye - [0, 8, 0], (17.5, 24, 16)))
        paint("muscle", _capsule(eye - [side * 10, 34, 0], eye - [0, 10, 0], 3))
        paint("vitreous", _sphere(eye, vary(12, 0.05)))
        paint("lens", _ellipsoid(eye + _at(0, 8.5, 0), (5, 3, 5)))
        marks[f"eye_{name}"] = eye
        # Petrous bone with the ear canal ending in it.
        ear = np.array([side * vary(48), -vary(9, 0.2), vary(-21, 0.1)])
        paint("bone", _ellipsoid(ear - [side * 5, 0, 0], (24, 12, 10)))
        paint("bone", _ellipsoid(ear + _at(side * 6, -15, -12), (11, 13, 17)))
        for _ in range(6):
            paint("air", _sphere(ear + _at(side * 6, -15, -13) + rng.normal(0, 4, 3), rng.uniform(1.5, 3)))
        paint("air", _capsule(ear, (side * (skull[0] + 18), ear[1] - 3, ear[2] - 2), vary(4, 0.1)))
        marks[f"ear_canal_{name}"] = ear
        condyle = np.array([side * vary(50), 6, -34.0])
        angle = np.array([side * jaw_w, jaw_y - vary(56, 0.05), jaw_z + vary(14, 0.15)])
        paint("bone", _capsule(condyle, angle, 5.5))
        paint("bone", _capsule(angle, (side * 15, jaw_y - 6, jaw_z), 6.5))
    paint("bone", _capsule((15, jaw_y - 6, jaw_z), (-15, jaw_y - 6, jaw_z), 7))
    chin = np.array([0, jaw_y - 2, jaw_z - 3])
    paint("bone", _sphere(chin, 8.5))
    marks["chin"] = chin + _at(0, 8.5, 0)
    teeth = np.array([0, jaw_y - 1, vary(-66, 0.04)])
    for side in (1, -1):
        paint("tooth", _capsule(teeth + _at(side * 3, 0, 0), teeth + _at(side * 21, -14, 1), 5))
    paint("tooth", _ellipsoid(teeth, (7, 5.5, 10)))
    marks["incisors"] = teeth
    return Head(tuple(parts), marks)


# --- shapes -----------------------------------------------------------------------------------------------


def _at(right: float, anterior: float, superior: float) -> Array:
    return np.array([right, anterior, superior], float)


def _ellipsoid(centre: Triple, radii: Triple) -> Shape:
    """Signed distance to first order, exact at the surface and for spheres."""
    c, r = np.asarray(centre, np.float32), np.asarray(radii, np.float32)

    def distance(points: Array) -> Array:
        scaled = (points - c) / r
        k0 = _length(scaled)
        scaled /= r
        return np.asarray(k0 * (k0 - 1) / np.maximum(_length(scaled), 1e-6))

    return Shape(distance, c - r, c + r)


def _sphere(centre: Triple, radius: float) -> Shape:
    return _capsule(centre, centre, radius)


def _capsule(start: Triple, end: Triple, radius: float) -> Shape:
    a, b = np.asarray(start, np.float32), np.asarray(end, np.float32)
    along = b - a
    length = np.float32(max(float(along @ along), 1e-6))

    def distance(points: Array) -> Array:
        offset = points - a
        share = np.clip(offset @ along / length, 0, 1)
        offset -= share[:, None] * along
        return np.asarray(_length(offset) - np.float32(radius))

    return Shape(distance, np.minimum(a, b) - radius, np.maximum(a, b) + radius)


def _shell(middle: Shape, half: float) -> Shape:
    def distance(points: Array) -> Array:
        return np.asarray(np.abs(middle.distance(points)) - np.float32(half))

    return Shape(distance, middle.low - half, middle.high + half)


def _falx(inside: Shape, half: float, level: float) -> Shape:
    """A sheet in the midline above ``level``."""

    def distance(points: Array) -> Array:
        sheet = np.maximum(np.abs(points[:, 0]) - np.float32(half), np.float32(level) - points[:, 2])
        return np.asarray(np.maximum(sheet, inside.distance(points)))

    low, high = inside.low.copy(), inside.high.copy()
    low[0], high[0], low[2] = -half, half, level
    return Shape(distance, low, high)


def _waving(shape: Shape, phases: Array, frequencies: Array) -> Shape:
    """The surface moved in and out by up to 4 mm, as folds do."""
    phase, frequency = np.asarray(phases, np.float32), np.asarray(frequencies, np.float32)

    def distance(points: Array) -> Array:
        waves = np.sin(points * frequency + phase).prod(axis=1)
        return np.asarray(shape.distance(points) + 4 * waves)

    return Shape(distance, shape.low - 4, shape.high + 4)


def _length(vectors: Array) -> Array:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)))
