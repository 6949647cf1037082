"""A sheet of synthetic scans to look at: what a training sees, with its landmarks, at a glance."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.protocol import load_protocol
from LandmarkDetectionLib.synthesis.body import PHENOTYPES
from LandmarkDetectionLib.synthesis.population import POSTURES
from LandmarkDetectionLib.synthesis.scanner import FIELDS_OF_VIEW
from LandmarkDetectionLib.synthesis.stream import UNIT_SIZE, Batch, BodyStream, Framing, ViewBatch

if TYPE_CHECKING:
    from PIL.Image import Image

Array = np.ndarray
Colour = tuple[int, int, int]

PAGE, SCANNED, TEXT, FAINT = (13, 17, 23), (27, 34, 44), (230, 237, 243), (139, 152, 165)
NEAR, FAR = np.array([236, 229, 214.0]), np.array([62, 70, 92.0])  # body close to the eye, and far away
# Okabe and Ito's blue and orange stay apart for every kind of colour blindness.
SIDES: dict[str, Colour] = {"right": (86, 180, 233), "left": (240, 163, 10), "midline": (255, 255, 255)}

GAP, MARGIN, HEADER, CAPTION = 10, 28, 76, 46  # pixels of the sheet
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
    sheet = _arranged(
        tiles, count, min(columns, count), f"{count} synthetic scan{'s' * (count > 1)}, seed {seed}"
    )
    with atomic_write(path) as temporary:
        sheet.save(temporary, format="PNG")


def _tiles(stream: BodyStream, count: int, zoom: int) -> Iterator[Image]:
    for n in range(count):
        if n % stream.batch_size == 0:
            batch = stream.batch(n // stream.batch_size)
        yield _tile(batch, n % stream.batch_size, stream.names, zoom)


def _arranged(tiles: Iterator[Image], count: int, columns: int, title: str) -> Image:
    from PIL import Image, ImageDraw

    first = next(tiles)
    rows = -(-count // columns)
    # The heading needs room even above a single scan.
    width = max(2 * MARGIN + columns * (first.width + 2 * GAP) - 2 * GAP, 620)
    height = MARGIN + HEADER + rows * (first.height + 2 * GAP) - 2 * GAP + MARGIN
    sheet = Image.new("RGB", (width, height), PAGE)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN - 4), title, TEXT, font=_font(22, bold=True))
    x, y = MARGIN, MARGIN + 32
    for side, colour in SIDES.items():
        draw.ellipse((x, y + 4, x + 9, y + 13), fill=colour)
        draw.text((x + 16, y), side, FAINT, font=_font(14))
        x += 92 if side == "right" else 80
    draw.text((x + 16, y), "seen from the front and from the left", FAINT, font=_font(14))
    for n, tile in enumerate((first, *tiles)):
        row, column = divmod(n, columns)
        place = MARGIN + column * (first.width + 2 * GAP), MARGIN + HEADER + row * (first.height + 2 * GAP)
        sheet.paste(tile, place)
    return sheet


def _tile(batch: Batch, n: int, names: tuple[str, ...], zoom: int) -> Image:
    from PIL import Image, ImageDraw

    pictures = [_view(view, n, batch.visible[n], names, zoom) for view in (batch.coronal, batch.lateral)]
    width, height = sum(p.width for p in pictures) + GAP // 2, pictures[0].height
    tile = Image.new("RGB", (width, height + CAPTION), PAGE)
    tile.paste(pictures[0], (0, 0))
    tile.paste(pictures[1], (width - pictures[1].width, 0))
    draw, size = ImageDraw.Draw(tile), 14 if zoom == 2 else 9
    for line, (text, colour) in enumerate(zip(_caption(batch, n), (TEXT, FAINT), strict=True)):
        draw.text((1, height + 5 + line * (size + 5)), text, colour, font=_font(size))
    return tile


def _view(view: ViewBatch, n: int, visible: Array, names: tuple[str, ...], zoom: int) -> Image:
    """One view with its visible landmarks, drawn large and scaled down so that dots are round."""
    from PIL import Image, ImageDraw

    fine = 4
    image = Image.fromarray(_shaded(view.front[n], view.field_of_view[n]))
    image = image.resize((image.width * fine, image.height * fine), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    radius = 1.35 * fine
    for name, (column, row, _), seen in zip(names, view.points[n], visible, strict=True):
        if seen:
            x, y = (column + 0.5) * fine, (row + 0.5) * fine
            draw.ellipse((x - radius - 2, y - radius - 2, x + radius + 2, y + radius + 2), fill=PAGE)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(name))
    size = image.width * zoom // fine, image.height * zoom // fine
    return image.resize(size, Image.Resampling.BOX)


def _shaded(front: Array, field_of_view: Array) -> Array:
    """A depth map (H, W) in mm as a picture (H, W, 3) uint8: near is light, slopes are darker."""
    picture = np.empty((*front.shape, 3))
    picture[...] = np.where(field_of_view[..., None], SCANNED, PAGE)
    body = ~np.isnan(front)
    if body.any():
        low, high = np.quantile(front[body], (0.02, 0.98))
        depth = np.clip((front - low) / max(float(high - low), 1.0), 0, 1)
        filled = np.where(body, front, high)
        slope = np.hypot(*np.gradient(filled)) / 8.0
        light = 0.62 + 0.38 / np.sqrt(1 + slope**2)
        colour = (NEAR + depth[..., None] * (FAR - NEAR)) * light[..., None]
        picture[body] = colour[body]
    return np.rint(picture).astype(np.uint8)


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


def _font(size: int, bold: bool = False) -> Any:
    import matplotlib
    from PIL import ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), size)
