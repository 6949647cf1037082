"""The figures of the study: errors by landmark and method, all estimates in one image, depth, all errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.evaluation.plots import new_figure, write_figure
from LandmarkDetectionLib.study.accuracy import depth_errors, position_errors
from LandmarkDetectionLib.study.run import StudyResult
from LandmarkDetectionLib.typing import Array
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette, which stays apart for every kind of colour blindness.
COLOURS = {
    "CNN(ft)": "#0072b2",
    "CNN(syn)": "#56b4e9",
    "CNN(med)": "#009e73",
    "NN(syn)": "#e69f00",
    "NN(med)": "#cc79a7",
    "RF": "#d55e00",
    "mean depth": "#999999",
}


def write_figures(result: StudyResult, folder: Path) -> dict[str, Path]:
    """Draw all figures as PNG files into a folder; gives caption and file.

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    names = result.medical.names
    images = (
        f"{counted(len(result.medical), 'image')} of {counted(len(set(result.medical.subjects)), 'subject')}"
    )
    drawn: list[tuple[str, str, Figure]] = [
        (
            "errors",
            f"Error of every landmark by method: mean and standard deviation over {images}.",
            _bars(position_errors(result), names, "error (px)"),
        ),
        (
            "estimates",
            "All estimates in one common image: each dot is the mean place of a landmark plus the error of "
            "one estimate; the cross is the truth; behind, the mean silhouette.",
            _estimates(result),
        ),
        (
            "distribution",
            "Share of all landmarks within an error.",
            _cumulative(position_errors(result)),
        ),
    ]
    if result.depths:
        drawn.append(
            (
                "depth",
                "Mean absolute depth error of every landmark: mean depth of the training annotations, and "
                "networks on normalised depth images.",
                _bars(depth_errors(result), names, "absolute depth error (mm)"),
            )
        )
    written = {}
    for name, caption, figure in drawn:
        path = folder / f"{name}.png"
        write_figure(figure, path)
        written[caption] = path
    return written


def _bars(errors: dict[str, Array], names: Sequence[str], unit: str) -> Figure:
    """Grouped bars, one group per landmark and one for all of them."""
    figure = new_figure(max(7.0, 1.1 * (len(names) + 1)), 4.0)
    axes = figure.subplots()
    width = 0.84 / len(errors)
    labels = [name.replace("_", " ") for name in names]
    for number, (method, values) in enumerate(errors.items()):
        groups = [*values.T, values.ravel()]
        mean, deviation = ([function(group) for group in groups] for function in (np.mean, np.std))
        place = np.arange(len(groups)) + (number - (len(errors) - 1) / 2) * width
        # A standard deviation below zero error would say nothing.
        spread = [np.minimum(mean, deviation), deviation]
        axes.bar(place, mean, 0.92 * width, color=COLOURS[method], label=method)
        axes.errorbar(place, mean, spread, fmt="none", ecolor="#333333", elinewidth=0.8, capsize=1.5)
    axes.axvline(len(names) - 0.5, color="#bbbbbb", linewidth=0.8)
    axes.set_xticks(range(len(names) + 1), [*labels, "all"], rotation=25 if len(names) > 6 else 0)
    axes.set(ylabel=unit, xlim=(-0.5, len(names) + 0.5))
    axes.legend(
        ncols=len(errors),
        frameon=False,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        columnspacing=1.2,
        handlelength=1.2,
    )
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _estimates(result: StudyResult) -> Figure:
    """One panel per method."""
    rows, columns = result.medical.shape
    truth = result.medical.points[..., :2]
    middle = truth.mean(axis=0)
    background = 1 - 0.35 * result.medical.silhouettes.mean(axis=0)
    methods = list(result.positions)
    across = 3 if columns / rows > 0.7 else len(methods)
    down = -(-len(methods) // across)
    figure = new_figure(8.4, 8.4 / across * (rows / columns) * down + 0.3 * down)
    palette = np.array([[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0]]) / 255
    for axes, method in zip(np.ravel(figure.subplots(down, across)), methods, strict=False):
        axes.imshow(background, cmap="gray", vmin=0, vmax=1)
        for landmark, place in enumerate(middle):
            dots = place + result.positions[method][:, landmark] - truth[:, landmark]
            axes.scatter(*dots.T, s=5, color=palette[landmark % len(palette)], alpha=0.55, linewidths=0)
        axes.plot(*middle.T, "+", color="black", markersize=7, markeredgewidth=1.0)
        axes.set(title=method, xlim=(-8, columns + 7), ylim=(rows + 7, -8))
        axes.set_axis_off()
    return figure


def _cumulative(errors: dict[str, Array]) -> Figure:
    figure = new_figure(7.0, 3.6)
    axes = figure.subplots()
    for method, values in errors.items():
        ordered = np.sort(values.ravel())
        axes.plot(ordered, (np.arange(len(ordered)) + 1) / len(ordered), color=COLOURS[method], label=method)
    limit = max(float(np.quantile(values, 0.9)) for values in errors.values())
    axes.set(xlabel="error (px)", ylabel="share of landmarks", xlim=(0, limit), ylim=(0, 1))
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
