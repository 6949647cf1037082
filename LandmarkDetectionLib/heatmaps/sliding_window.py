"""Heatmap networks on images larger than the memory or than a network's input, in 2D and 3D.

Heatmaps of every landmark for 157 million voxels are larger than most computers' memory, so they are not
kept: ``tiled_peaks`` blends those of overlapping tiles in a window that moves over the slices, and keeps the
highest place of each landmark, the heatmap around it, and moments. ``localise_coarse_to_fine`` looks at the
whole image coarsely and then only around what it found.

MONAI's sliding window (``monai.inferers``) blends in the same way, but holds the heatmaps of the whole image:
7.5 GB for twelve landmarks in 512 x 512 x 600 voxels. That is why this is not built on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.errors import Cancelled
from LandmarkDetectionLib.typing import Array

#: Slices that are resampled at once.
SLAB = 16
#: A peak nearer than this share of a fine tile to its border is looked at again in a tile about it.
BORDER = 0.125


class HeatmapPeaks(NamedTuple):
    """What is kept of the heatmaps of L landmarks; of d axes the image's last comes first (x, y, z).

    Attributes
    ----------
    value : (L,) float32
        Height of the highest cell.
    window : (L, *w) float32
        The heatmap around it: 2 radius + 1 cells along every axis, moved inwards at borders of the image.
    origin : (L, d) float64
        Where the window's first cell lies, in pixels of the image.
    step : (d,) float64
        Pixels of the image per cell.
    mass : (L,) float64
        Sum of the positive cells that were looked at.
    mean : (L, d), covariance : (L, d, d) float64
        Of the positive cells, in pixels and square pixels of the image; NaN where no cell is positive. Much
        wider than the window means a second place elsewhere.
    """

    value: Array
    window: Array
    origin: Array
    step: Array
    mass: Array
    mean: Array
    covariance: Array

    def points(self, decode: Callable[[Any], Any]) -> Array:
        """(L, d) positions in pixels of the image, by a decoder of heatmaps (B, L, *S) to cells (B, L, d)."""
        import torch

        cells = decode(torch.from_numpy(self.window)[None])[0].double().numpy()
        return np.asarray(self.origin + self.step * cells)

    def highest(self) -> Array:
        """(L, d) centres of the highest cells, in pixels of the image."""
        shape = self.window.shape[1:]
        index = self.window.reshape(len(self.window), -1).argmax(axis=1)
        return np.asarray(self.origin + self.step * np.stack(np.unravel_index(index, shape)[::-1], axis=1))


@dataclass(frozen=True)
class Level:
    """A network and how it looks at images.

    Attributes
    ----------
    network
        Gives a ``HeatmapOutput`` for (1, C, *tile) and has the attributes ``landmarks``, ``stride`` and
        ``multiple``.
    spacing
        (d,) mm between its input's pixels along x, y(, z).
    tile
        Size of its input along the image's axes (slices, rows, columns), multiples of ``multiple``.
    """

    network: Any
    spacing: tuple[float, ...]
    tile: tuple[int, ...]


def tiled_peaks(
    image: Any,
    network: Any,
    tile: Sequence[int],
    *,
    overlap: float = 0.5,
    radius: int = 8,
    prepare: Callable[[Array], Array] | None = None,
    distribution: Callable[[Any], Any] | None = None,
    device: str = "cpu",
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> HeatmapPeaks:
    """Run a network over overlapping tiles and keep the highest place of every landmark.

    In the outer quarter of an overlap a tile counts nothing, then its weight rises linearly; the weights of
    all tiles sum to one. Where a quarter of the overlap is as much as the network sees around a pixel, the
    heatmaps are those of one run over the whole image. Tiles start at multiples of ``multiple`` and may reach
    over the image's end, where they hold zeros.

    Memory beside the image and what the network needs for one tile: landmarks x rows x columns x about three
    times the tile's slices, 4 bytes each.

    Parameters
    ----------
    image
        (C, *S); only slices ``image[:, a:b, ...]`` are taken, so a file may stand behind it.
    network
        See ``Level``.
    tile
        (d,) pixels along S; axes on which the image is smaller take one tile.
    overlap
        Share of a tile, in [0, 0.75].
    radius
        Cells kept on every side of the highest.
    prepare
        What turns a part of the image into float32 for the network, by the same rule for every part.
    distribution
        What turns a tile's heatmaps (1, L, *cells) into what is blended. Logits must become probabilities
        first: only within its tile does a logit mean anything, and a tile without the landmark gives it to
        "absent".

    Raises
    ------
    ValueError
        The tile does not fit the network, or the overlap is out of range.
    Cancelled
        When ``cancelled`` says so.
    """
    size = tuple(int(n) for n in image.shape[1:])
    stride = int(network.stride)
    _check_tile(tile, network, overlap, size)
    axes = [_tiles_along(n, t, overlap, network) for n, t in zip(size, tile, strict=True)]
    content = tuple(-(-n // stride) for n in size)
    kept = _Kept(int(network.landmarks), content, radius)
    depth = tile[0] // stride
    inner = content[1:]
    pending = np.zeros((kept.landmarks, depth, *inner), np.float32)
    tail = np.zeros((kept.landmarks, 0, *inner), np.float32)
    total = int(np.prod([len(axis) for axis in axes]))
    done = 0
    for number, (first, first_weights) in enumerate(axes[0]):
        for others in product(*axes[1:]):
            if cancelled is not None and cancelled():
                raise Cancelled("Cancelled; nothing was written.")
            starts = (first, *(start for start, _ in others))
            heatmaps = _run(network, _part(image, starts, tile, prepare), device, distribution)
            for axis, weights in enumerate((first_weights, *(weights for _, weights in others))):
                heatmaps *= weights.reshape(-1, *(1,) * (len(size) - 1 - axis))
            cells = [start // stride for start in starts[1:]]
            fits = [min(t // stride, n - c) for t, n, c in zip(tile[1:], inner, cells, strict=True)]
            where = tuple(slice(c, c + n) for c, n in zip(cells, fits, strict=True))
            target, part = (slice(None), slice(None), *where), (slice(None), slice(None), *map(slice, fits))
            pending[target] += heatmaps[part]
            done += 1
            if progress is not None:
                progress(done / total, f"tile {done} of {total}")
        start = first // stride
        last = number == len(axes[0]) - 1
        end = content[0] if last else axes[0][number + 1][0] // stride
        final = pending[:, : end - start]
        kept.add_moments(final, start)
        block = np.concatenate([tail, final], axis=1)
        low = start - tail.shape[1]
        kept.add_peaks(block, low, end, last)
        # A window at the image's end reaches back by up to twice the radius.
        tail = block[:, max(kept.searched - 2 * radius - low, 0) :].copy()
        moved = np.zeros_like(pending)
        moved[:, : depth - (end - start)] = pending[:, end - start :]
        pending = moved
    return kept.peaks(stride)


def localise_coarse_to_fine(
    image: Any,
    spacing: Sequence[float],
    coarse: Level,
    fine: Level,
    *,
    radius: int = 8,
    prepare: Callable[[Array], Array] | None = None,
    distribution: Callable[[Any], Any] | None = None,
    device: str = "cpu",
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[HeatmapPeaks, HeatmapPeaks]:
    """Find landmarks in the whole image coarsely, then finely in one tile about each place.

    Landmarks that fit into one tile share it; one whose fine peak comes to lie at the tile's border is looked
    at once more about that peak.

    Parameters
    ----------
    image
        (C, *S), as for ``tiled_peaks``.
    spacing
        (d,) mm between pixels along x, y(, z).
    coarse, fine
        Both networks have the same landmarks in the same order. What is larger than the coarse network's tile
        is tiled.

    Returns
    -------
    fine, coarse : HeatmapPeaks
        Both in pixels of the image. The fine moments are those of the tile.
    """
    size = np.array(image.shape[1:], float)
    step = np.array(coarse.spacing[::-1], float) / np.array(spacing[::-1], float)
    cells = np.maximum(np.round(size / step), 1)
    step = size / cells  # outer faces coincide
    small = sample_grid(image, (step - 1) / 2, step, cells.astype(int), prepare)

    def report(low: float, high: float) -> Callable[[float, str], None] | None:
        if progress is None:
            return None
        return lambda fraction, text: progress(low + (high - low) * fraction, text)

    found = tiled_peaks(
        small, coarse.network, coarse.tile, radius=radius, distribution=distribution, device=device,
        progress=report(0, 0.5), cancelled=cancelled,
    )  # fmt: skip
    scale, shift = step[::-1], ((step - 1) / 2)[::-1]
    found = found._replace(
        origin=shift + scale * found.origin,
        step=scale * found.step,
        mean=shift + scale * found.mean,
        covariance=found.covariance * scale[:, None] * scale,
    )
    fine_step = np.array(fine.spacing, float) / np.array(spacing, float)
    look = _FineLook(image, fine, fine_step, radius, prepare, distribution, device)
    places = found.highest()
    waiting = list(range(len(places)))
    for attempt in range(2):
        groups = list(_groups(places, waiting, look.reach))
        for number, (centre, members) in enumerate(groups):
            if cancelled is not None and cancelled():
                raise Cancelled("Cancelled; nothing was written.")
            look.at(centre, members)
            if progress is not None:
                progress(0.5 + (number + 1) / len(groups) * 0.4 + 0.05 * attempt, "looking closely")
        waiting = [n for n in waiting if look.at_border[n]]
        for n in waiting:
            places[n] = look.highest(n)
    return look.peaks(), found


def sample_grid(
    image: Any,
    low: Array,
    step: Array,
    size: Sequence[int] | Array,
    prepare: Callable[[Array], Array] | None = None,
) -> Array:
    """Values (C, *size) float32 at low + step * n along every axis of S; linear, zero outside the image.

    Where steps are longer than a pixel the window is widened to them, so that nothing is missed between.

    Parameters
    ----------
    image
        (C, *S), as for ``tiled_peaks``; a few slices at a time are taken.
    low, step
        (d,) pixels, in the order of S.
    """
    ranges, weights = zip(
        *(_axis_weights(*one) for one in zip(low, step, size, image.shape[1:], strict=True)), strict=True
    )
    result = np.zeros((image.shape[0], *(int(n) for n in size)), np.float32)
    (first, stop), inner = ranges[0], [slice(*one) for one in ranges[1:]]
    for start in range(first, stop, SLAB):
        end = min(start + SLAB, stop)
        where = (slice(None), slice(start, end), *inner)
        block = _prepared(image[where], prepare)
        for axis in range(len(weights) - 1, 0, -1):
            block = np.moveaxis(np.tensordot(block, weights[axis], axes=(axis + 1, 1)), -1, axis + 1)
        along = weights[0][:, start - first : end - first]
        result += np.moveaxis(np.tensordot(block, along, axes=(1, 1)), -1, 1)
    return result


# --- tiles ------------------------------------------------------------------------------------------------


def _check_tile(tile: Sequence[int], network: Any, overlap: float, size: Sequence[int]) -> None:
    if len(tile) != len(size) or any(t <= 0 or t % network.multiple for t in tile):
        raise ValueError(f"tile {tuple(tile)} must have {len(size)} multiples of {network.multiple}")
    if not 0 <= overlap <= 0.75:
        raise ValueError(f"overlap must be from 0 to 0.75, not {overlap}")


def _tiles_along(size: int, tile: int, overlap: float, network: Any) -> list[tuple[int, Array]]:
    """Starts in pixels, and what each cell of the tile counts; weights of all tiles sum to one."""
    stride, multiple = int(network.stride), int(network.multiple)
    step = max(int(tile * (1 - overlap)) // multiple, 1) * multiple
    starts = [0]
    while starts[-1] + tile < size:
        starts.append(starts[-1] + step)
    cells, shared = tile // stride, (tile - step) // stride
    from_border = np.minimum(np.arange(cells) + 0.5, cells - np.arange(cells) - 0.5)
    rise = np.clip((from_border - shared / 4) / max(shared / 2, 1e-9), 0, 1)
    total = np.zeros(starts[-1] // stride + cells)
    weights = []
    for number, start in enumerate(starts):
        own = rise.copy()
        half = cells // 2
        # The image's own border is the network's own affair.
        if number == 0:
            own[:half] = 1
        if number == len(starts) - 1:
            own[half:] = 1
        weights.append(own)
        total[start // stride :][:cells] += own
    return [
        (start, (own / np.maximum(total[start // stride :][:cells], 1e-9)).astype(np.float32))
        for start, own in zip(starts, weights, strict=True)
    ]


def _part(
    image: Any, starts: Sequence[int], tile: Sequence[int], prepare: Callable[[Array], Array] | None
) -> Array:
    """(C, *tile) float32, zero outside the image; starts may be negative."""
    size = image.shape[1:]
    low = [min(max(s, 0), n) for s, n in zip(starts, size, strict=True)]
    high = [min(max(s + t, 0), n) for s, t, n in zip(starts, tile, size, strict=True)]
    inside = (slice(None), *(slice(a, b) for a, b in zip(low, high, strict=True)))
    part = _prepared(image[inside], prepare)
    if part.shape[1:] == tuple(tile):
        return part
    whole = np.zeros((part.shape[0], *tile), np.float32)
    there = (slice(None), *(slice(a - s, b - s) for a, b, s in zip(low, high, starts, strict=True)))
    whole[there] = part
    return whole


def _prepared(part: Any, prepare: Callable[[Array], Array] | None) -> Array:
    part = np.asarray(part)
    return np.ascontiguousarray(prepare(part) if prepare is not None else part, dtype=np.float32)


def _run(network: Any, tile: Array, device: str, distribution: Callable[[Any], Any] | None = None) -> Array:
    """What is blended of one tile, (L, *cells) float32, writable."""
    import torch

    with torch.inference_mode():
        heatmaps = network(torch.from_numpy(tile)[None].to(device)).heatmaps.float()
        blended = heatmaps if distribution is None else distribution(heatmaps)
        return np.array(blended[0].cpu().numpy())


class _Kept:
    """The highest place of every landmark so far, and sums for the moments; cells, in the order of S."""

    def __init__(self, landmarks: int, content: tuple[int, ...], radius: int) -> None:
        self.landmarks, self.content, self.radius = landmarks, content, radius
        d = len(content)
        self.shape = tuple(min(2 * radius + 1, n) for n in content)
        self.value = np.full(landmarks, -np.inf, np.float32)
        self.window = np.zeros((landmarks, *self.shape), np.float32)
        self.origin = np.zeros((landmarks, d), int)
        self.mass = np.zeros(landmarks)
        self.first = np.zeros((landmarks, d))
        self.second = np.zeros((landmarks, d, d))
        self.searched = 0

    def add_peaks(self, block: Array, start: int, end: int, last: bool) -> None:
        """Look for higher cells in a block of rows ``start`` to ``end``, as far as windows have all rows."""
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
                cell = np.array(np.unravel_index(index, part.shape))
                cell[0] += self.searched
                low = np.clip(cell - self.radius, 0, np.array(self.content) - self.shape)
                self.value[n], self.origin[n] = value, low
                low = low - np.array([start, *(0,) * (len(low) - 1)])
                self.window[n] = block[n][
                    tuple(slice(a, a + w) for a, w in zip(low, self.shape, strict=True))
                ]
        self.searched = end

    def add_moments(self, rows: Array, start: int) -> None:
        d = rows.ndim - 1
        along = [np.arange(n, dtype=np.float64) for n in rows.shape[1:]]
        along[0] += start
        for n in range(self.landmarks):
            positive = np.maximum(rows[n], 0)
            sums = [
                positive.sum(axis=tuple(b for b in range(d) if b != a), dtype=np.float64) for a in range(d)
            ]
            self.mass[n] += sums[0].sum()
            for a in range(d):
                self.first[n, a] += sums[a] @ along[a]
                self.second[n, a, a] += sums[a] @ along[a] ** 2
                for b in range(a):
                    both = positive.sum(axis=tuple(c for c in range(d) if c not in (a, b)), dtype=np.float64)
                    mixed = along[b] @ both @ along[a]
                    self.second[n, a, b] += mixed
                    self.second[n, b, a] += mixed

    def peaks(self, stride: int) -> HeatmapPeaks:
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.first / self.mass[:, None]
            covariance = self.second / self.mass[:, None, None] - mean[:, :, None] * mean[:, None]
        offset = (stride - 1) / 2
        return HeatmapPeaks(
            self.value,
            self.window,
            offset + stride * self.origin[:, ::-1].astype(np.float64),
            np.full(len(self.content), float(stride)),
            self.mass,
            offset + stride * mean[:, ::-1],
            stride**2 * covariance[:, ::-1, ::-1],
        )


# --- coarse to fine ---------------------------------------------------------------------------------------


def _axis_weights(low: float, step: float, size: int, count: int) -> tuple[tuple[int, int], Array]:
    """Which pixels of an axis are needed, and what each counts for every sample (size, needed)."""
    at = low + step * np.arange(size)
    width = max(1.0, step)
    first = int(np.clip(np.floor(at[0] - width), 0, count - 1))
    stop = int(np.clip(np.ceil(at[-1] + width) + 1, first + 1, count))
    distance = np.abs(np.arange(first, stop) - at[:, None])
    weights = np.clip(1 - distance / width, 0, None)
    inside = (at >= -0.5) & (at <= count - 0.5)
    # Between the last pixel's centre and its outer face there is only this pixel.
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return (first, stop), (weights * inside[:, None]).astype(np.float32)


def _groups(places: Array, waiting: list[int], reach: Array) -> Iterator[tuple[Array, list[int]]]:
    """Landmarks whose places lie within ``reach`` (d,) of their common middle."""
    left = list(waiting)
    while left:
        members = [left.pop(0)]
        for n in sorted(left, key=lambda n: float((np.abs(places[n] - places[members[0]]) / reach).max())):
            box = places[[*members, n]]
            if (np.ptp(box, axis=0) <= 2 * reach).all():
                members.append(n)
                left.remove(n)
        box = places[members]
        yield (box.min(axis=0) + box.max(axis=0)) / 2, members


class _FineLook:
    """Fine tiles about places, and what was found in them."""

    def __init__(
        self,
        image: Any,
        level: Level,
        step: Array,
        radius: int,
        prepare: Callable[[Array], Array] | None,
        distribution: Callable[[Any], Any] | None,
        device: str,
    ) -> None:
        self.image, self.level, self.step, self.radius = image, level, step, radius
        self.prepare, self.distribution, self.device = prepare, distribution, device
        tile = np.array(level.tile[::-1])
        self.tile_pixels = tile * step
        # A place may lie off by as much as it lies inside the tile.
        self.reach = 0.2 * self.tile_pixels
        self.size = np.array(image.shape[:0:-1], float)
        landmarks = int(level.network.landmarks)
        self.found: list[HeatmapPeaks | None] = [None] * landmarks
        self.at_border = [False] * landmarks

    def at(self, centre: Array, members: list[int]) -> None:
        low = centre - self.tile_pixels / 2 + self.step / 2
        # As far as possible inside the image: outside, the network sees only zeros.
        highest = np.maximum(self.size - self.tile_pixels, 0) + (self.step - 1) / 2
        low = np.clip(low, (self.step - 1) / 2, highest)
        # On the image's own pixels where they are of the same size: nothing is interpolated.
        if np.allclose(self.step, 1, atol=1e-3):
            low = np.round(low)
        inside = np.maximum(np.floor((self.size - 0.5 - low) / self.step + 1e-9).astype(int) + 1, 1)
        count = np.minimum(self.level.tile, inside[::-1])
        tile = sample_grid(self.image, low[::-1], self.step[::-1], count, self.prepare)
        peaks = tiled_peaks(
            tile, self.level.network, self.level.tile, radius=self.radius, distribution=self.distribution,
            device=self.device,
        )  # fmt: skip
        for n in members:
            place = peaks.highest()[n] / (np.array(self.level.tile[::-1]) - 1)
            pixels = low + self.step * peaks.highest()[n]
            near_end = (pixels < self.reach) | (pixels > self.size - 1 - self.reach)
            out = ((place < BORDER) | (place > 1 - BORDER)) & ~near_end
            self.at_border[n] = bool(out.any())
            self.found[n] = self._in_image(peaks, low)

    def _in_image(self, peaks: HeatmapPeaks, low: Array) -> HeatmapPeaks:
        return peaks._replace(
            origin=low + self.step * peaks.origin,
            step=self.step * peaks.step,
            mean=low + self.step * peaks.mean,
            covariance=peaks.covariance * self.step[:, None] * self.step,
        )

    def highest(self, n: int) -> Array:
        found = self.found[n]
        assert found is not None
        return np.asarray(found.highest()[n])

    def peaks(self) -> HeatmapPeaks:
        rows = [(found, n) for n, found in enumerate(self.found) if found is not None]

        def stacked(field: str) -> Array:
            return np.stack([np.asarray(getattr(found, field)[n]) for found, n in rows])

        names = ("value", "window", "origin", "mass", "mean", "covariance")
        return HeatmapPeaks(step=rows[0][0].step, **{name: stacked(name) for name in names})
