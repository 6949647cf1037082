"""Closed surfaces made of rings: teeth, cavities, the soft tissue of a head; and cuts through surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.synthesis.bone_thickness import Surfaces
from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class Solid:
    """One closed surface.

    Attributes
    ----------
    vertices : (V, 3) float32 mm
    faces : (F, 3) int32
        Outward orientation.
    """

    vertices: Array
    faces: Array


def loft(rings: Array) -> Solid:
    """The solid between rings of points, closed by a fan at either end.

    Parameters
    ----------
    rings : (R, P, 3) mm
        Rings one above the other, points of each counter-clockwise seen from above (from the last ring).
        Vertex r P + p of the result is point p of ring r.
    """
    count, points = rings.shape[:2]
    place = np.arange(count * points).reshape(count, points)
    low, high = place[:-1], place[1:]
    low_next, high_next = np.roll(low, -1, axis=1), np.roll(high, -1, axis=1)
    sides = np.concatenate(
        [
            np.stack([low, low_next, high_next], axis=-1).reshape(-1, 3),
            np.stack([low, high_next, high], axis=-1).reshape(-1, 3),
        ]
    )
    bottom, top = count * points, count * points + 1
    ends = np.concatenate(
        [
            np.stack([np.full(points, bottom), np.roll(place[0], -1), place[0]], axis=1),
            np.stack([np.full(points, top), place[-1], np.roll(place[-1], -1)], axis=1),
        ]
    )
    centres = rings[[0, -1]].mean(axis=1)
    vertices = np.concatenate([rings.reshape(-1, 3), centres])
    return Solid(vertices.astype(np.float32), np.concatenate([sides, ends]).astype(np.int32))


def ellipsoid(centre: Sequence[float] | Array, radii: Sequence[float] | Array, points: int = 12) -> Solid:
    """An ellipsoid with ``points`` vertices around it."""
    height = np.linspace(-0.97, 0.97, points // 2 + 1)
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    across = np.sqrt(1 - height**2)[:, None]
    level = np.broadcast_to(height[:, None], (len(height), points))
    ring = np.stack([across * np.cos(angle), across * np.sin(angle), level], axis=-1)
    return loft(np.asarray(centre) + ring * np.asarray(radii))


def tube(centres: Array, half_widths: Array, points: int = 12) -> Solid:
    """A tube through (R, 3) centres from below to above, with (R, 2) half widths across and along depth."""
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    offset = np.zeros((len(centres), points, 3))
    offset[..., :2] = ring * half_widths[:, None]
    return loft(centres[:, None] + offset)


def inner(solid: Solid, depth: float) -> Solid:
    """The same surface moved inwards by ``depth`` mm along its normals: what is under a cortex."""
    corners = solid.vertices[solid.faces].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.zeros((len(solid.vertices), 3))
    for corner in range(3):
        np.add.at(total, solid.faces[:, corner], normal)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return Solid((solid.vertices - depth * total / np.maximum(length, 1e-9)).astype(np.float32), solid.faces)


def sagittal_cut(solid: Solid, right: float) -> Array:
    """Points (n, 3) where edges of a surface cross the plane that lies ``right`` mm to the right."""
    crossing = []
    for first, second in ((0, 1), (1, 2), (2, 0)):
        start, end = (solid.vertices[solid.faces[:, k]].astype(np.float64) for k in (first, second))
        cut = (start[:, 0] < right) & (end[:, 0] >= right)
        share = (right - start[cut, 0]) / (end[cut, 0] - start[cut, 0])
        crossing.append(start[cut] + share[:, None] * (end[cut] - start[cut]))
    return np.concatenate(crossing)


def joined(solids: Sequence[Solid]) -> tuple[Array, Surfaces]:
    """Vertices (N, 3) of all solids in a row, and their surfaces."""
    starts = np.cumsum([0, *(len(one.vertices) for one in solids)])
    faces = [one.faces + start for one, start in zip(solids, starts, strict=False)]
    surfaces = Surfaces(
        np.concatenate(faces).astype(np.int32),
        starts.astype(np.int64),
        np.cumsum([0, *(len(one) for one in faces)]).astype(np.int64),
    )
    return np.concatenate([one.vertices for one in solids]).astype(np.float32), surfaces
