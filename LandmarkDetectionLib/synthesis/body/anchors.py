"""Control points by which bones follow a body: joints, and places under the skin of a lean twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.synthesis.body.chest import deepened
from LandmarkDetectionLib.synthesis.body.model import BodyModel, local_change_labels
from LandmarkDetectionLib.typing import Array

MIDLINE_MM = 12.0  # how far beside the midline what is looked for under its skin may lie
LEAN_WEIGHT, LEAN_MUSCLE = 0.45, 0.5


@dataclass(frozen=True)
class Anchor:
    """A control point: where it lies among the bones at rest, and how it is read from a body.

    Its target is the weighted mean of ``vertices`` of the lean twin, moved by what ``joint`` is moved by from
    the twin to the body itself; or the joint alone where there are none. The skin's vertices lie up to a
    centimetre beside the midline, so of ``midline`` points the joint tells right and left.
    """

    source: Array
    joint: int
    vertices: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    midline: bool = False

    @staticmethod
    def between(source: Array, joint: int, skin: int, other: int, share: float) -> Anchor:
        """A point on the way from one vertex to another."""
        return Anchor(source, joint, (skin, other), (1 - share, share))


def reference_phenotype() -> Array:
    """Phenotype (1, 11) of the grown man the bones are bound to."""
    phenotype = np.full((1, 11), 0.5)
    phenotype[0, 0], phenotype[0, 1] = 0.0, 0.7  # of anny's genders 0 is male
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


class RestBody:
    """The reference body at rest, and how to find places on it."""

    def __init__(self, model: BodyModel) -> None:
        count = len(local_change_labels())
        vertices, joints = model.rest(model.coefficients(reference_phenotype(), np.zeros((1, count))))
        vertices = deepened(model, vertices, joints)
        self.model, self.vertices, self.joints = model, vertices[0].astype(float), joints[0].astype(float)
        self.owner = np.array(model.bones)[model.bone_index[:, 0]]

    def joint(self, name: str) -> Array:
        return self.joints[self.model.bone(name)]

    def mirrored(self, vertex: int) -> int:
        """The vertex on the other side of the midline."""
        return int(np.linalg.norm(self.vertices - self.vertices[vertex] * (-1, 1, 1), axis=1).argmin())

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
        self,
        source: Array,
        near: Array,
        direction: Array,
        inset: float,
        joint: str,
        mask: Array,
        flat: bool = False,
    ) -> Anchor:
        """A bone's surface point that lies ``inset`` mm under the skin seen from ``near`` in a direction.

        Under flat skin it lies on the line through ``near``; elsewhere under what protrudes most beside it.
        """
        sides = []
        for way in (direction, -direction):
            hit = self._skin_on_line(near, way, mask) if flat else None
            sides.append(hit or ((self.outermost(near, way, mask),), (1.0,)))
        (skin, own), (other, opposite) = sides
        width = float(np.linalg.norm(self._mean(skin, own) - self._mean(other, opposite)))
        share = min(inset / width, 0.45)
        midline = abs(near[0]) < MIDLINE_MM and abs(direction[0]) < 0.1
        weights = (*((1 - share) * w for w in own), *(share * w for w in opposite))
        return Anchor(source, self.model.bone(joint), skin + other, weights, midline)

    def _skin_on_line(
        self, near: Array, direction: Array, mask: Array
    ) -> tuple[tuple[int, ...], tuple[float, ...]] | None:
        """Corners of the last face that a line passes, and their weights there; None where there is none."""
        direction = direction / np.linalg.norm(direction)
        faces = self.model.faces[mask[self.model.faces].all(axis=1)]
        corners = self.vertices[faces] - near
        first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        across = np.cross(direction, second)
        volume = (first * across).sum(axis=1)
        volume = np.where(np.abs(volume) < 1e-9, np.inf, volume)
        one = (-corners[:, 0] * across).sum(axis=1) / volume
        normal = np.cross(-corners[:, 0], first)
        two = normal @ direction / volume
        along = (normal * second).sum(axis=1) / volume
        hit = (one >= 0) & (two >= 0) & (one + two <= 1) & (along > 0)
        if not hit.any():
            return None
        last = int(np.where(hit, along, 0.0).argmax())
        weights = float(1 - one[last] - two[last]), float(one[last]), float(two[last])
        return tuple(int(v) for v in faces[last]), weights

    def _mean(self, vertices: tuple[int, ...], weights: tuple[float, ...]) -> Array:
        return np.asarray(np.array(weights) @ self.vertices[list(vertices)])

    def value(self, anchor: Anchor) -> Array:
        if not anchor.vertices:
            return self.joints[anchor.joint]
        value = self._mean(anchor.vertices, anchor.weights)
        if anchor.midline:
            value[0] = self.joints[anchor.joint][0]
        return np.asarray(value)
