"""The networks: the published one layer by layer, and the compact one that ships."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.networks.architectures import ARCHITECTURES, build_network
from LandmarkDetectionLib.networks.regression_cnn import RegressionCNN, from_unit, to_unit
from LandmarkDetectionLib.networks.silhouette_unet import STRIDE, SilhouetteUNet
from LandmarkDetectionLib.training.synthetic.presets import PRESETS
from LandmarkDetectionLib.training.synthetic.tasks import make_task


@pytest.fixture(scope="module")
def published() -> RegressionCNN:
    """The paper's network for nine landmarks on the body's unit size."""
    network = build_network("regression_cnn", outputs=18)
    assert isinstance(network, RegressionCNN)
    return network.eval()


def test_the_published_network_has_the_layers_of_table_1(published: RegressionCNN) -> None:
    layers = [
        (type(m).__name__, getattr(m, "out_channels", None) or getattr(m, "out_features", None))
        for m in published.modules()
        if isinstance(m, nn.Conv2d | nn.MaxPool2d | nn.Linear)
    ]
    assert layers == [
        ("Conv2d", 32),
        ("MaxPool2d", None),
        ("Conv2d", 32),
        ("MaxPool2d", None),
        ("Conv2d", 32),
        ("Linear", 2048),
        ("Linear", 2048),
        ("Linear", 18),
    ]
    convolutions = [m for m in published.modules() if isinstance(m, nn.Conv2d)]
    assert [m.kernel_size for m in convolutions] == [(5, 5), (5, 5), (3, 3)]
    assert [m.kernel_size for m in published.modules() if isinstance(m, nn.MaxPool2d)] == [2, 2]


def test_every_layer_but_the_last_is_followed_by_a_relu(published: RegressionCNN) -> None:
    weighted = [m for m in published.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.ReLU)]
    kinds = ["relu" if isinstance(m, nn.ReLU) else "layer" for m in weighted]
    assert kinds == ["layer", "relu"] * 5 + ["layer"]


def test_dropout_follows_both_hidden_fully_connected_layers(published: RegressionCNN) -> None:
    kinds = [type(m).__name__ for m in published.regression]
    assert kinds == ["Flatten", "Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]


def test_the_published_network_has_the_parameters_its_table_implies(published: RegressionCNN) -> None:
    convolutions = (25 * 1 + 1) * 32 + (25 * 32 + 1) * 32 + (9 * 32 + 1) * 32
    connected = (32 * 40 * 19 + 1) * 2048 + (2048 + 1) * 2048 + (2048 + 1) * 18
    assert sum(p.numel() for p in published.parameters()) == convolutions + connected == 54_078_354


def test_the_published_network_gives_two_numbers_per_landmark(published: RegressionCNN) -> None:
    with torch.no_grad():
        assert published(torch.zeros(2, 1, 160, 76)).shape == (2, 18)


def test_the_hand_variant_takes_square_images() -> None:
    with torch.no_grad():
        assert RegressionCNN(10, 96, 96).eval()(torch.zeros(1, 1, 96, 96)).shape == (1, 10)


def test_units_follow_equation_1() -> None:
    points = torch.tensor([[0.0, 0.0], [38.0, 80.0], [76.0, 160.0], [57.0, 40.0]])
    expected = torch.tensor([[-0.5, -0.5], [0.0, 0.0], [0.5, 0.5], [0.25, -0.25]])
    assert torch.equal(to_unit(points, 160, 76), expected)


@given(st.floats(-50, 300, width=32), st.floats(-50, 300, width=32))
def test_from_unit_undoes_to_unit(column: float, row: float) -> None:
    points = torch.tensor([[column, row]])
    assert torch.allclose(from_unit(to_unit(points, 160, 76), 160, 76), points, atol=1e-3)


def test_the_compact_network_gives_one_map_of_each_kind_per_landmark() -> None:
    network = SilhouetteUNet(7, (4, 8, 12)).eval()
    with torch.no_grad():
        maps = network(torch.zeros(2, 4, 48, 32))
    assert (
        maps.logits.shape
        == maps.depth.shape
        == maps.depth_log_scale.shape
        == (2, 7, 48 // STRIDE, 32 // STRIDE)
    )
    assert maps.absent.shape == (2, 7)


@pytest.mark.parametrize("channels", [(4, 8), (4, 8, 12), (4, 8, 12, 16, 20)])
def test_sizes_that_are_multiples_of_its_multiple_fit(channels: tuple[int, ...]) -> None:
    network = SilhouetteUNet(2, channels).eval()
    assert network.multiple == 2 ** len(channels)
    with torch.no_grad():
        maps = network(torch.zeros(1, 4, 3 * network.multiple, 2 * network.multiple))
    assert maps.logits.shape[-2:] == (3 * network.multiple // STRIDE, 2 * network.multiple // STRIDE)


def test_every_parameter_of_the_compact_network_learns() -> None:
    torch.manual_seed(0)
    network = SilhouetteUNet(3, (4, 8, 12))
    maps = network(torch.randn(2, 4, 32, 32))
    sum(part.square().mean() + part.mean() for part in maps).backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []


def test_expected_depth_errors_stay_in_a_range_whose_exponential_is_finite() -> None:
    network = SilhouetteUNet(2, (4, 8)).eval()
    with torch.no_grad():
        log_scale = network(torch.randn(1, 4, 16, 16) * 1e4).depth_log_scale
    assert torch.isfinite(log_scale.exp()).all()


def test_what_ships_fits_in_fifteen_megabytes() -> None:
    config = PRESETS["whole-body-skin"][1]
    task = make_task(config, len(load_protocol(config.protocol).names))
    size = sum(t.numel() * t.element_size() for t in task.state_dict().values())
    assert size < 15e6


def test_a_preset_size_fits_the_network_it_is_for() -> None:
    task = make_task(PRESETS["whole-body-skin"][1], 2)
    for view, shape in (("coronal", task.framing.coronal), ("lateral", task.framing.lateral)):
        multiple = task.networks[view].multiple
        assert [size % multiple for size in shape] == [0, 0]


def test_an_unknown_architecture_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"'os\.system' is unknown"):
        build_network("os.system", command="ls")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_parameters_an_architecture_does_not_take_are_refused(architecture: str) -> None:
    with pytest.raises(ModelError, match="cannot be built with these parameters"):
        build_network(architecture, nonsense=1)
