"""Losses of heatmap networks: predicted heatmaps against Gaussian targets.

Every loss is called with a ``HeatmapOutput``, positions (B, L, d) in voxels, which landmarks are ``present``
(B, L) and which are ``known`` (B, L). A landmark that is not known was not annotated and says nothing; one
that is known and not present is absent, and its target is zero. Heatmaps of earlier stacks enter like the
last ones, and losses are added up (intermediate supervision, Newell et al. 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.heatmaps.gaussian import axis_profiles, gaussian_heatmaps
from LandmarkDetectionLib.networks.heatmap_output import HeatmapOutput

SMALLEST_SIGMA = 0.5  # voxels; narrower Gaussians fall between voxels
LossFunction = Callable[[HeatmapOutput, Tensor, Tensor, Tensor], Tensor]


class HeatmapLoss(nn.Module):
    """Base: draws the targets, and averages what ``compare`` says over known landmarks of the batch.

    Parameters
    ----------
    landmarks, dimensions : int
    sigma : float
        Of the targets, in voxels.
    scale : float, optional
        Sum of a target; without it its peak is 1.
    learn_sigma : bool
        One sigma per landmark is learned, starting from ``sigma``.
    alpha : float
        Weight of half the sum of squared sigmas of the landmarks present, divided by the batch's size:
        without it a learned sigma grows, since broad Gaussians are easy to predict.
    """

    def __init__(
        self,
        landmarks: int,
        dimensions: int = 2,
        sigma: float = 2.0,
        scale: float | None = None,
        learn_sigma: bool = False,
        alpha: float = 0.0,
    ) -> None:
        super().__init__()
        if not sigma > 0:
            raise ValueError(f"sigma must be positive, not {sigma}")
        self.landmarks, self.dimensions, self.scale, self.alpha = landmarks, dimensions, scale, alpha
        self.raw_sigma = nn.Parameter(torch.full((landmarks,), float(sigma)), requires_grad=learn_sigma)

    @property
    def sigma(self) -> Tensor:
        """Sigma (L,) of every landmark in voxels, at least ``SMALLEST_SIGMA``; gradients pass the bound."""
        raw = self.raw_sigma
        return raw + (raw.clamp_min(SMALLEST_SIGMA) - raw).detach()

    def forward(self, output: HeatmapOutput, points: Tensor, present: Tensor, known: Tensor) -> Tensor:
        """The loss, a scalar; 0 when nothing is known."""
        there = present & known
        points = torch.where(there[..., None], points, 0.0).float()
        total = torch.zeros((), device=points.device)
        for heatmaps in (output.heatmaps, *output.intermediate):
            each = self.compare(heatmaps.float(), points, there)
            # Not each * known: what is not known may be infinite.
            total = total + self.reduce(torch.where(known, each, 0.0), known)
        if self.alpha:
            total = total + self.alpha * 0.5 * (there * self.sigma**2).sum() / len(points)
        return total

    def reduce(self, each: Tensor, known: Tensor) -> Tensor:
        """Sum up losses (B, L), zero where not known."""
        return each.sum() / known.sum().clamp_min(1)

    def targets(self, heatmaps: Tensor, points: Tensor, there: Tensor) -> Tensor:
        """Target heatmaps, zero where a landmark is not there."""
        return gaussian_heatmaps(points, heatmaps.shape[2:], self.sigma, self.scale, there)

    def compare(self, heatmaps: Tensor, points: Tensor, there: Tensor) -> Tensor:
        """Loss (B, L) of heatmaps (B, L, *S)."""
        raise NotImplementedError


class MeanSquaredError(HeatmapLoss):
    """Mean over voxels of the squared difference (DACN, Reddy et al. 2021, equation 3, and the hourglass)."""

    def compare(self, heatmaps: Tensor, points: Tensor, there: Tensor) -> Tensor:
        """Loss (B, L) of heatmaps (B, L, *S)."""
        return (heatmaps - self.targets(heatmaps, points, there)).square().flatten(2).mean(2)


class SCNLoss(HeatmapLoss):
    """1/2 sum over landmarks and voxels of squares / B + alpha / 2 sum over landmarks of sigma^2.

    Payer et al. 2019, equation 3 without weight decay, which is the optimiser's. Targets have the sum
    ``scale`` whatever their width, so a network that is unsure pays less for a broad one, and ``alpha`` makes
    it narrow where it can be. Published: scale 100, alpha 20, sigma from 2.5 in 2D; 1000, 100, 4 in 3D.

    Parameters are those of :class:`HeatmapLoss`; what is ``None`` is as published for ``dimensions``.
    """

    def __init__(
        self,
        landmarks: int,
        dimensions: int = 2,
        sigma: float | None = None,
        scale: float | None = None,
        learn_sigma: bool = True,
        alpha: float | None = None,
    ) -> None:
        published = (2.5, 100.0, 20.0) if dimensions == 2 else (4.0, 1000.0, 100.0)
        given = (sigma, scale, alpha)
        sigma, scale, alpha = (p if g is None else g for g, p in zip(given, published, strict=True))
        super().__init__(landmarks, dimensions, sigma, scale, learn_sigma, alpha)

    def compare(self, heatmaps: Tensor, points: Tensor, there: Tensor) -> Tensor:
        """Loss (B, L) of heatmaps (B, L, *S)."""
        return 0.5 * (heatmaps - self.targets(heatmaps, points, there)).square().flatten(2).sum(2)

    def reduce(self, each: Tensor, known: Tensor) -> Tensor:
        """Sum up losses (B, L), zero where not known."""
        return each.sum() / len(each)


class WeightedMeanSquaredError(MeanSquaredError):
    """The mean squared error with one weight per landmark: sum of weight * error / number known.

    Parameters
    ----------
    weights : L floats
        At least 0; landmarks that matter more have more. All 1 is the mean squared error.
    """

    weights: Tensor

    def __init__(
        self, landmarks: int, dimensions: int = 2, *, weights: Sequence[float], **other: Any
    ) -> None:
        super().__init__(landmarks, dimensions, **other)
        if len(weights) != landmarks or not all(weight >= 0 for weight in weights):
            raise ValueError(f"weights must be {landmarks} numbers, one per landmark, none below 0")
        self.register_buffer("weights", torch.tensor(list(weights), dtype=torch.float32))

    def compare(self, heatmaps: Tensor, points: Tensor, there: Tensor) -> Tensor:
        """Loss (B, L) of heatmaps (B, L, *S)."""
        return self.weights * super().compare(heatmaps, points, there)


class AdaptiveWingLoss(HeatmapLoss):
    """Adaptive wing loss with the weighted loss map (Wang, Bo and Fuxin, ICCV 2019, equations 3 and 5).

    Near a peak it is steep for small errors, on the background as lenient as the squared error. Voxels where
    the target, dilated by one voxel, is at least 0.2 count 1 + ``foreground`` times. Targets have peak 1.

    Parameters
    ----------
    omega, theta, epsilon, exponent : float
        omega, theta, epsilon and alpha of the paper.
    foreground : float
        W of the paper.
    """

    def __init__(
        self,
        landmarks: int,
        dimensions: int = 2,
        sigma: float = 2.0,
        omega: float = 14.0,
        theta: float = 0.5,
        epsilon: float = 1.0,
        exponent: float = 2.1,
        foreground: float = 10.0,
    ) -> None:
        super().__init__(landmarks, dimensions, sigma)
        if not exponent > 2:
            raise ValueError(f"exponent must be above 2, not {exponent}: the loss would not be smooth at 0")
        self.omega, self.theta, self.epsilon = omega, theta, epsilon
        self.exponent, self.foreground = exponent, foreground

    def compare(self, heatmaps: Tensor, points: Tensor, there: Tensor) -> Tensor:
        """Loss (B, L) of heatmaps (B, L, *S)."""
        target = self.targets(heatmaps, points, there)
        difference = (target - heatmaps).abs()
        power = self.exponent - target
        ratio = self.theta / self.epsilon
        slope = self.omega * power * ratio ** (power - 1) / (1 + ratio**power) / self.epsilon
        offset = self.theta * slope - self.omega * torch.log1p(ratio**power)
        near = self.omega * torch.log1p((difference / self.epsilon) ** power)
        loss = torch.where(difference < self.theta, near, slope * difference - offset)
        pool = nn.functional.max_pool2d if self.dimensions == 2 else nn.functional.max_pool3d
        dilated = pool(target, 3, stride=1, padding=1)
        return (loss * (1 + self.foreground * (dilated >= 0.2))).flatten(2).mean(2)


class CrossEntropyLoss(HeatmapLoss):
    """Cross-entropy of the softmax over all voxels and "absent" (logit 0) with a Gaussian target.

    What a network is unsure of becomes spread, and a landmark that is not there moves to "absent". Targets
    sum to one within the heatmap. Read off with ``gaussian.heatmap_distribution``.
    """

    def __init__(self, landmarks: int, dimensions: int = 2, sigma: float = 2.0) -> None:
        super().__init__(landmarks, dimensions, sigma)

    def compare(self, heatmaps: Tensor, points: Tensor, there: Tensor) -> Tensor:
        """Loss (B, L) of heatmaps (B, L, *S)."""
        flat = heatmaps.flatten(2)
        total = torch.logsumexp(torch.cat([flat, torch.zeros_like(flat[..., :1])], dim=2), dim=2)
        size = heatmaps.shape[2:]
        # The nearest place inside: a landmark just outside would leave no voxel to sum over.
        last = torch.tensor(size[::-1], dtype=points.dtype, device=points.device) - 1
        inside = torch.minimum(points.clamp_min(0), last)
        expected = heatmaps
        for profile in reversed(axis_profiles(inside, size, self.sigma)):
            share = profile / profile.sum(-1, keepdim=True)
            share = share.reshape(*share.shape[:2], *(1,) * (expected.ndim - 3), -1)
            expected = (expected * share).sum(-1)
        return total - torch.where(there, expected, 0.0)


LOSSES: dict[str, type[HeatmapLoss]] = {
    "scn": SCNLoss,
    "mse": MeanSquaredError,
    "weighted-mse": WeightedMeanSquaredError,
    "adaptive-wing": AdaptiveWingLoss,
    "cross-entropy": CrossEntropyLoss,
}


class _UserLoss(nn.Module):
    """A function as a module."""

    def __init__(self, function: LossFunction) -> None:
        super().__init__()
        self.function = function

    def forward(self, output: HeatmapOutput, points: Tensor, present: Tensor, known: Tensor) -> Tensor:
        return self.function(output, points, present, known)


def build_loss(loss: str | LossFunction, landmarks: int, dimensions: int, **parameters: Any) -> nn.Module:
    """A loss by its name, or a user's own: any module or function that is called as the losses here are.

    Only Python code can pass a function; model files name a loss, if at all, and never hold one.

    Raises
    ------
    InputError
        The name is unknown, or the loss does not take these parameters.
    """
    if not isinstance(loss, str):
        if parameters:
            raise InputError(
                f"A loss of your own takes no parameters here, but {', '.join(parameters)} came."
            )
        return loss if isinstance(loss, nn.Module) else _UserLoss(loss)
    if loss not in LOSSES:
        raise InputError(f"The loss {loss!r} is unknown; known are {', '.join(LOSSES)}.")
    try:
        return LOSSES[loss](landmarks, dimensions, **parameters)
    except (TypeError, ValueError) as problem:
        raise InputError(f"The loss {loss!r} cannot be built with these parameters: {problem}.") from None
