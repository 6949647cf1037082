"""Orthographic silhouettes and depth maps of triangle surfaces, a batch at a time, on the CPU."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.imaging.voxel_loops import compiled, in_slabs
from LandmarkDetectionLib.typing import Array


def rasterise(
    vertices: Array,
    faces: Array,
    lateral: bool,
    origin: Array,
    spacing: Array,
    near: Array,
    far: Array,
    shape: tuple[int, int],
) -> tuple[Array, Array]:
    """Depth of the first and last surface along every pixel's ray.

    Parameters
    ----------
    vertices : (B, V, 3) float32
        RAS mm.
    faces : (F, 3) int32
        Triangles of a closed surface, consistently oriented.
    lateral : bool
        Seen from the patient's left (columns run posterior, depth to the right) instead of from the front
        (columns run left, depth posterior); rows run inferior in both.
    origin, spacing : (B, 2) float32
        Column and row mm of the centre of pixel (0, 0), and mm per pixel.
    near, far : (B,) float32
        Depth range that was scanned; material outside it does not count, also where a cut goes through the
        body.

    Returns
    -------
    front, back : (B, rows, columns) float32
        Depth in mm of the first and last surface; +inf and -inf where the ray misses the body.
    """
    front = np.empty((len(vertices), *shape), np.float32)
    back = np.empty_like(front)
    in_slabs(
        lambda *slab: _rasterise(vertices, faces, lateral, origin, spacing, near, far, front, back, *slab),
        len(front),
    )
    return front, back


@compiled
def _rasterise(vertices, faces, lateral, origin, spacing, near, far, front, back, start, stop):  # type: ignore[no-untyped-def]
    rows, columns = front.shape[1:]
    points = np.empty((vertices.shape[1], 3), np.float32)  # column px, row px, depth mm
    # First and last pixel centre that a triangle with this corner may hold: column, row, column, row.
    bounds = np.empty((vertices.shape[1], 4), np.int32)
    for b in range(start, stop):
        before = np.zeros((rows, columns), np.int8)  # surfaces entered minus left before `near`
        after = np.zeros((rows, columns), np.int8)  # the same beyond `far`
        front[b], back[b] = np.inf, -np.inf
        _project(vertices[b], lateral, origin[b], spacing[b], points, bounds)
        _draw(faces, points, bounds, near[b], far[b], before, after, front[b], back[b])
        _cut(before, after, near[b], far[b], front[b], back[b])


@compiled
def _project(vertices, lateral, origin, spacing, points, bounds):  # type: ignore[no-untyped-def]
    for v in range(vertices.shape[0]):
        right, anterior, superior = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        x = ((-anterior if lateral else -right) - origin[0]) / spacing[0]
        y = (-superior - origin[1]) / spacing[1]
        points[v, 0], points[v, 1], points[v, 2] = x, y, right if lateral else -anterior
        bounds[v, 0], bounds[v, 1], bounds[v, 2], bounds[v, 3] = (
            np.ceil(x),
            np.ceil(y),
            np.floor(x),
            np.floor(y),
        )


@compiled
def _draw(faces, points, bounds, near, far, before, after, front, back):  # type: ignore[no-untyped-def]
    rows, columns = front.shape
    zero, one = np.float32(0), np.float32(1)
    for f in range(faces.shape[0]):
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        # Most triangles are smaller than a pixel and hold no pixel centre: leave as early as possible.
        top = max(0, min(bounds[i0, 1], bounds[i1, 1], bounds[i2, 1]))
        bottom = min(rows - 1, max(bounds[i0, 3], bounds[i1, 3], bounds[i2, 3]))
        if top > bottom:
            continue
        left = max(0, min(bounds[i0, 0], bounds[i1, 0], bounds[i2, 0]))
        right = min(columns - 1, max(bounds[i0, 2], bounds[i1, 2], bounds[i2, 2]))
        if left > right:
            continue
        x0, y0, z0 = points[i0, 0], points[i0, 1], points[i0, 2]
        x1, y1, z1 = points[i1, 0], points[i1, 1], points[i1, 2]
        x2, y2, z2 = points[i2, 0], points[i2, 1], points[i2, 2]
        ax, ay, bx, by = x1 - x0, y1 - y0, x2 - x0, y2 - y0
        area = ax * by - bx * ay
        if area == 0:
            continue
        inverse = np.float32(1.0) / area
        # Barycentric weights are linear in column and row; so is the depth.
        u_column, u_row = by * inverse, -bx * inverse
        v_column, v_row = -ay * inverse, ax * inverse
        dz1, dz2 = z1 - z0, z2 - z0
        step = np.int8(1) if area > 0 else np.int8(-1)
        for r in range(top, bottom + 1):
            dy = np.float32(r) - y0
            for c in range(left, right + 1):
                dx = np.float32(c) - x0
                u = dx * u_column + dy * u_row
                v = dx * v_column + dy * v_row
                if u < zero or v < zero or u + v > one:
                    continue
                z = z0 + u * dz1 + v * dz2
                if z < near:
                    before[r, c] += step
                elif z > far:
                    after[r, c] += step
                else:
                    front[r, c], back[r, c] = min(front[r, c], z), max(back[r, c], z)


@compiled
def _cut(before, after, near, far, front, back):  # type: ignore[no-untyped-def]
    """A ray that is inside the body where the scan begins or ends meets the cut there."""
    for r in range(front.shape[0]):
        for c in range(front.shape[1]):
            if before[r, c] != 0:
                front[r, c], back[r, c] = near, max(back[r, c], near)
            if after[r, c] != 0:
                front[r, c], back[r, c] = min(front[r, c], far), far


def visible_extent(vertices: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Smallest box around the vertices (B, V, 3) inside a box (B, 3), or that box where there is none."""
    start, end = np.empty((len(vertices), 3), np.float32), np.empty((len(vertices), 3), np.float32)
    in_slabs(lambda *slab: _visible_extent(vertices, low, high, start, end, *slab), len(vertices))
    return start, end


@compiled
def _visible_extent(vertices, low, high, start, end, first, last):  # type: ignore[no-untyped-def]
    for b in range(first, last):
        start[b], end[b] = np.inf, -np.inf
        for v in range(vertices.shape[1]):
            inside = True
            for axis in range(3):
                inside &= low[b, axis] <= vertices[b, v, axis] <= high[b, axis]
            if inside:
                for axis in range(3):
                    start[b, axis] = min(start[b, axis], vertices[b, v, axis])
                    end[b, axis] = max(end[b, axis], vertices[b, v, axis])
        if start[b, 0] > end[b, 0]:
            start[b], end[b] = low[b], high[b]
