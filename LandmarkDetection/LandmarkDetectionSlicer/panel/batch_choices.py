"""Part of the page Batch: which images, with which models, and where the results go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionSlicer.logic import batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from LandmarkDetectionLib.models import Model

SETTINGS = "LandmarkDetection/Batch"
MOST_ROWS = 6
"""Of models; more are scrolled."""


class BatchChoices:
    """The fields of the page; folders are remembered for the next time.

    Parameters
    ----------
    ui
        The widgets of ``batch.ui``.
    onChanged
        Called without arguments when something else is chosen.
    onResultsChosen
        Called without arguments when the folder of the results may be another one.
    """

    def __init__(self, ui: Any, onChanged: Callable[[], None], onResultsChosen: Callable[[], None]) -> None:
        self._ui = ui
        self._onResultsChosen = onResultsChosen
        self._models: list[Model] = []
        self._remembered = ((ui.sourceEdit, "Source"), (ui.outEdit, "Results"), (ui.keyEdit, "Key"))
        for edit, name in self._remembered:
            edit.text = str(slicer.app.userSettings().value(f"{SETTINGS}/{name}") or "")
            edit.connect("textChanged(QString)", lambda *_args: onChanged())
        ui.outEdit.connect("editingFinished()", onResultsChosen)
        ui.sourceButton.connect("clicked(bool)", lambda *_args: self._chooseFolder(ui.sourceEdit))
        ui.outButton.connect("clicked(bool)", lambda *_args: self._chooseFolder(ui.outEdit))
        ui.keyButton.connect("clicked(bool)", self._chooseKeyFile)
        ui.batchModelList.connect("itemChanged(QListWidgetItem*)", lambda *_args: onChanged())

    # --- images, results and key ------------------------------------------------------------------------

    @property
    def source(self) -> Path | None:
        """The folder of the images."""
        return _folder(self._ui.sourceEdit)

    @property
    def results(self) -> Path | None:
        """The folder of the results."""
        return _folder(self._ui.outEdit)

    @property
    def keyFile(self) -> Path | None:
        """The table of which code is which file: the one chosen, else one beside the results."""
        chosen, results = _folder(self._ui.keyEdit), self.results
        return chosen or (None if results is None else results.with_name(f"{results.name}-key.csv"))

    @property
    def isBegun(self) -> bool:
        """Whether a batch was started with these results before."""
        from LandmarkDetectionLib.cohort.results.records import COHORT

        return self.results is not None and (self.results / COHORT).is_file()

    def remember(self) -> None:
        """Offer these folders the next time."""
        for edit, name in self._remembered:
            slicer.app.userSettings().setValue(f"{SETTINGS}/{name}", str(edit.text).strip())

    def _chooseFolder(self, edit: qt.QLineEdit) -> None:
        path = qt.QFileDialog.getExistingDirectory(self._ui.sourceEdit, _("Choose a folder"), edit.text)
        if path:
            edit.text = path
            self._onResultsChosen()

    def _chooseKeyFile(self, *_args: object) -> None:
        path = qt.QFileDialog.getSaveFileName(
            self._ui.keyEdit, _("Key file"), str(self.keyFile or ""), _("Tables (*.csv)")
        )
        if path:
            self._ui.keyEdit.text = path

    # --- models -----------------------------------------------------------------------------------------

    def setModels(self, models: list[Model], usual: str) -> None:
        """Offer these models; ticked ones stay ticked, and the usual one is when none is."""
        ticked = self.ticked or (usual,)
        self._models = models
        listed = self._ui.batchModelList
        wasBlocked = listed.blockSignals(True)
        listed.clear()
        for model in models:
            item = qt.QListWidgetItem(f"{model.protocol.title} ({model.name})")
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            item.setCheckState(qt.Qt.Checked if model.name in ticked else qt.Qt.Unchecked)
            listed.addItem(item)
        listed.blockSignals(wasBlocked)
        if models:  # all rows are in sight, in the size of text there is
            rows = min(len(models), MOST_ROWS)
            listed.setMaximumHeight(rows * listed.sizeHintForRow(0) + 2 * listed.frameWidth)

    @property
    def ticked(self) -> tuple[str, ...]:
        """Names of the models that are to look."""
        listed = self._ui.batchModelList
        return tuple(
            model.name
            for row, model in enumerate(self._models)
            if listed.item(row) is not None and listed.item(row).checkState() == qt.Qt.Checked
        )

    # --- all of it --------------------------------------------------------------------------------------

    @property
    def problem(self) -> str:
        """Why no batch can be started, in one sentence; empty when it can."""
        if self.source is None:
            return _("Choose the folder of the images.")
        if not self.source.exists():
            return _("There is no {path}; choose the folder of the images.").format(path=self.source)
        if self.results is None:
            return _("Choose a folder for the results.")
        if not self.ticked:
            return _("Tick at least one model.")
        return ""

    @property
    def request(self) -> batch.BatchRequest | None:
        """The batch that was chosen; None while there is a problem."""
        source, results, keyFile = self.source, self.results, self.keyFile
        if self.problem or source is None or results is None or keyFile is None:
            return None
        return batch.BatchRequest(source, results, self.ticked, keyFile, self._ui.workersBox.value)

    def show(self, isRunning: bool) -> None:
        """Fields are held while a batch runs."""
        ui = self._ui
        for field in (
            *(ui.sourceEdit, ui.sourceButton, ui.outEdit, ui.outButton, ui.keyEdit, ui.keyButton),
            *(ui.batchModelList, ui.workersBox),
        ):
            field.enabled = not isRunning
        ui.keyEdit.placeholderText = str(self.keyFile or _("Beside the results"))


def _folder(edit: qt.QLineEdit) -> Path | None:
    text = str(edit.text).strip()
    return Path(text).expanduser() if text else None
