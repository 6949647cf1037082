"""What bodies and hands have in common once they are seen: batches of views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class ViewBatch:
    """One view of a batch of bodies; axes as in ``view.ViewGeometry``.

    Attributes
    ----------
    front, back : (B, H, W) float32 mm
        Depth of the first and last body surface; NaN off the body.
    field_of_view : (B, H, W) bool
    origin, spacing : (B, 2) float32
        Column and row mm of pixel (0, 0)'s centre, and mm per pixel, in the view's axes.
    points : (B, L, 3) float32
        Landmarks as (column px, row px, depth mm).
    bone : (B, H, W) float32 mm, or None
        Density times thickness of bone along every ray; see ``bone_thickness``.
    bone_depth : (B, H, W) float32 mm, or None
        Mean depth of that bone; NaN where there is less than ``LEAST_BONE_MM``.
    """

    front: Array
    back: Array
    field_of_view: Array
    origin: Array
    spacing: Array
    points: Array
    bone: Array | None = None
    bone_depth: Array | None = None


def to_view(points: Array, lateral: bool) -> Array:
    """RAS mm (..., 3) to (column mm, row mm, depth mm): see ``view.ViewGeometry`` for the axes."""
    right, anterior, superior = points[..., 0], points[..., 1], points[..., 2]
    first, depth = (-anterior, right) if lateral else (-right, -anterior)
    return np.stack([first, -superior, depth], axis=-1)
