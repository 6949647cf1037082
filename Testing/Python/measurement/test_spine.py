"""Cobb angles of drawn spines, whose tilts are known, by every branch of the rule."""

import numpy as np
import pytest

from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.measurement import Frame, measure
from LandmarkDetectionLib.measurement.cobb import cobb_angles, spine_problems
from Testing.examples.measurement_cases import spine, spine_landmarks

SPINE = load_protocol("spine-68")
HEIGHT = 720.0
K = np.arange(17)
C_CURVE = 20 * np.cos(np.pi * K / 16)
HIGH_S = np.interp(K, [0, 3, 7, 13, 16], [5, 18, -20, 8, 3])
LOW_S = np.interp(K, [0, 4, 9, 13, 16], [6, -10, 10, -25, 0])
NAMES = [f"V{k}" for k in K]


def measured(corners, first=0, sd=None, height=HEIGHT):
    return measure(spine_landmarks(corners, first, sd), SPINE, Frame.picture(height=height))


@pytest.mark.parametrize(
    ("tilts", "s_shaped", "expected"),
    [
        # Tilts are linear between their extremes, so each angle is a difference of two extremes.
        (C_CURVE, False, {"PT": 0, "MT": 40, "TL": 0}),
        (np.interp(K, [0, 4, 12, 16], [10, 15, -15, -8]), False, {"PT": 5, "MT": 30, "TL": 7}),
        (HIGH_S, True, {"PT": 13, "MT": 38, "TL": 28}),
        (LOW_S, True, {"PT": 16, "MT": 20, "TL": 35}),
    ],
)
def test_angles_of_drawn_spines_are_exact(tilts, s_shaped, expected):
    corners = spine(tilts)
    angles = cobb_angles(corners[None], HEIGHT)
    assert bool(angles.s_shaped[0]) is s_shaped
    found = measured(corners)
    for name, degrees in expected.items():
        assert found[name].value == pytest.approx(degrees, abs=0.1)


def test_the_half_of_the_picture_decides_between_the_two_s_rules():
    corners = spine(HIGH_S)
    assert cobb_angles(corners[None], 720.0).upper[0] and not cobb_angles(corners[None], 300.0).upper[0]
    # In the lower half the same largest angle becomes the thoracolumbar one.
    assert measured(corners, height=300.0)["TL"].value == pytest.approx(38, abs=0.1)


def test_a_mirrored_spine_has_the_same_angles():
    for tilts in (C_CURVE, HIGH_S, LOW_S):
        for name in ("PT", "MT", "TL"):
            here, there = measured(spine(tilts))[name], measured(spine(-tilts))[name]
            assert here.value == pytest.approx(there.value, abs=1e-6)


def test_vertebrae_that_lie_far_to_the_side_of_one_another_keep_their_angles():
    # A measuring tool that picks the nearest ends of two end plates gives 180 degrees less the angle there.
    corners = spine(C_CURVE)
    leaning = corners + np.stack([12.0 * K, 0.0 * K], axis=-1)[:, None]
    width = np.linalg.norm(corners[0, 1] - corners[0, 0])
    assert abs(leaning[16, 0, 0] - leaning[0, 0, 0]) > 2 * width
    assert measured(leaning)["MT"].value == pytest.approx(40, abs=0.1)


def test_each_angle_says_between_which_vertebrae_it_is_and_what_class_it_has():
    found = measured(spine(HIGH_S))["MT"]
    assert found.remarks[0] == "between T4 and T8"
    assert found.lines == (("t4_top_left", "t4_top_right"), ("t8_bottom_left", "t8_bottom_right"))
    assert found.class_name == "scoliosis"
    straight = measured(spine(np.interp(K, [0, 16], [4.9, -4.9])))["MT"]
    assert straight.class_name == "none" and straight.value == pytest.approx(9.8, abs=0.1)


def test_fewer_vertebrae_are_measured_and_it_is_said():
    found = measured(spine(C_CURVE[2:], top=120.0), first=2)["MT"]
    assert found.value == pytest.approx(C_CURVE[2] - C_CURVE[16], abs=0.1)
    assert "of 15 visible vertebrae, T3 to L5, instead of 17" in found.remarks


def test_a_vertebra_missing_between_others_is_a_gap():
    landmarks = spine_landmarks(spine(C_CURVE))
    kept = type(landmarks)(tuple(mark for mark in landmarks if not mark.name.startswith("t7_top_left")))
    found = measure(kept, SPINE, Frame.picture(height=HEIGHT))
    assert [one.gap for one in found] == ["needs T7, which is absent"] * 3
    two = type(landmarks)(landmarks.landmarks[:8])
    assert measure(two, SPINE)["MT"].gap == "needs at least 3 vertebrae, and 2 are visible"


def test_an_s_shape_needs_the_height_of_the_picture_and_a_c_shape_does_not():
    unknown = float("nan")
    assert measured(spine(LOW_S), height=unknown)["MT"].gap.startswith("needs the height of the picture")
    assert measured(spine(C_CURVE), height=unknown)["MT"].value == pytest.approx(40, abs=0.1)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda c: c[4].__setitem__(slice(None), c[4][[1, 0, 3, 2]]), "left and right corners of V4"),
        (lambda c: c[4].__setitem__(slice(None), c[4][[2, 3, 0, 1]]), "upper and lower corners of V4"),
        (lambda c: c[4].__setitem__(slice(None), c[4][[0, 1, 3, 2]]), "do not go around it"),
        (lambda c: c.__setitem__(slice(None), c[[0, 1, 2, 3, 5, 4, *range(6, 17)]]), "wrong order"),
        (lambda c: c[4].__setitem__(3, c[4][3] + [0, 40]), "V4 and V5 cross each other"),
    ],
)
def test_corners_that_cannot_be_right_are_named_and_not_measured(change, problem):
    corners = spine(C_CURVE)
    assert spine_problems(corners, NAMES) == []
    change(corners)
    assert any(problem in text for text in spine_problems(corners, NAMES))
    found = measured(corners)["MT"]
    assert found.value is None and found.gap.startswith("the corners cannot be right")


def test_a_whole_mirrored_naming_is_a_gap():
    corners = spine(C_CURVE)[:, [1, 0, 3, 2]]
    assert "left and right corners of T1 are exchanged" in measured(corners)["MT"].gap
