"""The gallery of worst cases: whole images with truth and prediction, and the worst landmark from near.

A radiograph is shown as it is stored; of a volume the slice through the true landmark that shows the error
best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.evaluation.evaluate import Evaluation
from LandmarkDetectionLib.evaluation.plots import model_colours, new_figure
from LandmarkDetectionLib.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


TRUTH = "#f0e442"
#: Width of the near view: this many times the error, and half of it at least this share of the image.
NEAR, LEAST_NEAR = 2.0, 0.05
CLIP = (0.5, 99.5)


@dataclass(frozen=True)
class WorstCase:
    """The largest error of a model in one case.

    Attributes
    ----------
    model : str
    case, landmark : int
        Which, by position.
    error : float
        In the evaluation's unit; inf when the landmark was missed.
    """

    model: str
    case: int
    landmark: int
    error: float


@dataclass(frozen=True)
class Plane:
    """A slice of a volume as a picture.

    Attributes
    ----------
    picture : (H, W) float64
        Grey values.
    across, down : int
        Voxel axes (0 i, 1 j, 2 k) along the columns and rows of the picture.
    turned : (bool, bool)
        Whether columns and rows run against the voxel axis.
    pixel : (2,) mm
        Size of a pixel across and down.
    name : str
        For people: ``axial``, ``coronal``, ``sagittal``, or empty for a radiograph.
    """

    picture: FloatArray
    across: int
    down: int
    turned: tuple[bool, bool]
    pixel: tuple[float, float]
    name: str

    def place(self, ijk: FloatArray) -> FloatArray:
        """(..., 3) voxel indices -> (..., 2) column and row of the picture."""
        height, width = self.picture.shape
        column, row = ijk[..., self.across], ijk[..., self.down]
        return np.stack(
            [
                width - 1 - column if self.turned[0] else column,
                height - 1 - row if self.turned[1] else row,
            ],
            axis=-1,
        )


def worst_cases(result: Evaluation, model: str, count: int = 4) -> list[WorstCase]:
    """The cases with the largest error at any landmark, worst first; missed landmarks come last.

    A missed landmark has no distance to be ranked by, and is told by the table of presence.
    """
    errors = result.errors(model)
    largest = np.where(np.isfinite(errors), errors, -1.0).max(axis=1)
    order = np.argsort(-largest, kind="stable")[:count]
    return [
        WorstCase(
            model, int(case), int(np.nanargmax(np.where(np.isfinite(errors[case]), errors[case], -1))), one
        )
        for case in order
        if (one := float(largest[case])) >= 0
    ]


def gallery_figure(result: Evaluation, model: str, count: int = 4) -> Figure | None:
    """Draw the worst cases of a model, two pictures each; None when it gave no landmark at all.

    Raises
    ------
    InputError
        An image cannot be read any more.
    """
    worst = worst_cases(result, model, count)
    if not worst:
        return None
    rows = -(-len(worst) // 2)
    figure = new_figure(10.0, 3.6 * rows + 0.4)
    grid = figure.subplots(rows, 4, squeeze=False, width_ratios=(1, 1, 1, 1))
    for axes in grid.ravel():
        axes.set_axis_off()
    colour = model_colours(list(result.models))[model]
    for number, one in enumerate(worst):
        row, first = number // 2, 2 * (number % 2)
        _draw_case(result, one, colour, grid[row, first], grid[row, first + 1])
    axes = grid[0, 0]
    axes.plot([], [], "o", color=TRUTH, markeredgecolor="black", label="truth")
    axes.plot([], [], "X", color=colour, markeredgecolor="white", label=model)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def show_plane(volume: Volume, ijk: FloatArray, towards: FloatArray) -> Plane:
    """Cut the slice through a voxel that holds most of the way towards another one.

    Parameters
    ----------
    volume
        With its voxels.
    ijk, towards : (3,)
        Voxel indices of the true and the predicted landmark; the slice is through the former.
    """
    if volume.is_2d:
        picture = np.asarray(volume.voxels[0], np.float64)
        return Plane(picture, 0, 1, (False, False), (float(volume.spacing[0]), float(volume.spacing[1])), "")
    way = np.abs(towards - ijk) * volume.spacing
    normal = int(np.argmin(way)) if np.isfinite(way).all() else 2
    axes = [axis for axis in range(3) if axis != normal]
    # The patient axis that each voxel axis runs along most (0 R, 1 A, 2 S), and its sense.
    along = _patient_axes(volume)
    # Columns right-left before anterior-posterior, rows superior-inferior before anterior-posterior.
    across, down = sorted(axes, key=lambda axis: along[axis][0])
    index = int(np.clip(round(float(ijk[normal])), 0, volume.size[normal] - 1))
    voxels = np.asarray(volume.voxels.take(index, axis=2 - normal), np.float64)
    # take() leaves (k, j, i) without one: rows belong to the later voxel axis.
    picture = voxels if down > across else voxels.T
    # To the patient's left or back across, to the feet or back down: as radiologists look at it.
    turned = (along[across][1], along[down][1])
    picture = picture[:: -1 if turned[1] else 1, :: -1 if turned[0] else 1]
    spacing = volume.spacing
    names = {0: "sagittal", 1: "coronal", 2: "axial"}
    return Plane(
        picture, across, down, turned, (float(spacing[across]), float(spacing[down])), names[along[normal][0]]
    )


def _patient_axes(volume: Volume) -> list[tuple[int, bool]]:
    """Per voxel axis the patient axis it runs along, each used once, and whether it grows to R, A or S."""
    directions = volume.ijk_to_ras[:3, :3] / volume.spacing
    free, found = {0, 1, 2}, {}
    for axis in np.argsort(-np.abs(directions).max(axis=0)):
        best = max(free, key=lambda patient: abs(directions[patient, axis]))
        free.remove(best)
        found[int(axis)] = (best, bool(directions[best, axis] > 0))
    return [found[axis] for axis in range(3)]


def _draw_case(result: Evaluation, one: WorstCase, colour: str, whole: Axes, near: Axes) -> None:
    from matplotlib.patches import Rectangle

    volume = result.cases[one.case].read_volume()
    truth = volume.ras_to_ijk_points(result.reference.ras[one.case])
    found = volume.ras_to_ijk_points(result.models[one.model].ras[one.case])
    plane = show_plane(volume, truth[one.landmark], found[one.landmark])
    places = plane.place(truth), plane.place(found)
    for axes in (whole, near):
        low, high = np.percentile(plane.picture, CLIP)
        high = max(high, low + 1e-6)
        axes.imshow(plane.picture, cmap="gray", vmin=low, vmax=high, interpolation="bilinear")
        axes.set_aspect(plane.pixel[1] / plane.pixel[0])
        # In a slice only the worst landmark is in the plane.
        shown = range(len(truth)) if volume.is_2d else [one.landmark]
        for n in shown:
            _draw_pair(axes, places[0][n], places[1][n], colour, strong=n == one.landmark, large=axes is near)
    height, width = plane.picture.shape
    size = np.array(plane.pixel)
    middle = (places[0][one.landmark] + places[1][one.landmark]) / 2
    apart = np.linalg.norm((places[0][one.landmark] - places[1][one.landmark]) * size)
    # The near view has the shape of the whole one, so that both stand side by side.
    extent = np.array([width, height])
    half = max(NEAR * apart / (extent * size).min() / 2, LEAST_NEAR) * extent
    near.set_xlim(middle[0] - half[0], middle[0] + half[0])
    near.set_ylim(middle[1] + half[1], middle[1] - half[1])
    whole.add_patch(
        Rectangle(tuple(middle - half), *(2 * half), facecolor="none", edgecolor="white", zorder=6)
    )
    whole.set_xlim(-0.5, width - 0.5)
    whole.set_ylim(height - 0.5, -0.5)
    whole.set_title(result.keys[one.case] + (f", {plane.name}" if plane.name else ""), fontsize=9, loc="left")
    name = result.landmarks[one.landmark].replace("_", " ")
    near.set_title(f"{name}: {one.error:.3g} {result.unit}", fontsize=9, loc="left", fontweight="bold")


def _draw_pair(
    axes: Axes, truth: FloatArray, found: FloatArray, colour: str, strong: bool, large: bool
) -> None:
    size = (9 if large else 5.5) if strong else (4.5 if large else 2.2)
    edge = 0.8 if strong else 0.4
    if np.isfinite(truth).all() and np.isfinite(found).all():
        axes.plot(
            [truth[0], found[0]],
            [truth[1], found[1]],
            color="white",
            linewidth=1.2 if strong else 0.6,
            zorder=3,
        )
    if np.isfinite(truth).all():
        axes.plot(
            *truth, "o", color=TRUTH, markersize=size, markeredgecolor="black", markeredgewidth=edge, zorder=4
        )
    if np.isfinite(found).all():
        axes.plot(
            *found,
            "X",
            color=colour,
            markersize=size,
            markeredgecolor="white",
            markeredgewidth=edge,
            zorder=5,
        )
