"""Deep appearance-context network: local appearance with attention, times global context.

Reddy, Kanakatte, Gubbi, Poduval, Ghose and Purushothaman, Anatomical landmark detection using deep
appearance-context network, EMBC 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from LandmarkDetectionLib.networks.heatmap_output import (
    HeatmapNetwork,
    HeatmapOutput,
    require_one_of,
    require_sequence,
    require_whole,
)
from LandmarkDetectionLib.networks.layers import (
    convolution,
    he_weights,
    max_pool,
    norm,
    resize,
    stem,
    upsample,
)

REDUCTION = 16  # of the attention's channels (Woo et al. 2018)


class AppearanceContextNet(HeatmapNetwork):
    """h_i = h_i^LA * h_i^GC (equation 2), element by element, for every landmark i.

    Local appearance h^LA: a U-Net with CBAM at every level of encoder and decoder. Global context h^GC: image
    and h^LA, scaled down to ``context_size`` and stacked, through dilated convolutions; so unlike SCN's
    spatial branch it sees intensities too. Batch normalisation and ReLU follow every convolution but those
    that end in heatmaps.

    Parameters
    ----------
    landmarks, inputs : int
    dimensions : {2, 3}
    channels : sequence of int
        Width of every level. The paper gives none; these are those of U-Net.
    context_size : sequence of int
        Size of the global context, first axis of the image first (published: 32 x 32 for cephalograms,
        64 x 32 for spines).
    context_width : int
        Filters of its convolutions.
    context_kernel : int or sequence of int
        Their odd size (published: 3, and 5 x 3 for spines).
    context_dilations : sequence of int
        One per convolution. The paper gives the receptive fields, 65 x 65 and 65 x 33, which 3 x 3 kernels
        have when the seven dilations sum to 32, and 5 x 3 kernels when they sum to 16.
    stem_stride : {1, 2}
        2: the first convolution halves the resolution, and heatmaps have half the input's.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 2,
        channels: Sequence[int] = (64, 128, 256, 512, 1024),
        context_size: Sequence[int] = (32, 32),
        context_width: int = 128,
        context_kernel: int | Sequence[int] = 3,
        context_dilations: Sequence[int] = (1, 1, 2, 4, 8, 8, 8),
        stem_stride: int = 1,
    ) -> None:
        require_sequence(channels=channels, context_size=context_size, context_dilations=context_dilations)
        require_one_of((1, 2), stem_stride=stem_stride)
        super().__init__(landmarks, inputs, dimensions, stem_stride, stem_stride * 2 ** (len(channels) - 1))
        kernel = [context_kernel] * dimensions if isinstance(context_kernel, int) else context_kernel
        require_sequence(dimensions, context_size=context_size, context_kernel=kernel)
        require_whole(context_width=context_width)
        if any(size % 2 == 0 for size in kernel):
            raise ValueError(f"context_kernel must be odd, not {context_kernel}")
        self.context_size = tuple(context_size)
        self.appearance = AttentionUNet(landmarks, inputs, dimensions, channels, stem_stride)
        layers: list[nn.Module] = []
        width = inputs + landmarks
        for dilation in context_dilations:
            layers += [
                convolution(dimensions, width, context_width, kernel, dilation, bias=False),
                norm(dimensions, context_width),
                nn.ReLU(True),
            ]
            width = context_width
        self.context = nn.Sequential(*layers, convolution(dimensions, width, landmarks, 1))
        he_weights(self)

    def forward(self, image: Tensor) -> HeatmapOutput:
        """Images (B, inputs, *spatial), every size a multiple of ``multiple``."""
        self.check_input(image)
        return self.combine(self.appearance(image), image)

    def combine(self, appearance: Tensor, image: Tensor) -> HeatmapOutput:
        """Run the context branch alone on local appearance (B, L, *S) and the images it came from.

        With a person's corrections drawn into the appearance, the other landmarks follow.
        """
        small = [functional.interpolate(x, self.context_size, mode="area") for x in (image, appearance)]
        context = resize(self.context(torch.cat(small, dim=1)), appearance.shape[2:])
        return HeatmapOutput((appearance * context).float(), appearance.float())


class AttentionUNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015) whose every level ends in an attention block; linear heatmaps."""

    def __init__(
        self, landmarks: int, inputs: int, dimensions: int, channels: Sequence[int], stem_stride: int
    ) -> None:
        super().__init__()
        first = stem(dimensions, inputs, channels[0], stem_stride, bias=False)
        self.encoder = nn.ModuleList([_level(dimensions, first, channels[0])])
        self.decoder = nn.ModuleList()
        for above, width in pairwise(channels):
            step = nn.Sequential(max_pool(dimensions), _convolution3(dimensions, above, width))
            self.encoder.append(_level(dimensions, step, width))
            # What comes from below and the skip, stacked.
            self.decoder.append(_level(dimensions, _convolution3(dimensions, width + above, above), above))
        self.upsample = upsample(dimensions)
        self.heatmaps = convolution(dimensions, channels[0], landmarks, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Images (B, inputs, *spatial) to (B, L, *S)."""
        levels = []
        for encode in self.encoder:
            image = encode(image)
            levels.append(image)
        current = levels.pop()
        for decode in reversed(self.decoder):
            current = decode(torch.cat([levels.pop(), self.upsample(current)], dim=1))
        heatmaps: Tensor = self.heatmaps(current)
        return heatmaps


class AttentionBlock(nn.Module):
    """CBAM: what to look at, then where (Woo, Park, Lee and Kweon, ECCV 2018).

    Channels are scaled by sigmoid(MLP(mean) + MLP(maximum)), places by the sigmoid of a 7-wide convolution
    over mean and maximum of all channels.
    """

    def __init__(self, dimensions: int, width: int) -> None:
        super().__init__()
        hidden = max(4, width // REDUCTION)
        self.channels = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.places = convolution(dimensions, 2, 1, 7)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, width, *S) to the same, scaled."""
        flat = x.flatten(2)
        scale = torch.sigmoid(self.channels(flat.mean(2)) + self.channels(flat.amax(2)))
        x = x * scale.reshape(*scale.shape, *(1,) * (x.ndim - 2))
        where = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.places(where))


def _convolution3(dimensions: int, inputs: int, outputs: int) -> nn.Module:
    return convolution(dimensions, inputs, outputs, bias=False)


def _level(dimensions: int, first: nn.Module, width: int) -> nn.Sequential:
    """Two convolutions and attention."""
    return nn.Sequential(
        first,
        norm(dimensions, width),
        nn.ReLU(True),
        _convolution3(dimensions, width, width),
        norm(dimensions, width),
        nn.ReLU(),  # not in place: the attention needs its input twice
        AttentionBlock(dimensions, width),
    )
