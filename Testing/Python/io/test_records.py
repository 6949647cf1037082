"""A detection's record keeps everything; the landmark files keep what they can."""

import json
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.records import read_detection, write_detection

DETECTION = Detection(
    landmarks=LandmarkSet(
        (
            Landmark(
                "chin", [1.5, -2.25, 1e-9], Status.DETECTED, 0.987654321, np.diag([4.0, 9.0, 16.0]), "menton"
            ),
            Landmark("knee_left", np.full(3, np.nan), Status.ABSENT, 0.01),
            Landmark("hip_left", [1, 2, 3], Status.CORRECTED, 0.5, None, "centre", np.array([4.0, 5.0, 6.0])),
        ),
        name="case 7",
    ),
    model="whole-body-ct",
    model_version="1.0.0",
    parameters={"threshold": -400.0, "depth": "lateral", "device": "cpu", "rotated": False},
    doubts=(Doubt("The volume may be mirrored.", DoubtKind.MIRRORED),),
    seconds={"projection": 0.25, "networks": 0.5},
)


def test_the_record_gives_back_the_whole_detection(tmp_path):
    write_detection(DETECTION, tmp_path / "x.json")
    assert read_detection(tmp_path / "x.json") == DETECTION


def test_the_record_says_in_plain_words_what_its_numbers_are(tmp_path):
    write_detection(DETECTION, tmp_path / "x.json")
    record = json.loads((tmp_path / "x.json").read_text())
    assert record["schema_version"] == 1
    assert (record["coordinate_system"], record["units"]) == ("RAS", "mm")
    assert record["model"] == {"name": "whole-body-ct", "version": "1.0.0"}
    assert record["landmarks"][0]["position"] == [1.5, -2.25, 1e-9]
    assert record["landmarks"][1]["position"] is None


@pytest.mark.parametrize("suffix", [".mrk.json", ".fcsv", ".csv"])
def test_landmark_files_keep_position_confidence_and_status(tmp_path, suffix):
    write_detection(DETECTION, tmp_path / f"x{suffix}")
    back = read_landmarks(tmp_path / f"x{suffix}")
    assert back.names == DETECTION.landmarks.names
    np.testing.assert_array_equal(back.positions, DETECTION.landmarks.positions)
    assert [mark.status for mark in back] == [mark.status for mark in DETECTION.landmarks]
    np.testing.assert_allclose([mark.confidence for mark in back], [0.987654, 0.01, 0.5], atol=0.005)


def test_the_record_can_be_read_as_a_landmark_file(tmp_path):
    write_detection(DETECTION, tmp_path / "x.json")
    assert read_landmarks(tmp_path / "x.json") == DETECTION.landmarks


def test_numpy_values_paths_and_nan_among_the_parameters_become_json(tmp_path):
    parameters = {
        "count": np.int64(3),
        "spacing": np.array([1.0, 2.0]),
        "file": Path("a.nii.gz"),
        "unknown": float("nan"),
        "nested": {"pair": (np.float32(0.5), True)},
    }
    write_detection(Detection(LandmarkSet(()), "m", "1", parameters), tmp_path / "x.json")
    assert read_detection(tmp_path / "x.json").parameters == {
        "count": 3,
        "spacing": [1.0, 2.0],
        "file": "a.nii.gz",
        "unknown": None,
        "nested": {"pair": [0.5, True]},
    }


def test_an_unknown_suffix_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(OutputError, match=r"use \.mrk\.json, \.fcsv, \.csv, \.json\.$"):
        write_detection(DETECTION, tmp_path / "x.xlsx")
    assert not list(tmp_path.iterdir())


def changed(**changes):
    return json.dumps({**DETECTION.to_record(), **changes})


def spread(covariance):
    return {"name": "a", "position": [1, 2, 3], "status": "detected", "covariance": covariance}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not valid JSON"),
        ("{}", "not the record of a detection"),
        ('{"markups": []}', "not the record of a detection"),
        (changed(schema_version=2), "its record version is 2"),
        (changed(coordinate_system="LPS"), "not in RAS mm"),
        (changed(units="cm"), "not in RAS mm"),
        (changed(model="x"), "entry 'model' is broken"),
        (changed(seconds={"a": "long"}), "'seconds'"),
        (changed(seconds={"a": float("nan")}), "'seconds' holds a number that is not finite"),
        (changed(seconds={"a": 10**400}), "'seconds' holds a number that is not finite"),
        (changed(parameters={"x": [{"y": float("-inf")}]}), "'parameters' holds a number that is not finite"),
        (changed(landmarks=[{"name": "a", "position": [1, 2, float("inf")]}]), "not finite"),
        (changed(landmarks=[{"name": "a", "position": [1, 2, 1e15]}]), "more than 1 km away"),
        (changed(landmarks=[spread([[4, 0, 0], [0, -1, 0], [0, 0, 4]])]), "negative in some direction"),
        (changed(landmarks=[spread([[4, 9, 0], [9, 4, 0], [0, 0, 4]])]), "negative in some direction"),
        (changed(landmarks=[spread([[4, 1, 0], [0, 4, 0], [0, 0, 4]])]), "lopsided"),
        (changed(landmarks=[{"name": "a\ud800", "position": [1, 2, 3]}]), "is no text"),
        (changed(landmarks={}), "'landmarks' is not a list"),
        (changed(landmarks=[5]), "landmark 1 is broken"),
        (changed(landmarks=[{"name": "a"}]), "position is missing"),
        (changed(landmarks=[{"name": "a", "position": [1, 2]}]), "landmark 1 is broken"),
        (changed(landmarks=[{"name": "a", "position": None, "status": "detected"}]), "not finite"),
        (changed(landmarks=[{"name": "a", "position": None}] * 2), "two points are named 'a'"),
    ],
)
def test_a_broken_record_is_refused_with_one_sentence(tmp_path, content, message):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=message) as refusal:
        read_detection(tmp_path / "x.json")
    assert str(tmp_path / "x.json") in str(refusal.value)
    assert "\n" not in str(refusal.value)
