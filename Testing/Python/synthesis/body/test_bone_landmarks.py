"""Landmarks on a skeleton of spheres and rods, whose answers are known by construction."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.body.bone_geometry import head_centre, outermost, solid_centre
from LandmarkDetectionLib.synthesis.body.bone_landmarks import bone_landmarks
from LandmarkDetectionLib.typing import FloatArray
from Testing.examples.skeleton import (
    FEMORAL_HEAD,
    HUMERAL_HEAD,
    VERTEBRAE,
    ball,
    disc_level,
    ellipsoid,
    made_skeleton,
    rod,
)

SHIFTS = st.tuples(*[st.floats(-300.0, 300.0, allow_nan=False)] * 3)


@pytest.fixture(scope="module")
def landmarks() -> dict[str, tuple[str, FloatArray]]:
    return bone_landmarks(made_skeleton())


def mirrored(bones: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """The skeleton in a mirror: right bones become left ones."""
    swap = {"Right": "Left", "Left": "Right", "right": "left", "left": "right"}

    def other(name: str) -> str:
        return "_".join(swap.get(part, part) for part in name.split("_"))

    return {other(name): points * (-1.0, 1.0, 1.0) for name, points in bones.items()}


def test_every_landmark_of_the_protocol_but_the_skins_comes_from_bones(
    landmarks: dict[str, tuple[str, FloatArray]],
) -> None:
    names = load_protocol("whole-body-bones").names
    assert set(names) - set(landmarks) == {"head_top"}
    assert set(landmarks) <= set(names)
    assert {bone for bone, _ in landmarks.values()} <= set(made_skeleton())


def test_joint_heads_are_the_centres_of_their_spheres(landmarks: dict[str, tuple[str, FloatArray]]) -> None:
    for names, centre in (
        (("femoral_head", "hip"), FEMORAL_HEAD),
        (("humeral_head", "shoulder"), HUMERAL_HEAD),
    ):
        for name in names:
            np.testing.assert_allclose(landmarks[f"{name}_right"][1], centre, atol=0.3)
            np.testing.assert_allclose(landmarks[f"{name}_left"][1], centre * (-1, 1, 1), atol=0.3)
    assert landmarks["femoral_head_left"][0] == "Left_femur"


def test_bodies_of_vertebrae_lie_midway_between_their_discs(
    landmarks: dict[str, tuple[str, FloatArray]],
) -> None:
    levels = [f"c{n}" for n in range(2, 8)] + [f"t{n}" for n in range(1, 13)] + [f"l{n}" for n in range(1, 6)]
    for index, level in enumerate(levels[1:], start=1):
        bone, position = landmarks[f"vertebra_{level}"]
        assert bone == VERTEBRAE[index]
        middle = (disc_level(index - 1) + disc_level(index)) / 2.0
        np.testing.assert_allclose(position, [0.0, 20.0, middle], atol=0.2)
    np.testing.assert_allclose(landmarks["disc_c7_t1"][1], [0.0, 20.0, disc_level(5)], atol=0.2)
    np.testing.assert_allclose(landmarks["disc_t12_l1"][1], [0.0, 20.0, disc_level(17)], atol=0.2)
    np.testing.assert_allclose(landmarks["disc_l5_s1"][1], [0.0, 20.0, disc_level(22)], atol=0.2)


def test_the_body_of_c2_lies_below_its_dens_and_the_end_plate_of_s1_below_the_last_disc(
    landmarks: dict[str, tuple[str, FloatArray]],
) -> None:
    top = disc_level(0)
    np.testing.assert_allclose(landmarks["dens"][1], [0.0, 20.0, top + 35.0], atol=0.1)
    assert top + 5.0 < landmarks["vertebra_c2"][1][2] < top + 16.0
    assert disc_level(22) - 3.5 < landmarks["s1_endplate"][1][2] < disc_level(22) - 1.5
    assert landmarks["sacral_promontory"][1][1] > 30.0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("middle_finger_right", (276.0, 0.0, 635.0)),
        ("thumb_left", (-315.0, 0.0, 705.0)),
        ("big_toe_right", (75.0, 190.0, 5.0)),
        ("little_toe_left", (-125.0, 150.0, 5.0)),
        ("humeral_epicondyle_medial_right", (190.0, -10.0, 1060.0)),
        ("humeral_epicondyle_lateral_left", (-250.0, -10.0, 1060.0)),
        ("elbow_right", (220.0, -10.0, 1060.0)),
        ("coccyx", (0.0, -25.0, 810.0)),
        ("patella_left", (-80.0, 40.0, 440.0)),
        ("talus_right", (80.0, -8.0, 60.0)),
        ("calcaneus_right", (82.0, -30.0, 25.0)),
        ("malleolus_lateral_right", (108.0, -20.0, 60.0)),
        ("olecranon_left", (-215.0, -20.0, 1065.0)),
        ("radial_styloid_right", (270.0, 0.0, 818.0)),
        ("ulnar_styloid_right", (240.0, 0.0, 820.0)),
        ("femoral_epicondyle_medial_right", (38.0, -5.0, 430.0)),
        ("femoral_epicondyle_lateral_right", (122.0, -5.0, 430.0)),
        ("knee_right", (80.0, -5.0, 410.0)),
        ("tibial_plateau_right", (80.0, -5.0, 406.0)),
        ("ankle_left", (-80.0, -8.0, 76.0)),
        ("wrist_right", (255.0, 0.0, 819.0)),
        ("asis_right", (110.0, 80.0, 960.0)),
        ("psis_left", (-110.0, -60.0, 960.0)),
        ("iliac_crest_right", (110.0, 10.0, 990.0)),
        ("greater_trochanter_right", (130.0, 0.0, 850.0)),
        ("coracoid_left", (-140.0, 25.0, 1365.0)),
        ("acromion_right", (172.0, -20.0, 1390.0)),
        ("scapula_inferior_angle_right", (95.0, -80.0, 1230.0)),
        ("clavicle_medial_right", (15.0, 75.0, 1365.0)),
        ("clavicle_lateral_right", (145.0, -10.0, 1385.0)),
        ("metatarsal_5_base_right", (110.0, 35.0, 12.0)),
        ("metatarsal_1_head_right", (75.0, 140.0, 10.0)),
        ("sternal_notch", (0.0, 85.0, 1365.0)),
        ("xiphoid", (0.0, 125.0, 1210.0)),
        ("sternal_angle", (0.0, 110.0, 1320.0)),
        ("pubic_symphysis", (0.0, 60.0, 830.0)),
        ("chin", (0.0, 100.0, 1463.0)),
        ("basion", (0.0, 31.0, 1518.0)),
        ("opisthion", (0.0, -2.0, 1515.0)),
        ("nasion", (0.0, 102.0, 1575.0)),
        ("mastoid_right", (58.0, -5.0, 1522.0)),
        ("mandibular_condyle_left", (-45.0, 25.0, 1540.0)),
        ("gonion_right", (42.0, 35.0, 1490.0)),
        ("zygion_right", (68.0, 55.0, 1542.0)),
        ("orbitale_right", (28.0, 95.0, 1546.0)),
    ],
)
def test_a_point_lies_where_the_skeleton_was_made_to_have_it(
    landmarks: dict[str, tuple[str, FloatArray]], name: str, expected: tuple[float, ...]
) -> None:
    # Rods have a radius of up to 10 mm, so the extreme of an oblique one lies a few millimetres off its axis.
    assert np.linalg.norm(landmarks[name][1] - expected) < 9.0


def test_the_eye_lies_in_the_opening_of_the_orbit(landmarks: dict[str, tuple[str, FloatArray]]) -> None:
    eye = landmarks["eye_right"][1]
    assert 20.0 < eye[0] < 42.0
    assert landmarks["orbitale_right"][1][2] + 8.0 < eye[2] < 1580.0


def test_right_and_left_are_mirror_images(landmarks: dict[str, tuple[str, FloatArray]]) -> None:
    paired = [name.removesuffix("_right") for name in landmarks if name.endswith("_right")]
    assert len(paired) > 40
    for name in paired:
        right, left = landmarks[f"{name}_right"][1], landmarks[f"{name}_left"][1]
        np.testing.assert_allclose(left, right * (-1, 1, 1), atol=0.1, err_msg=name)


def test_a_mirrored_skeleton_has_mirrored_landmarks() -> None:
    """Also one that is not symmetric: its left thigh is longer, its left elbow is narrower."""
    bones = dict(made_skeleton())
    bones["Left_femur"] = bones["Left_femur"] * (1.0, 1.0, 1.05)
    bones["Left_humerus"] = bones["Left_humerus"][:-8]
    here, there = bone_landmarks(bones), bone_landmarks(mirrored(bones))
    assert set(here) == set(there)
    for name, (_, position) in here.items():
        swapped = name.replace("_right", "_LEFT").replace("_left", "_right").replace("_LEFT", "_left")
        np.testing.assert_allclose(there[swapped][1], position * (-1, 1, 1), atol=1e-6, err_msg=name)


@settings(max_examples=8, deadline=None)
@given(shift=SHIFTS)
def test_landmarks_move_with_the_skeleton(shift: tuple[float, float, float]) -> None:
    resting = bone_landmarks(made_skeleton())
    moved = bone_landmarks({name: points + shift for name, points in made_skeleton().items()})
    for name, (bone, position) in resting.items():
        assert moved[name][0] == bone
        np.testing.assert_allclose(moved[name][1], position + shift, atol=0.3, err_msg=name)


def test_what_lacks_a_bone_is_left_out_and_the_rest_stays(
    landmarks: dict[str, tuple[str, FloatArray]],
) -> None:
    gone = {"Left_femur", "Intervertebral_disk_of_first_lumbar_vertebra"}
    found = bone_landmarks({name: points for name, points in made_skeleton().items() if name not in gone})
    missing = set(landmarks) - set(found)
    assert {"femoral_head_left", "hip_left", "knee_left", "vertebra_l1", "vertebra_l2"} <= missing
    assert {bone for bone, _ in (landmarks[name] for name in missing)} == {
        "Left_femur",
        "First_lumbar_vertebra",
        "Second_lumbar_vertebra",
    }
    for name, (bone, position) in found.items():
        assert bone == landmarks[name][0]
        np.testing.assert_array_equal(position, landmarks[name][1])
    assert bone_landmarks({}) == {}


def test_a_head_of_no_adults_size_is_refused_with_a_sentence() -> None:
    femur = made_skeleton()["Right_femur"] * 0.5
    with pytest.raises(InputError, match="Femur: no sphere of 18 to 30 mm radius"):
        bone_landmarks({"Right_femur": femur})


@settings(max_examples=20, deadline=None)
@given(radius=st.floats(18.5, 29.5), centre=SHIFTS, share=st.floats(0.45, 1.0))
def test_a_sphere_is_found_among_other_vertices(
    radius: float, centre: tuple[float, float, float], share: float
) -> None:
    """A cap of the sphere and a neck beside it, as joint heads are."""
    cap = ball(centre, radius, 150)
    cap = cap[cap[:, 2] >= np.quantile(cap[:, 2], 1.0 - share)]
    neck = rod(np.asarray(centre) - (0, 0, radius), np.asarray(centre) - (radius, 0, 2.5 * radius), 9.0)
    found = head_centre(np.concatenate([cap, neck]), "a bone")
    np.testing.assert_allclose(found, centre, atol=0.1)


def test_a_centre_does_not_lean_towards_the_finer_half_of_a_mesh() -> None:
    coarse, fine = ellipsoid((5, 6, 7), (20, 10, 8), 150), ellipsoid((5, 6, 7), (20, 10, 8), 4000)
    points = np.concatenate([coarse, fine[fine[:, 0] > 10]])
    assert abs(points.mean(axis=0)[0] - 5) > 5
    np.testing.assert_allclose(solid_centre(points), [5, 6, 7], atol=0.2)


def test_an_extreme_is_the_middle_of_a_flat_end() -> None:
    np.testing.assert_allclose(outermost(rod((0, 0, 0), (0, 0, 50), 6), (0, 0, 2)), [0, 0, 50], atol=1e-9)


def test_points_of_a_real_skeleton_are_symmetric_and_as_far_apart_as_anatomy_has_them(
    real_data: Path,
) -> None:
    file = real_data / "skeleton" / "bodyparts3d_bones.npz"
    if not file.exists():
        pytest.skip(f"no skeleton at {file}")
    with np.load(file) as stored:
        starts = stored["vertex_start"]
        bones = {
            str(name): stored["vertices"][starts[k] : starts[k + 1]] for k, name in enumerate(stored["names"])
        }
    found = {name: position for name, (_, position) in bone_landmarks(bones).items()}
    assert len(found) == 140
    for name in [name.removesuffix("_right") for name in found if name.endswith("_right")]:
        assert np.linalg.norm(found[f"{name}_right"] - found[f"{name}_left"] * (-1, 1, 1)) < 8.0, name

    def distance(first: str, second: str) -> float:
        return float(np.linalg.norm(found[first] - found[second]))

    assert 380 < distance("femoral_head_right", "knee_right") < 450
    assert 150 < distance("femoral_head_right", "femoral_head_left") < 190
    assert 25 < distance("basion", "opisthion") < 45
    assert 4 < distance("basion", "dens") < 16
    spine = [name for name in found if name.startswith("vertebra_")] + ["s1_endplate"]
    steps = [distance(first, second) for first, second in pairwise(spine)]
    assert min(steps) > 13
    assert max(steps) < 40
