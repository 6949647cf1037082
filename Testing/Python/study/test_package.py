"""A finished study ends in a model of one's own that detects."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anny", reason="synthetic images need anny")

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.models import load_model, validate_model
from LandmarkDetectionLib.networks.regression_cnn import RegressionCNN
from LandmarkDetectionLib.study.baselines.paper_cnn import save_network
from LandmarkDetectionLib.study.package import package_study
from LandmarkDetectionLib.study.parts import Parts
from LandmarkDetectionLib.study.patches import Patches
from LandmarkDetectionLib.study.presets import study_config
from LandmarkDetectionLib.study.schedules import Schedule

NAMES = {"body": ("head_top", "knee_left"), "hand": ("wrist", "thumb_tip")}


def finished_study(folder: Path, region: str) -> Path:
    """What a study leaves behind, with networks that learned nothing and cases of noise."""
    schedule = Schedule(epochs=1, optimiser="adamw", learning_rate=1e-4)
    config = study_config("tiny", region).model_copy(
        update={"landmarks": NAMES[region], "fine_tuning": schedule, "data": "Ours (0123)"}
    )
    folder.mkdir()
    (folder / "config.json").write_text(config.model_dump_json())
    rng = np.random.default_rng(0)
    cases, shape = 4, config.shape or (32, 32)
    medical = Patches(
        names=NAMES[region],
        silhouettes=rng.random((cases, *shape)) < 0.5,
        front=rng.normal(100, 20, (cases, *shape)).astype(np.float32),
        points=rng.uniform(0, 30, (cases, 2, 3)).astype(np.float32),
        spacing=np.full((cases, 2), 2.0, np.float32),
        cases=("a", "b", "c", "d"),
        subjects=("a", "b", "c", "d"),
    )
    parts = Parts(folder / "parts")
    parts.file("medical", ".npz", medical.save)
    for kind, outputs in (("positions", 4), ("depths", 2)):
        network = RegressionCNN(outputs, *shape)
        parts.file(
            f"{kind} CNN(syn) trained",
            ".safetensors",
            lambda path, network=network: save_network(network, path),
        )
    parts.arrays("positions CNN(ft)", lambda: {"predictions": medical.position_targets()})
    return folder


@pytest.mark.parametrize("region", ["body", "hand"])
def test_a_study_ends_in_a_valid_model_with_a_card(tmp_path: Path, region: str) -> None:
    study = finished_study(tmp_path / "study", region)
    model = package_study(study, tmp_path / "ours", name="ours", version="2.1.0")
    assert validate_model(tmp_path / "ours") == []
    assert (model.name, model.version, tuple(model.protocol.names)) == ("ours", "2.1.0", NAMES[region])
    assert set(model.networks) == {"position", "depth"}
    # The cross-validation of this study found everything where it is.
    assert model.settings["found_share"] == dict.fromkeys(NAMES[region], 1.0)
    card = next((tmp_path / "ours").rglob("*.md")).read_text()
    assert "fine-tuned on 4 images of 4 subjects: Ours (0123)" in card


def test_its_model_of_bodies_detects(tmp_path: Path, phantom: "tuple[Volume, LandmarkSet]") -> None:
    package_study(finished_study(tmp_path / "study", "body"), tmp_path / "ours", name="ours")
    detection = detect(phantom[0], load_model(tmp_path / "ours"))
    assert detection.landmarks.names == NAMES["body"]


def test_its_model_of_hands_detects_in_a_radiograph(tmp_path: Path, hand_radiograph: Volume) -> None:
    package_study(finished_study(tmp_path / "study", "hand"), tmp_path / "ours", name="ours")
    detection = detect(hand_radiograph, load_model(tmp_path / "ours"))
    assert detection.landmarks.names == NAMES["hand"]
    assert detection.parameters["depth"] == "none"
    present = detection.landmarks.present.positions
    # A silhouette has no depth, so that landmarks lie in the picture's plane.
    assert len(present) and np.allclose(hand_radiograph.ras_to_ijk_points(present)[:, 2], 0, atol=1e-3)


@pytest.fixture(scope="module")
def hand_radiograph() -> Volume:
    """A synthetic left hand as a radiograph: bright on dark, fingers up."""
    from LandmarkDetectionLib.core.geometry import ras_from_lps
    from LandmarkDetectionLib.synthesis.hand.stream import HandFraming, HandStream

    framing = HandFraming(shape=(480, 400), fit="inside", filled=0.8)
    hand = HandStream(("thumb_tip",), 5, 1, framing, disturbance=0.0).batch(0).coronal
    thickness = np.nan_to_num(hand.back[0] - hand.front[0])
    noise = np.random.default_rng(0).normal(0, 4, thickness.shape)
    grey = (40 + 120 * (1 - np.exp(-thickness / 15)) + noise).astype(np.int16)
    return Volume(grey[None], ras_from_lps(np.diag([0.5, 0.5, 1.0, 1.0])), name="hand")


def test_an_unfinished_study_is_refused(tmp_path: Path) -> None:
    study = finished_study(tmp_path / "study", "body")
    (study / "parts" / "positions CNN(ft).done.json").unlink()
    with pytest.raises(InputError, match=r"no finished study, 'positions CNN\(ft\)' is missing"):
        package_study(study, tmp_path / "ours", name="ours")
    assert not (tmp_path / "ours").exists()


def test_the_command_writes_the_model(tmp_path: Path, cli: Callable[..., object]) -> None:
    study = finished_study(tmp_path / "study", "body")
    answer = cli("study", "package", "--study", study, "--out", tmp_path / "ours", "--name", "ours", "--json")
    assert answer.code == 0  # type: ignore[attr-defined]
    assert json.loads(answer.out) == {"files": [str(tmp_path / "ours")]}  # type: ignore[attr-defined]
