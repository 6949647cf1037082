"""A heatmap network trained for a moment on synthetic cephalograms: packaged, run, and begun from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lightning_fabric", reason="training needs the extra train")

import LandmarkDetectionLib as ld  # noqa: N813
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.checking import check_model
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.synthesis.body.skeleton import VARIABLE
from LandmarkDetectionLib.training.supervised.start import begin_with, settings_from, settings_of
from LandmarkDetectionLib.training.supervised.task import HeatmapTask
from LandmarkDetectionLib.training.synthetic import radiograph_package
from LandmarkDetectionLib.training.synthetic.radiograph_package import package_radiographs
from LandmarkDetectionLib.training.synthetic.radiograph_presets import PROTOCOLS, RADIOGRAPH_PRESETS
from LandmarkDetectionLib.training.synthetic.radiographs import (
    KINDS,
    TrainingStream,
    stream_of,
    train_radiographs,
)

SMALL = {"width": 4, "levels": 3, "spatial_kernel": 3}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Iterator[Model]:
    """The package of two steps of a small network."""
    file = real_data / "skeleton" / "bodyparts3d_bones.npz"
    if not file.exists():
        pytest.skip(f"no skeleton at {file}")
    config = RADIOGRAPH_PRESETS["quick-cephalogram"][1]
    grid = config.grid.model_copy(update={"shape": (160, 128)})
    update = {"steps": 2, "validate_every": 2, "copies": 0, "grid": grid}
    config = config.model_copy(update={**update, "parameters": {**config.parameters, **SMALL}})
    run = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(file))
        patch.setattr("LandmarkDetectionLib.training.synthetic.radiographs.VALIDATION_BATCHES", 1)
        patch.setattr(radiograph_package, "SHAPES", 8)
        train_radiographs(config, run, device="cpu")
        yield package_radiographs(run, run / "ceph", "cephalometric-19", name="ceph", held_out=4)


def test_the_package_runs_by_the_heatmap_detector(model: Model) -> None:
    assert check_model(model.path) == []
    assert model.detector == "heatmap" and model.capabilities.learns
    image = np.random.default_rng(0).normal(size=(1, 240, 200)).astype(np.float32)
    found = ld.detect(Volume(image, np.eye(4)), model)
    assert [one.name for one in found.landmarks] == list(model.protocol.names)


def test_its_card_says_that_it_saw_no_patient(model: Model) -> None:
    card = " ".join(path.read_text() for path in model.path.rglob("*.md"))
    assert "have seen no patient" in card and "BodyParts3D" in card
    assert "4 synthetic, each once" in card and "of whoever trained" not in card
    assert "BodyParts3D" in model.metadata["data_source"]


def test_a_training_on_real_images_can_begin_with_it(model: Model) -> None:
    config = settings_of(model)
    task = HeatmapTask(config)
    begin_with(task, model)
    for name, weight in model.build_networks()["heatmap"].state_dict().items():
        assert np.array_equal(task.network.state_dict()[name].numpy(), weight.numpy()), name
    fields = settings_from(model, tuple(reversed(config.landmarks)))
    assert fields["landmarks"] == config.landmarks and fields["grid"]["shape"] == (160, 128)


def test_of_networks_side_by_side_the_first_begins_with_it_and_the_others_anew(model: Model) -> None:
    task = HeatmapTask(settings_of(model).model_copy(update={"members": 2}))
    begin_with(task, model)
    first, second = (one.state_dict() for one in task.network.networks)
    told = model.build_networks()["heatmap"].state_dict()
    assert all(np.array_equal(first[name].numpy(), weight.numpy()) for name, weight in told.items())
    assert any(not np.allclose(second[name].numpy(), weight.numpy()) for name, weight in told.items())


def test_every_preset_learns_the_landmarks_of_its_protocol_from_pictures_of_their_kind() -> None:
    for name, (_, config) in RADIOGRAPH_PRESETS.items():
        assert config.landmarks == load_protocol(PROTOCOLS[name]).names
        assert stream_of(config, 1, 2).kind is KINDS[PROTOCOLS[name]]


def test_data_of_other_landmarks_are_refused_in_one_sentence(model: Model) -> None:
    with pytest.raises(InputError, match="do not have the same landmarks: only one of them has basion"):
        settings_from(model, (*model.protocol.names, "basion"))


@pytest.mark.parametrize("protocol", KINDS)
def test_pictures_fill_the_canvas_along_one_side_and_the_rest_is_padding(
    protocol: str, real_data: Path
) -> None:
    file = real_data / "skeleton" / "bodyparts3d_bones.npz"
    if not file.exists():
        pytest.skip(f"no skeleton at {file}")
    stream = TrainingStream(KINDS[protocol], (160, 128), 7, 2, str(file))
    for number in range(6):
        batch = stream.batch(number)
        image = batch.images[0, 0].numpy()
        rows, columns = (int(np.flatnonzero(image.any(axis=axis)).max()) + 1 for axis in (1, 0))
        assert rows == 160 or columns == 128
        inside = image[:rows, :columns]
        assert abs(inside.mean()) < 1e-3 and inside.std() == pytest.approx(1, abs=1e-2)
        points = batch.points[batch.present].numpy()
        assert (points >= 0).all() and (points <= np.array([columns, rows]) - 1).all()
