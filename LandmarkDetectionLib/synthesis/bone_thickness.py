"""How much bone every ray passes, exactly: signed sums over closed surfaces, a batch at a time, on the CPU.

A ray enters a closed surface where it faces the viewer and leaves it where it faces away, so the sum of the
depths at which it leaves minus those at which it enters is the thickness, and half the same sum of squares is
the first moment, whatever the order of the triangles. Depths are clamped to a slab, which gives thickness and
moment inside the slab alone. Triangles are drawn by exact integer edge functions with the top-left rule: each
pixel centre belongs to exactly one of two neighbours, and no surface leaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.imaging.voxel_loops import compiled, in_slabs
from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class Surfaces:
    """Closed surfaces that own consecutive vertices and faces.

    Attributes
    ----------
    faces : (F, 3) int32
        Triangles, outward orientation.
    vertex_start, face_start : (S + 1,) int64
        Surface s owns the rows from start s to start s + 1.
    """

    faces: Array
    vertex_start: Array
    face_start: Array


def bone_thickness(
    points: Array,
    surfaces: Surfaces,
    density: Array,
    lateral: bool,
    origin: Array,
    spacing: Array,
    near: Array,
    far: Array,
    shape: tuple[int, int],
    subset: Array | None = None,
) -> tuple[Array, Array]:
    """Thickness times density along every ray, and its first moment.

    Parameters
    ----------
    points : (B, N, 3) float32
        RAS mm; the vertices of the surfaces are the first of them.
    surfaces : Surfaces
    density : (B, S) float32
        Of every surface; negative for the walls of cavities.
    lateral : bool
        The view, as in ``rasterise``.
    origin, spacing : (B', 2) float32
        Column and row mm of pixel (0, 0)'s centre, and mm per pixel.
    near, far : (B',) float32
        The slab, in mm of depth.
    shape : (rows, columns)
    subset : (B',) int, optional
        Which body each picture shows; picture n shows body n when None.

    Returns
    -------
    thickness : (B', rows, columns) float32 mm
        0 where there is no bone.
    moment : (B', rows, columns) float32 mm2
        Integral of density times depth beyond ``near``.
    """
    body = np.arange(len(origin)) if subset is None else np.asarray(subset)
    thickness = np.zeros((len(origin), *shape), np.float32)
    moment = np.zeros_like(thickness)
    arrays = (surfaces.faces, surfaces.vertex_start, surfaces.face_start)
    in_slabs(
        lambda *slab: _bone_thickness(
            points, *arrays, density, lateral, origin, spacing, near, far, body, thickness, moment, *slab
        ),
        len(origin),
    )
    return thickness, moment


@compiled
def _bone_thickness(  # type: ignore[no-untyped-def]
    points,
    faces,
    vertex_start,
    face_start,
    density,
    lateral,
    origin,
    spacing,
    near,
    far,
    body,
    thickness,
    moment,
    start,
    stop,
):
    rows, columns = thickness.shape[1:]
    count = vertex_start[-1]
    x = np.empty(count, np.int64)
    y = np.empty(count, np.int64)
    z = np.empty(count, np.float32)
    for n in range(start, stop):
        b = body[n]
        depth = far[n] - near[n]
        for s in range(len(vertex_start) - 1):
            weight = density[b, s]
            if weight == 0:
                continue
            left, right = columns << 8, np.int64(-1)
            top, bottom, deepest = rows << 8, np.int64(-1), np.float32(-1)
            for v in range(vertex_start[s], vertex_start[s + 1]):
                r, a, i = points[b, v, 0], points[b, v, 1], points[b, v, 2]
                x[v] = np.int64(
                    np.floor((((-a if lateral else -r) - origin[n, 0]) / spacing[n, 0]) * 256 + 0.5)
                )
                y[v] = np.int64(np.floor(((-i - origin[n, 1]) / spacing[n, 1]) * 256 + 0.5))
                z[v] = min(max((r if lateral else -a) - near[n], np.float32(-1e4)), np.float32(1e4))
                left, right = min(left, x[v]), max(right, x[v])
                top, bottom = min(top, y[v]), max(bottom, y[v])
                deepest = max(deepest, z[v])
            seen = right >= 0 and bottom >= 0 and left < (columns << 8) and top < (rows << 8)
            if seen and deepest > 0:
                _draw(
                    faces, face_start[s], face_start[s + 1], x, y, z, weight, depth, thickness[n], moment[n]
                )


@compiled
def _draw(faces, first, last, x, y, z, weight, depth, thickness, moment):  # type: ignore[no-untyped-def]
    """Add one surface to a picture."""
    rows, columns = thickness.shape
    for f in range(first, last):
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        y0, y1, y2 = y[i0], y[i1], y[i2]
        top = max(0, -((-min(y0, y1, y2)) >> 8))
        bottom = min(rows - 1, max(y0, y1, y2) >> 8)
        if top > bottom:
            continue
        x0, x1, x2 = x[i0], x[i1], x[i2]
        left = max(0, -((-min(x0, x1, x2)) >> 8))
        right = min(columns - 1, max(x0, x1, x2) >> 8)
        if left > right:
            continue
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0:
            continue
        # Signed so that leaving (facing away from the viewer) counts positive.
        sign = np.float32(weight)
        if area < 0:
            i1, i2 = i2, i1
            x1, x2, y1, y2 = x2, x1, y2, y1
            area = -area
            sign = -sign
        # Edges that own their pixels: the top and the left ones.
        own0 = 0 if ((y2 == y1 and x2 > x1) or y2 < y1) else -1
        own1 = 0 if ((y0 == y2 and x0 > x2) or y0 < y2) else -1
        own2 = 0 if ((y1 == y0 and x1 > x0) or y1 < y0) else -1
        z0, z1, z2 = z[i0], z[i1], z[i2]
        inverse = np.float32(1.0) / np.float32(area)
        for r in range(top, bottom + 1):
            py = np.int64(r) << 8
            for c in range(left, right + 1):
                px = np.int64(c) << 8
                e0 = (x2 - x1) * (py - y1) - (y2 - y1) * (px - x1)
                e1 = (x0 - x2) * (py - y2) - (y0 - y2) * (px - x2)
                e2 = (x1 - x0) * (py - y0) - (y1 - y0) * (px - x0)
                if e0 + own0 < 0 or e1 + own1 < 0 or e2 + own2 < 0:
                    continue
                at = (np.float32(e0) * z0 + np.float32(e1) * z1 + np.float32(e2) * z2) * inverse
                at = min(max(at, np.float32(0)), depth)
                thickness[r, c] += sign * at
                moment[r, c] += sign * np.float32(0.5) * at * at


def projected_thickness(points: Array, surfaces: Surfaces, density: Array, shape: tuple[int, int]) -> Array:
    """Density times length inside surfaces that were projected already, in parallel or in perspective.

    Parameters
    ----------
    points : (B, N, 3) float32
        Column px, row px, depth mm away from the source; the vertices of the surfaces are the first of them.
    surfaces : Surfaces
    density : (B, S) float32
        Of every surface, per mm; negative for the walls of cavities.
    shape : (rows, columns)

    Returns
    -------
    (B, rows, columns) float32
        Along the depth; a ray at an angle to it is longer by the angle's secant.
    """
    total = np.zeros((len(points), *shape), np.float32)
    arrays = (surfaces.faces, surfaces.vertex_start, surfaces.face_start)
    in_slabs(lambda *slab: _projected(points, *arrays, density, total, *slab), len(points))
    return total


@compiled
def _projected(  # type: ignore[no-untyped-def]
    points, faces, vertex_start, face_start, density, total, start, stop
):
    rows, columns = total.shape[1:]
    count = vertex_start[-1]
    x = np.empty(count, np.int64)
    y = np.empty(count, np.int64)
    z = np.empty(count, np.float32)
    moment = np.empty((rows, columns), np.float32)
    for n in range(start, stop):
        nearest = np.float32(1e9)
        for v in range(count):
            x[v] = np.int64(np.floor(points[n, v, 0] * 256 + 0.5))
            y[v] = np.int64(np.floor(points[n, v, 1] * 256 + 0.5))
            z[v] = points[n, v, 2]
            nearest = min(nearest, z[v])
        for v in range(count):
            z[v] -= nearest
        for s in range(len(vertex_start) - 1):
            if density[n, s] != 0:
                weight = density[n, s]
                _draw(
                    faces,
                    face_start[s],
                    face_start[s + 1],
                    x,
                    y,
                    z,
                    weight,
                    np.float32(1e9),
                    total[n],
                    moment,
                )
