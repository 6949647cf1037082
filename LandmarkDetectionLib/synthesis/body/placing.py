"""A standing skeleton is turned, limb by limb, into the rest pose of the body model, and gets its anchors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from LandmarkDetectionLib.synthesis.body.anchors import Anchor, RestBody
from LandmarkDetectionLib.synthesis.body.bone_names import FINGERS, ORDINALS, SIDES, limb_bones
from LandmarkDetectionLib.synthesis.body.skeleton import Skeleton
from LandmarkDetectionLib.typing import Array

RIGHT, FRONT, UP = np.eye(3)
#: The model's spine is longer above the breastbone than that of the man whose bones these are (mm).
MANUBRIUM_LOWER = 8.0
TRUNK = ("spine", "pelvis", "upperleg01", "clavicle", "shoulder01", "root")
# From the eyeball's centre to the tragus of the same side of the reference body, outwards.
TRAGUS_MM = np.array([46.0, -77.0, -18.0])
ZYGION_MM = np.array([36.0, -30.0, -22.0])  # and to the most lateral place of the cheek bone


def placed(skeleton: Skeleton, points: Mapping[str, tuple[str, Array]], rest: RestBody) -> Placing:
    """The skeleton in the body's rest pose, with all control points."""
    placing = Placing(skeleton, points, rest)
    placing.on_both_sides(_place_arm)
    placing.on_both_sides(_place_leg)
    _anchor_trunk(placing)
    _anchor_head(placing)
    return placing


class Placing:
    """A standing skeleton whose limbs are turned into the body model's rest pose, collecting anchors."""

    def __init__(self, skeleton: Skeleton, points: Mapping[str, tuple[str, Array]], rest: RestBody) -> None:
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

    def on_both_sides(self, place: Callable[[Placing, str, str, str, float], None]) -> None:
        """Place and anchor the right side, then the left one, whose anchors hang on the mirrored vertices."""
        first = len(self.anchors)
        for side in SIDES:
            place(self, *side)
        count = (len(self.anchors) - first) // 2
        for n in range(first, first + count):
            right, left = self.anchors[n], self.anchors[n + count]
            mirrored = tuple(self.rest.mirrored(vertex) for vertex in right.vertices)
            self.anchors[n + count] = replace(left, vertices=mirrored, weights=right.weights)

    def joint(self, source: Array, joint: str) -> None:
        """A control point at a joint."""
        self.anchors.append(Anchor(source, self.rest.model.bone(joint)))

    def tip(self, source: Array, tip: str, joint: str, share: float) -> None:
        """A control point inside the tip of a finger or toe."""
        bone = self.rest.model.bone(joint)
        near = np.linalg.norm(self.rest.vertices - self.rest.joints[bone], axis=1)
        skin, other = self.rest.model.tips[tip], int(near.argmin())
        self.anchors.append(Anchor.between(source, bone, skin, other, share))

    def skin(
        self,
        source: Array,
        direction: Array,
        inset: float,
        joint: str,
        mask: Array,
        near: Array | None = None,
        flat: bool = False,
    ) -> None:
        """A control point ``inset`` mm under the skin in a direction from a bone's surface."""
        start = source if near is None else near
        self.anchors.append(self.rest.under_skin(source, start, direction, inset, joint, mask, flat))


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


def _tip(points: Array, direction: Array, depth: float) -> Array:
    """Middle (3,) of what lies within ``depth`` mm of a bone's end in a direction."""
    along = points @ (direction / np.linalg.norm(direction))
    return np.asarray(points[along > along.max() - depth].mean(axis=0))


def _place_arm(p: Placing, side: str, low: str, suffix: str, right: float) -> None:
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
    p.anchors.append(Anchor.between(new_head, model.bone("upperarm01" + suffix), above, opposite, share))
    # The acromion roofs the head of the humerus, 12 mm under the same skin.
    acromion = _tip(p.bones[f"{side}_scapula"], right * RIGHT + 0.5 * UP, 5.0)
    roof = 12.0 / float(np.linalg.norm(down))
    p.anchors.append(Anchor.between(acromion, model.bone("shoulder01" + suffix), above, opposite, roof))
    p.joint(new_elbow, "lowerarm01" + suffix)
    p.joint(new_wrist, "wrist" + suffix)
    skin = rest.among("upperarm", "lowerarm", "wrist") & (rest.vertices[:, 0] * right > 0)
    for centre, joint, names, inset in (
        (new_elbow, "lowerarm01", (f"{side}_humerus",), 9.0),
        (new_wrist, "wrist", (f"{side}_radius", f"{side}_ulna"), 6.0),
    ):
        points = np.concatenate([p.bones[name] for name in names])
        near = points[np.linalg.norm(points - centre, axis=1) < 45]
        across = right * hinge if joint == "lowerarm01" else new_row  # an axis turns round in a mirror
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


def _humeral_head(rest: RestBody, suffix: str) -> Array:
    """The centre of the humeral head, as ``anatomy`` places the shoulder."""
    side, tips = ("right" if suffix == ".R" else "left"), rest.model.tips
    above, front, outside = (
        rest.vertices[tips[f"shoulder_{place}_{side}"]] for place in ("above", "front", "outside")
    )
    return np.asarray(0.48 * rest.joint("upperarm01" + suffix) + 0.26 * above + 0.18 * front + 0.08 * outside)


def _hip_target(rest: RestBody, suffix: str) -> Array:
    """Femoral heads lie closer together than the model's leg bones, nearer to the front, and higher."""
    other = ".L" if suffix == ".R" else ".R"
    joint, twin = rest.joint("upperleg01" + suffix), rest.joint("upperleg01" + other)
    return np.asarray(0.895 * joint + 0.105 * twin + np.array([0.0, 30.0, 8.0]))


def _place_leg(p: Placing, side: str, low: str, suffix: str, right: float) -> None:
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
        for direction, inset in zip((right * RIGHT, -right * RIGHT, -FRONT), insets, strict=True):
            p.skin(_tip(near, direction, 4.0), direction, inset, joint + suffix, own, near=centre - shift)
    trochanter = _tip(femur[femur[:, 2] > new_hip[2] - 60], right * RIGHT, 5.0)
    p.skin(trochanter, right * RIGHT, 24.0, "upperleg01" + suffix, own)


def _inside(source: Array) -> Array:
    """A place inside the trunk at the height of a bone's surface and as far to its side."""
    return np.array([source[0], 30.0, source[2]])


def _anchor_trunk(p: Placing) -> None:
    """Control points of pelvis, spine, rib cage, shoulder girdle and skull."""
    rest, bones = p.rest, p.bones
    trunk = rest.among(*TRUNK)
    upper = trunk | rest.among("neck", "head")

    def middle(bone: str, direction: Array, depth: float = 4.0) -> Array:
        points = bones[bone]
        return _tip(points[np.abs(points[:, 0]) < 9], direction, depth)

    for bone, joint, inset in (
        ("Seventh_cervical_vertebra", "neck01", 12.0),
        ("Third_thoracic_vertebra", "spine01", 12.0),
        ("Sixth_thoracic_vertebra", "spine01", 12.0),
        ("Ninth_thoracic_vertebra", "spine02", 12.0),
        ("Twelfth_thoracic_vertebra", "spine03", 12.0),
        ("Third_lumbar_vertebra", "spine04", 14.0),
        ("Sacrum", "root", 15.0),
    ):
        source = middle(bone, -FRONT)
        p.skin(source, -FRONT, inset, joint, upper, near=_inside(source), flat=True)
    for bone, share, joint, inset, lower in (
        ("Manubrium", 0.9, "spine01", 6.0, MANUBRIUM_LOWER),
        ("Manubrium", 0.1, "spine01", 6.0, MANUBRIUM_LOWER),
        ("Body_of_sternum", 0.5, "spine01", 8.0, 0.0),
        ("Body_of_sternum", 0.05, "spine02", 10.0, 0.0),
    ):
        points = bones[bone]
        height = points[:, 2].min() + share * np.ptp(points[:, 2])
        source = _tip(points[(np.abs(points[:, 2] - height) < 8) & (np.abs(points[:, 0]) < 12)], FRONT, 3.0)
        p.skin(source, FRONT, inset, joint, upper, near=_inside(source) - lower * UP, flat=True)
    symphysis = p.points["pubic_symphysis"][1]
    p.skin(symphysis, FRONT, 50.0, "root", trunk, near=_inside(symphysis), flat=True)

    p.on_both_sides(_anchor_side)


def _anchor_side(p: Placing, side: str, low: str, suffix: str, right: float) -> None:
    """Control points of the ribs, the hip bone and the shoulder blade of one side."""
    rest, bones = p.rest, p.bones
    trunk = rest.among(*TRUNK)
    own = trunk & (rest.vertices[:, 0] * right > -5)
    outward = right * RIGHT
    for ordinal, inset, joint in (
        ("sixth", 16.0, "spine01"),
        ("eighth", 14.0, "spine02"),
        ("tenth", 14.0, "spine03"),
    ):
        rib = bones[f"{side}_{ordinal}_rib"]
        source = _tip(rib, outward, 3.0)
        p.skin(source, outward, inset, joint, trunk, near=np.array([0.0, source[1], source[2]]), flat=True)
        source = _tip(rib, -FRONT, 3.0)
        p.skin(source, -FRONT, 26.0, joint, own, near=_inside(source), flat=True)
        if ordinal != "tenth":  # whose end in front lies at the flank, far under the belly
            source = _tip(rib, FRONT, 3.0)
            p.skin(source, FRONT, 17.0, joint, own, near=_inside(source), flat=True)
    blade = bones[f"{side}_hip_bone"]
    upper_half = blade[blade[:, 2] > np.quantile(blade[:, 2], 0.6)]
    source = _tip(upper_half, outward, 4.0)
    p.skin(source, outward, 15.0, "root", trunk, near=np.array([0.0, source[1], source[2]]), flat=True)
    source = _tip(upper_half, FRONT, 4.0)
    p.skin(source, FRONT, 18.0, "root", own, near=_inside(source), flat=True)
    source = _tip(bones[f"{side}_scapula"], -UP, 6.0)
    p.skin(source, -FRONT, 24.0, "spine01", own, near=_inside(source), flat=True)


def _anchor_head(p: Placing) -> None:
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
    # The head turns where the spine carries it, about the tip of the dens.
    p.joint(p.points["dens"][1], "head")
    chin = p.points["chin"][1]
    p.skin(chin, FRONT - 0.5 * UP, 9.0, "head", head, near=np.array([0.0, 90.0, chin[2] + 25]))
    p.on_both_sides(_anchor_face)


def _anchor_face(p: Placing, side: str, low: str, suffix: str, right: float) -> None:
    """Control points of the eye, the ear canal and the cheek bone of one side.

    The ear stands out farther than the cheek, and is not meant where the skin over the cheek bone is.
    """
    rest, outward = p.rest, right * RIGHT
    eye = rest.joint("eye" + suffix)
    p.joint(p.points[f"eye_{low}"][1], "eye" + suffix)
    head = rest.among("head")
    tragus = eye + TRAGUS_MM * (right, 1.0, 1.0)
    beside = head & (rest.vertices[:, 0] * right > 0)
    skin = int(np.argmin(np.where(beside, np.linalg.norm(rest.vertices - tragus, axis=1), np.inf)))
    other = rest.mirrored(skin)
    share = 17.0 / float(np.linalg.norm(rest.vertices[skin] - rest.vertices[other]))
    porion = p.points[f"porion_{low}"][1]
    p.anchors.append(Anchor.between(porion, rest.model.bone("head"), skin, other, share))
    zygion = _tip(p.bones[f"{side}_zygomatic_bone"], outward, 3.0)
    cheek = head & (rest.vertices[:, 1] > tragus[1] + 15)
    near = np.array([0.0, eye[1] + ZYGION_MM[1], eye[2] + ZYGION_MM[2]])
    p.skin(zygion, outward, 6.0, "head", cheek, near=near)
