"""What every heatmap network keeps to, whatever it looks like inside."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import save_model
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.heatmap_output import HeatmapNetwork, HeatmapOutput
from LandmarkDetectionLib.networks.presets import PRESETS, network_preset

# Each architecture at a size a test can afford, with what makes its preset's layers narrow.
SMALL: dict[str, dict[str, Any]] = {
    "spatial_configuration": {"width": 4, "levels": 3, "spatial_kernel": 3, "spatial_pooling": 4},
    "localization_unet": {"width": 4, "levels": 3},
    "appearance_context": {
        "channels": [8, 12, 16],
        "context_size": [6, 8],
        "context_width": 4,
        "context_dilations": [1, 2],
    },
    "fully_convolutional": {"channels": [4, 6, 8]},
    "stacked_hourglass": {"stacks": 3, "width": 8, "depth": 2},
    "chain_unet": {"channels": [4, 6, 8], "context": 2},
}
ALL = [(name, dimensions, stride) for name in SMALL for dimensions in (2, 3) for stride in (1, 2)]
WITH_SPATIAL_BRANCH = ("spatial_configuration", "appearance_context")


def small(name: str, dimensions: int, stem_stride: int, **other: Any) -> HeatmapNetwork:
    torch.manual_seed(0)
    parameters = {**SMALL[name], "stem_stride": stem_stride, **other}
    if dimensions == 3 and name == "appearance_context":
        parameters["context_size"] = [4, *parameters["context_size"]]
    network = build_network(name, landmarks=3, inputs=2, dimensions=dimensions, **parameters)
    assert isinstance(network, HeatmapNetwork)
    return network


def image_for(network: HeatmapNetwork) -> Tensor:
    size = [2 * network.multiple] * (network.dimensions - 1) + [3 * network.multiple]
    return torch.randn(2, network.inputs, *size)


def test_every_heatmap_architecture_has_presets_and_is_tested_here() -> None:
    assert set(SMALL) == set(PRESETS)
    for sizes in PRESETS.values():
        assert set(sizes) == {(size, dimensions) for size in ("paper", "lite") for dimensions in (2, 3)}


@pytest.mark.parametrize(("name", "dimensions", "stem_stride"), ALL)
def test_a_network_gives_one_heatmap_per_landmark_at_its_stride(
    name: str, dimensions: int, stem_stride: int
) -> None:
    network = small(name, dimensions, stem_stride).eval()
    assert (network.landmarks, network.inputs, network.dimensions) == (3, 2, dimensions)
    assert network.stride == stem_stride
    image = image_for(network)
    with torch.no_grad():
        output = network(image)
    expected = (2, 3, *(size // stem_stride for size in image.shape[2:]))
    assert isinstance(output, HeatmapOutput)
    assert output.heatmaps.shape == expected
    assert all(heatmaps.shape == expected for heatmaps in output.intermediate)
    assert output.appearance is None or output.appearance.shape == expected


@pytest.mark.parametrize(("name", "dimensions", "stem_stride"), ALL)
def test_every_parameter_learns(name: str, dimensions: int, stem_stride: int) -> None:
    network = small(name, dimensions, stem_stride)
    output = network(image_for(network))
    sum((maps * torch.randn_like(maps)).sum() for maps in (output.heatmaps, *output.intermediate)).backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []


@pytest.mark.parametrize("name", SMALL)
def test_multiple_is_the_smallest_that_fits(name: str) -> None:
    network = small(name, 2, 2).eval()
    with torch.no_grad():
        network(torch.zeros(1, 2, network.multiple, 2 * network.multiple))
    with pytest.raises(ValueError, match=f"must be a multiple of {network.multiple}"):
        network(torch.zeros(1, 2, network.multiple, network.multiple // 2))


@pytest.mark.parametrize("name", SMALL)
def test_an_image_of_another_kind_is_refused(name: str) -> None:
    network = small(name, 2, 1)
    with pytest.raises(ValueError, match=r"takes 2 channel\(s\) in 2D"):
        network(torch.zeros(1, 1, 64, 64))
    with pytest.raises(ValueError, match=r"takes 2 channel\(s\) in 2D"):
        network(torch.zeros(1, 2, 32, 32, 32))


@pytest.mark.parametrize("name", [name for name in SMALL if name not in WITH_SPATIAL_BRANCH])
def test_a_network_without_a_spatial_branch_offers_none(name: str) -> None:
    network = small(name, 2, 1).eval()
    with torch.no_grad():
        assert network(image_for(network)).appearance is None
    assert not hasattr(network, "combine")


@pytest.mark.parametrize(
    ("name", "dimensions", "stem_stride"), [one for one in ALL if one[0] in WITH_SPATIAL_BRANCH]
)
def test_running_the_spatial_branch_again_gives_the_same(
    name: str, dimensions: int, stem_stride: int
) -> None:
    network = small(name, dimensions, stem_stride).eval()
    image = image_for(network)
    with torch.no_grad():
        output = network(image)
        again = network.combine(output.appearance, image)
        other = network.combine(output.appearance.flip(1), image)
    assert torch.equal(again.heatmaps, output.heatmaps)
    assert torch.equal(again.appearance, output.appearance)
    assert not torch.equal(other.heatmaps, output.heatmaps.flip(1))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("size", ["paper", "lite"])
def test_presets_survive_json_and_build_the_network(name: str, dimensions: int, size: str) -> None:
    parameters = network_preset(name, size, dimensions)
    assert json.loads(json.dumps(parameters)) == parameters
    with torch.device("meta"):
        network = build_network(name, landmarks=19, **json.loads(json.dumps(parameters)))
    assert isinstance(network, HeatmapNetwork)
    assert (network.dimensions, network.inputs) == (dimensions, 1)


@pytest.mark.parametrize("name", PRESETS)
def test_lite_networks_are_small_and_their_heatmaps_fine(name: str) -> None:
    network = build_network(name, landmarks=19, **network_preset(name, "lite", 2))
    # That of chains looks at a finer image.
    assert network.stride <= (4 if name == "chain_unet" else 2)
    assert 0.1e6 <= sum(p.numel() for p in network.parameters()) <= 0.75e6


@pytest.mark.parametrize("name", SMALL)
def test_a_network_survives_its_model_package(name: str, tmp_path: Path) -> None:
    protocol = load_protocol("hand")
    parameters = {"landmarks": len(protocol.names), "dimensions": 2, **SMALL[name]}
    network = build_network(name, **parameters).eval()
    model = save_model(
        tmp_path / "model",
        name="model",
        version="1.0.0",
        protocol=protocol,
        networks={"heatmap": (name, parameters, network.state_dict())},
        settings={},
        detector="heatmap",
        card="For a test.",
        license_text="CC0",
    )
    again = model.build_networks()["heatmap"]
    image = torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(again(image).heatmaps, network(image).heatmaps)


def test_changing_a_preset_one_got_changes_no_other() -> None:
    network_preset("spatial_configuration", "lite", 2)["width"] = 1
    assert network_preset("spatial_configuration", "lite", 2)["width"] != 1


def test_an_unknown_preset_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match="no preset 'huge' of 'spatial_configuration' in 2D"):
        network_preset("spatial_configuration", "huge", 2)
    with pytest.raises(ModelError, match="of 'regression_cnn' in 3D"):
        network_preset("regression_cnn", "lite", 3)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"landmarks": 0}, "landmarks must be a whole number of at least 1, not 0"),
    ({"inputs": 1.5}, "inputs must be a whole number of at least 1, not 1.5"),
    ({"dimensions": 4}, "dimensions must be one of 2, 3, not 4"),
    ({"dimensions": "2"}, "dimensions must be one of 2, 3, not '2'"),
    ({"stem_stride": 3}, "stem_stride must be one of 1, 2"),
]
WRONG_OF: dict[str, list[tuple[dict[str, Any], str]]] = {
    "spatial_configuration": [
        ({"width": "wide"}, "width must be a whole number"),
        ({"levels": 0}, "levels must be a whole number"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"levels": 10**9}, "levels must be at most 16, not 1000000000"),
        ({"spatial_pooling": 10**6}, "spatial_pooling must be at most 255"),
        ({"spatial_kernel": 4}, "spatial_kernel must be odd, not 4"),
        ({"spatial_pooling": None}, "spatial_pooling must be a whole number"),
    ],
    "chain_unet": [
        ({"levels": 2}, "3 landmarks do not make 2 levels of equally many"),
        ({"levels": 0}, "levels must be a whole number of at least 1, not 0"),
        ({"channels": [4, 8]}, "channels must have more than 2 numbers"),
        ({"coarse": 3}, "coarse must be one of 1, 2, 4, 8, not 3"),
    ],
    "localization_unet": [({"levels": True}, "levels must be a whole number"), ({"dropout": -1}, "dropout")],
    "appearance_context": [
        ({"channels": []}, "channels must be a list of whole numbers"),
        ({"channels": [4] * 99}, "channels must have at most 16 numbers, not 99"),
        ({"channels": [4, "8"]}, "every number of channels must be a whole number"),
        ({"context_size": [32, 32, 32]}, "context_size must have 2 numbers, one per axis"),
        ({"context_kernel": [5, 4]}, r"context_kernel must be odd, not \[5, 4\]"),
        ({"context_kernel": "3"}, "context_kernel must be a list of whole numbers"),
        ({"context_dilations": 8}, "context_dilations must be a list"),
        ({"context_width": 0}, "context_width must be a whole number"),
    ],
    "fully_convolutional": [
        ({"design": "cnn3"}, "design must be one of 'cnn1', 'cnn2', not 'cnn3'"),
        ({"channels": 8}, "channels must be a list of whole numbers, not 8"),
        ({"dropout": "much"}, "dropout must be at least 0 and below 1"),
    ],
    "stacked_hourglass": [
        ({"stacks": 0}, "stacks must be a whole number of at least 1"),
        ({"depth": 40}, "depth must be at most 16, not 40"),
        ({"width": 30}, "width must be a multiple of 4, not 30"),
        ({"depth": 0}, "depth must be a whole number"),
    ],
}


@pytest.mark.parametrize("name", SMALL)
def test_parameters_that_cannot_be_are_refused_in_a_sentence(name: str) -> None:
    for wrong, sentence in WRONG + WRONG_OF[name]:
        with pytest.raises(ModelError, match=sentence) as refused:
            build_network(name, **{"landmarks": 3, **SMALL[name], **wrong})
        assert f"The network '{name}' cannot be built with these parameters" in str(refused.value)
