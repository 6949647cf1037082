"""Part of the page Place: click first, name what was clicked, and keep it as a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionSlicer.logic.clicking import ClickingSession, clickedPoints
from LandmarkDetectionSlicer.panel.landmark_table import prepareTable
from LandmarkDetectionSlicer.process import packages

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.panel.place import PlacePage

NAME, WHERE = range(2)


class ClickFirst(VTKObservationMixin):
    """For who needs a few points that no list has.

    Parameters
    ----------
    page
        The page Place.
    """

    def __init__(self, page: PlacePage) -> None:
        super().__init__()
        self._page = page
        self.session: ClickingSession | None = None
        ui = page.ui
        prepareTable(
            ui.pointTable,
            {
                _("Landmark"): _("Its name; double-click or press F2 to change it."),
                _("Where it lies"): _("What another person must know to find the same point."),
            },
        )
        ui.pointTable.horizontalHeader().setSectionResizeMode(WHERE, qt.QHeaderView.Stretch)
        ui.pointTable.setEditTriggers(
            qt.QAbstractItemView.DoubleClicked | qt.QAbstractItemView.EditKeyPressed
        )
        ui.pointTable.connect("itemChanged(QTableWidgetItem*)", self._onEdited)
        ui.pointTable.connect("itemSelectionChanged()", self._showButtons)
        ui.templateEdit.connect("textChanged(QString)", self._onTemplate)
        ui.titleEdit.connect("textChanged(QString)", lambda *_args: self._showButtons())
        ui.clickButton.connect("clicked(bool)", lambda *_args: self.start())
        ui.moreButton.connect("clicked(bool)", lambda *_args: self._toggle())
        ui.unclickButton.connect("clicked(bool)", lambda *_args: self._remove())
        ui.discardButton.connect("clicked(bool)", lambda *_args: self.discard())
        ui.saveListButton.connect("clicked(bool)", lambda *_args: self.keep())
        scene = slicer.mrmlScene
        for event in (scene.EndUndoEvent, scene.EndRedoEvent, scene.EndImportEvent):
            self.addObserver(scene, event, self._onCameBack)
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneCloses)

    def start(self) -> None:
        """Let every click in a view make a point."""
        self._page.context.actions.clearMessages()
        if problem := packages.needsInstalling():
            self._page.message.warning(problem)
            return
        ui = self._page.ui
        self.session = ClickingSession(self._onChanged)
        ui.titleEdit.text = ""
        ui.templateEdit.text = self.session.template
        self._page.show()
        # The button that was pressed is gone, and keys are not meant for the text field beside it.
        ui.moreButton.setFocus()
        self._click(True)

    def stop(self) -> None:
        """Clicks mean again what they did before; the points stay."""
        self._click(False)

    def discard(self) -> None:
        """Take all points away."""
        session, self.session = self.session, None
        if session is not None:
            session.discard()
        self._page.show()

    def close(self) -> None:
        """The module is unloaded: the points go with it."""
        self.removeObservers()
        self.discard()

    def _onCameBack(self, *_args: object) -> None:
        """Points that undo, or a scene that was loaded, has brought back: go on with them."""
        node = clickedPoints() if self.session is None else None
        if node is not None:
            self.session = ClickingSession(self._onChanged, node)
            self._onTemplate(str(self._page.ui.templateEdit.text))
            self._page.show()
            self._onChanged()

    def _onSceneCloses(self, *_args: object) -> None:
        """They go with the scene, which no undo brings back."""
        session, self.session = self.session, None
        if session is not None:
            session.close()
            self._page.show()

    def keep(self) -> None:
        """Keep the names as a list and the points as landmarks under review."""
        page, session = self._page, self.session
        volumeNode = page.context.chosen.inputVolume
        if session is None or volumeNode is None:
            return
        page.context.actions.clearMessages()
        try:
            protocol, node = session.keep(volumeNode, str(page.ui.titleEdit.text))
        except LandmarkDetectionError as problem:
            page.message.error(str(problem))
            return
        self.session = None
        page.show()
        page.context.actions.refreshModels()
        page.choose(protocol)
        page.context.actions.showLandmarks(node)

    # --- what is shown ----------------------------------------------------------------------------------

    def _click(self, isClicking: bool) -> None:
        if self.session is not None:
            self.session.setClicking(isClicking)

    def _toggle(self) -> None:
        if self.session is not None:
            self.session.setClicking(not self.session.isClicking)

    def _onTemplate(self, text: str) -> None:
        if self.session is not None and text.strip():
            self.session.template = text

    def _onChanged(self) -> None:
        session = self.session
        if session is None:
            return
        if session.node is None:  # deleted, or gone with the scene
            self.session = None
            self._page.show()
            return
        table, points = self._page.ui.pointTable, session.points
        definitions = session.definitions
        wasBlocked = table.blockSignals(True)
        isNew = len(points) > table.rowCount
        table.setRowCount(len(points))
        for row, (name, _place) in enumerate(points):
            for column, text in enumerate((name, definitions[row])):
                if table.item(row, column) is None:
                    table.setItem(row, column, qt.QTableWidgetItem())
                table.item(row, column).setText(text)
        if isNew:
            table.setCurrentCell(len(points) - 1, NAME)
        table.blockSignals(wasBlocked)
        self._showButtons()

    def _showButtons(self) -> None:
        ui, session = self._page.ui, self.session
        isClicking = session is not None and session.isClicking
        ui.moreButton.text = _("Stop clicking (Esc)") if isClicking else _("Click more")
        ui.unclickButton.enabled = ui.pointTable.currentRow() >= 0
        count = ui.pointTable.rowCount
        ui.saveListButton.enabled = count > 0 and bool(str(ui.titleEdit.text).strip())
        text = _("Save {count} points as a list") if count != 1 else _("Save 1 point as a list")
        ui.saveListButton.text = text.format(count=count)
        ui.saveListButton.toolTip = (
            _("Keep the names as a list of landmarks, and these points as its landmarks in this image.")
            if ui.saveListButton.enabled
            else _("Click at least one point, and give the list a name.")
        )

    def _onEdited(self, item: qt.QTableWidgetItem) -> None:
        self._page.message.clear()
        if self.session is None:
            return
        if item.column() == WHERE:
            self.session.define(item.row(), str(item.text()))
        else:
            self.session.rename(item.row(), str(item.text()))

    def _remove(self) -> None:
        row = self._page.ui.pointTable.currentRow()
        if self.session is not None and 0 <= row < len(self.session.points):
            self.session.remove(row)
