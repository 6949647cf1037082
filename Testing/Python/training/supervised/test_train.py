"""From annotated images to a model that finds their landmarks, and what happens when things go wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.datasets.raters import case_landmarks
from LandmarkDetectionLib.detectors.dispatch import analyse, detect, look, preview
from LandmarkDetectionLib.detectors.settings import HeatmapSettings
from LandmarkDetectionLib.errors import Cancelled, InputError, ModelError, NoBodyError, TrainingError
from LandmarkDetectionLib.models import Model, load_model, validate_model
from LandmarkDetectionLib.quality.conformal import gaussian_radius, mahalanobis
from LandmarkDetectionLib.reporting.overlay import write_overlay
from LandmarkDetectionLib.training import loop
from LandmarkDetectionLib.training.supervised.augmentation import Augmentation
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.training.supervised.package import MILD, package_supervised, protocol_of
from LandmarkDetectionLib.training.supervised.plan import Split, divide, plan
from LandmarkDetectionLib.training.supervised.start import beginnings
from LandmarkDetectionLib.training.supervised.train import train_supervised, trained_task
from Testing.examples.blob_data import NAMES, SMALL_TRAINING, write_blob_data

SMALL: dict[str, Any] = {
    **SMALL_TRAINING,
    "augmentation": Augmentation(gamma=0.1, noise=0.05, cut=0.2),
}


def settle(data: Datalist, split: Split, **changes: Any) -> SupervisedConfig:
    shape = (64, 64) if len(data.cases[0].read_volume().voxels) == 1 else (24, 24, 24)
    return plan(data, split, "scn-lite", shape=shape, changes=SMALL | changes)


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Datalist:
    folder = tmp_path_factory.mktemp("flat")
    return read_datalist(write_blob_data(folder, count=20, splits={"val": 5}), missing="allow")


@pytest.fixture(scope="module")
def model(flat: Datalist, tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("run")
    split = divide(flat)
    config = settle(flat, split, steps=160)
    train_supervised(config, flat, split, folder, device="cpu")
    return package_supervised(folder, flat, split, folder / "blobs", name="blobs")


def test_the_model_finds_landmarks_of_images_it_has_not_seen(flat, model):
    errors = []
    for case in flat.of_split("val"):
        found = detect(case.read_volume(), model)
        (truth,) = case_landmarks(case, NAMES)
        errors += [
            np.linalg.norm(one.position - place) for one, place in zip(found.landmarks, truth, strict=True)
        ]
        assert all(one.status.has_position and one.covariance is not None for one in found.landmarks)
    assert np.mean(errors) < 0.5, "mm, that is one pixel"


def test_the_package_is_complete_and_holds_no_names_of_files(flat, model):
    assert validate_model(model.path) == []
    can = model.capabilities
    assert not can.of_outlines and can.single_images and not can.volumes and can.learns
    text = "".join(file.read_text() for file in model.path.rglob("*.json"))
    text += (model.path / "docs/README.md").read_text()
    assert "case00" not in text
    assert model.metadata["eval_metrics"]["mean"] < 1
    assert model.reference is not None and set(model.reference.landmarks) == set(NAMES)


def test_confidence_is_high_where_the_landmark_is_and_an_empty_image_has_none(flat, model):
    volume = flat.of_split("val")[0].read_volume()
    sure = [one.confidence for one in detect(volume, model).landmarks]
    assert min(sure) > 0.5
    noise = np.random.default_rng(0).normal(0, 0.15, volume.voxels.shape).astype(np.float32)
    try:
        found = [*detect(Volume(noise, volume.ijk_to_ras), model).landmarks]
    except NoBodyError:
        found = []
    detected = [one.confidence for one in found if one.status is Status.DETECTED]
    assert not detected or np.mean(detected) < min(sure)


def test_a_landmark_that_the_image_cuts_off_is_absent(flat, model):
    volume = flat.of_split("val")[0].read_volume()
    cut = Volume(volume.voxels[:, :36], volume.ijk_to_ras)
    found = detect(cut, model).landmarks
    assert found["wide"].status is not Status.DETECTED, "it lies at three quarters of the height"
    assert found["round"].status.has_position


def without_regions(model: Model, folder: Path) -> Model:
    """The package as it was before there were regions."""
    return changed(model, folder, lambda settings: settings.pop("regions"))


def changed(model: Model, folder: Path, change: Callable[[dict[str, Any]], Any]) -> Model:
    """A copy of a package with other settings."""
    shutil.copytree(model.path, folder)
    file = folder / "configs/metadata.json"
    content = json.loads(file.read_text())
    change(content["landmark_detection"]["settings"])
    file.write_text(json.dumps(content))
    return load_model(folder)


def test_the_spread_of_a_detection_is_the_region_of_the_images_held_back(flat, model, tmp_path):
    """Five subjects are too few for 95 %: the largest score is the size, and so all of theirs lie inside."""
    promised = model.settings["regions"]
    assert promised["subjects"] == 5 and promised["promised"] == pytest.approx(5 / 6)
    assert set(promised["own"].values()) == {5}
    distances = []
    for case in flat.of_split("val"):
        found = detect(case.read_volume(), model).landmarks
        (truth,) = case_landmarks(case, NAMES)
        offset = (found.positions - truth)[:, :2]
        distances.append(mahalanobis(offset, np.array([one.covariance for one in found])[:, :2, :2]))
    assert np.max(distances) == pytest.approx(gaussian_radius(0.95, 2), rel=0.02)
    card = (model.path / "docs/README.md").read_text()
    assert "5 subjects held out are too few to promise 95 %" in card and "83.3 % of images" in card


def test_a_package_of_before_regions_detects_as_it_did(flat, model, tmp_path):
    old = without_regions(model, tmp_path / "old")
    volume = flat.of_split("val")[0].read_volume()
    before, now = detect(volume, old).landmarks, detect(volume, model).landmarks
    regions = HeatmapSettings.of(model).regions
    cell = np.linalg.norm(analyse(volume, model).state.joint.frame.axes[:, 0])
    for one, other in zip(before, now, strict=True):
        assert np.array_equal(one.position, other.position)
        factor = regions.scale[one.name] / gaussian_radius(0.95, 2)
        plane = one.covariance[:2, :2] + regions.floor * cell**2 * np.eye(2)
        assert other.covariance[:2, :2] == pytest.approx(plane * factor**2)


def test_corrections_begin_with_the_spread_that_was_calibrated(flat, model, tmp_path):
    volume = flat.of_split("val")[0].read_volume()
    deviations = []
    for one in (model, without_regions(model, tmp_path / "old")):
        joint = analyse(volume, one).state.joint
        deviations.append(joint.answer.observed.deviation * joint.frame.mm)
    found = detect(volume, model).landmarks
    variance = np.array([np.diagonal(one.covariance)[:2] for one in found])
    assert deviations[0] == pytest.approx(np.sqrt(variance))
    assert not np.allclose(deviations[0], deviations[1])


def test_confidence_and_status_follow_the_regions(flat, model, tmp_path):
    def widen(settings: dict[str, Any]) -> None:
        settings["regions"]["scale"] = {name: 50 * one for name, one in settings["regions"]["scale"].items()}

    volume = flat.of_split("val")[0].read_volume()
    sure = detect(volume, model).landmarks
    unsure = detect(volume, changed(model, tmp_path / "wide", widen)).landmarks
    assert {one.status for one in sure} == {Status.DETECTED}
    assert {one.status for one in unsure} == {Status.UNCERTAIN}
    assert all(one.confidence < other.confidence for one, other in zip(unsure, sure, strict=True))


def test_a_region_that_lacks_a_landmark_is_refused(flat, model, tmp_path):
    broken = changed(model, tmp_path / "broken", lambda settings: settings["regions"]["scale"].pop("tall"))
    with pytest.raises(ModelError, match="regions lacks tall"):
        detect(flat.cases[0].read_volume(), broken)


def test_a_landmark_is_found_again_near_a_click(flat, model):
    case = flat.of_split("val")[0]
    analysis = analyse(case.read_volume(), model)
    here = analysis.detection.landmarks["round"]
    again = analysis.locate_near("round", here.position + np.array([0.6, -0.4, 0]))
    assert np.linalg.norm(again.position - here.position) < 0.5


def test_the_picture_shows_the_radiograph(flat, model, tmp_path):
    volume = flat.of_split("val")[0].read_volume()
    analysis = analyse(volume, model)
    write_overlay(analysis.detection, analysis.views, model.protocol, tmp_path / "seen.png")
    assert (tmp_path / "seen.png").stat().st_size > 5000
    assert look(volume, model).titles == ("the image",)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"threshold": 3.0}, "has no threshold"),
        ({"depth": "mean"}, "leave out the depth method"),
        ({"channels": True}, "needs 1 image per case, not 2"),
    ],
)
def test_options_that_the_model_has_not_are_refused(flat, model, options, sentence):
    volume = flat.cases[0].read_volume()
    if options.get("channels"):
        options = {"channels": [volume]}
    with pytest.raises(InputError, match=sentence):
        detect(volume, model, **options)


def test_there_is_no_threshold_to_preview(flat, model):
    with pytest.raises(InputError, match="no threshold to choose"):
        preview(flat.cases[0].read_volume(), model)


def test_a_volume_is_refused_by_a_model_of_radiographs(model):
    with pytest.raises(InputError, match="is a volume, but a single image is needed"):
        detect(Volume(np.zeros((8, 8, 8)), np.eye(4)), model)


def test_a_model_of_volumes_is_trained_and_used_the_same_way(tmp_path):
    data = read_datalist(
        write_blob_data(tmp_path / "data", count=10, shape=(24, 24, 24), spacing=2.0, splits={"val": 2}),
        missing="allow",
    )
    split = divide(data)
    parameters = SMALL["parameters"] | {"spatial_pooling": 2}
    config = settle(data, split, steps=120, batch_size=2, parameters=parameters, augmentation=MILD)
    train_supervised(config, data, split, tmp_path / "run", device="cpu")
    model = package_supervised(tmp_path / "run", data, split, tmp_path / "solid", name="solid")
    case = split.held_out[0]
    analysis = analyse(case.read_volume(), model)
    found = analysis.detection
    (truth,) = case_landmarks(case, NAMES)
    assert np.linalg.norm(found.landmarks.positions - truth, axis=1).mean() < 1.5, "mm, less than a voxel"
    again = analysis.locate_near(NAMES[0], truth[0] + [2.0, -2.0, 1.0])
    assert model.capabilities.finds_near
    assert np.linalg.norm(again.position - found.landmarks[NAMES[0]].position) < 2.0
    write_overlay(found, analysis.views, model.protocol, tmp_path / "seen.png")
    assert look(case.read_volume(), model).titles == ("from the front", "from the left")


def test_several_images_of_a_case_are_learned_from_together(tmp_path):
    data = read_datalist(write_blob_data(tmp_path / "data", count=8, channels=2), missing="allow")
    split = divide(data)
    config = settle(data, split, steps=6)
    assert config.channels == 2
    train_supervised(config, data, split, tmp_path / "run", device="cpu")
    model = package_supervised(tmp_path / "run", data, split, tmp_path / "two", name="two")
    first, second = data.cases[0].read_channels()
    with pytest.raises(InputError, match="needs 2 images per case, not 1"):
        detect(first, model)
    try:
        detect(first, model, channels=[second])
    except NoBodyError:
        pass  # six steps teach nothing; the images were taken


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(flat, tmp_path):
    split = divide(flat)
    config = settle(flat, split, steps=8)
    train_supervised(config, flat, split, tmp_path / "whole", device="cpu")
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked == 4

    with pytest.raises(Cancelled, match="after step 4 of 8"):
        train_supervised(config, flat, split, tmp_path / "parts", device="cpu", cancelled=stop)
    with pytest.raises(InputError, match="4 of 8 steps are done"):
        trained_task(tmp_path / "parts")
    train_supervised(config, flat, split, tmp_path / "parts", device="cpu")
    whole, parts = (trained_task(tmp_path / name)[1].state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_scns_own_loss_learns_a_width_and_tells_what_is_there(flat, tmp_path):
    split = divide(flat)
    config = settle(flat, split, steps=160, loss="scn", sigma=2.0, clip_gradient=1e4)
    train_supervised(config, flat, split, tmp_path, device="cpu")
    model = package_supervised(tmp_path, flat, split, tmp_path / "scn", name="scn")
    assert model.settings["heatmaps"] == "gaussian"
    assert all(value != 2.0 for value in model.settings["sigma"].values()), "learned"
    case = split.held_out[0]
    (truth,) = case_landmarks(case, NAMES)
    found = detect(case.read_volume(), model).landmarks
    assert np.nanmedian(np.linalg.norm(found.positions - truth, axis=1)) < 1.0


def test_another_config_does_not_go_on_in_the_same_folder(flat, tmp_path):
    split = divide(flat)
    train_supervised(settle(flat, split, steps=2), flat, split, tmp_path, device="cpu")
    with pytest.raises(InputError, match="other settings"):
        train_supervised(settle(flat, split, steps=3), flat, split, tmp_path, device="cpu")


def test_a_run_of_before_a_setting_was_there_goes_on(flat, tmp_path):
    split = divide(flat)
    config = settle(flat, split, steps=2)
    train_supervised(config, flat, split, tmp_path, device="cpu")
    stored = json.loads((tmp_path / "config.json").read_text())
    assert stored.pop("members") == 1
    (tmp_path / "config.json").write_text(json.dumps(stored))
    assert train_supervised(config, flat, split, tmp_path, device="cpu").is_file()


def test_several_networks_learn_side_by_side_and_become_one_model(flat, tmp_path):
    split = divide(flat)
    config = settle(flat, split, steps=4, members=2)
    train_supervised(config, flat, split, tmp_path, device="cpu")
    model = package_supervised(tmp_path, flat, split, tmp_path / "pair", name="pair")
    assert model.networks["heatmap"].architecture == "ensemble"
    assert f"2 times {config.architecture}" in (tmp_path / "pair" / "docs" / "README.md").read_text()
    found = detect(split.held_out[0].read_volume(), model).landmarks
    assert found.names == config.landmarks


def test_progress_pictures_and_figures_are_kept_on_the_way(flat, tmp_path):
    split = divide(flat)
    config = settle(flat, split, steps=4, validate_every=2)
    train_supervised(config, flat, split, tmp_path, device="cpu")
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4] and all(row["error"] > 0 for row in rows)
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2


class Exploding(torch.nn.Module):
    """A loss that is not finite from a certain call on, for some calls or for ever."""

    def __init__(self, first: int, last: float) -> None:
        super().__init__()
        self.calls, self.first, self.last = 0, first, last

    def forward(self, output: Any, points: Any, present: Any, known: Any) -> torch.Tensor:
        self.calls += 1
        loss: torch.Tensor = (output.heatmaps**2).mean()
        return loss * float("nan") if self.first <= self.calls <= self.last else loss


def test_a_training_recovers_from_losses_that_are_not_finite(flat, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "DIVERGED_AFTER", 3)
    split = divide(flat)
    said: list[str] = []
    train_supervised(
        settle(flat, split, steps=9),
        flat,
        split,
        tmp_path,
        loss=Exploding(3, 5),
        device="cpu",
        progress=lambda _fraction, text: said.append(text),
    )
    assert any("diverged; going on from step 0 with half the rate" in text for text in said)
    weights = trained_task(tmp_path)[1].state_dict()
    assert all(torch.isfinite(value).all() for value in weights.values())


def test_a_training_that_keeps_diverging_says_so(flat, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "DIVERGED_AFTER", 3)
    split = divide(flat)
    with pytest.raises(TrainingError, match="diverged at step"):
        train_supervised(
            settle(flat, split, steps=9), flat, split, tmp_path, loss=Exploding(2, np.inf), device="cpu"
        )


def test_a_protocol_is_made_of_names_or_cut_to_them():
    made = protocol_of(("b", "a"), None, "My data!")
    assert made.names == ("b", "a") and made.name == "my-data"
    cut = protocol_of(("a",), made.model_copy(update={"pairs": (("a", "b"),)}), "My data")
    assert cut.names == ("a",) and cut.pairs == ()
    assert protocol_of(("a", "b"), made, "My data").names == ("a", "b"), "the order of the network's outputs"
    with pytest.raises(InputError, match="does not define c"):
        protocol_of(("c", "a"), made, "My data")


def test_the_command_trains_installs_and_detects(flat, cli, tmp_path, monkeypatch):
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path / "models"))
    out = tmp_path / "run"
    answer = cli(
        *("train", "--data", flat.path, "--out", out, "--name", "mine", "--steps", "2", "--batch-size", "2"),
        *("--shape", "64", "--shape", "64", "--limit", "4", "--json", "--install"),
    )
    assert answer.code == 0, answer.err
    files = [Path(file) for file in json.loads(answer.out)["files"]]
    assert files[0].name == "mine" and all(file.is_dir() for file in files)
    assert load_model("mine").metadata["training"]["limit"] == 4
    assert beginnings(flat.landmark_names) == ["mine"] and beginnings(("chin",)) == []
    again = cli(
        *("train", "--data", flat.path, "--out", tmp_path / "again", "--steps", "1", "--batch-size", "2"),
        *("--shape", "64", "--shape", "64", "--limit", "4", "--no-install"),
    )
    assert "mine finds the same landmarks; --from mine begins with what it has learned" in again.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--limit", "3"], "give --data as well"),
        (["--data", "nowhere.json"], "nowhere.json"),
        (["--data", "DATA", "--network", "silhouette_unet"], "choose a --preset"),
        (["--data", "DATA", "--preset", "nothing"], "no preset 'nothing'"),
        (["--data", "DATA", "--held-back", "fold 7"], "no split 'fold 7'"),
        (["--data", "DATA", "--protocol", "nothing"], "no protocol 'nothing'"),
    ],
)
def test_wrong_words_are_one_sentence(flat, cli, tmp_path, words, sentence):
    words = [str(flat.path) if word == "DATA" else word for word in words]
    answer = cli("train", "--out", tmp_path / "run", *words)
    assert answer.code != 0 and sentence in " ".join(answer.err.replace("│", " ").split())
    assert "Traceback" not in answer.err
