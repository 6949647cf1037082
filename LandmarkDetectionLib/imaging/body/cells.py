"""From voxels on any axes to cells in patient axes, where a body is isolated and looked at.

Arrays of cells are in the order (S, A, R), every axis running the way a reader looks at the coronal view: s
to the feet, a to the back, r to the patient's left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging import voxel_loops
from LandmarkDetectionLib.imaging.view import ViewGeometry

#: Cells on which the body is isolated, in mm.
CELL_MM = 2.5

#: Of a grid's cells those that something covers, along s, a and r.
Window = tuple[slice, slice, slice]


@dataclass(frozen=True)
class ScannedBox:
    """The box of all voxels of a volume.

    Attributes
    ----------
    ijk_to_ras
        From voxel indices to RAS mm.
    size
        Voxels along (i, j, k).
    """

    ijk_to_ras: Affine
    size: tuple[int, ...]

    def seen_in(
        self, geometry: ViewGeometry, nearest_mm: float = -np.inf, farthest_mm: float = np.inf
    ) -> np.ndarray:
        """Pixels (H, W) bool whose ray meets the box, between two depths along the ray."""
        height, width = geometry.shape
        to_ijk = self.ijk_to_ras.inverse
        if np.isfinite([nearest_mm, farthest_mm]).all():
            ends = [(0, width - 1), (0, height - 1), (nearest_mm, farthest_mm)]
            corners = to_ijk.apply(geometry.to_ras(np.stack(np.meshgrid(*ends), -1).reshape(-1, 3)))
            if (corners > -0.5).all() and (corners < np.array(self.size) - 0.5).all():
                return np.ones((height, width), bool)  # what lies between them is in the box, too
        row, column = np.mgrid[:height, :width]
        points = geometry.to_ras(np.stack([column, row, np.zeros_like(row)], -1).reshape(-1, 3))
        start = to_ijk.apply(points)
        step = to_ijk.linear @ geometry.depth_axis
        enter, leave = np.full(len(start), nearest_mm), np.full(len(start), farthest_mm)
        inside = np.ones(len(start), bool)
        for axis, size in enumerate(self.size):
            if abs(step[axis]) < 1e-9:
                inside &= (start[:, axis] >= -0.5) & (start[:, axis] <= size - 0.5)
                continue
            near, far = sorted(
                [(-0.5 - start[:, axis]) / step[axis], (size - 0.5 - start[:, axis]) / step[axis]],
                key=lambda t: t[0],
            )
            enter, leave = np.maximum(enter, near), np.minimum(leave, far)
        return (inside & (enter < leave)).reshape(height, width)

    def depth_of(self, points: np.ndarray) -> np.ndarray:
        """Distances (N,) mm of points (N, 3) RAS mm from the nearest face along the voxels' axes.

        Negative beyond a face.
        """
        ijk = self.ijk_to_ras.inverse.apply(points)
        along = np.minimum(ijk + 0.5, np.array(self.size) - 0.5 - ijk)
        return np.asarray((along * np.linalg.norm(self.ijk_to_ras.linear, axis=0)).min(axis=1))


@dataclass(frozen=True)
class BodyCells:
    """The body in cells of patient axes, so that any slab of it can be looked at.

    Attributes
    ----------
    bone
        (S, A, R) uint8, bone density times 255, 0 off the body; None where the scan has no CT numbers.
    body
        (S, A, R) uint8, 1 in the body, air that it encloses included.
    corner
        (3,) RAS mm, the right anterior superior corner of the first cell.
    cell
        Length of a cell's edges in mm.
    scanned
        What was scanned.
    """

    bone: np.ndarray | None
    body: np.ndarray
    corner: np.ndarray
    cell: float
    scanned: ScannedBox


@dataclass(frozen=True)
class CellGrid:
    """Cells in patient axes over a volume, and the pixels that they make up.

    Attributes
    ----------
    corner
        (3,) RAS mm, the right anterior superior corner of the first cell.
    cell, pixel
        Edges in mm.
    shape
        Cells along (s, a, r), multiples of ``parts``.
    """

    corner: np.ndarray
    cell: float
    pixel: float
    shape: tuple[int, int, int]

    @property
    def parts(self) -> int:
        """Cells per pixel along one axis."""
        return round(self.pixel / self.cell)

    def view_geometries(self) -> tuple[ViewGeometry, ViewGeometry]:
        """Of the coronal and the lateral view."""
        x, y, z = self.corner
        s, a, r = (n // self.parts for n in self.shape)
        half, spacing = self.pixel / 2, (self.pixel, self.pixel)
        right, anterior, superior = np.eye(3)
        coronal = ViewGeometry(
            np.array([x - half, y, z - half]), -right, -superior, -anterior, spacing, (s, r)
        )
        left = x - self.shape[2] * self.cell
        lateral = ViewGeometry(
            np.array([left, y - half, z - half]), -anterior, -superior, right, spacing, (s, a)
        )
        return coronal, lateral

    def corner_of(self, window: Window) -> np.ndarray:
        """(3,) RAS mm, the right anterior superior corner of a window's first cell."""
        return np.asarray(self.corner - self.cell * np.array([part.start for part in window])[::-1])


def grid_around(volume: Volume, pixel_mm: float, cell_mm: float) -> CellGrid:
    """Grid over the whole volume; its corner is a multiple of the pixel, so that crops share a lattice."""
    size = np.array(volume.size, float)
    corners = volume.ijk_to_ras_points(box_corners(np.full(3, -0.5), size - 0.5))
    top = np.ceil(corners.max(axis=0) / pixel_mm - 1e-4) * pixel_mm
    pixels = np.maximum(1, np.ceil((top - corners.min(axis=0)) / pixel_mm - 1e-4)).astype(int)
    parts = max(1, int(np.ceil(pixel_mm / cell_mm - 1e-6)))
    r, a, s = (int(n) * parts for n in pixels)
    return CellGrid(top, pixel_mm / parts, pixel_mm, (s, a, r))


def block_size(step_mm: float, count: int, cell_mm: float) -> int:
    """How many of ``count`` voxels along an axis go into a block of about a cell."""
    return max(1, min(int(cell_mm / step_mm + 0.1), count))


def block_means(volume: Volume, low: float, high: float, cell_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Voxels as shares of the way from ``low`` to ``high``, averaged up to about the size of a cell.

    Returns
    -------
    means
        (K', J', I') uint8, 0 at ``low`` and below, 255 at ``high`` and above, on the volume's own axes in the
        order of its memory.
    to_ras
        (4, 4), from (k', j', i') to RAS mm.
    """
    order = sorted(range(3), key=lambda n: -abs(volume.voxels.strides[n]))
    voxels = _native(volume.voxels.transpose(order))
    kji_to_ras = np.array(volume.ijk_to_ras, float)
    kji_to_ras[:, :3] = kji_to_ras[:, [2 - n for n in order]]  # columns now follow the array's axes
    spacing = np.linalg.norm(kji_to_ras[:3, :3], axis=0)
    factors = tuple(
        block_size(float(step), n, cell_mm) for step, n in zip(spacing, voxels.shape, strict=True)
    )
    shape = tuple(-(-n // factor) for n, factor in zip(voxels.shape, factors, strict=True))
    start, scale = np.float32(low), np.float32(255.0 / (high - low))
    out = np.empty(shape, np.uint8)
    voxel_loops.in_slabs(
        lambda i, j: voxel_loops.occupancy_blocks(voxels, start, scale, factors, out, i, j), shape[0]
    )
    scale_up = np.eye(4)
    scale_up[:3, :3] = np.diag(factors)
    scale_up[:3, 3] = [(factor - 1) / 2 for factor in factors]
    return out, kji_to_ras @ scale_up


def marked_blocks(source: np.ndarray, level: int) -> np.ndarray:
    """Flags of the blocks of 4 x 4 x 4 voxels that hold one of at least ``level``."""
    blocks = np.zeros([-(-n // 4) for n in source.shape], np.uint8)
    voxel_loops.in_slabs(
        lambda i, j: voxel_loops.occupied_blocks(source, np.uint8(level), blocks, i, j), blocks.shape[0]
    )
    return blocks


def window_around(blocks: np.ndarray, source_to_ras: np.ndarray, grid: CellGrid) -> Window:
    """The cells around the marked blocks, with a border of air where there is room."""
    centres = np.argwhere(blocks) * 4 + 1.5
    cells = (grid.corner - centres @ source_to_ras[:3, :3].T - source_to_ras[:3, 3]) / grid.cell  # r, a, s
    reach = (
        np.abs(source_to_ras[:3, :3]).sum(axis=1) * 3 / grid.cell + 2
    )  # half a block and a voxel around it
    low, high = np.floor(cells.min(axis=0) - reach)[::-1], np.ceil(cells.max(axis=0) + reach)[::-1]
    limits = zip(low, high, grid.shape, strict=True)
    window = [slice(int(max(0, first)), int(min(n, last))) for first, last, n in limits]
    return window[0], window[1], window[2]


def resampled(
    source: np.ndarray, blocks: np.ndarray, source_to_ras: np.ndarray, grid: CellGrid, window: Window
) -> np.ndarray:
    """Values (S, A, R) uint8 on the window's cells, interpolated; 0 away from marked blocks."""
    shape = tuple(part.stop - part.start for part in window)
    out = np.empty(shape, np.uint8)
    # From cells (s, a, r) of the window to source indices.
    cells_to_ras = np.zeros((4, 4))
    cells_to_ras[[2, 1, 0], [0, 1, 2]] = -grid.cell
    cells_to_ras[:3, 3] = grid.corner_of(window) - grid.cell / 2
    cells_to_ras[3, 3] = 1
    cells_to_source = Affine(source_to_ras).inverse @ Affine(cells_to_ras)
    linear, origin = cells_to_source.linear, cells_to_source.shift
    axes = np.abs(linear).argmax(axis=0)  # source axis that s, a and r run along
    aligned = linear[axes, range(3)]
    off_axis = np.abs(linear)
    off_axis[axes, range(3)] = 0
    if len(set(axes)) == 3 and (off_axis @ np.array(shape)).max() < 0.1:
        index, weight = [], []
        for target, axis in enumerate(axes):
            position = origin[axis] + aligned[target] * np.arange(shape[target])
            clipped = np.clip(position, 0, source.shape[axis] - 1)
            whole = np.floor(clipped).astype(np.int32)
            weight.append(((clipped - whole) * 128).astype(np.int32))
            outside = (position < -0.5) | (position > source.shape[axis] - 0.5)
            index.append(np.where(outside, -1, whole).astype(np.int32))
        turned = np.ascontiguousarray(source.transpose(axes))
        voxel_loops.in_slabs(
            lambda i, j: voxel_loops.sample_aligned(turned, tuple(index), tuple(weight), out, i, j), shape[0]
        )
    else:
        worth = np.empty_like(blocks)
        voxel_loops.neighbourhood(blocks, worth, True, 0, blocks.shape[0])
        steps = [np.ascontiguousarray(linear[:, n]) for n in range(3)]
        voxel_loops.in_slabs(
            lambda i, j: voxel_loops.sample_oblique(
                source, worth, origin + i * steps[0], *steps, out[i:j], 0, j - i
            ),
            shape[0],
        )
    return out


def _native(voxels: np.ndarray) -> np.ndarray:
    """Bool as bytes; foreign byte order and half floats converted, the only cases that cost a copy."""
    if voxels.dtype == np.bool_:
        return voxels.view(np.uint8)
    if voxels.dtype == np.float16 or voxels.dtype == np.longdouble:
        return voxels.astype(np.float32)
    return voxels if voxels.dtype.isnative else voxels.astype(voxels.dtype.newbyteorder("="))


def box_corners(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(8, 3) corners of a box."""
    pick = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), -1).reshape(-1, 3)
    return np.where(pick, high, low)
