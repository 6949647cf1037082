"""What else is in a film of the spine: rods and screws, braces, letters, seams, shields, what is worn."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.drawing import box, disc, letters, outline, stroke
from LandmarkDetectionLib.synthesis.radiograph.projection import Setup
from LandmarkDetectionLib.synthesis.radiograph.spine.trunk import Trunk
from LandmarkDetectionLib.typing import Array

TEXTS = (
    "R", "L", "R", "L", "ERECT", "STANDING", "PA", "AP", "SPINE", "12/04/98", "77 kV 12 mA", "F 14Y",
    "ID 20331", "M", "07.11.2003", "standing", "100 cm", "P.A. ERECT",
)  # fmt: skip


def add_metal(attenuation: Array, trunk: Trunk, seen: Array, setup: Setup, rng: np.random.Generator) -> None:
    """Metal and plastic, added to a sum of attenuations (H, W) in place."""
    scale = setup.magnification / setup.pixel_mm
    if rng.random() < 0.1:
        _instrumentation(attenuation, trunk, seen, scale, rng)
    if rng.random() < 0.08:
        _brace(attenuation, seen[trunk.rims].reshape(-1, 3), scale, rng)
    if rng.random() < 0.05:
        _electrodes(attenuation, scale, rng)
    if rng.random() < 0.1:
        _chain(attenuation, scale, rng)
    if rng.random() < 0.05:
        _shield(attenuation, scale, rng)
    if rng.random() < 0.15:
        _small_things(attenuation, scale, rng)
    if rng.random() < 0.04:
        _ruler(attenuation, scale, rng)


def _instrumentation(
    picture: Array, trunk: Trunk, seen: Array, scale: float, rng: np.random.Generator
) -> None:
    """Two rods beside the spine, with screws in the pedicles of most vertebrae."""
    rims = seen[trunk.rims, :2].astype(np.float64)
    middle = rims.mean(axis=(1, 2))
    first = int(rng.integers(0, 10))
    last = int(rng.integers(first + 4, 17))
    across = (rims[:, :, :, 0].max(axis=(1, 2)) - rims[:, :, :, 0].min(axis=(1, 2)))[:, None] * (1.0, 0.0)
    value = rng.uniform(1.5, 4.0)
    width = rng.uniform(4.5, 6.5) * scale
    mask = np.zeros_like(picture)
    for side in (-1, 1):
        if rng.random() < 0.12:
            continue
        spots = middle + side * rng.uniform(0.25, 0.42) * across
        smooth = spots[first : last + 1]
        smooth = np.stack(
            [np.polyval(np.polyfit(smooth[:, 1], smooth[:, 0], 3), smooth[:, 1]), smooth[:, 1]], axis=1
        )
        ends = smooth.copy()
        ends[0, 1] -= 8 * scale
        ends[-1, 1] += 8 * scale
        stroke(mask, ends, width, value)
        for n, spot in enumerate(smooth):
            if rng.random() < 0.75:
                stroke(mask, spot[None] + np.array([[0, -4], [0, 4]]) * scale, 1.7 * width, value)
                inwards = middle[first + n] - spot
                tip = spot + inwards * rng.uniform(0.3, 0.9) + rng.normal(0, 2, 2) * scale
                stroke(mask, np.stack([spot, tip]), 0.8 * width, 0.8 * value)
    picture += mask


def _brace(picture: Array, spine: Array, scale: float, rng: np.random.Generator) -> None:
    """Buckles, rivets and the edges of a plastic shell."""
    rows, columns = picture.shape
    for _ in range(rng.integers(1, 5)):
        place = rng.uniform((0.05, 0.35), (0.95, 1.0)) * (columns, rows)
        half = np.array([rng.uniform(6, 10), rng.uniform(18, 34)]) * scale
        outline(picture, place, half, rng.uniform(1.5, 3) * scale, rng.uniform(0.6, 2))
    for _ in range(rng.integers(3, 12)):
        place = rng.uniform((0.0, 0.3), (1.0, 1.0)) * (columns, rows)
        radius = rng.uniform(3, 6) * scale
        disc(picture, place, radius, rng.uniform(0.5, 1.5), hole=rng.choice([0, 0.5]) * radius)
    for _ in range(rng.integers(0, 4)):
        x = rng.uniform(0, columns) + np.cumsum(rng.normal(0, 3, 12)) * scale
        y = np.linspace(rng.uniform(0.2, 0.5), rng.uniform(0.7, 1.1), 12) * rows
        stroke(picture, np.stack([x, y], axis=1), rng.uniform(2, 5) * scale, rng.uniform(0.05, 0.25))


def _electrodes(picture: Array, scale: float, rng: np.random.Generator) -> None:
    rows, columns = picture.shape
    for _ in range(rng.integers(1, 5)):
        place = rng.uniform((0.05, 0.05), (0.95, 0.6)) * (columns, rows)
        disc(picture, place, rng.uniform(3, 6) * scale, rng.uniform(0.2, 1.2))
        steps = np.cumsum(rng.normal(0, 12, (8, 2)) + rng.normal(0, 10, 2), axis=0) * scale
        stroke(picture, np.concatenate([place[None], place + steps]), 1.6 * scale, rng.uniform(0.2, 0.8))


def _chain(picture: Array, scale: float, rng: np.random.Generator) -> None:
    """A necklace."""
    rows, columns = picture.shape
    x = np.linspace(rng.uniform(0.1, 0.35), rng.uniform(0.6, 0.9), 60) * columns
    share = np.linspace(-1, 1, 60)
    deep = rng.uniform(20, 90) * scale
    y = rng.uniform(-0.02, 0.06) * rows + deep * (1 - share**2)
    radius, value = rng.uniform(0.8, 1.6) * scale, rng.uniform(0.4, 1.5)
    for place in np.stack([x, y], axis=1):
        disc(picture, place, radius, value)


def _shield(picture: Array, scale: float, rng: np.random.Generator) -> None:
    """Lead over the gonads."""
    rows, columns = picture.shape
    half, height = rng.uniform(25, 70) * scale, rng.uniform(30, 90) * scale
    middle = columns * rng.uniform(0.35, 0.65)
    for row in range(max(int(rows - height), 0), rows):
        share = 1 - 0.6 * (rows - row) / height
        box(picture, middle - half * share, row, middle + half * share, row + 1, 3.0)


def _small_things(picture: Array, scale: float, rng: np.random.Generator) -> None:
    """Hooks, buttons, piercings, clips, zips."""
    rows, columns = picture.shape
    for _ in range(rng.integers(1, 6)):
        place = rng.uniform(0, 1, 2) * (columns, rows)
        if rng.random() < 0.5:
            disc(
                picture, place, rng.uniform(2, 6) * scale, rng.uniform(0.3, 2), hole=rng.uniform(0, 3) * scale
            )
        else:
            wide, high = rng.uniform(1, 12, 2) * scale
            box(picture, place[0], place[1], place[0] + wide, place[1] + high, rng.uniform(0.3, 2))


def _ruler(picture: Array, scale: float, rng: np.random.Generator) -> None:
    rows, columns = picture.shape
    column = rng.choice([rng.uniform(0.0, 0.15), rng.uniform(0.85, 1.0)]) * columns
    value = rng.uniform(0.3, 1.5)
    for n, row in enumerate(np.arange(rng.uniform(0, 10), rows, 10 * scale)):
        box(picture, column, row, column + (8 if n % 5 == 0 else 4) * scale, row + 1, value)


def stitched(image: Array, marks: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Sometimes a picture of two exposures: a step of brightness at a seam, which may be off by a little."""
    if rng.random() > 0.12:
        return image, marks
    rows = len(image)
    seam = int(rng.uniform(0.4, 0.75) * rows)
    image, marks = image.copy(), marks.copy()
    fade = np.exp(-np.arange(rows - seam) / rng.uniform(5, 0.4 * rows)).astype(np.float32)[:, None]
    image[seam:] = image[seam:] * (1 + rng.normal(0, 0.12) * fade) + rng.normal(0, 0.04) * fade
    shift = round(rng.normal(0, 0.9))
    if shift:
        image[seam:] = np.roll(image[seam:], shift, axis=1)
        marks[marks[:, 1] >= seam, 0] += shift
    if rng.random() < 0.4:
        image[seam - 1 : seam + 1] = np.clip(image[seam - 1 : seam + 1] + rng.normal(0, 0.12), 0, 1)
    return np.clip(image, 0, 1), marks


def add_frame(picture: Array, rng: np.random.Generator) -> None:
    """Borders of the light field and of the film, and letters, in place."""
    rows, columns = picture.shape
    if rng.random() < 0.3:
        grey = float(rng.choice([0.0, 0.0, 0.02, 1.0]))
        top, bottom, left, right = np.maximum(rng.normal(0, (5, 5, 4, 4)), 0).astype(int)
        picture[:top] = grey
        picture[rows - bottom :] = grey
        picture[:, :left] = grey
        picture[:, columns - right :] = grey
    for _ in range(rng.poisson(0.45)):
        stamp = letters(str(rng.choice(TEXTS)), int(rng.integers(7, 19)))
        height, width = stamp.shape
        if height >= rows or width >= columns:
            continue
        row = int(
            np.clip(rng.choice([rng.integers(-6, 40), rng.integers(0, rows - height)]), 0, rows - height)
        )
        left = rng.random() < 0.5
        column = int(rng.integers(0, 10)) if left else columns - width - int(rng.integers(0, 10))
        column = int(np.clip(column, 0, columns - width))
        value = float(rng.choice([1.0, 1.0, 0.9, 0.0]))
        part = picture[row : row + height, column : column + width]
        part += stamp * (value - part)
    np.clip(picture, 0, 1, out=picture)
