"""Corners of vertebrae read together: neighbours look alike, and each alone is soon taken for the next.

Heatmaps say of each of a column's corners where it may be. The column's course is followed down the picture
in the sum of all of them; along it, upper and lower end plates stand in a chain with usual heights of bodies
and discs, for several lengths of the whole column (Viterbi 1967). A corner is then looked for near its end
plate alone, and there also where heatmaps of its kind of other vertebrae see a corner.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from LandmarkDetectionLib.typing import Array, FloatArray

#: Height of the body of T1, of the disc below it, and so on down to the body of L5, as shares of all: means
#: over the synthetic spines of ``synthesis.radiograph.spine``.
LENGTHS = np.array(
    [
        *(29, 6, 35, 8, 36, 9, 40, 12, 42, 13, 43, 13, 46, 14, 44, 13, 48, 13, 49, 14, 50, 15, 53, 14),
        *(54, 14, 57, 11, 60, 16, 55, 16, 56),
    ]
)
LENGTHS = LENGTHS / LENGTHS.sum()
CORNERS = 2 * (len(LENGTHS) + 1)
#: Their spread, as a share of them and in cells.
BODY_SPREAD, DISC_SPREAD = (0.13, 0.4), (0.4, 0.5)
#: Lengths of a column that are tried, as shares of the picture's height.
SCALES = np.geomspace(0.5, 1.15, 16)
#: Probability of an end plate, and of any end plate of its kind, that heatmaps do not see; and how much what
#: other vertebrae's heatmaps see counts.
FLOOR, KIND_FLOOR, KIND = 1e-3, 1e-2, 0.1
#: A column may reach out of the picture by this share of its height; log probability of an end plate there.
BEYOND, OUTSIDE = 0.25, -4.0


def along_column(probability: Array) -> Array:
    """Heatmaps of corners, each weighed by where its end plate lies in the column.

    Parameters
    ----------
    probability : (CORNERS, H, W)
        In the order of the protocol ``spine-68``: from the top vertebra down, each upper left, upper right,
        lower left, lower right of the picture.

    Returns
    -------
    (CORNERS, H, W) float32
        Each with the sum that it had.

    Raises
    ------
    ValueError
        They are not so many.
    """
    if len(probability) != CORNERS:
        raise ValueError(f"a column has {CORNERS} corners, not {len(probability)}")
    rows, columns = probability.shape[1:]
    maps = probability.astype(np.float32).reshape(-1, 2, rows, columns)  # (end plates, sides, H, W)
    place, beside, half = _course(maps.sum(axis=0))
    # Each side on its own half, within reach of the column.
    sides = np.stack([beside < 0, beside > 0]) & (np.abs(beside) < 2.2 * half[:, None] + 2)
    found, length = _levels(_profiles(maps, place, sides), rows)
    result = np.empty_like(maps)
    for plate, level in enumerate(found):
        reach = 0.3 * LENGTHS[min(plate // 2 * 2, len(LENGTHS) - 1)] * length
        near = np.exp(-0.5 * ((place - level) / reach) ** 2) * sides
        kind = maps[plate % 2 :: 2].sum(axis=0)
        result[plate] = (maps[plate] + KIND * kind + 1e-9) * near
    total = result.sum(axis=(2, 3), keepdims=True)
    result *= maps.sum(axis=(2, 3), keepdims=True) / np.maximum(total, 1e-12)
    return result.reshape(probability.shape)


def _course(seen: Array) -> tuple[Array, Array, Array]:
    """Place along the column (H, W), way to the right of its middle (H, W) and half its width (H,), in cells.

    ``seen`` (2, H, W) holds left and right corners.
    """
    columns = seen.shape[2]
    left, right = (_followed(gaussian_filter(side, (3.0, 1.0))) for side in seen)
    middle = gaussian_filter1d((left + right) / 2, 5, mode="nearest")
    half = np.maximum(gaussian_filter1d((right - left) / 2, 5, mode="nearest"), 3.0)
    slope = np.gradient(middle)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(1, (slope[1:] + slope[:-1]) / 2))])
    beside = np.arange(columns) - middle[:, None]
    # The foot of the perpendicular on the column.
    return length[:, None] + beside * (slope / np.hypot(1, slope))[:, None], beside, half


def _followed(seen: Array, jump: float = 2.0) -> FloatArray:
    """The column (H,) of the best path down a picture (H, W) that moves little from row to row."""
    rows, columns = seen.shape
    score = np.log(seen + 1e-4 * seen.max() + 1e-30)
    cost = -0.5 * ((np.arange(columns)[:, None] - np.arange(columns)) / jump) ** 2
    best, back = score[0], np.zeros((rows, columns), int)
    for row in range(1, rows):
        step = best + cost
        back[row] = step.argmax(axis=1)
        best = step.max(axis=1) + score[row]
    path = np.zeros(rows, int)
    path[-1] = best.argmax()
    for row in range(rows - 1, 0, -1):
        path[row - 1] = back[row, path[row]]
    return path.astype(float)


def _profiles(maps: Array, place: Array, sides: Array) -> FloatArray:
    """Log probability (end plates, S) of every end plate along the column, from ``BEYOND`` above it."""
    above = _margin(len(place))
    size = int(np.ceil(place.max())) + 1 + 2 * above
    cell = np.clip(np.rint(place).astype(int) + above, 0, size - 1)
    seen = np.array(
        [
            [np.bincount(cell[ok], one[ok], minlength=size) for one, ok in zip(plate, sides, strict=True)]
            for plate in maps
        ]
    )
    seen = gaussian_filter1d(seen, 1.2, axis=2)
    kind = np.stack([seen[side::2].sum(axis=(0, 1)) / 2 for side in (0, 1)])
    score = np.log(seen + FLOOR).sum(axis=1)
    score += np.log(kind + KIND_FLOOR)[np.arange(len(maps)) % 2]
    score[:, :above] += OUTSIDE
    score[:, size - above :] += OUTSIDE
    return np.asarray(score)


def _margin(rows: int) -> int:
    return round(BEYOND * rows)


def _levels(score: FloatArray, rows: int) -> tuple[FloatArray, float]:
    """Places (end plates,) of the best chain along the column, and the column's length."""
    lengths = SCALES * rows
    best = np.repeat(score[:1], len(lengths), axis=0)  # (scales, S)
    back = []
    for plate, share in enumerate(LENGTHS):
        relative, absolute = BODY_SPREAD if plate % 2 == 0 else DISC_SPREAD
        wanted = share * lengths
        spread = relative * wanted + absolute
        steps = np.arange(1, int((wanted + 4 * spread).max()) + 2)
        cost = -0.5 * ((steps - wanted[:, None]) / spread[:, None]) ** 2
        reached = np.full((len(steps), *best.shape), -np.inf)
        for n, step in enumerate(steps[steps < best.shape[1]]):
            reached[n, :, step:] = best[:, :-step] + cost[:, n, None]
        choice = reached.argmax(axis=0)
        back.append(steps[choice])
        best = np.take_along_axis(reached, choice[None], axis=0)[0] + score[plate + 1]
    scale, last = np.unravel_index(int(best.argmax()), best.shape)
    places = [int(last)]
    for steps_back in reversed(back):
        places.append(places[-1] - int(steps_back[scale, places[-1]]))
    return np.array(places[::-1], float) - _margin(rows), float(lengths[scale])
