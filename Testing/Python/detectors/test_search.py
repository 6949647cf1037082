"""How agents walk, where they stop, and what several of them agree on; their values are written by hand."""

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.search import STEPS, Walk, network_values, walk
from LandmarkDetectionLib.detectors.search_result import SearchRules, agreed_on, find_all
from LandmarkDetectionLib.imaging.boxes import BoxSource, GreyWindow
from LandmarkDetectionLib.networks.architectures import build_network

DISCOUNT = 0.5
CELLS = (4.0, 1.0)


def inside(places):
    return (np.abs(places) <= 50).all(axis=1)


def knowing(targets, cells=CELLS, depth=3):
    """Values of agents that know where their landmarks are: exact, looking a few steps ahead."""

    def value(place, target, cell, ahead):
        after = place + STEPS * cell
        gain = (np.linalg.norm(place - target) - np.linalg.norm(after - target, axis=1)) / cell
        if ahead:
            gain = gain + DISCOUNT * np.array([value(one, target, cell, ahead - 1).max() for one in after])
        return gain

    def values(scale, places, landmarks):
        return np.array(
            [value(p, targets[n], cells[scale], depth) for p, n in zip(places, landmarks, strict=True)]
        )

    return values


def walks(targets, starts, cells=CELLS, most=60, **options):
    landmarks = np.arange(len(starts)) % len(targets)
    return walk(
        knowing(np.array(targets), cells), np.array(starts), landmarks, cells, inside, most, **options
    )


def test_an_agent_goes_coarse_to_fine_to_the_cell_nearest_to_its_landmark():
    (found,) = walks([[17.3, -8.6, 3.2]], [[0.0, 0.0, 0.0]])
    assert np.abs(found.end - [17.3, -8.6, 3.2]).max() <= 0.5 + 1e-9
    assert not found.left and found.circled
    assert found.scale.tolist() == sorted(found.scale), "never coarse again"
    for scale, cell in enumerate(CELLS):
        steps = np.abs(np.diff(found.positions[found.scale == scale], axis=0)).sum(axis=1)
        assert set(np.round(steps, 9)) <= {0.0, cell}, "one cell along one axis"
    assert found.scale.min() == 0 and found.scale.max() == 1


def test_it_stops_in_its_circle_where_the_best_step_is_worth_least():
    """Between two places that lead to one another the one with nothing to gain is the landmark."""

    def values(_scale, places, _landmarks):
        at = np.round(places[:, 0])
        told = np.full((len(places), 6), -9.0)
        told[:, 0] = np.where(at < 3, 1.0, -9.0)  # to the right up to 3 ...
        told[:, 1] = np.where(at >= 3, -0.6, -9.0)  # ... and back again
        return told

    def go(stop):
        return walk(values, np.zeros((1, 3)), np.zeros(1, int), (1.0,), inside, 20, stop)[0]

    found = go("least value")
    assert found.end.tolist() == [3.0, 0.0, 0.0] and found.value == pytest.approx(-0.6)
    assert go("first repeat").end[0] == 3.0
    assert found.circled and len(found.positions) < 20


def test_a_circle_of_three_places_is_one_too():
    """Right, right, back, back: the middle one is left in two ways, so that it takes one visit to know."""
    way = {0: 0, 1: 0, 2: 1}

    def values(_scale, places, _landmarks):
        told = np.zeros((len(places), 6)) - 5
        for row, x in zip(told, np.round(places[:, 0]).astype(int), strict=True):
            row[way[x]] = {0: 0.9, 1: 0.1, 2: 0.5}[x]
        return told

    found = walk(values, np.zeros((1, 3)), np.zeros(1, int), (1.0,), inside, 20)[0]
    assert found.end[0] == 1.0, "worth 0.1, less than 0.5 at the other end"


def test_who_leaves_the_volume_at_the_coarsest_scale_says_that_the_landmark_is_absent():
    absent, present = walks([[70.0, 0.0, 0.0], [40.0, 1.0, 2.0]], [[0.0, 0.0, 0.0]] * 2)
    assert absent.left and not inside(absent.end[None])[0]
    assert absent.scale.max() == 0, "it does not go on"
    assert not present.left and np.linalg.norm(present.end - [40, 1, 2]) < 1


def test_leaving_counts_at_the_coarsest_scale_only():
    def values(scale, places, _landmarks):
        told = np.zeros((len(places), 6)) - 1
        told[:, 0] = 1.0 if scale else -2.0
        told[:, 1] = np.where(places[:, 0] > 40, 0.5, -3.0) if not scale else -1.0
        told[:, 0] = np.where((scale == 0) & (places[:, 0] <= 44), 0.0, told[:, 0])
        return told

    found = walk(values, np.array([[44.0, 0, 0]]), np.zeros(1, int), (4.0, 1.0), inside, 20)[0]
    assert not found.left and found.end[0] > 50


def test_who_takes_too_many_steps_is_stopped_and_says_so():
    (found,) = walks([[40.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]], cells=(1.0,), most=10)
    assert not found.circled and not found.left and len(found.positions) == 10


def test_who_walks_farther_than_it_learned_to_come_from_has_lost_its_way():
    """At the coarsest scale agents come from anywhere."""

    def values(scale, places, _landmarks):
        told = np.tile([-1.0, -2.0, -2.0, -2.0, -2.0, -2.0], (len(places), 1))
        goal = 20.0 if scale == 0 else target
        told[:, 0] = np.where(places[:, 0] < goal, 1.0, -1.0)
        told[:, 1] = np.where(places[:, 0] < goal, -1.0, 0.5)
        return told

    for target, lost in ((27.0, False), (29.0, True)):
        start, one = np.array([[-40.0, 0, 0]]), np.zeros(1, int)
        (found,) = walk(values, start, one, CELLS, inside, 60, reach=6)
        assert found.end[0] == pytest.approx(target, abs=1.0)
        assert found.lost is lost and not found.left
        assert not walk(values, start, one, CELLS, inside, 60)[0].lost


def test_many_agents_at_once_walk_as_each_alone():
    torch.manual_seed(0)
    network = build_network("q_network", landmarks=2, side=7, channels=[4, 8], hidden=16).eval()
    torch.nn.init.normal_(network.heads[0].weight)
    voxels = np.random.default_rng(1).normal(size=(30, 30, 30)).astype(np.float32)
    source = BoxSource.of(Volume(voxels, np.eye(4)), "standardise")
    values = network_values([network, network], source, (2.0, 1.0))
    starts = np.random.default_rng(2).uniform(4, 25, (40, 3))
    landmarks = np.arange(40) % 2
    together = walk(values, starts, landmarks, (2.0, 1.0), source.inside, 30)
    for n in range(40):
        alone = walk(values, starts[n : n + 1], landmarks[n : n + 1], (2.0, 1.0), source.inside, 30)[0]
        assert np.allclose(alone.positions, together[n].positions)
        assert alone.value == pytest.approx(together[n].value, abs=1e-4)
    assert len({one.end.tobytes() for one in together}) > 5


def test_every_step_of_all_can_be_stopped():
    class EnoughError(Exception):
        pass

    def stop():
        raise EnoughError

    with pytest.raises(EnoughError):
        walks([[9.0, 0, 0]], [[0.0, 0, 0]], each_step=stop)


# --- what they agree on -----------------------------------------------------------------------------------

FIELD = BoxSource(
    Volume(
        np.zeros((100, 100, 100), np.int16),
        np.array([[1.0, 0, 0, -50], [0, 1, 0, -50], [0, 0, 1, -50], [0, 0, 0, 1]]),
    ),
    GreyWindow(0, 1, 0, 1),
    np.array([[0, 0, 0], [99, 99, 99]]),
)
CONTENT = -1 / (1 + DISCOUNT)


def ended(*place, value=CONTENT, left=False, lost=False):
    return Walk(np.array([place], float), np.zeros(1, int), value, left, True, lost)


def test_the_position_is_the_mean_of_those_that_end_close_together():
    group = [ended(1, 0, 0), ended(2, 0, 0), ended(1.5, 1, 0), ended(30, 0, 0)]
    position, covariance, present, agreed, way = agreed_on(group, FIELD, 1.0, DISCOUNT)
    assert position == pytest.approx([1.5, 1 / 3, 0])
    assert (present, agreed) == (1.0, 0.75)
    assert np.linalg.eigvalsh(covariance).min() >= 1 / 12 - 1e-9
    assert np.linalg.norm(way.end - position) == min(np.linalg.norm(one.end - position) for one in group)


def test_who_still_hopes_for_more_is_less_sure():
    sure = agreed_on([ended(0, 0, 0)] * 3, FIELD, 2.0, DISCOUNT)[1]
    hoping = agreed_on([ended(0, 0, 0, value=CONTENT + 1.5)] * 3, FIELD, 2.0, DISCOUNT)[1]
    assert np.trace(hoping - sure) == pytest.approx(3 * (2.0 * 1.5) ** 2)


def test_all_have_left_where_a_landmark_is_absent():
    position, _, present, agreed, way = agreed_on([ended(60, 0, 0, left=True)] * 2, FIELD, 1.0, DISCOUNT)
    assert np.isnan(position).all() and present == agreed == 0 and way.left


def test_one_that_lost_its_way_does_not_count():
    group = [ended(0, 0, 0), ended(9, 0, 0, lost=True), ended(9, 0, 0, lost=True)]
    position, _, present, _, _ = agreed_on(group, FIELD, 1.0, DISCOUNT)
    assert position == pytest.approx([0, 0, 0])
    assert present == pytest.approx(1 / 3)


def test_one_that_ended_outside_counts_as_having_left():
    assert agreed_on([ended(80, 0, 0), ended(0, 0, 0)], FIELD, 1.0, DISCOUNT)[2] == 0.5


@pytest.mark.parametrize("jitter", [0.2, None])
def test_agents_begin_about_the_mean_place_or_anywhere_and_the_same_each_time(jitter):
    rules = SearchRules((4.0,), np.array([[0.5, 0.5, 0.9]]), jitter, 6, 10, DISCOUNT)
    places = rules.places(FIELD)
    assert places.shape == (1, 6, 3) and FIELD.inside(places.reshape(-1, 3)).all()
    assert np.array_equal(places, rules.places(FIELD))
    if jitter:
        assert places[0, 0] == pytest.approx([-0.5, -0.5, 39.5])


def test_all_landmarks_are_searched_for_in_one_go():
    network = build_network("q_network", landmarks=2, side=7, channels=[4], hidden=8).eval()
    rules = SearchRules((8.0, 4.0), np.full((2, 3), 0.5), 0.2, 3, 10, DISCOUNT)
    found = find_all([network, network], FIELD, rules)
    assert found.position.shape == (2, 3) and found.covariance.shape == (2, 3, 3) and len(found.ways) == 2
