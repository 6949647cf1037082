"""Small pictures of cases, so that a page of hundreds is quickly there."""

from __future__ import annotations

import os

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write

SIZE = 320


def write_thumbnail(picture: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Write a picture as a JPEG file of at most ``SIZE`` pixels along each side, without any metadata.

    Raises
    ------
    InputError
        The picture cannot be read.
    OutputError
        The file cannot be written.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(picture) as opened:
            small = opened.convert("RGB")
    except (OSError, UnidentifiedImageError) as problem:
        raise InputError(f"{picture} is no picture that can be read ({problem}).") from problem
    small.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    with atomic_write(path) as temporary:
        small.save(temporary, format="JPEG", quality=82, optimize=True)
