"""Corners of vertebrae that a file lists in another order than its protocol, put in order or left alone.

The middles of vertebrae that follow one another lie nearest to each other: where the shortest tree that
joins them all (Kruskal 1956) is a path, it is the column. Corners of a vertebra go around it, and which is
its upper left one the column's course tells. What these do not settle is left as the file has it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

from LandmarkDetectionLib.measurement.geometry import cross, unit_vector
from LandmarkDetectionLib.typing import Array, FloatArray

#: Middles nearer to each other than this share of the lower one's height are one vertebra listed twice; a
#: step from middle to middle of more than so many usual ones is none.
TWICE, MISSING = 0.6, 2.5
#: A column whose ends differ less in height, as a share of its length, has no top.
UPRIGHT = 0.25
#: Another order of corners must fit the course so much better than the second best: 1 at a tilt of 45
#: degrees against it.
CLEAR = 1.25
#: Clockwise in the picture they are upper left, upper right, lower right, lower left.
_CLOCKWISE = (0, 1, 3, 2)


class Ordered(NamedTuple):
    """Corners of a spine.

    Attributes
    ----------
    corners : (N, 4, 2)
        As given when nothing was wrong or nothing could be settled.
    changed
        What was put right, as a part of a sentence; empty when nothing was.
    unclear
        What is wrong and was left; empty when nothing is.
    """

    corners: FloatArray
    changed: str = ""
    unclear: str = ""


def put_in_order(corners: FloatArray) -> Ordered:
    """Vertebrae from top to bottom, of each the upper left, upper right, lower left and lower right corner.

    A spine whose order is right is returned as it is, however curved it is, and so is one that looks as if
    the picture were upside down.

    Parameters
    ----------
    corners : (N, 4, 2)
        N of at least 3 vertebrae, y down, in the order of the file.
    """
    path, unclear = _path(corners)
    if path is None:
        return Ordered(corners, unclear=unclear)
    sorted_corners = corners[path]
    course = unit_vector(np.gradient(sorted_corners.mean(axis=1), axis=0))
    result = sorted_corners.copy()
    turned, exchanged = 0, []
    for n, (quad, down) in enumerate(zip(sorted_corners, course, strict=True)):
        order = _corner_order(quad, down)
        if order is None:
            return Ordered(
                corners, unclear=f"the corners of vertebra {path[n] + 1} of the file do not go around it"
            )
        turned += order == (3, 2, 1, 0)
        if order != (0, 1, 2, 3):
            exchanged.append(int(path[n]) + 1)
            result[n] = quad[list(order)]
    count = len(corners)
    same = np.array_equal(path, np.arange(count))
    if turned == count and np.array_equal(path, np.arange(count)[::-1]):
        return Ordered(corners, unclear="the spine runs upwards, as in a picture that is upside down")
    told = [] if same else [_sequence(path)]
    if exchanged:
        told.append(
            "corners exchanged in "
            + ("every vertebra" if len(exchanged) == count else "vertebra " + ", ".join(map(str, exchanged)))
        )
    return Ordered(result, " and ".join(told)) if told else Ordered(corners)


def _path(corners: FloatArray) -> tuple[Array | None, str]:
    """Indices (N,) along the column from its top; None, and why, where there is none."""
    middles = corners.mean(axis=1)
    count = len(middles)
    apart = cdist(middles, middles)
    if not np.isfinite(apart).all():
        return None, "not every vertebra has four corners"
    height = _heights(corners)
    near = apart / np.minimum(height[:, None], height).clip(1e-9) + np.diag(np.full(count, np.inf))
    first, second = sorted(divmod(int(near.argmin()), count))
    if near[first, second] < TWICE:
        return None, f"{first + 1} and {second + 1} of the file lie at one place"
    tree = minimum_spanning_tree(apart).toarray()
    steps = tree[tree > 0]
    usual = float(np.median(steps))
    joined = (tree + tree.T) > 0
    ends = np.flatnonzero(joined.sum(axis=1) == 1)
    if len(ends) != 2 or steps.max() > MISSING * usual:
        return None, "its vertebrae do not follow one another"
    if abs(middles[ends[0], 1] - middles[ends[1], 1]) < UPRIGHT * steps.sum():
        return None, "which end of the spine is its top is not clear"
    path = [int(ends[middles[ends, 1].argmin()])]
    while len(path) < count:
        path.append(next(int(n) for n in np.flatnonzero(joined[path[-1]]) if n not in path[-2:]))
    return np.array(path), ""


def _heights(corners: FloatArray) -> FloatArray:
    """(N,) of vertebrae, which are wider than high, whatever the order of their corners."""
    offset = corners - corners.mean(axis=1, keepdims=True)
    around = np.argsort(np.arctan2(offset[..., 1], offset[..., 0]), axis=1)
    quads = np.take_along_axis(corners, around[..., None], axis=1)
    sides = np.linalg.norm(np.roll(quads, -1, axis=1) - quads, axis=2)
    return np.asarray(np.minimum(sides[:, 0] + sides[:, 2], sides[:, 1] + sides[:, 3]) / 2)


def _corner_order(quad: FloatArray, down: FloatArray) -> tuple[int, ...] | None:
    """Indices of the upper left, upper right, lower left and lower right corner, the column running down."""
    right = np.array([down[1], -down[0]])
    offset = quad - quad.mean(axis=0)
    around = np.argsort(np.arctan2(offset[:, 1], offset[:, 0]), kind="stable")
    found = [tuple(int(n) for n in np.roll(around, shift)[list(_CLOCKWISE)]) for shift in range(4)]
    fits = np.array([_fit(quad[list(order)], right, down) for order in found])
    best, second = np.argsort(fits)[::-1][:2]
    own = (0, 1, 2, 3)
    if own in found and fits[found.index(own)] * CLEAR > fits[best]:
        return own
    sides = np.roll(quad[around], -1, axis=0) - quad[around]
    convex = (cross(sides, np.roll(sides, -1, axis=0)) > 0).all()
    return found[best] if convex and fits[best] > CLEAR * fits[second] else None


def _fit(quad: FloatArray, right: FloatArray, down: FloatArray) -> float:
    """How far right ones lie to the right and lower ones below."""
    upper_left, upper_right, lower_left, lower_right = quad
    across = upper_right - upper_left + lower_right - lower_left
    return float(across @ right + (lower_left - upper_left + lower_right - upper_right) @ down)


def _sequence(path: Array) -> str:
    """How the file listed vertebrae, in few words."""
    count = len(path)
    if np.array_equal(path, np.arange(count)[::-1]):
        return "listed from the bottom"
    moved = int(path[0])
    if moved and np.array_equal(path, np.roll(np.arange(count), count - moved)):
        late = count - moved
        return f"the first {late if late > 1 else 'vertebra'} listed last"
    return f"listed as {', '.join(str(int(n) + 1) for n in np.argsort(path))}"
