"""Kernels and heatmaps of networks as pictures, for any network that gives a HeatmapOutput."""

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.network_pictures import (
    first_kernels,
    heatmap_figure,
    kernel_figure,
    spatial_configuration,
)
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.heatmap_output import HeatmapOutput

NAMES = ("sella", "nasion", "gonion")


def small_network(architecture: str, dimensions: int = 2) -> torch.nn.Module:
    torch.manual_seed(0)
    parameters = {
        "spatial_configuration": {"width": 4, "levels": 2, "spatial_kernel": 3, "spatial_pooling": 4},
        "localization_unet": {"width": 4, "levels": 2},
    }[architecture]
    return build_network(architecture, landmarks=3, dimensions=dimensions, **parameters).eval()


def test_the_spatial_configuration_is_the_factor_of_the_final_heatmap() -> None:
    appearance = np.array([[1.0, -2.0], [0.5, 1e-6]])
    factor = np.array([[0.5, 0.25], [-0.5, 0.9]])
    found = spatial_configuration(appearance * factor, appearance)
    assert found[0].tolist() == [0.5, 0.25]
    assert found[1, 0] == -0.5
    assert np.isnan(found[1, 1])


def test_kernels_are_those_of_the_first_convolution() -> None:
    network = small_network("spatial_configuration")
    first = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
    assert np.array_equal(first_kernels(network), first.weight.detach().numpy()[:, 0].astype(float))
    shown = [axes for axes in kernel_figure(network).axes if axes.images]
    assert len(shown) == 4
    assert np.array_equal(shown[0].images[0].get_array(), first_kernels(network)[0])
    assert first_kernels(small_network("localization_unet", 3)).shape == (4, 3, 3)


def test_a_network_without_convolutions_is_refused() -> None:
    with pytest.raises(InputError, match="no convolution"):
        first_kernels(torch.nn.Linear(2, 2))


def test_every_chosen_landmark_is_a_row_and_every_branch_a_column() -> None:
    image = torch.rand(1, 1, 32, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        output = small_network("spatial_configuration")(image)
    figure = heatmap_figure(image, output, NAMES, ["gonion", "sella"])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:4] == ["image", "local appearance", "spatial configuration", "final"]
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["gonion", "sella"]
    with torch.no_grad():
        plain = small_network("localization_unet")(image)
    assert len(heatmap_figure(image, plain, NAMES).axes) == 3 * 2


def test_earlier_stacks_are_drawn_too() -> None:
    heatmaps = torch.zeros(1, 3, 8, 8)
    heatmaps[0, :, 2, 5] = 1
    output = HeatmapOutput(heatmaps, None, (heatmaps / 2, heatmaps))
    figure = heatmap_figure(torch.rand(1, 1, 16, 16), output, NAMES, ["nasion"])
    assert [axes.get_title() for axes in figure.axes] == ["image", "stack 1", "stack 2", "final"]
    drawn = figure.axes[3].images[1].get_array()
    # Opaque at the peak, clear elsewhere; two pixels per cell.
    assert drawn[2, 5, 3] > 0.8 and drawn[0, 0, 3] == 0
    assert figure.axes[3].images[1].get_extent() == [-0.5, 15.5, 15.5, -0.5]


def test_of_a_volume_the_slice_of_the_peak_is_shown() -> None:
    image = torch.zeros(1, 1, 6, 8, 8)
    image[0, 0, 4] = torch.rand(8, 8)
    heatmaps = torch.zeros(1, 1, 6, 8, 8)
    heatmaps[0, 0, 4, 3, 2] = 1
    figure = heatmap_figure(image, HeatmapOutput(heatmaps), ["tip"])
    assert np.array_equal(figure.axes[0].images[0].get_array(), image[0, 0, 4].double().numpy())


def test_unknown_landmarks_are_refused() -> None:
    output = HeatmapOutput(torch.zeros(1, 3, 8, 8))
    with pytest.raises(InputError, match="no landmark porion; it has sella"):
        heatmap_figure(torch.zeros(1, 1, 8, 8), output, NAMES, ["porion"])
    with pytest.raises(InputError, match="gives 3 heatmaps, but 2 names"):
        heatmap_figure(torch.zeros(1, 1, 8, 8), output, NAMES[:2])
