"""Corrections make a model better, or it stays; whatever happens, one whole model is in use."""

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.datasets.annotations import AnnotationStore
from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.errors import Cancelled, InputError, ModelError
from LandmarkDetectionLib.models import (
    go_back,
    load_model,
    model_versions,
    parent_version,
    user_model_folder,
    validate_model,
)
from LandmarkDetectionLib.models.learned_from import DataSource, note_data, noted_data
from LandmarkDetectionLib.training.finetuning import finetune
from LandmarkDetectionLib.training.finetuning.comparison import (
    ModelComparison,
    PairedErrors,
    compare,
    comparison_from_record,
)
from LandmarkDetectionLib.training.finetuning.data import accepted, gather
from LandmarkDetectionLib.training.finetuning.finetune import fine_tune
from LandmarkDetectionLib.training.finetuning.task import FineTuningTask, mixed
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from Testing.examples.fine_tuning_cases import NAME, STEPS, blob_models, make_store
from Testing.examples.store_cases import PROTOCOL, save_case

SHIFT = 2.0  # mm, that is four pixels


@pytest.fixture(scope="module")
def made(once) -> tuple[Datalist, Path]:
    return blob_models(once)


@pytest.fixture(scope="module")
def data(made: tuple[Datalist, Path]) -> Datalist:
    return made[0]


@pytest.fixture(scope="module")
def trained(made: tuple[Datalist, Path]) -> Path:
    """A folder of models with the model trained on the first images."""
    return made[1]


@pytest.fixture(scope="module")
def store(data: Datalist, tmp_path_factory: pytest.TempPathFactory) -> AnnotationStore:
    """People mean another place than the model has learned."""
    return make_store(data, tmp_path_factory.mktemp("kept") / "store", SHIFT)


@pytest.fixture(autouse=True)
def models(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The model as it was trained, for each test anew."""
    folder = tmp_path / "models"
    shutil.copytree(trained, folder)
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(folder))
    yield folder


def tune(store: AnnotationStore, **options: Any) -> Any:
    # What people mean has changed, so the earlier data would contradict them.
    return fine_tune(NAME, store.path, **{"steps": STEPS, "device": "cpu", **options})


@pytest.fixture(scope="module")
def tuned(trained, store, tmp_path_factory) -> tuple[Any, Path]:
    """What a fine-tuning gave back, and the folder of models after it."""
    folder = tmp_path_factory.mktemp("tuned") / "models"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns(".learned-from"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANDMARK_DETECTION_MODELS", str(folder))
        return tune(store), folder


def use_models_of(tuned, models) -> None:
    """Take the tuned models in the place of those that a test begins with."""
    shutil.rmtree(models)
    shutil.copytree(tuned[1], models)


def test_a_model_that_learned_from_corrections_is_better_and_in_use(tuned, store, models):
    use_models_of(tuned, models)
    done, _ = tuned
    found = done.comparison.held_out
    assert done.comparison.is_better and found.new < 0.5 * found.old and found.high < 0, done.comparison
    assert (found.cases, found.landmarks, found.unit) == (5, 15, "mm")
    new = load_model(NAME)
    assert new.version == done.new.version == "1.1.0" and parent_version(new) == "1.0.0"
    assert validate_model(new.path) == []
    assert new.metadata["parent"]["sha256"]["heatmap"] == done.old.networks["heatmap"].sha256
    learned = {one.id for one in store.current() if one.split == "train"}
    assert set(new.metadata["fine_tuning"]["annotations"]) == learned
    card = (new.path / "docs" / "README.md").read_text()
    assert "beginning with blobs 1.0.0" in card and all(one in card for one in learned)
    assert "case1" not in card + (new.path / "configs" / "metadata.json").read_text(), "no names of files"
    assert not list((models / ".fine-tuning").iterdir()), "tidied up"
    assert [Path(one.path) for one in noted_data(new)] == [store.path]
    assert go_back(NAME).version == "1.0.0"


def test_earlier_data_are_learned_from_again_except_what_the_store_has(data, tmp_path):
    store = make_store(data, tmp_path / "store", count=15)
    model = load_model(NAME)
    before = gather(model, store.path, noted_data(model), lambda *_: None)
    assert (len(before.earlier.training), len(before.earlier.held_out)) == (8, 4)
    assert (len(before.new.training), len(before.new.held_out)) == (10, 5)
    save_case(store, data.cases[6])
    after = gather(model, store.path, noted_data(model), lambda *_: None)
    assert len(after.earlier.training) == 7 and len(after.new.training) == 11
    assert before.digest() != after.digest()
    gone = gather(model, store.path, (DataSource(str(tmp_path / "gone.json")),), lambda *_: None)
    assert gone.earlier.training == () and "no longer there" in gone.warnings[-1]


def test_every_file_of_landmarks_and_every_image_is_read_once(store, models, data, monkeypatch):
    """Whatever is learned from and compared on; earlier data are at hand, too."""
    from LandmarkDetectionLib.datasets import cases
    from LandmarkDetectionLib.datasets.annotations import store as stores

    read: Counter[tuple[str, str]] = Counter()

    def counted(module: Any, name: str) -> None:
        original = getattr(module, name)

        def count(path: Any, *args: Any, **options: Any) -> Any:
            read[name, str(Path(path).absolute())] += 1
            return original(path, *args, **options)

        monkeypatch.setattr(module, name, count)

    counted(stores, "read_annotation")
    counted(stores, "read_volume")
    counted(cases, "read_recorded_landmarks")
    counted(cases, "read_volume")
    tune(store, steps=2)
    count = {kind: [n for (of, _), n in read.items() if of == kind] for kind, _ in read}
    assert count["read_annotation"] == [1] * len(store.history())
    assert count["read_recorded_landmarks"] == [1] * 12, (
        "of the data it learned from; a store's are annotations"
    )
    assert count["read_volume"] == [1] * (12 + 18)


def test_a_model_that_becomes_worse_on_earlier_data_is_refused():
    better = PairedErrors(9, 9, "mm", 2.0, (1.5, 2.5), 1.0, (0.5, 1.5), -1.0, -1.4, -0.6)
    alike = replace(better, new=2.1, difference=0.1, low=-0.1, high=0.5)
    assert ModelComparison(better, alike).is_better
    for worse in (replace(alike, low=0.01), replace(alike, new=2.3, difference=0.3)):
        comparison = ModelComparison(better, worse)
        assert comparison.forgets and not comparison.is_better
        assert "has become worse on what the old one knew" in comparison.sentence()


def test_wrong_corrections_are_refused_with_numbers_and_not_learned_from_again(
    data, tmp_path, cli, monkeypatch
):
    wrong = make_store(data, tmp_path / "wrong", wrong_mm=6.0)
    before = load_model(NAME)
    words = ("finetune", NAME, wrong.path, "--steps", STEPS, "--device", "cpu", "--quiet")
    answer = cli(*words)
    assert answer.code == 10
    assert "not shown to be better, so the old one stays" in answer.err and " mm (" in answer.err
    assert load_model(NAME).path == before.path and len(model_versions(NAME)) == 1
    # What was refused is not learned again, only answered again.
    monkeypatch.setattr(finetune, "_learn", None)
    record = json.loads(cli(*words, "--json").out)
    assert record["new version"] is None and record["held back"]["high"] >= 0
    assert not list(user_model_folder().glob(".fine-tuning/*/cases"))


def test_too_few_held_back_cases_are_refused_before_anything_is_learned(data, tmp_path):
    few = make_store(data, tmp_path / "few", count=6)
    with pytest.raises(InputError, match=r"holds back 2 cases; .* 5 are needed: annotate 15 cases"):
        tune(few)


def test_models_of_outlines_cannot_be_fine_tuned(store, cli):
    answer = cli("finetune", "whole-body-ct", store.path)
    assert answer.code == 4 and "only models of grey values can" in answer.err


def test_a_model_that_is_only_a_folder_is_refused(store, models):
    path = load_model(NAME).path
    moved = path.rename(path.parent.parent / "elsewhere")
    with pytest.raises(ModelError, match="No model 'blobs' is installed"):
        fine_tune(str(moved), store.path, device="cpu")


def test_landmarks_that_the_model_lacks_are_refused(data, tmp_path):
    from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
    from LandmarkDetectionLib.core.protocol import protocol_of_names
    from LandmarkDetectionLib.datasets.annotations.foreign import review_of_landmarks

    other = AnnotationStore(tmp_path / "other")
    case = data.cases[0]
    review = review_of_landmarks(LandmarkSet((Landmark("ear", [-5, -5, 0], Status.CORRECTED),)))
    protocol = protocol_of_names(("ear",), "Ears")
    other.save(review, case.read_volume(), case.image_files[0], protocol=protocol)
    with pytest.raises(InputError, match="blobs does not find: ear"):
        tune(other)


def test_a_cancelled_fine_tuning_goes_on_to_the_same_weights(store, models, tmp_path):
    shutil.rmtree(models / ".learned-from")
    options = {"steps": 12, "changes": {}}
    whole = tune(store, run=tmp_path / "whole", **options)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == 5

    if whole.new is not None:
        go_back(NAME)
        shutil.rmtree(models / ".versions")
    with pytest.raises(Cancelled, match="after step 5 of 12"):
        tune(store, run=tmp_path / "parts", cancelled=stop, **options)
    assert load_model(NAME).version == "1.0.0"
    parts = tune(store, run=tmp_path / "parts", **options)
    assert parts.comparison == whole.comparison


def test_a_model_made_better_twice_names_both_parents(tuned, store, models):
    use_models_of(tuned, models)
    first = load_model(NAME)
    assert first.metadata["training"] == load_model(f"{NAME}@1.0.0").metadata["training"], (
        "no ever lower rate"
    )
    again = tune(store, changes={"learning_rate": 1e-5}, steps=2)
    assert again.old.version == "1.1.0"
    assert again.new is None or parent_version(again.new) == "1.1.0"


def test_what_a_model_learned_from_is_noted_under_the_names_of_before():
    model, source = load_model(NAME), DataSource("data.json", "fold 1", 3, ("a", "b"))
    note_data(model, (source,))
    (file,) = user_model_folder().glob(".learned-from/*")
    entry = {"held_back": "fold 1", "path": "data.json", "seed": 3, "learn_from": ["a", "b"]}
    assert json.loads(file.read_text()) == {"data": [entry]}
    assert noted_data(model) == (source,)


# --- parts ----------------------------------------------------------------------------------------------


def config() -> SupervisedConfig:
    training: Any = load_model(NAME).metadata["training"]
    return SupervisedConfig.model_validate({**training, "training_cases": (), "held_back_cases": ()})


def test_the_anchor_costs_nothing_at_the_start_and_holds_the_weights_near_it():
    def distance_after_steps(anchor: float) -> float:
        torch.manual_seed(0)
        task = FineTuningTask(config(), load_model(NAME), anchor)
        optimiser = torch.optim.SGD(task.parameters(), lr=0.01)
        images = torch.randn(2, 1, 64, 64)
        targets = {
            "points": torch.full((2, 3, 2), 3.0),
            "present": torch.ones(2, 3, dtype=torch.bool),
            "known": torch.ones(2, 3, dtype=torch.bool),
        }
        for _ in range(25):
            optimiser.zero_grad()
            sum(task.losses(task(images), targets).values()).backward()
            optimiser.step()
        free = FineTuningTask(config(), load_model(NAME)).network.state_dict()
        return float(
            sum((value - free[key]).square().sum() for key, value in task.network.state_dict().items())
        )

    task = FineTuningTask(config(), load_model(NAME), 1.0)
    assert float(task.distance().detach()) == 0.0
    assert not any("start" in key for key in task.state_dict()), "the checkpoint is that of any training"
    # Steps as small as these find their way; larger ones jump over the start to the other side.
    # An anchor of 10 left 0.50 of the distance, too near to the limit; this one leaves 0.36.
    assert distance_after_steps(20.0) < 0.5 * distance_after_steps(0.0)


def test_half_of_a_batch_are_corrections():
    class Stream:
        def __init__(self, cases: str, size: int) -> None:
            self.name, self.size = cases, size

    def sizes(earlier: str, batch: int) -> list[tuple[str, int]]:
        return [(one.name, one.size) for one in mixed("new", earlier, Stream, batch).streams]

    assert sizes("old", 4) == [("new", 2), ("old", 2)]
    assert sizes("old", 5) == [("new", 3), ("old", 2)]
    assert sizes("old", 1) == [("new", 1), ("old", 1)]
    assert sizes("", 4) == [("new", 4)]


def test_a_position_that_was_only_accepted_is_told_apart(data, tmp_path):
    store = AnnotationStore(tmp_path / "store")
    case = data.cases[0]
    review = Review.of(detect(case.read_volume(), load_model(NAME)))
    first, *others = review.landmarks.names
    review = review.accept(first)
    for name in others:
        review = review.correct(name, review.landmarks[name].position + 0.3)
    store.save(review, case.read_volume(), case.image_files[0], protocol=PROTOCOL)
    from LandmarkDetectionLib.datasets.annotations import read_store

    assert accepted(read_store(store.path).cases, review.landmarks.names).tolist() == [[True, False, False]]


def test_small_errors_from_accepted_positions_are_none_of_either_model():
    old, new = np.zeros((6, 1)), np.full((6, 1), 0.9)
    people = [str(n) for n in range(6)]
    assert compare(old, new, people, "mm", np.ones((6, 1))).difference == 0.0
    assert compare(old, new + 1, people, "mm", np.ones((6, 1))).difference == pytest.approx(0.9)


def test_a_difference_within_chance_is_not_better():
    rng = np.random.default_rng(0)
    people = [str(n) for n in range(8)]
    old = rng.uniform(1, 3, (8, 4))
    chance = compare(old, old + rng.normal(-0.05, 0.5, old.shape), people, "mm")
    sure = compare(old, old - rng.uniform(0.2, 0.4, old.shape), people, "mm")
    assert not ModelComparison(chance).is_better and ModelComparison(sure).is_better
    assert chance.low < chance.difference < chance.high
    again = comparison_from_record(json.loads(json.dumps(ModelComparison(sure, chance).to_record())))
    assert again == ModelComparison(sure, chance)


def test_landmarks_without_a_truth_say_nothing():
    old, new = np.ones((5, 2)), np.full((5, 2), 0.5)
    old[:, 1] = np.nan
    found = compare(old, new, list("abcde"), "mm")
    assert (found.landmarks, found.old, found.new) == (5, 1.0, 0.5)


# --- killed ---------------------------------------------------------------------------------------------

PROGRAM = """
import sys
from LandmarkDetectionLib.training.finetuning.finetune import fine_tune
fine_tune(
    sys.argv[1], sys.argv[2], steps=20, device="cpu",
    changes={"learning_rate": 4e-3, "checkpoint_minutes": 1e-9},
    progress=lambda share, text: print(f"{share:.3f}", flush=True),
)
"""


def test_a_process_killed_at_any_moment_leaves_a_whole_model_and_goes_on(store, models, repository):
    """Here at three moments; Testing/Benchmarks/killed_at_random.py does it at twenty."""
    shutil.rmtree(models / ".learned-from")
    command = [sys.executable, "-c", PROGRAM, NAME, str(store.path)]
    for moment in (0.3, 0.88, 0.955):
        process = subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if float(line) >= moment:
                break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert all(validate_model(one.path) == [] for one in model_versions(NAME))
        load_model(NAME).build_networks()
    done = subprocess.run(command, cwd=repository, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0
    shares = [float(line) for line in done.stdout.split()]
    assert not any(0.12 < share < 0.85 for share in shares), "what was learned was not learned again"
    assert all(validate_model(one.path) == [] for one in model_versions(NAME))
