"""A model of grey values in volumes with a very small untrained network, and a volume that it can look at."""

from pathlib import Path

import numpy as np
import torch

from LandmarkDetectionLib.core.protocol import protocol_of_names
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.models import Model, save_model
from LandmarkDetectionLib.networks.architectures import build_network
from Testing.examples.blob_data import NAMES, spots

#: A turned, left-handed grid of unequal voxels.
GRID = np.array([[0.0, -1.5, 0.0, 40.0], [1.2, 0.0, 0.2, -7.0], [0.0, 0.3, 2.0, 110.0], [0, 0, 0, 1]])


def save_small_model(folder: Path) -> Model:
    """Write the package; its answers mean nothing, but they are always the same."""
    torch.manual_seed(3)
    parameters = {"landmarks": len(NAMES), "dimensions": 3, "channels": [4, 6], "dropout": 0.0}
    network = build_network("fully_convolutional", **parameters)
    settings = {
        "shape": [24, 24, 24],
        "spacing": [2.0, 2.0, 2.0],
        "intensity": "standardise",
        "heatmaps": "logits",
        "sigma": dict.fromkeys(NAMES, 1.0),
        "radius": 4.0,
        "unit": "mm",
        "calibration": {"scores": [0.0, 1.0], "shares": [0.0, 1.0]},
    }
    return save_model(
        folder,
        name="small",
        version="1.0.0",
        protocol=protocol_of_names(NAMES, "Spots"),
        networks={"heatmap": ("fully_convolutional", parameters, network.state_dict())},
        settings=settings,
        detector="heatmap",
        card="An untrained network for tests.",
    )


def small_volume() -> Volume:
    """Three spots in noise, as whole numbers on an oblique grid."""
    image, _ = spots(np.random.default_rng(5), (20, 24, 28))
    return Volume(np.rint(100 * image[0]).astype(np.int16), GRID)
