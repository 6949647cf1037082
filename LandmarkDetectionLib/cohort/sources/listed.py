"""A datalist: every row is a case; rows need no landmarks here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from LandmarkDetectionLib.cohort.sources.case_source import LISTED, CaseSource, Found
from LandmarkDetectionLib.datasets.datalist import list_cases


def find(path: Path) -> Found:
    """The cases of a datalist; InputError when it cannot be read."""
    rows = list_cases(path)
    identities = [" + ".join(_relative(file, path.parent) for file in row.image_files) for row in rows]
    seen: Counter[str] = Counter()
    cases = []
    for row, identity in zip(rows, identities, strict=True):
        seen[identity] += 1
        again = f" ({seen[identity]})" if seen[identity] > 1 else ""
        cases.append(CaseSource(identity + again, row.image_files, LISTED, listed=row))
    return Found(tuple(cases))


def _relative(file: Path, folder: Path) -> str:
    try:
        return file.relative_to(folder).as_posix()
    except ValueError:
        return file.as_posix()
