"""The ISBI 2015 cephalometric challenge (Wang et al. 2016): 400 lateral radiographs, two orthodontists."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_text
from LandmarkDetectionLib.importers.tables import find_images, match_image
from LandmarkDetectionLib.importers.writing import Imported, ImportedCase, pixel_set, write_import
from LandmarkDetectionLib.protocol import load_protocol

PROTOCOL = "cephalometric-19"
PIXEL_MM = 0.1
RATERS = {"senior": "400_senior", "junior": "400_junior"}
#: Last image of the training set and of the two test sets.
SPLITS = ((150, "train"), (300, "test1"), (400, "test2"))


def import_isbi2015(folder: str | os.PathLike[str], out: str | os.PathLike[str]) -> Imported:
    """Import the challenge's images and annotations.

    Parameters
    ----------
    folder
        Holds, at any depth, the folders ``400_senior`` and ``400_junior`` with a text file per image
        (``001.txt``: 19 lines ``x,y`` in pixels, then the classes), and the images ``001`` to ``400``.
    out
        New folder to write. Images 1 to 150 become the split train, 151 to 300 test1, and 301 to 400 test2;
        pixels have 0.1 mm.

    Raises
    ------
    InputError
        The folder is laid out differently.
    OutputError
        The new folder cannot be written.
    """
    folder = Path(folder)
    texts = {rater: _folder(folder, name) for rater, name in RATERS.items()}
    images = find_images(folder)
    names = load_protocol(PROTOCOL).names
    cases, left_out = [], 0
    for number in range(1, SPLITS[-1][0] + 1):
        name = f"{number:03d}"
        image = match_image(name, images)
        files = {rater: place / f"{name}.txt" for rater, place in texts.items()}
        there = {rater: file for rater, file in files.items() if file.is_file()}
        if image is None or not there:
            left_out += image is None and bool(there)
            continue
        cases.append(
            ImportedCase(
                name=name,
                images=(image,),
                landmarks={rater: pixel_set(names, _points(file)) for rater, file in there.items()},
                subject=name,
                split=next(split for last, split in SPLITS if number <= last),
                unit="pixel",
                spacing=PIXEL_MM,
            )
        )
    notes = [f"{left_out} annotated images are not here and were left out"] if left_out else []
    return write_import(out, cases, name="ISBI 2015 cephalometric challenge", protocol=PROTOCOL, notes=notes)


def _folder(folder: Path, name: str) -> Path:
    found = sorted(place for place in folder.rglob(name) if place.is_dir()) if folder.is_dir() else []
    if len(found) != 1:
        what = "no folder" if not found else f"{len(found)} folders"
        raise InputError(
            f"{folder} is not laid out as the ISBI 2015 challenge: it holds {what} {name} "
            "with a text file per image."
        )
    return found[0]


def _points(file: Path) -> np.ndarray:
    """(19, 2) pixels."""
    lines = [line.strip() for line in read_text(file).splitlines() if line.strip()]
    try:
        points = np.array([[float(cell) for cell in line.split(",")] for line in lines[:19]])
    except ValueError:
        points = np.empty(0)
    if points.shape != (19, 2):
        raise InputError(f"{file} does not begin with 19 lines of x,y in pixels.")
    return points
