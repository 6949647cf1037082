"""Landmarks of a made-up body, whose shape and whose network's errors are Gaussian, so the right is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from LandmarkDetectionLib.correction import (
    CorrectionConfig,
    JointGaussian,
    Observed,
    choose_certainty,
    fit_joint_gaussian,
    joint_from_bytes,
    joint_to_bytes,
    propagate,
)
from LandmarkDetectionLib.correction.tensors import NAMES

L, D, COUNT = 6, 2, 1500
MEAN = np.array([[0, 0], [0, 100], [40, 120], [80, 130], [-40, 120], [-80, 130]], float)
CHAIN = ((0, 1), (1, 2), (2, 3), (1, 4), (4, 5))


def shapes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Every landmark lies beside the one before it in its chain, give or take; the whole lies anywhere."""
    places = np.zeros((count, L, D))
    places[:, 0] = rng.uniform(-500, 500, (count, D))
    for first, second in CHAIN:
        step = MEAN[second] - MEAN[first]
        places[:, second] = places[:, first] + step + rng.normal(0, 5, (count, D))
    return places


def observations(rng: np.random.Generator, truth: np.ndarray) -> Observed:
    """Errors of 3, in one image of three 60 for the last two landmarks of a chain together."""
    count = len(truth)
    deviation = np.full((count, L), 3.0)
    lost = rng.random(count) < 1 / 3
    deviation[lost, 2:4] = 60.0
    together = rng.normal(0, 1, (count, 1, D))
    error = deviation[..., None] * (0.8 * together + 0.6 * rng.normal(0, 1, (count, L, D)))
    near = np.where(deviation > 10, 0.3, 0.95)
    return Observed(truth + error, np.repeat(deviation[..., None], D, 2), near, np.ones((count, L), bool))


def one(observed: Observed, n: int) -> Observed:
    return Observed(*(value[n] for value in observed))


@pytest.fixture(scope="module")
def learned() -> JointGaussian:
    rng = np.random.default_rng(0)
    truth = shapes(rng, COUNT)
    observed = observations(rng, truth)
    joint = fit_joint_gaussian(truth, observed, truth)
    return choose_certainty(joint, observed, truth, np.full(COUNT, 2.0), np.full(COUNT, 20.0))


def held_out(count: int = 60) -> tuple[np.ndarray, Observed]:
    rng = np.random.default_rng(1)
    truth = shapes(rng, count)
    return truth, observations(rng, truth)


def test_the_expected_error_is_that_which_is_made(learned):
    truth, observed = held_out(400)
    expected, made = [], []
    for n in range(len(truth)):
        expected.append(propagate(learned, one(observed, n), moving=False).expected_error)
        made.append(np.linalg.norm(observed.position[n] - truth[n], axis=1))
    for group in (observed.near > 0.5, observed.near < 0.5):
        ratio = np.sqrt(np.mean(np.square(np.array(made)[group]))) / np.sqrt(
            np.mean(np.square(np.array(expected)[group]))
        )
        assert 0.6 < ratio < 1.6


def test_a_landmark_follows_when_its_neighbour_is_corrected(learned):
    truth, observed = held_out()
    lost = np.flatnonzero(observed.near[:, 3] < 0.5)
    before = np.linalg.norm(observed.position[lost, 3] - truth[lost, 3], axis=1)
    settled = np.arange(L) == 2
    after = [
        np.linalg.norm(propagate(learned, one(observed, n), settled, truth[n]).position[3] - truth[n, 3])
        for n in lost
    ]
    assert np.mean(after) < 0.3 * np.mean(before)


def test_hardly_any_landmark_is_made_worse(learned):
    truth, observed = held_out()
    worse = others = 0
    for n in range(len(truth)):
        settled = np.arange(L) == propagate(learned, one(observed, n), moving=False).expected_error.argmax()
        moved = propagate(learned, one(observed, n), settled, truth[n], tolerance=2.0)
        before = np.linalg.norm(observed.position[n] - truth[n], axis=1)[~settled]
        after = np.linalg.norm(moved.position - truth[n], axis=1)[~settled]
        worse, others = worse + (after > before + 2).sum(), others + len(after)
    assert worse <= 0.03 * others


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 59), st.lists(st.booleans(), min_size=L, max_size=L), st.floats(-200, 200))
def test_settled_landmarks_stay_and_the_rest_is_finite(learned, n, settled, shift):
    truth, observed = held_out()
    known = np.array(settled)
    places = truth[n] + shift
    moved = propagate(learned, one(observed, n), known, places)
    assert np.array_equal(moved.position[known], places[known])
    assert np.isfinite(moved.position).all() and np.isfinite(moved.covariance).all()
    assert (moved.expected_error[known] == 0).all() and (moved.expected_error[~known] > 0).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 59), st.tuples(st.floats(-1000, 1000), st.floats(-1000, 1000)))
def test_the_place_of_the_whole_does_not_matter(learned, n, shift):
    truth, observed = held_out()
    settled = np.arange(L) == 2
    here = propagate(learned, one(observed, n), settled, truth[n]).position
    there = one(observed, n)
    moved = there._replace(position=there.position + shift)
    away = propagate(learned, moved, settled, truth[n] + shift).position
    # Not quite: a common place is very unlikely to be thousands of sizes away.
    assert np.allclose(away - shift, here, atol=0.5)


def test_an_answer_that_contradicts_the_others_counts_little(learned):
    truth, observed = held_out(1)
    answer = one(observed, 0)
    wrong = answer._replace(
        position=truth[0] + np.where(np.arange(L)[:, None] == 5, 150.0, 0.0),
        deviation=np.full((L, D), 3.0),
        near=np.full(L, 0.95),
    )
    now = propagate(learned, wrong, moving=False)
    assert now.expected_error.argmax() == 5
    assert np.linalg.norm(now.mean[5] - truth[0, 5]) < 75
    assert np.linalg.norm(now.mean[:5] - truth[0, :5], axis=1).max() < 20


def test_a_landmark_that_is_not_seen_is_put_where_the_others_have_it(learned):
    truth, observed = held_out(1)
    answer = one(observed, 0)
    position, seen = answer.position.copy(), answer.seen.copy()
    position[5], seen[5] = 1e4, False
    moved = propagate(learned, answer._replace(position=position, seen=seen), np.arange(L) == 4, truth[0])
    assert np.linalg.norm(moved.position[5] - truth[0, 5]) < 30


def test_shapes_with_gaps_and_few_answers_are_enough():
    rng = np.random.default_rng(3)
    truth = shapes(rng, 40)
    gaps = truth.copy()
    gaps[rng.random((40, L)) < 0.2] = np.nan
    nothing = Observed(np.zeros((0, L, D)), np.zeros((0, L, D)), np.zeros((0, L)), np.zeros((0, L), bool))
    joint = fit_joint_gaussian(gaps, nothing, np.zeros((0, L, D)))
    assert np.allclose(joint.mean - joint.mean[0], MEAN - MEAN[0], atol=6)
    answer = one(observations(rng, truth), 0)
    assert np.isfinite(propagate(joint, answer, np.arange(L) == 1, truth[0]).position).all()


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_shapes_are_refused(count):
    nothing = Observed(np.zeros((0, L, D)), np.zeros((0, L, D)), np.zeros((0, L)), np.zeros((0, L), bool))
    with pytest.raises(ValueError, match="two shapes"):
        fit_joint_gaussian(np.zeros((count, L, D)), nothing, np.zeros((0, L, D)))


def test_a_file_holds_the_numbers_however_they_lie_in_memory(learned):
    turned = replace(learned, mean=np.asfortranarray(learned.mean), calibration=learned.calibration.copy("F"))
    assert joint_to_bytes(turned) == joint_to_bytes(learned)


def test_a_file_gives_back_what_was_written(learned):
    again = joint_from_bytes(joint_to_bytes(learned), L)
    truth, observed = held_out(1)
    settled = np.arange(L) == 2
    first, second = (propagate(joint, one(observed, 0), settled, truth[0]) for joint in (learned, again))
    assert again.certainty == pytest.approx(learned.certainty)
    assert np.allclose(first.position, second.position, atol=0.01)
    assert np.allclose(again.covariance, learned.covariance, rtol=1e-6)
    assert np.allclose(again.error_correlation, learned.error_correlation, atol=1e-6)


def test_a_file_of_before_holds_whole_matrices_and_gives_the_same(learned):
    whole = {name: np.array(getattr(learned, name), np.float32, order="C") for name in NAMES}
    before, now = joint_from_bytes(save(whole), L), joint_from_bytes(joint_to_bytes(learned), L)
    assert len(joint_to_bytes(learned)) < len(save(whole))
    for name in NAMES:
        assert np.array_equal(getattr(before, name), getattr(now, name)), name


def test_a_file_of_other_landmarks_or_of_nonsense_is_refused(learned):
    content = joint_to_bytes(learned)
    with pytest.raises(ValueError, match="7 landmarks"):
        joint_from_bytes(content, 7)
    with pytest.raises(ValueError, match="damaged"):
        joint_from_bytes(content[:100], L)


def test_the_plane_alone_can_be_taken():
    rng = np.random.default_rng(4)
    truth = np.concatenate([shapes(rng, 300), rng.normal(0, 30, (300, L, 1))], axis=2)
    answers = Observed(
        truth + rng.normal(0, 3, truth.shape),
        np.full(truth.shape, 3.0),
        np.full((300, L), 0.9),
        np.ones((300, L), bool),
    )
    plane = fit_joint_gaussian(truth, answers, truth).first_axes(2)
    assert plane.mean.shape == (L, 2) and plane.covariance.shape == (2 * L, 2 * L)
    assert plane.calibration.shape == (L, 2, 3)


def test_every_number_comes_from_the_config_and_stays_with_what_was_learned():
    config = CorrectionConfig(choices=(0.1,), shrunk=1e9)
    truth, observed = held_out()
    joint = fit_joint_gaussian(truth, observed, truth, config)
    assert joint.config == joint.first_axes(1).config == config
    tried = choose_certainty(joint, observed, truth, np.full(60, 2.0), np.full(60, 20.0))
    assert tried.certainty == 0.1


def test_shrinking_takes_a_known_share_of_what_is_common_and_nothing_of_the_variances():
    truth, observed = held_out()
    whole = fit_joint_gaussian(truth, observed, truth, CorrectionConfig(shrunk=1e12)).covariance
    shrunk = fit_joint_gaussian(truth, observed, truth).covariance
    off = ~np.eye(L * D, dtype=bool)
    left = 1 - L * D / (L * D + 10 * len(truth))
    np.testing.assert_allclose(shrunk[off], left * whole[off], rtol=1e-6, atol=1e-2)
    np.testing.assert_allclose(np.diag(shrunk), np.diag(whole), rtol=1e-3)
