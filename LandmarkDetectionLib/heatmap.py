"""Heatmaps as probability distributions: what a network is trained towards, and how positions are read off.

A heatmap here is a softmax over all cells and one more for "not in the image", so it sums to one per landmark.
Cell (row, column) of a map with stride s lies at pixel s * (index + 0.5) - 0.5.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Decoded(NamedTuple):
    """Positions read off B x L heatmaps.

    Attributes
    ----------
    position : (B, L, 2)
        Column and row in pixels.
    covariance : (B, L, 2, 2)
        Spread of the whole distribution about ``position``, square pixels.
    present : (B, L)
        Probability that the landmark lies in the image.
    window : (B, L, h, w)
        Distribution near the position, sums to one.
    """

    position: Tensor
    covariance: Tensor
    present: Tensor
    window: Tensor


def cell_centres(count: int, stride: float, device: torch.device | str = "cpu") -> Tensor:
    """Pixel coordinate of every cell along one axis."""
    return (torch.arange(count, device=device) + 0.5) * stride - 0.5


def gaussian_targets(points: Tensor, rows: int, columns: int, stride: float, sigma: float) -> tuple[Tensor, Tensor]:
    """Separable target distributions for positions (B, L, 2) in pixels: (B, L, rows) and (B, L, columns).

    Each factor sums to one; ``sigma`` in cells.
    """
    cells = (points + 0.5) / stride - 0.5
    factors = []
    for axis, count in ((1, rows), (0, columns)):
        distance = torch.arange(count, device=points.device) - cells[..., axis : axis + 1]
        factors.append(torch.softmax(-0.5 * (distance / sigma) ** 2, dim=-1))
    return factors[0], factors[1]


def cross_entropy(logits: Tensor, absent: Tensor, points: Tensor, visible: Tensor, stride: float, sigma: float) -> Tensor:
    """Cross-entropy (B, L) of heatmaps with Gaussian targets, or with "absent" where not visible.

    Parameters
    ----------
    logits : (B, L, h, w), absent : (B, L)
    points : (B, L, 2)
        Column and row in pixels; ignored where not visible.
    visible : (B, L) bool
    """
    along_rows, along_columns = gaussian_targets(points, *logits.shape[-2:], stride, sigma)
    expected = ((logits @ along_columns[..., None]).squeeze(-1) * along_rows).sum(-1)
    total = torch.logsumexp(torch.cat([logits.flatten(2), absent[..., None]], dim=2), dim=2)
    return total - torch.where(visible, expected, absent)


def decode(logits: Tensor, absent: Tensor, stride: float, radius: int = 3) -> Decoded:
    """Positions of the most likely place, as the mean of the distribution within ``radius`` cells of its peak.

    The peak is the cell whose 3 x 3 neighbourhood holds most; the local mean is exact for the Gaussian targets that
    the network is trained with, and does not move towards a second peak elsewhere.
    """
    batch, landmarks, rows, columns = logits.shape
    everything = torch.softmax(torch.cat([logits.flatten(2), absent[..., None]], dim=2).float(), dim=2)
    present = 1 - everything[..., -1]
    map_ = everything[..., :-1].reshape(batch, landmarks, rows, columns)
    peak = torch.nn.functional.avg_pool2d(map_, 3, stride=1, padding=1).flatten(2).argmax(dim=2)
    peak_row, peak_column = peak // columns, peak % columns
    row_index = torch.arange(rows, device=logits.device)
    column_index = torch.arange(columns, device=logits.device)
    near = ((row_index - peak_row[..., None]).abs() <= radius)[..., :, None] & (
        (column_index - peak_column[..., None]).abs() <= radius
    )[..., None, :]
    window = map_ * near
    window = window / window.sum(dim=(2, 3), keepdim=True).clamp_min(1e-12)
    y, x = cell_centres(rows, stride, logits.device), cell_centres(columns, stride, logits.device)
    position = torch.stack([(window.sum(2) * x).sum(-1), (window.sum(3) * y).sum(-1)], dim=-1)
    whole = map_ / map_.sum(dim=(2, 3), keepdim=True).clamp_min(1e-12)
    dx, dy = x - position[..., 0:1], y - position[..., 1:2]
    xx = (whole.sum(2) * dx**2).sum(-1)
    yy = (whole.sum(3) * dy**2).sum(-1)
    xy = ((whole * dy[..., :, None]).sum(2) * dx).sum(-1)
    covariance = torch.stack([xx, xy, xy, yy], dim=-1).reshape(batch, landmarks, 2, 2)
    return Decoded(position, covariance, present, window)


def sample(maps: Tensor, points: Tensor, stride: float) -> Tensor:
    """Values (B, L) of maps (B, L, h, w) at pixel positions (B, L, 2), from the nearest cell."""
    rows, columns = maps.shape[-2:]
    cells = ((points + 0.5) / stride - 0.5).round().long()
    index = cells[..., 1].clamp(0, rows - 1) * columns + cells[..., 0].clamp(0, columns - 1)
    return maps.flatten(2).gather(2, index[..., None]).squeeze(-1)
