"""What models say of the cases of a data set: read from a folder, or made by running an installed model."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.datasets.cases import Case, Unit
from LandmarkDetectionLib.errors import (
    Cancelled,
    InputError,
    LandmarkDetectionError,
    NoBodyError,
    OutputError,
)
from LandmarkDetectionLib.files import read_json, write_text
from LandmarkDetectionLib.io.dicom_sr import is_sr, read_sr_on
from LandmarkDetectionLib.io.formats import stem
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.pixel_landmarks import is_labelme, read_pixel_landmarks
from LandmarkDetectionLib.typing import Progress

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.options import Side
    from LandmarkDetectionLib.models import Model

#: The first that is there is read: the full record knows the confidence best.
SUFFIXES = (".json", ".mrk.json", ".dcm", ".fcsv", ".csv")
MADE_BY = "made-by.json"


@dataclass(frozen=True)
class Predictions:
    """Landmarks that one model found.

    Attributes
    ----------
    name
        What the model is called in tables and figures.
    landmarks
        One set per case, in the order of the cases; RAS mm.
    source
        Where they are from: folder, model, version.
    """

    name: str
    landmarks: tuple[LandmarkSet, ...]
    source: dict[str, str]


def case_keys(cases: Sequence[Case], folder: Path) -> tuple[str, ...]:
    """A name for each case that its prediction file bears: the image's file name without its ending.

    Where two images are called the same, the names of the folders between ``folder`` and the image come
    first, as in ``s01/t1``.
    """
    stems = [stem(case.image_files[0]) for case in cases]
    count = Counter(stems)
    return tuple(
        one if count[one] == 1 else _relative(case.image_files[0], folder, one)
        for case, one in zip(cases, stems, strict=True)
    )


def _relative(image: Path, folder: Path, name: str) -> str:
    between = os.path.relpath(image.parent.absolute(), folder.absolute())
    parts = [part for part in Path(between).parts if part not in ("..", ".")]
    return "/".join([*parts, name])


def read_predictions(
    name: str, folder: str | os.PathLike[str], cases: Sequence[Case], root: Path, unit: Unit = "mm"
) -> Predictions:
    """Read one landmark file per case from a folder.

    Parameters
    ----------
    name
        What the model is called.
    folder
        Holds ``KEY.json``, ``.mrk.json``, ``.fcsv`` or ``.csv`` for every key of :func:`case_keys`.
    cases
        Of a datalist.
    root
        Folder of the datalist.
    unit
        What the numbers of tables (``.csv``) are: RAS mm, or pixels of the image. Slicer's files and records
        of detections are in mm and LabelMe's in pixels whatever is said here.

    Raises
    ------
    InputError
        The folder is missing, lacks the file of a case, or a file cannot be read; the case is named.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder} with predictions of {name}; check its name.")
    keys = case_keys(cases, root)
    files = [_prediction_file(folder, key) for key in keys]
    if lacking := [n for n, file in enumerate(files) if file is None]:
        first = f"{cases[lacking[0]].name} (row {cases[lacking[0]].row})"
        looked = f"looked for {keys[lacking[0]]} with the ending {', '.join(SUFFIXES)}"
        if len(lacking) == len(cases):
            raise InputError(
                f"The folder {folder} holds no prediction of {name} for any case, beginning with {first}: "
                f"{looked}; are they of another data set?"
            )
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise InputError(
            f"The folder {folder} holds no prediction of {name} for {first}{more}: {looked}; predict these "
            "cases too, or choose a split without them."
        )
    landmarks = tuple(
        _read(file, case, unit) for file, case in zip(files, cases, strict=True) if file is not None
    )
    return Predictions(name, landmarks, {"folder": str(folder)})


def _read(file: Path, case: Case, unit: Unit) -> LandmarkSet:
    if is_sr(file):
        return read_sr_on(file, case.image_files[0])
    if is_labelme(file) or (unit == "pixel" and file.suffix.lower() == ".csv"):
        return read_pixel_landmarks(file, case.read_volume())
    case.require_size_for(file)
    return read_landmarks(file)


def _prediction_file(folder: Path, key: str) -> Path | None:
    candidates = (folder / f"{key}{suffix}" for suffix in SUFFIXES)
    return next((file for file in candidates if file.is_file()), None)


def predict(
    model: Model,
    cases: Sequence[Case],
    root: Path,
    out: str | os.PathLike[str],
    *,
    device: str = "auto",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Predictions:
    """Run a model on every case and keep what it finds, one ``KEY.json`` per case.

    What is there already, made by the same model (name, version and bytes of its files) from an image that
    has not changed since, is not done again, so that a stopped run goes on. A case in which the model finds
    no body has all landmarks absent.

    Parameters
    ----------
    model
        See ``models.load_model``.
    cases
        Of a datalist; the first channel is shown to the model.
    root
        Folder of the datalist.
    out
        Folder for the predictions; made when missing.
    device
        As in ``detectors.dispatch.detect``.

    Raises
    ------
    InputError
        An image cannot be read or the model cannot work on it; the case is named.
    ModelError, OutputError, Cancelled
        As ``detectors.dispatch.detect``.
    """
    folder = Path(out)
    made_by = {"model": model.name, "version": model.version, "sha256": _digest(model.path)}
    _prepare(folder, made_by)
    keys = case_keys(cases, root)
    for number, (key, case) in enumerate(zip(keys, cases, strict=True)):
        if cancelled is not None and cancelled():
            raise Cancelled("Cancelled; the predictions made so far are kept, and the same command goes on.")
        if progress is not None:
            progress(number / len(cases), f"{model.name}: {case.name}")
        file = folder / f"{key}.json"
        if not _is_newer(file, case):
            file.parent.mkdir(parents=True, exist_ok=True)
            _predict_case(model, case, file, device)
    found = read_predictions(model.name, folder, cases, root)
    return Predictions(model.name, found.landmarks, {**made_by, "folder": str(folder)})


def _predict_case(model: Model, case: Case, file: Path, device: str) -> None:
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
    from LandmarkDetectionLib.detectors.dispatch import detect
    from LandmarkDetectionLib.io.records import write_detection

    try:
        first, *further = case.read_channels() if model.capabilities.channels > 1 else [case.read_volume()]
        detection = detect(first, model, device=device, side=_side(model, case), channels=further)
    except NoBodyError as problem:
        nothing = tuple(Landmark(name, np.zeros(3), Status.ABSENT, 0.0) for name in model.protocol.names)
        doubts = (Doubt(str(problem), DoubtKind.NO_BODY),)
        detection = Detection(LandmarkSet(nothing), model.name, model.version, doubts=doubts)
    except (InputError, MemoryError) as problem:
        raise InputError(f"Row {case.row} ({case.name}): {problem}") from problem
    write_detection(detection, file)


def _side(model: Model, case: Case) -> Side:
    return case.side or "auto" if model.capabilities.of_hands else "auto"


def _prepare(folder: Path, made_by: dict[str, str]) -> None:
    """Make the folder; predictions of another model or version in it are dropped."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        note = folder / MADE_BY
        if not note.is_file() or _content(note) != made_by:
            for old in folder.rglob("*.json"):
                old.unlink()
            write_text(note, json.dumps(made_by, indent=1) + "\n")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(
            f"Cannot write predictions to {folder}: {reason}; choose another folder."
        ) from error


def _content(note: Path) -> object:
    try:
        return read_json(note)
    except LandmarkDetectionError:
        return None


def _is_newer(file: Path, case: Case) -> bool:
    if not file.is_file():
        return False
    made = file.stat().st_mtime_ns
    return all(image.stat().st_mtime_ns <= made for image in case.image_files)


def _digest(folder: Path) -> str:
    """SHA-256 over all files of a model: a model may be trained anew under the same name and version."""
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(file.relative_to(folder).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()
