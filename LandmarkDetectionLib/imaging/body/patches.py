"""Close looks at a slab of a body around a place: skin and bones from the front and from the left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.imaging.body.bone import BONE_MM, LEAST_BONE_MM, MOST_BONE
from LandmarkDetectionLib.imaging.body.cells import BodyCells
from LandmarkDetectionLib.imaging.view import ViewGeometry

#: What networks that look closely are shown: pixels along both axes; half the slab's depth, their unit.
SIZE, DEPTH_MM = 64, 50.0


@dataclass(frozen=True)
class SlabView:
    """What is seen of a slab from one side.

    Attributes
    ----------
    silhouette
        (H, W) float32, the share of the pixel through which a ray meets the body.
    bone
        (H, W) float32, mm of bone of density 1 along the ray within the slab, mean over the pixel.
    bone_depth
        (H, W) float32, mm from the slab's middle to the middle of that bone along the depth axis (weighted by
        density), NaN where there is less than 1 mm.
    field_of_view
        (H, W) bool, True where the ray passes through scanned space within the slab.
    geometry
        Where the pixels are; depth 0 is the slab's middle, and ((W - 1) / 2, (H - 1) / 2, 0) its centre.
    """

    silhouette: np.ndarray
    bone: np.ndarray
    bone_depth: np.ndarray
    field_of_view: np.ndarray
    geometry: ViewGeometry


def slab_views(
    cells: BodyCells,
    centre_ras: np.ndarray,
    half_mm: tuple[float, float, float],
    pixel_mm: float = 2.5,
    size: tuple[int, int] = (64, 64),
) -> tuple[SlabView, SlabView]:
    """Look at the slab around a place from the front and from the patient's left.

    Pixels average the cells that they lie on by area, so that a place between cells is met exactly and no
    bone is lost: pictures of slabs side by side add up to that of the whole. A cell at the slab's face counts
    with the share that lies inside.

    Parameters
    ----------
    cells
        Of ``project_body``.
    centre_ras
        (3,) RAS mm.
    half_mm
        How far from the centre is looked along the columns, the rows and the depth of either view; what lies
        farther is left out.
    pixel_mm
        Edge of a pixel.
    size
        Rows and columns.

    Returns
    -------
    coronal, lateral
        Columns to the patient's left and to the back, rows to the feet, depth to the back and to the right.

    Raises
    ------
    ValueError
        The cells have no bone.
    """
    if cells.bone is None:
        raise ValueError("bone is known of scans with CT numbers alone")
    centre = np.asarray(centre_ras, float)
    right, anterior, superior = np.eye(3)
    views = []
    # Along the axes s, a and r of the cells; the lateral view looks against r.
    for (across, deep), axes in (((2, 1), (-right, -anterior)), ((1, 2), (-anterior, right))):
        corner = -(size[1] - 1) / 2 * axes[0] + (size[0] - 1) / 2 * superior
        geometry = ViewGeometry(
            centre + pixel_mm * corner, axes[0], -superior, axes[1], (pixel_mm, pixel_mm), size
        )
        views.append(_look(cells, centre, geometry, across, deep, half_mm))
    return views[0], views[1]


def _look(
    cells: BodyCells,
    centre: np.ndarray,
    geometry: ViewGeometry,
    across: int,
    deep: int,
    half_mm: tuple[float, float, float],
) -> SlabView:
    """One view, with its columns and its depth along the axes ``across`` and ``deep`` of the cells."""
    middle = (cells.corner - centre)[::-1]  # along s, a, r from the first cell's outer faces
    pixel_mm = geometry.spacing[0]

    def lattice(count: int, half: float) -> np.ndarray:
        return np.clip((np.arange(count + 1) - count / 2) * pixel_mm, -half, half)

    edges = {
        across: middle[across] + lattice(geometry.shape[1], half_mm[0]),
        0: middle[0] + lattice(geometry.shape[0], half_mm[1]),
        deep: middle[deep] + np.array([-half_mm[2], half_mm[2]]),
    }
    shares = {n: _overlaps(edges[n], cells.cell, cells.body.shape[n]) for n in range(3)}
    window = shares[0].cells, shares[1].cells, shares[2].cells
    rows, columns = (np.float32(shares[n].lengths / pixel_mm) for n in (0, across))
    through = shares[deep].lengths[0]
    direction = 1 if deep == 1 else -1
    place = direction * (shares[deep].middles[0] - middle[deep])

    def pixels(rays: np.ndarray) -> np.ndarray:
        return np.asarray(rows @ rays.astype(np.float32, copy=False) @ columns.T)

    assert cells.bone is not None
    weights = np.stack([through, through * place]).astype(np.float32) / 255
    seen = cells.bone[window].astype(np.float32)
    sums = weights @ seen if deep == 1 else np.moveaxis(seen @ weights.T, 2, 1)
    total, moment = sums[:, 0], sums[:, 1]
    bone, moment = pixels(total), pixels(moment)
    depth = np.where(bone >= LEAST_BONE_MM, moment / np.maximum(bone, LEAST_BONE_MM), np.nan)
    # Cells in a row; of 0 and 1, the largest says whether there is any.
    deeply = np.flatnonzero(through > 1e-3 * cells.cell)
    within = [slice(None)] * 3
    within[deep] = slice(deeply[0], deeply[-1] + 1) if len(deeply) else slice(0)
    met = cells.body[window][tuple(within)].max(axis=deep, initial=0)
    field = cells.scanned.seen_in(geometry, -half_mm[2], half_mm[2])
    column, row = (np.abs(lattice(n, np.inf)[:-1] + pixel_mm / 2) for n in geometry.shape[::-1])
    field &= (row[:, None] <= half_mm[1]) & (column <= half_mm[0])
    return SlabView(pixels(met), bone, depth.astype(np.float32), field, geometry)


def slab_input(silhouette: np.ndarray, bone: np.ndarray, depth: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Channels (B, 4, H, W) float32 that networks see of slabs.

    Parameters
    ----------
    silhouette, inside
        (B, H, W) bool or shares: body, and what was scanned.
    bone
        (B, H, W) mm.
    depth
        (B, H, W) mm from the slab's middle to the middle of bone, NaN where there is none.
    """
    amount = np.minimum(np.sqrt(np.maximum(bone, 0) / BONE_MM), MOST_BONE)
    place = np.clip(np.nan_to_num(depth) / DEPTH_MM, -1.2, 1.2)
    return np.stack([silhouette, amount, place, inside], axis=1).astype(np.float32)


@dataclass(frozen=True)
class _Overlaps:
    """Of intervals with the cells along one axis: which cells, and length and middle of every overlap."""

    cells: slice
    lengths: np.ndarray  # (intervals, cells) mm
    middles: np.ndarray  # (intervals, cells) mm from the first cell's outer face


def _overlaps(edges: np.ndarray, cell: float, count: int) -> _Overlaps:
    """Overlaps of the intervals between ascending edges (N + 1,) mm with ``count`` cells."""
    first = int(np.clip(np.floor(edges[0] / cell), 0, count))
    last = int(np.clip(np.ceil(edges[-1] / cell), first, count))
    start = np.arange(first, last) * cell
    low, high = np.maximum(edges[:-1, None], start), np.minimum(edges[1:, None], start + cell)
    return _Overlaps(slice(first, last), np.clip(high - low, 0, None), (low + high) / 2)
