"""Bones that vary by themselves and move with the body: lengths, widths, curves, girdle, pose."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.synthesis.body.binding import Binding
from LandmarkDetectionLib.synthesis.body.bone_names import SIDES
from LandmarkDetectionLib.synthesis.body.model import BodyModel, Motion
from LandmarkDetectionLib.typing import Array

CURVE_MM = 6.0  # of the spine's own curves
PELVIC_TILT = 6.0  # degrees, standard deviation
BREASTBONE_MM, RIB_SLOPE_MM = 15.0, 10.0  # of its lower end, by its own length and with the ribs


def draw_bones(
    binding: Binding,
    twins: tuple[Array, Array],
    joints: Array,
    rng: np.random.Generator,
    variety: float = 1.0,
) -> Array:
    """Points (B, N, 3) RAS mm of the bones at rest, no two people's alike.

    Parameters
    ----------
    binding : Binding
    twins : (B, V, 3) and (B, J, 3)
        Vertices and joints of the lean twins at rest.
    joints : (B, J, 3)
        Of the bodies themselves at rest.
    rng : numpy Generator
    variety : float
        1 as in training; by how much more people differ from one another.
    """
    count = len(joints)
    lean, lean_joints = twins
    size = np.ptp(lean[:, :, 2], axis=1)[:, None, None] / 1750.0
    strength = rng.gamma(4.0, 0.25 * variety, (count, 1, 1)) * size
    jitter = rng.normal(0, 1, (count, binding.anchors, 3)) * binding.jitter_mm[:, None] * strength
    bumps = rng.normal(0, 1, (count, len(binding.bump_scale), 3)) * strength
    points = binding.rest(lean.astype(np.float32), lean_joints.astype(np.float32), joints, jitter, bumps)
    _curve(points, binding, joints, size[:, 0, 0], rng)
    tilt_pelvis(points, binding, rng)
    vary_breastbone(points, binding, size[:, 0], rng)
    return points


def _curve(points: Array, binding: Binding, joints: Array, size: Array, rng: np.random.Generator) -> None:
    """Curves of the trunk in both planes, in place: more or less kyphosis, lordosis and scoliosis."""
    high = joints[:, :, 2].max(axis=1)
    root = joints[:, 0, 2]
    share = (points[:, :, 2] - root[:, None]) / (high - root)[:, None]
    inside = np.clip(share, 0, 1) * binding.trunk
    for axis, amount in ((0, 1.2), (1, 0.8)):
        strength = rng.normal(0, CURVE_MM * amount, (len(points), 2)) * size[:, None]
        strength *= np.where(rng.random(len(points)) < 0.12, 2.5, 1.0)[:, None]
        for wave in range(2):
            points[:, :, axis] += (strength[:, wave : wave + 1] * np.sin(np.pi * (wave + 1) * inside)).astype(
                np.float32
            )


def tilt_pelvis(points: Array, binding: Binding, rng: np.random.Generator) -> None:
    """Turn the pelvis about the axis through both hips, in place; the lumbar spine follows it up to L1.

    In people who lie the tilt differs by some 6 degrees (standard deviation), more than their outline tells.
    """
    angle = np.radians(rng.normal(0, PELVIC_TILT, (len(points), 1)))
    if not {"femoral_head_right", "femoral_head_left", "s1_endplate", "vertebra_l1"} <= set(
        binding.landmarks
    ):
        return
    right, left, sacrum, loin = (
        points[:, binding.point(name), 1:, None]
        for name in ("femoral_head_right", "femoral_head_left", "s1_endplate", "vertebra_l1")
    )
    y, z = np.moveaxis(points[:, :, 1:], 2, 0) - np.moveaxis((right + left) / 2, 1, 0)
    follows = np.clip((loin[:, 1] - points[:, :, 2]) / (loin - sacrum)[:, 1], 0, 1) * binding.trunk
    share = np.where(binding.pelvis, 1.0, follows)
    sine, versine = np.sin(angle), 1 - np.cos(angle)
    points[:, :, 1] -= (share * (sine * z + versine * y)).astype(np.float32)
    points[:, :, 2] += (share * (sine * y - versine * z)).astype(np.float32)


def vary_breastbone(points: Array, binding: Binding, size: Array, rng: np.random.Generator) -> None:
    """Breastbones longer or shorter than one man's, and ribs that slope more or less, in place."""
    length, slope = (
        rng.normal(0, deviation, (len(points), 1)) * size for deviation in (BREASTBONE_MM, RIB_SLOPE_MM)
    )
    if not {"xiphoid", "vertebra_t9"} <= set(binding.landmarks):
        return
    end, behind = (points[:, binding.point(name)][:, None] for name in ("xiphoid", "vertebra_t9"))
    # Gently down towards the breastbone's end, not the spine.
    away = (points - end) / (np.array([80.0, 50.0, 70.0]) * size[..., None])
    near = np.exp(-0.5 * np.sum(away**2, axis=2)) * binding.trunk
    forward = np.clip((points[:, :, 1] - behind[..., 1]) / (end - behind)[..., 1], 0, 1) * binding.trunk
    points[:, :, 2] += (length * near + slope * forward).astype(np.float32)


def pose_bones(binding: Binding, model: BodyModel, points: Array, motion: Motion) -> Array:
    """Points (B, N, 3) of the bones, moved from rest with the body.

    Limbs are carried by the body's own bones. The shoulder blade keeps its socket at the head of the humerus,
    turned as far as the shoulder is; the collar bone spans from the breastbone to it.
    """
    count = len(points)
    turn = np.concatenate([motion.turn, np.empty((count, 2, 3, 3), np.float32)], axis=1)
    shift = np.concatenate([motion.shift, np.empty((count, 2, 3), np.float32)], axis=1)
    for n, (_, low, suffix, _) in enumerate(SIDES):
        head = points[:, binding.point(f"humeral_head_{low}")]
        arm, shoulder = model.bone("upperarm01" + suffix), model.bone("shoulder01" + suffix)
        posed = np.einsum("bij,bj->bi", turn[:, arm], head) + shift[:, arm]
        turn[:, len(model.bones) + n] = turn[:, shoulder]
        shift[:, len(model.bones) + n] = posed - np.einsum("bij,bj->bi", turn[:, shoulder], head)
    moved = Motion(turn, shift, motion.joints).moved(points, binding.bone_index, binding.bone_weight)
    for n, (_, low, _, _) in enumerate(SIDES):
        chosen = np.flatnonzero(binding.clavicle[n])
        inner, outer = binding.point(f"clavicle_medial_{low}"), binding.point(f"clavicle_lateral_{low}")
        blade = len(model.bones) + n
        end = np.einsum("bij,bj->bi", turn[:, blade], points[:, outer]) + shift[:, blade]
        moved[:, chosen] = spanned(
            points[:, chosen], points[:, inner], points[:, outer], moved[:, inner], end
        )
    return moved


def spanned(points: Array, start: Array, end: Array, new_start: Array, new_end: Array) -> Array:
    """Points (B, N, 3) carried from a segment (B, 3) to another: turned, and stretched along it."""
    before, after = end - start, new_end - new_start
    length, new_length = (np.linalg.norm(v, axis=1, keepdims=True) for v in (before, after))
    a, b = before / length, after / new_length
    offset = points - start[:, None]
    along = np.einsum("bnx,bx->bn", offset, a)[..., None]
    radial = offset - along * a[:, None]
    # The smallest turn from a to b, of what is perpendicular to a: two half turns, about a and between them.
    half = (a + b) / np.maximum(np.linalg.norm(a + b, axis=1, keepdims=True), 1e-6)
    turned = radial - 2 * np.einsum("bnx,bx->bn", radial, half)[..., None] * half[:, None]
    return (new_start[:, None] + along * (new_length / length)[:, None] * b[:, None] + turned).astype(
        np.float32
    )
