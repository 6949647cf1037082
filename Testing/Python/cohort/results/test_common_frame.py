"""Cases of a cohort come into one frame wherever they lay, and what lies elsewhere is named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from LandmarkDetectionLib.cohort.results.common_frame import LEAST_CASES, common_frame, robust_distances

SEEDS = st.integers(0, 2**32 - 1)


def bodies(rng: np.random.Generator, count: int = 60, landmarks: int = 12, noise: float = 3.0) -> np.ndarray:
    """Noisy copies of one shape: turned up to some 20 degrees, larger and smaller, anywhere."""
    shape = rng.normal(0, 200, (landmarks, 3))
    turned = Rotation.from_rotvec(rng.normal(0, 0.15, (count, 3))).as_matrix()
    size = rng.uniform(0.8, 1.2, (count, 1, 1))
    places = (shape + rng.normal(0, noise, (count, landmarks, 3))) @ turned.transpose(0, 2, 1)
    return size * places + rng.normal(0, 500, (count, 1, 3))


@settings(max_examples=8)
@given(SEEDS)
def test_move_turn_and_size_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    cases = bodies(rng, noise=0.0)
    spread = common_frame(cases).aligned.std(axis=0)
    assert spread.max() < 1e-3


@settings(max_examples=8)
@given(SEEDS)
def test_the_frame_keeps_the_cohorts_size_and_orientation(seed):
    rng = np.random.default_rng(seed)
    cases = bodies(rng)
    frame = common_frame(cases)
    middle = cases - cases.mean(axis=1, keepdims=True)
    sizes = np.sqrt((middle**2).sum(axis=2).mean(axis=1))
    own = np.sqrt((frame.shape**2).sum(axis=1).mean())
    assert own == pytest.approx(np.median(sizes), rel=1e-6)
    turn, _ = Rotation.align_vectors(np.median(middle / sizes[:, None, None], axis=0), frame.shape)
    assert np.degrees(turn.magnitude()) < 10


@settings(max_examples=8)
@given(SEEDS)
def test_a_wrong_landmark_is_named_and_the_others_of_its_case_are_not(seed):
    rng = np.random.default_rng(seed)
    cases = bodies(rng, count=200)
    cases[7, 4] += [150.0, 0.0, 0.0]
    frame = common_frame(cases)
    assert frame.outliers[7, 4]
    assert frame.outliers[7].sum() <= 3
    assert frame.distances[7, 4] == np.nanmax(frame.distances)


def test_many_wrong_landmarks_do_not_hide_each_other():
    rng = np.random.default_rng(1)
    cases = bodies(rng, count=100)
    cases[:20, 3] += [200.0, 0.0, 0.0]
    outliers = common_frame(cases).outliers[:, 3]
    assert outliers[:20].all() and not outliers[20:].any()


def test_normal_cases_have_about_one_outlier_in_ten_thousand_landmarks():
    rng = np.random.default_rng(2)
    outliers = common_frame(bodies(rng, count=3000, landmarks=20)).outliers
    assert outliers.mean() < 3e-4


def test_absent_landmarks_stay_absent_and_the_rest_is_aligned():
    rng = np.random.default_rng(3)
    cases = bodies(rng, noise=1.0)
    cases[rng.random(cases.shape[:2]) < 0.2] = np.nan
    frame = common_frame(cases)
    assert np.array_equal(np.isnan(frame.aligned), np.isnan(cases))
    assert np.nanstd(frame.aligned, axis=0).max() < 5


def test_a_case_with_two_landmarks_has_no_place_in_the_frame():
    cases = bodies(np.random.default_rng(4))
    cases[0, 2:] = np.nan
    frame = common_frame(cases)
    assert np.isnan(frame.aligned[0]).all() and np.isnan(frame.distances[0]).all()
    assert not frame.outliers[0].any()


@pytest.mark.parametrize(
    "cases",
    [
        np.empty((0, 5, 3)),
        np.full((20, 5, 3), np.nan),
        np.zeros((20, 5, 3)),
        bodies(np.random.default_rng(5), count=LEAST_CASES - 1),
    ],
    ids=["none", "all absent", "all in one point", "too few"],
)
def test_a_cohort_that_tells_nothing_has_no_outliers(cases):
    frame = common_frame(cases)
    assert frame.aligned.shape == cases.shape and not frame.outliers.any()


def test_landmarks_of_radiographs_in_one_plane_work():
    rng = np.random.default_rng(6)
    cases = rng.normal(0, 50, (8, 3)) + rng.normal(0, 2, (100, 8, 3))
    cases[..., 2] = 0.0
    cases[5, 1, 0] += 60
    frame = common_frame(cases)
    assert frame.distances.argmax() == 5 * 8 + 1 and frame.outliers.sum() <= 3
    assert np.abs(frame.aligned[..., 2]).max() < 1e-6


def test_robust_distances_are_those_of_scikit_learn():
    covariance = pytest.importorskip("sklearn.covariance", reason="compared with scikit-learn")
    rng = np.random.default_rng(7)
    points = rng.normal(0, [1, 5, 20], (500, 3)) @ Rotation.from_rotvec([0.3, 0.4, 0.5]).as_matrix()
    points[:50] += [30, 0, 0]
    ours = robust_distances(points)
    theirs = (
        covariance.MinCovDet(random_state=0, support_fraction=0.75).fit(points).mahalanobis(points) ** 0.5
    )
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99
    assert np.median(ours / theirs) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("count", [LEAST_CASES, 20, 60])
def test_of_normal_differences_hardly_any_is_an_outlier_however_few_the_cases(count):
    rng = np.random.default_rng(count)
    shape = rng.uniform(-400, 400, (12, 3))
    called = 0
    for _ in range(600 // count):
        cases = shape + rng.normal(0, 8, (count, 12, 3)) + rng.normal(0, 300, (count, 1, 3))
        called += int(common_frame(cases).outliers.sum())
    assert called <= 6, "of 7,200 landmarks"


def test_of_twenty_cases_the_one_that_lies_far_off_is_an_outlier():
    rng = np.random.default_rng(3)
    cases = rng.uniform(-400, 400, (12, 3)) + rng.normal(0, 8, (20, 12, 3))
    cases[7, 5] += 200
    assert np.argwhere(common_frame(cases).outliers).tolist() == [[7, 5]]
