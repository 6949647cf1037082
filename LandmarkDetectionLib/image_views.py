"""What a person is shown of an image without an outline: the radiograph, or a volume seen through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.image_grid import GridSettings, look_at
from LandmarkDetectionLib.projection import View, ViewGeometry

if TYPE_CHECKING:
    from LandmarkDetectionLib.volume import Volume

Array = np.ndarray

#: Longest side of a picture, in pixels.
LONG_SIDE = 900
#: Longest side of the grid that a volume is seen through on.
VOLUME_SIDE = 224


@dataclass(frozen=True)
class ImageViews:
    """Pictures of an image, bright as it is.

    Attributes
    ----------
    views
        One of a radiograph; from the front and from the left of a volume. ``thickness`` is grey, 0 to 1.
    titles
        One for each.
    ends
        What the left and the right end of each are called; empty for a radiograph.
    """

    views: tuple[View, ...]
    titles: tuple[str, ...]
    ends: tuple[tuple[str, str], ...]


def image_views(volume: Volume) -> ImageViews:
    """A radiograph as it is stored, or a volume's mean grey value along two of the patient's axes."""
    if volume.is_2d:
        return ImageViews((_radiograph(volume),), ("the image",), (("", ""),))
    longest = float(volume.extent_mm.max())
    grid = look_at([volume], GridSettings((1, 1, 1), (longest / VOLUME_SIDE,) * 3))
    image = grid.image[0]
    content = image[tuple(slice(n) for n in grid.content)]
    front = _seen_through(content.mean(axis=1)[::-1], grid.to_ras, 0, len(content))
    left = _seen_through(content.mean(axis=2)[::-1], grid.to_ras, 1, len(content))
    return ImageViews((front, left), ("from the front", "from the left"), (("R", "L"), ("A", "P")))


def _radiograph(volume: Volume) -> View:
    pixels = np.asarray(volume.voxels[0], np.float32)
    step = max(1, -(-max(pixels.shape) // LONG_SIDE))
    pixels = pixels[::step, ::step]
    column, row = (volume.ijk_to_ras[:3, axis] / volume.spacing[axis] for axis in (0, 1))
    geometry = ViewGeometry(
        volume.ijk_to_ras[:3, 3],
        column,
        row,
        np.cross(column, row),
        (float(volume.spacing[0] * step), float(volume.spacing[1] * step)),
        pixels.shape,
    )
    return _view(_grey(pixels), geometry)


def _seen_through(picture: Array, to_ras: Array, axis: int, slices: int) -> View:
    """Rows run to the feet, columns along one axis of the grid."""
    cell = np.linalg.norm(to_ras[:3, :3], axis=0)
    column, row = to_ras[:3, axis] / cell[axis], -to_ras[:3, 2] / cell[2]
    origin = to_ras[:3, 3] + to_ras[:3, 2] * (slices - 1)
    geometry = ViewGeometry(
        origin, column, row, np.cross(column, row), (float(cell[axis]), float(cell[2])), picture.shape
    )
    return _view(_grey(picture), geometry)


def _grey(picture: Array) -> Array:
    low, high = np.percentile(picture, [0.5, 99.5])
    return np.clip((picture - low) / max(float(high - low), 1e-6), 0, 1).astype(np.float32)


def _view(grey: Array, geometry: ViewGeometry) -> View:
    everywhere = np.ones(grey.shape, bool)
    depth = np.zeros(grey.shape, np.float32)
    return View(everywhere, depth, depth, grey, everywhere, geometry)
