"""An image for an agent: read, with sentences that name no file but the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from LandmarkDetectionLib.cohort.run.nameless import nameless
from LandmarkDetectionLib.cohort.run.privacy import without_names
from LandmarkDetectionLib.cohort.sources.case_source import SERIES, CaseSource
from LandmarkDetectionLib.cohort.sources.folder import find_one
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError
from LandmarkDetectionLib.io.dicom import Series
from LandmarkDetectionLib.io.formats import stem
from LandmarkDetectionLib.mcp_server.folders import Folders
from LandmarkDetectionLib.wording import counted

#: What sentences call an image.
THE_IMAGE = "the image"


@dataclass(frozen=True)
class Opened:
    """An image that was read.

    Attributes
    ----------
    volume
        Named so that no sentence about it names its file.
    name
        Of the file or folder without its ending, for what is written into files.
    files
        Of a DICOM image, which its Structured Report names; empty for others.
    told
        Makes a sentence one without names of files and descriptions of series.
    """

    volume: Volume
    name: str
    files: tuple[Path, ...]
    told: Callable[[str], str]


def series_in(folder: Path) -> list[Series]:
    """The image series below a folder; InputError, which names no file, when there are none."""
    from LandmarkDetectionLib.io.volumes import list_series

    try:
        return list_series(folder)
    except InputError:
        raise InputError(
            "The folder holds no DICOM images; give the folder of the scan, or an image file."
        ) from None


@contextmanager
def opened(folders: Folders, name: str, series: int | None = None) -> Iterator[Opened]:
    """Read an image in an allowed folder; what is mapped from its file can be read in the block.

    Parameters
    ----------
    name
        As the agent gave it.
    series
        Number of the series of a DICOM folder that holds several.

    Raises
    ------
    InputError
        It cannot be read, is outside, or its header names a file outside.
    """
    path = folders.readable(name)
    case = _case_of(path, series)
    folders.require_inside(case.files, name)
    with nameless(case, THE_IMAGE) as plain:

        def told(text: str) -> str:
            return " ".join(without_names(plain.told(text), case, THE_IMAGE).split())

        try:
            (volume,) = plain.case.read()
        except LandmarkDetectionError as problem:
            raise type(problem)(told(str(problem)), problem.about) from None
        dicom = case.files if case.kind == SERIES else _if_dicom(path)
        yield Opened(replace(volume, name=THE_IMAGE), stem(path), dicom, told)


def _case_of(path: Path, series: int | None) -> CaseSource:
    if not path.is_dir():
        if series is not None:
            raise InputError("The image is a single file; a series can only be chosen from a DICOM folder.")
        (case,) = find_one(path).cases
        return case
    found = series_in(path)
    chosen = [one for one in found if series in (None, one.number)]
    if len(chosen) == 1:
        (one,) = chosen
        return CaseSource("", one.files, SERIES, one.uid, description=one.description)
    known = ", ".join(f"{one.number} ({one.modality}, {counted(one.slices, 'slice')})" for one in found)
    if not chosen:
        raise InputError(f"The folder holds no series {series}; it holds {known}.")
    if series is None and len({one.number for one in found}) == len(found):
        raise InputError(f"The folder holds {len(found)} series; choose one by its number: {known}.")
    raise InputError("Series of the folder have no number of their own; give each a folder of its own.")


def _if_dicom(path: Path) -> tuple[Path, ...]:
    from LandmarkDetectionLib.io.dicom import is_dicom

    return (path,) if is_dicom(path) else ()
