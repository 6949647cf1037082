"""A radiograph of a hand in the ways radiographs come: turned, inverted, collimated, marked, uneven, noisy.

Every copy knows where its pixels were, so that what is found in it can be laid over what is found in the
original.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

Array = np.ndarray
WHITE = 255.0


@dataclass(frozen=True)
class Copy:
    """A disturbed copy of a radiograph.

    Attributes
    ----------
    name
        What was done.
    image
        (H, W) float32 grey values.
    to_original
        (3, 3) from its pixels (column, row, 1) to those of the original.
    """

    name: str
    image: Array
    to_original: Array

    def original(self, pixels: Array) -> Array:
        """Pixels (N, 2) of the original from pixels of the copy."""
        return np.asarray(pixels @ self.to_original[:2, :2].T + self.to_original[:2, 2])

    def then(self, name: str, image: Array, to_this: Array | None = None) -> Copy:
        """Disturb this copy again; ``to_this`` (3, 3) maps the new pixels to this copy's."""
        step = np.eye(3) if to_this is None else to_this
        return Copy(f"{self.name}, {name}", image.astype(np.float32), self.to_original @ step)


def copies(image: Array) -> Iterator[Copy]:
    """Disturbed copies of (H, W) grey values from 0 to 255, the original first."""
    original = Copy("original", image.astype(np.float32), np.eye(3))
    yield original
    yield inverted(original)
    yield mirrored(original)
    for degrees in (90, 180, 270):
        yield turned(original, degrees, 0)
    yield turned(original, 30, 0)
    yield turned(original, -50, WHITE)
    yield turned(original, 160, 128)
    for value in (0.0, WHITE):
        yield framed(original, value)
    yield framed(inverted(original), 0)
    yield collimated(original, 0, 4)
    yield collimated(original, WHITE, -3)
    yield marked(original, 0.75, 0.02)
    yield marked(original, 0.66, 0.28)
    yield inverted(marked(original, 0.66, 0.28))
    yield covered(original)
    yield uneven(original, 50, 30)
    yield uneven(original, -30, -60)
    yield noisy(original, 15)
    yield noisy(original, 30)
    yield halved(original)
    yield halved(halved(halved(original)))
    yield eight_bit(original)
    yield curved(original, 0.5)
    yield noisy(uneven(marked(turned(original, 75, 0), 0.02, 0.02), 25, 15), 8)
    yield inverted(noisy(uneven(marked(turned(original, -110, 0), 0.02, 0.02), 25, 15), 8))


def inverted(copy: Copy) -> Copy:
    """As MONOCHROME1 is stored."""
    return copy.then("inverted", WHITE - copy.image)


def mirrored(copy: Copy) -> Copy:
    """Left and right swapped."""
    back = np.array([[-1.0, 0, copy.image.shape[1] - 1], [0, 1, 0], [0, 0, 1]])
    return copy.then("mirrored", copy.image[:, ::-1], back)


def turned(copy: Copy, degrees: float, corners: float) -> Copy:
    """Turned on a larger picture, with an even value in its corners as behind a collimator."""
    height, width = copy.image.shape
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    columns = int(np.ceil(abs(width * cos) + abs(height * sin) - 1e-6))
    rows = int(np.ceil(abs(width * sin) + abs(height * cos) - 1e-6))
    turn = np.array([[cos, -sin], [sin, cos]])  # of (column, row)
    shift = np.array([width - 1, height - 1]) / 2 - turn @ [(columns - 1) / 2, (rows - 1) / 2]
    back = np.eye(3)
    back[:2, :2], back[:2, 2] = turn, shift
    image = ndimage.affine_transform(
        copy.image, turn[::-1, ::-1], shift[::-1], (rows, columns), order=1, cval=corners
    )
    return copy.then(f"turned by {degrees}", image, back)


def framed(copy: Copy, value: float, width: int = 150) -> Copy:
    """An even border added."""
    back = np.array([[1.0, 0, -width], [0, 1, -width], [0, 0, 1]])
    return copy.then(f"border of {value:g}", np.pad(copy.image, width, constant_values=value), back)


def collimated(copy: Copy, value: float, tilt: float) -> Copy:
    """More air around the hand, and a collimator that stands slightly askew."""
    air = framed(copy, float(np.median(copy.image[:, :20])), 100)
    height, width = air.image.shape
    corners = np.array([[0.04, 0.03], [0.97, 0.03], [0.97, 0.95], [0.04, 0.95]]) * (width, height)
    angle = np.radians(tilt)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = (corners - corners.mean(axis=0)) @ turn.T + corners.mean(axis=0)
    shape = Image.new("1", (width, height))
    ImageDraw.Draw(shape).polygon([tuple(corner) for corner in corners.tolist()], fill=1)
    image = np.where(np.asarray(shape), air.image, value)
    return copy.then(f"collimated at {value:g}", image, np.linalg.inv(copy.to_original) @ air.to_original)


def marked(copy: Copy, across: float, down: float) -> Copy:
    """A lead letter in a box, its corner at shares of the picture's size."""
    picture = Image.fromarray(np.clip(copy.image, 0, WHITE).astype(np.uint8))
    left, top = int(across * picture.width), int(down * picture.height)
    size = max(12, round(0.13 * picture.width))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left, top, left + size, top + round(1.3 * size)), outline=255, width=max(2, size // 14))
    draw.line(
        [
            (left + 0.3 * size, top + 0.2 * size),
            (left + 0.3 * size, top + size),
            (left + 0.7 * size, top + size),
        ],
        fill=255,
        width=max(2, size // 10),
    )
    return copy.then("letter in a box", np.asarray(picture))


def covered(copy: Copy) -> Copy:
    """A lead plate over the edge of the wrist."""
    image = copy.image.copy()
    height, width = image.shape
    image[int(0.72 * height) : int(0.84 * height), int(0.62 * width) : int(0.73 * width)] = WHITE
    return copy.then("lead plate", image)


def uneven(copy: Copy, across: float, down: float) -> Copy:
    """Exposure that changes over the picture."""
    rows, columns = copy.image.shape
    slope = across * np.linspace(-1, 1, columns) + down * np.linspace(-1, 1, rows)[:, None]
    return copy.then("uneven", copy.image + slope)


def noisy(copy: Copy, deviation: float) -> Copy:
    """Noise of its own in every pixel, clipped as a detector does."""
    noise = np.random.default_rng(0).normal(0, deviation, copy.image.shape)
    return copy.then(f"noise of {deviation:g}", np.clip(copy.image + noise, 0, WHITE))


def halved(copy: Copy) -> Copy:
    """Half as many pixels in both directions."""
    rows, columns = (n // 2 * 2 for n in copy.image.shape)
    image = copy.image[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean((1, 3))
    return copy.then("half size", image, np.array([[2.0, 0, 0.5], [0, 2, 0.5], [0, 0, 1]]))


def eight_bit(copy: Copy) -> Copy:
    """Whole grey values."""
    return copy.then("eight bits", np.clip(np.rint(copy.image), 0, WHITE))


def curved(copy: Copy, exponent: float) -> Copy:
    """Another characteristic curve."""
    return copy.then("curved", WHITE * (np.clip(copy.image, 0, WHITE) / WHITE) ** exponent)
