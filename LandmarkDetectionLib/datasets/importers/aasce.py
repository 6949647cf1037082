"""The AASCE challenge (Wu et al. 2017): frontal radiographs of scoliosis with the corners of 17 vertebrae."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.datasets.importers.subjects import numbered_subjects, without_subjects_of_tests
from LandmarkDetectionLib.datasets.importers.tables import read_rows
from LandmarkDetectionLib.datasets.importers.vertebra_order import put_in_order
from LandmarkDetectionLib.datasets.importers.writing import Imported, ImportedCase, pixel_set, write_import
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.wording import counted

PROTOCOL = "spine-68"
CORNERS = 68
#: Folder of the challenge and split of the datalist.
SPLITS = {"training": "train", "test": "test"}


def import_aasce(folder: str | os.PathLike[str], out: str | os.PathLike[str]) -> Imported:
    """Import the challenge's images and corners.

    Parameters
    ----------
    folder
        Holds ``labels/training`` and ``labels/test`` with ``filenames.csv`` (an image per line) and
        ``landmarks.csv`` (the same lines: 68 x, then 68 y, as shares of the image's width and height; from
        the top vertebra down, each upper left, upper right, lower left, lower right of the picture), and the
        images in ``data/training`` and ``data/test``.
    out
        New folder to write. No pixel size is known. Images whose names have the same number behind the date
        are of one person (``sunhl-1th-02-Jan-2017-162 A AP.jpg`` is of person 162). Vertebrae or corners that
        a line lists in another order are put in order, and a note says so of each image; where the order is
        not clear they are left as they are, and a note says that.

    Raises
    ------
    InputError
        The folder is laid out differently.
    OutputError
        The new folder cannot be written.
    """
    folder = Path(folder)
    names = load_protocol(PROTOCOL).names
    parts = [part for part in SPLITS if (folder / "labels" / part / "landmarks.csv").is_file()]
    if not parts:
        raise InputError(
            f"{folder} is not laid out as the AASCE challenge: it has no labels/training/landmarks.csv."
        )
    cases: list[ImportedCase] = []
    order: list[str] = []
    for part in parts:
        files = [row[0] for row in read_rows(folder / "labels" / part / "filenames.csv")]
        shares = _shares(folder / "labels" / part / "landmarks.csv")
        if len(files) != len(shares):
            raise InputError(
                f"{folder / 'labels' / part}: filenames.csv has {counted(len(files), 'line')} and "
                f"landmarks.csv {len(shares)}."
            )
        for file, share in zip(files, shares, strict=True):
            image = folder / "data" / part / file
            if not image.is_file():
                raise InputError(f"{image} of {folder / 'labels' / part / 'filenames.csv'} is missing.")
            corners = share * read_volume(image).size[:2]
            put = put_in_order(corners.reshape(-1, 4, 2))
            if put.changed:
                order.append(f"{image.stem}: {put.changed}; put in order")
            elif put.unclear:
                order.append(f"{image.stem}: {put.unclear}; left as it is")
            cases.append(
                ImportedCase(
                    name=image.stem,
                    images=(image,),
                    landmarks={"rater": pixel_set(names, put.corners.reshape(-1, 2))},
                    subject=image.stem,
                    split=SPLITS[part],
                    unit="pixel",
                )
            )
    cases, told = numbered_subjects(cases)
    notes = [_whose(len(cases), told, len({case.subject for case in cases}))]
    cases, leaking = without_subjects_of_tests(cases)
    if leaking:
        notes.append(
            f"{counted(len(leaking), 'training image shows a person', 'training images show persons')} of "
            f"the test set and {'was' if len(leaking) == 1 else 'were'} left out: {_shown(leaking)}"
        )
    notes += order
    return write_import(out, cases, name="AASCE spine radiographs", protocol=PROTOCOL, notes=notes)


def _whose(images: int, told: int, subjects: int) -> str:
    if not told:
        return "each image counts as a subject of its own; its name does not say whose it is"
    others = (
        ", and "
        + counted(
            images - told,
            "image, whose name has none, as a subject of its own",
            "images, whose names have none, as subjects of their own",
        )
        if told < images
        else ""
    )
    return (
        f"{counted(told, 'image counts as that of the person', 'images count as those of the persons')} "
        f"whose number stands behind the date in {'its name' if told == 1 else 'their names'}{others}: "
        f"{counted(subjects, 'subject')}"
    )


def _shown(names: list[str]) -> str:
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")


def _shares(file: Path) -> np.ndarray:
    """(N, 68, 2) shares of width and height."""
    rows = read_rows(file)
    try:
        values = np.array([[float(cell) for cell in row] for row in rows])
    except ValueError:
        values = np.empty((0, 0))
    if values.ndim != 2 or values.shape[1] != 2 * CORNERS:
        raise InputError(f"{file} does not have {2 * CORNERS} numbers in every line: 68 x, then 68 y.")
    if not (values >= -0.1).all() or not (values <= 1.1).all():
        raise InputError(f"{file} has values outside 0 to 1; x and y must be shares of the image's sides.")
    return np.stack([values[:, :CORNERS], values[:, CORNERS:]], axis=-1)
