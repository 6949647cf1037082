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
checked before anything is learned from it (see :mod:`~LandmarkDetectionLib.datasets.checks`), and all that is
wrong is named at once, each with its row.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.datasets.annotations import is_store, read_store
from LandmarkDetectionLib.datasets.cases import NO_RATERS, Case, Datalist, DatalistError, Unit
from LandmarkDetectionLib.datasets.checks import Fingerprint, Missing, survey
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.io.dti import DTIColourMap
from LandmarkDetectionLib.io.protocols import chosen_protocol

if TYPE_CHECKING:
    from pydantic import BaseModel


ONE_RATER = "rater"


def read_datalist(
    path: str | os.PathLike[str],
    missing: Missing = "refuse",
    splits: Sequence[str] = (),
    fingerprint: Fingerprint | None = None,
) -> Datalist:
    """Read and check a datalist; every image is opened once, and landmarks are not read again.

    Parameters
    ----------
    path
        The file, or the folder of an annotation store, in which cases may always lack landmarks.
    missing
        Whether a case may lack landmarks that others have: points without a position, and names that do not
        occur in its file. A name that is only misspelt is refused in any case.
    splits
        Splits that must have a case each, for example ("train", "val").
    fingerprint
        Of a case and its images while they are open, for ``Case.content``, which a store knows anyway.

    Raises
    ------
    DatalistError
        With one sentence per problem, each naming its row; what is checked is listed in
        :mod:`LandmarkDetectionLib.datasets.checks`.
    InputError
        When the file itself cannot be read.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> datalist = ld.read_datalist("heads.json")
    >>> datalist.cases[0].read_landmarks()["apex"].position.tolist()
    [4.0, 5.0, 6.0]
    """
    path = Path(path)
    if path.is_dir():
        if is_store(path):
            return read_store(path, fingerprint)
    cases, name, protocol = _parse(path, read_json(path))
    found = survey(cases, missing, protocol, splits, fingerprint)
    if refused := [str(finding) for finding in found.findings if finding.fatal]:
        raise DatalistError(path, refused)
    warnings = tuple(finding for finding in found.findings if not finding.fatal)
    return Datalist(path, name, found.cases, found.names, protocol, warnings)


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
    protocol = chosen_protocol(file.protocol, path.parent) if file.protocol else None
    return cases, file.name or path.stem, protocol


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


def _colours(entry: Any, folder: Path) -> DTIColourMap:
    directions = [entry.direction] if isinstance(entry.direction, str) else entry.direction
    return DTIColourMap(folder / entry.fa, tuple(folder / direction for direction in directions), entry.axes)


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
