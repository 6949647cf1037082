"""The compact network without PyTorch gives PyTorch's numbers, and is kept while its files are the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.detectors import array_estimates
from LandmarkDetectionLib.detectors.hand_network import estimate_hands
from LandmarkDetectionLib.detectors.silhouette import estimate
from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.heatmaps import softmax
from LandmarkDetectionLib.imaging import depth
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.networks import silhouette_arrays
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.silhouette_arrays import SilhouetteArrays

Array = np.ndarray


@pytest.fixture(params=[False, True], ids=["depth from nothing", "depth from the surface"])
def pair(request: pytest.FixtureRequest) -> tuple[torch.nn.Module, SilhouetteArrays]:
    """A network with random weights and running means, in both forms."""
    torch.manual_seed(3)
    parameters = {"landmarks": 4, "channels": [6, 10, 12], "depth_from_surface": request.param}
    network = build_network("silhouette_unet", **parameters)
    for _ in range(3):
        network(torch.randn(2, 4, 32, 48))
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    return network.eval(), SilhouetteArrays(state, parameters)


def views(rows: int = 64, columns: int = 48, count: int = 2) -> tuple[Array, Array, Array]:
    """Front, back and field of view of some balls."""
    y, x = np.mgrid[:rows, :columns]
    fronts, backs = [], []
    for n in range(count):
        squared = (18.0 - n) ** 2 - (y - 30 - n) ** 2 - (x - 24) ** 2
        depth_mm = np.sqrt(np.maximum(squared, 0))
        fronts.append(np.where(squared > 0, 100 - 4 * depth_mm, np.nan))
        backs.append(np.where(squared > 0, 100 + 4 * depth_mm, np.nan))
    inside = np.ones((count, rows, columns), bool)
    inside[:, 55:] = False
    return np.array(fronts, np.float32), np.array(backs, np.float32), inside


def test_every_map_is_that_of_the_network_in_pytorch(pair: tuple[torch.nn.Module, SilhouetteArrays]) -> None:
    network, arrays = pair
    image, scale = depth.network_input(*(torch.as_tensor(one) for one in views()))
    ours, mean, deviation = silhouette_arrays.network_input(*views(), depth.SMALLEST_DEVIATION_MM)
    np.testing.assert_allclose(ours, image.numpy(), atol=1e-5)
    np.testing.assert_allclose(mean, scale.mean.numpy(), rtol=1e-5)
    np.testing.assert_allclose(deviation, scale.deviation.numpy(), rtol=1e-5)
    with torch.inference_mode():
        theirs = network(image)
    for name, mine in arrays(ours)._asdict().items():
        np.testing.assert_allclose(mine, getattr(theirs, name).numpy(), atol=2e-4, err_msg=name)


def test_positions_are_read_off_as_with_pytorch() -> None:
    rng = np.random.default_rng(1)
    logits, absent = rng.normal(0, 2, (2, 3, 20, 14)), rng.normal(0, 1, (2, 3))
    logits[0, 1, 0, 0] += 12  # in a corner
    logits, absent = logits.astype(np.float32), absent.astype(np.float32)
    probability, present = silhouette_arrays.distribution(logits, absent)
    theirs, their_present = softmax.distribution(torch.as_tensor(logits), torch.as_tensor(absent))
    np.testing.assert_allclose(probability, theirs.numpy(), atol=1e-6)
    np.testing.assert_allclose(present, their_present.numpy(), atol=1e-6)
    decoded = softmax.decode(theirs, silhouette_arrays.STRIDE)
    for mine, other in zip(silhouette_arrays.decode(probability), decoded, strict=True):
        np.testing.assert_allclose(mine, other.numpy(), atol=1e-3)
    for radius in (3.0, np.array([2.0, 7.0], np.float32)):
        other_radius = torch.as_tensor(radius) if isinstance(radius, np.ndarray) else radius
        within = softmax.mass_within(theirs, decoded.position, silhouette_arrays.STRIDE, other_radius)
        mine = silhouette_arrays.mass_within(probability, decoded.position.numpy(), radius)
        np.testing.assert_allclose(mine, within.numpy(), atol=1e-5)


def test_bodies_and_hands_are_estimated_as_with_pytorch(
    pair: tuple[torch.nn.Module, SilhouetteArrays],
) -> None:
    facts = (8.0, np.array([1, 0, 2, 3]), np.full(4, 40.0), np.full(4, 25.0))
    answers = [
        estimate(
            {"coronal": one, "lateral": one}, views(), views(), np.zeros(2, np.float32), *facts
        )
        for one in pair
    ]  # fmt: skip
    for name in ("position", "present", "near"):
        np.testing.assert_allclose(getattr(answers[1], name), getattr(answers[0], name), atol=2e-2)
    for method in ("mean", "network", "lateral"):
        np.testing.assert_allclose(answers[1].depth[method], answers[0].depth[method], atol=0.1)
        np.testing.assert_allclose(answers[1].depth_error[method], answers[0].depth_error[method], rtol=1e-2)
    hands = [estimate_hands(one, *views(), (0, 1), 0.05) for one in pair]
    for name in ("position", "present", "near", "length"):
        np.testing.assert_allclose(getattr(hands[1], name), getattr(hands[0], name), atol=2e-2)


@pytest.mark.parametrize("change", ["missing", "shape", "infinite", "unknown"])
def test_weights_that_do_not_fit_are_refused(change: str) -> None:
    parameters = {"landmarks": 2, "channels": [4, 8]}
    network = build_network("silhouette_unet", **parameters)
    state = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    if change == "missing":
        del state["absent.bias"]
    elif change == "shape":
        state["absent.bias"] = np.zeros(3, np.float32)
    elif change == "infinite":
        state["absent.bias"][0] = np.inf
    else:
        state["more"] = np.zeros(1, np.float32)
    with pytest.raises((KeyError, ValueError)):
        SilhouetteArrays(state, parameters)


def test_networks_are_kept_until_their_file_changes(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny-model"
    shutil.copytree(tiny_model, folder)
    model = load_model(folder)
    first = array_estimates.networks_for(model, "cpu")
    assert array_estimates.networks_for(load_model(folder), "cpu")["coronal"] is first["coronal"]
    weights = folder / model.networks["coronal"].weights
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(ModelError, match="checksum"):
        array_estimates.networks_for(model, "cpu")


def test_no_more_than_a_few_models_stay_in_memory(tiny_model: Path, tmp_path: Path) -> None:
    for number in range(array_estimates.KEPT + 2):
        folder = tmp_path / f"model-{number}"
        shutil.copytree(tiny_model, folder)
        array_estimates.networks_for(load_model(folder), "cpu")
    assert len(array_estimates._kept) == array_estimates.KEPT


def test_a_detection_loads_no_pytorch(repository: Path) -> None:
    script = (
        "import sys, numpy as np\n"
        "from LandmarkDetectionLib.detectors.dispatch import detect\n"
        "from LandmarkDetectionLib.models import load_model\n"
        "from Testing.examples.body_phantom import phantom\n"
        "detect(phantom(spacing=(8.0, 8.0, 8.0)), load_model('whole-body-ct'))\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=repository, check=False).returncode == 0


@pytest.mark.parametrize("size", [(64, 64), (40, 24)])
def test_an_image_is_seen_alike_alone_and_among_many(
    pair: tuple[torch.nn.Module, SilhouetteArrays], size: tuple[int, int]
) -> None:
    """Few pixels and many are convolved in different ways."""
    _, arrays = pair
    count = silhouette_arrays.TOGETHER + 1
    image = np.random.default_rng(1).normal(0, 1, (count, 4, *size)).astype(np.float32)
    together, alone = arrays(image), arrays(image[-1:])
    for many, one in zip(together, alone, strict=True):
        np.testing.assert_allclose(many[-1:], one, atol=1e-4)
