"""SpatialConfiguration-Net: what a landmark looks like, times where it lies among the others.

Payer, Stern, Bischof and Urschler, Integrating spatial configuration into heatmap regression based CNNs for
landmark localization, Medical Image Analysis 54 (2019).
"""

from __future__ import annotations

from math import lcm

from torch import Tensor, nn

from LandmarkDetectionLib.networks.heatmap_output import (
    MOST_LEVELS,
    HeatmapNetwork,
    HeatmapOutput,
    require_fraction,
    require_one_of,
    require_whole,
)
from LandmarkDetectionLib.networks.layers import (
    average_pool,
    convolution,
    he_weights,
    normal_weights,
    stem,
    upsample,
)

SLOPE = 0.1  # of the leaky ReLUs


class SpatialConfigurationNet(HeatmapNetwork):
    """h_i = h_i^LA * h_i^SC (equation 1), element by element, for every landmark i.

    The local appearance h^LA is accurate but may have several candidates. The spatial configuration h^SC sees
    only the candidates of all landmarks, coarsely, and says where landmark i can be among them; it lies in
    (-1, 1). Defaults are the published ones in 2D; ``presets`` has all of them.

    Parameters
    ----------
    landmarks, inputs : int
    dimensions : {2, 3}
    width : int
        Filters of every convolution (published: 128 in 2D, 64 in 3D).
    levels : int
        Resolutions of the local appearance.
    dropout : float
        Between the two convolutions of a level.
    spatial_kernel : int
        Odd size of the spatial branch's convolutions in its own cells (published: 11 in 2D, 7 in 3D).
    spatial_pooling : int
        Heatmap cells per cell of the spatial branch along every axis (published: 16 in 2D, 8 in 3D).
    heatmap_deviation : float
        Standard deviation of the initial weights of both heatmap layers (published: 1e-4 in 2D, 1e-3 in 3D).
    stem_stride : {1, 2}
        2: the first convolution halves the resolution, and heatmaps have half the input's.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 2,
        width: int = 128,
        levels: int = 4,
        dropout: float = 0.5,
        spatial_kernel: int = 11,
        spatial_pooling: int = 16,
        heatmap_deviation: float = 1e-4,
        stem_stride: int = 1,
    ) -> None:
        require_whole(MOST_LEVELS, levels=levels)
        require_whole(255, spatial_kernel=spatial_kernel, spatial_pooling=spatial_pooling)
        require_one_of((1, 2), stem_stride=stem_stride)
        multiple = stem_stride * lcm(2 ** (levels - 1), spatial_pooling)
        super().__init__(landmarks, inputs, dimensions, stem_stride, multiple)
        self.appearance = LocalAppearance(
            landmarks, inputs, dimensions, width, levels, dropout, heatmap_deviation, stem_stride
        )
        self.configuration = spatial_branch(
            landmarks, dimensions, width, spatial_kernel, spatial_pooling, heatmap_deviation
        )

    def forward(self, image: Tensor) -> HeatmapOutput:
        """Images (B, inputs, *spatial), every size a multiple of ``multiple``."""
        self.check_input(image)
        return self.combine(self.appearance(image))

    def combine(self, appearance: Tensor, image: Tensor | None = None) -> HeatmapOutput:
        """Run the spatial branch alone on local appearance (B, L, *S); ``image`` is not used.

        With a person's corrections drawn into the appearance, the other landmarks follow.
        """
        configuration: Tensor = self.configuration(appearance)
        return HeatmapOutput((appearance * configuration).float(), appearance.float())


def spatial_branch(
    landmarks: int, dimensions: int, width: int, kernel: int, pooling: int, deviation: float
) -> nn.Sequential:
    """The network from local appearance (B, L, *S) to spatial configuration of the same size, in (-1, 1).

    Parameters
    ----------
    landmarks, dimensions, width
    kernel, pooling, deviation
        As ``spatial_kernel``, ``spatial_pooling`` and ``heatmap_deviation`` of `SpatialConfigurationNet`.

    Raises
    ------
    ValueError
        The kernel is not odd.
    """
    if kernel % 2 == 0:
        raise ValueError(f"spatial_kernel must be odd, not {kernel}")
    layers: list[nn.Module] = [average_pool(dimensions, pooling)]
    for channels in (landmarks, width, width):
        layers += [convolution(dimensions, channels, width, kernel), nn.LeakyReLU(SLOPE, True)]
    layers += [convolution(dimensions, width, landmarks, kernel), nn.Tanh(), upsample(dimensions, pooling)]
    branch = nn.Sequential(*layers)
    he_weights(branch, SLOPE)
    normal_weights(branch[-3], deviation)
    return branch


class LocalAppearance(nn.Module):
    """The encoder-decoder of SCN and of the localization U-Net, with one linear output per landmark.

    Every level: convolution, dropout, convolution; then average pooling by 2 to the next one. On the way back
    a level's output goes through a third convolution and is added to what comes from below, interpolated
    linearly. All convolutions are 3 wide and have the same number of filters; nothing is normalised.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int,
        dimensions: int,
        width: int,
        levels: int,
        dropout: float,
        heatmap_deviation: float,
        stem_stride: int,
    ) -> None:
        super().__init__()
        require_whole(width=width)
        require_fraction(dropout=dropout, heatmap_deviation=heatmap_deviation)
        self.contract, self.across = nn.ModuleList(), nn.ModuleList()
        for level in range(levels):
            first = (
                convolution(dimensions, width, width)
                if level
                else stem(dimensions, inputs, width, stem_stride)
            )
            self.contract.append(
                nn.Sequential(
                    average_pool(dimensions) if level else nn.Identity(),
                    first,
                    nn.LeakyReLU(SLOPE, True),
                    nn.Dropout(dropout),
                    convolution(dimensions, width, width),
                    nn.LeakyReLU(SLOPE, True),
                )
            )
            self.across.append(
                nn.Sequential(convolution(dimensions, width, width), nn.LeakyReLU(SLOPE, True))
            )
        self.upsample = upsample(dimensions)
        self.heatmaps = convolution(dimensions, width, landmarks)
        he_weights(self, SLOPE)
        normal_weights(self.heatmaps, heatmap_deviation)

    def forward(self, image: Tensor) -> Tensor:
        """Images (B, inputs, *spatial) to (B, L, *S)."""
        skips = []
        for contract, across in zip(self.contract, self.across, strict=True):
            image = contract(image)
            skips.append(across(image))
        current = skips.pop()
        while skips:
            current = skips.pop() + self.upsample(current)
        heatmaps: Tensor = self.heatmaps(current)
        return heatmaps
