"""What the others say of a landmark is what the Gaussian of all of them says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.detectors.neighbours import (
    ANYWHERE_MM,
    OWN_MM,
    Gaussians,
    Shape,
    expected,
    fused,
    shape_from,
    shape_of,
)
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.typing import Array

COUNT = 7
GROUPS = [np.array([0, 3]), np.array([5]), np.array([1, 2, 6])]


def shape(rng: np.random.Generator) -> Shape:
    """Of bodies whose landmarks vary together."""
    modes = rng.normal(0, 20, (4, COUNT, 3))
    return shape_from(
        rng.normal(0, 200, (COUNT, 3)) + np.einsum("nk,kli->nli", rng.normal(0, 1, (60, 4)), modes)
    )


def flat(blocks: Array) -> Array:
    return np.asarray(blocks.transpose(0, 2, 1, 3).reshape(3 * len(blocks), -1))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31))
def test_leaving_out_a_group_is_as_good_as_never_having_heard_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    body = shape(rng)
    position = body.mean + rng.normal(0, 30, (COUNT, 3)) + rng.normal(0, 300, 3)
    roots = rng.normal(0, 4, (COUNT, 3, 3))
    covariance = roots @ roots.transpose(0, 2, 1) + np.eye(3)
    heard = rng.random(COUNT) < 0.7
    whole = flat(body.covariance + ANYWHERE_MM**2 * np.eye(3)) + OWN_MM**2 * np.eye(3 * COUNT)
    for group, said in zip(GROUPS, expected(body, position, covariance, heard, GROUPS), strict=True):
        others = np.setdiff1d(np.flatnonzero(heard), group)
        told, asked = ((rows[:, None] * 3 + np.arange(3)).ravel() for rows in (others, group))
        noise = np.zeros((len(told), len(told)))
        for n, row in enumerate(others):
            noise[3 * n : 3 * n + 3, 3 * n : 3 * n + 3] = covariance[row]
        gain = whole[np.ix_(asked, told)] @ np.linalg.inv(whole[np.ix_(told, told)] + noise)
        mean = body.mean[group].ravel() + gain @ (position[others] - body.mean[others]).ravel()
        spread = whole[np.ix_(asked, asked)] - gain @ whole[np.ix_(told, asked)]
        scale = np.sqrt(np.diag(spread)).max()
        np.testing.assert_allclose(said.mean.ravel(), mean, atol=1e-4 * scale)
        for n in range(len(group)):
            block = spread[3 * n : 3 * n + 3, 3 * n : 3 * n + 3]
            np.testing.assert_allclose(said.covariance[n], block, atol=1e-4 * scale**2)


def test_moving_a_body_moves_what_is_expected() -> None:
    rng = np.random.default_rng(5)
    body = shape(rng)
    heard, covariance = np.arange(COUNT) != 5, np.tile(np.eye(3), (COUNT, 1, 1))
    here = expected(body, body.mean, covariance, heard, GROUPS)[1]
    np.testing.assert_allclose(here.mean[0], body.mean[5], atol=0.1)
    there = expected(body, body.mean + np.array([100.0, -50.0, 30.0]), covariance, heard, GROUPS)[1]
    np.testing.assert_allclose(there.mean - here.mean, [[100.0, -50.0, 30.0]], atol=0.1)


def test_with_nobody_to_hear_a_landmark_may_be_anywhere() -> None:
    body = shape(np.random.default_rng(2))
    covariance = np.tile(np.eye(3), (COUNT, 1, 1))
    for said in expected(body, body.mean, covariance, np.zeros(COUNT, bool), GROUPS):
        assert (np.einsum("kii->ki", said.covariance) >= ANYWHERE_MM**2).all()


def test_the_shape_of_a_package_stands_upright() -> None:
    model = load_model("whole-body-ct")
    body = shape_of(model.read_joint())
    assert body is not None
    place = dict(zip(model.protocol.names, body.mean, strict=True))
    assert place["chin"][2] > place["hip_left"][2] > place["knee_left"][2] > place["ankle_left"][2]
    assert place["hip_right"][0] > place["hip_left"][0]
    assert place["patella_left"][1] > place["femoral_notch_left"][1]
    assert shape_of(None) is None


NUMBERS = st.floats(-100, 100)
VARIANCES = st.floats(0.5, 400)


@given(st.tuples(*[NUMBERS] * 6), st.tuples(*[VARIANCES] * 6))
def test_two_words_together_lie_between_and_are_surer_than_each(
    places: tuple[float, ...], variances: tuple[float, ...]
) -> None:
    one, other = (
        Gaussians(np.array([places[n : n + 3]]), np.diag(variances[n : n + 3])[None]) for n in (0, 3)
    )
    both = fused(one, other)
    lower, upper = np.minimum(one.mean, other.mean), np.maximum(one.mean, other.mean)
    assert (both.mean >= lower - 1e-6).all() and (both.mean <= upper + 1e-6).all()
    for each in (one, other):
        assert (np.einsum("kii->ki", both.covariance) <= np.einsum("kii->ki", each.covariance) + 1e-9).all()
    swapped = fused(other, one)
    assert both.mean == pytest.approx(swapped.mean)
