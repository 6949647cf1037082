"""A sheet of synthetic hands to look at: what a training on hands sees, with its landmarks, at a glance."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.body.model import PHENOTYPES
from LandmarkDetectionLib.synthesis.hand.stream import HAND_UNIT_SIZE, HandBatch, HandFraming, HandStream
from LandmarkDetectionLib.synthesis.sheets import (
    BATCH,
    Colour,
    captioned,
    drawn_view,
    scans,
    write_sheet,
    zoom_of,
)

if TYPE_CHECKING:
    from PIL.Image import Image

# Okabe and Ito's, which stay apart for every kind of colour blindness.
COLOURS: dict[str, Colour] = {
    "thumb": (230, 159, 0),
    "index": (86, 180, 233),
    "middle": (0, 158, 115),
    "ring": (240, 228, 66),
    "little": (204, 121, 167),
    "wrist": (255, 255, 255),
}


def write_hand_sheet(
    path: str | os.PathLike[str],
    *,
    count: int = 24,
    seed: int = 0,
    columns: int = 8,
    disturbance: float = 1.0,
    size: Literal["canvas", "unit"] = "canvas",
) -> None:
    """Draw synthetic hands: depth of the back of the hand, and the landmarks in the picture.

    Parameters
    ----------
    path
        PNG to write.
    count, columns
        Number of hands, and how many stand side by side.
    seed
        Of the stream; a training with this seed sees the same kind of hands.
    disturbance
        Strength of bleeding, cuts, markers and noise; 0 for clean hands.
    size
        Canvas of the shipped model, or the paper's unit size.

    Raises
    ------
    MissingPackageError
        When the body model must be built and ``anny`` is not installed.
    OutputError
        When the file cannot be written.
    """
    framing = HAND_UNIT_SIZE if size == "unit" else HandFraming(jitter=0.02)
    stream = HandStream(tuple(load_protocol("hand").names), seed, min(count, BATCH), framing, disturbance)
    title = f"{count} synthetic hand{'s' * (count > 1)}, seed {seed}"
    tiles = (_tile(batch, n, stream.names, zoom_of(count)) for batch, n in scans(stream, count))
    write_sheet(path, tiles, count, columns, title, COLOURS, "left hands seen from the back")


def _tile(batch: HandBatch, n: int, names: tuple[str, ...], zoom: int) -> Image:
    colours = [COLOURS[name.split("_")[0]] for name in names]
    return captioned(
        [drawn_view(batch.coronal, n, batch.visible[n], colours, zoom)], _caption(batch, n), zoom
    )


def _caption(batch: HandBatch, n: int) -> tuple[str, str]:
    """How the hand is held, and how long it is."""
    age = float(batch.phenotype[n, PHENOTYPES.index("age")])
    # anny: 0 baby, 1/3 child, 2/3 young adult, 1 old.
    words = "small child" if age < 0.2 else "child" if age < 0.45 else "youth" if age < 0.6 else "adult"
    return f"{words}, {'flat' if batch.flat[n] else 'free'}", f"{batch.hand_length[n]:.0f} mm long"
