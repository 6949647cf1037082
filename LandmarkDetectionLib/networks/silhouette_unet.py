"""The compact network that ships: where a landmark may lie in a silhouette, how deep, and whether at all."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

STRIDE = 2  # input pixels per heatmap cell


class Heatmaps(NamedTuple):
    """What the network says about L landmarks in B images.

    Attributes
    ----------
    logits : (B, L, h, w)
        Position, one cell per ``STRIDE`` pixels; one softmax runs over all cells and ``absent``.
    absent : (B, L)
        The landmark lies outside the image.
    depth : (B, L, h, w), or None
        Normalised depth of the landmark if it lies in this cell.
    depth_log_scale : (B, L, h, w), or None
        Logarithm of the expected absolute error of ``depth``.
    """

    logits: Tensor
    absent: Tensor
    depth: Tensor | None
    depth_log_scale: Tensor | None


class SilhouetteUNet(nn.Module):
    """An encoder-decoder over silhouette, depth maps and field of view.

    Heatmaps are a distribution over positions and absence together (a softmax over all cells and one more),
    trained by cross-entropy, so that their spread is the network's own uncertainty. Depth is read from a
    map at the landmark's position, as SCN reads appearance locally, while a global average of the deepest
    level tells every position what the whole image shows.

    Parameters
    ----------
    landmarks : int
    channels : sequence of int
        Width of each level; every level halves the resolution.
    inputs : int
        Input channels; see ``depth.network_input``.
    depth_from_surface : bool
        The head adds to the depth midway between the first and the last surface instead of stating depth
        from nothing: in a hand every bone lies close to it, however the hand is held.
    depth : bool
        False for positions alone, where another view tells the depth.
    level : int
        Maps have one cell per ``STRIDE * 2**level`` pixels.
    """

    def __init__(
        self,
        landmarks: int,
        channels: tuple[int, ...] = (16, 32, 64, 96, 128),
        inputs: int = 4,
        depth_from_surface: bool = False,
        depth: bool = True,
        level: int = 0,
    ) -> None:
        super().__init__()
        channels = tuple(channels)
        self.depth, self.level = depth, level
        self.depth_from_surface = depth_from_surface
        self.stem = nn.Sequential(
            _convolution(inputs, channels[0], 5, stride=STRIDE), _convolution(channels[0], channels[0])
        )
        self.down = nn.ModuleList(
            nn.Sequential(_convolution(above, width, stride=2), _Residual(width))
            for above, width in pairwise(channels)
        )
        self.overview = nn.Sequential(nn.Linear(channels[-1], channels[-1]), nn.ReLU(inplace=True))
        self.absent = nn.Linear(channels[-1], landmarks)
        self.lateral = nn.ModuleList(
            nn.Conv2d(below, width, 1) for width, below in pairwise(channels[level:])
        )
        self.up = nn.ModuleList(_convolution(width, width) for width in channels[level:-1])
        maps = 3 if depth else 1
        last = nn.Conv2d(32, maps * landmarks, 1)
        self.head = nn.Sequential(_convolution(channels[level], 32), last)
        self.up_sample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)

    @property
    def multiple(self) -> int:
        """Input height and width must be multiples of this."""
        return int(STRIDE * 2 ** len(self.down))

    @property
    def stride(self) -> int:
        """Input pixels per heatmap cell."""
        return int(STRIDE * 2**self.level)

    def forward(self, image: Tensor, chosen: Tensor | None = None) -> Heatmaps:
        """Heatmaps of images (B, inputs, H, W), both sizes multiples of ``multiple``.

        ``chosen`` (B, K) names the landmarks that are asked for in each image, of a network without depth.
        """
        levels = [self.stem(image)]
        for down in self.down:
            levels.append(down(levels[-1]))
        overview = self.overview(levels[-1].mean(dim=(2, 3)))
        current = levels[-1] + overview[:, :, None, None]
        skips = levels[self.level : -1][::-1]
        for skip, lateral, up in zip(skips, list(self.lateral)[::-1], list(self.up)[::-1], strict=True):
            current = up(skip + self.up_sample(lateral(current)))
        if not self.depth:
            logits, absent = self._chosen(current, overview, chosen)
            return Heatmaps(logits.float(), absent.float(), None, None)
        logits, depth, log_scale = self.head(current).float().chunk(3, dim=1)
        if self.depth_from_surface:
            depth = depth + _middle_depth(image.float())
        return Heatmaps(logits, self.absent(overview).float(), depth, log_scale.clamp(-6, 3))

    def _chosen(self, current: Tensor, overview: Tensor, chosen: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logits and absence of all landmarks, or of those that are asked for."""
        if chosen is None:
            return self.head(current), self.absent(overview)
        features = self.head[0](current)
        last = cast(nn.Conv2d, self.head[1])
        assert last.bias is not None
        logits = torch.bmm(last.weight[:, :, 0, 0][chosen].to(features.dtype), features.flatten(2))
        logits = logits + last.bias[chosen].to(features.dtype)[..., None]
        absent = torch.bmm(self.absent.weight[chosen].to(overview.dtype), overview[..., None])[..., 0]
        return (
            logits.unflatten(2, (features.shape[2], features.shape[3])),
            absent + self.absent.bias[chosen].to(overview.dtype),
        )


def _middle_depth(image: Tensor) -> Tensor:
    """Mean depth (B, 1, h, w) of both surfaces around every cell; 0 where there is nothing within a cell."""
    body = image[:, :1]
    both = torch.cat([body, body * (image[:, 1:2] + image[:, 2:3]) / 2], dim=1)
    sums = nn.functional.avg_pool2d(nn.functional.avg_pool2d(both, STRIDE), 3, stride=1, padding=1)
    return sums[:, 1:] / sums[:, :1].clamp_min(1e-3)


def _convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))
