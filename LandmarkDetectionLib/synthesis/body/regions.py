"""Small regions of synthetic bodies at a fine scale, from the front and from the left, landmarks included.

A region is a box about a few neighbouring landmarks. Both pictures show what lies in a slab of it: outline,
bone, mean depth of bone and what was scanned. Detection cuts the same slabs out of a volume.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from LandmarkDetectionLib.imaging.body.bone import LEAST_BONE_MM
from LandmarkDetectionLib.imaging.body.patches import DEPTH_MM, SIZE, slab_input
from LandmarkDetectionLib.synthesis.batches import to_view
from LandmarkDetectionLib.synthesis.body.anatomy import landmark_positions
from LandmarkDetectionLib.synthesis.body.binding import load_binding
from LandmarkDetectionLib.synthesis.body.bone_views import DenseBodies, dense_bodies, slab_bone
from LandmarkDetectionLib.synthesis.body.model import load_body_model
from LandmarkDetectionLib.synthesis.body.population import draw_bodies
from LandmarkDetectionLib.synthesis.body.scanner import FieldOfView, draw_fields_of_view
from LandmarkDetectionLib.synthesis.rasterise import rasterise
from LandmarkDetectionLib.typing import Array

REACH_MM = 46.0  # trained pictures are about the landmarks that lie this close to one of them in a grown man
REGIONS_PER_BODY = 8
#: Landmarks of a region lie this close to its middle along right, anterior and superior in ``HELD_IN`` of all
#: bodies: a slab is 100 mm deep from the front and from the left, and its pictures are 160 mm high.
WITHIN_MM, HELD_IN = (46.0, 46.0, 60.0), 0.95
#: Ends of limbs, and what the first look's error leaves at the edge of a slab: each a region of its own.
ALONE = ("thumb", "middle_finger", "little_finger", "big_toe", "iliac_crest")
MOST_BLUR = 1.2  # pixels, one deviation


@dataclass(frozen=True)
class RegionBatch:
    """Pictures of regions.

    Attributes
    ----------
    coronal, lateral : tuple
        Pictures (B, 4, SIZE, SIZE) float32 and landmarks (B, L, 3): column px, row px, depth in ``DEPTH_MM``
        behind the middle.
    visible : (B, L) bool
        Whether a landmark lies in the region and was scanned.
    centre : (B, 3) RAS mm
    pixel_mm : float
    """

    coronal: tuple[Array, Array]
    lateral: tuple[Array, Array]
    visible: Array
    centre: Array
    pixel_mm: float


def group_landmarks(
    names: Sequence[str], shapes: Array, reach: tuple[float, float, float] = WITHIN_MM
) -> tuple[tuple[str, ...], ...]:
    """Few regions that hold all landmarks in whatever posture: names by region, the fullest first.

    The two regions that lie closest together become one, as long as in 95 % of bodies every landmark then
    lies within reach of its region's middle. What ``ALONE`` names stays by itself: shared with others it was
    found worse on scans held out.

    Parameters
    ----------
    names : sequence of str
    shapes : (N, L, 3) RAS mm
        Of bodies in many postures.
    reach : (right, anterior, superior) mm
    """
    places = np.asarray(shapes, np.float64) / np.array(reach)

    def extent(members: list[int]) -> float:
        inside = places[:, members]
        off = np.abs(inside - inside.mean(axis=1, keepdims=True)).max(axis=(1, 2))
        return float(np.quantile(off, HELD_IN))

    groups = {n: [n] for n in range(len(names))}
    joinable = [n for n in groups if not names[n].startswith(ALONE)]
    extents = {pair: extent(list(pair)) for pair in combinations(joinable, 2)}
    while extents and min(extents.values()) <= 1:
        kept, gone = min(extents, key=lambda pair: extents[pair])
        groups[kept] += groups.pop(gone)
        extents = {pair: value for pair, value in extents.items() if gone not in pair}
        for pair in extents:
            if kept in pair:
                extents[pair] = extent(groups[pair[0]] + groups[pair[1]])
    fullest = sorted(groups.values(), key=len, reverse=True)
    return tuple(tuple(names[n] for n in sorted(group)) for group in fullest)


@dataclass(frozen=True)
class Scans:
    """Scanned bodies that can be looked at closely.

    Attributes
    ----------
    vertices : (B, V, 3) RAS mm
    dense : DenseBodies
    landmarks : (B, L, 3) RAS mm
    box : FieldOfView
    disturbance : float
    """

    vertices: Array
    dense: DenseBodies
    landmarks: Array
    box: FieldOfView
    disturbance: float = 1.0

    def pictures(
        self, subset: Array, centre: Array, spacing: Array, blur: Array, seeds: Array, lateral: bool
    ) -> tuple[Array, Array]:
        """Pictures (n, 4, SIZE, SIZE) of one view, and landmarks (n, L, 3) as in ``RegionBatch``.

        Parameters
        ----------
        subset : (n,)
            Which body each region belongs to.
        centre : (n, 3) RAS mm
        spacing : (n,)
            Mm per pixel.
        blur : (n,)
            Deviation along the body in pixels.
        seeds : (n,)
            Of the noise.
        lateral : bool
        """
        from scipy.ndimage import gaussian_filter, gaussian_filter1d

        middle = to_view(centre, lateral)
        pixel = np.repeat(spacing[:, None], 2, axis=1).astype(np.float32)
        origin = (middle[:, :2] - pixel * (SIZE - 1) / 2).astype(np.float32)
        corners = np.sort(
            to_view(np.stack([self.box.low[subset], self.box.high[subset]], axis=1), lateral), axis=1
        )
        start, end = middle[:, 2] - DEPTH_MM, middle[:, 2] + DEPTH_MM
        near = np.maximum(start, corners[:, 0, 2]).astype(np.float32)
        far = np.maximum(np.minimum(end, corners[:, 1, 2]), near + 0.1).astype(np.float32)
        shape = (SIZE, SIZE)
        front, _ = rasterise(
            self.vertices[subset], load_body_model().faces, lateral, origin, pixel, near, far, shape
        )
        body = np.isfinite(front)
        bone, moment = slab_bone(self.dense, lateral, origin, pixel, near, far, shape, subset)
        moment = moment + (near - middle[:, 2])[:, None, None] * bone
        inside = np.ones((len(subset), *shape), bool)
        for axis in range(2):
            place = origin[:, axis : axis + 1] + pixel[:, axis : axis + 1] * np.arange(SIZE)
            scanned = (place >= corners[:, :1, axis]) & (place <= corners[:, 1:, axis])
            inside &= scanned[:, None, :] if axis == 0 else scanned[:, :, None]
        body &= inside
        for n, seed in enumerate(seeds):
            rng = np.random.default_rng(seed + lateral)
            if blur[n] > 0.3:
                bone[n] = gaussian_filter1d(bone[n], blur[n], axis=0)
                moment[n] = gaussian_filter1d(moment[n], blur[n], axis=0)
            # Voxels, a scanner's kernel and the resampling blur along all axes.
            soft = self.disturbance * rng.uniform(0, MOST_BLUR)
            if soft > 0.3:
                bone[n] = gaussian_filter(bone[n], soft)
                moment[n] = gaussian_filter(moment[n], soft)
            gain = np.exp(self.disturbance * rng.normal(0, 0.12))
            grain = self.disturbance * rng.uniform(0, 0.10)
            haze = self.disturbance * max(rng.normal(0, 0.4), 0)  # mm of soft tissue that passes for bone
            noise = haze * np.maximum(1 + 0.5 * rng.normal(0, 1, shape), 0)
            factor = gain * np.maximum(1 + grain * rng.normal(0, 1, shape), 0)
            bone[n] = bone[n] * factor + noise
            moment[n] = moment[n] * factor
        bone = np.where(body, np.maximum(bone, 0), 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            depth = np.where(bone >= LEAST_BONE_MM, moment / bone, np.nan)
        marks = to_view(self.landmarks[subset], lateral)
        marks[..., :2] = (marks[..., :2] - origin[:, None]) / pixel[:, None]
        marks[..., 2] = (marks[..., 2] - middle[:, None, 2]) / DEPTH_MM
        return slab_input(body, bone, depth, inside), marks.astype(np.float32)


@dataclass(frozen=True)
class RegionStream:
    """Regions of synthetic scans; the same seed and settings give the same bytes."""

    names: tuple[str, ...]
    seed: int = 0
    batch_size: int = 96
    pixel_mm: float = 2.5
    disturbance: float = 1.0
    off_mm: float = 14.0  # how far off the first stage puts a region

    def __iter__(self) -> Iterator[RegionBatch]:
        number = 0
        while True:
            yield self.batch(number)
            number += 1

    def batch(self, number: int) -> RegionBatch:
        """Batch ``number`` of the stream, whatever was drawn before."""
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number, 5]))
        model, binding = load_body_model(), load_binding()
        count = -(-self.batch_size // REGIONS_PER_BODY)
        bodies = draw_bodies(model, count, rng, binding)
        assert bodies.bones is not None
        box = draw_fields_of_view(bodies.vertices, rng, hospital=True)
        dense = dense_bodies(binding, bodies.bones, rng)
        landmarks = landmark_positions(model, bodies.vertices, bodies.joints, self.names, dense.landmarks)
        subset, centre = self._choose(landmarks, box, rng)
        spacing = self.pixel_mm * rng.uniform(0.97, 1.03, len(subset))
        scans = Scans(bodies.vertices, dense, landmarks, box, self.disturbance)
        # Thick slices blur along the body.
        blur = np.where(rng.random(len(subset)) < 0.5, rng.uniform(0, 2.2, len(subset)), 0) * self.disturbance
        seeds = rng.integers(0, 2**31 - 1, len(subset))
        views = [scans.pictures(subset, centre, spacing, blur, seeds, lateral) for lateral in (False, True)]
        marks = views[0][1], views[1][1]
        inside = [
            (np.abs(m[..., :2] - (SIZE - 1) / 2) <= SIZE / 2 - 1).all(axis=2) & (np.abs(m[..., 2]) <= 1)
            for m in marks
        ]
        scanned = box.contains(landmarks)[subset]
        return RegionBatch(views[0], views[1], inside[0] & inside[1] & scanned, centre, self.pixel_mm)

    def _choose(self, landmarks: Array, box: FieldOfView, rng: np.random.Generator) -> tuple[Array, Array]:
        """Which body each region belongs to (B',), and its middle (B', 3): near landmarks in the scan."""
        seen = box.contains(landmarks)
        subset, centre = [], []
        bodies = np.arange(self.batch_size) % len(landmarks)
        for b in bodies:
            candidates = np.flatnonzero(seen[b])
            if not len(candidates):
                candidates = np.arange(landmarks.shape[1])
            around = landmarks[b, rng.choice(candidates)]
            size = np.ptp(landmarks[b, :, 2]) / 1600.0
            near = seen[b] & (np.abs(landmarks[b] - around).max(axis=1) < REACH_MM * size)
            middle = landmarks[b, near].mean(axis=0) if near.any() else around
            off = self.off_mm * (2.0 if rng.random() < 0.15 else 1.0)
            subset.append(b)
            centre.append(middle + rng.normal(0, off, 3))
        return np.array(subset), np.array(centre)
