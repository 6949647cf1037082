"""Read a radiograph that was stored as a picture: PNG, TIFF, JPEG or BMP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.volume import Volume, native, ras_from_lps, require_size, silent, stem

if TYPE_CHECKING:
    from PIL import Image

MM_PER_INCH = 25.4
#: Resolutions that programs write when they know none: those of screens.
PLACEHOLDER_DPI = (1, 72, 96)
#: TIFF tags: how grey is stored (0: the smallest value is white).
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0


def read(path: Path) -> Volume:
    """Read a grey picture as a volume of one slice, i to the right of the picture, j down.

    Placed as Slicer places it: i to the patient's left, j to posterior, the first pixel at the origin. The
    spacing is taken from the file's resolution; ``spacing_known`` is False, and the spacing 1, when there is
    none or it is a screen's 72 or 96 dpi. Colour pictures whose channels are all the same are grey ones.

    Raises
    ------
    InputError
        The file is damaged, in colour, or has several pages.
    """
    from PIL import Image

    try:
        with silent("PIL"):
            pixels, spacing = _read(path)
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} is too large for a radiograph; check the file.") from error
    except InputError:
        raise
    except Exception as error:
        # Pillow raises whatever the bytes of a damaged file lead to.
        raise InputError(
            f"{path} is damaged, truncated or no PNG, TIFF, JPEG or BMP picture; export it again."
        ) from error
    sides = spacing or (1.0, 1.0)
    return Volume(
        np.ascontiguousarray(pixels)[None],
        ras_from_lps(np.diag([*sides, 1.0, 1.0])),
        name=stem(path),
        spacing_known=spacing is not None,
    )


def _read(path: Path) -> tuple[np.ndarray, tuple[float, float] | None]:
    """(H, W) grey values and mm per pixel along (i, j)."""
    from PIL import Image

    with Image.open(path, formats=("PNG", "TIFF", "JPEG", "BMP")) as picture:
        if getattr(picture, "n_frames", 1) > 1:
            raise InputError(f"{path} has several pages; save the one to use as a picture of its own.")
        require_size(path, picture.size)
        return _grey(picture, path), _spacing(picture)


def _grey(picture: Image.Image, path: Path) -> np.ndarray:
    """(H, W) grey values, small is dark."""
    if picture.mode in ("P", "CMYK", "YCbCr", "LAB", "HSV", "PA", "RGBX"):
        picture = picture.convert("RGB")
    pixels = native(np.asarray(picture))
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8)
    if pixels.ndim == 3:
        colours = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1]
        if np.ptp(colours, axis=2).any():
            raise InputError(f"{path} is a colour (RGB) picture; save it as grey values.")
        pixels = colours[..., 0]
    # Pillow inverts such pictures of up to 8 bits, not those of 16.
    inverted = getattr(picture, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO
    if inverted and picture.mode.startswith("I;16"):
        pixels = np.iinfo(pixels.dtype).max - pixels
    return pixels


def _spacing(picture: Image.Image) -> tuple[float, float] | None:
    """Mm per pixel along (i, j), or None when the file does not say."""
    dpi = [float(value) for value in picture.info.get("dpi", ())]
    if len(dpi) != 2 or not np.isfinite(dpi).all() or min(dpi) <= 0:
        return None
    if any(max(abs(value - placeholder) for value in dpi) < 0.5 for placeholder in PLACEHOLDER_DPI):
        return None
    return MM_PER_INCH / dpi[0], MM_PER_INCH / dpi[1]
