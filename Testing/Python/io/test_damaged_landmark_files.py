"""Damaged landmark files, tables and records are read as what they say or refused in one sentence."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import Doubt
from LandmarkDetectionLib.core.landmarks import FARTHEST_MM, Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.importers.tables import read_points
from LandmarkDetectionLib.evaluation.ratings import read_ratings
from LandmarkDetectionLib.io.markups import read_index_table, read_landmarks, write_landmarks
from LandmarkDetectionLib.io.pixel_landmarks import read_pixel_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.records import read_detection, read_review, write_detection, write_review
from Testing.examples.fuzzing import fuzz

MARKS = LandmarkSet(
    (
        Landmark(
            "knee_left", [-70.5, 12.25, -372.4], Status.DETECTED, 0.93, np.eye(3) * 4, 'centre, of "it"'
        ),
        Landmark("chin", np.full(3, np.nan), Status.ABSENT, 0.02),
        Landmark("hip", [1.0, -2.0, 3.0], Status.CORRECTED, predicted=np.array([1.0, 2.0, 3.0])),
        Landmark("gro\u00dfe Zehe", [1e-7, -2.0, 3.0], Status.MISSING, description="x" * 100),
    ),
    name="body",
)
DETECTION = Detection(
    MARKS, "m", "1.0.0", {"threshold": -400.0, "given": {}}, (Doubt("doubt"),), {"networks": 0.5}
)


def is_valid(landmarks: LandmarkSet) -> None:
    assert len(set(landmarks.names)) == len(landmarks)
    for mark in landmarks:
        assert mark.name and mark.is_present == bool(np.isfinite(mark.position).all())
        assert not mark.is_present or np.abs(mark.position).max() <= FARTHEST_MM
        json.dumps(mark.to_record(), allow_nan=False).encode()
    for suffix in (".mrk.json", ".fcsv", ".csv"):
        with tempfile.TemporaryDirectory() as folder:
            write_landmarks(landmarks, Path(folder) / f"again{suffix}")


@pytest.mark.parametrize("suffix", [".mrk.json", ".fcsv", ".csv"])
def test_damaged_landmark_files(tmp_path: Path, suffix: str) -> None:
    write_landmarks(MARKS, tmp_path / f"good{suffix}")
    fuzz(read_landmarks, tmp_path / f"x{suffix}", (tmp_path / f"good{suffix}").read_bytes(), check=is_valid)


def test_damaged_tables_that_slicer_exports(tmp_path: Path) -> None:
    text = "label,l,p,s,defined,selected,visible,locked,description\n"
    text += 'a,1,2,3,1,1,1,0,"two\nlines"\nb,4,5,6,0,1,1,0,\n'
    fuzz(read_landmarks, tmp_path / "x.csv", text.encode(), check=is_valid)
    fuzz(read_landmarks, tmp_path / "x.csv", text.replace(",", ";").encode(), check=is_valid)


def test_damaged_records(tmp_path: Path) -> None:
    write_detection(DETECTION, tmp_path / "good.json")
    content = (tmp_path / "good.json").read_bytes()

    def writable(detection: Detection) -> None:
        is_valid(detection.landmarks)
        write_detection(detection, tmp_path / "again.json")

    fuzz(read_detection, tmp_path / "x.json", content, check=writable)
    fuzz(read_landmarks, tmp_path / "y.json", content, check=is_valid)


def test_damaged_reviews(tmp_path: Path) -> None:
    write_review(Review.of(DETECTION).accept("knee_left"), tmp_path / "good.json")

    def writable(review: Review) -> None:
        is_valid(review.landmarks)
        write_review(review, tmp_path / "again.json")

    fuzz(read_review, tmp_path / "x.json", (tmp_path / "good.json").read_bytes(), check=writable)


def test_damaged_tables_of_pixels(tmp_path: Path) -> None:
    fuzz(read_index_table, tmp_path / "x.csv", b"name,x,y\nchin,12.5,40\nnose,1,2\n", check=is_valid)
    rows = "image,nose_x,nose_y,chin_x,chin_y\n001,10,20.5,,\n002.png,1,2,3,4\n"
    fuzz(read_points, tmp_path / "y.csv", rows.encode())
    labels = {"shapes": [{"label": "a", "shape_type": "point", "points": [[1.5, 2.5]]}], "imageWidth": 8}
    volume = Volume(np.zeros((1, 8, 8), np.uint8), np.eye(4))
    content = json.dumps(labels).encode()
    fuzz(lambda path: read_pixel_landmarks(path, volume), tmp_path / "z.json", content, check=is_valid)


def test_damaged_tables_of_raters(tmp_path: Path) -> None:
    protocol = load_protocol("cephalometric-19")
    row = ",".join(str(n / 2) for n in range(38))
    content = f"case{',x,y' * 19}\na,{row}\nb,{row}\n".encode()
    fuzz(lambda path: read_ratings(path, protocol), tmp_path / "x.csv", content)
