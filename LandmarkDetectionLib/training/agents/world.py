"""The world that agents learn in: fields of view, where they begin, and what a step is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.imaging.boxes import BoxSource
from LandmarkDetectionLib.networks.q_network import ACTIONS
from LandmarkDetectionLib.training.agents.cases import AgentCase, drawn_field
from LandmarkDetectionLib.training.agents.config import AgentConfig
from LandmarkDetectionLib.training.agents.memory import Transitions
from LandmarkDetectionLib.typing import Array

STEPS = np.array(ACTIONS, np.float64)
#: Least share of the way from the landmark to anywhere that a curriculum begins with.
NEAREST = 0.15
Indices = npt.NDArray[np.int64]


def opposite(actions: Indices) -> Indices:
    """The step back from each."""
    return actions ^ 1


def rewards(before: Array, after: Array, truth: Array, cell_mm: float) -> Array:
    """How much nearer (N, L) steps bring agents to landmarks, in cells: at most 1.

    Parameters
    ----------
    before, after : (N, 3) RAS mm
    truth : (N, L, 3) RAS mm
    cell_mm
    """
    was = np.linalg.norm(before[:, None] - truth, axis=-1)
    now = np.linalg.norm(after[:, None] - truth, axis=-1)
    return np.asarray((was - now) / cell_mm)


def targets(reward: Array, best_after: Array, ended: npt.NDArray[np.bool_], discount: float) -> Array:
    """What the values of steps are to become: reward and, where the way goes on, the best one after it.

    Parameters
    ----------
    reward, best_after : (N, L)
    ended : (N,)
        Whether the step led out of the volume.
    discount
    """
    return np.asarray(reward + discount * np.where(ended[:, None], 0.0, best_after))


class Lesson(NamedTuple):
    """Transitions with what they are worth.

    Attributes
    ----------
    before, after : (N, side, side, side) float32
        What was seen.
    action : (N,)
    reward : (N, L)
        Of the step, in cells.
    counts, counts_back : (N, L) bool
        Landmarks that this, and the step back, is learned for.
    ended : (N,) bool
        The step led out of the volume at the coarsest scale.
    """

    before: Array
    after: Array
    action: Indices
    reward: Array
    counts: npt.NDArray[np.bool_]
    counts_back: npt.NDArray[np.bool_]
    ended: npt.NDArray[np.bool_]


class World:
    """Fields of view of annotated volumes.

    Parameters
    ----------
    cases
    config
    """

    def __init__(self, cases: Sequence[AgentCase], config: AgentConfig) -> None:
        self.config = config
        rng = np.random.default_rng([config.seed, 11])
        self.sources: list[BoxSource] = []
        truth = []
        for case in cases:
            whole = max(1, round(config.views * (1 - config.cropped)))
            for number in range(config.views):
                # All whole views of one case are the same: one stands for them, drawn more often.
                field = None if number < whole else drawn_field(rng, case.volume.size)
                if number and field is None:
                    self.sources.append(self.sources[-1])
                else:
                    self.sources.append(case.source(config.intensity, field))
                truth.append(case.points)
        self.truth = np.stack(truth)
        self.known = np.isfinite(self.truth).all(axis=2)
        self.within = np.stack(
            [
                known & source.inside(np.nan_to_num(points))
                for source, points, known in zip(self.sources, self.truth, self.known, strict=True)
            ]
        )

    def begin(self, scale: int, number: int, rng: np.random.Generator, ease: float) -> tuple[Array, ...]:
        """Views (N,), landmarks (N,) and places (N, 3) RAS mm that agents begin with.

        Parameters
        ----------
        ease
            At the coarsest scale 1 puts them anywhere in the field, 0 at their landmark.
        """
        possible = np.argwhere(self.known if scale == 0 else self.within)
        view, landmark = possible[rng.integers(len(possible), size=number)].T
        truth = self.truth[view, landmark]
        if scale:
            offset = rng.uniform(-self.config.reach, self.config.reach, (number, 3))
            return view, landmark, truth + offset * self.config.cells_mm[scale]
        shares = rng.uniform(size=(number, 3))
        anywhere = np.empty((number, 3))
        for n, chosen in enumerate(view):
            source = self.sources[chosen]
            anywhere[n] = source.places(shares[n])
            low, high = source.bounds
            truth[n] = np.clip(truth[n], low, high)
        place = truth + (anywhere - truth) * ease
        # Of an oblique volume the bounds have corners that are not in it.
        return view, landmark, np.where(self.inside(view, place)[:, None], place, self._middles(view))

    def inside(self, view: Indices, places: Array) -> npt.NDArray[np.bool_]:
        """Which places (N, 3) lie in their fields."""
        return np.array(
            [bool(self.sources[v].inside(p[None])[0]) for v, p in zip(view, places, strict=True)], bool
        )

    def boxes(self, view: Indices, places: Array, scale: int) -> Array:
        """What agents see, (N, side, side, side)."""
        side = self.config.side
        out = np.empty((len(view), side, side, side), np.float32)
        for n, chosen in enumerate(view):
            self.sources[chosen].cut(places[n], self.config.cells_mm[scale], side, out[n : n + 1])
        return out

    def lesson(self, scale: int, done: Transitions) -> Lesson:
        """What is to be learned of transitions."""
        cell = self.config.cells_mm[scale]
        after = done.place + STEPS[done.action] * cell
        ended = ~self.inside(done.view, after) if scale == 0 else np.zeros(len(after), bool)
        truth = np.nan_to_num(self.truth[done.view])
        counts = self.known[done.view].copy()
        if self.config.relabel:
            if scale:
                offset = np.abs(truth - done.place[:, None]).max(axis=2)
                counts &= (offset <= self.config.side / 2 * cell) & self.within[done.view]
        else:
            counts &= np.arange(counts.shape[1]) == done.landmark[:, None]
        reward = rewards(done.place, after, truth, cell)
        outside = ~self.within[done.view]
        reward += self.config.leaving * np.where(outside, 1.0, -1.0) * ended[:, None]
        back = counts & ~ended[:, None] & self.config.relabel
        side = self.config.side
        boxes = np.empty((2, len(after), side, side, side), np.float32)
        for n, view in enumerate(done.view):
            seen = self.sources[view].cut_step(done.place[n], ACTIONS[done.action[n]], cell, side)
            boxes[0, n], boxes[1, n] = seen
        return Lesson(
            boxes[0],
            boxes[1],
            done.action,
            reward,
            counts,
            back,
            ended,
        )

    def _middles(self, view: Indices) -> Array:
        return np.array(
            [
                self.sources[v].volume.ijk_to_ras_points(self.sources[v].field.mean(axis=0)[None])[0]
                for v in view
            ]
        ).reshape(-1, 3)


class Walkers:
    """Agents of one scale that walk while they learn, and what they remember.

    Attributes
    ----------
    view, landmark, place, age
        Of each.
    """

    def __init__(self, world: World, scale: int, number: int) -> None:
        self.world, self.scale = world, scale
        self.view, self.landmark = np.zeros(number, np.int64), np.zeros(number, np.int64)
        self.place = np.zeros((number, 3))
        # Old enough to begin anew at once.
        self.age = np.full(number, world.config.episode, np.int64)

    def renew(self, rng: np.random.Generator, ease: float) -> None:
        """Let those begin anew whose time is over."""
        old = np.flatnonzero(self.age >= self.world.config.episode)
        if len(old):
            begun = self.world.begin(self.scale, len(old), rng, ease)
            self.view[old], self.landmark[old], self.place[old] = begun
            self.age[old] = 0

    def step(self, action: Indices) -> Transitions:
        """Take a step each; those that leave the volume begin anew next."""
        done = Transitions(self.view.copy(), self.landmark.copy(), self.place.copy(), action)
        self.place = self.place + STEPS[action] * self.world.config.cells_mm[self.scale]
        self.age += 1
        self.age[~self.world.inside(self.view, self.place)] = self.world.config.episode
        return done

    def state(self) -> dict[str, Array]:
        """As arrays, for a checkpoint."""
        return {"view": self.view, "landmark": self.landmark, "place": self.place, "age": self.age}
