"""The landmarks' names in the views: those near the selected one that have room.

Slicer shows all labels of a point list or none, as they are (``posterior_nasal_spine``), and those of a
hundred landmarks cover each other and the image. So names for people are those of two point lists of their
own, for slices and for 3D, which are only drawn; the landmarks' own labels are hidden meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import slicer
import vtk
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.typing import BoolArray, FloatArray
from LandmarkDetectionSlicer.scene.choices import Names
from LandmarkDetectionSlicer.scene.colors import newHiddenPoints
from LandmarkDetectionSlicer.scene.nodes import POINTS_CHANGED, readPositions
from LandmarkDetectionSlicer.scene.transforms import worldPositions
from LandmarkDetectionSlicer.scene.views import YELLOW

MOST = 40
"""More than these are too far from the selected one to be in view with it."""
CHARACTER_PX, LINE_PX = 6.0, 14.0
"""Of a name in a view, as Slicer draws it."""
VIEW_3D_PX = 300
"""Height of a small 3D view; the scene does not tell that of the one there is."""
SLICE_MM = 3.0
"""Landmarks farther apart than this across a slice are not in it together."""
NAMES_ATTRIBUTE = "LandmarkDetection.names"
COLOR = "#56b4e9"


class View(NamedTuple):
    """How places lie in a view, and what is seen at once.

    ``pixels`` (3, 3) are pixels per mm to the right, upwards and away; ``depth`` is how many pixels apart two
    places may lie across the view to be seen together.
    """

    pixels: FloatArray
    depth: float


class LandmarkNames(VTKObservationMixin):
    """Draws the names of a landmark node that are chosen, until closed.

    Parameters
    ----------
    landmarkNode
        Whose points are named.
    titleOf
        Gives a landmark's name for people.
    """

    def __init__(
        self, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, titleOf: Callable[[str], str]
    ) -> None:
        super().__init__()
        self._node, self._titleOf = landmarkNode, titleOf
        self._lists: list[slicer.vtkMRMLMarkupsFiducialNode] = []
        self._shown: list[list[int]] = [[], []]
        for event in (*POINTS_CHANGED, landmarkNode.TransformModifiedEvent):
            self.addObserver(landmarkNode, event, self._onMoved)
        self.addObserver(landmarkNode, landmarkNode.DisplayModifiedEvent, self._onDisplay)

    @property
    def listNodes(self) -> list[slicer.vtkMRMLMarkupsFiducialNode]:
        """The hidden point lists, of slices and of 3D views; none before names are shown."""
        return self._lists

    def show(self, choice: Names, selected: int | None) -> None:
        """Show names as they are chosen, about one landmark."""
        display = self._node.GetDisplayNode()
        if display is None:
            return
        display.SetPointLabelsVisibility(False)
        self._makeLists()
        self._shown = self._chosen(choice, selected)
        for node, indices in zip(self._lists, self._shown, strict=True):
            with slicer.util.NodeModify(node):
                self._fill(node, indices)
            active = indices.index(selected) if selected is not None and selected in indices else -1
            node.GetDisplayNode().SetActiveControlPoint(active)

    def close(self) -> None:
        """Take the names away, and show the landmarks' own labels again."""
        self.removeObservers()
        self._removeLists()
        display = self._node.GetDisplayNode()
        if display is not None:
            display.SetPointLabelsVisibility(True)

    def _chosen(self, choice: Names, selected: int | None) -> list[list[int]]:
        """Which points are named in slices, and in 3D."""
        places = readPositions(self._node)
        there = np.flatnonzero(np.isfinite(places).all(axis=1)).tolist()
        if choice is Names.ALL:
            return [there, there]
        if choice is Names.SELECTED or not there:
            one = [selected] if selected is not None and selected in there else []
            return [one, one]
        world = worldPositions(self._node, places[there])
        about = world[there.index(selected)] if selected in there else world.mean(axis=0)
        nearest = np.argsort(np.linalg.norm(world - about, axis=1), kind="stable")[:MOST]
        labels = [self._title(there[number]) for number in nearest]
        widths = np.array([CHARACTER_PX * len(label) for label in labels])
        chosen = []
        for views in (_slices(), _spaces()):
            kept = withRoom(world[nearest], widths, views)
            chosen.append(sorted(there[number] for number in nearest[kept].tolist()))
        return chosen

    def _title(self, index: int) -> str:
        return self._titleOf(self._node.GetNthControlPointLabel(index) or "")

    def _fill(self, node: slicer.vtkMRMLMarkupsFiducialNode, indices: Sequence[int]) -> None:
        node.SetAndObserveTransformNodeID(self._node.GetTransformNodeID())
        while node.GetNumberOfControlPoints() > len(indices):
            node.RemoveNthControlPoint(node.GetNumberOfControlPoints() - 1)
        for number, index in enumerate(indices):
            place, title = self._node.GetNthControlPointPosition(index), self._title(index)
            if number == node.GetNumberOfControlPoints():
                node.AddControlPoint(vtk.vtkVector3d(*place), title)
                continue
            if node.GetNthControlPointLabel(number) != title:
                node.SetNthControlPointLabel(number, title)
            if node.GetNthControlPointPosition(number) != place:
                node.SetNthControlPointPosition(number, *place)

    def _makeLists(self) -> None:
        if self._lists and all(slicer.mrmlScene.IsNodePresent(node) for node in self._lists):
            return
        self._removeLists()
        for isSlices in (True, False):
            node = newHiddenPoints("Landmark names", NAMES_ATTRIBUTE, COLOR, "Cross2D", 4.0)
            own, display = node.GetDisplayNode(), self._node.GetDisplayNode()
            own.SetVisibility2D(isSlices)
            own.SetVisibility3D(not isSlices)
            own.SetActiveColor(YELLOW)
            own.SetPointLabelsVisibility(True)
            own.SetTextScale(display.GetTextScale())
            own.SetOccludedVisibility(display.GetOccludedVisibility())
            self._lists.append(node)
        self._onDisplay()

    def _removeLists(self) -> None:
        lists, self._lists, self._shown = self._lists, [], [[], []]
        for node in lists:
            if slicer.mrmlScene.IsNodePresent(node):
                slicer.mrmlScene.RemoveNode(node.GetDisplayNode())
                slicer.mrmlScene.RemoveNode(node)

    def _onMoved(self, _caller: object = None, _event: object = None) -> None:
        """Names go with their points; which of them are shown is found at the next landmark."""
        count = self._node.GetNumberOfControlPoints()
        for number, node in enumerate(self._lists):
            self._shown[number] = [
                index
                for index in self._shown[number]
                if index < count
                and self._node.GetNthControlPointPositionStatus(index) == self._node.PositionDefined
            ]
            with slicer.util.NodeModify(node):
                self._fill(node, self._shown[number])

    def _onDisplay(self, _caller: object = None, _event: object = None) -> None:
        """Shown where and while the landmarks are."""
        display = self._node.GetDisplayNode()
        if display is None:
            return
        for node in self._lists:
            own = node.GetDisplayNode()
            with slicer.util.NodeModify(own):
                own.SetVisibility(display.GetVisibility())
                own.SetViewNodeIDs(display.GetViewNodeIDs())
                own.SetOpacity(display.GetOpacity())


def withRoom(places: FloatArray, widths: FloatArray, views: Sequence[View]) -> BoolArray:
    """Which names to show so that none covers another; the first is shown, each other one if there is room.

    Parameters
    ----------
    places : (N, 3)
        World mm, the most wanted first.
    widths : (N,)
        Of the names, pixels.
    views
        A name is left out that would cover one in any of these.
    """
    count = len(places)
    covers = np.zeros((count, count), bool)
    for view in views:
        x, y, z = view.pixels @ places.T
        starts, ends = x, x + widths
        covers |= (
            (starts[:, None] < ends[None, :])
            & (starts[None, :] < ends[:, None])
            & (np.abs(y[:, None] - y[None, :]) < LINE_PX)
            & (np.abs(z[:, None] - z[None, :]) <= view.depth)
        )
    kept = np.zeros(count, bool)
    for number in range(count):
        kept[number] = not (covers[number] & kept).any()
    return kept


def _slices() -> list[View]:
    views = []
    for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        pixelMm = node.GetFieldOfView()[0] / max(node.GetDimensions()[0], 1)
        if pixelMm > 0:
            axes = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())[:3, :3].T
            views.append(View(axes / pixelMm, SLICE_MM / pixelMm))
    return views


def _spaces() -> list[View]:
    views = []
    for node in slicer.util.getNodesByClass("vtkMRMLCameraNode"):
        away = np.subtract(node.GetPosition(), node.GetFocalPoint())
        distance = float(np.linalg.norm(away))
        right = np.cross(node.GetViewUp(), away)
        if distance == 0 or not right.any():
            continue
        right /= np.linalg.norm(right)
        away /= distance
        heightMm = 2 * distance * math.tan(math.radians(node.GetViewAngle()) / 2)
        views.append(View(np.array([right, np.cross(away, right), away]) * VIEW_3D_PX / heightMm, np.inf))
    return views
