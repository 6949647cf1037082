"""A sheet to look at: the landmarks of a few cases of a data set on their images, by every rater.

Nothing else shows as surely that points do not belong to their pictures: rows counted from the bottom,
images in another order, left and right exchanged.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.datasets.cases import Case
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.plots import PALETTE, new_figure, write_figure
from LandmarkDetectionLib.imaging.previews import image_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_CASES = 9
#: More names than this would cover the image; the first and the last one tell the order then.
MOST_NAMES = 20


def write_dataset_sheet(
    cases: Sequence[Case], path: str | os.PathLike[str], count: int = SHOWN_CASES
) -> None:
    """Draw cases that are spread over the data set, with the names of their landmarks.

    Of a volume its mean along two of the patient's axes is drawn. A case that cannot be read has the reason
    in its place, so that the sheet shows data sets that are refused, too.

    Parameters
    ----------
    cases
        Of a datalist.
    path
        ``.png``, ``.svg`` or ``.pdf``.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    chosen = [cases[n] for n in np.unique(np.linspace(0, len(cases) - 1, min(count, len(cases))).astype(int))]
    columns = min(3, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = new_figure(4.4 * columns, 4.4 * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    raters = list(dict.fromkeys(rater for case in cases for rater in case.raters))
    colours = {rater: PALETTE[(n + 1) % len(PALETTE)] for n, rater in enumerate(raters)}
    for axes in grid:
        axes.set_axis_off()
    for axes, case in zip(grid, chosen, strict=False):
        axes.set_title(f"row {case.row}: {case.name}".replace("$", r"\$"), fontsize=8, loc="left")
        try:
            _draw(axes, case, colours)
        except InputError as problem:
            axes.text(
                0, 0.5, str(problem).replace("$", r"\$"), fontsize=7, wrap=True, transform=axes.transAxes
            )
    for rater, colour in colours.items():
        grid[0].plot([], [], "o", color=colour, label=rater.replace("$", r"\$"))
    if len(raters) > 1:
        figure.legend(
            *grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False
        )
    write_figure(figure, path)


def _draw(axes: Axes, case: Case, colours: dict[str, str]) -> None:
    volume = case.read_volume()
    views = image_views(volume).views
    pictures = [view.thickness for view in views]
    height = max(picture.shape[0] for picture in pictures)
    joined = np.concatenate(
        [np.pad(picture, ((0, height - picture.shape[0]), (0, 4))) for picture in pictures], axis=1
    )
    axes.imshow(joined, cmap="gray", vmin=0, vmax=1)
    sides = views[0].geometry.spacing
    axes.set_aspect(sides[1] / sides[0])
    for rater, colour in colours.items():
        if rater not in case.raters:
            continue
        marks = case.read_landmarks(rater, volume).present
        shift = 0
        for view in views:
            places = view.geometry.from_ras(marks.positions)[:, :2]
            axes.plot(places[:, 0] + shift, places[:, 1], "o", ms=3, color=colour, mec="black", mew=0.4)
            if view is views[0] and rater == case.raters[0]:
                _name(axes, marks.names, places, colour)
            shift += view.thickness.shape[1] + 4


def _name(axes: Axes, names: Sequence[str], places: np.ndarray, colour: str) -> None:
    chosen = range(len(names)) if len(names) <= MOST_NAMES else (0, len(names) - 1)
    for n in chosen:
        text = names[n].replace("_", " ").replace("$", r"\$")
        axes.annotate(text, places[n], xytext=(3, 3), textcoords="offset points", fontsize=5, color=colour)
