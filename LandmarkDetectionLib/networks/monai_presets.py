"""Parameters of MONAI's networks: ``paper`` as wide as published, ``lite`` for training on a CPU."""

from __future__ import annotations

from typing import Any

_WIDE_SWIN: dict[str, Any] = {"width": 48, "depths": [2, 2, 2, 2], "heads": [3, 6, 12, 24]}

MONAI_PRESETS: dict[str, dict[tuple[str, int], dict[str, Any]]] = {
    "monai_segresnet": {
        ("paper", 2): {"filters": 32, "blocks_down": [1, 2, 2, 4], "blocks_up": [1, 1, 1]},
        ("paper", 3): {"filters": 32, "blocks_down": [1, 2, 2, 4], "blocks_up": [1, 1, 1]},
        ("lite", 2): {"filters": 16, "blocks_down": [1, 1, 1, 1, 1], "blocks_up": [1, 1, 1, 1]},
        ("lite", 3): {"filters": 8, "blocks_down": [1, 1, 1, 2], "blocks_up": [1, 1, 1]},
    },
    "monai_dynunet": {
        ("paper", 2): {"filters": [32, 64, 128, 256, 512, 512], "features": 32},
        ("paper", 3): {"filters": [32, 64, 128, 256, 320], "features": 32},
        ("lite", 2): {"filters": [16, 32, 48, 64, 96]},
        ("lite", 3): {"filters": [12, 24, 48, 64]},
    },
    "monai_swin_unetr": {
        ("paper", 2): {**_WIDE_SWIN, "features": 48},
        ("paper", 3): {**_WIDE_SWIN, "features": 48},
        ("lite", 2): {"width": 12, "depths": [1, 1, 1, 1], "heads": [3, 6, 12, 24]},
        ("lite", 3): {"width": 12, "depths": [1, 1, 1, 1], "heads": [3, 6, 12, 24]},
    },
    "monai_flexible_unet": {
        ("paper", 2): {"backbone": "efficientnet-b4", "decoder": [256, 128, 64, 32, 16]},
        ("paper", 3): {"backbone": "efficientnet-b4", "decoder": [256, 128, 64, 32, 16]},
        ("lite", 2): {"backbone": "efficientnet-b0", "decoder": [64, 48, 32, 24, 16]},
        ("lite", 3): {"backbone": "efficientnet-b0", "decoder": [48, 32, 24, 16, 12], "features": 12},
    },
}

#: Of the spatial branch by size and dimensions: as in the presets of SpatialConfiguration-Net.
SPATIAL: dict[tuple[str, int], dict[str, Any]] = {
    ("paper", 2): {"spatial": True, "spatial_width": 128, "spatial_kernel": 11, "spatial_pooling": 16},
    ("paper", 3): {"spatial": True, "spatial_width": 64, "spatial_kernel": 7, "spatial_pooling": 8},
    ("lite", 2): {"spatial": True, "spatial_width": 32, "spatial_kernel": 11, "spatial_pooling": 8},
    ("lite", 3): {"spatial": True, "spatial_width": 16, "spatial_kernel": 5, "spatial_pooling": 8},
}
