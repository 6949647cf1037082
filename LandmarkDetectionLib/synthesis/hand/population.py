"""Which hands to draw: shapes from small children to the old, and how a hand lies or is held.

Angles are in degrees, directions in the canonical hand axes of ``hand``: right, anterior (out of the back of
the hand), superior (towards the fingertips); the thumb is at the left, which is the picture's right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.imaging.voxel_loops import compiled, in_slabs
from LandmarkDetectionLib.synthesis.body.model import LOCAL_CHANGES
from LandmarkDetectionLib.synthesis.body.population import (
    draw_shapes,
    euler,
    rotation_about,
    rotation_between,
    unit,
)
from LandmarkDetectionLib.synthesis.hand.model import HandModel
from LandmarkDetectionLib.typing import Array

DORSAL = np.array([0.0, 1.0, 0.0])
FLAT_SHARE = 0.7


@dataclass(frozen=True)
class Hands:
    """A batch of posed left hands in canonical axes, mm, the wrist at the origin.

    Attributes
    ----------
    vertices : (B, V, 3) float32
    points : (B, J + 5, 3) float32
        Joints, then the skin of the fingertips.
    phenotype : (B, 11) float64
        In the order of ``model.PHENOTYPES``.
    flat : (B,) bool
        Pressed flat against a plate or a sandbag, as for a radiograph; otherwise free.
    """

    vertices: Array
    points: Array
    phenotype: Array
    flat: Array


def draw_hands(model: HandModel, count: int, rng: np.random.Generator) -> Hands:
    """Draw shapes and poses and pose them."""
    phenotype, local = draw_shapes(count, rng)
    # The Digital Hand Atlas and growth studies show ages 0 to 18, so half of the hands are young.
    phenotype[:, 1] = np.where(
        rng.random(count) < 0.5, rng.uniform(0.6, 1.0, count), rng.uniform(0.05, 0.65, count)
    )
    for n, name in enumerate(LOCAL_CHANGES):
        if "hand" in name:
            local[:, n] = np.clip(rng.normal(0, 0.5, count), -1, 1)
    # Twins of the right side follow; the hand model is a left one and reads only the left's changes.
    vertices, joints = model.surface.rest(model.surface.coefficients(phenotype, local))
    flat = rng.random(count) < FLAT_SHARE
    rotations, absolute = _draw_pose(model, vertices, joints, flat, rng)
    vertices, joints = model.surface.pose(vertices, joints, rotations, absolute)
    points = np.concatenate([joints, vertices[:, model.tips]], axis=1)
    wrist = points[:, [model.surface.bone("wrist.L")]].copy()
    vertices -= wrist
    points -= wrist
    _vary_fingers(model, vertices, points, rng)
    _lay_down(vertices, points, flat, rng)
    return Hands(vertices, points, phenotype, flat)


def _draw_pose(
    model: HandModel, vertices: Array, joints: Array, flat: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Rotations (B, J, 3, 3) and which of them are absolute (J,): hand upright, fingers along targets."""
    surface, count = model.surface, len(joints)
    rotations = np.tile(np.eye(3, dtype=np.float32), (count, len(surface.bones), 1, 1))
    absolute = np.zeros(len(surface.bones), bool)

    def joint(name: str) -> Array:
        return np.asarray(joints[:, surface.bone(f"{name}.L")])

    up = unit(joint("finger3-1") - joint("wrist"))
    across = joint("finger2-1") - joint("finger5-1")
    across = unit(across - up * np.sum(across * up, axis=1, keepdims=True))
    at_rest = np.stack([-across, np.cross(across, up), up], axis=1).astype(np.float32)  # rest to canonical
    _turn_forearm(model, joint("wrist") - joint("lowerarm01"), at_rest, rotations, absolute, flat, rng)
    rotations[:, surface.bone("wrist.L")], absolute[surface.bone("wrist.L")] = at_rest, True

    spread = np.where(
        rng.random(count) < 0.25, rng.uniform(-2.5, 1, count), rng.uniform(0, 11, count)
    )  # degrees between neighbours, closed fingers to spread ones
    lean, loose = rng.normal(0, 3, count), np.where(spread < 1, 0.6, 2.0)  # closed fingers do not cross
    curl = np.where(flat, np.abs(rng.normal(0, 4, count)), np.abs(rng.normal(8, 12, count)))
    for finger in range(5):
        bones = model.bones_of(finger)
        heads = [joints[:, bone] for bone in bones] + [vertices[:, model.ends[finger]].mean(1)]
        rest = [unit(heads[n + 1] - heads[n]) for n in range(3)]
        if finger == 0:
            targets = _thumb_targets(count, flat, rng)
            turns = _follow(rest, targets, at_rest, rng.normal(0, 10, count))
        else:
            side = lean + spread * (2 - finger) + rng.normal(1.5, loose)
            amount = curl * rng.uniform(0.6, 1.4, count)
            targets = []
            for segment in range(3):
                bend = amount * (segment + 1) + rng.normal(0, 1.5, count)
                targets.append(_direction(side + segment * rng.normal(0, 0.75 * loose), bend))
            dorsal = at_rest[:, 1]  # row 1 of rest-to-canonical: the dorsal direction at rest
            turns = [
                _frame(t, DORSAL) @ _frame(r, dorsal).swapaxes(1, 2)
                for r, t in zip(rest, targets, strict=True)
            ]
        for bone, turn in zip(bones, turns, strict=True):
            rotations[:, bone], absolute[bone] = turn, True
    return rotations, absolute


def _turn_forearm(
    model: HandModel,
    rest: Array,
    at_rest: Array,
    rotations: Array,
    absolute: Array,
    flat: Array,
    rng: np.random.Generator,
) -> None:
    """The forearm below the wrist: deviated to either side, bent, and turned about its axis."""
    count = len(rest)
    deviation = rng.normal(3, 9, count)
    bend = np.where(flat, rng.normal(0, 4, count), rng.normal(0, 14, count))
    now = np.einsum("bij,bj->bi", at_rest, unit(rest))
    target = _direction(deviation, bend)
    turn = rotation_between(now, target) @ at_rest
    twist = rng.normal(0, 10, count)
    for name, share in (("lowerarm01.L", 1.0), ("lowerarm02.L", 0.5)):
        bone = model.surface.bone(name)
        rotations[:, bone], absolute[bone] = rotation_about(target, share * twist) @ turn, True


def _thumb_targets(count: int, flat: Array, rng: np.random.Generator) -> list[Array]:
    """Directions of the thumb's three bones: from beside the index finger to far abducted."""
    abduction = rng.uniform(15, 55, count)
    lift = np.where(flat, rng.uniform(0, 22, count), rng.uniform(0, 50, count))
    bends = rng.normal(-6, 10, count), rng.normal(-2, 14, count)
    first = _direction(abduction, lift)
    second = _direction(abduction + bends[0], lift * rng.uniform(0.3, 1.0, count))
    third = _direction(abduction + bends[0] + bends[1], lift * rng.uniform(0.0, 1.2, count))
    return [first, second, third]


def _follow(rest: list[Array], targets: list[Array], at_rest: Array, twist: Array) -> list[Array]:
    """Rotations that lay bones along directions, each turned no more than needed from the one before."""
    turns, current = [], at_rest
    for n, (start, end) in enumerate(zip(rest, targets, strict=True)):
        current = rotation_between(np.einsum("bij,bj->bi", current, start), end) @ current
        if n == 0:
            current = rotation_about(end, twist) @ current
        turns.append(current)
    return turns


def _direction(side: Array, bend: Array) -> Array:
    """Unit vectors (B, 3): upwards, to the thumb's side by one angle, towards the palm by another."""
    a, b = np.radians(side), np.radians(bend)
    return np.stack([-np.sin(a) * np.cos(b), -np.sin(b), np.cos(a) * np.cos(b)], axis=1)


def _frame(direction: Array, dorsal: Array) -> Array:
    """Axes (B, 3, 3) of a bone in columns: to its side, along it, and out of its back."""
    side = unit(np.cross(direction, dorsal))
    return np.stack([side, direction, np.cross(side, direction)], axis=2).astype(np.float32)


def _vary_fingers(model: HandModel, vertices: Array, points: Array, rng: np.random.Generator) -> None:
    """Make single fingers longer, shorter, thicker or thinner, and the whole hand broader, in place."""
    count = len(vertices)
    length = np.clip(rng.normal(1, 0.045, (count, 5)), 0.85, 1.15).astype(np.float32)
    width = (rng.normal(1, 0.06, (count, 1)) + rng.normal(0, 0.03, (count, 5))).astype(np.float32)
    broad = np.clip(rng.normal(1, 0.04, count), 0.88, 1.12).astype(np.float32)
    joints = len(model.surface.bones)
    starts = np.array([model.bones_of(finger)[0 if finger else 1] for finger in range(5)])
    weight = np.zeros((points.shape[1], 5), np.float32)
    for finger in range(5):
        weight[[*model.bones_of(finger), joints + finger], finger] = 1
    along = unit(points[:, joints:] - points[:, starts]).astype(np.float32)
    base = np.ascontiguousarray(points[:, starts])
    for places, share in ((vertices, model.finger_weight), (points, weight)):
        in_slabs(
            lambda *slab: _stretch(places, share, base, along, length, width, broad, *slab),  # noqa: B023
            count,
        )


@compiled
def _stretch(places, share, base, along, length, width, broad, start, stop):  # type: ignore[no-untyped-def]
    """Scale what moves with a finger along it and across it, about its knuckle."""
    for b in range(start, stop):
        for v in range(places.shape[1]):
            for f in range(5):
                w = share[v, f]
                if w == 0:
                    continue
                x = places[b, v, 0] - base[b, f, 0]
                y = places[b, v, 1] - base[b, f, 1]
                z = places[b, v, 2] - base[b, f, 2]
                t = x * along[b, f, 0] + y * along[b, f, 1] + z * along[b, f, 2]
                grow = w * (length[b, f] - 1) * max(t, np.float32(0))
                thick = w * (width[b, f] - 1)
                places[b, v, 0] += grow * along[b, f, 0] + thick * (x - t * along[b, f, 0])
                places[b, v, 1] += grow * along[b, f, 1] + thick * (y - t * along[b, f, 1])
                places[b, v, 2] += grow * along[b, f, 2] + thick * (z - t * along[b, f, 2])
            places[b, v, 0] *= broad[b]


def _lay_down(vertices: Array, points: Array, flat: Array, rng: np.random.Generator) -> None:
    """Press flat hands against a plate under the palm, and turn all of them as they come to lie."""
    count = len(vertices)
    tilt = np.where(flat, 2.5, 11.0)
    roll = np.where(flat, 3.5, 16.0)
    turn = euler(rng.normal(0, 1, count) * tilt, rng.normal(0, 9, count), rng.normal(0, 1, count) * roll)
    sunk = rng.uniform(0.02, 0.25, count).astype(np.float32)
    give = rng.uniform(0.1, 0.6, count).astype(np.float32)
    in_slabs(lambda *slab: _press(vertices, points, flat, sunk, give, turn, *slab), count)


@compiled
def _press(vertices, points, flat, sunk, give, turn, start, stop):  # type: ignore[no-untyped-def]
    for b in range(start, stop):
        palm, back = np.inf, -np.inf
        for v in range(vertices.shape[1]):
            palm, back = min(palm, vertices[b, v, 1]), max(back, vertices[b, v, 1])
        plate = palm + sunk[b] * (back - palm)
        for places in (vertices[b], points[b]):
            for v in range(len(places)):
                x, y, z = places[v, 0], places[v, 1], places[v, 2]
                if flat[b] and y < plate:
                    y = plate - (plate - y) * give[b]
                for r in range(3):
                    places[v, r] = turn[b, r, 0] * x + turn[b, r, 1] * y + turn[b, r, 2] * z
