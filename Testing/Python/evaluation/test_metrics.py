"""Measures of localisation equal what is calculated by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from LandmarkDetectionLib.evaluation.metrics import (
    cumulative_distribution,
    image_errors,
    point_errors,
    presence,
    summarise,
)

TRUTH = np.array([[[0.0, 0.0], [10.0, 0.0]], [[0.0, 0.0], [np.nan, np.nan]]])
FOUND = np.array([[[3.0, 4.0], [10.0, 1.0]], [[np.nan, np.nan], [1.0, 1.0]]])

places = arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 5), st.sampled_from([2, 3])),
    elements=st.floats(-500, 500),
)


def test_errors_are_distances_missed_landmarks_infinite_and_absent_ones_nothing() -> None:
    errors = point_errors(FOUND, TRUTH)
    assert errors[0].tolist() == [5.0, 1.0]
    assert errors[1, 0] == np.inf
    assert np.isnan(errors[1, 1])


def test_a_summary_is_what_one_calculates_by_hand() -> None:
    summary = summarise(point_errors(FOUND, TRUTH), radii=(1.0, 4.0, 5.0), outlier_radii=(1.0, 5.0))
    assert (summary.count, summary.missed) == (3, 1)
    assert (summary.mean, summary.median, summary.deviation, summary.largest) == (3.0, 3.0, 2.0, 5.0)
    assert summary.success == {1.0: 1 / 3, 4.0: 1 / 3, 5.0: 2 / 3}
    # The missed landmark is outside every radius.
    assert summary.outliers == {1.0: 2, 5.0: 1}


def test_the_image_specific_error_is_the_mean_over_the_landmarks_of_an_image() -> None:
    means = image_errors(point_errors(FOUND, TRUTH))
    assert means[0] == 3.0
    assert np.isnan(means[1])


def test_a_cumulative_distribution_ends_below_one_where_landmarks_were_missed() -> None:
    values, shares = cumulative_distribution([[2.0, np.inf], [1.0, np.nan], [4.0, np.nan]])
    assert values.tolist() == [1.0, 2.0, 4.0]
    assert shares.tolist() == [0.25, 0.5, 0.75]


def test_presence_is_counted_over_what_is_annotated() -> None:
    counts = presence(
        given=[True, False, True, False, True],
        present=[True, True, False, False, False],
        known=[True, True, True, True, False],
    )
    assert (counts.both, counts.missed, counts.invented, counts.neither) == (1, 1, 1, 1)
    assert (counts.sensitivity, counts.specificity) == (0.5, 0.5)
    assert np.isnan(presence([True], [True]).specificity)


@given(places, st.floats(-50, 50), st.integers(0, 1))
def test_moving_every_prediction_gives_exactly_that_error(truth: np.ndarray, shift: float, axis: int) -> None:
    found = truth.copy()
    found[..., axis] += shift
    assert point_errors(found, truth) == pytest.approx(abs(shift), abs=1e-9)


@given(places, st.randoms(use_true_random=False))
def test_the_order_of_cases_does_not_matter(truth: np.ndarray, random) -> None:  # type: ignore[no-untyped-def]
    found = truth + np.linspace(0, 3, truth.size).reshape(truth.shape)
    order = list(range(len(truth)))
    random.shuffle(order)
    one = summarise(point_errors(found, truth), (1.0, 2.0), (2.0,))
    other = summarise(point_errors(found[order], truth[order]), (1.0, 2.0), (2.0,))
    assert one.mean == pytest.approx(other.mean)
    assert (one.count, one.median, one.success, one.outliers) == (
        other.count,
        other.median,
        other.success,
        other.outliers,
    )


def test_positions_of_unequal_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="cases, landmarks, d"):
        point_errors(np.zeros((2, 3, 2)), np.zeros((2, 3, 3)))
