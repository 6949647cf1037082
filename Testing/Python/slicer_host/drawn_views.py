"""Slice and 3D views as pictures, drawn off screen by Slicer's own displayable managers.

Nothing of the module under test is in here: what it puts into the scene is drawn as Slicer draws it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

SIZE = 400
IN_SLICES = ("vtkMRMLModelSliceDisplayableManager", "vtkMRMLMarkupsDisplayableManager")
IN_SPACE = (
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
)


class DrawnViews:
    """The views of a host, drawn.

    Parameters
    ----------
    host
        Whose scene is drawn; the three slice views and the 3D view of its layout.
    """

    def __init__(self, host: Any) -> None:
        self._app = host.app.applicationLogic()
        colors = slicer.vtkMRMLColorLogic()  # grey values need the scene's tables of colours
        colors.SetMRMLApplicationLogic(self._app)
        colors.SetMRMLScene(host.scene)
        self._colors = colors
        for display in slicer.util.getNodesByClass("vtkMRMLScalarVolumeDisplayNode"):
            if display.GetColorNode() is None:  # made before the tables were there
                display.SetDefaultColorMap()
        for name in ("Markups", "VolumeRendering"):
            logic = getattr(slicer.modules, name.lower()).logic()
            logic.SetMRMLApplicationLogic(self._app)
            self._app.SetModuleLogic(name, logic)
        layout = host.app.layoutManager()
        self._slices = {
            name: _Slice(self._app, layout.sliceWidget(name).sliceLogic()) for name in layout.sliceViewNames()
        }
        self._space = _Space(self._app, layout.threeDWidget(0).threeDView().mrmlViewNode())

    def slice(self, name: str) -> np.ndarray:
        """(400, 400, 3) uint8 of the slice view Red, Yellow or Green."""
        return self._slices[name].draw()

    def space(self) -> np.ndarray:
        """(400, 400, 3) uint8 of the 3D view."""
        return self._space.draw()

    def four(self) -> np.ndarray:
        """(800, 800, 3) uint8: Red and 3D above Yellow and Green, as Slicer lays them out at first."""
        above = np.hstack([self.slice("Red"), self.space()])
        return np.vstack([above, np.hstack([self.slice("Yellow"), self.slice("Green")])])

    def close(self) -> None:
        """Let go of the scene."""
        for view in (*self._slices.values(), self._space):
            view.close()


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


class _Slice(_View):
    """The image below, the landmarks above."""

    def __init__(self, app: Any, logic: Any) -> None:
        self._logic = logic
        logic.GetSliceNode().SetDimensions(SIZE, SIZE, 1)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        super().__init__(app, factory, IN_SLICES, logic.GetSliceNode())
        self.renderer.SetLayer(1)
        self.window.SetNumberOfLayers(2)
        below = vtk.vtkRenderer()
        below.SetLayer(0)
        self.window.AddRenderer(below)
        self._actor = vtk.vtkImageActor()
        self._actor.InterpolateOff()
        below.AddActor(self._actor)
        camera = below.GetActiveCamera()
        camera.ParallelProjectionOn()
        middle = (SIZE - 1) / 2
        camera.SetFocalPoint(middle, middle, 0)
        camera.SetPosition(middle, middle, 10)
        camera.SetParallelScale(SIZE / 2)

    def draw(self) -> np.ndarray:
        self._logic.UpdatePipeline()
        connection = self._logic.GetImageDataConnection()
        self._actor.SetVisibility(connection is not None)
        if connection is not None:
            connection.GetProducer().Update()
            self._actor.SetInputData(connection.GetProducer().GetOutputDataObject(0))
        return super().draw()


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
