"""One table per rater, with a row per image: its name, then x and y of each landmark in pixels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from LandmarkDetectionLib.datasets.importers.tables import find_images, match_image, named, read_points
from LandmarkDetectionLib.datasets.importers.writing import Imported, ImportedCase, pixel_set, write_import
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import chosen_protocol
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.wording import counted

YFrom = Literal["top", "bottom"]


def import_table(
    images: str | os.PathLike[str],
    tables: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    protocol: str = "",
    names: Sequence[str] = (),
    pixel_mm: float | None = None,
    origin: float = 0.0,
    y_from: YFrom = "top",
) -> Imported:
    """Import images with tables of pixel positions.

    Parameters
    ----------
    images
        Folder, searched with its folders.
    tables
        A ``.csv``, or one per rater. Each row: the image's name, with or without ending, then x1,y1,x2,y2,...
        in pixels; an empty cell is not annotated. A first line of headings may name the landmarks as
        ``sella_x,sella_y``.
    out
        New folder to write.
    protocol
        Name or file of a protocol whose landmarks the columns are, in its order.
    names
        Names of the landmarks where there is no protocol.
    pixel_mm
        Size of a pixel, where the image files do not say it.
    origin
        Index of the first pixel's centre in the tables: 0, 1 when they count from 1, 0.5 when they count from
        the image's corner.
    y_from
        Where y is counted from; programs of morphometrics count from the bottom.

    Raises
    ------
    InputError
        A table is broken or has another number of landmarks than there are names, or no row has an image.
    OutputError
        The folder holds something already or cannot be written.
    """
    files = {"rater": tables} if isinstance(tables, (str, os.PathLike)) else dict(tables)
    found = find_images(images)
    read: dict[str, dict[Path, np.ndarray]] = {}
    left_out = 0
    landmarks: tuple[str, ...] = ()
    for rater, file in files.items():
        headings, points = read_points(file)
        count = len(next(iter(points.values())))
        landmarks = landmark_names(count, names, protocol, file, headings)
        matched = {match_image(name, found): value for name, value in points.items()}
        left_out += sum(match_image(name, found) is None for name in points)
        read[rater] = {
            image: pixel_rows(value, image, origin, y_from)
            for image, value in matched.items()
            if image is not None
        }
    used = [image for image in found.values() if any(image in rows for rows in read.values())]
    if not used:
        raise InputError(
            f"No row of {', '.join(map(str, files.values()))} names an image in {images}; the first column "
            "must be the images' names."
        )
    cases = [
        ImportedCase(
            name=image.name.split(".")[0],
            images=(image,),
            landmarks={
                rater: pixel_set(landmarks, rows[image]) for rater, rows in read.items() if image in rows
            },
            subject=image.name.split(".")[0],
            unit="pixel",
            spacing=pixel_mm,
        )
        for image in used
    ]
    notes = []
    if left_out:
        one, many = (
            "row of the tables has no image here and was",
            "rows of the tables have no image here and were",
        )
        notes.append(f"{counted(left_out, one, many)} left out")
    if len(used) < len(found):
        one, many = "image has no landmarks and was", "images have no landmarks and were"
        notes.append(f"{counted(len(found) - len(used), one, many)} left out")
    notes.append("each image counts as a subject of its own; change the datalist where people have several")
    return write_import(out, cases, name=Path(images).name, protocol=relative_protocol(protocol), notes=notes)


def landmark_names(
    count: int,
    names: Sequence[str],
    protocol: str,
    file: str | os.PathLike[str],
    headings: Sequence[str] | None = None,
) -> tuple[str, ...]:
    """Names given, those of the protocol, or of the headings, after checking that there are as many.

    Raises
    ------
    InputError
        There are more or fewer, or none.
    """
    if not names:
        names = chosen_protocol(protocol).names if protocol else _from_headings(headings or (), file)
    return named(count, names, file)


def pixel_rows(points: np.ndarray, image: Path, origin: float, y_from: YFrom) -> np.ndarray:
    """(N, 2) numbers of a table as indices of pixel centres of an image, from its first one.

    Raises
    ------
    InputError
        The image's height is needed and it cannot be read.
    """
    indices = np.asarray(points, float) - origin
    if y_from == "bottom":
        indices[:, 1] = read_volume(image).size[1] - 1 - indices[:, 1]
    return indices


def relative_protocol(protocol: str) -> str:
    """How a datalist in another folder names a protocol."""
    return str(Path(protocol).absolute()) if protocol.endswith(".json") else protocol


def _from_headings(headings: Sequence[str], file: str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of columns such as sella_x,sella_y; x1,y1 names nothing."""
    names = []
    for first, second in zip(headings[1::2], headings[2::2], strict=False):
        stems = {
            one[:-2] for one in (first, second) if one.lower().endswith(("_x", "_y", ".x", ".y", " x", " y"))
        }
        if len(stems) == 1 and (stem := stems.pop()):
            names.append(stem)
    if len(names) < (len(headings) - 1) // 2 or not names:
        raise InputError(f"{file} does not name its landmarks; give a protocol or their names.")
    return tuple(names)
