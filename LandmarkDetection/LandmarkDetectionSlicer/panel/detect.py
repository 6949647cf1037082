"""Choose a volume and a model, and find the landmarks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionSlicer import detecting, nodes, packages, sample_data, volumes
from LandmarkDetectionSlicer.panel.message import MessageLine
from LandmarkDetectionSlicer.panel.pictures import ReferenceBody
from LandmarkDetectionSlicer.parameters import DEFAULT_MODEL, Side

if TYPE_CHECKING:
    from LandmarkDetection import LandmarkDetectionWidget
    from LandmarkDetectionLib.model import Model
    from LandmarkDetectionLib.review import Review

PREVIEW_DELAY_MS = 300


class DetectSection:
    """The first section of the panel.

    Parameters
    ----------
    panel
        Whose logic, parameters and other sections it uses.
    widget
        Loaded from ``detect.ui``.
    """

    def __init__(self, panel: LandmarkDetectionWidget, widget: Any) -> None:
        self.panel = panel
        self.widget = widget
        self.ui = ui = slicer.util.childWidgetVariables(widget)
        self.message = MessageLine(ui.messageIcon, ui.messageText)
        self.run: Any = None
        self._models: list[Model] = []
        self._missing: tuple[packages.Package, ...] = ()
        self._body: ReferenceBody | None = None
        self._outcome: tuple[str, str] | None = None
        self._isResult = self._isCancelling = False
        self._previewTimer = qt.QTimer(widget)
        self._previewTimer.setSingleShot(True)
        self._previewTimer.setInterval(PREVIEW_DELAY_MS)
        self._previewTimer.connect("timeout()", self._requestPreview)
        ui.progressArea.visible = False
        widget.connect("contentsCollapsed(bool)", self._onCollapsed)
        ui.volumeSelector.setMRMLScene(slicer.mrmlScene)
        ui.sampleButton.connect("clicked(bool)", self._onLoadSample)
        ui.modelSelector.connect("currentIndexChanged(int)", self._onModelChosen)
        ui.landmarkList.connect("currentRowChanged(int)", self._onLandmarkListed)
        ui.aboutGroup.connect("toggled(bool)", self._onAboutToggled)
        ui.optionsGroup.connect("toggled(bool)", self._onOptionsToggled)
        ui.thresholdSlider.connect("valueChanged(double)", self._onThreshold)
        ui.cardButton.connect("clicked(bool)", lambda *_: self.panel.showCard(self.model))
        ui.detectButton.connect("clicked(bool)", self.detect)
        ui.cancelButton.connect("clicked(bool)", self.cancel)
        ui.installButton.connect("clicked(bool)", self._onInstallPackages)

    def _onCollapsed(self, isCollapsed: bool) -> None:
        if not isCollapsed:
            self._showState()
            self.message.refresh()

    # --- what is chosen ---------------------------------------------------------------------------------

    @property
    def model(self) -> Model | None:
        """The chosen model."""
        index = self.ui.modelSelector.currentIndex
        return self._models[index] if 0 <= index < len(self._models) else None

    def setModels(self, models: list[Model]) -> None:
        """Offer these models; the chosen one stays chosen while it is among them."""
        self._missing = packages.missingPackages()
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
        chosen = self.panel.parameters.modelName if self.panel.parameters is not None else ""
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
        self._showThreshold()
        self._showState()
        self.refreshPreview()

    def selectDefaults(self) -> None:
        """Save clicks: take the usual model, and the scene's only usable volume, when none is chosen."""
        parameters = self.panel.parameters
        if not parameters.modelName and self._models:
            names = [model.name for model in self._models]
            parameters.modelName = DEFAULT_MODEL if DEFAULT_MODEL in names else names[0]
        if parameters.inputVolume is not None:
            return
        usable = [node for node in self._volumesInScene() if volumes.refusal(node) is None]
        if len(usable) == 1:
            parameters.inputVolume = usable[0]

    def forgetOutcome(self) -> None:
        """The last run's result is no longer about what is chosen."""
        self._outcome = None

    def forgetTrouble(self) -> None:
        """What went wrong in the last run is over; what it found stays to be read."""
        if not self._isResult:
            self._outcome = None
        self._showState()

    def _volumesInScene(self) -> list[Any]:
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        return [node for node in nodes if not node.GetHideFromEditors()]

    def _problem(self) -> str | None:
        """Why a detection cannot start, in one sentence; None when it can."""
        parameters = self.panel.parameters
        if parameters is None:
            return _("The scene is being closed.")
        if parameters.inputVolume is None:
            if self._volumesInScene():
                return _("Select the volume to find landmarks in.")
            return _("Load a CT scan, or the sample, to begin.")
        if parameters.modelName in self.panel.brokenModels:
            return self.panel.brokenModels[parameters.modelName]
        if self.model is None and self._models:
            return _("The model {name} is not installed; choose another, or install it again.").format(
                name=parameters.modelName
            )
        if self.model is None:
            return _("There is no usable model; install one in the section Models.")
        return volumes.refusal(parameters.inputVolume) or self._misfit(parameters.inputVolume)

    def _misfit(self, volumeNode: Any) -> str | None:
        """Why this model cannot work on this volume, in one sentence; None when it can."""
        if not volumes.isSingleImage(volumeNode) or self.model.is_of_hands:
            return None
        return _("{volume} is a single image, and {model} needs a volume of several slices.").format(
            volume=volumeNode.GetName(), model=self.model.name
        )

    def _showState(self) -> None:
        ui = self.ui
        isRunning = self.run is not None
        missing = self._missing
        problem = None if missing else self._problem()
        ui.detectButton.visible = not isRunning
        ui.progressArea.visible = isRunning
        ui.detectButton.enabled = not missing and problem is None
        ui.installButton.visible = bool(missing) and not isRunning
        for chooser in (ui.volumeSelector, ui.modelSelector, ui.sampleButton, ui.optionsGroup):
            chooser.enabled = not isRunning
        if isRunning:
            return
        if self._outcome is not None:
            kind, sentence = self._outcome
            getattr(self.message, kind)(sentence)
        elif missing:
            self.message.warning(packages.missingSentence(missing))
        elif problem is not None:
            isHint = self.panel.parameters is None or self.panel.parameters.inputVolume is None
            (self.message.information if isHint else self.message.warning)(problem)
        elif remark := volumes.remark(self.panel.parameters.inputVolume):
            self.message.information(remark)
        else:
            self.message.clear()

    # --- model ------------------------------------------------------------------------------------------

    def _onModelChosen(self, *_args: object) -> None:
        if self.model is not None and self.panel.parameters is not None:
            self.panel.parameters.modelName = self.model.name
        self._showModel()

    def _showModel(self) -> None:
        model, ui = self.model, self.ui
        ui.aboutGroup.visible = model is not None
        ui.modelSummary.visible = model is not None
        self._showSide()
        self._body = None
        ui.landmarkList.clear()
        if model is not None:
            description = str(model.metadata.get("description", "")).strip()
            ui.modelSummary.text = _("{description} Version {version}.").format(
                description=description, version=model.version
            )
            for landmark in model.protocol.landmarks:
                ui.landmarkList.addItem(landmark.title)
        self._showAbout()
        self._showState()

    def _showSide(self) -> None:
        """Which hand it is matters to models of hands alone."""
        isOfHands = self.model is not None and self.model.is_of_hands
        self.ui.sideLabel.visible = self.ui.sideSelector.visible = isOfHands

    def _onOptionsToggled(self, *_args: object) -> None:
        # As with collapsed sections: what was to be hidden meanwhile comes out again.
        self._showSide()
        self.refreshPreview()

    def _onAboutToggled(self, *_args: object) -> None:
        self._showAbout()

    def _onLandmarkListed(self, *_args: object) -> None:
        self._showAbout()

    def _showAbout(self) -> None:
        ui, model = self.ui, self.model
        if model is None or ui.aboutGroup.collapsed:
            return
        if self._body is None:
            self._body = ReferenceBody(model)
        row = ui.landmarkList.currentRow
        chosen = model.protocol.landmarks[row] if 0 <= row < len(model.protocol.landmarks) else None
        picture = self._body.whole(120, 230, chosen.name if chosen else None)
        ui.modelPicture.visible = picture is not None
        if picture is not None:
            ui.modelPicture.setPixmap(picture)
        ui.landmarkDefinition.text = (
            chosen.definition if chosen else _("Select a landmark to see where it is.")
        )

    # --- threshold --------------------------------------------------------------------------------------

    def _showThreshold(self) -> None:
        """Range and value of the slider; the parameter is untouched by it."""
        slider, parameters = self.ui.thresholdSlider, self.panel.parameters
        if parameters is None:
            return
        slider.enabled = not parameters.automaticThreshold
        wasBlocked = slider.blockSignals(True)
        if parameters.inputVolume is not None and parameters.inputVolume.GetImageData() is not None:
            low, high = parameters.inputVolume.GetImageData().GetScalarRange()
            slider.minimum, slider.maximum = low, high
            slider.singleStep = max(1.0, round((high - low) / 1000))
        slider.value = parameters.threshold
        slider.blockSignals(wasBlocked)

    def _onThreshold(self, value: float) -> None:
        if self.panel.parameters is not None and not self.panel.parameters.automaticThreshold:
            self.panel.parameters.threshold = value

    @property
    def _threshold(self) -> float | None:
        parameters = self.panel.parameters
        return None if parameters.automaticThreshold else parameters.threshold

    def refreshPreview(self, *_args: object) -> None:
        """Ask for a new silhouette soon, if anybody looks at it."""
        if self._wantsPreview():
            self._previewTimer.start()
        else:
            self._previewTimer.stop()
            self.ui.silhouettePicture.visible = False

    def _wantsPreview(self) -> bool:
        return (
            not self.ui.optionsGroup.collapsed
            and self.run is None
            and not self._missing
            and self._problem() is None
        )

    def _requestPreview(self) -> None:
        if self._wantsPreview():
            detecting.previewSilhouette(
                self.panel.logic.worker,
                self.panel.parameters.inputVolume,
                self.model.name,
                self._threshold,
                str(self._picturePath()),
                self._onPreview,
                self._onPreviewFailed,
            )

    def _picturePath(self) -> Path:
        return Path(slicer.app.temporaryPath) / f"landmark-detection-silhouette-{os.getpid()}.png"

    def _onPreview(self, threshold: float, picturePath: str) -> None:
        parameters = self.panel.parameters
        if parameters is None or not self._wantsPreview():
            return
        if parameters.automaticThreshold:
            parameters.threshold = threshold
        label = self.ui.silhouettePicture
        picture = qt.QPixmap(picturePath)
        label.setPixmap(picture.scaled(260, 160, qt.Qt.KeepAspectRatio, qt.Qt.SmoothTransformation))
        label.visible = True

    def _onPreviewFailed(self, sentence: str) -> None:
        self.ui.silhouettePicture.text = sentence
        self.ui.silhouettePicture.visible = True

    # --- detection --------------------------------------------------------------------------------------

    def detect(self, *_args: object) -> None:
        """Start a detection with what is chosen."""
        self.panel.clearMessages()
        if self.run is not None:
            self.message.warning(_("A detection is already running; wait for it or cancel it."))
            return
        self.forgetOutcome()
        problem = self._problem()
        if problem is not None:
            self._end("warning", problem)
            return
        parameters = self.panel.parameters
        self.ui.progressBar.value = 0
        self.message.information(_("Starting..."))
        self._isCancelling = False
        run = self.panel.logic.startDetection(
            parameters.inputVolume,
            self.model.name,
            threshold=self._threshold,
            depth=parameters.depth.value or None,
            device=parameters.device.value,
            side=parameters.side.value if self.model.is_of_hands else Side.AUTOMATIC.value,
            keepReviewed=parameters.keepReviewed,
            onProgress=self._onProgress,
            onFinished=self._onFinished,
            onFailed=self._onFailed,
        )
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

    def close(self) -> None:
        """The module is unloaded."""
        self._previewTimer.stop()
        self._picturePath().unlink(missing_ok=True)

    def _onProgress(self, fraction: float, text: str, secondsLeft: float | None) -> None:
        self.ui.progressBar.value = round(100 * fraction)
        sentence = text[:1].upper() + text[1:]
        if secondsLeft is not None:
            sentence = _("{step}, about {seconds} s left").format(step=sentence, seconds=round(secondsLeft))
        self.message.information(sentence + "...")

    def _onFinished(self, landmarkNode: Any, summary: str) -> None:
        warnings = _warningsOfAll(nodes.loadReview(landmarkNode))
        kind = "warning" if warnings else "information"
        self._end(kind, " ".join((summary, *warnings)), isResult=True)
        self.panel.showLandmarks(landmarkNode)

    def _onFailed(self, sentence: str) -> None:
        self._end("information" if self._isCancelling else "error", sentence)

    def _end(self, kind: str, sentence: str, isResult: bool = False) -> None:
        self.run = None
        self._outcome = (kind, sentence)
        self._isResult = isResult
        self._showState()

    # --- what is missing --------------------------------------------------------------------------------

    def _onLoadSample(self, *_args: object) -> None:
        self.panel.clearMessages()
        self.forgetOutcome()
        try:
            node = sample_data.loadSample()
        except LandmarkDetectionError as problem:
            self._end("error", str(problem))
            return
        self.panel.parameters.inputVolume = node

    def _onInstallPackages(self, *_args: object) -> None:
        self.panel.clearMessages()
        self.forgetOutcome()
        try:
            advice = packages.ensurePackages()
        except LandmarkDetectionError as problem:
            self._outcome = ("error", str(problem))
        else:
            self._outcome = ("warning", advice) if advice else None
        self.panel.refreshModels()
        self.refresh()


def _warningsOfAll(review: Review) -> list[str]:
    """The warnings that speak of no landmark by name; the others are shown with their landmark."""
    ofOne = {warning for name in review.landmarks.names for warning in review.warnings_of(name)}
    return [warning for warning in review.prediction.warnings if warning not in ofOne]
