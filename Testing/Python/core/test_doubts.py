"""What is doubtful is said in a sentence for people, and in kind and landmarks for programs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.detection import Detection, detection_from_record
from LandmarkDetectionLib.core.doubts import (
    PIXEL_SIZE,
    Doubt,
    DoubtKind,
    doubts_from_record,
    doubts_to_record,
    texts_of,
)
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume, with_spacing

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
DOUBTS = st.lists(st.builds(Doubt, TEXTS, st.sampled_from(DoubtKind), st.lists(TEXTS).map(tuple))).map(tuple)
HIP, KNEE = Landmark("hip_left", [0, 0, 0]), Landmark("knee_left", [0, 0, -100])


@given(DOUBTS)
def test_a_record_gives_back_all_of_it_whatever_its_sentences_say(doubts):
    record = json.loads(json.dumps(doubts_to_record(doubts)))
    assert doubts_from_record(record, ("hip_left",)) == doubts
    assert record["warnings"] == [one.text for one in doubts], "programs of before read these alone"


def test_a_detection_keeps_them_through_its_record():
    doubt = Doubt("The hip left is odd.", DoubtKind.DISTANCE, ("knee_left",))
    found = Detection(LandmarkSet((HIP, KNEE)), "m", "1", doubts=(doubt,))
    assert found.warnings == ("The hip left is odd.",)
    assert detection_from_record(found.to_record()).doubts == (doubt,)


@pytest.mark.parametrize(
    ("sentence", "about"),
    [
        ("Hip left and knee left are 210 mm apart.", ("hip_left", "knee_left")),
        ("The distance from hip_left to chin is longer than in any image.", ("hip_left", "chin")),
        ("The chin is odd.", ("chin",)),  # and not "hin", which is part of it
        ("The hips differ.", ()),
        ("The volume may be mirrored.", ()),
    ],
)
def test_of_a_record_of_before_the_sentence_tells_the_landmarks(sentence, about):
    (doubt,) = doubts_from_record({"warnings": [sentence]}, ("hip_left", "chin", "hin", "knee_left"))
    assert (doubt.text, set(doubt.landmarks)) == (sentence, set(about))


def test_of_a_record_of_before_the_beginning_tells_what_is_about_the_pixel_size():
    size, other = doubts_from_record({"warnings": [f"{PIXEL_SIZE}not known.", "No Pixel size: x."]}, ())
    assert (size.kind, other.kind) == (DoubtKind.PIXEL_SIZE, DoubtKind.OTHER)


def test_a_kind_of_a_newer_program_is_another_one():
    record = {"warnings": ["New."], "doubts": [{"kind": "unheard_of", "landmarks": ["chin"]}]}
    assert doubts_from_record(record, ()) == (Doubt("New.", DoubtKind.OTHER, ("chin",)),)


@pytest.mark.parametrize(
    "about",
    [
        *([], [{}], [{"kind": "other"}], [None], 5, "x"),
        *([{"kind": "other", "landmarks": 5}], [{"kind": [], "landmarks": []}]),
    ],
)
def test_a_broken_record_is_refused(about):
    with pytest.raises(ValueError, match="'doubts' is broken"):
        doubts_from_record({"warnings": ["A sentence."], "doubts": about}, ())


def test_what_a_person_says_of_the_pixels_ends_the_doubt_of_their_size_alone():
    size, turned = Doubt("Not known.", DoubtKind.PIXEL_SIZE), Doubt(f"{PIXEL_SIZE}or not.")
    picture = Volume(np.zeros((1, 4, 5)), np.eye(4), doubts=(size, turned))
    assert with_spacing(picture, (0.2, 0.2)).doubts == (turned,)


def test_doubts_are_counted_by_kind_and_landmarks_and_not_by_their_numbers():
    one = Doubt("They are 210 mm apart.", DoubtKind.DISTANCE, ("hip_left", "knee_left"))
    assert one.subject == replace(one, text="They are 980 mm apart.").subject
    assert one.subject == "unusual distance: hip left, knee left"
    assert Doubt("Odd: ", DoubtKind.NO_HAND).subject == "no hand"


def test_sentences_come_in_the_order_of_the_doubts():
    assert texts_of([Doubt("b"), Doubt("a")]) == ("b", "a")
