"""The first layer of any network as a picture."""

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.network_pictures import (
    first_kernels,
    kernel_figure,
)
from LandmarkDetectionLib.networks.architectures import build_network


def small_network(architecture: str, dimensions: int = 2) -> torch.nn.Module:
    torch.manual_seed(0)
    parameters = {
        "spatial_configuration": {"width": 4, "levels": 2, "spatial_kernel": 3, "spatial_pooling": 4},
        "localization_unet": {"width": 4, "levels": 2},
    }[architecture]
    return build_network(architecture, landmarks=3, dimensions=dimensions, **parameters).eval()


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
