"""A person types a list of landmarks, and it becomes a protocol that is kept and found again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.core.protocol_draft import DraftRow, draft_protocol, draft_rows
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import (
    list_protocols,
    load_protocol,
    save_protocol,
    user_protocol_folder,
)

ROWS = (
    DraftRow("Left knee", "Centre of the left joint.", "Right knee", "Left ankle"),
    DraftRow("Right knee", "Centre of the right joint."),
    DraftRow("  Left   ankle ", ""),
    DraftRow("", "left out", "", ""),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANDMARK_DETECTION_PROTOCOLS", str(tmp_path / "protocols"))
    return tmp_path / "protocols"


def test_rows_become_landmarks_with_pairs_and_lines():
    protocol = draft_protocol(" Our knees ", ROWS)
    assert (protocol.name, protocol.title) == ("our-knees", "Our knees")
    assert protocol.names == ("left_knee", "right_knee", "left_ankle")
    assert protocol["left_ankle"].title == protocol["left_ankle"].definition == "Left ankle"
    assert protocol.pairs == (("left_knee", "right_knee"),)
    assert protocol.lines == (("left_knee", "left_ankle"),)


def test_the_other_side_may_be_said_twice_and_left_comes_first():
    rows = [DraftRow("Right eye", "", "left eye"), DraftRow("Left eye", "", "Right eye")]
    assert draft_protocol("Eyes", rows).pairs == (("left_eye", "right_eye"),)


@pytest.mark.parametrize(
    ("title", "rows", "sentence"),
    [
        ("???", ROWS, "needs a title"),
        ("Knees", [], "at least one landmark"),
        ("Knees", [DraftRow("A b"), DraftRow("a  B")], "'a B' is in the list twice"),
        ("Knees", [DraftRow("Knee", "", "Elbow")], "'Knee' names 'Elbow', which is not in the list"),
        ("Knees", [DraftRow("Knee", "", "Knee")], "joins 'knee' with itself"),
        ("Knees", [DraftRow("a", "", "b"), DraftRow("b", "", "c"), DraftRow("c")], "in two pairs"),
        ("Knees", [DraftRow("a", "x" * 3000)], "at most 2000"),
    ],
)
def test_what_cannot_be_a_list_is_said_in_a_sentence(title, rows, sentence):
    with pytest.raises(InputError, match=sentence):
        draft_protocol(title, rows)


@given(st.lists(st.tuples(st.text("abc |é\n", max_size=6), st.text(max_size=9)), max_size=5))
def test_whatever_is_typed_gives_a_protocol_or_a_sentence(typed):
    rows = [DraftRow(title, definition) for title, definition in typed]
    try:
        protocol = draft_protocol("Points", rows)
    except InputError as problem:
        assert str(problem).endswith(".") and "\n" not in str(problem)
    else:
        assert draft_protocol("Points", draft_rows(protocol)).names == protocol.names


def test_a_kept_list_is_found_among_the_others_and_can_be_changed(folder):
    before = list_protocols()
    save_protocol(draft_protocol("Our knees", ROWS))
    assert sorted([*before, "our-knees"]) == list_protocols()
    assert draft_rows(load_protocol("our-knees"))[0] == ROWS[0]
    save_protocol(draft_protocol("Our knees", ROWS[:2] + ROWS[2:3]))
    assert [file.name for file in user_protocol_folder().iterdir()] == ["our-knees.json"]


def test_a_list_that_ships_is_not_hidden(folder):
    with pytest.raises(InputError, match="'hand' ships with landmark-detection"):
        save_protocol(draft_protocol("Hand", ROWS))
    folder.mkdir()
    (folder / "hand.json").write_text("{}")
    assert load_protocol("hand").title != "Our knees" and len(load_protocol("hand").names) > 3
