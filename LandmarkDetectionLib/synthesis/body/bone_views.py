"""Bones of synthetic bodies as a CT shows them: thickness and mean depth along every ray of a view."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from LandmarkDetectionLib.imaging.body.bone import LEAST_BONE_MM
from LandmarkDetectionLib.synthesis.batches import ViewBatch
from LandmarkDetectionLib.synthesis.body.binding import Binding
from LandmarkDetectionLib.synthesis.body.densities import (
    add_dense_parts,
    draw_dense_parts,
    draw_densities,
)
from LandmarkDetectionLib.synthesis.bone_thickness import Surfaces, bone_thickness
from LandmarkDetectionLib.typing import Array

NOISE_SHARE = 0.004  # of the body's thickness that noise turns into bone, in a noisy scan
FINER = 2  # rays per pixel along each axis


@dataclass(frozen=True)
class DenseBodies:
    """Everything in posed bodies that a threshold of bone shows.

    Attributes
    ----------
    points : (B, N, 3) float32, RAS mm
    surfaces : Surfaces
    density : (B, S) float32
    parts : (B, n, 7) float32
        Ellipsoids; see ``densities.draw_dense_parts``.
    landmarks : dict
        Landmarks (B, 3) of the bones by name.
    """

    points: Array
    surfaces: Surfaces
    density: Array
    parts: Array
    landmarks: dict[str, Array]


def dense_bodies(binding: Binding, bones: Array, rng: np.random.Generator) -> DenseBodies:
    """Draw how dense the bones of posed bodies are, and what else is as dense."""
    return DenseBodies(
        points=bones,
        surfaces=binding.surfaces,
        density=draw_densities(binding, len(bones), rng),
        parts=draw_dense_parts(binding, bones, rng),
        landmarks=posed_landmarks(binding, bones),
    )


def posed_landmarks(binding: Binding, bones: Array) -> dict[str, Array]:
    """Landmarks (B, 3) RAS mm of posed bones (B, N, 3) by name.

    What is defined as the outermost point of a bone is looked for where the bone has come to lie: on a flat
    crest it moves along by centimetres when the pelvis tilts, and a rater looks for it in the scan.
    """
    landmarks = {name: bones[:, binding.point(name)] for name in binding.landmarks}
    return landmarks | {name: outermost(bones[:, rows], way) for name, rows, way in binding.extremes()}


def outermost(points: Array, direction: Array, within_mm: float = 3.0) -> Array:
    """Middle (B, 3) of what lies within some mm of the outermost of points (B, n, 3) in a direction."""
    along = points @ direction.astype(points.dtype)
    weight = (along > along.max(axis=1, keepdims=True) - within_mm).astype(points.dtype)
    return np.asarray(np.einsum("bn,bnx->bx", weight, points) / weight.sum(axis=1, keepdims=True))


def slab_bone(
    dense: DenseBodies,
    lateral: bool,
    origin: Array,
    spacing: Array,
    near: Array,
    far: Array,
    shape: tuple[int, int],
    subset: Array | None = None,
) -> tuple[Array, Array]:
    """Thickness in mm and its first moment beyond ``near``, each pixel the mean of ``FINER``^2 rays."""
    fine = (spacing / FINER).astype(np.float32)
    first = (origin - spacing / 2 + fine / 2).astype(np.float32)
    rows, columns = shape
    thickness, moment = bone_thickness(
        dense.points,
        dense.surfaces,
        dense.density,
        lateral,
        first,
        fine,
        near,
        far,
        (rows * FINER, columns * FINER),
        subset,
    )
    add_dense_parts(dense.parts, lateral, first, fine, near, far, thickness, moment, subset)
    return _pooled(thickness), _pooled(moment)


def _pooled(fine: Array) -> Array:
    parts = [fine[:, r::FINER, c::FINER] for r in range(FINER) for c in range(FINER)]
    return np.asarray(sum(parts) / FINER**2)


def add_bone(
    view: ViewBatch, dense: DenseBodies, lateral: bool, near: Array, far: Array, seeds: Array, strength: float
) -> ViewBatch:
    """The view with the bones of the bodies, seen in the slab between ``near`` and ``far`` (B,) mm."""
    # A slab no deeper than the bodies, so that moments keep their precision.
    start = np.nanmin(view.front, axis=(1, 2), initial=np.inf) - 20
    end = np.nanmax(view.back, axis=(1, 2), initial=-np.inf) + 20
    start = np.where(np.isfinite(start), np.maximum(start, near), near).astype(np.float32)
    end = np.where(np.isfinite(end), np.minimum(end, far), far).astype(np.float32)
    thickness, moment = slab_bone(dense, lateral, view.origin, view.spacing, start, end, view.front.shape[1:])
    return with_bone(view, thickness, moment, start, seeds + 17 + lateral, strength)


def with_bone(
    view: ViewBatch, thickness: Array, moment: Array, start: Array, seeds: Array, strength: float
) -> ViewBatch:
    """The view with bone that is where the body is, with the noise that passes for bone."""
    body = np.isfinite(view.front)
    bone = np.where(body, np.maximum(thickness, 0), 0)
    first = np.where(body, moment, 0)
    with np.errstate(invalid="ignore"):
        deep = np.where(body, view.back - view.front, 0)
        middle = np.where(body, (view.back + view.front) / 2 - start[:, None, None], 0)
    for n, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        share = strength * NOISE_SHARE * max(rng.normal(0, 1), 0)
        gain = np.exp(strength * rng.normal(0, 0.12))
        grain = strength * rng.uniform(0, 0.08)
        noise = share * deep[n] * np.maximum(1 + 0.3 * rng.normal(0, 1, deep[n].shape), 0)
        factor = gain * (1 + grain * rng.normal(0, 1, deep[n].shape))
        bone[n] = bone[n] * factor + noise
        first[n] = first[n] * factor + noise * middle[n]
    with np.errstate(invalid="ignore", divide="ignore"):
        depth = np.where(bone >= LEAST_BONE_MM, first / bone + start[:, None, None], np.nan)
    return replace(view, bone=bone.astype(np.float32), bone_depth=depth.astype(np.float32))
