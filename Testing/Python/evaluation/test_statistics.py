"""Intervals cover what they say, and tests say what SciPy says."""

import numpy as np
import pytest
from scipy import stats

from LandmarkDetectionLib.evaluation.statistics import (
    LEAST_SUBJECTS,
    PairedTest,
    holm,
    paired_tests,
    resample,
)


def draws(subjects: list[str], seed: int = 0, resamples: int = 2_000):  # type: ignore[no-untyped-def]
    return resample(subjects, np.random.default_rng(seed), resamples)


def test_intervals_of_a_skewed_mean_cover_it_as_often_as_they_say() -> None:
    # 30 subjects with two images of three landmarks each; a subject's errors share a large factor.
    rng = np.random.default_rng(1)
    subjects = [f"s{n // 2}" for n in range(60)]
    hits = {"subjects": 0, "landmarks": 0}
    trials = 300
    sampler = draws(subjects, resamples=600)
    for _ in range(trials):
        skill = np.repeat(rng.gamma(2.0, 0.5, 30), 2)[:, None]  # mean 1
        errors = 2.0 * skill * rng.gamma(4.0, 0.25, (60, 3))  # mean 2
        low, high = sampler.mean_interval(errors)
        hits["subjects"] += low <= 2.0 <= high
        half = 1.96 * errors.std(ddof=1) / np.sqrt(errors.size)
        hits["landmarks"] += abs(errors.mean() - 2.0) <= half
    # The standard error of a share of 0.95 over 300 trials is 0.013; small samples of skewed data cover less.
    assert 0.89 <= hits["subjects"] / trials <= 0.98
    # Taking landmarks for independent is what these intervals are there to avoid.
    assert hits["landmarks"] / trials < 0.75


def test_the_interval_of_a_mean_is_that_of_scipys_bca_bootstrap() -> None:
    values = np.random.default_rng(3).gamma(2.0, 1.0, 40)
    ours = draws([f"{n:02}" for n in range(40)], resamples=20_000).mean_interval(values)
    scipys = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert ours == pytest.approx(tuple(scipys), abs=0.03)


def test_intervals_of_a_median_cover_it() -> None:
    rng = np.random.default_rng(5)
    sampler = draws([f"{n}" for n in range(40)], resamples=400)
    covered = 0
    for _ in range(200):
        low, high = sampler.median_interval(rng.exponential(1.0, (40, 2)))
        covered += low <= np.log(2) <= high
    assert 0.9 <= covered / 200 <= 0.99


def test_a_ratio_of_equal_values_is_one_without_doubt() -> None:
    values = np.random.default_rng(0).gamma(2.0, 1.0, (10, 3))
    low, high = draws([str(n) for n in range(10)]).ratio_interval(2 * values, values)
    assert (low, high) == pytest.approx((2.0, 2.0))


def test_the_order_of_cases_changes_no_interval() -> None:
    rng = np.random.default_rng(2)
    subjects = [f"s{n % 7}" for n in range(20)]
    errors = rng.gamma(2.0, 1.0, (20, 4))
    order = rng.permutation(20)
    one, other = draws(subjects), draws([subjects[n] for n in order])
    assert one.mean_interval(errors) == pytest.approx(other.mean_interval(errors[order]))
    assert one.median_interval(errors) == pytest.approx(other.median_interval(errors[order]))


def test_too_few_subjects_have_no_interval() -> None:
    few = draws(["a", "b", "c", "c"][: LEAST_SUBJECTS - 1])
    assert np.isnan(few.mean_interval(np.ones((4, 2)))).all()
    assert np.isnan(few.median_interval(np.ones((4, 2)))).all()
    assert np.isnan(few.ratio_interval(np.ones((4, 2)), np.ones((4, 2)))).all()


def test_the_same_seed_gives_the_same_draws() -> None:
    subjects = [str(n) for n in range(9)]
    assert np.array_equal(draws(subjects, 4).counts, draws(subjects, 4).counts)
    assert not np.array_equal(draws(subjects, 4).counts, draws(subjects, 5).counts)


def test_holms_correction_is_what_one_calculates_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]).tolist() == pytest.approx([1.0, 1.0])
    assert np.isnan(holm([np.nan, 0.04])[0]) and holm([np.nan, 0.04])[1] == pytest.approx(0.04)
    assert holm([]).tolist() == []


def paired(one: np.ndarray, other: np.ndarray, subjects: list[str]) -> PairedTest:
    (test,) = paired_tests({"one": one, "other": other}, draws(subjects))
    return test


def test_models_are_compared_by_the_means_of_subjects() -> None:
    rng = np.random.default_rng(0)
    subjects = [f"s{n // 2:02}" for n in range(40)]
    one = rng.gamma(4.0, 0.5, (40, 5))
    other = one + rng.gamma(2.0, 0.2, (40, 5))
    test = paired(one, other, subjects)
    means = (one - other).reshape(20, 10).mean(axis=1)
    assert test.subjects == 20
    assert test.difference == pytest.approx(means.mean())
    assert test.low < test.difference < test.high < 0
    assert test.p == pytest.approx(stats.wilcoxon(means).pvalue)
    assert test.p_holm == test.p
    assert test.verdict == "one is better"


def test_only_landmarks_that_both_models_gave_are_compared() -> None:
    one = np.array([[1.0, np.inf], [1.0, 2.0], [np.nan, 1.0]])
    other = np.array([[2.0, 5.0], [np.inf, 3.0], [np.nan, np.inf]])
    test = paired(one, other, ["a", "b", "c"])
    assert (test.subjects, test.difference) == (2, -1.0)
    assert test.verdict == "no difference shown"


def test_equal_models_differ_by_nothing() -> None:
    errors = np.random.default_rng(0).gamma(2.0, 1.0, (12, 3))
    test = paired(errors, errors, [str(n) for n in range(12)])
    assert (test.difference, test.p, test.verdict) == (0.0, 1.0, "no difference shown")
    nothing = paired(np.full((6, 2), np.inf), errors[:6, :2], [str(n) for n in range(6)])
    assert nothing.subjects == 0 and np.isnan(nothing.p_holm)
