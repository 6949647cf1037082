"""Boxes of cells about places in a volume, cut from its voxels as they are stored: the volume is not copied.

A box lies along the patient's axes, whatever the volume's are. Where its cells are much larger than voxels,
each is the mean of eight voxels spread over it, which keeps most of the noise out; elsewhere it is
interpolated linearly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.grid import HOUNSFIELD, PERCENTILES, Intensity
from LandmarkDetectionLib.imaging.voxel_loops import compiled
from LandmarkDetectionLib.typing import Array

#: Voxels that grey values are sampled from where a volume is standardised.
SAMPLED = 250_000
#: What lies outside the volume is so far below its lowest grey value.
OUTSIDE = 1.0
#: Cells of more voxels than this along an axis are means of eight.
COARSE = 1.5
#: Axes that lean by less than this share of a voxel per voxel count as the patient's.
STRAIGHT = 1e-5


@dataclass(frozen=True)
class GreyWindow:
    """Grey values as networks take them: clipped to ``low`` and ``high``, less ``mean``, by ``deviation``."""

    low: float
    high: float
    mean: float
    deviation: float

    @property
    def outside(self) -> float:
        """What stands where there are no voxels."""
        return (self.low - self.mean) / self.deviation - OUTSIDE


def grey_window(volume: Volume, intensity: Intensity, field: Array | None = None) -> GreyWindow:
    """The window of a volume, told from a sample of its voxels; of CT in Hounsfield units always the same.

    Parameters
    ----------
    volume
    intensity
        See ``grid.GridSettings``.
    field : (2, 3) int
        First and last voxel (i, j, k) that count, of the whole volume when None.

    Raises
    ------
    InputError
        The volume is one grey value only.
    """
    if intensity == "hounsfield":
        return GreyWindow(*HOUNSFIELD, 0.0, 1000.0)
    voxels = volume.voxels
    if field is not None:
        (i0, j0, k0), (i1, j1, k1) = np.asarray(field, int)
        voxels = voxels[k0 : k1 + 1, j0 : j1 + 1, i0 : i1 + 1]
    step = max(1, round((voxels.size / SAMPLED) ** (1 / 3)))
    sample = np.asarray(voxels[::step, ::step, ::step], np.float32)
    low, high = np.percentile(sample, PERCENTILES)
    sample = np.clip(sample, low, high)
    deviation = float(sample.std())
    if deviation <= 1e-6 * max(1.0, abs(low), abs(high)):
        raise InputError(f"{volume.name or 'The volume'} is one grey value only; check how it was exported.")
    return GreyWindow(float(low), float(high), float(sample.mean()), deviation)


@dataclass(frozen=True)
class BoxSource:
    """Cuts boxes from a volume.

    Attributes
    ----------
    volume
    window
        Of its grey values.
    field : (2, 3)
        First and last voxel (i, j, k) that are looked at, as if the scan ended there.
    """

    volume: Volume
    window: GreyWindow
    field: Array

    @classmethod
    def of(cls, volume: Volume, intensity: Intensity, field: Array | None = None) -> BoxSource:
        """Of a whole volume, or of what lies in a field of it."""
        whole = np.array([[0, 0, 0], np.array(volume.size) - 1])
        chosen = whole if field is None else np.asarray(field, int)
        return cls(volume, grey_window(volume, intensity, chosen), chosen)

    def inside(self, places: Array) -> Array:
        """(N,) whether places (N, 3) RAS mm lie in the field, up to the outer faces of its voxels."""
        ijk = self.volume.ras_to_ijk_points(places)
        return np.asarray(((ijk >= self.field[0] - 0.5) & (ijk <= self.field[1] + 0.5)).all(axis=1))

    def beyond(self, places: Array) -> Array:
        """(N,) mm from places (N, 3) RAS mm to the field: 0 in it; NaN of what is no place."""
        ijk = self.volume.ras_to_ijk_points(places)
        nearest = np.clip(ijk, self.field[0] - 0.5, self.field[1] + 0.5)
        return np.asarray(np.linalg.norm((ijk - nearest) * self.volume.spacing, axis=1))

    def places(self, shares: Array) -> Array:
        """(N, 3) RAS mm of shares (N, 3) of the field; the inverse of ``shares``."""
        low, high = self.bounds
        return np.asarray(low + np.asarray(shares) * (high - low))

    def shares(self, places: Array) -> Array:
        """Where places (N, 3) RAS mm lie between the lowest and highest R, A and S of the field."""
        low, high = self.bounds
        return np.asarray((np.asarray(places) - low) / (high - low))

    @cached_property
    def bounds(self) -> tuple[Array, Array]:
        """Lowest and highest R, A and S (3,) of the field's corners, mm."""
        low, high = self.field[0] - 0.5, self.field[1] + 0.5
        corners = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
        places = self.volume.ijk_to_ras_points(np.where(corners, high, low))
        return places.min(axis=0), places.max(axis=0)

    def cut(self, centres: Array, cell_mm: float, side: int, out: Array | None = None) -> Array:
        """Boxes about centres (N, 3) RAS mm.

        Returns
        -------
        (N, side, side, side) float32
            Axes S, A, R, cells ``cell_mm`` apart; ``GreyWindow.outside`` where the field ends.
        """
        centres = np.atleast_2d(np.asarray(centres, np.float64))
        boxes = np.empty((len(centres), side, side, side), np.float32) if out is None else out
        first = centres - (side // 2) * cell_mm
        for start, box in zip(first, boxes, strict=True):
            self._fill(start, cell_mm, box)
        return boxes

    def cut_step(self, centre: Array, step: Array, cell_mm: float, side: int) -> tuple[Array, Array]:
        """The boxes before and after a step of one cell along an axis: most of their cells are the same.

        Parameters
        ----------
        centre : (3,) RAS mm
        step : (3,)
            One of ``networks.q_network.ACTIONS``.
        """
        step = np.asarray(step, int)
        both = np.empty(tuple(side + abs(step[::-1])), np.float32)
        self._fill(centre - (side // 2 + (step < 0)) * cell_mm, cell_mm, both)
        low = both[tuple(slice(0, side) for _ in step)]
        high = both[tuple(slice(abs(one), side + abs(one)) for one in step[::-1])]
        return (low, high) if step.sum() > 0 else (high, low)

    def _fill(self, first: Array, cell_mm: float, box: Array) -> None:
        """Fill a box (S, A, R) whose first cell is about ``first`` (3,) RAS mm."""
        to_ijk = self._to_ijk * cell_mm
        start = self.volume.affine.inverse.apply(first)
        coarse = bool(cell_mm > COARSE * self._coarsest)
        field = np.asarray(self.field, np.int64)
        if self._axes is None:
            _cut(self._voxels, start, to_ijk, field, coarse, self._grey, box)
            return
        axes = self._axes
        steps = to_ijk[axes, [0, 1, 2]]
        _cut_straight(self._turned, start[axes], steps, field[:, axes], coarse, self._grey, box)

    @cached_property
    def _grey(self) -> Array:
        window = self.window
        return np.array([window.low, window.high, window.mean, 1 / window.deviation, window.outside])

    @cached_property
    def _coarsest(self) -> float:
        return float(self.volume.spacing.max())

    @cached_property
    def _to_ijk(self) -> Array:
        return self.volume.affine.inverse.linear

    @cached_property
    def _axes(self) -> Array | None:
        """Which voxel axis (3,) runs along R, A and S; None where one runs along none of them."""
        linear = np.abs(self._to_ijk)
        axes = linear.argmax(axis=0)
        rest = linear.copy()
        rest[axes, [0, 1, 2]] = 0
        return axes if len(set(axes.tolist())) == 3 and rest.max() < STRAIGHT * linear.max() else None

    @cached_property
    def _turned(self) -> Array:
        """The voxels as axes S, A, R: a view, not a copy."""
        assert self._axes is not None
        return self._voxels.transpose([2 - axis for axis in self._axes[::-1]])

    @cached_property
    def _voxels(self) -> Array:
        """As stored wherever compiled loops take it so."""
        voxels = np.asarray(self.volume.voxels)
        if voxels.dtype == np.bool_:
            return voxels.view(np.uint8)
        if voxels.dtype in (np.float16, np.longdouble):
            return voxels.astype(np.float32)
        return voxels if voxels.dtype.isnative else voxels.astype(voxels.dtype.newbyteorder("="))


@compiled
def _cut(voxels, start, steps, field, coarse, grey, box):  # type: ignore[no-untyped-def]
    """One box: ``start`` (3,) voxel (i, j, k) of its first cell, ``steps`` (3, 3) from cell to cell."""
    low, high, mean, scale, outside = grey
    i0, j0, k0 = field[0, 0], field[0, 1], field[0, 2]
    i1, j1, k1 = field[1, 0], field[1, 1], field[1, 2]
    empty = np.float32(outside)
    # Middles of a cell's eight parts, from its own, and half a voxel for rounding.
    spread = np.empty((8, 3))
    for n in range(8):
        for axis in range(3):
            spread[n, axis] = 0.5 + 0.25 * (
                (2 * (n & 1) - 1) * steps[axis, 0]
                + ((n & 2) - 1) * steps[axis, 1]
                + ((n & 4) / 2 - 1) * steps[axis, 2]
            )
    for s in range(box.shape[0]):
        for a in range(box.shape[1]):
            bi = start[0] + s * steps[0, 2] + a * steps[0, 1]
            bj = start[1] + s * steps[1, 2] + a * steps[1, 1]
            bk = start[2] + s * steps[2, 2] + a * steps[2, 1]
            for r in range(box.shape[2]):
                i, j, k = bi + r * steps[0, 0], bj + r * steps[1, 0], bk + r * steps[2, 0]
                if (
                    i < i0 - 0.5
                    or i > i1 + 0.5
                    or j < j0 - 0.5
                    or j > j1 + 0.5
                    or k < k0 - 0.5
                    or k > k1 + 0.5
                ):
                    box[s, a, r] = empty
                    continue
                if coarse:
                    value = 0.0
                    for n in range(8):
                        pi = min(max(int(i + spread[n, 0]), i0), i1)
                        qj = min(max(int(j + spread[n, 1]), j0), j1)
                        wk = min(max(int(k + spread[n, 2]), k0), k1)
                        value += voxels[wk, qj, pi]
                    value *= 0.125
                else:
                    i, j, k = min(max(i, i0), i1), min(max(j, j0), j1), min(max(k, k0), k1)
                    ia, ja, ka = int(i), int(j), int(k)
                    ib, jb, kb = min(ia + 1, i1), min(ja + 1, j1), min(ka + 1, k1)
                    fi, fj, fk = i - ia, j - ja, k - ka
                    upper = (voxels[ka, ja, ia] * (1 - fi) + voxels[ka, ja, ib] * fi) * (1 - fj)
                    upper += (voxels[ka, jb, ia] * (1 - fi) + voxels[ka, jb, ib] * fi) * fj
                    lower = (voxels[kb, ja, ia] * (1 - fi) + voxels[kb, ja, ib] * fi) * (1 - fj)
                    lower += (voxels[kb, jb, ia] * (1 - fi) + voxels[kb, jb, ib] * fi) * fj
                    value = upper * (1 - fk) + lower * fk
                if value < low:
                    value = low
                elif value > high:
                    value = high
                # Not a number in a voxel is what lies outside.
                box[s, a, r] = np.float32((value - mean) * scale) if value == value else empty


@compiled
def _along(start, step, first, last, coarse, low, high, share):  # type: ignore[no-untyped-def]
    """For every cell along an axis two voxels and the share of the second; -1 outside."""
    for n in range(low.size):
        x = start + n * step
        if x < first - 0.5 or x > last + 0.5:
            low[n] = -1
        elif coarse:
            low[n] = min(max(int(x - 0.25 * step + 0.5), first), last)
            high[n] = min(max(int(x + 0.25 * step + 0.5), first), last)
            share[n] = 0.5
        else:
            x = min(max(x, first), last)
            low[n] = int(x)
            high[n] = min(low[n] + 1, last)
            share[n] = x - low[n]


@compiled
def _cut_straight(voxels, start, steps, field, coarse, grey, box):  # type: ignore[no-untyped-def]
    """As ``_cut``, of voxels (S, A, R) along the patient's axes; start, steps and field along R, A, S."""
    lowest, highest, mean, scale = (
        np.float32(grey[0]),
        np.float32(grey[1]),
        np.float32(grey[2]),
        np.float32(grey[3]),
    )
    empty = np.float32(grey[4])
    low = np.empty((3, max(box.shape)), np.int64)
    high = np.empty((3, max(box.shape)), np.int64)
    share = np.empty((3, max(box.shape)), np.float32)
    for axis in range(3):
        size = box.shape[2 - axis]
        _along(
            start[axis],
            steps[axis],
            field[0, axis],
            field[1, axis],
            coarse,
            low[axis, :size],
            high[axis, :size],
            share[axis, :size],
        )
    one = np.float32(1)
    for s in range(box.shape[0]):
        sa, sb, fs = low[2, s], high[2, s], share[2, s]
        for a in range(box.shape[1]):
            aa, ab, fa = low[1, a], high[1, a], share[1, a]
            line = box[s, a]
            if sa < 0 or aa < 0:
                line[:] = empty
                continue
            w00, w01, w10, w11 = (one - fs) * (one - fa), (one - fs) * fa, fs * (one - fa), fs * fa
            l00, l01, l10, l11 = voxels[sa, aa], voxels[sa, ab], voxels[sb, aa], voxels[sb, ab]
            for r in range(box.shape[2]):
                ra, rb, fr = low[0, r], high[0, r], share[0, r]
                if ra < 0:
                    line[r] = empty
                    continue
                first = (
                    w00 * np.float32(l00[ra])
                    + w01 * np.float32(l01[ra])
                    + w10 * np.float32(l10[ra])
                    + w11 * np.float32(l11[ra])
                )
                second = (
                    w00 * np.float32(l00[rb])
                    + w01 * np.float32(l01[rb])
                    + w10 * np.float32(l10[rb])
                    + w11 * np.float32(l11[rb])
                )
                value = first + fr * (second - first)
                if value < lowest:
                    value = lowest
                elif value > highest:
                    value = highest
                line[r] = (value - mean) * scale if value == value else empty
