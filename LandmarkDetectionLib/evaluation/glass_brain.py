"""Errors on a glass brain: where in a brain a model is wrong, for images in MNI space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.errors import InputError, MissingPackageError
from LandmarkDetectionLib.evaluation.evaluate import Evaluation
from LandmarkDetectionLib.evaluation.metrics import finite_mean
from LandmarkDetectionLib.evaluation.plots import new_figure
from LandmarkDetectionLib.typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Around the head in MNI space, RAS mm: what lies outside is surely not in this space.
LOW, HIGH = (-110.0, -150.0, -110.0), (110.0, 120.0, 130.0)
CAPTION = (
    "Mean error of every landmark on a glass brain, at its mean true position. It stands where it stands "
    "because the images were said to be in MNI space; nothing was registered here."
)


def mean_positions(result: Evaluation) -> FloatArray:
    """(landmarks, 3) mean true positions, RAS mm; NaN where a landmark is in no case.

    Raises
    ------
    InputError
        A case is a radiograph, or has a landmark where MNI space has no head; it is named.
    """
    ras = result.reference.ras
    for case, volume, places in zip(result.cases, result.geometries, ras, strict=True):
        if volume.is_2d:
            raise InputError(
                f"Row {case.row} ({case.name}) is a radiograph; a glass brain needs brain volumes."
            )
        given = places[np.isfinite(places).all(axis=1)]
        if ((given < LOW) | (given > HIGH)).any():
            raise InputError(
                f"Row {case.row} ({case.name}) has a landmark outside the head of MNI space, so its image is "
                "not in that space; register the images first, or leave out the glass brain.",
                about="mni",
            )
    return finite_mean(ras, axis=0)


def glass_brain_figure(result: Evaluation) -> Figure:
    """One glass brain per model, markers coloured by the mean error of the landmark, on one scale.

    Raises
    ------
    InputError
        As :func:`mean_positions`.
    MissingPackageError
        nilearn is not installed.
    """
    places = mean_positions(result)
    try:
        from nilearn.plotting import plot_markers
    except ModuleNotFoundError:
        raise MissingPackageError.of("The glass brain", "nilearn", "brain") from None
    errors = {model: finite_mean(result.errors(model), axis=0) for model in result.models}
    largest = max(float(np.nanmax(values, initial=0.0)) for values in errors.values()) or 1.0
    figure = new_figure(9.6, 3.3 * len(errors))
    panels = np.atleast_1d(figure.subplots(len(errors), 1))
    for axes, (model, values) in zip(panels, errors.items(), strict=True):
        shown = np.isfinite(values) & np.isfinite(places).all(axis=1)
        axes.set_title(f"{model}: mean error ({result.unit})", fontsize=10, loc="left")
        axes.set_axis_off()
        if shown.any():
            plot_markers(
                values[shown],
                places[shown],
                node_cmap="viridis_r",
                node_vmin=0.0,
                node_vmax=largest,
                node_size=40,
                display_mode="lyrz",
                axes=axes,
                figure=figure,
                colorbar=True,
            )
    return figure
