"""From the body to the film: where it stands, and where source and film are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.typing import Array, FloatArray


@dataclass(frozen=True)
class Setup:
    """One exposure; the central ray runs along -x through ``axis``.

    Attributes
    ----------
    turn : (3, 3)
        Of the body about ``axis``: towards the source, to the picture's right, up.
    axis : (3,) mm
        Where it is turned about, in the body's frame: a head between the ear rods of its cephalostat.
    source_mm, film_mm
        Distances of the source and of the film from it.
    pixel_mm
        On the film.
    centre : (2,) px
        Column and row of the central ray.
    """

    turn: FloatArray
    axis: FloatArray
    source_mm: float
    film_mm: float
    pixel_mm: float
    centre: FloatArray

    @property
    def magnification(self) -> float:
        """Of what is as far from the source as ``axis``."""
        return (self.source_mm + self.film_mm) / self.source_mm

    def projected(self, points: Array) -> Array:
        """Points (N, 3) mm of the body to (column px, row px, depth mm away from the source) float32."""
        placed = (points - self.axis.astype(np.float32)) @ self.turn.T.astype(np.float32)
        scale = (self.source_mm + self.film_mm) / (self.source_mm - placed[:, 0]) / self.pixel_mm
        return np.stack(
            [self.centre[0] + scale * placed[:, 1], self.centre[1] - scale * placed[:, 2], -placed[:, 0]],
            axis=1,
        ).astype(np.float32)


def obliquity(setup: Setup, shape: tuple[int, int]) -> Array:
    """How much longer than its depth the way of a ray is, (H, W)."""
    distance = (setup.source_mm + setup.film_mm) / setup.pixel_mm
    y = ((np.arange(shape[0]) - setup.centre[1]) / distance)[:, None] ** 2
    x = ((np.arange(shape[1]) - setup.centre[0]) / distance)[None] ** 2
    return np.asarray(np.sqrt(1 + x + y), np.float32)


def turns(yaw: float, roll: float, pitch: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rotations (3, 3) about the axes up, anterior and right, by radians."""
    cy, sy, cr, sr, cp, sp = (f(a) for a in (yaw, roll, pitch) for f in (np.cos, np.sin))
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    about_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return about_z, about_y, about_x


def turned_head(yaw: float, roll: float, pitch: float) -> FloatArray:
    """Rotation (3, 3): left or right, towards a shoulder, and chin up (positive), radians."""
    about_z, about_y, about_x = turns(yaw, roll, pitch)
    return np.asarray(about_y @ about_z @ about_x)
