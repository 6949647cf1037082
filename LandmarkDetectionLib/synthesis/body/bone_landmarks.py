"""Where the landmarks of the ``whole-body-bones`` protocol lie on the bones of a skeleton.

Every landmark has a rule that follows its definition: the centre of a sphere through a joint head, an
extreme in an anatomical direction, the point between two bones. The rules are written for the right side;
the left bones are mirrored, measured, and the point mirrored back.

The names of the bones are those of BodyParts3D (Mitsuhashi et al., Nucleic Acids Research 2009), with
underscores: ``Right_femur``, ``Intervertebral_disk_of_fifth_lumbar_vertebra``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.synthesis.body.bone_geometry import (
    ANTERIOR,
    RIGHT,
    SUPERIOR,
    box_centre,
    flat_axis,
    head_centre,
    long_axis,
    outer_part,
    outermost,
    solid_centre,
)
from LandmarkDetectionLib.synthesis.body.bone_names import ORDINALS
from LandmarkDetectionLib.typing import Array, FloatArray

# Rules see every bone as one of the right side.
LATERAL, MEDIAL, POSTERIOR, INFERIOR = RIGHT, -RIGHT, -ANTERIOR, -SUPERIOR
MIRROR = np.array([-1.0, 1.0, 1.0])

# Parts of the humerus, the femur and the tibia that count as their ends, mm along the bone.
END = 45.0
# How far from the midline a vertex still lies in it, mm; the meshes are too coarse for less.
MIDLINE = 5.0


@dataclass(frozen=True)
class _Rule:
    """How one landmark follows from bones; it moves with the first of them."""

    landmark: str
    bones: tuple[str, ...]
    position: Callable[..., FloatArray]


def bone_landmarks(bones: Mapping[str, Array]) -> dict[str, tuple[str, FloatArray]]:
    """Find the landmarks of a skeleton that stands upright and looks forwards.

    Parameters
    ----------
    bones : mapping of names of BodyParts3D to (V, 3) arrays
        The vertices of each bone and disc, RAS mm. They may be few and uneven.

    Returns
    -------
    dict
        Landmark -> (the bone that it moves with, position (3,) in mm in the skeleton's frame), those in the
        midline first, then the paired ones, right before left. A landmark whose bones are not all given is
        left out. So is ``head_top``, a point of the skin. ``neck`` is the disc between C7 and T1, ``eye`` an
        estimate from the rim of the orbit; a body model that has a neck and eyeballs knows both better.

    Raises
    ------
    InputError
        If the head of a femur or a humerus is no sphere of an adult's size.
    """
    found = {}
    for rule in _MIDLINE_RULES:
        if all(bone in bones for bone in rule.bones):
            found[rule.landmark] = (
                rule.bones[0],
                rule.position(*(_points(bones[bone]) for bone in rule.bones)),
            )
    for rule in _PAIRED_RULES:
        for side, mirror in (("right", np.ones(3)), ("left", MIRROR)):
            names = [bone.format(side=side, Side=side.capitalize()) for bone in rule.bones]
            if all(name in bones for name in names):
                position = rule.position(*(_points(bones[name]) * mirror for name in names)) * mirror
                found[f"{rule.landmark}_{side}"] = (names[0], position)
    return found


def _points(bone: Array) -> FloatArray:
    return np.asarray(bone, dtype=np.float64)


def _midline_of(*parts: Array) -> FloatArray:
    """Vertices near the plane halfway between the outermost right and left ones, put into it."""
    points = np.concatenate(parts)
    middle = box_centre(points)[0]
    near = points[np.abs(points[:, 0] - middle) <= MIDLINE]
    near[:, 0] = middle
    return np.asarray(near)


# ------------------------------------------------------------------------------------------------ head
def _nasion(right_nasal: Array, left_nasal: Array) -> FloatArray:
    return outermost(outer_part(np.concatenate([right_nasal, left_nasal]), SUPERIOR, 3.0), ANTERIOR)


def _glabella(frontal: Array, right_nasal: Array, left_nasal: Array) -> FloatArray:
    middle = _midline_of(frontal)
    height = (middle - _nasion(right_nasal, left_nasal))[:, 2]
    return outermost(middle[(height >= 0.0) & (height <= 20.0)], ANTERIOR, 0.5)


def _inion(occipital: Array) -> FloatArray:
    return outermost(_midline_of(occipital), POSTERIOR + INFERIOR)


def _foramen_magnum(occipital: Array) -> tuple[FloatArray, FloatArray]:
    """Its hind and its front edge: either side of the widest gap from back to front in the midline."""
    middle = _midline_of(occipital)
    middle = middle[np.argsort(middle[:, 1])]
    gap = int(np.argmax(np.diff(middle[:, 1])))
    return outermost(middle[: gap + 1], ANTERIOR), outermost(middle[gap + 1 :], POSTERIOR)


def _opisthion(occipital: Array) -> FloatArray:
    return _foramen_magnum(occipital)[0]


def _basion(occipital: Array) -> FloatArray:
    return _foramen_magnum(occipital)[1]


def _anterior_nasal_spine(right_maxilla: Array, left_maxilla: Array) -> FloatArray:
    middle = _midline_of(right_maxilla, left_maxilla)
    lower = middle[middle[:, 2] < box_centre(right_maxilla)[2]]  # below the opening of the nose
    return outermost(lower, ANTERIOR + SUPERIOR)


def _chin(mandible: Array) -> FloatArray:
    return outermost(_midline_of(mandible), INFERIOR)


def _orbit(maxilla: Array, zygomatic: Array, frontal: Array) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lowest part of the orbit's rim, its hindmost one at the side, and its highest one.

    At the side the rim is the front edge of the cheek bone's frontal process. The lower rim is the edge
    between the floor of the orbit and the face, the upper one that between its roof and the forehead; both
    are looked for in the middle of the opening, whose inner wall stands at a quarter of the way from the
    midline to the side.
    """
    bottom, height = zygomatic[:, 2].min(), np.ptp(zygomatic[:, 2])
    process = zygomatic[
        (zygomatic[:, 2] >= bottom + 0.6 * height) & (zygomatic[:, 2] <= bottom + 0.75 * height)
    ]
    side = outermost(process, ANTERIOR, 1.5)
    midline = box_centre(frontal)[0]
    inner, outer = midline + np.array([0.45, 0.8]) * (side[0] - midline)
    floor = np.concatenate([maxilla, zygomatic])
    floor = floor[(floor[:, 0] >= inner) & (floor[:, 0] <= outer) & (floor[:, 2] <= side[2] - 8.0)]
    lower = outermost(floor, ANTERIOR + SUPERIOR)
    roof = frontal[(frontal[:, 0] >= inner) & (frontal[:, 0] <= outer)]
    upper = outermost(roof, ANTERIOR + 2.0 * INFERIOR)
    return lower, side, upper


def _orbitale(maxilla: Array, zygomatic: Array, frontal: Array) -> FloatArray:
    return _orbit(maxilla, zygomatic, frontal)[0]


def _eye(frontal: Array, maxilla: Array, zygomatic: Array) -> FloatArray:
    """In the middle of the orbit's opening, 4 mm in front of its lateral rim.

    The cornea stands some 16 mm in front of that rim (Hertel 1905), the globe's centre 12 mm behind it.
    """
    lower, side, upper = _orbit(maxilla, zygomatic, frontal)
    midline = box_centre(frontal)[0]
    return np.array([midline + 0.63 * (side[0] - midline), side[1] + 4.0, (lower[2] + upper[2]) / 2.0])


def _zygion(zygomatic: Array, temporal: Array) -> FloatArray:
    arch = np.concatenate([zygomatic, temporal[temporal[:, 1] >= zygomatic[:, 1].min() - 15.0]])
    level = outer_part(zygomatic, POSTERIOR, 10.0)[:, 2]  # the squama above the arch is as wide
    return outermost(arch[(arch[:, 2] >= level.min() - 5.0) & (arch[:, 2] <= level.max() + 5.0)], LATERAL)


def _mandibular_condyle(mandible: Array) -> FloatArray:
    right = mandible[mandible[:, 0] > box_centre(mandible)[0]]
    return outermost(
        outer_part(right, POSTERIOR, 20.0), SUPERIOR
    )  # the coronoid process stands further forward


def _gonion(mandible: Array) -> FloatArray:
    right = mandible[mandible[:, 0] > box_centre(mandible)[0]]
    return outermost(right, POSTERIOR + INFERIOR, 2.0)


def _porion(temporal: Array, mandible: Array) -> FloatArray:
    """The lateral surface over the ear canal, which opens behind the head of the mandible."""
    expected = _mandibular_condyle(mandible) + np.array([17.0, -13.5, 6.0])
    return np.asarray(temporal[np.argmin(np.linalg.norm(temporal - expected, axis=1))])


def _mastoid(temporal: Array, mandible: Array) -> FloatArray:
    """The styloid process stands in front of it, the ridge beside the occipital bone medially."""
    ear = _porion(temporal, mandible)
    return outermost(temporal[(temporal[:, 1] <= ear[1] - 3.0) & (temporal[:, 0] >= ear[0] - 10.0)], INFERIOR)


# ----------------------------------------------------------------------------------------------- spine
def _dens(axis: Array) -> FloatArray:
    return outermost(axis, SUPERIOR)


def _axis_body(axis: Array, disc: Array) -> FloatArray:
    """The body is the lower 58 % of what stands over the disc (Doherty and Heggeness 1995)."""
    below = solid_centre(disc)
    return np.asarray(below + 0.29 * (_dens(axis) - below))


def _between(_: Array, disc_above: Array, disc_below: Array) -> FloatArray:
    return np.asarray((solid_centre(disc_above) + solid_centre(disc_below)) / 2.0)


def _s1_endplate(_: Array, disc: Array) -> FloatArray:
    """The middle of the lower face of the disc that lies on it."""
    down = flat_axis(disc, INFERIOR)
    centre = solid_centre(disc)
    heights = (disc - centre) @ down
    across = np.linalg.norm(disc - centre - heights[:, None] * down, axis=1)
    inner = (heights > 0.0) & (across <= 0.6 * across.max())
    return np.asarray(centre + heights[inner].mean() * down)


def _sacral_promontory(sacrum: Array, disc: Array) -> FloatArray:
    """The front edge of the upper end plate, in the midline."""
    middle = sacrum[np.abs(sacrum[:, 0] - solid_centre(disc)[0]) <= MIDLINE]
    return outermost(outer_part(middle, ANTERIOR, 15.0), ANTERIOR + 0.5 * SUPERIOR)


def _coccyx(sacrum: Array) -> FloatArray:
    """BodyParts3D's sacrum holds the coccyx: its lower tip is that of the coccyx."""
    return outermost(sacrum, INFERIOR)


# ----------------------------------------------------------------------------------------------- chest
def _sternal_notch(manubrium: Array) -> FloatArray:
    return outermost(_midline_of(manubrium), SUPERIOR, 1.5)


def _sternal_angle(manubrium: Array, body: Array) -> FloatArray:
    above = outermost(outer_part(_midline_of(manubrium), INFERIOR, 6.0), ANTERIOR)
    below = outermost(outer_part(_midline_of(body), SUPERIOR, 6.0), ANTERIOR)
    return np.asarray((above + below) / 2.0)


def _xiphoid(body: Array) -> FloatArray:
    return outermost(_midline_of(body), INFERIOR)


def _lowest(bone: Array) -> FloatArray:
    return outermost(bone, INFERIOR)


def _clavicle_medial(clavicle: Array) -> FloatArray:
    return box_centre(outer_part(clavicle, MEDIAL, 8.0))


def _clavicle_lateral(clavicle: Array) -> FloatArray:
    return box_centre(outer_part(clavicle, LATERAL, 8.0))


def _acromion(scapula: Array) -> FloatArray:
    return outermost(outer_part(scapula, SUPERIOR, 0.25 * np.ptp(scapula[:, 2])), LATERAL)


def _coracoid(scapula: Array) -> FloatArray:
    return outermost(scapula, ANTERIOR)


# ------------------------------------------------------------------------------------------------ arms
def _humeral_head(humerus: Array) -> FloatArray:
    top = outer_part(humerus, long_axis(humerus, SUPERIOR), END)
    return head_centre(top[top[:, 0] < box_centre(top)[0] + 5.0], "Humerus")  # the tubercles are lateral


def _across(bone: Array, axis: Array) -> FloatArray:
    """Lateral direction at right angles to a bone's axis."""
    return np.asarray(LATERAL - (LATERAL @ axis) * axis)


def _humeral_epicondyle(humerus: Array, sign: float) -> FloatArray:
    down = long_axis(humerus, INFERIOR)
    return outermost(outer_part(humerus, down, END), sign * _across(humerus, down))


def _humeral_epicondyle_medial(humerus: Array) -> FloatArray:
    return _humeral_epicondyle(humerus, -1.0)


def _humeral_epicondyle_lateral(humerus: Array) -> FloatArray:
    return _humeral_epicondyle(humerus, 1.0)


def _elbow(humerus: Array) -> FloatArray:
    return np.asarray((_humeral_epicondyle_medial(humerus) + _humeral_epicondyle_lateral(humerus)) / 2.0)


def _olecranon(ulna: Array) -> FloatArray:
    return outermost(ulna, long_axis(ulna, SUPERIOR), 2.0)


def _styloid(bone: Array) -> FloatArray:
    return outermost(bone, long_axis(bone, INFERIOR), 1.5)


def _wrist(radius: Array, ulna: Array, scaphoid: Array, lunate: Array) -> FloatArray:
    """Across, the middle of both forearm bones; along, the top of the carpus."""
    down = long_axis(radius, INFERIOR)
    ends = np.concatenate([outer_part(radius, down, 10.0), outer_part(ulna, down, 10.0)])
    centre = box_centre(ends)
    level = (np.concatenate([scaphoid, lunate]) @ down).min()
    return np.asarray(centre + (level - centre @ down) * down)


def _tip(last: Array, before: Array) -> FloatArray:
    """The end of the last phalanx, in the direction from the one before it."""
    return outermost(last, solid_centre(last) - solid_centre(before), 0.7)


# ---------------------------------------------------------------------------------------------- pelvis
def _upper_half(hip_bone: Array) -> Array:
    return hip_bone[hip_bone[:, 2] > box_centre(hip_bone)[2]]


def _asis(hip_bone: Array) -> FloatArray:
    return outermost(_upper_half(hip_bone), ANTERIOR, 1.5)


def _psis(hip_bone: Array) -> FloatArray:
    return outermost(_upper_half(hip_bone), POSTERIOR, 1.5)


def _iliac_crest(hip_bone: Array) -> FloatArray:
    return outermost(hip_bone, SUPERIOR)


def _pubic_symphysis(right_hip_bone: Array, left_hip_bone: Array) -> FloatArray:
    """Between the two faces that meet in the midline: the fronts of the hip bones, near the midline."""
    faces = []
    for bone, medial in ((right_hip_bone, MEDIAL), (left_hip_bone, LATERAL)):
        front = outer_part(bone, ANTERIOR + INFERIOR, np.ptp(bone[:, 1]) / 2.0)
        faces.append(box_centre(outer_part(front, medial, 4.0)))
    return np.asarray((faces[0] + faces[1]) / 2.0)


# ------------------------------------------------------------------------------------------------ legs
def _femoral_head(femur: Array) -> FloatArray:
    top = outer_part(femur, SUPERIOR, END + 5.0)
    return head_centre(top[top[:, 0] < box_centre(top)[0]], "Femur")  # the greater trochanter is lateral


def _greater_trochanter(femur: Array) -> FloatArray:
    top = outer_part(femur, SUPERIOR, 80.0)
    middle = (_femoral_head(femur)[0] + top[:, 0].max()) / 2.0
    return outermost(top[top[:, 0] > middle], SUPERIOR)


def _lesser_trochanter(femur: Array) -> FloatArray:
    below = _femoral_head(femur)[2] - femur[:, 2]
    return outermost(femur[(below >= 50.0) & (below <= 90.0)], MEDIAL + POSTERIOR)


def _femoral_epicondyle_medial(femur: Array) -> FloatArray:
    return outermost(outer_part(femur, INFERIOR, END), MEDIAL)


def _femoral_epicondyle_lateral(femur: Array) -> FloatArray:
    return outermost(outer_part(femur, INFERIOR, END), LATERAL)


def _condyles(femur: Array) -> tuple[FloatArray, float]:
    """Centre of the lower end, and the level of the joint line: the mean of the two lowest points."""
    end = outer_part(femur, INFERIOR, END)
    centre = box_centre(end)
    low = [end[part, 2].min() for part in (end[:, 0] < centre[0], end[:, 0] >= centre[0])]
    return centre, float(np.mean(low))


def _knee(femur: Array) -> FloatArray:
    centre, level = _condyles(femur)
    return np.array([centre[0], centre[1], level])


def _femoral_notch(femur: Array) -> FloatArray:
    """The lowest point of the groove between the condyles."""
    end = outer_part(femur, INFERIOR, END)
    groove = end[np.abs(end[:, 0] - box_centre(end)[0]) <= MIDLINE]
    return outermost(groove, INFERIOR, 1.5)


def _tibial_plateau(tibia: Array) -> FloatArray:
    """Centre of the upper end at the level of its two rims; the spines between them stand higher."""
    top = outer_part(tibia, SUPERIOR, 20.0)
    centre = box_centre(top)
    third = np.ptp(top[:, 0]) / 3.0
    levels = [outer_part(top, direction, third)[:, 2].max() for direction in (MEDIAL, LATERAL)]
    return np.array([centre[0], centre[1], float(np.mean(levels))])


def _ankle(talus: Array) -> FloatArray:
    top = outer_part(talus, SUPERIOR, 6.0)
    centre = box_centre(top)
    return np.array([centre[0], centre[1], talus[:, 2].max()])


def _heel(calcaneus: Array) -> FloatArray:
    return outermost(calcaneus, POSTERIOR)


def _metatarsal_head(metatarsal: Array) -> FloatArray:
    return solid_centre(outer_part(metatarsal, long_axis(metatarsal, ANTERIOR), 12.0))


def _metatarsal_5_base(metatarsal: Array) -> FloatArray:
    return outermost(outer_part(metatarsal, POSTERIOR, 20.0), LATERAL + POSTERIOR)


# ---------------------------------------------------------------------------------------------- tables
_CERVICAL = (
    "Axis",
    "Third_cervical",
    "Fourth_cervical",
    "Fifth_cervical",
    "Sixth_cervical",
    "Seventh_cervical",
)
_THORACIC = tuple(f"{ordinal}_thoracic" for ordinal in ORDINALS)
_LUMBAR = tuple(f"{ordinal}_lumbar" for ordinal in ORDINALS[:5])
_SPINE = (*_CERVICAL, *_THORACIC, *_LUMBAR)
_LEVELS = (
    *(f"c{level}" for level in range(2, 8)),
    *(f"t{level}" for level in range(1, 13)),
    *(f"l{level}" for level in range(1, 6)),
)


def _vertebra(name: str) -> str:
    return name if name == "Axis" else f"{name}_vertebra"


def _disc_below(name: str) -> str:
    return f"Intervertebral_disk_of_{_vertebra(name).lower()}"


def _spine_rules() -> list[_Rule]:
    rules = [_Rule("dens", ("Axis",), _dens), _Rule("vertebra_c2", ("Axis", _disc_below("Axis")), _axis_body)]
    for above, name, level in zip(_SPINE[:-1], _SPINE[1:], _LEVELS[1:], strict=True):
        bones = (_vertebra(name), _disc_below(above), _disc_below(name))
        rules.append(_Rule(f"vertebra_{level}", bones, _between))
    last = _disc_below("Fifth_lumbar")
    return [
        *rules,
        _Rule("s1_endplate", ("Sacrum", last), _s1_endplate),
        _Rule("disc_c7_t1", (_disc_below("Seventh_cervical"),), solid_centre),
        _Rule("neck", (_disc_below("Seventh_cervical"),), solid_centre),
        _Rule("disc_t12_l1", (_disc_below("Twelfth_thoracic"),), solid_centre),
        _Rule("disc_l5_s1", (last,), solid_centre),
        _Rule("sacral_promontory", ("Sacrum", last), _sacral_promontory),
        _Rule("coccyx", ("Sacrum",), _coccyx),
    ]


_NASAL = ("Right_nasal_bone", "Left_nasal_bone")
_MIDLINE_RULES = (
    _Rule("glabella", ("Frontal_bone", *_NASAL), _glabella),
    _Rule("nasion", _NASAL, _nasion),
    _Rule("anterior_nasal_spine", ("Right_maxilla", "Left_maxilla"), _anterior_nasal_spine),
    _Rule("chin", ("Mandible",), _chin),
    _Rule("basion", ("Occipital_bone",), _basion),
    _Rule("opisthion", ("Occipital_bone",), _opisthion),
    _Rule("inion", ("Occipital_bone",), _inion),
    *_spine_rules(),
    _Rule("sternal_notch", ("Manubrium",), _sternal_notch),
    _Rule("sternal_angle", ("Manubrium", "Body_of_sternum"), _sternal_angle),
    _Rule("xiphoid", ("Body_of_sternum",), _xiphoid),
    _Rule("pubic_symphysis", ("Right_hip_bone", "Left_hip_bone"), _pubic_symphysis),
)


def _digit(landmark: str, digit: str, before: str = "Middle") -> _Rule:
    bones = (f"Distal_phalanx_of_{{side}}_{digit}", f"{before}_phalanx_of_{{side}}_{digit}")
    return _Rule(landmark, bones, _tip)


_PAIRED_RULES = (
    _Rule("eye", ("Frontal_bone", "{Side}_maxilla", "{Side}_zygomatic_bone"), _eye),
    _Rule("orbitale", ("{Side}_maxilla", "{Side}_zygomatic_bone", "Frontal_bone"), _orbitale),
    _Rule("zygion", ("{Side}_zygomatic_bone", "{Side}_temporal_bone"), _zygion),
    _Rule("porion", ("{Side}_temporal_bone", "Mandible"), _porion),
    _Rule("mastoid", ("{Side}_temporal_bone", "Mandible"), _mastoid),
    _Rule("mandibular_condyle", ("Mandible",), _mandibular_condyle),
    _Rule("gonion", ("Mandible",), _gonion),
    _Rule("clavicle_medial", ("{Side}_clavicle",), _clavicle_medial),
    _Rule("clavicle_lateral", ("{Side}_clavicle",), _clavicle_lateral),
    _Rule("acromion", ("{Side}_scapula",), _acromion),
    _Rule("coracoid", ("{Side}_scapula",), _coracoid),
    _Rule("scapula_inferior_angle", ("{Side}_scapula",), _lowest),
    _Rule("humeral_head", ("{Side}_humerus",), _humeral_head),
    _Rule("shoulder", ("{Side}_humerus",), _humeral_head),
    _Rule("humeral_epicondyle_medial", ("{Side}_humerus",), _humeral_epicondyle_medial),
    _Rule("humeral_epicondyle_lateral", ("{Side}_humerus",), _humeral_epicondyle_lateral),
    _Rule("elbow", ("{Side}_humerus",), _elbow),
    _Rule("olecranon", ("{Side}_ulna",), _olecranon),
    _Rule("radial_styloid", ("{Side}_radius",), _styloid),
    _Rule("ulnar_styloid", ("{Side}_ulna",), _styloid),
    _Rule("wrist", ("{Side}_radius", "{Side}_ulna", "{Side}_scaphoid", "{Side}_lunate"), _wrist),
    _digit("thumb", "thumb", "Proximal"),
    _digit("middle_finger", "middle_finger"),
    _digit("little_finger", "little_finger"),
    _Rule("asis", ("{Side}_hip_bone",), _asis),
    _Rule("psis", ("{Side}_hip_bone",), _psis),
    _Rule("iliac_crest", ("{Side}_hip_bone",), _iliac_crest),
    _Rule("ischium", ("{Side}_hip_bone",), _lowest),
    _Rule("femoral_head", ("{Side}_femur",), _femoral_head),
    _Rule("hip", ("{Side}_femur",), _femoral_head),
    _Rule("greater_trochanter", ("{Side}_femur",), _greater_trochanter),
    _Rule("lesser_trochanter", ("{Side}_femur",), _lesser_trochanter),
    _Rule("femoral_epicondyle_medial", ("{Side}_femur",), _femoral_epicondyle_medial),
    _Rule("femoral_epicondyle_lateral", ("{Side}_femur",), _femoral_epicondyle_lateral),
    _Rule("femoral_notch", ("{Side}_femur",), _femoral_notch),
    _Rule("knee", ("{Side}_femur",), _knee),
    _Rule("patella", ("{Side}_patella",), solid_centre),
    _Rule("tibial_plateau", ("{Side}_tibia",), _tibial_plateau),
    _Rule("malleolus_medial", ("{Side}_tibia",), _lowest),
    _Rule("malleolus_lateral", ("{Side}_fibula",), _lowest),
    _Rule("ankle", ("{Side}_talus",), _ankle),
    _Rule("talus", ("{Side}_talus",), solid_centre),
    _Rule("calcaneus", ("{Side}_calcaneus",), solid_centre),
    _Rule("heel", ("{Side}_calcaneus",), _heel),
    _Rule("metatarsal_1_head", ("{Side}_first_metatarsal_bone",), _metatarsal_head),
    _Rule("metatarsal_5_head", ("{Side}_fifth_metatarsal_bone",), _metatarsal_head),
    _Rule("metatarsal_5_base", ("{Side}_fifth_metatarsal_bone",), _metatarsal_5_base),
    _digit("big_toe", "big_toe", "Proximal"),
    _digit("little_toe", "little_toe"),
)
