"""Heatmap networks on images larger than the memory or than a network's input, in 2D and 3D.

Heatmaps of every landmark for 157 million voxels are larger than most computers' memory, so they are not
kept: ``sliding_window_peaks`` blends those of overlapping patches in a window that moves over the slices,
and keeps the highest place of each landmark, the heatmap around it, and the sum of the whole.

MONAI's sliding window (``monai.inferers``) blends in the same way, but holds the heatmaps of the whole image:
7.5 GB for twelve landmarks in 512 x 512 x 600 voxels. That is why this is not built on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.typing import Array


class HeatmapPeaks(NamedTuple):
    """What is kept of the heatmaps of L landmarks; of d axes the image's last comes first (x, y, z).

    Attributes
    ----------
    value : (L,) float32
        Height of the highest voxel.
    window : (L, *w) float32
        The heatmap around it: 2 radius + 1 voxels along every axis, moved inwards at borders of the image.
    origin : (L, d) float64
        Where the window's first voxel lies, in pixels of the image.
    step : int
        Pixels of the image per voxel.
    mass : (L,) float64
        Sum of the positive voxels that were looked at.
    """

    value: Array
    window: Array
    origin: Array
    step: int
    mass: Array

    def points(self, decode: Callable[[Any], Any]) -> Array:
        """(L, d) positions in pixels of the image, by a decoder of heatmaps (B, L, *S) to voxels."""
        import torch

        voxels = decode(torch.from_numpy(self.window)[None])[0].double().numpy()
        return np.asarray(self.origin + self.step * voxels)

    def highest(self) -> Array:
        """(L, d) centres of the highest voxels, in pixels of the image."""
        shape = self.window.shape[1:]
        index = self.window.reshape(len(self.window), -1).argmax(axis=1)
        return np.asarray(self.origin + self.step * np.stack(np.unravel_index(index, shape)[::-1], axis=1))


def sliding_window_peaks(
    image: Any,
    network: Any,
    patch: Sequence[int],
    *,
    overlap: float = 0.5,
    radius: int = 8,
    distribution: Callable[[Any], Any] | None = None,
    device: str = "cpu",
) -> HeatmapPeaks:
    """Run a network over overlapping patches and keep the highest place of every landmark.

    In the outer quarter of an overlap a patch counts nothing, then its weight rises linearly; the weights of
    all patches sum to one. Where a quarter of the overlap is as much as the network sees around a pixel, the
    heatmaps are those of one run over the whole image. Patches start at multiples of ``multiple`` and may
    reach over the image's end, where they hold zeros.

    Memory beside the image and what the network needs for one patch: landmarks x rows x columns x about three
    times the patch's slices, 4 bytes each.

    Parameters
    ----------
    image
        (C, *S); only slices ``image[:, a:b, ...]`` are taken, so a file may stand behind it.
    network
        Gives a ``HeatmapOutput`` for (1, C, *patch) and has the attributes ``landmarks``, ``stride`` and
        ``multiple``.
    patch
        (d,) pixels along S; axes on which the image is smaller take one patch.
    overlap
        Share of a patch, in [0, 0.75].
    radius
        Voxels kept on every side of the highest.
    distribution
        What turns a patch's heatmaps (1, L, *voxels) into what is blended. Logits must become probabilities
        first: only within its patch does a logit mean anything, and a patch without the landmark gives it to
        "absent".

    Raises
    ------
    ValueError
        The patch does not fit the network, or the overlap is out of range.
    """
    size = tuple(int(n) for n in image.shape[1:])
    stride = int(network.stride)
    _check_patch(patch, network, overlap, size)
    axes = [_patches_along(n, t, overlap, network) for n, t in zip(size, patch, strict=True)]
    content = tuple(-(-n // stride) for n in size)
    kept = _Kept(int(network.landmarks), content, radius)
    depth = patch[0] // stride
    inner = content[1:]
    pending = np.zeros((kept.landmarks, depth, *inner), np.float32)
    tail = np.zeros((kept.landmarks, 0, *inner), np.float32)
    for number, (first, first_weights) in enumerate(axes[0]):
        for others in product(*axes[1:]):
            starts = (first, *(start for start, _ in others))
            heatmaps = _run(network, _part(image, starts, patch), device, distribution)
            for axis, weights in enumerate((first_weights, *(weights for _, weights in others))):
                heatmaps *= weights.reshape(-1, *(1,) * (len(size) - 1 - axis))
            voxels = [start // stride for start in starts[1:]]
            fits = [min(t // stride, n - c) for t, n, c in zip(patch[1:], inner, voxels, strict=True)]
            where = tuple(slice(c, c + n) for c, n in zip(voxels, fits, strict=True))
            target, part = (slice(None), slice(None), *where), (slice(None), slice(None), *map(slice, fits))
            pending[target] += heatmaps[part]
        start = first // stride
        last = number == len(axes[0]) - 1
        end = content[0] if last else axes[0][number + 1][0] // stride
        final = pending[:, : end - start]
        kept.mass += np.maximum(final, 0).sum(axis=tuple(range(2, final.ndim)), dtype=np.float64).sum(axis=1)
        block = np.concatenate([tail, final], axis=1)
        low = start - tail.shape[1]
        kept.add_peaks(block, low, end, last)
        # A window at the image's end reaches back by up to twice the radius.
        tail = block[:, max(kept.searched - 2 * radius - low, 0) :].copy()
        moved = np.zeros_like(pending)
        moved[:, : depth - (end - start)] = pending[:, end - start :]
        pending = moved
    return kept.peaks(stride)


# --- patches ------------------------------------------------------------------------------------------------


def _check_patch(patch: Sequence[int], network: Any, overlap: float, size: Sequence[int]) -> None:
    if len(patch) != len(size) or any(t <= 0 or t % network.multiple for t in patch):
        raise ValueError(f"patch {tuple(patch)} must have {len(size)} multiples of {network.multiple}")
    if not 0 <= overlap <= 0.75:
        raise ValueError(f"overlap must be from 0 to 0.75, not {overlap}")


def _patches_along(size: int, patch: int, overlap: float, network: Any) -> list[tuple[int, Array]]:
    """Starts in pixels, and what each voxel of the patch counts; weights of all patches sum to one."""
    stride, multiple = int(network.stride), int(network.multiple)
    step = max(int(patch * (1 - overlap)) // multiple, 1) * multiple
    starts = [0]
    while starts[-1] + patch < size:
        starts.append(starts[-1] + step)
    voxels, shared = patch // stride, (patch - step) // stride
    from_border = np.minimum(np.arange(voxels) + 0.5, voxels - np.arange(voxels) - 0.5)
    rise = np.clip((from_border - shared / 4) / max(shared / 2, 1e-9), 0, 1)
    total = np.zeros(starts[-1] // stride + voxels)
    weights = []
    for number, start in enumerate(starts):
        own = rise.copy()
        half = voxels // 2
        # The image's own border is the network's own affair.
        if number == 0:
            own[:half] = 1
        if number == len(starts) - 1:
            own[half:] = 1
        weights.append(own)
        total[start // stride :][:voxels] += own
    return [
        (start, (own / np.maximum(total[start // stride :][:voxels], 1e-9)).astype(np.float32))
        for start, own in zip(starts, weights, strict=True)
    ]


def _part(image: Any, starts: Sequence[int], patch: Sequence[int]) -> Array:
    """(C, *patch) float32, zero outside the image; starts may be negative."""
    size = image.shape[1:]
    low = [min(max(s, 0), n) for s, n in zip(starts, size, strict=True)]
    high = [min(max(s + t, 0), n) for s, t, n in zip(starts, patch, size, strict=True)]
    inside = (slice(None), *(slice(a, b) for a, b in zip(low, high, strict=True)))
    part = np.ascontiguousarray(image[inside], dtype=np.float32)
    if part.shape[1:] == tuple(patch):
        return part
    whole = np.zeros((part.shape[0], *patch), np.float32)
    there = (slice(None), *(slice(a - s, b - s) for a, b, s in zip(low, high, starts, strict=True)))
    whole[there] = part
    return whole


def _run(network: Any, patch: Array, device: str, distribution: Callable[[Any], Any] | None = None) -> Array:
    """What is blended of one patch, (L, *voxels) float32, writable."""
    import torch

    with torch.inference_mode():
        heatmaps = network(torch.from_numpy(patch)[None].to(device)).heatmaps.float()
        blended = heatmaps if distribution is None else distribution(heatmaps)
        return np.array(blended[0].cpu().numpy())


class _Kept:
    """The highest place of every landmark so far, and the sum of its voxels, in the order of S."""

    def __init__(self, landmarks: int, content: tuple[int, ...], radius: int) -> None:
        self.landmarks, self.content, self.radius = landmarks, content, radius
        d = len(content)
        self.shape = tuple(min(2 * radius + 1, n) for n in content)
        self.value = np.full(landmarks, -np.inf, np.float32)
        self.window = np.zeros((landmarks, *self.shape), np.float32)
        self.origin = np.zeros((landmarks, d), int)
        self.mass = np.zeros(landmarks)
        self.searched = 0

    def add_peaks(self, block: Array, start: int, end: int, last: bool) -> None:
        """Look for higher voxels in a block of rows ``start`` to ``end``, as far as windows have all rows."""
        if not last:
            end = end - self.radius if end >= self.shape[0] else self.searched
        if end <= self.searched:
            return
        rows = slice(self.searched - start, end - start)
        for n in range(self.landmarks):
            part = block[n, rows]
            index = int(part.argmax())
            value = part.reshape(-1)[index]
            if value > self.value[n]:
                voxel = np.array(np.unravel_index(index, part.shape))
                voxel[0] += self.searched
                low = np.clip(voxel - self.radius, 0, np.array(self.content) - self.shape)
                self.value[n], self.origin[n] = value, low
                low = low - np.array([start, *(0,) * (len(low) - 1)])
                self.window[n] = block[n][
                    tuple(slice(a, a + w) for a, w in zip(low, self.shape, strict=True))
                ]
        self.searched = end

    def peaks(self, stride: int) -> HeatmapPeaks:
        origin = (stride - 1) / 2 + stride * self.origin[:, ::-1].astype(np.float64)
        return HeatmapPeaks(self.value, self.window, origin, stride, self.mass)
