"""What trained networks do on synthetic bodies they never saw: errors, presence, scores to calibrate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.detectors.estimates import Estimates
from LandmarkDetectionLib.detectors.silhouette import estimate
from LandmarkDetectionLib.quality.calibration import RADIUS_MM
from LandmarkDetectionLib.quality.plausibility import segment_lengths
from LandmarkDetectionLib.synthesis.body.stream import Batch, BodyStream, Framing
from LandmarkDetectionLib.training.loop import Drawn, Numbered
from LandmarkDetectionLib.typing import Array, Progress

STATISTICS_SEED = 1_100_000
CALIBRATION_SEED = 1_200_000
TEST_SEED = 1_300_000
JOINT_SEED = 2_000_000


@dataclass(frozen=True)
class Population:
    """Facts about the bodies themselves, in the protocol's order.

    Attributes
    ----------
    mean_depth_mm, mean_depth_error_mm : (L,)
        Mean depth of every landmark behind the mean depth of the front surface, and the mean absolute
        deviation.
    length_range_mm : dict "a-b" to (low, high)
        Range of the protocol's lines, widened by a tenth.
    """

    mean_depth_mm: Array
    mean_depth_error_mm: Array
    length_range_mm: dict[str, tuple[float, float]]


def population(protocol: Protocol, framing: Framing, batches: int = 32) -> Population:
    """Measure the population on whole and cut bodies."""
    names = tuple(protocol.names)
    depths, seen, lengths = [], [], []
    for batch in drawn(BodyStream(names, STATISTICS_SEED, 64, framing), batches):
        front = batch.coronal.front
        pixels = np.maximum(np.isfinite(front).sum(axis=(1, 2)), 1)
        mean_front = np.nansum(front, axis=(1, 2)) / pixels
        depths.append(batch.coronal.points[..., 2] - mean_front[:, None])
        seen.append(batch.visible)
        lengths.append(segment_lengths(protocol, batch.landmarks))
    depth, visible, length = np.concatenate(depths), np.concatenate(seen), np.concatenate(lengths)
    masked = np.where(visible, depth, np.nan)
    mean = np.nanmean(masked, axis=0)
    return Population(
        mean,
        np.nanmean(np.abs(masked - mean), axis=0),
        length_ranges(protocol, length),
    )


def length_ranges(protocol: Protocol, lengths: Array) -> dict[str, tuple[float, float]]:
    """Range "a-b" of the protocol's lines from lengths (N, lines), widened by a tenth."""
    low, high = 0.9 * np.quantile(lengths, 0.001, axis=0), 1.1 * np.quantile(lengths, 0.999, axis=0)
    return {f"{a}-{b}": (float(low[n]), float(high[n])) for n, (a, b) in enumerate(protocol.lines)}


@dataclass(frozen=True)
class HeldOut:
    """Predictions and truth of N held-out scans.

    Attributes
    ----------
    visible : (N, L) bool
    present : (N, L)
        Predicted probability of being in the scan.
    coronal_mm : (N, L)
        Error in the coronal plane.
    depth_mm, total_mm, score : dict of (N, L)
        Error along depth, in 3D, and the networks' own score, by depth method.
    field_of_view : (N,) int
        Index into ``synthesis.body.scanner.FIELDS_OF_VIEW``.
    """

    visible: Array
    present: Array
    coronal_mm: Array
    depth_mm: dict[str, Array]
    total_mm: dict[str, Array]
    score: dict[str, Array]
    field_of_view: Array

    def found(self, method: str) -> Array:
        """Landmarks in the scan and predicted within ``RADIUS_MM``, (N, L) bool."""
        return self.visible & (self.total_mm[method] <= RADIUS_MM)


def measure(
    networks: dict[str, Any],
    protocol: Protocol,
    framing: Framing,
    facts: Population,
    seed: int,
    batches: int = 16,
    disturbance: float = 1.0,
    progress: Progress | None = None,
) -> HeldOut:
    """Run the detector's own estimation on synthetic scans from a seed that training never uses."""
    if framing.pixel_mm is None:
        raise ValueError("Only views at true scale can be measured in mm here.")
    parts: list[dict[str, Any]] = []
    stream = BodyStream(tuple(protocol.names), seed, 64, framing, disturbance=disturbance)
    for batch in drawn(stream, batches, progress):
        coronal = batch.coronal
        estimates = estimate_batch(networks, protocol, framing, facts, batch)
        plane = np.linalg.norm((estimates.position - coronal.points[..., :2]) * framing.pixel_mm, axis=-1)
        depth = {m: np.abs(d - coronal.points[..., 2]) for m, d in estimates.depth.items()}
        parts.append(
            {
                "visible": batch.visible,
                "present": estimates.present,
                "coronal_mm": plane,
                "depth_mm": depth,
                "total_mm": {m: np.hypot(plane, d) for m, d in depth.items()},
                "score": {m: estimates.score(m) for m in estimates.depth},
                "field_of_view": batch.field_of_view.kind,
            }
        )
    return HeldOut(**joined(parts))


def estimate_batch(
    networks: dict[str, Any], protocol: Protocol, framing: Framing, facts: Population, batch: Batch
) -> Estimates:
    """What the detector estimates of the scans of a batch, in the coronal view's pixels."""
    coronal, lateral = batch.coronal, batch.lateral
    return estimate(
        networks,
        (coronal.front, coronal.back, coronal.field_of_view),
        (lateral.front, lateral.back, lateral.field_of_view),
        lateral.origin[:, 0],
        framing.pixel_mm or 1.0,
        protocol.mirror_permutation(),
        facts.mean_depth_mm,
        facts.mean_depth_error_mm,
    )


def drawn(stream: Numbered[Drawn], count: int, progress: Progress | None = None) -> Iterator[Drawn]:
    """The first batches of a stream; says so when each of them is done with."""
    for number in range(count):
        yield stream.batch(number)
        if progress is not None:
            progress((number + 1) / count, f"held-back batch {number + 1} of {count}")


def portion(progress: Progress | None, start: float, end: float) -> Progress | None:
    """What is told of one step among others, which takes so much of the whole."""
    return None if progress is None else lambda share, text: progress(start + share * (end - start), text)


def joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Arrays, and arrays by name, of batches as those of all."""
    return {
        key: joined([part[key] for part in parts])
        if isinstance(first, dict)
        else np.concatenate([part[key] for part in parts])
        for key, first in parts[0].items()
    }
