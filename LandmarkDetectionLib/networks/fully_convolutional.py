"""Fully convolutional heatmap regression, "CNN 1" and "CNN 2".

Yetkin, Applications of landmark localization on medical images (slides), after Payer et al., MICCAI 2016, and
Long, Shelhamer and Darrell, CVPR 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from LandmarkDetectionLib.networks.heatmap_output import (
    HeatmapNetwork,
    HeatmapOutput,
    require_fraction,
    require_one_of,
    require_sequence,
)
from LandmarkDetectionLib.networks.layers import (
    convolution,
    he_weights,
    max_pool,
    norm,
    spatial_dropout,
    stem,
    upsample,
)


class FullyConvolutionalNet(HeatmapNetwork):
    """Convolutions and pooling; in place of fully connected layers, 1 x 1 convolutions give the heatmaps.

    The slides draw two networks from four parts, 3 x 3 convolution, max pooling, 1 x 1 convolution and
    upsampling, without numbers; what is here is made of these parts, and widths and depth are ours:

    - ``cnn1``: heatmaps at the coarsest level, interpolated to full size in one step;
    - ``cnn2``: back to full size level by level, with a 3 x 3 convolution after each, then the heatmaps.

    Neither has skips between the way down and the way up; ``localization_unet`` has.

    Parameters
    ----------
    landmarks, inputs : int
    dimensions : {2, 3}
    design : {"cnn1", "cnn2"}
    channels : sequence of int
        Width of every level; each level but the first halves the resolution.
    dropout : float
        Spatial dropout (whole channels) before the 1 x 1 convolutions.
    stem_stride : {1, 2}
        2: the first convolution halves the resolution, and heatmaps have half the input's.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 2,
        design: str = "cnn2",
        channels: Sequence[int] = (64, 128, 256),
        dropout: float = 0.2,
        stem_stride: int = 1,
    ) -> None:
        require_one_of(("cnn1", "cnn2"), design=design)
        require_one_of((1, 2), stem_stride=stem_stride)
        require_sequence(channels=channels)
        require_fraction(dropout=dropout)
        super().__init__(landmarks, inputs, dimensions, stem_stride, stem_stride * 2 ** (len(channels) - 1))
        layers = [
            stem(dimensions, inputs, channels[0], stem_stride, bias=False),
            *_activation(dimensions, channels[0]),
            *_convolution(dimensions, channels[0], channels[0]),
        ]
        for above, width in pairwise(channels):
            layers += [max_pool(dimensions), *_convolution(dimensions, above, width)]
            layers += _convolution(dimensions, width, width)
        last = channels[-1]
        if design == "cnn2":
            for below, width in pairwise(reversed(channels)):
                layers += [upsample(dimensions), *_convolution(dimensions, below, width)]
                last = width
        layers += [spatial_dropout(dimensions, dropout), *_convolution(dimensions, last, last, 1)]
        layers += [convolution(dimensions, last, landmarks, 1)]
        if design == "cnn1" and len(channels) > 1:
            layers += [upsample(dimensions, 2 ** (len(channels) - 1))]
        self.layers = nn.Sequential(*layers)
        he_weights(self)

    def forward(self, image: Tensor) -> HeatmapOutput:
        """Images (B, inputs, *spatial), every size a multiple of ``multiple``."""
        self.check_input(image)
        heatmaps: Tensor = self.layers(image)
        return HeatmapOutput(heatmaps.float())


def _convolution(dimensions: int, inputs: int, outputs: int, size: int = 3) -> list[nn.Module]:
    return [convolution(dimensions, inputs, outputs, size, bias=False), *_activation(dimensions, outputs)]


def _activation(dimensions: int, width: int) -> list[nn.Module]:
    return [norm(dimensions, width), nn.ReLU(True)]
