"""Which bodies to draw: phenotypes, local shape, and the postures people lie in when they are scanned.

All functions draw whole batches from a ``numpy`` generator; the same generator state gives the same bodies.
Angles are in degrees, directions in the patient's axes (right, anterior, superior).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.imaging.voxel_loops import compiled, in_slabs
from LandmarkDetectionLib.synthesis.body.anchors import lean_twins
from LandmarkDetectionLib.synthesis.body.binding import Binding
from LandmarkDetectionLib.synthesis.body.bones import draw_bones, pose_bones
from LandmarkDetectionLib.synthesis.body.chest import deepened, draw_depth
from LandmarkDetectionLib.synthesis.body.model import LOCAL_CHANGES, BodyModel
from LandmarkDetectionLib.typing import Array

SIDES = ((".R", 1.0), (".L", -1.0))  # suffix of the bones, sign of the right axis
TORSO = ("spine05", "spine04", "spine03", "spine02", "spine01", "pelvis.R", "pelvis.L")
ARMS = (0.58, 0.16, 0.26)  # shares of the postures below
ARMS_IN_HOSPITALS = (0.46, 0.12, 0.42)
POSTURES = ("arms at the sides", "hands on the belly", "arms above the head")


@dataclass(frozen=True)
class Bodies:
    """A batch of posed bodies.

    Attributes
    ----------
    vertices : (B, V, 3) float32, RAS mm
    joints : (B, J, 3) float32, RAS mm
    phenotype : (B, 11) float64
        In the order of ``model.PHENOTYPES``.
    posture : (B,) int
        Index into ``POSTURES`` (of the right arm).
    prone : (B,) bool
    bones : (B, N, 3) float32, RAS mm, or None
        Points of ``binding.Binding``.
    """

    vertices: Array
    joints: Array
    phenotype: Array
    posture: Array
    prone: Array
    bones: Array | None = None


def draw_bodies(
    model: BodyModel,
    count: int,
    rng: np.random.Generator,
    binding: Binding | None = None,
    variety: float = 1.0,
) -> Bodies:
    """Draw shapes and postures and pose them, with bones inside when a skeleton is bound to the model.

    Bodies without bones are what they were before bodies could have any. Those with bones lie as people do in
    hospitals, arms more often raised, their chests are as deep as people's (``chest``), and their skin is not
    pressed through the bones; ``variety`` is by how much bones differ from one another beside the bodies.
    """
    own = rng.spawn(1)[0] if binding is not None else rng  # of the bones alone
    phenotype, local = draw_shapes(count, rng)
    vertices, joints = model.rest(model.coefficients(phenotype, local))
    if binding is not None:
        depth = draw_depth(phenotype, own)
        vertices = deepened(model, vertices, joints, depth)
    arms = ARMS if binding is None else ARMS_IN_HOSPITALS
    rotations, absolute, posture, prone = draw_postures(model, vertices, joints, rng, arms)
    motion = model.motion(joints, rotations, absolute)
    bones = None
    if binding is not None:
        lean, lean_joints = model.rest(model.coefficients(*lean_twins(phenotype, local)))
        twins = deepened(model, lean, lean_joints, depth), lean_joints
        bones = pose_bones(binding, model, draw_bones(binding, twins, joints, own, variety), motion)
    vertices, joints = motion.moved(vertices, model.bone_index, model.bone_weight), motion.joints
    _lay_down(model, vertices, joints, prone, rng, bones)
    return Bodies(vertices, joints, phenotype, posture, prone, bones)


def draw_shapes(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Phenotypes (B, 11) and local changes (B, n): infants to the old, thin to very obese, both sexes."""
    phenotype = np.empty((count, 11))
    gender = rng.random(count)
    phenotype[:, 0] = np.where(rng.random(count) < 0.8, np.round(gender), gender)
    # anny's age: -1/3 newborn, 0 baby, 1/3 child, 2/3 young adult, 1 old. Most scanned people are adults.
    adult = rng.random(count) < 0.8
    phenotype[:, 1] = np.where(adult, rng.uniform(0.6, 1.0, count), rng.uniform(0.02, 0.6, count))
    phenotype[:, 2] = np.clip(rng.normal(0.5, 0.22, count), 0, 1)
    phenotype[:, 3] = np.where(rng.random(count) < 0.7, rng.beta(3, 3, count), rng.random(count))
    phenotype[:, 4] = np.clip(rng.normal(0.5, 0.2, count), 0, 1)
    phenotype[:, 5] = rng.random(count)
    phenotype[:, 6:] = rng.random((count, 5))
    local = np.clip(rng.normal(0, 0.33, (count, len(LOCAL_CHANGES))), -1, 1)
    local[:, LOCAL_CHANGES.index("stomach-pregnant-incr")] = np.where(
        rng.random(count) < 0.15, rng.uniform(0, 1, count), rng.uniform(-0.2, 0.2, count)
    )
    paired = [i for i, name in enumerate(LOCAL_CHANGES) if name.startswith("l-")]
    twins = np.clip(local[:, paired] + rng.normal(0, 0.06, (count, len(paired))), -1, 1)
    return phenotype, np.concatenate([local, twins], axis=1)


def draw_postures(
    model: BodyModel,
    vertices: Array,
    joints: Array,
    rng: np.random.Generator,
    arms: tuple[float, float, float] = ARMS,
) -> tuple[Array, Array, Array, Array]:
    """Rotations (B, J, 3, 3), which of them are absolute (J,), posture (B,) and prone (B,)."""
    count = len(joints)
    rotations = np.tile(np.eye(3, dtype=np.float32), (count, len(model.bones), 1, 1))
    absolute = np.zeros(len(model.bones), bool)
    prone = rng.random(count) < 0.12
    _bend_spine_and_head(model, rotations, prone, rng)
    posture = np.full(count, -1)
    table = _table_level(model, vertices)
    arm_mode = rng.choice(3, count, p=arms)
    arm_mode[prone & (arm_mode == 1)] = 2  # nobody lies prone on the hands
    for suffix, right in SIDES:
        mode = np.where(rng.random(count) < 0.12, rng.choice(3, count, p=[0.6, 0.2, 0.2]), arm_mode)
        if suffix == ".R":
            posture = mode
        _place_arm(model, vertices, joints, rotations, absolute, suffix, right, mode, table, rng)
        _place_leg(model, joints, rotations, absolute, suffix, right, prone, table, rng)
    return rotations, absolute, posture, prone


def _bend_spine_and_head(model: BodyModel, rotations: Array, prone: Array, rng: np.random.Generator) -> None:
    count = len(rotations)
    side_bend, twist, flexion = (rng.normal(0, s, count) for s in (2.2, 1.5, 2.5))
    for name in ("spine05", "spine04", "spine03", "spine02", "spine01"):
        rotations[:, model.bone(name)] = euler(flexion / 2, side_bend / 2, twist / 2)
    turned = rng.random(count) < 0.25
    turn = np.where(turned, rng.uniform(-60, 60, count), rng.normal(0, 7, count))
    turn = np.where(prone, np.sign(rng.uniform(-1, 1, count)) * rng.uniform(20, 75, count), turn)
    nod, tilt = rng.normal(2, 9, count), rng.normal(0, 5, count)
    for name in ("neck01", "neck02", "neck03", "head"):
        rotations[:, model.bone(name)] = euler(nod / 4, tilt / 4, turn / 4)


def _place_arm(
    model: BodyModel,
    vertices: Array,
    joints: Array,
    rotations: Array,
    absolute: Array,
    suffix: str,
    right: float,
    mode: Array,
    table: Array,
    rng: np.random.Generator,
) -> None:
    """Upper arm, forearm and palm towards drawn directions; mode 0 sides, 1 belly, 2 above the head."""
    count = len(joints)
    shoulder, elbow, wrist = (
        joints[:, model.bone(name + suffix)] for name in ("upperarm01", "lowerarm01", "wrist")
    )
    upper, fore = elbow - shoulder, wrist - elbow
    reach = np.linalg.norm(upper, axis=1) + np.linalg.norm(fore, axis=1) * 1.4
    raised = mode == 2

    # The shoulder girdle follows the arm: shrugged when lying, lifted when the arm is above the head.
    lift = np.where(raised, rng.uniform(12, 32, count), rng.normal(4, 7, count))
    forward = rng.normal(0, 6, count)
    rotations[:, model.bone("clavicle" + suffix)] = euler(0, -right * lift * 0.6, right * forward * 0.6)
    rotations[:, model.bone("shoulder01" + suffix)] = euler(0, -right * lift * 0.4, right * forward * 0.4)

    # Hands lie on the table, beside or on the thighs.
    hand_level = table + np.where(
        rng.random(count) < 0.7, rng.uniform(10, 70, count), rng.uniform(60, 190, count)
    )
    sink = np.degrees(np.arcsin(np.clip((hand_level - shoulder[:, 1]) / reach, -0.6, 0.6)))
    abduction = np.where(
        rng.random(count) < 0.8, np.abs(rng.normal(9, 6, count)) + 1, rng.uniform(5, 45, count)
    )
    at_side = limb_direction(right, abduction, sink + rng.normal(0, 3, count))
    # For hands on the belly the elbow rests beside the trunk and the forearm points to a place on the belly.
    beside = limb_direction(right, rng.uniform(8, 32, count), rng.uniform(-25, 15, count))
    above = limb_direction(right, rng.uniform(120, 178, count), rng.uniform(-20, 35, count))
    upper_target = np.where((mode == 0)[:, None], at_side, np.where((mode == 1)[:, None], beside, above))

    hips = joints[:, model.bone("upperleg01.R"), 2]
    chest = joints[:, model.bone("spine01"), 2]
    belly = np.stack(
        [
            right * rng.uniform(-0.35, 1.0, count) * 120,
            vertices[:, model.tips["belly"], 1] + rng.uniform(0, 30, count),
            hips + rng.uniform(-0.15, 0.9, count) * (chest - hips),
        ],
        axis=1,
    )
    elbow_now = shoulder + upper_target * np.linalg.norm(upper, axis=1, keepdims=True)
    to_belly = unit(belly - elbow_now)
    bend = np.where(rng.random(count) < 0.8, rng.normal(1, 4, count), rng.uniform(0, 30, count))
    outward = rng.normal(0, 9, count)
    straight = unit(at_side + direction_noise(right, outward, bend))
    folded = rng.random(count) < 0.6
    overhead = np.where(
        folded[:, None],
        unit(
            np.stack(
                [
                    -right * rng.uniform(0.2, 2.5, count),
                    rng.uniform(-0.4, 0.5, count),
                    rng.uniform(0.1, 1.5, count),
                ],
                1,
            )
        ),
        unit(above + rng.normal(0, 0.15, (count, 3))),
    )
    fore_target = np.where((mode == 0)[:, None], straight, np.where((mode == 1)[:, None], to_belly, overhead))

    # Both arm segments get absolute orientations; the palm's facing is then a twist about the forearm.
    turn_upper = rotation_between(unit(upper), upper_target)
    fore_under_upper = np.einsum("bij,bj->bi", turn_upper, unit(fore))
    turn_fore = np.einsum("bij,bjk->bik", rotation_between(fore_under_upper, fore_target), turn_upper)
    knuckle_index, knuckle_little, middle = (
        joints[:, model.bone(name + suffix)] for name in ("finger2-1", "finger5-1", "finger3-1")
    )
    palm = unit(np.cross(middle - wrist, knuckle_little - knuckle_index)) * right
    palm_now = np.einsum("bij,bj->bi", turn_fore, palm)
    medial = np.array([-right, 0.0, 0.0])
    anterior = np.array([0.0, 1.0, 0.0])
    facing = np.where(
        (rng.random(count) < 0.5)[:, None],
        medial,
        np.where((rng.random(count) < 0.75)[:, None], -anterior, anterior),
    )
    facing = np.where((mode == 1)[:, None], -anterior, facing)
    facing = unit(facing + rng.normal(0, 0.35, (count, 3)))
    twist = angle_about(fore_target, palm_now, facing)
    half = np.einsum("bij,bjk->bik", rotation_about(fore_target, twist / 2), turn_fore)
    full = np.einsum("bij,bjk->bik", rotation_about(fore_target, twist), turn_fore)
    hand_axis = np.einsum("bij,bj->bi", full, unit(middle - wrist))
    toward = unit(fore_target + rng.normal(0, 0.22, (count, 3)))
    hand = np.einsum("bij,bjk->bik", rotation_between(hand_axis, toward), full)
    for name, value in (
        ("upperarm01", turn_upper),
        ("upperarm02", turn_upper),
        ("lowerarm01", turn_fore),
        ("lowerarm02", half),
        ("wrist", hand),
    ):
        bone = model.bone(name + suffix)
        rotations[:, bone], absolute[bone] = value, True
    _curl_fingers(model, joints, rotations, suffix, palm, rng)


def _curl_fingers(
    model: BodyModel, joints: Array, rotations: Array, suffix: str, palm: Array, rng: np.random.Generator
) -> None:
    count = len(joints)
    curl = np.where(rng.random(count) < 0.75, np.abs(rng.normal(8, 10, count)), rng.uniform(0, 75, count))
    spread = rng.normal(1, 4, count)
    for finger in range(1, 6):
        first = joints[:, model.bone(f"finger{finger}-1{suffix}")]
        axis_bone = unit(joints[:, model.bone(f"finger{finger}-2{suffix}")] - first)
        axis = unit(np.cross(axis_bone, palm))
        amount = curl * rng.uniform(0.7, 1.3, count) * (0.4 if finger == 1 else 1.0)
        for segment in range(1, 4):
            turn = rotation_about(axis, amount + rng.normal(0, 3, count))
            if segment == 1:
                sideways = spread * (finger - 3) if finger > 1 else rng.normal(0, 12, count)
                turn = np.einsum("bij,bjk->bik", turn, rotation_about(palm, sideways))
            rotations[:, model.bone(f"finger{finger}-{segment}{suffix}")] = turn


def _place_leg(
    model: BodyModel,
    joints: Array,
    rotations: Array,
    absolute: Array,
    suffix: str,
    right: float,
    prone: Array,
    table: Array,
    rng: np.random.Generator,
) -> None:
    count = len(joints)
    hip, knee, ankle = (joints[:, model.bone(name + suffix)] for name in ("upperleg01", "lowerleg01", "foot"))
    toes = joints[:, model.bone("toe2-1" + suffix)]
    upper, lower = knee - hip, ankle - knee
    # The model's legs start wide apart, so legs that lie together are turned inwards.
    abduction = np.where(
        rng.random(count) < 0.85, np.maximum(rng.normal(-1, 4, count), -7), rng.uniform(0, 18, count)
    )
    # Supine, the heels rest on the table or on a cushion; the knees are a little bent, more over a knee rest.
    size = (np.linalg.norm(upper, axis=1) + np.linalg.norm(lower, axis=1)) / 850.0
    above_table = np.where(rng.random(count) < 0.85, rng.uniform(35, 75, count), rng.uniform(60, 200, count))
    ankle_level = table + above_table * size
    pitch = np.degrees(np.arcsin(np.clip((ankle_level - hip[:, 1]) / (850.0 * size), -0.5, 0.5)))
    pitch = np.where(prone, rng.normal(0, 3, count), pitch)
    bent = np.where(rng.random(count) < 0.8, np.abs(rng.normal(1, 3, count)), rng.uniform(3, 28, count))
    bent = np.where(prone, -np.abs(rng.normal(0, 2, count)), bent)
    upper_target = limb_direction(right, abduction, pitch + bent)
    lower_target = limb_direction(
        right, abduction + rng.normal(0, 3, count), pitch - bent * rng.uniform(0.8, 1.2, count)
    )
    rotate_out = np.where(rng.random(count) < 0.8, rng.normal(12, 14, count), rng.uniform(-30, 70, count))
    rotate_out = np.where(prone, rng.uniform(-40, 30, count), rotate_out)
    turn_upper = rotation_between(unit(upper), upper_target)
    # Rotation of the whole leg about its axis: positive turns the toes outwards.
    twist = right * -rotate_out
    turn_upper_half = np.einsum("bij,bjk->bik", rotation_about(upper_target, -twist * 0.35), turn_upper)
    turn_upper_full = np.einsum("bij,bjk->bik", rotation_about(upper_target, -twist * 0.8), turn_upper)
    lower_now = np.einsum("bij,bj->bi", turn_upper_full, unit(lower))
    turn_lower = np.einsum("bij,bjk->bik", rotation_between(lower_now, lower_target), turn_upper_full)
    # Ankle: from 90 degrees (standing) to fully pointed; turn the foot about the axis through both malleoli.
    foot_axis = np.einsum("bij,bj->bi", turn_lower, unit(toes - ankle))
    plantar = np.where(prone, rng.uniform(20, 75, count), rng.normal(25, 18, count))
    hinge = unit(np.cross(foot_axis, lower_target))
    turn_foot = np.einsum("bij,bjk->bik", rotation_about(hinge, np.clip(plantar, -15, 75)), turn_lower)
    turn_foot = np.einsum("bij,bjk->bik", rotation_about(lower_target, -twist * 0.2), turn_foot)
    for name, value in (
        ("upperleg01", turn_upper_half),
        ("upperleg02", turn_upper_full),
        ("lowerleg01", turn_lower),
        ("lowerleg02", turn_lower),
        ("foot", turn_foot),
    ):
        bone = model.bone(name + suffix)
        rotations[:, bone], absolute[bone] = value, True


def _table_level(model: BodyModel, vertices: Array) -> Array:
    """Height (B,) along the anterior axis of the table under supine bodies at rest: the back of the torso."""
    return np.asarray(vertices[:, _torso(model), 1].min(axis=1) + 10.0)


def _torso(model: BodyModel) -> Array:
    return np.flatnonzero(np.isin(model.bone_index[:, 0], [model.bone(n) for n in TORSO]))


def _share_of(model: BodyModel, bones: tuple[str, ...]) -> Array:
    """By how much every vertex (V,) is moved by these bones."""
    mine = np.isin(model.bone_index, [model.bone(n) for n in bones])
    return np.asarray((model.bone_weight * mine).sum(axis=1), np.float32)


def _lay_down(
    model: BodyModel,
    vertices: Array,
    joints: Array,
    prone: Array,
    rng: np.random.Generator,
    bones: Array | None = None,
) -> None:
    """Lay the bodies on a table, in place: soft tissue gives way there, and nobody lies quite straight."""
    count = len(vertices)
    sign = np.where(prone, 1.0, -1.0)  # the table is anterior of a prone body, posterior of a supine one
    give = rng.uniform(0.08, 0.5, count)
    sunk = rng.uniform(0, 0.016, count)
    turn = euler(rng.normal(0, 2.5, count), rng.normal(0, 3.0, count), rng.normal(0, 5.0, count))
    torso = _torso(model)
    yielding = np.ones(vertices.shape[1], np.float32)
    if bones is not None:
        # Skin is pressed flat, but not through the bones of the back, which turn as they are.
        height = np.ptp(vertices[:, :, 2], axis=1)
        skin = (vertices[:, torso, 1] * sign[:, None]).max(axis=1)
        reach = np.quantile(bones[:, ::7, 1] * sign[:, None], 0.995, axis=1)
        sunk = np.clip(np.minimum(sunk, (skin - reach - 4.0) / height), 0, None)
        bones[:] = np.matmul(bones, turn.transpose(0, 2, 1))
        # Heels, calves and the back of the head have bones close under the skin and keep their shape.
        yielding = _share_of(model, TORSO)
    in_slabs(
        lambda *slab: _flatten_and_turn(vertices, joints, torso, yielding, sign, sunk, give, turn, *slab),
        count,
    )


@compiled
def _flatten_and_turn(  # type: ignore[no-untyped-def]
    vertices, joints, torso, yielding, sign, sunk, give, turn, start, stop
):
    """Compress what lies beyond the table plane, a share of the height into the torso, and rotate."""
    for b in range(start, stop):
        lowest = -np.inf
        for v in torso:
            lowest = max(lowest, vertices[b, v, 1] * sign[b])
        feet, head = np.inf, -np.inf
        for v in range(vertices.shape[1]):
            feet, head = min(feet, vertices[b, v, 2]), max(head, vertices[b, v, 2])
        plane = lowest - sunk[b] * (head - feet)
        for points in (vertices[b], joints[b]):
            for v in range(len(points)):
                x, y, z = points[v, 0], points[v, 1], points[v, 2]
                depth = y * sign[b] - plane
                if depth > 0:
                    share = yielding[v] if len(points) == len(yielding) else np.float32(1)
                    y -= depth * (1 - give[b]) * sign[b] * share
                for r in range(3):
                    points[v, r] = turn[b, r, 0] * x + turn[b, r, 1] * y + turn[b, r, 2] * z


# ---- directions and rotations; all batched, (B, 3) and (B, 3, 3) float32 ----


def unit(vector: Array) -> Array:
    """Vectors of length one."""
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)


def limb_direction(right: float, abduction: Array, flexion: Array) -> Array:
    """Direction of a limb: straight down at 0 degrees, outwards with abduction, anterior with flexion."""
    a, f = np.radians(abduction), np.radians(flexion)
    return np.stack([right * np.sin(a) * np.cos(f), np.sin(f), -np.cos(a) * np.cos(f)], axis=1)


def direction_noise(right: float, outward: Array, forward: Array) -> Array:
    """A small change of direction, in degrees outwards and forwards."""
    return np.stack([right * np.radians(outward), np.radians(forward), np.zeros_like(outward)], axis=1)


def rotation_about(axis: Array, degrees: Array) -> Array:
    """Rotation by an angle about a unit axis (Rodrigues)."""
    angle = np.radians(degrees)[..., None, None]
    x, y, z = axis[..., 0], axis[..., 1], axis[..., 2]
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    outer = axis[..., :, None] * axis[..., None, :]
    result = np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * outer
    return result.astype(np.float32)


def rotation_between(start: Array, end: Array) -> Array:
    """The smallest rotation that turns one unit vector into another."""
    axis = np.cross(start, end)
    sine = np.linalg.norm(axis, axis=-1)
    cosine = np.sum(start * end, axis=-1)
    fallback = unit(np.cross(start, np.array([0.31, 0.87, 0.38])))
    axis = np.where((sine > 1e-6)[..., None], axis / np.maximum(sine, 1e-9)[..., None], fallback)
    return rotation_about(axis, np.degrees(np.arctan2(sine, cosine)))


def angle_about(axis: Array, start: Array, end: Array) -> Array:
    """Angle in degrees that turns ``start`` towards ``end`` about an axis."""
    a = start - np.sum(start * axis, -1, keepdims=True) * axis
    b = end - np.sum(end * axis, -1, keepdims=True) * axis
    return np.degrees(np.arctan2(np.sum(axis * np.cross(a, b), -1), np.sum(a * b, -1)))


def euler(about_right: Array | float, about_anterior: Array | float, about_superior: Array | float) -> Array:
    """Rotation about the right, then the anterior, then the superior axis, in degrees."""
    x, y, z = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(a, float)) for a in (about_right, about_anterior, about_superior))
    )
    turn_x = rotation_about(np.broadcast_to([1.0, 0, 0], (*x.shape, 3)), x)
    turn_y = rotation_about(np.broadcast_to([0, 1.0, 0], (*y.shape, 3)), y)
    turn_z = rotation_about(np.broadcast_to([0, 0, 1.0], (*z.shape, 3)), z)
    return np.einsum("...ij,...jk,...kl->...il", turn_z, turn_y, turn_x)
