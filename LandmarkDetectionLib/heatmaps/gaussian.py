"""Heatmaps with one Gaussian per landmark, in 2D and 3D: targets, and how positions are read off.

Positions are (B, L, d) in heatmap voxels, in the order of the tensor's last axis first (column, row, slice).
Voxel c of a heatmap with stride s lies at input pixel s * (c + 0.5) - 0.5. ``heatmap`` is for the networks
whose heatmap and "not in the image" share one softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

import torch
from torch import Tensor


def heatmap_to_image(voxels: Tensor, stride: int) -> Tensor:
    """Positions in heatmap voxels to positions in input pixels; sizes scale by ``stride`` alone."""
    return (voxels + 0.5) * stride - 0.5


def image_to_heatmap(pixels: Tensor, stride: int) -> Tensor:
    """The inverse of ``heatmap_to_image``."""
    return (pixels + 0.5) / stride - 0.5


# --- targets --------------------------------------------------------------------------------------------


def axis_profiles(points: Tensor, size: Sequence[int], sigma: float | Tensor) -> list[Tensor]:
    """exp(-r^2 / (2 sigma^2)) along every axis of a heatmap, (B, L, n) each, first axis of the tensor first.

    A Gaussian is their outer product.
    """
    spread = torch.as_tensor(sigma, dtype=points.dtype, device=points.device).expand(points.shape[1])
    profiles = []
    for axis, count in enumerate(size):
        along = torch.arange(count, dtype=points.dtype, device=points.device)
        distance = along - points[..., len(size) - 1 - axis, None]
        profiles.append(torch.exp(-0.5 * (distance / spread[:, None]) ** 2))
    return profiles


def gaussian_heatmaps(
    points: Tensor,
    size: Sequence[int],
    sigma: float | Tensor,
    scale: float | None = None,
    present: Tensor | None = None,
) -> Tensor:
    """Target heatmaps (B, L, *size): s / (sqrt(2 pi) sigma)^d exp(-r^2 / (2 sigma^2)).

    Payer et al. 2019, equation 2. Gradients reach ``sigma``.

    Parameters
    ----------
    points : (B, L, d)
        In voxels; may lie between voxels and outside the heatmap.
    sigma : float or (L,) tensor
        In voxels.
    scale : float, optional
        s, the heatmap's sum; without it the peak is 1 (Reddy et al. 2021).
    present : (B, L) bool, optional
        The heatmap of a landmark that is not there is zero; its position may be NaN.
    """
    if present is not None:
        points = torch.where(present[..., None], points, torch.zeros_like(points))
    heatmaps = outer_product(axis_profiles(points, size, sigma))
    ones = (1,) * len(size)
    if scale is not None:
        spread = torch.as_tensor(sigma, dtype=points.dtype, device=points.device).expand(points.shape[1])
        heatmaps = heatmaps * (scale / (sqrt(2 * pi) * spread) ** len(size)).reshape(1, -1, *ones)
    if present is not None:
        heatmaps = heatmaps * present.reshape(*present.shape, *ones)
    return heatmaps


def gaussian_mass(peak: float, sigma: float, dimensions: int) -> float:
    """Sum over all voxels of a Gaussian, of which no part lies outside."""
    return float(peak * (sqrt(2 * pi) * sigma) ** dimensions)


def outer_product(profiles: Sequence[Tensor]) -> Tensor:
    """Profiles (B, L, n) of every axis to (B, L, n1, n2, ...)."""
    product = profiles[0]
    for profile in profiles[1:]:
        between = (1,) * (product.ndim - 2)
        product = product[..., None] * profile.reshape(*profile.shape[:2], *between, -1)
    return product


# --- decoding -------------------------------------------------------------------------------------------


def heatmap_distribution(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Of heatmaps trained by ``CrossEntropyLoss``: probability of every voxel, and of presence (B, L).

    A softmax over all voxels and one more, "absent", whose logit is 0; voxels sum to the presence.
    """
    flat = heatmaps.flatten(2).float()
    logits = torch.cat([flat, torch.zeros_like(flat[..., :1])], dim=2)
    probability = torch.softmax(logits, dim=2)[..., :-1]
    return probability.reshape(heatmaps.shape), probability.sum(dim=2)


def decode_local_soft_argmax(heatmaps: Tensor, bandwidth: float = 2.0, iterations: int = 24) -> Tensor:
    """The mean of the heatmap's positive part about its highest voxel.

    A fixed window about a voxel would pull towards it. Here the window is a Gaussian about the estimate
    itself, so a symmetric peak is its own mean (mean shift, Comaniciu and Meer 2002). Gradients reach the
    heatmaps. Closer than about 3 sigma to the border, what lies outside is missing and pulls inwards.

    Parameters
    ----------
    bandwidth : float
        Standard deviation of the window in voxels. Every iteration leaves sigma^2 / (sigma^2 + bandwidth^2)
        of the error: peaks up to sigma = 5 are read off exactly.
    """
    values, offsets, highest = _windows(heatmaps, round(3 * bandwidth))
    values = values.clamp_min(0) + 1e-12 * (offsets == 0).all(-1)  # a heatmap that is nowhere positive
    shift = torch.zeros_like(highest, dtype=values.dtype)
    for _ in range(iterations):
        distance = ((offsets - shift[:, :, None]) ** 2).sum(-1)
        weights = values * torch.exp(-0.5 * distance / bandwidth**2)
        weights = weights / weights.sum(-1, keepdim=True).clamp_min(1e-30)
        shift = (weights[..., None] * offsets).sum(2)
    return (highest + shift).flip(-1).to(heatmaps.dtype)


def _highest(heatmaps: Tensor) -> Tensor:
    """Index (B, L, d) of the highest voxel, first axis of the tensor first."""
    index = heatmaps.flatten(2).argmax(dim=2)
    along = []
    for count in reversed(heatmaps.shape[2:]):
        along.append(index % count)
        index = index // count
    return torch.stack(along[::-1], dim=-1)


def _steps(heatmaps: Tensor) -> Tensor:
    """How far (d,) the next voxel along every axis lies in the flattened heatmap."""
    size = heatmaps.shape[2:]
    steps = [int(torch.Size(size[axis + 1 :]).numel()) for axis in range(len(size))]
    return torch.tensor(steps, device=heatmaps.device)


def _windows(heatmaps: Tensor, radius: int) -> tuple[Tensor, Tensor, Tensor]:
    """Voxels about the highest one: values (B, L, n), zero outside; offsets (n, d); the highest (B, L, d)."""
    dimensions = heatmaps.ndim - 2
    highest = _highest(heatmaps)
    reach = torch.arange(-radius, radius + 1, device=heatmaps.device)
    offsets = torch.cartesian_prod(*[reach] * dimensions)
    voxels = highest[:, :, None] + offsets
    size = torch.tensor(heatmaps.shape[2:], device=heatmaps.device)
    inside = ((voxels >= 0) & (voxels < size)).all(-1)
    index = (torch.minimum(voxels.clamp_min(0), size - 1) * _steps(heatmaps)).sum(-1)
    values = heatmaps.flatten(2).gather(2, index)
    return torch.where(inside, values, torch.zeros_like(values)), offsets.to(heatmaps.dtype), highest
