"""Ways of search agents as curves in the scene, one for each landmark, in a folder of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import slicer
import vtk

from LandmarkDetectionLib.core.search_path import SearchPath
from LandmarkDetectionSlicer.scene.nodes import OWNER_ROLE

FOLDER = "Ways of the search agents"
#: As in pictures: blue to where a landmark was found, orange out of the volume.
STAYED, LEFT = (0x56 / 255, 0xB4 / 255, 0xE9 / 255), (0xF0 / 255, 0xA3 / 255, 0x0A / 255)


def keepWays(
    paths: Sequence[SearchPath],
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
) -> list[slicer.vtkMRMLMarkupsCurveNode]:
    """Put the ways of a detection into the scene, in place of those of an earlier one of the same landmarks.

    They are hidden until somebody opens their eye in Slicer's data tree: a dozen of them hide the image.
    """
    for node in waysTo(landmarkNode):
        slicer.mrmlScene.RemoveNode(node)
    return [_newCurve(path, volumeNode, landmarkNode) for path in paths]


def waysTo(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> list[slicer.vtkMRMLMarkupsCurveNode]:
    """The curves that belong to a landmark node."""
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsCurveNode")
    return [node for node in nodes if node.GetNodeReferenceID(OWNER_ROLE) == landmarkNode.GetID()]


def _newCurve(
    path: SearchPath,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
) -> slicer.vtkMRMLMarkupsCurveNode:
    name = f"way to {path.landmark}" + (", left the volume" if path.left else "")
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsCurveNode", name)
    node.SetNodeReferenceID(OWNER_ROLE, landmarkNode.GetID())
    node.SetUndoEnabled(True)  # they go and come back with the detection
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    node.SetCurveTypeToLinear()
    moved = np.r_[True, np.abs(np.diff(path.positions, axis=0)).max(axis=1) > 0]
    points = vtk.vtkPoints()
    for place in path.positions[moved]:
        points.InsertNextPoint(*place)
    node.SetControlPointPositionsWorld(points)
    node.SetLocked(True)
    node.SetFixedNumberOfControlPoints(True)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetGlyphScale(1.0)
    display.SetSelectedColor(*(LEFT if path.left else STAYED))
    _intoFolder(node)
    return node


def _intoFolder(node: slicer.vtkMRMLMarkupsCurveNode) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    if hierarchy is None:
        return
    top = hierarchy.GetSceneItemID()
    folder = hierarchy.GetItemChildWithName(top, FOLDER) or hierarchy.CreateFolderItem(top, FOLDER)
    # In an application the tree has an item for every node already.
    if item := hierarchy.GetItemByDataNode(node):
        hierarchy.SetItemParent(item, folder)
    else:
        hierarchy.CreateItem(folder, node)
