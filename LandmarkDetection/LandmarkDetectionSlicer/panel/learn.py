"""Keep what was corrected, and make models better by it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.requests import FineTune, Request, Train
from LandmarkDetectionSlicer.logic import annotating
from LandmarkDetectionSlicer.logic.remote_models import isElsewhere
from LandmarkDetectionSlicer.panel.context import loadForm
from LandmarkDetectionSlicer.panel.files import lastFolder
from LandmarkDetectionSlicer.panel.message import emptyPage
from LandmarkDetectionSlicer.process import packages
from LandmarkDetectionSlicer.process.worker import CANCELLED, BackgroundWorker
from LandmarkDetectionSlicer.scene.nodes import loadReview, volumeOf

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionSlicer.logic.volume_request import VolumeRequest
    from LandmarkDetectionSlicer.panel.context import PanelContext

STORE_SETTING = "LandmarkDetection/AnnotationStore"
REVIEWER_SETTING = "LandmarkDetection/Reviewer"


class LearnPage:
    """The page of the annotation store; its contents are built when somebody opens it.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.

    Attributes
    ----------
    options
        Further entries of the requests to the process that learns, for scripts: ``{"steps": 2000}``.
    """

    def __init__(self, context: PanelContext) -> None:
        self.context = context
        self.heading = _("Learn")
        self.widget, self.message = emptyPage()
        self.widget.layout().addStretch(1)
        self.ui: Any = None
        self._saving: VolumeRequest | None = None
        # Of its own: learning takes long, and must neither wait for a detection nor hold one up.
        self._learner = BackgroundWorker()
        self._isLearning = False
        self.options: dict[str, Any] = {}

    # --- set-up -----------------------------------------------------------------------------------------

    def build(self) -> None:
        """Load the contents, once."""
        if self.ui is not None:
            return
        contents = loadForm("learn")
        self.widget.layout().insertWidget(0, contents)
        self.ui = ui = slicer.util.childWidgetVariables(contents)
        settings = slicer.app.userSettings()
        ui.storeEdit.text = str(settings.value(STORE_SETTING) or "")
        ui.reviewerEdit.text = str(settings.value(REVIEWER_SETTING) or "")
        ui.storeEdit.connect("editingFinished()", self._onStore)
        ui.storeEdit.connect("textChanged(QString)", lambda *_args: self.refresh())
        ui.browseStoreButton.connect("clicked(bool)", self._onBrowse)
        ui.saveButton.connect("clicked(bool)", lambda *_args: self.save())
        ui.improveButton.connect("clicked(bool)", lambda *_args: self.improve())
        ui.backButton.connect("clicked(bool)", lambda *_args: self.goBack())
        ui.trainButton.connect("clicked(bool)", lambda *_args: self.train())
        ui.newModelEdit.connect("textChanged(QString)", lambda *_args: self.refresh())
        ui.cancelButton.connect("clicked(bool)", lambda *_args: self.cancel())
        self._onStore()

    def turned(self, isShown: bool) -> None:
        """It has come to the front, or has gone behind another."""
        if isShown:
            self.build()
            if problem := packages.needsInstalling():
                self.message.warning(problem)
            self.refresh()

    # --- what is shown ----------------------------------------------------------------------------------

    @property
    def store(self) -> str:
        """The folder that was chosen; empty for none."""
        return str(self.ui.storeEdit.text).strip() if self.ui is not None else ""

    @property
    def isLearning(self) -> bool:
        """Whether a model is being made."""
        return self._isLearning

    def refresh(self) -> None:
        """Enable what can be done."""
        ui = self.ui
        if ui is None:
            return
        parameters, model = self.context.parameters, self.context.chosenModel
        isInstalled = not packages.missingPackages()
        landmarks = parameters.landmarks if parameters is not None else None
        hasStore = bool(self.store) and isInstalled
        isThere = hasStore and landmarks is not None and volumeOf(landmarks) is not None
        ui.saveButton.enabled = isThere and self._saving is None
        ui.saveButton.toolTip = (
            _("Keep this review in the folder, for models to learn from.")
            if isThere
            else _("Choose a folder, and review the landmarks of a volume first.")
        )
        reason = _refusal(model)
        ui.improveButton.enabled = hasStore and reason is None and not self._isLearning
        ui.improveButton.text = (
            _("Improve {name}").format(name=model.name) if model is not None else _("Improve model")
        )
        ui.improveButton.toolTip = reason or _("Let the model learn from what is kept in the folder.")
        parent = _parent(model)
        ui.backButton.visible = parent is not None
        ui.backButton.text = _("Back to {version}").format(version=parent) if parent else ""
        ui.trainButton.enabled = hasStore and bool(ui.newModelEdit.text.strip()) and not self._isLearning
        ui.learningProgressBar.visible = ui.cancelButton.visible = self._isLearning

    def _onStore(self, *_args: object) -> None:
        slicer.app.userSettings().setValue(STORE_SETTING, self.store)
        self._showSummary()
        self.refresh()

    def _onBrowse(self, *_args: object) -> None:
        path = qt.QFileDialog.getExistingDirectory(
            self.widget, _("Folder of annotations"), self.store or str(lastFolder())
        )
        if path:
            self.ui.storeEdit.text = path
            self._onStore()

    def _showSummary(self) -> None:
        self.ui.summaryLabel.text = _summary(self.store)

    # --- saving -----------------------------------------------------------------------------------------

    def save(self) -> None:
        """Keep the review that is open."""
        self.build()
        self.context.actions.clearMessages()
        node, ui = self.context.chosen.landmarks, self.ui
        volumeNode = volumeOf(node)
        if volumeNode is None:
            return
        slicer.app.userSettings().setValue(REVIEWER_SETTING, str(ui.reviewerEdit.text))
        self.message.information(_("Saving the review..."))
        try:
            self._saving = annotating.saveAnnotation(
                self.context.logic.localWorker,
                volumeNode,
                node,
                self.store,
                self._protocol(node),
                reviewer=str(ui.reviewerEdit.text),
                comment=str(ui.commentEdit.text),
                seconds=self.context.logic.clock.seconds(node.GetID()),
                copyImage=ui.copyBox.checked,
                onDone=self._onSaved,
                onFailed=self._onNotSaved,
            )
        except LandmarkDetectionError as problem:
            self._onNotSaved(str(problem))
        if self._saving is not None and not self._saving.isActive:  # it failed at once
            self._saving = None
        self.refresh()

    def _protocol(self, node: slicer.vtkMRMLMarkupsFiducialNode) -> Protocol:
        """Of the landmarks: their model's, or the list they were placed by, or one of their names only."""
        from LandmarkDetectionLib.core.protocol import protocol_of_names

        review = loadReview(node)
        names, title = review.landmarks.names, review.landmarks.name
        lists = cast("list[Protocol]", self.context.logic.protocols(self.context.models.usable))
        known = [one for one in lists if one.names == names]
        made = [
            one.protocol
            for one in self.context.models.usable
            if one.name == review.prediction.model and set(names) <= set(one.protocol.names)
        ]
        titled = [one for one in known if one.title == title]
        return next(iter((*made, *titled, *known)), None) or protocol_of_names(names, title)

    def _onSaved(self, result: dict[str, Any]) -> None:
        self._saving = None
        self.ui.commentEdit.text = ""
        kept = (
            _("Saved, and held back to compare models on.")
            if result["split"] != "train"
            else _("Saved, to learn from.")
        )
        self.message.information(kept)
        self._showSummary()
        self.refresh()

    def _onNotSaved(self, sentence: str) -> None:
        self._saving = None
        self.message.error(sentence)
        self.refresh()

    # --- learning ---------------------------------------------------------------------------------------

    def improve(self) -> None:
        """Let the chosen model learn, and use what comes of it if it is better."""
        model = self.context.chosenModel
        if model is None:
            return
        self._begin(partial(FineTune, model=model.name, store=self.store), self._onImproved)

    def train(self) -> None:
        """Make a first model of what is in the folder."""
        name = str(self.ui.newModelEdit.text).strip()
        self._begin(partial(Train, name=name, store=self.store), self._onTrained)

    def cancel(self) -> None:
        """Stop learning; the same button goes on where it stopped."""
        self._learner.cancel()

    def goBack(self) -> None:
        """Use the version that the chosen model was made from."""
        self.context.actions.useOtherVersion(self.context.chosenModel)
        self.refresh()

    def _begin(self, ask: Callable[..., Request], onDone: Any) -> None:
        self.context.actions.clearMessages()
        device = self.context.chosen.device.value
        self._isLearning = True
        self.ui.learningProgressBar.value = 0
        self.message.information(_("Reading the annotations..."))
        self._learner.request(
            ask(device=device, **self.options), self._onProgress, onDone, self._onNotLearned
        )
        self.refresh()

    def _onProgress(self, share: float, text: str) -> None:
        self.ui.learningProgressBar.value = round(100 * share)
        self.message.information(f"{text[:1].upper()}{text[1:]}")

    def _onImproved(self, result: dict[str, Any]) -> None:
        self._end()
        if result["better"]:
            self.message.information(
                _("{name} {version} is in use. {sentence}").format(
                    name=result["model"], version=result["new version"], sentence=result["sentence"]
                )
            )
        else:
            self.message.warning(result["sentence"])
        self.context.actions.refreshModels()

    def _onTrained(self, result: dict[str, Any]) -> None:
        self._end()
        self.ui.newModelEdit.text = ""
        self.message.information(
            _("{name} {version} is installed; its card says how well it works.").format(**result)
        )
        if self.context.parameters is not None:
            self.context.parameters.modelName = result["name"]
        self.context.actions.refreshModels()

    def _onNotLearned(self, kind: str, sentence: str) -> None:
        self._end()
        if kind == CANCELLED:
            self.message.information(_("Stopped; the same button goes on from here. No model was changed."))
        else:
            self.message.error(sentence)

    def _end(self) -> None:
        self._isLearning = False
        self.refresh()

    def close(self) -> None:
        """The module is unloaded."""
        self._learner.close()


def _refusal(model: Model | None) -> str | None:
    """Why a model cannot be improved; None when it can."""
    if model is None:
        return _("Choose a model on the page Review first.")
    if isElsewhere(model):
        return _("Models learn on the computer that they are on, and this one is on that of the worker.")
    if not model.capabilities.learns:
        return _("Only models that were trained on annotated images learn from corrections; train one below.")
    return None


def _parent(model: Model | None) -> str | None:
    # Before the import: the panel opens where packages are missing, and then no model is selected.
    if model is None or isElsewhere(model):
        return None
    from LandmarkDetectionLib.models import parent_version

    return parent_version(model)


def _summary(store: str) -> str:
    """What a folder holds, in one line."""
    if not store:
        return _("Choose a folder to keep corrections in.")
    from LandmarkDetectionLib.datasets.annotations import is_store, summarise_store

    if not is_store(store):
        return _("The first review that is saved makes the folder.")
    try:
        found = summarise_store(store)
    except LandmarkDetectionError as problem:
        return str(problem)
    return _("Annotations: {count}; images: {images}, {held} of them held back. {title}").format(
        count=found.annotations, images=found.images, held=found.held_out, title=found.protocol
    )
