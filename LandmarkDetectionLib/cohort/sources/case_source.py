"""One case of a source: where its image is, and how to read it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from LandmarkDetectionLib.volume import NIFTI, PICTURES, Volume, read_volume

if TYPE_CHECKING:
    from LandmarkDetectionLib.datalist import Case

KINDS = {
    **dict.fromkeys(NIFTI, "NIfTI"),
    **dict.fromkeys((".nrrd", ".nhdr"), "NRRD"),
    **dict.fromkeys((".mha", ".mhd"), "MetaImage"),
    **dict.fromkeys(PICTURES, "picture"),
}
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
        """Read the image, or all channels of it; raises as ``volume.read_volume``."""
        if self.listed is not None:
            return self.listed.read_channels()
        if self.series:
            from LandmarkDetectionLib.dicom import read_files

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
    """The files that the header of an .mhd or .nhdr file says its voxels are in."""
    if path.suffix.lower() not in (".mhd", ".nhdr"):
        return ()
    try:
        with path.open("rb") as stream:
            header = stream.read(65536).decode("utf-8", errors="replace")
    except OSError:
        return ()
    entries = [line.replace(":", "=", 1).partition("=") for line in header.splitlines()]
    names = [
        value.strip()
        for key, _, value in entries
        if key.strip().lower() in ("elementdatafile", "data file", "datafile")
    ]
    files = [path.parent / Path(name).name for name in names if name]
    return tuple(file for file in files if file.is_file())
