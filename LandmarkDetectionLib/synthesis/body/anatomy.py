"""Where the landmarks of the ``whole-body`` protocol lie on a posed body.

Joints and surface points of the body model are combined so that each landmark follows the protocol's
definition: bone tips lie a few millimetres inside the skin, hip joints closer together than the model's leg
bones, and the vertex is the highest point of the head in the posed body.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from LandmarkDetectionLib.synthesis.body.model import BodyModel

_MIDLINE = ("head_top", "chin", "neck", "sternal_notch", "pubic_symphysis")
_PAIRED = (
    "eye",
    "shoulder",
    "elbow",
    "wrist",
    "thumb",
    "middle_finger",
    "little_finger",
    "hip",
    "knee",
    "ankle",
    "heel",
    "big_toe",
    "little_toe",
)
# Landmarks at a bone's head, and those between a surface point and a bone's head (share of the latter).
_AT_JOINT = {
    "eye": "eye",
    "elbow": "lowerarm01",
    "wrist": "wrist",
    "ankle": "foot",
}
_INSIDE_SURFACE = {
    "thumb": ("finger1-3", 0.15),
    "middle_finger": ("finger3-3", 0.15),
    "little_finger": ("finger5-3", 0.15),
    "big_toe": ("toe1-2", 0.18),
    "little_toe": ("toe5-3", 0.25),
    "heel": ("foot", 0.12),
}


def landmark_positions(
    model: BodyModel,
    vertices: np.ndarray,
    joints: np.ndarray,
    names: tuple[str, ...],
    bones: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Landmarks (B, L, 3) RAS mm of posed bodies, in the order of ``names``.

    Where ``bones`` are given, the landmarks (B, 3) of posed bones by name, they count instead of what joints
    and skin tell of the same landmarks.

    Raises
    ------
    KeyError
        When the body model has no such landmark.
    """
    positions: dict[str, np.ndarray] = {}

    def joint(name: str) -> np.ndarray:
        return joints[:, model.bone(name)]

    def surface(name: str) -> np.ndarray:
        return vertices[:, model.tips[name]]

    for side, letter in (("right", ".R"), ("left", ".L")):
        for name, bone in _AT_JOINT.items():
            positions[f"{name}_{side}"] = joint(bone + letter)
        for name, (bone, share) in _INSIDE_SURFACE.items():
            positions[f"{name}_{side}"] = (1 - share) * surface(f"{name}_{side}") + share * joint(
                bone + letter
            )
        # The model turns the arm about a point 64 mm below the skin; the humeral head's centre lies about
        # 48 mm below the skin over the acromion and 42 mm behind the skin in front (axial CT anatomy).
        positions[f"shoulder_{side}"] = (
            0.48 * joint("upperarm01" + letter)
            + 0.26 * surface(f"shoulder_above_{side}")
            + 0.18 * surface(f"shoulder_front_{side}")
            + 0.08 * surface(f"shoulder_outside_{side}")
        )
        # The distal femur's centre lies just above the joint line.
        knee, hip = joint("lowerleg01" + letter), joint("upperleg01" + letter)
        positions[f"knee_{side}"] = 0.975 * knee + 0.025 * hip
        other = ".L" if letter == ".R" else ".R"
        # The model's leg bones start 21 cm apart in an adult; femoral heads lie about 18 cm apart.
        positions[f"hip_{side}"] = 0.92 * joint("upperleg01" + letter) + 0.08 * joint("upperleg01" + other)
    hips = (joint("upperleg01.R") + joint("upperleg01.L")) / 2
    positions["neck"] = joint("neck01")
    positions["chin"] = 0.92 * surface("chin") + 0.08 * joint("head")
    positions["sternal_notch"] = 0.88 * surface("sternal_notch") + 0.12 * joint("neck01")
    positions["pubic_symphysis"] = 0.55 * surface("pubic_symphysis") + 0.45 * hips
    positions["head_top"] = _highest_point(vertices[:, _head_vertices(model)])
    positions |= bones or {}
    return np.stack([positions[name] for name in names], axis=1).astype(np.float32)


def _head_vertices(model: BodyModel) -> np.ndarray:
    return np.flatnonzero(np.isin(model.bone_index[:, 0], [model.bone("head")]))


def _highest_point(points: np.ndarray) -> np.ndarray:
    """The highest point (B, 3) of each set (B, N, 3): its height, at the middle of the uppermost 4 mm."""
    height = points[:, :, 2]
    top = height.max(axis=1)
    weight = (height > top[:, None] - 4.0).astype(points.dtype)
    middle = (points * weight[:, :, None]).sum(1) / weight.sum(1)[:, None]
    middle[:, 2] = top
    return middle
