"""Figures of an evaluation: errors of all models side by side, each model in its own colour throughout."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.evaluation.evaluate import Evaluation
from LandmarkDetectionLib.evaluation.metrics import cumulative_distribution, finite_mean, image_errors
from LandmarkDetectionLib.evaluation.tables import Tables
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.reporting.figure_text import draw_as_written
from LandmarkDetectionLib.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Okabe and Ito's palette, which stays apart for every kind of colour blindness, dark ones first.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
LINES = ("-", "--", "-.", ":")
RATERS = "#7a7a7a"
DPI = 130
#: Beyond this share of all errors the cumulative distribution is cut, or one outlier would squeeze it.
SHOWN = 0.985


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """A colour per model, by their order; it starts again after seven."""
    return {model: PALETTE[number % len(PALETTE)] for number, model in enumerate(models)}


def model_lines(models: Sequence[str]) -> dict[str, str]:
    """A line style per model, so that curves stay apart in print without colour."""
    return {model: LINES[number % len(LINES)] for number, model in enumerate(models)}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of inches that belongs to no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as ``.png``, ``.svg`` or ``.pdf``.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with atomic_write(path) as temporary:
        draw_as_written(figure)
        figure.savefig(temporary, format=os.fspath(path).rsplit(".", 1)[-1].lower())


def cumulative_figure(result: Evaluation) -> Figure:
    """Cumulative distributions of the point-to-point and of the image-specific error of every model."""
    figure = new_figure(9.6, 4.2)
    left, right = figure.subplots(1, 2, sharey=True)
    errors = {model: result.errors(model) for model in result.models}
    raters = result.between_raters()
    draw_cumulative(left, errors, f"point-to-point error ({result.unit})", result.radii, raters)
    means = {model: image_errors(values) for model, values in errors.items()}
    of_raters = None if raters is None else image_errors(raters)
    draw_cumulative(right, means, f"image-specific point-to-point error ({result.unit})", (), of_raters)
    left.set(ylabel="share within the error", title="every landmark")
    right.set(title="mean of every image")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), frameon=False)
    return figure


def draw_cumulative(
    axes: Axes,
    errors: Mapping[str, FloatArray],
    label: str,
    radii: Sequence[float] = (),
    raters: FloatArray | None = None,
    colours: Mapping[str, str] | None = None,
    lines: Mapping[str, str] | None = None,
) -> None:
    """Draw one cumulative distribution per entry.

    Parameters
    ----------
    axes
        Where.
    errors
        By name, of any shape; see :mod:`.metrics` for NaN and inf.
    label
        Of the horizontal axis, with the unit.
    radii
        Marked by dotted lines.
    raters
        Distances between raters, drawn grey.
    colours, lines
        By name; by order otherwise.
    """
    colours = colours or model_colours(list(errors))
    lines = lines or model_lines(list(errors))
    ends = []
    for name, values in errors.items():
        ends.append(_step(axes, values, colours[name], lines[name], name))
    if raters is not None:
        _step(axes, raters, RATERS, (0, (1, 1)), "two raters")
    if not any(np.isfinite(values).any() for values in errors.values()):
        axes.text(0.5, 0.5, "no landmark was given", ha="center", va="center", transform=axes.transAxes)
    limit = max([*ends, *(1.05 * radius for radius in radii), 1e-9])
    for radius in radii:
        axes.axvline(radius, color="#c8c8c8", linewidth=0.8, linestyle=":", zorder=0)
    axes.set(xlabel=label, xlim=(0, limit), ylim=(0, 1.005))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.grid(axis="y", color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _step(axes: Axes, values: FloatArray, colour: str, line: object, name: str) -> float:
    """Draw a distribution and say up to where it is worth seeing."""
    ordered, shares = cumulative_distribution(values)
    if not len(ordered):
        return 0.0
    # The first error carries the share from zero, and the line goes on to the edge.
    x = np.concatenate([[0.0], ordered, [ordered[-1] * 10 + 1]])
    y = np.concatenate([[0.0], shares, shares[-1:]])
    axes.step(x, y, where="post", color=colour, linestyle=line, linewidth=1.8, label=name)
    return float(np.quantile(ordered, SHOWN))


def landmark_figure(result: Evaluation) -> Figure:
    """Boxes of the errors at every landmark: quartiles, median, whiskers from 5 to 95 %, mean as a dot."""
    models, names = list(result.models), result.landmarks
    colours = model_colours(models)
    raters = result.between_raters()
    band = 0.8 / len(models)
    figure = new_figure(8.6, 1.3 + len(names) * max(0.24, 0.13 * len(models)))
    axes = figure.subplots()
    limit = 0.0
    for number, model in enumerate(models):
        errors = result.errors(model)
        for row in range(len(names)):
            values = errors[:, row][np.isfinite(errors[:, row])]
            if not len(values):
                continue
            low, first, middle, third, high = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
            y = row + (number - (len(models) - 1) / 2) * band
            axes.plot([low, high], [y, y], color=colours[model], linewidth=1.0, alpha=0.8, zorder=2)
            axes.barh(y, third - first, 0.8 * band, first, color=colours[model], alpha=0.75, zorder=3)
            axes.plot(
                [middle, middle], [y - 0.4 * band, y + 0.4 * band], color="white", linewidth=1.4, zorder=4
            )
            axes.plot(values.mean(), y, "o", color="black", markersize=2.6, zorder=5)
            limit = max(limit, high)
        axes.barh(np.nan, 0, color=colours[model], alpha=0.75, label=model)
    if raters is not None:
        apart = finite_mean(raters, axis=0)
        axes.plot(apart, range(len(names)), "|", color=RATERS, markersize=11, markeredgewidth=1.6, zorder=6)
        axes.plot(
            np.nan, np.nan, "|", color=RATERS, markersize=11, markeredgewidth=1.6, label="two raters, mean"
        )
        limit = max(limit, np.nanmax(apart))
    for row in range(0, len(names), 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f5f6f8", zorder=0, linewidth=0)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    axes.set(
        xlabel=f"point-to-point error ({result.unit})",
        xlim=(0, 1.03 * limit if limit > 0 else 1),
        ylim=(len(names) - 0.5, -0.5),
    )
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e2e2e2", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=min(5, len(models) + 1), frameon=False)
    return figure


def reliability_figure(result: Evaluation, tables: Tables) -> Figure:
    """How often landmarks were found at each confidence; the diagonal is perfect."""
    figure = new_figure(8.6, 4.2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#a5a5a5", linewidth=1, linestyle="--", label="perfect")
    colours, lines = model_colours(list(result.models)), model_lines(list(result.models))
    for model, (rows, error) in tables.calibration.items():
        confidence, found, count = (
            np.array([row[key] for row in rows]) for key in ("confidence", "found", "count")
        )
        axes.plot(
            confidence,
            found,
            color=colours[model],
            linestyle=lines[model],
            linewidth=1.6,
            label=f"{model}\n(calibration error {error:.3f})",
        )
        # The area of a dot grows with the number of landmarks behind it.
        axes.scatter(confidence, found, s=12 + 140 * count / count.sum(), color=colours[model], zorder=3)
    axes.set(xlabel="confidence", ylabel=f"share found within {result.found_within:g} {result.unit}")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_box_aspect(1)
    figure.legend(loc="outside right center", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
