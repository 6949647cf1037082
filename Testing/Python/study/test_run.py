"""The study: every method compared, nothing done twice after a kill, and a report that says what it is of."""

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("anny", reason="synthetic bodies need anny")
pytest.importorskip("faiss", reason="the nearest neighbour search needs faiss")
pytest.importorskip("sklearn", reason="the random forest needs scikit-learn")

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import write_datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import Cancelled, InputError
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.study.accuracy import compare, depth_errors, interval, position_errors, table
from LandmarkDetectionLib.study.medical import patches_of_datalist
from LandmarkDetectionLib.study.presets import PRESETS, study_config
from LandmarkDetectionLib.study.regions import find_region
from LandmarkDetectionLib.study.report import write_report
from LandmarkDetectionLib.study.run import METHODS, StudyResult, run_study, with_data

PROGRAM = Path(__file__).with_name("tiny_study.py")


def _program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiny_study", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tiny = _program()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def result(folder: Path) -> StudyResult:
    found: StudyResult = tiny.run(folder)
    return found


@pytest.fixture(scope="module")
def report(folder: Path, result: StudyResult) -> Path:
    return write_report(result, folder)


def test_every_method_places_every_landmark_of_every_case(result: StudyResult) -> None:
    assert tuple(result.positions) == METHODS
    assert tuple(result.depths) == ("mean depth", "CNN(ft)", "CNN(syn)", "CNN(med)")
    cases, landmarks = len(result.medical), len(result.medical.names)
    assert (cases, landmarks) == (6, 2)
    assert all(found.shape == (cases, landmarks, 2) for found in result.positions.values())
    assert all(np.isfinite(found).all() for found in [*result.positions.values(), *result.depths.values()])


def test_no_subject_is_learned_from_and_tested(result: StudyResult) -> None:
    subjects = result.medical.subjects
    for fold in result.folds:
        assert not {subjects[n] for n in fold.train} & {subjects[n] for n in fold.test}


def test_a_finished_study_is_not_repeated(folder: Path, result: StudyResult) -> None:
    before = {path: path.stat().st_mtime_ns for path in (folder / "parts").rglob("*.npz")}
    again: StudyResult = tiny.run(folder)
    after = {path: path.stat().st_mtime_ns for path in (folder / "parts").rglob("*.npz")}
    assert before == after
    assert all(np.array_equal(again.positions[m], result.positions[m]) for m in METHODS)


def test_a_killed_study_goes_on_without_repeating_finished_parts(
    tmp_path: Path, result: StudyResult, repository: Path
) -> None:
    killed = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), "26"],
        env={**os.environ, "PYTHONPATH": str(repository)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    finished = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "parts").glob("*.done.json")}
    assert "positions CNN(syn) trained.done.json" in finished
    assert "depths CNN(med).done.json" not in finished
    again: StudyResult = tiny.run(tmp_path)
    for name, modified in finished.items():
        assert (tmp_path / "parts" / name).stat().st_mtime_ns == modified
    for method in METHODS:
        assert np.allclose(again.positions[method], result.positions[method], atol=1e-3)


def test_a_cancelled_study_keeps_what_was_finished(tmp_path: Path) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    with pytest.raises(Cancelled):
        run_study(tiny.CONFIG, tmp_path, workers=1, cancelled=stop)
    assert [path.name for path in (tmp_path / "parts").glob("*.done.json")] == ["medical.done.json"]
    # The training that was stopped is kept as well.
    assert list((tmp_path / "parts").glob("*.checkpoint"))


def test_a_folder_with_another_study_is_refused(folder: Path, result: StudyResult) -> None:
    with pytest.raises(InputError, match="holds a run with other settings"):
        run_study(tiny.CONFIG.model_copy(update={"seed": 2}), folder, workers=1)


def test_the_report_stands_alone_and_says_that_no_medical_image_was_used(report: Path) -> None:
    page = report.read_text()
    assert "No medical image was used" in page and "its figures mean nothing" in page
    assert "http" not in page.replace("http-equiv", "") and 'src="data:image/png;base64,' in page
    for word in ("CNN(ft)", "seed", "landmark-detection", "torch", "Schedules", "Times"):
        assert word in page


def test_the_report_brings_tables_and_figures(report: Path, result: StudyResult) -> None:
    folder = report.parent
    assert {path.name for path in (folder / "figures").iterdir()} == {
        "errors.png",
        "estimates.png",
        "distribution.png",
        "depth.png",
    }
    with (folder / "errors_px.csv").open() as file:
        rows = list(csv.DictReader(file))
    every = next(row for row in rows if (row["method"], row["landmark"]) == ("RF", "all"))
    assert float(every["mean"]) == pytest.approx(position_errors(result)["RF"].mean(), abs=1e-3)
    text = (folder / "report.md").read_text()
    assert "| CNN(ft) better than CNN(syn) |" in text and "![" in text
    record = json.loads((folder / "results.json").read_text())
    assert record["config"]["seed"] == tiny.CONFIG.seed
    assert set(record["tables"]) == {"errors_px", "errors_mm", "depth_errors_mm"}


def test_errors_are_distances_in_pixels_and_mm_of_depth(result: StudyResult) -> None:
    moved = result.medical.points[..., :2] + np.array([3.0, 4.0], np.float32)
    shifted = StudyResult(
        result.config, result.region, result.medical, {"RF": moved}, {}, result.folds, result.seconds
    )
    assert np.allclose(position_errors(shifted)["RF"], 5.0, atol=1e-4)
    assert depth_errors(shifted) == {}
    (_, _, every) = table(position_errors(shifted), result.medical.names)
    assert (every["mean"], every["deviation"], every["rmse"]) == pytest.approx((5.0, 0.0, 5.0), abs=1e-3)


def test_an_order_of_methods_holds_only_when_its_interval_says_so() -> None:
    rng = np.random.default_rng(0)
    subjects = [f"s{n // 2}" for n in range(40)]
    errors = {method: 10 + rng.random((40, 3)) for method in METHODS}
    errors["CNN(ft)"] = errors["CNN(ft)"] - 5
    errors["NN(syn)"] = errors["NN(syn)"] - 8
    verdicts = {(one.better, one.worse): one.verdict for one in compare(errors, subjects)}
    assert verdicts["CNN(ft)", "CNN(syn)"] == verdicts["CNN(ft)", "CNN(med)"] == "holds"
    assert verdicts["NN(med)", "NN(syn)"] == "does not hold"


def test_images_of_one_subject_do_not_count_as_many() -> None:
    values = np.repeat(np.random.default_rng(1).normal(0, 1, 10), 8)
    narrow = interval(values, [str(n) for n in range(80)])
    wide = interval(values, [str(n // 8) for n in range(80)])
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_the_papers_settings_are_a_preset() -> None:
    hand, body = (PRESETS["paper"][1][region] for region in ("hand", "body"))
    assert (hand.images_per_epoch, hand.synthetic.epochs, hand.fine_tuning.epochs) == (2_200_000, 30, 700)
    assert (hand.folds, body.folds, body.images_per_epoch) == ("three-fold", "leave-one-out", 600_000)
    with pytest.raises(InputError, match="preset 'papr' is unknown"):
        study_config("papr", "hand")


def test_a_datalist_is_brought_to_the_common_domain(
    tmp_path: Path, phantom: "tuple[Volume, LandmarkSet]", result: StudyResult
) -> None:
    volume, landmarks = phantom
    chosen = LandmarkSet(tuple(landmarks[name] for name in ("knee_left", "head_top", "knee_right")))
    write_volume(volume, tmp_path / "a.nrrd")
    write_landmarks(chosen, tmp_path / "a.mrk.json")
    row = {"image": "a.nrrd", "landmarks": "a.mrk.json", "subject": "a"}
    write_datalist([row], tmp_path / "data.json", "one phantom")
    datalist = read_datalist(tmp_path / "data.json")
    patches = patches_of_datalist(datalist, find_region("body"), (160, 76))
    # In the order of the protocol, whatever the order of the files.
    assert patches.names == ("head_top", "knee_right", "knee_left")
    assert patches.has_depth
    head, right, left = patches.points[0, :, :2]
    # The top of the head lies at the upper border of a patch that is cropped to the body, the left knee at
    # the picture's right.
    assert abs(head[1]) < 2
    assert right[0] < 38 < left[0]
    assert all(patches.silhouettes[0, int(row), int(column)] for column, row in (left, right))

    named = replace(result, config=with_data(tiny.CONFIG, datalist))
    page = write_report(named, tmp_path).read_text()
    assert "one phantom" in page and "No medical image" not in page


def test_landmarks_that_synthetic_images_lack_are_refused(
    tmp_path: Path, phantom: "tuple[Volume, LandmarkSet]"
) -> None:
    volume, landmarks = phantom
    renamed = LandmarkSet((replace(landmarks["head_top"], name="vertex"),))
    write_volume(volume, tmp_path / "a.nrrd")
    write_landmarks(renamed, tmp_path / "a.mrk.json")
    row = {"image": "a.nrrd", "landmarks": "a.mrk.json", "subject": "a"}
    write_datalist([row], tmp_path / "data.json")
    with pytest.raises(InputError, match="have no landmark vertex; name the landmarks"):
        patches_of_datalist(read_datalist(tmp_path / "data.json"), find_region("body"), (32, 16))
