"""From a volume to what a camera would see of the body and its bones from two sides.

All positions are RAS mm. The coronal view looks from the front: columns run to the patient's left, rows to
the feet, depth to the back. The lateral view looks from the patient's left: columns run to the back, rows to
the feet, depth to the patient's right. Both share their rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, NoBodyError
from LandmarkDetectionLib.imaging import voxel_loops
from LandmarkDetectionLib.imaging.body.bone import LEAST_BONE_MM, bone_cells, bone_rays
from LandmarkDetectionLib.imaging.body.cells import (
    CELL_MM,
    BodyCells,
    CellGrid,
    ScannedBox,
    Window,
    block_means,
    grid_around,
    marked_blocks,
    resampled,
    window_around,
)
from LandmarkDetectionLib.imaging.body.mask import AirThreshold, estimate_air_threshold, isolate_body
from LandmarkDetectionLib.imaging.view import View, ViewGeometry

#: Neighbouring voxels of a volume that is less correlated than this are noise.
NOISE_COHERENCE = 0.15
#: Otsu's separation of a single Gaussian is 0.64: no background and object to tell apart.
LEAST_SEPARATION = 0.66
#: Cells and pixels of the preview, in mm.
PREVIEW_MM = 5.0
#: Grey of what the preview shows as removed.
REMOVED_TONE = 60


@dataclass(frozen=True)
class Projection:
    """Both views of one volume, the air threshold that was used and sentences worth showing.

    ``hounsfield_offset`` is what stored values exceed CT numbers by, None where they are none. ``cells`` is
    what the views were made from.
    """

    coronal: View
    lateral: View
    threshold: float
    notes: tuple[str, ...]
    hounsfield_offset: float | None = None
    cells: BodyCells | None = None


def project_body(
    volume: Volume,
    pixel_mm: float = 5.0,
    threshold: float | None = None,
    remove_table: bool = True,
    bones: bool = False,
) -> Projection:
    """Project the body in a volume along the patient's axes, whatever the volume's own axes are.

    Voxels become an occupancy between 0 and 255, half of it at the threshold; blocks of small voxels are
    averaged, larger ones interpolated, on cells of about 2.5 mm in patient axes. There the body is isolated
    (`mask.isolate_body`), and pixels, whose lattice is fixed in patient space, gather their cells.
    Depths are read between cells where the occupancy crosses one half. The body's bone density
    (`body.bone`) is gathered in the same way where it is asked for and the volume has CT numbers.

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
    bones
        Look at the bones as well, which reads the voxels once more, and keep the cells for close looks.

    Raises
    ------
    InputError
        When the volume is a single image.
    NoBodyError
        When nothing body-like is above the threshold.
    """
    air, source, source_to_ras = _occupied_source(volume, threshold, CELL_MM)
    grid = grid_around(volume, pixel_mm, CELL_MM)
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
    scanned = ScannedBox(volume.affine, volume.size)
    coronal, lateral = _views(mask, occupancy, scanned, grid, window)
    del occupancy
    notes += _cut_sides(coronal, lateral)
    if not bones:
        return Projection(coronal, lateral, air.value, tuple(notes), air.hounsfield_offset)
    mask, window = _trimmed(mask, window)
    # Only now: reading the voxels around the body again takes less time than keeping both takes memory.
    bone = None if air.bone is None else bone_cells(volume, air.bone, mask, grid, window)
    if bone is not None:
        coronal, lateral = _with_bone(coronal, lateral, bone, grid, window)
    cells = BodyCells(bone, mask, grid.corner_of(window), grid.cell, scanned)
    return Projection(coronal, lateral, air.value, tuple(notes), air.hounsfield_offset, cells)


def _trimmed(mask: np.ndarray, window: Window) -> tuple[np.ndarray, Window]:
    """The body's bounding box of cells."""
    plane = np.asarray(mask.any(axis=0))
    cut = []
    for line in (mask.any(axis=(1, 2)), plane.any(axis=1), plane.any(axis=0)):
        there = np.flatnonzero(line)
        cut.append(slice(int(there[0]), int(there[-1]) + 1))
    starts = [part.start for part in window]
    s, a, r = (slice(start + part.start, start + part.stop) for start, part in zip(starts, cut, strict=True))
    return np.ascontiguousarray(mask[cut[0], cut[1], cut[2]]), (s, a, r)


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
    grid = grid_around(volume, PREVIEW_MM, PREVIEW_MM)
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
    # Symmetric about the threshold, so that averages and interpolations keep the surface in its place.
    half_width = air.value - air.air
    if half_width <= 0:
        half_width = max(abs(air.value) * 0.05, 1e-6)
    source, source_to_ras = block_means(volume, air.value - half_width, air.value + half_width, cell_mm)
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


def _on_grid(source: np.ndarray, source_to_ras: np.ndarray, grid: CellGrid) -> tuple[np.ndarray, Window]:
    """The occupancy on the grid's cells, and which of them it covers."""
    blocks = marked_blocks(source, 128)
    window = window_around(blocks, source_to_ras, grid)
    return resampled(source, blocks, source_to_ras, grid, window), window


def _views(
    mask: np.ndarray, occupancy: np.ndarray, scanned: ScannedBox, grid: CellGrid, window: Window
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
    coronal = _gather(front + offset, back + offset, count, (s, r), grid, scanned, coronal_geometry)

    low, high, count = rays((planes, rows))
    voxel_loops.in_slabs(
        lambda i, j: voxel_loops.rays_along_r(mask, occupancy, low, high, count, i, j), planes
    )
    offset = grid.shape[2] - r.start - 0.5  # the lateral view looks from the left: against r
    lateral = _gather(offset - high, offset - low, count, (s, a), grid, scanned, lateral_geometry)
    return coronal, lateral


def _gather(
    front: np.ndarray,
    back: np.ndarray,
    count: np.ndarray,
    window: tuple[slice, slice],
    grid: CellGrid,
    scanned: ScannedBox,
    geometry: ViewGeometry,
) -> View:
    """Average the rays of cells (in cells, valid where count > 0) to pixels."""
    hit = count > 0

    def pixel_sum(values: np.ndarray) -> np.ndarray:
        return _pixel_sums(np.where(hit, values, 0), window, grid, geometry)

    hits = pixel_sum(np.ones_like(front))
    silhouette = hits * 2 >= grid.parts**2

    def mean(values: np.ndarray, empty: float) -> np.ndarray:
        return np.where(silhouette, pixel_sum(values) * grid.cell / np.maximum(hits, 1), empty).astype(
            np.float32
        )

    return View(
        silhouette=silhouette,
        front=mean(front, np.nan),
        back=mean(back, np.nan),
        thickness=mean(count.astype(np.float32), 0),
        field_of_view=scanned.seen_in(geometry) | silhouette,
        geometry=geometry,
    )


def _pixel_sums(
    values: np.ndarray, window: tuple[slice, slice], grid: CellGrid, geometry: ViewGeometry
) -> np.ndarray:
    """Sums (H, W) float32 of a window of rays over the pixels that they lie in."""
    height, width, parts = *geometry.shape, grid.parts
    full = np.zeros((height * parts, width * parts), np.float32)
    full[window] = values
    return np.asarray(full.reshape(height, parts, width, parts).sum(axis=(1, 3)))


def _with_bone(
    coronal: View, lateral: View, bone: np.ndarray, grid: CellGrid, window: Window
) -> tuple[View, View]:
    """Both views with their bone: means over whole pixels, so that it adds up to what is there."""
    s, a, r = window

    def seen(view: View, rays: tuple[np.ndarray, np.ndarray], place: tuple[slice, slice]) -> View:
        total, moment = (_pixel_sums(one, place, grid, view.geometry) for one in rays)
        thickness = total * np.float32(grid.cell / grid.parts**2)
        depth = moment / np.maximum(total, 1e-6) * grid.cell
        depth = np.where(thickness >= LEAST_BONE_MM, depth, np.nan)
        return replace(view, bone=thickness, bone_depth=depth.astype(np.float32))

    (front_sum, front_moment), (side_sum, side_moment) = bone_rays(bone)
    first, last = a.start + 0.5, grid.shape[2] - r.start - 0.5
    return (
        seen(coronal, (front_sum, first * front_sum + front_moment), (s, r)),
        seen(lateral, (side_sum, last * side_sum - side_moment), (s, a)),
    )


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
