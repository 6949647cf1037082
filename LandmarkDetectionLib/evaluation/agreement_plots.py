"""Bland-Altman plots: the difference of two raters against their mean, one small plot per measurement."""

from __future__ import annotations

import os
from collections.abc import Sequence

from LandmarkDetectionLib.evaluation.agreement import Agreement
from LandmarkDetectionLib.evaluation.plots import new_figure, write_figure

_COLUMNS = 4
_SIZE = (2.9, 2.5)  # inches of one plot
_UNITS = {"1": "", "deg": "degrees"}


def write_bland_altman(
    values: Sequence[Agreement], reference: str, other: str, path: str | os.PathLike[str]
) -> None:
    """Draw the plots and write them as ``.png``, ``.svg`` or ``.pdf``; OutputError when that fails."""
    rows = -(-len(values) // _COLUMNS)
    figure = new_figure(_SIZE[0] * _COLUMNS, _SIZE[1] * rows + 0.5)
    figure.suptitle(f"{other} less {reference}, against their mean", fontsize=11)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes, one in zip(grid, values, strict=False):
        mean, difference = (one.other + one.reference) / 2, one.other - one.reference
        axes.plot(mean, difference, "o", color="#0072b2", markersize=2.5, alpha=0.45, markeredgewidth=0)
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.axhline(one.bias, color="#d55e00", linewidth=1.2)
        for limit in one.limits:
            axes.axhline(limit, color="#d55e00", linewidth=0.9, linestyle="--")
        unit = _UNITS.get(one.unit, one.unit)
        axes.set_title(f"{one.definition.name}{f' ({unit})' if unit else ''}", fontsize=9)
        axes.text(
            0.98,
            0.97,
            f"bias {one.bias:.3g}\n{one.limits[0]:.3g} to {one.limits[1]:.3g}",
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=7,
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1},
        )
        axes.tick_params(labelsize=7)
    for axes in grid[len(values) :]:
        axes.set_axis_off()
    write_figure(figure, path)
