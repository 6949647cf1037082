"""Depth maps as network input, normalised so that bodies, scanners and synthetic surfaces look alike."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

BACKGROUND = 3.0  # value off the body, in standard deviations (Riegler 2015, section 2.2)


class DepthScale(NamedTuple):
    """Mean and deviation (B,) in mm of the depth on each body: normalised = (depth - mean) / deviation."""

    mean: Tensor
    deviation: Tensor

    def normalise(self, depth: Tensor) -> Tensor:
        """Depths (B, ...) in mm to standard deviations."""
        shape = (-1,) + (1,) * (depth.dim() - 1)
        return (depth - self.mean.view(shape)) / self.deviation.view(shape)

    def restore(self, normalised: Tensor) -> Tensor:
        """The inverse of ``normalise``."""
        shape = (-1,) + (1,) * (normalised.dim() - 1)
        return normalised * self.deviation.view(shape) + self.mean.view(shape)


def depth_scale(front: Tensor) -> DepthScale:
    """Mean and deviation of depth maps (B, H, W) in mm that are NaN off the body."""
    body = ~front.isnan()
    count = body.sum(dim=(1, 2)).clamp_min(1)
    filled = torch.nan_to_num(front)
    mean = filled.sum(dim=(1, 2)) / count
    variance = (((filled - mean[:, None, None]) * body) ** 2).sum(dim=(1, 2)) / count
    # A nearly flat piece of body must not blow up noise: no deviation under 15 mm.
    return DepthScale(mean, variance.sqrt().clamp_min(15.0))


def normalised_depth(depth: Tensor, scale: DepthScale) -> Tensor:
    """Depth maps (B, H, W) with zero mean and unit deviation on the body and ``BACKGROUND`` off it."""
    return torch.where(
        depth.isnan(), torch.full_like(depth, BACKGROUND), scale.normalise(torch.nan_to_num(depth))
    )


def network_input(front: Tensor, back: Tensor, field_of_view: Tensor) -> tuple[Tensor, DepthScale]:
    """Channels (B, 4, H, W) of ``SilhouetteUNet``: silhouette, front and back depth, field of view.

    Parameters
    ----------
    front, back : (B, H, W) float mm
        First and last surface, NaN off the body.
    field_of_view : (B, H, W) bool
        Pixels that were scanned.
    """
    scale = depth_scale(front)
    channels = (
        (~front.isnan()).to(front.dtype),
        normalised_depth(front, scale).clamp(-6, 6),
        normalised_depth(back, scale).clamp(-6, 6),
        field_of_view.to(front.dtype),
    )
    return torch.stack(channels, dim=1), scale
