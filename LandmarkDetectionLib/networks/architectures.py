"""Network architectures by name, one file each, but for those of MONAI, which share one.

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
    "chain_unet": "ChainUNet",
    "ensemble": "HeatmapEnsemble",
    "q_network": "QNetwork",
    "monai_segresnet": "MonaiSegResNet",
    "monai_dynunet": "MonaiDynUNet",
    "monai_swin_unetr": "MonaiSwinUNETR",
    "monai_flexible_unet": "MonaiFlexibleUNet",
}
OF_MONAI = tuple(name for name in ARCHITECTURES if name.startswith("monai_"))


def build_network(architecture: str, **parameters: Any) -> torch.nn.Module:
    """A network with fresh weights.

    Raises
    ------
    ModelError
        When the architecture is unknown or does not take these parameters.
    MissingPackageError
        When it is one of MONAI, which is not installed.
    """
    if architecture not in ARCHITECTURES:
        raise ModelError(
            f"The network architecture {architecture!r} is unknown; known are {', '.join(ARCHITECTURES)}."
        )
    file = "monai_networks" if architecture in OF_MONAI else architecture
    module = import_module(f"LandmarkDetectionLib.networks.{file}")
    try:
        network: torch.nn.Module = getattr(module, ARCHITECTURES[architecture])(**parameters)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"The network {architecture!r} cannot be built with these parameters: {error}."
        ) from None
    return network
