"""Every heatmap network and every loss learns a small task: a bright and a dark blob in noise."""

from typing import Any

import pytest
import torch
from torch import Tensor

from LandmarkDetectionLib.heatmaps.gaussian import decode_local_soft_argmax, gaussian_heatmaps
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.training.supervised.losses import LOSSES, build_loss

SIZE, STEPS = 32, 80
NETWORKS: dict[str, dict[str, Any]] = {
    "spatial_configuration": {
        "width": 4,
        "levels": 3,
        "dropout": 0.0,
        "spatial_kernel": 3,
        "spatial_pooling": 4,
        "heatmap_deviation": 0.05,
    },
    "localization_unet": {"width": 4, "levels": 3, "dropout": 0.0, "heatmap_deviation": 0.05},
    "appearance_context": {
        "channels": [8, 12, 16],
        "context_size": [8, 8],
        "context_width": 4,
        "context_dilations": [1, 2],
    },
    "fully_convolutional": {"channels": [4, 6, 8], "dropout": 0.0},
    "stacked_hourglass": {"stacks": 2, "width": 8, "depth": 2},
}


def blobs(images: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    points = 6 + (SIZE - 12) * torch.rand(images, 2, 2, generator=generator)
    bright, dark = gaussian_heatmaps(points, (SIZE, SIZE), 2.0).unbind(1)
    noise = 0.05 * torch.randn(images, SIZE, SIZE, generator=generator)
    return (bright - dark + noise)[:, None], points


def error_after_training(architecture: str, loss: str) -> float:
    """Mean distance in cells on images that training did not see; guessing the middle is about 7.6 off."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    network = build_network(architecture, landmarks=2, **NETWORKS[architecture])
    other = {"weights": [1.0, 2.0]} if loss == "weighted-mse" else {}
    criterion = build_loss(loss, 2, 2, sigma=1.5, **other)
    optimiser = torch.optim.Adam([*network.parameters(), *criterion.parameters()], lr=1e-2)
    known = torch.ones(4, 2, dtype=torch.bool)
    for _ in range(STEPS):
        images, points = blobs(4, generator)
        optimiser.zero_grad()
        criterion(network(images), points, known, known).backward()
        optimiser.step()
    images, points = blobs(32, generator)
    with torch.no_grad():
        found = decode_local_soft_argmax(network(images).heatmaps)
    return float((found - points).norm(dim=-1).mean())


@pytest.mark.parametrize("architecture", NETWORKS)
def test_every_network_learns(architecture: str) -> None:
    assert error_after_training(architecture, "cross-entropy") < 1.5


@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "cross-entropy"])
def test_every_loss_teaches(loss: str) -> None:
    assert error_after_training("localization_unet", loss) < 1.0
