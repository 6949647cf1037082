"""Landmark files that count in pixels of an image: LabelMe's JSON, DICOM reports of radiographs, and tables.

Whether numbers are pixels is never guessed: LabelMe's always are, a report says it, and a table's are when
the datalist says ``"unit": "pixel"``. They become RAS mm by the geometry of the image they were marked on.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.landmarks import FARTHEST_MM, Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.io.markups import read_index_table

#: LabelMe counts from the outer corner of the first pixel, whose centre is therefore at one half.
LABELME_CORNER = 0.5


def is_labelme(path: str | os.PathLike[str]) -> bool:
    """Whether a file is LabelMe's: a ``.json`` with an entry ``shapes``."""
    path = Path(path)
    if path.suffix.lower() != ".json" or path.name.lower().endswith(".mrk.json") or not path.is_file():
        return False
    return "shapes" in read_json(path)


def counts_pixels(path: str | os.PathLike[str]) -> bool:
    """Whether a file counts in pixels of an image by its kind; raises InputError for a damaged report."""
    from LandmarkDetectionLib.io.dicom_sr import is_sr, read_sr

    return is_labelme(path) or (is_sr(path) and read_sr(path).in_pixels)


def read_pixel_landmarks(path: str | os.PathLike[str], volume: Volume) -> LandmarkSet:
    """Read landmarks that are given in pixels, or voxels, of an image.

    Parameters
    ----------
    path
        LabelMe's ``.json`` (its points; other shapes are left out), a DICOM Structured Report, or a ``.csv``
        with the columns name,x,y and for volumes z: indices (i, j, k) of voxel centres, from 0.
    volume
        The image.

    Returns
    -------
    LandmarkSet
        RAS mm.

    Raises
    ------
    InputError
        The file is broken, was made on an image of another size, or holds millimetres by its kind.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        return _from_table(path, volume)
    if path.suffix.lower() == ".json" and not path.name.lower().endswith(".mrk.json"):
        return _from_labelme(path, volume)
    from LandmarkDetectionLib.io.dicom_sr import is_sr, read_sr

    if is_sr(path):
        return read_sr(path).landmarks(volume)
    raise InputError(
        f"Cannot read {path} in pixels: Slicer's landmark files are in mm; "
        "leave the entry unit of the datalist away."
    )


def _from_table(path: Path, volume: Volume) -> LandmarkSet:
    indices = read_index_table(path)
    placed = (
        replace(one, position=volume.ijk_to_ras_points([one.position])[0]) if one.is_present else one
        for one in indices
    )
    return replace(indices, landmarks=tuple(placed))


def _from_labelme(path: Path, volume: Volume) -> LandmarkSet:
    content = read_json(path)
    width, height = content.get("imageWidth"), content.get("imageHeight")
    if (width is not None and width != volume.size[0]) or (height is not None and height != volume.size[1]):
        raise InputError(
            f"Cannot use {path}: it was made on an image of {width} x {height} pixels, "
            f"but its image has {volume.size[0]} x {volume.size[1]}."
        )
    shapes = content.get("shapes")
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise InputError(
            f"Cannot read landmarks from {path}: it has no list of shapes, so it is no LabelMe file."
        )
    landmarks: list[Landmark] = []
    for shape in shapes:
        # Old versions of LabelMe knew only polygons, and a point was one with a single corner.
        if shape.get("shape_type") not in ("point", None) or len(shape.get("points") or ()) != 1:
            continue
        name = str(shape.get("label") or "")
        if not name or name in (one.name for one in landmarks):
            raise InputError(
                f"Cannot read landmarks from {path}: "
                + (f"two points are named '{name}'; rename one of them." if name else "a point has no label.")
            )
        landmarks.append(Landmark(name, volume.ijk_to_ras_points([_index(shape, name, path)])[0]))
    return LandmarkSet(tuple(landmarks))


def _index(shape: dict[str, Any], name: str, path: Path) -> list[float]:
    """(i, j, 0) of a point."""
    try:
        x, y = (float(value) - LABELME_CORNER for value in shape["points"][0])
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"Cannot read landmarks from {path}: '{name}' is not two numbers.") from None
    if not np.isfinite([x, y]).all():
        raise InputError(f"Cannot read landmarks from {path}: the position of '{name}' is not finite.")
    if max(abs(x), abs(y)) > FARTHEST_MM:
        raise InputError(f"Cannot read landmarks from {path}: '{name}' lies a million pixels away.")
    return [x, y, 0.0]
