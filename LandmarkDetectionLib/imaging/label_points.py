"""Landmarks that the rules of a protocol find in a label map, or why they do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.core.label_rules import AxisEnd, Centroid, Closest, Extreme, SphereCentre
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.typing import BoolArray, FloatArray
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.label_rules import LabelRule

_DIRECTIONS = {
    "right": (1.0, 0.0, 0.0),
    "left": (-1.0, 0.0, 0.0),
    "anterior": (0.0, 1.0, 0.0),
    "posterior": (0.0, -1.0, 0.0),
    "superior": (0.0, 0.0, 1.0),
    "inferior": (0.0, 0.0, -1.0),
}
LEAST_VOXELS = 4
LONG = 1.5
"""Times that an axis has to be longer than the next one (as standard deviations) to be one."""
ROUND = 0.1
"""Root mean square residual of a sphere, as a share of its radius, beyond which there is none."""
_TRIMMED, _ROUNDS = 2.5, 10


@dataclass(frozen=True, eq=False)
class LabelPoint:
    """What one rule finds.

    Attributes
    ----------
    rule
        Which one.
    position : (3,)
        RAS mm; None when there is a gap.
    gap
        Why there is none, as in ``label 12 is not in the label map``.
    """

    rule: LabelRule
    position: FloatArray | None
    gap: str = ""


class _NoPointError(Exception):
    """A rule finds nothing; the text is the gap."""


def label_points(labels: Volume, rules: Iterable[LabelRule]) -> tuple[LabelPoint, ...]:
    """Evaluate rules on a label map.

    Parameters
    ----------
    labels
        Whole numbers; 0 is nothing.
    rules
        Of a protocol.

    Returns
    -------
    tuple of LabelPoint
        A place or a named gap for every rule, in order.

    Raises
    ------
    InputError
        The voxels are no whole numbers.
    """
    voxels = labels.voxels
    if voxels.dtype.kind == "f" and not np.array_equal(voxels, np.rint(voxels)):
        raise InputError(
            f"{labels.name or 'The label map'} holds numbers that are not whole; it is an image, "
            "not a label map."
        )
    found = []
    for rule in rules:
        try:
            found.append(LabelPoint(rule, _point(labels, rule)))
        except _NoPointError as problem:
            found.append(LabelPoint(rule, None, str(problem)))
    return tuple(found)


def _point(labels: Volume, rule: LabelRule) -> FloatArray:
    mask = _mask(labels, rule.labels)
    part = _part(labels, mask, rule)
    points = _points(labels, part)
    if len(points) < LEAST_VOXELS:
        raise _NoPointError(f"{_named(rule.labels)} has only {counted(len(points), 'voxel')}")
    if isinstance(rule, Extreme):
        _require_inside(labels, part, rule, np.array(_DIRECTIONS[rule.towards]))
        return _farthest(labels, points, np.array(_DIRECTIONS[rule.towards]))
    if isinstance(rule, Centroid):
        _require_inside(labels, part, rule)
        return np.asarray(points.mean(axis=0))
    if isinstance(rule, SphereCentre):
        _require_inside(labels, part, rule)
        # Where the part was cut off there is no surface.
        return _sphere(_points(labels, _surface(mask) & part), rule)
    if isinstance(rule, AxisEnd):
        axis = _long_axis(points, np.array(_DIRECTIONS[rule.towards]), rule)
        _require_inside(labels, part, rule, axis)
        reach = ((points - points.mean(axis=0)) @ axis).max() + _half_voxel(labels, axis)
        return np.asarray(points.mean(axis=0) + reach * axis)
    return _closest(labels, part, rule)


def _named(numbers: tuple[int, ...]) -> str:
    return f"label {numbers[0]}" if len(numbers) == 1 else f"labels {', '.join(map(str, numbers))}"


def _mask(labels: Volume, numbers: tuple[int, ...]) -> BoolArray:
    """(K, J, I) the largest piece of some labels."""
    from scipy import ndimage

    mask = np.isin(labels.voxels, numbers)
    if not mask.any():
        raise _NoPointError(f"{_named(numbers)} is not in the label map")
    pieces, count = ndimage.label(mask, np.ones((3, 3, 3)))
    if count > 1:
        mask = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    return np.asarray(mask)


def _points(labels: Volume, mask: BoolArray) -> FloatArray:
    """(N, 3) RAS mm of the centres of voxels."""
    return labels.ijk_to_ras_points(np.argwhere(mask)[:, ::-1])


def _part(labels: Volume, mask: BoolArray, rule: LabelRule) -> BoolArray:
    if rule.part is None:
        return mask
    index = np.argwhere(mask)
    along = labels.ijk_to_ras_points(index[:, ::-1]) @ np.array(_DIRECTIONS[rule.part.towards])
    part = np.zeros_like(mask)
    part[tuple(index[along >= along.max() - rule.part.mm].T)] = True
    return part


def _require_inside(
    labels: Volume, mask: BoolArray, rule: LabelRule, direction: FloatArray | None = None
) -> None:
    """What the border of the map cuts has its end, its middle or its sphere elsewhere."""
    points, index = _points(labels, mask), np.argwhere(mask)[:, ::-1]
    if direction is not None:
        along = points @ direction
        index = index[along >= along.max() - 2 * _half_voxel(labels, direction)]
    size = np.array(labels.size)
    if (((index == 0) | (index == size - 1)) & (size > 1)).any():
        raise _NoPointError(f"{_named(rule.labels)} is cut by the border of the label map")


def _half_voxel(labels: Volume, direction: FloatArray) -> float:
    """From the middle of a voxel, taken as round, to its surface in a direction, mm."""
    return float(0.5 / np.linalg.norm(labels.affine.inverse.linear @ direction))


def _farthest(labels: Volume, points: FloatArray, direction: FloatArray) -> FloatArray:
    """The middle of the outermost layer, moved to its outer face."""
    along, half = points @ direction, _half_voxel(labels, direction)
    layer = points[along >= along.max() - half]
    return np.asarray(layer.mean(axis=0) + (along.max() + half - layer.mean(axis=0) @ direction) * direction)


def _surface(mask: BoolArray) -> BoolArray:
    from scipy import ndimage

    return np.asarray(mask & ~ndimage.binary_erosion(mask, border_value=1))


def _sphere(points: FloatArray, rule: LabelRule) -> FloatArray:
    """Least squares with what lies far off left out, as the neck of a femur (algebraic fit, trimmed)."""
    kept = np.ones(len(points), bool)
    for _ in range(_ROUNDS):
        if kept.sum() < 2 * LEAST_VOXELS:
            raise _NoPointError(f"the surface of {_named(rule.labels)} is no sphere")
        chosen = points[kept]
        middle = chosen.mean(axis=0)
        system = np.column_stack([2 * (chosen - middle), np.ones(len(chosen))])
        solution, *_ = np.linalg.lstsq(system, ((chosen - middle) ** 2).sum(axis=1), rcond=None)
        centre = middle + solution[:3]
        radius = float(np.sqrt(max(solution[3] + solution[:3] @ solution[:3], 0.0)))
        off = np.linalg.norm(points - centre, axis=1) - radius
        size = 1.4826 * float(np.median(np.abs(off[kept])))
        before, kept = kept, np.abs(off) <= max(_TRIMMED * size, 1e-6)
        if (kept == before).all():
            break
    if not radius > 0 or np.sqrt((off[kept] ** 2).mean()) > ROUND * radius or kept.mean() < 0.5:
        raise _NoPointError(f"the surface of {_named(rule.labels)} is no sphere")
    return np.asarray(centre)


def _long_axis(points: FloatArray, towards: FloatArray, rule: LabelRule) -> FloatArray:
    variances, axes = np.linalg.eigh(np.cov((points - points.mean(axis=0)).T))
    if variances[2] < LONG**2 * max(variances[1], 1e-9):
        raise _NoPointError(f"{_named(rule.labels)} has no long axis")
    axis = axes[:, 2]
    if abs(axis @ towards) < 0.1:
        raise _NoPointError(f"the long axis of {_named(rule.labels)} has no end in the direction asked for")
    return np.asarray(axis if axis @ towards > 0 else -axis)


def _closest(labels: Volume, mask: BoolArray, rule: Closest) -> FloatArray:
    from scipy.spatial import cKDTree

    here, there = (_points(labels, _surface(one)) for one in (mask, _mask(labels, rule.to)))
    distance, nearest = cKDTree(there).query(here)
    # All pairs about as close, so that one voxel more or less does not move the place along the gap.
    near = distance <= distance.min() + labels.spacing.max() / 2
    return np.asarray((here[near] + there[nearest[near]]).mean(axis=0) / 2)
