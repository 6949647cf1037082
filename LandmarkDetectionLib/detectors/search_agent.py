"""Landmarks from agents that search a volume, coarse to fine, without ever looking at all of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.core.search_path import SearchPath
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.correction import Observed
from LandmarkDetectionLib.detectors.analysis import Analysis
from LandmarkDetectionLib.detectors.array_estimates import networks_for
from LandmarkDetectionLib.detectors.base import (
    Step,
    detection_of,
    landmarks_of,
    mostly_uncertain,
    refuses_channels,
    refuses_outlines,
    timed,
)
from LandmarkDetectionLib.detectors.evidence import Evidence
from LandmarkDetectionLib.detectors.joint import Answer, JointEvidence, JointFrame
from LandmarkDetectionLib.detectors.search_result import Found, find_all
from LandmarkDetectionLib.detectors.search_settings import SearchSettings
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.boxes import BoxSource
from LandmarkDetectionLib.imaging.previews import image_views
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.networks.threads import threads_for
from LandmarkDetectionLib.quality.plausibility import none_found, plausibility_warnings
from LandmarkDetectionLib.typing import Array

#: More than half of a landmark's agents must have stayed in the volume.
PRESENT_FROM = 0.5


def refuses(volume: Volume, model: Model, options: DetectOptions) -> InputError | None:
    """See ``base.Detector``: these models take one volume, and have neither threshold nor depth method."""
    if reason := refuses_outlines(model, options) or refuses_channels(model, options):
        return reason
    name = volume.name or "The image"
    if volume.is_2d:
        return InputError(
            f"{name} is a single image, and the agents of the model {model.name!r} search volumes; choose a "
            "volume or another model."
        )
    if not volume.spacing_known:
        return InputError(
            f"{name} does not tell the size of its voxels, which the agents of the model {model.name!r} need."
        )
    return None


def analyse(volume: Volume, model: Model, options: DetectOptions, step: Step) -> Analysis:
    """Find the landmarks of a volume; see ``detectors.dispatch.analyse``.

    Raises
    ------
    InputError
        The volume is one grey value only.
    """
    settings, device = SearchSettings.of(model), options.device
    names = model.protocol.names
    seconds: dict[str, float] = {}
    with timed(seconds, "load model"):
        step(0.05, "loading the model")
        built = networks_for(model, device)
        networks: list[Any] = [built[key] for key in settings.keys()]
    with timed(seconds, "grey values"):
        source = BoxSource.of(volume, settings.intensity)
    with timed(seconds, "search"):
        rules = settings.rules(names)
        boxes = len(rules.start) * rules.starts * networks[0].side ** 3
        with threads_for(networks[0], boxes):
            found = find_all(networks, source, rules, lambda: step(0.4, "searching"))
    step(0.9, "checking the result")
    covariance = settings.widened(found.covariance, names)
    present = found.present >= PRESENT_FROM
    confidence = settings.confidence(found, names)
    # Of an absent landmark it must not look like one that was found.
    confidence = np.where(present, confidence, np.minimum(confidence, 1 - confidence))
    landmarks = landmarks_of(model, found.position, present, confidence, covariance)
    step(1.0, "done")
    doubted = (
        *none_found(volume, model, landmarks),
        *plausibility_warnings(
            model.protocol, landmarks.positions, {k: v for k, v in settings.length_range_mm.items()}
        ),
        *mostly_uncertain(model, landmarks),
    )
    detection = detection_of(
        model,
        landmarks,
        doubted,
        seconds,
        device=device,
        unit="mm",
        starts=settings.starts,
        confidence=f"probability of lying in the volume and within {settings.radius:g} mm",
    )
    seen = Evidence(None, _joint(volume, model, settings, found, present, covariance))
    return Analysis(detection, image_views(volume), seen, paths=_paths(settings, found, names))


def _joint(
    volume: Volume,
    model: Model,
    settings: SearchSettings,
    found: Found,
    present: Array,
    covariance: Array,
) -> JointEvidence:
    """In RAS mm: what agents say, for corrections."""
    middle = volume.ijk_to_ras_points((np.array(volume.size) - 1) / 2)
    observed = Observed(
        np.where(np.isfinite(found.position), found.position, middle),
        np.sqrt(np.einsum("lii->li", covariance)),
        settings.score(found, model.protocol.names),
        present,
    )
    return JointEvidence(
        frame=JointFrame(np.zeros(3), np.eye(3)),
        answer=Answer(observed, found.present),
        joint=model.read_joint(),
        radius=settings.radius,
        judged_axes=3,
        inside=volume.holds,
    )


def _paths(settings: SearchSettings, found: Found, names: tuple[str, ...]) -> tuple[SearchPath, ...]:
    cells = np.array(settings.cells_mm)
    return tuple(
        SearchPath(name, way.positions, cells[way.scale], way.left)
        for name, way in zip(names, found.ways, strict=True)
    )
