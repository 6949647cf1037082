"""What is alike in every level of a chain is learned once, and which level it is by a branch of its own.

Vertebrae look alike. A network with a heatmap for every corner of every vertebra learns the same corner as
many times as there are vertebrae, each from one place per image. Here the corner of a kind has one map of
local appearance, fine, and every level one map of where it lies, coarse. As in SpatialConfiguration-Net
(Payer et al. 2019) a heatmap is their product, here the sum of logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from LandmarkDetectionLib.networks.heatmap_output import (
    HeatmapNetwork,
    HeatmapOutput,
    require_one_of,
    require_sequence,
    require_whole,
)
from LandmarkDetectionLib.networks.layers import average_pool, convolution, norm, stem, upsample


class ChainUNet(HeatmapNetwork):
    """Logits of landmark k of level l: a_k + s_l, one encoder-decoder for both.

    Parameters
    ----------
    landmarks, inputs : int
        Landmarks level by level from the first to the last, in every level in the same order.
    dimensions : {2, 3}
    levels : int
        Of the chain; divides ``landmarks``.
    channels : sequence of int
        Widths of the encoder's levels; each halves the resolution.
    context : int
        Dilated convolutions (1, 2, 4 ...) of the branch that tells the levels apart.
    coarse : {1, 2, 4, 8}
        Levels of the chain are told on cells of so many heatmap voxels.
    stem_stride : {1, 2, 4}
        Input pixels per heatmap voxel.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 2,
        levels: int = 1,
        channels: Sequence[int] = (24, 32, 48, 64, 96, 128),
        context: int = 3,
        coarse: int = 4,
        stem_stride: int = 2,
    ) -> None:
        require_sequence(channels=channels)
        require_whole(landmarks=landmarks, levels=levels)
        require_whole(8, context=context)
        require_one_of((1, 2, 4, 8), coarse=coarse)
        require_one_of((1, 2, 4), stem_stride=stem_stride)
        if landmarks % levels:
            raise ValueError(f"{landmarks} landmarks do not make {levels} levels of equally many")
        told_at = coarse.bit_length() - 1
        if len(channels) <= told_at:
            raise ValueError(f"channels must have more than {told_at} numbers, not {list(channels)}")
        multiple = stem_stride * 2 ** (len(channels) - 1)
        super().__init__(landmarks, inputs, dimensions, stem_stride, multiple)
        self._told_at = told_at
        d, first, told = dimensions, channels[0], channels[told_at]
        begin = first if stem_stride < 4 else first // 2
        self.stem = nn.Sequential(
            stem(d, inputs, begin, min(stem_stride, 2), bias=False),
            norm(d, begin),
            nn.ReLU(True),
            *([average_pool(d)] if stem_stride == 4 else []),
            _block(d, begin, first),
        )
        self.down = nn.ModuleList(
            nn.Sequential(average_pool(d), _block(d, above, width), _block(d, width, width))
            for above, width in pairwise(channels)
        )
        self.overview = nn.Sequential(nn.Linear(channels[-1], channels[-1]), nn.ReLU(True))
        self.lateral = nn.ModuleList(convolution(d, below, width, 1) for width, below in pairwise(channels))
        self.up = nn.ModuleList(_block(d, width, width) for width in channels[:-1])
        self.enlarge = upsample(d)
        self.kinds = convolution(d, first, landmarks // levels)
        self.levels = nn.Sequential(
            *(_block(d, told, told, 2**n) for n in range(context)),
            convolution(d, told, levels, 1),
            *([upsample(d, coarse)] if coarse > 1 else []),
        )

    def forward(self, image: Tensor) -> HeatmapOutput:
        """Images (B, inputs, *spatial), every size a multiple of ``multiple``."""
        self.check_input(image)
        seen = [self.stem(image)]
        for down in self.down:
            seen.append(down(seen[-1]))
        overview = self.overview(seen[-1].flatten(2).mean(dim=2))
        current = seen.pop()
        current = current + overview.reshape(*overview.shape, *(1,) * self.dimensions)
        told = current  # of a network whose deepest level is the one that tells
        for n in reversed(range(len(seen))):
            current = self.up[n](seen[n] + self.enlarge(self.lateral[n](current)))
            if n == self._told_at:
                told = current
        kind: Tensor = self.kinds(current).float()
        level: Tensor = self.levels(told).float()
        return HeatmapOutput(torch.flatten(level[:, :, None] + kind[:, None], 1, 2))


def _block(dimensions: int, inputs: int, outputs: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        convolution(dimensions, inputs, outputs, dilation=dilation, bias=False),
        norm(dimensions, outputs),
        nn.ReLU(True),
    )
