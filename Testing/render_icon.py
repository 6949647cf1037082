"""Draw the module's icon from its SVG file: ``python Testing/render_icon.py`` (needs PySide6)."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ICON = (
    Path(__file__).resolve().parents[1]
    / "LandmarkDetection"
    / "Resources"
    / "Icons"
    / "LandmarkDetection.svg"
)
SIZE = 128


def main() -> None:
    """Write the PNG file beside the SVG file."""
    _application = QGuiApplication([])
    image = QImage(SIZE, SIZE, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(ICON)).render(painter)
    painter.end()
    image.save(str(ICON.with_suffix(".png")))


if __name__ == "__main__":
    main()
