"""Whether the files of finished cases are still what was written."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from LandmarkDetectionLib.cohort.results import records
from LandmarkDetectionLib.cohort.results.records import CaseRecord, State, find_case
from LandmarkDetectionLib.cohort.run.hashing import file_digest
from LandmarkDetectionLib.errors import InputError


def problem_of(folder: Path, record: CaseRecord, only: Collection[str] | None = None) -> str:
    """What is wrong with the files of a case; "" when they are as they were written.

    All of them must be there; the contents of those named in ``only`` are compared, of all when None.
    """
    for outcome in record.outcomes:
        if outcome.state is not State.DONE:
            continue
        for name, digest in outcome.files.items():
            path = folder / records.CASES / record.key / outcome.model / name
            if only is not None and name not in only:
                if not path.is_file() or not path.stat().st_size:
                    return f"{outcome.model}/{name} is missing or empty"
                continue
            try:
                found = file_digest(path)
            except InputError:
                return f"{outcome.model}/{name} is missing or cannot be read"
            if found != digest:
                return f"{outcome.model}/{name} was changed"
    return ""


def damaged_cases(folder: Path, keys: Iterable[str], only: Collection[str] | None = None) -> dict[str, str]:
    """What is wrong, by the key of the case; cases without a record are not looked at.

    ``only`` as in :func:`problem_of`.
    """
    found = {}
    for key in keys:
        record = find_case(folder, key)
        if record is not None and (problem := problem_of(folder, record, only)):
            found[key] = problem
    return found


def forget(folder: Path, key: str) -> None:
    """Take the record of a case away, so that it is done again."""
    (folder / records.CASES / key / records.CASE).unlink(missing_ok=True)
