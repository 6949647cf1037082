"""Networks of MONAI that give heatmaps, alone or as the local appearance of SpatialConfiguration-Net.

Only the classes named here can be built, with the parameters named here: a file says neither an import path
nor an argument of MONAI's. MONAI is an extra and is imported when a network is built; names and shapes of the
weights are the same in 1.4, 1.5 and 1.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from LandmarkDetectionLib.errors import MissingPackageError, ModelError
from LandmarkDetectionLib.networks.heatmap_output import (
    HeatmapNetwork,
    HeatmapOutput,
    require_fraction,
    require_one_of,
    require_sequence,
    require_whole,
)
from LandmarkDetectionLib.networks.layers import convolution, normal_weights
from LandmarkDetectionLib.networks.spatial_configuration import spatial_branch

#: Encoders of ``FlexibleUNet`` that every version of MONAI has; weights are never downloaded.
BACKBONES = tuple(f"efficientnet-b{n}" for n in range(8))
#: Share of every step in the statistics of a FlexibleUNet, as in its decoder.
MOMENTUM = 0.1
#: Cells of the window within which SwinUNETR's patches attend to one another.
WINDOW = 7


class MonaiNetwork(HeatmapNetwork):
    """Features of a MONAI network, a 1 x 1 convolution to heatmaps, and maybe a spatial branch.

    Parameters
    ----------
    landmarks, inputs, dimensions
        As everywhere.
    multiple : int
        Of the network's sizes.
    features : int
        Channels that the network gives at the size of the image.
    spatial : bool
        Whether its heatmaps are a local appearance that a spatial branch is multiplied with, as in
        `SpatialConfigurationNet`.
    spatial_width, spatial_kernel, spatial_pooling
        Of that branch.
    heatmap_deviation : float
        Standard deviation of the initial weights of heatmap layers.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int,
        dimensions: int,
        multiple: int,
        features: int,
        spatial: bool,
        spatial_width: int,
        spatial_kernel: int,
        spatial_pooling: int,
        heatmap_deviation: float,
    ) -> None:
        if not isinstance(spatial, bool):
            raise ValueError(f"spatial must be true or false, not {spatial!r}")
        require_whole(features=features)
        require_fraction(heatmap_deviation=heatmap_deviation)
        if spatial:
            require_whole(255, spatial_kernel=spatial_kernel, spatial_pooling=spatial_pooling)
            require_whole(spatial_width=spatial_width)
        super().__init__(
            landmarks, inputs, dimensions, 1, lcm(multiple, spatial_pooling) if spatial else multiple
        )
        self.deepest = multiple
        # First, as what takes the image; each class puts its network here.
        self.body: nn.Module = nn.Identity()
        self.heatmaps = convolution(dimensions, features, landmarks, 1)
        normal_weights(self.heatmaps, heatmap_deviation)
        self.configuration = (
            spatial_branch(
                landmarks, dimensions, spatial_width, spatial_kernel, spatial_pooling, heatmap_deviation
            )
            if spatial
            else None
        )

    def forward(self, image: Tensor) -> HeatmapOutput:
        """Images (B, inputs, *spatial), every size a multiple of ``multiple``.

        Raises
        ------
        ModelError
            While it learns, one image is so small that nothing could be normalised at the deepest level.
        """
        self.check_input(image)
        if self.training and image.shape[0] == 1 and max(image.shape[2:]) <= self.deepest:
            raise ModelError(
                f"The network cannot learn from single images of {' x '.join(map(str, image.shape[2:]))} "
                f"voxels; one side must be longer than {self.deepest}: choose a larger shape or a smaller "
                "spacing.",
                about=("shape", "spacing"),
            )
        heatmaps: Tensor = self.heatmaps(self.body(image))
        return HeatmapOutput(heatmaps.float()) if self.configuration is None else self.combine(heatmaps)

    def combine(self, appearance: Tensor, image: Tensor | None = None) -> HeatmapOutput:
        """Run the spatial branch, of networks that have one, see `SpatialConfigurationNet.combine`."""
        assert self.configuration is not None
        configuration: Tensor = self.configuration(appearance)
        return HeatmapOutput((appearance * configuration).float(), appearance.float())


class MonaiSegResNet(MonaiNetwork):
    """SegResNet: residual blocks, group normalisation, one level of skips per level of depth.

    Myronenko, 3D MRI brain tumor segmentation using autoencoder regularization, BrainLes 2018.

    Parameters
    ----------
    filters : int
        Of the first level, a multiple of 8; every level doubles them.
    blocks_down, blocks_up : sequence of int
        Residual blocks of every level on the way down, and on the way up, where there is one level less.
    dropout : float
    features, spatial, spatial_width, spatial_kernel, spatial_pooling, heatmap_deviation
        As in `MonaiNetwork`.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 3,
        filters: int = 32,
        blocks_down: Sequence[int] = (1, 2, 2, 4),
        blocks_up: Sequence[int] = (1, 1, 1),
        dropout: float = 0.0,
        features: int = 16,
        spatial: bool = False,
        spatial_width: int = 64,
        spatial_kernel: int = 7,
        spatial_pooling: int = 8,
        heatmap_deviation: float = 1e-3,
    ) -> None:
        require_whole(4096, filters=filters)
        require_sequence(blocks_down=blocks_down)
        require_sequence(len(blocks_down) - 1, blocks_up=blocks_up)
        require_fraction(dropout=dropout)
        if filters % 8:
            raise ValueError(f"filters must be a multiple of 8, not {filters}")
        branch = (spatial, spatial_width, spatial_kernel, spatial_pooling, heatmap_deviation)
        super().__init__(landmarks, inputs, dimensions, 2 ** (len(blocks_down) - 1), features, *branch)
        self.body = _nets().SegResNet(
            spatial_dims=dimensions,
            in_channels=inputs,
            out_channels=features,
            init_filters=filters,
            blocks_down=tuple(blocks_down),
            blocks_up=tuple(blocks_up),
            dropout_prob=dropout or None,
        )


class MonaiDynUNet(MonaiNetwork):
    """DynUNet: the U-Net of nnU-Net, with strided convolutions and instance normalisation.

    Isensee et al., nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation,
    Nature Methods 18 (2021).

    Parameters
    ----------
    filters : sequence of int
        Of every level; each level but the first halves the resolution.
    residual : bool
        Residual blocks instead of plain ones.
    features, spatial, spatial_width, spatial_kernel, spatial_pooling, heatmap_deviation
        As in `MonaiNetwork`.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 3,
        filters: Sequence[int] = (32, 64, 128, 256, 320),
        residual: bool = False,
        features: int = 16,
        spatial: bool = False,
        spatial_width: int = 64,
        spatial_kernel: int = 7,
        spatial_pooling: int = 8,
        heatmap_deviation: float = 1e-3,
    ) -> None:
        require_sequence(filters=filters)
        if len(filters) < 3 or len(filters) > 7:
            raise ValueError(f"filters must have 3 to 7 numbers, not {len(filters)}")
        if not isinstance(residual, bool):
            raise ValueError(f"residual must be true or false, not {residual!r}")
        branch = (spatial, spatial_width, spatial_kernel, spatial_pooling, heatmap_deviation)
        # Once more than the levels: instance normalisation needs two voxels at the deepest.
        super().__init__(landmarks, inputs, dimensions, 2 ** len(filters), features, *branch)
        strides = [1] + [2] * (len(filters) - 1)
        self.body = _nets().DynUNet(
            spatial_dims=dimensions,
            in_channels=inputs,
            out_channels=features,
            kernel_size=[3] * len(filters),
            strides=strides,
            upsample_kernel_size=strides[1:],
            filters=list(filters),
            res_block=residual,
        )


class MonaiSwinUNETR(MonaiNetwork):
    """SwinUNETR: a transformer of shifted windows as encoder, residual convolutions as decoder.

    Hatamizadeh et al., Swin UNETR: Swin transformers for semantic segmentation of brain tumors in MRI images,
    BrainLes 2021. The decoder normalises in groups instead of instances, so that patches of one cell at the
    deepest level can be looked at; at the size of the image both are the same.

    Parameters
    ----------
    width : int
        Of the first level, a multiple of 12.
    depths, heads : sequence of 4 int
        Transformer blocks and attention heads of every stage.
    features, spatial, spatial_width, spatial_kernel, spatial_pooling, heatmap_deviation
        As in `MonaiNetwork`.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 3,
        width: int = 24,
        depths: Sequence[int] = (2, 2, 2, 2),
        heads: Sequence[int] = (3, 6, 12, 24),
        features: int = 16,
        spatial: bool = False,
        spatial_width: int = 64,
        spatial_kernel: int = 7,
        spatial_pooling: int = 8,
        heatmap_deviation: float = 1e-3,
    ) -> None:
        require_whole(1200, width=width)
        require_sequence(4, depths=depths, heads=heads)
        if width % 12:
            raise ValueError(f"width must be a multiple of 12, not {width}")
        if any(width * 2**stage % count for stage, count in enumerate(heads)):
            raise ValueError(
                f"heads {list(heads)} must divide the widths of their stages, {width} and doubled"
            )
        branch = (spatial, spatial_width, spatial_kernel, spatial_pooling, heatmap_deviation)
        super().__init__(landmarks, inputs, dimensions, 32, features, *branch)
        nets = _nets()
        # Until 1.4 the size of an image must be told, and serves for nothing but a check.
        size = {"img_size": (64,) * dimensions} if _takes(nets.SwinUNETR, "img_size") else {}
        with _RatesInMemory():
            self.body = nets.SwinUNETR(
                spatial_dims=dimensions,
                in_channels=inputs,
                out_channels=features,
                feature_size=width,
                depths=tuple(depths),
                num_heads=tuple(heads),
                norm_name=("group", {"num_groups": width}),
                **size,
            )


class MonaiFlexibleUNet(MonaiNetwork):
    """FlexibleUNet: an EfficientNet as encoder, a U-Net's decoder; no weights of photographs are loaded.

    Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks, ICML 2019.

    Parameters
    ----------
    backbone : {"efficientnet-b0", ..., "efficientnet-b7"}
    decoder : sequence of 5 int
        Filters of the decoder, from the deepest level to the size of the image.
    features, spatial, spatial_width, spatial_kernel, spatial_pooling, heatmap_deviation
        As in `MonaiNetwork`.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 2,
        backbone: str = "efficientnet-b0",
        decoder: Sequence[int] = (256, 128, 64, 32, 16),
        features: int = 16,
        spatial: bool = False,
        spatial_width: int = 64,
        spatial_kernel: int = 7,
        spatial_pooling: int = 8,
        heatmap_deviation: float = 1e-3,
    ) -> None:
        require_one_of(BACKBONES, backbone=backbone)
        require_sequence(5, decoder=decoder)
        branch = (spatial, spatial_width, spatial_kernel, spatial_pooling, heatmap_deviation)
        super().__init__(landmarks, inputs, dimensions, 32, features, *branch)
        self.body = _nets().FlexibleUNet(
            spatial_dims=dimensions,
            in_channels=inputs,
            out_channels=features,
            backbone=backbone,
            pretrained=False,
            decoder_channels=tuple(decoder),
        )
        # What would tell photographs apart: a million weights that no heatmap depends on.
        for part in ("_conv_head", "_bn1", "_fc"):
            setattr(self.body.encoder, part, nn.Identity())
        # MONAI's statistics remember a hundred steps: after a short training those that a finished network
        # uses would still be of its beginning.
        for layer in self.body.modules():
            if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d):
                layer.momentum = MOMENTUM


class _RatesInMemory(TorchFunctionMode):
    """SwinUNETR reads its rates of dropped paths from a tensor, which must exist where the network need not:
    packages are compared with networks on the device ``meta`` before memory is taken.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if func is torch.linspace:
            given.setdefault("device", "cpu")
        return func(*args, **given)


def _nets() -> ModuleType:
    try:
        from monai.networks import nets
    except ImportError:
        raise MissingPackageError.of("This network", "monai", "monai") from None
    module: ModuleType = nets
    return module


def _takes(network: Any, name: str) -> bool:
    import inspect

    return name in inspect.signature(network.__init__).parameters
