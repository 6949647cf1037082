"""Parameters of the heatmap networks: ``paper`` as published, ``lite`` for training on a CPU.

A network is built with ``build_network(architecture, landmarks=..., inputs=..., **network_preset(...))``.
"""

from __future__ import annotations

from typing import Any

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.networks.monai_presets import MONAI_PRESETS

# By architecture, size and dimensions. Lite networks save width and image size rather than resolution: on
# cephalograms heatmaps as fine as the network's image were worth more than a finer image at half of it.
PRESETS: dict[str, dict[tuple[str, int], dict[str, Any]]] = {
    "spatial_configuration": {
        ("paper", 2): {
            "width": 128,
            "levels": 4,
            "dropout": 0.5,
            "spatial_kernel": 11,
            "spatial_pooling": 16,
            "heatmap_deviation": 1e-4,
        },
        ("paper", 3): {
            "width": 64,
            "levels": 4,
            "dropout": 0.5,
            "spatial_kernel": 7,
            "spatial_pooling": 8,
            "heatmap_deviation": 1e-3,
        },
        ("lite", 2): {
            "width": 32,
            "levels": 5,
            "dropout": 0.0,
            "spatial_kernel": 11,
            "spatial_pooling": 8,
            "heatmap_deviation": 1e-3,
        },
        ("lite", 3): {
            "width": 16,
            "levels": 4,
            "dropout": 0.0,
            "spatial_kernel": 5,
            "spatial_pooling": 8,
            "heatmap_deviation": 1e-3,
        },
    },
    "localization_unet": {
        ("paper", 2): {"width": 128, "levels": 4, "dropout": 0.5, "heatmap_deviation": 1e-4},
        ("paper", 3): {"width": 64, "levels": 4, "dropout": 0.5, "heatmap_deviation": 1e-3},
        # SCN's encoder and decoder, as in the paper: what differs is the spatial branch.
        ("lite", 2): {"width": 32, "levels": 5, "dropout": 0.0, "heatmap_deviation": 1e-3},
        ("lite", 3): {"width": 16, "levels": 5, "dropout": 0.0, "heatmap_deviation": 1e-3},
    },
    # The paper's numbers for cephalograms; in 3D, which it leaves to future work, U-Net's widths are halved.
    "appearance_context": {
        ("paper", 2): {
            "channels": [64, 128, 256, 512, 1024],
            "context_size": [32, 32],
            "context_width": 128,
            "context_kernel": 3,
            "context_dilations": [1, 1, 2, 4, 8, 8, 8],
        },
        ("paper", 3): {
            "channels": [32, 64, 128, 256],
            "context_size": [32, 32, 32],
            "context_width": 64,
            "context_kernel": 3,
            "context_dilations": [1, 1, 2, 4, 8, 8, 8],
        },
        ("lite", 2): {
            "channels": [16, 24, 32, 48, 64],
            "context_size": [32, 32],
            "context_width": 64,
            "context_kernel": 3,
            "context_dilations": [1, 1, 2, 4, 8, 8, 8],
        },
        ("lite", 3): {
            "channels": [8, 16, 24, 32],
            "context_size": [16, 16, 16],
            "context_width": 24,
            "context_kernel": 3,
            "context_dilations": [1, 1, 2, 4, 4, 2, 1],
        },
    },
    # The slides give no numbers: these widths are ours.
    "fully_convolutional": {
        ("paper", 2): {"design": "cnn2", "channels": [64, 128, 256], "dropout": 0.2},
        ("paper", 3): {"design": "cnn2", "channels": [32, 64, 128], "dropout": 0.2},
        ("lite", 2): {
            "design": "cnn2",
            "channels": [24, 32, 48, 64, 96],
            "dropout": 0.1,
            "stem_stride": 2,
        },
        ("lite", 3): {"design": "cnn2", "channels": [8, 16, 24, 32], "dropout": 0.1, "stem_stride": 2},
    },
    # Ours; "paper" is wide, for a GPU. How many levels the chain has, its protocol says.
    "chain_unet": {
        ("paper", 2): {"channels": [64, 96, 128, 192, 256, 256], "context": 3, "stem_stride": 2},
        ("paper", 3): {"channels": [32, 48, 64, 96, 128], "context": 3, "stem_stride": 2},
        ("lite", 2): {"channels": [32, 48, 64, 96, 128], "context": 2, "coarse": 2, "stem_stride": 4},
        ("lite", 3): {"channels": [16, 24, 32, 48, 64], "context": 2, "coarse": 2, "stem_stride": 2},
    },
    # As published in 2D; the 3D numbers are ours, for memory.
    "stacked_hourglass": {
        ("paper", 2): {"stacks": 8, "width": 256, "depth": 4, "dropout": 0.0, "stem_stride": 4},
        ("paper", 3): {"stacks": 4, "width": 128, "depth": 4, "dropout": 0.0, "stem_stride": 4},
        ("lite", 2): {"stacks": 2, "width": 64, "depth": 4, "dropout": 0.0, "stem_stride": 2},
        ("lite", 3): {"stacks": 2, "width": 24, "depth": 3, "dropout": 0.0, "stem_stride": 2},
    },
}


def network_preset(architecture: str, size: str, dimensions: int) -> dict[str, Any]:
    """Parameters of an architecture beside landmarks and inputs; a new dictionary each time.

    Parameters
    ----------
    size : {"paper", "lite"}
    dimensions : {2, 3}

    Raises
    ------
    ModelError
        There is no such preset.
    """
    known = PRESETS | MONAI_PRESETS
    presets = known.get(architecture, {})
    if (size, dimensions) not in presets:
        raise ModelError(
            f"There is no preset {size!r} of {architecture!r} in {dimensions}D; there are paper and lite, "
            f"in 2D and 3D, of {', '.join(known)}."
        )
    return {"dimensions": dimensions, **presets[size, dimensions]}
