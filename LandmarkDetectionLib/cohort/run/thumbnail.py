"""Small pictures of cases, so that a page of hundreds is quickly there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE = 400
#: What differs less from the picture's corner belongs to its empty frame.
SAME_SHADE = 12
MARGIN = 8


def write_thumbnail(picture: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Write a picture as a JPEG file of at most ``SIZE`` pixels along each side, without any metadata.

    An even frame around what it shows is cut off, so that part of a body is not a blob in a large field.

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
            small = _without_frame(opened.convert("RGB"))
    except (OSError, UnidentifiedImageError) as problem:
        raise InputError(f"{picture} is no picture that can be read ({problem}).") from problem
    small.thumbnail((SIZE, SIZE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    with atomic_write(path) as temporary:
        small.save(temporary, format="JPEG", quality=82, optimize=True)


def _without_frame(picture: Image) -> Image:
    from PIL import Image as Images
    from PIL import ImageChops

    field = Images.new("RGB", picture.size, picture.getpixel((0, 0)))
    differs = ImageChops.difference(picture, field).convert("L")
    box = differs.point(lambda value: 255 * (value > SAME_SHADE)).getbbox()
    if box is None:
        return picture
    width, height = picture.size
    left, top = (max(0, edge - MARGIN) for edge in box[:2])
    right, bottom = min(width, box[2] + MARGIN), min(height, box[3] + MARGIN)
    return picture.crop((left, top, right, bottom))
