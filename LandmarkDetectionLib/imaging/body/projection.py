"""From a volume to what a camera would see of the body: silhouette, depths and thickness from two sides.

All positions are RAS mm. The coronal view looks from the front: columns run to the patient's left, rows to
the feet, depth to the back. The lateral view looks from the patient's left: columns run to the back, rows to
the feet, depth to the patient's right. Both share their rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, NoBodyError
from LandmarkDetectionLib.imaging import voxel_loops
from LandmarkDetectionLib.imaging.body.mask import AirThreshold, estimate_air_threshold, isolate_body
from LandmarkDetectionLib.imaging.view import View, ViewGeometry

#: Neighbouring voxels of a volume that is less correlated than this are noise.
NOISE_COHERENCE = 0.15
#: Otsu's separation of a single Gaussian is 0.64: no background and object to tell apart.
LEAST_SEPARATION = 0.66
#: Cells on which the body is isolated, in mm.
CELL_MM = 2.5
#: Cells and pixels of the preview, in mm.
PREVIEW_MM = 5.0
#: Grey of what the preview shows as removed.
REMOVED_TONE = 60


@dataclass(frozen=True)
class Projection:
    """Both views of one volume, the air threshold that was used and sentences worth showing.

    ``hounsfield_offset`` is what stored values exceed CT numbers by, None where they are none.
    """

    coronal: View
    lateral: View
    threshold: float
    notes: tuple[str, ...]
    hounsfield_offset: float | None = None


def _native(voxels: np.ndarray) -> np.ndarray:
    """Bool as bytes; foreign byte order and half floats converted, the only cases that cost a copy."""
    if voxels.dtype == np.bool_:
        return voxels.view(np.uint8)
    if voxels.dtype == np.float16 or voxels.dtype == np.longdouble:
        return voxels.astype(np.float32)
    return voxels if voxels.dtype.isnative else voxels.astype(voxels.dtype.newbyteorder("="))


# --- canonical views of a body ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Grid:
    """Cells in patient axes: s to the feet, a to the back, r to the left, from the corner (R, A, S)."""

    corner: np.ndarray  # (3,) RAS mm, right anterior superior corner of the first cell
    cell: float
    pixel: float
    shape: tuple[int, int, int]  # (S, A, R) cells, multiples of `parts`

    @property
    def parts(self) -> int:
        """Cells per pixel along one axis."""
        return round(self.pixel / self.cell)

    def view_geometries(self) -> tuple[ViewGeometry, ViewGeometry]:
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


def project_body(
    volume: Volume, pixel_mm: float = 5.0, threshold: float | None = None, remove_table: bool = True
) -> Projection:
    """Project the body in a volume along the patient's axes, whatever the volume's own axes are.

    Voxels become an occupancy between 0 and 255, half of it at the threshold; blocks of small voxels are
    averaged, larger ones interpolated, on cells of about 2.5 mm in patient axes. There the body is isolated
    (`mask.isolate_body`), and pixels, whose lattice is fixed in patient space, gather their cells.
    Depths are read between cells where the occupancy crosses one half.

    Parameters
    ----------
    volume
        CT or MR of a body or a part of one; not copied.
    pixel_mm
        Size of a pixel in mm.
    threshold
        Air threshold in stored units, estimated when None.
    remove_table
        Remove table, head rest and sheets; the body is isolated from separate objects in any case.

    Raises
    ------
    InputError
        When the volume is a single image.
    NoBodyError
        When nothing body-like is above the threshold.
    """
    air, source, source_to_ras = _occupied_source(volume, threshold, CELL_MM)
    grid = _grid_around(volume, pixel_mm, CELL_MM)
    occupancy, window = _on_grid(source, source_to_ras, grid)
    del source  # about half of the volume's own size
    mask = (occupancy >= 128).view(np.uint8)
    notes = list(
        isolate_body(
            mask,
            grid.cell,
            remove_table=remove_table,
            dark_bone=air.hounsfield_offset is None,
            name=volume.name or "The volume",
        )
    )
    if air.kind == "estimated":
        notes.append(f"air threshold estimated as {air.value:.4g}")
    coronal, lateral = _views(mask, occupancy, volume, grid, window)
    notes += _cut_sides(coronal, lateral)
    return Projection(coronal, lateral, air.value, tuple(notes), air.hounsfield_offset)


def silhouette_preview(volume: Volume, threshold: float | None = None) -> tuple[float, np.ndarray]:
    """What ``project_body`` would take for the body, seen from the front, drawn while a threshold is chosen.

    The volume is looked at coarsely, so that a slider can be followed; edges may lie a pixel elsewhere.

    Parameters
    ----------
    volume
        CT or MR of a body or a part of one.
    threshold
        Air threshold in stored units, estimated when None.

    Returns
    -------
    threshold
        The one that was used.
    picture
        (H, W) uint8, a pixel of 5 mm, columns to the patient's left and rows to the feet: 0 air, a dark tone
        what is removed (table, cushions, sheets), light tones the body, the lighter the nearer.

    Raises
    ------
    InputError, NoBodyError
        As ``project_body``.
    """
    air, source, source_to_ras = _occupied_source(_thinned(volume), threshold, PREVIEW_MM)
    grid = _grid_around(volume, PREVIEW_MM, PREVIEW_MM)
    occupancy, window = _on_grid(source, source_to_ras, grid)
    mask = (occupancy >= 128).view(np.uint8)
    everything = mask.any(axis=1)
    dark_bone = air.hounsfield_offset is None
    isolate_body(mask, grid.cell, dark_bone=dark_bone, name=volume.name or "The volume")
    body = mask.any(axis=1)
    picture = np.zeros((grid.shape[0], grid.shape[2]), np.uint8)
    shade = shaded(np.where(body, mask.argmax(axis=1), np.nan))
    picture[window[0], window[2]] = np.where(everything & ~body, REMOVED_TONE, shade)
    return air.value, picture


def shaded(front: np.ndarray) -> np.ndarray:
    """(H, W) uint8 picture of a depth map, NaN off the body: 0 is air, the body is the lighter the nearer."""
    body = np.isfinite(front)
    near, far = np.quantile(front[body], [0.02, 0.98])
    depth = np.clip((np.where(body, front, near) - near) / max(far - near, 1), 0, 1)
    return np.where(body, 255 - 105 * depth, 0).astype(np.uint8)


def _thinned(volume: Volume) -> Volume:
    """Every second, third, ... voxel, so that steps are at most the preview's pixels."""
    steps = [max(1, int(PREVIEW_MM / spacing + 1e-6)) for spacing in volume.spacing]
    matrix = volume.ijk_to_ras @ np.diag([*steps, 1.0])
    i, j, k = steps
    return replace(volume, voxels=np.ascontiguousarray(volume.voxels[::k, ::j, ::i]), ijk_to_ras=matrix)


def _occupied_source(
    volume: Volume, threshold: float | None, cell_mm: float
) -> tuple[AirThreshold, np.ndarray, np.ndarray]:
    """The air threshold, the occupancy on the volume's own axes and its kji-to-RAS matrix, or a refusal."""
    name = volume.name or "The volume"
    if min(volume.voxels.shape) < 2:
        raise InputError(f"{name} is a single image, not a volume; body detection needs a CT or MR volume.")
    air = estimate_air_threshold(volume, threshold)
    if air.kind == "constant":
        raise NoBodyError(f"{name} has the same value everywhere, so there is no body in it; check the file.")
    if air.kind == "given" and air.value <= air.air:
        raise NoBodyError(
            f"With the threshold {air.value:g} the air of {name} (about {air.air:g}) would count as body; "
            "give a higher threshold.",
            about="threshold",
        )
    source, source_to_ras = _occupancy(volume, air, cell_mm)
    if source.max() < 128:
        raise NoBodyError(
            f"{name} holds only air: no voxel is above the threshold {air.value:g}; "
            "check the file or give a lower threshold.",
            about="threshold",
        )
    if abs(air.coherence) < NOISE_COHERENCE or (
        air.kind == "estimated" and air.separation < LEAST_SEPARATION
    ):
        raise NoBodyError(f"{name} holds only noise or has no air around the body; check the file.")
    return air, source, source_to_ras


def _on_grid(
    source: np.ndarray, source_to_ras: np.ndarray, grid: _Grid
) -> tuple[np.ndarray, tuple[slice, slice, slice]]:
    """The occupancy on the grid's cells, and which of them it covers."""
    blocks = _occupied_blocks(source)
    window = _window_of(blocks, source_to_ras, grid)
    return _resample(source, blocks, source_to_ras, grid, window), window


def _occupancy(volume: Volume, air: AirThreshold, cell_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Occupancy (K', J', I') uint8, voxels averaged up to about the cell size, and its kji-to-RAS matrix."""
    voxels = volume.voxels
    order = sorted(range(3), key=lambda n: -abs(voxels.strides[n]))
    voxels = _native(voxels.transpose(order))
    kji_to_ras = np.array(volume.ijk_to_ras, float)
    kji_to_ras[:, :3] = kji_to_ras[:, [2 - n for n in order]]  # columns now follow the array's axes
    spacing = np.linalg.norm(kji_to_ras[:3, :3], axis=0)
    factors = tuple(
        max(1, min(int(cell_mm / step + 0.1), n)) for step, n in zip(spacing, voxels.shape, strict=True)
    )
    shape = tuple(-(-n // factor) for n, factor in zip(voxels.shape, factors, strict=True))
    # Symmetric about the threshold, so that averages and interpolations keep the surface in its place.
    half_width = air.value - air.air
    if half_width <= 0:
        half_width = max(abs(air.value) * 0.05, 1e-6)
    low, scale = np.float32(air.value - half_width), np.float32(255.0 / (2 * half_width))
    out = np.empty(shape, np.uint8)
    voxel_loops.in_slabs(
        lambda i, j: voxel_loops.occupancy_blocks(voxels, low, scale, factors, out, i, j), shape[0]
    )
    scale_up = np.eye(4)
    scale_up[:3, :3] = np.diag(factors)
    scale_up[:3, 3] = [(factor - 1) / 2 for factor in factors]
    return out, kji_to_ras @ scale_up


def _occupied_blocks(source: np.ndarray) -> np.ndarray:
    """Flags of the blocks of 4 x 4 x 4 voxels that hold an occupied one."""
    blocks = np.zeros([-(-n // 4) for n in source.shape], np.uint8)
    voxel_loops.in_slabs(
        lambda i, j: voxel_loops.occupied_blocks(source, np.uint8(128), blocks, i, j), blocks.shape[0]
    )
    return blocks


def _corners(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(8, 4) homogeneous corners of a box."""
    pick = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), -1).reshape(-1, 3)
    return np.c_[np.where(pick, high, low), np.ones(8)]


def _grid_around(volume: Volume, pixel_mm: float, cell_mm: float) -> _Grid:
    """Grid over the whole volume; its corner is a multiple of the pixel, so that crops share a lattice."""
    size = np.array(volume.voxels.shape[::-1], float)
    corners = (_corners(np.full(3, -0.5), size - 0.5) @ np.asarray(volume.ijk_to_ras, float).T)[:, :3]
    top = np.ceil(corners.max(axis=0) / pixel_mm - 1e-4) * pixel_mm
    pixels = np.maximum(1, np.ceil((top - corners.min(axis=0)) / pixel_mm - 1e-4)).astype(int)
    parts = max(1, int(np.ceil(pixel_mm / cell_mm - 1e-6)))
    r, a, s = (int(n) * parts for n in pixels)
    return _Grid(top, pixel_mm / parts, pixel_mm, (s, a, r))


def _window_of(blocks: np.ndarray, source_to_ras: np.ndarray, grid: _Grid) -> tuple[slice, slice, slice]:
    """The cells around the occupied blocks, with a border of air where there is room."""
    centres = np.argwhere(blocks) * 4 + 1.5
    cells = (grid.corner - centres @ source_to_ras[:3, :3].T - source_to_ras[:3, 3]) / grid.cell  # r, a, s
    reach = (
        np.abs(source_to_ras[:3, :3]).sum(axis=1) * 3 / grid.cell + 2
    )  # half a block and a voxel around it
    low, high = np.floor(cells.min(axis=0) - reach)[::-1], np.ceil(cells.max(axis=0) + reach)[::-1]
    limits = zip(low, high, grid.shape, strict=True)
    window = [slice(int(max(0, first)), int(min(n, last))) for first, last, n in limits]
    return window[0], window[1], window[2]


def _resample(
    source: np.ndarray,
    blocks: np.ndarray,
    source_to_ras: np.ndarray,
    grid: _Grid,
    window: tuple[slice, slice, slice],
) -> np.ndarray:
    """Occupancy (S, A, R) uint8 on the window's cells."""
    shape = tuple(part.stop - part.start for part in window)
    out = np.empty(shape, np.uint8)
    # From cells (s, a, r) of the window to source indices.
    cells_to_ras = np.zeros((4, 4))
    cells_to_ras[[2, 1, 0], [0, 1, 2]] = -grid.cell
    starts = np.array([part.start for part in window]) + 0.5
    cells_to_ras[:3, 3] = grid.corner - starts[::-1] * grid.cell
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
                source, blocks, origin + i * steps[0], *steps, out[i:j], 0, j - i
            ),
            shape[0],
        )
    return out


def _views(
    mask: np.ndarray, occupancy: np.ndarray, volume: Volume, grid: _Grid, window: tuple[slice, slice, slice]
) -> tuple[View, View]:
    coronal_geometry, lateral_geometry = grid.view_geometries()
    planes, rows, columns = mask.shape
    s, a, r = window

    def rays(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.int32)

    front, back, count = rays((planes, columns))
    voxel_loops.in_slabs(
        lambda i, j: voxel_loops.rays_along_a(mask, occupancy, front, back, count, i, j), planes
    )
    offset = a.start + 0.5
    coronal = _gather(front + offset, back + offset, count, (s, r), grid, volume, coronal_geometry)

    low, high, count = rays((planes, rows))
    voxel_loops.in_slabs(
        lambda i, j: voxel_loops.rays_along_r(mask, occupancy, low, high, count, i, j), planes
    )
    offset = grid.shape[2] - r.start - 0.5  # the lateral view looks from the left: against r
    lateral = _gather(offset - high, offset - low, count, (s, a), grid, volume, lateral_geometry)
    return coronal, lateral


def _gather(
    front: np.ndarray,
    back: np.ndarray,
    count: np.ndarray,
    window: tuple[slice, slice],
    grid: _Grid,
    volume: Volume,
    geometry: ViewGeometry,
) -> View:
    """Average the rays of cells (in cells, valid where count > 0) to pixels."""
    height, width, parts = *geometry.shape, grid.parts
    hit = count > 0

    def pixel_sum(values: np.ndarray) -> np.ndarray:
        full = np.zeros((height * parts, width * parts), np.float32)
        full[window] = np.where(hit, values, 0)
        return full.reshape(height, parts, width, parts).sum(axis=(1, 3))

    hits = pixel_sum(np.ones_like(front))
    silhouette = hits * 2 >= parts * parts

    def mean(values: np.ndarray, empty: float) -> np.ndarray:
        return np.where(silhouette, pixel_sum(values) * grid.cell / np.maximum(hits, 1), empty).astype(
            np.float32
        )

    return View(
        silhouette=silhouette,
        front=mean(front, np.nan),
        back=mean(back, np.nan),
        thickness=mean(count.astype(np.float32), 0),
        field_of_view=_rays_through(volume, geometry) | silhouette,
        geometry=geometry,
    )


def _rays_through(volume: Volume, geometry: ViewGeometry) -> np.ndarray:
    """(H, W) bool: the ray through the pixel's centre meets the box of all voxels."""
    height, width = geometry.shape
    row, column = np.mgrid[:height, :width]
    points = geometry.to_ras(np.stack([column, row, np.zeros_like(row)], -1).reshape(-1, 3))
    to_ijk = volume.affine.inverse
    start = to_ijk.apply(points)
    step = to_ijk.linear @ geometry.depth_axis
    enter, leave = np.full(len(start), -np.inf), np.full(len(start), np.inf)
    inside = np.ones(len(start), bool)
    for axis, size in enumerate(volume.voxels.shape[::-1]):
        if abs(step[axis]) < 1e-9:
            inside &= (start[:, axis] >= -0.5) & (start[:, axis] <= size - 0.5)
            continue
        near, far = sorted(
            [(-0.5 - start[:, axis]) / step[axis], (size - 0.5 - start[:, axis]) / step[axis]],
            key=lambda t: t[0],
        )
        enter, leave = np.maximum(enter, near), np.minimum(leave, far)
    return (inside & (enter < leave)).reshape(height, width)


def _cut_sides(coronal: View, lateral: View) -> list[str]:
    """Name the sides on which the body reaches the end of the scan."""
    sides = []
    for view, names in (
        (coronal, ("superior", "inferior", "right", "left")),
        (lateral, ("", "", "anterior", "posterior")),
    ):
        scanned, body = np.pad(view.field_of_view, 1), np.pad(view.silhouette, 1)
        for name, (rows, columns) in zip(names, ((1, 0), (-1, 0), (0, 1), (0, -1)), strict=True):
            if name and np.count_nonzero(body & ~np.roll(scanned, (rows, columns), (0, 1))) >= 2:
                sides.append(name)
    return [f"the body reaches the {', '.join(sides)} end of the scan"] if sides else []
