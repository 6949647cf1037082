"""Many cases: find their landmarks in the background, and review them one after the other, worst first.

The page is empty until it is opened; only then is what it holds made.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.requests import ListCohort, ReportCohort
from LandmarkDetectionSlicer.logic import batch
from LandmarkDetectionSlicer.logic.cohort_review import CaseName, CohortReview, ImagePlaces
from LandmarkDetectionSlicer.logic.image_prefetch import MOST_CASES, ImagePrefetch
from LandmarkDetectionSlicer.panel.case_table import CaseTable
from LandmarkDetectionSlicer.panel.case_verdicts import VERDICT_KEYS, CaseVerdicts
from LandmarkDetectionSlicer.panel.context import loadForm
from LandmarkDetectionSlicer.panel.message import emptyPage
from LandmarkDetectionSlicer.process import packages

if TYPE_CHECKING:
    from LandmarkDetectionLib.cohort.results.verdicts import Verdict
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionSlicer.panel.context import PanelContext
    from LandmarkDetectionSlicer.panel.message import MessageLine

SETTINGS = "LandmarkDetection/Batch"
LOOK_AGAIN_MS = 20_000
"""While cases come in, the list is read again this often."""


class BatchPage:
    """The page Batch.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.

    Attributes
    ----------
    elsewhere
        Where to say what went wrong with a case while another page is in front.
    """

    def __init__(self, context: PanelContext) -> None:
        self.context = context
        self.heading = _("Batch")
        self.widget, self.message = emptyPage()
        self.ui: Any = None
        self.run: batch.BatchRun | None = None
        self._cases: CaseTable | None = None
        self._review: CohortReview | None = None
        self._models: list[Model] = []
        self._total = 0
        self._chosenFolder: Path | None = None
        self._isListing = self._mustListAgain = False
        self._missing: tuple[packages.Package, ...] = ()
        self._shortcuts: list[qt.QShortcut] = []
        self._isShown = False
        self.elsewhere: MessageLine | None = None

    @property
    def cases(self) -> CaseTable:
        """The list of cases, once the page was opened."""
        if self._cases is None:
            raise RuntimeError("the page was not opened yet")
        return self._cases

    @property
    def review(self) -> CohortReview:
        """The case under review, once the page was opened."""
        if self._review is None:
            raise RuntimeError("the page was not opened yet")
        return self._review

    # --- set-up -----------------------------------------------------------------------------------------

    def turned(self, isShown: bool) -> None:
        """It has come to the front, or has gone behind another."""
        self._isShown = isShown
        if isShown:
            if self.ui is None:
                self._build()
            self._show()

    def _build(self) -> None:
        contents = loadForm("batch")
        self.widget.layout().insertWidget(0, contents, 1)
        self.ui = ui = slicer.util.childWidgetVariables(contents)
        self._cases = CaseTable(ui.caseTable, self.open)
        self._images = ImagePrefetch()
        self._review = CohortReview(
            self.context.logic.localWorker,
            self._onOpened,
            self._onSaved,
            self._onProblem,
            images=self._images,
        )
        self._verdicts = CaseVerdicts(self)
        self._listTimer = qt.QTimer(contents)
        self._listTimer.setSingleShot(True)
        self._listTimer.setInterval(LOOK_AGAIN_MS)
        self._listTimer.connect("timeout()", self._list)
        for edit, name in ((ui.sourceEdit, "Source"), (ui.outEdit, "Results"), (ui.keyEdit, "Key")):
            edit.text = str(slicer.app.userSettings().value(f"{SETTINGS}/{name}") or "")
            edit.connect("textChanged(QString)", lambda *_args: self._show())
        ui.outEdit.connect("editingFinished()", self._onResultsChosen)
        ui.sourceButton.connect("clicked(bool)", lambda *_args: self._chooseFolder(ui.sourceEdit))
        ui.outButton.connect("clicked(bool)", lambda *_args: self._chooseFolder(ui.outEdit))
        ui.keyButton.connect("clicked(bool)", self._chooseKeyFile)
        ui.startBatchButton.connect("clicked(bool)", lambda *_args: self.start())
        ui.cancelBatchButton.connect("clicked(bool)", lambda *_args: self.cancel())
        ui.openCaseButton.connect("clicked(bool)", lambda *_args: self.open(self.cases.selected))
        ui.previousCaseButton.connect("clicked(bool)", lambda *_args: self.goToPrevious())
        ui.nextCaseButton.connect("clicked(bool)", lambda *_args: self.goToNext())
        ui.reportButton.connect("clicked(bool)", lambda *_args: self._showReport())
        for box in (ui.openCasesBox, ui.secondReadingBox):
            box.connect("toggled(bool)", lambda *_args: self.fill())
        ui.caseTable.connect("itemSelectionChanged()", self._showButtons)
        ui.batchModelList.connect("itemChanged(QListWidgetItem*)", lambda *_args: self._show())
        self.setModels(self._models)
        self._onResultsChosen()
        self._show()

    def bindKeys(self, widget: Any) -> None:
        """Make the keys those of the window that holds a widget, while that is visible."""
        keysOfVerdicts = [
            (f"Shift+{key}", partial(self.giveVerdict, verdict)) for key, verdict in VERDICT_KEYS.items()
        ]
        for keys, action in (
            ("Shift+P", self.goToPrevious),
            ("Shift+N", self.goToNext),
            ("Shift+Z", self.withdrawVerdict),
            *keysOfVerdicts,
        ):
            shortcut = qt.QShortcut(qt.QKeySequence(keys), widget)
            shortcut.connect("activated()", action)
            shortcut.setEnabled(False)
            self._shortcuts.append(shortcut)

    @property
    def hasNext(self) -> bool:
        """Whether a case is open and another one follows it."""
        current = self._review.current if self._review is not None else None
        return current is not None and self.cases.neighbour(current, 1) is not None

    def setModels(self, models: list[Model]) -> None:
        """Offer these models; ticked ones stay ticked."""
        self._models = [model for model in models if model.capabilities.channels == 1]
        if self.ui is None:
            return
        self._missing = packages.missingPackages(packages.BATCH)
        ticked = self._tickedModels() or (
            self.context.parameters.modelName if self.context.parameters else "",
        )
        listed = self.ui.batchModelList
        wasBlocked = listed.blockSignals(True)
        listed.clear()
        for model in self._models:
            item = qt.QListWidgetItem(f"{model.protocol.title} ({model.name})")
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            item.setCheckState(qt.Qt.Checked if model.name in ticked else qt.Qt.Unchecked)
            listed.addItem(item)
        listed.blockSignals(wasBlocked)
        self._show()

    def _tickedModels(self) -> tuple[str, ...]:
        listed = self.ui.batchModelList
        return tuple(
            model.name
            for row, model in enumerate(self._models)
            if listed.item(row) is not None and listed.item(row).checkState() == qt.Qt.Checked
        )

    # --- life -------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """The module is opened: keys mean something."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(True)

    def exit(self) -> None:
        """Another module is opened; the batch goes on, and what was said of the open case is saved."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
        if self._review is not None:
            self.review.save()

    def sceneCloses(self) -> None:
        """The scene is about to be closed: the last moment to save the open case."""
        if self._review is not None:
            self.review.sceneCloses()
            self._show()

    def close(self) -> None:
        """The module is removed: save, and end the batch; the same folder goes on from there."""
        if self._review is not None:
            self.review.close()
            self._images.close()
            self._listTimer.stop()
        if self.run is not None:
            self.run.close()
            self.run = None

    # --- what is chosen ---------------------------------------------------------------------------------

    def _chooseFolder(self, edit: qt.QLineEdit) -> None:
        path = qt.QFileDialog.getExistingDirectory(self.widget, _("Choose a folder"), edit.text)
        if path:
            edit.text = path
            self._onResultsChosen()

    def _chooseKeyFile(self, *_args: object) -> None:
        path = qt.QFileDialog.getSaveFileName(
            self.widget, _("Key file"), str(self._keyFile() or ""), _("Tables (*.csv)")
        )
        if path:
            self.ui.keyEdit.text = path

    def _folder(self, edit: qt.QLineEdit) -> Path | None:
        text = str(edit.text).strip()
        return Path(text).expanduser() if text else None

    @property
    def folder(self) -> Path | None:
        """The folder of the results."""
        return self._folder(self.ui.outEdit)

    def _keyFile(self) -> Path | None:
        chosen, folder = self._folder(self.ui.keyEdit), self.folder
        return chosen or (None if folder is None else folder.with_name(f"{folder.name}-key.csv"))

    def _isBegun(self) -> bool:
        from LandmarkDetectionLib.cohort.results.records import COHORT

        return self.folder is not None and (self.folder / COHORT).is_file()

    def _onResultsChosen(self) -> None:
        if self.folder == self._chosenFolder:  # a click into the field and away again
            return
        if self.review.current is not None and not self.review.leave():
            return
        self._chosenFolder = self.folder
        self.cases.fill([], onlyOpen=False)
        self._images.want([])
        self._total = 0
        if self._isBegun():
            self._list()
        self._show()

    def _problem(self) -> str:
        """Why no batch can be started, in one sentence; empty when it can."""
        source = self._folder(self.ui.sourceEdit)
        if source is None:
            return _("Choose the folder of the images.")
        if not source.exists():
            return _("There is no {path}; choose the folder of the images.").format(path=source)
        if self.folder is None:
            return _("Choose a folder for the results.")
        if not self._tickedModels():
            return _("Tick at least one model.")
        return ""

    # --- running ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or go on with what was begun."""
        self.context.actions.clearMessages()
        if self._missing:
            self._install()
            return
        problem, source, keyFile = self._problem(), self._folder(self.ui.sourceEdit), self._keyFile()
        if problem or self.run is not None or source is None or self.folder is None or keyFile is None:
            self.message.warning(problem or _("A batch is already running; wait for it or cancel it."))
            return
        settings = slicer.app.userSettings()
        ui = self.ui
        for edit, name in ((ui.sourceEdit, "Source"), (ui.outEdit, "Results"), (ui.keyEdit, "Key")):
            settings.setValue(f"{SETTINGS}/{name}", str(edit.text).strip())
        request = batch.BatchRequest(
            source,
            self.folder,
            self._tickedModels(),
            keyFile,
            ui.workersBox.value,
        )
        ui.batchProgressBar.setRange(0, 0)
        self.run = batch.BatchRun(request.command(), self._onProgress, self._onEnded)
        self.run.start()
        self._show()

    def _install(self) -> None:
        try:
            advice = packages.ensurePackages(None, packages.BATCH)
        except LandmarkDetectionError as problem:
            self.message.error(str(problem))
        else:
            self.message.warning(advice) if advice else self.message.clear()
        self.context.actions.refreshModels()

    def cancel(self) -> None:
        """Stop the batch; what is finished stays."""
        if self.run is not None:
            self.message.information(_("Stopping..."))
            self.ui.cancelBatchButton.enabled = False
            self.run.cancel()

    def _onProgress(self, progress: batch.BatchProgress) -> None:
        self.ui.batchProgressBar.setRange(0, progress.total)
        self.ui.batchProgressBar.value = progress.ended
        self.message.information(progress.sentence)
        self._total = max(self._total, progress.total)
        if progress.ended and not self._listTimer.active:
            self._listTimer.start()

    def _onEnded(self, kind: str, sentence: str) -> None:
        self.run = None
        tell = {batch.DONE: self.message.information, batch.CANCELLED: self.message.information}
        tell.get(kind, self.message.error)(sentence)
        self._list()
        self._show()

    # --- the list ---------------------------------------------------------------------------------------

    def _list(self) -> None:
        """Read which cases there are, in the background."""
        if self._isListing:
            self._mustListAgain = True
            return
        if not self._isBegun():
            return
        self._isListing = True
        folder = str(self.folder)
        self.context.logic.localWorker.request(
            ListCohort(folder=folder),
            lambda fraction, text: None,
            lambda result: self._onListed(folder, result),
            lambda kind, sentence: self._onNotListed(sentence),
        )

    def _onListed(self, folder: str, result: dict[str, Any]) -> None:
        self._endListing()
        if folder == str(self.folder):
            self._total = int(result["total"])
            self.cases.records = result["cases"]
            self._verdicts.listed(result["verdicts"])
            self.fill()

    def _onNotListed(self, sentence: str) -> None:
        self._endListing()
        self.message.error(sentence)

    def _endListing(self) -> None:
        self._isListing = False
        if self._mustListAgain:
            self._mustListAgain = False
            self._list()

    def fill(self) -> None:
        """List the cases that the boxes above the table leave."""
        ui = self.ui
        self.cases.fill(self.cases.records, ui.openCasesBox.checked, ui.secondReadingBox.checked)
        self._show()

    # --- one case ---------------------------------------------------------------------------------------

    def openCase(self, folder: Path, case: str, model: str = "") -> None:
        """Open a case of a cohort for review, as the report's command does."""
        if self.ui is None:
            self._build()
        self.ui.outEdit.text = str(folder)
        self._onResultsChosen()
        if not self.cases.records:
            self._list()
        if not model:
            from LandmarkDetectionLib.cohort.results.records import read_case

            try:
                model = read_case(folder, case).outcomes[0].model
            except LandmarkDetectionError as problem:
                self._onProblem(str(problem))
                return
        self.open(CaseName(case, model))

    def goToNext(self) -> None:
        """Save the open case, and open the one below."""
        self._goTo(1)

    def goToPrevious(self) -> None:
        """Save the open case, and open the one above."""
        self._goTo(-1)

    def giveVerdict(self, verdict: Verdict) -> None:
        """Say what the open case is as a whole, and open the one below."""
        if self._review is not None and self.review.current is not None:
            self._verdicts.give(verdict)

    def withdrawVerdict(self) -> None:
        """Take back the verdict given last, and open its case again."""
        if self._review is not None:
            self._verdicts.withdraw()

    def _goTo(self, step: int) -> None:
        if self._review is not None and self.review.current is not None:
            self.open(self.cases.neighbour(self.review.current, step))

    def open(self, name: CaseName | None) -> None:
        """Save the open case and open another."""
        if name is None or self.folder is None or self.context.parameters is None:
            return
        self.context.actions.clearMessages()
        source = self._folder(self.ui.sourceEdit)
        self.message.information(_("Opening {case}...").format(case=name.case))
        self.review.open(self.folder, name, ImagePlaces(self._keyFile(), source))
        self._show()

    def _onOpened(
        self, volumeNode: slicer.vtkMRMLScalarVolumeNode, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode
    ) -> None:
        name, parameters = self.review.current, self.context.parameters
        if name is None or parameters is None:
            return
        parameters.inputVolume = volumeNode
        if name.model in [model.name for model in self.context.models.usable]:
            parameters.modelName = name.model
        self.context.actions.showLandmarks(landmarkNode)
        self.cases.select(name)
        self._prefetch(name)
        if others := self.review.others:
            self.message.warning(str(others[0]))
        else:
            self.message.information(
                _("{case} is open; it is saved as you review it.").format(case=name.case)
            )
        self._show()

    def _prefetch(self, name: CaseName) -> None:
        """The cases below the open one are at hand when their turn comes, and the one above."""
        if self.folder is not None:
            above = self.cases.neighbour(name, -1)
            names = [*self.cases.following(name, MOST_CASES - 1), *([above] if above is not None else [])]
            places = ImagePlaces(self._keyFile(), self._folder(self.ui.sourceEdit))
            self.review.prefetch(self.folder, names, places)

    def _onSaved(self, name: CaseName, review: Review) -> None:
        self.cases.noteReview(name, *review.progress)
        self._show()

    def _onProblem(self, sentence: str) -> None:
        (self.message if self._isShown or self.elsewhere is None else self.elsewhere).error(sentence)
        self._show()

    def _showReport(self) -> None:
        self.context.actions.clearMessages()
        if not self.review.save():
            return
        self.message.information(_("Writing the report..."))
        self.context.logic.localWorker.request(
            ReportCohort(folder=str(self.folder)),
            lambda fraction, text: None,
            self._onReport,
            lambda kind, sentence: self._onProblem(sentence),
        )

    def _onReport(self, result: dict[str, Any]) -> None:
        self.message.information(_("The report is {path}.").format(path=result["page"]))
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(result["page"]))

    # --- what is shown ----------------------------------------------------------------------------------

    def _show(self) -> None:
        if self.ui is None:
            return
        ui, isRunning = self.ui, self.run is not None
        ui.startBatchButton.visible = not isRunning
        ui.startBatchButton.text = _("Continue") if self._isBegun() else _("Start")
        problem = self._problem()
        if self._missing:
            ui.startBatchButton.text = _("Install Python packages...")
            problem = ""
        ui.startBatchButton.enabled = not problem
        ui.startBatchButton.toolTip = problem or _("Find the landmarks of all cases, in the background.")
        ui.batchProgressArea.visible = isRunning
        ui.cancelBatchButton.enabled = True
        for field in (
            *(ui.sourceEdit, ui.sourceButton, ui.outEdit, ui.outButton, ui.keyEdit, ui.keyButton),
            *(ui.batchModelList, ui.workersBox),
        ):
            field.enabled = not isRunning
        ui.keyEdit.placeholderText = str(self._keyFile() or _("Beside the results"))
        ui.casesArea.visible = bool(self.cases.records)
        ui.casesLabel.text = self._casesText()
        self._showButtons()

    def _showButtons(self) -> None:
        ui, current = self.ui, self.review.current
        self._verdicts.show()
        ui.openCaseButton.enabled = self.cases.selected is not None and not self.review.isLoading
        for button, step in ((ui.previousCaseButton, -1), (ui.nextCaseButton, 1)):
            button.enabled = current is not None and self.cases.neighbour(current, step) is not None

    def _casesText(self) -> str:
        done, reviewed, failed = self.cases.counts()
        parts = [_("{reviewed} of {done} reviewed").format(reviewed=reviewed, done=done)]
        if failed:
            parts.append(_("{failed} without a result").format(failed=failed))
        waiting = self._total - len({one["case"] for one in self.cases.records})
        if waiting > 0:
            parts.append(_("{waiting} not started").format(waiting=waiting))
        return ", ".join(parts)
