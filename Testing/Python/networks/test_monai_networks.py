"""Networks of MONAI do what every heatmap network does, and a file can ask for nothing else of MONAI."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.detectors.checking import check_model
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.errors import InputError, MissingPackageError, ModelError
from LandmarkDetectionLib.models import Model, load_model
from LandmarkDetectionLib.networks.architectures import OF_MONAI, build_network
from LandmarkDetectionLib.networks.heatmap_output import HeatmapNetwork
from LandmarkDetectionLib.networks.monai_presets import MONAI_PRESETS, SPATIAL
from LandmarkDetectionLib.networks.presets import network_preset
from LandmarkDetectionLib.training.supervised.package import package_supervised
from LandmarkDetectionLib.training.supervised.plan import divide, plan
from LandmarkDetectionLib.training.supervised.presets import SUPERVISED_PRESETS
from LandmarkDetectionLib.training.supervised.train import train_supervised
from Testing.examples.blob_data import NAMES, write_blob_data

SMALL: dict[str, dict[str, Any]] = {
    "monai_segresnet": {"filters": 8, "blocks_down": [1, 1, 1], "blocks_up": [1, 1]},
    "monai_dynunet": {"filters": [4, 6, 8]},
    "monai_swin_unetr": {"width": 12, "depths": [1, 1, 1, 1]},
    "monai_flexible_unet": {"decoder": [16, 12, 8, 8, 8]},
}
BRANCH = {"spatial": True, "spatial_width": 4, "spatial_kernel": 3, "spatial_pooling": 4}


def small(name: str, dimensions: int = 2, **other: Any) -> Any:
    pytest.importorskip("monai", reason="networks of MONAI need the extra monai")
    torch.manual_seed(0)
    common = {"landmarks": 3, "inputs": 2, "dimensions": dimensions, "features": 6}
    return build_network(name, **common, **SMALL[name], **other)


def test_every_network_of_monai_has_presets_and_is_tested_here() -> None:
    assert set(SMALL) == set(MONAI_PRESETS) == set(OF_MONAI)
    both = {(size, dimensions) for size in ("paper", "lite") for dimensions in (2, 3)}
    assert all(set(sizes) == both for sizes in (*MONAI_PRESETS.values(), SPATIAL))


@pytest.mark.parametrize("name", OF_MONAI)
@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("spatial", [False, True])
def test_it_gives_one_heatmap_per_landmark_and_every_parameter_learns(
    name: str, dimensions: int, spatial: bool
) -> None:
    if name == "monai_flexible_unet" and dimensions == 3 and spatial:
        pytest.skip("its branch is that of the others, and it is slow")
    network = small(name, dimensions, **(BRANCH if spatial else {}))
    assert isinstance(network, HeatmapNetwork)
    image = torch.randn(2, 2, *[max(network.multiple, 16)] * dimensions)
    output = network(image)
    assert output.heatmaps.shape == (2, 3, *image.shape[2:])
    assert (output.appearance is not None) is spatial
    (output.heatmaps * torch.randn_like(output.heatmaps)).sum().backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # Normalised features do not depend on what is added to all of them before.
    assert [one for one in still if not one.endswith("bias")] == []


@pytest.mark.parametrize("name", OF_MONAI)
def test_sizes_that_do_not_fit_are_refused_and_the_smallest_works(name: str) -> None:
    network = small(name).eval()
    with torch.no_grad():
        network(torch.zeros(1, 2, network.multiple, network.multiple))
    with pytest.raises(ValueError, match=f"must be a multiple of {network.multiple}"):
        network(torch.zeros(1, 2, network.multiple, network.multiple + network.multiple // 2))


def test_a_flexible_unet_is_finished_with_the_statistics_of_its_last_steps() -> None:
    """With MONAI's own momentum of 0.01 a third of the way is gone after 40 steps, and heatmaps are noise."""
    network = small("monai_flexible_unet").train()
    image = 3 + torch.randn(2, 2, 64, 64)
    with torch.no_grad():
        for _ in range(40):
            network(image)
        first = network.body.encoder._bn0
        seen: list[torch.Tensor] = []
        first.register_forward_pre_hook(lambda _layer, given: seen.append(given[0].mean(dim=(0, 2, 3))))
        network(image)
    assert torch.allclose(first.running_mean, seen[0], rtol=0.03, atol=1e-3)
    layers = [one for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d)]
    assert {one.momentum for one in layers} == {0.1} and len(layers) > 20


def test_learning_from_one_image_of_the_smallest_size_is_refused_in_a_sentence() -> None:
    network = small("monai_flexible_unet").train()
    with pytest.raises(
        ModelError, match=r"cannot learn from single images of 32 x 32 voxels; .* larger shape"
    ):
        network(torch.zeros(1, 2, 32, 32))


@pytest.mark.parametrize("name", OF_MONAI)
def test_the_spatial_branch_can_be_run_again(name: str) -> None:
    network = small(name, **BRANCH).eval()
    image = torch.randn(1, 2, *[network.multiple] * 2)
    with torch.no_grad():
        output = network(image)
        again = network.combine(output.appearance)
    assert torch.equal(again.heatmaps, output.heatmaps)


@pytest.mark.parametrize("name", OF_MONAI)
@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("size", ["paper", "lite"])
def test_presets_survive_json_and_build_the_network(name: str, dimensions: int, size: str) -> None:
    pytest.importorskip("monai", reason="networks of MONAI need the extra monai")
    parameters = network_preset(name, size, dimensions) | SPATIAL[size, dimensions]
    assert json.loads(json.dumps(parameters)) == parameters
    with torch.device("meta"):
        network = build_network(name, landmarks=19, **json.loads(json.dumps(parameters)))
    assert isinstance(network, HeatmapNetwork)


@pytest.mark.parametrize(
    ("name", "parameters", "sentence"),
    [
        ("monai_segresnet", {"filters": 12}, "filters must be a multiple of 8, not 12"),
        ("monai_segresnet", {"blocks_up": [1]}, "blocks_up must have 3 numbers"),
        ("monai_segresnet", {"act": "RELU"}, "unexpected keyword argument 'act'"),
        ("monai_dynunet", {"filters": [8, 8]}, "filters must have 3 to 7 numbers"),
        ("monai_swin_unetr", {"width": 20}, "width must be a multiple of 12, not 20"),
        ("monai_swin_unetr", {"heads": [5, 6, 12, 24]}, "must divide the widths"),
        ("monai_swin_unetr", {"downsample": "os.system"}, "unexpected keyword argument 'downsample'"),
        ("monai_flexible_unet", {"backbone": "os.system"}, "backbone must be one of 'efficientnet-b0'"),
        ("monai_flexible_unet", {"pretrained": True}, "unexpected keyword argument 'pretrained'"),
        ("monai_dynunet", {"spatial": "yes"}, "spatial must be true or false"),
        ("monai_dynunet", {"spatial": True, "spatial_kernel": 4}, "spatial_kernel must be odd"),
    ],
)
def test_what_no_file_may_ask_for_is_refused(name: str, parameters: dict[str, Any], sentence: str) -> None:
    """Before MONAI is imported, so it holds without it, too."""
    with pytest.raises(ModelError, match="cannot be built with these parameters") as refused:
        build_network(name, landmarks=3, **parameters)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("name", ["monai_unet", "SegResNet", "monai.networks.nets.SegResNet"])
def test_a_network_that_is_not_on_the_list_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=r"is unknown; known are .*monai_segresnet, monai_dynunet"):
        build_network(name, landmarks=3)


def test_without_monai_the_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "monai", None)
    monkeypatch.setitem(sys.modules, "monai.networks", None)
    with pytest.raises(MissingPackageError, match=r'pip install "\.\[monai\]"'):
        build_network("monai_segresnet", landmarks=3)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path]:
    """A model of small volumes with a SegResNet as local appearance, after too few steps to know much."""
    pytest.importorskip("monai", reason="networks of MONAI need the extra monai")
    folder = tmp_path_factory.mktemp("monai")
    data = read_datalist(write_blob_data(folder / "data", 8, (32, 32, 32), 1.0))
    split = divide(data)
    changes = {
        "parameters": {**SMALL["monai_segresnet"], "features": 6, **BRANCH},
        "steps": 3,
        "batch_size": 2,
        "validate_every": 1000,
    }
    config = plan(data, split, "segresnet-scn-lite", shape=(32, 32, 32), spacing=(1.0,), changes=changes)
    train_supervised(config, data, split, folder / "run", device="cpu")
    return package_supervised(folder / "run", data, split, folder / "blobs", name="blobs"), folder / "data"


def test_a_trained_network_becomes_a_model_that_passes_every_check(trained: tuple[Model, Path]) -> None:
    import monai

    model, _ = trained
    assert check_model(model.path) == []
    metadata = load_model(model.path).metadata
    assert metadata["monai_version"] == metadata["required_packages_version"]["monai"] == monai.__version__


def test_a_volume_smaller_than_the_patch_is_looked_at_and_nothing_lies_outside(
    trained: tuple[Model, Path],
) -> None:
    model, data = trained
    volume = read_datalist(data / "data.json").cases[0].read_volume()
    part = Volume(volume.voxels[4:24, 3:27, 5:], volume.ijk_to_ras)
    found = detect(part, model, device="cpu").landmarks
    assert [one.name for one in found] == list(NAMES)
    for one in found:
        if one.is_present:
            assert part.holds(one.position)


def test_a_patch_that_does_not_fit_is_refused_in_a_sentence(trained: tuple[Model, Path]) -> None:
    data = read_datalist(trained[1] / "data.json")
    with pytest.raises(InputError, match=r"shape \(32, 32, 36\) must be multiples of 8 for this network"):
        plan(data, divide(data), "segresnet-scn-lite", shape=(32, 32, 36))


def test_every_preset_of_monai_says_that_it_needs_the_extra() -> None:
    of_monai = [one for one in SUPERVISED_PRESETS.values() if one.architecture in OF_MONAI]
    assert len(of_monai) == 16
    assert all("needs the extra monai" in one.description for one in of_monai)
