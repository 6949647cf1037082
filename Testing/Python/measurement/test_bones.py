"""Measurements between bony landmarks against values worked out by hand, and what must not change them."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.measurement import measure
from LandmarkDetectionLib.measurement.curve import largest_curve_angle
from LandmarkDetectionLib.measurement.measure import Measurements
from Testing.examples.measurement_cases import Point, in_picture, in_space, protocol_of

ANGLES = st.floats(-30.0, 30.0)
SHIFTS = st.tuples(*[st.floats(-200.0, 200.0)] * 3)

# Legs hang straight down from femoral heads 160 mm apart; the sacrum stands 30 mm behind and 100 mm above.
PELVIS: dict[str, Point] = {
    "femoral_head_right": (80.0, 0.0, 900.0),
    "femoral_head_left": (-80.0, 0.0, 900.0),
    "s1_endplate": (0.0, -30.0, 1000.0),
    "sacral_promontory": (0.0, -10.0, 980.0),
    "pubic_symphysis": (0.0, 50.0, 880.0),
    "asis_right": (120.0, 60.0, 980.0),
    "asis_left": (-120.0, 60.0, 980.0),
    "iliac_crest_right": (90.0, 0.0, 1050.0),
    "iliac_crest_left": (-90.0, 0.0, 1050.0),
}
LEGS: dict[str, Point] = {
    "femoral_notch_right": (80.0, 0.0, 500.0),
    "tibial_plateau_right": (80.0, 0.0, 490.0),
    "ankle_right": (80.0, 0.0, 100.0),
    "knee_right": (80.0, 0.0, 492.0),
    "femoral_notch_left": (-80.0, 0.0, 500.0),
    "tibial_plateau_left": (-80.0, 0.0, 490.0),
    "ankle_left": (-80.0, 0.0, 100.0),
    "knee_left": (-80.0, 0.0, 492.0),
}
BONES = {**PELVIS, **LEGS}


def measured(points: Mapping[str, Point]) -> Measurements:
    return measure(in_space(points), load_protocol("whole-body-bones"))


def value(points: Mapping[str, Point], name: str) -> float:
    found = measured(points)[name]
    assert found.value is not None, found.gap
    return found.value


def about(axis: int, degrees: float) -> np.ndarray:
    """The matrix of a turn about x, y or z."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.eye(3)
    first, last = [row for row in range(3) if row != axis]
    matrix[first, first] = matrix[last, last] = c
    matrix[first, last], matrix[last, first] = -s, s
    return matrix


def moved(points: Mapping[str, Point], matrix: np.ndarray, shift: tuple[float, ...]) -> dict[str, Point]:
    return {name: tuple(matrix @ np.asarray(place) + shift) for name, place in points.items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pelvic_tilt", math.degrees(math.atan2(30, 100))),
        ("sacral_slope", 45.0),
        ("pelvic_incidence", 45.0 + math.degrees(math.atan2(30, 100))),
        ("anterior_pelvic_plane_tilt", math.degrees(math.atan2(10, 100))),
        ("pelvic_obliquity", 0.0),
        ("iliac_obliquity", 0.0),
        ("asis_width", 240.0),
        ("thigh_right", 400.0),
        ("lower_leg_right", 390.0),
        ("leg_right", 800.0),
        ("leg_difference", 0.0),
        ("hip_knee_ankle_right", 0.0),
        ("hip_knee_ankle_left", 0.0),
        ("mechanical_axis_deviation_right", 0.0),
        ("mechanical_axis_deviation_left", 0.0),
        ("knee_angle_left", 180.0),
    ],
)
def test_values_of_a_drawn_skeleton_are_those_worked_out_by_hand(name: str, expected: float) -> None:
    assert value(BONES, name) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_bowed_leg_is_varus_and_its_axis_passes_medially_on_both_sides(side: str) -> None:
    outwards = 1 if side == "right" else -1
    bowed = dict(BONES)
    for joint in ("femoral_notch", "tibial_plateau", "knee"):
        x, y, z = BONES[f"{joint}_{side}"]
        bowed[f"{joint}_{side}"] = (x + outwards * 20.0, y, z)
    expected = -math.degrees(math.atan2(20, 400) + math.atan2(20, 390))
    found = measured(bowed)
    assert found[f"hip_knee_ankle_{side}"].value == pytest.approx(expected)
    assert found[f"hip_knee_ankle_{side}"].class_name == "varus"
    assert found[f"mechanical_axis_deviation_{side}"].value == pytest.approx(20.0)
    knocked = {
        name: (2 * BONES[name][0] - x, y, z) if name.endswith(side) else (x, y, z)
        for name, (x, y, z) in bowed.items()
    }
    assert value(knocked, f"hip_knee_ankle_{side}") == pytest.approx(-expected)
    assert value(knocked, f"mechanical_axis_deviation_{side}") == pytest.approx(-20.0)


def test_obliquity_is_positive_where_the_left_side_stands_higher_and_a_longer_left_leg_counts_positive() -> (
    None
):
    points = {
        **BONES,
        "femoral_head_left": (-80.0, 0.0, 916.0),
        "iliac_crest_left": (-90.0, 0.0, 1062.0),
    }
    found = measured(points)
    assert found["pelvic_obliquity"].value == pytest.approx(math.degrees(math.atan2(16, 160)))
    assert found["iliac_obliquity"].value == pytest.approx(math.degrees(math.atan2(12, 180)))
    assert found["leg_difference"].value == pytest.approx(16.0)


@settings(max_examples=30, deadline=None)
@given(nod=ANGLES, shift=SHIFTS)
def test_nodding_changes_slope_and_tilt_by_the_same_and_the_incidence_not_at_all(
    nod: float, shift: tuple[float, ...]
) -> None:
    before, after = measured(BONES), measured(moved(BONES, about(0, nod), shift))
    change = {name: after[name].value - before[name].value for name in ("sacral_slope", "pelvic_tilt")}
    assert change["pelvic_tilt"] == pytest.approx(nod, abs=1e-6)
    assert change["sacral_slope"] == pytest.approx(-nod, abs=1e-6)
    assert after["pelvic_incidence"].value == pytest.approx(before["pelvic_incidence"].value, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(turns=st.tuples(ANGLES, ANGLES, ANGLES), shift=SHIFTS)
def test_no_turn_or_shift_changes_a_length(turns: tuple[float, ...], shift: tuple[float, ...]) -> None:
    matrix = about(0, turns[0]) @ about(1, turns[1]) @ about(2, turns[2])
    before, after = measured(BONES), measured(moved(BONES, matrix, shift))
    for name in ("thigh_left", "lower_leg_right", "leg_left", "leg_difference", "asis_width", "hip_width"):
        if before[name].value is not None:
            assert after[name].value == pytest.approx(before[name].value, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(lean=ANGLES, shift=SHIFTS)
def test_leaning_sideways_leaves_the_angles_within_a_leg_and_adds_to_the_obliquity(
    lean: float, shift: tuple[float, ...]
) -> None:
    bowed = {**BONES, "femoral_notch_right": (95.0, 5.0, 500.0), "tibial_plateau_right": (92.0, 3.0, 490.0)}
    before, after = measured(bowed), measured(moved(bowed, about(1, lean), shift))
    for name in ("hip_knee_ankle_right", "mechanical_axis_deviation_right"):
        assert after[name].value == pytest.approx(before[name].value, abs=1e-6)
    assert abs(after["pelvic_obliquity"].value) == pytest.approx(abs(lean), abs=1e-6)


def test_a_middle_of_two_landmarks_needs_both_and_is_drawn_to_both() -> None:
    one = {name: place for name, place in BONES.items() if name != "femoral_head_left"}
    assert measured(one)["pelvic_tilt"].gap == "needs Left femoral head, which is not among the landmarks"
    lines = measured(BONES)["pelvic_tilt"].lines
    assert set(lines) == {("femoral_head_right", "s1_endplate"), ("femoral_head_left", "s1_endplate")}


# --- curves ---

SPINE = [f"vertebra_t{level}" for level in range(1, 13)] + [f"vertebra_l{level}" for level in range(1, 6)]
DOWN = np.concatenate([[0.0], np.cumsum([22.0] * 11 + [28.0] + [33.0] * 4)])


def spine(curves: int, degrees: float, lordosis: float = 0.0) -> np.ndarray:
    """(17, 2) sideways and down: a sine whose tangents differ by some degrees at most."""
    frequency = np.pi * curves / DOWN[-1]
    size = math.tan(math.radians(degrees / 2)) / frequency
    return np.stack([size * np.sin(frequency * DOWN), DOWN], axis=1)


@pytest.mark.parametrize("curves", [1, 2, 3])
@pytest.mark.parametrize("degrees", [10.0, 30.0, 45.0])
def test_one_to_three_curves_have_the_angle_of_their_tangents(curves: int, degrees: float) -> None:
    found = largest_curve_angle(spine(curves, degrees)[None])[0]
    assert found == pytest.approx(degrees, abs=0.5 + 0.04 * degrees)


def test_a_straight_spine_with_noise_of_a_millimetre_stays_below_ten_degrees() -> None:
    noise = np.random.default_rng(0).normal(0.0, 1.0, (500, 17, 2))
    found = largest_curve_angle(spine(1, 0.0) + noise)
    assert found.mean() < 3.0
    assert (found < 10.0).all()


@settings(max_examples=40, deadline=None)
@given(
    degrees=st.floats(5.0, 60.0),
    turn=st.floats(-180.0, 180.0),
    scale=st.floats(0.2, 5.0),
    shift=st.tuples(*[st.floats(-100.0, 100.0)] * 2),
)
def test_turning_shifting_and_scaling_changes_no_curve(
    degrees: float, turn: float, scale: float, shift: tuple[float, float]
) -> None:
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    points = spine(2, degrees)
    found = largest_curve_angle((scale * points @ np.array([[c, -s], [s, c]]).T + shift)[None])
    assert found[0] == pytest.approx(largest_curve_angle(points[None])[0], abs=1e-6)


def test_what_is_no_curve_has_no_angle_and_does_not_disturb_its_neighbours() -> None:
    exchanged = spine(1, 30.0)
    exchanged[[4, 5]] = exchanged[[5, 4]]
    absent = spine(1, 30.0)
    absent[3] = np.nan
    found = largest_curve_angle(np.stack([spine(1, 30.0), exchanged, absent, np.zeros((17, 2))]))
    assert np.isnan(found).tolist() == [False, True, True, True]
    assert found[0] == pytest.approx(largest_curve_angle(spine(1, 30.0)[None])[0])


def upright(plane: np.ndarray, sideways: int) -> dict[str, Point]:
    """Centres of vertebrae in space from sideways and down, 1400 mm at the top; sideways is x or y."""
    places = np.zeros((17, 3))
    places[:, sideways] = plane[:, 0]
    places[:, 2] = 1400.0 - plane[:, 1]
    return {name: tuple(place) for name, place in zip(SPINE, places, strict=True)}


def test_a_scoliosis_is_seen_from_the_front_only() -> None:
    found = measured(upright(spine(1, 40.0), 0))["scoliosis_angle"]
    assert found.value == pytest.approx(40.0, abs=4.0) and found.class_name == "curve"
    assert value(upright(spine(1, 40.0), 1), "scoliosis_angle") == pytest.approx(0.0, abs=1e-6)


def test_vertebrae_in_the_wrong_order_give_a_gap_that_says_so() -> None:
    points = upright(spine(1, 20.0), 0)
    points["vertebra_t5"], points["vertebra_t6"] = points["vertebra_t6"], points["vertebra_t5"]
    assert measured(points)["scoliosis_angle"].gap == (
        "cannot be computed, as its landmarks do not follow one another along the curve"
    )
    del points["vertebra_t7"]
    assert measured(points)["scoliosis_angle"].gap == "needs Vertebra T7, which is not among the landmarks"


def test_round_backs_and_hollow_ones_count_positive() -> None:
    """An arc of 60 degrees: from the middle of T4 and T5 to that of T11 and T12 it turns by a part of it."""
    back = spine(1, 60.0)
    kyphotic = upright(back * (-1.0, 1.0), 1)  # to the back
    lordotic = upright(back, 1)
    lean = np.degrees(np.arctan2(np.diff(back[:, 0]), np.diff(back[:, 1])))
    assert value(kyphotic, "thoracic_kyphosis") == pytest.approx(lean[3] - lean[10])
    assert value(lordotic, "lumbar_lordosis") == pytest.approx(lean[12] - lean[15])
    assert value(lordotic, "thoracic_kyphosis") == pytest.approx(lean[10] - lean[3])


def test_a_head_held_level_has_a_frankfort_line_without_inclination() -> None:
    head = {
        "porion_right": (60.0, 0.0, 1500.0),
        "porion_left": (-60.0, 0.0, 1504.0),
        "orbitale_right": (30.0, 80.0, 1502.0),
        "orbitale_left": (-30.0, 80.0, 1502.0),
    }
    assert value(head, "frankfort_inclination") == pytest.approx(0.0, abs=1e-9)
    assert value(moved(head, about(0, 12.0), (0, 0, 0)), "frankfort_inclination") == pytest.approx(12.0)


def test_the_balance_of_the_trunk_is_that_of_c7_over_the_sacrum() -> None:
    points = {"vertebra_c7": (-12.0, 5.0, 1450.0), "s1_endplate": (3.0, -20.0, 1000.0)}
    found = measured(points)["coronal_balance"]
    assert found.value == pytest.approx(15.0) and found.position == "within"


def test_the_angle_of_t1_is_seen_from_the_hips() -> None:
    points = {**BONES, "vertebra_t1": (0.0, -40.0, 1400.0)}
    expected = math.degrees(math.atan2(30, 100) - math.atan2(40, 500))
    assert value(points, "t1_pelvic_angle") == pytest.approx(expected)


def test_a_curve_in_a_picture_needs_no_plane() -> None:
    points = {name: tuple(place) for name, place in zip(SPINE, spine(1, 30.0), strict=True)}
    protocol = protocol_of([{"kind": "curve_angle", "name": "x", "landmarks": SPINE}], SPINE, view="picture")
    assert measure(in_picture(points), protocol)["x"].value == pytest.approx(30.0, abs=3.0)
