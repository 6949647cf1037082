"""Predictions are found by the names of images, and made once."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import write_datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import Cancelled, InputError
from LandmarkDetectionLib.evaluation.predictions import MADE_BY, case_keys, predict, read_predictions
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.models import load_model

Make = Callable[..., Any]


def test_the_case_without_a_prediction_is_named(make_data: Make) -> None:
    data = make_data()
    folder = data.predict("m", lambda case, points: points)
    (folder / "case-3.csv").unlink()
    (folder / "case-5.csv").unlink()
    datalist = read_datalist(data.datalist)
    with pytest.raises(InputError, match=r"no prediction of m for case-3.png \(row 4\) and 1 more"):
        read_predictions("m", folder, datalist.cases, datalist.path.parent)


def test_a_folder_of_another_data_set_is_refused(make_data: Make, tmp_path: Path) -> None:
    data = make_data()
    other = tmp_path / "other"
    other.mkdir()
    write_landmarks(LandmarkSet((Landmark("wrist", np.zeros(3)),)), other / "scan.csv")
    datalist = read_datalist(data.datalist)
    with pytest.raises(InputError, match="are they of another data set"):
        read_predictions("m", other, datalist.cases, datalist.path.parent)
    with pytest.raises(InputError, match="There is no folder"):
        read_predictions("m", tmp_path / "gone", datalist.cases, datalist.path.parent)


def test_images_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    rows = []
    rng = np.random.default_rng(0)
    for subject in ("a", "b"):
        (tmp_path / subject).mkdir()
        voxels = rng.integers(0, 100, (4, 9, 9)).astype(np.int16)
        write_volume(Volume(voxels, np.eye(4)), tmp_path / subject / "t1.nii.gz")
        marks = LandmarkSet((Landmark("x", np.array([4.0, 4.0, 2.0])),))
        write_landmarks(marks, tmp_path / subject / "x.csv")
        rows.append({"image": f"{subject}/t1.nii.gz", "landmarks": f"{subject}/x.csv", "subject": subject})
    write_datalist(rows, tmp_path / "data.json")
    datalist = read_datalist(tmp_path / "data.json")
    assert case_keys(datalist.cases, tmp_path) == ("a/t1", "b/t1")
    found = tmp_path / "found"
    for subject, x in (("a", 1.0), ("b", 2.0)):
        (found / subject).mkdir(parents=True)
        marks = LandmarkSet((Landmark("x", np.array([x, 4.0, 2.0])),))
        write_landmarks(marks, found / subject / "t1.mrk.json")
    read = read_predictions("m", found, datalist.cases, tmp_path)
    assert [landmarks["x"].position[0] for landmarks in read.landmarks] == [1.0, 2.0]


@pytest.fixture
def bodies(tmp_path: Path, phantom: tuple[Volume, LandmarkSet]) -> Path:
    volume, truth = phantom
    rows = []
    for number in range(2):
        # The same person twice, with another value in one corner: one image in two rows is refused.
        voxels = volume.voxels.copy()
        voxels[0, 0, 0] += number
        write_volume(replace(volume, voxels=voxels), tmp_path / f"body{number}.nrrd")
        write_landmarks(truth, tmp_path / f"body{number}.mrk.json")
        rows.append(
            {"image": f"body{number}.nrrd", "landmarks": f"body{number}.mrk.json", "subject": str(number)}
        )
    write_datalist(rows, tmp_path / "bodies.json")
    return tmp_path / "bodies.json"


def test_a_model_predicts_every_case_once(bodies: Path, tiny_model: Path, tmp_path: Path) -> None:
    model, out = load_model(tiny_model), tmp_path / "out" / "tiny"
    datalist = read_datalist(bodies)
    first = predict(model, datalist.cases, bodies.parent, out, device="cpu")
    assert [landmarks.names for landmarks in first.landmarks] == [model.protocol.names] * 2
    times = {file.name: file.stat().st_mtime_ns for file in out.glob("body*.json")}
    assert sorted(times) == ["body0.json", "body1.json"]
    assert first.source["version"] == "1.0.0"

    # One is lost: only that one is made again, and the result is the same.
    (out / "body1.json").unlink()
    second = predict(model, datalist.cases, bodies.parent, out, device="cpu")
    assert (out / "body0.json").stat().st_mtime_ns == times["body0.json"]
    assert second.landmarks == first.landmarks


def test_predictions_of_another_model_of_the_same_name_are_made_anew(
    bodies: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model, out = load_model(tiny_model), tmp_path / "out"
    cases = read_datalist(bodies).cases[:1]
    predict(model, cases, bodies.parent, out, device="cpu")
    before = (out / "body0.json").stat().st_mtime_ns
    note = json.loads((out / MADE_BY).read_text())
    (out / MADE_BY).write_text(json.dumps({**note, "sha256": "another"}))
    predict(model, cases, bodies.parent, out, device="cpu")
    assert (out / "body0.json").stat().st_mtime_ns > before


def test_a_stopped_run_keeps_what_it_made(bodies: Path, tiny_model: Path, tmp_path: Path) -> None:
    model, out = load_model(tiny_model), tmp_path / "out"
    datalist = read_datalist(bodies)
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        predict(model, datalist.cases, bodies.parent, out, device="cpu", cancelled=lambda: next(asked))
    assert [file.name for file in out.glob("body*.json")] == ["body0.json"]


def test_an_image_without_a_body_has_all_landmarks_absent(tiny_model: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-1005, -995, (20, 20, 20)).astype(np.int16)
    air = Volume(noise, np.diag([20.0, 20.0, 20.0, 1.0]))
    write_volume(air, tmp_path / "air.nrrd")
    write_landmarks(LandmarkSet((Landmark("head_top", np.array([9.0, 9.0, 9.0])),)), tmp_path / "air.csv")
    write_datalist([{"image": "air.nrrd", "landmarks": "air.csv", "subject": "a"}], tmp_path / "air.json")
    datalist = read_datalist(tmp_path / "air.json")
    model = load_model(tiny_model)
    found = predict(model, datalist.cases, tmp_path, tmp_path / "out", device="cpu")
    assert not any(landmark.is_present for landmark in found.landmarks[0])
