"""Both stages of a model of skin and bones, trained for a moment on a small skeleton: its package works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("anny", reason="synthetic bodies need anny")
pytest.importorskip("lightning_fabric", reason="training needs the extra train")

import LandmarkDetectionLib as ld  # noqa: N813
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.detectors.bone_estimates import BodyEstimates
from LandmarkDetectionLib.detectors.checking import check_model
from LandmarkDetectionLib.detectors.dispatch import analyse
from LandmarkDetectionLib.errors import InputError, ModelError
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.synthesis.body.binding import load_binding
from LandmarkDetectionLib.synthesis.body.phantom import make_phantom
from LandmarkDetectionLib.synthesis.body.skeleton import VARIABLE
from LandmarkDetectionLib.training.synthetic import bone_package
from LandmarkDetectionLib.training.synthetic.bone_package import (
    CLEAR_MM,
    _calibration,
    _reliability,
    calibrated_anew,
    package_bones,
)
from LandmarkDetectionLib.training.synthetic.held_out_bones import HeldOutBones
from LandmarkDetectionLib.training.synthetic.presets import PRESETS, SECOND_STAGE
from LandmarkDetectionLib.training.synthetic.start import begin_with
from LandmarkDetectionLib.training.synthetic.tasks import make_task
from LandmarkDetectionLib.training.synthetic.train import train, trained_networks
from Testing.examples.bone_phantom import bone_phantom
from Testing.examples.small_skeleton import small_skeleton, store

MORE = ("vertebra_l2", "vertebra_l3", "vertebra_l4", "asis_right", "asis_left")
#: Held out for each part of the calibration.
SCANS = 8
QUICK = {"steps": 2, "validate_every": 2, "channels": (8, 8, 16), "lateral_channels": (8, 8, 16)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, whole_body: Protocol) -> Iterator[tuple[Path, Path]]:
    """Two finished runs of two steps each."""
    folder = tmp_path_factory.mktemp("bones")
    file = store(small_skeleton(), folder / "bones.npz")
    names = (*whole_body.names, *MORE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(file))
        patch.setattr("LandmarkDetectionLib.training.synthetic.train.VALIDATION_BATCHES", 1)
        patch.setattr("LandmarkDetectionLib.training.synthetic.train.VALIDATION_BATCH_SIZE", 8)
        load_binding.cache_clear()
        whole, close = "whole-body-ct", SECOND_STAGE["whole-body-ct"]
        for preset, size in ((whole, 4), (close, 8)):
            config = PRESETS[preset][1].model_copy(update={**QUICK, "landmarks": names, "batch_size": size})
            train(config, folder / preset, device="cpu")
        yield folder / whole, folder / close
    load_binding.cache_clear()


@pytest.fixture(scope="module")
def model(
    runs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, skin_model: Model
) -> Iterator[Model]:
    """The package of both."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bone_package, "SHAPE_BATCHES", 2)
        patch.setattr("LandmarkDetectionLib.training.synthetic.held_out_bones.BATCH", SCANS)
        out = tmp_path_factory.mktemp("packages") / "tiny-bones"
        yield package_bones(*runs, out, outline=skin_model, name="tiny-bones", scans=SCANS)


def test_the_package_can_be_used(model: Model) -> None:
    assert check_model(model.path) == []
    assert model.detector == "bones"
    assert model.capabilities.small and model.capabilities.propagates and not model.capabilities.chooses_depth


def test_every_landmark_is_in_one_region(model: Model) -> None:
    regions = [name for region in model.settings["regions"] for name in region]
    assert sorted(regions) == sorted(model.protocol.names)


def test_the_card_says_whose_bones_they_are(model: Model) -> None:
    card = (model.path / "docs" / "README.md").read_text()
    assert "BodyParts3D" in card and "CC Attribution 4.0 International" in card
    assert (
        "bodies with the bones of BodyParts3D"
        in json.loads((model.path / "configs" / "metadata.json").read_text())["data_source"]
    )


def test_without_bones_in_sight_the_outline_tells_what_it_knows(model: Model, skin_model: Model) -> None:
    volume, _ = make_phantom(2, spacing_mm=6.0)
    signal = np.clip((volume.voxels.astype(np.float32) + 1024) / 8, 0, 250).astype(np.uint8)
    volume = replace(volume, voxels=signal, modality="MR")
    found = ld.detect(volume, model, device="cpu").landmarks
    by_outline = ld.detect(volume, skin_model, device="cpu").landmarks
    assert sum(landmark.is_present for landmark in by_outline) > 20
    for landmark in by_outline:
        if landmark.is_present:
            np.testing.assert_allclose(found[landmark.name].position, landmark.position, atol=1e-6)


def test_a_scan_with_bones_is_looked_at_closely(model: Model) -> None:
    volume = bone_phantom(((20, 0, 30), 25, 700), ((-30, 10, -40), 18, 900), noise=12.0)
    analysis = analyse(volume, model)
    assert len(analysis.detection.landmarks) == len(model.protocol.names)
    for landmark in analysis.detection.landmarks:
        assert 0 <= (landmark.confidence or 0) <= 1
        if landmark.is_present:
            assert landmark.covariance is not None and np.linalg.eigvalsh(landmark.covariance).min() > 0
        else:
            assert landmark.status is Status.ABSENT


def test_a_choice_of_depth_is_refused(model: Model) -> None:
    volume, _ = make_phantom(2, spacing_mm=8.0)
    with pytest.raises(InputError, match="reads depth from the view from the left"):
        ld.detect(volume, model, depth="network")


def test_two_runs_of_one_stage_make_no_model(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run of whole views and one of regions"):
        package_bones(runs[0], runs[0], tmp_path / "model")


def test_a_training_begins_with_the_weights_of_a_package(
    runs: tuple[Path, Path], model: Model, tmp_path: Path
) -> None:
    for run, stage in zip(runs, ("whole", "regions"), strict=True):
        config, names, learned = trained_networks(run)
        task = make_task(config, len(names))
        begin_with(task, names, model, stage)
        for key, network in task.networks.items():
            for weight, expected in zip(
                network.state_dict().values(), learned.networks[key].state_dict().values(), strict=True
            ):
                assert torch.allclose(weight.float(), expected.float(), atol=2e-3)
    with pytest.raises(ModelError, match="not built like"):
        begin_with(
            make_task(config.model_copy(update={"channels": (8, 16, 16)}), len(names)), names, model, stage
        )


def test_a_package_of_other_landmarks_or_stages_is_refused(
    runs: tuple[Path, Path], skin_model: Model
) -> None:
    config, names, _ = trained_networks(runs[1])
    task = make_task(config, len(names))
    with pytest.raises(ModelError, match="does not know"):
        begin_with(task, names, skin_model, "regions")
    known = tuple(skin_model.protocol.names)
    with pytest.raises(ModelError, match="no networks of regions"):
        begin_with(make_task(config, len(known)), known, skin_model, "regions")


def test_a_package_can_be_calibrated_anew_without_training(model: Model, tmp_path: Path) -> None:
    again = calibrated_anew(model, tmp_path / model.name, version="1.1.0", scans=SCANS)
    assert (again.name, again.version) == (model.name, "1.1.0")
    for key, weights in model.read_weights().items():
        for name, values in again.read_weights()[key].items():
            np.testing.assert_array_equal(values, weights[name], err_msg=f"{key} {name}")
    # The same way of asking on the same held-out scans: what was found out is the same.
    before, after = (one.metadata["landmark_detection"]["settings"] for one in (model, again))
    assert after == before
    card = (again.path / "docs" / "README.md").read_text()
    assert card.startswith(f"# {model.name} 1.1.0\n") and card.count("## Measured on") == 1
    assert "## Limits" in card


def test_the_end_of_a_scan_counts_once() -> None:
    """What was cut off is doubted by its distance; curves that knew of it, too, would doubt it twice."""
    rng = np.random.default_rng(2)
    count, shape = 400, (400, 2)
    to_end = rng.uniform(-8.0, 60.0, shape)
    seen = to_end > CLEAR_MM
    said = BodyEstimates(
        np.zeros((*shape, 3)),
        np.tile(np.eye(3), (*shape, 1, 1)),
        np.ones(shape),
        rng.uniform(0.8, 1.0, shape),
        np.full(shape, "close"),
        np.zeros((*shape, 0, 0)),
    )
    held = HeldOutBones(np.zeros((*shape, 3)), seen, said, np.zeros(count, int), to_end)
    everywhere = np.ones(shape, bool)
    curve = _calibration(held, everywhere)
    np.testing.assert_allclose(curve(np.array([0.8, 0.9, 1.0])), 1.0)
    np.testing.assert_allclose(_reliability(held, everywhere, curve), 1.0)
    # Where all are near an end, they are what there is.
    near = replace(held, to_end=np.full(shape, 5.0))
    assert _calibration(near, everywhere)(np.array([0.9]))[0] == pytest.approx(seen.mean(), abs=0.1)
