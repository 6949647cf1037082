"""What else is in a cephalogram: ear rods, the nose rest with its ruler, braces, frame, letters, a chain."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.drawing import box, disc, letters
from LandmarkDetectionLib.synthesis.radiograph.head.parts import Head
from LandmarkDetectionLib.synthesis.radiograph.head.teeth import POINTS
from LandmarkDetectionLib.synthesis.radiograph.projection import Setup
from LandmarkDetectionLib.typing import Array


def add_metal(attenuation: Array, head: Head, seen: Array, setup: Setup, rng: np.random.Generator) -> None:
    """Rods, ruler, braces and chains, added to a sum of attenuations (H, W) in place."""
    if rng.random() < 0.85:
        _ear_rods(attenuation, setup, rng)
    if rng.random() < 0.6:
        _nose_rest(attenuation, head, seen, setup, rng)
    if rng.random() < 0.2:
        _braces(attenuation, head, seen, setup, rng)
    if rng.random() < 0.1:
        _chain(attenuation, rng)


def _ear_rods(picture: Array, setup: Setup, rng: np.random.Generator) -> None:
    """Rods of plastic with a metal ring each, one nearer to the source and so shown larger."""
    radius = rng.uniform(3.5, 6.5)
    ring = rng.random() < 0.75
    plastic, metal = rng.uniform(0.0, 0.5), rng.uniform(0.3, 1.6)
    off = rng.normal(0, 1.5, 2)
    for side in (1.0, -1.0):
        place = setup.axis[None] + setup.turn.T @ np.array([side * 75.0, 0.0, 0.0])
        centre = setup.projected(place.astype(np.float32))[0, :2] + off * rng.uniform(0.3, 1.0)
        scale = setup.magnification / setup.pixel_mm * (1 + 0.05 * side)
        disc(picture, centre, radius * scale, plastic)
        if ring:
            disc(picture, centre, radius * scale, metal, hole=(radius - rng.uniform(0.6, 1.4)) * scale)
        else:
            disc(picture, centre, rng.uniform(0.8, 2.0) * scale, metal)


def _nose_rest(picture: Array, head: Head, seen: Array, setup: Setup, rng: np.random.Generator) -> None:
    """A pad at the nasion on an arm that comes from above, with a scale of steps of 10 or 1 mm."""
    nasion = seen[head.marks["soft nasion"][0], :2]
    scale = setup.magnification / setup.pixel_mm
    rows = picture.shape[0]
    away = rng.uniform(2, 9) * scale
    pad = nasion + np.array([away, rng.normal(0, 4) * scale])
    value = rng.uniform(0.08, 0.4)
    box(picture, pad[0], pad[1] - 6 * scale, pad[0] + rng.uniform(10, 16) * scale, pad[1] + 4 * scale, value)
    arm = pad[0] + rng.uniform(8, 14) * scale
    width = rng.uniform(1.5, 3.0) * scale
    box(picture, arm, -1, arm + width, pad[1], rng.uniform(0.2, 1.0))
    if rng.random() < 0.8:
        box(picture, arm - 2.5 * scale, -1, arm + width + 2.5 * scale, rng.uniform(0.02, 0.2) * rows, value)
    step = float(rng.choice([1.0, 2.0, 5.0, 10.0]))
    end = pad[1] - rng.uniform(0, 10) * scale
    for n in range(int(rng.uniform(15, 45) / step) + 1):
        row = end - n * step * scale
        if row > 0:
            box(picture, arm, row, arm + width, row + max(0.35 * min(step, 2.0) * scale, 0.6), 1.5)


def _braces(picture: Array, head: Head, seen: Array, setup: Setup, rng: np.random.Generator) -> None:
    """Brackets on the crowns and a wire along them."""
    scale = setup.magnification / setup.pixel_mm
    value, size = rng.uniform(0.5, 1.6), rng.uniform(1.2, 2.0)
    jaws = ("upper", "lower") if rng.random() < 0.8 else (str(rng.choice(["upper", "lower"])),)
    for n, (kind, name) in enumerate(zip(head.kinds, head.names, strict=True)):
        if kind != "enamel" or name.split()[0] not in jaws or int(name.split()[1]) > 6:
            continue
        crown = seen[head.owned(n)]
        centre = crown[: 4 * POINTS, :2].mean(axis=0)
        # Brackets sit on the outer face: in front for incisors.
        position = int(name.split()[1])
        if position <= 2:
            centre = np.array([crown[:, 0].max(), centre[1]])
        half = size * scale * (0.8 if position <= 2 else 1.1)
        box(
            picture, centre[0] - 0.7 * half, centre[1] - half, centre[0] + 0.7 * half, centre[1] + half, value
        )


def _chain(picture: Array, rng: np.random.Generator) -> None:
    """A necklace over the neck."""
    rows, columns = picture.shape
    x = np.linspace(rng.uniform(-0.1, 0.1), rng.uniform(0.2, 0.6), 70) * columns
    share = np.linspace(-1, 1, 70)
    y = rows * (rng.uniform(0.86, 0.98) + rng.uniform(0.02, 0.1) * share**2 * np.sign(rng.normal()))
    radius, value = rng.uniform(0.7, 1.8), rng.uniform(0.5, 2.0)
    for place in np.stack([x, y], axis=1):
        disc(picture, place, radius, value)


def add_frame(picture: Array, rng: np.random.Generator) -> None:
    """What a collimator and a scanner of films leave at the border, and letters, in place."""
    rows, columns = picture.shape
    if rng.random() < 0.5:
        grey = float(rng.choice([1.0, 0.95, 0.0, 0.02])) + rng.normal(0, 0.02)
        top, bottom, left, right = np.maximum(rng.normal(2, 3.5, 4), 0).astype(int)
        picture[:top] = grey
        picture[rows - bottom :] = grey
        picture[:, :left] = grey
        picture[:, columns - right :] = grey
        if rng.random() < 0.5:  # notches of a film holder
            deep, wide = rng.integers(3, 9), rng.integers(12, 22)
            for place in np.linspace(rng.uniform(0.05, 0.3), rng.uniform(0.65, 0.8), 3) * columns:
                picture[:deep, int(place) : int(place) + wide] = grey
                picture[rows - deep :, int(place) : int(place) + wide] = grey
    if rng.random() < 0.08:  # a round light field
        y, x = np.ogrid[:rows, :columns]
        middle = rng.uniform(0.4, 0.6, 2) * (rows, columns)
        outside = np.hypot(y - middle[0], x - middle[1]) > rng.uniform(0.58, 0.7) * rows
        picture[outside] = float(rng.choice([1.0, 0.0]))
    for _ in range(rng.poisson(0.8)):
        stamp = letters(str(rng.choice(TEXTS)), int(rng.integers(9, 26)))
        if rng.random() < 0.15:
            stamp = stamp[:, ::-1]
        height, width = stamp.shape
        if height >= rows or width >= columns:
            continue
        # Near a border, where a face is not.
        row = int(rng.choice([rng.integers(0, 12), rows - height - rng.integers(0, 12)]))
        row = min(max(row, 0), rows - height)
        column = int(rng.integers(0, columns - width))
        value = float(rng.choice([1.0, 0.9, 0.0]))
        part = picture[row : row + height, column : column + width]
        part += stamp * (value - part)
    np.clip(picture, 0, 1, out=picture)


TEXTS = (
    "R", "L", "SN030581", "CEPH LAT", "12/04/98", "77 kV 12 mA", "F 14Y", "LATERAL", "ID 20331", "1.1x", "M",
    "0.9 s", "RX 4", "07.11.2003", "L R",
)  # fmt: skip
