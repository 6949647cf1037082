"""Part of the page Batch: what the reader says of whole cases, by a key each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.cohort.results.verdicts import Given, Verdict
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionSlicer.logic.cohort_review import CaseName
from LandmarkDetectionSlicer.logic.words import verdictText
from LandmarkDetectionSlicer.panel.learn import REVIEWER_SETTING

if TYPE_CHECKING:
    from LandmarkDetectionSlicer.panel.batch import BatchPage


class CaseVerdicts:
    """The buttons below the table, and who the reader is.

    Parameters
    ----------
    page
        The page Batch.
    """

    def __init__(self, page: BatchPage) -> None:
        self._page = page
        self._last: list[CaseName] = []
        ui = page.ui
        self._buttons = {
            Verdict.ACCEPT: ui.acceptCaseButton,
            Verdict.DOUBT: ui.doubtCaseButton,
            Verdict.REJECT: ui.rejectCaseButton,
        }
        for verdict, button in self._buttons.items():
            button.checkable = True
            button.connect("clicked(bool)", lambda *_args, verdict=verdict: page.giveVerdict(verdict))
        ui.readerEdit.text = str(slicer.app.userSettings().value(REVIEWER_SETTING) or "")
        ui.readerEdit.connect("editingFinished()", self._onReader)
        self._take()

    def listed(self, records: list[dict[str, Any]]) -> None:
        """Take what was said of cases, as the list of cases tells."""
        verdicts: dict[CaseName, tuple[Given, ...]] = {}
        for one in records:
            name = CaseName(one["case"], one["model"])
            verdicts[name] = (*verdicts.get(name, ()), Given(one["by"], Verdict(one["verdict"])))
        self._page.cases.verdicts = verdicts

    def give(self, verdict: Verdict) -> None:
        """Say what the open case is, and open the one below; at the end of the table it stays open."""
        page, name = self._page, self._page.review.current
        if name is None or not page.review.save():
            return
        following = page.cases.neighbour(name, 1)
        try:
            page.review.giveVerdict(verdict)
        except LandmarkDetectionError as problem:
            page.message.error(str(problem))
            self.show()
            return
        self._last.append(name)
        page.cases.noteVerdict(name, verdict)
        if following is not None:
            page.open(following)
        else:
            page.message.information(
                _("The last case of the table is {verdict}.").format(verdict=verdictText(verdict))
            )
        self.show()

    def withdraw(self) -> None:
        """Take back what was said last, and show its case."""
        page = self._page
        if not self._last:
            page.message.information(_("There is no verdict to take back."))
            return
        name = self._last.pop()
        if page.review.current != name:
            page.open(name)
        if page.review.current != name:  # the case that was open cannot be saved, or this one not be found
            self._last.append(name)
            return
        try:
            page.review.withdrawVerdict()
        except LandmarkDetectionError as problem:
            self._last.append(name)
            page.message.error(str(problem))
            return
        page.cases.noteVerdict(name, None)
        self.show()

    def show(self) -> None:
        """Which verdict stands, and whether one can be given."""
        name = self._page.review.current
        own = self._page.cases.ownVerdict(name) if name is not None else None
        for verdict, button in self._buttons.items():
            button.enabled = name is not None and not self._page.review.isLoading
            button.checked = verdict is own

    def _onReader(self) -> None:
        slicer.app.userSettings().setValue(REVIEWER_SETTING, self._take())
        self._last.clear()  # they were another reader's
        self._page.fill()

    def _take(self) -> str:
        reader = str(self._page.ui.readerEdit.text).strip()
        self._page.review.reviewer = self._page.cases.reader = reader
        return reader
