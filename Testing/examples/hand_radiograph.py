"""A drawn radiograph of a left hand: soft tissue that fades out towards the skin, bones, smooth air."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from LandmarkDetectionLib.core.volume import Volume

Array = np.ndarray
SHAPE = (420, 330)

#: Column and row of knuckle and tip, and half the width, in pixels of a picture of ``SHAPE``.
FINGERS = {
    "thumb": ((196, 258), (284, 172), 16),
    "index": ((200, 190), (230, 62), 15),
    "middle": ((170, 184), (176, 34), 16),
    "ring": ((140, 190), (122, 56), 15),
    "little": ((114, 208), (68, 104), 13),
}
TIPS = {name: np.array(tip, float) for name, (_, tip, _) in FINGERS.items()}
WRIST = np.array([158.0, 330.0])


def drawn_mask() -> Array:
    """(H, W) bool, the hand with its forearm, which the lower border cuts."""
    picture = Image.new("1", SHAPE[::-1])
    draw = ImageDraw.Draw(picture)
    draw.polygon([(100, 215), (112, 180), (216, 172), (222, 250), (196, 330), (124, 330)], fill=1)
    draw.polygon([(124, 325), (196, 325), (200, 420), (120, 420)], fill=1)
    for knuckle, tip, half in FINGERS.values():
        draw.line([knuckle, tip], fill=1, width=2 * half)
        for x, y in (knuckle, tip):
            draw.ellipse((x - half, y - half, x + half, y + half), fill=1)
    return np.asarray(picture)


def drawn_radiograph(mask: Array | None = None, noise: float = 1.5) -> Array:
    """(H, W) float32 grey values from 0 to 255, bones bright."""
    mask = drawn_mask() if mask is None else mask
    inside = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    grey = 70 + 75 * (1 - np.exp(-inside / 9)) + 60 * (inside > 8)
    grey = ndimage.gaussian_filter(grey, 1.0)
    return (grey + np.random.default_rng(0).normal(0, noise, mask.shape)).astype(np.float32)


def as_volume(image: Array, spacing: float = 0.5) -> Volume:
    """A radiograph as a volume of one slice, placed as pictures are."""
    return Volume(image[None], np.diag([-spacing, -spacing, 1.0, 1.0]), "DX", "drawn hand")
