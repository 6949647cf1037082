"""The world that agents learn in: fields of view, where they begin, and what a step is worth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
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
#: Views that need not be made anew; a replay memory of usual size holds no more.
VIEWS_AT_HAND = 8192
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


class View(NamedTuple):
    """One field of view of a case, L landmarks.

    Attributes
    ----------
    source
        Where boxes are cut from.
    truth : (L, 3) RAS mm
        NaN where there is none.
    outside : (L,) mm
        How far beyond the field landmarks lie; 0 in it, NaN where nothing is known.
    """

    source: BoxSource
    truth: Array
    outside: Array


class World:
    """Fields of view of annotated volumes, a new one for every agent that begins.

    A view is a number, from which its case and what it is cropped to follow, so that a transition is told by
    that number and a training that goes on meets the same views.

    Parameters
    ----------
    cases
    config
    """

    def __init__(self, cases: Sequence[AgentCase], config: AgentConfig) -> None:
        self.config = config
        self.cases = [case for case in cases if np.isfinite(case.points).all(axis=1).any()]
        self._whole = [self._view(case, None) for case in self.cases]
        self.view = lru_cache(VIEWS_AT_HAND)(self._drawn)

    def _drawn(self, number: int) -> View:
        case = number % len(self.cases)
        rng = np.random.default_rng([self.config.seed, 11, number])
        if rng.uniform() >= self.config.cropped:
            return self._whole[case]
        return self._view(self.cases[case], drawn_field(rng, self.cases[case].volume.size))

    def _view(self, case: AgentCase, field: Array | None) -> View:
        source = case.source(self.config.intensity, field)
        return View(source, case.points, source.beyond(case.points))

    def begin(
        self, scale: int, number: int, rng: np.random.Generator, ease: float, together: int = 1
    ) -> tuple[Array, ...]:
        """Views (N,), landmarks (N,) and places (N, 3) RAS mm that agents begin with.

        At finer scales that is near a landmark which lies in the field or not far beyond it: an agent is
        brought there by a coarser one, and has to find out on which side of the border the landmark is.

        Parameters
        ----------
        ease
            At the coarsest scale 1 puts them anywhere in the field, 0 at their landmark.
        together
            So many share a view.
        """
        views = np.repeat(rng.integers(2**40, size=-(-number // together)), together)[:number]
        landmarks, places = np.zeros(number, np.int64), np.zeros((number, 3))
        for n, chosen in enumerate(views.tolist()):
            view = self.view(chosen)
            known = np.isfinite(view.outside)
            near = self.counted(view, scale)
            landmarks[n] = landmark = rng.choice(np.flatnonzero(near if near.any() else known))
            truth = view.truth[landmark]
            if scale:
                offset = rng.uniform(-self.config.reach, self.config.reach, 3)
                places[n] = truth + offset * self.config.cells_mm[scale]
                continue
            nearest = np.clip(truth, *view.source.bounds)
            places[n] = nearest + (view.source.places(rng.uniform(size=3)) - nearest) * ease
            if not view.source.inside(places[n][None])[0]:
                # Of an oblique volume the bounds have corners that are not in it.
                places[n] = view.source.places(np.full(3, 0.5))
        return views, landmarks, places

    def counted(self, view: View, scale: int) -> npt.NDArray[np.bool_]:
        """(L,) landmarks that agents of a scale learn to find in a view, or to leave it towards."""
        reach = self.config.reach * self.config.cells_mm[scale] if scale else np.inf
        return np.asarray(view.outside <= reach)

    def inside(self, view: Indices, places: Array) -> npt.NDArray[np.bool_]:
        """Which places (N, 3) lie in their fields."""
        pairs = zip(view.tolist(), places, strict=True)
        return np.array([bool(self.view(v).source.inside(p[None])[0]) for v, p in pairs], bool)

    def boxes(self, view: Indices, places: Array, scale: int) -> Array:
        """What agents see, (N, side, side, side)."""
        side = self.config.side
        out = np.empty((len(view), side, side, side), np.float32)
        for n, chosen in enumerate(view.tolist()):
            self.view(chosen).source.cut(places[n], self.config.cells_mm[scale], side, out[n : n + 1])
        return out

    def lesson(self, scale: int, done: Transitions) -> Lesson:
        """What is to be learned of transitions."""
        cell = self.config.cells_mm[scale]
        after = done.place + STEPS[done.action] * cell
        ended = ~self.inside(done.view, after) if scale == 0 else np.zeros(len(after), bool)
        views = [self.view(one) for one in done.view.tolist()]
        truth = np.nan_to_num([one.truth for one in views])
        if self.config.relabel:
            counts = np.array([self.counted(one, scale) for one in views])
            if scale:
                offset = np.abs(truth - done.place[:, None]).max(axis=2)
                counts &= offset <= self.config.side / 2 * cell
        else:
            counts = np.arange(truth.shape[1]) == done.landmark[:, None]
        reward = rewards(done.place, after, truth, cell)
        outside = np.array([one.outside > 0 for one in views])
        reward += self.config.leaving * np.where(outside, 1.0, -1.0) * ended[:, None]
        back = counts & ~ended[:, None] & self.config.relabel
        side = self.config.side
        boxes = np.empty((2, len(after), side, side, side), np.float32)
        for n, view in enumerate(views):
            seen = view.source.cut_step(done.place[n], STEPS[done.action[n]], cell, side)
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
