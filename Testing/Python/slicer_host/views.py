"""Slice views and a 3D view as far as nodes go: real MRML nodes and logics, nothing drawn."""

from typing import Any

import slicer
import vtk
from PySide6 import QtWidgets

_ORIENTATIONS = {"Red": "Axial", "Yellow": "Sagittal", "Green": "Coronal"}


class SliceView(QtWidgets.QWidget):
    """A slice view: ``sliceLogic()`` is the real one."""

    def __init__(self, name: str, orientation: str, scene: Any) -> None:
        super().__init__()
        self._logic = slicer.vtkMRMLSliceLogic()
        self._logic.SetMRMLScene(scene)
        node = self._logic.AddSliceNode(name)
        node.SetOrientation(orientation)
        node.SetDimensions(400, 400, 1)
        node.SetMappedInLayout(1)

    def sliceLogic(self) -> Any:
        return self._logic

    def mrmlSliceNode(self) -> Any:
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        return self._logic.GetSliceCompositeNode()

    def sliceController(self) -> "SliceView":
        return self

    def sliceView(self) -> "SliceView":
        return self

    def fitSliceToBackground(self) -> None:
        self._logic.FitSliceToBackground(400, 400)

    def setSliceVisible(self, visible: bool) -> None:
        self.mrmlSliceNode().SetSliceVisible(visible)

    def forceRender(self) -> None:
        """Nothing is drawn."""

    def scheduleRender(self) -> None:
        """Nothing is drawn."""


class ThreeDView(QtWidgets.QWidget):
    """The 3D view: its view node and camera node are real."""

    def __init__(self, scene: Any) -> None:
        super().__init__()
        self._view = slicer.vtkMRMLViewNode()
        self._view.SetSingletonTag("1")
        self._view.SetLayoutName("1")
        self._view.SetName("View1")
        scene.AddNode(self._view)
        self._camera = slicer.vtkMRMLCameraNode()
        self._camera.SetName("Default Scene Camera")
        self._camera.SetSingletonTag("1")
        self._camera.SetLayoutName("1")
        scene.AddNode(self._camera)

    def threeDView(self) -> "ThreeDView":
        return self

    def threeDController(self) -> "ThreeDView":
        return self

    def mrmlViewNode(self) -> Any:
        return self._view

    def cameraNode(self) -> Any:
        return self._camera

    def resetFocalPoint(self) -> None:
        """Needs what is drawn; nothing is."""

    def resetCamera(self) -> None:
        """Needs what is drawn; nothing is."""

    def forceRender(self) -> None:
        """Nothing is drawn."""

    def scheduleRender(self) -> None:
        """Nothing is drawn."""


class LayoutManager:
    """Three slice views and one 3D view, whatever layout is set."""

    def __init__(self, scene: Any, applicationLogic: Any) -> None:
        self._slices = {name: SliceView(name, how, scene) for name, how in _ORIENTATIONS.items()}
        self._threeD = ThreeDView(scene)
        self._logics = vtk.vtkCollection()
        for view in self._slices.values():
            self._logics.AddItem(view.sliceLogic())
        applicationLogic.SetSliceLogics(self._logics)
        self.layout = 0

    def mrmlSliceLogics(self) -> Any:
        return self._logics

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._slices)

    def sliceWidget(self, name: str) -> SliceView | None:
        return self._slices.get(name)

    @property
    def threeDViewCount(self) -> int:
        return 1

    def threeDWidget(self, index: int) -> ThreeDView | None:
        return self._threeD if index == 0 else None

    def activeMRMLThreeDViewNode(self) -> Any:
        return self._threeD.mrmlViewNode()

    def setLayout(self, layout: int) -> None:
        self.layout = layout

    def resetSliceViews(self) -> None:
        for view in self._slices.values():
            view.sliceLogic().FitSliceToAll(400, 400)

    def resetThreeDViews(self) -> None:
        """Needs what is drawn; nothing is."""
