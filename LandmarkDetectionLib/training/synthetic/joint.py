"""How landmarks of synthetic bodies and hands lie to one another, and how networks err about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.correction import JointGaussian, Observed
from LandmarkDetectionLib.detectors.hand import hand_observations
from LandmarkDetectionLib.detectors.hand_network import HAND_LINE, estimate_hands
from LandmarkDetectionLib.detectors.silhouette import body_observations
from LandmarkDetectionLib.quality.calibration import RADIUS_MM
from LandmarkDetectionLib.synthesis.body.stream import BodyStream, Framing
from LandmarkDetectionLib.synthesis.hand.stream import HandFraming, HandStream
from LandmarkDetectionLib.training.joint_fit import TOLERANCE_MM, joint_of
from LandmarkDetectionLib.training.synthetic.held_out import JOINT_SEED, Population, drawn, estimate_batch
from LandmarkDetectionLib.training.synthetic.held_out_hands import RADIUS_SHARE
from LandmarkDetectionLib.typing import Progress


def joint_of_bodies(
    networks: dict[str, Any],
    protocol: Protocol,
    framing: Framing,
    facts: Population,
    method: str,
    batches: int = 48,
    seed: int = JOINT_SEED,
    progress: Progress | None = None,
) -> JointGaussian:
    """Of whole bodies, in mm along columns, rows and depth; see ``training.synthetic.held_out.measure``."""
    pixel = framing.pixel_mm or 1.0
    observed, truth, seen = [], [], []
    for batch in drawn(BodyStream(tuple(protocol.names), seed, 64, framing), batches, progress):
        estimates = estimate_batch(networks, protocol, framing, facts, batch)
        observed += body_observations(estimates, pixel, method)
        truth.append(batch.coronal.points.astype(float) * (pixel, pixel, 1.0))
        seen.append(batch.visible)
    places = np.concatenate(truth)
    count = len(places)
    return joint_of(
        places,
        stacked(observed),
        np.where(np.concatenate(seen)[..., None], places, np.nan),
        np.full(count, TOLERANCE_MM),
        np.full(count, RADIUS_MM),
    )


def joint_of_hands(
    network: Any,
    protocol: Protocol,
    framing: HandFraming,
    batches: int = 64,
    seed: int = JOINT_SEED,
    progress: Progress | None = None,
) -> JointGaussian:
    """Of hands with depth, in pixels of the network's patch."""
    names = list(protocol.names)
    ends = (names.index(HAND_LINE[0]), names.index(HAND_LINE[1]))
    observed, truth, seen, pixel, length = [], [], [], [], []
    for batch in drawn(HandStream(tuple(names), seed, 64, framing), batches, progress):
        view = batch.coronal
        spacing = view.spacing[:, 0].astype(float)
        found = estimate_hands(network, view.front, view.back, view.field_of_view, ends, RADIUS_SHARE)
        observed += hand_observations(found, spacing, 3)
        truth.append(view.points / np.where([0, 0, 1], spacing[:, None, None], 1.0))
        seen.append(batch.visible)
        pixel.append(spacing)
        length.append(batch.hand_length / spacing)
    places = np.concatenate(truth)
    return joint_of(
        places,
        stacked(observed),
        np.where(np.concatenate(seen)[..., None], places, np.nan),
        TOLERANCE_MM / np.concatenate(pixel),
        RADIUS_SHARE * np.concatenate(length),
    )


def stacked(observed: Sequence[Observed]) -> Observed:
    """Answers for many images as one."""
    return Observed(*(np.stack(values) for values in zip(*observed, strict=True)))
