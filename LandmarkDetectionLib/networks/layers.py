"""The few layers that heatmap networks share, for 2 and 3 dimensions alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Convolution3d(nn.Conv3d):
    """In float32 where the kernel is larger than the image.

    There, in bfloat16 on a CPU, PyTorch (seen in 2.13) reads and writes beyond its memory: weights' gradients
    hold whatever lay there, and the process may crash.
    """

    def forward(self, x: Tensor) -> Tensor:
        reach = [step * (size - 1) + 1 for size, step in zip(self.kernel_size, self.dilation, strict=True)]
        if x.device.type == "cpu" and any(n < r for n, r in zip(x.shape[2:], reach, strict=True)):
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float())
        return super().forward(x)


_CONVOLUTION: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: _Convolution3d}
_NORM: dict[int, type[nn.BatchNorm2d] | type[nn.BatchNorm3d]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_AVERAGE: dict[int, type[nn.AvgPool2d] | type[nn.AvgPool3d]] = {2: nn.AvgPool2d, 3: nn.AvgPool3d}
_MAXIMUM: dict[int, type[nn.MaxPool2d] | type[nn.MaxPool3d]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
_DROPOUT: dict[int, type[nn.Dropout2d] | type[nn.Dropout3d]] = {2: nn.Dropout2d, 3: nn.Dropout3d}
_LINEAR = {2: "bilinear", 3: "trilinear"}


def convolution(
    dimensions: int,
    inputs: int,
    outputs: int,
    size: int | Sequence[int] = 3,
    dilation: int = 1,
    bias: bool = True,
) -> nn.Module:
    """A convolution that keeps the size; kernels of odd size, one number or one per axis."""
    kernel: Any = size if isinstance(size, int) else tuple(size)
    return _CONVOLUTION[dimensions](inputs, outputs, kernel, padding="same", dilation=dilation, bias=bias)


def stem(
    dimensions: int, inputs: int, outputs: int, stride: int, size: int = 3, bias: bool = True
) -> nn.Module:
    """The first convolution. With stride 2 its kernel is one larger.

    So cell c is centred between pixels 2 c and 2 c + 1, as ``gaussian_heatmap`` has it, and a mirrored image
    gives mirrored heatmaps.
    """
    if stride == 1:
        return convolution(dimensions, inputs, outputs, size, bias=bias)
    return _CONVOLUTION[dimensions](inputs, outputs, size + 1, stride=2, padding=size // 2, bias=bias)


def norm(dimensions: int, width: int) -> nn.Module:
    """Batch normalisation."""
    return _NORM[dimensions](width)


def average_pool(dimensions: int, factor: int = 2) -> nn.Module:
    """Means of blocks."""
    return _AVERAGE[dimensions](factor)


def max_pool(dimensions: int, factor: int = 2) -> nn.Module:
    """Maxima of blocks."""
    return _MAXIMUM[dimensions](factor)


def spatial_dropout(dimensions: int, probability: float) -> nn.Module:
    """Dropout of whole channels (Tompson et al. 2015): neighbouring cells say the same."""
    return _DROPOUT[dimensions](probability)


def upsample(dimensions: int, factor: int = 2) -> nn.Module:
    """Linear interpolation to ``factor`` times the size."""
    return nn.Upsample(scale_factor=factor, mode=_LINEAR[dimensions], align_corners=False)


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Linear interpolation to a size."""
    return functional.interpolate(x, tuple(size), mode=_LINEAR[x.ndim - 2], align_corners=False)


def normal_weights(layer: nn.Module, deviation: float) -> None:
    """Draw a layer's weights from N(0, deviation^2); biases are zero."""
    assert isinstance(layer, nn.Conv2d | nn.Conv3d)
    nn.init.normal_(layer.weight, std=deviation)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def he_weights(network: nn.Module, slope: float = 0.0) -> None:
    """Initialise every convolution as He et al. 2015, for leaky ReLUs of this slope; biases are zero."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(layer.weight, a=slope)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
