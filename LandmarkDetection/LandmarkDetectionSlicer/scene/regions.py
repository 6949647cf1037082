"""Where the selected landmark may be: the region that holds it with 95 %, cut by the slices into rings."""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from LandmarkDetectionLib.core.landmarks import Landmark
from LandmarkDetectionLib.quality.conformal import LEVEL, gaussian_radius
from LandmarkDetectionSlicer.scene.colors import mark

REGION_ATTRIBUTE = "LandmarkDetection.region"
#: Spread along an axis that is a smaller share of the largest is none: a radiograph has no depth.
FLAT = 1e-6
LARGEST_IN_3D_MM = 500.0
"""Diagonal of the box of a region; a larger one fills the 3D view, and all landmarks look pale in it."""


class Region:
    """The ellipsoid of one landmark of a node; made when it is first shown.

    Parameters
    ----------
    landmarkNode
        Whose coordinates landmarks are in.
    """

    def __init__(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        self._landmarkNode = landmarkNode
        self._node: slicer.vtkMRMLModelNode | None = None

    @property
    def node(self) -> slicer.vtkMRMLModelNode | None:
        """The hidden surface; None while nothing was shown."""
        return self._node

    def show(self, landmark: Landmark | None) -> None:
        """Draw a landmark's region; none for one without a spread, such as what a person placed."""
        if landmark is None or not landmark.is_present or landmark.covariance is None:
            if self._node is not None and slicer.mrmlScene.IsNodePresent(self._node):
                self._node.GetDisplayNode().SetVisibility(False)
            return
        if self._node is None or not slicer.mrmlScene.IsNodePresent(self._node):
            self._node = _newSurface()
        self._node.SetAndObserveTransformNodeID(self._landmarkNode.GetTransformNodeID())
        surface = ellipsoid(landmark.position, landmark.covariance)
        self._node.SetAndObservePolyData(surface)
        display, color = self._node.GetDisplayNode(), mark(landmark.status)[0]
        display.SetVisibility3D(surface.GetLength() <= LARGEST_IN_3D_MM)
        display.SetColor(*(int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)))
        display.SetVisibility(True)

    def close(self) -> None:
        """Take it away."""
        node, self._node = self._node, None
        if node is not None and slicer.mrmlScene.IsNodePresent(node):
            slicer.mrmlScene.RemoveNode(node.GetDisplayNode())
            slicer.mrmlScene.RemoveNode(node)


def ellipsoid(position: np.ndarray, covariance: np.ndarray) -> vtk.vtkPolyData:
    """The surface of the region about (3,) mm with a covariance (3, 3) mm^2.

    Of a radiograph, without spread in depth, it is as thick as its narrower half, so that its plane cuts it.
    """
    variances, axes = np.linalg.eigh(covariance)
    variances = np.clip(variances, 0, None)
    flat = variances[0] <= FLAT * variances[-1]
    if flat:
        variances[0] = variances[1]
    source = vtk.vtkSphereSource()
    source.SetRadius(1.0)
    source.SetThetaResolution(48)
    source.SetPhiResolution(25)
    source.Update()
    surface = source.GetOutput()
    unit = vtk_to_numpy(surface.GetPoints().GetData()).astype(np.float64)
    reach = gaussian_radius(LEVEL, 2 if flat else 3) * np.sqrt(variances)
    places = np.asarray(position) + (unit * reach) @ axes.T
    points = vtk.vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(places), deep=True))
    surface.SetPoints(points)
    return surface


def _newSurface() -> slicer.vtkMRMLModelNode:
    """Only drawn: hidden from people's lists, deaf to the mouse, never saved."""
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLModelNode")
    node.UnRegister(None)
    node.SetName("Region of the landmark")
    node.SetAttribute(REGION_ATTRIBUTE, "1")
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetSelectable(False)
    slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetVisibility2D(True)
    display.SetSliceIntersectionThickness(2)
    display.SetOpacity(0.3)
    return node
