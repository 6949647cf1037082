"""What a heatmap network says of one image, looked at in one go or, where it is large, in patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from LandmarkDetectionLib.heatmaps.decoding import Reading, read_distribution, read_heatmaps
from LandmarkDetectionLib.heatmaps.gaussian import heatmap_distribution
from LandmarkDetectionLib.heatmaps.ladder import Ladder
from LandmarkDetectionLib.heatmaps.sliding_window import sliding_window_peaks
from LandmarkDetectionLib.networks.heatmap_output import HeatmapOutput
from LandmarkDetectionLib.networks.threads import threads_for

#: Angle (radians, from x to y) and factor of the copies of an image that a network is asked about, too.
AUGMENTATIONS = ((0.1, 1.05), (-0.1, 0.95), (0.1, 0.95), (-0.1, 1.05))
#: Images larger than the network's patch by this factor along any axis are looked at in patches.
LARGER = 1.5


def needs_sliding_window(shape: Sequence[int], patch: Sequence[int]) -> bool:
    """Whether an image is too large for one go."""
    return any(n > LARGER * least for n, least in zip(shape, patch, strict=True))


def read_image(
    network: Any,
    image: np.ndarray,
    patch: Sequence[int],
    logits: bool,
    radius: float,
    masses: Sequence[float],
    device: str = "cpu",
    augmentations: int = 0,
    ladder: Ladder | None = None,
    size: Sequence[float] | None = None,
    mirror: Sequence[int] = (),
) -> tuple[Reading, HeatmapOutput | None]:
    """Positions in an image, and the network's answer; None where it was looked at in patches.

    Parameters
    ----------
    image : (C, *S) float32
        S multiples of the network's ``multiple``.
    patch
        What the network was trained on, along S.
    logits, radius, masses
        See `decoding.read_heatmaps`.
    augmentations, mirror
        See `averaged_output`; large images are looked at without.
    ladder
        See `decoding.read_heatmaps`; landmarks in large images are read one by one.
    size
        See `decoding.read_heatmaps`.
    """
    # Not on CPUs, many of which only imitate it.
    half = torch.autocast(device, torch.bfloat16, enabled=device == "cuda")
    large = needs_sliding_window(image.shape[1:], patch)
    voxels = np.prod(patch if large else image.shape[1:], dtype=np.int64)
    threads = threads_for(network, int(voxels))
    if large:
        with half, threads:
            return _read_by_sliding_window(network, image, patch, logits, radius, masses, device), None
    with torch.inference_mode(), half, threads:
        output = averaged_output(network, torch.from_numpy(image)[None].to(device), augmentations, mirror)
    return read_heatmaps(output.heatmaps, logits, network.stride, radius, masses, ladder, None, size), output


def averaged_output(
    network: Any, images: Tensor, augmentations: int = 0, mirror: Sequence[int] = ()
) -> HeatmapOutput:
    """A network's answer whose heatmaps are the mean of images and copies, slightly turned and scaled, mapped
    back; local appearance is that of the images themselves.

    What a network makes of one view of an image is partly chance; on cephalograms four copies took off 2 %
    of the error, for five times the computing.

    Parameters
    ----------
    images : (B, C, *spatial)
    augmentations
        How many of ``AUGMENTATIONS``, 0 to 4.
    mirror
        The image in a mirror is looked at, too: which landmark is which there, L indices; empty for without.
        The network must have learned from such.
    """
    first: HeatmapOutput = network(images)
    total = first.heatmaps.float()
    whole = torch.ones_like(total[:1, :1])
    weight = whole
    for angle, factor in AUGMENTATIONS[:augmentations]:
        heatmaps = network(_turned(images, angle, factor)).heatmaps.float()
        total = total + _turned(heatmaps, -angle, 1 / factor)
        # In the corners only some of the copies have anything.
        weight = weight + _turned(_turned(whole, angle, factor), -angle, 1 / factor)
    if mirror:
        total = total + network(images.flip(-1)).heatmaps.float().flip(-1)[:, list(mirror)]
        weight = weight + 1
    return first._replace(heatmaps=total / weight)


def _turned(x: Tensor, angle: float, factor: float) -> Tensor:
    """(B, C, *S) turned and scaled about the middle; zero where there was nothing."""
    d = x.ndim - 2
    size = torch.tensor(x.shape[:1:-1], dtype=torch.float32)
    linear = torch.eye(d)
    linear[:2, :2] = torch.tensor(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float32
    )
    linear = factor * linear * size[None, :] / size[:, None]
    matrix = torch.cat([linear, torch.zeros(d, 1)], dim=1).to(x.device)
    grid = torch.nn.functional.affine_grid(
        matrix[None].expand(len(x), -1, -1), list(x.shape), align_corners=False
    )
    return torch.nn.functional.grid_sample(x, grid, align_corners=False)


def _read_by_sliding_window(
    network: Any,
    image: np.ndarray,
    patch: Sequence[int],
    logits: bool,
    radius: float,
    masses: Sequence[float],
    device: str,
) -> Reading:
    """As in one go, but of each landmark only the heatmap about its highest place is kept."""
    stride = int(network.stride)
    seen = sliding_window_peaks(
        image,
        network,
        patch,
        radius=max(8, int(np.ceil(1.5 * radius / stride))),
        distribution=(lambda heatmaps: heatmap_distribution(heatmaps)[0]) if logits else None,
        device=device,
    )
    windows = torch.from_numpy(seen.window)[None]
    if logits:
        # Patches that both see a landmark may together say a little more than one.
        present = torch.from_numpy(seen.mass).float().clamp(max=1)[None]
        reading = read_distribution(windows, present, stride, radius)
    else:
        reading = read_heatmaps(windows, False, stride, radius, masses)
    # Positions count from the window's first voxel, whose centre lies half a stride inside.
    return reading._replace(position=reading.position + seen.origin - (stride - 1) / 2)
