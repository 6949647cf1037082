"""What a network has learned: the kernels of its first layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.plots import new_figure
from LandmarkDetectionLib.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

MOST_KERNELS = 64


def first_kernels(network: nn.Module) -> FloatArray:
    """Kernels of the first convolution.

    Returns
    -------
    (filters, h, w) float64
        Of the first input channel; of 3D kernels the middle slice.

    Raises
    ------
    InputError
        The network has no convolution.
    """
    from torch import nn

    kinds = (nn.Conv2d, nn.Conv3d)
    first = next((module for module in network.modules() if isinstance(module, kinds)), None)
    if first is None:
        raise InputError("This network has no convolution whose kernels could be shown.")
    weights = first.weight.detach().cpu().numpy()[:, 0].astype(np.float64)
    return weights if weights.ndim == 3 else weights[:, weights.shape[1] // 2]


def kernel_figure(network: nn.Module) -> Figure:
    """The first kernels in a grid on one scale: blue below zero, red above.

    Raises
    ------
    InputError
        As :func:`first_kernels`.
    """
    kernels = first_kernels(network)
    shown = kernels[:MOST_KERNELS]
    columns = int(np.ceil(np.sqrt(len(shown) * 1.6)))
    rows = -(-len(shown) // columns)
    figure = new_figure(0.75 * columns + 1.0, 0.75 * rows + 0.5)
    largest = float(np.abs(kernels).max()) or 1.0
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.ravel():
        axes.set_axis_off()
    for axes, kernel in zip(panels.ravel(), shown, strict=False):
        drawn = axes.imshow(kernel, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
    figure.colorbar(drawn, ax=panels, shrink=0.8, fraction=0.04)
    of = f" of {len(kernels)}" if len(kernels) > len(shown) else ""
    figure.suptitle(f"{len(shown)}{of} kernels of the first layer", fontsize=10)
    return figure
