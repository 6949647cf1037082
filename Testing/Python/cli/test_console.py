"""Tables on the screen break no word, and landmarks that are nowhere are named once."""

import numpy as np
import pytest

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status


@pytest.fixture(params=[30, 60, 80, 160])
def width(request, monkeypatch):
    from rich.console import Console

    monkeypatch.setattr(
        console, "_console", lambda stderr=False: Console(width=request.param, highlight=False)
    )
    return request.param


COLUMNS = ["measurement", "value", "95 % interval", "usual", "class and remarks"]
ROWS = [
    ["little_finger_metacarpal_right", "1587.6 mm", "1474.0 to 1701.2", "", "below the range; of 15 visible"],
    [
        "a",
        "-",
        "",
        "79.4 to 83.2",
        "needs /a/very/long/path/that/somebody/copies/whole-body-ct",
    ],
]


def test_no_word_of_a_table_is_broken_however_narrow_the_terminal_is(width, capsys):
    console.print_table(COLUMNS, ROWS, "title")
    printed = capsys.readouterr().out.split()
    for word in " ".join([*COLUMNS, *(cell for row in ROWS for cell in row)]).split():
        assert word in printed


def test_a_value_and_its_unit_stay_together_where_there_is_room(capsys):
    console.print_table(COLUMNS[:3], [row[:3] for row in ROWS])
    assert "1587.6 mm   1474.0 to 1701.2" in capsys.readouterr().out


def test_landmarks_without_a_place_are_one_sentence(width, capsys):
    marks = [Landmark("chin", [1.04, -2, 3], confidence=0.5)]
    marks += [Landmark(f"absent_{n}", np.full(3, np.nan), Status.ABSENT) for n in range(20)]
    console.print_landmarks(LandmarkSet(tuple(marks)), "model 1", unit="px")
    out = capsys.readouterr().out
    assert "px" in out and "mm" not in out
    assert out.count("absent_7") == 1 and out.count("nan") == 0
    assert "20 of 21 landmarks are absent: absent_0," in " ".join(out.split())


def test_only_absent_landmarks_give_no_table(capsys):
    console.print_landmarks(LandmarkSet((Landmark("chin", np.full(3, np.nan), Status.MISSING),)), "model 1")
    assert capsys.readouterr().out == "model 1\n1 of 1 landmark is absent: chin.\n"
