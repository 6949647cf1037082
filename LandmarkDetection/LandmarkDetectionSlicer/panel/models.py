"""Which models there are; install and remove them, and read what they are good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.requests import Install
from LandmarkDetectionSlicer.logic.remote_models import RemoteModel, isElsewhere
from LandmarkDetectionSlicer.panel.about import AboutModel
from LandmarkDetectionSlicer.panel.files import lastFolder, rememberFolder
from LandmarkDetectionSlicer.panel.landmark_table import prepareTable
from LandmarkDetectionSlicer.panel.message import MessageLine
from LandmarkDetectionSlicer.process.worker import CANCELLED, BackgroundWorker

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionSlicer.panel.context import PanelContext


class ModelsPage:
    """The page Models.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.
    widget
        Loaded from ``models.ui``.
    """

    def __init__(self, context: PanelContext, widget: Any) -> None:
        self.context = context
        self.heading = _("Models")
        self.widget = widget
        self._isShown = False
        self.ui = ui = slicer.util.childWidgetVariables(widget)
        self.message = MessageLine(ui.messageIcon, ui.messageText)
        self._models: list[Model] = []
        self._broken: dict[str, str] = {}
        # Of its own: installing must not wait for a detection, nor be cancelled with it.
        self._installer = BackgroundWorker()
        self._isInstalling = False
        self._cardWindow: qt.QTextBrowser | None = None
        self._about = AboutModel(ui)
        prepareTable(
            ui.modelTable,
            {
                _("Model"): _("Its name, as scripts and the command line know it."),
                _("Version"): _("Newer versions have learned from more."),
                _("Origin"): _("Whether it comes with the module or was installed by you."),
            },
        )
        ui.modelTable.connect("itemSelectionChanged()", self._onSelected)
        ui.showCardButton.connect("clicked(bool)", lambda *_args: self._showSelectedCard())
        ui.goBackButton.connect("clicked(bool)", lambda *_args: self.useOtherVersion(self._selectedModel()))
        ui.removeButton.connect("clicked(bool)", self._onRemove)
        ui.browseFolderButton.connect("clicked(bool)", self._onBrowseFolder)
        ui.browseZipButton.connect("clicked(bool)", self._onBrowseZip)
        ui.sourceEdit.connect("textChanged(QString)", lambda *_args: self._showButtons())
        ui.installModelButton.connect("clicked(bool)", self._onInstall)

    def turned(self, isShown: bool) -> None:
        """It has come to the front, or has gone behind another."""
        self._isShown = isShown
        if isShown and not self.ui.modelTable.selectedItems():
            names = [model.name for model in self._models]
            chosen = self.context.chosenModel
            if chosen is not None:
                self.ui.modelTable.selectRow(names.index(chosen.name))
        self._showButtons()

    # --- the list ---------------------------------------------------------------------------------------

    def setModels(self, models: list[Model], broken: dict[str, str]) -> None:
        """List these models, and the broken ones with the reason."""
        self._models, self._broken = models, broken
        table = self.ui.modelTable
        table.setRowCount(len(self._models) + len(self._broken))
        rows = [(model.name, model.version, _originText(model), "") for model in self._models]
        rows += [(name, "", _("broken"), reason) for name, reason in self._broken.items()]
        for row, (name, version, origin, reason) in enumerate(rows):
            for column, text in enumerate((name, version, origin)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(reason)
                if reason and column == 0:
                    item.setIcon(self.widget.style().standardIcon(qt.QStyle.SP_MessageBoxWarning))
                table.setItem(row, column, item)
        self._showButtons()

    def _selectedName(self) -> str | None:
        row = self.ui.modelTable.currentRow()
        names = [*(model.name for model in self._models), *self._broken]
        return names[row] if 0 <= row < len(names) else None

    def _selectedModel(self) -> Model | None:
        return next((model for model in self._models if model.name == self._selectedName()), None)

    def _onSelected(self) -> None:
        self._showButtons()
        reason = self._broken.get(self._selectedName() or "")
        if reason:
            self.message.warning(reason)
        elif not self._isInstalling:
            self.message.clear()

    def _showButtons(self) -> None:
        ui, name, model = self.ui, self._selectedName(), self._selectedModel()
        ui.showCardButton.enabled = model is not None
        if self._isShown:
            self._about.show(model)
        others = _otherVersions(model)
        ui.goBackButton.visible = bool(others)
        ui.goBackButton.text = _("Use {version}").format(version=others[0]) if others else ""
        ui.removeButton.enabled = name in self._broken or (
            model is not None and not isElsewhere(model) and not _isShipped(model)
        )
        ui.installModelButton.text = _("Cancel") if self._isInstalling else _("Install")
        ui.installModelButton.enabled = self._isInstalling or bool(ui.sourceEdit.text.strip())
        for field in (ui.sourceEdit, ui.checksumEdit, ui.browseFolderButton, ui.browseZipButton):
            field.enabled = not self._isInstalling

    # --- versions ---------------------------------------------------------------------------------------

    def useOtherVersion(self, model: Model | None) -> None:
        """Use the version that a model was made from; the other way round for one that was made better."""
        from LandmarkDetectionLib.models import use_version

        others = _otherVersions(model)
        if model is None or not others:
            return
        self.context.actions.clearMessages()
        try:
            used = use_version(model.name, others[0])
        except LandmarkDetectionError as problem:
            self.message.error(str(problem))
        else:
            self.message.information(
                _("{name} {version} is in use.").format(name=used.name, version=used.version)
            )
        self.context.actions.refreshModels()

    # --- the card ---------------------------------------------------------------------------------------

    def _showSelectedCard(self) -> None:
        if (model := self._selectedModel()) is not None:
            self.showCard(model)

    def showCard(self, model: Model) -> None:
        """Show what the maker of a model says about it, in a window that can stay open."""
        text = _card(model)
        if not text:
            self.message.error(_("The model {name} has no readable card.").format(name=model.name))
            return
        if self._cardWindow is None:
            self._cardWindow = qt.QTextBrowser(self.widget)
            self._cardWindow.setWindowFlags(qt.Qt.Window)
            self._cardWindow.resize(640, 720)
            # A card comes with a model from anywhere: nothing in it is followed.
            self._cardWindow.setOpenLinks(False)
        self._cardWindow.setWindowTitle(_("Model card of {name}").format(name=model.name))
        self._cardWindow.setMarkdown(text)
        self._cardWindow.show()
        self._cardWindow.raise_()

    # --- installing and removing ------------------------------------------------------------------------

    def _onBrowseFolder(self, *_args: object) -> None:
        self._take(
            qt.QFileDialog.getExistingDirectory(self.widget, _("Folder of a model"), str(lastFolder()))
        )

    def _onBrowseZip(self, *_args: object) -> None:
        kinds = _("Models (*.zip)")
        self._take(qt.QFileDialog.getOpenFileName(self.widget, _("Model"), str(lastFolder()), kinds))

    def _take(self, path: str) -> None:
        if path:
            rememberFolder(path)
            self.ui.sourceEdit.text = path

    def _onInstall(self, *_args: object) -> None:
        if self._isInstalling:
            self._installer.cancel()
            return
        self.context.actions.clearMessages()
        self._isInstalling = True
        self._showButtons()
        self.message.information(_("Checking the model..."))
        request = Install(
            source=str(self.ui.sourceEdit.text).strip(), sha256=str(self.ui.checksumEdit.text).strip() or None
        )
        self._installer.request(request, self._onProgress, self._onInstalled, self._onInstallFailed)

    def _onProgress(self, fraction: float, text: str) -> None:
        self.message.information(f"{text[:1].upper()}{text[1:]}, {100 * fraction:.0f} %...")

    def _onInstalled(self, result: dict[str, Any]) -> None:
        self._endInstalling()
        self.ui.sourceEdit.text = self.ui.checksumEdit.text = ""
        self.message.information(
            _("{name} {version} is installed.").format(name=result["name"], version=result["version"])
        )
        if self.context.parameters is not None:
            self.context.parameters.modelName = result["name"]
        self.context.actions.refreshModels()

    def _onInstallFailed(self, kind: str, sentence: str) -> None:
        self._endInstalling()
        if kind == CANCELLED:
            self.message.information(_("Cancelled; no model was installed."))
        else:
            self.message.error(sentence)

    def _endInstalling(self) -> None:
        self._isInstalling = False
        self._showButtons()

    def _onRemove(self, *_args: object) -> None:
        from LandmarkDetectionLib.models import remove_model

        name = self._selectedName()
        if name is None:
            return
        self.context.actions.clearMessages()
        question = _("Delete the model {name} from this computer?").format(name=name)
        if not slicer.util.confirmOkCancelDisplay(question, windowTitle=_("Landmark Detection")):
            return
        try:
            remove_model(name)
        except LandmarkDetectionError as problem:
            self.message.error(str(problem))
        else:
            self.message.information(_("{name} was removed.").format(name=name))
        self.context.actions.refreshModels()

    def close(self) -> None:
        """The module is unloaded."""
        self._installer.close()
        if self._cardWindow is not None:
            self._cardWindow.close()


def _otherVersions(model: Model | None) -> list[str]:
    """Versions to change to, the likeliest first: the one it was made from, then those made from it."""
    # Before the import: the panel opens where packages are missing, and then no model is selected.
    if model is None or isElsewhere(model) or _isShipped(model):
        return []
    from LandmarkDetectionLib.models import model_versions, parent_version

    versions = [one for one in model_versions(model.name) if one.version != model.version]
    numbers = [one.version for one in versions]
    parent = parent_version(model)
    if parent in numbers:
        return [parent]
    return [one.version for one in versions if parent_version(one) == model.version] or numbers


def _isShipped(model: Model) -> bool:
    from LandmarkDetectionLib.models import ships_with_library

    return ships_with_library(model)


def _card(model: Model) -> str:
    """What the maker of a model says about it; empty when that cannot be read."""
    if isinstance(model, RemoteModel):
        return model.card
    from LandmarkDetectionLib.models.package import CARD

    try:
        return (model.path / CARD).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _originText(model: Model) -> str:
    if isElsewhere(model):
        return _("on the computer of the worker")
    return _("comes with the module") if _isShipped(model) else _("installed")
