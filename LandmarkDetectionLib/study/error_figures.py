"""Figures for the documentation and reports."""

from __future__ import annotations

import os
from collections.abc import Sequence

from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.reporting.figure_text import draw_as_written


def write_reliability_figure(
    rows: Sequence[dict[str, float]], path: str | os.PathLike[str], title: str, error: float
) -> None:
    """Draw how often landmarks were found at each confidence, against the diagonal of perfect calibration.

    Parameters
    ----------
    rows
        From ``calibration.reliability``: mean confidence, share found and count per bin.
    path
        ``.png``, ``.svg`` or ``.pdf``.
    title
        What was measured on.
    error
        Expected calibration error, written into the figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 5.6), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    confidence, found, count = ([row[key] for row in rows] for key in ("confidence", "found", "count"))
    upper.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", label="perfect")
    upper.plot(confidence, found, color="#0072b2", marker="o", linewidth=1.5, label="measured")
    upper.set(ylabel="share found", xlim=(0, 1), ylim=(0, 1), title=title)
    upper.legend(loc="upper left", frameon=False)
    upper.text(0.97, 0.04, f"expected calibration error {error:.3f}", ha="right")
    lower.bar(confidence, count, width=0.06, color="#56b4e9")
    lower.set(xlabel="confidence", ylabel="landmarks", yscale="log")
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    with atomic_write(path) as temporary:
        draw_as_written(figure)
        figure.savefig(temporary, format=os.fspath(path).rsplit(".", 1)[-1])
