"""Where the slow work is done: on this computer, or by a worker elsewhere that a person has chosen.

The choice is one of the user and the computer, not of a scene, which is handed on: it lies, with the token,
in a file of the user's own folder that nobody else may read.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write, make_folder, read_json, user_data_folder
from LandmarkDetectionLib.remote.addresses import Elsewhere

FILE = "worker.json"

_read: tuple[Path, Elsewhere | None] | None = None
"""What stood in which file; a panel asks often."""


def chosenPlace() -> Elsewhere | None:
    """Where the worker is; None for this computer, also when the file cannot be read."""
    global _read
    file = user_data_folder() / FILE
    if _read is None or _read[0] != file:
        _read = file, _placeOf(file)
    return _read[1]


def choosePlace(place: Elsewhere | None) -> None:
    """Work there from now on, or on this computer.

    Raises
    ------
    OutputError
        The choice cannot be kept.
    """
    global _read
    file = user_data_folder() / FILE
    make_folder(file.parent)
    if place is None:
        file.unlink(missing_ok=True)
    else:
        with atomic_write(file, mode=0o600) as temporary:
            temporary.write_text(json.dumps(asdict(place)), encoding="utf-8")
    _read = file, place


def _placeOf(file: Path) -> Elsewhere | None:
    try:
        content = read_json(file)
        place = Elsewhere(**{key: str(value) for key, value in content.items()})
    except (InputError, TypeError):
        return None
    return place if place.address else None
