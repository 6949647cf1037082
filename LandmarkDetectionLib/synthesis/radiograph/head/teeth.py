"""Teeth, which the skeleton lacks: 16 of each jaw along its dental arch, made of rings.

Sizes are those of Wheeler's Dental Anatomy (Nelson 2015), rounded: width along the arch and depth across it,
length of crown and root.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.solids import Solid, loft
from LandmarkDetectionLib.typing import Array, FloatArray

#: Width, depth, crown, root in mm from the middle incisor backwards.
UPPER = ((8.5, 7, 10.5, 13), (6.5, 6, 9, 13), (7.5, 8, 10, 17), (7, 9, 8.5, 14), (7, 9, 8.5, 14),
         (10, 11, 7.5, 13), (9, 11, 7, 12), (8.5, 10, 6.5, 11))  # fmt: skip
LOWER = ((5, 6, 9, 12.5), (5.5, 6.5, 9.5, 14), (7, 7.5, 11, 16), (7, 7.5, 8.5, 14), (7, 8, 8, 14.5),
         (11, 10.5, 7.5, 14), (10.5, 10, 7, 13), (10, 9.5, 7, 11))  # fmt: skip
POINTS = 10


@dataclass(frozen=True)
class Arch:
    """Where the teeth of one jaw stand.

    Attributes
    ----------
    front : (3,) mm
        Edge of the middle incisors, in the midline.
    back : (3,) mm
        Biting surface of the last tooth of the right side.
    upper : bool
    """

    front: FloatArray
    back: FloatArray
    upper: bool

    def place(self, along: Array) -> tuple[Array, Array]:
        """Points (n, 3) of the right half at arc lengths along it, and its direction there (n, 2)."""
        # Third molars stand behind what the arch is described by.
        share = np.linspace(0, 1.4, 281)
        half, depth = self.back[0] - self.front[0], self.front[1] - self.back[1]
        # An arch between a parabola and a horseshoe.
        curve = np.stack([self.front[0] + half * share**0.62, self.front[1] - depth * share**1.35], axis=1)
        curve[0] = self.front[:2]
        length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
        x, y = (np.interp(along, length, curve[:, k]) for k in range(2))
        step = np.stack([np.interp(along + 1, length, curve[:, k]) for k in range(2)], axis=1)
        direction = step - np.stack([x, y], axis=1)
        direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-6)
        height = self.front[2] + (self.back[2] - self.front[2]) * along / np.interp(1, share, length)
        return np.stack([x, y, height], axis=1), direction


def teeth(arch: Arch) -> tuple[list[Solid], list[Solid]]:
    """Teeth of both sides, incisors first, right and left in turn; and the crowns' enamel alone."""
    sizes = UPPER if arch.upper else LOWER
    widths = np.array([one[0] for one in sizes], float)
    middles = np.cumsum(widths) - widths / 2
    places, directions = arch.place(middles)
    whole: list[Solid] = []
    crowns: list[Solid] = []
    for n, size in enumerate(sizes):
        for side in (1.0, -1.0):
            rings = _rings(size, n, places[n], directions[n], arch)
            solid, crown = loft(rings), loft(rings[:4] if arch.upper else rings[-4:])
            for one, kept in ((solid, whole), (crown, crowns)):
                vertices = one.vertices.copy()
                vertices[:, 0] = arch.front[0] + (vertices[:, 0] - arch.front[0]) * side
                kept.append(Solid(vertices, one.faces if side > 0 else one.faces[:, ::-1].copy()))
    return whole, crowns


def _rings(size: tuple[float, ...], number: int, place: Array, direction: Array, arch: Arch) -> Array:
    """Rings (6, POINTS, 3) from below to above of a tooth of the right side."""
    width, depth, crown, root = size
    blade = number < 3  # incisors and canines end in an edge
    heights = np.array([0.0, 0.3 * crown, 0.65 * crown, crown, crown + 0.55 * root, crown + root])
    along = np.array([0.92 if blade else 0.8, 1.0, 0.95, 0.75, 0.55, 0.15]) * width / 2
    across = np.array([0.16 if blade else 0.7, 0.45 if blade else 1.0, 0.8, 0.9, 0.65, 0.15]) * depth / 2
    if number == 2:
        along[0] = 0.25 * width
    angle = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    forward = np.array([-direction[1], direction[0]])  # out of the arch
    if forward[1] < 0 and number == 0:
        forward = -forward
    # Incisors lean: edges forward, roots backward.
    lean = np.radians((22.0, 20.0, 12.0, 6.0, 3.0, 0.0, 0.0, 0.0)[number])
    up = 1.0 if arch.upper else -1.0
    centre = np.empty((6, 3))
    centre[:, :2] = place[:2] - np.outer(heights * np.tan(lean), forward)
    centre[:, 2] = place[2] + up * heights
    ring = (
        along[:, None, None] * np.cos(angle)[:, None] * direction
        + across[:, None, None] * np.sin(angle)[:, None] * forward
    )
    rings = np.concatenate([ring, np.zeros((6, POINTS, 1))], axis=2) + centre[:, None]
    # Counter-clockwise seen from above.
    if direction[0] * forward[1] - direction[1] * forward[0] < 0:
        rings = rings[:, ::-1]
    return rings if arch.upper else rings[::-1]
