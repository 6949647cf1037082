"""The 3D view as a picture, drawn off screen by Slicer's own displayable managers.

Nothing of the module under test is in here: what it puts into the scene is drawn as Slicer draws it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

SIZE = 400
IN_SPACE = (
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
)


class DrawnView:
    """The 3D view of a host, drawn.

    Parameters
    ----------
    host
        Whose scene is drawn.
    """

    def __init__(self, host: Any) -> None:
        self._app = host.app.applicationLogic()
        for name in ("Markups", "VolumeRendering"):
            logic = getattr(slicer.modules, name.lower()).logic()
            logic.SetMRMLApplicationLogic(self._app)
            self._app.SetModuleLogic(name, logic)
        layout = host.app.layoutManager()
        self._space = _Space(self._app, layout.threeDWidget(0).threeDView().mrmlViewNode())

    def space(self) -> np.ndarray:
        """(400, 400, 3) uint8 of the 3D view."""
        return self._space.draw()

    def close(self) -> None:
        """Let go of the scene."""
        self._space.close()


class _View:
    """A window off screen, and Slicer's managers of what is drawn in it."""

    def __init__(self, app: Any, factory: Any, names: tuple[str, ...], node: Any) -> None:
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(True)
        self.window.SetMultiSamples(4)
        self.window.SetSize(SIZE, SIZE)
        self.window.AddRenderer(self.renderer)
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        factory.SetMRMLApplicationLogic(app)
        for name in names:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.Initialize(factory, self.renderer)
        self.group.SetMRMLDisplayableNode(node)

    def draw(self) -> np.ndarray:
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        return _array(grab.GetOutput())[::-1, :, :3].copy()

    def close(self) -> None:
        self.group.SetMRMLDisplayableNode(None)
        # Slicer's manager of volume rendering crashes when it is deleted outside an application (5.12), so
        # what was drawn with stays until the process ends.
        for one in (self.group, self.renderer, self.window, self.interactor):
            one.Register(None)


class _Space(_View):
    def __init__(self, app: Any, node: Any) -> None:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        super().__init__(app, factory, IN_SPACE, node)
        node.SetBoxVisible(False)
        node.SetAxisLabelsVisible(False)

    def draw(self) -> np.ndarray:
        self.renderer.ResetCameraClippingRange()
        return super().draw()


def _array(image: vtk.vtkImageData) -> np.ndarray:
    width, height, _depth = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
