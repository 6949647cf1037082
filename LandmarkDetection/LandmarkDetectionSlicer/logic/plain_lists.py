"""Lists of landmarks to place by hand where the package that reads protocols is not installed (yet)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json, resource_path, user_data_folder


@dataclass(frozen=True)
class PlainLandmark:
    """One landmark as a rater would be told."""

    name: str
    title: str
    definition: str


@dataclass(frozen=True)
class PlainList:
    """What placing needs of a protocol; see ``LandmarkDetectionLib.core.protocol.Protocol``."""

    name: str
    title: str
    landmarks: tuple[PlainLandmark, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(one.name for one in self.landmarks)

    def __getitem__(self, name: str) -> PlainLandmark:
        return next(one for one in self.landmarks if one.name == name)


def readPlainLists() -> list[PlainList]:
    """Those that ship, and a user's own, without what cannot be read."""
    chosen = os.environ.get("LANDMARK_DETECTION_PROTOCOLS")
    own = Path(chosen).expanduser() if chosen else user_data_folder() / "protocols"
    files = [file for folder in (resource_path("Protocols"), own) for file in sorted(folder.glob("*.json"))]
    return [one for one in map(_read, files) if one is not None]


def _read(file: Path) -> PlainList | None:
    try:
        content = read_json(file)
        landmarks = tuple(map(_landmark, content["landmarks"]))
        return PlainList(str(content["name"]), str(content["title"]), landmarks)
    except (InputError, KeyError, TypeError):
        return None


def _landmark(record: dict[str, Any]) -> PlainLandmark:
    return PlainLandmark(str(record["name"]), str(record["title"]), str(record["definition"]))
