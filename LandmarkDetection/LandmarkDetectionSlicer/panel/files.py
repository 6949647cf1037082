"""Save the landmarks, and go on with saved ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionSlicer.logic import detecting, files
from LandmarkDetectionSlicer.scene import nodes, pixel_size

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.panel.context import PanelContext
    from LandmarkDetectionSlicer.panel.message import MessageLine

FOLDER_SETTING = "LandmarkDetection/Folder"
PICTURE_SUFFIXES = (".png", ".svg", ".pdf")


class Files:
    """What the page Review saves and opens.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.
    widget
        What dialogs belong to.
    message
        Says what was saved, or why it was not.
    """

    def __init__(self, context: PanelContext, widget: Any, message: MessageLine) -> None:
        self.context = context
        self.widget = widget
        self.message = message

    def save(self) -> None:
        """Ask for a file, and write the landmarks under review to it."""
        self.context.actions.clearMessages()
        landmarkNode = self.context.chosen.landmarks
        kinds = (
            _("Slicer Markups (*.mrk.json)"),
            _("Table (*.csv)"),
            _("Everything known (*.json)"),
            _("Picture (*.png)"),
        )
        proposal = lastFolder() / f"{landmarkNode.GetName()}.mrk.json"
        path = qt.QFileDialog.getSaveFileName(
            self.widget, _("Save landmarks"), str(proposal), ";;".join(kinds)
        )
        if path:
            rememberFolder(path)
            # Not every system's dialog adds the ending of the chosen kind.
            self.export(Path(path if Path(path).suffix else f"{path}.mrk.json"))

    def export(self, path: Path) -> None:
        """Write the landmarks under review to a file; its suffix chooses the kind."""
        landmarkNode = self.context.chosen.landmarks
        if path.suffix.lower() in PICTURE_SUFFIXES:
            self._exportPicture(landmarkNode, path)
            return
        try:
            write = files.writing(landmarkNode, path)
        except LandmarkDetectionError as problem:
            self.message.error(str(problem))
            return
        self.message.information(_("Saving {name}...").format(name=path.name))
        self.context.logic.background.start(write, lambda _result: self._told(path), self.message.error)

    def _exportPicture(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, path: Path) -> None:
        volumeNode = nodes.volumeOf(landmarkNode)
        if volumeNode is None:
            self.message.error(
                _("{name} belong to no volume in the scene, so there is nothing to draw.").format(
                    name=landmarkNode.GetName()
                )
            )
            return
        self.message.information(_("Drawing the picture..."))
        detecting.drawPicture(
            self.context.logic.worker,
            volumeNode,
            landmarkNode,
            str(path),
            lambda written: self._told(Path(written)),
            self.message.error,
        )

    def _told(self, path: Path) -> None:
        self.message.information(_("Saved {name} in {folder}.").format(name=path.name, folder=path.parent))

    def open(self) -> None:
        """Ask for a file, and go on with the landmarks in it."""
        self.context.actions.clearMessages()
        kinds = (_("Landmarks (*.json *.fcsv *.csv *.dcm)"), _("All files (*)"))
        path = qt.QFileDialog.getOpenFileName(
            self.widget, _("Open landmarks"), str(lastFolder()), ";;".join(kinds)
        )
        if path:
            rememberFolder(path)
            self.importFrom(Path(path))

    def importFrom(self, path: Path) -> None:
        """Read landmarks into the scene and put them under review.

        Its steps are as many turns of the event loop: at once they would be noticed.
        """
        volumeNode = self.context.chosen.inputVolume
        background = self.context.logic.background

        def put(content: files.FileContent) -> None:
            if self.context.parameters is None:  # the scene was closed meanwhile
                self.message.clear()
                return
            isThere = volumeNode is not None and volumeNode.GetScene() is not None
            landmarkNode = files.putIntoScene(content, volumeNode if isThere else None)
            background.soon(lambda: show(landmarkNode))

        def show(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
            if landmarkNode.GetScene() is not None:
                self.context.actions.showLandmarks(landmarkNode)
                self.message.information(_("Read {name}.").format(name=path.name))

        self.message.information(_("Reading {name}...").format(name=path.name))
        pixel_size.correctPixelSize(volumeNode)
        background.start(files.reading(path, volumeNode), put, self.message.error)


def lastFolder() -> Path:
    """Where files were last written to or read from."""
    folder = Path(str(slicer.app.userSettings().value(FOLDER_SETTING) or ""))
    return folder if folder.is_dir() else Path.home()


def rememberFolder(path: str) -> None:
    """Start there the next time."""
    slicer.app.userSettings().setValue(FOLDER_SETTING, str(Path(path).parent))
