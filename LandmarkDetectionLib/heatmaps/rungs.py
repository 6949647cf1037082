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

from LandmarkDetectionLib.heatmaps.ladder import FEWEST_SHAPES, Ladder
from LandmarkDetectionLib.typing import Array, FloatArray

#: How much a change of the change of tilt counts against the tilts, and degrees from which a tilt is an
#: outlier.
STIFFNESS, OUTLIER = 0.1, 8.0
ROUNDS = 10
#: Rungs lie at least this share of their usual distance apart.
APART = 0.35
#: What a rung counts on which a person placed a landmark.
PLACED = 100.0
#: Rungs that say how wide the next ones are.
NEIGHBOURS = 4
#: How exactly they say where the other end lies, in widths: so far beyond the edge it may yet be in.
EDGE = 0.1
#: By how much tilts may be drawn out, at least and at most.
STRETCHED = (1.0, 1.25)


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
        Rungs next to each other do not cross, but for those that a person placed.
    """
    result = np.array(position, float)
    if not _of_two(ladder):
        return result
    rungs = np.array(ladder.rungs)
    fixed = np.asarray(np.isin(rungs, list(placed)).any(axis=1))
    ends = result[rungs]  # (R, 2, 2)
    middle, half = ends.mean(axis=1), (ends[:, 1] - ends[:, 0]) / 2
    tilt = np.degrees(np.arctan2(half[:, 1], half[:, 0]))
    # Of one that points backwards the angle means nothing.
    weight = np.asarray(present, float)[rungs].min(axis=1).clip(1e-3) * np.where(half[:, 0] > 0, 1.0, 1e-3)
    weight[fixed] = PLACED
    middle = np.where(fixed[:, None], middle, _in_order(middle, np.array(ladder.lengths)))
    smooth, counted = _smoothed(tilt, weight)
    smooth += (ladder.stretch - 1) * (smooth - smooth.mean())
    angle = _uncrossed(np.where(fixed, tilt, smooth), middle, np.linalg.norm(half, axis=1), counted, fixed)
    turned = _halves(angle, np.linalg.norm(half, axis=1))
    result[rungs] = np.stack([middle - turned, middle + turned], axis=1)
    result[rungs[fixed]] = ends[fixed]
    return result


def tilts(position: Array, ladder: Ladder) -> FloatArray:
    """Degrees (..., R) by which rungs of two landmarks, of positions (..., L, 2), go down to the right."""
    rungs = np.array(ladder.rungs)
    way = position[..., rungs[:, 1], :] - position[..., rungs[:, 0], :]
    return np.asarray(np.degrees(np.arctan2(way[..., 1], way[..., 0])))


def measure_stretch(found: Array, truth: Array, ladder: Ladder) -> float:
    """By how much the largest difference of tilts of two levels is larger in truth than it was found.

    A network gives the mean of what may be. Where people draw end plates, their tilts scatter about the
    column's, and the largest difference of such is larger.

    Parameters
    ----------
    found, truth : (M, L, 2)
        Positions in images held out, as read by a ladder whose ``stretch`` is 1; NaN in truth where nothing
        is known.

    Returns
    -------
    float
        The median over images with all rungs, within ``STRETCHED``; 1 where there are too few.
    """
    if not _of_two(ladder):
        return 1.0
    whole = np.isfinite(truth[:, ladder.landmarks]).all(axis=(1, 2))
    if np.count_nonzero(whole) < FEWEST_SHAPES:
        return 1.0
    least, most = (_largest_difference(one[whole], ladder) for one in (found, truth))
    return float(np.median(most / least.clip(1.0)).clip(*STRETCHED))


def _largest_difference(position: Array, ladder: Ladder) -> FloatArray:
    """(M,) degrees between the tilts of two levels, as Cobb angles are."""
    by_level = tilts(position, ladder).reshape(len(position), -1, ladder.per_level).mean(axis=2)
    return np.asarray(np.ptp(by_level, axis=1))


def _of_two(ladder: Ladder) -> bool:
    return len(ladder.rungs) >= 3 and {len(rung) for rung in ladder.rungs} == {2}


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


def _smoothed(tilt: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Tilts that change gently, and what each counted."""
    bend = np.diff(np.eye(len(tilt)), 2, axis=0)
    stiff = STIFFNESS * bend.T @ bend
    now, result = weight, tilt
    for _ in range(ROUNDS):
        result = np.linalg.solve(np.diag(now) + stiff, now * tilt)
        now = weight / (1 + ((tilt - result) / OUTLIER) ** 2)
    return result, now


def _halves(angle: FloatArray, width: FloatArray) -> FloatArray:
    """(R, 2) from the middle of each rung to its right end."""
    radians = np.radians(angle)
    return width[:, None] * np.stack([np.cos(radians), np.sin(radians)], axis=1)


def _uncrossed(
    angle: FloatArray, middle: FloatArray, width: FloatArray, weight: FloatArray, fixed: Array
) -> FloatArray:
    """Tilts (R,) of which neighbours that cross have the same, but for those that are fixed.

    What has one tilt cannot cross: runs of rungs grow until none does, as in a monotone regression.
    """
    angle = angle.copy()
    run = np.arange(len(angle))
    while (crossing := _crossing(middle, _halves(angle, width)) & (run[1:] != run[:-1])).any():
        for n in np.flatnonzero(crossing):
            run[run == run[n + 1]] = run[n]
        for first in np.unique(run[:-1][crossing]):
            together = run == first
            mean = float(np.average(angle[together], weights=weight[together]))
            angle[together & ~fixed] = mean
    return angle


def _crossing(middle: FloatArray, half: FloatArray) -> Array:
    """(R - 1,) whether an end of a rung is on the wrong side of the next one's line, or the other way."""
    ends = np.stack([middle - half, middle + half], axis=1)
    down = np.stack([-half[:, 1], half[:, 0]], axis=1)
    below = np.einsum("red,rd->re", ends[1:] - middle[:-1, None], down[:-1])
    above = np.einsum("red,rd->re", middle[1:, None] - ends[:-1], down[1:])
    return np.asarray((below <= 0).any(axis=1) | (above <= 0).any(axis=1))


def present_together(present: Array, position: Array, ladder: Ladder, size: Array) -> FloatArray:
    """Presence (L,) where an end of a rung can hardly be outside: the other is in, the rung narrower.

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
            way = np.median(ways, axis=0)
            there, about = position[rung[surest]] + way, EDGE * float(np.linalg.norm(way))
            if ((there >= -0.5 - about) & (there <= size - 0.5 + about)).all():
                result[landmark] = max(result[landmark], present[rung[surest]])
    return result
