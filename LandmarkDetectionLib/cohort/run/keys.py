"""Names for cases that name no patient: salted hashes, a study's own codes, or readable on request.

A hash of a file's name alone could be found again by trying names; the salt, 32 random bytes in ``.secret``
of the output folder, keeps who has only the results from that.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from LandmarkDetectionLib.cohort.sources.case_source import CaseSource, text_of
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import atomic_write, read_text
from LandmarkDetectionLib.io.csv_text import TableError, table_rows, table_text, unguarded

HEADER = ("code", "source")
LENGTH = 12
_CODE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?")


def read_secret(path: Path) -> bytes:
    """The salt of a cohort, made and kept when there is none; OutputError when it cannot be kept."""
    if path.is_file():
        secret = path.read_bytes()
        if len(secret) == 32:
            return secret
        raise InputError(f"{path} is damaged; without it cases are not recognised. Give a new output folder.")
    secret = secrets.token_bytes(32)
    write_private(path, secret)
    return secret


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody but its owner can read, from its first moment on.

    An existing file keeps its permissions.

    Raises
    ------
    OutputError
        It cannot be written; what stood there is untouched.
    """
    with atomic_write(path, mode=0o600) as temporary:
        temporary.write_bytes(content)


def key_file_beside(folder: Path) -> Path:
    """Where the key file of a cohort is kept when nobody says: beside its folder, never in it."""
    whole = folder.resolve()
    return whole.with_name(f"{whole.name or 'cohort'}-key.csv")


def hashed(secret: bytes, identity: str) -> str:
    """The key of an identity."""
    return hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), key=secret, digest_size=20).hexdigest()[
        :LENGTH
    ]


def read_key_file(path: str | os.PathLike[str]) -> dict[str, str]:
    """The sources by code, of a table with the columns ``code`` and ``source``; more columns may follow.

    Raises
    ------
    InputError
        The file is missing or no such table, a code cannot be a folder's name, or occurs twice.
    """
    try:
        columns, *rows = table_rows(read_text(path))
    except TableError as problem:
        raise InputError(f"{path} is no key file: {problem}.") from None
    if not set(HEADER) <= set(columns):
        raise InputError(f"{path} is no key file: its first line must name the columns code and source.")
    sources: dict[str, str] = {}
    lower: set[str] = set()
    for number, row in enumerate(rows, start=2):
        cells = dict(zip(columns, row, strict=False))
        code, source = (unguarded(cells.get(column, "")) for column in HEADER)
        if not _CODE.fullmatch(code):
            raise InputError(
                f"{path}, line {number}: the code {code!r} cannot name a folder; use letters, digits, _ . -"
            )
        # Two names that differ only by case are one folder on some systems.
        if code.lower() in lower:
            raise InputError(f"{path}, line {number}: the code {code!r} occurs twice.")
        lower.add(code.lower())
        sources[code] = source
    return sources


def write_key_file(path: Path, sources: Mapping[str, str]) -> None:
    """Write sources by code, for the owner alone; OutputError when that is not possible."""
    write_private(path, table_text([HEADER, *sources.items()]).encode())


def hashed_keys(cases: Iterable[CaseSource], secret: bytes) -> dict[str, CaseSource]:
    """Cases by salted hashes."""
    return _by_key((hashed(secret, case.identity), case) for case in cases)


def coded_keys(
    cases: Iterable[CaseSource], secret: bytes, codes: Mapping[str, str]
) -> tuple[dict[str, CaseSource], dict[str, str]]:
    """Cases by the codes of a key file, and by hashes where it has none.

    Parameters
    ----------
    cases
        A source of the key file may be their path, their path below the source, their file's name, or the UID
        of their series.
    secret
        For hashes.
    codes
        Sources by code.

    Returns
    -------
    cases by key, and sources by code with those that were missing
    """
    by_source = {source: code for code, source in codes.items() if source}
    complete = dict(codes)
    pairs = []
    for case in cases:
        first = case.files[0]
        names = (text_of(case.path), text_of(first), text_of(case.identity), case.series, text_of(first.name))
        code = next((by_source[name.strip()] for name in names if name.strip() in by_source), None)
        if code is None:
            code = hashed(secret, case.identity)
            complete[code] = text_of(case.path)
        pairs.append((code, case))
    return _by_key(pairs), complete


def readable_keys(cases: Iterable[CaseSource], secret: bytes) -> dict[str, CaseSource]:
    """Cases by their names: only when identifiers were asked for."""
    pairs: list[tuple[str, CaseSource]] = []
    seen: set[str] = set()
    for case in cases:
        plain = re.sub(r"\.(nii\.gz|[A-Za-z]{2,5})$", "", case.identity, flags=re.IGNORECASE)
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_-") or "case"
        if len(plain) > 60 or plain.lower() in seen:
            plain = f"{plain[:40]}-{hashed(secret, case.identity)}"
        seen.add(plain.lower())
        pairs.append((plain, case))
    return _by_key(pairs)


def _by_key(pairs: Iterable[tuple[str, CaseSource]]) -> dict[str, CaseSource]:
    found: dict[str, CaseSource] = {}
    for key, case in pairs:
        if key in found:
            raise InputError(
                f"Two cases of the source would both be called {key}; name each in the key file by its path."
            )
        found[key] = case
    return found


def check_outside(path: Path, folder: Path) -> None:
    """Refuse a key file inside the results, with which it would be passed on.

    Raises
    ------
    OutputError
        It lies in the folder.
    """
    if path.resolve().is_relative_to(folder.resolve()):
        raise OutputError(f"The key file {path} lies in the folder of the results; keep it elsewhere.")
