"""Read a radiograph that was stored as a picture: PNG, TIFF, JPEG or BMP.

A picture's resolution says how large it is to be printed, or nothing: scanners, cameras and image programs
write 72, 150 or 300 dpi into radiographs of any size. It is never taken for the size of a pixel on the
patient; that is only what DICOM says, or a person gives.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.geometry import ras_from_lps
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.formats import grey_of_colours, native, require_size, silent, stem
from LandmarkDetectionLib.io.itk import no_standard_error
from LandmarkDetectionLib.io.voxel_data import require_memory

if TYPE_CHECKING:
    from PIL import Image

MM_PER_INCH = 25.4
#: EXIF and TIFF tags: how the picture is to be turned (1: not at all), and how grey is stored.
ORIENTATION, PHOTOMETRIC = 274, 262
#: The smallest value is white.
WHITE_IS_ZERO = 0
#: How many times larger pixels may be than their file: deflate's most, or that of fax codes in TIFF.
MOST_COMPRESSION = {"PNG": 1100, "JPEG": 1100, "BMP": 1100, "TIFF": 60_000}
TURNED = Doubt(
    "The picture was turned as its EXIF orientation says, as other viewers show it. Slicer shows it as it "
    "is stored, so that landmarks lie elsewhere there; save it turned to see both alike.",
    DoubtKind.IMAGE_FILE,
)

PRINTED = Doubt(
    "The file's resolution is that for printing and was not taken for the size of a pixel. Slicer does so, "
    "and shows landmarks of this file elsewhere; save the picture without a resolution to see both alike.",
    DoubtKind.IMAGE_FILE,
)


def read(path: Path) -> Volume:
    """Read a grey picture as a volume of one slice, i to the right of the picture, j down.

    Turned as its EXIF orientation says, whatever the format. Placed as Slicer places it: i to the patient's
    left, j to posterior, the first pixel at the origin. The spacing is 1 and ``spacing_known`` False. Colour
    pictures whose channels are all but the same are grey ones.

    Raises
    ------
    InputError
        The file is damaged, in colour, or has several pages.
    """
    from PIL import Image

    try:
        with silent("PIL"), no_standard_error():
            pixels, doubts = _read(path)
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} is too large for a radiograph; check the file.") from error
    except (InputError, MemoryError):
        raise
    except Exception as error:
        # Pillow raises whatever the bytes of a damaged file lead to.
        raise InputError(
            f"{path} is damaged, truncated or no PNG, TIFF, JPEG or BMP picture; export it again."
        ) from error
    return Volume(
        np.ascontiguousarray(pixels)[None],
        ras_from_lps(np.eye(4)),
        name=stem(path),
        spacing_known=False,
        doubts=doubts,
    )


def printed_spacing(path: Path) -> tuple[float, float] | None:
    """Mm per pixel along (i, j) at which a picture is to be printed, which Slicer takes for its size.

    Returns
    -------
    tuple of float, or None
        None when the file says nothing, or is no picture that can be read.
    """
    from PIL import Image

    try:
        with silent("PIL"), no_standard_error(), Image.open(path) as picture:
            return _printed_spacing(picture)
    except Exception:
        return None


def _printed_spacing(picture: Image.Image) -> tuple[float, float] | None:
    dpi = [float(value) for value in picture.info.get("dpi", ())]
    # One dot per inch is what TIFF files hold that give a ratio only.
    if len(dpi) != 2 or not np.isfinite(dpi).all() or min(dpi) <= 0 or dpi == [1, 1]:
        return None
    return MM_PER_INCH / dpi[0], MM_PER_INCH / dpi[1]


def is_turned(path: Path) -> bool:
    """Whether a picture's EXIF orientation turns it, so that Slicer shows it otherwise than other viewers."""
    from PIL import Image

    try:
        with silent("PIL"), no_standard_error(), Image.open(path) as picture:
            return picture.getexif().get(ORIENTATION, 1) in range(2, 9)
    except Exception:
        return False


def _read(path: Path) -> tuple[np.ndarray, tuple[Doubt, ...]]:
    """(H, W) grey values as viewers show them, and what Slicer makes otherwise of the file."""
    from PIL import Image, ImageOps

    # Not by its name: Pillow 13 would map an uncompressed TIFF into memory by the size it has when turned.
    with path.open("rb") as stream, Image.open(stream, formats=tuple(MOST_COMPRESSION)) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            raise InputError(f"{path} has several pages; save the one to use as a picture of its own.")
        require_size(path, picture.size)
        width, height = picture.size
        needed = width * height * len(picture.getbands())
        if needed > path.stat().st_size * MOST_COMPRESSION[picture.format or "TIFF"]:
            raise InputError(
                f"{path} is damaged or truncated: too short for {width} x {height} pixels; export it again."
            )
        # Four bytes at most per value while it is worked on.
        require_memory(4 * needed, path)
        doubts: tuple[Doubt, ...] = (TURNED,) if picture.getexif().get(ORIENTATION, 1) in range(2, 9) else ()
        if _printed_spacing(picture) is not None:
            doubts += (PRINTED,)
        inverted = getattr(picture, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO
        # Pillow turns TIFF by itself when it loads, and takes the entry away.
        picture.load()
        pixels = _grey(ImageOps.exif_transpose(picture), path, inverted)
    return pixels, doubts


def _grey(picture: Image.Image, path: Path, inverted: bool) -> np.ndarray:
    """(H, W) grey values, small is dark."""
    if picture.mode in ("P", "CMYK", "YCbCr", "LAB", "HSV", "PA", "RGBX"):
        picture = picture.convert("RGB")
    pixels = native(np.asarray(picture))
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8)
    if pixels.ndim == 3:
        colours = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1]
        grey = grey_of_colours(colours)
        if grey is None:
            raise InputError(f"{path} is a colour (RGB) picture; save it as grey values.")
        pixels = grey
    # Pillow inverts such pictures of up to 8 bits, not those of 16.
    if inverted and picture.mode.startswith("I;16"):
        pixels = np.iinfo(pixels.dtype).max - pixels
    return pixels
