"""Whether the files of finished cases are still what was written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from LandmarkDetectionLib.cohort import records
from LandmarkDetectionLib.cohort.hashing import file_digest
from LandmarkDetectionLib.cohort.records import CaseRecord, State, find_case
from LandmarkDetectionLib.errors import InputError


def problem_of(folder: Path, record: CaseRecord) -> str:
    """What is wrong with the files of a case; "" when they are as they were written."""
    for outcome in record.outcomes:
        if outcome.state is not State.DONE:
            continue
        for name, digest in outcome.files.items():
            path = folder / records.CASES / record.key / outcome.model / name
            try:
                found = file_digest(path)
            except InputError:
                return f"{outcome.model}/{name} is missing or cannot be read"
            if found != digest:
                return f"{outcome.model}/{name} was changed"
    return ""


def damaged_cases(folder: Path, keys: Iterable[str]) -> dict[str, str]:
    """What is wrong, by the key of the case; cases without a record are not looked at."""
    found = {}
    for key in keys:
        record = find_case(folder, key)
        if record is not None and (problem := problem_of(folder, record)):
            found[key] = problem
    return found


def forget(folder: Path, key: str) -> None:
    """Take the record of a case away, so that it is done again."""
    (folder / records.CASES / key / records.CASE).unlink(missing_ok=True)
