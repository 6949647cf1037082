"""Bones of people: they vary, follow the body they are in, and move with it when it is posed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("anny", reason="synthetic bodies need anny")

from LandmarkDetectionLib.synthesis.body import population
from LandmarkDetectionLib.synthesis.body.anchors import lean_twins
from LandmarkDetectionLib.synthesis.body.binding import Binding
from LandmarkDetectionLib.synthesis.body.bones import (
    draw_bones,
    pose_bones,
    spanned,
    tilt_pelvis,
    vary_breastbone,
)
from LandmarkDetectionLib.synthesis.body.model import load_body_model
from LandmarkDetectionLib.synthesis.body.population import draw_bodies, rotation_about, unit
from LandmarkDetectionLib.synthesis.body.stream import BodyStream, Framing
from LandmarkDetectionLib.typing import Array

NUMBER = st.floats(-300, 300)
POINT = st.tuples(NUMBER, NUMBER, NUMBER)
SMALL = Framing(coronal=(64, 32), lateral=(64, 32), pixel_mm=30.0, jitter_px=1.0)


def turns(rng: np.random.Generator, *shape: int) -> Array:
    """Random rotations (*shape, 3, 3)."""
    return np.asarray(rotation_about(unit(rng.normal(0, 1, (*shape, 3))), rng.uniform(-170, 170, shape)))


# --- the motion of bones ----------------------------------------------------------------------------------


def test_bodies_that_are_not_turned_stay_as_they_are() -> None:
    model = load_body_model()
    still = np.tile(np.eye(3, dtype=np.float32), (1, len(model.bones), 1, 1))
    vertices, joints = model.template[None].astype(np.float32), model.joints_template[None].astype(np.float32)
    posed, posed_joints = model.pose(vertices, joints, still, np.zeros(len(model.bones), bool))
    np.testing.assert_allclose(posed, vertices, atol=0.02)
    np.testing.assert_allclose(posed_joints, joints, atol=0.01)


def test_posing_is_linear_blend_skinning_over_forward_kinematics() -> None:
    model, rng = load_body_model(), np.random.default_rng(1)
    vertices, joints = (
        model.template[None, ::40].astype(np.float32),
        model.joints_template[None].astype(np.float32),
    )
    rotations, absolute = turns(rng, 1, len(model.bones)), rng.random(len(model.bones)) < 0.2
    index, weight = model.bone_index[::40], model.bone_weight[::40]
    motion = model.motion(joints, rotations, absolute)
    world = np.empty((len(model.bones), 3, 3))
    place = np.empty((len(model.bones), 3))
    for n, parent in enumerate(model.parents):
        if parent < 0:
            world[n], place[n] = rotations[0, n], joints[0, n]
            continue
        world[n] = rotations[0, n] if absolute[n] else world[parent] @ rotations[0, n]
        place[n] = place[parent] + world[parent] @ (joints[0, n] - joints[0, parent])
    each = np.einsum("jab,vjb->vja", world, vertices[0, :, None] - joints[0]) + place
    expected = (np.take_along_axis(each, index[..., None].astype(int), 1) * weight[..., None]).sum(axis=1)
    np.testing.assert_allclose(motion.moved(vertices, index, weight)[0], expected, atol=0.1)
    np.testing.assert_allclose(motion.joints[0], place, atol=0.1)


def test_what_one_bone_carries_keeps_its_shape() -> None:
    model, rng = load_body_model(), np.random.default_rng(2)
    joints = model.joints_template[None].astype(np.float32)
    motion = model.motion(joints, turns(rng, 1, len(model.bones)), np.zeros(len(model.bones), bool))
    points = rng.normal(0, 100, (1, 30, 3)).astype(np.float32)
    index = np.tile([model.bone("wrist.R"), 0], (30, 1))
    weight = np.tile(np.array([1.0, 0.0], np.float32), (30, 1))
    moved = motion.moved(points, index, weight)[0]
    before, after = (np.linalg.norm(one[:, None] - one, axis=2) for one in (points[0], moved))
    np.testing.assert_allclose(after, before, atol=0.05)


def test_bodies_without_bones_are_posed_and_laid_down_as_they_always_were() -> None:
    """The same numbers, drawn in the same order: streams of before stay what they were."""
    model = load_body_model()
    rng = np.random.default_rng(11)
    phenotype, local = population.draw_shapes(5, rng)
    vertices, joints = model.rest(model.coefficients(phenotype, local))
    rotations, absolute, posture, prone = population.draw_postures(model, vertices, joints, rng)
    vertices, joints = model.pose(vertices, joints, rotations, absolute)
    population._lay_down(model, vertices, joints, prone, rng)
    found = draw_bodies(model, 5, np.random.default_rng(11))
    assert found.bones is None
    np.testing.assert_array_equal(found.vertices, vertices)
    np.testing.assert_array_equal(found.joints, joints)
    np.testing.assert_array_equal(found.posture, posture)
    np.testing.assert_array_equal(found.phenotype, phenotype)


# --- what spans two joints --------------------------------------------------------------------------------


@given(POINT, POINT, POINT, POINT, st.integers(0, 1000))
def test_what_spans_two_joints_follows_both(
    start: tuple[float, ...],
    end: tuple[float, ...],
    new_start: tuple[float, ...],
    new_end: tuple[float, ...],
    seed: int,
) -> None:
    first, last, new_first, new_last = (np.array([one]) for one in (start, end, new_start, new_end))
    length, new_length = np.linalg.norm(last - first), np.linalg.norm(new_last - new_first)
    if min(length, new_length) < 20:
        return
    ways = (last - first) / length, (new_last - new_first) / new_length
    if np.linalg.norm(ways[0] + ways[1]) < 0.1:  # no bone turns right round
        return
    points = np.random.default_rng(seed).normal(0, 50, (1, 20, 3)) + first
    ends = np.stack([first, last], axis=1)
    moved = spanned(np.concatenate([ends, points], axis=1), first, last, new_first, new_last)[0]
    np.testing.assert_allclose(moved[:2], [new_first[0], new_last[0]], atol=0.01)

    def split(where: Array, about: Array, way: Array) -> tuple[Array, Array]:
        offset = where - about
        along = offset @ way[0]
        return along, offset - along[:, None] * way

    (along, radial), (new_along, new_radial) = (
        split(points[0], first, ways[0]),
        split(moved[2:], new_first, ways[1]),
    )
    np.testing.assert_allclose(new_along, along * new_length / length, atol=0.05)
    np.testing.assert_allclose(new_radial @ new_radial.T, radial @ radial.T, rtol=1e-3, atol=2)
    here = spanned(points, first, last, first, last)
    np.testing.assert_allclose(here, points, atol=0.01)
    # A rotation, not a mirror image.
    handed = [
        np.linalg.det(np.stack([way[0], one[0], one[1]]))
        for way, one in zip(ways, (radial, new_radial), strict=True)
    ]
    assert handed[0] == pytest.approx(handed[1], rel=1e-2, abs=3)


# --- bones of drawn people --------------------------------------------------------------------------------


def test_bones_of_a_drawing_vary_and_more_so_when_asked_for(small_binding: Binding) -> None:
    model = load_body_model()
    phenotype, local = population.draw_shapes(1, np.random.default_rng(0))
    phenotype, local = np.repeat(phenotype, 6, axis=0), np.repeat(local, 6, axis=0)
    _, joints = model.rest(model.coefficients(phenotype, local))
    twins = model.rest(model.coefficients(*lean_twins(phenotype, local)))
    plain, varied = (
        draw_bones(small_binding, twins, joints, np.random.default_rng(5), variety) for variety in (1.0, 3.0)
    )
    assert plain.dtype == np.float32
    spread = [one.std(axis=0).mean() for one in (plain, varied)]
    assert 1.0 < spread[0] < 15.0
    assert spread[1] > 1.3 * spread[0]
    again = draw_bones(small_binding, twins, joints, np.random.default_rng(5))
    np.testing.assert_array_equal(again, plain)


def bones_of(binding: Binding, phenotype: Array, local: Array) -> Array:
    """Points (B, N, 3) of drawn bones of people at rest."""
    model = load_body_model()
    _, joints = model.rest(model.coefficients(phenotype, local))
    twins = model.rest(model.coefficients(*lean_twins(phenotype, local)))
    return draw_bones(binding, twins, joints, np.random.default_rng(5))


def test_the_pelvis_tilts_as_a_whole_about_the_hips(small_binding: Binding) -> None:
    before = bones_of(small_binding, *population.draw_shapes(3, np.random.default_rng(0)))
    after = before.copy()
    tilt_pelvis(after, small_binding, np.random.default_rng(1))

    def place(points: Array, name: str) -> Array:
        return points[:, small_binding.point(name)]

    pelvis = np.flatnonzero(small_binding.pelvis)[::9]
    for one, other in zip(before[:, pelvis], after[:, pelvis], strict=True):
        kept = [np.linalg.norm(points[:, None] - points, axis=2) for points in (one, other)]
        np.testing.assert_allclose(*kept, atol=0.05)
    assert (np.linalg.norm(place(after, "asis_right") - place(before, "asis_right"), axis=1) > 0.5).all()
    for name in ("vertebra_l1", "vertebra_t6", "femoral_head_right"):
        moved = np.linalg.norm(place(after, name) - place(before, name), axis=1)
        assert moved.max() < 2.0, name


def test_breastbones_differ_in_length_and_the_spine_stays(small_binding: Binding) -> None:
    somebody = population.draw_shapes(1, np.random.default_rng(0))
    before = bones_of(small_binding, *(np.repeat(one, 40, axis=0) for one in somebody))
    after = before.copy()
    vary_breastbone(after, small_binding, np.ones((40, 1)), np.random.default_rng(1))
    length = [
        points[:, small_binding.point("sternal_notch"), 2] - points[:, small_binding.point("xiphoid"), 2]
        for points in (before, after)
    ]
    assert 8 < (length[1] - length[0]).std() < 22
    for vertebra in ("vertebra_t4", "vertebra_t12"):
        row = small_binding.point(vertebra)
        assert np.abs(after[:, row] - before[:, row]).max() < 8, vertebra


def test_a_body_at_rest_has_its_bones_at_rest(small_binding: Binding) -> None:
    """But for the shoulder blade, which keeps its socket at the head of the humerus anyway."""
    model = load_body_model()
    phenotype, local = population.draw_shapes(2, np.random.default_rng(3))
    _, joints = model.rest(model.coefficients(phenotype, local))
    twins = model.rest(model.coefficients(*lean_twins(phenotype, local)))
    bones = draw_bones(small_binding, twins, joints, np.random.default_rng(4))
    still = np.tile(np.eye(3, dtype=np.float32), (2, len(model.bones), 1, 1))
    motion = model.motion(joints, still, np.zeros(len(model.bones), bool))
    np.testing.assert_allclose(pose_bones(small_binding, model, bones, motion), bones, atol=0.05)


def test_posed_bones_keep_their_lengths_and_joints_stay_together(small_binding: Binding) -> None:
    model = load_body_model()
    rng = np.random.default_rng(6)
    phenotype, local = population.draw_shapes(6, rng)
    vertices, joints = model.rest(model.coefficients(phenotype, local))
    twins = model.rest(model.coefficients(*lean_twins(phenotype, local)))
    bones = draw_bones(small_binding, twins, joints, rng)
    rotations, absolute, *_ = population.draw_postures(model, vertices, joints, rng)
    posed = pose_bones(small_binding, model, bones, model.motion(joints, rotations, absolute))

    def distance(where: Array, first: str, second: str) -> Array:
        ends = (where[:, small_binding.point(name)] for name in (first, second))
        return np.asarray(np.linalg.norm(np.subtract(*ends), axis=1))

    for first, second in (
        ("humeral_head_left", "humeral_epicondyle_lateral_left"),
        ("tibial_plateau_right", "malleolus_medial_right"),
        ("olecranon_right", "ulnar_styloid_right"),
        ("asis_left", "ischium_left"),
        ("chin", "inion"),
        ("acromion_right", "scapula_inferior_angle_right"),
    ):
        np.testing.assert_allclose(
            distance(posed, first, second), distance(bones, first, second), atol=0.1, err_msg=first
        )
    # The femur twists about itself, and the collar bone spans what lies between breastbone and acromion.
    np.testing.assert_allclose(
        distance(posed, "femoral_head_left", "knee_left"),
        distance(bones, "femoral_head_left", "knee_left"),
        rtol=0.04,
    )
    for first, second in (
        ("clavicle_lateral_right", "acromion_right"),
        ("humeral_head_left", "acromion_left"),
    ):
        shift = distance(posed, first, second) - distance(bones, first, second)
        assert np.abs(shift).max() < 25, first


@pytest.fixture(scope="module")
def stream(own_skeleton: Path) -> BodyStream:
    return BodyStream(("knee_left", "chin", "hip_right"), seed=8, batch_size=3, framing=SMALL, skeleton=True)


def test_a_stream_with_bones_gives_the_same_bytes_for_the_same_seed(stream: BodyStream) -> None:
    one, again = stream.batch(4), stream.batch(4)
    for view, other in ((one.coronal, again.coronal), (one.lateral, again.lateral)):
        assert view.bone is not None and other.bone is not None
        assert view.bone.tobytes() == other.bone.tobytes()
        assert view.front.tobytes() == other.front.tobytes()
    assert one.landmarks.tobytes() == again.landmarks.tobytes()


def test_bones_are_seen_within_the_body_and_the_scan_alone(stream: BodyStream) -> None:
    for view in (stream.batch(1).coronal, replace(stream, disturbance=0.0).batch(1).lateral):
        assert view.bone is not None and view.bone_depth is not None
        body = np.isfinite(view.front)
        assert (view.bone >= 0).all()
        assert not view.bone[~body].any()
        assert np.isnan(view.bone_depth[~body]).all()
        assert (view.bone[body] > 5).mean() > 0.1


def test_bone_lies_between_the_surfaces_of_the_body(stream: BodyStream) -> None:
    batch = replace(stream, disturbance=0.0, batch_size=6, whole_body_only=True).batch(0)
    for view in (batch.coronal, batch.lateral):
        assert view.bone_depth is not None
        known = np.isfinite(view.bone_depth)
        with np.errstate(invalid="ignore"):
            between = (view.bone_depth > view.front - 10) & (view.bone_depth < view.back + 10)
        assert between[known].mean() > 0.93


def test_landmarks_of_bones_count_instead_of_those_of_the_skin(stream: BodyStream) -> None:
    batch, bodies, dense = stream.scans(0)
    assert dense is not None and bodies.bones is not None
    np.testing.assert_array_equal(batch.landmarks[:, 0], dense.landmarks["knee_left"])
    without = replace(stream, skeleton=False).batch(0)
    assert without.coronal.bone is None
    np.testing.assert_array_equal(batch.phenotype, without.phenotype)
