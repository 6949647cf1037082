"""Heatmaps as probability distributions: what a network is trained towards, and how positions are read off.

A heatmap here is a softmax over all voxels and one more for "not in the image", so it sums to one per
landmark. Voxel (row, column) of a map with stride s lies at pixel s * (index + 0.5) - 0.5.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Decoded(NamedTuple):
    """Positions read off B x L distributions.

    Attributes
    ----------
    position : (B, L, 2)
        Column and row in pixels.
    covariance : (B, L, 2, 2)
        Spread of the whole distribution about ``position``, square pixels.
    window : (B, L, h, w)
        Distribution near the position, sums to one.
    """

    position: Tensor
    covariance: Tensor
    window: Tensor


def pixel_centres(count: int, stride: float, device: torch.device | str = "cpu") -> Tensor:
    """Pixel coordinate of every voxel along one axis."""
    return (torch.arange(count, device=device) + 0.5) * stride - 0.5


def gaussian_targets(
    points: Tensor, rows: int, columns: int, stride: float, sigma: float
) -> tuple[Tensor, Tensor]:
    """Separable target distributions for positions (B, L, 2) in pixels: (B, L, rows) and (B, L, columns).

    Each factor sums to one; ``sigma`` in voxels.
    """
    voxels = (points + 0.5) / stride - 0.5
    factors = []
    for axis, count in ((1, rows), (0, columns)):
        distance = torch.arange(count, device=points.device) - voxels[..., axis : axis + 1]
        factors.append(torch.softmax(-0.5 * (distance / sigma) ** 2, dim=-1))
    return factors[0], factors[1]


def cross_entropy(
    logits: Tensor, absent: Tensor, points: Tensor, visible: Tensor, stride: float, sigma: float
) -> Tensor:
    """Cross-entropy (B, L) of heatmaps with Gaussian targets, or with "absent" where not visible.

    Parameters
    ----------
    logits : (B, L, h, w), absent : (B, L)
    points : (B, L, 2)
        Column and row in pixels; ignored where not visible.
    visible : (B, L) bool
    """
    rows, columns = logits.shape[-2:]
    along_rows, along_columns = gaussian_targets(points, rows, columns, stride, sigma)
    expected = ((logits @ along_columns[..., None]).squeeze(-1) * along_rows).sum(-1)
    total = torch.logsumexp(torch.cat([logits.flatten(2), absent[..., None]], dim=2), dim=2)
    return total - torch.where(visible, expected, absent)


def distribution(logits: Tensor, absent: Tensor) -> tuple[Tensor, Tensor]:
    """Probability of every voxel (B, L, h, w), whose sum is that of presence (B, L)."""
    everything = torch.softmax(torch.cat([logits.flatten(2), absent[..., None]], dim=2).float(), dim=2)
    return everything[..., :-1].reshape(logits.shape), 1 - everything[..., -1]


def decode(probability: Tensor, stride: float, bandwidth: float = 2.0, iterations: int = 12) -> Decoded:
    """Positions of the most likely place: the mode of the distribution smoothed by a Gaussian.

    Mean shift (Comaniciu and Meer 2002) from the voxel whose 3 x 3 neighbourhood holds most: the mean
    under a Gaussian window about the position is the next position. It is exact for the Gaussian targets
    that networks are trained with, ends at the same place whichever of several neighbouring peaks is the
    highest, and does not move towards a peak far away.

    Parameters
    ----------
    probability : (B, L, h, w)
        From ``distribution``; need not sum to one.
    bandwidth : float
        Standard deviation of the window in voxels.
    """
    rows, columns = probability.shape[-2:]
    peak = torch.nn.functional.avg_pool2d(probability, 3, stride=1, padding=1).flatten(2).argmax(dim=2)
    y, x = (pixel_centres(n, stride, peak.device).to(probability) for n in (rows, columns))
    position = torch.stack([x[peak % columns], y[peak // columns]], dim=-1)
    scale = -0.5 / (bandwidth * stride) ** 2
    for _ in range(iterations):
        along_rows = torch.exp(scale * (y - position[..., 1:2]) ** 2)
        along_columns = torch.exp(scale * (x - position[..., 0:1]) ** 2)
        window = _normalised(probability * along_rows[..., :, None] * along_columns[..., None, :])
        position = torch.stack([(window.sum(2) * x).sum(-1), (window.sum(3) * y).sum(-1)], dim=-1)
    whole = _normalised(probability)
    dx, dy = x - position[..., 0:1], y - position[..., 1:2]
    xx, yy = (whole.sum(2) * dx**2).sum(-1), (whole.sum(3) * dy**2).sum(-1)
    xy = ((whole * dy[..., :, None]).sum(2) * dx).sum(-1)
    covariance = torch.stack([xx, xy, xy, yy], dim=-1).unflatten(-1, (2, 2))
    return Decoded(position, covariance, window)


def mass_within(probability: Tensor, position: Tensor, stride: float, radius: float | Tensor) -> Tensor:
    """Probability (B, L) of the landmark lying within ``radius`` pixels of a position (B, L, 2) in pixels.

    A tensor of radii is one per image, (B,).
    """
    rows, columns = probability.shape[-2:]
    dy = pixel_centres(rows, stride, position.device) - position[..., 1:2]
    dx = pixel_centres(columns, stride, position.device) - position[..., 0:1]
    if isinstance(radius, Tensor):
        radius = radius[:, None, None, None]
    near = dy[..., :, None] ** 2 + dx[..., None, :] ** 2 <= radius**2
    return (probability * near).sum(dim=(2, 3))


def _normalised(probability: Tensor) -> Tensor:
    return probability / probability.sum(dim=(2, 3), keepdim=True).clamp_min(1e-12)


def sample(maps: Tensor, points: Tensor, stride: float) -> Tensor:
    """Values (B, L) of maps (B, L, h, w) at pixel positions (B, L, 2), from the nearest voxel."""
    rows, columns = maps.shape[-2:]
    voxels = ((points + 0.5) / stride - 0.5).round().long()
    index = voxels[..., 1].clamp(0, rows - 1) * columns + voxels[..., 0].clamp(0, columns - 1)
    return maps.flatten(2).gather(2, index[..., None]).squeeze(-1)
