"""The bodies: where landmarks lie on them, who is drawn, and in which postures."""

from dataclasses import dataclass

import numpy as np
import pytest

pytest.importorskip("anny", reason="synthetic bodies need anny")

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.synthesis.body.anatomy import landmark_positions
from LandmarkDetectionLib.synthesis.body.model import PHENOTYPES, BodyModel, load_body_model
from LandmarkDetectionLib.synthesis.body.population import (
    POSTURES,
    Bodies,
    draw_bodies,
    draw_shapes,
    euler,
    rotation_about,
    rotation_between,
    unit,
)
from LandmarkDetectionLib.synthesis.rasterise import rasterise

COUNT = 192


@dataclass(frozen=True)
class Drawn:
    """Bodies with their landmarks by name, (B, 3) RAS mm each."""

    model: BodyModel
    bodies: Bodies
    names: tuple[str, ...]
    positions: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        return self.positions[:, self.names.index(name)]


@pytest.fixture(scope="module")
def drawn(whole_body: Protocol) -> Drawn:
    """Enough bodies for every kind to occur."""
    model = load_body_model()
    bodies = draw_bodies(model, COUNT, np.random.default_rng(11))
    names = tuple(whole_body.names)
    return Drawn(model, bodies, names, landmark_positions(model, bodies.vertices, bodies.joints, names))


@pytest.fixture(scope="module")
def adults(drawn: Drawn) -> np.ndarray:
    return drawn.bodies.phenotype[:, PHENOTYPES.index("age")] > 0.66


def height_at_rest(model: BodyModel, phenotype: np.ndarray, local: np.ndarray) -> np.ndarray:
    vertices, _ = model.rest(model.coefficients(phenotype, local))
    return vertices[:, :, 2].max(axis=1) - vertices[:, :, 2].min(axis=1)


def test_the_heights_of_adults_are_covered_with_room_on_both_sides() -> None:
    """Wider than people are, on purpose: a network must not learn one scale."""
    phenotype, local = draw_shapes(600, np.random.default_rng(5))
    height = height_at_rest(load_body_model(), phenotype, local)
    grown = phenotype[:, PHENOTYPES.index("age")] > 0.66
    low, middle, high = np.quantile(height[grown], (0.05, 0.5, 0.95))
    assert 1350 < low < 1550
    assert 1650 < middle < 1900
    assert 2000 < high < 2300
    assert height[grown].min() > 1100
    assert height[grown].max() < 2600
    assert height[~grown].min() < 1000


def test_men_are_taller_than_women_and_children_smaller_than_either() -> None:
    phenotype = np.full((3, len(PHENOTYPES)), 0.5)
    phenotype[:, PHENOTYPES.index("gender")] = (0, 1, 0.5)  # anny: 0 male, 1 female
    phenotype[:, PHENOTYPES.index("age")] = (0.7, 0.7, 0.2)
    _, local = draw_shapes(3, np.random.default_rng(0))
    man, woman, child = height_at_rest(load_body_model(), phenotype, np.zeros_like(local))
    assert 1700 < woman < man < 1950
    assert man - woman > 80
    assert child < 1200


def test_every_posture_age_and_side_of_lying_occurs(drawn: Drawn, adults: np.ndarray) -> None:
    bodies = drawn.bodies
    assert set(bodies.posture.tolist()) == set(range(len(POSTURES)))
    assert 0.03 < bodies.prone.mean() < 0.25
    assert 0.5 < adults.mean() < 0.9
    gender = bodies.phenotype[:, PHENOTYPES.index("gender")]
    assert (gender == 0).mean() > 0.2
    assert (gender == 1).mean() > 0.2


def test_the_right_side_has_the_larger_first_coordinate(drawn: Drawn) -> None:
    for name in ("shoulder", "hip", "eye"):
        across = drawn[f"{name}_right"][:, 0] - drawn[f"{name}_left"][:, 0]
        assert across[~drawn.bodies.prone].min() > 0, name
        assert (across > 0).mean() > 0.97, name
    for name in ("knee", "ankle", "elbow", "heel"):
        assert ((drawn[f"{name}_right"] - drawn[f"{name}_left"])[:, 0] > 0).mean() > 0.9, name


def test_bodies_face_anterior_with_the_head_superior(drawn: Drawn) -> None:
    assert (drawn["head_top"][:, 2] > drawn["chin"][:, 2]).all()
    assert (drawn["chin"][:, 2] > drawn["pubic_symphysis"][:, 2]).all()
    assert (drawn["sternal_notch"][:, 1] > drawn["neck"][:, 1]).all()
    toes_forward = drawn["big_toe_right"][:, 1] > drawn["heel_right"][:, 1]
    assert toes_forward[~drawn.bodies.prone].mean() > 0.97


@pytest.mark.parametrize("side", ["right", "left"])
def test_joints_of_a_limb_follow_each_other(drawn: Drawn, side: str) -> None:
    hip, knee, ankle = (drawn[f"{name}_{side}"] for name in ("hip", "knee", "ankle"))
    assert ((hip[:, 2] > knee[:, 2]) & (knee[:, 2] > ankle[:, 2])).all()
    thigh, shank = np.linalg.norm(hip - knee, axis=1), np.linalg.norm(knee - ankle, axis=1)
    ratio = thigh / shank
    assert 0.4 < ratio.min() < ratio.max() < 1.8
    assert 0.85 < np.median(ratio) < 1.1
    shoulder, elbow, wrist = (drawn[f"{name}_{side}"] for name in ("shoulder", "elbow", "wrist"))
    ratio = np.linalg.norm(shoulder - elbow, axis=1) / np.linalg.norm(elbow - wrist, axis=1)
    assert 0.65 < ratio.min() < ratio.max() < 1.8
    assert 1.05 < np.median(ratio) < 1.3


def test_adult_proportions_are_those_of_people(drawn: Drawn, adults: np.ndarray) -> None:
    def between(one: str, other: str) -> float:
        return float(np.median(np.linalg.norm(drawn[one] - drawn[other], axis=1)[adults]))

    assert 150 < between("hip_right", "hip_left") < 220
    assert 50 < between("eye_right", "eye_left") < 75
    assert 370 < between("hip_right", "knee_right") < 490
    assert 340 < between("knee_right", "ankle_right") < 490
    assert 260 < between("shoulder_right", "shoulder_left") < 400
    assert 200 < between("head_top", "chin") < 260


def test_the_vertex_is_the_highest_point_of_the_head(drawn: Drawn) -> None:
    model = drawn.model
    head = drawn.bodies.vertices[:, model.bone_index[:, 0] == model.bone("head"), 2]
    np.testing.assert_allclose(drawn["head_top"][:, 2], head.max(axis=1), atol=1e-3)
    arms_down = drawn.bodies.posture == 0
    assert (drawn.bodies.vertices[:, :, 2].max(axis=1) - drawn["head_top"][:, 2])[arms_down].min() < 1


@pytest.mark.parametrize("side", ["right", "left"])
def test_tips_are_the_ends_of_fingers_and_toes(drawn: Drawn, side: str) -> None:
    """No part of the hand lies more than a few mm further from the wrist than the middle finger's tip."""
    model, letter = drawn.model, {"right": ".R", "left": ".L"}[side]

    def farthest(bone: str, origin: np.ndarray) -> np.ndarray:
        members = drawn.bodies.vertices[:, model.bone_index[:, 0] == model.bone(bone + letter)]
        return np.linalg.norm(members - origin[:, None], axis=2).max(axis=1)

    for tip, bone, joint in (
        ("thumb", "finger1-3", "finger1-3"),
        ("middle_finger", "finger3-3", "finger3-3"),
        ("little_finger", "finger5-3", "finger5-3"),
        ("big_toe", "toe1-2", "toe1-2"),
        ("little_toe", "toe5-3", "toe5-3"),
    ):
        origin = drawn.bodies.joints[:, model.bone(joint + letter)]
        inside = farthest(bone, origin) - np.linalg.norm(drawn[f"{tip}_{side}"] - origin, axis=1)
        assert (inside > 0).all(), tip
        assert inside.max() < 15, tip


def drawn_in_one_view(
    model: BodyModel, vertices: np.ndarray, lateral: bool, pixel_mm: float, near: float, far: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Front, back and the (B, 2) origin of images that hold the bodies wholly."""
    across = 1 if lateral else 0
    low, high = -vertices.max(axis=1)[:, [across, 2]], -vertices.min(axis=1)[:, [across, 2]]
    origin = (low - 3 * pixel_mm).astype(np.float32)
    columns, rows = np.ceil((high - low).max(axis=0) / pixel_mm).astype(int) + 6
    count = len(vertices)
    spacing = np.full((count, 2), pixel_mm, np.float32)
    limits = (np.full(count, value, np.float32) for value in (near, far))
    front, back = rasterise(
        vertices, model.faces, lateral, origin, spacing, *limits, (int(rows), int(columns))
    )
    return front, back, origin


@pytest.mark.parametrize("lateral", [False, True])
def test_landmarks_lie_inside_the_body(whole_body: Protocol, lateral: bool) -> None:
    """On the full surface, nearly every landmark has body before and behind it, in both views."""
    model, pixel_mm, count = load_body_model(thinned=False), 2.0, 8
    bodies = draw_bodies(model, count, np.random.default_rng(11))
    # The vertex lies on the surface by definition.
    names = tuple(name for name in whole_body.names if name != "head_top")
    positions = landmark_positions(model, bodies.vertices, bodies.joints, names)
    front, back, origin = drawn_in_one_view(model, bodies.vertices, lateral, pixel_mm, -1e4, 1e4)
    across, depth, sign = (1, 0, 1) if lateral else (0, 1, -1)
    pixel = np.rint((-positions[:, :, [across, 2]] - origin[:, None]) / pixel_mm).astype(int)
    body = np.arange(count)[:, None]
    first, last = (image[body, pixel[..., 1], pixel[..., 0]] for image in (front, back))
    at = sign * positions[..., depth]
    inside = (first - 1 <= at) & (at <= last + 1)
    assert inside.mean() > 0.98
    assert inside.mean(axis=0).min() >= 0.75, names[int(inside.mean(axis=0).argmin())]


@pytest.mark.parametrize("lateral", [False, True])
def test_the_surface_is_closed_but_for_single_rays(drawn: Drawn, lateral: bool) -> None:
    """A ray that meets an edge may count it twice; anything more would show as a cut where nothing is cut."""
    vertices = drawn.bodies.vertices[:16]
    body, _, _ = drawn_in_one_view(drawn.model, vertices, lateral, 4.0, -1e4, 1e4)
    left_over, _, _ = drawn_in_one_view(drawn.model, vertices, lateral, 4.0, 3000, 3010)
    assert np.isfinite(left_over).sum() < 2e-4 * np.isfinite(body).sum()


def test_skinning_weights_sum_to_one_and_parents_come_first() -> None:
    model = load_body_model()
    np.testing.assert_allclose(model.bone_weight.sum(axis=1), 1, atol=1e-5)
    assert (model.parents < np.arange(len(model.parents))).all()
    assert model.faces.max() < len(model.template)


def test_thinning_moves_the_outline_by_little() -> None:
    thin, full = load_body_model(), load_body_model(thinned=False)
    assert len(thin.template) < 0.45 * len(full.template)
    phenotype, local = draw_shapes(4, np.random.default_rng(3))
    coarse, _ = thin.rest(thin.coefficients(phenotype, local))
    fine, _ = full.rest(full.coefficients(phenotype, local))
    np.testing.assert_allclose(coarse.min(axis=1), fine.min(axis=1), atol=8)
    np.testing.assert_allclose(coarse.max(axis=1), fine.max(axis=1), atol=8)


def test_an_unrotated_pose_is_the_rest_pose() -> None:
    model = load_body_model()
    phenotype, local = draw_shapes(2, np.random.default_rng(1))
    vertices, joints = model.rest(model.coefficients(phenotype, local))
    still = np.tile(np.eye(3, dtype=np.float32), (2, len(model.bones), 1, 1))
    posed, posed_joints = model.pose(vertices, joints, still, np.zeros(len(model.bones), bool))
    np.testing.assert_allclose(posed, vertices, atol=0.01)
    np.testing.assert_allclose(posed_joints, joints, atol=0.01)


def test_rotations_are_rotations_and_do_what_their_names_say() -> None:
    generator = np.random.default_rng(2)
    start, end = unit(generator.normal(size=(50, 3))), unit(generator.normal(size=(50, 3)))
    turn = rotation_between(start, end)
    np.testing.assert_allclose(np.einsum("bij,bj->bi", turn, start), end, atol=1e-5)
    np.testing.assert_allclose(turn @ turn.transpose(0, 2, 1), np.tile(np.eye(3), (50, 1, 1)), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(turn), 1, atol=1e-5)
    opposite = rotation_between(start, -start)
    np.testing.assert_allclose(np.einsum("bij,bj->bi", opposite, start), -start, atol=1e-5)
    quarter = rotation_about(np.array([[0, 0, 1.0]]), np.array([90.0]))[0]
    np.testing.assert_allclose(quarter @ [1, 0, 0], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(euler(0.0, 0.0, 90.0)[0], quarter, atol=1e-6)
