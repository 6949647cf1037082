"""The Digital Hand Atlas with the 37 landmarks that Payer et al. (2019) published for its radiographs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.datasets.importers.tables import find_images, match_image, named, read_points
from LandmarkDetectionLib.datasets.importers.writing import Imported, ImportedCase, pixel_set, write_import
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.io.volumes import read_volume
from LandmarkDetectionLib.wording import counted

PROTOCOL = "hand-xray-37"
#: Points (from 0) whose distance is the width of the wrist, and what the literature takes it for.
WRIST, WRIST_MM = (1, 5), 50.0


def import_hand_atlas(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    table: str | os.PathLike[str] | None = None,
    wrist: bool = False,
) -> Imported:
    """Import hand radiographs with their table of landmarks.

    Parameters
    ----------
    folder
        The radiographs of left hands, named by their number, at any depth.
    out
        New folder to write.
    table
        ``all.csv``: a row per image, its number and x0,y0 to x36,y36 in pixels; looked for in the folder when
        None.
    wrist
        Whether the width of the wrist counts as 50 mm in every image, as in the publications. It does in any
        case where the file says no pixel size.

    Raises
    ------
    InputError
        There is no such table, it is another one, or no image belongs to it.
    OutputError
        The new folder cannot be written.
    """
    folder = Path(folder)
    table = Path(table) if table is not None else folder / "all.csv"
    if not table.is_file():
        raise InputError(f"There is no table {table} with the 37 landmarks of every image; name it.")
    images = find_images(folder)
    _, points = read_points(table)
    names = named(len(next(iter(points.values()))), load_protocol(PROTOCOL).names, table)
    cases, left_out, normalised = [], 0, 0
    for number, pixels in points.items():
        image = match_image(number, images)
        if image is None:
            left_out += 1
            continue
        spacing = None
        if wrist or not read_volume(image).spacing_known:
            width = float(np.linalg.norm(pixels[WRIST[0]] - pixels[WRIST[1]]))
            if not width > 0:
                raise InputError(
                    f"The wrist of image {number} in {table} has no width, which its pixel size is from."
                )
            spacing, normalised = WRIST_MM / width, normalised + 1
        cases.append(
            ImportedCase(
                name=number,
                images=(image,),
                landmarks={"rater": pixel_set(names, pixels)},
                subject=number,
                side="left",
                unit="pixel",
                spacing=spacing,
            )
        )
    notes = []
    if left_out:
        one, many = (
            "row of the table has no image here and was",
            "rows of the table have no image here and were",
        )
        notes.append(f"{counted(left_out, one, many)} left out")
    if normalised:
        notes.append(
            f"the pixel size of {counted(normalised, 'image')} is from the wrist, whose width counts as 50 mm"
        )
    return write_import(out, cases, name="Digital Hand Atlas", protocol=PROTOCOL, notes=notes)
