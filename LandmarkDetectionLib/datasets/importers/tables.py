"""Reading the tables of importers: one row per image, then x and y of each landmark."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_text
from LandmarkDetectionLib.io.csv_text import TableError, not_a_number, table_rows
from LandmarkDetectionLib.io.formats import ITK, NIFTI, PICTURES
from LandmarkDetectionLib.wording import counted

FARTHEST = 1e7
"""Pixels or mm: nothing is marked farther away in any image."""

IMAGE_SUFFIXES = (*PICTURES, *NIFTI, *ITK, ".dcm")


def read_rows(path: str | os.PathLike[str]) -> list[list[str]]:
    """The non-empty rows of a CSV file, cells without blanks around; comma, semicolon or tab between them.

    Raises
    ------
    InputError
        The file is missing, empty or no table, or a row has more cells than the first one.
    """
    try:
        return table_rows(read_text(path))
    except TableError as problem:
        raise InputError(f"Cannot read {path}: {problem}.") from None


def read_points(path: str | os.PathLike[str]) -> tuple[list[str], dict[str, np.ndarray]]:
    """Read a table with an image per row: its name, then the coordinates of its landmarks one after another.

    Parameters
    ----------
    path
        With or without a first line of headings.

    Returns
    -------
    headings : list of str
        Of all columns; empty when there is no such line.
    points : dict of (N, 2) float64
        By image, in the order of the file; NaN where a cell is empty.

    Raises
    ------
    InputError
        A row is broken: the sentence names it.
    """
    rows = read_rows(path)
    headings = rows.pop(0) if are_headings(rows[0][1:]) else []
    if not rows:
        raise InputError(f"Cannot read {path}: it has headings and no rows.")
    width = len(rows[0])
    if width % 2 == 0 or width < 3:
        raise InputError(
            f"Cannot read {path}: {counted(width - 1, 'number stands', 'numbers stand')} behind the image's "
            "name, and each landmark needs 2."
        )
    points: dict[str, np.ndarray] = {}
    for number, row in enumerate(rows, start=2 if headings else 1):
        values = [number_of(cell) for cell in row[1:]]
        if len(row) != width or any(value is None for value in values):
            bad = next((cell for cell, value in zip(row[1:], values, strict=True) if value is None), None)
            reason = f": {not_a_number(bad)}" if bad else ""
            raise InputError(
                f"Cannot read {path}: line {number} ({row[0]}) is not {counted(width - 1, 'number')}{reason}."
            )
        if row[0] in points:
            raise InputError(f"Cannot read {path}: the image {row[0]} stands there twice.")
        points[row[0]] = np.array(values, float).reshape(-1, 2)
    return headings, points


def find_images(folder: str | os.PathLike[str], below: bool = True) -> dict[str, Path]:
    """Images of a folder by their names without endings.

    Raises
    ------
    InputError
        The folder does not exist or holds no image, or two images have one name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder} with images; check the name.")
    found: dict[str, Path] = {}
    for file in sorted(folder.rglob("*") if below else folder.iterdir()):
        suffix = next((one for one in IMAGE_SUFFIXES if file.name.lower().endswith(one)), None)
        if suffix is None or file.name.startswith(".") or not file.is_file():
            continue
        name = file.name[: -len(suffix)]
        if name in found:
            raise InputError(
                f"{found[name]} and {file} have one name, so it is unclear which is meant; move one."
            )
        found[name] = file
    if not found:
        raise InputError(f"{folder} holds no image ({', '.join(IMAGE_SUFFIXES)}).")
    return found


def match_image(name: str, images: dict[str, Path]) -> Path | None:
    """The image of a name in a table, which may have an ending or another case, or lack leading zeros."""
    stem = next((name[: -len(one)] for one in IMAGE_SUFFIXES if name.lower().endswith(one)), name)
    if stem in images:
        return images[stem]
    if stem.isdigit():
        alike = [file for key, file in images.items() if key.isdigit() and int(key) == int(stem)]
        return alike[0] if len(alike) == 1 else None
    alike = [file for key, file in images.items() if stem and key.casefold() == stem.casefold()]
    return alike[0] if len(alike) == 1 else None


def named(count: int, names: Sequence[str], path: str | os.PathLike[str]) -> tuple[str, ...]:
    """The names, after checking that there are as many as landmarks, each once.

    Raises
    ------
    InputError
        There are more or fewer, or two are the same.
    """
    if len(names) != count:
        raise InputError(
            f"{path} has {counted(count, 'landmark')} per image, and the protocol "
            f"{counted(len(names), 'name')}."
        )
    if twice := next((name for name in names if list(names).count(name) > 1), None):
        raise InputError(f"Two landmarks of {path} are called '{twice}'; give each a name of its own.")
    return tuple(names)


def are_headings(cells: Sequence[str]) -> bool:
    """Words and no number: a first row with a slip in one number is no line of headings."""
    words = [cell for cell in cells if number_of(cell) is None and "decimal comma" not in not_a_number(cell)]
    numbers = [cell for cell in cells if cell and cell not in words]
    return bool(words) and not numbers


def number_of(cell: str) -> float | None:
    """The number of a cell, NaN of an empty one, None of a word."""
    if cell == "" or cell.lower() in ("nan", "na"):
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= FARTHEST else None
