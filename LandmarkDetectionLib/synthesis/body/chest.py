"""Chests as deep as people's: those of the body model are too flat below the neck.

At the sternal notch the model's grown man is 136 mm thick. Between the front of T1 and the manubrium the
thoracic inlet is some 50 to 60 mm deep in adults (Standring, Gray's Anatomy, 41st ed., chapter 53), to which
vertebra, breastbone, spinous process and what covers both add; the man whose bones are bound to the model
needs 169 mm. Bones that must fit into less lie with the notch at the spine.
"""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.synthesis.body.model import BodyModel
from LandmarkDetectionLib.typing import Array

#: By how much deeper, from the joint below the chest (0) to that below the neck (1), and beyond.
HEIGHT = (-0.1, 0.1, 0.4, 0.57, 0.75, 0.9, 1.05, 1.3)
DEEPER = (0.0, 0.02, 0.13, 0.22, 0.32, 0.30, 0.16, 0.0)
#: What moves; arms do not.
PARTS = ("spine", "clavicle", "neck", "breast")
#: Men's chests are deeper than women's; people differ by this deviation besides, within these limits.
OF_MEN, OF_WOMEN, DEVIATION, LIMITS = 1.15, 1.0, 0.3, (0.2, 1.9)


def usual_depth(phenotype: Array) -> Array:
    """How much of ``DEEPER`` people (B, 11) usually have, (B,)."""
    return np.asarray(OF_MEN + (OF_WOMEN - OF_MEN) * phenotype[:, 0])  # of anny's genders 0 is male


def draw_depth(phenotype: Array, rng: np.random.Generator) -> Array:
    """How much of ``DEEPER`` every body (B,) has."""
    usual = usual_depth(phenotype)
    return np.asarray(np.clip(usual + rng.normal(0, DEVIATION, len(usual)), *LIMITS))


def deepened(model: BodyModel, vertices: Array, joints: Array, depth: Array | float = 1.0) -> Array:
    """Bodies at rest with deeper chests, whose front and back lie farther from the shoulders' plane.

    Parameters
    ----------
    vertices : (B, V, 3) mm
        Of bodies at rest: right, anterior, superior.
    joints : (B, J, 3) mm
        These stay.
    depth : (B,) or number
        See ``draw_depth``.
    """
    below, above, middle, end = (
        joints[:, model.bone(name)] for name in ("spine01", "neck01", "clavicle.R", "upperarm01.R")
    )
    height = (vertices[..., 2] - below[:, None, 2]) / (above - below)[:, None, 2]
    beside = np.abs(vertices[..., 0]) / np.abs(end[:, None, 0])
    inside = np.clip((1.0 - beside) / 0.5, 0, 1)
    inside = inside * inside * (3 - 2 * inside)
    factor = np.interp(height, HEIGHT, DEEPER) * inside * _belongs(model)
    factor *= np.broadcast_to(depth, len(vertices))[:, None]
    moved = vertices.copy()
    moved[..., 1] += (factor * (vertices[..., 1] - middle[:, None, 1])).astype(vertices.dtype)
    return moved


def _belongs(model: BodyModel) -> Array:
    """How much every vertex (V,) moves with the trunk."""
    own = np.array([name.startswith(PARTS) for name in model.bones])
    return np.asarray((own[model.bone_index] * model.bone_weight).sum(axis=1))
