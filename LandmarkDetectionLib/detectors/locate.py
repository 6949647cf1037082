"""One landmark found again near the place that a person points to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, Status
from LandmarkDetectionLib.detectors.evidence import Maps, VolumeMaps
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.heatmaps import softmax
from LandmarkDetectionLib.heatmaps.decoding import spread
from LandmarkDetectionLib.heatmaps.gaussian import decode_local_soft_argmax, heatmap_to_image
from LandmarkDetectionLib.quality.calibration import UNCERTAIN_BELOW

# Who points to another place doubts the network: so likely the landmark is anywhere on the body instead.
DOUBT = 0.5


#: Below this nothing is left of a click, it is so far from everything that was looked at.
NOTHING = 1e-12


def locate_near(
    detection: Detection, evidence: Maps | VolumeMaps | None, name: str, near: npt.ArrayLike
) -> Landmark:
    """See ``analysis.Analysis.locate_near``."""
    if evidence is None:
        raise InputError(
            f"The model {detection.model!r} cannot look for one landmark again; move the point by hand."
        )
    if name not in detection.landmarks:
        raise InputError(f"The model {detection.model!r} knows no landmark {name!r}.")
    point = np.asarray(near, dtype=np.float64)
    if not evidence.contains(point):
        raise InputError("The place lies outside the scan; click on the body.")
    if isinstance(evidence, VolumeMaps):
        return _in_volume(detection, evidence, name, point)
    return _in_view(detection, evidence, name, point)


def _in_view(detection: Detection, evidence: Maps, name: str, point: npt.NDArray[np.float64]) -> Landmark:
    view = evidence.view
    geometry = view.geometry
    column, row, depth = geometry.from_ras(point)[0]
    index = detection.landmarks.names.index(name)
    seen = torch.from_numpy(evidence.maps[0, index]).double()

    rows, columns = seen.shape
    stride = evidence.stride
    pixel = geometry.spacing[0]
    from_row = (softmax.pixel_centres(rows, stride) - row) * pixel
    from_column = (softmax.pixel_centres(columns, stride) - column) * pixel
    click = torch.exp(-0.5 * (from_row[:, None] ** 2 + from_column[None, :] ** 2) / evidence.click_mm**2)
    anywhere = 1 / max(1.0, view.silhouette.sum() / stride**2)
    likely = ((1 - DOUBT) * seen + DOUBT * anywhere) * click
    if likely.sum() < NOTHING:
        raise InputError("The place lies too far from the body; click on the body.")
    likely = (likely / likely.sum())[None, None]

    found = softmax.decode(likely, stride)
    place = found.position[0, 0].numpy()
    best_depth, variance, error = _depth(evidence, index, found.window, depth)
    within = evidence.radius_mm / pixel
    # The click's own depth is left out of it: nobody has said how exact it is.
    confidence = evidence.confidence(
        float(softmax.mass_within(likely, found.position, stride, within)), error, place
    )
    axes = geometry.axes_mm
    scatter = np.zeros((3, 3))
    scatter[:2, :2] = found.covariance[0, 0].numpy()
    scatter[2, 2] = variance
    position = geometry.to_ras(np.array([[*place, best_depth]]))[0]
    return _landmark(detection, name, position, confidence, axes @ scatter @ axes.T)


def _in_volume(
    detection: Detection, evidence: VolumeMaps, name: str, point: npt.NDArray[np.float64]
) -> Landmark:
    seen = torch.from_numpy(evidence.maps[detection.landmarks.names.index(name)]).double()
    voxel = evidence.frame.from_ras(point)[0]
    likely = (1 - DOUBT) * seen + DOUBT / seen.numel()
    for axis, count in enumerate(seen.shape):
        along = 2 - axis  # arrays are (z, y, x)
        away = (softmax.pixel_centres(count, evidence.stride) - voxel[along]) * evidence.voxel_mm[along]
        click = torch.exp(-0.5 * away**2 / evidence.click_mm**2)
        likely = likely * click.reshape([-1 if n == axis else 1 for n in range(3)])
    if likely.sum() < NOTHING / seen.numel():
        raise InputError("The place lies too far from the image; click into it.")
    likely = (likely / likely.sum())[None, None]

    found = decode_local_soft_argmax(likely)
    within = evidence.radius_mm / float(evidence.voxel_mm.mean()) / evidence.stride
    covariance, near = spread(likely, found, torch.tensor(within))
    place = heatmap_to_image(found, evidence.stride)[0].numpy()
    return _landmark(
        detection,
        name,
        evidence.frame.to_ras(place)[0],
        evidence.confidence(float(near[0, 0])),
        evidence.frame.covariance_to_ras(covariance[0, 0].numpy() * evidence.stride**2),
    )


def _landmark(
    detection: Detection,
    name: str,
    position: npt.NDArray[np.float64],
    confidence: float,
    covariance: npt.NDArray[np.float64],
) -> Landmark:
    return Landmark(
        name=name,
        position=position,
        status=Status.DETECTED if confidence >= UNCERTAIN_BELOW else Status.UNCERTAIN,
        confidence=confidence,
        covariance=covariance,
        description=detection.landmarks[name].description,
    )


def _depth(evidence: Maps, index: int, window: torch.Tensor, click: float) -> tuple[float, float, float]:
    """Depth in mm weighed between network and click, its variance, and the network's expected error."""
    if len(evidence.maps) == 1:  # a radiograph's plane
        return 0.0, 0.0, 0.0
    depth_map, error_map = (torch.from_numpy(maps[index]).double() for maps in evidence.maps[1:])
    depth, error = float((window * depth_map).sum()), float((window * error_map).sum())
    # Of a Laplace distribution, whose mean absolute error the network gives.
    network_variance, click_variance = 2 * error**2, evidence.click_depth_mm**2
    variance = 1 / (1 / network_variance + 1 / click_variance)
    return variance * (depth / network_variance + click / click_variance), variance, error
