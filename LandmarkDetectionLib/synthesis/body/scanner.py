"""What a scanner and its processing do to a body: field of view, table remnants, blankets, noise.

Numbers are drawn per body from ``numpy`` generators; the images are changed by one compiled pass per view.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.imaging.voxel_loops import compiled, in_slabs
from LandmarkDetectionLib.typing import Array

FIELDS_OF_VIEW = (
    # name, share, from, to: heights as fractions of the body (0 soles, 1 vertex), with their spread
    ("whole body", 0.40, (-0.05, 0.03), (1.05, 0.03)),
    ("head to thigh", 0.10, (0.38, 0.06), (1.03, 0.03)),
    ("trunk", 0.08, (0.42, 0.04), (0.86, 0.04)),
    ("chest", 0.07, (0.62, 0.04), (0.86, 0.04)),
    ("abdomen", 0.07, (0.46, 0.04), (0.74, 0.04)),
    ("pelvis", 0.05, (0.38, 0.04), (0.60, 0.04)),
    ("head", 0.05, (0.87, 0.03), (1.03, 0.03)),
    ("head and neck", 0.05, (0.78, 0.04), (1.03, 0.03)),
    ("legs", 0.05, (-0.04, 0.03), (0.52, 0.05)),
    ("anywhere", 0.08, (0.25, 0.35), (0.75, 0.35)),
)

#: The same fields as hospitals scan them where bones are looked for: fewer whole bodies.
HOSPITAL_SHARES = (0.24, 0.10, 0.12, 0.13, 0.10, 0.10, 0.04, 0.07, 0.05, 0.05)
SMALL_FIELD = 0.45  # share of hospitals' scans whose reconstruction cuts the sides


@dataclass(frozen=True)
class FieldOfView:
    """The scanned box of every body.

    Attributes
    ----------
    low, high : (B, 3) float32
        Corners in RAS mm.
    kind : (B,) int
        Index into ``FIELDS_OF_VIEW``.
    """

    low: Array
    high: Array
    kind: Array

    def contains(self, points: Array) -> Array:
        """Which points (B, N, 3) RAS mm lie inside, (B, N) bool."""
        return np.all((points >= self.low[:, None]) & (points <= self.high[:, None]), axis=2)


def draw_fields_of_view(
    vertices: Array, rng: np.random.Generator, whole_body_only: bool = False, hospital: bool = False
) -> FieldOfView:
    """Draw a scanned box for every body (B, V, 3) RAS mm: cut anywhere along it, arms sometimes cut off.

    ``hospital`` draws fewer whole bodies, and more that the reconstruction cuts at the sides.
    """
    count = len(vertices)
    low, high, tall = _extent(vertices)
    margin_low, margin_high = rng.uniform(10, 150, (count, 3)), rng.uniform(10, 150, (count, 3))
    box_low, box_high = low - margin_low, high + margin_high
    shares = np.array(HOSPITAL_SHARES if hospital else [row[1] for row in FIELDS_OF_VIEW])
    kind = (
        np.zeros(count, int)
        if whole_body_only
        else rng.choice(len(FIELDS_OF_VIEW), count, p=shares / shares.sum())
    )
    if not whole_body_only:
        # Heights refer to the trunk and legs: raised arms are not part of a body's height.
        feet, head = low[:, 2], tall
        start = np.array([row[2] for row in FIELDS_OF_VIEW])[kind]
        end = np.array([row[3] for row in FIELDS_OF_VIEW])[kind]
        a = start[:, 0] + start[:, 1] * rng.normal(0, 1, count)
        b = end[:, 0] + end[:, 1] * rng.normal(0, 1, count)
        a, b = np.minimum(a, b), np.maximum(a, b)
        b = np.maximum(b, a + 0.1)
        cut = kind > 0
        height = head - feet
        box_low[:, 2] = np.where(
            cut,
            feet + a * height,
            np.where(rng.random(count) < 0.25, feet + rng.normal(0, 0.02, count) * height, box_low[:, 2]),
        )
        box_high[:, 2] = np.where(
            cut,
            feet + b * height,
            np.where(
                rng.random(count) < 0.2,
                high[:, 2] - np.abs(rng.normal(0, 0.03, count)) * height,
                box_high[:, 2],
            ),
        )
        narrow = rng.random(count) < (SMALL_FIELD if hospital else 0.3)
        middle = (low[:, 0] + high[:, 0]) / 2 + rng.normal(0, 25, count)
        half = np.maximum(rng.uniform(0.09, 0.2, count) * height, 90)
        box_low[:, 0] = np.where(narrow, np.maximum(box_low[:, 0], middle - half), box_low[:, 0])
        box_high[:, 0] = np.where(narrow, np.minimum(box_high[:, 0], middle + half), box_high[:, 0])
        if hospital:
            _cut_front_and_back(box_low, box_high, low, high, narrow, half, rng)
    return FieldOfView(box_low.astype(np.float32), box_high.astype(np.float32), kind)


def _cut_front_and_back(
    box_low: Array,
    box_high: Array,
    low: Array,
    high: Array,
    narrow: Array,
    half: Array,
    rng: np.random.Generator,
) -> None:
    """A small field is as deep as it is wide, and not always about the middle; in place."""
    cut = narrow & (rng.random(len(half)) < 0.5)
    middle = (low[:, 1] + high[:, 1]) / 2 + rng.normal(0, 30, len(half))
    half = half * rng.uniform(0.9, 1.2, len(half))
    box_low[:, 1] = np.where(cut, np.maximum(box_low[:, 1], middle - half), box_low[:, 1])
    box_high[:, 1] = np.where(cut, np.minimum(box_high[:, 1], middle + half), box_high[:, 1])


def _extent(vertices: Array) -> tuple[Array, Array, Array]:
    """Smallest and largest coordinates (B, 3) of vertices (B, V, 3), and the 97 % quantile of heights."""
    count = len(vertices)
    low, high = np.empty((count, 3), np.float32), np.empty((count, 3), np.float32)
    tall = np.empty(count, np.float32)
    in_slabs(lambda *slab: _measure(vertices, low, high, tall, *slab), count)
    return low, high, tall


@compiled
def _measure(vertices, low, high, tall, start, stop):  # type: ignore[no-untyped-def]
    position = 0.97 * (vertices.shape[1] - 1)
    below = int(position)
    for b in range(start, stop):
        for axis in range(3):
            low[b, axis], high[b, axis] = vertices[b, :, axis].min(), vertices[b, :, axis].max()
        ordered = np.partition(vertices[b, :, 2], below)
        tall[b] = ordered[below] + (position - below) * (ordered[below + 1 :].min() - ordered[below])


def disturb(
    front: Array, back: Array, inside: Array, seeds: Array, lateral: bool, prone: Array, strength: float
) -> None:
    """Change silhouettes and depth maps (B, H, W) in place as real scans and imperfect clean-up do.

    Off the body both are NaN afterwards.

    Parameters
    ----------
    front, back : (B, H, W) float32 mm
        Depth of the first and last surface; +inf and -inf off the body.
    inside : (B, H, W) bool
        Pixels whose ray was scanned; nothing is drawn outside.
    seeds : (B,) int64
        One seed per body.
    lateral : bool
        The view: depth runs to the right instead of to the back.
    prone : (B,) bool
        The table lies in front of the body.
    strength : float
        0 leaves the images as they are; 1 is the training setting.
    """
    in_slabs(lambda *slab: _disturb(front, back, inside, seeds, lateral, prone, strength, *slab), len(front))


@compiled
def _disturb(front, back, inside, seeds, lateral, prone, strength, start, stop):  # type: ignore[no-untyped-def]
    rows, columns = front.shape[1:]
    for b in range(start, stop):
        np.random.seed(seeds[b])
        f, k = front[b], back[b]
        for r in range(rows):
            for c in range(columns):
                if not inside[b, r, c]:
                    f[r, c], k[r, c] = np.inf, -np.inf
        if strength > 0:
            _disturb_one(f, k, inside[b], lateral, prone[b], strength)
        for r in range(rows):
            for c in range(columns):
                if f[r, c] == np.inf:
                    f[r, c] = k[r, c] = np.nan


@compiled
def _disturb_one(f, k, inside, lateral, prone, strength):  # type: ignore[no-untyped-def]
    low, high, r0, r1, c0, c1 = shown_extent(f, k)
    if r1 < 0:
        return
    _disturb_outline(f, k, inside, strength)
    # What is left of a table, its rails, a head rest, cushions, tubes.
    if np.random.random() < 0.10 * strength:
        _strips(f, k, inside, lateral, prone, low, high, r0, r1, c0, c1)
    if np.random.random() < 0.10 * strength:
        for _ in range(np.random.randint(1, 4)):
            _blob(f, k, inside, low, high, r0, r1, c0, c1, f.shape[0])
    if np.random.random() < 0.08 * strength:
        _cushion(f, k, inside, lateral, low, high, r0, r1, c0, c1)
    _disturb_depth(f, k, lateral, prone, strength)


@compiled
def shown_extent(f, k):  # type: ignore[no-untyped-def]
    """Nearest and farthest depth of a body, and its first and last row and column; last row -1 if none."""
    low, high = np.inf, -np.inf
    r0, r1, c0, c1 = f.shape[0], -1, f.shape[1], -1
    for r in range(f.shape[0]):
        for c in range(f.shape[1]):
            if f[r, c] < np.inf:
                low, high = min(low, f[r, c]), max(high, k[r, c])
                r0, r1, c0, c1 = min(r0, r), max(r1, r), min(c0, c), max(c1, c)
    return low, high, r0, r1, c0, c1


@compiled
def _disturb_outline(f, k, inside, strength):  # type: ignore[no-untyped-def]
    # The air threshold and clothes move the outline by up to a pixel, more under a blanket.
    kind = np.random.random()
    if kind < 0.30 * strength:
        grow(f, k, inside, np.random.random())
    elif kind < 0.42 * strength:
        shrink(f, k, np.random.random())
    elif kind < 0.48 * strength:
        for _ in range(np.random.randint(2, 5)):
            grow(f, k, inside, 1.0)
    # Ragged outlines: single pixels come and go.
    if np.random.random() < 0.5 * strength:
        share = np.random.random() * 0.35
        if np.random.random() < 0.5:
            grow(f, k, inside, share)
        else:
            shrink(f, k, share)


@compiled
def _disturb_depth(f, k, lateral, prone, strength):  # type: ignore[no-untyped-def]
    """Blurred by slice thickness and clothes: offset, noisy, in steps."""
    offset_front = np.random.normal() * 2.5 * strength
    offset_back = np.random.normal() * 2.5 * strength
    if np.random.random() < 0.3 * strength:
        extra = np.random.random() * 15
        if prone and not lateral:
            offset_front -= extra
        elif not lateral:
            offset_back += extra
    noise = max(0.0, np.random.random() * 8.0 - 2.0) * strength  # mm, full width
    step = 0.0
    if np.random.random() < 0.3 * strength:
        step = 1.0 + np.random.random() * 5.0
    for r in range(f.shape[0]):
        for c in range(f.shape[1]):
            if f[r, c] < np.inf:
                f[r, c] += offset_front
                k[r, c] += offset_back
                if noise > 0:
                    f[r, c] += noise * (np.random.random() - 0.5)
                    k[r, c] += noise * (np.random.random() - 0.5)
                if step > 0:
                    f[r, c] = np.round(f[r, c] / step) * step
                    k[r, c] = np.round(k[r, c] / step) * step
                if k[r, c] < f[r, c]:
                    k[r, c] = f[r, c]


@compiled
def grow(f, k, inside, share):  # type: ignore[no-untyped-def]
    """Add a share of the pixels around the outline, with their neighbour's depth."""
    rows, columns = f.shape
    old_f, old_k = f.copy(), k.copy()
    for r in range(rows):
        for c in range(columns):
            if old_f[r, c] == np.inf and inside[r, c]:
                for n in range(4):
                    rr = r + (1 if n == 0 else -1 if n == 1 else 0)
                    cc = c + (1 if n == 2 else -1 if n == 3 else 0)
                    if 0 <= rr < rows and 0 <= cc < columns and old_f[rr, cc] < np.inf:
                        if np.random.random() < share:
                            f[r, c], k[r, c] = old_f[rr, cc], old_k[rr, cc]
                        break


@compiled
def shrink(f, k, share):  # type: ignore[no-untyped-def]
    """Remove a share of the pixels of the outline."""
    rows, columns = f.shape
    old_f = f.copy()
    for r in range(1, rows - 1):
        for c in range(1, columns - 1):
            if old_f[r, c] < np.inf and (
                old_f[r - 1, c] == np.inf
                or old_f[r + 1, c] == np.inf
                or old_f[r, c - 1] == np.inf
                or old_f[r, c + 1] == np.inf
            ):
                if np.random.random() < share:
                    f[r, c], k[r, c] = np.inf, -np.inf


@compiled
def _fill(f, k, inside, r, c, near, far):  # type: ignore[no-untyped-def]
    if 0 <= r < f.shape[0] and 0 <= c < f.shape[1] and inside[r, c]:
        f[r, c], k[r, c] = min(f[r, c], near), max(k[r, c], far)


@compiled
def _strips(f, k, inside, lateral, prone, low, high, r0, r1, c0, c1):  # type: ignore[no-untyped-def]
    """Table rails left standing: thin strips along the body, beside it or (seen from the side) behind it."""
    top, bottom = r0, r1
    if np.random.random() < 0.5:
        top = np.random.randint(r0, r1 + 1)
        bottom = min(r1, top + np.random.randint(3, max(4, r1 - r0 + 1)))
    width = np.random.randint(1, 4)
    if lateral:
        c = c1 + np.random.randint(-1, 4) if not prone else c0 - np.random.randint(-1, 4)
        for r in range(top, bottom + 1):
            for w in range(width):
                _fill(f, k, inside, r, c + w, low, high)
        return
    depth = low - 5.0 if prone else high + 5.0
    gap = np.random.randint(-6, 12)
    which = np.random.randint(0, 3)
    for r in range(top, bottom + 1):
        for w in range(width):
            if which != 1:
                _fill(f, k, inside, r, c0 - gap - w, depth - 8.0, depth)
            if which != 0:
                _fill(f, k, inside, r, c1 + gap + w, depth - 8.0, depth)


@compiled
def _blob(f, k, inside, low, high, r0, r1, c0, c1, rows):  # type: ignore[no-untyped-def]
    """A tube, an electrode, a hole: a small ellipse of something or of nothing."""
    r, c = np.random.randint(r0, r1 + 1), np.random.randint(c0, c1 + 1)
    a, e = 1 + np.random.random() * 4, 1 + np.random.random() * 4
    depth = low + np.random.random() * (high - low)
    remove = np.random.random() < 0.3
    for rr in range(int(r - a), int(r + a) + 1):
        for cc in range(int(c - e), int(c + e) + 1):
            if (
                0 <= rr < f.shape[0]
                and 0 <= cc < f.shape[1]
                and ((rr - r) / a) ** 2 + ((cc - c) / e) ** 2 <= 1
            ):
                if remove and a < 3 and e < 3:
                    f[rr, cc], k[rr, cc] = np.inf, -np.inf
                else:
                    _fill(f, k, inside, rr, cc, depth, depth + 5)


@compiled
def _cushion(f, k, inside, lateral, low, high, r0, r1, c0, c1):  # type: ignore[no-untyped-def]
    """A cushion under the knees, a head rest or a mattress edge: a box at the back of the body."""
    height = np.random.randint(4, max(5, (r1 - r0) // 3 + 2))
    top = np.random.randint(r0, r1 + 1)
    width = np.random.randint(4, max(5, c1 - c0 + 2))
    left = c0 + np.random.randint(0, max(1, c1 - c0 - width + 2))
    for r in range(top, top + height):
        for c in range(left, left + width):
            if lateral:
                _fill(f, k, inside, r, c1 - width // 3 + (c - left) // 2, low, high)
            else:
                _fill(f, k, inside, r, c, high - 15, high)
