"""Sheets of synthetic scans to look at: tiles with landmarks, captions, a heading."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.synthesis.batches import ViewBatch
from LandmarkDetectionLib.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image

Colour = tuple[int, int, int]
#: Okabe and Ito's blue and orange stay apart for every kind of colour blindness.
SIDES: dict[str, Colour] = {"right": (86, 180, 233), "left": (240, 163, 10), "midline": (255, 255, 255)}
#: Scans that are drawn at once.
BATCH = 24
#: Bones of this thickness, mm of density 1, cover nearly two thirds of what lies behind; and their colour.
BONE_MM, BONE = 9.0, np.array([250.0, 246.0, 232.0])
#: Skin is drawn darker where bones shine through it.
DIMMED = 0.45
#: So many landmarks are drawn as smaller dots.
MANY = 60

PAGE, SCANNED, TEXT, FAINT = (13, 17, 23), (27, 34, 44), (230, 237, 243), (139, 152, 165)
NEAR, FAR = np.array([236, 229, 214.0]), np.array([62, 70, 92.0])  # body close to the eye, and far away
GAP, MARGIN, HEADER, CAPTION = 10, 28, 76, 46  # pixels of the sheet


def side_colour(name: str) -> Colour:
    """The colour of a landmark's side of the body."""
    return SIDES[next((side for side in ("right", "left") if name.endswith(f"_{side}")), "midline")]


def zoom_of(count: int) -> int:
    """How many pixels a scan's pixel takes on a sheet of so many."""
    return 2 if count <= 72 else 1


def scans(stream: Any, count: int) -> Iterator[tuple[Any, int]]:
    """The first scans of a stream: a batch, and which of it."""
    for n in range(count):
        if n % stream.batch_size == 0:
            batch = stream.batch(n // stream.batch_size)
        yield batch, n % stream.batch_size


def write_sheet(
    path: str | os.PathLike[str],
    tiles: Iterator[Image],
    count: int,
    columns: int,
    title: str,
    legend: dict[str, Colour],
    note: str,
) -> None:
    """Write tiles side by side under a heading, the colours of the dots, and a note, as PNG."""
    columns = min(columns, count)
    from PIL import Image, ImageDraw

    first = next(tiles)
    rows = -(-count // columns)
    # The heading needs room even above a single scan.
    width = max(2 * MARGIN + columns * (first.width + 2 * GAP) - 2 * GAP, 620)
    height = MARGIN + HEADER + rows * (first.height + 2 * GAP) - 2 * GAP + MARGIN
    sheet = Image.new("RGB", (width, height), PAGE)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN - 4), title, TEXT, font=font(22, bold=True))
    x, y = MARGIN, MARGIN + 32
    for label, colour in legend.items():
        draw.ellipse((x, y + 4, x + 9, y + 13), fill=colour)
        draw.text((x + 16, y), label, FAINT, font=font(14))
        x += 44 + round(draw.textlength(label, font=font(14)))
    draw.text((x + 16, y), note, FAINT, font=font(14))
    for n, tile in enumerate((first, *tiles)):
        row, column = divmod(n, columns)
        place = MARGIN + column * (first.width + 2 * GAP), MARGIN + HEADER + row * (first.height + 2 * GAP)
        sheet.paste(tile, place)
    with atomic_write(path) as temporary:
        sheet.save(temporary, format="PNG")


def captioned(pictures: Sequence[Image], lines: Sequence[str], zoom: int) -> Image:
    """Views of one scan side by side, with lines of text below."""
    from PIL import Image, ImageDraw

    width = sum(p.width for p in pictures) + (len(pictures) - 1) * GAP // 2
    height = pictures[0].height
    tile = Image.new("RGB", (width, height + CAPTION), PAGE)
    x = 0
    for picture in pictures:
        tile.paste(picture, (x, 0))
        x += picture.width + GAP // 2
    draw, size = ImageDraw.Draw(tile), 14 if zoom == 2 else 9
    for line, (text, colour) in enumerate(zip(lines, (TEXT, FAINT), strict=True)):
        draw.text((1, height + 5 + line * (size + 5)), text, colour, font=font(size))
    return tile


def drawn_view(view: ViewBatch, n: int, visible: Array, colours: Sequence[Colour], zoom: int) -> Image:
    """One view with its visible landmarks, drawn large and scaled down so that dots are round."""
    from PIL import Image, ImageDraw

    fine = 4
    picture = _shaded(view.front[n], view.field_of_view[n], float(view.spacing[n].mean()))
    if view.bone is not None:
        share = (1 - np.exp(-view.bone[n] / BONE_MM))[..., None]
        skin = np.where(np.isfinite(view.front[n])[..., None], DIMMED * picture, picture)
        picture = np.rint((1 - share) * skin + share * BONE).astype(np.uint8)
    image = Image.fromarray(picture)
    image = image.resize((image.width * fine, image.height * fine), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    radius = (1.35 if len(colours) < MANY else 0.7) * fine
    for colour, (column, row, _), seen in zip(colours, view.points[n], visible, strict=True):
        if seen:
            x, y = (column + 0.5) * fine, (row + 0.5) * fine
            draw.ellipse((x - radius - 2, y - radius - 2, x + radius + 2, y + radius + 2), fill=PAGE)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    size = image.width * zoom // fine, image.height * zoom // fine
    return image.resize(size, Image.Resampling.BOX)


def _shaded(front: Array, field_of_view: Array, pixel_mm: float) -> Array:
    """A depth map (H, W) in mm as a picture (H, W, 3) uint8: near is light, slopes are darker."""
    picture = np.empty((*front.shape, 3))
    picture[...] = np.where(field_of_view[..., None], SCANNED, PAGE)
    body = ~np.isnan(front)
    if body.any():
        low, high = np.quantile(front[body], (0.02, 0.98))
        depth = np.clip((front - low) / max(float(high - low), 1.0), 0, 1)
        filled = np.where(body, front, high)
        slope = np.hypot(*np.gradient(filled)) / pixel_mm
        light = 0.62 + 0.38 / np.sqrt(1 + slope**2)
        colour = (NEAR + depth[..., None] * (FAR - NEAR)) * light[..., None]
        picture[body] = colour[body]
    return np.rint(picture).astype(np.uint8)


def font(size: int, bold: bool = False) -> Any:
    """A font that every matplotlib brings."""
    import matplotlib
    from PIL import ImageFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), size)
