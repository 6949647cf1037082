"""The localization U-Net that SpatialConfiguration-Net is compared with: one branch only.

Payer, Stern, Bischof and Urschler, Medical Image Analysis 54 (2019), section on compared networks.
"""

from __future__ import annotations

from torch import Tensor

from LandmarkDetectionLib.networks.heatmap_output import (
    MOST_LEVELS,
    HeatmapNetwork,
    HeatmapOutput,
    require_one_of,
    require_whole,
)
from LandmarkDetectionLib.networks.spatial_configuration import LocalAppearance


class LocalizationUNet(HeatmapNetwork):
    """The encoder-decoder of SpatialConfiguration-Net, whose output is the heatmaps.

    It must see the whole arrangement itself, which takes levels: ``levels`` = 4, as SCN has, sees about 100
    pixels, 6 about 400. Parameters are those of :class:`SpatialConfigurationNet`.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 2,
        width: int = 128,
        levels: int = 4,
        dropout: float = 0.5,
        heatmap_deviation: float = 1e-4,
        stem_stride: int = 1,
    ) -> None:
        require_whole(MOST_LEVELS, levels=levels)
        require_one_of((1, 2), stem_stride=stem_stride)
        super().__init__(landmarks, inputs, dimensions, stem_stride, stem_stride * 2 ** (levels - 1))
        self.body = LocalAppearance(
            landmarks, inputs, dimensions, width, levels, dropout, heatmap_deviation, stem_stride
        )

    def forward(self, image: Tensor) -> HeatmapOutput:
        """Images (B, inputs, *spatial), every size a multiple of ``multiple``."""
        self.check_input(image)
        heatmaps: Tensor = self.body(image)
        return HeatmapOutput(heatmaps.float())
