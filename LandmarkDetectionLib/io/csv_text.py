"""Tables as CSV text: the one way all of them are written and taken apart.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and runs it. Every
text that goes into a table, headings too, is therefore written with an apostrophe in front when it could be
one; :func:`unguarded` takes it off again, so that names survive (OWASP, "CSV Injection").
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

import numpy as np

# Also after blanks, which some programs take off, and in the full width of East Asian keyboards.
_FORMULA = re.compile("'*\\s*[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class TableError(ValueError):
    """Why a text is no table; readers add which file."""


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula; numbers written as text stay numbers.

    Examples
    --------
    >>> guarded("=1+1"), guarded("knee"), guarded("-1.5"), guarded("'=1")
    ("'=1+1", 'knee', '-1.5', "''=1")
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """Inverse of :func:`guarded`."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


def cell(value: object) -> object:
    """A value as it goes into a table: plain numbers, guarded texts, and nothing for None and NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool | int | float):
        return value
    return guarded(str(value))


def write_row(stream: io.TextIOBase, values: Iterable[object]) -> None:
    """Add one row to a table that is being written."""
    row = io.StringIO(newline="")
    # Only what the writer ends lines with is quoted within a cell, so it must know both.
    csv.writer(row, lineterminator="\r\n").writerow([cell(value) for value in values])
    stream.write(row.getvalue().removesuffix("\r\n") + "\n")


def table_text(rows: Iterable[Iterable[object]]) -> str:
    """The CSV text of rows, the first of which are the headings."""
    stream = io.StringIO(newline="")
    for row in rows:
        write_row(stream, row)
    return stream.getvalue()


def table_rows(text: str) -> list[list[str]]:
    """The non-empty rows of a table, cells without blanks around; comma, semicolon or tab between them.

    A line ``sep=;``, which Excel understands, says what is between them. Empty cells at the end of a row,
    which spreadsheets leave behind, are dropped where the first row has none.

    Raises
    ------
    TableError
        It is empty or no table, or a row has more cells than the first one: a decimal comma divides a number
        into two cells, and every cell after it would be read as another column's.
    """
    first, _, rest = text.partition("\n")
    if said := re.fullmatch(r"sep=(.)\s*", first, re.IGNORECASE):
        separator, text = said[1], rest
    else:
        separator = max(",;\t", key=re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0].count)
    rows = [[one.strip() for one in row] for row in _parsed(text, separator) if any(map(str.strip, row))]
    if not rows:
        raise TableError("it is empty")
    width = len(rows[0])
    for number, row in enumerate(rows, start=1):
        if any(row[width:]):
            hint = (
                "; a number with a decimal comma takes two cells: write decimal points"
                if separator == ","
                else ""
            )
            raise TableError(
                f"row {number} ({_short(row[0])}) has {len(row)} cells, and the first row {width}{hint}"
            )
    return [row[:width] for row in rows]


def not_a_number(text: str) -> str:
    """What to say about a cell that should be a number: that it has a decimal comma, where it has one."""
    if re.fullmatch(r"[+-]?[\d.]*,\d+", text.strip()):
        return f"'{text.strip()}' has a decimal comma; save the table with decimal points"
    return f"'{_short(text)}' is not a number"


def _parsed(text: str, separator: str) -> Sequence[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as problem:
        if "unexpected end" in str(problem):
            raise TableError("a quotation mark in it is opened and never closed") from None
    try:  # Slicer does not double quotation marks
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as problem:
        raise TableError(f"it is no table ({problem})") from None


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else f"{text[:37]}..."
