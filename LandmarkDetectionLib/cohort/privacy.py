"""Sentences that name a case by its key and not by its files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from LandmarkDetectionLib.cohort.sources.case_source import CaseSource
from LandmarkDetectionLib.volume import stem

#: A shorter name is an ordinary word or letter, and replacing it would spoil the sentence.
LEAST_LETTERS = 3


def without_names(text: str, case: CaseSource, key: str) -> str:
    """A sentence with every path, file name and series description of a case replaced by its key.

    Parameters
    ----------
    text
        As an error or a detector says it.
    case
        Whose files may be named.
    key
        What stands for them.

    Examples
    --------
    >>> from pathlib import Path
    >>> case = CaseSource("Doe/ct.nii", (Path("/data/Doe/ct.nii"),), "NIfTI")
    >>> without_names("/data/Doe/ct.nii is empty (0 bytes).", case, "3fa9")
    '3fa9 is empty (0 bytes).'
    """
    for name in sorted(set(_names(case)), key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", lambda _: key, text)
    return text


def _names(case: CaseSource) -> Iterator[str]:
    for path in case.files:
        for place in (path, path.parent):
            yield str(place)
            yield str(place.resolve())
        for name in (path.name, stem(path), path.stem):
            if len(name) >= LEAST_LETTERS:
                yield name
    for text in (case.series, case.description):
        if len(text) >= LEAST_LETTERS:
            yield text
