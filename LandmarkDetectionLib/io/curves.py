"""Ways of search agents as Slicer's curves: one ``.mrk.json`` for each landmark in a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.search_path import SearchPath
from LandmarkDetectionLib.files import make_folder, write_text
from LandmarkDetectionLib.io.markups import MARKUPS_SCHEMA

_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
ENDING = ".path.mrk.json"


def write_paths(paths: Sequence[SearchPath], folder: str | os.PathLike[str]) -> list[Path]:
    """Write one curve for each landmark, ``NAME.path.mrk.json``; Slicer opens one curve per file.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    make_folder(Path(folder))
    written = []
    for path in paths:
        file = Path(folder) / f"{_file_name(path.landmark)}{ENDING}"
        write_text(file, json.dumps(curve_record(path), indent=1, ensure_ascii=False) + "\n")
        written.append(file)
    return written


def curve_record(path: SearchPath) -> dict[str, Any]:
    """The content of a curve's file, as JSON values: straight lines from step to step."""
    name = f"way to {path.landmark}" + (", left the volume" if path.left else "")
    points = [
        {
            "id": str(n),
            "label": f"{cell:g} mm",
            "description": "",
            "position": [float(x) + 0.0 for x in place * _LPS_TO_RAS],
            "selected": True,
            "locked": True,
            "visibility": True,
            "positionStatus": "defined",
        }
        for n, (place, cell) in enumerate(zip(path.positions, path.cell_mm, strict=True), start=1)
    ]
    curve = {
        "type": "Curve",
        "name": name,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "fixedNumberOfControlPoints": True,
        "controlPoints": points,
        # A label at every step would hide the way.
        "display": {"pointLabelsVisibility": False, "propertiesLabelVisibility": True},
    }
    return {"@schema": MARKUPS_SCHEMA, "markups": [curve]}


def _file_name(landmark: str) -> str:
    """A landmark's name as a file's: what no file system takes is a dash."""
    kept = "".join(letter if letter.isalnum() or letter in "-_ ." else "-" for letter in landmark)
    return kept.strip(" .") or "landmark"
