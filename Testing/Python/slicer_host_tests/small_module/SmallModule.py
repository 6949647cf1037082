"""A small scripted module that uses what panels use; the host is tested with it."""

import enum
from typing import Annotated, Optional

import qt
import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import *  # noqa: F403
from slicer.util import VTKObservationMixin


class SmallModule(ScriptedLoadableModule):  # noqa: F405
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)  # noqa: F405
        parent.title = _("Small module")
        parent.categories = ["Testing"]
        self.started = False
        slicer.app.connect("startupCompleted()", self.onStarted)

    def onStarted(self):
        self.started = True


class Device(enum.Enum):
    CPU = "cpu"
    GPU = "cuda"

    def label(self):
        return {"cpu": _("Processor"), "cuda": _("Graphics card")}[self.value]


@parameterNodeWrapper
class SmallParameterNode:
    inputVolume: vtkMRMLScalarVolumeNode
    threshold: Annotated[float, WithinRange(-1000, 1000)] = -300
    invert: bool = False
    title: str = "untitled"
    count: int = 3
    method: Annotated[str, Choice(["mean", "network"])] = "mean"
    device: Device = Device.CPU
    depth: Optional[float] = None  # noqa: UP045


class SmallModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):  # noqa: F405
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)  # noqa: F405
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._tag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)  # noqa: F405
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/SmallModule.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = SmallModuleLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.applyButton.connect("clicked(bool)", self.onApply)
        self.ui.inputSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onNode)
        shortcut = qt.QShortcut(qt.QKeySequence("A"), self.parent)
        shortcut.connect("activated()", self.onShortcut)
        self.shortcuts = 0
        self.initializeParameterNode()

    def cleanup(self):
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode):
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._tag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.updateGui)
        self._parameterNode = parameterNode
        if self._parameterNode:
            named = {widget.property("SlicerParameterName"): widget for widget in vars(self.ui).values()}
            self._tag = self._parameterNode.connectParametersToGui({n: w for n, w in named.items() if n})
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.updateGui)
            self.updateGui()

    def updateGui(self, caller=None, event=None):
        self.ui.applyButton.enabled = self._parameterNode.inputVolume is not None

    def onNode(self, node):
        self.lastNode = node

    def onShortcut(self):
        self.shortcuts += 1

    def onApply(self, checked=False):
        with slicer.util.tryWithErrorDisplay(_("Failed."), waitCursor=True):
            self.ui.resultLabel.text = self.logic.describe(self._parameterNode.inputVolume)
            slicer.util.showStatusMessage(_("Done"))


class SmallModuleLogic(ScriptedLoadableModuleLogic):  # noqa: F405
    def getParameterNode(self):
        return SmallParameterNode(super().getParameterNode())

    def describe(self, volumeNode):
        return f"{volumeNode.GetName()}: {slicer.util.arrayFromVolume(volumeNode).shape}"
