"""A skeleton inside the body model: how bones follow joints and skin for every shape, and how they are posed.

Bones are first turned, limb by limb, into the rest pose of the body model. From there a smooth warp carries
them into every other body at rest: a polyharmonic spline (kernel r, Duchon 1977) over control points that are
joints of the body or lie a bone's depth under the skin of a lean twin of the same body, so that fat thickens
the skin but not the bones. The warp is linear in the control points, so a batch of bodies is one product of
matrices; bumps of random height at many places, added in the same product, let bones vary by themselves.
Posing then moves every bone with the body's own bones: limbs rigidly, vertebrae and ribs by blends of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from LandmarkDetectionLib.synthesis.body.bone_landmarks import bone_landmarks
from LandmarkDetectionLib.synthesis.body.model import BodyModel, load_body_model, local_change_labels
from LandmarkDetectionLib.synthesis.body.skeleton import Skeleton, read_skeleton, thinned
from LandmarkDetectionLib.synthesis.bone_thickness import Surfaces
from LandmarkDetectionLib.typing import Array

SIDES = (("Right", "right", ".R", 1.0), ("Left", "left", ".L", -1.0))
ORDINALS = (
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
)
FINGERS = ("thumb", "index_finger", "middle_finger", "ring_finger", "little_finger")
TOES = ("big_toe", "second_toe", "third_toe", "fourth_toe", "little_toe")
CARPALS = (
    "scaphoid",
    "lunate",
    "triquetral",
    "pisiform",
    "trapezium",
    "trapezoid",
    "capitate",
    "hamate",
)
TARSALS = (
    "talus",
    "calcaneus",
    "medial_cuneiform_bone",
    "intermediate_cuneiform_bone",
    "lateral_cuneiform_bone",
    "cuboid_bone",
)
CELL_MM = 3.0  # vertices closer than this are merged
SMOOTHING = 4.0  # mm; how far a control point may be missed before bones bend for it
MIDLINE_MM = 12.0  # how far beside the midline what is looked for under its skin may lie
LEAN_WEIGHT, LEAN_MUSCLE = 0.45, 0.5


@dataclass(frozen=True)
class Anchor:
    """A control point: where it lies among the bones at rest, and how it is read from a body.

    ``target = vertices[skin] * (1 - share) + vertices[other] * share`` of the lean twin, moved by what
    ``joint`` is moved by from the twin to the body itself; or the joint alone where ``skin`` is None. The skin's
    vertices lie up to a centimetre beside the midline, so of ``midline`` points the joint tells right and left.
    """

    source: Array
    joint: int
    skin: int | None = None
    other: int = 0
    share: float = 0.0
    midline: bool = False


def reference_phenotype() -> Array:
    """Phenotype (1, 11) of the grown man the bones are bound to."""
    phenotype = np.full((1, 11), 0.5)
    phenotype[0, 0], phenotype[0, 1] = 1.0, 0.7
    phenotype[0, 3] = LEAN_WEIGHT
    return phenotype


def lean_twins(phenotype: Array, local: Array) -> tuple[Array, Array]:
    """The same people without what is not bone: no more than a lean person's fat and muscle."""
    lean, changes = phenotype.copy(), local.copy()
    lean[:, 2] = np.minimum(lean[:, 2], LEAN_MUSCLE)
    lean[:, 3] = np.minimum(lean[:, 3], LEAN_WEIGHT)
    lean[:, 6:8] = 0.3
    for n, label in enumerate(local_change_labels()):
        if any(word in label for word in ("fat", "stomach", "buttocks", "breast", "muscle", "circ", "tone")):
            changes[:, n] = 0.0
    return lean, changes


class _Rest:
    """The reference body at rest, and how to find places on it."""

    def __init__(self, model: BodyModel) -> None:
        count = len(local_change_labels())
        vertices, joints = model.rest(model.coefficients(reference_phenotype(), np.zeros((1, count))))
        self.model, self.vertices, self.joints = model, vertices[0].astype(float), joints[0].astype(float)
        self.owner = np.array(model.bones)[model.bone_index[:, 0]]

    def joint(self, name: str) -> Array:
        return self.joints[self.model.bone(name)]

    def among(self, *parts: str) -> Array:
        return np.array([any(name.startswith(part) for part in parts) for name in self.owner])

    def outermost(self, near: Array, direction: Array, mask: Array, reach: float = 28.0) -> int:
        """The vertex farthest along a direction among those within ``reach`` of the line through ``near``."""
        direction = direction / np.linalg.norm(direction)
        offset = self.vertices - near
        along = offset @ direction
        away = np.linalg.norm(offset - along[:, None] * direction, axis=1)
        for wider in (1, 1.6, 2.5, 4):
            inside = mask & (away < reach * wider) & (along > 0)
            if inside.any():
                # Far along, and close to the line.
                return int(np.flatnonzero(inside)[np.argmax((along - 0.5 * away)[inside])])
        raise ValueError("no skin in this direction")

    def under_skin(
        self, source: Array, near: Array, direction: Array, inset: float, joint: str, mask: Array
    ) -> Anchor:
        """A bone's surface point that lies ``inset`` mm under the skin seen from ``near`` in a direction."""
        skin = self.outermost(near, direction, mask)
        other = self.outermost(near, -direction, mask)
        width = float(np.linalg.norm(self.vertices[skin] - self.vertices[other]))
        midline = abs(near[0]) < MIDLINE_MM and abs(direction[0]) < 0.1
        return Anchor(source, self.model.bone(joint), skin, other, min(inset / width, 0.45), midline)

    def value(self, anchor: Anchor) -> Array:
        if anchor.skin is None:
            return self.joints[anchor.joint]
        value = (1 - anchor.share) * self.vertices[anchor.skin] + anchor.share * self.vertices[anchor.other]
        if anchor.midline:
            value[0] = self.joints[anchor.joint][0]
        return np.asarray(value)


def limb_bones(side: str) -> dict[str, tuple[str, ...]]:
    """Bones of one side, "Right" or "Left", by limb segment."""
    low = side.lower()
    parts = ("Proximal", "Middle", "Distal")
    return {
        "upper arm": (f"{side}_humerus",),
        "forearm": (f"{side}_ulna", f"{side}_radius"),
        "hand": (
            *(f"{side}_{name}" for name in CARPALS),
            *(f"{side}_{o.lower()}_metacarpal_bone" for o in ORDINALS[:5]),
            *(f"{part}_phalanx_of_{low}_{finger}" for part in parts for finger in FINGERS),
        ),
        "thigh": (f"{side}_femur",),
        "shank": (f"{side}_tibia", f"{side}_fibula", f"{side}_patella"),
        "foot": (
            *(f"{side}_{name}" for name in TARSALS),
            f"Navicular_bone_of_{low}_foot",
            f"Sesamoid_bone_of_{low}_foot",
            *(f"{side}_{o.lower()}_metatarsal_bone" for o in ORDINALS[:5]),
            *(f"{part}_phalanx_of_{low}_{toe}" for part in parts for toe in TOES),
        ),
    }


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
    clavicle: Array
    bump_scale: Array
    skin: Array  # (K,) vertices of the anchors, 0 where they are joints
    other: Array
    share: Array
    joint: Array
    on_skin: Array
    midline: Array  # (K,) bool
    jitter_mm: Array  # (K,) by how much control points of grown people differ by themselves

    def point(self, landmark: str) -> int:
        """Index of a landmark among the points."""
        return self.warp.shape[0] - len(self.landmarks) + self.landmarks.index(landmark)

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
        share = self.share[:, None]
        skin = (1 - share) * lean_vertices[:, self.skin] + share * lean_vertices[:, self.other]
        own = joints[:, self.joint]
        control = np.where(self.on_skin[:, None], skin + own - lean_joints[:, self.joint], own) + jitter
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


def standing_landmarks(names: tuple[str, ...], path: str | None = None) -> Array:
    """Where landmarks (L, 3) RAS mm lie in the grown man the bones are bound to, at rest."""
    from LandmarkDetectionLib.synthesis.body.anatomy import landmark_positions

    binding, model = load_binding(path), load_body_model()
    count = len(local_change_labels())
    vertices, joints = model.rest(model.coefficients(reference_phenotype(), np.zeros((1, count))))
    nothing = np.zeros((1, binding.anchors, 3)), np.zeros((1, len(binding.bump_scale), 3))
    bones = binding.rest(vertices, joints, joints, *nothing)
    placed = {name: bones[:, binding.point(name)] for name in binding.landmarks}
    return landmark_positions(model, vertices, joints, names, placed)[0]


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
    rest = _Rest(model)
    placing = _Placing(skeleton, points, rest)
    for side in SIDES:
        _place_arm(placing, *side)
        _place_leg(placing, *side)
    _anchor_trunk(placing)
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
    index, weight = _moving_bones(skeleton.names, everything_owner, at_rest, rest)
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
        clavicle=np.array(
            [[skeleton.names[o] == f"{side[0]}_clavicle" for o in everything_owner] for side in SIDES]
        ),
        bump_scale=0.025 * radii,
        skin=np.array([a.skin or 0 for a in anchors]),
        other=np.array([a.other for a in anchors]),
        share=np.array([a.share for a in anchors]),
        joint=np.array([a.joint for a in anchors]),
        on_skin=np.array([a.skin is not None for a in anchors]),
        midline=np.array([a.midline for a in anchors]),
        jitter_mm=np.array([_jitter(model.bones[a.joint]) for a in anchors]),
    )


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


def _inner_surface(skeleton: Skeleton, placing: _Placing, chosen: Array) -> Array:
    """Vertices (W, 3) inside hollow bones: tubes have thick walls along the shaft, all others a thin shell."""
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


# --- which bones of the body move which bones of the skeleton ----------------------------------------------

CHAIN = ("root", "spine04", "spine03", "spine02", "spine01", "neck01", "neck02", "neck03", "head")


def _moving_bones(names: tuple[str, ...], owner: Array, at_rest: Array, rest: _Rest) -> tuple[Array, Array]:
    model = rest.model
    index = np.zeros((len(owner), 2), np.int64)
    weight = np.tile(np.array([1.0, 0.0]), (len(owner), 1))
    heights = np.array([rest.joint("spine05" if name == "root" else name)[2] for name in CHAIN])
    middles = (heights + np.append(heights[1:], heights[-1] + 20)) / 2
    chain = np.array([model.bone("spine05" if name == "root" else name) for name in CHAIN])

    def on_chain(rows: Array, height: Array | float) -> None:
        place = np.interp(height, middles, np.arange(len(CHAIN)))
        below = np.minimum(place.astype(int), len(CHAIN) - 2)
        index[rows, 0], index[rows, 1] = chain[below], chain[below + 1]
        weight[rows, 1] = place - below
        weight[rows, 0] = 1 - weight[rows, 1]

    centre = {name: at_rest[owner == n].mean(axis=0) for n, name in enumerate(names) if (owner == n).any()}
    sternum = centre.get("Fifth_thoracic_vertebra", np.zeros(3))[2]
    rigid = _rigid_bones(model)
    for n, name in enumerate(names):
        rows = np.flatnonzero(owner == n)
        if not len(rows):
            continue
        if name in rigid:
            index[rows] = rigid[name]
        elif "vertebra" in name or name == "Axis":
            on_chain(rows, centre[name][2])
        elif name.endswith("_rib"):
            ordinal = name.split("_")[1].capitalize()
            back = centre[f"{ordinal}_thoracic_vertebra"][2]
            y = at_rest[rows, 1]
            forward = np.clip((y - y.min()) / 150.0, 0, 1)
            on_chain(rows, back + (sternum - back) * forward**2)
        elif "costal_cartilage" in name or name in ("Manubrium", "Body_of_sternum"):
            on_chain(rows, sternum)
        elif name.endswith("_femur") or name.endswith("_radius"):
            suffix = ".R" if name.startswith("Right") else ".L"
            limb = "upperleg" if "femur" in name else "lowerarm"
            first, second = (model.bone(f"{limb}0{k}{suffix}") for k in (1, 2))
            start, end = at_rest[rows, 2].max(), at_rest[rows, 2].min()
            share = (start - at_rest[rows, 2]) / (start - end)
            index[rows] = first, second
            weight[rows, 1] = np.clip((share - 0.3) / 0.5, 0, 1)
            weight[rows, 0] = 1 - weight[rows, 1]
        else:
            index[rows] = model.bone("head")
    heavier = np.argsort(-weight, axis=1, kind="stable")  # a weight of zero ends a row
    index, weight = np.take_along_axis(index, heavier, 1), np.take_along_axis(weight, heavier, 1)
    return index.astype(np.int32), weight.astype(np.float32)


def _rigid_bones(model: BodyModel) -> dict[str, int]:
    """Bones of the skeleton that one bone of the body moves."""
    rigid = {name: model.bone("root") for name in ("Sacrum", "Right_hip_bone", "Left_hip_bone")}
    rigid["Hyoid_bone"] = model.bone("neck03")
    for n, (side, low, suffix, _) in enumerate(SIDES):
        limbs = limb_bones(side)
        rigid[f"{side}_scapula"] = len(model.bones) + n
        rigid[f"{side}_clavicle"] = model.bone("spine01")
        for limb, bone in (
            ("upper arm", "upperarm01"),
            ("hand", "wrist"),
            ("shank", "lowerleg01"),
            ("foot", "foot"),
        ):
            rigid |= {name: model.bone(bone + suffix) for name in limbs[limb]}
        rigid[f"{side}_ulna"] = model.bone("lowerarm01" + suffix)
        rigid[f"{side}_patella"] = model.bone("upperleg02" + suffix)
        rigid[f"{side}_first_metacarpal_bone"] = model.bone("finger1-1" + suffix)
        for kind, digits in (("finger", FINGERS), ("toe", TOES)):
            for k, digit in enumerate(digits, 1):
                parts = ("Proximal", "Distal") if k == 1 else ("Proximal", "Middle", "Distal")
                first = 2 if (kind, k) == ("finger", 1) else 1
                for segment, part in enumerate(parts, first):
                    rigid[f"{part}_phalanx_of_{low}_{digit}"] = model.bone(f"{kind}{k}-{segment}{suffix}")
    return rigid


# --- turning the limbs into the body model's rest pose -----------------------------------------------------


class _Placing:
    """A standing skeleton whose limbs are turned into the body model's rest pose, collecting anchors."""

    def __init__(self, skeleton: Skeleton, points: Mapping[str, tuple[str, Array]], rest: _Rest) -> None:
        self.rest = rest
        self.bones = {name: v.astype(float) for name, v in skeleton.by_name().items()}
        self.points = {name: (bone, np.asarray(p, float)) for name, (bone, p) in points.items()}
        self.anchors: list[Anchor] = []
        hips = (self.points["femoral_head_right"][1] + self.points["femoral_head_left"][1]) / 2
        new_hips = (_hip_target(rest, ".R") + _hip_target(rest, ".L")) / 2
        # Trunk and head keep the skeleton's own frame, scaled so that hips and neck fit the body's.
        neck = self.points["neck"][1]
        scale = (rest.joint("neck01")[2] - new_hips[2]) / (neck[2] - hips[2])
        self.whole = lambda x: (x - hips) * (scale, 0.9 * scale, scale) + new_hips
        limbs = [name for side in SIDES for part in limb_bones(side[0]).values() for name in part]
        self.before = dict(self.points)
        self.move(tuple(name for name in self.bones if name not in limbs), self.whole)

    def move(self, names: tuple[str, ...], way: Callable[[Array], Array]) -> None:
        """Move bones and their landmarks."""
        for name in names:
            if name in self.bones:
                self.bones[name] = way(self.bones[name])
        for landmark, (bone, point) in self.points.items():
            if bone in names:
                self.points[landmark] = (bone, way(point[None])[0])

    def joint(self, source: Array, joint: str) -> None:
        """A control point at a joint."""
        self.anchors.append(Anchor(source, self.rest.model.bone(joint)))

    def tip(self, source: Array, tip: str, joint: str, share: float) -> None:
        """A control point inside the tip of a finger or toe."""
        bone = self.rest.model.bone(joint)
        near = np.linalg.norm(self.rest.vertices - self.rest.joints[bone], axis=1)
        self.anchors.append(Anchor(source, bone, self.rest.model.tips[tip], int(near.argmin()), share))

    def skin(
        self,
        source: Array,
        direction: Array,
        inset: float,
        joint: str,
        mask: Array,
        near: Array | None = None,
    ) -> None:
        """A control point ``inset`` mm under the skin in a direction from a bone's surface."""
        start = source if near is None else near
        self.anchors.append(self.rest.under_skin(source, start, direction, inset, joint, mask))


def frame(along: Array, across: Array) -> Array:
    """Axes (3, 3) in columns: along, then what of ``across`` is perpendicular to it, then their product."""
    a = along / np.linalg.norm(along)
    b = across - (across @ a) * a
    b = b / np.linalg.norm(b)
    return np.stack([a, b, np.cross(a, b)], axis=1)


def similarity(
    start: Array, end: Array, across: Array, new_start: Array, new_end: Array, new_across: Array
) -> Callable[[Array], Array]:
    """The similarity that maps one end to another, a second end to a second, and a direction across."""
    turn = frame(new_end - new_start, new_across) @ frame(end - start, across).T
    scale = np.linalg.norm(new_end - new_start) / np.linalg.norm(end - start)
    return lambda points: np.asarray((points - start) @ (scale * turn).T + new_start)


def twisted(points: Array, start: Array, end: Array, degrees: float) -> Array:
    """Points (N, 3) twisted about the axis from start to end: not at the start, all at the end."""
    axis = (end - start) / np.linalg.norm(end - start)
    offset = points - start
    share = np.clip(offset @ axis / np.linalg.norm(end - start), 0, 1)
    angle = np.radians(degrees) * share
    along = (offset @ axis)[:, None] * axis
    radial = offset - along
    turned = radial * np.cos(angle)[:, None] + np.cross(axis, radial) * np.sin(angle)[:, None]
    return np.asarray(start + along + turned)


def signed_angle(axis: Array, start: Array, end: Array) -> float:
    """Degrees that turn ``start`` towards ``end`` about an axis."""
    axis = axis / np.linalg.norm(axis)
    a, b = start - (start @ axis) * axis, end - (end @ axis) * axis
    return float(np.degrees(np.arctan2(axis @ np.cross(a, b), a @ b)))


RIGHT, FRONT, UP = np.eye(3)


def _tip(points: Array, direction: Array, depth: float) -> Array:
    """Middle (3,) of what lies within ``depth`` mm of a bone's end in a direction."""
    along = points @ (direction / np.linalg.norm(direction))
    return np.asarray(points[along > along.max() - depth].mean(axis=0))


def _place_arm(p: _Placing, side: str, low: str, suffix: str, right: float) -> None:
    rest, limbs = p.rest, limb_bones(side)
    head, elbow, wrist = (p.before[f"{name}_{low}"][1] for name in ("humeral_head", "elbow", "wrist"))
    knuckles = [_tip(p.bones[f"{side}_{o.lower()}_metacarpal_bone"], -UP, 8.0) for o in ORDINALS[:5]]
    # Turned, but still in the skeleton's own socket: the control points then move both as one.
    socket = p.whole(head[None])[0]
    shift = socket - _humeral_head(rest, suffix)
    target = {name: rest.joint(name + suffix) for name in ("lowerarm01", "wrist")}
    new_head, new_elbow, new_wrist = socket, target["lowerarm01"] + shift, target["wrist"] + shift
    new_index, new_middle, new_little = (rest.joint(f"finger{n}-1{suffix}") + shift for n in (2, 3, 5))
    hinge = np.cross(new_elbow - new_head, new_wrist - new_elbow)  # flexion turns about the right axis
    row, new_row = knuckles[1] - knuckles[4], new_index - new_little
    upper = similarity(head, elbow, RIGHT, new_head, new_elbow, hinge)
    fore = similarity(elbow, wrist, RIGHT, new_elbow, new_wrist, hinge)
    hand = similarity(wrist, knuckles[2], row, new_wrist, new_middle, new_row)
    # The hand is turned against the elbow's hinge: the radius twists along the forearm, the ulna does not.
    row_before = fore((wrist + row)[None])[0] - fore(wrist[None])[0]
    twist = signed_angle(new_wrist - new_elbow, row_before, new_row)
    p.move(limbs["upper arm"], upper)
    p.move((f"{side}_ulna",), fore)
    p.move((f"{side}_radius",), lambda x: twisted(fore(x), new_elbow, new_wrist, twist))
    p.move(limbs["hand"], hand)

    model = rest.model
    above = model.tips[f"shoulder_above_{low}"]
    arm = rest.among("upperarm", "shoulder01", "clavicle", "spine") & (rest.vertices[:, 0] * right > 0)
    seen = _humeral_head(rest, suffix)
    opposite = rest.outermost(seen, seen - rest.vertices[above], arm)
    down = rest.vertices[opposite] - rest.vertices[above]
    share = float(np.clip((seen - rest.vertices[above]) @ down / (down @ down), 0.2, 0.6))
    p.anchors.append(Anchor(new_head, model.bone("upperarm01" + suffix), above, opposite, share))
    p.joint(new_elbow, "lowerarm01" + suffix)
    p.joint(new_wrist, "wrist" + suffix)
    skin = rest.among("upperarm", "lowerarm", "wrist") & (rest.vertices[:, 0] * right > 0)
    for centre, joint, names, inset in (
        (new_elbow, "lowerarm01", (f"{side}_humerus",), 9.0),
        (new_wrist, "wrist", (f"{side}_radius", f"{side}_ulna"), 6.0),
    ):
        points = np.concatenate([p.bones[name] for name in names])
        near = points[np.linalg.norm(points - centre, axis=1) < 45]
        across = hinge if joint == "lowerarm01" else new_row
        for direction in (across, -across):
            p.skin(_tip(near, direction, 4.0), direction, inset, joint + suffix, skin, near=centre - shift)
    for finger in range(1, 6):
        parts = ("Proximal",) if finger == 1 else ("Proximal", "Middle")
        chain = [f"{side}_{ORDINALS[finger - 1].lower()}_metacarpal_bone"]
        chain += [f"{part}_phalanx_of_{low}_{FINGERS[finger - 1]}" for part in parts]
        along = rest.joint(f"finger{finger}-3{suffix}") - rest.joint(f"finger{finger}-1{suffix}")
        for segment, name in enumerate(chain, 2 if finger == 1 else 1):
            p.joint(_tip(p.bones[name], along, 5.0), f"finger{finger}-{segment}{suffix}")
        if finger in (1, 3, 5):
            digit = {1: "thumb", 3: "middle_finger", 5: "little_finger"}[finger]
            distal = p.bones[f"Distal_phalanx_of_{low}_{FINGERS[finger - 1]}"]
            p.tip(_tip(distal, along, 2.0), f"{digit}_{low}", f"finger{finger}-3{suffix}", 0.2)


def _humeral_head(rest: _Rest, suffix: str) -> Array:
    """The centre of the humeral head, as ``anatomy`` places the shoulder."""
    side, tips = ("right" if suffix == ".R" else "left"), rest.model.tips
    above, front, outside = (
        rest.vertices[tips[f"shoulder_{place}_{side}"]] for place in ("above", "front", "outside")
    )
    return np.asarray(0.48 * rest.joint("upperarm01" + suffix) + 0.26 * above + 0.18 * front + 0.08 * outside)


def _hip_target(rest: _Rest, suffix: str) -> Array:
    """Femoral heads lie closer together than the model's leg bones, and nearer to the front."""
    other = ".L" if suffix == ".R" else ".R"
    joint, twin = rest.joint("upperleg01" + suffix), rest.joint("upperleg01" + other)
    return np.asarray(0.925 * joint + 0.075 * twin + np.array([0.0, 13.0, -6.0]))


def _place_leg(p: _Placing, side: str, low: str, suffix: str, right: float) -> None:
    rest, limbs = p.rest, limb_bones(side)
    hip, knee, ankle = (p.before[f"{name}_{low}"][1] for name in ("femoral_head", "knee", "ankle"))
    toe = _tip(p.bones[f"{side}_second_metatarsal_bone"], FRONT, 8.0)
    new_hip = p.whole(hip[None])[0]  # in the skeleton's own socket
    shift = new_hip - _hip_target(rest, suffix)
    new_knee, new_ankle, new_toe = (
        rest.joint(name + suffix) + shift for name in ("lowerleg01", "foot", "toe2-1")
    )
    p.move(limbs["thigh"], similarity(hip, knee, RIGHT, new_hip, new_knee, RIGHT))
    p.move(limbs["shank"], similarity(knee, ankle, RIGHT, new_knee, new_ankle, RIGHT))
    p.move(limbs["foot"], similarity(ankle, toe, RIGHT, new_ankle, new_toe, RIGHT))

    own = rest.among("lowerleg", "upperleg", "foot", "toe", "pelvis") & (rest.vertices[:, 0] * right > 0)
    p.joint(rest.joint("upperleg01" + suffix) + shift, "upperleg01" + suffix)  # beside the femoral head
    p.joint(new_knee, "lowerleg01" + suffix)
    p.joint(new_ankle, "foot" + suffix)
    for n, ordinal in enumerate(ORDINALS[:5], 1):
        head = _tip(p.bones[f"{side}_{ordinal.lower()}_metatarsal_bone"], new_toe - new_ankle, 6.0)
        p.joint(head, f"toe{n}-1{suffix}")
    for digit, bone, share in (("big_toe", "toe1-2", 0.25), ("little_toe", "toe5-3", 0.3)):
        distal = p.bones[f"Distal_phalanx_of_{low}_{digit}"]
        p.tip(_tip(distal, new_toe - new_ankle, 2.0), f"{digit}_{low}", bone + suffix, share)
    p.skin(
        _tip(p.bones[f"{side}_calcaneus"], np.array([0, -1, -0.4]), 5.0), -FRONT, 9.0, "foot" + suffix, own
    )
    p.skin(
        _tip(p.bones[f"{side}_calcaneus"], -UP, 4.0), -UP, 13.0, "foot" + suffix, own, near=new_ankle - shift
    )
    arch = np.concatenate([p.bones[f"{side}_{b}_cuneiform_bone"] for b in ("medial", "intermediate")])
    source = _tip(arch, UP, 3.0)
    p.skin(source, UP, 12.0, "foot" + suffix, rest.among("foot") & own, near=source - shift - 10 * UP)
    femur, shank = (
        p.bones[f"{side}_femur"],
        np.concatenate([p.bones[f"{side}_{b}"] for b in ("tibia", "fibula")]),
    )
    for centre, joint, points, insets in (
        (new_knee, "lowerleg01", femur, (11.0, 11.0, 34.0)),
        (new_ankle, "foot", shank, (6.0, 6.0, 24.0)),
    ):
        near = points[np.abs(points[:, 2] - centre[2]) < 40]
        for direction, inset in zip((RIGHT, -RIGHT, -FRONT), insets, strict=True):
            p.skin(_tip(near, direction, 4.0), direction, inset, joint + suffix, own, near=centre - shift)
    trochanter = _tip(femur[femur[:, 2] > new_hip[2] - 60], right * RIGHT, 5.0)
    p.skin(trochanter, right * RIGHT, 24.0, "upperleg01" + suffix, own)


def _anchor_trunk(p: _Placing) -> None:
    """Control points of pelvis, spine, rib cage, shoulder girdle and skull."""
    rest, bones = p.rest, p.bones
    trunk = rest.among("spine", "pelvis", "upperleg01", "clavicle", "shoulder01", "root")
    upper = trunk | rest.among("neck", "head")

    def middle(bone: str, direction: Array, depth: float = 4.0) -> Array:
        points = bones[bone]
        return _tip(points[np.abs(points[:, 0]) < 9], direction, depth)

    def inside(source: Array) -> Array:
        return np.array([source[0], 30.0, source[2]])

    for bone, joint, inset in (
        ("Fourth_cervical_vertebra", "neck02", 26.0),
        ("Seventh_cervical_vertebra", "neck01", 12.0),
        ("Third_thoracic_vertebra", "spine01", 12.0),
        ("Sixth_thoracic_vertebra", "spine01", 12.0),
        ("Ninth_thoracic_vertebra", "spine02", 12.0),
        ("Twelfth_thoracic_vertebra", "spine03", 12.0),
        ("Third_lumbar_vertebra", "spine04", 14.0),
        ("Sacrum", "root", 15.0),
    ):
        source = middle(bone, -FRONT)
        p.skin(source, -FRONT, inset, joint, upper, near=inside(source))
    for bone, share, joint, inset in (
        ("Manubrium", 0.9, "spine01", 16.0),
        ("Manubrium", 0.1, "spine01", 13.0),
        ("Body_of_sternum", 0.5, "spine01", 12.0),
        ("Body_of_sternum", 0.05, "spine02", 13.0),
        ("Fourth_cervical_vertebra", 0.5, "neck02", 46.0),
    ):
        points = bones[bone]
        height = points[:, 2].min() + share * np.ptp(points[:, 2])
        source = _tip(points[(np.abs(points[:, 2] - height) < 8) & (np.abs(points[:, 0]) < 12)], FRONT, 3.0)
        p.skin(source, FRONT, inset, joint, upper, near=inside(source))
    symphysis = p.points["pubic_symphysis"][1]
    p.skin(symphysis, FRONT, 38.0, "root", trunk, near=inside(symphysis))

    for side, low, suffix, right in SIDES:
        own = trunk & (rest.vertices[:, 0] * right > -5)
        outward = right * RIGHT
        for ordinal, inset, joint in (
            ("sixth", 16.0, "spine01"),
            ("eighth", 14.0, "spine02"),
            ("tenth", 14.0, "spine03"),
        ):
            rib = bones[f"{side}_{ordinal}_rib"]
            source = _tip(rib, outward, 3.0)
            p.skin(source, outward, inset, joint, trunk, near=np.array([0.0, source[1], source[2]]))
            source = _tip(rib, -FRONT, 3.0)
            p.skin(source, -FRONT, 26.0, joint, own, near=inside(source))
            source = _tip(rib, FRONT, 3.0)
            p.skin(source, FRONT, 17.0, joint, own, near=inside(source))
        blade = bones[f"{side}_hip_bone"]
        upper_half = blade[blade[:, 2] > np.quantile(blade[:, 2], 0.6)]
        source = _tip(upper_half, outward, 4.0)
        p.skin(source, outward, 26.0, "root", trunk, near=np.array([0.0, source[1], source[2]]))
        source = _tip(upper_half, FRONT, 4.0)
        p.skin(source, FRONT, 18.0, "root", own, near=inside(source))
        acromion = _tip(bones[f"{side}_scapula"], outward + 0.5 * UP, 5.0)
        p.skin(acromion, UP, 12.0, "shoulder01" + suffix, rest.among("upperarm01", "shoulder01", "clavicle"))
        source = _tip(bones[f"{side}_scapula"], -UP, 6.0)
        p.skin(source, -FRONT, 24.0, "spine01", own, near=inside(source))
    _anchor_head(p)


def _anchor_head(p: _Placing) -> None:
    rest = p.rest
    head = rest.among("head", "neck03")
    skull = np.concatenate(
        [
            p.bones[name]
            for name in ("Frontal_bone", "Occipital_bone", "Left_parietal_bone", "Right_parietal_bone")
        ]
    )
    ears = rest.joint("eye.R")[2] + 45  # above the ears
    top = skull[:, 2].max()
    wide = skull[(skull[:, 2] > top - 95) & (skull[:, 2] < top - 30)]
    for source, direction, inset in (
        (_tip(skull, UP, 4.0), UP, 9.0),
        (_tip(skull, -FRONT, 4.0), -FRONT, 10.0),
        (_tip(skull[np.abs(skull[:, 0]) < 20], FRONT, 4.0), FRONT, 6.0),
        (_tip(wide, RIGHT, 3.0), RIGHT, 7.0),
        (_tip(wide, -RIGHT, 3.0), -RIGHT, 7.0),
    ):
        near = np.array([0.0, 58.0, ears]) if direction is UP else np.array([0.0, 58.0, source[2]])
        if direction is not UP and abs(direction[0]) > 0.5:
            near[2] = ears + 15
        p.skin(source, direction, inset, "head", head, near=near)
    crown = np.array([0.0, 58.0, ears])
    for direction in (UP + RIGHT, UP - RIGHT, UP + FRONT, UP - FRONT):
        p.skin(_tip(skull, direction, 4.0), direction, 10.0, "head", head, near=crown)
    chin = p.points["chin"][1]
    p.skin(chin, FRONT - 0.5 * UP, 9.0, "head", head, near=np.array([0.0, 90.0, chin[2] + 25]))
    for side, low, suffix, right in SIDES:
        p.joint(p.points[f"eye_{low}"][1], "eye" + suffix)
        zygion = _tip(p.bones[f"{side}_zygomatic_bone"], right * RIGHT, 3.0)
        p.skin(zygion, right * RIGHT, 10.0, "head", head, near=np.array([0.0, zygion[1], zygion[2]]))
