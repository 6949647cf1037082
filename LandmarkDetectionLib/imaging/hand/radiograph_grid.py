"""A radiograph on the grid that outlines are looked for on: square cells, no larger than needed."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.hand.outline import LONG_SIDE
from LandmarkDetectionLib.imaging.view import ViewGeometry, overlaps
from LandmarkDetectionLib.typing import Array


def grid_of(volume: Volume) -> tuple[Array, ViewGeometry]:
    """Grey values (H, W) float32 averaged on square cells, and where these are.

    Columns run along i and rows along j as pictures are shown, depth away from who looks at it.

    Raises
    ------
    InputError
        When the picture is too small for a hand, or holds values that are not finite.
    """
    name = volume.name or "The picture"
    thin = int(np.argmin(volume.voxels.shape))
    pixels = volume.voxels.take(0, axis=thin)
    columns, rows = (2 - axis for axis in sorted({0, 1, 2} - {thin}, reverse=True))
    if min(pixels.shape) < 32:
        raise InputError(
            f"{name} has only {pixels.shape[1]} x {pixels.shape[0]} pixels, too few to show a hand; "
            "use the picture at its full size."
        )
    if not np.isfinite(pixels).all():
        raise InputError(f"{name} holds values that are not finite; export it again.")
    steps = volume.ijk_to_ras[:3, [columns, rows]]
    spacing = np.linalg.norm(steps, axis=0)
    extent = spacing * pixels.shape[::-1]
    cell = max(float(extent.max()) / LONG_SIDE, float(spacing.min()))
    shape = tuple(max(1, round(float(n))) for n in extent[::-1] / cell)
    down, across = (
        overlaps(old, new).astype(np.float32) for old, new in zip(pixels.shape, shape, strict=True)
    )
    image = down @ pixels.astype(np.float32) @ across.T
    column, row = steps[:, 0] / spacing[0], steps[:, 1] / spacing[1]
    full = ViewGeometry(
        volume.ijk_to_ras[:3, 3],
        column,
        row,
        np.cross(column, row),
        (float(spacing[0]), float(spacing[1])),
        pixels.shape,
    )
    return image, full.resized((shape[0], shape[1]))
