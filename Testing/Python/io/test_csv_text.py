"""Every table is written through one door: numbers stay numbers, and no text is run as a formula."""

import ast
import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.io.csv_text import TableError, guarded, table_rows, table_text, unguarded

LIBRARY = Path(__file__).resolve().parents[3] / "LandmarkDetectionLib"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1;2", "-x", "@SUM(A1)", "\t=1", " =1", "\n=1", "'=1", "=", "\uff1d1+1", "-2+3"],
)
def test_what_could_be_a_formula_gets_an_apostrophe(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "knee", "-1.5", "+2e-3", ".5", "'tis", "a=b", "knee-left", "1 - 2"])
def test_other_texts_and_numbers_stay_as_they_are(text):
    assert guarded(text) == text == unguarded(text)


@given(st.text())
def test_the_guard_comes_off_again(text):
    assert unguarded(guarded(text)) == text


def test_numbers_of_numpy_are_written_as_numbers_and_nothing_as_an_empty_cell():
    row = [np.float64(279.5), np.int32(3), np.float32(0.5), np.bool_(True), float("nan"), None, -1.25]
    assert table_text([row]) == "279.5,3,0.5,True,,,-1.25\n"


def test_a_lone_carriage_return_stays_in_its_cell():
    text = table_text([["a\rb", "\r@x"], ["1", "2"]])
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a\rb", "'\r@x"], ["1", "2"]]


def test_headings_are_guarded_too():
    assert table_text([["=cmd()", "b"], [1, "@x"]]) == "'=cmd(),b\n1,'@x\n"


@given(st.lists(st.lists(st.text(alphabet=st.characters(codec="utf-8")), min_size=1), min_size=1))
def test_no_cell_of_a_table_begins_as_a_formula(rows):
    back = csv.reader(io.StringIO(table_text(rows), newline=""))
    for row in back:
        for cell in row:
            assert not cell.lstrip().startswith(("=", "@")) or cell.startswith("'")


@pytest.mark.parametrize("text", ["a,b\n1,2,3\n", "a;b\n1;2;3\n", "a,b\n1,2,,3\n"])
def test_a_row_with_more_cells_than_the_first_is_refused(text):
    with pytest.raises(TableError, match=r"row 2 \(1\) has [34] cells, and the first row 2"):
        table_rows(text)


def test_empty_cells_at_the_end_are_dropped_and_short_rows_stay_short():
    assert table_rows("a,b\n1,2,,\n3\n,,\n") == [["a", "b"], ["1", "2"], ["3"]]


def test_nothing_in_the_library_writes_a_table_past_the_guard():
    """The .fcsv of Slicer is the only other user of csv.writer: Slicer would show the guard."""
    users = {
        path.relative_to(LIBRARY).as_posix()
        for path in LIBRARY.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("writer", "DictWriter", "to_csv")
        if (isinstance(node.value, ast.Name) and node.value.id == "csv") or node.attr == "to_csv"
    }
    assert users == {"io/csv_text.py", "io/markups.py"}
