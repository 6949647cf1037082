"""Landmarks of a hand by the paper's networks: what a study of one's own scans ends in.

The network places every landmark somewhere, so confidence is the share that cross-validation found within the
radius of the model's settings, and only positions outside the picture are reported absent.
"""

from __future__ import annotations

import time

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt
from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.array_estimates import networks_for
from LandmarkDetectionLib.detectors.base import Step, detection_of, landmarks_of, refuses_channels
from LandmarkDetectionLib.detectors.evidence import Evidence
from LandmarkDetectionLib.detectors.joint import JointEvidence, JointFrame
from LandmarkDetectionLib.detectors.regression import regression_answer
from LandmarkDetectionLib.detectors.settings import RegressionSettings
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.hand.views import view_hand
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.quality.calibration import RADIUS_MM
from LandmarkDetectionLib.quality.plausibility import plausibility_warnings
from LandmarkDetectionLib.typing import Array


def refuses(volume: Volume, model: Model, options: DetectOptions) -> InputError | None:
    """See ``base.Detector``: a way to find depth that the model has not."""
    method = options.depth or RegressionSettings.of(model).depth_method
    if method == "lateral" or (method == "network" and "depth" not in model.networks):
        return InputError(
            f"The model {model.name!r} has no network for this; choose the depth method mean.", about="depth"
        )
    return refuses_channels(model, options)


def analyse(volume: Volume, model: Model, options: DetectOptions, step: Step) -> Analysis:
    """Find the landmarks of one hand in a radiograph, CT or MR; see ``detectors.dispatch.analyse``.

    Raises
    ------
    NoBodyError
        When there is no hand.
    """
    settings = RegressionSettings.of(model)
    method = options.depth or settings.depth_method
    started = time.perf_counter()
    step(0.05, "looking for the hand")
    picture = view_hand(volume, options.side, options.threshold)
    seen = time.perf_counter()
    step(0.45, "finding landmarks")
    rows, columns = settings.coronal_shape
    chosen = picture.views[0]
    view = chosen.view.cropped_to_object().resampled((rows, columns))
    places = _places(view, model, settings, "flat" if picture.flat else method, options.device)
    ras = view.geometry.to_ras(places)
    inside = volume.holds(ras)
    shares = [settings.found_share[name] for name in model.protocol.names]
    marks = landmarks_of(model, ras, inside, np.where(inside, shares, 0.0))
    step(1.0, "done")
    axes, geometry = 2 if picture.flat else 3, view.geometry
    frame = JointFrame(geometry.origin, (geometry.axes_mm / (*geometry.spacing, 1.0))[:, :axes])
    whole = model.read_joint()

    joint = JointEvidence(
        frame=frame,
        answer=regression_answer(frame.from_ras(ras), shares, [bool(one) for one in inside], RADIUS_MM),
        joint=whole.first_axes(axes) if whole is not None else None,
        radius=RADIUS_MM,
        judged_axes=axes,
        inside=lambda points: volume.holds(frame.to_ras(points)),
    )
    detection = detection_of(
        model,
        marks,
        (*picture.doubts, *_doubts(volume, model, settings, marks.positions)),
        {"project": round(seen - started, 4), "networks": round(time.perf_counter() - seen, 4)},
        threshold=picture.threshold,
        depth="none" if picture.flat else method,
        device=options.device,
        side=chosen.side,
    )
    return Analysis(detection, picture, Evidence(None, joint))


def _places(view: View, model: Model, settings: RegressionSettings, method: str, device: str) -> Array:
    """(L, 3): column and row in pixels, depth in mm."""
    import torch

    from LandmarkDetectionLib.imaging.depth import (
        SMALLEST_DEVIATION_OF_HANDS_MM,
        depth_scale,
        normalised_depth,
    )
    from LandmarkDetectionLib.networks.regression_cnn import from_unit
    from LandmarkDetectionLib.networks.threads import threads_for

    networks = networks_for(model, device)
    with torch.inference_mode(), threads_for(networks["position"], view.silhouette.size):
        silhouette = torch.from_numpy(view.silhouette).float()[None, None].to(device)
        units = networks["position"](silhouette).unflatten(1, (-1, 2))
        pixels = from_unit(units, *view.geometry.shape)[0].double().cpu().numpy()
        if method == "flat":
            return np.c_[pixels, np.zeros(len(pixels))]
        front = torch.from_numpy(view.front)[None].to(device)
        scale = depth_scale(front, SMALLEST_DEVIATION_OF_HANDS_MM)
        if method == "network":
            normalised = networks["depth"](normalised_depth(front, scale)[:, None])
            return np.c_[pixels, scale.restore(normalised)[0].double().cpu().numpy()]
    mean = np.array([settings.mean_depth_mm[name] for name in model.protocol.names])
    return np.c_[pixels, float(scale.mean[0]) + mean]


def _doubts(volume: Volume, model: Model, settings: RegressionSettings, positions: Array) -> list[Doubt]:
    """Bones that no hand has, where millimetres are known."""
    if not volume.spacing_known:
        return []
    return plausibility_warnings(model.protocol, positions, settings.length_range_mm)
