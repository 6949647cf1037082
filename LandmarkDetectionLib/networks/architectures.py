"""Network architectures by name, one file each.

A model package names its architecture and parameters; only what is listed here can be built from a file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.errors import ModelError

if TYPE_CHECKING:
    import torch

ARCHITECTURES: dict[str, str] = {
    "regression_cnn": "RegressionCNN",
    "silhouette_unet": "SilhouetteUNet",
    "spatial_configuration": "SpatialConfigurationNet",
    "localization_unet": "LocalizationUNet",
    "appearance_context": "AppearanceContextNet",
    "fully_convolutional": "FullyConvolutionalNet",
    "stacked_hourglass": "StackedHourglassNet",
    "ensemble": "HeatmapEnsemble",
    "q_network": "QNetwork",
}


def build_network(architecture: str, **parameters: Any) -> torch.nn.Module:
    """A network with fresh weights.

    Raises
    ------
    ModelError
        When the architecture is unknown or does not take these parameters.
    """
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f"The network architecture {architecture!r} is unknown; known are {', '.join(ARCHITECTURES)}."
        )
    module = import_module(f"LandmarkDetectionLib.networks.{architecture}")
    try:
        network: torch.nn.Module = getattr(module, ARCHITECTURES[architecture])(**parameters)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"The network {architecture!r} cannot be built with these parameters: {error}."
        ) from None
    return network
