"""What a trained hand network does on synthetic hands it never saw: errors, presence, scores, depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.detectors.hand_network import HAND_LINE, estimate_hands
from LandmarkDetectionLib.imaging.depth import SMALLEST_DEVIATION_OF_HANDS_MM, depth_statistics
from LandmarkDetectionLib.quality.plausibility import segment_lengths
from LandmarkDetectionLib.synthesis.body.model import PHENOTYPES
from LandmarkDetectionLib.synthesis.hand.stream import HandFraming, HandStream
from LandmarkDetectionLib.training.synthetic.held_out import STATISTICS_SEED, drawn, joined, length_ranges
from LandmarkDetectionLib.typing import Array, Progress

RADIUS_SHARE = 0.05
"""A landmark of a hand counts as found this close to the truth, as a share of the hand's length."""

YOUNG = 0.6  # anny's age up to which a hand counts as a child's or an adolescent's


@dataclass(frozen=True)
class HandPopulation:
    """Facts about the hands themselves, in the protocol's order.

    Attributes
    ----------
    mean_depth : (L,)
        Mean depth of every landmark in standard deviations from the mean of the front surface.
    mean_depth_mm : (L,)
        The same in mm.
    length_range_share : dict "a-b" to (low, high)
        Range of the protocol's lines as shares of the hand's length, widened by a tenth.
    """

    mean_depth: Array
    mean_depth_mm: Array
    length_range_share: dict[str, tuple[float, float]]


def hand_population(protocol: Protocol, framing: HandFraming, batches: int = 32) -> HandPopulation:
    """Measure the population."""
    stream = HandStream(tuple(protocol.names), STATISTICS_SEED, 64, framing)
    normalised, millimetres, seen, lengths = [], [], [], []
    names = list(protocol.names)
    for batch in drawn(stream, batches):
        mean, deviation = depth_statistics(batch.coronal.front, SMALLEST_DEVIATION_OF_HANDS_MM)
        depth = batch.coronal.points[..., 2] - mean[:, None]
        normalised.append(depth / deviation[:, None])
        millimetres.append(depth)
        seen.append(batch.visible)
        whole = batch.landmarks[:, [names.index(name) for name in HAND_LINE]]
        length = np.linalg.norm(whole[:, 1] - whole[:, 0], axis=1)
        lengths.append(segment_lengths(protocol, batch.landmarks) / length[:, None])
    hidden = ~np.concatenate(seen)
    return HandPopulation(
        np.nanmean(np.where(hidden, np.nan, np.concatenate(normalised)), axis=0),
        np.nanmean(np.where(hidden, np.nan, np.concatenate(millimetres)), axis=0),
        length_ranges(protocol, np.concatenate(lengths)),
    )


@dataclass(frozen=True)
class HeldOutHands:
    """Predictions and truth of N held-out hands.

    Attributes
    ----------
    visible : (N, L) bool
    present : (N, L)
        Predicted probability of being in the picture.
    share : (N, L)
        Error in the picture's plane as a share of the hand's length.
    plane_mm : (N, L)
        The same in mm.
    depth_mm : dict of (N, L)
        Error along depth by the network, and of the two mean depths.
    score : (N, L)
        The network's own probability of being within ``RADIUS_SHARE``.
    young : (N,) bool
    """

    visible: Array
    present: Array
    share: Array
    plane_mm: Array
    depth_mm: dict[str, Array]
    score: Array
    young: Array

    @property
    def found(self) -> Array:
        """Landmarks in the picture and predicted within ``RADIUS_SHARE``, (N, L) bool."""
        return self.visible & (self.share <= RADIUS_SHARE)


def measure_hands(
    network: Any,
    protocol: Protocol,
    framing: HandFraming,
    facts: HandPopulation,
    seed: int,
    batches: int = 16,
    *,
    with_depth: bool = True,
    disturbance: float = 1.0,
    progress: Progress | None = None,
) -> HeldOutHands:
    """Run the detector's own estimation on synthetic hands from a seed that training never uses."""
    stream = HandStream(tuple(protocol.names), seed, 64, framing, disturbance)
    ends = tuple(list(protocol.names).index(name) for name in HAND_LINE)
    parts: list[dict[str, Any]] = []
    for batch in drawn(stream, batches, progress):
        view = batch.coronal
        mean, deviation = depth_statistics(view.front, SMALLEST_DEVIATION_OF_HANDS_MM)
        front, back = view.front, view.back
        if not with_depth:
            front = back = np.where(np.isnan(front), np.float32(np.nan), np.float32(0))
        found = estimate_hands(network, front, back, view.field_of_view, (ends[0], ends[1]), RADIUS_SHARE)
        plane = np.linalg.norm((found.position - view.points[..., :2]) * view.spacing[:, None], axis=-1)
        truth = view.points[..., 2]
        parts.append(
            {
                "visible": batch.visible,
                "present": found.present,
                "share": plane / batch.hand_length[:, None],
                "plane_mm": plane,
                "depth_mm": {
                    "network": np.abs(found.depth - truth),
                    "mean, normalised": np.abs(mean[:, None] + facts.mean_depth * deviation[:, None] - truth),
                    "mean, in mm": np.abs(mean[:, None] + facts.mean_depth_mm - truth),
                },
                "score": found.near,
                "young": batch.phenotype[:, PHENOTYPES.index("age")] < YOUNG,
            }
        )
    return HeldOutHands(**joined(parts))
