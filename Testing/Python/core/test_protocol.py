"""A protocol is a checked list: a mistake in it is named in a sentence, and the shipped one is complete."""

import copy
import json
import re

import numpy as np
import pytest
from pydantic import ValidationError

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import InputError, ModelError
from LandmarkDetectionLib.io.protocols import list_protocols, load_protocol, read_protocol, write_protocol
from Testing import write_landmark_table

HANDS = {
    "name": "two-hands",
    "title": "Two hands",
    "version": "1.0.0",
    "region": "hand",
    "landmarks": [
        {"name": "thumb_right", "title": "Right thumb", "definition": "Tip of the right thumb's last bone."},
        {"name": "chin", "title": "Chin", "definition": "Lowest point of the chin.", "color": "#ff8800"},
        {"name": "thumb_left", "title": "Left thumb", "definition": "Tip of the left thumb's last bone."},
    ],
    "pairs": [["thumb_left", "thumb_right"]],
    "lines": [["thumb_left", "chin"]],
    "measurements": [
        {"name": "span", "title": "Span", "kind": "distance", "landmarks": ["thumb_left", "thumb_right"]}
    ],
}


SPAN = HANDS["measurements"][0]
LINE = ["thumb_left", "chin"]
ANGLE = {"title": "A", "kind": "angle", "landmarks": ["thumb_left", "chin", "thumb_right"]}


def hands(**changes):
    return {**copy.deepcopy(HANDS), **changes}


def landmark(**changes):
    return {**HANDS["landmarks"][1], **changes}


def test_a_protocol_comes_back_from_its_file(tmp_path):
    protocol = Protocol.model_validate(HANDS)
    write_protocol(protocol, tmp_path / "p.json")
    assert read_protocol(tmp_path / "p.json") == protocol


def test_landmarks_are_found_by_name_and_by_row():
    protocol = Protocol.model_validate(HANDS)
    assert protocol.names == ("thumb_right", "chin", "thumb_left")
    assert protocol["chin"].color == "#ff8800"
    assert protocol.index("thumb_left") == 2
    with pytest.raises(KeyError):
        protocol["nose"]


def test_the_mirror_permutation_exchanges_the_pairs_and_only_them():
    permutation = Protocol.model_validate(HANDS).mirror_permutation()
    assert permutation.tolist() == [2, 1, 0]


def test_a_protocol_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Protocol.model_validate(HANDS).title = "x"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            hands(landmarks=[landmark(), landmark()], pairs=[], lines=[], measurements=[]),
            "'chin' is defined twice",
        ),
        (hands(pairs=[["thumb_left", "nose"]]), "a pair names the unknown landmark 'nose'"),
        (hands(lines=[["chin", "nose"]]), "a line names the unknown landmark 'nose'"),
        (hands(pairs=[["chin", "chin"]]), "a pair joins 'chin' with itself"),
        (hands(lines=[["chin", "chin"]]), "a line joins 'chin' with itself"),
        (
            hands(pairs=[["thumb_left", "thumb_right"], ["thumb_left", "chin"]]),
            "'thumb_left' is in two pairs",
        ),
        (hands(pairs=[["thumb_left"]]), "pairs[0][1]: is missing"),
        (hands(landmarks=[]), "landmarks: tuple should have at least 1 item"),
        (hands(landmarks=[{"name": "a", "title": "A"}]), "landmarks[0].definition: is missing"),
        (
            hands(landmarks=[landmark(definition="  ")]),
            "landmarks[0].definition: string should have at least 1",
        ),
        (hands(landmarks=[landmark(name=5)]), "landmarks[0].name: input should be a valid string"),
        (hands(landmarks=[landmark(name="a\nb")]), "landmarks[0].name: string should match"),
        (hands(landmarks=[landmark(name="a | b")]), "landmarks[0].name: string should match"),
        (hands(landmarks=[landmark(color="red")]), "landmarks[0].color: string should match"),
        (hands(name="../etc"), "name: string should match"),
        (hands(version="one"), "version: string should match"),
        (hands(colour="red"), "colour: is not a known entry"),
        (
            hands(
                measurements=[
                    {"name": "a", "title": "A", "kind": "angle", "landmarks": ["chin", "thumb_left"]}
                ]
            ),
            "angle 'a' needs 3 different landmarks",
        ),
        (
            hands(measurements=[{**SPAN, "kind": "volume"}]),
            "measurements[0]: input tag 'volume' found using 'kind' does not match any of the expected tags",
        ),
        (
            hands(measurements=[{**SPAN, "formula": "1+1"}]),
            "measurements[0].distance.formula: is not a known",
        ),
        (hands(measurements=[SPAN, SPAN]), "the measurement 'span' is defined twice"),
        (
            hands(measurements=[{**SPAN, "landmarks": ["chin", "nose"]}]),
            "a measurement names the unknown landmark 'nose'",
        ),
        (
            hands(measurements=[{"name": "s", "title": "S", "kind": "sum", "add": ["s"]}]),
            "the measurement 's' is computed from 's', which is not defined above it",
        ),
        (
            hands(
                measurements=[
                    SPAN,
                    {**ANGLE, "name": "b"},
                    {"name": "s", "title": "S", "kind": "sum", "add": ["span", "b"]},
                ]
            ),
            "the measurement 's' is computed from measurements of different units",
        ),
        (
            hands(measurements=[{**SPAN, "sign_along": "picture_right"}]),
            "goes along 'picture_right', which space does not have",
        ),
        (
            hands(view="picture", measurements=[{**SPAN, "sign_along": "left"}]),
            "goes along 'left', which a picture does not have",
        ),
        (
            hands(
                measurements=[
                    {"name": "t", "title": "T", "kind": "line_angle", "signed": True, "lines": [LINE, "left"]}
                ]
            ),
            "the measurement 't' is signed; that needs a plane",
        ),
        (
            hands(
                measurements=[
                    {
                        "name": "t",
                        "title": "T",
                        "kind": "line_angle",
                        "lines": [["chin", ["thumb_left", "nose"]], "left"],
                    }
                ]
            ),
            "a measurement names the unknown landmark 'nose'",
        ),
        (
            hands(
                measurements=[
                    {"name": "c", "title": "C", "kind": "curve_angle", "landmarks": ["chin", "thumb_left"]}
                ]
            ),
            "curve_angle 'c' needs at least 7 different landmarks",
        ),
        (
            hands(
                landmarks=[landmark(name=name) for name in "abcdefg"],
                pairs=[],
                lines=[],
                measurements=[
                    {"name": "c", "title": "C", "kind": "curve_angle", "landmarks": list("abcdefg")}
                ],
            ),
            "the measurement 'c' is of a curve; that needs a plane",
        ),
        (hands(view="picture", measurements=[{**SPAN, "plane": "coronal"}]), "a picture has one plane only"),
        (hands(measurements=[{**SPAN, "range": [2, 1]}]), "the range of 'span' ends below its beginning"),
        (hands(measurements=[{**SPAN, "classes": [{"name": "x"}]}]), "the class 'x' has no limit"),
        (
            hands(checks=[{"landmarks": ["chin", "nose"], "along": "left", "otherwise": "x"}]),
            "a check names the unknown landmark 'nose'",
        ),
        (
            hands(checks=[{"landmarks": LINE, "along": "picture_down", "otherwise": "x"}]),
            "a check goes along 'picture_down', which space does not have",
        ),
        ({}, "name: is missing; title: is missing; version: is missing; and 2 more"),
    ],
)
def test_a_mistake_in_a_protocol_is_named_in_one_sentence(tmp_path, content, message):
    (tmp_path / "p.json").write_text(json.dumps(content))
    with pytest.raises(InputError) as refusal:
        read_protocol(tmp_path / "p.json")
    sentence = str(refusal.value)
    assert message in sentence
    assert sentence.startswith(f"Cannot use the protocol {tmp_path / 'p.json'}: ")
    assert "\n" not in sentence
    assert "pydantic" not in sentence


def test_the_caller_chooses_the_error(tmp_path):
    with pytest.raises(ModelError, match="no such file"):
        read_protocol(tmp_path / "none.json", error=ModelError)


# --- what ships ---

NINE = (
    "head_top shoulder_right middle_finger_right knee_right big_toe_right "
    "shoulder_left middle_finger_left knee_left big_toe_left"
).split()


@pytest.fixture(scope="module")
def whole_body():
    return load_protocol("whole-body")


def test_every_shipped_protocol_is_valid_and_named_as_its_file():
    assert "whole-body" in list_protocols()
    for name in list_protocols():
        assert load_protocol(name).name == name


def test_an_unknown_protocol_is_answered_with_the_known_ones():
    for name in ("nose", "../Protocols/whole-body", ""):
        with pytest.raises(InputError, match=r"known are .*whole-body"):
            load_protocol(name)


def test_whole_body_has_the_papers_nine_and_at_least_sixteen_more(whole_body):
    assert set(NINE) <= set(whole_body.names)
    assert len(whole_body.names) == 31


@pytest.fixture(scope="module", params=["whole-body", "whole-body-bones"])
def body(request):
    return load_protocol(request.param)


def test_the_bones_keep_every_landmark_of_the_whole_body_with_its_definition(whole_body):
    bones = load_protocol("whole-body-bones")
    for one in whole_body.landmarks:
        if not one.name.startswith("heel_"):  # the most posterior point here, as surgeons have it
            assert bones[one.name] == one
    assert len(bones.names) == 141


def test_names_of_bodies_are_plain_and_every_definition_is_a_sentence(body):
    for one in body.landmarks:
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", one.name)
        assert re.fullmatch(r"[A-Z].{10,}\.", one.definition)
        side = one.name.rsplit("_", 1)[-1]
        if side in ("left", "right"):
            assert one.title.startswith(side.capitalize())
            assert f" {side} " in one.definition


def test_every_left_landmark_of_a_body_is_paired_with_its_right_one(body):
    lefts = {name for name in body.names if name.endswith("_left")}
    assert {left for left, _ in body.pairs} == lefts
    assert all(right == left.removesuffix("_left") + "_right" for left, right in body.pairs)
    permutation = body.mirror_permutation()
    everyone = np.arange(len(body.names))
    assert (permutation[permutation] == everyone).all()
    assert (permutation != everyone).sum() == 2 * len(lefts)
    for left, right in body.pairs:
        assert body.index(right) == body.index(left) - 1


def test_the_lines_of_a_body_make_one_figure_that_reaches_every_landmark(body):
    reached, pending = set(), ["neck"]
    links = [*body.lines, *((b, a) for a, b in body.lines)]
    while pending:
        name = pending.pop()
        reached.add(name)
        pending += [b for a, b in links if a == name and b not in reached]
    assert reached == set(body.names)


def test_the_page_of_bony_landmarks_has_their_names_and_definitions():
    assert write_landmark_table.PAGE.read_text(encoding="utf-8") == write_landmark_table.page(), (
        "run Testing/write_landmark_table.py"
    )
    assert sum(line.startswith("| `") for line in write_landmark_table.table().splitlines()) == 92


def test_the_measurements_of_one_side_have_twins_on_the_other():
    bones = load_protocol("whole-body-bones")
    names = {one.name for one in bones.measurements}
    rights = {name for name in names if name.endswith("_right")}
    assert {name.removesuffix("_right") + "_left" for name in rights} <= names
    assert all(one.source for one in bones.measurements if one.range or one.classes)


def test_a_chain_is_kept_as_far_as_it_is_whole():
    protocol = load_protocol("spine-68")
    assert len(protocol.chain) == 17
    assert {name for level in protocol.chain for name in level} == set(protocol.names)
    names = [name for name in protocol.names if not name.startswith(("t1_", "l5_"))]
    assert protocol.restricted(names).chain == protocol.chain[1:-1]
    without = [name for name in protocol.names if name != "t7_top_left"]
    assert protocol.restricted(without).chain == (), "broken in the middle"
    bones = load_protocol("whole-body-bones").chain
    assert (bones[0], bones[-1], len(bones)) == (("vertebra_c2",), ("vertebra_l5",), 23)


@pytest.mark.parametrize(
    ("chain", "sentence"),
    [
        ([["thumb_left"], ["nose"]], "a chain names the unknown landmark 'nose'"),
        ([["thumb_left"], ["chin", "thumb_right"]], "different numbers of landmarks"),
        ([["thumb_left"]], "at least two levels"),
        ([["thumb_left"], ["thumb_left"]], "'thumb_left' is in the chain twice"),
    ],
)
def test_a_chain_that_is_none_is_named(chain, sentence):
    with pytest.raises(ValidationError, match=sentence):
        Protocol.model_validate(hands(chain=chain))
