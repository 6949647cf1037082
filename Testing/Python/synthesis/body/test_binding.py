"""A skeleton bound to the body model: it follows every shape, inside the skin and out of the fat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("anny", reason="synthetic bodies need anny")

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.batches import to_view
from LandmarkDetectionLib.synthesis.body.anatomy import landmark_positions
from LandmarkDetectionLib.synthesis.body.anchors import lean_twins, reference_phenotype
from LandmarkDetectionLib.synthesis.body.binding import (
    SMOOTHING,
    Binding,
    _spline,
    load_binding,
)
from LandmarkDetectionLib.synthesis.body.chest import deepened, usual_depth
from LandmarkDetectionLib.synthesis.body.model import PHENOTYPES, load_body_model, local_change_labels
from LandmarkDetectionLib.synthesis.body.placing import frame, similarity, twisted
from LandmarkDetectionLib.synthesis.body.population import draw_bodies
from LandmarkDetectionLib.synthesis.bone_thickness import bone_thickness
from LandmarkDetectionLib.synthesis.rasterise import rasterise
from LandmarkDetectionLib.typing import Array

PIXEL = 6.0
# Share of the pixels with bone that may lie beside the body: most of them fingertips, toes and knees.
REST_OUTSIDE, POSED_OUTSIDE = 0.02, 0.06
FAT = ("fat-incr", "stomach-pregnant", "buttocks-volume", "waist-circ")
# Stature in cm from a bone's, slope and intercept: of women, and of men (Trotter and Gleser 1952).
STATURE_OF = {
    "femur": ((2.47, 54.10), (2.38, 61.41)),
    "tibia": ((2.90, 61.53), (2.52, 78.62)),
    "humerus": ((3.36, 57.97), (3.08, 70.45)),
    "ulna": ((4.27, 57.76), (3.70, 74.05)),
    "radius": ((4.74, 54.93), (3.78, 79.01)),
}
POINT = st.tuples(*[st.floats(-400, 400)] * 3)


@pytest.fixture(scope="module")
def real_binding(real_skeleton: Path) -> Binding:
    return load_binding(str(real_skeleton))


@pytest.fixture(scope="module", params=["small", "real"])
def binding(request: pytest.FixtureRequest) -> Binding:
    """The small skeleton, and where it is at hand the real one."""
    found = request.getfixturevalue(f"{request.param}_binding")
    assert isinstance(found, Binding)
    return found


def people(**chosen: tuple[float, ...]) -> Array:
    """Phenotypes (B, 11): every combination of what is chosen, of adults in the middle otherwise."""
    grid = np.stack(np.meshgrid(*chosen.values(), indexing="ij"), -1).reshape(-1, len(chosen))
    phenotype = np.full((len(grid), 11), 0.5)
    phenotype[:, PHENOTYPES.index("age")] = 0.7
    for column, name in enumerate(chosen):
        phenotype[:, PHENOTYPES.index(name)] = grid[:, column]
    return phenotype


def at_rest(binding: Binding, phenotype: Array, local: Array | None = None) -> tuple[Array, Array, Array]:
    """Vertices (B, V, 3), joints (B, J, 3) and points of bones (B, N, 3) of people at rest."""
    model = load_body_model()
    if local is None:
        local = np.zeros((len(phenotype), len(local_change_labels())))
    depth = usual_depth(phenotype)
    vertices, joints = model.rest(model.coefficients(phenotype, local))
    vertices = deepened(model, vertices, joints, depth)
    lean, lean_joints = model.rest(model.coefficients(*lean_twins(phenotype, local)))
    twins = deepened(model, lean, lean_joints, depth), lean_joints
    still = np.zeros((len(joints), binding.anchors, 3)), np.zeros((len(joints), len(binding.bump_scale), 3))
    return vertices, joints, binding.rest(*twins, joints, *still)


SIDE_NAMES = ("Right", "Left")


def bone(binding: Binding, points: Array, name: str) -> Array:
    """Points (B, n, 3) of one bone."""
    n = binding.names.index(name)
    return points[:, binding.surfaces.vertex_start[n] : binding.surfaces.vertex_start[n + 1]]


def share_outside(binding: Binding, vertices: Array, bones: Array, lateral: bool) -> Array:
    """Which share (B,) of the pixels that show bone lies beside the body."""
    seen = to_view(vertices, lateral)
    low, high = seen.min(axis=1) - 3 * PIXEL, seen.max(axis=1)
    columns, rows = (int(np.ceil(((high - low)[:, n]).max() / PIXEL)) + 3 for n in range(2))
    count = len(vertices)
    look = (low[:, :2].astype(np.float32), np.full((count, 2), PIXEL, np.float32))
    slab = np.full(count, -3e3, np.float32), np.full(count, 3e3, np.float32)
    front, _ = rasterise(vertices, load_body_model().faces, lateral, *look, *slab, (rows, columns))
    density = np.array([0.0 if "disk" in name else 1.0 for name in binding.names], np.float32)
    density = np.tile(np.concatenate([density, np.zeros(len(binding.cavity_of), np.float32)]), (count, 1))
    thickness, _ = bone_thickness(bones, binding.surfaces, density, lateral, *look, *slab, (rows, columns))
    shown = thickness > 1
    return np.asarray((shown & ~np.isfinite(front)).sum(axis=(1, 2)) / shown.sum(axis=(1, 2)))


# --- the warp -----------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_what_is_turned_sheared_or_scaled_is_carried_along_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sources, points = rng.uniform(-800, 800, (30, 3)), rng.uniform(-900, 900, (50, 3))
    matrix, shift = rng.normal(0, 1, (3, 3)), rng.normal(0, 100, 3)
    found = _spline(sources, points) @ (sources @ matrix.T + shift)
    np.testing.assert_allclose(found, points @ matrix.T + shift, atol=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(1, 25))
def test_control_points_are_met_but_for_the_smoothing(seed: int, deviation: float) -> None:
    """One that asks for 10 mm among neighbours 60 mm away is missed by a tenth of that."""
    rng = np.random.default_rng(seed)
    lattice = np.stack(np.meshgrid(*[np.arange(3) * 120.0] * 3), -1).reshape(-1, 3)
    sources = lattice + rng.uniform(-30, 30, lattice.shape)
    wanted = sources + rng.normal(0, deviation, sources.shape)
    missed = np.linalg.norm(_spline(sources, sources) @ wanted - wanted, axis=1)
    assert missed.max() < SMOOTHING * 0.12 * deviation


@given(POINT, POINT, POINT, POINT, st.integers(0, 1000))
def test_a_similarity_maps_both_ends_and_keeps_shapes(
    start: tuple[float, ...],
    end: tuple[float, ...],
    new_start: tuple[float, ...],
    new_end: tuple[float, ...],
    seed: int,
) -> None:
    ends = [np.array(one) for one in (start, end, new_start, new_end)]
    along, new_along = ends[1] - ends[0], ends[3] - ends[2]
    rng = np.random.default_rng(seed)
    across, new_across = rng.normal(0, 1, 3), rng.normal(0, 1, 3)
    if min(np.linalg.norm(np.cross(along, across)), np.linalg.norm(np.cross(new_along, new_across))) < 5:
        return
    way = similarity(ends[0], ends[1], across, ends[2], ends[3], new_across)
    np.testing.assert_allclose(way(np.stack(ends[:2])), np.stack(ends[2:]), atol=1e-6)
    points = rng.normal(0, 100, (12, 3))
    scale = np.linalg.norm(new_along) / np.linalg.norm(along)
    before, after = (np.linalg.norm(one[:, None] - one, axis=2) for one in (points, way(points)))
    np.testing.assert_allclose(after, before * scale, rtol=1e-6, atol=1e-6)
    axes = frame(along, across)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    assert np.linalg.det(axes) == pytest.approx(1)


@given(st.floats(-170, 170), st.integers(0, 1000))
def test_a_twist_leaves_one_end_turns_the_other_and_moves_nothing_along(degrees: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, end = np.zeros(3), np.array([0.0, 0.0, 250.0])
    points = np.concatenate([rng.normal(0, 20, (10, 2)), rng.uniform(-20, 270, (10, 1))], axis=1)
    moved = twisted(points, start, end, degrees)
    np.testing.assert_allclose(moved[:, 2], points[:, 2], atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(moved[:, :2], axis=1), np.linalg.norm(points[:, :2], axis=1), atol=1e-9
    )
    turn = np.unwrap(
        [np.arctan2(*one[1::-1]) - np.arctan2(*old[1::-1]) for one, old in zip(moved, points, strict=True)]
    )
    expected = np.radians(degrees) * np.clip(points[:, 2] / 250, 0, 1)
    np.testing.assert_allclose(np.exp(1j * np.asarray(turn)), np.exp(1j * expected), atol=1e-6)


# --- what a binding holds -----------------------------------------------------------------------------------


def test_every_point_is_moved_by_bones_whose_weights_sum_to_one(binding: Binding) -> None:
    np.testing.assert_allclose(binding.bone_weight.sum(axis=1), 1, atol=1e-6)
    assert (binding.bone_weight >= 0).all()
    assert (binding.bone_weight[:, 0] >= binding.bone_weight[:, 1]).all()  # skinning ends a row at a zero
    assert binding.bone_index.max() < len(load_body_model().bones) + 2
    assert len(binding.bone_index) == len(binding.trunk) == binding.clavicle.shape[1] == len(binding.warp)


def test_cavities_are_copies_of_their_bones_in_number_and_lie_inside_them(binding: Binding) -> None:
    starts, faces = binding.surfaces.vertex_start, binding.surfaces.face_start
    bones = len(binding.names)
    assert len(starts) == bones + len(binding.cavity_of) + 1
    _, _, points = at_rest(binding, reference_phenotype())
    corners = points[0].astype(float)[binding.surfaces.faces]
    which = np.repeat(np.arange(len(faces) - 1), np.diff(faces))
    volume = np.bincount(which, np.linalg.det(corners - points[0].mean(axis=0)) / 6)
    for n, owner in enumerate(binding.cavity_of):
        assert starts[bones + n + 1] - starts[bones + n] == starts[owner + 1] - starts[owner]
        assert volume[bones + n] < volume[owner], binding.names[owner]
    tubes = [n for n, owner in enumerate(binding.cavity_of) if binding.names[owner].endswith("femur")]
    assert len(tubes) == 2
    for n in tubes:
        assert 0.2 < volume[bones + n] / volume[binding.cavity_of[n]] < 0.9


def test_every_landmark_of_the_protocol_is_a_point_of_the_binding_or_of_the_skin(
    own_skeleton: Path,
) -> None:
    names = tuple(load_protocol("whole-body-bones").names)
    binding, model = load_binding(), load_body_model()
    changes = np.zeros((1, len(local_change_labels())))
    vertices, joints = model.rest(model.coefficients(reference_phenotype(), changes))
    nothing = np.zeros((1, binding.anchors, 3)), np.zeros((1, len(binding.bump_scale), 3))
    vertices = deepened(model, vertices, joints)
    bones = binding.rest(vertices, joints, joints, *nothing)
    of_bones = {name: bones[:, binding.point(name)] for name in binding.landmarks}
    positions = landmark_positions(model, vertices, joints, names, of_bones)[0]
    assert positions.shape == (len(names), 3)
    assert np.isfinite(positions).all()
    # The chin is above the knees, and the right is to the right.
    place = dict(zip(names, positions, strict=True))
    assert place["chin"][2] > place["hip_left"][2] > place["knee_left"][2] > place["ankle_left"][2]
    for name in names:
        if name.endswith("_right"):
            assert place[name][0] > place[name.removesuffix("_right") + "_left"][0]
    assert place["head_top"][2] == positions[:, 2].max()


def test_without_a_skeleton_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no bones at .*none\.npz"):
        load_binding(str(tmp_path / "none.npz"))


# --- bones in people ----------------------------------------------------------------------------------------


def test_bones_end_at_the_joints_of_the_body(binding: Binding) -> None:
    model = load_body_model()
    _, joints, points = at_rest(binding, people(gender=(0, 1), age=(0.2, 0.7), height=(0.2, 0.8)))
    for landmark, joint, most in (
        ("elbow_right", "lowerarm01.R", 12),
        ("wrist_left", "wrist.L", 12),
        ("knee_left", "lowerleg01.L", 15),
        ("ankle_right", "foot.R", 15),
    ):
        away = np.linalg.norm(points[:, binding.point(landmark)] - joints[:, model.bone(joint)], axis=1)
        assert away.max() < most, landmark


def test_right_and_left_are_mirror_images(small_binding: Binding) -> None:
    """Of a symmetric skeleton in a symmetric body, but for where its coarse skin has vertices."""
    _, _, points = at_rest(small_binding, people(gender=(0, 1)))
    for name in small_binding.landmarks:
        if name.endswith("_right"):
            other = name.removesuffix("_right") + "_left"
            right, left = (points[:, small_binding.point(one)] for one in (name, other))
            assert np.linalg.norm(right - left * (-1, 1, 1), axis=1).max() < 6, name


def test_what_lies_in_the_midline_of_the_skeleton_lies_in_that_of_the_body(binding: Binding) -> None:
    _, _, points = at_rest(binding, people(gender=(0, 1), age=(0.1, 0.7), height=(0.2, 0.8)))
    for name in binding.landmarks:
        if not name.endswith(("_right", "_left")):
            assert np.abs(points[:, binding.point(name), 0]).max() < 5, name


def test_fat_thickens_the_skin_and_not_the_bones(binding: Binding) -> None:
    phenotype = people(gender=(0, 1), weight=(0.45, 0.98))
    local = np.zeros((4, len(local_change_labels())))
    local[1::2] = [any(word in name for word in FAT) for name in local_change_labels()]
    vertices, _, points = at_rest(binding, phenotype, local)
    model = load_body_model()
    belly = np.isin(model.bone_index[:, 0], [model.bone(f"spine0{n}") for n in (3, 4, 5)])
    assert (np.diff(np.ptp(vertices[:, belly, 1], axis=1))[::2] > 100).all()
    assert (np.abs(np.diff(np.ptp(points[:, binding.trunk, 1], axis=1))[::2]) < 2).all()
    assert (np.linalg.norm(points[1::2] - points[::2], axis=2).max(axis=1) < 5).all()


def test_lean_people_are_their_own_twins() -> None:
    phenotype = people(weight=(0.1, 0.4, 0.9), muscle=(0.2, 0.9))
    local = np.random.default_rng(0).uniform(-1, 1, (len(phenotype), len(local_change_labels())))
    before = phenotype.copy(), local.copy()
    lean, changes = lean_twins(phenotype, local)
    np.testing.assert_array_equal(phenotype, before[0])
    np.testing.assert_array_equal(local, before[1])
    weight = PHENOTYPES.index("weight")
    np.testing.assert_array_equal(
        lean[phenotype[:, weight] < 0.45, weight], phenotype[phenotype[:, weight] < 0.45, weight]
    )
    assert lean[:, weight].max() < 0.5
    kept = {name: bool((changes[:, n] == local[:, n]).all()) for n, name in enumerate(local_change_labels())}
    assert kept["measure-upperleg-height-incr"]
    assert kept["head-scale-depth-incr"]
    assert not kept["stomach-pregnant-incr"]
    assert not kept["l-upperleg-fat-incr"]


@pytest.mark.parametrize("lateral", [False, True])
def test_bones_lie_inside_the_skin_of_all_ages_sexes_and_weights(binding: Binding, lateral: bool) -> None:
    phenotype = people(gender=(0, 1), age=(0.05, 0.35, 0.7, 1.0), weight=(0.1, 0.5, 0.95))
    vertices, _, points = at_rest(binding, phenotype)
    assert share_outside(binding, vertices, points, lateral).max() < REST_OUTSIDE


@pytest.mark.parametrize("lateral", [False, True])
def test_bones_lie_inside_the_skin_of_people_as_they_are_scanned(binding: Binding, lateral: bool) -> None:
    bodies = draw_bodies(load_body_model(), 16, np.random.default_rng(1), binding)
    assert bodies.bones is not None
    outside = share_outside(binding, bodies.vertices, bodies.bones, lateral)
    assert outside.max() < POSED_OUTSIDE
    assert np.median(outside) < POSED_OUTSIDE / 3


def test_long_bones_are_as_long_as_those_of_men_and_women(real_binding: Binding) -> None:
    """Against what their own stature lets expect, and the femur as a share of it.

    The femur is 26.7 % of stature in men and women of all origins (Feldesman, Kleckner and Lundy 1990). Knees
    and wrists are the body model's own, so the tolerance is wide.
    """
    vertices, _, points = at_rest(real_binding, people(gender=(1, 0)))  # a woman and a man
    stature = np.ptp(vertices[:, :, 2], axis=1)
    for name, rules in STATURE_OF.items():
        here = bone(real_binding, points, f"Right_{name}")[:, ::3]
        length = np.array([np.linalg.norm(one[:, None] - one, axis=2).max() for one in here])
        expected = [10 * (tall / 10 - rule[1]) / rule[0] for tall, rule in zip(stature, rules, strict=True)]
        np.testing.assert_allclose(length, expected, rtol=0.17, err_msg=name)
        if name == "femur":
            np.testing.assert_allclose(length / stature, 0.267, rtol=0.06)


def test_faces_have_the_proportions_of_faces(real_binding: Binding) -> None:
    """The ear canal lies at the height of the lower rim of the orbit (Frankfort 1884) and 3.5 to 5 cm behind
    the cheek bone's outermost place; faces are narrower than the skull (Farkas 1994)."""
    _, _, points = at_rest(real_binding, people(gender=(0, 1), height=(0.3, 0.7)))

    def place(name: str) -> Array:
        return points[:, real_binding.point(name)]

    assert np.abs((place("porion_right") - place("orbitale_right"))[:, 2]).max() < 8
    depth = (place("orbitale_left") - place("porion_left"))[:, 1]
    assert depth.min() > 62 and depth.max() < 95
    skull = np.concatenate(
        [bone(real_binding, points, f"{side}_parietal_bone") for side in SIDE_NAMES], axis=1
    )
    width = (place("zygion_right") - place("zygion_left"))[:, 0]
    assert (width / np.ptp(skull[:, :, 0], axis=1) > 0.82).all()
    assert (width / np.ptp(skull[:, :, 0], axis=1) < 1.0).all()


def test_the_acromion_roofs_the_head_of_the_humerus(real_binding: Binding) -> None:
    _, _, points = at_rest(real_binding, people(gender=(0, 1), height=(0.3, 0.7), weight=(0.4, 0.9)))
    for side, right in (("right", 1), ("left", -1)):
        away = (
            points[:, real_binding.point(f"acromion_{side}")]
            - points[:, real_binding.point(f"humeral_head_{side}")]
        )
        assert (np.abs(away[:, 0] * right) < 15).all()
        assert (away[:, 2] > 18).all() and (away[:, 2] < 42).all()


def test_hips_lie_in_the_pelvis_where_those_of_people_do(real_binding: Binding) -> None:
    """Below the front iliac spines by 79 % of the pelvis's height (Seidel et al. 1995), and not drawn back
    from the symphysis by the skin of the hips: by at most 38 % of the depth, where the man whose bones these
    are has 21 %."""
    _, _, points = at_rest(real_binding, people(gender=(0, 1), height=(0.3, 0.7)))

    def place(name: str) -> Array:
        return points[:, real_binding.point(name)]

    front, back, hip = (
        (place(f"{name}_right") + place(f"{name}_left")) / 2 for name in ("asis", "psis", "femoral_head")
    )
    symphysis, depth = place("pubic_symphysis"), (front - back)[:, 1]
    np.testing.assert_allclose((front - hip)[:, 2] / (front - symphysis)[:, 2], 0.79, atol=0.08)
    assert ((front - hip)[:, 1] / depth < 0.45).all()
    assert ((symphysis - hip)[:, 1] / depth < 0.38).all()


def test_the_breastbone_lies_as_far_before_the_spine_as_in_people(real_binding: Binding) -> None:
    """The thoracic inlet is 50 to 60 mm deep between T1 and the manubrium (Gray's Anatomy), beside half a
    vertebra and half a breastbone; the man whose bones these are has 76 mm between their middles."""
    _, _, points = at_rest(real_binding, people(gender=(0, 1), height=(0.3, 0.7)))

    def place(name: str) -> Array:
        return points[:, real_binding.point(name)]

    away = place("sternal_notch") - place("disc_c7_t1")
    length = np.linalg.norm(away, axis=1)  # of short and of tall women and men
    assert 60 < length.mean() < 74 and length.min() > 48 and length.max() < 82
    assert (away[:, 2] < -30).all() and (away[:, 1] > 30).all()
