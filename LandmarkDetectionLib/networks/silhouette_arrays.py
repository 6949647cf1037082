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

        def normalised(name: str, fed: int, made: int, size: int = 3) -> tuple[Array, Array]:
            """A convolution with the batch normalisation after it folded in."""
            weight = take(f"{name}.0.weight", made, fed, size, size)
            scale, shift, mean, variance = (
                take(f"{name}.1.{part}", made) for part in ("weight", "bias", "running_mean", "running_var")
            )
            scale = scale / np.sqrt(variance + EPSILON)
            return weight * scale[:, None, None, None], shift - mean * scale

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
        levels = [_relu(_convolved(_relu(_convolved(image, self.stem[0], STRIDE)), self.stem[1]))]
        for shrink, one, two in self.down:
            x = _relu(_convolved(levels[-1], shrink, 2))
            levels.append(_relu(x + _convolved(_relu(_convolved(x, one)), two)))
        overview = _relu(_linear(levels[-1].mean(axis=(2, 3)), self.overview))
        current = levels[-1] + overview[:, :, None, None]
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
        maps = _convolved(features, (weight[rows], bias[rows]))
        absent = _linear(overview, (self.absent[0][rows], self.absent[1][rows]))
        if not self.depth:
            return HeatmapArrays(maps, absent, None, None)
        logits, depth, log_scale = np.split(maps, 3, axis=1)
        if self.depth_from_surface:
            depth = depth + _middle_depth(image)
        return HeatmapArrays(logits, absent, depth, np.clip(log_scale, -6, 3))


def _convolved(x: Array, kernel: tuple[Array, Array], stride: int = 1) -> Array:
    """(B, C, H, W) with a kernel (O, C, n, n), n odd, and bias (O,); as many zeros around as half of it."""
    weight, bias = kernel
    made, fed, size, _ = weight.shape
    count, _, height, width = x.shape
    if size == 1:
        out = weight.reshape(made, fed) @ x.reshape(count, fed, -1)
        return np.asarray(out.reshape(count, made, height, width) + bias[:, None, None])
    half = size // 2
    padded = np.pad(x, ((0, 0), (0, 0), (half, half), (half, half)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    rows, columns = windows.shape[2:4]
    flat = weight.reshape(made, -1)
    out = np.empty((count, made, rows, columns), np.float32)
    for one, into in zip(windows, out, strict=True):  # one image at a time, so that it stays in the cache
        patches = one.transpose(0, 3, 4, 1, 2).reshape(fed * size * size, rows * columns)
        into[...] = (flat @ patches).reshape(made, rows, columns)
    out += bias[:, None, None]
    return out


def _relu(x: Array) -> Array:
    return np.maximum(x, 0, out=x)


def _linear(x: Array, layer: tuple[Array, Array]) -> Array:
    return np.asarray(x @ layer[0].T + layer[1])


def _doubled(x: Array) -> Array:
    """Twice as many rows and columns, linear in between, cell edges aligned."""
    for axis in (2, 3):
        before = np.concatenate([x.take([0], axis), x.take(range(x.shape[axis] - 1), axis)], axis)
        after = np.concatenate([x.take(range(1, x.shape[axis]), axis), x.take([-1], axis)], axis)
        pair = np.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis=axis + 1)
        shape = list(x.shape)
        shape[axis] *= 2
        x = pair.reshape(shape)
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
