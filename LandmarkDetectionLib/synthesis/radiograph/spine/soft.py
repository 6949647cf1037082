"""Soft tissue and air of a trunk, which the skeleton lacks: rings about the ribs, in the skeleton's frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.solids import Solid, ellipsoid, loft, tube
from LandmarkDetectionLib.typing import Array, FloatArray

#: Points around a ring of the skin, and along either half of a ring of a lung.
AROUND, HALF = 32, 10
#: Vessels of either lung.
VESSELS = 14
#: Height, half width, and y of back and front of the skin away from the ribs, mm: hips and waist; neck, head.
BELOW = (
    (700, 175, -15, 175),
    (800, 178, -25, 195),
    (870, 172, -20, 200),
    (950, 155, 0, 195),
    (1020, 145, 0, 195),
)
ABOVE = (
    (1395, 75, -5, 135),
    (1430, 62, 5, 138),
    (1450, 62, 10, 150),
    (1480, 72, 0, 195),
    (1540, 80, -15, 205),
    (1640, 70, 0, 190),
)
#: Where gas may lie, mm; bubbles are of unit size here.
STOMACH = (-62.0, 120.0, 1128.0)
COLON = (
    (100, 120, 880), (105, 115, 920), (102, 110, 960), (100, 110, 1000), (92, 120, 1040), (60, 140, 1035),
    (30, 150, 1020), (0, 150, 1012), (-30, 150, 1022), (-60, 140, 1050), (-95, 105, 1075), (-108, 100, 1030),
    (-108, 100, 985), (-108, 105, 935), (-95, 110, 890), (-50, 130, 860), (0, 110, 845), (40, 130, 900),
)  # fmt: skip


@dataclass(frozen=True)
class Cage:
    """Inside of the ribs.

    Attributes
    ----------
    height : (R,) mm
        From below.
    half : (R,) mm
        Half its width.
    back, front : (R,) mm
        y of its back and its front wall.
    """

    height: FloatArray
    half: FloatArray
    back: FloatArray
    front: FloatArray

    @classmethod
    def around(cls, ribs: Sequence[Array], centres: FloatArray) -> Cage:
        """From the vertices of ribs."""
        points = np.concatenate(ribs)
        height = np.arange(1040.0, 1381.0, 20.0)
        half, back, front = [], [], []
        for z in height:
            at = points[np.abs(points[:, 2] - z) < 14]
            half.append(np.abs(at[:, 0]).max() - 9)
            back.append(at[:, 1].min() + 10)
            front.append(max(at[:, 1].max() - 6, back[-1] + 40))
        return cls(height, *(_even(np.array(values)) for values in (half, back, front)))

    def at(self, z: Array) -> tuple[Array, Array, Array]:
        """Half width, back and front at heights."""
        values = (np.interp(z, self.height, v) for v in (self.half, self.back, self.front))
        return tuple(np.asarray(v) for v in values)  # type: ignore[return-value]


def _even(values: FloatArray) -> FloatArray:
    padded = np.pad(values, 1, mode="edge")
    return np.asarray((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4)


def soft_parts(cage: Cage) -> list[tuple[Solid, str, str, float]]:
    """Parts with their kind and name, and over how many levels of the spine their motion is smoothed."""
    parts: list[tuple[Solid, str, str, float]] = [(_skin(cage), "skin", "skin", 3.5)]
    for side, name in ((1.0, "right"), (-1.0, "left")):
        lung, dome = _lung(cage, side)
        parts += [(lung, "lung", name, 3.0), (dome, "dome", name, 3.0)]
        parts += [(vessel, "vessel", name, 3.0) for vessel in _vessels(cage, side)]
        parts.append((_arm(side), "arm", name, 3.0))
        parts.append((_psoas(side), "muscle", f"psoas {name}", 1.5))
        breast = ellipsoid((side * 82.0, 215.0, 1198.0), (50.0, 27.0, 42.0), 14)
        parts.append((breast, "breast", name, 4.0))
    parts.append((_windpipe(), "air", "windpipe", 2.0))
    parts.append((ellipsoid(STOMACH, (1.0, 1.0, 1.0), 14), "gas", "stomach", 4.0))
    for n, place in enumerate(COLON):
        parts.append((ellipsoid(place, (1.0, 1.0, 1.0), 10), "gas", f"colon {n}", 5.0))
    return parts


def _skin(cage: Cage) -> Solid:
    levels: list[tuple[float, ...]] = list(BELOW)
    for z in np.arange(1060.0, 1321.0, 32.0):
        half, back, front = (float(v) for v in cage.at(np.array(z)))
        # Muscles of the shoulder girdle make it wider above.
        wide = half + 18 + 30 * np.clip((z - 1180) / 130, 0, 1)
        levels.append((z, max(wide, 128.0), back - 34, max(front + 22, 185 - 0.12 * (z - 1060))))
    levels += [(1345, 172, -28, 150), (1365, 135, -26, 142), (1382, 98, -22, 138)]
    levels += ABOVE
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    across, along = np.cos(angle), np.sin(angle)
    # Fuller than an ellipse.
    full = (np.abs(across) ** 2.6 + np.abs(along) ** 2.6) ** (-1 / 2.6)
    rings = []
    for z, half, back, front in levels:
        ring = np.stack([half * across * full, (front - back) / 2 * along * full, np.zeros(AROUND)], axis=1)
        rings.append(ring + np.array([0.0, (front + back) / 2, z]))
    return loft(np.array(rings))


def _arm(side: float) -> Solid:
    """Shoulder and upper arm."""
    centres = np.array(
        [
            (200, 72, 1020),
            (195, 72, 1150),
            (185, 72, 1260),
            (170, 72, 1320),
            (140, 72, 1352),
            (110, 72, 1372),
        ],
        float,
    )
    return tube(
        centres * (side, 1, 1), np.array([(38, 38), (44, 44), (46, 48), (48, 52), (36, 42), (14, 24)], float)
    )


def _psoas(side: float) -> Solid:
    centres = np.array([(105, 110, 860), (85, 85, 920), (62, 75, 980), (45, 70, 1030), (32, 66, 1075)], float)
    return tube(centres * (side, 1, 1), np.array([(22, 20), (26, 24), (24, 24), (16, 18), (6, 8)], float))


def _windpipe() -> Solid:
    centres = np.array(
        [
            (2, 88, 1292),
            (1, 90, 1310),
            (0, 95, 1340),
            (0, 105, 1375),
            (0, 118, 1410),
            (0, 122, 1450),
            (0, 120, 1475),
        ],
        float,
    )
    return tube(centres, np.array([(5, 5), (8.5, 8), (8.5, 8), (8.5, 8), (8, 8), (11, 7), (8, 8)], float), 12)


def _lung(cage: Cage, side: float) -> tuple[Solid, Solid]:
    """A lung down to its lowest recess, and the part of it that the diaphragm's dome takes."""
    low, top = 1068.0, 1384.0
    peak = 1176.0 if side > 0 else 1162.0
    z = np.concatenate(
        [
            np.linspace(low, peak, 9),
            np.linspace(peak, top - 44, 12)[1:],
            top - np.array([30.0, 18.0, 9.0, 3.0]),
        ]
    )
    rings = np.stack([_lung_ring(cage, side, float(height)) for height in z])
    dome = []
    for height in np.linspace(low, peak, 9):
        ring = _lung_ring(cage, side, float(height))
        t = (height - low) / (peak - low)
        inward = max(np.sqrt(max(1 - t**2.4, 0)), 0.02)
        shrunk = ring.copy()
        front = ring[:, 1].max()
        shrunk[:, 1] = front + (ring[:, 1] - front) * (1 - 0.16 * min(4 * t, 1) - 0.5 * t**3)
        inside = HALF + np.argsort(ring[HALF:, 1])  # along the mediastinum, from behind
        edge, moved = (np.interp(y, ring[inside, 1], ring[inside, 0]) for y in (ring[:, 1], shrunk[:, 1]))
        shrunk[:, 0] = moved + (ring[:, 0] - edge) * inward
        dome.append(shrunk)
    rings_of_dome = np.stack(dome)
    if side < 0:
        rings, rings_of_dome = rings[:, ::-1], rings_of_dome[:, ::-1]
    return loft(rings), loft(rings_of_dome)


def _vessels(cage: Cage, side: float) -> list[Solid]:
    """Vessels from the hilum outwards, in the lung above the diaphragm; the same ones in every trunk."""
    rng = np.random.default_rng(5)
    hilum = np.array([side * 34.0, 88.0, 1250.0])
    vessels = []
    for _ in range(VESSELS):
        z = rng.uniform(1192, 1345)
        half, back, front = (float(v) for v in cage.at(np.array(z)))
        far = rng.uniform(0.55, 0.85)
        y = np.clip(88 + rng.normal(0, 25), back + 30, front - 40)
        end = np.array([side * (34 + far * (half - 50)), y, z])
        start = hilum + rng.normal(0, (4, 6, 12))
        # Beside the heart, not in it.
        start[0] = side * max(abs(start[0]), 36.0 if side > 0 else 44.0)
        vessels.append(_cone(start, end, rng.uniform(2.2, 4.0), 0.7))
    return vessels


def _cone(start: FloatArray, end: FloatArray, first: float, last: float) -> Solid:
    """A thin tube from a point to another, with its radius at either end."""
    along = (end - start) / np.linalg.norm(end - start)
    across = np.cross(along, (0.0, 1.0, 0.0))
    across /= np.linalg.norm(across)
    angle = np.linspace(0, 2 * np.pi, 6, endpoint=False)[:, None]
    circle = across * np.cos(angle) + np.cross(along, across) * np.sin(angle)
    share = np.linspace(0, 1, 3)[:, None, None]
    return loft(start + share * (end - start) + (first + share * (last - first)) * circle)


def _lung_ring(cage: Cage, side: float, z: float) -> Array:
    """Points counter-clockwise from above for the right side: outside to the front, inside to the back."""
    half, back, front = (float(v) for v in cage.at(np.array(z)))
    apex = np.clip((1384.0 - z) / 60.0, 0, 1) ** 0.5  # narrower towards its top
    middle = 48.0
    angle = np.linspace(-np.pi / 2, np.pi / 2, HALF)
    outer = np.stack(
        [
            middle + (half - middle) * np.cos(angle) * apex,
            (front + back) / 2 + (front - back) / 2 * np.sin(angle) * (0.35 + 0.65 * apex),
        ],
        axis=1,
    )
    y = outer[::-1, 1][1:-1]
    inner = np.minimum(_mediastinum(side, z, y), middle + 0.3 * (half - middle) * apex)
    ring = np.concatenate([outer, np.stack([inner, y], axis=1)])
    result = np.concatenate([ring * (side, 1), np.full((len(ring), 1), z)], axis=1)
    return np.asarray(result)


def _mediastinum(side: float, z: float, y: Array) -> Array:
    """How far from the middle a lung begins: spine behind, vessels above, the heart below."""
    behind = 24.0
    if side > 0:
        wide = 26.0 + 12.0 * np.exp(-0.5 * ((z - 1195) / 30) ** 2)
    else:
        wide = 27.0 + 9.0 * np.exp(-0.5 * ((z - 1292) / 14) ** 2)
        heart = np.clip((1275.0 - z) / 105.0, 0, 1) ** 1.3  # widest on the diaphragm, gone below
        wide += 56.0 * heart * np.clip((z - 1105.0) / 55.0, 0, 1)
    share = np.clip((y - 55.0) / 35.0, 0, 1)
    return np.asarray(behind + (wide - behind) * share)
