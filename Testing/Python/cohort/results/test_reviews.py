"""What a person says of a case lies beside the predictions, which nobody touches."""

from dataclasses import replace

import pytest

from LandmarkDetectionLib.cohort.results.reviews import read_case_review, review_path, write_case_review
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.records import write_detection
from Testing.examples.cohort_cases import make_results, write_results

MODEL = "whole-body"


@pytest.fixture
def cohort(tmp_path):
    return write_results(tmp_path / "cohort", make_results(3, share_failed=0.0))


@pytest.fixture
def key(cohort):
    return cohort.keys()[0]


def test_a_review_begins_with_the_prediction_and_is_read_as_it_was_written(cohort, key):
    before = cohort.path(key, MODEL).read_bytes()
    review = read_case_review(cohort, key, MODEL)
    assert review.reviewed == () and review.prediction == cohort.detection(key, MODEL)
    review = review.correct("chin", [1.0, 2.0, 3.0]).mark_missing("neck")
    path = write_case_review(cohort, key, MODEL, review)
    again = read_case_review(cohort, key, MODEL)
    assert again == review and again.reviewed == ("chin", "neck")
    assert read_landmarks(path.with_name(f"{MODEL}.mrk.json"))["chin"].position == pytest.approx([1, 2, 3])
    assert cohort.path(key, MODEL).read_bytes() == before, "the prediction is as it was"


def test_what_was_settled_outlives_another_run_of_the_model(cohort, key):
    review = read_case_review(cohort, key, MODEL).correct("chin", [1.0, 2.0, 3.0])
    write_case_review(cohort, key, MODEL, review)
    moved = review.prediction.landmarks.with_landmark(
        replace(review.prediction.landmarks["neck"], position=[7.0, 8.0, 9.0], status=Status.DETECTED)
    )
    write_detection(
        replace(review.prediction, landmarks=moved, model_version="2.0.0"), cohort.path(key, MODEL)
    )
    again = read_case_review(cohort, key, MODEL)
    assert again.reviewed == ("chin",) and again.prediction.model_version == "2.0.0"
    assert again.landmarks["chin"].position == pytest.approx([1, 2, 3])
    assert again.landmarks["neck"].position == pytest.approx([7, 8, 9])


def test_a_review_that_cannot_be_written_is_said_and_loses_nothing(cohort, key):
    review = read_case_review(cohort, key, MODEL)
    (cohort.folder / "reviews").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="the review is not saved"):
        write_case_review(cohort, key, MODEL, review.correct("chin", [1.0, 2.0, 3.0]))
    (cohort.folder / "reviews").unlink()
    assert read_case_review(cohort, key, MODEL).reviewed == ()


def test_a_damaged_review_is_refused_and_kept(cohort, key):
    path = write_case_review(cohort, key, MODEL, read_case_review(cohort, key, MODEL))
    path.write_text("{")
    with pytest.raises(InputError, match="damaged"):
        read_case_review(cohort, key, MODEL)
    assert review_path(cohort, key, MODEL).read_text() == "{"
