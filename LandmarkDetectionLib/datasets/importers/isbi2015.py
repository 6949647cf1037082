"""The ISBI 2015 cephalometric challenge (Wang et al. 2016): 400 lateral radiographs, two orthodontists."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.datasets.importers.tables import find_images, match_image
from LandmarkDetectionLib.datasets.importers.writing import Imported, ImportedCase, pixel_set, write_import
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_text
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.wording import counted

PROTOCOL = "cephalometric-19"
PIXEL_MM = 0.1
#: Columns and rows of the challenge's images.
ORIGINAL = (1935, 2400)
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
        pixels have 0.1 mm. Images that are smaller copies of the originals (1935 x 2400) have larger pixels,
        and annotations that reach beyond such copies are in pixels of the originals and become the copies'.

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
    cases: list[ImportedCase] = []
    left_out = 0
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
    one, many = "annotated image is not here and was", "annotated images are not here and were"
    notes = [f"{counted(left_out, one, many)} left out"] if left_out else []
    cases, reduced = _at_image_size(cases)
    notes += [reduced] if reduced else []
    return write_import(out, cases, name="ISBI 2015 cephalometric challenge", protocol=PROTOCOL, notes=notes)


def _at_image_size(cases: list[ImportedCase]) -> tuple[list[ImportedCase], str]:
    """Pixel sizes and annotations for images that are copies of another size than the originals."""
    sizes = {read_volume(case.images[0]).size[:2] for case in cases if isinstance(case.images[0], Path)}
    if len(sizes) != 1 or sizes == {ORIGINAL}:
        return cases, ""
    size = np.array(sizes.pop(), float)
    factor = float((size / ORIGINAL).mean())
    if np.abs(size / ORIGINAL - factor).max() > 0.01 * factor:
        return cases, ""
    sets = [one for case in cases for one in case.landmarks.values() if isinstance(one, LandmarkSet)]
    beyond = any((one.positions[:, :2] > size).any() for one in sets)
    note = (
        f"the images are copies of {size[0]:g} x {size[1]:g} pixels, whose pixels have "
        f"{PIXEL_MM / factor:.4g} mm"
    )
    if beyond:
        note += "; the annotations, in pixels of the originals, were brought to them"
    scale = factor if beyond else 1.0
    return [
        replace(
            case,
            spacing=PIXEL_MM / factor,
            landmarks={rater: _scaled(one, scale) for rater, one in case.landmarks.items()},
        )
        for case in cases
    ], note


def _scaled(landmarks: Path | LandmarkSet, scale: float) -> Path | LandmarkSet:
    """Pixel centres of an image that was made smaller: corners stay corners."""
    if isinstance(landmarks, Path) or scale == 1.0:
        return landmarks
    return LandmarkSet(
        tuple(
            replace(one, position=np.r_[(one.position[:2] + 0.5) * scale - 0.5, one.position[2]])
            for one in landmarks
        ),
        landmarks.name,
    )


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
