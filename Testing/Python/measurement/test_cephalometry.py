"""The eight measures of the ISBI 2015 benchmark: definitions, and every border between classes."""

import math

import numpy as np
import pytest

from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.measurement import measure
from Testing.examples.measurement_cases import FACE, in_picture

CEPHALOMETRIC = load_protocol("cephalometric-19")
DEFINITIONS = {one.name: one for one in CEPHALOMETRIC.measurements}


def class_of(name, value):
    found = next((one for one in DEFINITIONS[name].classes if one.holds(value)), None)
    return found.name if found else None


def up(value):
    return float(np.nextafter(value, np.inf))


def down(value):
    return float(np.nextafter(value, -np.inf))


@pytest.mark.parametrize(
    ("name", "low", "high", "below", "above"),
    [
        ("ANB", 3.2, 5.7, "3", "2"),
        ("SNB", 74.6, 78.7, "2", "3"),
        ("SNA", 79.4, 83.2, "3", "2"),
        ("ODI", 68.4, 80.5, "3", "2"),
        ("APDI", 77.6, 85.2, "2", "3"),
        ("FHI", 0.65, 0.75, "3", "2"),
        ("FMA", 26.8, 31.4, "3", "2"),
    ],
)
def test_the_borders_belong_to_the_normal_class_and_one_step_beyond_is_the_next(
    name, low, high, below, above
):
    values = (down(low), low, up(low), down(high), high, up(high))
    assert [class_of(name, value) for value in values] == [below, "1", "1", "1", "1", above]


def test_the_incisors_have_four_classes_and_a_gap_that_the_benchmark_leaves():
    values = (-3.0, down(0), 0.0, up(0), 1.0, down(2), 2.0, 4.5, up(4.5), 9.0)
    found = [class_of("MW", value) for value in values]
    assert found == ["3", "3", "2", None, None, None, "1", "1", "4", "4"]


def polar(x, y, degrees, distance=60.0):
    """The point in a direction, degrees from the picture's right, clockwise."""
    return (
        x + distance * math.cos(math.radians(degrees)),
        y + distance * math.sin(math.radians(degrees)),
    )


@pytest.mark.parametrize(
    ("sna", "snb", "classes"),
    [
        (79.41, 76.0, ("1", "1", "1")),
        (79.39, 76.0, ("3", "1", "1")),
        (83.19, 79.0, ("1", "3", "1")),
        (83.21, 77.0, ("2", "1", "2")),
        (80.0, 74.59, ("1", "2", "1")),
        (80.0, 74.61, ("1", "1", "1")),
        (82.0, 78.69, ("1", "1", "1")),
        (82.0, 78.71, ("1", "3", "1")),
        (80.0, 76.81, ("1", "1", "3")),
        (80.0, 76.79, ("1", "1", "1")),
        (82.0, 76.31, ("1", "1", "1")),
        (82.0, 76.29, ("1", "1", "2")),
    ],
)
def test_jaws_drawn_at_known_angles_get_their_classes(sna, snb, classes):
    # With S to the left of N at the same height, an angle at N is one from the picture's left, anticlockwise.
    nasion = (150.0, 80.0)
    face = {
        **FACE,
        "sella": (80.0, 80.0),
        "nasion": nasion,
        "subspinale": polar(*nasion, 180 - sna),
        "supramentale": polar(*nasion, 180 - snb, 95),
    }
    found = measure(in_picture(face), CEPHALOMETRIC)
    assert found["SNA"].value == pytest.approx(sna) and found["SNB"].value == pytest.approx(snb)
    assert found["ANB"].value == pytest.approx(sna - snb)
    assert tuple(found[name].class_name for name in ("SNA", "SNB", "ANB")) == classes


@pytest.mark.parametrize(
    ("ab", "palatal", "odi", "name"),
    [
        (70.0, 5.0, 75.0, "1"),
        (70.0, -1.61, 68.39, "3"),
        (70.0, -1.59, 68.41, "1"),
        (75.0, 5.49, 80.49, "1"),
        (75.0, 5.51, 80.51, "2"),
    ],
)
def test_odi_adds_the_palatal_plane_with_its_sign(ab, palatal, odi, name):
    # The Frankfort horizontal is level; a palatal plane that falls towards the front has a positive angle.
    menton, b = (136.0, 201.0), (143.0, 176.0)
    face = {
        **FACE,
        "porion": (60.0, 110.0),
        "orbitale": (140.0, 110.0),
        "anterior_nasal_spine": polar(98.0, 130.0, palatal),
        "menton": menton,
        "gonion": polar(*menton, 200, 70),
        "supramentale": b,
        "subspinale": polar(*b, 200 + ab, 40),
    }
    found = measure(in_picture(face), CEPHALOMETRIC)["ODI"]
    assert found.value == pytest.approx(odi) and found.class_name == name


@pytest.mark.parametrize(
    ("facial", "ab", "palatal", "apdi", "name"),
    [
        (87.0, -5.0, 1.0, 83.0, "1"),
        (87.0, 5.0, 1.0, 93.0, "3"),
        (80.0, -3.0, 0.59, 77.59, "2"),
        (80.0, -3.0, 0.61, 77.61, "1"),
        (90.0, -3.0, -1.81, 85.19, "1"),
        (90.0, -3.0, -1.79, 85.21, "3"),
    ],
)
def test_apdi_takes_the_ab_line_before_or_behind_the_facial_plane(facial, ab, palatal, apdi, name):
    # Downwards is 90 degrees. A B point behind the A point makes the benchmark's cross product positive.
    nasion, a = (150.0, 80.0), (149.0, 138.0)
    down_the_face = 180 - facial
    face = {
        **FACE,
        "porion": (60.0, 110.0),
        "orbitale": (140.0, 110.0),
        "nasion": nasion,
        "pogonion": polar(*nasion, down_the_face, 110),
        "subspinale": a,
        "supramentale": polar(*a, down_the_face - ab, 40),
        "anterior_nasal_spine": polar(98.0, 130.0, palatal),
    }
    found = measure(in_picture(face), CEPHALOMETRIC)["APDI"]
    assert found.value == pytest.approx(apdi) and found.class_name == name


@pytest.mark.parametrize(("posterior", "name"), [(64.9, "3"), (65.1, "1"), (74.9, "1"), (75.1, "2")])
def test_fhi_is_the_posterior_by_the_anterior_facial_height(posterior, name):
    face = {**FACE, "nasion": (150.0, 80.0), "menton": (150.0, 180.0), "sella": (80.0, 90.0)}
    face["gonion"] = (80.0, 90.0 + posterior)
    found = measure(in_picture(face), CEPHALOMETRIC)["FHI"]
    assert found.value == pytest.approx(posterior / 100) and found.class_name == name


@pytest.mark.parametrize(("degrees", "name"), [(26.79, "3"), (26.81, "1"), (31.39, "1"), (31.41, "2")])
def test_fma_is_measured_against_the_line_from_sella_to_nasion(degrees, name):
    face = {**FACE, "sella": (80.0, 80.0), "nasion": (150.0, 80.0), "gnathion": polar(76, 170, degrees)}
    found = measure(in_picture(face), CEPHALOMETRIC)["FMA"]
    assert found.value == pytest.approx(degrees) and found.class_name == name


@pytest.mark.parametrize(
    ("step", "value", "name"),
    [
        ((3.0, 0.0), 3.0, "1"),
        ((2.0, 0.0), 2.0, "1"),
        ((4.5, 0.0), 4.5, "1"),
        ((4.51, 0.0), 4.51, "4"),
        ((1.5, 0.0), 1.5, ""),
        ((0.0, 3.0), 0.0, "2"),
        ((-1.0, 2.0), -math.hypot(1, 2), "3"),
    ],
)
def test_the_incisors_distance_has_the_sign_of_their_order(step, value, name):
    face = {**FACE, "lower_incisor": (128.0, 64.0), "upper_incisor": (128.0 + step[0], 64.0 + step[1])}
    found = measure(in_picture(face), CEPHALOMETRIC)["MW"]
    assert found.value == pytest.approx(value) and found.class_name == name
    if name == "":
        assert "no class is defined for this value" in found.remarks


def test_the_common_analyses_agree_with_a_drawing():
    # Frankfort horizontal level, nasion perpendicular at x = 150.
    face = {**FACE, "porion": (60.0, 110.0), "orbitale": (140.0, 110.0), "nasion": (150.0, 80.0)}
    face |= {"subspinale": (151.0, 140.0), "pogonion": (147.0, 190.0), "upper_incisor": (156.0, 160.0)}
    face |= {"gonion": (76.0, 170.0), "menton": (136.0, 170.0 + 60 * math.tan(math.radians(25)))}
    found = measure(in_picture(face), CEPHALOMETRIC)
    assert found["McNamara A-Nperp"].value == pytest.approx(1)
    assert found["McNamara Pog-Nperp"].value == pytest.approx(-3)
    assert found["McNamara U1-Avert"].value == pytest.approx(5)
    assert found["Tweed FMA"].value == pytest.approx(25)
    assert found["Downs facial angle"].value == pytest.approx(90 - math.degrees(math.atan2(3, 110)))
    convexity = math.degrees(math.atan2(4, 50) + math.atan2(1, 60))
    assert found["Downs convexity"].value == pytest.approx(convexity)
    # The upper incisor stands before the line from A to Pog, which is what positive means.
    along = np.array([147.0 - 151.0, 50.0]) / math.hypot(4, 50)
    before = (156 - 151) * along[1] - (160 - 140) * along[0]
    assert found["Downs U1-APog"].value == pytest.approx(before) and before > 0
    assert found["Steiner SNA"].value == found["SNA"].value
