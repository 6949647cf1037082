"""A hand taken out of its image, which can be looked at along any axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import ndimage

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.imaging.view import View, ViewGeometry
from LandmarkDetectionLib.typing import Array


class HandScan(Protocol):
    """What flat and solid hands have in common."""

    @property
    def flat(self) -> bool:
        """Whether there is no depth, as in a radiograph."""
        ...

    def look(self, axes: Array) -> View:
        """Look along ``axes`` (3, 3): RAS unit vectors of growing column, row and depth, orthogonal."""
        ...


@dataclass(frozen=True)
class FlatHand:
    """The silhouette of a radiograph.

    Attributes
    ----------
    distance
        (H, W) float32 cells to the outline, positive inside.
    field
        (H, W) bool, what was exposed.
    grid
        Where the cells are; its depth axis is that in which the picture is looked at.
    """

    distance: Array
    field: Array
    grid: ViewGeometry

    @property
    def flat(self) -> bool:
        """A radiograph has no depth."""
        return True

    @classmethod
    def of(cls, mask: Array, field: Array, grid: ViewGeometry) -> FlatHand:
        """Of a silhouette (H, W) bool on a grid."""
        inside = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
        outside = ndimage.distance_transform_edt(~mask)
        distance = np.where(mask, inside - 0.5, 0.5 - outside).astype(np.float32)
        return cls(distance, field, grid)

    def look(self, axes: Array) -> View:
        """See ``HandScan``; the depth axis only tells the sides apart."""
        cells = np.argwhere(self.distance > 0)[:, ::-1]
        places = self.grid.to_ras(np.c_[cells, np.zeros(len(cells))])
        geometry = _around(places, axes, min(self.grid.spacing))
        row, column = np.indices(geometry.shape)
        ras = geometry.to_ras(np.stack([column, row, np.zeros_like(row)], -1).reshape(-1, 3))
        at = self.grid.from_ras(ras)[:, 1::-1].T.reshape(2, *geometry.shape)
        silhouette = np.asarray(ndimage.map_coordinates(self.distance, at, order=1, cval=-1e3) >= 0)
        field = np.asarray(ndimage.map_coordinates(self.field.astype(np.uint8), at, order=0) > 0)
        flat = np.where(silhouette, 0, np.nan).astype(np.float32)
        return View(silhouette, flat, flat, silhouette.astype(np.float32), field | silhouette, geometry)


@dataclass(frozen=True)
class SolidHand:
    """The occupancy of a CT or MR hand.

    Attributes
    ----------
    occupancy
        (K, J, I) float32, one half at the skin.
    ijk_to_ras
        (4, 4) of its cells.
    cell_mm
        Size of the pixels of a view.
    """

    occupancy: Array
    ijk_to_ras: Array
    cell_mm: float

    @property
    def flat(self) -> bool:
        """A volume has depth."""
        return False

    @property
    def places(self) -> Array:
        """(N, 3) RAS mm of the cells that are hand."""
        ijk = np.argwhere(self.occupancy >= 0.5)[:, ::-1]
        return Affine(self.ijk_to_ras).apply(ijk)

    def look(self, axes: Array) -> View:
        """See ``HandScan``."""
        places = self.places
        geometry = _around(places, axes, self.cell_mm)
        depth = geometry.from_ras(places)[:, 2]
        first, last = depth.min() - 2 * self.cell_mm, depth.max() + 2 * self.cell_mm
        planes = int(np.ceil((last - first) / self.cell_mm)) + 1
        solid = self._resampled(geometry, float(first), planes)
        inside = solid >= 0.5
        silhouette = np.asarray(inside.any(axis=0))
        front = first + self.cell_mm * _crossing(solid, inside)
        end = planes - 1 - _crossing(solid[::-1], inside[::-1])
        back = first + self.cell_mm * end
        return View(
            silhouette,
            np.where(silhouette, front, np.nan).astype(np.float32),
            np.where(silhouette, np.maximum(front, back), np.nan).astype(np.float32),
            (self.cell_mm * inside.sum(axis=0)).astype(np.float32),
            np.asarray(self._field(geometry, float((first + last) / 2)) | silhouette),
            geometry,
        )

    def _resampled(self, geometry: ViewGeometry, first: float, planes: int) -> Array:
        """Occupancy (planes, rows, columns) on the view's own axes."""
        to_cells = Affine(self.ijk_to_ras).inverse
        start = to_cells.linear @ geometry.to_ras(np.array([0, 0, first]))[0] + to_cells.shift
        steps = np.stack(
            [
                geometry.depth_axis * self.cell_mm,
                geometry.row_axis * geometry.spacing[1],
                geometry.column_axis * geometry.spacing[0],
            ],
            axis=1,
        )
        # affine_transform indexes arrays as (k, j, i).
        matrix = (to_cells.linear @ steps)[::-1]
        shape = (planes, *geometry.shape)
        return np.asarray(ndimage.affine_transform(self.occupancy, matrix, start[::-1], shape, order=1))

    def _field(self, geometry: ViewGeometry, depth: float) -> Array:
        """Which rays meet the scanned box at the hand's middle depth."""
        row, column = np.indices(geometry.shape)
        ras = geometry.to_ras(np.stack([column, row, np.full_like(row, depth)], -1).reshape(-1, 3))
        inside = Affine(self.ijk_to_ras).contains(ras, self.occupancy.shape[::-1])
        return inside.reshape(geometry.shape)


def _around(places: Array, axes: Array, pixel: float, margin: int = 4) -> ViewGeometry:
    """Pixels around places (N, 3) RAS mm, seen along axes (3, 3)."""
    along = places @ axes[:2].T
    low = along.min(axis=0) - margin * pixel
    columns, rows = (np.ceil((along.max(axis=0) - low) / pixel).astype(int) + margin).tolist()
    origin = axes[:2].T @ low + axes[2] * float((places @ axes[2]).mean())
    return ViewGeometry(origin, axes[0], axes[1], axes[2], (pixel, pixel), (rows, columns))


def _crossing(solid: Array, inside: Array) -> Array:
    """Plane, with fraction, at which every ray first rises over one half."""
    first = inside.argmax(axis=0)
    at = np.take_along_axis(solid, first[None], axis=0)[0]
    before = np.take_along_axis(solid, np.maximum(first - 1, 0)[None], axis=0)[0]
    return np.asarray(first - np.clip((at - 0.5) / np.maximum(at - before, 1e-6), 0, 1))
