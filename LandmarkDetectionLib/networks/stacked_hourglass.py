"""Stacked hourglass with intermediate supervision.

Newell, Yang and Deng, Stacked hourglass networks for human pose estimation, ECCV 2016; in Yetkin's slides
with batch normalisation, residual blocks and spatial dropout for medical images.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from LandmarkDetectionLib.networks.heatmap_output import (
    MOST_LEVELS,
    HeatmapNetwork,
    HeatmapOutput,
    require_fraction,
    require_one_of,
    require_whole,
)
from LandmarkDetectionLib.networks.layers import convolution, max_pool, norm, spatial_dropout, stem


class StackedHourglassNet(HeatmapNetwork):
    """Hourglasses one after the other; each gives heatmaps, which the next one gets to see and correct.

    Heatmaps of all hourglasses but the last are ``HeatmapOutput.intermediate`` and enter the loss.

    Parameters
    ----------
    landmarks, inputs : int
    dimensions : {2, 3}
    stacks : int
        Hourglasses (published: 8).
    width : int
        Features, a multiple of 4 (published: 256).
    depth : int
        How often an hourglass halves the resolution (published: 4).
    dropout : float
        Spatial dropout (whole channels) after every hourglass; the paper has none.
    stem_stride : {1, 2, 4}
        Input pixels per heatmap cell; the published stem has 4.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 2,
        stacks: int = 8,
        width: int = 256,
        depth: int = 4,
        dropout: float = 0.0,
        stem_stride: int = 1,
    ) -> None:
        require_whole(MOST_LEVELS, stacks=stacks, depth=depth)
        require_whole(width=width)
        require_one_of((1, 2, 4), stem_stride=stem_stride)
        require_fraction(dropout=dropout)
        if width % 4:
            raise ValueError(f"width must be a multiple of 4, not {width}")
        super().__init__(landmarks, inputs, dimensions, stem_stride, stem_stride * 2**depth)
        self.stem = nn.Sequential(
            stem(dimensions, inputs, width // 4, min(stem_stride, 2), size=7, bias=False),
            norm(dimensions, width // 4),
            nn.ReLU(True),
            Residual(dimensions, width // 4, width // 2),
            max_pool(dimensions) if stem_stride == 4 else nn.Identity(),
            Residual(dimensions, width // 2, width),
            Residual(dimensions, width, width),
        )
        self.features = nn.ModuleList(
            nn.Sequential(
                Hourglass(dimensions, width, depth),
                Residual(dimensions, width, width),
                spatial_dropout(dimensions, dropout),
                convolution(dimensions, width, width, 1, bias=False),
                norm(dimensions, width),
                nn.ReLU(True),
            )
            for _ in range(stacks)
        )
        self.heatmaps = nn.ModuleList(convolution(dimensions, width, landmarks, 1) for _ in range(stacks))
        # What a stack saw and what it said, added to what the next one gets.
        self.from_features = nn.ModuleList(
            convolution(dimensions, width, width, 1) for _ in range(stacks - 1)
        )
        self.from_heatmaps = nn.ModuleList(
            convolution(dimensions, landmarks, width, 1) for _ in range(stacks - 1)
        )

    def forward(self, image: Tensor) -> HeatmapOutput:
        """Images (B, inputs, *spatial), every size a multiple of ``multiple``."""
        self.check_input(image)
        current = self.stem(image)
        outputs: list[Tensor] = []
        for stack, (body, head) in enumerate(zip(self.features, self.heatmaps, strict=True)):
            features = body(current)
            heatmaps = head(features)
            outputs.append(heatmaps.float())
            if stack < len(self.from_features):
                current = current + self.from_features[stack](features) + self.from_heatmaps[stack](heatmaps)
        return HeatmapOutput(outputs[-1], None, tuple(outputs[:-1]))


class Hourglass(nn.Module):
    """Down to the lowest resolution and up again, with a residual block on every skip."""

    def __init__(self, dimensions: int, width: int, depth: int) -> None:
        super().__init__()
        self.skip = Residual(dimensions, width, width)
        inner = Hourglass(dimensions, width, depth - 1) if depth > 1 else Residual(dimensions, width, width)
        self.lower = nn.Sequential(
            max_pool(dimensions),
            Residual(dimensions, width, width),
            inner,
            Residual(dimensions, width, width),
            nn.Upsample(scale_factor=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, width, *S) to the same."""
        result: Tensor = self.skip(x) + self.lower(x)
        return result


class Residual(nn.Module):
    """Convolutions 1, 3 and 1 wide at half the features, normalised before each (He et al. 2016)."""

    def __init__(self, dimensions: int, inputs: int, outputs: int) -> None:
        super().__init__()
        half = outputs // 2
        self.body = nn.Sequential(
            norm(dimensions, inputs),
            nn.ReLU(True),
            convolution(dimensions, inputs, half, 1, bias=False),
            norm(dimensions, half),
            nn.ReLU(True),
            convolution(dimensions, half, half, 3, bias=False),
            norm(dimensions, half),
            nn.ReLU(True),
            convolution(dimensions, half, outputs, 1),
        )
        self.skip = nn.Identity() if inputs == outputs else convolution(dimensions, inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, inputs, *S) to (B, outputs, *S)."""
        return torch.add(self.skip(x), self.body(x))
