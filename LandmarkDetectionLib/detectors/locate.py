"""One landmark found again near the place that a person points to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from LandmarkDetectionLib import heatmap
from LandmarkDetectionLib.detectors.settings import SilhouetteSettings
from LandmarkDetectionLib.detectors.silhouette import Evidence, calibration_of, room_before_the_end
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.landmarks import Landmark, Status
from LandmarkDetectionLib.networks.silhouette_unet import STRIDE
from LandmarkDetectionLib.projection import Projection
from LandmarkDetectionLib.quality import RADIUS_MM, UNCERTAIN_BELOW

if TYPE_CHECKING:
    from LandmarkDetectionLib.detection import Detection
    from LandmarkDetectionLib.model import Model

# Measured on synthetic scans with clicks 7 to 18 mm off: of 12 to 30 mm, this spread leaves good landmarks
# where they are and lets go of wrong ones 50 mm away.
CLICK_MM = 16.0
# In depth people are less exact: they click on a surface, or on another slice.
CLICK_DEPTH_MM = 30.0
# Who points to another place doubts the network: so likely the landmark is anywhere on the body instead.
DOUBT = 0.5


def locate_near(detection: Detection, model: Model, name: str, near: np.ndarray) -> Landmark:
    """See ``detectors.locate_near``."""
    evidence, views = detection.evidence, detection.views
    if not isinstance(evidence, Evidence) or not isinstance(views, Projection):
        raise InputError(
            f"The model {detection.model!r} cannot look for one landmark again; move the point by hand."
        )
    if name not in model.protocol.names:
        raise InputError(f"The model {model.name!r} knows no landmark {name!r}.")
    point = np.asarray(near, dtype=np.float64)
    if not _scanned(views, point):
        raise InputError("The place lies outside the scan; click on the body.")
    view = evidence.view
    geometry = view.geometry
    column, row, depth = geometry.from_ras(point)[0]
    index = model.protocol.index(name)
    seen, depth_map, error_map = (torch.from_numpy(maps[index]).double() for maps in evidence.maps)

    rows, columns = seen.shape
    pixel = geometry.spacing[0]
    from_row = (heatmap.cell_centres(rows, STRIDE) - row) * pixel
    from_column = (heatmap.cell_centres(columns, STRIDE) - column) * pixel
    click = torch.exp(-0.5 * (from_row[:, None] ** 2 + from_column[None, :] ** 2) / CLICK_MM**2)
    anywhere = 1 / max(1.0, view.silhouette.sum() / STRIDE**2)
    likely = ((1 - DOUBT) * seen + DOUBT * anywhere) * click
    if likely.sum() < 1e-12:
        raise InputError("The place lies too far from the body; click on the body.")
    likely = (likely / likely.sum())[None, None]

    found = heatmap.decode(likely, STRIDE)
    place = found.position[0, 0].numpy()
    network_depth = float((found.window * depth_map).sum())
    error = float((found.window * error_map).sum())
    # Of a Laplace distribution, whose mean absolute error the network gives.
    network_variance, click_variance = 2 * error**2, CLICK_DEPTH_MM**2
    variance = 1 / (1 / network_variance + 1 / click_variance)
    best_depth = variance * (network_depth / network_variance + depth / click_variance)

    near_enough = float(heatmap.mass_within(likely, found.position, STRIDE, RADIUS_MM / pixel))
    # The click's own depth is left out: nobody has said how exact it is.
    score = near_enough * -np.expm1(-RADIUS_MM / max(error, 1e-3))
    calibrated = calibration_of(SilhouetteSettings.of(model), "network")(np.array([score]))
    confidence = float((calibrated * room_before_the_end(view, place[None]))[0])
    axes = geometry.axes_mm
    spread = np.zeros((3, 3))
    spread[:2, :2] = found.covariance[0, 0].numpy()
    spread[2, 2] = variance
    return Landmark(
        name=name,
        position=geometry.to_ras(np.array([[*place, best_depth]]))[0],
        status=Status.DETECTED if confidence >= UNCERTAIN_BELOW else Status.UNCERTAIN,
        confidence=confidence,
        covariance=axes @ spread @ axes.T,
        description=model.protocol[name].definition,
    )


def _scanned(views: Projection, point: np.ndarray) -> bool:
    """Whether a place (3,) RAS mm lies in the scan as both views see it."""
    for view in (views.coronal, views.lateral):
        column, row = np.rint(view.geometry.from_ras(point)[0, :2]).astype(int)
        rows, columns = view.field_of_view.shape
        if not (0 <= row < rows and 0 <= column < columns and view.field_of_view[row, column]):
            return False
    return True
