"""The pieces of deep Q-learning: what a step is worth, what is remembered, where agents begin."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.networks.q_network import ACTIONS
from LandmarkDetectionLib.training.agents.cases import AgentCase, drawn_field
from LandmarkDetectionLib.training.agents.config import AgentConfig
from LandmarkDetectionLib.training.agents.memory import ReplayMemory, Transitions
from LandmarkDetectionLib.training.agents.task import AgentTask
from LandmarkDetectionLib.training.agents.world import Walkers, World, opposite, rewards, targets
from Testing.examples.agent_cases import SMALL_AGENTS

RIGHT, LEFT = 0, 1
MATRIX = np.diag([2.0, 2.0, 2.0, 1.0])


def config(**changes: object) -> AgentConfig:
    wanted = {**SMALL_AGENTS, "cropped": 0.0, "discount": 0.5, "relabel": True, "landmarks": ("one", "other")}
    return AgentConfig.model_validate({**wanted, "intensity": "hounsfield", **changes})


def world(folder: Path, points: list[list[float]], **changes: object) -> World:
    """One volume of 40 mm along every side whose first voxel is at the origin."""
    file = folder / "one.npy"
    np.save(file, np.random.default_rng(0).integers(0, 1000, (20, 20, 20)).astype(np.int16))
    case = AgentCase("one", "s", file, MATRIX, "CT", np.array(points), np.ones(len(points), bool))
    return World([case], config(**changes))


def transitions(place: list[float], action: int, landmark: int = 0, view: int = 0) -> Transitions:
    return Transitions(np.array([view]), np.array([landmark]), np.array([place]), np.array([action]))


def number_of_view(here: World, wanted: Callable[[np.ndarray], bool]) -> int:
    """The first view whose field (2, 3) of 20 x 20 x 20 voxels is as wanted."""
    return next(n for n in range(2000) if wanted(here.view(n).source.field))


def test_a_step_is_worth_the_distance_that_it_gains_in_cells():
    before, after = np.array([[0.0, 0.0, 0.0]]), np.array([[2.0, 0.0, 0.0]])
    truth = np.array([[[10.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 50.0, 0.0]]])
    found = rewards(before, after, truth, 2.0)
    assert found[0] == pytest.approx([1.0, -1.0, 0.0, 0.0])


def test_a_target_is_the_reward_and_the_discounted_best_step_after_it():
    found = targets(np.array([[0.5, -1.0]]), np.array([[2.0, 3.0]]), np.array([False]), 0.9)
    assert found[0] == pytest.approx([0.5 + 0.9 * 2.0, -1.0 + 0.9 * 3.0])


def test_nothing_comes_after_leaving_the_volume():
    found = targets(np.array([[1.0]]), np.array([[7.0]]), np.array([True]), 0.9)
    assert found[0, 0] == 1.0


def test_the_step_back_is_the_opposite_one():
    steps = np.array(ACTIONS)
    assert (steps[opposite(np.arange(6))] == -steps).all()


def test_the_oldest_transitions_are_forgotten_first():
    memory = ReplayMemory(4)
    for n in range(6):
        memory.add(transitions([float(n), 0, 0], n % 6))
    assert len(memory) == 4
    drawn = memory.sample(200, np.random.default_rng(0))
    assert set(drawn.place[:, 0]) == {2.0, 3.0, 4.0, 5.0}
    assert (drawn.action == drawn.place[:, 0].astype(int) % 6).all(), "columns stay together"


def test_a_memory_is_the_same_after_a_checkpoint(tmp_path: Path):
    memory, other = ReplayMemory(4), ReplayMemory(4)
    for n in range(5):
        memory.add(transitions([float(n), 1, 2], n))
    torch.save(memory.state(), tmp_path / "state.pt")
    other.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    a, b = (one.sample(30, np.random.default_rng(1)) for one in (memory, other))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True)) and other.count == 5


def test_a_transition_teaches_all_landmarks_both_ways_or_its_own_one_way(tmp_path):
    points = [[20.0, 20.0, 20.0], [24.0, 20.0, 20.0]]
    done = transitions([21.0, 20.0, 20.0], RIGHT, landmark=1)
    everyone = world(tmp_path, points).lesson(0, done)
    assert everyone.counts[0].tolist() == [True, True] and everyone.counts_back.all()
    assert everyone.reward[0] == pytest.approx([-1.0, 1.0]), "cells of 2 mm"
    own = world(tmp_path, points, relabel=False).lesson(0, done)
    assert own.counts[0].tolist() == [False, True] and not own.counts_back.any()
    assert np.allclose(everyone.before[0][:, :, 1:], everyone.after[0][:, :, :-1]), "seen one cell on"


def test_at_finer_scales_only_landmarks_in_the_box_are_learned(tmp_path):
    done = transitions([20.0, 20.0, 20.0], RIGHT)
    lesson = world(tmp_path, [[22.0, 20.0, 20.0], [38.0, 20.0, 20.0]]).lesson(1, done)
    assert lesson.counts[0].tolist() == [True, False]


def test_leaving_ends_the_way_at_the_coarsest_scale_and_may_have_a_price(tmp_path):
    points = [[20.0, 20.0, 20.0], [60.0, 20.0, 20.0]]
    done = transitions([38.5, 20.0, 20.0], RIGHT)
    plain = world(tmp_path, points).lesson(0, done)
    assert plain.ended[0] and not plain.counts_back.any(), "nobody comes back from there"
    assert plain.reward[0] == pytest.approx([-1.0, 1.0])
    priced = world(tmp_path, points, leaving=2.0).lesson(0, done)
    assert priced.reward[0] == pytest.approx([-3.0, 3.0])
    assert not world(tmp_path, points).lesson(1, done).ended.any()


def test_a_landmark_of_which_nothing_is_known_teaches_nothing(tmp_path):
    lesson = world(tmp_path, [[20.0, 20.0, 20.0], [np.nan] * 3]).lesson(0, transitions([9.0, 9, 9], LEFT))
    assert lesson.counts[0].tolist() == [True, False]


def test_agents_begin_near_their_landmark_at_finer_scales_and_nearer_at_first(tmp_path):
    truth = np.array([[20.0, 20.0, 20.0], [10.0, 30.0, 20.0]])
    here = world(tmp_path, truth.tolist())
    _, landmark, place = here.begin(1, 200, np.random.default_rng(0), 1.0)
    offset = np.abs(place - truth[landmark]).max(axis=1)
    assert 3.5 < offset.max() <= 4.0 + 1e-9 and set(landmark) == {0, 1}

    def distance(ease: float) -> float:
        view, landmark, place = here.begin(0, 200, np.random.default_rng(1), ease)
        assert here.inside(view, place).all()
        return float(np.linalg.norm(place - truth[landmark], axis=1).mean())

    assert distance(0.2) < 0.5 * distance(1.0)


def test_every_agent_that_begins_has_a_field_of_view_of_its_own(tmp_path):
    here = world(tmp_path, [[20.0, 20.0, 20.0], [10.0, 30.0, 20.0]], cropped=0.75)
    views = here.begin(0, 400, np.random.default_rng(0), 1.0)[0]
    fields = [here.view(int(one)).source.field for one in views]
    cropped = [one for one in fields if (one != [[0, 0, 0], [19, 19, 19]]).any()]
    assert 0.65 < len(cropped) / len(fields) < 0.85
    assert len({one.tobytes() for one in cropped}) > 200
    again = world(tmp_path, [[20.0, 20.0, 20.0], [10.0, 30.0, 20.0]], cropped=0.75)
    assert all(np.array_equal(again.view(int(n)).source.field, f) for n, f in zip(views, fields, strict=True))


def test_agents_that_begin_together_share_views(tmp_path):
    here = world(tmp_path, [[20.0, 20.0, 20.0], [10.0, 30.0, 20.0]], cropped=1.0)
    views = here.begin(0, 10, np.random.default_rng(0), 1.0, 4)[0]
    assert len(views) == 10 and [len(set(views[n : n + 4])) for n in (0, 4, 8)] == [1, 1, 1]
    assert len(set(views)) == 3


def test_at_finer_scales_landmarks_not_far_beyond_the_border_are_learned_too(tmp_path):
    """The reach is 4 cells of 1 mm: an agent at a border has to find out on which side its landmark is."""
    points = [[20.0, 20.0, 20.0], [36.0, 20.0, 20.0]]
    here = world(tmp_path, points, cropped=1.0)
    # The last voxel's outer face lies at 2 * last + 1 mm.
    for last, counted in ((17, True), (16, True), (15, False)):
        number = number_of_view(
            here,
            lambda field, last=last: field[1, 0] == last and field[0].max() < 8 and field[1, 1:].min() > 14,
        )
        beyond = max(0.0, 36.0 - (2 * last + 1))
        assert here.view(number).outside == pytest.approx([0.0, beyond])
        lesson = here.lesson(1, transitions([33.0, 20.0, 20.0], RIGHT, 1, number))
        assert lesson.counts[0, 1] == counted
        assert here.lesson(0, transitions([30.0, 20.0, 20.0], RIGHT, 1, number)).counts.all()


def test_where_no_landmark_is_near_agents_begin_and_learn_nothing(tmp_path):
    here = world(tmp_path, [[20.0, 20.0, 20.0], [20.0, 20.0, 22.0]], cropped=1.0)
    number = number_of_view(here, lambda field: field[0, 0] > 12)
    assert not here.lesson(1, transitions([30.0, 20.0, 20.0], RIGHT, 0, number)).counts.any()


def test_who_leaves_or_is_old_begins_anew(tmp_path):
    here = world(tmp_path, [[20.0, 20.0, 20.0], [10.0, 30.0, 20.0]], episode=3)
    walkers = Walkers(here, 0, 2)
    walkers.renew(np.random.default_rng(0), 1.0)
    assert (walkers.age == 0).all()
    walkers.place[:] = [[38.5, 20, 20], [20, 20, 20]]
    done = walkers.step(np.array([RIGHT, RIGHT]))
    assert walkers.age.tolist() == [3, 1] and done.place[0, 0] == 38.5
    walkers.renew(np.random.default_rng(1), 1.0)
    assert walkers.age.tolist() == [0, 1] and here.inside(walkers.view, walkers.place).all()


def test_fields_of_view_are_parts_of_the_volume():
    rng = np.random.default_rng(0)
    fields = [drawn_field(rng, (20, 30, 40)) for _ in range(100)]
    sizes = np.array([high - low + 1 for low, high in fields])
    assert (sizes >= 2).all() and (sizes <= [20, 30, 40]).all() and (sizes < [20, 30, 40]).any(axis=1).all()
    assert all((low >= 0).all() and (high < [20, 30, 40]).all() for low, high in fields)


def test_targets_come_from_the_target_network_and_double_lets_the_other_choose(tmp_path):
    """By hand: after the step, the network that learns prefers step 2, the target network step 3."""
    points = [[20.0, 20.0, 20.0], [24.0, 20.0, 20.0]]
    for double, best in ((False, 5.0), (True, 1.0)):
        here = world(tmp_path, points, double=double)
        task = AgentTask(here.config, here)
        with torch.no_grad():
            for network in task.networks.values():
                network.heads[0].bias.view(2, 6)[:, 2] = 9.0
            for network in task.targets.values():
                network.heads[0].bias.view(2, 6)[:, 2:4] = torch.tensor([1.0, 5.0])
        lesson = here.lesson(0, transitions([21.0, 20.0, 20.0], RIGHT))
        boxes = torch.from_numpy(np.stack([np.concatenate([lesson.before, lesson.after])] * 2))[:, :, None]
        value = task._targets(boxes, [lesson, lesson])["value"][0]
        assert value[0].tolist() == pytest.approx([-1 + 0.5 * best, 1 + 0.5 * best], abs=0.02)
        assert value[1].tolist() == pytest.approx([1 + 0.5 * best, -1 + 0.5 * best], abs=0.02), (
            "the step back"
        )


def test_the_target_network_is_copied_now_and_then_or_follows_slowly(tmp_path):
    points = [[20.0, 20.0, 20.0], [24.0, 20.0, 20.0]]
    for every, share, moved in ((2, 1.0, [0.0, 0.0, 1.0]), (1, 0.25, [0.0, 0.25, 0.4375])):
        here = world(tmp_path, points, target_every=every, target_share=share)
        task = AgentTask(here.config, here)
        with torch.no_grad():
            task.networks["scale_1"].heads[0].bias.fill_(1.0)
        told = []
        for step in range(3):
            task.prepare(step)
            told.append(float(task.targets["scale_1"].heads[0].bias.detach()[0]))
        assert told == pytest.approx(moved)
        assert all(not one.requires_grad for one in task.targets.parameters())


def test_exploration_falls_to_its_end():
    task = AgentTask(config(explore_from=1.0, explore_to=0.2, explore_share=0.5))
    assert [task.exploration(x) for x in (0, 0.25, 0.5, 1)] == pytest.approx([1.0, 0.6, 0.2, 0.2])
