"""nnLandmark's layout (Ertl et al. 2026), which is nnU-Net's with a table of voxel positions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.datasets.importers.writing import Imported, ImportedCase, pixel_set, write_import
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.wording import counted

TABLE = "all_landmarks_voxel.json"
SPLITS = {"imagesTr": "train", "imagesTs": "test"}


def import_nnlandmark(folder: str | os.PathLike[str], out: str | os.PathLike[str]) -> Imported:
    """Import a raw data set of nnLandmark.

    Parameters
    ----------
    folder
        Holds ``all_landmarks_voxel.json`` (case, landmark, voxel i, j, k), ``name_to_label.json``,
        ``imagesTr`` and ``imagesTs`` (``case_0000.nii.gz``, further channels as ``_0001``), and, where images
        lack it, ``spacing.json`` with the ``annotation_spacing``. Where there is a label map in ``labelsTr``
        the first case is compared with it.
    out
        New folder to write.

    Raises
    ------
    InputError
        The folder is laid out differently, or the voxels are not where the label map has them.
    OutputError
        The new folder cannot be written.
    """
    folder = Path(folder)
    if not (folder / TABLE).is_file():
        raise InputError(f"{folder} is not laid out as nnLandmark's data: there is no {TABLE} in it.")
    table = read_json(folder / TABLE, max_bytes=500_000_000)
    labels = read_json(folder / "name_to_label.json") if (folder / "name_to_label.json").is_file() else {}
    spacings = read_json(folder / "spacing.json") if (folder / "spacing.json").is_file() else {}
    names = tuple(labels) or tuple(dict.fromkeys(name for case in table.values() for name in case))
    cases, left_out, compared = [], 0, False
    for case, marks in table.items():
        images, split = _images(folder, case)
        if not images:
            left_out += 1
            continue
        points = _points(folder / TABLE, case, marks, names)
        if not compared:
            compared = _compare(folder, case, dict(zip(names, points, strict=True)), labels)
        cases.append(
            ImportedCase(
                name=case,
                images=tuple(images),
                landmarks={"rater": pixel_set(names, points)},
                subject=case,
                split=split,
                unit="pixel",
                spacing=_spacing(spacings.get(case)),
            )
        )
    one, many = f"case of {TABLE} has no image here and was", f"cases of {TABLE} have no image here and were"
    notes = [f"{counted(left_out, one, many)} left out"] if left_out else []
    notes.append("each case counts as a subject of its own; change the datalist where people have several")
    return write_import(out, cases, name=folder.name, notes=notes)


def _images(folder: Path, case: str) -> tuple[list[Path], str]:
    for place, split in SPLITS.items():
        found = sorted((folder / place).glob(f"{case}_[0-9][0-9][0-9][0-9].*"))
        if found:
            return found, split
    return [], ""


def _points(file: Path, case: str, marks: Any, names: tuple[str, ...]) -> np.ndarray:
    """(N, 3) voxels, NaN where a case lacks a landmark."""
    points = np.full((len(names), 3), np.nan)
    for name, voxel in marks.items() if isinstance(marks, dict) else ():
        if name not in names:
            raise InputError(f"{file}: the case {case} has {name}, which name_to_label.json lacks.")
        try:
            value = np.array(voxel, float)
        except (TypeError, ValueError):
            value = np.empty(0)
        if value.shape != (3,):
            raise InputError(f"{file}: {name} of the case {case} is not three numbers.")
        points[names.index(name)] = value
    return points


def _spacing(entry: Any) -> tuple[float, ...] | None:
    """The annotation's spacing where the image has none."""
    if not isinstance(entry, dict) or entry.get("image_spacing") or not entry.get("annotation_spacing"):
        return None
    return tuple(float(value) for value in entry["annotation_spacing"])


def _compare(folder: Path, case: str, points: dict[str, np.ndarray], labels: dict[str, Any]) -> bool:
    """Whether there was a label map to compare with; raises InputError when it contradicts."""
    found = sorted(folder.glob(f"labels*/{case}.*"))
    if not found or not labels:
        return False
    voxels = read_volume(found[0]).voxels

    def hits(order: slice) -> float:
        right = []
        for name, point in points.items():
            if np.isfinite(point).all():
                i, j, k = np.rint(point[order]).astype(int)
                inside = all(0 <= n < size for n, size in zip((k, j, i), voxels.shape, strict=True))
                right.append(inside and voxels[k, j, i] == labels[name])
        return float(np.mean(right)) if right else 1.0

    if hits(slice(None)) < 0.5:
        reason = "in the order k, j, i" if hits(slice(None, None, -1)) >= 0.5 else "of another image"
        raise InputError(f"{folder / TABLE} does not fit {found[0]}: its voxels seem to be {reason}.")
    return True
