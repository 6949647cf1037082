"""What the 3D view shows of an image: the skin and, in CT, the bones.

Surfaces of a coarsened image take a fraction of a second and draw at once on any processor, which volume
rendering without a graphics card does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from LandmarkDetectionLib.typing import FloatArray

MOST_VOXELS = 1_500_000
BONE_HU = 220.0
SKIN_HU = -300.0
ATTRIBUTE = "LandmarkDetection.surface"
SKIN_COLOR, BONE_COLOR = (0.87, 0.72, 0.62), (0.95, 0.92, 0.84)


@dataclass(frozen=True)
class Surface:
    """A surface of an image, in world RAS mm."""

    name: str
    mesh: vtk.vtkPolyData
    color: tuple[float, float, float]
    opacity: float


def surfaces(voxels: np.ndarray, ijk_to_ras: FloatArray) -> list[Surface]:
    """The surfaces of a volume; works on arrays alone, so that a thread may do it.

    Parameters
    ----------
    voxels : (K, J, I)
        Values as stored.
    ijk_to_ras : (4, 4)
        To world RAS mm.
    """
    step = max(1, round((voxels.size / MOST_VOXELS) ** (1 / 3)))
    coarse = np.pad(np.asarray(voxels[::step, ::step, ::step], np.float32), 1, mode="edge")
    coarse = np.nan_to_num(coarse, nan=float(np.nanmin(coarse)))
    low, high = np.percentile(coarse, (1, 99.5))
    # Closed where the image ends.
    for axis in range(3):
        for end in (0, -1):
            np.moveaxis(coarse, axis, 0)[end] = coarse.min()
    isCT = low < -500
    skin = SKIN_HU if isCT else float(low + 0.12 * (high - low))
    found = [Surface("Skin", _mesh(coarse, skin, ijk_to_ras, step), SKIN_COLOR, 0.22 if isCT else 0.4)]
    if isCT and high > BONE_HU:
        found.append(Surface("Bones", _mesh(coarse, BONE_HU, ijk_to_ras, step), BONE_COLOR, 1.0))
    return [one for one in found if one.mesh.GetNumberOfCells()]


def _mesh(coarse: np.ndarray, value: float, ijk_to_ras: FloatArray, step: int) -> vtk.vtkPolyData:
    image = vtk.vtkImageData()
    image.SetDimensions(*coarse.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(coarse.ravel(), deep=True))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, value)
    contour.ComputeNormalsOff()
    # Padding has moved the first voxel by one.
    toImage = np.diag([step, step, step, 1.0])
    toImage[:3, 3] = -step
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy((ijk_to_ras @ toImage).ravel().tolist())
    transform = vtk.vtkTransform()
    transform.SetMatrix(matrix)
    placed = vtk.vtkTransformPolyDataFilter()
    placed.SetInputConnection(contour.GetOutputPort())
    placed.SetTransform(transform)
    normals = vtk.vtkPolyDataNormals()
    normals.SetInputConnection(placed.GetOutputPort())
    normals.SplittingOff()
    normals.AutoOrientNormalsOn()
    normals.Update()
    return normals.GetOutput()


def show(found: list[Surface]) -> None:
    """Put surfaces into the scene in the place of those before: hidden from lists, deaf to the mouse."""
    clear()
    for one in found:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLModelNode")
        node.UnRegister(None)
        node.SetName(one.name)
        node.SetAttribute(ATTRIBUTE, "1")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        node.SetSelectable(False)
        slicer.mrmlScene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        node.SetAndObservePolyData(one.mesh)
        display = node.GetDisplayNode()
        display.SetColor(*one.color)
        display.SetOpacity(one.opacity)
        display.SetVisibility2D(False)
        display.SetBackfaceCulling(one.opacity < 1)


def clear() -> None:
    """Take them out of the scene."""
    for node in slicer.util.getNodesByClass("vtkMRMLModelNode"):
        if node.GetAttribute(ATTRIBUTE):
            slicer.mrmlScene.RemoveNode(node.GetDisplayNode())
            slicer.mrmlScene.RemoveNode(node)
