"""What a network has learned and what it sees: first-layer kernels, and heatmaps over an image.

Any network of ``networks`` that returns a ``HeatmapOutput`` will do; of volumes, the slice through the
peak of the final heatmap is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.plots import new_figure
from LandmarkDetectionLib.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor, nn

    from LandmarkDetectionLib.networks.heatmap_output import HeatmapOutput

MOST_KERNELS = 64
#: Where the local appearance is below this share of its peak, its quotient says nothing.
FAINT = 0.02


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


def heatmap_figure(
    image: Tensor, output: HeatmapOutput, names: Sequence[str], landmarks: Sequence[str] = ()
) -> Figure:
    """Heatmaps over the image, one row per landmark: local appearance, spatial configuration, final.

    Parameters
    ----------
    image : (B, C, *spatial)
        What went into the network; the first of the batch and its first channel are drawn.
    output
        What came out. The spatial configuration is drawn where there is a local appearance: as their product
        is the final heatmap, it is the quotient, left empty where the appearance is faint. The heatmaps of
        earlier stacks are drawn as ``stack 1``, ``stack 2``. Of an ensemble give what its ``first`` member
        answers: the mean of all is no product with one's local appearance.
    names
        Of all landmarks, in the network's order.
    landmarks
        Which to draw; the first four when empty.

    Raises
    ------
    InputError
        There is no such landmark, or the names are not as many as the heatmaps.
    """
    if len(names) != output.heatmaps.shape[1]:
        raise InputError(
            f"The network gives {output.heatmaps.shape[1]} heatmaps, but {len(names)} names are given."
        )
    chosen = list(landmarks) or list(names)[:4]
    if unknown := [name for name in chosen if name not in names]:
        raise InputError(f"The network has no landmark {', '.join(unknown)}; it has {', '.join(names)}.")
    grey = image[0, 0].detach().cpu().double().numpy()
    first = _heatmap_columns(output, names.index(chosen[0]))
    height, width = grey.shape[-2:]
    across = 1 + len(first)
    figure = new_figure(2.3 * across + 0.3, (2.3 * height / width + 0.25) * len(chosen) + 0.2)
    panels = figure.subplots(len(chosen), across, squeeze=False)
    for number, (row, name) in enumerate(zip(panels, chosen, strict=True)):
        columns = _heatmap_columns(output, names.index(name))
        slice_index = _peak_slice(columns["final"], grey)
        picture = grey if grey.ndim == 2 else grey[slice_index[0]]
        _draw_image(row[0], picture)
        row[0].set_ylabel(name.replace("_", " "), fontsize=9)
        row[0].set_title("image" if number == 0 else "", fontsize=9)
        for axes, (title, heatmap) in zip(row[1:], columns.items(), strict=True):
            flat = heatmap if heatmap.ndim == 2 else heatmap[slice_index[1]]
            _draw_image(axes, picture)
            _draw_heatmap(axes, flat, picture.shape)
            axes.set_title(title if number == 0 else "", fontsize=9)
    return figure


def spatial_configuration(heatmap: FloatArray, appearance: FloatArray) -> FloatArray:
    """The factor that made the heatmap from the local appearance, NaN where the latter is too faint to say.

    Parameters
    ----------
    heatmap, appearance : (*S)
        Final heatmap and local appearance of one landmark, h = h^LA * h^SC.
    """
    clear = np.abs(appearance) > FAINT * np.abs(appearance).max()
    return np.asarray(np.divide(heatmap, appearance, out=np.full(heatmap.shape, np.nan), where=clear))


def _heatmap_columns(output: HeatmapOutput, index: int) -> dict[str, FloatArray]:
    def array(heatmaps: Tensor) -> FloatArray:
        return np.asarray(heatmaps[0, index].detach().cpu().double().numpy())

    final = array(output.heatmaps)
    columns: dict[str, FloatArray] = {}
    if output.appearance is not None:
        appearance = array(output.appearance)
        columns["local appearance"] = appearance
        columns["spatial configuration"] = spatial_configuration(final, appearance)
    for number, earlier in enumerate(output.intermediate, start=1):
        columns[f"stack {number}"] = array(earlier)
    columns["final"] = final
    return columns


def _peak_slice(heatmap: FloatArray, grey: FloatArray) -> tuple[int, int]:
    """Slice of the image and of the heatmap through the heatmap's peak."""
    if grey.ndim == 2:
        return 0, 0
    cell = int(np.unravel_index(np.argmax(heatmap), heatmap.shape)[0])
    stride = grey.shape[0] / heatmap.shape[0]
    return min(round(stride * (cell + 0.5) - 0.5), grey.shape[0] - 1), cell


def _draw_image(axes: Axes, picture: FloatArray) -> None:
    low, high = np.percentile(picture, (0.5, 99.5))
    axes.imshow(picture, cmap="gray", vmin=low, vmax=max(high, low + 1e-9))
    axes.set(xticks=[], yticks=[])


def _draw_heatmap(axes: Axes, heatmap: FloatArray, shape: tuple[int, ...]) -> None:
    """Positive values red, negative ones blue, the stronger the less transparent."""
    from matplotlib import colormaps

    scale = float(np.nanmax(np.abs(heatmap), initial=0.0)) or 1.0
    share = np.nan_to_num(heatmap / scale)
    colours = colormaps["RdBu_r"](0.5 + share / 2)
    colours[..., 3] = np.clip(1.3 * np.abs(share), 0, 0.9)
    height, width = shape
    axes.imshow(colours, extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="nearest")
