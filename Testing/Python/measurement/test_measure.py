"""Every kind of measurement against values known from drawing it, and a named gap wherever there is none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.measurement import Frame, known_distance, measure
from LandmarkDetectionLib.measurement.from_files import measure_found, read_found
from LandmarkDetectionLib.measurement.from_files import protocol_of as protocol_for
from Testing.examples.measurement_cases import BODY, FACE, in_picture, in_space, protocol_of

SQUARE = {"a": (0.0, 0.0), "b": (30.0, 0.0), "c": (30.0, 40.0), "d": (0.0, 40.0)}


def in_square(sd=None, **definition):
    """The measurement of a rectangle 30 to the right and 40 down."""
    definition.setdefault("name", "x")
    protocol = protocol_of([definition], list(SQUARE), view="picture")
    return measure(in_picture(SQUARE, sd), protocol)["x"]


@pytest.mark.parametrize(
    ("definition", "value", "unit"),
    [
        ({"kind": "distance", "landmarks": ["a", "c"]}, 50, "mm"),
        ({"kind": "distance", "landmarks": ["c", "a"], "sign_along": "picture_right"}, -50, "mm"),
        ({"kind": "distance", "landmarks": ["b", "c"], "sign_along": "picture_right"}, 0, "mm"),
        ({"kind": "path", "landmarks": ["a", "b", "c"]}, 70, "mm"),
        ({"kind": "projected_distance", "landmarks": ["a", "c"], "along": "picture_down"}, 40, "mm"),
        ({"kind": "projected_distance", "landmarks": ["b", "c"], "along": ["d", "b"]}, -32, "mm"),
        ({"kind": "perpendicular", "landmarks": ["b"], "line": ["a", "c"]}, 24, "mm"),
        ({"kind": "perpendicular", "landmarks": ["d"], "line": ["a", "c"]}, -24, "mm"),
        ({"kind": "angle", "landmarks": ["b", "a", "c"]}, math.degrees(math.atan2(40, 30)), "deg"),
        ({"kind": "line_angle", "lines": [["a", "b"], ["b", "c"]]}, 90, "deg"),
        ({"kind": "line_angle", "lines": [["a", "b"], ["b", "c"]], "signed": True}, 90, "deg"),
        ({"kind": "line_angle", "lines": [["a", "b"], ["c", "b"]], "signed": True}, -90, "deg"),
        ({"kind": "line_angle", "lines": [["a", "b"], "picture_down"], "signed": True}, 90, "deg"),
    ],
)
def test_each_kind_gives_what_the_drawing_shows(definition, value, unit):
    found = in_square(**definition)
    assert found.value == pytest.approx(value, abs=1e-9) and found.unit == unit


def test_sums_means_ratios_and_asymmetries_are_of_other_measurements():
    sides = [
        {"kind": "distance", "name": "left", "landmarks": ["a", "d"], "shown": False},
        {"kind": "distance", "name": "right", "landmarks": ["a", "b"], "shown": False},
    ]
    protocol = protocol_of(
        [
            *sides,
            {"kind": "sum", "name": "sum", "add": ["left", "left"], "subtract": ["right"]},
            {"kind": "mean", "name": "mean", "parts": ["left", "right"]},
            {"kind": "ratio", "name": "ratio", "parts": ["left", "right"]},
            {"kind": "ratio", "name": "percent", "parts": ["left", "right"], "percent": True},
            {"kind": "asymmetry", "name": "difference", "left": "left", "right": "right"},
            {"kind": "asymmetry", "name": "share", "left": "left", "right": "right", "percent": True},
        ],
        list(SQUARE),
        view="picture",
    )
    found = measure(in_picture(SQUARE), protocol)
    assert {one.name: (round(one.value, 6), one.unit) for one in found} == {
        "sum": (50, "mm"),
        "mean": (35, "mm"),
        "ratio": (round(4 / 3, 6), "1"),
        "percent": (round(400 / 3, 6), "%"),
        "difference": (10, "mm"),
        "share": (round(1000 / 35, 6), "%"),
    }


def test_in_space_a_plane_shows_the_body_as_its_viewer_sees_it():
    # From the front the left hip stands 10 mm higher; the depth of 300 mm does not count.
    hips = {"right": (100.0, 0.0, 0.0), "left": (-100.0, 300.0, 10.0)}
    definition = {"kind": "line_angle", "name": "x", "lines": [["right", "left"], "left"], "signed": True}
    protocol = protocol_of([{**definition, "plane": "coronal"}], list(hips))
    assert measure(in_space(hips), protocol)["x"].value == pytest.approx(math.degrees(math.atan2(10, 200)))


@given(turn=st.floats(-180, 180), scale=st.floats(0.2, 5), shift=st.tuples(*[st.floats(-100, 100)] * 2))
def test_turning_shifting_and_scaling_a_picture_changes_no_angle(turn, scale, shift):
    angle = math.radians(turn)
    matrix = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    moved = {name: matrix @ point + shift for name, point in FACE.items()}
    protocol = load_protocol("cephalometric-19").model_copy(update={"checks": ()})
    before, after = measure(in_picture(FACE), protocol), measure(in_picture(moved), protocol)
    for one in before:
        if one.value is not None and one.unit == "deg":
            assert after[one.name].value == pytest.approx(one.value, abs=1e-6)


# --- ranges and classes ---


def test_a_range_includes_both_its_ends():
    for usual, position in (
        ([50, 60], "within"),
        ([40, 50], "within"),
        ([51, 60], "below"),
        ([1, 2], "above"),
    ):
        assert in_square(kind="distance", landmarks=["a", "c"], range=usual).position == position


def test_a_value_that_no_class_holds_is_said_to_have_none():
    classes = [{"name": "small", "below": 50}, {"name": "large", "above": 50, "meaning": "too large"}]
    found = in_square(kind="distance", landmarks=["a", "c"], classes=classes)
    assert found.class_name == "" and found.remarks[0] == "no class is defined for this value"
    longer = in_square(kind="path", landmarks=["a", "b", "c"], classes=classes)
    assert (longer.class_name, longer.class_meaning) == ("large", "too large")


# --- units ---


def test_without_a_pixel_size_lengths_are_pixels_and_have_neither_range_nor_class():
    unknown = Frame.picture(spacing_known=False)
    found = measure(in_picture(FACE), load_protocol("cephalometric-19"), unknown)
    overjet = found["MW"]
    assert overjet.unit == "px" and overjet.class_name == overjet.position == ""
    assert "its class needs millimetres" in overjet.remarks
    assert found["SNA"].class_name and found["FHI"].unit == "1"
    assert not [one for one in found if one.unit == "mm" and one.value is not None]
    assert "The pixel size is unknown" in found.warnings[0]


def test_a_ruler_or_a_known_distance_brings_millimetres():
    landmarks, unknown = in_picture(FACE), Frame.picture(spacing_known=False)
    ruler = unknown.calibrated_by([-10, -20, 0], [-10, -220, 0], 100)
    assert ruler.scale == 0.5 and ruler.unit == "mm"
    half = measure(landmarks, load_protocol("cephalometric-19"), ruler)
    whole = measure(landmarks, load_protocol("cephalometric-19"))
    assert half["MW"].value == pytest.approx(whole["MW"].value / 2) and half["MW"].unit == "mm"
    assert half.warnings == ("Lengths in mm are calibrated by a known distance of 100 mm.",)
    size = math.dist(FACE["sella"], FACE["nasion"])
    assert known_distance(unknown, landmarks, "sella", "nasion", size).scale == pytest.approx(1)


def test_a_calibration_that_cannot_be_is_refused():
    unknown = Frame.picture(spacing_known=False)
    with pytest.raises(InputError, match="same spot"):
        unknown.calibrated_by([1, 1, 0], [1, 1, 0], 10)
    for scale in (0, -1, math.nan, math.inf):
        with pytest.raises(InputError, match="cannot be"):
            unknown.calibrated(scale, "")
    with pytest.raises(InputError, match="there is no nose"):
        known_distance(unknown, in_picture(FACE), "nose", "sella", 10)


@pytest.mark.parametrize("view", ["space", "picture"])
def test_pixels_are_counted_whatever_size_slicer_gave_them(view):
    """Slicer makes 0.17 mm of 150 dpi; a length of 60 pixels stays one of 60 pixels."""
    volume = Volume(np.zeros((1, 300, 200), np.uint8), np.diag([-0.17, -0.17, 1, 1]), spacing_known=False)
    frame = Frame.of(volume, view)
    ends = frame.points(volume.ijk_to_ras_points([[20, 30, 0], [80, 30, 0]]))
    assert frame.unit == "px"
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(60)
    by_size = frame.calibrated(0.1, "by a given pixel size")
    ends = by_size.points(volume.ijk_to_ras_points([[20, 30, 0], [80, 30, 0]]))
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(6)
    assert view == "space" or frame.height == pytest.approx(300)


def test_pixels_that_are_not_square_and_have_no_size_give_no_length():
    matrix = np.diag([-1.0, -1.2, 1.0, 1.0])
    radiograph = Volume(np.zeros((1, 300, 200), np.uint8), matrix, spacing_known=False)
    found = measure(in_picture(FACE), load_protocol("cephalometric-19"), Frame.of(radiograph, "picture"))
    assert found["MW"].value is None
    assert found["MW"].gap == "needs the pixel size, as the pixels are not square"
    assert found["SNA"].value is not None


def test_pixels_that_are_not_square_but_known_change_nothing_in_millimetres():
    matrix = np.diag([-0.5, -0.7, 1.0, 1.0])
    radiograph = Volume(np.zeros((1, 300, 400), np.uint8), matrix)
    frame = Frame.of(radiograph, "picture")
    assert frame.height == pytest.approx(210)
    found = measure(in_picture(FACE), load_protocol("cephalometric-19"), frame)
    assert found["MW"].value == pytest.approx(math.hypot(3, 1))


def test_a_picture_measured_from_its_volume_lies_as_its_pixels_do():
    # Rows to superior and columns to anterior: a lateral radiograph with an orientation of its own.
    matrix = np.array([[0, 0, 1, 5.0], [0.1, 0, 0, 7], [0, -0.1, 0, 9], [0, 0, 0, 1]])
    radiograph = Volume(np.zeros((1, 2400, 1935), np.uint8), matrix)
    ijk = {name: (10 * x, 10 * y, 0) for name, (x, y) in FACE.items()}
    places = radiograph.ijk_to_ras_points(list(ijk.values()))
    turned = LandmarkSet(tuple(Landmark(name, place) for name, place in zip(ijk, places, strict=True)))
    found = measure(turned, load_protocol("cephalometric-19"), Frame.of(radiograph, "picture"))
    expected = measure(in_picture(FACE), load_protocol("cephalometric-19"))
    for one, other in zip(found, expected, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-9)


def test_a_volume_is_no_picture():
    with pytest.raises(InputError, match="has 3 slices"):
        Frame.of(Volume(np.zeros((3, 4, 5)), np.eye(4), name="scan"), "picture")


# --- gaps ---


def without(name, replacement="absent"):
    face = {one: point for one, point in FACE.items() if one != name}
    landmarks = in_picture(face)
    if replacement:
        extra = Landmark(name, [math.nan] * 3, replacement)
        landmarks = LandmarkSet((*landmarks, extra))
    return measure(landmarks, load_protocol("cephalometric-19"))


@pytest.mark.parametrize(
    ("status", "gap"),
    [
        ("absent", "needs Gonion (Go), which is absent"),
        ("missing", "needs Gonion (Go), which is not in the image"),
        (None, "needs Gonion (Go), which is not among the landmarks"),
    ],
)
def test_what_needs_an_absent_landmark_names_it_and_the_rest_is_measured(status, gap):
    found = without("gonion", status)
    for name in ("ODI", "FHI", "FMA", "Tweed FMA"):
        assert found[name].value is None and found[name].gap == gap
    assert found["SNA"].value == measure(in_picture(FACE), found.protocol)["SNA"].value


def test_what_the_landmarks_cannot_give_says_what_it_needs():
    gap = measure(in_picture(FACE), load_protocol("cephalometric-19"))["Tweed IMPA"].gap
    assert gap == "needs the apex of the lower incisor, which the 19 landmarks do not have"


def test_landmarks_on_the_same_spot_give_a_gap_and_not_a_number():
    found = measure(in_picture({**FACE, "nasion": FACE["sella"]}), load_protocol("cephalometric-19"))
    assert found["SNA"].value is None
    swapped = {**FACE, "gonion": FACE["gnathion"]}
    fma = measure(in_picture(swapped), load_protocol("cephalometric-19"))["FMA"]
    assert fma.value is None and "lie on the same spot" in fma.gap


def test_a_face_that_looks_the_other_way_is_not_measured():
    mirrored = {name: (240 - x, y) for name, (x, y) in FACE.items()}
    found = measure(in_picture(mirrored), load_protocol("cephalometric-19"))
    assert not [one for one in found if one.value is not None]
    assert "the face looks to the left of the picture" in found["SNA"].gap
    upside_down = {name: (240 - x, 300 - y) for name, (x, y) in FACE.items()}
    assert measure(in_picture(upside_down), load_protocol("cephalometric-19"))["MW"].value is None


# --- whole body and hand ---


def test_the_body_gives_height_limbs_and_their_difference():
    longer = {**BODY, "knee_left": (-90.0, 0.0, 470.0), "ankle_left": (-90.0, 0.0, 60.0)}
    found = measure(in_space(longer), load_protocol("whole-body"))
    assert found["height"].value == pytest.approx(1700)
    assert found["leg_right"].value == pytest.approx(820) and found["leg_left"].value == pytest.approx(840)
    assert found["leg_difference"].value == pytest.approx(20)
    assert found["leg_asymmetry"].value == pytest.approx(100 * 20 / 830)
    assert found["thigh_difference"].value == pytest.approx(10)
    assert found["arm_difference"].value == pytest.approx(0)
    assert found["pelvic_obliquity"].value == pytest.approx(0, abs=1e-9)
    raised = measure(in_space({**BODY, "hip_left": (-90.0, 0.0, 912.0)}), load_protocol("whole-body"))
    assert raised["pelvic_obliquity"].value == pytest.approx(math.degrees(math.atan2(12, 180)))


def test_landmarks_are_measured_by_the_protocol_that_fits_them_best(tiny_model, body_model):
    """A model may have learned more landmarks since it found these."""
    every_hand, every_body = (
        in_space(dict.fromkeys(load_protocol(name).names, (0.0, 0.0, 0.0))) for name in ("hand", "whole-body")
    )
    for these, name in ((every_hand, "hand"), (every_body, "whole-body"), (in_space(BODY), "whole-body")):
        for model in ("", "gone", str(tiny_model), body_model.name):
            assert protocol_for(these, model).name == name


def test_the_landmarks_of_a_model_are_measured_by_its_own_protocol(tiny_model):
    places = {"head_top": (0.0, 0.0, 1700.0), "knee_left": (-90.0, 0.0, 480.0)}
    for these in (places, {**places, "knee_right": (90.0, 0.0, 480.0)}):
        assert protocol_for(in_space(these), str(tiny_model)).name == "tiny"


def test_a_body_with_left_and_right_exchanged_is_not_measured():
    swapped = {
        name.replace("_left", "_x").replace("_right", "_left").replace("_x", "_right"): place
        for name, place in BODY.items()
    }
    found = measure(in_space(swapped), load_protocol("whole-body"))
    assert not [one for one in found if one.value is not None]
    assert found["leg_difference"].gap.startswith("right and left look swapped (shoulders)")


def test_the_hand_gives_lengths_along_the_bones():
    joints = {
        f"index_{joint}": (10.0, y, 0.0) for joint, y in (("mcp", 0), ("pip", 40), ("dip", 65), ("tip", 83))
    }
    joints |= {
        f"ring_{joint}": (-10.0, y, 0.0) for joint, y in (("mcp", 0), ("pip", 42), ("dip", 70), ("tip", 88))
    }
    joints |= {"wrist": (0.0, -80.0, 0.0), "middle_tip": (0.0, 100.0, 0.0), "index_cmc": (10.0, -60.0, 0.0)}
    found = measure(in_space(joints), load_protocol("hand"))
    assert found["index_length"].value == pytest.approx(83)
    assert found["hand_length"].value == pytest.approx(180)
    assert found["index_metacarpal"].value == pytest.approx(60)
    assert found["digit_ratio"].value == pytest.approx(83 / 88)
    assert "Middle finger MCP" in found["middle_length"].gap


@pytest.mark.parametrize("suffix", [".mrk.json", ".csv", ".fcsv"])
def test_points_of_a_picture_without_a_unit_are_measured_with_a_doubt(tmp_path, suffix):
    flat = LandmarkSet((Landmark("wrist", [0.0, 0.0, 0.0]), Landmark("middle_tip", [-30.0, 400.0, 0.0])))
    deep = LandmarkSet((Landmark("wrist", [0.0, 0.0, 0.0]), Landmark("middle_tip", [-30.0, 400.0, 9.0])))
    for landmarks, doubtful in ((flat, True), (deep, False)):
        write_landmarks(landmarks, tmp_path / f"a{suffix}")
        found = read_found(tmp_path / f"a{suffix}")
        protocol = load_protocol("hand")
        assert any("mm or pixels" in text for text in measure_found(found, protocol).warnings) == doubtful
        pixels = measure_found(found, protocol, in_pixels=True)
        assert not any("mm or pixels" in text for text in pixels.warnings)
