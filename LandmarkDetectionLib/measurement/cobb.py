"""Cobb angles from the corners of vertebrae, after the rules of the AASCE benchmark (Wu et al. 2017).

A vertebra's direction is that from the middle of its left side to the middle of its right side in the
picture. Which three pairs of vertebrae give the angles depends on whether the spine is S-shaped, and on
where its largest angle lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.measurement.geometry import cross, unit_vector
from LandmarkDetectionLib.typing import FloatArray

CURVES = ("proximal_thoracic", "main_thoracic", "thoracolumbar")

S_THRESHOLD = 1e-4


@dataclass(frozen=True)
class CobbAngles:
    """The three angles of each of S spines.

    Attributes
    ----------
    degrees : (S, 3)
        In the order of ``CURVES``.
    ends : (S, 3, 2) int
        Upper and lower end vertebra of each angle, from 0.
    s_shaped : (S,) bool
        Whether the line through the end-plates' middles has bends to both sides.
    upper : (S,) bool
        Of S-shaped ones: whether the largest angle lies in the upper half of the picture.
    """

    degrees: FloatArray
    ends: np.ndarray
    s_shaped: np.ndarray
    upper: np.ndarray


def cobb_angles(corners: FloatArray, height: float) -> CobbAngles:
    """Proximal thoracic, main thoracic and thoracolumbar angle.

    Parameters
    ----------
    corners : (S, N, 4, 2)
        Of N vertebrae from top to bottom: top left, top right, bottom left, bottom right, y down from the
        upper edge of the picture.
    height
        Of the picture, in the corners' unit: S-shaped spines are judged by the half that holds the largest
        angle. NaN when unknown: the angles of S-shaped spines are then NaN.

    Returns
    -------
    CobbAngles
        With a and b, a < b, the pair of the largest angle: a spine that is not S-shaped has the main thoracic
        angle between a and b, the proximal one between the first vertebra and a, and the thoracolumbar one
        between b and the last. An S-shaped one with a and b in the upper half has the largest angle of any
        vertebra above with a, and of any below with b; with a and b in the lower half the largest angle is
        the thoracolumbar one, and main and proximal thoracic follow above it in the same way.
    """
    samples, count = corners.shape[:2]
    direction = (corners[:, :, 1] + corners[:, :, 3] - corners[:, :, 0] - corners[:, :, 2]) / 2
    # In the plane the angle of two directions is the difference of their own: N arc tangents, not N squared.
    unit = unit_vector(direction)
    heading = np.degrees(np.arctan2(unit[..., 1], unit[..., 0]))
    theta = np.abs(heading[:, :, None] - heading[:, None, :])
    theta = np.minimum(theta, 360 - theta)
    rows = np.arange(samples)
    broken = np.asarray(~np.isfinite(theta).all(axis=(1, 2)))
    theta = np.where(broken[:, None, None], 0.0, theta)

    above = np.triu(np.ones((count, count), bool), 1)
    a, b = np.divmod(np.where(above, theta, -1.0).reshape(samples, -1).argmax(axis=1), count)
    largest = theta[rows, a, b]
    s_shaped = is_s_shaped(corners)
    centre = corners.mean(axis=2)[..., 1]
    sum_of_heights = centre[rows, a] + centre[rows, b]
    upper = sum_of_heights < height

    index = np.arange(count)
    # Of the largest angle with a from above, and with b from below; the vertebra itself gives 0.
    over_a = np.where(index <= a[:, None], theta[rows, :, a], -1.0)
    under_b = np.where(index >= b[:, None], theta[rows, :, b], -1.0)
    a0, b0 = over_a.argmax(axis=1), under_b.argmax(axis=1)
    over_a0 = np.where(index <= a0[:, None], theta[rows, :, a0], -1.0)
    a1 = over_a0.argmax(axis=1)
    first, last = np.zeros(samples, int), np.full(samples, count - 1)

    plain = [(first, a), (a, b), (b, last)]
    high = [(a0, a), (a, b), (b, b0)]
    low = [(a1, a0), (a0, a), (a, b)]
    chosen = np.where(s_shaped, np.where(upper, 1, 2), 0)
    ends = np.stack([np.stack([np.stack(pair, -1) for pair in rule], 1) for rule in (plain, high, low)], 0)[
        chosen, rows
    ]
    degrees = theta[rows[:, None], ends[..., 0], ends[..., 1]]
    unknown = broken | (s_shaped & ~np.isfinite(height)) | ~np.isfinite(largest)
    degrees = np.where(unknown[:, None], np.nan, degrees)
    return CobbAngles(degrees, ends, s_shaped, upper)


def is_s_shaped(corners: FloatArray) -> np.ndarray:
    """(S,) whether spines (S, N, 4, 2) bend to both sides of the line from the first to the last end-plate.

    With z the middles of the end-plates from top to bottom, d_k = (y_k - y_n) / (y_1 - y_n) -
    (x_k - x_n) / (x_1 - x_n); S-shaped when sum_ij d_i d_j differs from sum_ij |d_i d_j| by 1e-4 or more.
    Where x_1 is x_n, the limit is taken: any bend to both sides.
    """
    z = np.stack([corners[:, :, :2].mean(axis=2), corners[:, :, 2:].mean(axis=2)], axis=2)
    z = z.reshape(len(corners), -1, 2)
    chord, steps = z[:, 0] - z[:, -1], z - z[:, -1:]
    size = np.abs(chord).max(axis=1)
    upright = np.abs(chord[:, 0]) <= 1e-9 * size
    with np.errstate(all="ignore"):
        d = steps[..., 1] / chord[:, None, 1] - steps[..., 0] / chord[:, None, 0]
        # Without the division that has no value there; anything beyond rounding counts.
        aside = cross(steps, chord[:, None, :]) / size[:, None] ** 2
    d = np.where(upright[:, None], np.where(np.abs(aside) > 1e-9, aside * 1e6, 0.0), d)
    bends = np.abs(d.sum(axis=1) ** 2 - np.abs(d).sum(axis=1) ** 2)
    return np.asarray(bends >= S_THRESHOLD)


def spine_problems(corners: FloatArray, names: Sequence[str]) -> list[str]:
    """What cannot be so in one spine (N, 4, 2): corners exchanged, vertebrae out of order or crossing.

    Parameters
    ----------
    corners : (N, 4, 2)
        As in :func:`cobb_angles`.
    names
        Of the N vertebrae.

    Returns
    -------
    list of str
        One sentence part for each problem; empty when there is none.
    """
    problems = []
    for name, (top_left, top_right, bottom_left, bottom_right) in zip(names, corners, strict=True):
        across, down = top_right - top_left + bottom_right - bottom_left, bottom_left - top_left
        down = down + bottom_right - top_right
        if not _is_convex(np.array([top_left, top_right, bottom_right, bottom_left])):
            problems.append(f"the corners of {name} do not go around it")
        elif across[0] <= 0:
            problems.append(f"left and right corners of {name} are exchanged")
        elif down[1] <= 0:
            problems.append(f"upper and lower corners of {name} are exchanged")
    centres = corners.mean(axis=1)
    axis = centres[-1] - centres[0]
    for upper in range(len(names) - 1):
        pair = f"{names[upper]} and {names[upper + 1]}"
        if (centres[upper + 1] - centres[upper]) @ axis <= 0:
            problems.append(f"{pair} are in the wrong order")
        elif _cross_each_other(corners[upper, 2:], corners[upper + 1, :2]):
            problems.append(f"{pair} cross each other")
    return problems


def _is_convex(polygon: FloatArray) -> bool:
    """Whether (4, 2) corners in order turn the same way at each."""
    sides = np.roll(polygon, -1, axis=0) - polygon
    turns = cross(sides, np.roll(sides, -1, axis=0))
    return bool((turns > 0).all() or (turns < 0).all())


def _cross_each_other(upper: FloatArray, lower: FloatArray) -> bool:
    """Whether the lower end-plate (2, 2) of one vertebra cuts the upper one of the next."""

    def sides(line: FloatArray, points: FloatArray) -> FloatArray:
        return cross(line[1] - line[0], points - line[0])

    first, second = sides(upper, lower), sides(lower, upper)
    return bool(first[0] * first[1] < 0 and second[0] * second[1] < 0)
