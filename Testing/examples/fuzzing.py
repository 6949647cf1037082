"""Numbered damage to files, for tests that readers never answer with anything unforeseen."""

import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from LandmarkDetectionLib.errors import LandmarkDetectionError

SECONDS_VARIABLE = "LANDMARK_DETECTION_FUZZ_SECONDS"
#: Numbers that headers do not expect, as text and as bytes.
ODD_NUMBERS = (
    "0",
    "-1",
    "1",
    "255",
    "65536",
    "2147483648",
    "99999999999999999999",
    "1e308",
    "1e-320",
    "nan",
    "inf",
)
ODD_BYTES = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\xc0\x7f",
    b"\x80",
)


def damaged(content: bytes, number: int) -> bytes:
    """The content with one to four damages; which ones follows from the number alone.

    Bits are flipped; parts cut off, left out, doubled, moved, zeroed; bytes and numbers in text replaced.
    """
    random = Random(number)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        content = random.choice(DAMAGES)(content, random)
    return content


def fuzz(
    read: Callable[[Path], Any],
    path: Path,
    content: bytes,
    *,
    check: Callable[[Any], None] | None = None,
    tries: int = 150,
    known: Sequence[int] = (),
) -> int:
    """Read a file over and over, each time damaged in another way.

    Parameters
    ----------
    read
        The reader; its answer is kept only for ``check``.
    path
        Where the damaged file is written; its name's ending matters to most readers.
    content
        The sound file, which has to be readable.
    check
        Asserts that an answer to a damaged file is a valid one: damage may be harmless.
    tries
        How many damages are tried; LANDMARK_DETECTION_FUZZ_SECONDS says how long to go on beyond them.
    known
        Numbers of damages that once went wrong, which are tried first.

    Returns
    -------
    int
        How many damages were tried.

    Raises
    ------
    AssertionError
        Anything but an answer or a one-line error of :mod:`LandmarkDetectionLib.errors`; the damage's number
        is named, so that ``damaged(content, number)`` makes the file again.
    """
    path.write_bytes(content)
    sound = read(path)
    if check is not None:
        check(sound)
    end = time.monotonic() + float(os.environ.get(SECONDS_VARIABLE, 0))
    tried = 0
    while tried < len(known) + tries or time.monotonic() < end:
        number = known[tried] if tried < len(known) else tried - len(known)
        path.write_bytes(damaged(content, number))
        try:
            answer = read(path)
            if check is not None:
                check(answer)
        except LandmarkDetectionError as error:
            assert "\n" not in str(error), f"damage {number} of {path.name}: more than one line: {error}"
        except Exception as error:
            raise AssertionError(
                f"damage {number} of {path.name}: {type(error).__name__}: {error}"
            ) from error
        tried += 1
    return tried


def _place(content: bytes, random: Random) -> int:
    """Anywhere, but as often in the first bytes, where headers are."""
    return random.randrange(max(1, min(len(content), random.choice((64, 512, len(content))))))


def _span(content: bytes, random: Random) -> tuple[int, int]:
    start = _place(content, random)
    return start, min(len(content), start + random.choice((1, 2, 4, 16, 256, max(1, len(content) // 4))))


def _flip(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    if changed:
        changed[_place(content, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _truncate(content: bytes, random: Random) -> bytes:
    return content[: random.choice((_place(content, random), max(0, len(content) - random.randrange(1, 16))))]


def _leave_out(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random)
    return content[:start] + content[end:]


def _double(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random)
    return content[:end] + content[start:end] * random.choice((1, 1, 50)) + content[end:]


def _move(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random)
    to = _place(content, random)
    return content[:to] + content[start:end] + content[to + (end - start) :]


def _zero(content: bytes, random: Random) -> bytes:
    start, end = _span(content, random)
    return content[:start] + bytes(end - start) + content[end:]


def _odd_bytes(content: bytes, random: Random) -> bytes:
    start, odd = _place(content, random), random.choice(ODD_BYTES)
    return content[:start] + odd + content[start + len(odd) :]


def _odd_number(content: bytes, random: Random) -> bytes:
    numbers = list(re.finditer(rb"-?\d+\.?\d*", content[:4096]))
    if not numbers:
        return _odd_bytes(content, random)
    one = random.choice(numbers)
    return content[: one.start()] + random.choice(ODD_NUMBERS).encode() + content[one.end() :]


DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip, _truncate, _leave_out, _double, _move, _zero, _odd_bytes, _odd_number,
)  # fmt: skip
