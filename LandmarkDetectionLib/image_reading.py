"""What a heatmap network says of one image, looked at in one go or, where it is large, in tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from LandmarkDetectionLib.gaussian_heatmap import heatmap_distribution
from LandmarkDetectionLib.heatmap_reading import Reading, read_distribution, read_heatmaps
from LandmarkDetectionLib.tiling import tiled_peaks

#: Images larger than the network's canvas by this factor along any axis are looked at in tiles.
LARGER = 1.5


def needs_tiles(shape: Sequence[int], canvas: Sequence[int]) -> bool:
    """Whether an image is too large for one go."""
    return any(n > LARGER * tile for n, tile in zip(shape, canvas, strict=True))


def read_image(
    network: Any,
    image: np.ndarray,
    canvas: Sequence[int],
    logits: bool,
    radius: float,
    peaks: Sequence[float],
    device: str = "cpu",
) -> tuple[Reading, Tensor | None]:
    """Positions in an image, and its heatmaps (1, L, *S); None where it was looked at in tiles.

    Parameters
    ----------
    image : (C, *S) float32
        S multiples of the network's ``multiple``.
    canvas
        What the network was trained on, along S.
    logits, radius, peaks
        See `heatmap_reading.read_heatmaps`.
    """
    # Not on CPUs, many of which only imitate it.
    half = torch.autocast(device, torch.bfloat16, enabled=device == "cuda")
    if needs_tiles(image.shape[1:], canvas):
        with half:
            return _read_in_tiles(network, image, canvas, logits, radius, peaks, device), None
    with torch.inference_mode(), half:
        heatmaps = network(torch.from_numpy(image)[None].to(device)).heatmaps.float()
    return read_heatmaps(heatmaps, logits, network.stride, radius, peaks), heatmaps.cpu()


def _read_in_tiles(
    network: Any,
    image: np.ndarray,
    canvas: Sequence[int],
    logits: bool,
    radius: float,
    peaks: Sequence[float],
    device: str,
) -> Reading:
    """As in one go, but of each landmark only the heatmap about its highest place is kept."""
    stride = int(network.stride)
    seen = tiled_peaks(
        image,
        network,
        canvas,
        radius=max(8, int(np.ceil(1.5 * radius / stride))),
        distribution=(lambda heatmaps: heatmap_distribution(heatmaps)[0]) if logits else None,
        device=device,
    )
    windows = torch.from_numpy(seen.window)[None]
    if logits:
        # Tiles that both see a landmark may together say a little more than one.
        present = torch.from_numpy(seen.mass).float().clamp(max=1)[None]
        reading = read_distribution(windows, present, stride, radius)
    else:
        reading = read_heatmaps(windows, False, stride, radius, peaks)
    # Positions count from the window's first cell, whose centre lies half a stride inside.
    return reading._replace(position=reading.position + seen.origin - (stride - 1) / 2)
