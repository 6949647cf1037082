"""A datalist of MONAI whose items have an image and points."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.datasets.importers.writing import Imported, ImportedCase, pixel_set, write_import
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.io.formats import stem
from LandmarkDetectionLib.wording import counted

#: Lists of a file, and the splits that they are.
SPLITS = {"training": "train", "validation": "val", "test": "test", "testing": "test"}
SPACES = {"world": "mm", "voxel": "pixel"}


def import_monai(file: str | os.PathLike[str], out: str | os.PathLike[str]) -> Imported:
    """Import a datalist of MONAI with landmarks, as ``exporters.monai`` writes it.

    Parameters
    ----------
    file
        JSON with ``training``, ``validation`` or ``test``: items with ``image`` (a file, or the channels'
        files, relative to the list) and ``landmarks``, points (N, 3) or, of flat images, (N, 2); null or
        NaN is not annotated. ``coordinate_space`` says whether they are ``world`` (RAS mm) or ``voxel`` (i,
        j, k) and is never guessed; ``landmarks`` beside the lists names them. A ``fold`` becomes a split.
    out
        New folder to write.

    Raises
    ------
    InputError
        The file is laid out differently.
    OutputError
        The new folder cannot be written.
    """
    path = Path(file)
    content = read_json(path, max_bytes=500_000_000)
    space = content.get("coordinate_space")
    if space not in SPACES:
        raise InputError(
            f'{path} does not say what its points are: add "coordinate_space": "world" for RAS mm, or '
            '"voxel" for voxels.'
        )
    rows = [(name, n, row) for name in SPLITS for n, row in enumerate(_rows(path, content, name))]
    if not rows:
        raise InputError(f"{path} is no datalist of MONAI: it has no list training, validation or test.")
    count = max(len(_of_row(path, *one, "landmarks")) for one in rows)
    names = content.get("landmarks", [f"landmark_{n + 1}" for n in range(count)])
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{path}: landmarks must be the list of their names.")
    cases, used = [], set[str]()
    for list_name, number, row in rows:
        images = _of_row(path, list_name, number, row, "image")
        files = [path.parent / image for image in ([images] if isinstance(images, str) else images)]
        points = _points(path, list_name, number, _of_row(path, list_name, number, row, "landmarks"), names)
        about = row.get("case", {})
        about = about if isinstance(about, dict) else {}
        fold = f"fold {row['fold']}" if isinstance(row.get("fold"), int) else ""
        name = stem(files[0])
        name = f"{name}-{list_name}-{number}" if name in used else name
        used.add(name)
        cases.append(
            ImportedCase(
                name=name,
                images=tuple(files),
                landmarks={"rater": _set(names, points, about.get("missing", ()), space)},
                subject=str(about.get("subject", name)),
                split=str(about.get("split") or fold or SPLITS[list_name]),
                side=str(about.get("side", "")),
                unit=SPACES[space],
            )
        )
    title = content.get("name")
    return write_import(out, cases, name=title if isinstance(title, str) and title else path.stem)


def _rows(path: Path, content: dict[str, Any], name: str) -> list[Any]:
    rows = content.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path}: {name} must be a list of items with an image and landmarks.")
    return rows


def _of_row(path: Path, list_name: str, number: int, row: dict[str, Any], key: str) -> Any:
    value = row.get(key)
    files = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
    right = isinstance(value, list) if key == "landmarks" else bool(isinstance(value, str) and value) or files
    if not right:
        raise InputError(f"{path}: item {number + 1} of {list_name} has no usable {key}.")
    return value


def _points(path: Path, list_name: str, number: int, given: list[Any], names: list[str]) -> np.ndarray:
    """(N, 2 or 3), NaN where there is none."""
    place = f"{path}: item {number + 1} of {list_name}"
    if len(given) != len(names):
        raise InputError(
            f"{place} has {counted(len(given), 'point')}, but "
            f"{counted(len(names), 'landmark is', 'landmarks are')} named."
        )
    sizes = {len(point) for point in given if isinstance(point, list)}
    if not sizes <= {2} and not sizes <= {3}:
        raise InputError(f"{place} has points of other than two or three numbers.")
    points = np.full((len(names), max(sizes, default=3)), np.nan)
    for n, point in enumerate(given):
        if point is None or (isinstance(point, list) and None in point):
            continue
        if not isinstance(point, list) or not all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in point
        ):
            raise InputError(f"{place}: the point of {names[n]} is not of numbers.")
        points[n] = point
    return points


def _set(names: list[str], points: np.ndarray, missing: Any, space: str) -> LandmarkSet:
    declared = set(missing) if isinstance(missing, list) else set()
    if space == "voxel":
        return pixel_set(names, points)
    marks = []
    for name, point in zip(names, points, strict=True):
        position = np.zeros(3)
        position[: len(point)] = np.nan_to_num(point)
        placed = bool(np.isfinite(point).all())
        status = Status.DETECTED if placed else Status.MISSING if name in declared else Status.ABSENT
        marks.append(Landmark(name, position if placed else np.full(3, np.nan), status))
    return LandmarkSet(tuple(marks))
