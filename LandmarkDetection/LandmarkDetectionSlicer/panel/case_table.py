"""The table of a cohort's cases, the most doubtful ones first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from LandmarkDetectionLib.cohort.results.verdicts import Given, Verdict, is_for_second_reading
from LandmarkDetectionSlicer.logic.cohort_review import CaseName
from LandmarkDetectionSlicer.logic.words import verdictText
from LandmarkDetectionSlicer.panel.landmark_table import prepareTable

MOST_ROWS = 2000
"""More rows take seconds to fill, and nobody reads them; reviewed ones make room."""

DONE = "done"


class CaseTable:
    """Rows of cases in the order in which they came.

    Parameters
    ----------
    widget
        The table.
    onOpen
        Called with the case of a row that is double-clicked or entered.

    Attributes
    ----------
    records
        Of ``Ranked.to_record()``; all of them, shown or not.
    verdicts
        What was said of cases, by their names.
    reader
        Who looks at the table.
    """

    def __init__(self, widget: qt.QTableWidget, onOpen: Callable[[CaseName], None]) -> None:
        self._widget = widget
        self.records: list[dict[str, Any]] = []
        self.verdicts: dict[CaseName, tuple[Given, ...]] = {}
        self.reader = ""
        self._failedIcon = widget.style().standardIcon(qt.QStyle.SP_MessageBoxWarning)
        self._shown: list[dict[str, Any]] = []
        prepareTable(
            widget,
            {
                _("Case"): _("The code of the case; the key file says which image it is."),
                _("To check"): _(
                    "How many of its landmarks are probably wrong; the cases with most come first."
                ),
                _("Least sure"): _("The lowest confidence of its landmarks."),
                _("Reviewed"): _("How many of its landmarks a person has settled."),
                _("Verdict"): _("What readers say of the case; that of others is shown when you gave yours."),
            },
        )
        # Double click, or Enter.
        widget.connect("cellActivated(int,int)", lambda row, _column: onOpen(_name(self._shown[row])))

    @property
    def selected(self) -> CaseName | None:
        """The case of the selected row, if it has a result."""
        row = self._widget.currentRow()
        if not 0 <= row < len(self._shown) or self._shown[row]["state"] != DONE:
            return None
        return _name(self._shown[row])

    def counts(self) -> tuple[int, int, int]:
        """Results that are done, that are reviewed to the end, and that are missing."""
        done = [one for one in self.records if one["state"] == DONE]
        return len(done), sum(map(_isReviewed, done)), len(self.records) - len(done)

    def fill(self, records: list[dict[str, Any]], onlyOpen: bool, isSecondReading: bool = False) -> None:
        """Show these, or only those that wait for a review, or for a second reader."""
        before = self.selected
        self.records = records
        wanted = [one for one in records if not onlyOpen or (one["state"] == DONE and not _isReviewed(one))]
        if isSecondReading:
            wanted = [one for one in wanted if is_for_second_reading(self._given(one), self.reader)]
        self._shown = wanted[:MOST_ROWS]
        several = len({one["model"] for one in records}) > 1
        table = self._widget
        wasBlocked = table.blockSignals(True)
        table.setRowCount(len(self._shown))
        for row, record in enumerate(self._shown):
            self._write(row, record, several)
        table.clearSelection()
        table.blockSignals(wasBlocked)
        if before is not None:
            self.select(before)

    def select(self, name: CaseName) -> None:
        """Go to the row of a case, if it is shown."""
        row = self._rowOf(name)
        if row is not None:
            self._widget.selectRow(row)
            self._widget.scrollToItem(self._widget.item(row, 0))

    def neighbour(self, name: CaseName | None, step: int) -> CaseName | None:
        """The next case with a result above (-1) or below (1); None at the end of the table."""
        row = self._rowOf(name) if name is not None else None
        row = (-1 if step > 0 else len(self._shown)) if row is None else row
        rows = range(row + 1, len(self._shown)) if step > 0 else range(row - 1, -1, -1)
        return next(
            (_name(self._shown[other]) for other in rows if self._shown[other]["state"] == DONE), None
        )

    def following(self, name: CaseName, count: int) -> list[CaseName]:
        """The cases with a result below one, at most so many."""
        names: list[CaseName] = []
        following = self.neighbour(name, 1)
        while following is not None and len(names) < count:
            names.append(following)
            following = self.neighbour(following, 1)
        return names

    def noteVerdict(self, name: CaseName, verdict: Verdict | None) -> None:
        """The reader said something of a case, or took it back; the row stays where it is."""
        others = tuple(one for one in self.verdicts.get(name, ()) if one.by != self.reader)
        own = (Given(self.reader, verdict),) if verdict is not None else ()
        self.verdicts[name] = others + own
        row = self._rowOf(name)
        if row is not None:
            self._widget.item(row, 4).setText(self._verdictText(self._shown[row]))

    def ownVerdict(self, name: CaseName) -> Verdict | None:
        """What the reader said of a case."""
        return next((one.verdict for one in self.verdicts.get(name, ()) if one.by == self.reader), None)

    def _given(self, record: dict[str, Any]) -> tuple[Given, ...]:
        return self.verdicts.get(_name(record), ())

    def _verdictText(self, record: dict[str, Any]) -> str:
        """Without the verdicts of others until the reader has given one: a second reading is a blind one."""
        given = self._given(record)
        if is_for_second_reading(given, self.reader):
            text = _("{count} readers") if len(given) != 1 else _("1 reader")
            return text.format(count=len(given))
        words = list(dict.fromkeys(verdictText(one.verdict) for one in given))
        return " / ".join(words) + (f" ({len(given)})" if len(given) > 1 else "")

    def noteReview(self, name: CaseName, reviewed: int, landmarks: int) -> None:
        """A case was saved; the row stays where it is, so that nothing jumps under the reader."""
        for record in self.records:
            if _name(record) == name:
                record.update(reviewed=reviewed, landmarks=landmarks)
        row = self._rowOf(name)
        if row is not None:
            self._widget.item(row, 3).setText(_reviewText(self._shown[row]))

    def _rowOf(self, name: CaseName) -> int | None:
        return next((row for row, one in enumerate(self._shown) if _name(one) == name), None)

    def _write(self, row: int, record: dict[str, Any], several: bool) -> None:
        isDone = record["state"] == DONE
        lowest = record["lowest"]
        texts = (
            f"{record['case']} ({record['model']})" if several else record["case"],
            f"{record['score']:.1f}" if isDone else "",
            "" if lowest is None else f"{100 * lowest:.0f} %",
            _reviewText(record) if isDone else record["state"],
            self._verdictText(record),
        )
        for column, text in enumerate(texts):
            item = self._widget.item(row, column)
            if item is None:
                item = qt.QTableWidgetItem()
                if column:
                    item.setTextAlignment(qt.Qt.AlignCenter)
                self._widget.setItem(row, column, item)
            item.setText(text)
            item.setToolTip(record["reason"] or _warningText(record))
            if column == 0:
                item.setIcon(qt.QIcon() if isDone else self._failedIcon)


def _name(record: dict[str, Any]) -> CaseName:
    return CaseName(record["case"], record["model"])


def _isReviewed(record: dict[str, Any]) -> bool:
    return record["landmarks"] > 0 and record["reviewed"] == record["landmarks"]


def _reviewText(record: dict[str, Any]) -> str:
    if _isReviewed(record):
        return "\u2713"
    return f"{record['reviewed']}/{record['landmarks']}" if record["reviewed"] else ""


def _warningText(record: dict[str, Any]) -> str:
    parts = []
    if record["warnings"]:
        text = _("{count} warnings") if record["warnings"] != 1 else _("1 warning")
        parts.append(text.format(count=record["warnings"]))
    if record["outliers"]:
        text = _("{count} outliers") if record["outliers"] != 1 else _("1 outlier")
        parts.append(text.format(count=record["outliers"]))
    return ", ".join(parts)
