"""Placing landmarks by hand, one after the other by clicks in the views, and picking a single place.

Slicer puts a click into the point of the active list that is *undefined*; points that are *missing* stay as
they are. So the landmark whose turn it is is made undefined, and all others without a position are kept
missing (Slicer 5.10 and later, ``vtkMRMLMarkupsDisplayNode::UpdateActiveControlPointWorld``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import numpy.typing as npt
import slicer
from slicer.util import VTKObservationMixin

from LandmarkDetectionLib.core.landmarks import Landmark, Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionSlicer.logic.reviewing import ReviewSession
from LandmarkDetectionSlicer.scene.nodes import enableUndo, findLandmarkNode, modelOf, storeReview

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionSlicer.logic.plain_lists import PlainList

_PICKER_ATTRIBUTE = "LandmarkDetection.picker"


def blankLandmarks(
    volumeNode: slicer.vtkMRMLScalarVolumeNode, protocol: Protocol | PlainList, isStep: bool = True
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """The landmark node of a protocol in a volume to be filled by hand: a new one, or the one begun.

    Making one is a step of undo, unless ``isStep`` is False: then it is part of one.
    """
    review = Review.blank(cast("Protocol", protocol))  # what a plain list has of one is enough
    node = findLandmarkNode(volumeNode, modelOf(review))
    if node is None:
        enableUndo()
        if isStep:
            slicer.mrmlScene.SaveStateForUndo()
        node = storeReview(review, volumeNode)
    return node


class PlacingSession:
    """Asks for the landmarks that nobody has found yet, one by one in the protocol's order.

    The session ends when none is left, by :meth:`stop`, when place mode is left in another way (right click,
    another tool), or with its nodes; a new session goes on where it ended.

    Parameters
    ----------
    landmarkNode
        Of :func:`blankLandmarks`, or of a detection to fill its gaps.
    onChanged
        Called without arguments when another landmark is asked for, or none any more.
    onPlaced
        Called with the name of a landmark that a person has just placed; not after redo.
    """

    def __init__(
        self,
        landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
        onChanged: Callable[[], None] = lambda: None,
        onPlaced: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._onChanged, self._onPlaced = onChanged, onPlaced
        self._review = ReviewSession(landmarkNode, self._onReview, self._onSettled)
        self._justPlaced: str | None = None
        self._asked: list[str] = []  # the current landmark last
        self._placed: set[str] = set()
        self._mode = PlaceMode(self.stop)
        first = self._next()
        if first is None:
            self._review.close()
            return
        self._asked.append(first)
        self._mode.enter(landmarkNode, isPersistent=True)
        self._openCurrent()

    @property
    def landmarkNode(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """The node that is filled; None when the session has ended."""
        return self._review.landmarkNode

    @property
    def current(self) -> str | None:
        """The landmark that the next click places; None when the session has ended."""
        return None if self.finished else self._asked[-1]

    @property
    def finished(self) -> bool:
        """Whether nothing is asked for (any more)."""
        return self._review.isClosed

    @property
    def canGoBack(self) -> bool:
        """Whether a landmark was placed or skipped before the current one."""
        return not self.finished and len(self._asked) > 1

    @property
    def progress(self) -> tuple[int, int]:
        """How many landmarks have a position, and how many there are."""
        landmarks = self._review.review.landmarks
        return len(landmarks.present), len(landmarks)

    def place(self, position: npt.ArrayLike) -> None:
        """Put the current landmark at (3,) world RAS mm, as a click does, and ask for the next."""
        if not self.finished:
            self._review.correct(self._asked[-1], position)

    def skip(self) -> None:
        """Leave the current landmark without a position and ask for the next."""
        if not self.finished:
            self._advance()

    def back(self) -> None:
        """Take back the landmark before the current one and ask for it again."""
        if self.canGoBack:
            self._asked.pop()
            self._placed.discard(self._asked[-1])
            self._review.restore(self._asked[-1])
            self._prompt()

    def stop(self) -> None:
        """End the session; what was placed stays."""
        if self.finished:
            return
        for index, landmark in enumerate(self._review.review.landmarks):
            _show(self._review.node, index, landmark, isAsked=False)
        self._review.close()
        self._end()

    def _end(self) -> None:
        self._mode.leave()
        self._onChanged()

    def _next(self) -> str | None:
        """The next landmark without a position that was not asked for yet, round about to the first."""
        landmarks = self._review.review.landmarks
        start = landmarks.names.index(self._asked[-1]) + 1 if self._asked else 0
        return next(
            (
                name
                for name in landmarks.names[start:] + landmarks.names[:start]
                if landmarks[name].status is Status.ABSENT and name not in self._asked
            ),
            None,
        )

    def _advance(self) -> None:
        following = self._next()
        if following is None:
            self.stop()
        else:
            self._asked.append(following)
            self._prompt()

    def _prompt(self) -> None:
        self._openCurrent()
        self._onChanged()

    def _openCurrent(self) -> None:
        """Make the current landmark the one that Slicer places next."""
        landmarks = self._review.review.landmarks
        for index, landmark in enumerate(landmarks):
            _show(self._review.node, index, landmark, isAsked=landmark.name == self._asked[-1])
        self._review.node.SetControlPointPlacementStartIndex(landmarks.names.index(self._asked[-1]))

    def _onReview(self) -> None:
        """A point was placed, by a click or otherwise; or undo took one back; or all is gone."""
        self._justPlaced = None
        if self._review.isClosed:
            self._end()
            return
        landmarks = self._review.review.landmarks
        takenBack = [name for name in self._asked if name in self._placed and not landmarks[name].is_present]
        if takenBack:
            del self._asked[self._asked.index(takenBack[0]) + 1 :]
            self._placed.intersection_update(self._asked[:-1])
        if landmarks[self._asked[-1]].status is Status.ABSENT:
            self._prompt()
        else:
            self._justPlaced = self._asked[-1]
            self._placed.add(self._asked[-1])
            self._advance()

    def _onSettled(self) -> None:
        placed, self._justPlaced = self._justPlaced, None
        if placed is not None:
            self._onPlaced(placed)


class ClickPicker(VTKObservationMixin):
    """Waits for one click in a view.

    Parameters
    ----------
    onClicked
        Called with the world RAS mm of the click.
    onStopped
        Called without arguments when place mode is left without a click (right click, another tool).
    """

    def __init__(
        self, onClicked: Callable[[list[float]], None], onStopped: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self._onClicked = onClicked
        self._onStopped = onStopped
        self._mode = PlaceMode(self._onLeft)
        self._node = _pickerNode()
        self.addObserver(self._node, self._node.PointPositionDefinedEvent, self._onPlaced)
        self._mode.enter(self._node, isPersistent=False)

    def stop(self) -> None:
        """Wait no longer, and say nothing of it."""
        self.removeObservers()
        self._mode.leave()
        self._node.GetDisplayNode().SetVisibility(False)

    def _onPlaced(self, caller: object, event: object) -> None:
        position = list(self._node.GetNthControlPointPositionWorld(0))
        self.stop()
        self._onClicked(position)

    def _onLeft(self) -> None:
        self.stop()
        self._onStopped()


class PlaceMode(VTKObservationMixin):
    """Slicer's mode in which a click in a view places a point.

    Parameters
    ----------
    onLeft
        Called without arguments when somebody else leaves the mode.
    """

    def __init__(self, onLeft: Callable[[], None]) -> None:
        super().__init__()
        self._onLeft = onLeft
        self._wasPersistent = 0

    def enter(self, node: slicer.vtkMRMLMarkupsFiducialNode, isPersistent: bool) -> None:
        """Let clicks go to a node: one, or (persistent) as many as it has undefined points."""
        selection, interaction = _singleton("Selection"), _singleton("Interaction")
        self._wasPersistent = interaction.GetPlaceModePersistence()
        selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        selection.SetActivePlaceNodeID(node.GetID())
        interaction.SetPlaceModePersistence(isPersistent)
        interaction.SetCurrentInteractionMode(interaction.Place)
        self.addObserver(interaction, interaction.InteractionModeChangedEvent, self._onMode)

    def leave(self) -> None:
        """Back to what clicks meant before; nothing when the mode was left already."""
        interaction = _singleton("Interaction")
        if not self.hasObserver(interaction, interaction.InteractionModeChangedEvent, self._onMode):
            return
        self.removeObservers()
        if interaction.GetCurrentInteractionMode() == interaction.Place:
            interaction.SwitchToViewTransformMode()
        interaction.SetPlaceModePersistence(self._wasPersistent)

    def _onMode(self, caller: object, event: object) -> None:
        interaction = _singleton("Interaction")
        if interaction.GetCurrentInteractionMode() != interaction.Place:
            self.leave()
            self._onLeft()


def _show(node: slicer.vtkMRMLMarkupsFiducialNode, index: int, landmark: Landmark, isAsked: bool) -> None:
    """Open a point without a position for the next click, or close it."""
    if landmark.is_present:
        return
    status = node.GetNthControlPointPositionStatus(index)
    if isAsked and status != node.PositionUndefined:
        node.UnsetNthControlPointPosition(index)
    elif not isAsked and status != node.PositionMissing:
        node.SetNthControlPointPositionMissing(index)


def _singleton(kind: str) -> slicer.vtkMRMLNode:
    return slicer.mrmlScene.GetNodeByID(f"vtkMRML{kind}NodeSingleton")


def _pickerNode() -> slicer.vtkMRMLMarkupsFiducialNode:
    """A hidden point list for one click.

    It stays in the scene: Slicer's views are still at work on it when they tell of the click.
    """
    node = next(
        (
            one
            for one in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
            if one.GetAttribute(_PICKER_ATTRIBUTE)
        ),
        None,
    )
    if node is None:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLMarkupsFiducialNode")
        node.UnRegister(None)
        node.SetName("Click")
        node.SetAttribute(_PICKER_ATTRIBUTE, "1")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        slicer.mrmlScene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetSaveWithScene(False)
        node.GetDisplayNode().SetPointLabelsVisibility(False)
    node.RemoveAllControlPoints()
    node.GetDisplayNode().SetVisibility(True)
    return node
