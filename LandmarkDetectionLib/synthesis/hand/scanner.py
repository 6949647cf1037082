"""What imaging and clean-up do to a hand: cuts, collimation, bleeding thresholds, fused fingers, markers.

Numbers are drawn per hand from ``numpy`` generators; the images are changed by one compiled pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.imaging.voxel_loops import compiled, in_slabs
from LandmarkDetectionLib.synthesis.body.scanner import grow, shown_extent, shrink
from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class Cuts:
    """Where the picture of every hand ends, in the view's columns and rows in mm.

    Attributes
    ----------
    point, normal : (B, 2) float32
        The forearm is cut along the line through ``point``; what lies along ``normal`` is gone.
    low, high : (B, 2) float32
        Collimation: the box that was exposed.
    """

    point: Array
    normal: Array
    low: Array
    high: Array

    def keep(self, places: Array) -> Array:
        """Which places (B, N, 2) are in the picture, (B, N) bool."""
        above = np.einsum("bnk,bk->bn", places - self.point[:, None], self.normal) <= 0
        boxed = np.all((places >= self.low[:, None]) & (places <= self.high[:, None]), axis=2)
        return np.asarray(above & boxed)


def draw_cuts(wrist: Array, elbow: Array, tips: Array, strength: float, rng: np.random.Generator) -> Cuts:
    """Cut the forearm somewhere below the wrist, and with ``strength`` now and then a border of the hand.

    Parameters
    ----------
    wrist, elbow : (B, 2) mm
    tips : (B, 5, 2) mm
        Fingertips, thumb first.
    """
    count = len(wrist)
    length = np.linalg.norm(tips[:, 2] - wrist, axis=1)
    share = np.where(rng.random(count) < 0.7, rng.uniform(0.04, 0.45, count), rng.uniform(0.3, 0.9, count))
    share = np.where(rng.random(count) < 0.08 * strength, rng.uniform(-0.12, 0.05, count), share)
    forearm = elbow - wrist
    forearm = forearm / np.linalg.norm(forearm, axis=1, keepdims=True)
    # Either the lower border of the picture or a cut across the forearm.
    border = rng.random(count) < 0.6
    angle = np.where(border, np.pi / 2, np.arctan2(forearm[:, 1], forearm[:, 0]))
    angle = angle + np.radians(np.where(border, rng.normal(0, 2, count), rng.normal(0, 12, count)))
    normal = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    point = wrist + forearm * (share * length)[:, None]
    low, high = np.full((count, 2), -1e6), np.full((count, 2), 1e6)
    first, last = tips.min(axis=1), tips.max(axis=1)
    for sides, axis, edge, sign in ((low, 0, first, 1), (high, 0, last, -1), (low, 1, first, 1)):
        cut = rng.random(count) < 0.06 * strength
        depth = rng.uniform(-0.02, 0.07, count) * length
        sides[:, axis] = np.where(cut, edge[:, axis] + sign * depth, sides[:, axis])
    return Cuts(*(a.astype(np.float32) for a in (point, normal, low, high)))


def kept_extent(places: Array, faces: Array, cuts: Cuts) -> tuple[Array, Array]:
    """Smallest box (B, 2), (B, 2) around what the cuts leave of surfaces with corners (B, V, 2) mm."""
    low, high = np.empty((len(places), 2), np.float32), np.empty((len(places), 2), np.float32)
    in_slabs(
        lambda *slab: _kept_extent(places, faces, cuts.point, cuts.normal, low, high, *slab), len(places)
    )
    return np.maximum(low, cuts.low), np.minimum(high, cuts.high)


@compiled
def _kept_extent(places, faces, point, normal, low, high, start, stop):  # type: ignore[no-untyped-def]
    for b in range(start, stop):
        low[b], high[b] = np.inf, -np.inf
        side = np.empty(places.shape[1], np.float32)
        for v in range(places.shape[1]):
            x, y = places[b, v, 0], places[b, v, 1]
            side[v] = (x - point[b, 0]) * normal[b, 0] + (y - point[b, 1]) * normal[b, 1]
            if side[v] <= 0:
                low[b, 0], high[b, 0] = min(low[b, 0], x), max(high[b, 0], x)
                low[b, 1], high[b, 1] = min(low[b, 1], y), max(high[b, 1], y)
        for f in range(faces.shape[0]):
            for n in range(3):
                i, j = faces[f, n], faces[f, (n + 1) % 3]
                if side[i] <= 0 < side[j]:
                    share = side[i] / (side[i] - side[j])
                    for axis in range(2):
                        at = places[b, i, axis] + share * (places[b, j, axis] - places[b, i, axis])
                        low[b, axis], high[b, axis] = min(low[b, axis], at), max(high[b, axis], at)


def image_hands(
    front: Array,
    back: Array,
    origin: Array,
    spacing: Array,
    cuts: Cuts,
    tips: Array,
    seeds: Array,
    strength: float,
) -> Array:
    """Cut and disturb silhouettes and depth maps (B, H, W) in place; off the hand both are NaN afterwards.

    Parameters
    ----------
    front, back : (B, H, W) float32 mm
        Depth of the first and last surface; +inf and -inf off the hand.
    origin, spacing : (B, 2) float32
        Column and row mm of pixel (0, 0)'s centre, and mm per pixel.
    tips : (B, 6, 2) float32
        Skin of the fingertips and the wrist, column and row in pixels.
    seeds : (B,) int64
        One seed per hand.
    strength : float
        0 only cuts; 1 is the training setting.

    Returns
    -------
    (B, H, W) bool
        The field of view: pixels that were exposed. Where the picture ends may also be unknown, so for every
        other hand all pixels count as exposed.
    """
    inside = np.ones(front.shape, bool)
    in_slabs(
        lambda *slab: _image(
            front,
            back,
            inside,
            origin,
            spacing,
            cuts.point,
            cuts.normal,
            cuts.low,
            cuts.high,
            tips,
            seeds,
            strength,
            *slab,
        ),
        len(front),
    )
    return inside


@compiled
def _image(  # type: ignore[no-untyped-def]
    front,
    back,
    inside,
    origin,
    spacing,
    point,
    normal,
    low,
    high,
    tips,
    seeds,
    strength,
    start,
    stop,
):
    rows, columns = front.shape[1:]
    for b in range(start, stop):
        np.random.seed(seeds[b])
        f, k, exposed = front[b], back[b], inside[b]
        known = np.random.random() < 0.5
        cut_is_border = np.random.random() < 0.7
        for r in range(rows):
            for c in range(columns):
                x, y = origin[b, 0] + spacing[b, 0] * c, origin[b, 1] + spacing[b, 1] * r
                beyond = (x - point[b, 0]) * normal[b, 0] + (y - point[b, 1]) * normal[b, 1] > 0
                shut = x < low[b, 0] or x > high[b, 0] or y < low[b, 1] or y > high[b, 1]
                if beyond or shut:
                    f[r, c], k[r, c] = np.inf, -np.inf
                    exposed[r, c] = not (shut or (beyond and cut_is_border))
        if strength > 0:
            _disturb(f, k, exposed, tips[b], strength)
        for r in range(rows):
            for c in range(columns):
                if not known:
                    exposed[r, c] = True
                if f[r, c] == np.inf:
                    f[r, c] = k[r, c] = np.nan


@compiled
def _disturb(f, k, exposed, tips, strength):  # type: ignore[no-untyped-def]
    size = np.hypot(tips[2, 0] - tips[5, 0], tips[2, 1] - tips[5, 1]) / 100  # a hundredth of the hand
    low, high, r0, r1, c0, c1 = shown_extent(f, k)
    if r1 < 0:
        return
    # Thin soft tissue is lost first: fingertips end early.
    if np.random.random() < 0.15 * strength:
        for n in range(5):
            if np.random.random() < 0.6:
                radius = np.random.random() * 4.5 * size
                _ellipse(f, k, exposed, tips[n, 1], tips[n, 0], radius, radius, low, high, True)
    # Rings, plasters, sleeves and folds; labels and markers that touch; holes.
    if np.random.random() < 0.15 * strength:
        for _ in range(np.random.randint(1, 4)):
            r, c = _on_outline(f, r0, r1, c0, c1)
            a, e = (1 + np.random.random() * 4) * size, (1 + np.random.random() * 4) * size
            _ellipse(f, k, exposed, r, c, a, e, low, high, np.random.random() < 0.3)
    if np.random.random() < 0.12 * strength:
        r, c = _on_outline(f, r0, r1, c0, c1)
        height, width = (3 + np.random.random() * 16) * size, (3 + np.random.random() * 20) * size
        for rr in range(int(r - height / 2), int(r + height / 2) + 1):
            left = c if c > (c0 + c1) / 2 else c - width
            for cc in range(int(left), int(left + width) + 1):
                _fill(f, k, exposed, rr, cc, high - 2, high)
    if np.random.random() < 0.10 * strength:
        r, c = np.random.randint(r0, r1 + 1), np.random.randint(c0, c1 + 1)
        a, e = (1 + np.random.random() * 5) * size, (1 + np.random.random() * 5) * size
        _ellipse(f, k, exposed, r, c, a, e, low, high, True)
    # The threshold moves and smooths the outline: fingers fuse, or become thin.
    if np.random.random() < 0.7 * strength:
        radius = 0.6 + np.random.random() * 2.2
        if np.random.random() < 0.1:
            radius *= 2
        _bleed(f, k, exposed, max(1, int(np.round(radius * size))), 0.22 + 0.5 * np.random.random())
    if np.random.random() < 0.3 * strength:
        share = np.random.random() * 0.4
        if np.random.random() < 0.5:
            grow(f, k, exposed, share)
        else:
            shrink(f, k, share)
    _disturb_depth(f, k, strength)


@compiled
def _disturb_depth(f, k, strength):  # type: ignore[no-untyped-def]
    """Offsets, noise and steps of slices, in mm."""
    offset_front, offset_back = np.random.normal() * 0.7 * strength, np.random.normal() * 0.7 * strength
    noise = max(0.0, np.random.random() * 3.0 - 1.0) * strength  # mm, full width
    step = 0.0
    if np.random.random() < 0.3 * strength:
        step = 0.5 + np.random.random() * 2.5
    for r in range(f.shape[0]):
        for c in range(f.shape[1]):
            if f[r, c] < np.inf:
                f[r, c] += offset_front + noise * (np.random.random() - 0.5)
                k[r, c] += offset_back + noise * (np.random.random() - 0.5)
                if step > 0:
                    f[r, c] = np.round(f[r, c] / step) * step
                    k[r, c] = np.round(k[r, c] / step) * step
                if k[r, c] < f[r, c]:
                    k[r, c] = f[r, c]


@compiled
def _bleed(f, k, exposed, radius, threshold):  # type: ignore[no-untyped-def]
    """Keep the pixels around which more than a share is hand, and give new ones their neighbours' depth."""
    rows, columns = f.shape
    # Sums of hand pixels and their depths over squares, as differences of sums from the corner.
    total = np.zeros((3, rows + 1, columns + 1), np.float32)
    for r in range(rows):
        line = np.zeros(3, np.float32)
        for c in range(columns):
            if f[r, c] < np.inf:
                line[0] += 1
                line[1] += f[r, c]
                line[2] += k[r, c]
            for n in range(3):
                total[n, r + 1, c + 1] = total[n, r, c + 1] + line[n]
    for r in range(rows):
        top, bottom = max(0, r - radius), min(rows, r + radius + 1)
        for c in range(columns):
            left, right = max(0, c - radius), min(columns, c + radius + 1)
            area = (bottom - top) * (right - left)
            count = (
                total[0, bottom, right] - total[0, top, right] - total[0, bottom, left] + total[0, top, left]
            )
            hand = f[r, c] < np.inf
            if count <= threshold * area:
                if hand:
                    f[r, c], k[r, c] = np.inf, -np.inf
            elif not hand and exposed[r, c]:
                for n in range(1, 3):
                    mean = (
                        total[n, bottom, right]
                        - total[n, top, right]
                        - total[n, bottom, left]
                        + total[n, top, left]
                    ) / count
                    if n == 1:
                        f[r, c] = mean
                    else:
                        k[r, c] = mean


@compiled
def _on_outline(f, r0, r1, c0, c1):  # type: ignore[no-untyped-def]
    """A pixel at the left or right end of a random row, where the hand begins or ends."""
    r = np.random.randint(r0, r1 + 1)
    if np.random.random() < 0.5:
        for c in range(c0, c1 + 1):
            if f[r, c] < np.inf:
                return r, c
        return r, c0
    for c in range(c1, c0 - 1, -1):
        if f[r, c] < np.inf:
            return r, c
    return r, c1


@compiled
def _fill(f, k, exposed, r, c, near, far):  # type: ignore[no-untyped-def]
    if 0 <= r < f.shape[0] and 0 <= c < f.shape[1] and exposed[r, c]:
        f[r, c], k[r, c] = min(f[r, c], near), max(k[r, c], far)


@compiled
def _ellipse(f, k, exposed, r, c, a, e, low, high, remove):  # type: ignore[no-untyped-def]
    depth = low + np.random.random() * (high - low)
    for rr in range(max(0, int(r - a)), min(f.shape[0], int(r + a) + 2)):
        for cc in range(max(0, int(c - e)), min(f.shape[1], int(c + e) + 2)):
            if ((rr - r) / max(a, 0.5)) ** 2 + ((cc - c) / max(e, 0.5)) ** 2 <= 1:
                if remove:
                    f[rr, cc], k[rr, cc] = np.inf, -np.inf
                else:
                    _fill(f, k, exposed, rr, cc, depth, depth + 2)
