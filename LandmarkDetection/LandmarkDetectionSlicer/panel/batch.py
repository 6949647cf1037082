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
from LandmarkDetectionSlicer.panel.context import loadForm
from LandmarkDetectionSlicer.panel.message import emptyPage
from LandmarkDetectionSlicer.process import packages

if TYPE_CHECKING:
    from LandmarkDetectionLib.cohort.results.verdicts import Verdict
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionSlicer.logic.batch import BatchProgress, BatchRun
    from LandmarkDetectionSlicer.logic.cohort_review import CaseName, CohortReview
    from LandmarkDetectionSlicer.panel.batch_cases import BatchCases
    from LandmarkDetectionSlicer.panel.batch_choices import BatchChoices
    from LandmarkDetectionSlicer.panel.case_table import CaseTable
    from LandmarkDetectionSlicer.panel.context import PanelContext
    from LandmarkDetectionSlicer.panel.message import MessageLine

VERDICT_KEYS = {"A": "accept", "D": "doubt", "R": "reject"}
"""What each says of the open case, with Shift."""


class BatchPage:
    """The page Batch.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.

    Attributes
    ----------
    run
        The batch that is running; None without one.
    isShown
        Whether it is the page in front.
    elsewhere
        Where to say what went wrong with a case while another page is in front.
    """

    def __init__(self, context: PanelContext) -> None:
        self.context = context
        self.heading = _("Batch")
        self.widget, self.message = emptyPage()
        self.ui: Any = None
        self.run: BatchRun | None = None
        self.isShown = False
        self.elsewhere: MessageLine | None = None
        self._choices: BatchChoices | None = None
        self._cases: BatchCases | None = None
        self._models: list[Model] = []
        self._missing: tuple[packages.Package, ...] = ()
        self._shortcuts: list[qt.QShortcut] = []

    @property
    def choices(self) -> BatchChoices:
        """What is chosen, once the page was opened."""
        if self._choices is None:
            raise RuntimeError("the page was not opened yet")
        return self._choices

    @property
    def _opened(self) -> BatchCases:
        if self._cases is None:
            raise RuntimeError("the page was not opened yet")
        return self._cases

    @property
    def cases(self) -> CaseTable:
        """The list of cases, once the page was opened."""
        return self._opened.table

    @property
    def review(self) -> CohortReview:
        """The case under review, once the page was opened."""
        return self._opened.review

    @property
    def folder(self) -> Path | None:
        """The folder of the results."""
        return self.choices.results

    # --- set-up -----------------------------------------------------------------------------------------

    def turned(self, isShown: bool) -> None:
        """It has come to the front, or has gone behind another."""
        self.isShown = isShown
        if isShown:
            if self.ui is None:
                self._build()
            else:
                self.show()

    def _build(self) -> None:
        # What no other page needs is imported when the page is first seen, so that the panel opens sooner.
        from LandmarkDetectionSlicer.panel.batch_cases import BatchCases
        from LandmarkDetectionSlicer.panel.batch_choices import BatchChoices

        contents = loadForm("batch")
        self.widget.layout().insertWidget(0, contents, 1)
        self.ui = ui = slicer.util.childWidgetVariables(contents)
        self._cases = cases = BatchCases(self)
        cases.begin()
        self._choices = BatchChoices(ui, self.show, cases.chooseFolder)
        ui.startBatchButton.connect("clicked(bool)", lambda *_args: self.start())
        ui.cancelBatchButton.connect("clicked(bool)", lambda *_args: self.cancel())
        self.setModels(self._models)
        cases.chooseFolder()
        self.show()

    def bindKeys(self, widget: Any) -> None:
        """Make the keys those of the window that holds a widget, while that is visible."""
        keysOfVerdicts = [
            (f"Shift+{key}", partial(self._giveByKey, word)) for key, word in VERDICT_KEYS.items()
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

    def setModels(self, models: list[Model]) -> None:
        """Offer these models; ticked ones stay ticked."""
        self._models = [model for model in models if model.capabilities.channels == 1]
        if self.ui is None:
            return
        self._missing = packages.missingPackages(packages.BATCH)
        parameters = self.context.parameters
        self.choices.setModels(self._models, parameters.modelName if parameters else "")
        self.show()

    # --- life -------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """The module is opened: keys mean something."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(True)

    def exit(self) -> None:
        """Another module is opened; the batch goes on, and what was said of the open case is saved."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
        if self._cases is not None:
            self.review.save()

    def sceneCloses(self) -> None:
        """The scene is about to be closed: the last moment to save the open case."""
        if self._cases is not None:
            self.review.sceneCloses()
            self.show()

    def close(self) -> None:
        """The module is removed: save, and end the batch; the same folder goes on from there."""
        if self._cases is not None:
            self._cases.close()
        if self.run is not None:
            self.run.close()
            self.run = None

    # --- running ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or go on with what was begun."""
        self.context.actions.clearMessages()
        if self._missing:
            self._install()
            return
        request = self.choices.request
        if request is None or self.run is not None:
            running = _("A batch is already running; wait for it or cancel it.")
            self.message.warning(self.choices.problem or running)
            return
        self.choices.remember()
        self.ui.batchProgressBar.setRange(0, 0)
        from LandmarkDetectionSlicer.logic.batch import BatchRun

        self.run = BatchRun(request.command(), self._onProgress, self._onEnded)
        self.run.start()
        self.show()

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

    def _onProgress(self, progress: BatchProgress) -> None:
        self.ui.batchProgressBar.setRange(0, progress.total)
        self.ui.batchProgressBar.value = progress.ended
        self.message.information(progress.sentence)
        self._opened.noteProgress(progress)

    def _onEnded(self, kind: str, sentence: str) -> None:
        self.run = None
        from LandmarkDetectionSlicer.logic import batch

        tell = {batch.DONE: self.message.information, batch.CANCELLED: self.message.information}
        tell.get(kind, self.message.error)(sentence)
        self._opened.readList()
        self.show()

    # --- one case ---------------------------------------------------------------------------------------

    @property
    def hasNext(self) -> bool:
        """Whether a case is open and another one follows it."""
        return self._cases is not None and self._cases.hasNext

    def openCase(self, folder: Path, case: str, model: str = "") -> None:
        """Open a case of a cohort for review, as the report's command does."""
        if self.ui is None:
            self._build()
        self._opened.openOf(folder, case, model)

    def open(self, name: CaseName | None) -> None:
        """Save the open case and open another."""
        self._opened.open(name)

    def goToNext(self) -> None:
        """Save the open case, and open the one below."""
        if self._cases is not None:
            self._cases.goTo(1)

    def goToPrevious(self) -> None:
        """Save the open case, and open the one above."""
        if self._cases is not None:
            self._cases.goTo(-1)

    def giveVerdict(self, verdict: Verdict) -> None:
        """Say what the open case is as a whole, and open the one below."""
        if self._cases is not None and self.review.current is not None:
            self._cases.verdicts.give(verdict)

    def _giveByKey(self, word: str) -> None:
        from LandmarkDetectionLib.cohort.results.verdicts import Verdict

        self.giveVerdict(Verdict(word))

    def withdrawVerdict(self) -> None:
        """Take back the verdict given last, and open its case again."""
        if self._cases is not None:
            self._cases.verdicts.withdraw()

    def fill(self) -> None:
        """List the cases that the boxes above the table leave."""
        self._opened.fill()

    # --- what is shown ----------------------------------------------------------------------------------

    def show(self) -> None:
        """Show what is chosen, what runs and which cases there are."""
        if self._choices is None:
            return
        ui, choices, isRunning = self.ui, self._choices, self.run is not None
        ui.startBatchButton.visible = not isRunning
        ui.startBatchButton.text = _("Continue") if choices.isBegun else _("Start")
        problem = choices.problem
        if self._missing:
            ui.startBatchButton.text = _("Install Python packages...")
            problem = ""
        ui.startBatchButton.enabled = not problem
        ui.startBatchButton.toolTip = problem or _("Find the landmarks of all cases, in the background.")
        ui.batchProgressArea.visible = isRunning
        ui.cancelBatchButton.enabled = True
        choices.show(isRunning)
        self._opened.show()
