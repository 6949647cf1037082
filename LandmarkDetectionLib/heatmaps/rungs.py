"""The two ends of a rung read together, and rungs with their neighbours: their order, tilts that change
gently, and whether both ends are in the picture.

One end of a rung that was read a little too high or low tilts it, and may cross it with the next. Tilts are a
smooth sequence with outliers: a smoothing spline on second differences (Whittaker 1923), each tilt weighed by
how well it fits (iteratively reweighted least squares, Cauchy's weights, Holland and Welsch 1977).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import isotonic_regression

from LandmarkDetectionLib.heatmaps.ladder import Ladder
from LandmarkDetectionLib.typing import Array, FloatArray

#: How much a change of the change of tilt counts against the tilts, and degrees from which a tilt is an
#: outlier.
STIFFNESS, OUTLIER = 0.1, 8.0
ROUNDS = 10
#: What rungs that cross count the next time, and how often.
CROSSED, TRIES = 0.1, 10
#: Rungs lie at least this share of their usual distance apart.
APART = 0.35
#: What a rung counts on which a person placed a landmark.
PLACED = 100.0
#: Rungs that say how wide the next ones are.
NEIGHBOURS = 4


def put_in_line(position: Array, present: Array, ladder: Ladder, placed: Collection[int] = ()) -> FloatArray:
    """Positions of landmarks, rungs one below the other and turned to tilts that fit their neighbours'.

    Parameters
    ----------
    position : (L, 2)
        Of all landmarks, in any unit. Rungs must have two each; otherwise nothing is changed.
    present : (L,)
        Score of being in the image, 0 to 1: those outside tell no tilt.
    ladder
    placed
        Landmarks that a person put somewhere: their rungs are left alone.

    Returns
    -------
    (L, 2)
        Rungs next to each other cross hardly ever: in 1 of 200 columns of which four ends were read wrongly.
    """
    result = np.array(position, float)
    if len(ladder.rungs) < 3 or {len(rung) for rung in ladder.rungs} != {2}:
        return result
    rungs = np.array(ladder.rungs)
    fixed = np.asarray(np.isin(rungs, list(placed)).any(axis=1))
    ends = result[rungs]  # (R, 2, 2)
    middle, half = ends.mean(axis=1), (ends[:, 1] - ends[:, 0]) / 2
    tilt = np.degrees(np.arctan2(half[:, 1], half[:, 0]))
    # Of one that points backwards the angle means nothing.
    weight = np.asarray(present, float)[rungs].min(axis=1).clip(1e-3) * np.where(half[:, 0] > 0, 1.0, 1e-3)
    weight[fixed] = PLACED
    width = np.linalg.norm(half, axis=1)[:, None]
    middle = np.where(fixed[:, None], middle, _in_order(middle, np.array(ladder.lengths)))
    for _ in range(TRIES):
        angle = np.radians(_smoothed(tilt, weight))
        turned = width * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        turned[fixed] = half[fixed]
        crossing = _crossing(middle, turned)
        if not crossing.any():
            break
        both = np.append(crossing, False) | np.append(False, crossing)
        weight = np.where(both & ~fixed, CROSSED * weight, weight)
    result[rungs] = np.stack([middle - turned, middle + turned], axis=1)
    return result


def _in_order(middle: FloatArray, lengths: FloatArray) -> FloatArray:
    """Middles (R, 2), moved along their course by as little as sets each below the one before.

    Least squares with bounded steps: a monotone regression (Barlow et al. 1972).
    """
    course = gaussian_filter1d(middle, 2.0, axis=0, mode="nearest")
    down = np.gradient(course, axis=0)
    down /= np.linalg.norm(down, axis=1, keepdims=True).clip(1e-9)
    between = down[:-1] + down[1:]
    between /= np.linalg.norm(between, axis=1, keepdims=True).clip(1e-9)
    way = np.append(0.0, np.cumsum(np.einsum("rd,rd->r", np.diff(middle, axis=0), between)))
    least = np.append(0.0, np.cumsum(APART * lengths)) * max(way[-1], 0.0)
    return middle + (isotonic_regression(way - least).x + least - way)[:, None] * down


def _smoothed(tilt: FloatArray, weight: FloatArray) -> FloatArray:
    bend = np.diff(np.eye(len(tilt)), 2, axis=0)
    stiff = STIFFNESS * bend.T @ bend
    now, result = weight, tilt
    for _ in range(ROUNDS):
        result = np.linalg.solve(np.diag(now) + stiff, now * tilt)
        now = weight / (1 + ((tilt - result) / OUTLIER) ** 2)
    return result


def _crossing(middle: FloatArray, half: FloatArray) -> Array:
    """(R - 1,) whether an end of a rung lies above that of the one before, along their course."""
    course = np.gradient(middle, axis=0)
    down = course[:-1] + course[1:]
    ways = [np.einsum("rd,rd->r", np.diff(middle + side * half, axis=0), down) for side in (-1, 1)]
    return np.asarray(np.min(ways, axis=0) <= 0)


def present_together(present: Array, position: Array, ladder: Ladder, size: Array) -> FloatArray:
    """Presence (L,) where an end of a rung cannot be outside: the other is in, and the rung is not so wide.

    Parameters
    ----------
    present : (L,)
        Score of each being in the image.
    position : (L, 2)
        Voxels, x first.
    ladder
    size : (2,)
        Voxels of the image along x and y.
    """
    result = np.array(present, float)
    rungs = ladder.rungs
    whole = [n for n, rung in enumerate(rungs) if min(present[list(rung)]) >= 0.5]
    for n, rung in enumerate(rungs):
        surest = int(np.argmax(present[list(rung)]))
        alike = sorted((m for m in whole if len(rungs[m]) == len(rung) and m != n), key=lambda m: abs(m - n))
        if not alike:
            continue
        for k, landmark in enumerate(rung):
            ways = [position[rungs[m][k]] - position[rungs[m][surest]] for m in alike[:NEIGHBOURS]]
            there = position[rung[surest]] + np.median(ways, axis=0)
            if ((there >= -0.5) & (there <= size - 0.5)).all():
                result[landmark] = max(result[landmark], present[rung[surest]])
    return result
