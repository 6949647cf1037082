"""A landmark that a label map has elsewhere is warned of and less trusted; one that it confirms stays."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import DoubtKind
from LandmarkDetectionLib.core.label_rules import Centroid
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.label_points import LabelPoint
from LandmarkDetectionLib.io.records import read_detection, write_detection
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.quality.second_opinion import second_opinion
from Testing.examples.measurement_cases import protocol_of

RULE = Centroid(kind="centroid", landmark="hip", labels=(1,), sd=3.0)


def hip(away: float, **more: object) -> LandmarkSet:
    entries = {"confidence": 0.95, "covariance": np.eye(3) * 16, **more}
    return LandmarkSet((Landmark("hip", [away, 0.0, 0.0], **entries),))  # type: ignore[arg-type]


AT_ORIGIN = (LabelPoint(RULE, np.zeros(3)),)


def test_the_farther_apart_the_less_is_left_of_the_confidence() -> None:
    confidences = [second_opinion(hip(away), AT_ORIGIN)[0]["hip"].confidence for away in (5, 22, 30, 60)]
    assert confidences[0] == 0.95 and confidences == sorted(confidences, reverse=True)
    assert confidences[1] < 0.5 and confidences[3] < 1e-6
    marks, doubts = second_opinion(hip(30), AT_ORIGIN)
    assert marks["hip"].status is Status.UNCERTAIN
    assert [(one.kind, one.landmarks) for one in doubts] == [(DoubtKind.SECOND_SOURCE, ("hip",))]
    assert doubts[0].text == "Hip lies 30 mm from where the label map has it; one of both is wrong."


def test_right_landmarks_are_warned_of_in_one_of_a_thousand_cases() -> None:
    rng, warned = np.random.default_rng(0), 0
    for _ in range(3000):
        seen = rng.normal(0, 4.0, 3)
        mark = LandmarkSet((Landmark("hip", seen, confidence=0.9, covariance=np.eye(3) * 16),))
        warned += bool(second_opinion(mark, (LabelPoint(RULE, rng.normal(0, 3.0, 3)),))[1])
    assert warned <= 9


def test_what_a_person_settled_is_warned_of_and_left_alone() -> None:
    marks, doubts = second_opinion(hip(40, status=Status.CORRECTED), AT_ORIGIN)
    assert doubts and marks["hip"].status is Status.CORRECTED and marks["hip"].confidence == 0.95


def test_an_absent_landmark_that_the_map_has_is_said() -> None:
    absent = LandmarkSet((Landmark("hip", np.full(3, np.nan), Status.ABSENT),))
    assert second_opinion(absent, AT_ORIGIN)[1][0].text == "Hip is called absent, but the label map has it."


def test_rules_that_find_nothing_of_these_landmarks_are_no_opinion() -> None:
    with pytest.raises(InputError, match="No rule of the protocol finds one"):
        second_opinion(hip(0), (LabelPoint(RULE, None, "label 1 is not in the label map"),))


def test_the_command_writes_what_is_left(tmp_path: Path, cli: Callable) -> None:
    voxels = np.zeros((20, 20, 20), np.uint8)
    voxels[8:12, 8:12, 8:12] = 1
    write_volume(Volume(voxels, np.diag([5.0, 5.0, 5.0, 1.0])), tmp_path / "labels.nii.gz")
    rule = {"kind": "centroid", "landmark": "hip", "labels": [1]}
    protocol = protocol_of(
        [], ["hip", "knee"], label_rules=[rule, {**rule, "landmark": "knee", "labels": [9]}]
    )
    (tmp_path / "rules.json").write_text(protocol.model_dump_json())
    marks = LandmarkSet((*hip(10.0), Landmark("knee", [20.0, 20, 20], confidence=0.8)), name="case")
    write_detection(Detection(marks, "some-model", "1.0.0"), tmp_path / "case.json")
    asked = (
        "second-opinion",
        tmp_path / "case.json",
        tmp_path / "labels.nii.gz",
        "--protocol",
        tmp_path / "rules.json",
    )
    answer = cli(*asked, "-o", tmp_path / "out.json", "--json")
    assert answer.code == 0, answer.err
    told = {one["landmark"]: one for one in json.loads(answer.out)["landmarks"]}
    assert told["hip"]["status"] == "uncertain" and told["hip"]["distance_mm"] == pytest.approx(75, abs=3)
    assert told["knee"]["gap"] == "label 9 is not in the label map" and told["knee"]["confidence"] == 0.8
    kept = read_detection(tmp_path / "out.json")
    assert kept.model == "some-model" and kept.landmarks["hip"].confidence < 0.01
    assert [one.kind for one in kept.doubts] == [DoubtKind.SECOND_SOURCE]
    write_detection(Detection(hip(9000.0), "some-model", "1.0.0"), tmp_path / "far.json")
    far = cli("second-opinion", tmp_path / "far.json", *asked[2:])
    assert far.code == 3 and "none of the landmarks of far.json lies in" in far.err.lower()
    none = cli(*asked[:4], "whole-body")
    assert none.code == 3 and "has no label rules" in none.err and "entry label_rules" in none.err
