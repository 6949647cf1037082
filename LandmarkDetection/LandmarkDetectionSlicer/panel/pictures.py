"""Small pictures: where a landmark lies on an ordinary body, and the mark of a status."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import qt

from LandmarkDetectionLib.core.landmarks import Status

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionLib.models.reference import ReferencePicture

ICONS = Path(__file__).resolve().parents[2] / "Resources" / "Icons"
DOT, MARKED, RIM = "#1b3a57", "#d55e00", "#ffffff"
RADIUS = 5
"""Of the largest dot, pixels."""


class ReferenceBody:
    """A model's picture of an ordinary body, read once; without one every picture of it is None.

    Parameters
    ----------
    model
        Whose landmarks are shown.
    """

    def __init__(self, model: Model) -> None:
        from LandmarkDetectionLib.errors import ModelError

        try:
            self._reference: ReferencePicture | None = model.reference
        except ModelError:  # told of when the model was installed; all else works without it
            self._reference = None
        self._whole = qt.QPixmap()
        if self._reference is not None:
            from LandmarkDetectionLib.models.reference import PICTURE

            # From the file: PythonQt would cut the bytes of a PNG at their first zero.
            self._whole = qt.QPixmap(str(model.path / PICTURE))

    def whole(self, width: int, height: int, marked: str | None = None) -> qt.QPixmap | None:
        """All of it, with a dot for every landmark."""
        if self._reference is None:
            return None
        return self._draw(self._reference, (0, 0, *self._reference.size), width, height, marked)

    def closeUp(self, width: int, height: int, landmark: str) -> qt.QPixmap | None:
        """What lies around one landmark, which is marked; None when the picture does not show it."""
        part = None if self._reference is None else self._reference.close_up(landmark, (width, height))
        if self._reference is None or part is None:
            return None
        return self._draw(self._reference, part, width, height, landmark)

    def _draw(
        self,
        reference: ReferencePicture,
        part: tuple[int, int, int, int],
        width: int,
        height: int,
        marked: str | None,
    ) -> qt.QPixmap:
        left, top, across, down = part
        scale = min(width / across, height / down)
        picture = self._whole.copy(left, top, across, down).scaled(
            round(across * scale), round(down * scale), qt.Qt.IgnoreAspectRatio, qt.Qt.SmoothTransformation
        )
        painter = qt.QPainter()
        painter.begin(picture)
        painter.setRenderHint(qt.QPainter.Antialiasing)
        # The marked one last, on top of its neighbours.
        for name in sorted(reference.landmarks, key=lambda name: name == marked):
            x, y = (
                (at - start) * scale for at, start in zip(reference.landmarks[name], (left, top), strict=True)
            )
            if -RADIUS <= x <= picture.width() + RADIUS and -RADIUS <= y <= picture.height() + RADIUS:
                _dot(painter, x, y, name == marked)
        painter.end()
        return picture


def _dot(painter: qt.QPainter, x: float, y: float, isMarked: bool) -> None:
    radius = RADIUS if isMarked else 2
    painter.setPen(qt.QPen(qt.QBrush(qt.QColor(RIM if isMarked else DOT)), 1.5 if isMarked else 1.0))
    painter.setBrush(qt.QBrush(qt.QColor(MARKED if isMarked else DOT)))
    painter.drawEllipse(round(x) - radius, round(y) - radius, 2 * radius, 2 * radius)


def statusIcon(status: Status) -> qt.QIcon:
    """The mark of a status (see ``colors``) as an icon: a file, as ``Testing/render_icons.py`` draws them.

    In a selected row it stands on white: on the colour of a selection a style tints it, and it is lost.
    """
    mark = qt.QPixmap(str(ICONS / "Status" / f"{status.value}.png"))
    plate = qt.QPixmap(mark.width(), mark.height())
    plate.fill(qt.QColor(RIM))
    painter = qt.QPainter()
    painter.begin(plate)
    painter.drawPixmap(0, 0, mark)
    painter.end()
    icon = qt.QIcon(mark)
    icon.addPixmap(plate, qt.QIcon.Selected)
    return icon
