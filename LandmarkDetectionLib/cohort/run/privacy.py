"""Sentences that name a case by its key and not by its files.

Readers never see the names of files (see ``nameless``); what is taken out here is what they find in headers,
and names of files where a system makes no links.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from LandmarkDetectionLib.cohort.sources.case_source import CaseSource, text_of
from LandmarkDetectionLib.io.formats import stem

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
    forms = {form for name in _names(case) for form in _forms(name)}
    for name in sorted(forms, key=len, reverse=True):
        # Letters of any alphabet belong to a word, and a word that only contains the name is another one.
        text = re.sub(rf"(?<![^\W_]){name}(?![^\W_])", lambda _: key, text, flags=re.IGNORECASE)
    return text


def _forms(name: str) -> Iterator[str]:
    """Patterns of the ways in which a sentence may hold a name: as it is, escaped, or composed anew."""
    for text in {name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))}:
        for shown in {
            text,
            repr(text)[1:-1],
            ascii(text)[1:-1],
            text_of(text),
            re.sub("[\ud800-\udfff]", "?", text),
            re.sub("[\ud800-\udfff]", "\ufffd", text),
        }:
            if words := [re.escape(word) for word in shown.split()]:
                yield r"\s+".join(words)


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
