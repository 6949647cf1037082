"""Landmarks of a body by the paper's ``RegressionCNN``: unit-size silhouette in, coordinates out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.correction import Observed
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.base import (
    Step,
    detection_of,
    landmarks_of,
    refuses_channels,
    refuses_side,
    timed,
)
from LandmarkDetectionLib.detectors.evidence import Evidence, pictured
from LandmarkDetectionLib.detectors.joint import Answer, JointEvidence
from LandmarkDetectionLib.detectors.settings import RegressionSettings
from LandmarkDetectionLib.detectors.silhouette import frame_of, prepare, refuses_size, scanned
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.quality.body_evidence import composition, weighed
from LandmarkDetectionLib.quality.calibration import RADIUS_MM
from LandmarkDetectionLib.quality.plausibility import none_found, plausibility_warnings
from LandmarkDetectionLib.typing import Array


def refuses(volume: Volume, model: Model, options: DetectOptions) -> InputError | None:
    """See ``base.Detector``: the paper has no lateral view."""
    if (options.depth or RegressionSettings.of(model).depth_method) == "lateral":
        return InputError(
            f"The model {model.name!r} has no lateral network; choose the depth method mean or network.",
            about="depth",
        )
    return refuses_side(model, options) or refuses_channels(model, options) or refuses_size(volume)


def analyse(volume: Volume, model: Model, options: DetectOptions, step: Step) -> Analysis:
    """Find landmarks with the paper's networks; see ``detectors.dispatch.analyse``.

    The network places every landmark somewhere, so confidence is the share found on held-out bodies, and
    only positions outside the scan are reported absent.
    """
    import torch

    from LandmarkDetectionLib.imaging.depth import depth_scale, normalised_depth
    from LandmarkDetectionLib.networks.regression_cnn import from_unit
    from LandmarkDetectionLib.networks.threads import threads_for

    settings = RegressionSettings.of(model)
    method, device = options.depth or settings.depth_method, options.device
    seconds: dict[str, float] = {}
    views, networks = prepare(volume, model, settings.pixel_mm, options, step, seconds)
    rows, columns = settings.coronal_shape
    threads = threads_for(networks["position"], rows * columns)
    with timed(seconds, "networks"), torch.inference_mode(), threads:
        step(0.6, "finding landmarks")
        view = views.coronal.cropped_to_object().resampled((rows, columns))
        front = torch.from_numpy(view.front)[None].to(device)
        scale = depth_scale(front)
        units = networks["position"]((~front.isnan()).float()[:, None]).unflatten(1, (-1, 2))
        pixels = from_unit(units, rows, columns)[0].double().cpu().numpy()
        if method == "network":
            depths = (
                scale.restore(networks["depth"](normalised_depth(front, scale)[:, None]))[0]
                .double()
                .cpu()
                .numpy()
            )
        else:
            mean = np.array([settings.mean_depth_mm[name] for name in model.protocol.names])
            depths = float(scale.mean[0]) + mean
    ras = view.geometry.to_ras(np.concatenate([pixels, depths[:, None]], axis=1))
    present = np.array([pictured(view, place) for place in ras])
    share = np.where(present, [settings.found_share[name] for name in model.protocol.names], 0.0)
    places = np.where(present[:, None], ras, np.nan)
    inside = composition(volume, views).inside
    weight, doubts = weighed(volume, views, inside, model.protocol.names, places, share)
    landmarks = landmarks_of(model, places, present, np.where(present, weight, share))
    doubted = [
        *none_found(volume, model, landmarks),
        *doubts,
        *plausibility_warnings(model.protocol, landmarks.positions, settings.length_range_mm),
    ]
    joint = JointEvidence(
        frame=frame_of(view),
        answer=regression_answer(
            np.c_[pixels * view.geometry.spacing, depths],
            [settings.found_share[name] for name in model.protocol.names],
            [one.is_present for one in landmarks],
            RADIUS_MM,
        ),
        joint=model.read_joint(),
        radius=RADIUS_MM,
        judged_axes=3,
        inside=lambda points: scanned(view, points),
    )
    step(1.0, "done")
    detection = detection_of(
        model,
        landmarks,
        doubted,
        seconds,
        threshold=views.threshold,
        depth=method,
        device=device,
        notes=list(views.notes),
    )
    return Analysis(detection, views, Evidence(None, joint))


def regression_answer(
    positions: Array, found_share: Sequence[float], present: Sequence[bool], radius: float
) -> Answer:
    """What a network that gives positions (L, d) alone says: as sure as it was right on data held out."""
    share = np.clip(np.asarray(found_share, float), 0.02, 0.98)
    # The deviation in every axis at which so many errors in a plane are below the radius.
    deviation = radius / np.sqrt(-2 * np.log(1 - share))
    seen = np.asarray(present, bool)
    observed = Observed(positions, np.repeat(deviation[:, None], positions.shape[1], axis=1), share, seen)
    return Answer(observed, np.where(seen, 0.98, 0.02))
