"""Levels of a chain read together: vertebrae look alike, and each alone is soon taken for the next.

Heatmaps say of each landmark of the chain where it may be. The chain's course is followed down the picture in
the sum of all of them; along it, the rungs (upper and lower end plates) stand one below the other at usual
distances, for several lengths of the whole: a hidden Markov model, whose best path (Viterbi 1967) says near
which place each landmark is looked for, there also where heatmaps of its kind of other levels see one. How
probable the path's places are among all paths says how sure that is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from LandmarkDetectionLib.heatmaps.ladder import Ladder
from LandmarkDetectionLib.typing import Array, FloatArray

#: Lengths of a chain that are tried, as shares of the picture's height.
SCALES = np.geomspace(0.45, 1.15, 11)
#: Spread of a way from rung to rung beside what shapes tell, in cells.
CELLS = 0.5
#: Probability of a rung, and of any rung of its kind, that heatmaps do not see; and how much what those of
#: other levels see counts.
FLOOR, KIND_FLOOR, KIND = 1e-3, 1e-2, 0.1
#: Pictures of fewer rows are looked at on finer ones.
FINE = 256
#: How much either counts. What tells the levels apart goes wrong in all of them together, and once a person
#: corrected one, it is known to be wrong.
OWN, OWN_CORRECTED, ANY = 0.5, 0.15, 1.5
#: A chain may reach out of the picture by this share of its height; log probability of a rung there.
BEYOND, OUTSIDE = 0.25, -4.0
#: How far about its rung a landmark is looked for, as a share of the way to the next.
REACH = 0.3
#: What heatmaps say of neighbouring rungs is much the same: so much of their log probability counts where the
#: chance of other paths is asked for.
INDEPENDENT = 0.5
#: How near a landmark that a person placed holds its rung, in cells.
PLACED = 0.5


class Column(NamedTuple):
    """A chain that was read together.

    Attributes
    ----------
    maps : (L, H, W) float32
        Heatmaps, those of the chain weighed by where their rung lies; each with the sum that it had.
    chance : (L,)
        Of each landmark's rung lying where it was read, 0 to 1; 1 of those that are on none.
    """

    maps: Array
    chance: FloatArray


def along_column(
    probability: Array, ladder: Ladder, placed: Mapping[int, tuple[float, float]] | None = None
) -> Column:
    """Heatmaps of a chain, each weighed by where its rung lies.

    Parameters
    ----------
    probability : (L, H, W)
        In the order of the ladder's indices.
    ladder
    placed
        Landmarks that a person put somewhere: x and y in cells. Their rungs lie there.

    Raises
    ------
    ValueError
        There are not so many heatmaps.
    """
    if max(ladder.landmarks) >= len(probability):
        raise ValueError(f"a ladder of {max(ladder.landmarks) + 1} landmarks is not of {len(probability)}")
    rows, columns = probability.shape[1:]
    maps = probability.astype(np.float32)
    sums = maps.sum(axis=(1, 2))
    for n, where in (placed or {}).items():
        maps[n] = _peak(where, rows, columns)
    place, beside, half = _course(maps, ladder)
    # Discs are lower than cells of small pictures.
    fine = max(1, round(FINE / rows))
    within = np.abs(beside) < 2.2 * half[:, None] + 2
    halves = {-1: within & (beside < 0), 0: within, 1: within & (beside > 0)}
    score = _profiles(maps, ladder, place, halves, placed or {}, fine)
    found, length, chance = _levels(score, ladder, rows, fine)
    result, by_landmark = maps.copy(), np.ones(len(maps))
    kinds = [
        [
            KIND * maps[list(same)].sum(axis=0)
            for same in zip(*ladder.rungs[n :: ladder.per_level], strict=True)
        ]
        for n in range(ladder.per_level)
    ]
    for rung, level in enumerate(found):
        # A flat top would leave tilts alone, but let end plates of neighbours cross.
        near = np.exp(-0.5 * ((place - level) / (REACH * _height(ladder, rung) * length)) ** 2)
        for n, side in enumerate(ladder.sides(rung)):
            landmark = ladder.rungs[rung][n]
            weighed = (maps[landmark] + kinds[rung % ladder.per_level][n] + 1e-9) * near * halves[side]
            by_landmark[landmark] = chance[rung]
            result[landmark] = weighed * (sums[landmark] / max(float(weighed.sum()), 1e-12))
    for n in placed or {}:
        result[n], by_landmark[n] = maps[n], 1.0
    return Column(result, by_landmark)


def _height(ladder: Ladder, rung: int) -> float:
    """The longer of the ways to the rungs above and below, as a share of the whole."""
    steps = [ladder.lengths[n] for n in (rung - 1, rung) if 0 <= n < len(ladder.lengths)]
    return max(steps)


def _peak(place: tuple[float, float], rows: int, columns: int) -> Array:
    x, y = np.arange(columns) - place[0], np.arange(rows) - place[1]
    peak = np.exp(-0.5 * y**2)[:, None] * np.exp(-0.5 * x**2)
    return np.asarray(peak / max(float(peak.sum()), 1e-12), np.float32)


def _course(maps: Array, ladder: Ladder) -> tuple[Array, Array, Array]:
    """In cells: place along the chain (H, W), way to the right of it (H, W) and half its width (H,)."""
    sides = np.array([side for rung in range(len(ladder.rungs)) for side in ladder.sides(rung)])
    landmarks = np.array(ladder.landmarks)
    columns = maps.shape[2]
    if (sides == -1).any():
        left, right = (_followed(maps[landmarks[sides == side]].sum(axis=0)) for side in (-1, 1))
    else:
        left = right = _followed(maps[landmarks].sum(axis=0))
    middle = gaussian_filter1d((left + right) / 2, 5, mode="nearest")
    half = np.maximum(gaussian_filter1d((right - left) / 2, 5, mode="nearest"), 3.0)
    slope = np.gradient(middle)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(1, (slope[1:] + slope[:-1]) / 2))])
    beside = np.arange(columns) - middle[:, None]
    # The foot of the perpendicular on the chain.
    return length[:, None] + beside * (slope / np.hypot(1, slope))[:, None], beside, half


def _followed(seen: Array, jump: float = 2.0) -> FloatArray:
    """The column (H,) of the best path down a picture (H, W) that moves little from row to row."""
    rows, columns = seen.shape
    seen = gaussian_filter(seen, (3.0, 1.0))
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


def _profiles(
    maps: Array,
    ladder: Ladder,
    place: Array,
    halves: Mapping[int, Array],
    placed: Mapping[int, tuple[float, float]],
    fine: int,
) -> FloatArray:
    """Log probability (rungs, S) of every rung along the chain, from ``BEYOND`` above it."""
    rows, columns = place.shape
    above = fine * _margin(rows)
    size = fine * (int(np.ceil(place.max())) + 1) + 2 * above
    cell = np.clip(np.rint(fine * place).astype(int) + above, 0, size - 1)
    seen = np.zeros((len(maps), size))
    for rung, landmarks in enumerate(ladder.rungs):
        for n, side in zip(landmarks, ladder.sides(rung), strict=True):
            ok = halves[side]
            seen[n] = fine * np.bincount(cell[ok], maps[n][ok], minlength=size)
    seen = gaussian_filter1d(seen, 1.2 * fine, axis=1)
    score = np.zeros((len(ladder.rungs), size))
    at = np.arange(size)
    for rung, landmarks in enumerate(ladder.rungs):
        for n in landmarks:
            score[rung] += (OWN_CORRECTED if placed else OWN) * np.log(seen[n] + FLOOR)
            if n in placed:
                x, y = placed[n]
                row, column = min(max(round(y), 0), rows - 1), min(max(round(x), 0), columns - 1)
                where = fine * (place[row, column] + y - row) + above
                score[rung] -= 0.5 * ((at - where) / (PLACED * fine)) ** 2
        same = [n for other in ladder.rungs[rung % ladder.per_level :: ladder.per_level] for n in other]
        score[rung] += ANY * np.log(seen[same].sum(axis=0) / len(landmarks) + KIND_FLOOR)
    score[:, :above] += OUTSIDE
    score[:, size - above :] += OUTSIDE
    return score


def _margin(rows: int) -> int:
    return round(BEYOND * rows)


def _levels(score: FloatArray, ladder: Ladder, rows: int, fine: int) -> tuple[FloatArray, float, FloatArray]:
    """In cells, places (rungs,) of the best path along the chain and its length; and every place's chance."""
    lengths = SCALES * rows * fine
    costs = [
        _cost(share, spread, lengths, CELLS * fine)
        for share, spread in zip(ladder.lengths, ladder.spreads, strict=True)
    ]
    best = np.repeat(score[:1], len(lengths), axis=0)  # (scales, S)
    back = []
    for rung, cost in enumerate(costs):
        best, step = _reached(best, cost)
        best += score[rung + 1]
        back.append(step)
    scale, last = np.unravel_index(int(best.argmax()), best.shape)
    places = [int(last)]
    for steps_back in reversed(back):
        places.append(places[-1] - int(steps_back[scale, places[-1]]))
    found = np.array(places[::-1])
    likely = _chances(INDEPENDENT * score, [INDEPENDENT * cost for cost in costs], len(lengths))
    at = np.arange(score.shape[1])
    chance = np.empty(len(found))
    for rung, there in enumerate(found):
        near = np.abs(at - there) <= 0.5 * _height(ladder, rung) * lengths[scale]
        chance[rung] = min(1.0, likely[rung, near].sum())
    return found / fine - _margin(rows), float(lengths[scale] / fine), chance


def _cost(share: float, spread: float, lengths: FloatArray, least: float) -> FloatArray:
    """Log probability (steps, scales) of a rung lying 1, 2, ... below the one above."""
    wanted = share * lengths
    wide = spread * wanted + least
    steps = np.arange(1, int((wanted + 4 * wide).max()) + 2)
    return np.asarray(-0.5 * ((steps[:, None] - wanted) / wide) ** 2 - np.log(wide))


def _reached(before: FloatArray, cost: FloatArray) -> tuple[FloatArray, Array]:
    """(scales, S) each: what a place is worth by the best step that leads to it, and that step."""
    best = np.full_like(before, -np.inf)
    step = np.ones(before.shape, np.int32)
    for n in range(min(len(cost), before.shape[1] - 1)):
        worth = before[:, : -(n + 1)] + cost[n][:, None]
        better = worth > best[:, n + 1 :]
        best[:, n + 1 :][better] = worth[better]
        step[:, n + 1 :][better] = n + 1
    return best, step


def _chances(score: FloatArray, costs: list[FloatArray], scales: int) -> FloatArray:
    """Probability (rungs, S) of every rung lying at every place, over all paths (Rabiner 1989)."""
    seen = np.exp(score - score.max(axis=1, keepdims=True))
    steps = [np.exp(cost - cost.max()) for cost in costs]
    forward = [np.repeat(seen[:1], scales, axis=0)]
    for rung, step in enumerate(steps):
        forward.append(_scaled(_summed(forward[-1], step) * seen[rung + 1]))
    backward = np.ones_like(forward[-1])
    result = np.empty_like(score)
    for rung in range(len(score) - 1, -1, -1):
        both = (forward[rung] * backward).sum(axis=0)
        result[rung] = both / max(both.sum(), 1e-300)
        if rung:
            onwards = (backward * seen[rung])[:, ::-1]
            backward = _scaled(_summed(onwards, steps[rung - 1])[:, ::-1])
    return result


def _summed(before: FloatArray, step: FloatArray) -> FloatArray:
    """(scales, S): sum over all steps (steps, scales) that lead to a place."""
    total = np.zeros_like(before)
    for n in range(min(len(step), before.shape[1] - 1)):
        total[:, n + 1 :] += before[:, : -(n + 1)] * step[n][:, None]
    return total


def _scaled(values: FloatArray) -> FloatArray:
    return values / max(float(values.max()), 1e-300)
