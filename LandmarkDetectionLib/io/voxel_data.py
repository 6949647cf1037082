"""Voxels from a file's bytes: no memory before the file is known to hold them, and no damage unnoticed.

Shared by the readers of NIfTI, NRRD and MetaImage. All of them end with the check that nothing is missing,
that checksums are right, and that nothing is left over.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import os
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO, cast

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.formats import native
from LandmarkDetectionLib.wording import counted

#: How many times larger data may be than its compressed form: what deflate and bzip2 can do at most.
MOST_COMPRESSION = {"raw": 1, "gzip": 1100, "bzip2": 60_000, "hex": 1}
#: In a header, whatever it says.
LARGEST_NUMBER = 1e30
#: Of one image, as slices.
MOST_FILES = 100_000
#: Bytes that are read, and for bzip2 made, at a time. Deflate makes 1032 times as much at most.
PIECE_BYTES = 2**14
BZIP2_BYTES = 2**20
#: Said with every image whose lengths were not in mm.
UNIT_DOUBT = Doubt(
    "The file gives lengths in another unit than mm. They were converted; Slicer takes them for mm and shows "
    "the image in another size.",
    DoubtKind.IMAGE_FILE,
)


def voxel_array(shape: tuple[int, ...], dtype: np.dtype, stored_bytes: int, encoding: str, path: Path) -> Any:
    """An empty array for voxels, made only when the file can hold them and this computer can hold the array.

    Parameters
    ----------
    shape, dtype
        Of the array.
    stored_bytes
        Bytes in the file that hold the voxels.
    encoding
        "raw", "gzip" (also zlib) or "bzip2".
    path
        Named in the message.

    Raises
    ------
    InputError
        The file is too short for the voxels its header promises, or they do not fit the memory.
    """
    size = " x ".join(map(str, shape[::-1]))
    needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if needed > stored_bytes * MOST_COMPRESSION[encoding]:
        raise InputError(
            f"{path} is damaged or truncated: too short for its {size} voxels; copy or export it again."
        )
    require_memory(needed, path)
    return np.empty(shape, dtype)


def require_memory(needed: int, path: Path) -> None:
    """Refuse what does not fit this computer's memory, before it is asked for.

    Raises
    ------
    InputError
        ``needed`` bytes are more than there are.
    """
    if needed > computer_memory():
        raise InputError(
            f"{path} says it is larger than the memory of this computer; check the file or shrink the image."
        )


def computer_memory() -> float:
    """Bytes of memory; infinite where the system does not tell, and allocating fails by itself."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, OSError, ValueError):
        return float("inf")


def fill(array: np.ndarray, stream: BinaryIO, path: Path) -> None:
    """Read exactly as many bytes as the array has.

    Raises
    ------
    InputError
        There are fewer.
    OSError, EOFError, zlib.error
        From compressed streams that are damaged.
    """
    buffer, filled = memoryview(cast(Any, array)).cast("B"), 0
    # At once would be simpler, but a decompressor hands out small pieces.
    while filled < len(buffer) and (count := cast(Any, stream).readinto(buffer[filled : filled + 2**24])):
        filled += count
    if filled < len(buffer):
        raise InputError(
            f"{path} is damaged or truncated: only {filled / len(buffer):.0%} of its voxels are there; "
            "copy or export it again."
        )


def require_end(stream: BinaryIO, path: Path, tolerated: int = 0) -> None:
    """Read to the end, where a compressed stream has its checksum, and refuse what is left over.

    Parameters
    ----------
    tolerated
        Bytes of padding that mean nothing.

    Raises
    ------
    InputError
        More is there than the header describes, which is therefore wrong or damaged.
    OSError, EOFError, zlib.error
        From compressed streams that are damaged.
    """
    left = 0
    while piece := stream.read(2**16):
        left += len(piece)
        if left > tolerated:
            raise InputError(
                f"{path} is damaged: it holds more voxels than its header describes; copy or export it again."
            )


class _Pieces(io.RawIOBase):
    """A stream of what a generator yields: Python's own for gzip knows no zlib, that for bzip2 forgives."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _inflated(stream: BinaryIO) -> Iterator[bytes]:
    piece = stream.read(PIECE_BYTES)
    while piece:
        # 32 + 15: gzip or zlib, as the first bytes say; both end with a checksum, which is compared.
        one = zlib.decompressobj(47)
        while True:
            yield one.decompress(piece)
            if one.eof:
                break
            piece = _more(stream)
        # gzip files may have several parts, and zeros as padding behind them.
        piece = one.unused_data.lstrip(b"\0")
        while not piece and (further := stream.read(PIECE_BYTES)):
            piece = further.lstrip(b"\0")


def _unpacked_bzip2(stream: BinaryIO) -> Iterator[bytes]:
    piece = stream.read(PIECE_BYTES)
    while piece:
        one = bz2.BZ2Decompressor()
        while not one.eof:
            yield one.decompress(piece if one.needs_input else b"", BZIP2_BYTES)
            if one.needs_input and not one.eof:
                piece = _more(stream)
        piece = one.unused_data or stream.read(PIECE_BYTES)


def _more(stream: BinaryIO) -> bytes:
    if piece := stream.read(PIECE_BYTES):
        return piece
    raise EOFError("the compressed stream ends too early")


@dataclass(frozen=True)
class Stored:
    """Where voxels are: in a file, from a byte on (counted from the file's end when it is negative)."""

    file: Path
    start: int = 0


def load_voxels(
    stored: Sequence[Stored], encoding: str, shape: tuple[int, ...], dtype: np.dtype, path: Path
) -> np.ndarray:
    """Read an array that lies in one file or in several, one after the other.

    Parameters
    ----------
    stored
        The files; each is read to its end.
    encoding
        "raw", "gzip" (also zlib), "bzip2", "hex" or "text" (decimal numbers).
    shape, dtype
        Of the array, its last axis running fastest; dtype in the file's byte order.
    path
        The header, named in messages.

    Returns
    -------
    numpy.ndarray
        In this computer's byte order.

    Raises
    ------
    InputError
        Something is missing, damaged or left over.
    """
    bytes_ = sum(one.file.stat().st_size - one.start if one.start >= 0 else -one.start for one in stored)
    try:
        if encoding == "text":
            return _numbers(stored, shape, dtype, bytes_, path)
        array = voxel_array(shape, dtype, bytes_, encoding, path)
        stream = cast(BinaryIO, io.BufferedReader(_Pieces(_all_pieces(stored, encoding)), PIECE_BYTES))
        fill(array, stream, path)
        require_end(stream, path)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{path} is damaged or truncated; copy or export it again.") from error
    return native(array)


def _all_pieces(stored: Sequence[Stored], encoding: str) -> Iterator[bytes]:
    for one in stored:
        with one.file.open("rb") as stream:
            stream.seek(one.start, os.SEEK_SET if one.start >= 0 else os.SEEK_END)
            yield from PIECES[encoding](stream)


def _from_hex(stream: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while piece := stream.read(2**20):
        digits = rest + b"".join(piece.split())
        yield bytes.fromhex(digits[: len(digits) // 2 * 2].decode("latin-1"))
        rest = digits[len(digits) // 2 * 2 :]
    yield bytes.fromhex(rest.decode("latin-1"))


def _numbers(
    stored: Sequence[Stored], shape: tuple[int, ...], dtype: np.dtype, bytes_: int, path: Path
) -> np.ndarray:
    """Voxels as decimal numbers; a number and the blank before it take two bytes at least."""
    count = int(np.prod(shape, dtype=object))
    if 2 * count > bytes_ + 1:
        raise EOFError("too few numbers")
    require_memory(count * 64, path)
    words = b" ".join(_all_pieces(stored, "raw")).replace(b",", b" ").split()
    if len(words) != count:
        raise ValueError("too few or too many numbers")
    number = int if dtype.kind in "iu" else float
    try:
        return np.array([number(word) for word in words], dtype.newbyteorder("=")).reshape(shape)
    except OverflowError as error:
        raise ValueError("a number is too large for its type") from error


#: Ways to take a stream apart into the bytes of voxels.
PIECES: dict[str, Callable[[BinaryIO], Iterator[bytes]]] = {
    "raw": lambda stream: iter(partial(stream.read, 2**22), b""),
    "gzip": _inflated,
    "bzip2": _unpacked_bzip2,
    "hex": _from_hex,
}


def numbered_names(header: Path, text: str) -> list[str] | None:
    """The names that ``slice%03d.raw 1 10 1`` (first, last, step) stands for, or None for any other text.

    Raises
    ------
    InputError
        The row has no end.
    """
    found = re.fullmatch(
        r"(.*)%(0?)(\d{0,2})d(.*?)\s+(-?\d{1,9})\s+(-?\d{1,9})(?:\s+(-?\d{1,9}))?(?:\s+\d+)?", text
    )
    if found is None:
        return None
    before, zero, width, after = found.groups()[:4]
    first, last, step = int(found[5]), int(found[6]), int(found[7] or 1)
    numbers = range(first, last + (1 if step > 0 else -1), step) if step else range(0)
    if not 0 < len(numbers) <= MOST_FILES:
        raise InputError(f"{header} names no sensible row of data files; export the image again.")
    return [f"{before}{n:{zero}{width or ''}d}{after}" for n in numbers]


def data_file(header: Path, named: str) -> Path:
    """The file beside a header that holds its voxels.

    Parameters
    ----------
    header
        The ``.mhd`` or ``.nhdr``.
    named
        What it says, decoded as UTF-8 with ``surrogateescape``; relative to the header's folder.

    Raises
    ------
    InputError
        It names a file outside the header's folder, which is never opened, or there is no such file. Neither
        sentence repeats the name, which may be a person's.
    """
    windows, posix = PureWindowsPath(named), PurePosixPath(named)
    if windows.drive or windows.root or posix.root or ".." in windows.parts or "\0" in named:
        raise InputError(
            f"{header} is only a header, and names a data file outside its folder; put both into one folder "
            "and name the data file without one."
        )
    bytes_ = named.encode("utf-8", "surrogateescape")
    spellings = [named, named.replace("\\", "/"), bytes_.decode("cp1252", "replace")]
    spellings += [unicodedata.normalize(form, named) for form in ("NFC", "NFD")]
    for spelling in spellings:
        found = header.parent / spelling
        # A named pipe would be waited for without end.
        if found.is_file():
            return found
    raise InputError(f"{header} is only a header, and its data file is missing; put both into one folder.")


def data_name(header: Path, suffix: str) -> str:
    """A name for the data file of a header that is written: the header's own, where a header can say it.

    Line ends would end the name, other programs take a percent sign for a numbered row, and blanks at the
    ends are lost.
    """
    name = header.stem
    plain = re.sub(r"[\x00-\x1f\x7f%\\]|^\s+", "_", name)
    if plain != name:
        plain += "-" + hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    return plain + suffix


def number_text(value: float) -> str:
    """A number as headers want it, whatever the locale, and exactly; whole numbers without a point."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))


def data_files(header: Path, named: str, following: Sequence[str]) -> list[Path]:
    """The data files that a header names: one, a numbered row, or (``LIST``) those of the lines after it."""
    if re.fullmatch(r"LIST(\s+\d+)?", named, re.IGNORECASE):
        return [data_file(header, line.strip()) for line in following if line.strip()]
    is_file = bool(named) and (header.parent / named.replace("\0", "")).is_file()
    row = None if is_file else numbered_names(header, named)
    return [data_file(header, name) for name in (row or [named])]


def mm_per_unit(path: Path, unit: str, known: Mapping[str, float]) -> float:
    """Millimetres of a unit that a header names; raises InputError for one that is not known."""
    factor = known.get(unit.strip().lower())
    if factor is None:
        raise InputError(
            f"{path} gives lengths in an unknown unit; correct its header or export the image again in mm."
        )
    return factor


def voxel_type(path: Path, name: str, known: Mapping[str, Sequence[str]]) -> str:
    """NumPy's code of a type that a header names; raises InputError for one that is not known."""
    code = next((code for code, names in known.items() if name in names), None)
    if code is None:
        raise InputError(f"{path} has an unknown voxel type; save it as 16-bit integers.")
    return code


def require_values(path: Path, found: int, wanted: int) -> None:
    """Refuse a file that has more or fewer values per voxel than wanted."""
    if found != wanted:
        raise InputError(
            f"{path} has {counted(found, 'value')} per voxel, and directions need three."
            if wanted > 1
            else f"{path} has {found} values per voxel (colour or vectors); save it as grey values."
        )


def header_integers(words: list[str], count: int, problem: InputError) -> list[int]:
    """Whole numbers of a header, as many as there have to be; raises ``problem`` otherwise."""
    if len(words) != count or not all(re.fullmatch(r"[-+]?[0-9]{1,18}", word) for word in words):
        raise problem
    return [int(word) for word in words]


def header_floats(words: list[str], problem: InputError) -> list[float]:
    """Numbers of a header, read alike whatever the process's locale; raises ``problem`` where one is none."""
    if not all(re.fullmatch(r"[-+0-9.eEinfaN ]+", word) for word in words):
        raise problem
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise problem from None
    # Nothing is that large, and products of such numbers are infinite.
    if any(abs(number) > LARGEST_NUMBER for number in numbers):
        raise problem
    return numbers
