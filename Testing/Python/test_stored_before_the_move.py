"""What was stored when the modules of the library had other names still opens and goes on.

``Testing/examples/before_the_move.zip`` was written by the commands and functions of that time: a model, a
training that was killed after five of its eight steps, a cohort with one case, an annotation store, a
detection and a review.
"""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from LandmarkDetectionLib.cohort import State, read_cohort
from LandmarkDetectionLib.cohort.results.records import read_case
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.annotations import is_store, read_store
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.io.records import read_detection, read_review
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.models import load_model, validate_model


@pytest.fixture(scope="module")
def stored(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before")
    with zipfile.ZipFile(repository / "Testing" / "examples" / "before_the_move.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def scan(stored: Path) -> Volume:
    return read_volume(stored / "scans" / "body_0.nii.gz")


def test_no_stored_file_names_a_module_of_the_library(stored: Path) -> None:
    files = [file for file in stored.rglob("*") if file.is_file()]
    assert len(files) > 15
    assert not [file for file in files if b"LandmarkDetectionLib" in file.read_bytes()]


def test_a_model_still_detects_what_it_detected(stored: Path, scan: Volume) -> None:
    validate_model(stored / "tiny-model")
    model = load_model(stored / "tiny-model")
    (record,) = (stored / "cohort" / "cases").glob("*/tiny-model/detection.json")
    then, now = read_detection(record), detect(scan, model, device="cpu")
    assert now.landmarks.names == then.landmarks.names
    for old, new in zip(then.landmarks, now.landmarks, strict=True):
        assert new.position == pytest.approx(old.position, abs=0.1)


def test_a_killed_training_goes_on(stored: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anny", reason="synthetic bodies need anny")
    from LandmarkDetectionLib.training.synthetic.train import train, trained_networks

    program = repository / "Testing" / "Python" / "training" / "synthetic" / "tiny_training.py"
    spec = importlib.util.spec_from_file_location("tiny_training", program)
    assert spec is not None
    assert spec.loader is not None
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    for (module, name), value in tiny.shrink().items():
        monkeypatch.setattr(module, name, value)
    said: list[str] = []
    config = tiny.CONFIG.model_copy(update={"checkpoint_minutes": 1e-9})
    train(config, stored / "run", device="cpu", progress=lambda _, text: said.append(text))
    assert said[0].startswith("step 6/8")
    assert trained_networks(stored / "run")[1] == tiny.CONFIG.landmarks


def test_a_cohort_is_read_and_not_done_again(stored: Path, repository: Path) -> None:
    cohort = read_cohort(stored / "cohort")
    (key,) = cohort.keys()
    case = read_case(cohort.folder, key)
    assert [outcome.state for outcome in case.outcomes] == [State.DONE]
    words = ["batch", "scans", "--out", "cohort", "--model", "tiny-model", "--workers", "1", "--no-pictures"]
    answer = subprocess.run(
        [sys.executable, "-m", "LandmarkDetectionLib", *words, "--moved"],
        cwd=stored,
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    # Recognised by its content: nothing was detected again.
    assert read_case(cohort.folder, key).outcomes == case.outcomes


def test_annotations_are_cases_to_learn_from(stored: Path) -> None:
    assert is_store(stored / "store")
    cases = read_store(stored / "store").cases
    assert [case.read_volume().voxels.shape for case in cases] == [(1, 24, 24)] * 2
    assert all(len(case.read_landmarks()) == 3 for case in cases)


def test_a_detection_and_a_review_are_what_they_were(stored: Path) -> None:
    detection, review = read_detection(stored / "detection.json"), read_review(stored / "review.json")
    assert [one.status for one in detection.landmarks] == [Status.UNCERTAIN, Status.DETECTED, Status.ABSENT]
    assert detection.warnings == ("The knee right is cut off.",)
    assert detection.doubts[0].landmarks == ("knee_right",), "its sentence is all that an old record has"
    assert [one.status for one in review.landmarks] == [Status.CORRECTED, Status.MISSING, Status.ABSENT]
    assert review.landmarks["head_top"].position.tolist() == [1, 2, 9]
    assert review.prediction.landmarks["head_top"].position.tolist() == [1, 2, 3]
