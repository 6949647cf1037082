"""What trained networks do on bodies with bones that they never saw: errors, presence, scores to calibrate.

These bodies differ from one another by half as much again as those of training, in bones and in disturbances,
as real people and scanners do from everything that is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.correction import JointGaussian
from LandmarkDetectionLib.detectors.bone_estimates import (
    BodyEstimates,
    BodyView,
    Look,
    body_image,
    first_look,
    look_closely,
)
from LandmarkDetectionLib.detectors.bones import score
from LandmarkDetectionLib.detectors.expected import with_expected
from LandmarkDetectionLib.detectors.spine_chain import with_spine
from LandmarkDetectionLib.synthesis.batches import ViewBatch
from LandmarkDetectionLib.synthesis.body.regions import Scans
from LandmarkDetectionLib.synthesis.body.scanner import FieldOfView
from LandmarkDetectionLib.synthesis.body.stream import BodyStream, Framing
from LandmarkDetectionLib.typing import Array, Progress

VARIETY, DISTURBANCE = 1.5, 1.4
BATCH = 16


@dataclass(frozen=True)
class HeldOutBones:
    """Estimates and truth of N scans.

    Attributes
    ----------
    truth : (N, L, 3) RAS mm
    visible : (N, L) bool
    estimates : BodyEstimates
        Without maps.
    field_of_view : (N,) int
    to_end : (N, L) mm
        How far before the sides and ends of the scan the estimates lie; negative beyond.
    """

    truth: Array
    visible: Array
    estimates: BodyEstimates
    field_of_view: Array
    to_end: Array

    @property
    def error(self) -> Array:
        """Distances (N, L) in mm."""
        return np.asarray(np.linalg.norm(self.estimates.position - self.truth, axis=2))

    @property
    def score(self) -> Array:
        """The networks' own scores (N, L), to be calibrated."""
        return score(self.estimates)


def measure_bones(
    networks: dict[str, Any],
    names: tuple[str, ...],
    mirror: Array,
    regions: Sequence[Array],
    framing: Framing,
    region_pixel_mm: float,
    seed: int,
    scans: int,
    bones: bool = True,
    joint: JointGaussian | None = None,
    progress: Progress | None = None,
) -> tuple[HeldOutBones, HeldOutBones]:
    """First and close looks at synthetic scans from a seed that training never uses.

    Parameters
    ----------
    bones : bool
        False to hide the bones, as in MR; then both answers are the first look's.
    joint : JointGaussian, optional
        How landmarks lie to one another; without it nothing is looked for where the others expect it.

    Returns
    -------
    first, last : HeldOutBones
    """
    stream = BodyStream(names, seed, BATCH, framing, disturbance=DISTURBANCE, skeleton=True, variety=VARIETY)
    parts: list[tuple[BodyEstimates, BodyEstimates, Array, Array, Array, Array, Array]] = []
    for number in range(-(-scans // BATCH)):
        batch, bodies, dense = stream.scans(number)
        assert dense is not None
        seen = Scans(bodies.vertices, dense, batch.landmarks, batch.field_of_view, DISTURBANCE)
        first = first_look(
            networks,
            _view(batch.coronal, bones),
            _view(batch.lateral, bones),
            framing.pixel_mm or 1.0,
            mirror,
        )
        last = first
        if bones:
            look = looks_at(seen, region_pixel_mm, seed + number)
            close = look_closely(networks, first, regions, look, region_pixel_mm, mirror)
            last = with_spine(networks, first, close, names, look, region_pixel_mm)
            if joint is not None:
                last = with_expected(networks, last, regions, look, region_pixel_mm, mirror, joint)
        box = batch.field_of_view
        to_end = (_to_end(box, first.position), _to_end(box, last.position))
        parts.append((_bare(first), _bare(last), batch.landmarks, batch.visible, box.kind, *to_end))
        if progress is not None:
            progress((number + 1) * BATCH / scans, f"held-out scan {(number + 1) * BATCH} of {scans}")
    truth, visible, kind, *ends = (np.concatenate([part[n] for part in parts]) for n in range(2, 7))
    first_all, last_all = (
        BodyEstimates(*(np.concatenate(values) for values in zip(*(p[n] for p in parts), strict=True)))
        for n in (0, 1)
    )
    both = zip((first_all, last_all), ends, strict=True)
    of_first, of_last = (HeldOutBones(truth, visible, said, kind, end) for said, end in both)
    return of_first, of_last


def _to_end(box: FieldOfView, places: Array) -> Array:
    """How far (B, L) mm places (B, L, 3) lie before the faces that a view from the front shows."""
    room = np.minimum(places - box.low[:, None], box.high[:, None] - places)
    return np.asarray(room[..., [0, 2]].min(axis=-1))


def _bare(estimates: BodyEstimates) -> BodyEstimates:
    return estimates._replace(maps=np.zeros((len(estimates.present), 0, 0, 0), np.float32))


def _view(view: ViewBatch, bones: bool) -> BodyView:
    shown = (view.bone, view.bone_depth) if bones else (None, None)
    return BodyView(body_image(view.front, view.back, view.field_of_view, *shown), view.origin.astype(float))


def looks_at(scans: Scans, pixel_mm: float, seed: int) -> Look:
    """Close looks at synthetic scans."""

    def look(middles: Array, bodies: Array) -> tuple[Array, Array]:
        rng = np.random.default_rng([seed, len(middles)])
        spacing = np.full(len(middles), pixel_mm)
        blur = np.zeros(len(middles))
        seeds = rng.integers(0, 2**31 - 1, len(middles))
        coronal, lateral = (
            scans.pictures(bodies, middles, spacing, blur, seeds, side)[0] for side in (False, True)
        )
        return coronal, lateral

    return look
