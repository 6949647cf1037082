"""A datalist: which images with which landmark files make up a data set, as one JSON file.

::

    {"name": "hands", "cases": [
        {"image": "s01.nrrd", "landmarks": "s01.mrk.json", "subject": "s01", "side": "left"},
        {"image": ["s02_t1.nii.gz", "s02_t2.nii.gz"], "subject": "s02", "split": "test",
         "landmarks": {"rater A": "s02_a.fcsv", "rater B": "s02_b.fcsv"}}
    ]}

Paths are relative to the file. ``image`` is one file or the channels of one case; ``landmarks`` is one file
or one per rater; ``subject`` keeps images of one person together; ``split`` (any word: train, test, fold 1)
and ``side`` (left, right) may be left out. Everything is checked before anything is learned from it, and all
that is wrong is named at once, each with its row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json, write_text
from LandmarkDetectionLib.landmarks import LandmarkSet, read_landmarks
from LandmarkDetectionLib.volume import Volume, read_volume

if TYPE_CHECKING:
    from pydantic import BaseModel

Side = Literal["left", "right"]
ONE_RATER = "rater"
SHOWN_PROBLEMS = 20
#: Share of the image's extent by which a landmark may lie outside it: a cut fingertip, a chin off the film.
OUTSIDE = 0.1


class DatalistError(InputError):
    """A datalist that cannot be used; ``problems`` has one sentence for each thing that is wrong."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        shown = list(problems[:SHOWN_PROBLEMS])
        if len(problems) > SHOWN_PROBLEMS:
            shown.append(f"and {len(problems) - SHOWN_PROBLEMS} problems more")
        super().__init__(f"The datalist {path} cannot be used: {'; '.join(shown)}.")


@dataclass(frozen=True)
class Case:
    """One row of a datalist, its paths resolved.

    Attributes
    ----------
    row
        Number of the row, from 1.
    images
        One file, or one per channel.
    landmarks
        Rater and landmark file, in the order of the datalist.
    subject
        Images of one subject never stand on both sides of a split or fold.
    split, side
        Empty when not given.
    """

    row: int
    images: tuple[Path, ...]
    landmarks: tuple[tuple[str, Path], ...]
    subject: str
    split: str = ""
    side: Side | Literal[""] = ""

    @property
    def name(self) -> str:
        """The first image's file name, for people."""
        return self.images[0].name

    @property
    def raters(self) -> tuple[str, ...]:
        """Names of the raters."""
        return tuple(rater for rater, _ in self.landmarks)

    def read_volume(self, channel: int = 0) -> Volume:
        """Read one channel; raises InputError as ``volume.read_volume`` does."""
        return read_volume(self.images[channel])

    def read_landmarks(self, rater: str | None = None) -> LandmarkSet:
        """Read the landmarks of a rater, of the first one when None."""
        files = dict(self.landmarks)
        return read_landmarks(files[rater] if rater is not None else self.landmarks[0][1])


@dataclass(frozen=True)
class Datalist:
    """A checked data set.

    Attributes
    ----------
    path
        The file.
    name
        What the data set is called.
    cases
        In the order of the file.
    landmark_names
        Landmarks that every case has, in the order of the first case.
    """

    path: Path
    name: str
    cases: tuple[Case, ...]
    landmark_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subject of every case."""
        return tuple(case.subject for case in self.cases)

    def of_split(self, split: str) -> tuple[Case, ...]:
        """Cases of one split."""
        return tuple(case for case in self.cases if case.split == split)


def read_datalist(path: str | os.PathLike[str]) -> Datalist:
    """Read and check a datalist.

    Refused are: unknown or missing entries, missing files, the same image twice, a subject in two splits,
    landmark files that do not name the same landmarks or leave one without a position, channels of unequal
    size, and landmarks outside their image (with a word on exchanged axes where that explains it).

    Raises
    ------
    DatalistError
        With one sentence per problem, each naming its row.
    InputError
        When the file itself cannot be read.
    """
    path = Path(path)
    cases, name = _parse(path, read_json(path))
    problems = [*_missing_files(cases), *_repeated_images(cases), *_divided_subjects(cases)]
    if problems:
        raise DatalistError(path, problems)
    sets: dict[tuple[int, str], LandmarkSet] = {}
    for case in cases:
        for rater in case.raters:
            try:
                sets[case.row, rater] = case.read_landmarks(rater)
            except InputError as problem:
                problems.append(_at(case, str(problem).rstrip(".")))
    names = next(iter(sets.values())).names if sets else ()
    by_row = {case.row: case for case in cases}
    for (row, rater), landmarks in sets.items():
        problems += [_at(by_row[row], text) for text in _unequal(landmarks, names, rater)]
    if problems:
        raise DatalistError(path, problems)
    for case in cases:
        try:
            volumes = [case.read_volume(channel) for channel in range(len(case.images))]
        except InputError as problem:
            problems.append(_at(case, str(problem).rstrip(".")))
            continue
        if len({volume.size for volume in volumes}) > 1:
            sizes = ", ".join(" x ".join(map(str, volume.size)) for volume in volumes)
            problems.append(_at(case, f"its channels are of unequal size ({sizes})"))
        for rater in case.raters:
            problems += [_at(case, text) for text in _misplaced(sets[case.row, rater], volumes[0])]
    if problems:
        raise DatalistError(path, problems)
    return Datalist(path, name, cases, names)


def write_datalist(rows: Sequence[dict[str, Any]], path: str | os.PathLike[str], name: str = "") -> None:
    """Write rows as the module describes them; relative paths are relative to the file.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    write_text(path, json.dumps({"name": name, "cases": list(rows)}, indent=1) + "\n")


def _schema() -> type[BaseModel]:
    from pydantic import BaseModel, ConfigDict, Field

    text = Annotated[str, Field(min_length=1)]

    class Row(BaseModel):
        model_config = ConfigDict(extra="forbid")

        image: text | Annotated[list[text], Field(min_length=1)]
        landmarks: text | Annotated[dict[text, text], Field(min_length=1)]
        subject: text
        rater: text = ONE_RATER
        split: str = ""
        side: Literal["left", "right", ""] = ""

    class File(BaseModel):
        model_config = ConfigDict(extra="forbid")

        name: str = ""
        description: str = ""
        cases: Annotated[list[Row], Field(min_length=1)]

    return File


def _parse(path: Path, content: dict[str, Any]) -> tuple[tuple[Case, ...], str]:
    from pydantic import ValidationError

    try:
        file: Any = _schema().model_validate(content)
    except ValidationError as error:
        raise DatalistError(path, [_where(one) for one in _once_per_place(error.errors())]) from None
    folder = path.parent
    cases = []
    for number, row in enumerate(file.cases, start=1):
        images = [row.image] if isinstance(row.image, str) else row.image
        files = {row.rater: row.landmarks} if isinstance(row.landmarks, str) else row.landmarks
        cases.append(
            Case(
                row=number,
                images=tuple(folder / image for image in images),
                landmarks=tuple((rater, folder / file) for rater, file in files.items()),
                subject=row.subject,
                split=row.split,
                side=row.side,
            )
        )
    return tuple(cases), file.name or path.stem


def _once_per_place(errors: Sequence[Any]) -> list[Any]:
    """Of an entry that may be of several kinds, pydantic names each kind's complaint: keep the first."""
    kept: dict[tuple[Any, ...], Any] = {}
    for error in errors:
        kept.setdefault(error["loc"][:3], error)
    return list(kept.values())


def _where(error: Any) -> str:
    place, message = error["loc"], error["msg"][:1].lower() + error["msg"][1:]
    if len(place) >= 2 and place[0] == "cases":
        entry = f", {place[2]}" if len(place) > 2 else ""
        return f"row {place[1] + 1}{entry}: {message}"
    return f"{place[0] if place else 'file'}: {message}"


def _at(case: Case, text: str) -> str:
    return f"row {case.row} ({case.name}): {text}"


def _missing_files(cases: Sequence[Case]) -> Iterator[str]:
    for case in cases:
        for file in (*case.images, *(file for _, file in case.landmarks)):
            if not file.exists():
                yield _at(case, f"there is no file {file}")


def _repeated_images(cases: Sequence[Case]) -> Iterator[str]:
    seen: dict[Path, Case] = {}
    for case in cases:
        for image in case.images:
            known = seen.setdefault(image.resolve(), case)
            if known is not case:
                yield _at(case, f"its image {image.name} is that of row {known.row} already")
        if len({image.resolve() for image in case.images}) < len(case.images):
            yield _at(case, "it names the same image for two channels")


def _divided_subjects(cases: Sequence[Case]) -> Iterator[str]:
    first: dict[str, Case] = {}
    for case in cases:
        known = first.setdefault(case.subject, case)
        if known.split != case.split:
            yield _at(
                case,
                f"subject {case.subject} is in the split {case.split!r} here and in {known.split!r} in row "
                f"{known.row}",
            )


def _unequal(landmarks: LandmarkSet, names: Sequence[str], rater: str) -> Iterator[str]:
    of = "" if rater == ONE_RATER else f" by {rater}"
    if lacking := [name for name in names if name not in landmarks]:
        yield f"its landmarks{of} lack {', '.join(lacking)}, which row 1 has"
    if extra := [name for name in landmarks.names if name not in names]:
        yield f"its landmarks{of} have {', '.join(extra)}, which row 1 lacks"
    if unset := [one.name for one in landmarks if not one.is_present]:
        yield f"its landmarks{of} leave {', '.join(unset)} without a position"


def _misplaced(landmarks: LandmarkSet, volume: Volume) -> Iterator[str]:
    """Landmarks outside the image, and whether exchanged axes explain it."""
    positions = landmarks.positions
    if _outside(positions, volume, 0.0).any():
        explanations = {
            "x and y are exchanged": positions[:, [1, 0, 2]],
            "x and z are exchanged": positions[:, [2, 1, 0]],
            "y and z are exchanged": positions[:, [0, 2, 1]],
            "the signs of x and y are turned (LPS taken for RAS)": positions * (-1, -1, 1),
            "the sign of y is turned": positions * (1, -1, 1),
        }
        explained = (text for text, moved in explanations.items() if not _outside(moved, volume, 0.0).any())
        if text := next(explained, None):
            yield f"its landmarks lie outside the image, but inside it if {text} (swapped axes)"
            return
    outside = _outside(positions, volume, OUTSIDE)
    if outside.any():
        names = [name for name, out in zip(landmarks.names, outside, strict=True) if out]
        yield f"{', '.join(names)} lie{'s' if len(names) == 1 else ''} outside the image"


def _outside(positions: np.ndarray, volume: Volume, margin: float) -> np.ndarray:
    """(N,) bool: farther outside the image than a share of its extent, half a voxel at least."""
    size = np.array(volume.size, float)
    ijk = volume.ras_to_ijk_points(positions)
    room = np.maximum(margin * size, 0.51)
    if volume.is_2d:
        ijk = ijk[:, :2]
        size, room = size[:2], room[:2]
    return np.asarray(((ijk < -room) | (ijk > size - 1 + room)).any(axis=1))
