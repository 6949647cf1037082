"""Agents that walk through a volume to their landmarks, coarse to fine, many of them in one batch.

An agent sees a box of cells about its place and takes the step of highest value, one cell along an axis of
the patient, until it comes to a place where it was before: from there on it would go round in a circle. The
place of that circle whose best step is worth least is where it stops, as nothing is to be gained there; then
it goes on at the next finer scale. One that leaves the volume at the coarsest scale says that its landmark is
not there. So does one that loses its way at a finer scale: agents learn there to find what lies a few cells
away, and whoever walks much farther has found nothing like its landmark near where it was sent.

Ghesu et al., Multi-scale deep reinforcement learning for real-time 3D-landmark detection in CT scans, IEEE
TPAMI 41(1), 2019; An artificial agent for anatomical landmark detection in medical images, MICCAI 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.imaging.boxes import BoxSource
from LandmarkDetectionLib.networks.q_network import ACTIONS
from LandmarkDetectionLib.typing import Array

Indices = npt.NDArray[np.intp]
#: Values (N, 6) of the steps at a scale, at places (N, 3) RAS mm, for landmarks (N,).
Values = Callable[[int, Array, Indices], Array]
#: How an agent chooses where it stops: least value of its circle, or where it is when it has gone round.
Stop = Literal["least value", "first repeat"]
STEPS = np.array(ACTIONS)
#: Boxes that a network sees at once: bounds the memory.
AT_ONCE = 128
#: Cells beyond those that agents of finer scales learned to come from, at which one has lost its way.
ASTRAY = 2


@dataclass(frozen=True, eq=False)
class Walk:
    """What came of one agent.

    Attributes
    ----------
    positions : (T, 3)
        RAS mm, in the order of its way; the last one is where it stopped.
    scale : (T,)
        Index of the scale at each.
    value
        Of the best step where it stopped, in cells of the finest scale it came to.
    left
        Whether it left the volume at the coarsest scale.
    circled
        Whether it stopped by itself at every scale, and not because it had taken too many steps.
    lost
        Whether it lost its way at a finer scale.
    """

    positions: Array
    scale: Indices
    value: float
    left: bool
    circled: bool
    lost: bool = False

    @property
    def end(self) -> Array:
        """(3,) RAS mm where it stopped."""
        return np.asarray(self.positions[-1])


def walk(
    values: Values,
    starts: Array,
    landmarks: Indices,
    cells_mm: Sequence[float],
    inside: Callable[[Array], Array],
    most_steps: int,
    stop: Stop = "least value",
    each_step: Callable[[], None] | None = None,
    reach: float = np.inf,
) -> list[Walk]:
    """Let agents walk from their starts, all at once.

    Parameters
    ----------
    values
        See ``Values``.
    starts : (N, 3) RAS mm
    landmarks : (N,)
        Whom each looks for.
    cells_mm
        Size of the cells, coarse to fine.
    inside
        Which of some places (N, 3) RAS mm lie in the volume.
    most_steps
        At each scale.
    stop
        See ``Stop``.
    each_step
        Called before each step of all; may raise to end it.
    reach
        Cells, along every axis, from which agents of finer scales learned to come.
    """
    place = np.array(starts, np.float64)
    left, circled = np.zeros(len(place), bool), np.ones(len(place), bool)
    lost = np.zeros(len(place), bool)
    last = np.zeros(len(place))
    ways: list[list[Array]] = [[] for _ in place]
    for scale, cell in enumerate(cells_mm):
        going = np.flatnonzero(~left)
        told = _walk_scale(
            partial(values, scale),
            place[going],
            landmarks[going],
            cell,
            inside if scale == 0 else None,
            most_steps,
            stop,
            each_step,
        )
        for n, one in zip(going, told, strict=True):
            way = place[n] + one.cells * cell
            ways[n].append(np.column_stack([way, np.full(len(way), scale)]))
            place[n] = way[-1]
            left[n], last[n] = one.left, one.value
            circled[n] &= one.circled
            lost[n] |= bool(scale) and np.abs(one.cells).max() > reach + ASTRAY
    return [
        Walk(
            way[:, :3],
            way[:, 3].astype(np.intp),
            float(last[n]),
            bool(left[n]),
            bool(circled[n]),
            bool(lost[n]),
        )
        for n, way in enumerate(map(np.concatenate, ways))
    ]


@dataclass(frozen=True, eq=False)
class _Way:
    """Of one agent at one scale; ``cells`` (T, 3) from where it began."""

    cells: Array
    value: float
    left: bool
    circled: bool


def _walk_scale(
    values: Callable[[Array, Indices], Array],
    begin: Array,
    landmarks: Indices,
    cell: float,
    inside: Callable[[Array], Array] | None,
    most_steps: int,
    stop: Stop,
    each_step: Callable[[], None] | None,
) -> list[_Way]:
    visited = np.zeros((len(begin), most_steps + 1, 3), np.int64)
    value = np.full((len(begin), most_steps + 1), np.nan)
    found: list[_Way | None] = [None] * len(begin)
    active = np.arange(len(begin))
    for t in range(most_steps):
        if not len(active):
            break
        if each_step is not None:
            each_step()
        now = visited[active, t]
        told = values(begin[active] + now * cell, landmarks[active])
        value[active, t] = told.max(axis=1)
        then = now + STEPS[told.argmax(axis=1)]
        visited[active, t + 1] = then
        gone = np.zeros(len(active), bool)
        if inside is not None:
            gone = ~inside(begin[active] + then * cell)
        before = (visited[active, : t + 1] == then[:, None]).all(axis=2)
        repeats = before.any(axis=1) & ~gone
        for row in np.flatnonzero(gone):
            n = active[row]
            found[n] = _Way(visited[n, : t + 2].copy(), float(value[n, t]), True, True)
        for row in np.flatnonzero(repeats):
            n, first = active[row], int(before[row].argmax())
            best = t if stop == "first repeat" else first + int(value[n, first : t + 1].argmin())
            # It goes round once and then on to where it stops.
            way = np.concatenate([visited[n, : t + 1], visited[n, first : best + 1]])
            way = visited[n, : t + 1] if best == t else way
            found[n] = _Way(way.copy(), float(value[n, best]), False, True)
        active = active[~gone & ~repeats]
    for n in active:
        found[n] = _Way(visited[n, :most_steps].copy(), float(value[n, most_steps - 1]), False, False)
    return [one for one in found if one is not None]


def network_values(networks: Sequence[Any], source: BoxSource, cells_mm: Sequence[float]) -> Values:
    """Values by one network per scale, coarse to fine, from boxes of a volume."""
    import torch

    def told(scale: int, places: Array, landmarks: Indices) -> Array:
        network = networks[scale]
        device = next(network.parameters()).device
        parts = []
        for start in range(0, len(places), AT_ONCE):
            boxes = source.cut(places[start : start + AT_ONCE], cells_mm[scale], network.side)
            which = torch.from_numpy(landmarks[start : start + AT_ONCE]).to(device)
            with torch.inference_mode():
                parts.append(network.of(torch.from_numpy(boxes)[:, None].to(device), which).float().cpu())
        return np.asarray(torch.cat(parts).numpy())

    return told
