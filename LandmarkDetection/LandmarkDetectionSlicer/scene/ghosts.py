"""Where landmarks were before they followed a correction: pale dots that stay until the next step."""

from __future__ import annotations

import slicer

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionSlicer.scene.colors import newHiddenPoints, setPoints

COLOR = "#ffffff"
OPACITY = 0.7
"""Seen on bone and on dark ground alike; a fainter grey was lost in the greys of an image."""
#: A landmark that moved less than this has no ghost.
LEAST_MM = 1.0
GHOST_ATTRIBUTE = "LandmarkDetection.ghosts"


class Ghosts:
    """The dots of one landmark node; made when they are first shown."""

    def __init__(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        self._landmarkNode = landmarkNode
        self._node: slicer.vtkMRMLMarkupsFiducialNode | None = None

    @property
    def node(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """The hidden point list; None while nothing was shown."""
        return self._node

    def show(self, before: LandmarkSet, now: LandmarkSet) -> int:
        """Mark where landmarks were that moved, both in the node's own coordinates; gives their number."""
        moved = [
            old.position
            for old, new in zip(before, now, strict=True)
            if old.is_present
            and not new.status.by_person
            and not (new.is_present and abs(old.position - new.position).max() < LEAST_MM)
        ]
        if moved and (self._node is None or not slicer.mrmlScene.IsNodePresent(self._node)):
            self._node = newHiddenPoints("Landmarks before", GHOST_ATTRIBUTE, COLOR, "Circle2D", 2.6)
            self._node.GetDisplayNode().SetOpacity(OPACITY)
        if self._node is not None:
            with slicer.util.NodeModify(self._node):
                self._node.SetAndObserveTransformNodeID(self._landmarkNode.GetTransformNodeID())
                setPoints(self._node, moved)
        return len(moved)

    def clear(self) -> None:
        """Show none."""
        if self._node is not None and slicer.mrmlScene.IsNodePresent(self._node):
            setPoints(self._node, [])

    def close(self) -> None:
        """Take the dots away."""
        node, self._node = self._node, None
        if node is not None and slicer.mrmlScene.IsNodePresent(node):
            slicer.mrmlScene.RemoveNode(node.GetDisplayNode())
            slicer.mrmlScene.RemoveNode(node)
