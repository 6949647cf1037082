"""What a person is shown of an image without an outline: the radiograph, or a volume seen through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.scan_picture import scan_pictures
from LandmarkDetectionLib.imaging.view import View, ViewGeometry
from LandmarkDetectionLib.typing import Array

#: Longest side of a picture, in pixels.
LONG_SIDE = 900


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
    """A radiograph as it is stored, or a volume seen through along two of the patient's axes."""
    if volume.is_2d:
        return ImageViews((_radiograph(volume),), ("the image",), (("", ""),))
    front, left = (_view(picture.grey, picture.geometry) for picture in scan_pictures(volume))
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


def _grey(picture: Array) -> Array:
    low, high = np.percentile(picture, [0.5, 99.5])
    return np.clip((picture - low) / max(float(high - low), 1e-6), 0, 1).astype(np.float32)


def _view(grey: Array, geometry: ViewGeometry) -> View:
    everywhere = np.ones(grey.shape, bool)
    depth = np.zeros(grey.shape, np.float32)
    return View(everywhere, depth, depth, grey, everywhere, geometry)
