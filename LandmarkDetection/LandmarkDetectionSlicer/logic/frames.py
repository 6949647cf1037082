"""Coordinate frames of a landmark node: views turned into their axes, and the volume put into them.

Nothing is resampled: a view is turned, or a transform node moves volume and landmarks, and taking either back
leaves all as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import slicer

from LandmarkDetectionSlicer.logic.measuring import measuringFrame
from LandmarkDetectionSlicer.scene.nodes import loadWorldReview, volumeOf
from LandmarkDetectionSlicer.scene.views import centerOn

if TYPE_CHECKING:
    from LandmarkDetectionLib.alignment.frames import PlacedFrame
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.review import Review

ALIGNMENT = "LandmarkDetection.alignment"
"""Attribute of the transform node that puts a volume into a frame: the frame's name."""
ORIENTATION = "LandmarkDetection.orientation"
"""Attribute of a slice view: the orientation that it had before it was straightened."""


def placeFrames(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, protocol: Protocol, review: Review | None = None
) -> tuple[PlacedFrame, ...]:
    """The protocol's frames by the landmarks where they are in the world, each with a transform or a gap.

    Raises
    ------
    InputError
        The image of the landmarks does not fit the protocol.
    """
    from LandmarkDetectionLib.alignment.frames import place_frames

    review = loadWorldReview(landmarkNode) if review is None else review
    return place_frames(review.landmarks, protocol, measuringFrame(landmarkNode, protocol, review))


def straightenViews(frame: PlacedFrame) -> None:
    """Turn every slice view so that it cuts along the frame's axes, through its origin."""
    toRas = frame.transform.inverse
    for sliceNode in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        name = _orientationOf(sliceNode)
        if name is None:
            continue
        sliceNode.SetAttribute(ORIENTATION, name)
        preset = sliceNode.GetSliceOrientationPreset(name)
        axes = np.array([[preset.GetElement(row, column) for column in range(3)] for row in range(3)])
        matrix = sliceNode.GetSliceToRAS()
        turned = toRas.linear @ axes
        with slicer.util.NodeModify(sliceNode):
            for row in range(3):
                for column in range(3):
                    matrix.SetElement(row, column, float(turned[row, column]))
            sliceNode.UpdateMatrices()
    centerOn(frame.origin, None)


def showViewsAsScanned() -> None:
    """Turn straightened views back."""
    for sliceNode in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        name = sliceNode.GetAttribute(ORIENTATION)
        if name:
            sliceNode.SetOrientation(name)
            sliceNode.RemoveAttribute(ORIENTATION)


def areStraightened() -> bool:
    """Whether a view was turned and not turned back."""
    views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    return any(bool(sliceNode.GetAttribute(ORIENTATION)) for sliceNode in views)


def alignVolume(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, frame: PlacedFrame
) -> slicer.vtkMRMLTransformNode:
    """Put volume and landmarks into the frame: its origin at 0, its axes along those of the world.

    A transform node does it, above all transforms that are there already. A second alignment takes the place
    of the first. Gives the node.
    """
    node = alignmentOf(landmarkNode)
    before = np.eye(4)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        for child in _belongingTo(landmarkNode):
            top = _topmost(child)
            if top is not node:
                top.SetAndObserveTransformNodeID(node.GetID())
    else:
        before = slicer.util.arrayFromTransformMatrix(node)
    node.SetName(slicer.mrmlScene.GenerateUniqueName(frame.definition.title))
    node.SetAttribute(ALIGNMENT, frame.name)
    # The frame was placed where the first alignment has put everything.
    node.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(frame.transform.matrix @ before))
    centerOn(np.zeros(3), None)
    return node


def undoAlignment(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
    """Take the transform node away, so that volume and landmarks lie as before."""
    node = alignmentOf(landmarkNode)
    if node is not None:
        middle = np.linalg.inv(slicer.util.arrayFromTransformMatrix(node))[:3, 3]
        slicer.mrmlScene.RemoveNode(node)
        centerOn(middle, None)


def alignmentOf(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
) -> slicer.vtkMRMLTransformNode | None:
    """The transform node that aligns landmarks and their volume; None when they lie as scanned."""
    top = _topmost(landmarkNode)
    return top if top is not landmarkNode and top.GetAttribute(ALIGNMENT) else None


def _belongingTo(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
) -> list[slicer.vtkMRMLTransformableNode]:
    """The landmarks, their volume, and whatever other landmarks that has."""
    volumeNode = volumeOf(landmarkNode)
    if volumeNode is None:
        return [landmarkNode]
    others = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    return [volumeNode, landmarkNode, *(one for one in others if volumeOf(one) is volumeNode)]


def _topmost(node: slicer.vtkMRMLTransformableNode) -> slicer.vtkMRMLTransformableNode:
    while (parent := node.GetParentTransformNode()) is not None:
        node = parent
    return node


def _orientationOf(sliceNode: slicer.vtkMRMLSliceNode) -> str | None:
    """What a view shows, or showed before it was straightened; None for one that was turned by hand."""
    names = [
        sliceNode.GetOrientation(),
        sliceNode.GetAttribute(ORIENTATION),
        sliceNode.GetDefaultOrientation(),
    ]
    return next((name for name in names if name and sliceNode.HasSliceOrientationPreset(name)), None)
