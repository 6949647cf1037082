"""A skeleton inside the body model: how bones follow joints and skin for every shape, and how they are posed.

Bones are first turned, limb by limb, into the rest pose of the body model. From there a smooth warp carries
them into every other body at rest: a polyharmonic spline (kernel r, Duchon 1977) over control points that are
joints of the body or lie a bone's depth under the skin of a lean twin of the same body, so that fat thickens
the skin but not the bones. The warp is linear in the control points, so a batch of bodies is one product of
matrices; bumps of random height at many places, added in the same product, let bones vary by themselves.
Posing then moves every bone with the body's own bones: limbs rigidly, vertebrae and ribs by blends of two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from LandmarkDetectionLib.synthesis.body.anchors import RestBody
from LandmarkDetectionLib.synthesis.body.bone_landmarks import bone_landmarks
from LandmarkDetectionLib.synthesis.body.bone_names import SIDES
from LandmarkDetectionLib.synthesis.body.carrying import moving_bones
from LandmarkDetectionLib.synthesis.body.model import BodyModel, load_body_model
from LandmarkDetectionLib.synthesis.body.placing import Placing, placed
from LandmarkDetectionLib.synthesis.body.skeleton import Skeleton, read_skeleton, thinned
from LandmarkDetectionLib.synthesis.bone_thickness import Surfaces
from LandmarkDetectionLib.typing import Array

CELL_MM = 3.0  # vertices closer than this are merged
SMOOTHING = 4.0  # mm; how far a control point may be missed before bones bend for it


@dataclass(frozen=True)
class Binding:
    """A skeleton bound to the body model: V vertices, their W inner twins and L landmarks are its N points.

    Attributes
    ----------
    names : tuple of str
        Of the bones.
    surfaces : Surfaces
        The bones in this order, then the walls of the marrow cavities of hollow ones.
    cavity_of : (C,) int
        Which bone every cavity is in.
    landmarks : tuple of str
        Names of the last points.
    warp : (N, K + M) float32
        Points at rest from K control points and M bumps.
    bone_index, bone_weight : (N, 2)
        Which bones of the body model move a point; ``len(model.bones)`` and one more are the scapulae.
    trunk : (N,) bool
        Points of the spine and of the rib cage.
    pelvis : (N,) bool
        Points that the body model's root moves.
    clavicle : (2, N) bool
        Points of the right and of the left clavicle.
    """

    names: tuple[str, ...]
    surfaces: Surfaces
    cavity_of: Array
    landmarks: tuple[str, ...]
    warp: Array
    bone_index: Array
    bone_weight: Array
    trunk: Array
    pelvis: Array
    clavicle: Array
    bump_scale: Array
    vertices: Array  # (K, 6) of the anchors, and their weights, all 0 where they are joints
    weights: Array
    joint: Array
    midline: Array  # (K,) bool
    upper_half: Array  # (N,) bool, of every bone at rest
    jitter_mm: Array  # (K,) by how much control points of grown people differ by themselves

    def point(self, landmark: str) -> int:
        """Index of a landmark among the points."""
        return self.warp.shape[0] - len(self.landmarks) + self.landmarks.index(landmark)

    def extremes(self) -> list[tuple[str, Array, Array]]:
        """Landmarks that are the outermost points of bones: name, rows of points to look among, direction."""
        found = []
        for side, low, *_ in SIDES:
            bone = self.names.index(f"{side}_hip_bone") if f"{side}_hip_bone" in self.names else -1
            start, end = self.surfaces.vertex_start[[bone, bone + 1]] if bone >= 0 else (0, 0)
            rows = np.arange(start, end)
            upper = rows[self.upper_half[rows]]
            for name, where, way in (
                ("iliac_crest", rows, (0, 0, 1)),
                ("ischium", rows, (0, 0, -1)),
                ("asis", upper, (0, 1, 0)),
                ("psis", upper, (0, -1, 0)),
            ):
                if f"{name}_{low}" in self.landmarks and len(where):
                    found.append((f"{name}_{low}", where, np.array(way, float)))
        return found

    @property
    def anchors(self) -> int:
        """Number of control points."""
        return len(self.joint)

    def rest(
        self, lean_vertices: Array, lean_joints: Array, joints: Array, jitter: Array, bumps: Array
    ) -> Array:
        """Points (B, N, 3) RAS mm of the bones of bodies at rest.

        Parameters
        ----------
        lean_vertices, lean_joints : (B, V, 3) and (B, J, 3)
            Of the lean twins at rest.
        joints : (B, J, 3)
            Of the bodies themselves at rest.
        jitter : (B, K, 3) mm
            Displacements of the control points.
        bumps : (B, M, 3)
            Heights of the bumps in units of ``bump_scale``.
        """
        skin = np.einsum("bkvx,kv->bkx", lean_vertices[:, self.vertices], self.weights)
        own, on_skin = joints[:, self.joint], self.weights.sum(axis=1) > 0
        control = np.where(on_skin[:, None], skin + own - lean_joints[:, self.joint], own) + jitter
        control[:, self.midline, 0] = own[:, self.midline, 0] + jitter[:, self.midline, 0]
        both = np.concatenate([control, bumps * self.bump_scale[:, None]], axis=1).astype(np.float32)
        flat = np.ascontiguousarray(both.transpose(1, 0, 2)).reshape(both.shape[1], -1)
        points = (self.warp @ flat).reshape(len(self.warp), len(both), 3)
        return np.ascontiguousarray(points.transpose(1, 0, 2))


@lru_cache(maxsize=2)
def load_binding(path: str | None = None) -> Binding:
    """The user's skeleton, thinned and bound to the body model, with the landmarks of its bones.

    Raises
    ------
    InputError
        When there is no skeleton; see ``skeleton.read_skeleton``.
    """
    skeleton = read_skeleton(path)
    points = bone_landmarks(skeleton.by_name())
    return bind(thinned(skeleton, CELL_MM), points, load_body_model())


def bind(
    skeleton: Skeleton, points: Mapping[str, tuple[str, Array]], model: BodyModel, seed: int = 0
) -> Binding:
    """Bind a skeleton and its landmarks to the body model.

    Parameters
    ----------
    skeleton : Skeleton
        Standing, arms beside the trunk, palms forward, in RAS mm.
    points : dict
        Landmarks: the bone each moves with and its position; see ``bone_landmarks``.
    model : BodyModel
    seed : int
        Of the places of the bumps.
    """
    rest = RestBody(model)
    placing = placed(skeleton, points, rest)
    anchors = placing.anchors

    vertices = np.concatenate([placing.bones[name] for name in skeleton.names])
    owner = skeleton.bone_of_vertex
    hollow = np.array([any(part in name for part in TUBES + SHELLS) for name in skeleton.names])
    inner_of = np.flatnonzero(hollow[owner])
    inner = _inner_surface(skeleton, placing, inner_of)
    inner_index = np.full(len(vertices), -1)
    inner_index[inner_of] = len(vertices) + np.arange(len(inner_of))
    face_bone = skeleton.bone_of_face
    inner_faces = inner_index[skeleton.faces[hollow[face_bone]]]
    landmarks = tuple(placing.points)
    marks = np.array([placing.points[name][1] for name in landmarks]).reshape(-1, 3)
    mark_owner = np.array([skeleton.names.index(placing.points[name][0]) for name in landmarks], int)
    everything = np.concatenate([vertices, inner, marks])
    everything_owner = np.concatenate([owner, owner[inner_of], mark_owner])

    sources = np.array([anchor.source for anchor in anchors])
    warp = _spline(sources, everything)
    centres, radii = _bump_places(vertices, np.random.default_rng(seed))
    bumps = np.exp(-0.5 * np.sum((everything[:, None] - centres) ** 2, axis=2) / radii**2)
    targets = np.array([rest.value(anchor) for anchor in anchors])
    at_rest = warp @ targets
    index, weight = moving_bones(skeleton.names, everything_owner, at_rest, rest)
    return Binding(
        names=skeleton.names,
        surfaces=Surfaces(
            np.concatenate([skeleton.faces, inner_faces]).astype(np.int32),
            _continued(skeleton.vertex_start, hollow),
            _continued(skeleton.face_start, hollow),
        ),
        cavity_of=np.flatnonzero(hollow),
        landmarks=landmarks,
        warp=np.concatenate([warp, bumps], axis=1).astype(np.float32),
        bone_index=index,
        bone_weight=weight,
        trunk=np.array([_of_trunk(skeleton.names[o]) for o in everything_owner]),
        pelvis=index[:, 0] == model.bone("root"),
        clavicle=np.array(
            [[skeleton.names[o] == f"{side[0]}_clavicle" for o in everything_owner] for side in SIDES]
        ),
        bump_scale=0.025 * radii,
        vertices=_padded([a.vertices for a in anchors]).astype(np.intp),
        weights=_padded([a.weights for a in anchors]).astype(np.float32),
        joint=np.array([a.joint for a in anchors]),
        midline=np.array([a.midline for a in anchors]),
        upper_half=_upper_half(at_rest, everything_owner),
        jitter_mm=np.array([_jitter(model.bones[a.joint]) for a in anchors]),
    )


def _padded(rows: Sequence[Sequence[float]]) -> Array:
    """Rows of different lengths as one matrix, zeros behind them."""
    matrix = np.zeros((len(rows), max(map(len, rows))))
    for n, row in enumerate(rows):
        matrix[n, : len(row)] = row
    return matrix


def _upper_half(at_rest: Array, owner: Array) -> Array:
    """Which points (N,) lie above the middle of their bone."""
    upper = np.zeros(len(owner), bool)
    for bone in np.unique(owner):
        rows = owner == bone
        height = at_rest[rows, 2]
        upper[rows] = height > (height.min() + height.max()) / 2
    return upper


def _continued(starts: Array, again: Array) -> Array:
    """Starts of consecutive parts, and of copies of some of them behind them."""
    return np.concatenate([starts, starts[-1] + np.cumsum(np.diff(starts)[again])]).astype(np.int64)


def _of_trunk(name: str) -> bool:
    parts = ("vertebra", "_rib", "costal_cartilage", "Manubrium", "sternum", "clavicle", "scapula", "Axis")
    return any(part in name for part in parts)


def _jitter(joint: str) -> float:
    small = joint.startswith(("finger", "toe", "metacarpal"))
    return 1.2 if small else 3.0 if joint.startswith(("head", "eye", "wrist", "foot")) else 4.0


TUBES = ("femur", "tibia", "fibula", "humerus", "radius", "ulna")
SHELLS = (
    *("vertebra", "Axis", "Sacrum", "hip_bone", "talus", "calcaneus", "patella", "Manubrium", "sternum"),
    *("cuboid", "Navicular", "cuneiform"),
)
SHELL_MM = 1.8
SHAFT_CORTEX, END_CORTEX = 0.36, 0.07  # of the bone's half width


def _inner_surface(skeleton: Skeleton, placing: Placing, chosen: Array) -> Array:
    """Vertices (W, 3) inside hollow bones: tubes have thick walls along the shaft, others a thin shell."""
    vertices = np.concatenate([placing.bones[name] for name in skeleton.names])
    owner = skeleton.bone_of_vertex
    inner = vertices[chosen] - SHELL_MM * _normals(vertices, skeleton.faces)[chosen]
    for bone in np.unique(owner[chosen]):
        if not any(part in skeleton.names[bone] for part in TUBES):
            continue
        mine = owner[chosen] == bone
        points = vertices[chosen[mine]]
        middle = points.mean(axis=0)
        axis = np.linalg.svd(points - middle, full_matrices=False)[2][0]
        along = (points - middle) @ axis
        low, high = along.min(), along.max()
        share = (along - low) / (high - low)
        # The shaft's own axis bends, so each vertex moves towards the middle of its neighbourhood.
        knots = np.linspace(low, high, 13)
        width = (high - low) / 12
        centres = np.array([points[np.abs(along - knot) <= width].mean(axis=0) for knot in knots])
        centre = np.stack([np.interp(along, knots, centres[:, n]) for n in range(3)], axis=1)
        cortex = np.interp(
            share, [0, 0.12, 0.3, 0.7, 0.88, 1], [END_CORTEX] * 2 + [SHAFT_CORTEX] * 2 + [END_CORTEX] * 2
        )
        inward = centre - points
        inner[mine] = points + cortex[:, None] * inward
    return inner


def _normals(vertices: Array, faces: Array) -> Array:
    """Outward unit normals (V, 3), means of the faces around weighted by their area."""
    corners = vertices[faces]
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], area)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9))


def _spline(sources: Array, points: Array) -> Array:
    """Weights (N, K) of control points in a smooth warp: kernel r with an affine part (Duchon 1977)."""
    count = len(sources)
    kernel = np.linalg.norm(sources[:, None] - sources, axis=2)
    kernel = kernel - SMOOTHING * np.eye(count)
    affine = np.c_[np.ones(count), sources]
    system = np.block([[kernel, affine], [affine.T, np.zeros((4, 4))]])
    inverse = np.linalg.inv(system)[:, :count]
    away = np.linalg.norm(points[:, None] - sources, axis=2)
    return np.asarray(np.c_[away, np.ones(len(points)), points] @ inverse)


def _bump_places(vertices: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Places (M, 3) and radii (M,) of bumps: everywhere along the bones, wide and narrow."""
    centres, radii = [], []
    for radius, count in ((130.0, 30), (70.0, 70), (35.0, 130)):
        chosen = _spread(vertices, count, rng)
        centres.append(vertices[chosen])
        radii.append(np.full(count, radius))
    return np.concatenate(centres), np.concatenate(radii)


def _spread(points: Array, count: int, rng: np.random.Generator) -> Array:
    """Indices of points far from one another."""
    chosen = [int(rng.integers(len(points)))]
    distance = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen)
