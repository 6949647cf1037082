"""Small networks run on one thread of PyTorch, which has its threads back afterwards, and are built once."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.core.protocol import LandmarkDefinition, Protocol
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors import array_estimates
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.models import Model, load_model, package, save_model
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.threads import WORK_PER_THREAD, threads_for, worthwhile_threads

NAMES = ("sella", "nasion")


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """A number that neither one core nor the machine would have chosen."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    torch.manual_seed(2)
    parameters: dict[str, Any] = {"landmarks": 2, "inputs": 1, "dimensions": 2, "width": 4, "levels": 2}
    parameters |= {"spatial_kernel": 3, "spatial_pooling": 2, "stem_stride": 2}
    definitions = tuple(LandmarkDefinition(name=n, title=n, definition=n) for n in NAMES)
    return save_model(
        tmp_path_factory.mktemp("models") / "two-points",
        name="two-points",
        version="1.0.0",
        protocol=Protocol(
            name="two-points", title="Two points", version="1.0.0", region="head", landmarks=definitions
        ),
        networks={
            "heatmap": (
                "spatial_configuration",
                parameters,
                build_network("spatial_configuration", **parameters).state_dict(),
            )
        },
        settings={
            "shape": [64, 64],
            "spacing": None,
            "intensity": "standardise",
            "heatmaps": "logits",
            "sigma": dict.fromkeys(NAMES, 1.0),
            "radius": 2.0,
            "unit": "mm",
            "calibration": {"scores": [0, 1], "shares": [0, 1]},
        },
        detector="heatmap",
        card="Untrained.",
    )


def radiograph() -> Volume:
    grey = np.random.default_rng(0).normal(100, 20, (1, 90, 70))
    return Volume(grey.astype(np.float32), np.diag([-1.0, -1.0, 1.0, 1.0]))


def test_the_second_detection_builds_nothing_and_says_the_same(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    plain = package.load_network

    def load(*arguments: Any) -> torch.nn.Module:
        built.append(arguments[1])
        return plain(*arguments)

    monkeypatch.setattr(package, "load_network", load)
    array_estimates.forget_networks("cpu")
    first = detect(radiograph(), model, device="cpu")
    assert built == ["heatmap"]
    again = detect(radiograph(), load_model(model.path), device="cpu")
    assert built == ["heatmap"]
    np.testing.assert_array_equal(again.landmarks.positions, first.landmarks.positions)


def test_a_small_network_runs_on_one_thread_and_the_others_come_back(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    network = array_estimates.networks_for(model, "cpu")["heatmap"]
    handle = network.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
    detect(radiograph(), model, device="cpu")
    handle.remove()
    assert set(seen) == {1}
    assert torch.get_num_threads() == 3


def test_much_work_gets_the_threads_that_there_are() -> None:
    network = torch.nn.Linear(1000, 1000, bias=False)
    cells = int(100 * WORK_PER_THREAD / 1e6)
    assert worthwhile_threads(network, cells) == 100
    with threads_for(network, cells):
        assert torch.get_num_threads() == 3


def test_the_threads_come_back_after_an_error_and_from_detections_side_by_side() -> None:
    network, both_inside = torch.nn.Linear(2, 2), threading.Barrier(2)

    def run() -> None:
        with threads_for(network, 1):
            both_inside.wait(30)

    def fail() -> None:
        with threads_for(network, 1):
            raise ZeroDivisionError

    pair = [threading.Thread(target=run) for _ in range(2)]
    for one in pair:
        one.start()
    for one in pair:
        one.join()
    with pytest.raises(ZeroDivisionError):
        fail()
    after: list[int] = []
    later = threading.Thread(target=lambda: after.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert (torch.get_num_threads(), after) == (3, [3])


def test_memory_that_a_device_needs_is_let_go(model: Model) -> None:
    first = array_estimates.networks_for(model, "cpu")["heatmap"]
    array_estimates.forget_networks("cuda")
    assert array_estimates.networks_for(model, "cpu")["heatmap"] is first
    array_estimates.forget_networks("cpu")
    assert array_estimates.networks_for(model, "cpu")["heatmap"] is not first


def test_large_networks_are_kept_one_at_a_time(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_estimates, "MOST_KEPT_BYTES", 1)
    other = load_model(shutil.copytree(model.path, tmp_path / "other"))
    array_estimates.networks_for(model, "cpu")
    second = array_estimates.networks_for(other, "cpu")["heatmap"]
    assert len(array_estimates._kept) == 1
    assert array_estimates.networks_for(other, "cpu")["heatmap"] is second
