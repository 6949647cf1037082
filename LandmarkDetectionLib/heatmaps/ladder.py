"""How the levels of a chain follow one another down a picture, measured on shapes: a ladder of rungs.

A rung is what lies at one height of a level, as the two corners of an upper end plate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from LandmarkDetectionLib.typing import Array

#: Landmarks of a level that lie closer along the chain, in levels, are on one rung.
ONE_RUNG = 0.15
#: Fewer complete shapes do not tell spreads.
FEWEST_SHAPES = 8


class Ladder(BaseModel):
    """The rungs of a chain, from top to bottom.

    Attributes
    ----------
    rungs
        Indices of the landmarks of each, from the left of the picture to its right.
    per_level
        Rungs that a level has.
    lengths
        From each rung to the next, as shares of the way from the first to the last.
    spreads
        Standard deviations of the lengths, as shares of them.
    stretch
        By how much a network's tilts of rungs are drawn out, see ``rungs.measure_stretch``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rungs: tuple[tuple[int, ...], ...] = Field(min_length=2, max_length=512)
    per_level: int = Field(ge=1, le=64)
    lengths: tuple[float, ...]
    spreads: tuple[float, ...]
    stretch: float = Field(default=1.0, ge=0.5, le=2.0)

    @model_validator(mode="after")
    def _fits(self) -> Ladder:
        if not len(self.lengths) == len(self.spreads) == len(self.rungs) - 1:
            raise ValueError("a ladder needs a length and a spread between every two rungs")
        if len(self.rungs) % self.per_level:
            raise ValueError("the rungs do not make whole levels")
        numbers = [*self.lengths, *self.spreads]
        if not all(np.isfinite(numbers)) or min(numbers) <= 0:
            raise ValueError("lengths and spreads must be above zero")
        found = [n for rung in self.rungs for n in rung]
        if not all(self.rungs) or min(found) < 0 or len(set(found)) < len(found):
            raise ValueError("every rung needs landmarks, and no landmark lies on two")
        return self

    @property
    def landmarks(self) -> list[int]:
        """Indices of all landmarks on it."""
        return [n for rung in self.rungs for n in rung]

    def sides(self, rung: int) -> tuple[int, ...]:
        """-1, 0 or 1 of each landmark of a rung: left or right of the chain's middle, or about there."""
        count = len(self.rungs[rung])
        return tuple(0 if 2 * n + 1 == count else -1 if 2 * n + 1 < count else 1 for n in range(count))


#: Bodies and discs of T1 to L5 of the protocol ``spine-68``: means over the synthetic spines of
#: ``synthesis.radiograph.spine``, for models that do not have their own.
_SYNTHETIC = (
    *(29, 6, 35, 8, 36, 9, 40, 12, 42, 13, 43, 13, 46, 14, 44, 13, 48, 13, 49, 14, 50, 15, 53, 14),
    *(54, 14, 57, 11, 60, 16, 55, 16, 56),
)
OF_SPINES = Ladder(
    rungs=tuple((2 * n, 2 * n + 1) for n in range(len(_SYNTHETIC) + 1)),
    per_level=2,
    lengths=tuple(one / sum(_SYNTHETIC) for one in _SYNTHETIC),
    spreads=tuple(0.4 if n % 2 else 0.13 for n in range(len(_SYNTHETIC))),
)


def measure_ladder(chain: Sequence[Sequence[int]], shapes: Array) -> Ladder | None:
    """The ladder of a chain in pictures; None where it does not run down them, or too few shapes are whole.

    Parameters
    ----------
    chain
        Indices of the landmarks of every level, in one order.
    shapes : (M, L, d)
        Voxels, x first; NaN where a landmark is not known.
    """
    levels = np.array(chain)
    if levels.ndim != 2 or len(levels) < 2 or shapes.shape[-1] != 2:
        return None
    points = shapes[:, levels]  # (M, levels, K, 2)
    points = points[np.isfinite(points).all(axis=(1, 2, 3))]
    if len(points) < FEWEST_SHAPES:
        return None
    middles = points.mean(axis=2)
    steps = np.diff(middles, axis=1)
    if (np.median(steps[..., 1], axis=0) <= 0).any():
        return None
    along = np.gradient(middles, axis=1)
    size = np.linalg.norm(along, axis=2)
    along /= np.maximum(size, 1e-6)[..., None]
    across = np.stack([along[..., 1], -along[..., 0]], axis=-1)  # to the right of the picture
    offset = points - middles[:, :, None]
    down = np.einsum("mlkd,mld->mlk", offset, along) / np.maximum(size, 1e-6)[..., None]
    groups = _groups(np.median(down, axis=(0, 1)))
    right = np.median(np.einsum("mlkd,mld->mlk", offset, across), axis=(0, 1))
    groups = [sorted(group, key=lambda k: right[k]) for group in groups]
    heights = np.stack([points[:, :, group].mean(axis=2) for group in groups], axis=2)
    places = heights.reshape(len(points), -1, 2)
    # Along the chain's direction there: a shape whose rungs are crossed has no such way.
    ways = np.einsum("mrd,mrd->mr", np.diff(places, axis=1), np.repeat(along, len(groups), axis=1)[:, :-1])
    ways = ways[(ways > 0).all(axis=1)]
    if len(ways) < FEWEST_SHAPES:
        return None
    shares = ways / ways.sum(axis=1, keepdims=True)
    mean = shares.mean(axis=0)
    return Ladder(
        rungs=tuple(tuple(int(level[k]) for k in group) for level in levels for group in groups),
        per_level=len(groups),
        lengths=tuple(float(one) for one in mean.round(6)),
        spreads=tuple(float(one) for one in (shares.std(axis=0) / mean).clip(0.02).round(4)),
    )


def _groups(down: Array) -> list[list[int]]:
    """Landmarks of a level from top to bottom, those at one height together."""
    groups: list[list[int]] = []
    for k in np.argsort(down, kind="stable").tolist():
        if groups and down[k] - down[groups[-1]].mean() < ONE_RUNG:
            groups[-1].append(k)
        else:
            groups.append([k])
    return groups
