"""One review that several people may have open: who has, and that nobody writes over what another one saved.

A review is written only over the version that was read. Who finds another version there is told what
differs, and goes on from both (:func:`merged`) or from the other one. Whoever has a review open leaves a mark
beside it, a hidden file of its own that is renewed while the program lives; it keeps nobody from anything.
"""

from __future__ import annotations

import json
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from LandmarkDetectionLib.core.landmarks import Landmark
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError, OutputError
from LandmarkDetectionLib.files import locked, read_json, sha256_of, write_text
from LandmarkDetectionLib.io.records import read_review, write_review

NONE = ""
"""The version of a review that does not exist."""
SAME_PLACE_MM = 0.01
MARK_SUFFIX = ".open"
RENEW_SECONDS = 30.0
STALE_SECONDS = 120.0
"""A mark that was not renewed for so long is of a program that has ended."""
SHOWN = 5


@dataclass(frozen=True)
class Difference:
    """A landmark of which two people say different things.

    Attributes
    ----------
    name
        Of the landmark.
    mine, theirs
        What both say.
    distance
        Between both places in mm; None where either has none.
    """

    name: str
    mine: Landmark
    theirs: Landmark
    distance: float | None

    def __str__(self) -> str:
        """As part of a sentence."""
        words = f"{self.name} {self.theirs.status.value}, here {self.mine.status.value}"
        is_apart = self.distance is not None and self.distance > SAME_PLACE_MM
        return f"{words}, {self.distance:.1f} mm apart" if is_apart else words


class ReviewChangedError(OutputError):
    """Somebody else has saved the review since it was read; nothing was written.

    Attributes
    ----------
    theirs
        What is there now.
    version
        Its version, to write over it after all.
    differences
        Of every landmark that both say something different of.
    """

    def __init__(
        self, sentence: str, theirs: Review, version: str, different: tuple[Difference, ...]
    ) -> None:
        super().__init__(sentence)
        self.theirs, self.version, self.differences = theirs, version, different


def version_of(path: Path) -> str:
    """What tells this content of a review from any other; :data:`NONE` when there is no file."""
    with suppress(FileNotFoundError):
        return sha256_of(path)
    return NONE


def write_if_unchanged(review: Review, path: Path, version: str) -> str:
    """Write a review over the version that was read, and over no other.

    Parameters
    ----------
    path
        Its folder must exist.
    version
        Of :func:`version_of`, taken before the review was read.

    Returns
    -------
    str
        The version that is there now.

    Raises
    ------
    ReviewChangedError
        Another one is there. One that says the same is written over.
    InputError
        What is there now cannot be read.
    OutputError
        It cannot be written.
    """
    with locked(path):
        now = version_of(path)
        if now not in (version, NONE):
            theirs = read_review(path)
            different = differences(review, theirs)
            if different:
                raise ReviewChangedError(_sentence(different), theirs, now, different)
        write_review(review, path)
        return version_of(path)


def differences(mine: Review, theirs: Review) -> tuple[Difference, ...]:
    """The landmarks of which two reviews say different things, in the order of ``mine``."""
    found = []
    for mark in mine.landmarks:
        if mark.name not in theirs.landmarks:
            continue
        other = theirs.landmarks[mark.name]
        distance = None
        if mark.is_present and other.is_present:
            distance = float(((mark.position - other.position) ** 2).sum() ** 0.5)
        if mark.status is not other.status or (distance or 0.0) > SAME_PLACE_MM:
            found.append(Difference(mark.name, mark, other, distance))
    return tuple(found)


def merged(before: Review, mine: Review, theirs: Review) -> Review:
    """What another one saved, and over it what was said here since ``before``, which both began from."""
    marks = []
    for mark in theirs.landmarks:
        known = mark.name in mine.landmarks and mark.name in before.landmarks
        own = mine.landmarks[mark.name] if known else mark
        was = before.landmarks[mark.name] if known else mark
        marks.append(mark if not known or _is_alike(own, was) else own)
    return replace(theirs, landmarks=replace(theirs.landmarks, landmarks=tuple(marks)))


def _is_alike(one: Landmark, other: Landmark) -> bool:
    if one.status is not other.status or one.is_present != other.is_present:
        return False
    return not one.is_present or float(abs(one.position - other.position).max()) <= SAME_PLACE_MM


def _sentence(different: tuple[Difference, ...]) -> str:
    shown = "; ".join(map(str, different[:SHOWN]))
    more = f"; and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    return f"Somebody else has saved this review meanwhile, so it was not written over: {shown}{more}."


# --- who has it open ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reviewing:
    """Somebody who has a review open.

    Attributes
    ----------
    by
        As they call themselves; may be empty.
    since
        Local time.
    """

    by: str
    since: datetime

    def __str__(self) -> str:
        """As a sentence."""
        return f"{self.by or 'Somebody else'} has had this case open since {self.since:%H:%M}."


@dataclass
class Mark:
    """The mark of this program beside a review; :meth:`renew` it every :data:`RENEW_SECONDS`.

    Parameters
    ----------
    path
        The review.
    by
        Who has it open.
    """

    path: Path
    by: str = ""
    _id: str = field(default_factory=lambda: secrets.token_hex(4))
    _since: str = ""

    @property
    def _file(self) -> Path:
        return self.path.with_name(f".{self.path.name}.{self._id}{MARK_SUFFIX}")

    def renew(self) -> None:
        """Say that the review is open; a folder that cannot be written gets no mark, and no error."""
        self._since = self._since or datetime.now().astimezone().isoformat(timespec="seconds")
        with suppress(LandmarkDetectionError, OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self._file, json.dumps({"by": self.by, "since": self._since}) + "\n")

    def remove(self) -> None:
        """The review is closed."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
            self.path.parent.rmdir()  # where there is nothing else

    def others(self) -> list[Reviewing]:
        """Who else has it open; marks of programs that ended are passed over, and old ones removed."""
        return [one for name, one in _marks(self.path) if name != self._file.name]


def who_reviews(path: Path) -> list[Reviewing]:
    """Who has a review open, this program included."""
    return [one for _name, one in _marks(path)]


def _marks(path: Path) -> list[tuple[str, Reviewing]]:
    found = []
    for file in sorted(path.parent.glob(f".{path.name}.*{MARK_SUFFIX}")):
        with suppress(OSError, InputError, ValueError, TypeError, KeyError):
            age = time.time() - file.stat().st_mtime
            if age > STALE_SECONDS:
                if age > 100 * STALE_SECONDS:
                    file.unlink(missing_ok=True)
                continue
            record = read_json(file)
            found.append((file.name, Reviewing(str(record["by"]), datetime.fromisoformat(record["since"]))))
    return found
