"""Points first, names later: clicks make a list of landmarks that no protocol knows yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionSlicer.logic.placing import PlaceMode, blankLandmarks
from LandmarkDetectionSlicer.scene.nodes import enableUndo, loadReview, storeReview
from LandmarkDetectionSlicer.scene.transforms import localPosition

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol

NUMBER = "{n}"
CLICKED = "LandmarkDetection.clicked"
"""Attribute of a list of clicked points."""
KEPT = "LandmarkDetection.kept"
"""Attribute of one that was kept as a list: that list's name."""


class ClickingSession(VTKObservationMixin):
    """A point list that grows with every click in a view.

    Parameters
    ----------
    onChanged
        Called without arguments when a point has come, gone or been renamed, when clicking has begun or
        ended, and when the list is gone.
    node
        A list that undo brought back, to go on with; a new one by default, which is a step of undo.

    Attributes
    ----------
    template
        Names of new points; ``{n}`` becomes 1, 2, 3 and so on.
    """

    def __init__(
        self,
        onChanged: Callable[[], None] = lambda: None,
        node: slicer.vtkMRMLMarkupsFiducialNode | None = None,
    ) -> None:
        super().__init__()
        self.template = _("Point {n}")
        self._onChanged = onChanged
        self._mode = PlaceMode(self._onLeft)
        self.isClicking = False
        self._node: slicer.vtkMRMLMarkupsFiducialNode | None = node if node is not None else _newList()
        for event in (self._node.PointPositionDefinedEvent, self._node.PointRemovedEvent):
            self.addObserver(self._node, event, self._onPoints)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
        for event in (scene.EndUndoEvent, scene.EndRedoEvent):
            self.addObserver(scene, event, self._onPoints)

    @property
    def node(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """The point list; None when it is gone."""
        return self._node

    @property
    def points(self) -> list[tuple[str, npt.NDArray[np.float64]]]:
        """Names and (3,) world RAS mm, without the point that follows the mouse."""
        node = self._node
        if node is None:
            return []
        return [
            (node.GetNthControlPointLabel(index), np.array(node.GetNthControlPointPositionWorld(index)))
            for index in self._placed(node)
        ]

    @property
    def definitions(self) -> list[str]:
        """Where each point lies, in words; kept in the scene, so that undo brings them back."""
        node = self._node
        if node is None:
            return []
        return [node.GetNthControlPointDescription(index) for index in self._placed(node)]

    def setClicking(self, isClicking: bool) -> None:
        """Let clicks in the views make points, or no longer."""
        if self._node is None or isClicking == self.isClicking:
            return
        self.isClicking = isClicking
        if isClicking:
            self._mode.enter(self._node, isPersistent=True)
        else:
            self._mode.leave()
        self._onChanged()

    def rename(self, row: int, name: str) -> None:
        """Give a point another name; undo takes it back."""
        if self._node is not None:
            slicer.mrmlScene.SaveStateForUndo()
            self._node.SetNthControlPointLabel(self._placed(self._node)[row], name)
            self._onChanged()

    def define(self, row: int, text: str) -> None:
        """Say where a point lies; undo takes it back."""
        if self._node is not None:
            slicer.mrmlScene.SaveStateForUndo()
            self._node.SetNthControlPointDescription(self._placed(self._node)[row], text)

    def remove(self, row: int) -> None:
        """Take a point away; undo brings it back."""
        if self._node is not None:
            slicer.mrmlScene.SaveStateForUndo()
            self._node.RemoveNthControlPoint(self._placed(self._node)[row])

    def discard(self) -> None:
        """End, and take the points away; undo brings them back."""
        if self._node is not None:
            slicer.mrmlScene.SaveStateForUndo()
        self.close()

    def keep(
        self, volumeNode: slicer.vtkMRMLScalarVolumeNode, title: str
    ) -> tuple[Protocol, slicer.vtkMRMLMarkupsFiducialNode]:
        """Keep the names as a list of the user's, and the points as its landmarks in a volume.

        One undo brings the points back and takes the landmarks away. The list stays; keeping the same points
        again writes it anew.

        Parameters
        ----------
        title
            Of the list.

        Raises
        ------
        InputError
            There are no points, or names or title will not do.
        OutputError
            The list cannot be written.
        """
        from LandmarkDetectionLib.core.protocol_draft import DraftRow, draft_protocol
        from LandmarkDetectionLib.io.protocols import save_protocol, user_protocol_folder

        points, clicked = self.points, self._node
        if unnamed := [number for number, (name, _place) in enumerate(points, start=1) if not name.strip()]:
            raise InputError(_("Point {number} has no name.").format(number=unnamed[0]))
        rows = [DraftRow(name, said) for (name, _place), said in zip(points, self.definitions, strict=True)]
        protocol = draft_protocol(title, rows)
        isOurs = clicked is not None and clicked.GetAttribute(KEPT) == protocol.name
        if (user_protocol_folder() / f"{protocol.name}.json").exists() and not isOurs:
            raise InputError(_("There is a list {title} already; choose another name.").format(title=title))
        save_protocol(protocol)
        if clicked is not None:
            clicked.SetAttribute(KEPT, protocol.name)
        slicer.mrmlScene.SaveStateForUndo()
        node = blankLandmarks(volumeNode, protocol, isStep=False)
        review = loadReview(node)
        for name, (_label, place) in zip(protocol.names, points, strict=True):
            review = review.correct(name, localPosition(node, place))
        storeReview(review, None, node)
        self.close()
        return protocol, node

    def close(self) -> None:
        """End, and take the points away."""
        self.removeObservers()
        self.isClicking = False
        self._mode.leave()
        node, self._node = self._node, None
        if node is not None and slicer.mrmlScene.IsNodePresent(node):
            slicer.mrmlScene.RemoveNode(node)

    @staticmethod
    def _placed(node: slicer.vtkMRMLMarkupsFiducialNode) -> list[int]:
        return [
            index
            for index in range(node.GetNumberOfControlPoints())
            if node.GetNthControlPointPositionStatus(index) == node.PositionDefined
        ]

    def _onPoints(self, caller: object, event: object) -> None:
        """Name what has just been placed: Slicer labels new points after the list."""
        node = self._node
        if node is None:
            return
        placed = self._placed(node)
        taken = {node.GetNthControlPointLabel(index) for index in placed}
        for index in placed:
            if node.GetNthControlPointLabel(index).startswith(f"{node.GetName()}-"):
                name = nextName(self.template, taken)
                taken.add(name)
                node.SetNthControlPointLabel(index, name)
        self._onChanged()

    def _onLeft(self) -> None:
        self.isClicking = False
        self._onChanged()

    def _onNodeRemoved(self, caller: object, event: object) -> None:
        if self._node is not None and not slicer.mrmlScene.IsNodePresent(self._node):
            self.close()
            self._onChanged()


def clickedPoints() -> slicer.vtkMRMLMarkupsFiducialNode | None:
    """The list of clicked points in the scene, the newest; None without one."""
    lists = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    return next((node for node in reversed(lists) if node.GetAttribute(CLICKED)), None)


def _newList() -> slicer.vtkMRMLMarkupsFiducialNode:
    enableUndo()
    slicer.mrmlScene.SaveStateForUndo()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", _("Clicked points"))
    node.CreateDefaultDisplayNodes()
    node.SetUndoEnabled(True)
    node.SetAttribute(CLICKED, "1")
    return node


def nextName(template: str, taken: set[str]) -> str:
    """The first name of a template that is not taken; a template without a number gets one at its end.

    Examples
    --------
    >>> nextName("Rib {n} left", {"Rib 1 left"})
    'Rib 2 left'
    >>> nextName("Spot", set())
    'Spot 1'
    """
    template = template.strip() if NUMBER in template else f"{template.strip()} {NUMBER}".strip()
    number = 1
    while template.replace(NUMBER, str(number)) in taken:
        number += 1
    return template.replace(NUMBER, str(number))
