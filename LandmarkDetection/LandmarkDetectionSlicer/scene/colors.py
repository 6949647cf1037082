"""How a landmark's status looks: one colour and one shape each, apart for every kind of colour blindness.

Markups colour all points of a list alike, but for selected and unselected ones, and all have one shape. So
each status has a point list of its own, drawn over the landmarks: hidden from people's lists, deaf to the
mouse, never saved, and following the landmarks' own node, which alone is the truth. A list for each status is
also the only way to different shapes, and four lists of at most some dozen points cost nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import slicer
import vtk
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.io.markups import parse_description
from LandmarkDetectionSlicer.scene.nodes import POINTS_CHANGED, readPositions

SYMBOLS = {
    "circle": "\N{BLACK CIRCLE}",
    "triangle": "\N{BLACK UP-POINTING TRIANGLE}",
    "diamond": "\N{BLACK DIAMOND}",
    "square": "\N{BLACK SQUARE}",
    "ring": "\N{WHITE CIRCLE}",
}
"""Each shape as a character, for texts."""

MARKER_ATTRIBUTE = "LandmarkDetection.statusMarkers"

# The palette of Okabe and Ito.
_MARKS = {
    Status.DETECTED: ("#56b4e9", "circle"),
    Status.UNCERTAIN: ("#e69f00", "triangle"),
    Status.CORRECTED: ("#cc79a7", "diamond"),
    Status.ACCEPTED: ("#009e73", "square"),
    Status.ABSENT: ("#8b98a5", "ring"),
    Status.MISSING: ("#8b98a5", "ring"),
}
# The glyph of each shape, and its size for all to look equally large. The landmarks' own crosses (size 4)
# stick out behind them: they show the exact place, and which one is active.
_GLYPHS = {
    "circle": ("Circle2D", 2.6),
    "triangle": ("Triangle2D", 4.2),
    "diamond": ("Diamond2D", 3.8),
    "square": ("Square2D", 2.6),
}


def mark(status: Status) -> tuple[str, str]:
    """The colour (``#rrggbb``) and the shape (a key of :data:`SYMBOLS`) of a status."""
    return _MARKS[status]


class StatusMarkers(VTKObservationMixin):
    """Draws the status of every landmark over its point, until closed.

    Parameters
    ----------
    landmarkNode
        Whose points are marked, with their status in the descriptions.
    """

    def __init__(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        super().__init__()
        self._markers: dict[Status, slicer.vtkMRMLMarkupsFiducialNode] = {}
        self.follow(landmarkNode)

    def follow(self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
        """Mark the points of another node from now on: new lists would cost far more than other points."""
        self.removeObservers()
        self._node = landmarkNode
        if not self._markers:
            self._markers = {status: _newMarkers(status) for status in _MARKS if status.has_position}
        scene = slicer.mrmlScene
        for event in (*POINTS_CHANGED, landmarkNode.TransformModifiedEvent):
            self.addObserver(landmarkNode, event, self._onChanged)
        self.addObserver(landmarkNode, landmarkNode.DisplayModifiedEvent, self._onDisplay)
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneClosing)
        self._onChanged()
        self._onDisplay()

    @property
    def markerNodes(self) -> dict[Status, slicer.vtkMRMLMarkupsFiducialNode]:
        """The hidden point list of each status; empty once closed."""
        return self._markers

    def close(self) -> None:
        """Take the markers away."""
        self.removeObservers()
        markers, self._markers = self._markers, {}
        for node in markers.values():
            if slicer.mrmlScene.IsNodePresent(node):
                slicer.mrmlScene.RemoveNode(node.GetDisplayNode())
                slicer.mrmlScene.RemoveNode(node)

    def _onChanged(self, caller: object = None, event: object = None) -> None:
        places: dict[Status, list[np.ndarray]] = defaultdict(list)
        for index, position in enumerate(readPositions(self._node)):
            if np.isfinite(position).all():
                status = parse_description(self._node.GetNthControlPointDescription(index) or "")[2]
                if status is not None and not status.has_position:  # somebody has just placed it
                    status = Status.CORRECTED
                places[status or Status.DETECTED].append(position)
        for status, node in self._markers.items():
            with slicer.util.NodeModify(node):
                node.SetAndObserveTransformNodeID(self._node.GetTransformNodeID())
                setPoints(node, places[status])

    def _onDisplay(self, caller: object = None, event: object = None) -> None:
        """Shown where and while the landmarks are."""
        display = self._node.GetDisplayNode()
        if display is None:
            return
        for node in self._markers.values():
            own = node.GetDisplayNode()
            with slicer.util.NodeModify(own):
                own.SetVisibility(display.GetVisibility())
                own.SetVisibility2D(display.GetVisibility2D())
                own.SetVisibility3D(display.GetVisibility3D())
                own.SetViewNodeIDs(display.GetViewNodeIDs())
                own.SetOpacity(display.GetOpacity())

    def _onNodeRemoved(self, caller: object, event: object) -> None:
        if not slicer.mrmlScene.IsNodePresent(self._node):
            self.close()

    def _onSceneClosing(self, caller: object, event: object) -> None:
        self.close()


def _newMarkers(status: Status) -> slicer.vtkMRMLMarkupsFiducialNode:
    color, shape = mark(status)
    glyph, size = _GLYPHS[shape]
    return newHiddenPoints(f"Landmarks {status.value}", MARKER_ATTRIBUTE, color, glyph, size, status.value)


def newHiddenPoints(
    name: str, attribute: str, color: str, glyph: str, size: float, value: str = "1"
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """An empty point list that is only drawn: hidden from people's lists, deaf to the mouse, never saved."""
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.UnRegister(None)
    node.SetName(name)
    node.SetAttribute(attribute, value)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetSelectable(False)
    node.SetLocked(True)
    slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetPointLabelsVisibility(False)
    display.SetGlyphTypeFromString(glyph)
    display.SetGlyphScale(size)
    for setColor in (display.SetColor, display.SetSelectedColor, display.SetActiveColor):
        setColor(*(int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)))
    return node


def setPoints(node: slicer.vtkMRMLMarkupsFiducialNode, places: Sequence[np.ndarray]) -> None:
    """Make the points of a list these, in its own coordinates, touching only what differs."""
    while node.GetNumberOfControlPoints() > len(places):
        node.RemoveNthControlPoint(node.GetNumberOfControlPoints() - 1)
    for index, place in enumerate(places):
        if index == node.GetNumberOfControlPoints():
            node.AddControlPoint(vtk.vtkVector3d(*place), "")
        elif node.GetNthControlPointPosition(index) != tuple(place):
            node.SetNthControlPointPosition(index, *place)
