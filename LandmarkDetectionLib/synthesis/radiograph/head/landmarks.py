"""Where raters mark the 19 landmarks of a lateral radiograph of the head."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.head.parts import Head
from LandmarkDetectionLib.typing import Array, FloatArray

#: The 19 landmarks in the order of the ISBI 2015 challenge, named as by the protocol ``cephalometric-19``.
LANDMARKS = (
    "sella", "nasion", "orbitale", "porion", "subspinale", "supramentale", "pogonion", "menton", "gnathion",
    "gonion", "lower_incisor", "upper_incisor", "upper_lip", "lower_lip", "subnasale", "soft_pogonion",
    "posterior_nasal_spine", "anterior_nasal_spine", "articulare",
)  # fmt: skip


def landmarks(head: Head, seen: Array) -> Array:
    """The 19 landmarks (19, 2) px of a projected head (N, 3), as a rater would mark them.

    Orbitale, porion and gonion lie midway between both sides. Points that are defined as extremes of an
    outline are looked for on the outline as it is projected: pogonion foremost and menton lowest in the
    picture of a level head, gnathion between them along the outline, subspinale and supramentale deepest
    from the line between the ends of their bays, gonion farthest from the chord of its outline. Articulare is
    the crossing of the ramus' rear outline with that of the skull base.
    """
    at = {name: seen[index, :2].astype(np.float64) for name, index in head.marks.items()}
    # A level head: the line from sella to nasion rises by 7 degrees.
    forward = at["nasion"][0] - at["sella"][0]
    rise = np.arctan2(-forward[1], forward[0]) - np.radians(7.0)
    c, s = np.cos(rise), np.sin(rise)
    level = np.array([[c, -s], [s, c]])  # picture to (anterior, inferior)
    chin = at["chin front"]
    upright = chin @ level.T
    lowest = int(np.argmax(upright[:, 1]))
    upper = int(np.searchsorted(upright[: lowest + 1, 1], upright[0, 1] + 0.45 * np.ptp(upright[:, 1])))
    pogonion = upper + int(np.argmax(upright[upper : lowest + 1, 0]))
    supramentale = _deepest(chin[: pogonion + 1])
    jaw = at["upper jaw front"]
    sides = [at["ramus right"], at["ramus left"]]
    rear = (sides[0] + sides[1]) / 2
    gonion = np.mean([side[_deepest(side)] for side in sides], axis=0)
    found = {
        "orbitale": at["orbitale"].mean(axis=0),
        "porion": at["porion"].mean(axis=0),
        "subspinale": jaw[_deepest(jaw)],
        "supramentale": chin[supramentale],
        "pogonion": chin[pogonion],
        "menton": chin[lowest],
        "gnathion": chin[_halfway(chin, pogonion, lowest)],
        "gonion": gonion,
        "articulare": _crossing(rear[: len(rear) // 2], at["base below"]),
    }
    return np.array([found.get(name, at.get(name, np.full((1, 2), np.nan))[0]) for name in LANDMARKS])


def _deepest(outline: Array) -> int:
    """Index of the point farthest from the line between the ends of an outline (n, 2)."""
    start, chord = outline[0], outline[-1] - outline[0]
    across = np.abs(chord[0] * (outline[:, 1] - start[1]) - chord[1] * (outline[:, 0] - start[0]))
    return int(np.argmax(across))


def _halfway(outline: Array, first: int, last: int) -> int:
    """Index halfway along an outline between two of its points."""
    if last <= first:
        return first
    steps = np.linalg.norm(np.diff(outline[first : last + 1], axis=0), axis=1)
    return first + int(np.searchsorted(np.cumsum(steps), steps.sum() / 2))


def _crossing(first: Array, second: Array) -> FloatArray:
    """Where two outlines meet, or between where they come closest."""
    distance = np.linalg.norm(first[:, None] - second[None], axis=2)
    a, b = np.unravel_index(int(np.argmin(distance)), distance.shape)
    return np.asarray((first[a] + second[b]) / 2)
