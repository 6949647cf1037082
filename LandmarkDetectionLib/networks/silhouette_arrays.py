"""The compact network that ships, by NumPy alone: loading PyTorch takes ten times as long as using it.

Only inference, on the processor, in single precision; the same numbers as ``silhouette_unet`` to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.typing import Array

STRIDE = 2  # as in ``silhouette_unet``, which cannot be asked without PyTorch
EPSILON = 1e-5  # of batch normalisation
#: Cells whose surroundings are gathered at a time.
GATHERED = 512


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

        def normalised(name: str, fed: int, made: int, size: int = 3) -> _Kernel:
            """A convolution with the batch normalisation after it folded in."""
            weight = take(f"{name}.0.weight", made, fed, size, size)
            scale, shift, mean, variance = (
                take(f"{name}.1.{part}", made) for part in ("weight", "bias", "running_mean", "running_var")
            )
            scale = scale / np.sqrt(variance + EPSILON)
            return _kernel(weight * scale[:, None, None, None], shift - mean * scale)

        def plain(name: str, *shape: int) -> tuple[Array, Array]:
            return take(f"{name}.weight", *shape), take(f"{name}.bias", shape[0])

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
        self.lateral = [_kernel(*plain(f"lateral.{n}", a, b, 1, 1)) for n, (a, b) in enumerate(pairs[level:])]
        self.up = [normalised(f"up.{n}", width, width) for n, width in enumerate(channels[level:-1])]
        last_weight, last_bias = plain("head.1", maps * landmarks, 32, 1, 1)
        self.head = normalised("head.0", channels[level], 32), (last_weight[:, :, 0, 0], last_bias)
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
        """What the last layer sees, (B, h, w, 32), and what the whole image shows, (B, channels)."""
        x = np.ascontiguousarray(image.transpose(0, 2, 3, 1), np.float32)
        levels = [_relu(_convolved(_relu(_convolved(x, self.stem[0], STRIDE)), self.stem[1]))]
        for shrink, one, two in self.down:
            x = _relu(_convolved(levels[-1], shrink, 2))
            levels.append(_relu(x + _convolved(_relu(_convolved(x, one)), two)))
        overview = _relu(_linear(levels[-1].mean(axis=(1, 2)), self.overview))
        current = levels[-1] + overview[:, None, None]
        skips = levels[self.level : -1][::-1]
        for skip, lateral, up in zip(skips, self.lateral[::-1], self.up[::-1], strict=True):
            current = _relu(_convolved(skip + _doubled(_convolved(current, lateral)), up))
        return _relu(_convolved(current, self.head[0])), overview

    def maps(
        self, features: Array, overview: Array, image: Array, chosen: Array | None = None
    ) -> HeatmapArrays:
        """Heatmaps from ``features`` of all landmarks or of the chosen (K,)."""
        rows = slice(None) if chosen is None else chosen
        weight, bias = self.head[1]
        count, height, width, fed = features.shape
        flat = features.reshape(count, height * width, fed).transpose(0, 2, 1)
        maps = (weight[rows] @ flat + bias[rows, None]).reshape(count, -1, height, width)
        absent = _linear(overview, (self.absent[0][rows], self.absent[1][rows]))
        if not self.depth:
            return HeatmapArrays(maps, absent, None, None)
        logits, depth, log_scale = np.split(maps, 3, axis=1)
        if self.depth_from_surface:
            depth = depth + _middle_depth(image)
        return HeatmapArrays(logits, absent, depth, np.clip(log_scale, -6, 3))


class _Kernel(NamedTuple):
    """Of a convolution over (B, H, W, C): weights (n, n C, O) of every row of it, and bias (O,)."""

    weight: Array
    bias: Array


def _kernel(weight: Array, bias: Array) -> _Kernel:
    """From weights (O, C, n, n), n odd, as PyTorch stores them."""
    made, fed, size, _ = weight.shape
    return _Kernel(np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(size, size * fed, made), bias)


def _convolved(x: Array, kernel: _Kernel, stride: int = 1) -> Array:
    """(B, H, W, C) with as many zeros around as half of the kernel.

    What a row of the kernel sees lies side by side in memory, so that gathering it is a plain copy.
    """
    size, reach, made = kernel.weight.shape
    count, height, width, fed = x.shape
    if size == 1:
        return np.asarray(x.reshape(-1, fed) @ kernel.weight[0] + kernel.bias).reshape(
            count, height, width, made
        )
    half = size // 2
    padded = np.zeros((count, height + 2 * half, width + 2 * half, fed), np.float32)
    padded[:, half:-half, half:-half] = x
    image, row, column, value = padded.strides
    rows, columns = -(-height // stride), -(-width // stride)
    windows = np.lib.stride_tricks.as_strided(
        padded,
        (count, rows, columns, size, reach),
        (image, stride * row, stride * column, row, value),
        writeable=False,
    )
    out = np.empty((count, rows, columns, made), np.float32)
    weight = kernel.weight.reshape(-1, made)
    # So many images or rows at a time that what was gathered stays in the cache.
    images = max(1, GATHERED // (rows * columns))
    lines = max(1, GATHERED // columns) if images == 1 else rows
    for n in range(0, count, images):
        for m in range(0, rows, lines):
            part = windows[n : n + images, m : m + lines]
            out[n : n + images, m : m + lines] = (part.reshape(-1, size * reach) @ weight).reshape(
                *part.shape[:3], made
            )
    out += kernel.bias
    return out


def _relu(x: Array) -> Array:
    return np.maximum(x, 0, out=x)


def _linear(x: Array, layer: tuple[Array, Array]) -> Array:
    return np.asarray(x @ layer[0].T + layer[1])


def _doubled(x: Array) -> Array:
    """Twice as many rows and columns of (B, H, W, C), linear in between, cell edges aligned."""
    for axis in (1, 2):
        ours = x.swapaxes(0, axis)
        shape = list(x.shape)
        shape[axis] *= 2
        out = np.empty(shape, np.float32)
        theirs = out.swapaxes(0, axis)
        theirs[0::2] = theirs[1::2] = 0.75 * ours
        quarter = 0.25 * ours
        theirs[2::2] += quarter[:-1]
        theirs[1:-1:2] += quarter[1:]
        theirs[0] += quarter[0]
        theirs[-1] += quarter[-1]
        x = out
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
    probability: Array,
    bandwidth: float = 2.0,
    iterations: int = 12,
    stride: int = STRIDE,
    weights: Array | None = None,
) -> tuple[Array, Array, Array]:
    """As ``softmax.decode``: position (B, L, 2), covariance (B, L, 2, 2) and window (B, L, h, w).

    Weights (B, L, h, w) choose among peaks, and move none.
    """
    count, landmarks, rows, columns = probability.shape
    smooth = mean_of_neighbours(probability if weights is None else probability * weights)
    peak = smooth.reshape(count, landmarks, -1).argmax(axis=2)
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
