"""SpatialConfiguration-Net and its localization U-Net: the published layers, counted and measured."""

import pytest
import torch
from torch import nn

from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.localization_unet import LocalizationUNet
from LandmarkDetectionLib.networks.presets import network_preset
from LandmarkDetectionLib.networks.spatial_configuration import SLOPE, SpatialConfigurationNet
from Testing.Python.networks.receptive_field import field, made_positive


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def appearance_parameters(d: int, width: int, landmarks: int, levels: int) -> int:
    """Three convolutions of 3^d per level, the first of which sees one channel, and the heatmap layer."""
    inner = 3**d * width * width + width
    return (3**d * width + width) + (3 * levels - 1) * inner + (3**d * width * landmarks + landmarks)


@pytest.mark.parametrize(("d", "width", "kernel", "total"), [(2, 128, 11, 6_778_826), (3, 64, 7, 5_717_514)])
def test_the_paper_preset_has_the_parameters_its_description_implies(
    d: int, width: int, kernel: int, total: int
) -> None:
    """37 landmarks of the hand. Spatial branch: 37 -> width -> width -> width -> 37, each kernel^d."""
    landmarks = 37
    spatial = kernel**d * (2 * landmarks * width + 2 * width * width) + 3 * width + landmarks
    expected = appearance_parameters(d, width, landmarks, 4) + spatial
    network = build_network(
        "spatial_configuration", landmarks=landmarks, **network_preset("spatial_configuration", "paper", d)
    )
    assert count(network) == expected == total


@pytest.mark.parametrize(("d", "width"), [(2, 128), (3, 64)])
def test_the_localization_unet_has_the_same_encoder_and_decoder(d: int, width: int) -> None:
    unet = build_network("localization_unet", landmarks=37, **network_preset("localization_unet", "paper", d))
    network = build_network(
        "spatial_configuration", landmarks=37, **network_preset("spatial_configuration", "paper", d)
    )
    assert isinstance(unet, LocalizationUNet) and isinstance(network, SpatialConfigurationNet)
    assert count(unet) == appearance_parameters(d, width, 37, 4)
    shapes = {name: tensor.shape for name, tensor in unet.body.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in network.appearance.state_dict().items()}


def test_every_convolution_but_the_heatmap_layers_is_followed_by_a_leaky_relu() -> None:
    network = SpatialConfigurationNet(5, width=4)
    kinds = (nn.Conv2d, nn.LeakyReLU, nn.Tanh)
    order = [type(m).__name__ for m in network.configuration if isinstance(m, kinds)]
    assert order == ["Conv2d", "LeakyReLU"] * 3 + ["Conv2d", "Tanh"]
    for contract, across in zip(network.appearance.contract, network.appearance.across, strict=True):
        assert [type(m).__name__ for m in contract][1:] == [
            "Conv2d",
            "LeakyReLU",
            "Dropout",
            "Conv2d",
            "LeakyReLU",
        ]
        assert [type(m).__name__ for m in across] == ["Conv2d", "LeakyReLU"]
    assert {m.negative_slope for m in network.modules() if isinstance(m, nn.LeakyReLU)} == {SLOPE} == {0.1}
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())


@pytest.mark.parametrize(("levels", "pixels"), [(1, 9), (2, 22), (3, 48), (4, 100), (6, 412)])
def test_local_appearance_sees_the_pixels_its_layers_imply(levels: int, pixels: int) -> None:
    """Down: 4 pixels of the level per two convolutions, 1 per pooling; lowest level one convolution more.

    Up: 1 cell per interpolation, then the heatmap layer's 2. In pixels, with 2^l per cell of level l:
    1 + sum_l 4 * 2^l + sum_(l < deepest) 2^l + 2 * 2^deepest + sum_(l > 0) 2^l + 2.
    """
    deepest = levels - 1
    down = sum(4 * 2**level for level in range(levels)) + sum(2**level for level in range(deepest))
    up = 2 * 2**deepest + sum(2**level for level in range(1, levels))
    # In the middle of the image the even cell's two neighbours lie on either side: the full extent.
    assert 1 + down + up + 2 == pixels
    network = made_positive(SpatialConfigurationNet(1, width=1, levels=levels, spatial_pooling=1))
    size = max(32, 2 * 2 ** (levels - 1) * (pixels // 2 ** (levels - 1) // 2 + 2))
    image = torch.ones(1, 1, size, size, dtype=torch.double, requires_grad=True)
    assert field(network.appearance(image), image) == (pixels, pixels)


@pytest.mark.parametrize(("d", "cells", "pixels"), [(2, 41, 656), (3, 25, 200)])
def test_the_spatial_branch_sees_four_large_kernels(d: int, cells: int, pixels: int) -> None:
    """4 * (11 - 1) + 1 cells of 16 pixels in 2D: every cell of a 512-pixel image sees most of it; 4 * 6 + 1
    cells of 8 voxels in 3D: all of a volume of 96 x 96 x 192."""
    preset = network_preset("spatial_configuration", "paper", d)
    network = made_positive(SpatialConfigurationNet(1, **{**preset, "width": 1}))
    assert isinstance(network, SpatialConfigurationNet)
    convolutions = network.configuration[1:-1]
    grid = torch.ones(1, 1, *[cells + 4] * d, dtype=torch.double, requires_grad=True)
    assert field(convolutions(grid), grid) == (cells,) * d
    assert cells * preset["spatial_pooling"] == pixels


def test_heatmaps_are_appearance_times_configuration() -> None:
    torch.manual_seed(1)
    network = SpatialConfigurationNet(
        3, width=4, levels=2, spatial_kernel=3, spatial_pooling=4, heatmap_deviation=0.5
    ).eval()
    with torch.no_grad():
        output = network(torch.randn(1, 1, 16, 24))
        assert output.appearance is not None
        configuration = network.configuration(output.appearance)
    assert configuration.shape == output.heatmaps.shape
    assert configuration.abs().max() < 1 and configuration.std() > 1e-3
    assert torch.equal(output.heatmaps, output.appearance * configuration)


@pytest.mark.parametrize(("d", "deviation"), [(2, 1e-4), (3, 1e-3)])
def test_both_heatmap_layers_start_small_and_the_others_as_he(d: int, deviation: float) -> None:
    torch.manual_seed(0)
    network = SpatialConfigurationNet(
        40, **{**network_preset("spatial_configuration", "paper", d), "width": 24}
    )
    for layer in (network.appearance.heatmaps, network.configuration[-3]):
        assert float(layer.weight.detach().std()) == pytest.approx(deviation, rel=0.05)
    inner = network.appearance.across[1][0].weight
    fan_in = inner[0].numel()
    assert float(inner.detach().std()) == pytest.approx((2 / (1 + SLOPE**2) / fan_in) ** 0.5, rel=0.05)
    assert all(not p.abs().sum() for n, p in network.named_parameters() if n.endswith("bias"))


def test_with_a_stride_of_2_a_mirrored_image_can_give_mirrored_heatmaps() -> None:
    """The first kernel covers both pixels of a cell alike, so nothing shifts by half a pixel."""
    network = made_positive(SpatialConfigurationNet(1, width=2, levels=2, spatial_pooling=2, stem_stride=2))
    image = torch.rand(1, 1, 32, 32, dtype=torch.double)
    with torch.no_grad():
        straight, mirrored = network(image).heatmaps, network(image.flip(3)).heatmaps.flip(3)
    assert torch.allclose(straight, mirrored, atol=1e-6)
    assert not torch.allclose(straight, straight.flip(3), atol=1e-3)


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    network = SpatialConfigurationNet(2, width=8, levels=2, spatial_kernel=3, spatial_pooling=2, dropout=0.5)
    image = torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        assert not torch.equal(network(image).heatmaps, network(image).heatmaps)
        network.eval()
        assert torch.equal(network(image).heatmaps, network(image).heatmaps)
