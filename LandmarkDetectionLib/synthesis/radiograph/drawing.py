"""Simple things drawn into pictures: discs, boxes, lines, outlines and letters."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from LandmarkDetectionLib.typing import Array


def disc(picture: Array, centre: Array, radius: float, value: float, hole: float = 0.0) -> None:
    """Add to the pixels between two radii about (column, row), with soft edges."""
    reach = int(np.ceil(radius + 2))
    column, row = (round(float(v)) for v in centre)
    top, bottom = max(row - reach, 0), min(row + reach + 1, picture.shape[0])
    left, right = max(column - reach, 0), min(column + reach + 1, picture.shape[1])
    if top >= bottom or left >= right:
        return
    y, x = np.mgrid[top:bottom, left:right]
    far = np.hypot(x - centre[0], y - centre[1])
    ring = np.clip(radius + 0.5 - far, 0, 1) * (1.0 if hole <= 0 else np.clip(far - hole + 0.5, 0, 1))
    picture[top:bottom, left:right] += (value * ring).astype(np.float32)


def box(picture: Array, left: float, top: float, right: float, bottom: float, value: float) -> None:
    """Add to the pixels of a box of at least one pixel."""
    rows, columns = picture.shape
    r0, r1 = max(0, round(top)), min(rows, max(round(bottom), round(top) + 1))
    c0, c1 = max(0, round(left)), min(columns, max(round(right), round(left) + 1))
    if r0 < r1 and c0 < c1:
        picture[r0:r1, c0:c1] += np.float32(value)


def stroke(picture: Array, path: Array, width: float, value: float) -> None:
    """Raise the pixels within half a width of a path (n, 2) of columns and rows by up to a value, once."""
    mask = np.zeros_like(picture)
    reach = width / 2 + 1.5
    for start, end in pairwise(path):
        low, high = np.minimum(start, end) - reach, np.maximum(start, end) + reach
        left, top = (max(int(np.floor(v)), 0) for v in low)
        right, bottom = (min(int(np.ceil(v)) + 1, n) for v, n in zip(high, picture.shape[::-1], strict=True))
        if left >= right or top >= bottom:
            continue
        y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
        along = end - start
        share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(float(along @ along), 1e-6)
        share = np.clip(share, 0, 1)
        far = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
        part = mask[top:bottom, left:right]
        np.maximum(part, np.clip(width / 2 + 0.5 - far, 0, 1), out=part)
    picture += np.float32(value) * mask


def outline(picture: Array, centre: Array, half: Array, width: float, value: float) -> None:
    """Add the four sides of a box about (column, row)."""
    corner = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]) * half + centre
    stroke(picture, corner, width, value)


@lru_cache(maxsize=256)
def letters(text: str, size: int) -> Array:
    """Coverage (h, w) float32 of a text."""
    from PIL import Image, ImageDraw

    from LandmarkDetectionLib.synthesis.sheets import font

    face = font(size, bold=size > 14)
    left, top, right, bottom = face.getbbox(text)
    image = Image.new("L", (int(right - left) + 2, int(bottom - top) + 2))
    ImageDraw.Draw(image).text((1 - left, 1 - top), text, 255, font=face)
    return np.asarray(image, np.float32) / 255
