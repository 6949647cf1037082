"""Part of the page Batch: the list of the cohort's cases, and the one that is open for review."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.requests import ListCohort, ReportCohort
from LandmarkDetectionSlicer.logic.cohort_review import CaseName, CohortReview, ImagePlaces
from LandmarkDetectionSlicer.logic.image_prefetch import MOST_CASES, ImagePrefetch
from LandmarkDetectionSlicer.panel.case_table import CaseTable
from LandmarkDetectionSlicer.panel.case_verdicts import CaseVerdicts

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionSlicer.panel.batch import BatchPage

LOOK_AGAIN_MS = 20_000
"""While cases come in, the list is read again this often."""


class BatchCases:
    """The table of cases and what is below it.

    Parameters
    ----------
    page
        The page Batch.

    Attributes
    ----------
    table
        The list of cases.
    review
        The case under review.
    images
        Those of cases whose turn comes soon.
    verdicts
        What the reader says of whole cases.
    """

    def __init__(self, page: BatchPage) -> None:
        self._page = page
        self._ui = ui = page.ui
        self._folder: Path | None = None
        self._total = 0
        self._isListing = self._mustListAgain = False
        self.table = CaseTable(ui.caseTable, self.open)
        self.images = ImagePrefetch()
        self.review = CohortReview(
            page.context.logic.localWorker, self._onOpened, self._onSaved, self.tell, images=self.images
        )
        self._timer = qt.QTimer(ui.caseTable)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LOOK_AGAIN_MS)
        self._timer.connect("timeout()", self.readList)
        ui.openCaseButton.connect("clicked(bool)", lambda *_args: self.open(self.table.selected))
        ui.previousCaseButton.connect("clicked(bool)", lambda *_args: self.goTo(-1))
        ui.nextCaseButton.connect("clicked(bool)", lambda *_args: self.goTo(1))
        ui.reportButton.connect("clicked(bool)", lambda *_args: self._showReport())
        for box in (ui.openCasesBox, ui.secondReadingBox):
            box.connect("toggled(bool)", lambda *_args: self.fill())
        ui.caseTable.connect("itemSelectionChanged()", self.showButtons)

    def begin(self) -> None:
        """The page has its cases: what needs them is made."""
        self.verdicts = CaseVerdicts(self._page)

    def close(self) -> None:
        """Save, and end."""
        self.review.close()
        self.images.close()
        self._timer.stop()

    # --- the list ---------------------------------------------------------------------------------------

    def chooseFolder(self) -> None:
        """The folder of the results may be another one: list its cases, after the open one is saved."""
        folder = self._page.choices.results
        if folder == self._folder:  # a click into the field and away again
            return
        if self.review.current is not None and not self.review.leave():
            return
        self._folder = folder
        self.table.fill([], onlyOpen=False)
        self.images.want([])
        self._total = 0
        self.readList()
        self._page.show()

    def readList(self) -> None:
        """Read which cases there are, in the background."""
        if self._isListing:
            self._mustListAgain = True
            return
        if not self._page.choices.isBegun:
            return
        self._isListing = True
        folder = str(self._page.folder)
        self._page.context.logic.localWorker.request(
            ListCohort(folder=folder),
            lambda fraction, text: None,
            lambda result: self._onListed(folder, result),
            lambda kind, sentence: self._onNotListed(sentence),
        )

    def noteProgress(self, progress: Any) -> None:
        """More cases of a running batch are done."""
        self._total = max(self._total, progress.total)
        if progress.ended and not self._timer.active:
            self._timer.start()

    def _onListed(self, folder: str, result: dict[str, Any]) -> None:
        self._endListing()
        if folder == str(self._page.folder):
            self._total = int(result["total"])
            self.table.records = result["cases"]
            self.verdicts.listed(result["verdicts"])
            self.fill()

    def _onNotListed(self, sentence: str) -> None:
        self._endListing()
        self._page.message.error(sentence)

    def _endListing(self) -> None:
        self._isListing = False
        if self._mustListAgain:
            self._mustListAgain = False
            self.readList()

    def fill(self) -> None:
        """List the cases that the boxes above the table leave."""
        ui = self._ui
        self.table.fill(self.table.records, ui.openCasesBox.checked, ui.secondReadingBox.checked)
        self._page.show()

    # --- one case ---------------------------------------------------------------------------------------

    def open(self, name: CaseName | None) -> None:
        """Save the open case and open another."""
        page = self._page
        if name is None or page.folder is None or page.context.parameters is None:
            return
        page.context.actions.clearMessages()
        page.message.information(_("Opening {case}...").format(case=name.case))
        self.review.open(page.folder, name, self._places)
        page.show()

    def openOf(self, folder: Path, case: str, model: str) -> None:
        """Open a case of a folder of results; of the first model that has it when none is named."""
        self._ui.outEdit.text = str(folder)
        self.chooseFolder()
        if not self.table.records:
            self.readList()
        if not model:
            from LandmarkDetectionLib.cohort.results.records import read_case

            try:
                model = read_case(folder, case).outcomes[0].model
            except LandmarkDetectionError as problem:
                self.tell(str(problem))
                return
        self.open(CaseName(case, model))

    def goTo(self, step: int) -> None:
        """Save the open case, and open the one so many rows below."""
        if self.review.current is not None:
            self.open(self.table.neighbour(self.review.current, step))

    @property
    def hasNext(self) -> bool:
        """Whether a case is open and another one follows it."""
        current = self.review.current
        return current is not None and self.table.neighbour(current, 1) is not None

    @property
    def _places(self) -> ImagePlaces:
        return ImagePlaces(self._page.choices.keyFile, self._page.choices.source)

    def _onOpened(
        self, volumeNode: slicer.vtkMRMLScalarVolumeNode, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode
    ) -> None:
        page, name = self._page, self.review.current
        parameters = page.context.parameters
        if name is None or parameters is None:
            return
        parameters.inputVolume = volumeNode
        if name.model in [model.name for model in page.context.models.usable]:
            parameters.modelName = name.model
        page.context.actions.showLandmarks(landmarkNode)
        self.table.select(name)
        self._prefetch(name)
        if others := self.review.others:
            page.message.warning(str(others[0]))
        else:
            page.message.information(
                _("{case} is open; it is saved as you review it.").format(case=name.case)
            )
        page.show()

    def _prefetch(self, name: CaseName) -> None:
        """The cases below the open one are at hand when their turn comes, and the one above."""
        if self._page.folder is not None:
            above = self.table.neighbour(name, -1)
            names = [*self.table.following(name, MOST_CASES - 1), *([above] if above is not None else [])]
            self.review.prefetch(self._page.folder, names, self._places)

    def _onSaved(self, name: CaseName, review: Review) -> None:
        self.table.noteReview(name, *review.progress)
        self._page.show()

    def tell(self, sentence: str) -> None:
        """Say what went wrong with a case, on the page that is in front."""
        page = self._page
        (page.message if page.isShown or page.elsewhere is None else page.elsewhere).error(sentence)
        page.show()

    # --- the report -------------------------------------------------------------------------------------

    def _showReport(self) -> None:
        page = self._page
        page.context.actions.clearMessages()
        if not self.review.save():
            return
        page.message.information(_("Writing the report..."))
        page.context.logic.localWorker.request(
            ReportCohort(folder=str(page.folder)),
            lambda fraction, text: None,
            self._onReport,
            lambda kind, sentence: self.tell(sentence),
        )

    def _onReport(self, result: dict[str, Any]) -> None:
        self._page.message.information(_("The report is {path}.").format(path=result["page"]))
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(result["page"]))

    # --- what is shown ----------------------------------------------------------------------------------

    def show(self) -> None:
        """The table where there are cases, and how far they are."""
        self._ui.casesArea.visible = bool(self.table.records)
        self._ui.casesLabel.text = self._text()
        self.showButtons()

    def showButtons(self) -> None:
        """Enable what can be done with the open case and the selected one."""
        ui, current = self._ui, self.review.current
        self.verdicts.show()
        ui.openCaseButton.enabled = self.table.selected is not None and not self.review.isLoading
        for button, step in ((ui.previousCaseButton, -1), (ui.nextCaseButton, 1)):
            button.enabled = current is not None and self.table.neighbour(current, step) is not None

    def _text(self) -> str:
        done, reviewed, failed = self.table.counts()
        parts = [_("{reviewed} of {done} reviewed").format(reviewed=reviewed, done=done)]
        if failed:
            parts.append(_("{failed} without a result").format(failed=failed))
        waiting = self._total - len({one["case"] for one in self.table.records})
        if waiting > 0:
            parts.append(_("{waiting} not started").format(waiting=waiting))
        return ", ".join(parts)
