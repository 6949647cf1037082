"""One look along an axis: silhouette, depth and thickness, and where its pixels lie in RAS mm."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from LandmarkDetectionLib.errors import NoBodyError


@dataclass(frozen=True)
class ViewGeometry:
    """Where the pixels of a view are in the patient.

    Attributes
    ----------
    origin
        (3,) RAS mm, the centre of pixel (row 0, column 0) at depth 0.
    column_axis, row_axis, depth_axis
        (3,) orthonormal RAS directions of growing column, row and depth.
    spacing
        mm per column step and per row step.
    shape
        Rows and columns.
    """

    origin: np.ndarray
    column_axis: np.ndarray
    row_axis: np.ndarray
    depth_axis: np.ndarray
    spacing: tuple[float, float]
    shape: tuple[int, int]

    def to_ras(self, points: np.ndarray) -> np.ndarray:
        """Map (N, 3) [column, row, depth mm] to (N, 3) RAS mm."""
        points = np.asarray(points, float).reshape(-1, 3)
        scaled = points * (self.spacing[0], self.spacing[1], 1.0)
        return np.asarray(self.origin + scaled @ self._axes())

    def from_ras(self, ras: np.ndarray) -> np.ndarray:
        """Map (N, 3) RAS mm to (N, 3) [column, row, depth mm]."""
        offset = np.asarray(ras, float).reshape(-1, 3) - self.origin
        return np.asarray(offset @ self._axes().T / (self.spacing[0], self.spacing[1], 1.0))

    @property
    def axes_mm(self) -> np.ndarray:
        """(3, 3) RAS mm that one column, one row and one mm of depth go, as columns."""
        return self._axes().T * (self.spacing[0], self.spacing[1], 1.0)

    def _axes(self) -> np.ndarray:
        return np.stack([self.column_axis, self.row_axis, self.depth_axis]).astype(float)

    def window(self, row: int, column: int, shape: tuple[int, int]) -> ViewGeometry:
        """Return the geometry of the window with its first pixel at (row, column); it may reach outside."""
        return replace(self, origin=self.to_ras(np.array([column, row, 0.0]))[0], shape=shape)

    def resized(self, shape: tuple[int, int]) -> ViewGeometry:
        """Return the geometry of the same area divided into (rows, columns); the spacing follows per axis."""
        rows, columns = self.shape[0] / shape[0], self.shape[1] / shape[1]
        corner = self.to_ras(np.array([columns / 2 - 0.5, rows / 2 - 0.5, 0.0]))[0]
        return replace(
            self,
            origin=corner,
            spacing=(self.spacing[0] * columns, self.spacing[1] * rows),
            shape=shape,
        )


@dataclass(frozen=True)
class View:
    """What is seen from one side.

    Attributes
    ----------
    silhouette
        (H, W) bool, True where at least half of the pixel is covered by body.
    front, back
        (H, W) float32, mm along the depth axis to the first and last body surface, NaN off the body.
    thickness
        (H, W) float32, mm of body along the ray (enclosed air counts as body), 0 off the body.
    field_of_view
        (H, W) bool, True where the ray passes through scanned space.
    geometry
        Where the pixels are.
    bone
        (H, W) float32, mm of bone of density 1 along the ray, mean over the pixel; 0 where there is none.
        None where bone cannot be told.
    bone_depth
        (H, W) float32, mm along the depth axis to the middle of that bone (weighted by density), NaN where it
        is less than 1 mm; None as ``bone``.
    """

    silhouette: np.ndarray
    front: np.ndarray
    back: np.ndarray
    thickness: np.ndarray
    field_of_view: np.ndarray
    geometry: ViewGeometry
    bone: np.ndarray | None = None
    bone_depth: np.ndarray | None = None

    def window(self, row: int, column: int, shape: tuple[int, int]) -> View:
        """Return the part from (row, column) on with the given shape; what reaches outside is empty."""
        height, width = self.geometry.shape
        r0, r1 = max(row, 0), min(row + shape[0], height)
        c0, c1 = max(column, 0), min(column + shape[1], width)

        def cut(image: np.ndarray, empty: float) -> np.ndarray:
            out = np.full(shape, empty, image.dtype)
            if r1 > r0 and c1 > c0:
                out[r0 - row : r1 - row, c0 - column : c1 - column] = image[r0:r1, c0:c1]
            return out

        return View(
            silhouette=cut(self.silhouette, False),
            front=cut(self.front, np.nan),
            back=cut(self.back, np.nan),
            thickness=cut(self.thickness, 0),
            field_of_view=cut(self.field_of_view, False),
            geometry=self.geometry.window(row, column, shape),
            bone=None if self.bone is None else cut(self.bone, 0),
            bone_depth=None if self.bone_depth is None else cut(self.bone_depth, np.nan),
        )

    def object_window(self) -> tuple[int, int, tuple[int, int]]:
        """Return the first row, first column and (rows, columns) of the silhouette's bounding box.

        Raises
        ------
        NoBodyError
            When the silhouette is empty.
        """
        rows, columns = (
            np.flatnonzero(self.silhouette.any(axis=1)),
            np.flatnonzero(self.silhouette.any(axis=0)),
        )
        if rows.size == 0:
            raise NoBodyError(
                "The view shows no body, so there is nothing to crop to; check the input volume."
            )
        shape = (int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1))
        return int(rows[0]), int(columns[0]), shape

    def cropped_to_object(self, margin_px: int = 0) -> View:
        """Return the bounding box of the silhouette with a margin (which may reach outside the view)."""
        row, column, (height, width) = self.object_window()
        return self.window(
            row - margin_px, column - margin_px, (height + 2 * margin_px, width + 2 * margin_px)
        )

    def resampled(self, shape: tuple[int, int]) -> View:
        """Return the same area at (rows, columns), for example the paper's unit size (160, 76).

        Pixels are averaged by area: a silhouette pixel is set when at least half covered, depths and
        thickness are means over its covered part; bone is a mean over the pixel.
        """
        rows, columns = (overlaps(old, new) for old, new in zip(self.geometry.shape, shape, strict=True))

        def average(image: np.ndarray) -> np.ndarray:
            return np.asarray(rows @ image.astype(np.float64) @ columns.T)

        cover = average(self.silhouette)
        silhouette = cover >= 0.5 - 1e-9
        weight = np.where(silhouette, cover, 1.0)

        def on_body(image: np.ndarray, empty: float) -> np.ndarray:
            mean = average(np.where(self.silhouette, image, 0)) / weight
            return np.where(silhouette, mean, empty).astype(np.float32)

        bone = bone_depth = None
        if self.bone is not None and self.bone_depth is not None:
            bone = average(self.bone).astype(np.float32)
            placed = np.where(np.isfinite(self.bone_depth), self.bone, 0)
            moment = average(placed * np.nan_to_num(self.bone_depth))
            share = average(placed)
            bone_depth = np.where(share > 0, moment / np.where(share > 0, share, 1), np.nan)
            bone_depth = np.where(bone >= 1, bone_depth, np.nan).astype(np.float32)

        return View(
            silhouette=silhouette,
            front=on_body(self.front, np.nan),
            back=on_body(self.back, np.nan),
            thickness=on_body(self.thickness, 0),
            field_of_view=average(self.field_of_view) >= 0.5 - 1e-9,
            geometry=self.geometry.resized(shape),
            bone=bone,
            bone_depth=bone_depth,
        )


def overlaps(old: int, new: int) -> np.ndarray:
    """(new, old) matrix: share of every new pixel that lies in every old pixel."""
    edges = np.arange(new + 1) * (old / new)
    start, stop = edges[:-1, None], edges[1:, None]
    pixel = np.arange(old)[None, :]
    return np.clip(np.minimum(stop, pixel + 1) - np.maximum(start, pixel), 0, None) / (old / new)
