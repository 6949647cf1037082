"""Where a node's own coordinates lie in the world."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from LandmarkDetectionLib.core.geometry import Affine


def linearToWorld(node: slicer.vtkMRMLTransformableNode) -> Affine:
    """From a node's RAS mm to world RAS mm, its parent transforms multiplied.

    The identity without a parent, and with a non-linear one: such a warp is not followed, what is found in
    the unwarped image moves with it.
    """
    parent = node.GetParentTransformNode()
    matrix = vtk.vtkMatrix4x4()
    if parent is not None and parent.IsTransformToWorldLinear():
        parent.GetMatrixTransformToWorld(matrix)
    return Affine(slicer.util.arrayFromVTKMatrix(matrix))


def isWarped(node: slicer.vtkMRMLTransformableNode) -> bool:
    """Whether a parent transform of the node is not linear."""
    parent = node.GetParentTransformNode()
    return parent is not None and not parent.IsTransformToWorldLinear()


def worldPosition(node: slicer.vtkMRMLTransformableNode, position: np.ndarray) -> np.ndarray:
    """(3,) mm of a node's own coordinates -> (3,) world RAS mm, warps included."""
    return worldPositions(node, np.asarray(position)[None])[0]


def worldPositions(node: slicer.vtkMRMLTransformableNode, positions: np.ndarray) -> np.ndarray:
    """(N, 3) mm of a node's own coordinates -> (N, 3) world RAS mm, warps included."""
    parent = node.GetParentTransformNode()
    if parent is None:
        return np.array(positions, dtype=np.float64)
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(parent, None, transform)
    return np.array([transform.TransformPoint(place) for place in positions.tolist()]).reshape(-1, 3)


def localPosition(node: slicer.vtkMRMLTransformableNode, position: np.ndarray) -> np.ndarray:
    """(3,) world RAS mm -> (3,) mm of a node's own coordinates, warps included."""
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(None, node.GetParentTransformNode(), transform)
    return np.array(transform.TransformPoint([float(value) for value in position]))
