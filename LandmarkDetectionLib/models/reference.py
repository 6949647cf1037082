"""A model's reference picture: where its landmarks lie on an ordinary body, for people to look at."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.files import atomic_write, read_json, write_text

PICTURE = "docs/reference.png"
PLACES = "docs/reference.json"

MAX_PICTURE_BYTES = 5_000_000
MAX_SIDE = 4096
NEIGHBOURS = 5
CLOSE_UP_REACH = 2.5
"""A close-up is so many times as wide as the way to the fifth nearest landmark."""
CLOSE_UP_SHARES = (0.25, 0.8)
"""Of the width of the picture; closer nobody can tell where it is, and farther away it is small."""
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class ReferencePicture:
    """A body seen from the front and where landmarks lie on it; the patient's right is on the left.

    Parameters
    ----------
    png
        The picture, a PNG file's bytes.
    size
        Its width and height in pixels.
    landmarks
        ``{name: (x, y)}`` in pixels from the upper left corner of the picture; names of the model's protocol.
    """

    png: bytes
    size: tuple[int, int]
    landmarks: Mapping[str, tuple[float, float]]

    def close_up(self, landmark: str, shape: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """What lies around a landmark, the closer the more there are: left, top, width and height in pixels.

        Parameters
        ----------
        landmark
            Name of the protocol; None comes back for one that the picture does not show.
        shape
            Width and height of where it will be seen; the part has their proportions.
        """
        if landmark not in self.landmarks:
            return None
        x, y = self.landmarks[landmark]
        away = sorted(math.dist((x, y), place) for place in self.landmarks.values())
        reach = CLOSE_UP_REACH * away[min(NEIGHBOURS, len(away) - 1)]
        least, most = (share * self.size[0] for share in CLOSE_UP_SHARES)
        across = round(min(max(reach, least), most))
        down = min(round(across * shape[1] / shape[0]), self.size[1])
        left = min(max(round(x - across / 2), 0), self.size[0] - across)
        top = min(max(round(y - down / 2), 0), self.size[1] - down)
        return left, top, across, down


def read_reference(root: Path, protocol: Protocol) -> ReferencePicture | None:
    """Read and check the reference picture of a model folder; ``None`` when it has none.

    Raises
    ------
    ModelError
        One of its two files is missing, damaged, too large, or they do not fit each other or the protocol.
    """
    picture, places = root / PICTURE, root / PLACES
    if not picture.exists() and not places.exists():
        return None
    for path, name in ((picture, PICTURE), (places, PLACES)):
        if not path.is_file() or path.is_symlink():
            raise ModelError(f"{name} is missing, while the other half of the reference picture is there.")
    png = _read_png(picture)
    size = struct.unpack(">II", png[16:24])
    try:
        content = read_json(places, error=ModelError, max_bytes=MAX_PICTURE_BYTES)
    except ModelError:
        raise ModelError(f"{PLACES} is no JSON object; it may be damaged.") from None
    if content.get("size") != list(size):
        raise ModelError(f"{PLACES} is of another picture: {PICTURE} has {size[0]} x {size[1]} pixels.")
    return ReferencePicture(png, size, _places(content.get("landmarks"), size, protocol))


def write_reference(root: Path, reference: ReferencePicture) -> None:
    """Write both files into a model folder that has a ``docs`` folder.

    Raises
    ------
    OutputError
        They cannot be written.
    """
    with atomic_write(root / PICTURE) as temporary:
        temporary.write_bytes(reference.png)
    places = {name: [round(x, 1), round(y, 1)] for name, (x, y) in reference.landmarks.items()}
    write_text(
        root / PLACES, json.dumps({"size": list(reference.size), "landmarks": places}, indent=1) + "\n"
    )


def _read_png(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_PICTURE_BYTES + 1)
    except OSError as problem:
        raise ModelError(f"{PICTURE} cannot be read: {problem.strerror or problem}.") from None
    if len(content) > MAX_PICTURE_BYTES:
        raise ModelError(f"{PICTURE} is larger than {MAX_PICTURE_BYTES // 1_000_000} MB.")
    if (
        not content.startswith(_PNG)
        or content[12:16] != b"IHDR"
        or not content.rstrip().endswith(b"IEND\xaeB`\x82")
    ):
        raise ModelError(f"{PICTURE} is damaged or no PNG picture.")
    # A small file may unpack to gigabytes where it is shown.
    if not all(1 <= side <= MAX_SIDE for side in struct.unpack(">II", content[16:24])):
        raise ModelError(f"{PICTURE} has sides of more than {MAX_SIDE} pixels.")
    return content


def _places(content: Any, size: tuple[int, int], protocol: Protocol) -> dict[str, tuple[float, float]]:
    if not isinstance(content, dict) or not content:
        raise ModelError(f"{PLACES} names no landmarks.")
    places, names = {}, set(protocol.names)
    for name, place in content.items():
        if name not in names:
            raise ModelError(f"{PLACES} names the landmark {name!r}, which the model does not find.")
        if not _is_inside(place, size):
            raise ModelError(f"{PLACES} puts {name} outside the picture.")
        places[name] = (float(place[0]), float(place[1]))
    return places


def _is_inside(place: Any, size: tuple[int, int]) -> bool:
    numbers = isinstance(place, list) and all(type(value) in (int, float) for value in place)
    return numbers and len(place) == 2 and 0 <= place[0] < size[0] and 0 <= place[1] < size[1]
