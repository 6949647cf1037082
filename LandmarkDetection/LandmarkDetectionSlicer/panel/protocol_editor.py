"""A window in which a person makes a list of landmarks: names, definitions, sides, lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionSlicer.panel.context import loadForm
from LandmarkDetectionSlicer.panel.message import MessageLine

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionSlicer.panel.context import PanelContext

BLANK_ROWS = 4
Rows = list[tuple[str, ...]]


class ProtocolEditor:
    """The window; it can stay open beside the views.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.
    onSaved
        Called with the protocol that was kept.
    """

    def __init__(self, context: PanelContext, onSaved: Callable[[Protocol], None]) -> None:
        self._onSaved = onSaved
        self.widget = loadForm("protocol_editor")
        self.widget.setWindowTitle(_("List of landmarks"))
        self.widget.resize(620, 360)
        self.ui = ui = slicer.util.childWidgetVariables(self.widget)
        self.message = MessageLine(ui.messageIcon, ui.messageText)
        headings = [_("Landmark"), _("Where it lies"), _("Other side"), _("Lines to")]
        ui.rowTable.setColumnCount(len(headings))
        ui.rowTable.setHorizontalHeaderLabels(headings)
        ui.rowTable.horizontalHeader().setSectionResizeMode(1, qt.QHeaderView.Stretch)
        self._shown: Rows = []
        self._past: list[Rows] = []
        self._future: list[Rows] = []
        ui.rowTable.connect("itemChanged(QTableWidgetItem*)", lambda *_args: self._onTyped())
        for button, action in (
            (ui.addButton, self.add),
            (ui.deleteButton, self.delete),
            (ui.upButton, lambda: self.move(-1)),
            (ui.downButton, lambda: self.move(1)),
            (ui.saveListButton, self.save),
        ):
            button.connect("clicked(bool)", lambda _checked, action=action: action())
        # Kept here: in Slicer nobody else does.
        self._shortcuts = [
            self._shortcut(keys, action)
            for keys, action in (
                ("Ctrl+Z", self.undo),
                ("Ctrl+Y", self.redo),
                ("Ctrl+Shift+Z", self.redo),
            )
        ]

    def _shortcut(self, keys: str, action: Callable[[], None]) -> qt.QShortcut:
        # While a cell is edited its text field takes the keys first.
        shortcut = qt.QShortcut(qt.QKeySequence(keys), self.widget)
        shortcut.connect("activated()", action)
        return shortcut

    def open(self, chosen: Protocol | None) -> None:
        """Show the window: with the chosen list when it is the user's own, else with an empty one."""
        from LandmarkDetectionLib.core.protocol_draft import draft_rows
        from LandmarkDetectionLib.io.protocols import user_protocol_folder

        if chosen is not None and (user_protocol_folder() / f"{chosen.name}.json").is_file():
            title, rows = chosen.title, [tuple(row) for row in draft_rows(chosen)]
        else:
            title, rows = "", [("", "", "", "")] * BLANK_ROWS
        self.ui.titleEdit.text = title
        self._fill(rows)
        self._past, self._future = [], []
        self.message.clear()
        self.widget.show()
        self.widget.raise_()

    def close(self) -> None:
        """The module is unloaded."""
        self.widget.close()

    # --- rows -------------------------------------------------------------------------------------------

    def rows(self) -> list[tuple[str, ...]]:
        """What is typed, row by row."""
        table = self.ui.rowTable
        return [
            tuple(_text(table.item(row, column)) for column in range(table.columnCount))
            for row in range(table.rowCount)
        ]

    def _fill(self, rows: list[tuple[str, ...]], select: int = 0) -> None:
        self.message.clear()
        table = self.ui.rowTable
        wasBlocked = table.blockSignals(True)
        table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                table.setItem(number, column, qt.QTableWidgetItem(text))
        if rows:
            table.setCurrentCell(min(max(select, 0), len(rows) - 1), 0)
        table.blockSignals(wasBlocked)
        self._note()

    def _onTyped(self) -> None:
        self.message.clear()
        self._note()

    def _note(self) -> None:
        """Whatever changed the rows is a step that can be taken back."""
        rows = self.rows()
        if rows != self._shown:
            self._past.append(self._shown)
            self._future.clear()
            self._shown = rows

    def undo(self) -> None:
        """Take the last change of the rows back."""
        self._travel(self._past, self._future)

    def redo(self) -> None:
        """Make the change again that was taken back."""
        self._travel(self._future, self._past)

    def _travel(self, source: list[Rows], target: list[Rows]) -> None:
        if source:
            rows, before = source.pop(), self._shown
            self._shown = rows  # so that filling is no step
            self._fill(rows, self.ui.rowTable.currentRow())
            target.append(before)

    def add(self) -> None:
        """An empty row below the selected one."""
        rows, at = self.rows(), self.ui.rowTable.currentRow() + 1
        self._fill([*rows[:at], ("", "", "", ""), *rows[at:]], at)

    def delete(self) -> None:
        """Take the selected row out."""
        rows, at = self.rows(), self.ui.rowTable.currentRow()
        self._fill([row for number, row in enumerate(rows) if number != at], at)

    def move(self, step: int) -> None:
        """Exchange the selected row with a neighbour."""
        rows, at = self.rows(), self.ui.rowTable.currentRow()
        if 0 <= at < len(rows) and 0 <= at + step < len(rows):
            rows[at], rows[at + step] = rows[at + step], rows[at]
            self._fill(rows, at + step)

    def save(self) -> None:
        """Keep the list, if it can be one."""
        from LandmarkDetectionLib.core.protocol_draft import DraftRow, draft_protocol
        from LandmarkDetectionLib.io.protocols import save_protocol

        try:
            protocol = draft_protocol(str(self.ui.titleEdit.text), [DraftRow(*row) for row in self.rows()])
            save_protocol(protocol)
        except LandmarkDetectionError as problem:
            self.message.error(str(problem))
            return
        self.widget.hide()
        self._onSaved(protocol)


def _text(item: Any) -> str:
    return str(item.text()) if item is not None else ""
