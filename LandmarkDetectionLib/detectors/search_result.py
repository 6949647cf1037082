"""What several agents per landmark agree on: position, spread and whether the landmark is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.detectors.search import Stop, Walk, network_values, walk
from LandmarkDetectionLib.imaging.boxes import BoxSource
from LandmarkDetectionLib.quality.conformal import CELL_VARIANCE
from LandmarkDetectionLib.typing import Array

#: Agents agree whose ends lie so many of the finest cells from the one in their midst.
AGREED_CELLS = 3.0
#: Starts keep so far from the border, as shares of the field.
BORDER = 0.05
SEED = 20_190


@dataclass(frozen=True, eq=False)
class SearchRules:
    """How agents search.

    Attributes
    ----------
    cells_mm
        Size of the cells at each scale, coarse to fine.
    start : (L, 3)
        Where landmarks lie on average, as shares of a field along R, A and S.
    jitter
        Agents but the first begin up to so far from there, as shares of the field; None anywhere in it.
    starts
        Agents per landmark.
    most_steps
        Of each, at each scale.
    discount
        That the networks learned with.
    stop
        See ``search.Stop``.
    reach
        Cells from which agents of finer scales learned to come; see ``search.walk``.
    """

    cells_mm: tuple[float, ...]
    start: Array
    jitter: float | None
    starts: int
    most_steps: int
    discount: float
    stop: Stop = "least value"
    reach: float = np.inf

    def places(self, source: BoxSource) -> Array:
        """(L, starts, 3) RAS mm where agents begin; the same for the same field."""
        rng = np.random.default_rng(SEED)
        shape = (len(self.start), self.starts, 3)
        if self.jitter is None:
            shares = rng.uniform(BORDER, 1 - BORDER, shape)
        else:
            shares = self.start[:, None] + rng.uniform(-self.jitter, self.jitter, shape)
            shares[:, 0] = self.start
        places = source.places(np.clip(shares, BORDER, 1 - BORDER).reshape(-1, 3))
        # Corners about an oblique volume are not in it; its middle always is.
        middle = source.places(np.full((1, 3), 0.5))
        return np.asarray(np.where(source.inside(places)[:, None], places, middle).reshape(shape))


class Found(NamedTuple):
    """What agents say of L landmarks.

    Attributes
    ----------
    position : (L, 3) RAS mm
        Mean of those that agree; NaN where all have left the volume or lost their way.
    covariance : (L, 3, 3) mm^2
        Of their ends about it, and of the distance that they still expect to gain.
    present : (L,)
        Share of the agents that neither left the volume nor lost their way.
    agreed : (L,)
        Share of them that ended close together.
    ways
        One for each landmark: that of the agent nearest to the position, or of the first that left.
    """

    position: Array
    covariance: Array
    present: Array
    agreed: Array
    ways: tuple[Walk, ...]


def find_all(
    networks: Sequence[Any],
    source: BoxSource,
    rules: SearchRules,
    each_step: Callable[[], None] | None = None,
) -> Found:
    """Search for all landmarks at once.

    Parameters
    ----------
    networks
        One per scale, coarse to fine.
    source
    rules
    each_step
        See ``search.walk``.
    """
    count = len(rules.start)
    landmarks = np.repeat(np.arange(count), rules.starts)
    walks = walk(
        network_values(networks, source, rules.cells_mm),
        rules.places(source).reshape(-1, 3),
        landmarks,
        rules.cells_mm,
        source.inside,
        rules.most_steps,
        rules.stop,
        each_step,
        rules.reach,
    )
    groups = [walks[n * rules.starts : (n + 1) * rules.starts] for n in range(count)]
    told = [agreed_on(group, source, rules.cells_mm[-1], rules.discount) for group in groups]
    position, covariance, present, agreed, ways = zip(*told, strict=True)
    return Found(np.stack(position), np.stack(covariance), np.array(present), np.array(agreed), ways)


def agreed_on(
    walks: Sequence[Walk], source: BoxSource, cell_mm: float, discount: float
) -> tuple[Array, Array, float, float, Walk]:
    """Of one landmark: see ``Found``.

    At its landmark an agent's best step leads away, and the one after back again, and so on: it is worth
    -1 + g (1 + g (-1 + ...)) = -1 / (1 + g) cells for the discount g. What an end is worth above that is the
    distance in cells that its agent still expects to gain.
    """
    ends = np.stack([one.end for one in walks])
    stayed = ~np.array([one.left or one.lost for one in walks]) & source.inside(ends)
    if not stayed.any():
        return np.full(3, np.nan), np.zeros((3, 3)), 0.0, 0.0, walks[0]
    there = np.flatnonzero(stayed)
    apart = np.linalg.norm(ends[there, None] - ends[None, there], axis=-1)
    close = apart <= AGREED_CELLS * cell_mm
    # The most neighbours, and of several with as many the nearest ones.
    midst = int(np.lexsort([np.where(close, apart, 0).sum(axis=1), -close.sum(axis=1)])[0])
    group = there[close[midst]]
    position = ends[group].mean(axis=0)
    offset = ends[group] - position
    hoped = np.mean([max(0.0, walks[n].value + 1 / (1 + discount)) for n in group])
    spread = offset.T @ offset / len(group) + cell_mm**2 * (CELL_VARIANCE + hoped**2) * np.eye(3)
    nearest = group[int(np.linalg.norm(offset, axis=1).argmin())]
    return position, spread, len(there) / len(walks), len(group) / len(walks), walks[nearest]
