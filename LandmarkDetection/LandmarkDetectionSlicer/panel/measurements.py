"""What the landmarks measure: values with ranges and classes, lines and angles in the views, and reports."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionSlicer.logic.measuring import MeasurementLines, measureNode, writing
from LandmarkDetectionSlicer.panel.files import lastFolder, rememberFolder
from LandmarkDetectionSlicer.panel.landmark_table import prepareTable
from LandmarkDetectionSlicer.panel.message import MessageLine
from LandmarkDetectionSlicer.process import packages
from LandmarkDetectionSlicer.scene.nodes import POINTS_CHANGED, loadWorldReview

if TYPE_CHECKING:
    from LandmarkDetectionLib.measurement import Measured, Measurements
    from LandmarkDetectionSlicer.panel.context import PanelContext


class MeasurementsPage(VTKObservationMixin):
    """The page Measure.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.
    widget
        Loaded from ``measurements.ui``.

    Attributes
    ----------
    measurements
        What is measured; None while nothing is.
    listed
        Each of them, in the order of the rows.
    """

    def __init__(self, context: PanelContext, widget: Any) -> None:
        super().__init__()
        self.context = context
        self.heading = _("Measure")
        self.widget = widget
        self._isShown = False
        self.ui = ui = slicer.util.childWidgetVariables(widget)
        self.message = MessageLine(ui.messageIcon, ui.messageText)
        self.measurements: Measurements | None = None
        self._node: slicer.vtkMRMLMarkupsFiducialNode | None = None
        self._landmarks = LandmarkSet(())
        self.listed: list[Measured] = []
        self._lines = MeasurementLines()
        prepareTable(
            ui.measurementTable,
            {
                _("Measurement"): _(
                    "What is measured, and below it what its value means or why there is none; hold the "
                    "mouse over a name for its definition."
                ),
                _("Value"): _("With half of its 95 % interval, as far as the model knows how sure it is."),
                _("Usual"): _("The usual range; hold the mouse over it for its source."),
            },
        )
        # Rows of several lines are told apart by their ground.
        ui.measurementTable.setAlternatingRowColors(True)
        ui.measurementTable.verticalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        ui.measurementTable.connect("itemSelectionChanged()", self._draw)
        ui.allLinesBox.connect("toggled(bool)", lambda *_args: self._draw())
        ui.reportButton.connect("clicked(bool)", self._onReport)
        self._show()

    def turned(self, isShown: bool) -> None:
        """It has come to the front, or has gone behind another: then nothing is measured or drawn."""
        self._isShown = isShown
        self._update()

    def refresh(self) -> None:
        """Take the landmarks that are under review now."""
        parameters = self.context.parameters
        node = parameters.landmarks if parameters is not None else None
        if node is not self._node:
            self.removeObservers()
            self._node = node
            if node is not None:
                for event in POINTS_CHANGED:
                    self.addObserver(node, event, self._onPoints)
        self._update()

    def close(self) -> None:
        """Measure nothing, and take the lines out of the scene."""
        self.removeObservers()
        self._node = self.measurements = None
        self._lines.close()

    @property
    def lineNodes(self) -> list[slicer.vtkMRMLMarkupsNode]:
        """The lines and angles that are shown."""
        return self._lines.nodes

    def _onPoints(self, *_args: object) -> None:
        if self._isShown:
            self._update()

    def _update(self) -> None:
        self.measurements = None
        if self._node is None or not self._isShown:
            pass
        elif needed := packages.needsInstalling():
            self.message.warning(needed)
        else:
            review = loadWorldReview(self._node)
            protocol = self.context.protocolOf(review)
            if protocol is not None and protocol.measurements:
                try:
                    self._landmarks = review.landmarks
                    self.measurements = measureNode(self._node, protocol, review)
                except LandmarkDetectionError as problem:
                    self.message.error(str(problem))
        self._show()
        self._draw()

    def _show(self) -> None:
        ui, found = self.ui, self.measurements
        ui.reportButton.enabled = found is not None
        ui.emptyLabel.visible = found is None
        ui.measurementTable.visible = ui.allLinesBox.visible = found is not None
        ui.warningLabel.text = "\n".join(found.warnings) if found is not None else ""
        ui.warningLabel.visible = bool(ui.warningLabel.text)
        if found is None:
            return
        table = ui.measurementTable
        wasBlocked = table.blockSignals(True)
        # What was measured first: of a scan of a part of the body most is not.
        self.listed = sorted(found, key=lambda one: one.value is None)
        titles = Counter(one.definition.title for one in found)
        if table.rowCount != len(found):
            table.setRowCount(len(found))
        for row, one in enumerate(self.listed):
            isOfSeveral = titles[one.definition.title] > 1
            for column, (text, tip) in enumerate(_texts(one, isOfSeveral)):
                item = table.item(row, column)
                if item is None:
                    item = qt.QTableWidgetItem()
                    table.setItem(row, column, item)
                item.setText(text)
                item.setToolTip(tip)
        table.blockSignals(wasBlocked)

    def _draw(self) -> None:
        found = self.measurements
        if found is None or self._node is None:
            self._lines.close()
            return
        row = self.ui.measurementTable.currentRow()
        shown = (
            found.values if self.ui.allLinesBox.checked else self.listed[row : row + 1] if row >= 0 else ()
        )
        self._lines.show(shown, self._landmarks)

    # --- reports ----------------------------------------------------------------------------------------

    def _onReport(self, *_args: object) -> None:
        if self._node is None:
            return
        self.context.actions.clearMessages()
        kinds = (
            _("Page (*.pdf)"),
            _("Web page (*.html)"),
            _("Table (*.csv)"),
            _("DICOM Structured Report (*.dcm)"),
        )
        proposal = lastFolder() / f"{self._node.GetName()}.pdf"
        path = qt.QFileDialog.getSaveFileName(self.widget, _("Report"), str(proposal), ";;".join(kinds))
        if path:
            rememberFolder(path)
            self.report(Path(path if Path(path).suffix else f"{path}.pdf"))

    def report(self, path: Path) -> None:
        """Write a report of the landmarks under review; its suffix chooses the kind."""
        protocol = self.context.protocolOf(loadWorldReview(self._node)) if self._node is not None else None
        if self._node is None or protocol is None:
            return
        try:
            write = writing(self._node, protocol, path, str(self.ui.reviewerEdit.text).strip())
        except LandmarkDetectionError as problem:
            self.message.error(str(problem))
            return
        self.message.information(_("Saving {name}...").format(name=path.name))
        self.context.logic.background.start(write, lambda _result: self._told(path), self.message.error)

    def _told(self, path: Path) -> None:
        self.message.information(_("Saved {name} in {folder}.").format(name=path.name, folder=path.parent))


def _texts(one: Measured, isOfSeveral: bool) -> tuple[tuple[str, str], ...]:
    """Text and tooltip of each column; of several of one name the group tells which it is."""
    from LandmarkDetectionLib.reporting.case import cells, number

    title, value, interval, usual, said = cells(one)
    definition = one.definition
    about = "\n".join(filter(None, (definition.group, title, definition.description)))
    spread = said
    if one.spread is not None:
        half = number((one.spread.high - one.spread.low) / 2, one.unit, with_unit=False)
        value, spread = f"{value} \u00b1 {half}", _("95 % interval: {interval}").format(interval=interval)
    named = f"{title} ({definition.group})" if isOfSeveral and definition.group else title
    # A column of its own for what is said would be a narrow one, of many lines.
    return ("\n".join(filter(None, (named, said))), about), (value, spread), (usual, definition.source)
