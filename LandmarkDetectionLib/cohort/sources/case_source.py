"""One case of a source: where its image is, and how to read it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case
from LandmarkDetectionLib.io.dicom import read_files
from LandmarkDetectionLib.io.formats import NIFTI, PICTURES
from LandmarkDetectionLib.io.volumes import read_volume

KINDS = {
    **dict.fromkeys(NIFTI, "NIfTI"),
    **dict.fromkeys((".nrrd", ".nhdr"), "NRRD"),
    **dict.fromkeys((".mha", ".mhd"), "MetaImage"),
    **dict.fromkeys(PICTURES, "picture"),
}
#: Headers that may name another file for their voxels; a list of slices may make them long.
DETACHED = (".nhdr", ".nrrd", ".mhd", ".mha")
MOST_HEADER_BYTES, MOST_DATA_FILES = 1 << 18, 10_000
DATA_FILE = re.compile(
    rb"^[^\S\n]*(?:data ?file|ElementDataFile)[^\S\n]*[:=][^\S\n]*([^\r\n]*?)[^\S\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
SERIES, DICOM_FILE, LISTED = "DICOM series", "DICOM file", "datalist row"


@dataclass(frozen=True)
class CaseSource:
    """A case before anything is known of its voxels.

    Attributes
    ----------
    identity
        What makes it this case, also after the source was moved: the path below the source, or the UID of a
        DICOM series. Never shown: keys are made from it.
    files
        Everything it is read from, the first being the image.
    kind
        "NIfTI", "NRRD", "MetaImage", "picture", "DICOM series", "DICOM file" or "datalist row".
    series
        UID of a DICOM series.
    modality
        DICOM's word where the source says it.
    slices
        Where the source says it; 0 otherwise.
    description
        Of a DICOM series.
    listed
        The row of a datalist.
    """

    identity: str = field(repr=False)
    files: tuple[Path, ...] = field(repr=False)
    kind: str
    series: str = field(default="", repr=False)
    modality: str = ""
    slices: int = 0
    description: str = field(default="", repr=False)
    listed: Case | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """The image for people: its file; of a series, ``folder::UID``."""
        return f"{self.files[0].parent}::{self.series}" if self.series else str(self.files[0])

    @property
    def side(self) -> str:
        """ "left" or "right" where the datalist says it, otherwise "auto"."""
        return (self.listed.side if self.listed else "") or "auto"

    def read(self) -> list[Volume]:
        """Read the image, or all channels of it; raises as ``volumes.read_volume``."""
        if self.listed is not None:
            return self.listed.read_channels()
        if self.series:
            return [read_files(self.files, self.series)]
        return [read_volume(self.files[0])]


@dataclass(frozen=True)
class LeftOut:
    """What of a source is no case.

    Attributes
    ----------
    identity
        As of a case; never shown unless asked for.
    kind
        What it is.
    reason
        Why it is left out, without naming it.
    """

    identity: str = field(repr=False)
    kind: str
    reason: str


@dataclass(frozen=True)
class Found:
    """Everything a source holds."""

    cases: tuple[CaseSource, ...]
    left_out: tuple[LeftOut, ...] = ()

    def count_reasons(self) -> list[tuple[str, int]]:
        """How often each reason to leave something out occurs, the most frequent first."""
        return Counter(one.reason for one in self.left_out).most_common()


def image_file(path: Path, root: Path) -> CaseSource:
    """The case of one file that is no DICOM."""
    return CaseSource(identity_below(path, root), (path, *companions(path)), kind_of(path))


def kind_of(path: Path) -> str:
    """What kind of image a file is by its name; "" when it is none."""
    name = path.name.lower()
    return KINDS.get(".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower(), "")


def identity_below(path: Path, root: Path) -> str:
    """The path below the source, the same on every system."""
    return path.relative_to(root).as_posix() if path != root else path.name


def companions(path: Path) -> tuple[Path, ...]:
    """The files that the header of a NRRD or MetaImage file says its voxels are in."""
    found = data_files(path)
    entries = found.entries if found is not None else ()
    return tuple(file for entry in entries for file in entry.files.values() if file.is_file())


@dataclass(frozen=True)
class DataEntry:
    """A place in a header that names data files.

    Attributes
    ----------
    start, end
        Of the bytes that name them.
    files
        By what numbers each of several of them ("" for one).
    numbering
        How the header says that number ("%03d").
    """

    start: int
    end: int
    files: Mapping[str, Path] = field(repr=False)
    numbering: str = ""


@dataclass(frozen=True)
class DataFiles:
    """The text of a header, and where it names data files."""

    text: bytes = field(repr=False)
    entries: tuple[DataEntry, ...] = field(repr=False)


def data_files(path: Path) -> DataFiles | None:
    """Where a NRRD or MetaImage header names files with its voxels; None when it names none.

    One file, a list of files below the entry, or a pattern with its first and last number (MetaIO
    documentation, "ElementDataFile"; NRRD format, "data file").
    """
    if path.suffix.lower() not in DETACHED:
        return None
    try:
        with path.open("rb") as stream:
            text = stream.read(MOST_HEADER_BYTES)
    except OSError:
        return None
    header = re.split(rb"\n\r?\n", text, maxsplit=1)[0]
    found = DATA_FILE.search(header)
    value = found[1] if found is not None else b""
    if found is None or not value or value.split()[0].upper() == b"LOCAL" or len(text) == MOST_HEADER_BYTES:
        return None
    if value.split()[0].upper() == b"LIST":
        # The list ends with the file; nothing else follows the entry.
        lines = re.finditer(rb"[^\r\n]*[^\s]", text[found.end() :])
        return DataFiles(text, tuple(_entry(path, text, found.end(), line.span()) for line in lines))
    if b"%" in value:
        return DataFiles(text, _numbered(path, found))
    return DataFiles(text, (_entry(path, text, 0, found.span(1)),))


def _entry(path: Path, text: bytes, offset: int, span: tuple[int, int]) -> DataEntry:
    start, end = offset + span[0], offset + span[1]
    start += len(text[start:end]) - len(text[start:end].lstrip())
    return DataEntry(start, end, {"": path.parent / os.fsdecode(text[start:end])})


def _numbered(path: Path, found: re.Match[bytes]) -> tuple[DataEntry, ...]:
    """The files of a pattern: its words are the pattern, the first and last number, and the step."""
    words = found[1].split()
    format_ = re.search(rb"%0?\d{0,2}[du]", words[0])
    numbers = [int(word) for word in words[1:4] if word.isdigit()]
    if format_ is None or len(numbers) < 2:
        return ()
    numbering = format_[0].decode().replace("u", "d")
    step = numbers[2] if len(numbers) > 2 and numbers[2] else 1
    chosen = range(numbers[0], numbers[1] + 1, step)[:MOST_DATA_FILES]
    before, after = words[0][: format_.start()], words[0][format_.end() :]
    files = {
        numbering % number: path.parent / os.fsdecode(before + (numbering % number).encode() + after)
        for number in chosen
    }
    return (DataEntry(found.start(1), found.start(1) + len(words[0]), files, numbering),)


def text_of(path: str | os.PathLike[str]) -> str:
    """A path as text that every file and screen takes: what is not UTF-8 in it is written as ``\\xff``.

    Examples
    --------
    >>> text_of(b"d\\xe9j\\xe0".decode("utf-8", "surrogateescape")) == r"d\\xe9j\\xe0"
    True
    """
    text = os.fspath(path)
    try:
        return os.fsencode(text).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character that stands for no byte
        return text.encode("utf-8", "backslashreplace").decode()
