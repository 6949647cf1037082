"""A review keeps what the model said beside what a person says, and knows what to look at next."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.records import read_detection, read_review, write_review
from LandmarkDetectionLib.quality.triage import landmarks_by_priority, next_open, warnings_of

NOWHERE = np.full(3, np.nan)
KNEE = Landmark("knee_left", [-70.0, 12.0, -372.0], Status.DETECTED, 0.9, np.diag([4.0, 9.0, 1.0]), "joint")
CHIN = Landmark("chin", [1.0, 90.0, 700.0], Status.UNCERTAIN, 0.3, description="lowest point")
TOE = Landmark("toe_left", NOWHERE, Status.ABSENT, 0.05)
WRIST = Landmark("wrist_left", [-200.0, 0.0, 0.0], Status.DETECTED, 0.8)
DETECTION = Detection(LandmarkSet((KNEE, CHIN, TOE, WRIST), name="body"), "whole-body-ct", "1.0.0")
NAMES = DETECTION.landmarks.names


@pytest.fixture
def review() -> Review:
    return Review.of(DETECTION)


def test_at_the_start_nothing_is_reviewed_and_everything_stands_as_predicted(review):
    assert review.progress == (0, 4)
    assert review.landmarks == DETECTION.landmarks
    assert review.reviewed == ()


def test_accepting_keeps_position_and_confidence(review):
    landmark = review.accept("chin").landmarks["chin"]
    assert landmark.status is Status.ACCEPTED
    assert landmark.position.tolist() == CHIN.position.tolist()
    assert landmark.confidence == 0.3


def test_accepting_what_the_model_calls_absent_says_that_it_is_missing(review):
    after = review.accept("toe_left")
    assert after.landmarks["toe_left"].status is Status.MISSING
    assert after.reviewed == ("toe_left",)


def test_accepting_does_not_undo_a_correction(review):
    corrected = review.correct("chin", [0, 0, 0])
    assert corrected.accept("chin") is corrected


def test_a_correction_keeps_the_prediction_beside_it(review):
    landmark = review.correct("knee_left", [1, 2, 3]).correct("knee_left", [4, 5, 6]).landmarks["knee_left"]
    assert landmark.status is Status.CORRECTED
    assert landmark.position.tolist() == [4, 5, 6]
    assert landmark.predicted.tolist() == KNEE.position.tolist()
    assert landmark.confidence is None
    assert landmark.description == "joint"


def test_a_landmark_called_missing_can_be_placed_again(review):
    landmark = review.mark_missing("chin").correct("chin", [1, 1, 1]).landmarks["chin"]
    assert landmark.status is Status.CORRECTED
    assert landmark.predicted.tolist() == CHIN.position.tolist()


def test_what_the_model_calls_absent_can_be_placed(review):
    landmark = review.correct("toe_left", [1, 1, 1]).landmarks["toe_left"]
    assert landmark.is_present
    assert landmark.predicted is None


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "correct", "mark_missing", "restore"]),
        st.sampled_from(NAMES),
        st.tuples(*[st.floats(-1e4, 1e4)] * 3),
    ),
    max_size=12,
)


def played(steps) -> Review:
    review = Review.of(DETECTION)
    for step, name, position in steps:
        arguments = (name, position) if step == "correct" else (name,)
        review = getattr(review, step)(*arguments)
    return review


@given(STEPS)
def test_whatever_was_said_can_be_taken_back(steps):
    review = played(steps)
    assert review.restore_all() == Review.of(DETECTION)
    for name in NAMES:
        review = review.restore(name)
    assert review == Review.of(DETECTION)


@given(STEPS)
def test_a_record_gives_the_same_review_back(steps):
    review = played(steps)
    assert Review.from_record(json.loads(json.dumps(review.to_record()))) == review


@given(STEPS)
def test_the_order_of_work_does_not_change_with_the_work(steps):
    assert landmarks_by_priority(played(steps)) == landmarks_by_priority(Review.of(DETECTION))


def test_uncertain_landmarks_come_first_and_surely_absent_ones_last(review):
    assert landmarks_by_priority(review) == ("chin", "wrist_left", "knee_left", "toe_left")


def test_a_landmark_that_a_warning_is_about_comes_before_its_equals():
    doubt = Doubt("900 mm apart; 300 mm is usual.", DoubtKind.DISTANCE, ("knee_left", "hip_left"))
    warned = Detection(DETECTION.landmarks, "m", "1", doubts=(doubt,))
    review = Review.of(warned)
    assert landmarks_by_priority(review)[:2] == ("chin", "knee_left")
    assert warnings_of(review.prediction, "knee_left") == warned.warnings
    assert warnings_of(review.prediction, "chin") == ()


def test_the_next_open_landmark_goes_round_until_all_are_settled(review):
    seen = []
    name = next_open(review)
    while name is not None:
        seen.append(name)
        review = review.accept(name)
        name = next_open(review, after=name)
    assert tuple(seen) == landmarks_by_priority(review)
    assert review.progress == (4, 4)


def test_going_on_from_the_last_one_returns_to_what_was_left_out(review):
    review = review.accept("toe_left")
    assert next_open(review, after="toe_left") == "chin"


MOVED = Detection(
    LandmarkSet(tuple(Landmark(name, [5.0, 5.0, 5.0], Status.DETECTED, 0.7) for name in NAMES)),
    "whole-body-ct",
    "1.1.0",
)


def test_a_new_run_keeps_what_a_person_settled(review):
    review = review.correct("chin", [1, 2, 3]).mark_missing("toe_left").accept("wrist_left").rerun(MOVED)
    assert review.reviewed == ("chin", "toe_left", "wrist_left")
    assert review.landmarks["chin"].position.tolist() == [1, 2, 3]
    assert review.landmarks["chin"].predicted.tolist() == [5, 5, 5]
    assert review.landmarks["wrist_left"].position.tolist() == WRIST.position.tolist()
    assert review.landmarks["knee_left"].position.tolist() == [5, 5, 5]
    assert review.prediction.model_version == "1.1.0"
    assert review.restore("chin").landmarks["chin"].position.tolist() == [5, 5, 5]


def test_a_new_run_can_start_over(review):
    assert review.correct("chin", [1, 2, 3]).rerun(MOVED, keep_reviewed=False) == Review.of(MOVED)


def test_a_new_run_with_other_landmarks_drops_those_that_are_gone(review):
    fewer = Detection(LandmarkSet((CHIN, Landmark("nose", [0, 0, 0]))), "other", "1.0.0")
    after = review.correct("chin", [1, 2, 3]).correct("knee_left", [0, 0, 0]).rerun(fewer)
    assert after.landmarks.names == ("chin", "nose")
    assert after.landmarks["chin"].status is Status.CORRECTED


def test_placing_by_hand_starts_with_every_landmark_of_the_protocol_open(whole_body):
    review = Review.blank(whole_body)
    assert review.landmarks.names == whole_body.names
    assert review.progress == (0, len(whole_body.landmarks))
    assert review.landmarks["chin"].description == whole_body["chin"].definition
    assert not any(mark.is_present for mark in review.landmarks)
    assert review.correct("chin", [1, 2, 3]).restore("chin") == review


def test_moving_a_review_and_moving_it_back_changes_nothing(review):
    turn = np.array([[0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1.0]])
    review = review.correct("chin", [1, 2, 3])
    moved = review.transformed(Affine(turn))
    assert moved.landmarks["chin"].position.tolist() == [8, 21, 33]
    assert np.diag(moved.landmarks["knee_left"].covariance).tolist() == [9, 4, 1]
    back = moved.transformed(Affine(turn).inverse)
    np.testing.assert_allclose(back.landmarks.positions, review.landmarks.positions, atol=1e-9)
    np.testing.assert_allclose(back.landmarks["chin"].predicted, CHIN.position, atol=1e-9)


def test_a_written_review_is_read_back_and_is_a_detection_for_other_programs(review, tmp_path):
    review = review.correct("chin", [1, 2, 3]).accept("toe_left")
    write_review(review, tmp_path / "x.json")
    assert read_review(tmp_path / "x.json") == review
    assert read_detection(tmp_path / "x.json").landmarks["chin"].position.tolist() == [1, 2, 3]


def test_a_reviewed_detection_without_predictions_beside_it_remembers_what_it_can(review):
    later = Review.of(review.correct("chin", [1, 2, 3]).mark_missing("knee_left").detection)
    assert later.reviewed == ("knee_left", "chin")
    assert later.restore("chin").landmarks["chin"].position.tolist() == CHIN.position.tolist()
    assert later.restore("knee_left").landmarks["knee_left"].status is Status.DETECTED


@pytest.mark.parametrize(
    "change",
    [
        {"prediction": 3},
        {"prediction": [{"name": "other", "position": [0, 0, 0]}]},
        {"prediction": [{"name": "chin"}]},
        {"schema_version": 99},
        {"landmarks": None},
    ],
)
def test_a_broken_record_is_one_sentence(review, tmp_path, change):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({**review.to_record(), **change}), encoding="utf-8")
    with pytest.raises(InputError, match=r"^Cannot read .*x\.json: .+\.$"):
        read_review(path)


@pytest.mark.parametrize("step", ["accept", "mark_missing", "restore"])
def test_unknown_landmarks_are_refused(review, step):
    with pytest.raises(KeyError):
        getattr(review, step)("nose")


LEVELS = 6
CHAIN = tuple((f"left_{n}", f"right_{n}") for n in range(LEVELS))


def spine_review(found: list[bool]) -> Review:
    """Levels 10 mm apart, some of them not found, and one landmark beside the chain."""
    marks = [
        Landmark(name, [side, 0.0, -10.0 * n], Status.UNCERTAIN, 0.4, np.eye(3), f"of level {n}")
        if found[n]
        else Landmark(name, NOWHERE, Status.ABSENT)
        for n, level in enumerate(CHAIN)
        for side, name in enumerate(level)
    ]
    return Review.of(Detection(LandmarkSet((*marks, CHIN)), "spine", "1.0.0"))


@given(st.lists(st.booleans(), min_size=LEVELS, max_size=LEVELS), st.integers(-5, 5).filter(bool))
def test_a_shifted_chain_has_every_level_where_its_neighbour_was_found(found, levels):
    review = spine_review(found)
    shifted = review.shift(CHAIN, levels)
    assert shifted.prediction == review.prediction
    assert shifted.landmarks["chin"] == CHIN
    for n, level in enumerate(CHAIN):
        for side, name in enumerate(level):
            mark, source = shifted.landmarks[name], n + levels
            there = 0 <= source < LEVELS and found[source]
            assert mark.status is (Status.CORRECTED if there else Status.ABSENT)
            if there:
                assert mark.position.tolist() == [side, 0, -10 * source]
            assert mark.description == review.landmarks[name].description
            assert (mark.confidence, mark.covariance, mark.expected_error) == (None, None, None)
            assert (mark.predicted is not None) == found[n], "what the model said stays beside it"
    assert Review.from_record(json.loads(json.dumps(shifted.to_record()))) == shifted


def test_a_chain_is_shifted_with_what_was_corrected_before():
    review = spine_review([True] * LEVELS).correct("left_2", [0.0, 5.0, -21.0])
    shifted = review.shift(CHAIN, 1)
    assert shifted.landmarks["left_1"].position.tolist() == [0, 5, -21]
    twice = shifted.shift(CHAIN, 1)
    assert twice.landmarks["left_0"].position.tolist() == [0, 5, -21]
    assert twice.landmarks["left_0"].predicted.tolist() == [0, 0, 0], "the model's own place"


@pytest.mark.parametrize("levels", [0, LEVELS, -LEVELS])
def test_a_shift_by_nothing_or_by_the_whole_chain_is_refused(levels):
    with pytest.raises(ValueError, match="cannot be shifted"):
        spine_review([True] * LEVELS).shift(CHAIN, levels)
