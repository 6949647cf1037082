"""A folder, searched with its subfolders: image files are cases, and so are DICOM series."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from LandmarkDetectionLib.cohort.sources import dicom_archive
from LandmarkDetectionLib.cohort.sources.case_source import (
    DICOM_FILE,
    CaseSource,
    Found,
    LeftOut,
    companions,
    identity_below,
    image_file,
    kind_of,
)
from LandmarkDetectionLib.io.dicom import is_dicom
from LandmarkDetectionLib.io.formats import DICOM

OTHER_FILE = "not an image of a kind that can be read"
NO_FILE = "no regular file (a pipe, a device or a broken link)"
TELL_EVERY = 1000


def find(root: Path, skip: Path | None, every_series: bool, looking: Callable[[str], None]) -> Found:
    """Find the cases below a folder.

    Parameters
    ----------
    root
        The folder.
    skip
        A folder in it that is passed over.
    every_series
        Whether localizers, derived series and captured screens are cases as well.
    looking
        Told every thousand files.
    """
    cases: list[CaseSource] = []
    left_out: list[LeftOut] = []
    archive = dicom_archive.Archive(root)
    belonging: set[Path] = set()
    for number, path in enumerate(files_below(root, skip), start=1):
        if number % TELL_EVERY == 0:
            looking(f"{number} files looked at")
        if not is_regular(path):
            left_out.append(LeftOut(identity_below(path, root), "other file", NO_FILE))
        # Any name may hide DICOM; a picture's or a volume's name hardly does.
        elif kind_of(path):
            case = image_file(path, root)
            cases.append(case)
            belonging.update(case.files[1:])
        elif path.suffix.lower() in DICOM or is_dicom(path):
            archive.add(path)
        else:
            left_out.append(LeftOut(identity_below(path, root), "other file", OTHER_FILE))
    named = {identity_below(path, root) for path in belonging}
    left_out = [one for one in left_out if one.identity not in named]
    series = archive.sorted_out(every_series)
    return Found((*cases, *series.cases), (*left_out, *series.left_out))


def find_one(path: Path) -> Found:
    """The one case that a file is."""
    if kind_of(path):
        return Found((image_file(path, path.parent),))
    return Found((CaseSource(path.name, (path, *companions(path)), DICOM_FILE),))


def is_regular(path: Path) -> bool:
    """Whether a name leads to a file with an end; a named pipe would be waited for without one."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def files_below(root: Path, skip: Path | None) -> Iterator[Path]:
    """Every file below a folder that is not hidden, in the order of names; links to folders are not followed.

    Unreadable folders are passed over as ``os.walk`` does.
    """
    skipped = skip.resolve() if skip is not None else None
    for parent, folders, names in os.walk(root):
        here = Path(parent)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (skipped is None or (here / name).resolve() != skipped)
        )
        # "._name" is what macOS leaves beside files on foreign disks.
        yield from (here / name for name in sorted(names) if not name.startswith("."))
