"""Training: it learns, survives being killed, and ends in a model that detects."""

import importlib.util
import itertools
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("anny", reason="synthetic bodies need anny")
pytest.importorskip("lightning_fabric", reason="training needs lightning-fabric")
pytest.importorskip("tensorboard", reason="training needs tensorboard")

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.errors import Cancelled, InputError, MissingPackageError, OutputError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import load_model, validate_model
from LandmarkDetectionLib.synthesis.body.stream import Batch, BodyStream
from LandmarkDetectionLib.training.loop import learning_rate_factor, prefetch
from LandmarkDetectionLib.training.synthetic import tasks
from LandmarkDetectionLib.training.synthetic import train as synthetic_train
from LandmarkDetectionLib.training.synthetic.package import package_run
from LandmarkDetectionLib.training.synthetic.presets import NINE, PRESETS, TrainingConfig
from LandmarkDetectionLib.training.synthetic.tasks import make_task
from LandmarkDetectionLib.training.synthetic.train import train, trained_networks

PROGRAM = Path(__file__).with_name("tiny_training.py")


def _program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiny_training", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tiny = _program()
CONFIG: TrainingConfig = tiny.CONFIG


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    for (module, name), value in tiny.shrink().items():
        monkeypatch.setattr(module, name, value)


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    state = torch.load(checkpoint, weights_only=True)
    return {**state["task"], **{f"averaged {k}": v for k, v in state["averaged"].items()}}


class Run(NamedTuple):
    """A folder that was trained in, and the progress that was told."""

    folder: Path
    told: list[tuple[float, str]]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A training of forty steps."""
    run = Run(tmp_path_factory.mktemp("learned") / "run", [])
    config = CONFIG.model_copy(update={"steps": 40, "learning_rate": 5e-3})
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        train(config, run.folder, device="cpu", progress=lambda *call: run.told.append(call))
    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training as the tiny program does it, undisturbed: its folder."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        train(CONFIG, folder, device="cpu")
    return folder


def test_losses_fall(learned: Run) -> None:
    for name in ("coronal_position", "lateral_position"):
        losses = [float(re.search(rf"{name} (-?[\d.]+)", text)[1]) for _, text in learned.told]  # type: ignore[index]
        assert len(losses) == 40
        assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5]), name


def test_progress_rises_to_one_and_says_how_long_it_takes(learned: Run) -> None:
    fractions = [fraction for fraction, _ in learned.told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert "step 40/40" in learned.told[-1][1]
    assert "min left" in learned.told[-1][1]


def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    whole: Path, tmp_path: Path, repository: Path
) -> None:
    killed = tmp_path / "killed"
    answer = subprocess.run(
        [sys.executable, str(PROGRAM), str(killed), "5"],
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
    )
    assert answer.returncode == -signal.SIGKILL, answer.stderr.decode()
    assert torch.load(killed / "checkpoint.pt", weights_only=True)["step"] == 5

    config = CONFIG.model_copy(update={"checkpoint_minutes": 1e-9})
    first: list[str] = []
    resumed = train(config, killed, device="cpu", progress=lambda _, text: first.append(text))
    assert first[0].startswith("step 6/8")
    one, other = weights(whole / "checkpoint.pt"), weights(resumed)
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=0, atol=1e-6, msg=name)


def test_a_finished_run_is_not_trained_again(whole: Path) -> None:
    checkpoint = whole / "checkpoint.pt"
    before = checkpoint.read_bytes()
    train(CONFIG, whole, device="cpu")
    assert checkpoint.read_bytes() == before


def test_a_folder_with_other_settings_is_refused(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"steps": 1})
    train(config, tmp_path / "run", device="cpu")
    with pytest.raises(InputError, match="other settings"):
        train(config.model_copy(update={"seed": 2}), tmp_path / "run", device="cpu")
    with pytest.raises(InputError, match="holds a run already"):
        train(config, tmp_path / "run", device="cpu", resume=False)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        train(CONFIG, tmp_path / "file" / "run", device="cpu")


def test_cancelling_leaves_a_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    asked = itertools.count(1)
    with pytest.raises(Cancelled, match="after step 3 of 8; run it again to go on"):
        train(CONFIG, tmp_path / "run", device="cpu", cancelled=lambda: next(asked) == 3)
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"] == 3


@pytest.mark.parametrize("bad", [2, 4])
def test_a_batch_without_a_finite_loss_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: int
) -> None:
    """Also when it is the last one: the run ends with a checkpoint of sound weights."""
    sound = BodyStream.batch

    def batch(self: BodyStream, number: int) -> Batch:
        drawn = sound(self, number)
        if self.seed == CONFIG.seed and number == bad - 1:
            points = np.full_like(drawn.coronal.points, np.nan)
            return replace(drawn, coronal=replace(drawn.coronal, points=points))
        return drawn

    monkeypatch.setattr(BodyStream, "batch", batch)
    checkpoint = train(CONFIG.model_copy(update={"steps": 4}), tmp_path / "run", device="cpu")
    state = torch.load(checkpoint, weights_only=True)
    assert state["step"] == 4
    assert all(torch.isfinite(value).all() for value in state["task"].values())
    assert {int(s["step"]) for s in state["optimiser"]["state"].values()} == {3}


def test_pictures_and_metrics_are_kept_as_training_goes_on(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"steps": 4, "validate_every": 2})
    train(config, tmp_path / "run", device="cpu")
    pictures = sorted((tmp_path / "run" / "pictures").iterdir())
    assert [picture.name for picture in pictures] == ["step-0000002.png", "step-0000004.png"]
    with Image.open(pictures[0]) as picture:
        assert picture.size == (4 * 2 * 64, 2 * 128)
        colours = {colour for _, colour in picture.getcolors(1 << 24)}
    assert (0, 158, 115) in colours  # the truth
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert '"3D error mm"' in lines[0]
    assert list((tmp_path / "run" / "log").glob("events.*"))


def test_the_papers_learning_rate_falls_by_its_factor_after_every_epoch() -> None:
    config = PRESETS["paper-body"][1]
    steps = config.steps_per_epoch
    assert learning_rate_factor(0, config) == learning_rate_factor(steps - 1, config) == 1
    assert learning_rate_factor(steps, config) == pytest.approx(0.7943)
    assert learning_rate_factor(10 * steps, config) == pytest.approx(
        0.1, rel=1e-3
    )  # a tenth every ten epochs
    assert config.learning_rate * learning_rate_factor(config.steps - 1, config) == pytest.approx(
        1.26e-5, rel=0.01
    )


def test_the_cosine_schedule_warms_up_and_falls_to_zero() -> None:
    config = PRESETS["whole-body-skin"][1]
    factors = np.array([learning_rate_factor(step, config) for step in range(config.steps)])
    peak = factors.argmax()
    assert factors[peak] == 1
    assert 0.02 * config.steps < peak < 0.04 * config.steps
    assert (np.diff(factors[:peak]) > 0).all()
    assert (np.diff(factors[peak + 1 :]) < 0).all()
    assert factors[-1] < 1e-5


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_and_survives_its_own_json(preset: str) -> None:
    text, config = PRESETS[preset]
    assert text.endswith(".")
    assert TrainingConfig.model_validate_json(config.model_dump_json()) == config
    assert set(synthetic_train.landmark_names(config)) <= set(load_protocol(config.protocol).names)
    assert config.steps % config.validate_every == 0 or config.steps > config.validate_every


def test_the_papers_preset_has_its_nine_landmarks_and_thirty_epochs() -> None:
    config = PRESETS["paper-body"][1]
    assert len(synthetic_train.landmark_names(config)) == len(NINE) == 9
    assert config.steps / config.steps_per_epoch == 30
    assert config.steps_per_epoch * config.batch_size == 600_000
    assert config.whole_body_only


def test_a_landmark_the_protocol_lacks_is_named() -> None:
    with pytest.raises(InputError, match="no landmark tail"):
        synthetic_train.landmark_names(CONFIG.model_copy(update={"landmarks": ("tail", "chin")}))


@pytest.mark.parametrize("package", ["lightning_fabric", "torch.utils.tensorboard"])
def test_a_missing_package_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=r"repository: pip install \"\.\[train\]\""):
        train(CONFIG, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_batches_drawn_ahead_are_the_same_in_the_same_order() -> None:
    stream = BodyStream(("knee_left",), seed=3, batch_size=2, framing=tiny.shrink()[tasks, "UNIT_SIZE"])
    for number, batch in zip((4, 5, 6), prefetch(stream, iter((4, 5, 6))), strict=True):
        np.testing.assert_array_equal(batch.landmarks, stream.batch(number).landmarks)


def test_an_error_while_drawing_ahead_reaches_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: BodyStream, number: int) -> Batch:
        raise MemoryError("too many bodies")

    monkeypatch.setattr(BodyStream, "batch", fail)
    with pytest.raises(MemoryError, match="too many bodies"):
        next(prefetch(BodyStream(("knee_left",)), iter((1,))))


def test_a_folder_without_a_finished_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished training run"):
        trained_networks(tmp_path)


# ---- the paper's networks ----


@pytest.fixture
def regression() -> Any:
    torch.manual_seed(0)
    config = CONFIG.model_copy(update={"network": "regression_cnn", "optimiser": "sgd", "averaging": 0.0})
    return make_task(config, 3)


def test_the_papers_loss_is_half_the_squared_error_over_landmarks_in_the_scan(regression: Any) -> None:
    outputs = {"position": torch.tensor([[[0.1, 0.2], [0.3, 0.3]]]), "depth": torch.tensor([[1.0, 5.0]])}
    targets = {
        "position": torch.zeros(1, 2, 2),
        "depth": torch.tensor([[0.5, 0.0]]),
        "visible": torch.tensor([[True, False]]),
    }
    losses = regression.losses(outputs, targets)
    assert losses["position"].item() == pytest.approx(0.5 * (0.01 + 0.04))
    assert losses["depth"].item() == pytest.approx(0.5 * 0.25)


def test_the_papers_networks_learn_and_measure_in_pixels_and_mm(regression: Any) -> None:
    batch = BodyStream(CONFIG.landmarks or (), 1, 8, regression.framing, True).batch(0)
    optimiser = torch.optim.SGD(regression.parameters(), lr=0.01, momentum=0.9)
    images, targets = regression.prepare(batch)
    assert images["position"].shape == images["depth"].shape == (8, 1, 32, 16)
    assert targets["position"].abs().max() <= 0.52
    losses = []
    for _ in range(8):
        total = sum(regression.losses(regression(images), targets).values())
        optimiser.zero_grad()
        total.backward()  # type: ignore[union-attr]
        optimiser.step()
        losses.append(float(total.detach()))  # type: ignore[union-attr]
    assert losses[-1] < losses[0]
    regression.eval()
    measured = regression.measure(batch)
    assert set(measured) == {"coronal error px", "coronal error mm", "depth error mm", "3D error mm"}
    assert all(len(values) == batch.visible.sum() for values in measured.values())
    assert (measured["3D error mm"] >= measured["coronal error mm"]).all()


# ---- the finished model ----


def test_a_run_becomes_a_model_that_detects(
    learned: Run, tmp_path: Path, phantom: tuple[Volume, LandmarkSet]
) -> None:
    told: list[float] = []
    model = package_run(
        learned.folder,
        tmp_path / "tiny-body",
        name="tiny-body",
        batches=1,
        progress=lambda f, _: told.append(f),
    )
    assert told == sorted(told)
    assert validate_model(tmp_path / "tiny-body") == []
    assert model.protocol.names == ("head_top", "knee_right", "knee_left")
    assert model.reference is not None
    assert tuple(model.reference.landmarks) == model.protocol.names
    card = (tmp_path / "tiny-body" / "docs" / "README.md").read_text()
    assert "Not a medical device" in card
    assert "knee_left" in card

    loaded = load_model(tmp_path / "tiny-body")
    # So short a training is rightly not confident; the detector must run, so its word is taken.
    for curve in loaded.settings["calibration"].values():
        curve["shares"] = [max(0.5, share) for share in curve["shares"]]
    detection = detect(phantom[0], loaded, device="cpu")
    assert detection.landmarks.names == model.protocol.names
    assert detection.model == "tiny-body"


def test_a_protocol_restricted_to_some_landmarks_is_consistent(whole_body: Protocol) -> None:
    small = whole_body.restricted(("hip_left", "hip_right", "knee_left"))
    assert small.pairs == (("hip_left", "hip_right"),)
    assert small.lines == (("hip_left", "knee_left"),)
    assert set(small.names) == {"hip_left", "hip_right", "knee_left"}
