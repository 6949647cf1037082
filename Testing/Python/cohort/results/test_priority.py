"""The results that a person should look at first come first."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.cohort.results.case_results import case_results
from LandmarkDetectionLib.cohort.results.model_results import by_model, ranked
from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import Doubt
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.quality.triage import case_priority, landmarks_by_priority, suspects
from Testing.examples.cohort_cases import make_results, write_results

NO = np.zeros(2, bool)
YES = ~NO


def test_each_landmark_adds_its_doubt():
    assert case_priority(np.array([0.9, 0.6]), YES, NO, NO) == pytest.approx(0.5)


def test_an_absent_landmark_adds_the_chance_that_it_is_there():
    assert case_priority(np.array([0.9, 0.2]), np.array([True, False]), NO, NO) == pytest.approx(0.3)


def test_unknown_confidence_is_no_confidence():
    assert case_priority(np.array([np.nan, np.nan]), np.array([True, False]), NO, NO) == 2


def test_what_a_person_has_settled_adds_nothing_whatever_else_is_said():
    assert case_priority(np.array([0.1, np.nan]), YES, YES, YES) == 0


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.data())
def test_suspicion_and_warnings_never_make_a_case_look_better(confidences, data):
    values = np.array(confidences)
    flags = st.lists(st.booleans(), min_size=len(values), max_size=len(values)).map(np.array)
    present, suspect = data.draw(flags), data.draw(flags)
    settled = np.zeros(len(values), bool)
    plain = case_priority(values, present, settled, settled)
    worse = case_priority(values, present, settled, suspect, 2)
    assert 0 <= plain <= len(values) and worse >= plain + 2 - 1e-9


def test_doubts_are_told_apart_by_the_landmarks_they_are_about():
    named, general = suspects(
        (Doubt("These are 210 mm apart.", landmarks=("hip_left", "knee_left")), Doubt("It is cut off.")),
        ("hip_left", "chin", "knee_left"),
    )
    assert named.tolist() == [True, False, True] and general == 1


def test_the_doubt_is_that_of_a_review():
    marks = (
        Landmark("a", [0, 0, 0], Status.DETECTED, 0.8),
        Landmark("b", [0, 0, 0], Status.UNCERTAIN, 0.4),
        Landmark("c", [np.nan] * 3, Status.ABSENT, 0.3),
    )
    review = Review.of(Detection(LandmarkSet(marks), "m", "1", doubts=(Doubt("Odd.", landmarks=("a",)),)))
    doubts = [
        case_priority(
            np.array([mark.confidence]), np.array([mark.is_present]), NO[:1], np.array([index == 0])
        )
        for index, mark in enumerate(marks)
    ]
    order = sorted(range(3), key=lambda index: -doubts[index][()])
    assert tuple("abc"[index] for index in order) == landmarks_by_priority(review)


def test_a_cohort_of_before_is_ranked_as_one_of_now(tmp_path):
    results = make_results(40, seed=10, pictures=False)
    cohort = write_results(tmp_path / "cohort", results)
    assert {"side", "other"} < {doubt.subject for one in results for doubt in one.doubts}
    now = ranked(by_model(case_results(cohort), {}))
    for file in cohort.folder.glob("cases/*/case.json"):
        record = read_json(file)
        for outcome in record["outcomes"]:
            del outcome["doubts"]
        file.write_text(json.dumps(record))
    assert ranked(by_model(case_results(cohort), {})) == now


def test_results_come_worst_first_and_failures_last():
    results = make_results(300, seed=3)
    order = ranked(by_model(results, {"whole-body 1.0.0": load_protocol("whole-body")}))
    done = [one for one in order if one.state == "done"]
    assert order[: len(done)] == done and len(order) == 300
    assert [one.score for one in done] == sorted((one.score for one in done), reverse=True)
    assert all(one.reason for one in order[len(done) :])
    with_outlier = [one.score for one in done if one.outliers]
    assert np.mean(with_outlier) > np.mean([one.score for one in done])
