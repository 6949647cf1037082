"""The table of landmarks: a row each, with its mark, confidence, status, and a sign for warnings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import qt
from slicer.i18n import tr as _

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionSlicer.logic.review_desk import Row
from LandmarkDetectionSlicer.panel.pictures import statusIcon

NAME, CONFIDENCE, STATUS, WARNING = range(4)
MANY = 4
"""Rows that change at once: from so many on columns are fitted once, at the end."""


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
        self._rows: list[Row] = []
        self._icons = {status: statusIcon(status) for status in Status}
        sign = widget.style().standardIcon(qt.QStyle.SP_MessageBoxWarning).pixmap(16, 16)
        self._warningIcon = qt.QIcon(sign)
        self._warningIcon.addPixmap(sign, qt.QIcon.Selected)  # else a style tints it in the selected row
        prepareTable(
            widget,
            {
                _("Landmark"): _("Those that most need a look come first; the sign is that of the status."),
                _("Confidence"): _("How likely the landmark is where the model has it."),
                _("Status"): _("What the model, or you, say of it."),
                "\u26a0": _("What the model warns of."),
            },
        )
        widget.setAlternatingRowColors(True)
        widget.connect("itemSelectionChanged()", self._onRow)
        # The table has become smaller, by a message that is said below it, or larger.
        widget.verticalScrollBar().connect("rangeChanged(int,int)", lambda *_args: self._scrollToCurrent())

    def fill(self, rows: Sequence[Row], selected: str | None) -> None:
        """Show these landmarks, one of them selected."""
        wasBlocked = self._widget.blockSignals(True)
        self.names = [row.name for row in rows]
        fitRows(self._widget)
        self._widget.setRowCount(len(rows))
        # Writing an item costs more than all else, and most of it is fitting the columns anew.
        changed = [number for number, row in enumerate(rows) if self._rows[number : number + 1] != [row]]
        fitColumns(self._widget, isFitting=len(changed) < MANY)
        for number in changed:
            self._fillRow(number, rows[number])
        fitColumns(self._widget, isFitting=True)
        self._rows = list(rows)
        self._widget.blockSignals(wasBlocked)
        self.select(selected)

    def select(self, name: str | None) -> None:
        """Go to the row of a landmark, or to none."""
        wasBlocked = self._widget.blockSignals(True)
        if name in self.names:
            row = self.names.index(name)
            self._widget.setCurrentCell(row, NAME)
            self._scrollToCurrent()
        else:
            self._widget.clearSelection()
        self._widget.blockSignals(wasBlocked)

    def _scrollToCurrent(self) -> None:
        item = self._widget.item(self._widget.currentRow(), NAME)
        if item is not None:
            self._widget.scrollToItem(item)

    def _onRow(self) -> None:
        row = self._widget.currentRow()
        if 0 <= row < len(self.names):
            self._onSelected(self.names[row])

    def _fillRow(self, number: int, row: Row) -> None:
        confidence = "" if row.confidence is None else f"{100 * row.confidence:.0f} %"
        for column, text in enumerate((row.title, confidence, row.statusText, "")):
            item = self._widget.item(number, column)
            isNew = item is None
            if isNew:
                item = qt.QTableWidgetItem()
            item.setText(text)
            if column == NAME:
                item.setIcon(self._icons[row.status])
                item.setToolTip(row.title)  # long ones are cut
            elif column == WARNING:
                item.setIcon(self._warningIcon if row.warnings else qt.QIcon())
                item.setToolTip("\n".join(row.warnings))
            if isNew:  # at last: the table hears of each change of what is in it
                if column == CONFIDENCE:
                    item.setTextAlignment(qt.Qt.AlignCenter)
                self._widget.setItem(number, column, item)


def prepareTable(table: qt.QTableWidget, columns: Mapping[str, str]) -> None:
    """Columns by title, each with its meaning; the first takes the room there is. Whole rows are selected."""
    table.setColumnCount(len(columns))
    for column, (title, meaning) in enumerate(columns.items()):
        item = qt.QTableWidgetItem(title)
        item.setToolTip(meaning)
        table.setHorizontalHeaderItem(column, item)
    table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
    table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
    table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    table.verticalHeader().setVisible(False)
    fitRows(table)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(0, qt.QHeaderView.Stretch)
    fitColumns(table, isFitting=True)


def fitColumns(table: qt.QTableWidget, isFitting: bool) -> None:
    """Keep all columns but the first as wide as their texts, or leave them while much is written."""
    header = table.horizontalHeader()
    mode = qt.QHeaderView.ResizeToContents if isFitting else qt.QHeaderView.Fixed
    for column in range(1, table.columnCount):
        if header.sectionResizeMode(column) != mode:
            header.setSectionResizeMode(column, mode)


def fitRows(table: qt.QTableWidget) -> None:
    """Make rows as high as the text is now."""
    table.verticalHeader().setDefaultSectionSize(table.fontMetrics().height() + 6)
