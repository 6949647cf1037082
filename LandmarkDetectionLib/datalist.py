"""A datalist: which images with which landmark files make up a data set, as one JSON file.

::

    {"name": "hands", "cases": [
        {"image": "s01.nrrd", "landmarks": "s01.mrk.json", "subject": "s01", "side": "left"},
        {"image": ["s02_t1.nii.gz", "s02_t2.nii.gz"], "subject": "s02", "split": "test",
         "landmarks": {"rater A": "s02_a.fcsv", "rater B": "s02_b.fcsv"}},
        {"image": {"fa": "s03_fa.nii.gz", "direction": "s03_v1.nii.gz"}, "subject": "s03",
         "landmarks": "s03.csv", "unit": "pixel"}
    ]}

Paths are relative to the file. ``image`` is one file or the channels of one case, where ``fa`` and
``direction`` stand for the three channels of a DTI colour map; ``landmarks`` is one file or one per rater,
RAS or LPS mm as its kind says, or pixels of the first image for LabelMe files and for tables with ``"unit":
"pixel"``; ``spacing`` gives the mm per pixel of images whose file does not; ``subject`` keeps images of one
person together; ``split`` (any word: train, test, fold 1) and ``side`` (left, right) may be left out.
``protocol``, beside ``name``, is that of the landmarks: the name of one that ships, or a file. Everything is
checked before anything is learned from it (see :mod:`~LandmarkDetectionLib.dataset_checks`), and all that is
wrong is named at once, each with its row.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from LandmarkDetectionLib.channels import read_channels
from LandmarkDetectionLib.dataset_checks import Finding, Missing, survey
from LandmarkDetectionLib.direction_colours import DirectionColours
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json, write_text
from LandmarkDetectionLib.landmarks import LandmarkSet, read_landmarks
from LandmarkDetectionLib.pixel_landmarks import is_labelme, read_pixel_landmarks
from LandmarkDetectionLib.splits import splits_to_learn_from
from LandmarkDetectionLib.volume import Volume, read_volume, with_spacing

if TYPE_CHECKING:
    from pydantic import BaseModel

    from LandmarkDetectionLib.protocol import Protocol

Side = Literal["left", "right"]
Unit = Literal["mm", "pixel"]
ONE_RATER = "rater"
#: What stands for a choice of raters (see ``raters``) and so cannot be a rater's name.
NO_RATERS = ("mean", "all")
SHOWN_PROBLEMS = 20


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
        One file or colour map, or several: the channels.
    landmarks
        Rater and landmark file, in the order of the datalist.
    subject
        Images of one subject never stand on both sides of a split or fold.
    split, side
        Empty when not given.
    unit
        What the numbers of landmark tables are.
    spacing
        mm per pixel along (i, j) or (i, j, k) where the datalist says it; empty otherwise.
    """

    row: int
    images: tuple[Path | DirectionColours, ...]
    landmarks: tuple[tuple[str, Path], ...]
    subject: str
    split: str = ""
    side: Side | Literal[""] = ""
    unit: Unit = "mm"
    spacing: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """The first image's file name, for people."""
        return self.images[0].name

    @property
    def image_files(self) -> tuple[Path, ...]:
        """Every file its channels are read from."""
        return tuple(
            file
            for image in self.images
            for file in (image.files if isinstance(image, DirectionColours) else (image,))
        )

    @property
    def raters(self) -> tuple[str, ...]:
        """Names of the raters."""
        return tuple(rater for rater, _ in self.landmarks)

    def read_volume(self, channel: int = 0) -> Volume:
        """Read one image, of a colour map the anisotropy; raises InputError as ``read_volume`` does."""
        image = self.images[channel]
        volume = read_volume(image.fa if isinstance(image, DirectionColours) else image)
        return with_spacing(volume, self.spacing) if self.spacing else volume

    def read_channels(self) -> list[Volume]:
        """Read all channels, see :func:`LandmarkDetectionLib.channels.read_channels`."""
        return read_channels(self)

    def read_landmarks(self, rater: str | None = None, volume: Volume | None = None) -> LandmarkSet:
        """Read the landmarks of a rater.

        Parameters
        ----------
        rater
            The first one when None.
        volume
            The first image, where it is at hand: files that count in pixels need its geometry.

        Returns
        -------
        LandmarkSet
            RAS mm.

        Raises
        ------
        InputError
            The file is broken, or the case has no such rater.
        """
        files = dict(self.landmarks)
        if rater is not None and rater not in files:
            raise InputError(
                f"Row {self.row} ({self.name}) has no landmarks by {rater}, only by {', '.join(files)}."
            )
        file = files[rater] if rater is not None else self.landmarks[0][1]
        if self.unit == "pixel" or is_labelme(file):
            return read_pixel_landmarks(file, volume if volume is not None else self.read_volume())
        return read_landmarks(file)


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
        Landmarks of the cases: in the order of the protocol where there is one, otherwise as they first
        occur. Every case has all of them, unless ``read_datalist`` was told to allow missing ones.
    protocol
        Of the landmarks, where the file names one.
    warnings
        What looks wrong and may be right.
    """

    path: Path
    name: str
    cases: tuple[Case, ...]
    landmark_names: tuple[str, ...]
    protocol: Protocol | None = None
    warnings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subject of every case."""
        return tuple(case.subject for case in self.cases)

    @property
    def raters(self) -> tuple[str, ...]:
        """Raters of any case, as they first occur."""
        return tuple(dict.fromkeys(rater for case in self.cases for rater in case.raters))

    def to_learn_from(self) -> Datalist:
        """The cases that may be learned from, by what their splits are called.

        See `splits.splits_to_learn_from`; a case whose subject is in another split, too, is left out.

        Raises
        ------
        InputError
            There is none.
        """
        learned = splits_to_learn_from(case.split for case in self)
        others = {case.subject for case in self if case.split not in learned}
        cases = tuple(case for case in self if case.split in learned and case.subject not in others)
        if not cases:
            raise InputError(f"{self.path} has no case to learn from; call the split to learn from train.")
        return replace(self, cases=cases)

    def of_split(self, split: str) -> tuple[Case, ...]:
        """Cases of one split."""
        return tuple(case for case in self.cases if case.split == split)


def read_datalist(
    path: str | os.PathLike[str], missing: Missing = "refuse", splits: Sequence[str] = ()
) -> Datalist:
    """Read and check a datalist; every image is opened once.

    Parameters
    ----------
    path
        The file, or the folder of an annotation store, in which cases may always lack landmarks.
    missing
        Whether a case may lack landmarks that others have: points without a position, and names that do not
        occur in its file. A name that is only misspelt is refused in any case.
    splits
        Splits that must have a case each, for example ("train", "val").

    Raises
    ------
    DatalistError
        With one sentence per problem, each naming its row; what is checked is listed in
        :mod:`LandmarkDetectionLib.dataset_checks`.
    InputError
        When the file itself cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        from LandmarkDetectionLib.annotations import is_store, read_store

        if is_store(path):
            return read_store(path)
    cases, name, protocol = _parse(path, read_json(path))
    found = survey(cases, missing, protocol, splits)
    if refused := [str(finding) for finding in found.findings if finding.fatal]:
        raise DatalistError(path, refused)
    warnings = tuple(finding for finding in found.findings if not finding.fatal)
    return Datalist(path, name, cases, found.names, protocol, warnings)


def list_cases(path: str | os.PathLike[str]) -> tuple[Case, ...]:
    """The cases of a datalist, unchecked: no image and no landmark file is opened, and none must be there.

    Rows may lack ``landmarks``, and ``subject`` may be left out: for images that are still to be annotated.

    Raises
    ------
    DatalistError, InputError
        The file cannot be read or is no datalist.
    """
    path = Path(path)
    return _parse(path, read_json(path), annotated=False)[0]


def write_datalist(
    rows: Sequence[dict[str, Any]], path: str | os.PathLike[str], name: str = "", **entries: str
) -> None:
    """Write rows as the module describes them; relative paths are relative to the file.

    Parameters
    ----------
    rows
        The cases.
    path
        The file.
    name
        What the data set is called.
    **entries
        More of the file's own: ``description``, ``protocol``.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    write_text(path, json.dumps({"name": name, **entries, "cases": list(rows)}, indent=1) + "\n")


def _schema(annotated: bool) -> type[BaseModel]:
    from pydantic import BaseModel, ConfigDict, Field

    text = Annotated[str, Field(min_length=1)]
    millimetres = Annotated[float, Field(ge=1e-6, lt=1000, allow_inf_nan=False)]

    class Colours(BaseModel):
        model_config = ConfigDict(extra="forbid")

        fa: text
        direction: text | Annotated[list[text], Field(min_length=3, max_length=3)]
        axes: Literal["patient", "voxel"] = "patient"

    class Row(BaseModel):
        model_config = ConfigDict(extra="forbid")

        image: text | Colours | Annotated[list[text | Colours], Field(min_length=1)]
        landmarks: text | Annotated[dict[text, text], Field(min_length=1)]
        subject: text
        rater: text = ONE_RATER
        split: str = ""
        side: Literal["left", "right", ""] = ""
        unit: Unit = "mm"
        spacing: millimetres | Annotated[list[millimetres], Field(min_length=2, max_length=3)] | None = None

    class BareRow(Row):
        landmarks: text | dict[text, text] = Field(default_factory=dict)
        subject: str = ""

    class File(BaseModel):
        model_config = ConfigDict(extra="forbid")

        name: str = ""
        description: str = ""
        protocol: str = ""
        cases: Annotated[list[Row if annotated else BareRow], Field(min_length=1)]  # type: ignore[valid-type]

    return File


def _parse(
    path: Path, content: dict[str, Any], annotated: bool = True
) -> tuple[tuple[Case, ...], str, Protocol | None]:
    from pydantic import ValidationError

    try:
        file: Any = _schema(annotated).model_validate(content)
    except ValidationError as error:
        raise DatalistError(path, [_where(one) for one in _once_per_place(error.errors())]) from None
    cases = tuple(_case(row, number, path.parent) for number, row in enumerate(file.cases, start=1))
    reserved = [
        f"row {case.row} ({case.name}): a rater cannot be called {rater}, which stands for a choice of raters"
        for case in cases
        for rater in case.raters
        if rater in NO_RATERS
    ]
    if reserved:
        raise DatalistError(path, reserved)
    return cases, file.name or path.stem, _protocol(file.protocol, path.parent)


def _case(row: Any, number: int, folder: Path) -> Case:
    images = row.image if isinstance(row.image, list) else [row.image]
    files = {row.rater: row.landmarks} if isinstance(row.landmarks, str) else row.landmarks
    spacing = [row.spacing] * 2 if isinstance(row.spacing, float) else row.spacing or []
    return Case(
        row=number,
        images=tuple(
            folder / image if isinstance(image, str) else _colours(image, folder) for image in images
        ),
        landmarks=tuple((rater, folder / file) for rater, file in files.items()),
        subject=row.subject,
        split=row.split,
        side=row.side,
        unit=row.unit,
        spacing=tuple(spacing),
    )


def _colours(entry: Any, folder: Path) -> DirectionColours:
    directions = [entry.direction] if isinstance(entry.direction, str) else entry.direction
    return DirectionColours(
        folder / entry.fa, tuple(folder / direction for direction in directions), entry.axes
    )


def _protocol(name: str, folder: Path) -> Protocol | None:
    if not name:
        return None
    from LandmarkDetectionLib.protocol import load_protocol, read_protocol

    return read_protocol(folder / name) if name.endswith(".json") else load_protocol(name)


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
