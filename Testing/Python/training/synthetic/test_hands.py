"""Training on hands: depth may be missing, and a finished run becomes a model of hands."""

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("anny", reason="synthetic hands need anny")
pytest.importorskip("lightning_fabric", reason="training needs lightning-fabric")
pytest.importorskip("tensorboard", reason="training needs tensorboard")

from LandmarkDetectionLib.detectors.settings import HandSettings
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.depth import BACKGROUND, network_input, without_depth
from LandmarkDetectionLib.models import Model, load_model, validate_model
from LandmarkDetectionLib.synthesis.hand.stream import HandBatch, HandStream
from LandmarkDetectionLib.training.synthetic.card_parts import can_package
from LandmarkDetectionLib.training.synthetic.hand_package import package_hands
from LandmarkDetectionLib.training.synthetic.package import package_run
from LandmarkDetectionLib.training.synthetic.presets import FINGERTIPS, PRESETS, TrainingConfig
from LandmarkDetectionLib.training.synthetic.tasks import make_stream, make_task
from LandmarkDetectionLib.training.synthetic.train import landmark_names, train, trained_networks

TINY = TrainingConfig(
    protocol="hand", steps=2, batch_size=4, channels=(8, 8, 8), hand_shape=(64, 64), validate_every=2
)


def batch_of(config: TrainingConfig, count: int = 16) -> HandBatch:
    stream = make_stream(config, landmark_names(config), make_task(config, 25).framing, 3, count)
    assert isinstance(stream, HandStream)
    return stream.batch(0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hands")
    train(TINY, folder)
    return folder


@pytest.fixture(scope="module")
def package(finished: Path) -> Model:
    return package_run(finished, finished / "hand", name="hand", batches=1)


def test_a_hand_shown_without_depth_looks_like_a_flat_one() -> None:
    view = batch_of(TINY).coronal
    front, back, inside = (torch.from_numpy(a) for a in (view.front, view.back, view.field_of_view))
    flat = torch.where(front.isnan(), front, torch.zeros_like(front))
    shown, _ = network_input(front, back, inside)
    expected, _ = network_input(flat, flat, inside)
    torch.testing.assert_close(without_depth(shown), expected)
    assert set(without_depth(shown)[:, 1:3].unique().tolist()) == {0.0, BACKGROUND}


def test_in_training_a_share_of_hands_has_no_depth_and_none_in_validation() -> None:
    task, batch = make_task(TINY, 25), batch_of(TINY, 64)
    task.train()
    images, targets = task.prepare(batch)
    known = targets["depth_known"]
    assert 0.25 < known.float().mean() < 0.75
    varied = torch.tensor([len(image[1].unique()) > 2 for image in images["coronal"]])
    torch.testing.assert_close(varied, known)
    task.eval()
    assert task.prepare(batch)[1]["depth_known"].all()


def test_hands_without_depth_teach_no_depth() -> None:
    task, batch = make_task(TINY, 25), batch_of(TINY)
    images, targets = task.prepare(batch)
    targets["depth_known"] = torch.zeros(16, dtype=torch.bool)
    with torch.no_grad():
        losses = task.losses(task(images), targets)
    assert float(losses["coronal_depth"]) == 0
    assert float(losses["coronal_position"]) > 0


def test_depth_starts_from_the_middle_of_the_hand() -> None:
    """Before any training the stated depth follows the surfaces up to the untrained head's small output."""
    task, batch = make_task(TINY, 25), batch_of(TINY)
    view = batch.coronal
    images, _ = task.prepare(batch)
    with torch.no_grad():
        for parameter in task.networks["coronal"].head[1].parameters():
            parameter.zero_()
        depth = task.eval().networks["coronal"](images["coronal"]).depth[:, 0]
    middle = (images["coronal"][:, 1] + images["coronal"][:, 2]) / 2
    cells = middle[:, ::2, ::2]
    inside = torch.from_numpy(np.isfinite(view.front))
    inner = -torch.nn.functional.max_pool2d(-inside.float()[:, None], 7, 2, 3)[:, 0] > 0
    assert (depth - cells)[inner].abs().median() < 0.15


def test_a_finished_run_becomes_a_model_of_hands(package: Model) -> None:
    assert package.detector == "hand"
    settings = HandSettings.of(package)
    assert settings.canvas_shape == (64, 64)
    assert set(settings.mean_depth) == set(package.protocol.names)
    low, high = settings.length_range_share["wrist-middle_cmc"]
    assert 0 < low < high < 1


def test_the_package_is_whole_and_its_card_has_the_figures(package: Model) -> None:
    validate_model(package.path)
    assert load_model(package.path).protocol.region == "hand"
    card = (package.path / "docs" / "README.md").read_text()
    for words in ("silhouette alone", "depth error mm, network", "Confidence is the probability"):
        assert words in card


def test_the_networks_of_a_run_can_be_taken_up_again(finished: Path) -> None:
    config, names, task = trained_networks(finished)
    assert config == TINY
    assert len(names) == 25
    assert set(task.networks) == {"coronal"}


def test_the_paper_s_networks_learn_the_five_fingertips_of_96_by_96_hands() -> None:
    config = PRESETS["paper-hand"][1]
    names = landmark_names(config)
    task = make_task(config, len(names))
    stream = make_stream(config, names, task.framing, 1, 2)
    images, targets = task.prepare(stream.batch(0))
    assert set(names) == set(FINGERTIPS)
    assert images["position"].shape == images["depth"].shape == (2, 1, 96, 96)
    assert targets["position"].abs().max() <= 0.5, "equation 1 on exact crops gives [-0.5, 0.5]"
    assert config.steps * config.batch_size == 30 * 2_200_000


def test_the_paper_s_networks_of_hands_are_not_packaged(tmp_path: Path) -> None:
    config = PRESETS["paper-hand"][1]
    assert not can_package(config)
    with pytest.raises(InputError, match="study"):
        package_hands(config, make_task(TINY, 25), tmp_path / "model", "hand", "1.0.0", 1, None)
    assert not (tmp_path / "model").exists()
