"""Where the selected landmark lies on an ordinary body: a small picture beside its words."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from LandmarkDetectionLib.errors import ModelError

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model

SIZE = (84, 126)
"""As large as in the panel, in pixels of the page."""
SCALE = 2
"""Pixels of the picture for each of the page: sharp on fine screens, too."""
DOT, MARKED, RIM = "#1b3a57", "#d55e00", "#ffffff"


class ReferencePictures:
    """The close-ups of the reference picture of one model, each drawn once.

    Parameters
    ----------
    model
        Whose landmarks are shown; with None, and without a picture, there are none.
    """

    def __init__(self, model: Model | None) -> None:
        self.model = model
        try:
            self._reference = None if model is None else model.reference
        except ModelError:  # told of when the model was installed; all else works without it
            self._reference = None
        self.of = lru_cache(maxsize=256)(self._of)

    def _of(self, landmark: str) -> str:
        """A landmark among its neighbours, as the address of a picture (``data:``); empty for none."""
        reference = self._reference
        part = None if reference is None else reference.close_up(landmark, SIZE)
        if reference is None or part is None:
            return ""
        left, top, across, down = part
        width, height = SCALE * SIZE[0], SCALE * SIZE[1]
        scale = min(width / across, height / down)
        with Image.open(io.BytesIO(reference.png)) as whole:
            picture = whole.convert("RGB").crop((left, top, left + across, top + down))
        picture = picture.resize((round(across * scale), round(down * scale)), Image.Resampling.LANCZOS)
        draw = ImageDraw.Draw(picture)
        # The marked one last, on top of its neighbours.
        for name in sorted(reference.landmarks, key=lambda name: name == landmark):
            x, y = reference.landmarks[name]
            _dot(draw, (x - left) * scale, (y - top) * scale, name == landmark)
        content = io.BytesIO()
        picture.save(content, "PNG")
        return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, is_marked: bool) -> None:
    radius = SCALE * (5 if is_marked else 2)
    draw.ellipse(
        (x - radius, y - radius, x + radius, y + radius),
        fill=MARKED if is_marked else DOT,
        outline=RIM if is_marked else DOT,
        width=SCALE,
    )
