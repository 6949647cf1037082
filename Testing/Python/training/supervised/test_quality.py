"""A training says how good its model is, doubts one that learned nothing, and does not install it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import InputError, NotBetterError
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.models.registry import find_models
from LandmarkDetectionLib.training.supervised.cases import SupervisedCase
from LandmarkDetectionLib.training.supervised.model import (
    Lessons,
    MadeModel,
    NewModel,
    make_model,
    train_from_store,
)
from LandmarkDetectionLib.training.supervised.quality import HARDLY_BETTER, measure_quality
from Testing.examples.blob_data import SMALL_TRAINING, write_blob_data
from Testing.examples.store_cases import blob_cases, save_case

Command = Callable[..., Any]


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path / "models"))


def small_case(n: int, points: list[list[float]], content: tuple[int, int] = (40, 60)) -> SupervisedCase:
    """A case on a grid of 0.5 mm cells, as `measure_quality` looks at it."""
    places = np.array([points], float)
    known = np.isfinite(places).all(axis=-1)
    to_ras = np.diag([0.5, 0.5, 1.0, 1.0])
    return SupervisedCase(str(n), f"s{n}", Path(), to_ras, content, places, known, "mm")


def test_errors_are_compared_with_those_of_the_mean_shape() -> None:
    learned = [small_case(n, [[10.0 + n, 20.0], [30.0, 10.0]]) for n in (-1, 0, 1)]
    held_out = [small_case(n, [[10.0 + 4 * n, 20.0], [np.nan, np.nan]]) for n in range(6)]
    error = np.array([[0.5, np.nan]] * 6)
    quality = measure_quality(learned, held_out, error, np.full((6, 2), 0.9), 1.0, "mm")
    assert (quality.cases, quality.landmarks, quality.mean, quality.within) == (6, 6, 0.5, 1.0)
    assert quality.mean_shape == pytest.approx(np.mean([2.0 * n for n in range(6)]))
    assert (quality.low, quality.high) == (0.5, 0.5)
    assert not quality.doubt
    assert "Error on 6 cases held back: mean 0.5 mm (95 % interval 0.5 to 0.5)" in quality.sentences()[0]
    assert "the model's error is 10 % of that" in quality.sentences()[1]
    assert "100 % of 6 landmarks lie within 1 mm" in quality.sentences()[2]


def test_the_mean_shape_is_one_of_shares_so_that_images_may_differ_in_size() -> None:
    small, large = small_case(0, [[9.5, 9.5]], (20, 20)), small_case(1, [[39.5, 39.5]], (80, 80))
    quality = measure_quality([small], [large], np.array([[3.0]]), np.array([[0.1]]), 1.0, "mm")
    assert quality.mean_shape == pytest.approx(0.0, abs=1e-9) and quality.low is None
    assert "too few subjects for an interval" in quality.sentences()[0]


def test_nothing_measured_is_said() -> None:
    quality = measure_quality(
        [small_case(0, [[1.0, 1.0]])], [], np.empty((0, 1)), np.empty((0, 1)), 1.0, "mm"
    )
    assert quality.mean is None and "Nothing was measured" in quality.sentences()[0]


def trained(data: Datalist, out: Path, steps: int, **options: Any) -> MadeModel:
    return make_model(
        data,
        Lessons("scn-lite", SMALL_TRAINING | {"steps": steps}, shape=(64, 64)),
        NewModel("spots", **options),
        out,
        run={"device": "cpu"},
    )


def test_a_model_that_learned_says_so_in_its_card_and_is_installed(tmp_path: Path) -> None:
    data = read_datalist(
        write_blob_data(tmp_path / "data", 24, splits={"val": 6, "test": 3}), missing="allow"
    )
    made = trained(data, tmp_path / "run", 130)
    share = made.quality.share_of_mean_shape
    assert share is not None and share < HARDLY_BETTER and made.installed and not made.quality.doubt
    assert made.quality.cases == 6 and made.quality.low is not None
    model = load_model("spots")
    assert model.metadata["eval_metrics"]["held back"] == made.quality.to_record()
    card = (model.path / "docs" / "README.md").read_text()
    assert all(sentence in card for sentence in made.quality.sentences())
    assert (
        "| splits | Learned from: train (15); held back and measured: val (6); not touched: test (3)." in card
    )


def test_a_model_that_learned_nothing_is_doubted_and_only_installed_when_asked(tmp_path: Path) -> None:
    data = read_datalist(write_blob_data(tmp_path / "data", 12, splits={"val": 6}), missing="allow")
    made = trained(data, tmp_path / "run", 2)
    assert "hardly better than putting every landmark where it lies on average" in made.quality.doubt
    assert not made.installed and "spots" not in find_models() and made.files[0].is_dir()
    assert made.quality.doubt in (made.files[0] / "docs" / "README.md").read_text()
    assert trained(data, tmp_path / "run", 2, install=True).installed
    assert "spots" in find_models()


def test_a_first_model_of_a_store_that_learned_nothing_is_refused(tmp_path: Path) -> None:
    from LandmarkDetectionLib.datasets.annotations import AnnotationStore

    store = AnnotationStore(tmp_path / "store")
    for case in blob_cases(tmp_path / "images", 9):
        save_case(store, case)
    with pytest.raises(NotBetterError, match="The model is hardly better"):
        train_from_store(store.path, "first", changes=SMALL_TRAINING | {"steps": 1}, device="cpu")
    assert "first" not in find_models()


def flipped(path: Path) -> None:
    """Count the rows of every table from the bottom, as programs of morphometrics do."""
    for row in json.loads(path.read_text())["cases"]:
        file = path.parent / row["landmarks"]
        lines = ["name,x,y,z"]
        for mark in read_landmarks(file):
            x, y, _ = mark.position
            lines.append(f"{mark.name},{x},{-63 * 0.5 - y},0")
        file.write_text("\n".join(lines) + "\n")


def test_the_command_says_how_good_the_model_is_in_its_last_lines(tmp_path: Path, cli: Command) -> None:
    path = write_blob_data(tmp_path / "data", 12, splits={"val": 6, "test": 1})
    flipped(path)
    words = ("train", "--data", path, "--name", "spots", "--steps", "2", "--batch-size", "2")
    words = (*words, "--shape", "64", "--shape", "64")
    answer = cli(*words, "--out", tmp_path / "run")
    assert answer.code == 0, answer.err
    assert "Learned from: train (5); held back and measured: val (6); not touched: test (1)." in answer.err
    *_, first, second, third, regions = answer.out.splitlines()
    assert "6 subjects held out are too few to promise 95 %" in regions
    assert first.startswith("Error on 6 cases held back: mean") and "interval" in first
    assert "on average" in second and "confidence" in third
    assert "Warning: The model is hardly better" in answer.err and "was not installed" in answer.err
    record = json.loads(cli(*words, "--out", tmp_path / "run", "--json", "--install").out)
    assert record["installed"] and record["doubt"] and record["held_back"]["cases"] == 6
    assert len(record["files"]) == 2


@pytest.mark.parametrize(
    "option", [("--raters", "all"), ("--no-install",), ("--install",), ("--learn-from", "a")]
)
def test_options_of_annotated_images_are_refused_without_them(
    tmp_path: Path, cli: Command, option: tuple[str, ...]
) -> None:
    answer = cli("train", "--out", tmp_path / "run", *option)
    assert answer.code == 2 and "give --data as well" in " ".join(answer.err.replace("│", " ").split())
    assert not (tmp_path / "run").exists()


def test_a_study_and_a_division_leave_test_sets_alone(tmp_path: Path, cli: Command) -> None:
    path = write_blob_data(tmp_path, 12, splits={"train": 8, "test1": 3, "held out": 1})
    data = read_datalist(path, missing="allow")
    assert {case.split for case in data.to_learn_from()} == {"train"}
    answer = cli("data", "split", path, "--out", tmp_path / "folds.json", "--folds", "2")
    assert answer.code == 0 and "4 cases of splits that are not learned from stay" in answer.err
    rows = json.loads((tmp_path / "folds.json").read_text())["cases"]
    assert [row["split"] for row in rows[8:]] == ["test1"] * 3 + ["held out"]
    assert {row["split"] for row in rows[:8]} == {"fold 1", "fold 2"}
    cli("data", "split", path, "--out", tmp_path / "anew.json", "--all", "--test", "0.3")
    rows = json.loads((tmp_path / "anew.json").read_text())["cases"]
    assert {row["split"] for row in rows} == {"train", "val", "test"}
    with pytest.raises(InputError, match="no case to learn from"):
        read_datalist(
            write_blob_data(tmp_path / "tests", 3, splits={"test": 3}), missing="allow"
        ).to_learn_from()
