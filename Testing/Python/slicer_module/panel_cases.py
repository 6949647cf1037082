"""What tests of the panel start from: the panel in a window, landmarks to review, and what it says."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from LandmarkDetectionLib.core.review import Review

if TYPE_CHECKING:
    from Testing.Python.slicer_host import SlicerHost

MODULE = Path(__file__).resolve().parents[3] / "LandmarkDetection" / "LandmarkDetection.py"
SCREENSHOTS = os.environ.get("LANDMARK_DETECTION_SCREENSHOTS")
PANEL_SIZE = (420, 700)
DETECTING_MS = 60_000


class Said(NamedTuple):
    """One visible message of the panel."""

    kind: str
    text: str


def open_panel(host: "SlicerHost") -> Any:
    """The panel in a window as large as Slicer's module panel on a laptop of 1366 x 768."""
    host.window.statusBar().hide()
    host.window.resize(*PANEL_SIZE)
    panel = host.open_module(MODULE)
    wait_for_files(host, panel)  # of the models, too
    return panel


def wait_for_files(host: "SlicerHost", panel: Any) -> None:
    """Let what was begun with files come to its end."""
    host.wait_until(lambda: not panel.logic.background.isBusy, DETECTING_MS)


def press_detect(host: "SlicerHost", panel: Any) -> None:
    """Ask for a detection by the button, or by the menu where there are landmarks already."""
    if panel.detect.ui.detectButton.visible:
        host.click(panel.detect.ui.detectButton)
    else:
        panel.pages.show(panel.review)
        panel.review.actions.detectAgain.trigger()


def said(panel: Any) -> list[Said]:
    """Everything the panel says now, page by page."""
    messages = [page.message for page in (panel.detect, *panel.pages)]
    return [Said(message.kind, message.text) for message in messages if message.text]


def complaint(panel: Any) -> str:
    """The one warning or error that the panel shows; AssertionError when there is none or another."""
    complaints = [message for message in said(panel) if message.kind in ("warning", "error")]
    assert len(complaints) == 1, said(panel)
    text = complaints[0].text
    assert text.endswith((".", "!", "?")), text
    assert "Traceback" not in text and "\n" not in text, text
    return text


def rows(panel: Any) -> list[tuple[str, str, str]]:
    """Title, confidence and status of every row of the table."""
    table = panel.review.ui.landmarkTable
    return [tuple(table.item(row, column).text() for column in range(3)) for row in range(table.rowCount)]


def status_of(panel: Any, title: str) -> str:
    """What the table says of a landmark."""
    return next(status for name, _, status in rows(panel) if name == title)


def show_detection(panel: Any, volume: Any, detection: Any) -> Any:
    """Landmarks of a volume under review, without a detector; returns their node."""
    import slicer
    from LandmarkDetectionSlicer.scene import nodes

    node = nodes.applyDetection(detection, volume)
    panel.parameters.inputVolume = volume
    panel.showLandmarks(node)
    while panel.logic.background.isBusy:  # marks and pictures come in later turns
        slicer.app.processEvents()
    return node


def drag(node: Any, index: int, place: Any) -> None:
    """Drag a point to ``place`` (world RAS mm) with the mouse, as far as the node can tell."""
    import slicer

    node.GetDisplayNode().SetActiveControlPoint(index)
    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointStartInteractionEvent)
    node.SetNthControlPointPositionWorld(index, *place)
    node.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)


def stored(node: Any) -> Review:
    """The review that the scene keeps of a landmark node."""
    from LandmarkDetectionSlicer.scene import nodes

    return nodes.storedReview(node)


def worker_that(script: str) -> Any:
    """A background process that does what a Python script says with each request ``r``."""
    from LandmarkDetectionSlicer.process.worker import BackgroundWorker

    program = (
        "import json, sys, time, os\n"
        "def say(**event): print(json.dumps(event), flush=True)\n"
        "say(event='ready', version='0')\n"
        "for line in sys.stdin:\n"
        "    r = json.loads(line)\n" + "".join(f"    {line}\n" for line in script.splitlines())
    )
    return BackgroundWorker([sys.executable, "-c", program])


def good_worker(record: dict[str, Any]) -> Any:
    """A background process that finds, at once, what a record says."""
    return worker_that(f"say(id=r['id'], event='done', result=json.loads({json.dumps(record)!r}))")


def picture(host: "SlicerHost", panel: Any, name: str, is_dark: bool = False) -> None:
    """A screenshot for the documentation, on light or on dark ground, when the test run is asked for it."""
    if not SCREENSHOTS:
        return
    host.process_events(50)
    light = host.app.palette()
    if is_dark:
        use_palette(dark_palette())
        host.process_events(50)
    host.screenshot(Path(SCREENSHOTS) / f"{name}{'-dark' * is_dark}.png")
    use_palette(light)
    host.process_events()


def use_palette(palette: Any) -> None:
    """Change the colours of everything, as the application's style does."""
    from PySide6 import QtWidgets

    QtWidgets.QApplication.setPalette(palette)


def dark_palette() -> Any:
    """Light text on dark ground, much like Slicer's dark style."""
    from PySide6.QtGui import QColor, QPalette

    palette = QPalette(QColor("#353535"), QColor("#353535"))
    palette.setColor(QPalette.Base, QColor("#232323"))
    palette.setColor(QPalette.AlternateBase, QColor("#2c2c2c"))
    palette.setColor(QPalette.Highlight, QColor("#2a6fa8"))
    for role in (QPalette.ToolTipBase, QPalette.ToolTipText):
        palette.setColor(role, QColor("#000000" if role == QPalette.ToolTipBase else "#f0f0f0"))
    return palette
