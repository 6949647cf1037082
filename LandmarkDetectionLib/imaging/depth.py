"""Depth maps as network input, normalised so that bodies, scanners and synthetic surfaces look alike."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from LandmarkDetectionLib.imaging.body.bone import BONE_MM, MOST_BONE
from LandmarkDetectionLib.typing import Array

BACKGROUND = 3.0  # value off the body, in standard deviations (Riegler 2015, section 2.2)
# A nearly flat piece of body, or hand, must not blow up noise.
SMALLEST_DEVIATION_MM = 15.0
SMALLEST_DEVIATION_OF_HANDS_MM = 2.0


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


def depth_scale(front: Tensor, least_mm: float = 15.0) -> DepthScale:
    """Mean and deviation of depth maps (B, H, W) in mm that are NaN off the body.

    A nearly flat piece of body must not blow up noise: no deviation is under ``least_mm``.
    """
    body = ~front.isnan()
    count = body.sum(dim=(1, 2)).clamp_min(1)
    filled = torch.nan_to_num(front)
    mean = filled.sum(dim=(1, 2)) / count
    variance = (((filled - mean[:, None, None]) * body) ** 2).sum(dim=(1, 2)) / count
    return DepthScale(mean, variance.sqrt().clamp_min(least_mm))


def depth_statistics(front: Array, least_mm: float) -> tuple[Array, Array]:
    """Mean and deviation (N,) mm of depth maps (N, H, W) on the object; see ``depth_scale``."""
    scale = depth_scale(torch.from_numpy(front), least_mm)
    return scale.mean.numpy(), scale.deviation.numpy()


def normalised_depth(depth: Tensor, scale: DepthScale) -> Tensor:
    """Depth maps (B, H, W) with zero mean and unit deviation on the body and ``BACKGROUND`` off it."""
    return torch.where(
        depth.isnan(), torch.full_like(depth, BACKGROUND), scale.normalise(torch.nan_to_num(depth))
    )


def network_input(
    front: Tensor, back: Tensor, field_of_view: Tensor, smallest: float = SMALLEST_DEVIATION_MM
) -> tuple[Tensor, DepthScale]:
    """Channels (B, 4, H, W) of ``SilhouetteUNet``: silhouette, front and back depth, field of view.

    Parameters
    ----------
    front, back : (B, H, W) float mm
        First and last surface, NaN off the body.
    field_of_view : (B, H, W) bool
        Pixels that were scanned.
    smallest : float
        Of the deviation, in mm.
    """
    scale = depth_scale(front, smallest)
    channels = (
        (~front.isnan()).to(front.dtype),
        normalised_depth(front, scale).clamp(-6, 6),
        normalised_depth(back, scale).clamp(-6, 6),
        field_of_view.to(front.dtype),
    )
    return torch.stack(channels, dim=1), scale


def without_depth(image: Tensor) -> Tensor:
    """Channels (B, 4, H, W) of ``network_input`` as of something flat: what is known without any depth."""
    silhouette = image[:, :1]
    flat = BACKGROUND * (1 - silhouette)
    return torch.cat([silhouette, flat, flat, image[:, 3:]], dim=1)


def bone_input(bone: Tensor, bone_depth: Tensor, scale: DepthScale) -> Tensor:
    """Channels (B, 2, H, W) of what a threshold of bone shows: its amount and its depth.

    Parameters
    ----------
    bone : (B, H, W) float mm
        Thickness times density; all zero where no bone is to be seen, as in MR, and so are both channels.
    bone_depth : (B, H, W) float mm
        Mean depth of bone, NaN where there is none.
    scale : DepthScale
        Of the skin.
    """
    seen = (bone.amax(dim=(1, 2), keepdim=True) > 0).to(bone.dtype)
    amount = (bone / BONE_MM).sqrt().clamp(max=MOST_BONE)
    return torch.stack([amount, normalised_depth(bone_depth, scale).clamp(-6, 6) * seen], dim=1)
