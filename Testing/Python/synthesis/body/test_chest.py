"""Chests are deepened where the body model's are too flat, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from LandmarkDetectionLib.synthesis.body.anchors import reference_phenotype
from LandmarkDetectionLib.synthesis.body.chest import LIMITS, deepened, draw_depth
from LandmarkDetectionLib.synthesis.body.model import load_body_model, local_change_labels
from LandmarkDetectionLib.typing import Array


def adults(gender: float) -> tuple[Array, Array, Array]:
    """Vertices (1, V, 3), joints (1, J, 3) and phenotype (1, 11) of a grown person at rest."""
    model, phenotype = load_body_model(), reference_phenotype()
    phenotype[0, 0] = gender
    local = np.zeros((1, len(local_change_labels())))
    return (*model.rest(model.coefficients(phenotype, local)), phenotype)


def thickness(vertices: Array, height: float) -> float:
    """From the skin of the back to that of the front in the midline, mm."""
    near = vertices[(np.abs(vertices[:, 2] - height) < 14) & (np.abs(vertices[:, 0]) < 25), 1]
    return float(np.ptp(near))


@pytest.mark.parametrize(("gender", "low", "high"), [(0.0, 165, 205), (1.0, 135, 170)])
def test_a_chest_is_as_deep_at_the_notch_as_those_of_people(gender: float, low: float, high: float) -> None:
    model = load_body_model()
    vertices, joints, phenotype = adults(gender)
    below, above = (joints[0, model.bone(name), 2] for name in ("spine01", "neck01"))
    notch = below + 0.75 * (above - below)
    assert thickness(vertices[0], notch) < low
    depth = draw_depth(np.repeat(phenotype, 200, axis=0), np.random.default_rng(2))
    after = deepened(model, vertices, joints, float(np.median(depth)))
    assert low < thickness(after[0], notch) < high
    assert depth.min() >= LIMITS[0] and depth.max() <= LIMITS[1] and depth.std() > 0.2


def test_only_the_trunk_below_the_neck_moves_and_only_to_front_and_back() -> None:
    model = load_body_model()
    vertices, joints, _ = adults(0.0)
    after = deepened(model, vertices, joints)
    np.testing.assert_array_equal(after[..., [0, 2]], vertices[..., [0, 2]])
    np.testing.assert_array_equal(deepened(model, vertices, joints, 0.0), vertices)
    moved = np.abs(after - vertices)[0, :, 1]
    owner = np.array(model.bones)[model.bone_index[:, 0]]
    for part in ("upperarm02", "lowerarm", "finger", "upperleg", "foot", "eye", "spine05", "pelvis"):
        assert moved[[name.startswith(part) for name in owner]].max() < 2.0, part
    # Neighbours stay neighbours: no step in the skin.
    start, end = np.concatenate([model.faces[:, [0, 1]], model.faces[:, [1, 2]]]).T
    length = np.linalg.norm(vertices[0, start] - vertices[0, end], axis=1)
    assert (np.abs(moved[start] - moved[end]) < 0.7 * length + 1.0).all()
    assert moved.max() > 15.0
