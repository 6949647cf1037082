"""A sheet of synthetic scans to look at: what a training sees, with its landmarks, at a glance."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.body.model import PHENOTYPES
from LandmarkDetectionLib.synthesis.body.population import POSTURES
from LandmarkDetectionLib.synthesis.body.scanner import FIELDS_OF_VIEW
from LandmarkDetectionLib.synthesis.body.stream import UNIT_SIZE, Batch, BodyStream, Framing
from LandmarkDetectionLib.synthesis.sheets import Colour, arranged, captioned, drawn_view

if TYPE_CHECKING:
    from PIL.Image import Image

# Okabe and Ito's blue and orange stay apart for every kind of colour blindness.
SIDES: dict[str, Colour] = {"right": (86, 180, 233), "left": (240, 163, 10), "midline": (255, 255, 255)}
BATCH = 24


def write_contact_sheet(
    path: str | os.PathLike[str],
    *,
    count: int = 24,
    seed: int = 0,
    columns: int = 6,
    disturbance: float = 1.0,
    whole_body_only: bool = False,
    size: Literal["true-scale", "unit"] = "true-scale",
) -> None:
    """Draw synthetic scans: coronal and lateral front depth, scanned space, and the landmarks inside it.

    Parameters
    ----------
    path
        PNG to write.
    count, columns
        Number of scans, and how many stand side by side.
    seed
        Of the stream; a training with this seed sees the same kind of bodies.
    disturbance
        Strength of table remnants, noise and ragged outlines; 0 for clean bodies.
    whole_body_only
        No cuts, as the paper trains.
    size
        8 mm pixels of the shipped model, or the paper's unit size.

    Raises
    ------
    MissingPackageError
        When the body model must be built and ``anny`` is not installed.
    OutputError
        When the file cannot be written.
    """
    framing = {"true-scale": Framing(), "unit": UNIT_SIZE}[size]
    names = tuple(load_protocol("whole-body").names)
    stream = BodyStream(names, seed, min(count, BATCH), framing, whole_body_only, disturbance)
    zoom = 2 if count <= 72 else 1
    tiles = _tiles(stream, count, zoom)
    title = f"{count} synthetic scan{'s' * (count > 1)}, seed {seed}"
    sheet = arranged(tiles, count, min(columns, count), title, SIDES, "seen from the front and from the left")
    with atomic_write(path) as temporary:
        sheet.save(temporary, format="PNG")


def _tiles(stream: BodyStream, count: int, zoom: int) -> Iterator[Image]:
    for n in range(count):
        if n % stream.batch_size == 0:
            batch = stream.batch(n // stream.batch_size)
        yield _tile(batch, n % stream.batch_size, stream.names, zoom)


def _tile(batch: Batch, n: int, names: tuple[str, ...], zoom: int) -> Image:
    colours = [_colour(name) for name in names]
    views = (batch.coronal, batch.lateral)
    return captioned(
        [drawn_view(view, n, batch.visible[n], colours, zoom) for view in views], _caption(batch, n), zoom
    )


def _colour(name: str) -> Colour:
    return SIDES[next((side for side in ("right", "left") if name.endswith(f"_{side}")), "midline")]


def _caption(batch: Batch, n: int) -> tuple[str, str]:
    """Who lies how, and what was scanned."""
    gender, age = (float(batch.phenotype[n, PHENOTYPES.index(name)]) for name in ("gender", "age"))
    # anny: 0 is male and 1 female; ages 0 baby, 1/3 child, 2/3 young adult, 1 old.
    words = ("infant", "child", "youth", "adult", "old")[int(np.digitize(age, (0.15, 0.45, 0.6, 0.87)))]
    sex = "male" if gender < 0.25 else "female" if gender > 0.75 else "either sex"
    lying = "prone" if batch.prone[n] else "supine"
    kind = FIELDS_OF_VIEW[int(batch.field_of_view.kind[n])][0]
    return f"{kind} · {lying} · {words}, {sex}", POSTURES[int(batch.posture[n])]
