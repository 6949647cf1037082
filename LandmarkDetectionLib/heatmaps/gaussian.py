"""Heatmaps with one Gaussian per landmark, in 2D and 3D: targets, and how positions are read off.

Positions are (B, L, d) in heatmap cells, in the order of the tensor's last axis first (column, row, slice).
Cell c of a heatmap with stride s lies at input pixel s * (c + 0.5) - 0.5. ``heatmap`` is for the networks
whose heatmap and "not in the image" share one softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import pi, sqrt
from typing import NamedTuple

import torch
from torch import Tensor


def cells_to_pixels(cells: Tensor, stride: int) -> Tensor:
    """Positions in heatmap cells to positions in input pixels; sizes scale by ``stride`` alone."""
    return (cells + 0.5) * stride - 0.5


def pixels_to_cells(pixels: Tensor, stride: int) -> Tensor:
    """The inverse of ``cells_to_pixels``."""
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
        In cells; may lie between cells and outside the heatmap.
    sigma : float or (L,) tensor
        In cells.
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
    """Sum over all cells of a Gaussian, of which no part lies outside."""
    return float(peak * (sqrt(2 * pi) * sigma) ** dimensions)


def outer_product(profiles: Sequence[Tensor]) -> Tensor:
    """Profiles (B, L, n) of every axis to (B, L, n1, n2, ...)."""
    product = profiles[0]
    for profile in profiles[1:]:
        between = (1,) * (product.ndim - 2)
        product = product[..., None] * profile.reshape(*profile.shape[:2], *between, -1)
    return product


# --- decoding -------------------------------------------------------------------------------------------


class GaussianFit(NamedTuple):
    """Gaussians fitted to B x L heatmaps.

    Attributes
    ----------
    position : (B, L, d)
        Centre in cells.
    covariance : (B, L, d, d)
        Square cells; of a target it is sigma^2 times the identity.
    """

    position: Tensor
    covariance: Tensor


def heatmap_distribution(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Of heatmaps trained by ``CrossEntropyLoss``: probability of every cell, and of presence (B, L).

    A softmax over all cells and one more, "absent", whose logit is 0; cells sum to the presence.
    """
    flat = heatmaps.flatten(2).float()
    logits = torch.cat([flat, torch.zeros_like(flat[..., :1])], dim=2)
    probability = torch.softmax(logits, dim=2)[..., :-1]
    return probability.reshape(heatmaps.shape), probability.sum(dim=2)


def decode_parabola(heatmaps: Tensor) -> Tensor:
    """The highest cell, moved along every axis to the top of the parabola through its neighbours.

    delta = (p- - p+) / (2 (p- - 2 p0 + p+)), none along an axis where the cell lies at the border (Payer et
    al. 2019). A Gaussian is no parabola: with sigma of one cell the error reaches 0.05 cells, and it falls
    with the square of sigma.
    """
    highest = _highest(heatmaps)
    position = highest.to(heatmaps.dtype)
    flat, steps = heatmaps.flatten(2), _steps(heatmaps)
    index = (highest * steps).sum(-1)
    centre = flat.gather(2, index[..., None])[..., 0]
    for axis, count in enumerate(heatmaps.shape[2:]):
        inside = (highest[..., axis] > 0) & (highest[..., axis] < count - 1)
        shift = torch.where(inside, steps[axis], torch.zeros_like(index))
        before, after = (flat.gather(2, (index + s)[..., None])[..., 0] for s in (-shift, shift))
        curvature = before - 2 * centre + after
        curved = inside & (curvature < 0)
        delta = 0.5 * (before - after) / torch.where(curved, curvature, torch.ones_like(curvature))
        position[..., axis] += torch.where(curved, delta, torch.zeros_like(delta))
    return position.flip(-1)


def decode_local_soft_argmax(heatmaps: Tensor, bandwidth: float = 2.0, iterations: int = 24) -> Tensor:
    """The mean of the heatmap's positive part about its highest cell.

    A fixed window about a cell would pull towards the cell. Here the window is a Gaussian about the estimate
    itself, so a symmetric peak is its own mean (mean shift, Comaniciu and Meer 2002). Gradients reach the
    heatmaps. Closer than about 3 sigma to the border, what lies outside is missing and pulls inwards.

    Parameters
    ----------
    bandwidth : float
        Standard deviation of the window in cells. Every iteration leaves sigma^2 / (sigma^2 + bandwidth^2)
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


def fit_gaussian(heatmaps: Tensor, radius: int = 3, floor: float = 0.05) -> GaussianFit:
    """Gaussians with full covariance, fitted to the cells about the highest one.

    The logarithm of a Gaussian is a polynomial of degree 2: weighted linear least squares give it in one
    step, with the squared height as weight so that the noise of low cells, which the logarithm magnifies,
    counts little (Guo 2011). Exact for any Gaussian with a sigma of at least one cell, also where the border
    cuts it or its centre lies just outside. As in Thaler et al. 2021, the covariance says along which
    direction a position is unsure.

    Where no Gaussian fits (fewer cells above the floor than coefficients, no peak, or one outside the
    window), the position is the parabola's and the covariance that of the window's cells.

    Parameters
    ----------
    radius : int
        The window holds (2 radius + 1)^d cells.
    floor : float
        Cells below this share of the peak are not used.
    """
    values, offsets, highest = _windows(heatmaps.double(), radius)
    dimensions = offsets.shape[-1]
    peak = values.amax(-1, keepdim=True)
    used = (values > floor * peak) & (values > 0)
    height = torch.where(used, values, torch.ones_like(values)) / torch.where(peak > 0, peak, 1.0)
    weight = torch.where(used, height**2, torch.zeros_like(values))

    pairs = list(combinations_with_replacement(range(dimensions), 2))
    columns = [torch.ones_like(offsets[:, 0]), *offsets.T]
    columns += [offsets[:, i] * offsets[:, j] for i, j in pairs]
    design = torch.stack(columns, dim=-1)
    normal = torch.einsum("blk,km,kn->blmn", weight, design, design)
    # So little regularisation that the centre moves by a millionth of a cell, and nothing is singular.
    normal = normal + 1e-9 * torch.eye(design.shape[1], dtype=normal.dtype, device=normal.device)
    right = torch.einsum("blk,km->blm", weight * torch.log(height), design)
    coefficients = torch.linalg.solve(normal, right[..., None])[..., 0]

    slope = coefficients[..., 1 : 1 + dimensions]
    precision = torch.zeros_like(normal[..., :dimensions, :dimensions])
    for (i, j), coefficient in zip(pairs, coefficients[..., 1 + dimensions :].unbind(-1), strict=True):
        precision[..., i, j] -= coefficient
        precision[..., j, i] -= coefficient
    # A Gaussian wider than thirty windows cannot be told from a plane.
    peaked = torch.linalg.eigvalsh(precision)[..., 0] > (30 * radius) ** -2
    eye = torch.eye(dimensions, dtype=precision.dtype, device=precision.device)
    covariance = torch.linalg.inv(torch.where(peaked[..., None, None], precision, eye))
    shift = (covariance @ slope[..., None])[..., 0]
    enough = used.sum(-1) >= design.shape[1]
    fits = peaked & enough & (shift.abs().amax(-1) <= radius)

    positive = torch.where(used, values, torch.zeros_like(values)) + 1e-12
    share = positive / positive.sum(-1, keepdim=True)
    away = offsets - (share[..., None] * offsets).sum(2)[:, :, None]
    spread = torch.einsum("blk,bkli,bklj->blij", share, away.transpose(1, 2), away.transpose(1, 2))
    position = torch.where(
        fits[..., None], (highest + shift).flip(-1), decode_parabola(heatmaps).to(shift.dtype)
    )
    covariance = torch.where(fits[..., None, None], covariance, spread).flip(-1, -2)
    return GaussianFit(position.to(heatmaps.dtype), covariance.to(heatmaps.dtype))


def _highest(heatmaps: Tensor) -> Tensor:
    """Index (B, L, d) of the highest cell, first axis of the tensor first."""
    index = heatmaps.flatten(2).argmax(dim=2)
    along = []
    for count in reversed(heatmaps.shape[2:]):
        along.append(index % count)
        index = index // count
    return torch.stack(along[::-1], dim=-1)


def _steps(heatmaps: Tensor) -> Tensor:
    """How far (d,) the next cell along every axis lies in the flattened heatmap."""
    size = heatmaps.shape[2:]
    steps = [int(torch.Size(size[axis + 1 :]).numel()) for axis in range(len(size))]
    return torch.tensor(steps, device=heatmaps.device)


def _windows(heatmaps: Tensor, radius: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cells about the highest one: values (B, L, n), zero outside; offsets (n, d); the highest (B, L, d)."""
    dimensions = heatmaps.ndim - 2
    highest = _highest(heatmaps)
    reach = torch.arange(-radius, radius + 1, device=heatmaps.device)
    offsets = torch.cartesian_prod(*[reach] * dimensions)
    cells = highest[:, :, None] + offsets
    size = torch.tensor(heatmaps.shape[2:], device=heatmaps.device)
    inside = ((cells >= 0) & (cells < size)).all(-1)
    index = (torch.minimum(cells.clamp_min(0), size - 1) * _steps(heatmaps)).sum(-1)
    values = heatmaps.flatten(2).gather(2, index)
    return torch.where(inside, values, torch.zeros_like(values)), offsets.to(heatmaps.dtype), highest
