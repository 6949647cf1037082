"""Palm, fingers and thumb of a silhouette, and which way the hand points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from LandmarkDetectionLib.typing import Array

#: Discs of this share of the palm's radius fit into palm and wrist, but into no finger.
CORE_SHARE = 0.5
#: A finger reaches at least this share of the palm's radius beyond the palm.
LEAST_FINGER = 0.5


@dataclass(frozen=True)
class Fingers:
    """What protrudes from a palm.

    Attributes
    ----------
    centre
        (2,) row and column of the centre of the largest disc that fits into the silhouette: the palm.
    radius
        Its radius in cells.
    tips
        (N, 2) row and column of the end of everything as narrow as a finger.
    masses
        (N,) cells of each.
    """

    centre: Array
    radius: float
    tips: Array
    masses: Array


def find_fingers(mask: Array) -> Fingers:
    """Take the palm as the largest disc in (H, W) bool, fingers as what a disc of half its size misses."""
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    radius = float(inside.max())
    centre = np.array(np.unravel_index(int(inside.argmax()), mask.shape), float)
    core = CORE_SHARE * radius
    away = ndimage.distance_transform_edt(inside <= core)
    # Two cells off the opening, so that its ragged rim does not join neighbouring fingers.
    labels, _ = ndimage.label(mask & (away > core + 2))
    tips, masses = [], []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        distance = np.where(labels[box] == label, away[box], 0)
        end = np.unravel_index(int(distance.argmax()), distance.shape)
        if distance[end] - core > LEAST_FINGER * radius:
            tips.append([end[0] + box[0].start, end[1] + box[1].start])
            masses.append(np.count_nonzero(distance))
    return Fingers(centre, radius, np.array(tips, float).reshape(-1, 2), np.array(masses, float))
