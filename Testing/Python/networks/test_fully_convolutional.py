"""The slides' "CNN 1" and "CNN 2": made of their four parts only, and seeing what these imply."""

import pytest
import torch
from torch import nn

from LandmarkDetectionLib.networks.fully_convolutional import FullyConvolutionalNet
from Testing.Python.networks.receptive_field import made_positive


def parts(network: nn.Module) -> list[str]:
    names = []
    for m in network.modules():
        if isinstance(m, nn.Conv2d):
            names.append(f"conv{m.kernel_size[0]}-{m.out_channels}")
        elif isinstance(m, nn.MaxPool2d | nn.Upsample):
            names.append(type(m).__name__)
    return names


def test_cnn_1_upsamples_its_coarse_heatmaps_once() -> None:
    assert parts(FullyConvolutionalNet(7, design="cnn1", channels=[4, 8, 16])) == [
        *["conv3-4", "conv3-4"],
        *["MaxPool2d", "conv3-8", "conv3-8"],
        *["MaxPool2d", "conv3-16", "conv3-16"],
        *["conv1-16", "conv1-7", "Upsample"],
    ]


def test_cnn_2_comes_back_level_by_level() -> None:
    assert parts(FullyConvolutionalNet(7, design="cnn2", channels=[4, 8, 16])) == [
        *["conv3-4", "conv3-4"],
        *["MaxPool2d", "conv3-8", "conv3-8"],
        *["MaxPool2d", "conv3-16", "conv3-16"],
        *["Upsample", "conv3-8", "Upsample", "conv3-4"],
        *["conv1-4", "conv1-7"],
    ]


@pytest.mark.parametrize("design", ["cnn1", "cnn2"])
def test_parameters_are_those_of_its_layers(design: str) -> None:
    """No bias before batch normalisation, which has two numbers per channel."""
    widths = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256)]
    widths += [(256, 128), (128, 64)] if design == "cnn2" else []
    last = widths[-1][1]
    expected = sum(9 * i * o + 2 * o for i, o in widths) + last * last + 2 * last + last * 19 + 19
    network = FullyConvolutionalNet(19, design=design)
    assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize(("design", "pixels"), [("cnn1", 36), ("cnn2", 44)])
def test_it_sees_the_pixels_its_layers_imply(design: str, pixels: int) -> None:
    """Down: 1 + 4 + 1 + 8 + 2 + 16 = 32 pixels at the coarsest level, whose cells are 4 pixels apart.

    CNN 1: a pixel lies between two coarse cells: 32 + 4 = 36. CNN 2: the last convolution sees three pixels,
    so three cells of 2 pixels, so through the convolution there five of them, which lie between four coarse
    cells: 32 + 3 * 4 = 44. Maxima pass the gradient to one pixel each, so what is measured here is which rows
    of pixels change the output.
    """
    network = made_positive(FullyConvolutionalNet(1, design=design, channels=[1, 1, 1], dropout=0.0))
    size = 64
    base = torch.ones(1, 1, size, size, dtype=torch.double)
    with torch.no_grad():
        before = network(base).heatmaps[0, 0]
        reached = []
        for row in range(size):
            image = base.clone()
            image[0, 0, row, 28:36] = 2.0
            after = network(image).heatmaps[0, 0]
            reached.append(bool((after[32] - before[32]).abs().max() > 1e-12))
    extent = size - reached[::-1].index(True) - reached.index(True)
    assert extent == pixels


def test_spatial_dropout_drops_whole_channels() -> None:
    network = FullyConvolutionalNet(2, channels=[8, 8], dropout=0.5)
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout2d)] == [0.5]
