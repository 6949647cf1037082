"""Put the pictures that the tests take of the panel one after the other: ``docs/images/slicer/film.gif``.

::

    make screenshots && python Testing/draw_panel_film.py

It plays once and stops, so that nobody has to stop it (WCAG 2.2, criterion 2.2.2).
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "images" / "slicer"
FILM = PICTURES / "film.gif"
#: Picture, what is said above it, and for how many seconds.
SCENES = (
    ("fresh", "Open the module, load a scan or the sample", 2.5),
    ("ready", "The scan is chosen: Detect landmarks", 2.5),
    ("detecting", "It is computed in a process of its own", 2.0),
    ("review", "Review, the doubtful first, with single keys", 4.0),
    ("others", "Others follow what you correct", 4.0),
    ("measurements", "Measure, with intervals", 4.0),
)
HEAD = 34


def film() -> tuple[list[Image.Image], list[int]]:
    """Frames of one size, and milliseconds of each."""
    pictures = [Image.open(PICTURES / f"{name}.png").convert("RGB") for name, _, _ in SCENES]
    width = max(picture.width for picture in pictures)
    height = max(picture.height for picture in pictures) + HEAD
    font = ImageFont.load_default(15)
    frames = []
    for picture, (_, words, _) in zip(pictures, SCENES, strict=True):
        frame = Image.new("RGB", (width, height), (239, 239, 239))
        frame.paste(picture, (0, HEAD))
        draw = ImageDraw.Draw(frame)
        draw.rectangle((0, 0, width, HEAD - 1), fill=(32, 48, 64))
        draw.text((12, 8), words, font=font, fill=(255, 255, 255))
        frames.append(frame.quantize(128, dither=Image.Dither.NONE))
    return frames, [round(1000 * seconds) for _, _, seconds in SCENES]


def main() -> None:
    """Write the film."""
    frames, milliseconds = film()
    frames[0].save(FILM, save_all=True, append_images=frames[1:], duration=milliseconds, optimize=True)


if __name__ == "__main__":
    main()
