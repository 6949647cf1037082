"""Draw the module's icons: ``python Testing/render_icons.py`` (in the environment of the tests).

The module's own comes from its SVG file, the marks of the statuses from their colours and shapes. They are
files because Slicer's Python reaches only a part of what Qt can paint.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QBrush, QColor, QGuiApplication, QImage, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtSvg import QSvgRenderer

REPOSITORY = Path(__file__).resolve().parents[1]
ICONS = REPOSITORY / "LandmarkDetection" / "Resources" / "Icons"
MODULE_SIZE, STATUS_SIZE = 128, 64
# Around every mark, so that it stands out on light ground and on dark.
RIM, RING = "#26323c", "#c3ced8"
# In a square of 14.
CORNERS = {
    "triangle": ((7, 1), (13.5, 12.5), (0.5, 12.5)),
    "diamond": ((7, 0.5), (13.5, 7), (7, 13.5), (0.5, 7)),
    "square": ((2, 2), (12, 2), (12, 12), (2, 12)),
}


def main() -> None:
    """Write the PNG files."""
    _application = QGuiApplication([])
    module = _canvas(MODULE_SIZE)
    painter = QPainter(module)
    QSvgRenderer(str(ICONS / "LandmarkDetection.svg")).render(painter)
    painter.end()
    module.save(str(ICONS / "LandmarkDetection.png"))

    sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "LandmarkDetection")]
    from LandmarkDetectionSlicer.scene.colors import mark

    from LandmarkDetectionLib.core.landmarks import Status

    for status in Status:
        _draw(*mark(status)).save(str(ICONS / "Status" / f"{status.value}.png"))


def _canvas(size: int) -> QImage:
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    return image


def _draw(color: str, shape: str) -> QImage:
    path = QPainterPath()
    if shape in CORNERS:
        path.addPolygon(QPolygonF([QPointF(*corner) for corner in CORNERS[shape]]))
    else:
        path.addEllipse(1.5, 1.5, 11, 11)
    image = _canvas(STATUS_SIZE)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(STATUS_SIZE / 14, STATUS_SIZE / 14)
    if shape == "ring":
        painter.strokePath(path, QPen(QBrush(QColor(RIM)), 2.8))
        painter.strokePath(path, QPen(QBrush(QColor(RING)), 1.2))
    else:
        painter.fillPath(path, QBrush(QColor(color)))
        painter.strokePath(path, QPen(QBrush(QColor(RIM)), 1.0))
    painter.end()
    return image


if __name__ == "__main__":
    main()
