"""The compact network that ships, by NumPy alone: loading PyTorch takes ten times as long as using it.

Only inference, on the processor, in single precision; the same numbers as ``silhouette_unet`` to rounding.
Inside, images lie as (C, H, W, B): what is copied is contiguous over the images of a batch, and every
convolution is a few products of large matrices.

References
----------
A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016: F(4 x 4, 3 x 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.typing import Array

STRIDE = 2  # as in ``silhouette_unet``, which cannot be asked without PyTorch
EPSILON = 1e-5  # of batch normalisation
#: Images of at most so many pixels are worked on together, as many as stay in the cache; larger ones alone.
SMALL, TOGETHER = 64 * 64, 16
#: Tiles of 4 x 4 pixels in a batch from which on the fast algorithm pays, and how much larger they may be.
LEAST_TILES, MOST_BEYOND = 16, 1.6
# Of tiles, kernels and results of F(4, 3); the same along rows and columns.
_TILE = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float32,
)
_KERNEL = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_RESULT = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32
)
_TILES, _RESULTS = np.kron(_TILE, _TILE), np.kron(_RESULT, _RESULT)


class HeatmapArrays(NamedTuple):
    """As ``silhouette_unet.Heatmaps``."""

    logits: Array
    absent: Array
    depth: Array | None
    depth_log_scale: Array | None


class SilhouetteArrays:
    """A ``SilhouetteUNet`` with its weights.

    Parameters
    ----------
    state
        Its state dictionary as arrays.
    parameters
        What it was built with.

    Raises
    ------
    ValueError, KeyError, TypeError
        State and parameters do not fit one another, or a number is not finite.
    """

    def __init__(self, state: Mapping[str, Array], parameters: Mapping[str, Any]) -> None:
        channels = tuple(parameters.get("channels", (16, 32, 64, 96, 128)))
        landmarks, inputs = int(parameters["landmarks"]), int(parameters.get("inputs", 4))
        self.depth_from_surface = bool(parameters.get("depth_from_surface", False))
        self.depth, self.level = bool(parameters.get("depth", True)), int(parameters.get("level", 0))
        left = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}

        def take(name: str, *shape: int) -> Array:
            value = np.asarray(left.pop(name), np.float32)
            if value.shape != shape or not np.isfinite(value).all():
                raise ValueError(f"{name} does not fit")
            return value

        def normalised(name: str, fed: int, made: int, size: int = 3) -> _Layer:
            """A convolution with the batch normalisation after it folded in."""
            weight = take(f"{name}.0.weight", made, fed, size, size)
            scale, shift, mean, variance = (
                take(f"{name}.1.{part}", made) for part in ("weight", "bias", "running_mean", "running_var")
            )
            scale = scale / np.sqrt(variance + EPSILON)
            return _Layer(weight * scale[:, None, None, None], shift - mean * scale)

        def plain(name: str, *shape: int) -> _Layer:
            return _Layer(take(f"{name}.weight", *shape), take(f"{name}.bias", shape[0]))

        pairs = list(pairwise(channels))
        first, last = channels[0], channels[-1]
        self.stem = normalised("stem.0", inputs, first, 5), normalised("stem.1", first, first)
        self.down = [
            (
                normalised(f"down.{n}.0", above, width),
                normalised(f"down.{n}.1.first", width, width),
                normalised(f"down.{n}.1.second", width, width),
            )
            for n, (above, width) in enumerate(pairs)
        ]
        self.overview, self.absent = plain("overview.0", last, last), plain("absent", landmarks, last)
        level, maps = self.level, 3 if self.depth else 1
        self.lateral = [plain(f"lateral.{n}", a, b, 1, 1) for n, (a, b) in enumerate(pairs[level:])]
        self.up = [normalised(f"up.{n}", width, width) for n, width in enumerate(channels[level:-1])]
        self.head = normalised("head.0", channels[level], 32), plain("head.1", maps * landmarks, 32, 1, 1)
        if left:
            raise ValueError(f"unknown {', '.join(sorted(left))}")

    @property
    def stride(self) -> int:
        """Input pixels per heatmap cell."""
        return int(STRIDE * 2**self.level)

    def __call__(self, image: Array, chosen: Array | None = None) -> HeatmapArrays:
        """Of images (B, inputs, H, W) float32, both sizes multiples of ``STRIDE * 2 ** levels``.

        ``chosen`` (K,) are the landmarks that are asked for, of a network without depth.
        """
        return self.maps(*self.features(image), image, chosen)

    def features(self, image: Array) -> tuple[Array, Array]:
        """What the last layer sees, (B, 32, h, w), and what the whole image shows, (B, channels)."""
        step = TOGETHER if image.shape[2] * image.shape[3] <= SMALL else 1
        parts = [self._features(image[n : n + step]) for n in range(0, len(image), step)]
        features, overview = zip(*parts, strict=True)
        return np.concatenate(features), np.concatenate(overview)

    def _features(self, image: Array) -> tuple[Array, Array]:
        first = np.ascontiguousarray(image.transpose(1, 2, 3, 0))
        levels = [_relu(_convolved(_relu(_convolved(first, self.stem[0], STRIDE)), self.stem[1]))]
        for shrink, one, two in self.down:
            x = _relu(_convolved(levels[-1], shrink, 2))
            y = _convolved(_relu(_convolved(x, one)), two)
            y += x
            levels.append(_relu(y))
        overview = _relu(_linear(levels[-1].mean(axis=(1, 2)).T, self.overview))
        current = levels[-1] + overview.T[:, None, None]
        skips = levels[self.level : -1][::-1]
        for skip, lateral, up in zip(skips, self.lateral[::-1], self.up[::-1], strict=True):
            current = _doubled(_convolved(current, lateral))
            current += skip
            current = _relu(_convolved(current, up))
        return _relu(_convolved(current, self.head[0])).transpose(3, 0, 1, 2), overview

    def maps(
        self, features: Array, overview: Array, image: Array, chosen: Array | None = None
    ) -> HeatmapArrays:
        """Heatmaps from ``features`` of all landmarks or of the chosen (K,)."""
        rows = slice(None) if chosen is None else chosen
        last, size = self.head[1], features.shape[2:]
        weight = last.weight[rows, :, 0, 0]
        maps = weight @ features.reshape(*features.shape[:2], -1) + last.bias[rows, None]
        maps = maps.reshape(len(features), len(weight), *size)
        absent = overview @ self.absent.weight[rows].T + self.absent.bias[rows]
        if not self.depth:
            return HeatmapArrays(maps, absent, None, None)
        logits, depth, log_scale = np.split(maps, 3, axis=1)
        if self.depth_from_surface:
            depth = depth + _middle_depth(image)
        return HeatmapArrays(logits, absent, depth, np.clip(log_scale, -6, 3))


class _Layer:
    """Weights (O, C, n, n) of a convolution, or (O, C) of a linear layer, and bias (O,)."""

    def __init__(self, weight: Array, bias: Array) -> None:
        self.weight, self.bias = weight, bias

    @cached_property
    def of_tiles(self) -> Array:
        """Kernels of 3 x 3 as tiles are multiplied with: (36, O, C)."""
        made, fed = self.weight.shape[:2]
        both = np.kron(_KERNEL, _KERNEL) @ self.weight.reshape(made * fed, 9).T
        return np.ascontiguousarray(both.reshape(36, made, fed), np.float32)


def _convolved(x: Array, layer: _Layer, stride: int = 1) -> Array:
    """(C, H, W, B) with a kernel of n x n, n odd; as many zeros around as half of it."""
    made, fed, size, _ = layer.weight.shape
    _, height, width, count = x.shape
    down, right = -(-height // 4), -(-width // 4)
    large = down * right * count >= LEAST_TILES and 16 * down * right <= MOST_BEYOND * height * width
    if size == 3 and stride == 1 and large:
        return _convolved_fast(x, layer, down, right)
    rows, columns = -(-height // stride), -(-width // stride)
    patches = x
    if size > 1:
        padded = _padded(x, size // 2, height + size - 1, width + size - 1)
        patches = np.empty((fed, size, size, rows, columns, count), np.float32)
        for i, j in np.ndindex(size, size):
            patches[:, i, j] = padded[:, i : i + stride * rows : stride, j : j + stride * columns : stride]
    out = layer.weight.reshape(made, -1) @ patches.reshape(fed * size * size, -1)
    out += layer.bias[:, None]
    return np.asarray(out.reshape(made, rows, columns, count))


def _convolved_fast(x: Array, layer: _Layer, down: int, right: int) -> Array:
    """With a kernel of 3 x 3, by Winograd's algorithm: a quarter of the products, in tiles of 4 x 4."""
    made, fed = layer.weight.shape[:2]
    _, height, width, count = x.shape
    padded = _padded(x, 1, 4 * down + 2, 4 * right + 2)
    tiles = np.empty((6, 6, fed, down, right, count), np.float32)
    for i, j in np.ndindex(6, 6):
        tiles[i, j] = padded[:, i : i + 4 * down : 4, j : j + 4 * right : 4]
    products = layer.of_tiles @ (_TILES @ tiles.reshape(36, -1)).reshape(36, fed, -1)
    results = (_RESULTS @ products.reshape(36, -1)).reshape(4, 4, made, down, right, count)
    out = np.empty((made, down, 4, right, 4, count), np.float32)
    np.add(results.transpose(2, 3, 0, 4, 1, 5), layer.bias[:, None, None, None, None, None], out=out)
    image = out.reshape(made, 4 * down, 4 * right, count)
    return np.ascontiguousarray(image[:, :height, :width])


def _padded(x: Array, before: int, rows: int, columns: int) -> Array:
    """Images (C, H, W, B) in (C, rows, columns, B) with so many zeros before them."""
    fed, height, width, count = x.shape
    padded = np.zeros((fed, rows, columns, count), np.float32)
    padded[:, before : before + height, before : before + width] = x
    return padded


def _relu(x: Array) -> Array:
    return np.maximum(x, 0, out=x)


def _linear(x: Array, layer: _Layer) -> Array:
    return np.asarray(x @ layer.weight.T + layer.bias)


def _doubled(x: Array) -> Array:
    """Twice as many rows and columns, linear in between, cell edges aligned."""
    for axis in (1, 2):
        line = np.moveaxis(x, axis, 0)
        most, least = 0.75 * line, 0.25 * line
        shape = list(x.shape)
        shape.insert(axis + 1, 2)
        out = np.empty(shape, np.float32)
        pair = np.moveaxis(out, (axis + 1, axis), (0, 1))
        pair[0, 0], pair[1, -1] = line[0], line[-1]
        np.add(most[1:], least[:-1], out=pair[0, 1:])
        np.add(most[:-1], least[1:], out=pair[1, :-1])
        shape = list(x.shape)
        shape[axis] *= 2
        x = out.reshape(shape)
    return x


def _middle_depth(image: Array) -> Array:
    """As ``silhouette_unet._middle_depth``."""
    body = image[:, :1]
    both = np.concatenate([body, body * (image[:, 1:2] + image[:, 2:3]) / 2], axis=1)
    count, channels, height, width = both.shape
    cells = both.reshape(count, channels, height // STRIDE, STRIDE, width // STRIDE, STRIDE).mean(axis=(3, 5))
    sums = mean_of_neighbours(cells)
    return np.asarray(sums[:, 1:] / np.maximum(sums[:, :1], 1e-3))


def mean_of_neighbours(x: Array) -> Array:
    """Mean of 3 x 3 cells of (B, C, h, w), with zeros around."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows = padded[:, :, :-2] + padded[:, :, 1:-1] + padded[:, :, 2:]
    return np.asarray((rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9)


# --- before and after the network, as in ``depth`` and ``heatmap`` ----------------------------------------


def network_input(front: Array, back: Array, inside: Array, least_mm: float) -> tuple[Array, Array, Array]:
    """As ``depth.network_input``: channels (B, 4, H, W), and mean and deviation (B,) of the front surface."""
    background, most = 3.0, 6.0
    body = np.isfinite(front)
    count = np.maximum(body.sum(axis=(1, 2)), 1)
    filled = np.where(body, front, 0)
    mean = (filled.sum(axis=(1, 2)) / count).astype(np.float32)
    spread = (((filled - mean[:, None, None]) * body) ** 2).sum(axis=(1, 2)) / count
    deviation = np.maximum(np.sqrt(spread), least_mm).astype(np.float32)

    def normalised(depth: Array) -> Array:
        values = (depth - mean[:, None, None]) / deviation[:, None, None]
        return np.clip(np.where(np.isfinite(depth), values, background), -most, most)

    channels = (body, normalised(front), normalised(back), inside)
    return np.stack([np.asarray(one, np.float32) for one in channels], axis=1), mean, deviation


def bone_input(
    bone: Array, bone_depth: Array, mean: Array, deviation: Array, unit_mm: float, most: float
) -> Array:
    """As ``depth.bone_input``: channels (B, 2, H, W)."""
    background, limit = 3.0, 6.0
    amount = np.minimum(np.sqrt(bone / unit_mm), most)
    place = (bone_depth - mean[:, None, None]) / deviation[:, None, None]
    place = np.clip(np.where(np.isfinite(bone_depth), place, background), -limit, limit)
    place = place * (bone.max(axis=(1, 2), keepdims=True) > 0)
    return np.stack([amount, place], axis=1).astype(np.float32)


def distribution(logits: Array, absent: Array) -> tuple[Array, Array]:
    """As ``softmax.distribution``."""
    count, landmarks, rows, columns = logits.shape
    everything = np.concatenate([logits.reshape(count, landmarks, -1), absent[..., None]], axis=2)
    everything = np.exp(everything - everything.max(axis=2, keepdims=True))
    everything /= everything.sum(axis=2, keepdims=True)
    return everything[..., :-1].reshape(count, landmarks, rows, columns), 1 - everything[..., -1]


def pixel_centres(count: int, stride: int = STRIDE) -> Array:
    """As ``softmax.pixel_centres``."""
    return np.asarray((np.arange(count, dtype=np.float32) + 0.5) * stride - 0.5)


def decode(
    probability: Array, bandwidth: float = 2.0, iterations: int = 12, stride: int = STRIDE
) -> tuple[Array, Array, Array]:
    """As ``softmax.decode``: position (B, L, 2), covariance (B, L, 2, 2) and window (B, L, h, w)."""
    count, landmarks, rows, columns = probability.shape
    peak = mean_of_neighbours(probability).reshape(count, landmarks, -1).argmax(axis=2)
    y, x = pixel_centres(rows, stride), pixel_centres(columns, stride)
    place = np.stack([x[peak % columns], y[peak // columns]], axis=-1)
    scale = np.float32(-0.5 / (bandwidth * stride) ** 2)
    total = np.float32(1e-12)
    for _ in range(iterations):
        along_rows = np.exp(scale * (y - place[..., 1:2]) ** 2)
        along_columns = np.exp(scale * (x - place[..., :1]) ** 2)
        # The window is a product of rows and columns, so that its means need no map of its own.
        by_row = (probability @ along_columns[..., None])[..., 0] * along_rows
        by_column = (along_rows[..., None, :] @ probability)[..., 0, :] * along_columns
        mass = np.maximum(by_row.sum(axis=-1), total)
        place = np.stack([(by_column * x).sum(-1) / mass, (by_row * y).sum(-1) / mass], axis=-1)
    window = probability * along_rows[..., None] * along_columns[..., None, :] / mass[..., None, None]
    whole = probability / np.maximum(probability.sum(axis=(2, 3), keepdims=True), total)
    dx, dy = x - place[..., :1], y - place[..., 1:2]
    xx, yy = (whole.sum(2) * dx**2).sum(-1), (whole.sum(3) * dy**2).sum(-1)
    xy = ((dy[..., None, :] @ whole)[..., 0, :] * dx).sum(-1)
    covariance = np.stack([xx, xy, xy, yy], axis=-1).reshape(count, landmarks, 2, 2)
    return place, covariance, window


def mass_within(probability: Array, place: Array, radius: float | Array, stride: int = STRIDE) -> Array:
    """As ``softmax.mass_within``; radii (B,) are one per image."""
    rows, columns = probability.shape[-2:]
    dy = pixel_centres(rows, stride) - place[..., 1:2]
    dx = pixel_centres(columns, stride) - place[..., :1]
    limit = np.broadcast_to(np.asarray(radius, np.float32), (len(probability),))[:, None, None, None] ** 2
    near = dy[..., None] ** 2 + dx[..., None, :] ** 2 <= limit
    return np.asarray((probability * near).sum(axis=(2, 3)))


def mirrored(maps: Array, swap: Sequence[int] | Array) -> Array:
    """Maps (B, L, h, w) of a mirror image as those of the image itself."""
    return maps[..., ::-1][:, swap]
