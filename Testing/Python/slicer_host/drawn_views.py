"""The views as pictures, drawn off screen by Slicer's own displayable managers.

Nothing of the module under test is in here: what it puts into the scene is drawn as Slicer draws it. The
image of a slice comes from Slicer's slice logic; it is put below what the managers draw by VTK's mapper of
images, as Slicer's widget of a slice view does it, which is no part of the wheel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

Size = tuple[int, int]

SIZE: Size = (400, 400)
IN_SLICES = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
)
IN_SPACE = (
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
)


class DrawnViews:
    """The three slice views and the 3D view of a host, drawn.

    Parameters
    ----------
    host
        Whose scene is drawn.
    size
        Width and height of each view, in pixels.
    """

    def __init__(self, host: Any, size: Size = SIZE) -> None:
        app = host.app.applicationLogic()
        # Grey values need the scene's tables of colours, which Slicer's application brings.
        self._colors = slicer.vtkMRMLColorLogic()
        self._colors.SetMRMLApplicationLogic(app)
        self._colors.SetMRMLScene(host.scene)
        for name in ("Markups", "VolumeRendering"):
            logic = getattr(slicer.modules, name.lower()).logic()
            logic.SetMRMLApplicationLogic(app)
            app.SetModuleLogic(name, logic)
        layout = host.app.layoutManager()
        self._slices = {
            name: _Slice(app, layout.sliceWidget(name).sliceLogic(), size) for name in layout.sliceViewNames()
        }
        self._space = _Space(app, layout.threeDWidget(0).threeDView().mrmlViewNode(), size)

    def slice(self, name: str) -> np.ndarray:
        """(height, width, 3) uint8 of the slice view Red, Yellow or Green."""
        return self._slices[name].draw()

    def space(self) -> np.ndarray:
        """(height, width, 3) uint8 of the 3D view."""
        return self._space.draw()

    def pixel(self, name: str, place: npt.ArrayLike) -> tuple[float, float]:
        """Column and row of a slice view's picture at (3,) world RAS mm."""
        return self._slices[name].pixel(place)

    def press(self, name: str, place: npt.ArrayLike) -> None:
        """Take what lies at (3,) world RAS mm with the left button of the mouse, in a slice view."""
        for pixels in (3, 0):
            self._slices[name].send(vtk.vtkCommand.MouseMoveEvent, place, pixels)
        self._slices[name].send(vtk.vtkCommand.LeftButtonPressEvent, place)

    def move(self, name: str, place: npt.ArrayLike) -> None:
        """Move the mouse with its button held to (3,) world RAS mm."""
        self._slices[name].send(vtk.vtkCommand.MouseMoveEvent, place)

    def release(self, name: str, place: npt.ArrayLike) -> None:
        """Let the button go."""
        self._slices[name].send(vtk.vtkCommand.LeftButtonReleaseEvent, place)

    def close(self) -> None:
        """Let go of the scene."""
        for view in (*self._slices.values(), self._space):
            view.close()


class _View:
    """A window off screen, and Slicer's managers of what is drawn in it."""

    def __init__(self, app: Any, factory: Any, names: Sequence[str], node: Any, size: Size) -> None:
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(True)
        self.window.SetMultiSamples(4)
        self.window.SetSize(*size)
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


class _Slice(_View):
    """The image below, what the managers draw above."""

    def __init__(self, app: Any, logic: Any, size: Size) -> None:
        self._logic, self._node = logic, logic.GetSliceNode()
        logic.ResizeSliceNode(*size)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        super().__init__(app, factory, IN_SLICES, self._node, size)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self._image = vtk.vtkImageMapper()  # grey values have become colours before
        self._image.SetColorWindow(255)
        self._image.SetColorLevel(127.5)
        self._actor = vtk.vtkActor2D()
        self._actor.SetMapper(self._image)
        self._actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(self._actor)

    def draw(self) -> np.ndarray:
        connection = self._logic.GetImageDataConnection()
        self._image.SetInputConnection(connection)
        self._actor.SetVisibility(connection is not None)
        return super().draw()

    def pixel(self, place: npt.ArrayLike) -> tuple[float, float]:
        to_ras = slicer.util.arrayFromVTKMatrix(self._node.GetXYToRAS())
        x, y = (np.linalg.inv(to_ras) @ [*np.asarray(place, dtype=float), 1.0])[:2]
        return float(x), self.window.GetSize()[1] - 1 - float(y)

    def send(self, event: int, place: npt.ArrayLike, beside: int = 0) -> None:
        """An event of the mouse so many pixels beside a place."""
        column, row = self.pixel(place)
        pixel = column, self.window.GetSize()[1] - 1 - row
        data = slicer.vtkMRMLInteractionEventData()
        data.SetType(event)
        data.SetRenderer(self.renderer)
        data.SetViewNode(self._node)
        data.SetDisplayPosition([round(value) + beside for value in pixel])
        data.SetMouseMovedSinceButtonDown(True)
        manager = self.group.GetDisplayableManagerByClassName("vtkMRMLMarkupsDisplayableManager")
        if manager.CanProcessInteractionEvent(data, vtk.reference(0.0)):
            manager.ProcessInteractionEvent(data)


class _Space(_View):
    def __init__(self, app: Any, node: Any, size: Size) -> None:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        super().__init__(app, factory, IN_SPACE, node, size)
        node.SetBoxVisible(False)
        node.SetAxisLabelsVisible(False)

    def draw(self) -> np.ndarray:
        self.renderer.ResetCameraClippingRange()
        return super().draw()


def _array(image: vtk.vtkImageData) -> np.ndarray:
    width, height, _depth = image.GetDimensions()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
