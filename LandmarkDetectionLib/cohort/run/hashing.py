"""Whether the files of a case are the same as before: by content, and by a shortcut that is safe."""

from __future__ import annotations

import hashlib
import json
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from LandmarkDetectionLib.cohort.sources.case_source import SERIES, CaseSource, text_of
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import reason_of, sha256_of
from LandmarkDetectionLib.models import Model

#: A file changed less than this before it was hashed may change again without its times telling so, as file
#: systems count time in coarse steps (FAT in two seconds).
COARSE_SECONDS = 2.5


@dataclass(frozen=True)
class Fingerprint:
    """Of the files of a case.

    Attributes
    ----------
    digest
        SHA-256 of the contents; names and the order of a series' files do not matter.
    stamp
        Of sizes, times and inodes: while it is the same, so are the contents. Empty when the files were
        changed so lately that it would not be safe.
    """

    digest: str
    stamp: str


def fingerprint(case: CaseSource, called: str = "") -> Fingerprint:
    """Read all files of a case once.

    Parameters
    ----------
    case
        As it was found.
    called
        What sentences call its files; each by its name when empty.

    Raises
    ------
    InputError
        A file is gone, cannot be read, or changes at the same time.
    """
    before = stamp_of(case.files, called)
    digests = [file_digest(path, called) for path in case.files]
    if stamp_of(case.files, called) != before:
        raise InputError(
            f"{called or text_of(case.files[0])} changes while it is read; wait until it is complete."
        )
    if case.kind == SERIES:
        digests.sort()
    whole = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    latest = max(max(one.st_mtime, one.st_ctime) for one in (path.stat() for path in case.files))
    return Fingerprint(whole, before if time.time() - latest > COARSE_SECONDS else "")


def stamp_of(files: Sequence[Path], called: str = "") -> str:
    """What the file system says of files, as a short text; InputError when one is gone or no file.

    ``called`` is what the sentence calls them; each by its name when empty.
    """
    stats = []
    for path in files:
        try:
            stats.append(path.stat())
        except (OSError, ValueError) as problem:
            raise InputError(f"{called or text_of(path)} cannot be read: {reason_of(problem)}.") from None
        # A named pipe would be waited for without end.
        if not stat.S_ISREG(stats[-1].st_mode):
            raise InputError(f"{called or text_of(path)} cannot be read: it is no regular file.")
    # Writing into a file changes its ctime, which no program can set back.
    told = [[one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino, one.st_dev] for one in stats]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]


def file_digest(path: Path, called: str = "") -> str:
    """SHA-256 of a file's content; InputError, which calls it ``called``, when it cannot be read."""
    if path.exists() and not path.is_file():
        raise InputError(f"{called or text_of(path)} cannot be read: it is no regular file.")
    try:
        return sha256_of(path)
    except OSError as problem:
        raise InputError(f"{called or text_of(path)} cannot be read: {reason_of(problem)}.") from None


def model_digest(model: Model) -> str:
    """SHA-256 of all files of a model; ModelError is left to those who read it."""
    digest = hashlib.sha256()
    for path in sorted(model.path.rglob("*")):
        if path.is_file():
            name = path.relative_to(model.path).as_posix()
            digest.update(f"{name}\n{file_digest(path)}\n".encode())
    return digest.hexdigest()
