"""A protocol from what a person types into a table, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError

from LandmarkDetectionLib.core.protocol import LandmarkDefinition, Protocol, plain_name, readable
from LandmarkDetectionLib.errors import InputError


class DraftRow(NamedTuple):
    """One landmark as it is typed.

    Attributes
    ----------
    title
        ``Left knee``.
    definition
        Where the point lies.
    other_side
        Title of the landmark it changes places with when a body is mirrored; empty for none.
    lines_to
        Titles of landmarks to draw lines to, with commas between.
    """

    title: str
    definition: str = ""
    other_side: str = ""
    lines_to: str = ""


def draft_protocol(title: str, rows: Sequence[DraftRow], version: str = "1.0.0") -> Protocol:
    """Make a protocol; rows without a title are left out.

    Raises
    ------
    InputError
        Something is missing, named twice, or not among the landmarks; one sentence says what.
    """
    if not plain_name(title):
        raise InputError("The list of landmarks needs a title of letters or digits.")
    rows = [DraftRow(*(" ".join(text.split()) for text in row)) for row in rows]
    rows = [row for row in rows if row.title]
    if not rows:
        raise InputError("The list needs at least one landmark.")
    names: dict[str, str] = {}
    for row in rows:
        if _name(row.title) in names.values():
            raise InputError(f"The landmark '{row.title}' is in the list twice.")
        names[row.title.lower()] = _name(row.title)
    pairs: list[tuple[str, str]] = []
    lines: list[tuple[str, str]] = []
    for row in rows:
        if row.other_side:
            pair = (_known(names, row.other_side, row), _name(row.title))
            if pair not in pairs and pair[::-1] not in pairs:
                pairs.append(pair)
        for other in filter(None, (text.strip() for text in row.lines_to.split(","))):
            lines.append((_name(row.title), _known(names, other, row)))
    try:
        return Protocol(
            name=plain_name(title),
            title=title.strip(),
            version=version,
            region="own",
            landmarks=tuple(
                LandmarkDefinition(
                    name=_name(row.title), title=row.title, definition=row.definition or row.title
                )
                for row in rows
            ),
            # The left one first.
            pairs=tuple(
                pair[::-1] if "left" in pair[1] and "left" not in pair[0] else pair for pair in pairs
            ),
            lines=tuple(lines),
        )
    except ValidationError as problem:
        raise InputError(f"The list cannot be used: {readable(problem)}.") from None


def draft_rows(protocol: Protocol) -> list[DraftRow]:
    """The table of a protocol; measurements and checks are no part of it."""
    title = {one.name: one.title for one in protocol.landmarks}
    other: dict[str, str] = {}
    for left, right in protocol.pairs:
        other[left], other[right] = title[right], title[left]
    return [
        DraftRow(
            one.title,
            one.definition,
            other.get(one.name, ""),
            ", ".join(title[second] for first, second in protocol.lines if first == one.name),
        )
        for one in protocol.landmarks
    ]


def _name(title: str) -> str:
    """``Left knee`` becomes ``left_knee``; letters of every script stay."""
    return re.sub(r"[\s|]+", "_", title.strip().lower())[:80]


def _known(names: dict[str, str], title: str, row: DraftRow) -> str:
    if title.lower() not in names:
        raise InputError(f"'{row.title}' names '{title}', which is not in the list.")
    return names[title.lower()]
