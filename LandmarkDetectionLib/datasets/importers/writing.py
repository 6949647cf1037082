"""What every importer does at the end: landmark files and a datalist in a new folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.datasets.cases import write_datalist
from LandmarkDetectionLib.datasets.splits import is_training
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import atomic_folder, make_folder, sha256_of, write_text
from LandmarkDetectionLib.io.dti import DTIColourMap
from LandmarkDetectionLib.io.formats import PICTURES
from LandmarkDetectionLib.io.markups import markups_record, write_landmarks
from LandmarkDetectionLib.io.volumes import read_volume

DATALIST = "datalist.json"


@dataclass(frozen=True)
class ImportedCase:
    """One case as an importer found it.

    Attributes
    ----------
    name
        Of its landmark files, unique in the set.
    images
        Existing files: the channels.
    landmarks
        By rater: an existing file that is named as it is, or landmarks to write, with a record of what is
        known of them. Landmarks to write are RAS mm, or with ``unit="pixel"`` voxel indices (i, j, k).
    subject, split, side, unit, spacing
        As in the datalist.
    """

    name: str
    images: tuple[Path | DTIColourMap, ...]
    landmarks: dict[str, Path | LandmarkSet]
    subject: str
    split: str = ""
    side: str = ""
    unit: str = "mm"
    spacing: float | tuple[float, ...] | None = None


@dataclass(frozen=True)
class Imported:
    """What was written.

    Attributes
    ----------
    datalist
        The file.
    cases
        How many there are.
    notes
        What was left out and what was assumed, in sentences for people.
    assumed
        Those of the notes that say a unit which the files do not and which can be given.
    """

    datalist: Path
    cases: int
    notes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def write_import(
    out: str | os.PathLike[str],
    cases: Sequence[ImportedCase],
    *,
    name: str,
    description: str = "",
    protocol: str = "",
    notes: Sequence[str] = (),
    unpacked: Path | None = None,
) -> Imported:
    """Write a datalist and the landmark files it needs into a new folder, whole or not at all.

    Images stay where they are; the datalist names them relative to itself where one drive holds both. What
    lies in the folder ``unpacked`` is copied.

    Raises
    ------
    InputError
        There is no case.
    OutputError
        The folder holds something already, or cannot be written.
    """
    out = Path(out).absolute()
    if not cases:
        raise InputError("No image has landmarks, so there is nothing to import; check the folder.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"Cannot write {out}: it holds something already; give a new folder.")
    make_folder(out.parent)
    cases, notes = _one_subject_per_image(cases, notes)
    with atomic_folder(out) as folder:
        place = _Place(folder, out, unpacked)
        rows = [_row(case, place) for case in cases]
        entries = {
            key: value for key, value in (("description", description), ("protocol", protocol)) if value
        }
        if unpacked is not None and any(unpacked.iterdir()):
            shutil.copytree(unpacked, folder / "files")
        write_datalist(rows, folder / DATALIST, name, **entries)
    return Imported(out / DATALIST, len(cases), tuple(notes))


def _one_subject_per_image(
    cases: Sequence[ImportedCase], notes: Sequence[str]
) -> tuple[list[ImportedCase], list[str]]:
    """Give images that are the same under two names one subject: public data sets have such."""
    first: dict[str, ImportedCase] = {}
    result, notes = [], list(notes)
    for case in cases:
        image = case.images[0]
        file = image.fa if isinstance(image, DTIColourMap) else image
        known = first.setdefault(_checksum(file), case)
        if known.subject != case.subject:
            apart = {case.split, known.split} if case.split != known.split else set()
            kept_out = (
                "; what is in a training split is not learned from" if any(map(is_training, apart)) else ""
            )
            notes.append(
                f"{file.name} is the same image as that of {known.name}; both count as one subject{kept_out}"
            )
            case = replace(case, subject=known.subject)
        result.append(case)
    return result, notes


def _checksum(file: Path) -> str:
    if file.is_dir():
        return str(file)
    if file.suffix.lower() in PICTURES:
        # The same radiograph may be stored in grey and in equal colours.
        with suppress(InputError):
            volume = read_volume(file)
            voxels = np.ascontiguousarray(volume.voxels)
            return hashlib.sha256(f"{volume.shape} {voxels.dtype}".encode() + voxels.tobytes()).hexdigest()
    return sha256_of(file)


def pixel_set(names: Sequence[str], points: np.ndarray) -> LandmarkSet:
    """Landmarks of (N, 2) or (N, 3) numbers, NaN rows being not annotated."""
    marks = []
    for name, point in zip(names, np.asarray(points, float), strict=True):
        placed = bool(np.isfinite(point).all())
        position = np.zeros(3)
        position[: len(point)] = point if placed else 0.0
        marks.append(Landmark(name, position, Status.DETECTED if placed else Status.ABSENT))
    return LandmarkSet(tuple(marks))


@dataclass(frozen=True)
class _Place:
    """The folder that is being written, the name it will have, and where copied files are."""

    folder: Path
    out: Path
    unpacked: Path | None

    def relative(self, file: Path) -> str:
        """How the datalist names a file."""
        if self.unpacked is not None and file.is_relative_to(self.unpacked):
            return (Path("files") / file.relative_to(self.unpacked)).as_posix()
        try:
            return Path(os.path.relpath(file.absolute(), self.out)).as_posix()
        except ValueError:
            return file.absolute().as_posix()  # another drive of Windows


def _row(case: ImportedCase, place: _Place) -> dict[str, Any]:
    images = [_image(image, place) for image in case.images]
    files = {rater: _file(case, rater, given, place) for rater, given in case.landmarks.items()}
    row: dict[str, Any] = {"image": images[0] if len(images) == 1 else images, "landmarks": files}
    if set(files) == {"rater"}:
        row["landmarks"] = files["rater"]
    row["subject"] = case.subject
    row |= {key: value for key, value in (("split", case.split), ("side", case.side)) if value}
    if case.unit != "mm":
        row["unit"] = case.unit
    if case.spacing is not None:
        row["spacing"] = case.spacing if isinstance(case.spacing, float) else list(case.spacing)
    return row


def _image(image: Path | DTIColourMap, place: _Place) -> Any:
    if isinstance(image, Path):
        return place.relative(image)
    directions = [place.relative(file) for file in image.directions]
    entry = {
        "fa": place.relative(image.fa),
        "direction": directions[0] if len(directions) == 1 else directions,
    }
    return entry if image.axes == "patient" else {**entry, "axes": image.axes}


def _file(case: ImportedCase, rater: str, given: Path | LandmarkSet, place: _Place) -> str:
    if isinstance(given, Path):
        return place.relative(given)
    # What is in pixels is a table: Slicer would take its own file's numbers for mm.
    suffix = ".csv" if case.unit == "pixel" else ".mrk.json"
    below = Path("landmarks") if rater == "rater" else Path("landmarks", _safe(rater))
    (place.folder / below).mkdir(parents=True, exist_ok=True)
    file = below / f"{_safe(case.name)}{suffix}"
    if (place.folder / file).exists():
        raise InputError(f"Two cases are named {case.name}; rename one of the images.")
    if case.unit == "pixel":
        write_landmarks(given, place.folder / file)
    else:
        record = {"annotation": {"landmarks": [mark.to_record() for mark in given]}}
        write_text(place.folder / file, json.dumps({**markups_record(given), **record}, indent=1) + "\n")
    return file.as_posix()


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
