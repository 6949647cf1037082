"""A sheet of synthetic heads to look at: three slices of each, with the landmarks near them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.synthesis.head.volumes import Contrast, make_head
from LandmarkDetectionLib.synthesis.sheets import SIDES, captioned, side_colour, write_sheet

if TYPE_CHECKING:
    from PIL.Image import Image

#: Pixels of a picture, and how near to the slice landmarks are drawn (mm).
PICTURE, NEAR = 176, 9.0
#: Which axis of (i, j, k) a slice is normal to, and the landmark it goes through.
SLICES = ((0, "pineal"), (1, "ear_canal_right"), (2, "eye_right"))


def write_head_sheet(
    path: str | os.PathLike[str], *, count: int = 12, size: int = 64, contrast: Contrast = "mr", seed: int = 0
) -> None:
    """Draw the first heads of a set: sagittal, coronal and axial.

    Parameters
    ----------
    path
        PNG to write.
    count, size, contrast, seed
        As for ``volumes.write_volume_set``.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    tiles = (_tile(*make_head(seed + n, size, contrast)) for n in range(count))
    title = f"{count} synthetic heads in {contrast.upper()}, seed {seed}"
    note = "sagittal through the pineal, coronal through an ear canal, axial through an eye"
    write_sheet(path, tiles, count, 3, title, SIDES, note)


def _tile(volume: Volume, landmarks: LandmarkSet) -> Image:
    low, high = (-250, 1200) if volume.modality == "CT" else np.percentile(volume.voxels, (1, 99.7))
    pictures = list(_pictures(volume, landmarks, float(low), float(high)))
    spacing = float(volume.spacing[0])
    lines = (volume.name, f"{volume.size[0]}³ voxels of {spacing:.1f} mm")
    return captioned(pictures, lines, 2)


def _pictures(volume: Volume, landmarks: LandmarkSet, low: float, high: float) -> Iterator[Image]:
    from PIL import Image, ImageDraw

    ijk = volume.ras_to_ijk_points(landmarks.positions)
    zoom = PICTURE / volume.size[0]
    for axis, through in SLICES:
        at = int(np.clip(np.rint(ijk[landmarks.names.index(through), axis]), 0, volume.size[axis] - 1))
        across, down = [n for n in range(3) if n != axis]
        plane = np.take(volume.voxels, at, axis=2 - axis)
        # Slices are stored from the feet: the head belongs up.
        plane = plane[::-1] if down == 2 else plane
        grey = np.clip((plane - low) / (high - low) * 255, 0, 255).astype(np.uint8)
        picture = Image.fromarray(grey).resize((PICTURE, PICTURE), Image.Resampling.BILINEAR).convert("RGB")
        draw = ImageDraw.Draw(picture)
        for name, position in zip(landmarks.names, ijk, strict=True):
            if abs(position[axis] - at) * volume.spacing[axis] > NEAR:
                continue
            x, y = ((position[n] + 0.5) * zoom for n in (across, down))
            y = PICTURE - y if down == 2 else y
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=(13, 17, 23))
            draw.ellipse((x - 2.5, y - 2.5, x + 2.5, y + 2.5), fill=side_colour(name))
        yield picture
