"""What readers say of whole cases, and who did what: one line per act in ``reviews/log.jsonl``.

Lines are only ever added, by several people and programs at once; a verdict is changed by a later one of the
same reader, and taken back by a line that says so. A line that cannot be read, say because a program was
killed while it wrote it, is passed over. Cases are named by their codes and readers as they call themselves.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.cohort.results.reviews import REVIEWS
from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.files import locked, make_folder, reason_of

LOG = "log.jsonl"


class Verdict(str, Enum):
    """What a reader says of a case as a whole."""

    ACCEPT = "accept"
    DOUBT = "doubt"
    REJECT = "reject"


class Deed(str, Enum):
    """What a reader did."""

    OPENED = "opened"
    SAVED = "saved"
    VERDICT = "verdict"
    WITHDREW = "withdrew"
    """The verdict given before."""


@dataclass(frozen=True)
class Entry:
    """One line of the log.

    Attributes
    ----------
    case, model
        What it is about.
    did
        What was done.
    by
        The reader, as they call themselves; "" for who gives no name.
    at
        ISO 8601, UTC.
    verdict
        Of ``Deed.VERDICT``, else None.
    reviewed, landmarks
        Of ``Deed.SAVED``: how many landmarks are settled, and how many there are; else None.
    """

    case: str
    model: str
    did: Deed
    by: str = ""
    at: str = ""
    verdict: Verdict | None = None
    reviewed: int | None = None
    landmarks: int | None = None

    def to_record(self) -> dict[str, Any]:
        """As JSON values, without what is None."""
        return {key: value for key, value in vars(self).items() if value is not None}

    @classmethod
    def from_record(cls, record: Any) -> Entry:
        """Inverse of :meth:`to_record`; ValueError, TypeError or KeyError for a broken one."""
        given = record.get("verdict") if isinstance(record, dict) else None
        counts = [record.get(name) for name in ("reviewed", "landmarks")]
        if any(one is not None and not isinstance(one, int) for one in counts):
            raise ValueError("counts are numbers")
        verdict = Verdict(given) if given is not None else None
        did = Deed(record["did"])
        if (did is Deed.VERDICT) != (verdict is not None):
            raise ValueError("a verdict says which")
        texts = [record[name] for name in ("case", "model")] + [record.get(name, "") for name in ("by", "at")]
        if not all(isinstance(one, str) for one in texts):
            raise ValueError("names are texts")
        case, model, by, at = texts
        return cls(case, model, did, by, at, verdict, *counts)


@dataclass(frozen=True)
class Given:
    """The verdict of one reader as it stands."""

    by: str
    verdict: Verdict


def log_path(folder: Path) -> Path:
    """Of the log in a cohort's folder, whether there is one or not."""
    return folder / REVIEWS / LOG


def note(folder: Path, entry: Entry) -> Entry:
    """Add a line to the log of a cohort's folder, dated now.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    path = log_path(folder)
    make_folder(path.parent, "what was done is not noted")
    at = entry.at or datetime.now(timezone.utc).isoformat(timespec="seconds")
    dated = Entry(**{**vars(entry), "at": at})
    line = json.dumps(dated.to_record(), ensure_ascii=False) + "\n"
    with locked(path):
        try:
            with path.open("ab") as stream:
                # After a line that was cut off a new one begins.
                stream.write(b"\n" * _is_cut_off(path) + line.encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as problem:
            raise OutputError(
                f"Cannot write {path}: {reason_of(problem)}; what was done is not noted."
            ) from problem
    return dated


def _is_cut_off(path: Path) -> bool:
    with path.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return False
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) != b"\n"


def read_log(folder: Path) -> tuple[Entry, ...]:
    """All lines that can be read, oldest first; none where nobody did anything."""
    try:
        lines = log_path(folder).read_bytes().splitlines()
    except OSError:
        return ()
    entries = []
    for line in lines:
        try:
            entries.append(Entry.from_record(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
    return tuple(entries)


def verdicts_of(entries: Iterable[Entry]) -> Mapping[tuple[str, str], tuple[Given, ...]]:
    """By case and model the verdict of each reader as it stands, who read first first."""
    standing: dict[tuple[str, str], dict[str, Verdict]] = {}
    for one in entries:
        given = standing.setdefault((one.case, one.model), {})
        if one.did is Deed.VERDICT and one.verdict is not None:
            given[one.by] = one.verdict
        elif one.did is Deed.WITHDREW:
            given.pop(one.by, None)
    return {
        name: tuple(Given(by, verdict) for by, verdict in given.items())
        for name, given in standing.items()
        if given
    }


def is_for_second_reading(given: Iterable[Given], reader: str) -> bool:
    """Whether somebody else has read a case, and this reader has not."""
    readers = {one.by for one in given}
    return bool(readers) and reader not in readers
