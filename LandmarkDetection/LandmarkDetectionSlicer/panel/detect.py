"""Choose a volume and a model, and find the landmarks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionSlicer.logic.next_case import NextCaseRun, annotatedCase
from LandmarkDetectionSlicer.panel.message import MessageLine
from LandmarkDetectionSlicer.process import packages
from LandmarkDetectionSlicer.scene import nodes, sample_data, volumes
from LandmarkDetectionSlicer.scene.choices import Side
from LandmarkDetectionSlicer.scene.parameters import DEFAULT_MODEL

if TYPE_CHECKING:
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionSlicer.panel.context import PanelContext


class DetectSection:
    """The upper part of the page Review, and the button below it.

    Parameters
    ----------
    context
        What it needs of the rest of the panel.
    ui
        The widgets of ``review.ui``.

    Attributes
    ----------
    threshold
        Gives the value between air and body, None to estimate it; the settings say it.
    """

    def __init__(self, context: PanelContext, ui: Any) -> None:
        self.context = context
        self.ui = ui
        self.message = MessageLine(ui.detectMessageIcon, ui.detectMessageText)
        self.run: Any = None
        self.threshold: Callable[[], float | None] = lambda: None
        self._models: list[Model] = []
        self._missing: tuple[packages.Package, ...] = ()
        self._outcome: tuple[str, str] | None = None
        self._isResult = self._isCancelling = False
        ui.progressArea.visible = False
        ui.volumeSelector.setMRMLScene(slicer.mrmlScene)
        ui.sampleButton.connect("clicked(bool)", self._onLoadSample)
        ui.modelSelector.connect("currentIndexChanged(int)", self._onModelChosen)
        ui.detectButton.connect("clicked(bool)", self.detect)
        ui.asInOtherButton.connect("clicked(bool)", self.placeAsInOther)
        ui.cancelButton.connect("clicked(bool)", self.cancel)
        ui.installButton.connect("clicked(bool)", self._onInstallPackages)

    # --- what is chosen ---------------------------------------------------------------------------------

    @property
    def model(self) -> Model | None:
        """The chosen model."""
        index = self.ui.modelSelector.currentIndex
        return self._models[index] if 0 <= index < len(self._models) else None

    def setModels(self, models: list[Model]) -> None:
        """Offer these models; the chosen one stays chosen while it is among them."""
        # A worker elsewhere has what is needed.
        self._missing = packages.missingPackages() if self.context.logic.place is None else ()
        self._models = models
        selector = self.ui.modelSelector
        wasBlocked = selector.blockSignals(True)
        selector.clear()
        for model in models:
            selector.addItem(f"{model.protocol.title} ({model.name})")
        selector.blockSignals(wasBlocked)
        self._chooseModel()
        self._showModel()

    def _chooseModel(self) -> None:
        """Select what the parameters say; none when that model is not there."""
        names = [model.name for model in self._models]
        chosen = self.context.parameters.modelName if self.context.parameters is not None else ""
        selector = self.ui.modelSelector
        index = names.index(chosen) if chosen in names else -1
        if selector.currentIndex != index:
            wasBlocked = selector.blockSignals(True)
            selector.currentIndex = index
            selector.blockSignals(wasBlocked)
            self._showModel()

    def refresh(self) -> None:
        """Show what the parameters and the scene say, and what is missing for a detection."""
        self.ui.sampleButton.visible = not self._volumesInScene()
        self._chooseModel()
        self._showState()

    def selectDefaults(self) -> None:
        """Save clicks: take the usual model, and the scene's only usable volume, when none is chosen."""
        parameters = self.context.chosen
        if not parameters.modelName and self.context.models.usable:
            names = [model.name for model in self.context.models.usable]
            parameters.modelName = DEFAULT_MODEL if DEFAULT_MODEL in names else names[0]
        if parameters.inputVolume is not None:
            return
        usable = [node for node in self._volumesInScene() if volumes.refusal(node) is None]
        if len(usable) == 1:
            parameters.inputVolume = usable[0]

    def forgetOutcome(self) -> None:
        """The last run's result is no longer about what is chosen."""
        self._outcome = None
        self._isResult = False

    def forgetTrouble(self) -> None:
        """What went wrong in the last run is over; what it found stays to be read until it is reviewed."""
        parameters = self.context.parameters
        landmarkNode = parameters.landmarks if parameters is not None else None
        review = nodes.storedReview(landmarkNode) if landmarkNode is not None else None
        if not self._isResult or (review is not None and review.reviewed):
            self._outcome = None
        self._showState()

    def _volumesInScene(self) -> list[Any]:
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        return [node for node in nodes if not node.GetHideFromEditors()]

    def _problem(self) -> str | None:
        """Why a detection cannot start, in one sentence; None when it can."""
        parameters = self.context.parameters
        if parameters is None:
            return _("The scene is being closed.")
        if parameters.inputVolume is None:
            if self._volumesInScene():
                return _("Select the volume to find landmarks in.")
            return _("Load a CT scan, or the sample, to begin.")
        if not self.context.models.areRead:
            return _("Reading the models...")
        if parameters.modelName in self.context.models.broken:
            return self.context.models.broken[parameters.modelName]
        if self.model is None and self._models and not parameters.modelName:
            return _("Choose a model.")
        if self.model is None and self._models:
            return _("The model {name} is not installed; choose another, or install it again.").format(
                name=parameters.modelName
            )
        if self.model is None and self.context.logic.place is not None:
            return self.context.logic.remoteTrouble or _("Asking the worker elsewhere for its models...")
        if self.model is None:
            return _("There is no usable model; install one on the page Models.")
        return volumes.refusal(parameters.inputVolume) or misfit(self.model, parameters.inputVolume)

    def isReady(self) -> bool:
        """Whether everything is there for a detection."""
        return self.run is None and not self._missing and self._problem() is None

    def _showState(self) -> None:
        ui, parameters = self.ui, self.context.parameters
        isRunning = self.run is not None
        missing = self._missing
        problem = None if missing else self._problem()
        isReviewing = parameters is not None and parameters.landmarks is not None
        ui.detectButton.visible = not (isRunning or missing or isReviewing)
        ui.progressArea.visible = isRunning
        ui.detectButton.enabled = not missing and problem is None
        ui.installButton.visible = bool(missing) and not isRunning
        self._showOtherCase()
        for chooser in (ui.volumeSelector, ui.modelSelector, ui.startArea):
            chooser.enabled = not isRunning
        if isRunning:
            return
        if self._outcome is not None:
            kind, sentence = self._outcome
            getattr(self.message, kind)(sentence)
        elif missing:
            self.message.warning(packages.missingSentence(missing))
        elif problem is not None:
            isHint = parameters is None or parameters.inputVolume is None or not self.context.models.areRead
            (self.message.information if isHint else self.message.warning)(problem)
        elif remark := volumes.remark(self.context.chosen.inputVolume):
            self.message.information(remark)
        else:
            self.message.clear()

    def _showOtherCase(self) -> None:
        """Offer the points of a case that a person annotated, where this one lacks them."""
        button, parameters = self.ui.asInOtherButton, self.context.parameters
        other = annotatedCase(parameters.inputVolume) if parameters is not None else None
        volume = nodes.volumeOf(other) if other is not None else None
        button.visible = volume is not None
        if other is not None and volume is not None:
            button.text = _("Look for {list} as in {case}").format(
                list=other.GetAttribute(nodes.MODEL_ATTRIBUTE), case=volume.GetName()
            )

    # --- model ------------------------------------------------------------------------------------------

    def _onModelChosen(self, *_args: object) -> None:
        if self.model is not None and self.context.parameters is not None:
            self.context.parameters.modelName = self.model.name
        self._showModel()

    def _showModel(self) -> None:
        model = self.model
        self.ui.modelSelector.toolTip = (
            _("{description} Version {version}.").format(
                description=str(model.metadata.get("description", "")).strip(), version=model.version
            )
            if model is not None
            else _("Which landmarks are found, and by which networks.")
        )
        self._showState()

    # --- detection --------------------------------------------------------------------------------------

    def detect(self, *_args: object) -> None:
        """Start a detection with what is chosen."""
        self.context.actions.clearMessages()
        if self.run is not None:
            self.message.warning(_("A detection is already running; wait for it or cancel it."))
            return
        self.forgetOutcome()
        problem = self._problem()
        if problem is not None:
            self._end("warning", problem)
            return
        parameters, model = self.context.chosen, self.model
        if model is None:
            return
        self.ui.progressBar.value = 0
        self.message.information(_("Starting..."))
        self._isCancelling = False
        run = self.context.logic.startDetection(
            parameters.inputVolume,
            model.name,
            threshold=self.threshold(),
            depth=(parameters.depth.value or None) if model.capabilities.chooses_depth else None,
            device=parameters.device.value,
            side=parameters.side.value if model.capabilities.of_hands else Side.AUTOMATIC.value,
            keepReviewed=parameters.keepReviewed,
            onProgress=self._onProgress,
            onFinished=self._onFinished,
            onFailed=self._onFailed,
        )
        if run.isActive:
            self.run = run
            self._showState()

    def placeAsInOther(self, *_args: object) -> None:
        """Look for the places that a person set in another case."""
        self.context.actions.clearMessages()
        volumeNode = self.context.chosen.inputVolume
        other = annotatedCase(volumeNode) if self.run is None else None
        if other is None:
            return
        self.forgetOutcome()
        if problem := packages.needsInstalling():
            self._end("warning", problem)
            return
        self._begin(
            NextCaseRun(
                self.context.logic.localWorker,
                other,
                volumeNode,
                onProgress=self._onProgress,
                onFinished=self._onFinished,
                onFailed=self._onFailed,
            )
        )

    def _begin(self, run: Any) -> None:
        self.ui.progressBar.value = 0
        self.message.information(_("Starting..."))
        self._isCancelling = False
        run.start()
        if run.isActive:
            self.run = run
            self._showState()

    def cancel(self, *_args: object) -> None:
        """Stop the detection that is running, if there is one."""
        if self.run is not None:
            self._isCancelling = True
            self.run.cancel()

    def stop(self, sentence: str) -> None:
        """Stop the detection that is running, if there is one, and say why."""
        if self.run is not None:
            self.run.cancel()
            self._end("warning", sentence)

    def _onProgress(self, fraction: float, text: str, secondsLeft: float | None) -> None:
        self.ui.progressBar.value = round(100 * fraction)
        sentence = text[:1].upper() + text[1:]
        if secondsLeft is not None:
            sentence = _("{step}, about {seconds} s left").format(step=sentence, seconds=round(secondsLeft))
        self.message.information(sentence + "...")

    def _onFinished(self, landmarkNode: Any, summary: str) -> None:
        if self.run is None:  # the scene was closed meanwhile
            return
        # What it warns of stands above the list of its landmarks, for as long as it holds.
        self._end("information", summary, isResult=True)
        self.context.actions.showLandmarks(landmarkNode)

    def _onFailed(self, sentence: str) -> None:
        self._end("information" if self._isCancelling else "error", sentence)

    def _end(self, kind: str, sentence: str, isResult: bool = False) -> None:
        self.run = None
        self._outcome = (kind, sentence)
        self._isResult = isResult
        self._showState()

    # --- what is missing --------------------------------------------------------------------------------

    def _onLoadSample(self, *_args: object) -> None:
        self.context.actions.clearMessages()
        self.forgetOutcome()
        try:
            node = sample_data.loadSample()
        except LandmarkDetectionError as problem:
            self._end("error", str(problem))
            return
        self.context.chosen.inputVolume = node

    def _onInstallPackages(self, *_args: object) -> None:
        self.context.actions.clearMessages()
        self.forgetOutcome()
        try:
            advice = packages.ensurePackages()
        except LandmarkDetectionError as problem:
            self._outcome = ("error", str(problem))
        else:
            self._outcome = ("warning", advice) if advice else None
        self.context.actions.refreshModels()
        self.refresh()


def misfit(model: Model, volumeNode: Any) -> str | None:
    """Why a model cannot work on a volume, in one sentence; None when it can."""
    isSingle = volumes.isSingleImage(volumeNode)
    if isSingle and not model.capabilities.single_images:
        sentence = _("{volume} is a single image, and {model} needs a volume of several slices.")
    elif not isSingle and not model.capabilities.volumes:
        sentence = _("{volume} has several slices, and {model} needs a radiograph or a single slice.")
    elif model.capabilities.channels > 1:
        sentence = _(
            "{model} needs several images of a case at once: run landmark-detection detect --channel."
        )
    else:
        return None
    return sentence.format(volume=volumeNode.GetName(), model=model.name)
