"""Where annotators mark the corners of vertebrae: the ends of end plates as they are seen."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.spine.trunk import Trunk
from LandmarkDetectionLib.typing import Array


def corners(trunk: Trunk, seen: Array) -> Array:
    """Corners (68, 2) px of a projected trunk (N, 3), in the order of the protocol ``spine-68``.

    Of every vertebra upper left, upper right, lower left, lower right of the picture: the points of the rim
    of an end plate that lie farthest across the vertebra's own axis in the picture.
    """
    rims = seen[trunk.rims, :2].astype(np.float64)  # (17, 2, RIM, 2)
    down = rims[:, 1].mean(axis=1) - rims[:, 0].mean(axis=1)
    across = np.stack([down[:, 1], -down[:, 0]], axis=1)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    reach = np.einsum("verk,vk->ver", rims, across)
    ends = [_end(rims, sign * reach) for sign in (-1, 1)]
    return np.stack(ends, axis=2).reshape(-1, 2)


def _end(rims: Array, reach: Array) -> Array:
    """Mean (17, 2, 2) of the two outermost points of every rim."""
    outermost = np.argsort(reach, axis=2)[:, :, -2:]
    return np.asarray(np.take_along_axis(rims, outermost[..., None], axis=2).mean(axis=2))
