"""Which way a silhouette of a hand points, and on which side its thumb is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from LandmarkDetectionLib.imaging.hand.fingers import Fingers, find_fingers
from LandmarkDetectionLib.typing import Array

#: What leaves the picture over at least this share of the palm's radius is a forearm, no finger.
FOREARM_CONTACT = 0.6
#: What only grazes the border is not cut.
LEAST_CONTACT = 0.12
#: How clearly one outer finger must look like a thumb, see ``_thumb_likeness``.
CLEAR_THUMB = 0.35


@dataclass(frozen=True)
class Pose:
    """Where a hand points on its grid.

    Attributes
    ----------
    centre
        (2,) row and column of the palm.
    radius
        Of the palm, in cells.
    up
        (2,) unit vector (row, column) from the wrist to the fingers.
    thumb
        1 when the thumb is clockwise of the fingers as the grid is drawn (at the right with fingers up), -1
        when it is on the other side.
    sure
        Whether direction and thumb are clearly seen.
    cut
        How many fingers the border of the field cuts.
    """

    centre: Array
    radius: float
    up: Array
    thumb: int
    sure: bool
    cut: int


def find_pose(mask: Array, field: Array, *, upwards: bool = False) -> Pose:
    """Find the pose of the hand in (H, W) bool; ``field`` is where it could have been seen.

    ``upwards`` says that the hand is known to point upwards, more or less.
    """
    fingers = find_fingers(mask)
    contacts = [one for one in _contacts(mask, field) if len(one) > LEAST_CONTACT * fingers.radius]
    forearm = max(contacts, key=len, default=None)
    if forearm is not None and len(forearm) < FOREARM_CONTACT * fingers.radius:
        forearm = None
    cut = len(contacts) - (forearm is not None)
    directions = fingers.tips - fingers.centre
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-9)
    if len(directions) >= 3:
        up, thumb, clear = _from_fingers(fingers, directions)
        clear = clear and len(directions) >= 4
        if clear or not upwards or up[0] < -0.5:
            return Pose(fingers.centre, fingers.radius, up, thumb, clear, cut)
    up = np.array([-1.0, 0.0]) if upwards else _along_the_hand(mask, fingers, forearm)
    return Pose(fingers.centre, fingers.radius, up, _wider_side(mask, fingers, up), False, cut)


def _contacts(mask: Array, field: Array) -> list[Array]:
    """Cells (N, 2) of every stretch over which the hand reaches the end of the field."""
    end = ndimage.binary_dilation(~np.pad(field, 1), np.ones((3, 3)))[1:-1, 1:-1]
    labels, count = ndimage.label(mask & end, np.ones((3, 3)))
    return [np.argwhere(labels == label) for label in range(1, count + 1)]


def _from_fingers(fingers: Fingers, directions: Array) -> tuple[Array, int, bool]:
    """Direction to the middle finger, side of the thumb, and whether one finger clearly is the thumb."""
    angle = np.arctan2(directions[:, 1], -directions[:, 0])  # clockwise from upwards
    order = _around_the_palm(angle)
    gaps = np.diff(np.unwrap(angle[order]))
    length = np.linalg.norm(fingers.tips[order] - fingers.centre, axis=1) / fingers.radius
    first = _thumb_likeness(gaps[0], length[1] - length[0])
    last = _thumb_likeness(gaps[-1], length[-2] - length[-1])
    thumb = 1 if last > first else -1
    from_thumb = order[::-thumb]
    if len(order) >= 5:
        up = directions[from_thumb[2]]
    else:
        up = directions[from_thumb[1:]].mean(axis=0)
    return up / np.linalg.norm(up), thumb, abs(last - first) > CLEAR_THUMB


def _around_the_palm(angle: Array) -> Array:
    """Fingers in clockwise order, starting behind the widest gap, where the forearm is."""
    order = np.argsort(angle)
    gaps = np.diff(np.append(angle[order], angle[order[0]] + 2 * np.pi))
    return np.roll(order, -(int(gaps.argmax()) + 1))


def _thumb_likeness(gap: float, shorter: float) -> float:
    """A thumb stands off its neighbour, and its tip is much nearer to the palm than its neighbour's."""
    return float(min(gap, 1.2) / np.radians(40) + np.clip(shorter, -0.5, 1.5))


def _along_the_hand(mask: Array, fingers: Fingers, forearm: Array | None) -> Array:
    """Away from where the forearm leaves the picture, or else along the hand towards its narrow end."""
    if forearm is not None:
        up = fingers.centre - forearm.mean(axis=0)
        return np.asarray(up / max(float(np.linalg.norm(up)), 1e-9))
    cells = np.argwhere(mask) - fingers.centre
    axis = np.linalg.eigh(cells.T @ cells)[1][:, -1]
    along, across = cells @ axis, cells @ np.array([-axis[1], axis[0]])
    ends = (along < np.quantile(along, 0.12), along > np.quantile(along, 0.88))
    # Fingertips end in a narrower bundle than a forearm that was cut straight.
    return np.asarray(axis if np.ptp(across[ends[1]]) < np.ptp(across[ends[0]]) else -axis)


def _wider_side(mask: Array, fingers: Fingers, up: Array) -> int:
    """The side on which the silhouette reaches further beside the palm: there is the thumb's ball."""
    cells = (np.argwhere(mask) - fingers.centre) / fingers.radius
    along, right = cells @ up, cells @ np.array([up[1], -up[0]])
    beside = (along > -0.8) & (along < 1.2)
    return 1 if right[beside].max() >= -right[beside].min() else -1
