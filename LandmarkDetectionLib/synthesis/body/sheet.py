"""A sheet of synthetic scans to look at: what a training sees, with its landmarks, at a glance."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.body.model import PHENOTYPES
from LandmarkDetectionLib.synthesis.body.population import POSTURES
from LandmarkDetectionLib.synthesis.body.scanner import FIELDS_OF_VIEW
from LandmarkDetectionLib.synthesis.body.stream import Batch, BodyStream
from LandmarkDetectionLib.synthesis.sheets import (
    BATCH,
    SIDES,
    captioned,
    drawn_view,
    scans,
    side_colour,
    write_sheet,
    zoom_of,
)

if TYPE_CHECKING:
    from PIL.Image import Image


def write_contact_sheet(
    path: str | os.PathLike[str],
    *,
    count: int = 24,
    seed: int = 0,
    columns: int = 6,
    bones: bool = False,
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
    bones
        With bones and their landmarks, as a CT shows them.

    Raises
    ------
    MissingPackageError
        When the body model must be built and ``anny`` is not installed.
    InputError
        When bones are asked for and there is no skeleton.
    OutputError
        When the file cannot be written.
    """
    names = tuple(load_protocol("whole-body-bones" if bones else "whole-body").names)
    stream = BodyStream(names, seed, min(count, BATCH), skeleton=bones)
    tiles = (_tile(batch, n, names, zoom_of(count)) for batch, n in scans(stream, count))
    title = f"{count} synthetic scan{'s' * (count > 1)}, seed {seed}"
    write_sheet(path, tiles, count, columns, title, SIDES, "seen from the front and from the left")


def _tile(batch: Batch, n: int, names: tuple[str, ...], zoom: int) -> Image:
    colours = [side_colour(name) for name in names]
    views = (batch.coronal, batch.lateral)
    return captioned(
        [drawn_view(view, n, batch.visible[n], colours, zoom) for view in views], _caption(batch, n), zoom
    )


def _caption(batch: Batch, n: int) -> tuple[str, str]:
    """Who lies how, and what was scanned."""
    gender, age = (float(batch.phenotype[n, PHENOTYPES.index(name)]) for name in ("gender", "age"))
    # anny: 0 is male and 1 female; ages 0 baby, 1/3 child, 2/3 young adult, 1 old.
    words = ("infant", "child", "youth", "adult", "old")[int(np.digitize(age, (0.15, 0.45, 0.6, 0.87)))]
    sex = "male" if gender < 0.25 else "female" if gender > 0.75 else "either sex"
    lying = "prone" if batch.prone[n] else "supine"
    kind = FIELDS_OF_VIEW[int(batch.field_of_view.kind[n])][0]
    return f"{kind} · {lying} · {words}, {sex}", POSTURES[int(batch.posture[n])]
