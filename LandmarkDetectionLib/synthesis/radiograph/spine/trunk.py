"""A trunk in its parts, as a radiograph of the whole spine sees it: bones, soft tissue, air, and end plates.

Bones come from the skeleton, in its frame (RAS mm); skin and cavities, which it lacks, are made of rings
about them. Every point says by weights which levels of the spine it moves with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.synthesis.body.skeleton import Skeleton, read_skeleton, skeleton_path, thinned
from LandmarkDetectionLib.synthesis.bone_thickness import Surfaces
from LandmarkDetectionLib.synthesis.radiograph.solids import Solid, inner, joined
from LandmarkDetectionLib.synthesis.radiograph.spine.soft import Cage, soft_parts
from LandmarkDetectionLib.typing import Array, FloatArray

ORDINALS = (
    "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth", "Eleventh",
    "Twelfth",
)  # fmt: skip
#: Bones of the spine from above; the last carries the pelvis.
LEVELS = (
    *("Atlas", "Axis"),
    *(f"{ordinal}_cervical_vertebra" for ordinal in ORDINALS[2:7]),
    *(f"{ordinal}_thoracic_vertebra" for ordinal in ORDINALS),
    *(f"{ordinal}_lumbar_vertebra" for ordinal in ORDINALS[:5]),
    "Sacrum",
)
#: Levels whose corners are landmarks: T1 to L5.
MARKED = range(7, 24)
T1, PELVIS = 7, len(LEVELS) - 1
SIDES = ("Right", "Left")
HEAD = (
    "Mandible",
    "Occipital_bone",
    "Right_temporal_bone",
    "Left_temporal_bone",
    "Right_maxilla",
    "Left_maxilla",
)
SHOULDER = tuple(f"{side}_{bone}" for side in SIDES for bone in ("clavicle", "scapula", "humerus"))
HIPS = tuple(f"{side}_{bone}" for side in SIDES for bone in ("hip_bone", "femur"))
STERNUM = ("Manubrium", "Body_of_sternum")
RIBS = tuple(f"{side}_{ordinal.lower()}_rib" for ordinal in ORDINALS for side in SIDES)
DISCS = tuple(f"Intervertebral_disk_of_{level[0].lower()}{level[1:]}" for level in LEVELS[T1 - 1 : PELVIS])
NEEDED = (*LEVELS, *HEAD, *SHOULDER, *HIPS, *STERNUM, *RIBS, *DISCS)
#: Kind, and under how much cortex, mm, a bone is spongy.
CORTEX = {"vertebra": 0.9, "rib": 0.9, "long": 2.2, "pelvis": 1.3, "head": 0.0, "flat": 0.0}
#: Middle of the bodies of T1 and L5, mm: skin and cavities are given in the same frame.
ENDS = np.array([[3.0, 74.0, 1375.0], [-1.0, 85.0, 936.0]])
#: Points around the rim of an end plate.
RIM = 24
#: Merging vertices of bones other than vertebrae in cells of so many mm saves half of the time.
CELL_MM = 3.5


@dataclass(frozen=True)
class Trunk:
    """One trunk at rest.

    Attributes
    ----------
    points : (N, 3) float32 mm
        Vertices of all surfaces, then the rims of end plates.
    surfaces : Surfaces
    kinds, names : tuple of str
        Of every surface. Kinds: "vertebra", "rib", "long", "pelvis", "head", "flat" for bones, "marrow" of
        one of these ("marrow rib"), and what ``soft.soft_parts`` makes.
    weights : (N, K) float32
        How far every point moves with every one of ``LEVELS``; rows sum to 1.
    level : (N,) int16
        The vertebra that a point belongs to, -1 for none.
    pivots : (K, 3) mm
        Centre of the disc under every level; of the sacrum, its own middle.
    centres : (K, 3) mm
        Middle of every vertebral body.
    axes : (K, 3, 3)
        Rows: right, anterior and up of every vertebral body.
    rims : (17, 2, RIM) int
        Indices of points on the rims of upper and lower end plates of T1 to L5.
    """

    points: Array
    surfaces: Surfaces
    kinds: tuple[str, ...]
    names: tuple[str, ...]
    weights: Array
    level: Array
    pivots: FloatArray
    centres: FloatArray
    axes: FloatArray
    rims: Array

    def owned(self, surface: int) -> slice:
        """Rows of ``points`` of a surface."""
        start = self.surfaces.vertex_start
        return slice(int(start[surface]), int(start[surface + 1]))


def load_trunk(path: str | Path | None = None) -> Trunk:
    """The trunk of the skeleton at a path, see ``skeleton.read_skeleton``; made once per file.

    Raises
    ------
    InputError
        When there is no skeleton, or it lacks a bone of the trunk.
    """
    return _loaded(skeleton_path(path))


@lru_cache(maxsize=2)
def _loaded(path: Path) -> Trunk:
    return make_trunk(read_skeleton(path))


def make_trunk(skeleton: Skeleton) -> Trunk:
    """The trunk of a skeleton.

    Raises
    ------
    InputError
        When a bone of the trunk is missing, or the skeleton stands elsewhere.
    """
    missing = [name for name in NEEDED if name not in skeleton.names]
    if missing:
        raise InputError(
            f"The skeleton has no {missing[0]}; a trunk needs BodyParts3D's spine, ribs, shoulders and hips.",
            about="skeleton",
        )
    pivots, centres, axes = _chain(skeleton)
    if np.abs(centres[[T1, PELVIS - 1]] - ENDS).max() > 30.0:
        raise InputError(
            "The vertebrae do not lie where BodyParts3D has them; skin and lungs would not fit them.",
            about="skeleton",
        )
    coarse = thinned(skeleton, CELL_MM)
    solids: list[Solid] = []
    kinds: list[str] = []
    names: list[str] = []
    weights: list[Array] = []

    def add(solid: Solid, kind: str, name: str, weight: Array) -> None:
        solids.append(solid)
        kinds.append(kind)
        names.append(name)
        weights.append(np.broadcast_to(weight, (len(solid.vertices), len(LEVELS))))

    for name, kind in _bones():
        fine = kind == "vertebra"
        bone = solid_of(skeleton if fine else coarse, name)
        weight = _bone_weights(name, kind, bone.vertices, centres)
        add(bone, kind, name, weight)
        if CORTEX[kind]:
            add(inner(bone, CORTEX[kind]), f"marrow {kind}", name, weight)
    cage = Cage.around([skeleton.bone(name) for name in RIBS], centres)
    for solid, kind, name, spread in soft_parts(cage):
        add(solid, kind, name, _smooth_weights(solid.vertices[:, 2], centres, spread))
    points, surfaces = joined(solids)
    level = np.full(len(points), -1, np.int16)
    for n, name in enumerate(names):
        if name in LEVELS:
            level[surfaces.vertex_start[n] : surfaces.vertex_start[n + 1]] = LEVELS.index(name)
    rims = []
    for k in MARKED:
        discs = [(skeleton.bone(DISCS[n]) - centres[k]) @ axes[k].T for n in (k - T1, k - T1 + 1)]
        rims.append(_rim(discs) @ axes[k] + centres[k])
    ends = np.stack(rims)  # (17, 2, RIM, 3)
    marked = len(points) + np.arange(ends[..., 0].size).reshape(ends.shape[:3])
    points = np.concatenate([points, ends.reshape(-1, 3)]).astype(np.float32)
    level = np.concatenate([level, np.repeat(np.array(MARKED, np.int16), 2 * RIM)])
    weights.append(np.repeat(np.eye(len(LEVELS))[list(MARKED)], 2 * RIM, axis=0))
    return Trunk(
        points, surfaces, tuple(kinds), tuple(names), np.concatenate(weights).astype(np.float32), level,
        pivots, centres, axes, marked,
    )  # fmt: skip


def solid_of(skeleton: Skeleton, name: str) -> Solid:
    """One bone as a surface of its own."""
    n = skeleton.names.index(name)
    faces = skeleton.faces[skeleton.face_start[n] : skeleton.face_start[n + 1]]
    return Solid(skeleton.bone(name), (faces - skeleton.vertex_start[n]).astype(np.int32))


def _bones() -> list[tuple[str, str]]:
    """Names of bones and their kinds."""
    of_kind = {
        "vertebra": LEVELS[:-1],
        "rib": RIBS,
        "head": HEAD,
        "flat": (*STERNUM, "Right_scapula", "Left_scapula"),
        "long": tuple(f"{side}_{bone}" for side in SIDES for bone in ("clavicle", "humerus", "femur")),
        "pelvis": ("Sacrum", "Right_hip_bone", "Left_hip_bone"),
    }
    return [(name, kind) for kind, members in of_kind.items() for name in members]


def _chain(skeleton: Skeleton) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Pivots, centres and axes of all levels, see ``Trunk``."""
    disc = {k: skeleton.bone(DISCS[k - T1 + 1]).mean(axis=0) for k in range(T1 - 1, PELVIS)}
    count = len(LEVELS)
    pivots, centres = np.zeros((count, 3)), np.zeros((count, 3))
    axes = np.broadcast_to(np.eye(3), (count, 3, 3)).copy()
    for k, level in enumerate(LEVELS):
        bone = skeleton.bone(level).astype(np.float64)
        if k == PELVIS:
            centres[k] = pivots[k] = bone[bone[:, 2] > np.quantile(bone[:, 2], 0.7)].mean(axis=0)
        elif k < T1 - 1:
            front = bone[bone[:, 1] > np.quantile(bone[:, 1], 0.7)]
            centres[k] = front.mean(axis=0)
            pivots[k] = centres[k] - (0, 0, 8.0)
        else:
            pivots[k] = disc[k]
            above = disc[k - 1] if k >= T1 else disc[k] + (0.0, 3.0, 16.0)
            centres[k] = (above + disc[k]) / 2
            up = (above - disc[k]) / np.linalg.norm(above - disc[k])
            right = np.array([1.0, 0.0, 0.0]) - up[0] * up
            right /= np.linalg.norm(right)
            axes[k] = np.stack([right, np.cross(up, right), up])
    return pivots, centres, axes


def place_along(height: Array, centres: FloatArray) -> Array:
    """Level (N,), from 0 for the first, of heights along the chain at rest."""
    return np.interp(-np.asarray(height), -centres[:, 2], np.arange(len(centres)))


def _smooth_weights(height: Array, centres: FloatArray, spread: float) -> Array:
    """Weights (N, K) of levels near a height."""
    away = place_along(height, centres)[:, None] - np.arange(len(centres))
    near = np.exp(-0.5 * (away / spread) ** 2) + 1e-9
    return np.asarray(near / near.sum(axis=1, keepdims=True))


def _bone_weights(name: str, kind: str, vertices: Array, centres: FloatArray) -> Array:
    one = np.eye(len(LEVELS))
    if name in LEVELS:
        return np.asarray(one[LEVELS.index(name)])
    if name in HEAD:
        return np.asarray(one[0])
    if name in HIPS:
        return np.asarray(one[PELVIS])
    if name in SHOULDER:
        return np.asarray(_smooth_weights(np.array([1300.0]), centres, 2.5)[0])
    if name in STERNUM:
        # The sternum hangs lower than the vertebrae its ribs come from.
        return _smooth_weights(vertices[:, 2] + 45.0, centres, 4.0)
    own = T1 + ORDINALS.index(name.split("_")[1].capitalize())
    far = np.linalg.norm((vertices - centres[own])[:, :2], axis=1)
    share = 0.65 * np.clip((far - 35.0) / 90.0, 0, 1)[:, None]
    around = np.exp(-0.5 * ((np.arange(len(LEVELS)) - own - 0.5) / 2.5) ** 2)
    return np.asarray((1 - share) * one[own] + share * around / around.sum())


def _rim(discs: Sequence[Array]) -> Array:
    """Points (2, RIM, 3) on the rims of both end plates, from the discs (D, 3) on them, in a body's axes.

    Discs end where vertebrae do, and have no joints and no pedicles: a rim is the ellipse as wide and deep as
    its disc, on the plane of that half of the disc's border that faces the vertebra.
    """
    angle = np.linspace(0, 2 * np.pi, RIM, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rims = []
    for sign, disc in zip((1, -1), discs, strict=True):
        low, high = disc[:, :2].min(axis=0), disc[:, :2].max(axis=0)
        flat = (disc[:, :2] - (low + high) / 2) / ((high - low) / 2)
        border = disc[np.hypot(flat[:, 0], flat[:, 1]) > 0.7]
        for _ in range(2):  # the middle of the disc, then the half that faces the vertebra
            terms = np.column_stack([np.ones(len(border)), border[:, :2]])
            plane = np.linalg.lstsq(terms, border[:, 2], rcond=None)[0]
            border = border[sign * (border[:, 2] - terms @ plane) < 0]
        ring = (low + high) / 2 + circle * (high - low) / 2
        rims.append(np.column_stack([ring, plane[0] + ring @ plane[1:]]))
    return np.stack(rims)
