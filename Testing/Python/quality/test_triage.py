"""Which landmark, and which case, a reviewer should look at next."""

from dataclasses import replace

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection, detection_from_record
from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.quality.triage import (
    case_priority,
    landmark_priority,
    landmarks_by_priority,
    next_open,
    rank_cases,
    rank_landmarks,
    suspects,
    warnings_of,
)

NOWHERE = np.full(3, np.nan)


def mark(
    name: str, error: float | None, confidence: float = 0.9, status: Status = Status.DETECTED
) -> Landmark:
    position = np.zeros(3) if status.has_position else NOWHERE
    return Landmark(name, position, status, confidence, expected_error=error)


def detection(*marks: Landmark) -> Detection:
    return Detection(LandmarkSet(marks), "model", "1.0.0")


def test_what_is_far_off_and_hardly_trusted_comes_first():
    marks = LandmarkSet((mark("a", 3.0, 0.2), mark("b", 12.0, 0.9), mark("c", 7.0, 0.3)))
    assert rank_landmarks(marks) == ("c", "a", "b")


def test_of_landmarks_that_are_trusted_alike_the_largest_expected_error_comes_first():
    marks = LandmarkSet((mark("a", 3.0), mark("b", 12.0), mark("c", 7.0)))
    assert rank_landmarks(marks) == ("b", "c", "a")


def test_without_expected_errors_confidence_decides():
    marks = LandmarkSet((mark("a", None, 0.9), mark("b", None, 0.2), mark("c", None, 0.5)))
    assert rank_landmarks(marks) == ("b", "c", "a")


def test_what_is_probably_there_after_all_comes_before_what_is_surely_absent():
    absent = mark("maybe", None, 0.45, Status.ABSENT), mark("gone", None, 0.01, Status.ABSENT)
    marks = LandmarkSet((*absent, mark("a", 5.0), mark("b", 6.0)))
    assert rank_landmarks(marks) == ("maybe", "b", "a", "gone")


def test_a_warning_makes_even_a_trusted_landmark_urgent():
    sure = mark("a", 5.0, 1.0), mark("b", 6.0, 1.0), mark("c", 6.0, 0.8)
    priority = landmark_priority(LandmarkSet(sure), warned=["a"])
    assert sorted(priority, key=lambda name: -priority[name]) == ["a", "c", "b"]
    assert rank_landmarks(LandmarkSet(sure)) == ("c", "b", "a")


def test_the_case_with_the_most_to_correct_comes_first():
    ranks = rank_cases(
        {"good": detection(mark("a", 2.0), mark("b", 3.0)), "bad": detection(mark("a", 2.0), mark("b", 40.0))}
    )
    assert [rank.case for rank in ranks] == ["bad", "good"]
    assert (ranks[0].worst, ranks[0].open) == ("b", 2)
    assert ranks[1].expected_error == pytest.approx(np.sqrt(13))


def test_a_warning_puts_a_case_before_others_and_names_where_to_begin():
    sure = mark("a", 2.0, 0.95), mark("b", 2.0, 0.95)
    warned = replace(detection(*sure), doubts=(Doubt("Too far.", landmarks=("a", "hip")),))
    ranks = rank_cases({"calm": detection(*sure), "warned": warned})
    assert [rank.case for rank in ranks] == ["warned", "calm"]
    assert ranks[0].worst == "a" == landmarks_by_priority(Review.of(warned))[0]
    assert ranks[0].expected_wrong == pytest.approx((1 + 0.05) / 2 + 0.05)


def test_a_warning_of_the_whole_case_counts_until_everything_is_settled():
    odd = replace(detection(mark("a", 2.0), mark("b", 2.0)), doubts=(Doubt("The volume may be mirrored."),))
    begun = Review.of(odd).accept("a")
    done = begun.accept("b")
    ranks = rank_cases({"done": done, "begun": begun, "doubtful": detection(mark("a", 2.0, 0.2))})
    assert [rank.case for rank in ranks] == ["begun", "doubtful", "done"]
    assert ranks[-1].expected_wrong == 0.0


def test_the_order_is_that_of_the_cohorts_report():
    rng = np.random.default_rng(0)
    cases = {}
    for n in range(20):
        marks = [mark(name, float(rng.uniform(1, 9)), float(rng.uniform(0, 1))) for name in "abc"]
        doubts = tuple(Doubt("Odd.", landmarks=tuple(rng.choice(["a", "", "bc"]))) for _ in range(n % 3))
        cases[f"case {n}"] = replace(detection(*marks), doubts=doubts)
    scores = {}
    for name, case in cases.items():
        suspect, general = suspects(case.doubts, case.landmarks.names)
        confidence = np.array([one.confidence for one in case.landmarks], float)
        scores[name] = float(case_priority(confidence, np.ones(3, bool), np.zeros(3, bool), suspect, general))
    assert [rank.case for rank in rank_cases(cases)] == sorted(scores, key=lambda name: -scores[name])


#: As records were until doubts had a type of their own, with the sentences of every detector.
OF_BEFORE = {
    "mirrored": ["The volume may be mirrored: the right lung holds only 41 % of the air."],
    "far": ["hip left and knee left are 210 mm apart; between 280 and 480 mm is usual."],
    "cut": ["Not found: knee_left, chin. The picture may cut them off."],
    "swapped": [
        "Right and left look swapped (shoulder, hip): check the side labels.",
        "Pixel size: not known.",
    ],
    "headless": ["ct shows no skull around what was taken for chin: check whether it is a head."],
    "fine": [],
}
#: What the same detectors say now.
ABOUT = {
    "mirrored": [(DoubtKind.MIRRORED, ())],
    "far": [(DoubtKind.DISTANCE, ("hip_left", "knee_left"))],
    "cut": [(DoubtKind.NOT_FOUND, ("knee_left", "chin"))],
    "swapped": [(DoubtKind.SIDE, ()), (DoubtKind.PIXEL_SIZE, ())],
    "headless": [(DoubtKind.NO_SKULL, ("chin",))],
    "fine": [],
}


def test_old_records_are_ranked_as_new_ones_are():
    marks = mark("chin", 4.0, 0.7), mark("hip_left", 3.0, 0.9), mark("knee_left", 9.0, 0.8)
    record = detection(*marks).to_record()
    del record["doubts"]
    old = {case: detection_from_record({**record, "warnings": told}) for case, told in OF_BEFORE.items()}
    new = {
        case: replace(detection(*marks), doubts=tuple(Doubt("Ein Satz.", *about) for about in ABOUT[case]))
        for case in OF_BEFORE
    }
    assert rank_cases(old) == rank_cases(new)
    assert [one.case for one in rank_cases(old)][:2] == ["swapped", "mirrored"]
    for case in OF_BEFORE:
        assert landmarks_by_priority(Review.of(old[case])) == landmarks_by_priority(Review.of(new[case]))


def test_a_file_named_like_a_landmark_says_nothing_of_it():
    named = replace(detection(mark("chin", 2.0)), doubts=(Doubt("chin may not show a hand."),))
    assert warnings_of(named, "chin") == ()


def test_what_is_settled_no_longer_counts():
    bad = Review.of(detection(mark("a", 2.0), mark("b", 40.0))).correct("b", [1, 2, 3])
    done = Review.of(detection(mark("a", 9.0))).accept("a")
    ranks = rank_cases({"bad": bad, "done": done, "fair": detection(mark("a", 5.0))})
    assert [(rank.case, rank.worst, rank.open) for rank in ranks] == [
        ("fair", "a", 1),
        ("bad", "a", 1),
        ("done", None, 0),
    ]


def test_a_review_lists_the_most_urgent_first_and_does_not_jump():
    review = Review.of(detection(mark("a", 3.0), mark("b", 12.0), mark("c", 7.0)))
    assert landmarks_by_priority(review) == ("b", "c", "a")
    assert landmarks_by_priority(review.correct("b", [0, 0, 1])) == ("b", "c", "a")


def test_a_review_knows_what_the_others_have_learned_from_a_correction():
    review = Review.of(detection(mark("a", 3.0), mark("b", 12.0), mark("c", 7.0))).correct("b", [0, 0, 1])
    refined = detection(mark("a", 30.0), mark("b", None), mark("c", 1.0))
    propagated = review.propagate(refined)
    assert landmarks_by_priority(propagated) == ("a", "b", "c")
    assert next_open(propagated, "b") == "c"
    assert propagated.landmarks["b"].status is Status.CORRECTED
    assert propagated.restore("a").landmarks["a"].expected_error == 3.0


def test_expected_errors_survive_the_record():
    review = Review.of(detection(mark("a", 3.25)))
    assert Review.from_record(review.to_record()).landmarks["a"].expected_error == 3.25
    assert landmark_priority(review.landmarks) == {"a": pytest.approx(3.25 * (1 - 0.9) ** 2)}


@pytest.mark.parametrize("error", [-1.0, float("nan"), float("inf")])
def test_an_expected_error_is_a_length(error):
    with pytest.raises(ValueError, match="expected_error"):
        mark("a", error)
