"""Sheets of synthetic radiographs to look at, every second one with its landmarks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.radiograph.head.stream import CephalogramStream
from LandmarkDetectionLib.synthesis.radiograph.spine.stream import SpineStream
from LandmarkDetectionLib.synthesis.radiograph.stream import RadiographBatch, RadiographStream
from LandmarkDetectionLib.synthesis.sheets import Colour, captioned, scans, write_sheet

if TYPE_CHECKING:
    from PIL.Image import Image

#: Colours of the landmarks of heads, and of spines.
HEAD: dict[str, Colour] = {"bone": (86, 180, 233), "tooth": (240, 163, 10), "skin": (0, 200, 140)}
SPINE: dict[str, Colour] = {"upper end plate": (86, 180, 233), "lower end plate": (240, 163, 10)}
SKIN = ("upper_lip", "lower_lip", "subnasale", "soft_pogonion")
#: Pictures that are drawn at once.
BATCH = 12


def write_cephalogram_sheet(
    path: str | os.PathLike[str],
    *,
    count: int = 24,
    seed: int = 0,
    columns: int = 6,
    skeleton: str | None = None,
) -> None:
    """Draw synthetic cephalograms and their landmarks.

    Parameters
    ----------
    path
        PNG to write.
    count, columns
        Number of pictures, and how many stand side by side.
    seed
        Of the stream; a training with this seed sees the same kind of pictures.
    skeleton
        Path of the bones; see ``skeleton.skeleton_path``.

    Raises
    ------
    InputError
        When there is no skeleton.
    OutputError
        When the file cannot be written.
    """
    names = load_protocol("cephalometric-19").names
    colours = [HEAD["skin" if n in SKIN else "tooth" if "incisor" in n else "bone"] for n in names]
    stream = CephalogramStream(seed, min(count, BATCH), path=skeleton)
    _write(path, stream, count, columns, f"synthetic cephalogram{'s' * (count > 1)}", HEAD, colours)


def write_spine_sheet(
    path: str | os.PathLike[str],
    *,
    count: int = 24,
    seed: int = 0,
    columns: int = 8,
    skeleton: str | None = None,
) -> None:
    """Draw synthetic radiographs of spines and the corners of vertebrae; as ``write_cephalogram_sheet``."""
    names = load_protocol("spine-68").names
    colours = [SPINE["upper end plate" if "_top_" in name else "lower end plate"] for name in names]
    stream = SpineStream(seed, min(count, BATCH), path=skeleton)
    _write(
        path, stream, count, columns, f"synthetic radiograph{'s' * (count > 1)} of spines", SPINE, colours, 3
    )


def _write(
    path: str | os.PathLike[str],
    stream: RadiographStream,
    count: int,
    columns: int,
    what: str,
    kinds: dict[str, Colour],
    colours: Sequence[Colour],
    radius: int = 5,
) -> None:
    tiles = (_tile(batch, n, colours, radius) for batch, n in scans(stream, count))
    title = f"{count} {what}, seed {stream.seed}"
    write_sheet(path, tiles, count, columns, title, kinds, "landmarks on every second picture")


def _tile(batch: RadiographBatch, n: int, colours: Sequence[Colour], radius: int) -> Image:
    from PIL import Image, ImageDraw

    fine = 3
    picture = Image.fromarray(np.rint(batch.images[n] * 255).astype(np.uint8)).convert("RGB")
    picture = picture.resize((picture.width * fine, picture.height * fine), Image.Resampling.BICUBIC)
    if n % 2:
        draw = ImageDraw.Draw(picture)
        for colour, (column, row), seen in zip(colours, batch.points[n], batch.present[n], strict=True):
            if seen:
                x, y, far = (column + 0.5) * fine, (row + 0.5) * fine, radius + 2
                draw.ellipse((x - far, y - far, x + far, y + far), fill=(0, 0, 0))
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    picture = picture.resize((picture.width // fine, picture.height // fine), Image.Resampling.BOX)
    low = int(batch.present[n].sum())
    caption = (f"{batch.pixel_mm[n]:.2f} mm per pixel", f"{low} of {len(colours)} landmarks in view")
    return captioned([picture], caption, 2)
