"""Regions hold landmarks as often as they promise, and promise no more than the images held out allow."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.quality.conformal import (
    ENOUGH,
    LEVEL,
    chance_within,
    fit_regions,
    gaussian_radius,
    mahalanobis,
    spread_factors,
)

SEEDS = st.integers(0, 2**32 - 1)


def people(count: int) -> list[str]:
    return [f"s{n}" for n in range(count)]


def heavy(rng: np.random.Generator, images: int, landmarks: int) -> np.ndarray:
    """Scores with heavy tails, each landmark's of another size."""
    return np.abs(rng.standard_t(3, (images, landmarks))) * np.linspace(0.5, 4, landmarks)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_new_landmarks_lie_in_their_regions_as_often_as_promised(level: float) -> None:
    rng = np.random.default_rng(1)
    trials, images, landmarks, new = 60, 120, 6, 50
    held = np.zeros(landmarks)
    for _ in range(trials):
        regions = fit_regions(heavy(rng, images, landmarks), people(images), level)
        assert regions is not None and regions.promised == level
        held += (heavy(rng, new, landmarks) <= regions.scale).mean(axis=0) / trials
    # Each trial's coverage is a beta variable about which new images are binomial.
    deviation = math.sqrt(level * (1 - level) * (1 / images + 1 / new) / trials)
    assert (held > level - 4 * deviation).all()
    assert (held < level + 1 / (images + 1) + 4 * deviation).all()


def test_a_new_person_is_covered_although_images_of_one_person_err_alike() -> None:
    rng = np.random.default_rng(2)
    trials, subjects, held = 400, 40, []
    for _ in range(trials):
        size = np.exp(rng.normal(0, 1, subjects + 1))
        count = rng.integers(1, 8, subjects)
        who = np.repeat(np.arange(subjects), count)
        scores = size[who] * np.abs(rng.normal(1, 0.1, len(who)))
        regions = fit_regions(scores[:, None], [str(n) for n in who])
        assert regions is not None
        held.append(size[-1] * abs(rng.normal(1, 0.1)) <= regions.scale[0])
    assert np.mean(held) > LEVEL - 3 * math.sqrt(LEVEL * (1 - LEVEL) / trials)


@given(SEEDS, st.integers(ENOUGH, 300), st.sampled_from([0.8, 0.9, 0.95]))
def test_with_enough_subjects_a_region_is_the_landmarks_own_quantile(
    seed: int, count: int, level: float
) -> None:
    scores = heavy(np.random.default_rng(seed), count, 2)
    regions = fit_regions(scores, people(count), level)
    assert regions is not None and regions.own.tolist() == [count, count]
    rank = math.ceil(round((count + 1) * level, 6))
    assert regions.scale == pytest.approx(np.sort(scores, axis=0)[rank - 1])


@given(SEEDS, st.integers(1, 40), st.integers(1, 4))
def test_images_of_one_person_that_are_all_the_same_count_once(seed: int, count: int, images: int) -> None:
    scores = heavy(np.random.default_rng(seed), count, 3)
    once = fit_regions(scores, people(count))
    often = fit_regions(np.repeat(scores, images, axis=0), np.repeat(people(count), images).tolist())
    assert once is not None and often is not None
    assert often.scale == pytest.approx(once.scale) and often.own.tolist() == once.own.tolist()
    assert (often.promised, often.subjects) == (once.promised, once.subjects)


@given(SEEDS, st.integers(19, 60))
def test_few_subjects_lean_on_all_landmarks(seed: int, count: int) -> None:
    scores = heavy(np.random.default_rng(seed), count, 12)
    scores[:, 3] = np.nan
    regions = fit_regions(scores, people(count))
    assert regions is not None and regions.promised == LEVEL
    assert regions.own[3] == 0
    others = np.sort(scores[np.isfinite(scores)])
    rank = LEVEL * (ENOUGH + 1) / ENOUGH * len(others)
    assert regions.scale[3] == pytest.approx(others[math.ceil(round(rank, 6)) - 1]), "that of all others"
    # In between: not what each says alone, nor the same for all.
    assert regions.scale[0] <= regions.scale[-1] + 1e-9
    assert (regions.scale <= np.nanmax(scores)).all()


@given(SEEDS, st.integers(1, 18), st.integers(1, 5))
def test_too_few_subjects_take_the_largest_score_and_promise_less(
    seed: int, count: int, landmarks: int
) -> None:
    scores = heavy(np.random.default_rng(seed), count, landmarks)
    regions = fit_regions(scores, people(count))
    assert regions is not None
    assert (regions.scale == scores.max()).all()
    assert regions.promised == count / (count + 1) < LEVEL == regions.level


def test_nineteen_subjects_are_the_fewest_that_promise_95_percent() -> None:
    scores = np.arange(1.0, 20.0)[:, None]
    enough, too_few = fit_regions(scores, people(19)), fit_regions(scores[:18], people(18))
    assert enough is not None and (enough.promised, enough.scale[0]) == (0.95, 19)
    assert too_few is not None and too_few.promised == 18 / 19


def test_without_any_score_there_is_no_region() -> None:
    assert fit_regions(np.full((4, 2), np.nan), people(4)) is None
    assert fit_regions(np.empty((0, 2)), []) is None


@given(SEEDS, st.sampled_from([2, 3]), st.floats(0.1, 20))
def test_a_region_is_the_ellipsoid_of_the_widened_gaussian(seed: int, d: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(0, 1, (5, d, d))
    covariance = root @ root.transpose(0, 2, 1) + 0.1 * np.eye(d)
    offset = rng.normal(0, 1, (5, d))
    distance = mahalanobis(offset, covariance)
    assert distance == pytest.approx(
        np.sqrt([o @ np.linalg.inv(c) @ o for o, c in zip(offset, covariance, strict=True)])
    )
    (factor,) = spread_factors([scale], LEVEL, d)
    widened = mahalanobis(offset, covariance * factor**2)
    assert widened / gaussian_radius(LEVEL, d) == pytest.approx(distance / scale)


@pytest.mark.parametrize(("dimensions", "squared"), [(2, 5.9915), (3, 7.8147)])
def test_the_gaussians_radius_is_that_of_chi_squared(dimensions: int, squared: float) -> None:
    assert gaussian_radius(0.95, dimensions) ** 2 == pytest.approx(squared, abs=1e-4)


@given(SEEDS, st.sampled_from([2, 3]), st.floats(0.2, 5))
def test_the_chance_of_being_near_is_that_of_a_round_gaussian(seed: int, d: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    deviation = rng.uniform(0.3, 3)
    near = np.linalg.norm(rng.normal(0, deviation, (20_000, d)), axis=1) <= radius
    chance = chance_within(np.eye(d)[None] * deviation**2, radius)
    assert chance == pytest.approx([near.mean()], abs=0.02)
    assert chance_within(np.zeros((d, d)), radius) == 1
