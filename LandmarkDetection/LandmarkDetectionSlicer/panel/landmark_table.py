"""The table of landmarks: a row each, with its mark, confidence, status, and a sign for warnings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import qt
from slicer.i18n import tr as _

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionSlicer.panel.pictures import statusIcon

NAME, CONFIDENCE, STATUS, WARNING = range(4)
ROW_HEIGHT = 22


class Row(NamedTuple):
    """What is shown of one landmark; ``name`` is that of the protocol."""

    name: str
    title: str
    confidence: float | None
    status: Status
    statusText: str
    warnings: tuple[str, ...]


class LandmarkTable:
    """Shows landmarks in a table widget, and which of them is selected.

    Parameters
    ----------
    widget
        An empty ``QTableWidget``.
    onSelected
        Called with the name when the user goes to a row, not when the program does.
    """

    def __init__(self, widget: qt.QTableWidget, onSelected: Callable[[str], None]) -> None:
        self._widget = widget
        self._onSelected = onSelected
        self.names: list[str] = []
        self._icons = {status: statusIcon(status) for status in Status}
        self._warningIcon = widget.style().standardIcon(qt.QStyle.SP_MessageBoxWarning)
        prepareTable(widget, [_("Landmark"), _("Confidence"), _("Status"), ""])
        widget.setAlternatingRowColors(True)
        widget.connect("itemSelectionChanged()", self._onRow)

    def fill(self, rows: Sequence[Row], selected: str | None) -> None:
        """Show these landmarks, one of them selected."""
        wasBlocked = self._widget.blockSignals(True)
        self.names = [row.name for row in rows]
        self._widget.setRowCount(len(rows))
        for number, row in enumerate(rows):
            self._fillRow(number, row)
        self._widget.blockSignals(wasBlocked)
        self.select(selected)

    def select(self, name: str | None) -> None:
        """Go to the row of a landmark, or to none."""
        wasBlocked = self._widget.blockSignals(True)
        if name in self.names:
            row = self.names.index(name)
            self._widget.setCurrentCell(row, NAME)
            self._widget.scrollToItem(self._widget.item(row, NAME))
        else:
            self._widget.clearSelection()
        self._widget.blockSignals(wasBlocked)

    def neighbour(self, name: str | None, step: int) -> str | None:
        """The landmark so many rows below, or at the end of the table; None when it is empty."""
        if not self.names:
            return None
        row = self.names.index(name) + step if name in self.names else 0
        return self.names[min(max(row, 0), len(self.names) - 1)]

    def _onRow(self) -> None:
        row = self._widget.currentRow()
        if 0 <= row < len(self.names):
            self._onSelected(self.names[row])

    def _fillRow(self, number: int, row: Row) -> None:
        confidence = "" if row.confidence is None else f"{100 * row.confidence:.0f} %"
        for column, text in enumerate((row.title, confidence, row.statusText, "")):
            item = self._item(number, column)
            item.setText(text)
            if column == NAME:
                item.setIcon(self._icons[row.status])
            elif column == WARNING:
                item.setIcon(self._warningIcon if row.warnings else qt.QIcon())
                item.setToolTip("\n".join(row.warnings))

    def _item(self, number: int, column: int) -> qt.QTableWidgetItem:
        item = self._widget.item(number, column)
        if item is None:
            item = qt.QTableWidgetItem()
            if column == CONFIDENCE:
                item.setTextAlignment(qt.Qt.AlignCenter)
            self._widget.setItem(number, column, item)
        return item


def prepareTable(table: qt.QTableWidget, titles: list[str]) -> None:
    """Columns with these titles, the first as wide as there is room; whole rows are selected."""
    table.setColumnCount(len(titles))
    table.setHorizontalHeaderLabels(titles)
    table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
    table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
    table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    table.verticalHeader().setVisible(False)
    table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
    for column in range(1, len(titles)):
        header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
