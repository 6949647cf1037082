"""A review going on: what a person says of landmarks, by keys and buttons or by dragging points.

A :class:`ReviewSession` has no window. It writes every step into the scene as one step of undo, and notices
whatever else moves the points: the mouse in a view, the module Markups, a script, undo. Moving the image and
its landmarks together by a transform is no correction. The mouse moves single points only: all points at once
go back to where they were, as that happens by accident, and a transform is the way to do it on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import slicer

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionSlicer.scene import rendering
from LandmarkDetectionSlicer.scene.nodes import (
    POINTS_CHANGED,
    RECORD_ROLE,
    adopt,
    isUpToDate,
    loadReview,
    rememberTransform,
    storedReview,
    storeReview,
    volumeOf,
)
from LandmarkDetectionSlicer.scene.pixel_size import correctPixelSize
from LandmarkDetectionSlicer.scene.transforms import localPosition, worldPosition

PointLists = dict[str, tuple[object, ...]]


class ReviewSession(slicer.util.VTKObservationMixin):
    """The review of one landmark node.

    Parameters
    ----------
    landmarkNode
        Any point list; see :func:`LandmarkDetectionSlicer.scene.nodes.adopt`.
    onChanged
        Called without arguments after every change of the review, the lock, the place in the world, or when
        the session has closed itself because its node, its volume or the scene is gone.
    onSettled
        Called without arguments after every step of a person, undo and redo left out: when there is something
        that others may follow.
    onDragged
        Called without arguments, often, while a point is being dragged.
    """

    def __init__(
        self,
        landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
        onChanged: Callable[[], None] = lambda: None,
        onSettled: Callable[[], None] = lambda: None,
        onDragged: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._onChanged = onChanged
        self._onSettled, self._onDragged = onSettled, onDragged
        self._node: slicer.vtkMRMLMarkupsFiducialNode | None = landmarkNode
        self._nodeId = landmarkNode.GetID()
        self._hadVolume = volumeOf(landmarkNode) is not None
        self._writing = False
        self._dragging = False
        self._propagatedWhileDragging = False
        self._wasWithVolume = False
        correctPixelSize(volumeOf(landmarkNode))
        self._review = adopt(landmarkNode)
        self._observeNode()
        self._observeScene()

    # --- what there is ----------------------------------------------------------------------------------

    @property
    def review(self) -> Review:
        """The review as it stands, in the node's coordinates; the last one when the session is closed."""
        return self._review

    @property
    def node(self) -> slicer.vtkMRMLMarkupsFiducialNode:
        """The node under review, where the session must be open."""
        if self._node is None:
            raise RuntimeError("the review is closed")
        return self._node

    @property
    def landmarkNode(self) -> slicer.vtkMRMLMarkupsFiducialNode | None:
        """The node under review; None when the session is closed."""
        return self._node

    @property
    def nodeId(self) -> str:
        """ID of the node that is, or was, under review."""
        return self._nodeId

    @property
    def isClosed(self) -> bool:
        """Whether the session has ended."""
        return self._node is None

    @property
    def isLocked(self) -> bool:
        """Whether the points are held against the mouse."""
        return self._node is not None and bool(self._node.GetLocked())

    @property
    def isDragging(self) -> bool:
        """Whether the mouse holds a point."""
        return self._dragging

    def currentReview(self) -> Review:
        """The review with a point that is being dragged where it is now, in the node's coordinates."""
        return loadReview(self.node) if self._node is not None and self._dragging else self._review

    @property
    def canUndo(self) -> bool:
        """Whether there is a step to take back."""
        return slicer.mrmlScene.GetNumberOfUndoLevels() > 0

    @property
    def canRedo(self) -> bool:
        """Whether there is a step to take again."""
        return slicer.mrmlScene.GetNumberOfRedoLevels() > 0

    def worldPosition(self, name: str) -> npt.NDArray[np.float64] | None:
        """(3,) world RAS mm of a landmark; None when it is nowhere. KeyError for an unknown name."""
        landmark = self._review.landmarks[name]
        return self.toWorld(landmark.position) if landmark.is_present else None

    def toWorld(self, position: npt.ArrayLike) -> npt.NDArray[np.float64] | None:
        """(3,) mm of the review, a prediction's for example, -> (3,) world RAS mm; None when closed."""
        return None if self._node is None else worldPosition(self._node, np.asarray(position))

    # --- what a person says -----------------------------------------------------------------------------

    def accept(self, name: str) -> None:
        """Say that a landmark is right as it is; KeyError for an unknown name, as in all of these."""
        self._change(self._review.accept(name))

    def correct(self, name: str, position: npt.ArrayLike) -> None:
        """Put a landmark at (3,) world RAS mm."""
        if self._node is not None:
            local = localPosition(self._node, np.asarray(position, dtype=np.float64))
            self._change(self._review.correct(name, local))

    def markMissing(self, name: str) -> None:
        """Say that a landmark is not in the image."""
        self._change(self._review.mark_missing(name))

    def markAbsentMissing(self) -> None:
        """Say of all landmarks that are absent that they are not in the image: one step."""
        self._change(self._review.mark_absent_missing())

    def shift(self, chain: Sequence[Sequence[str]], levels: int) -> None:
        """Say that a whole chain is off by some levels; see ``Review.shift``, also for what it raises."""
        self._change(self._review.shift(chain, levels))

    def restore(self, name: str) -> None:
        """Take back what was said of a landmark."""
        self._change(self._review.restore(name))

    def restoreAll(self) -> None:
        """Take back everything that was said."""
        self._change(self._review.restore_all())

    def propagate(self, refined: Detection) -> None:
        """Put the landmarks that nobody has settled where a refined detection, in the node's coordinates, has
        them. It is part of the step before: undo takes both back.
        """
        if self._node is None:
            return
        review = self.currentReview().propagate(refined)
        self._propagatedWhileDragging = self._dragging
        if review != self._review:
            self._store(review)
            self._onChanged()

    def amend(self, name: str, position: npt.ArrayLike) -> None:
        """Put a landmark at (3,) world RAS mm as part of the step before: undo takes both back."""
        if self._node is not None:
            local = localPosition(self._node, np.asarray(position, dtype=np.float64))
            self._store(self._review.correct(name, local))
            self._onChanged()
            self._onSettled()

    def setLocked(self, locked: bool) -> None:
        """Hold the points against the mouse, or let them go; a step of undo."""
        if self._node is not None and locked != self.isLocked:
            slicer.mrmlScene.SaveStateForUndo()
            self._node.SetLocked(locked)

    def showVolume(self, isShown: bool) -> None:
        """Show the image in the 3D views, or no longer; a step of undo."""
        volumeNode = volumeOf(self.node) if self._node is not None else None
        if volumeNode is not None:
            rendering.show(volumeNode, isShown)

    @property
    def isVolumeShown(self) -> bool:
        """Whether the image is visible in the 3D views."""
        return self._node is not None and rendering.isShown(volumeOf(self.node))

    @property
    def _state(self) -> tuple[Review, bool, bool, PointLists]:
        """What steps of undo are about."""
        others = pointLists()
        others.pop(self._nodeId, None)
        return self._review, self.isLocked, self.isVolumeShown, others

    def undo(self) -> None:
        """Take the last step back; steps that changed nothing here (a mere click on a point) are passed."""
        before = self._state
        while not self.isClosed and self.canUndo and self._state == before:
            slicer.mrmlScene.Undo()

    def redo(self) -> None:
        """Take the step taken back again, in the same way."""
        before = self._state
        while not self.isClosed and self.canRedo and self._state == before:
            slicer.mrmlScene.Redo()

    def close(self) -> None:
        """Stop listening; everything is in the scene already."""
        self.removeObservers()
        self._node = None

    def _change(self, review: Review) -> None:
        if self._node is None or review == self._review:
            return
        slicer.mrmlScene.SaveStateForUndo()
        self._store(review)
        self._onChanged()
        self._onSettled()

    def _store(self, review: Review) -> None:
        with self._ownWriting():
            storeReview(review, None, self._node)
        self._review = storedReview(self.node) or review

    @contextmanager
    def _ownWriting(self) -> Iterator[None]:
        self._writing = True
        try:
            yield
        finally:
            self._writing = False

    # --- what else happens ------------------------------------------------------------------------------

    def _observeNode(self) -> None:
        kinds = slicer.vtkMRMLMarkupsNode
        for event in POINTS_CHANGED:
            self.addObserver(self._node, event, self._onPoints)
        self.addObserver(self._node, kinds.PointStartInteractionEvent, self._onDragStart)
        self.addObserver(self._node, kinds.PointEndInteractionEvent, self._onDragEnd)
        self.addObserver(self._node, kinds.LockModifiedEvent, self._onLock)
        self.addObserver(self._node, kinds.TransformModifiedEvent, self._onTransform)

    def _observeScene(self) -> None:
        scene = slicer.mrmlScene
        for event in (scene.StartUndoEvent, scene.StartRedoEvent):
            self.addObserver(scene, event, self._onUndoing)
        for event in (scene.EndUndoEvent, scene.EndRedoEvent):
            self.addObserver(scene, event, self._onUndone)
        self.addObserver(scene, scene.EndBatchProcessEvent, self._onPoints)
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
        self.addObserver(scene, scene.StartCloseEvent, self._onSceneClosing)

    def _onPoints(self, caller: object = None, event: object = None) -> None:
        """Something moved, placed, unset or renamed points: see what, and keep it."""
        # Undo restores one node after the other; in between, points and record do not belong together.
        if self._node is None or self._writing or _isRestoring():
            return
        if self._dragging:
            self._onDragged()
            return
        review = loadReview(self.node)
        if not isUpToDate(self._node, review):
            # While points come and go, theirs is the last word; the next step writes them in order again.
            complete = self._node.GetNumberOfControlPoints() == len(review.landmarks)
            changed = review != self._review
            if complete:
                self._store(review)
            else:
                self._review = review
        else:
            changed, self._review = review is not self._review, review
        if changed:
            self._onChanged()
            self._onSettled()

    def _onDragStart(self, caller: object, event: object) -> None:
        self._dragging = True

    def _onDragEnd(self, caller: object, event: object) -> None:
        self._dragging = False
        propagated, self._propagatedWhileDragging = self._propagatedWhileDragging, False
        if self._node is not None and self._movedTogether():
            self._store(self._review)
            return
        before = self._review
        self._onPoints()
        if propagated and self._review is before:  # the last answer came when the point was there already
            self._onSettled()

    def _movedTogether(self) -> bool:
        """Whether the mouse moved several points at once: the middle button does, mostly by accident."""
        landmarks, before = loadReview(self.node).landmarks, self._review.landmarks
        if landmarks.names != before.names:
            return False
        return sum(new != old for new, old in zip(landmarks, before, strict=True)) > 1

    def _onLock(self, caller: object, event: object) -> None:
        self._onChanged()

    def _onTransform(self, caller: object, event: object) -> None:
        rememberTransform(self.node)
        self._onChanged()

    def _onUndoing(self, caller: object, event: object) -> None:
        self._wasWithVolume = self._node is not None and _isWithVolume(self._node)

    def _onUndone(self, caller: object, event: object) -> None:
        """After undo and redo: the node may be another object now, with other points and another record."""
        node = slicer.mrmlScene.GetNodeByID(self._nodeId)
        if node is None:
            self._end()
            return
        if node is not self._node:
            self.removeObservers()
            self._node = node
            self._observeNode()
            self._observeScene()
        if self._wasWithVolume and not _isWithVolume(node) and node.GetParentTransformNode() is None:
            # Moved together with the image since that step, which is no step: they stay together.
            volumeNode = volumeOf(node)
            node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID() if volumeNode else None)
            rememberTransform(node)
        self._review = loadReview(node)
        self._onChanged()

    def _onNodeRemoved(self, caller: object, event: object) -> None:
        if slicer.mrmlScene.GetNodeByID(self._nodeId) is None:
            self._end()
        elif self._hadVolume and volumeOf(self.node) is None:
            self._end()
        elif storedReview(self.node) is None and not _isRestoring():
            self._store(self._review)

    def _onSceneClosing(self, caller: object, event: object) -> None:
        self._end()

    def _end(self) -> None:
        self.close()
        self._onChanged()


def pointLists() -> PointLists:
    """What undo keeps of point lists, also those of other images and those just clicked, by node ID."""
    lists = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    return {node.GetID(): _content(node) for node in lists if node.GetUndoEnabled()}


def _content(node: slicer.vtkMRMLMarkupsFiducialNode) -> tuple[object, ...]:
    record = node.GetNodeReference(RECORD_ROLE)
    points = tuple(
        (
            node.GetNthControlPointLabel(index),
            node.GetNthControlPointDescription(index),
            tuple(node.GetNthControlPointPosition(index)),
        )
        for index in range(node.GetNumberOfControlPoints())
    )
    return node.GetLocked(), record.GetText() if record is not None else "", points


def _isWithVolume(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> bool:
    """Whether points and their image lie under the same transform."""
    volumeNode, parent = volumeOf(landmarkNode), landmarkNode.GetParentTransformNode()
    return volumeNode is not None and volumeNode.GetParentTransformNode() is parent


def _isRestoring() -> bool:
    scene = slicer.mrmlScene
    return bool(scene.IsUndoing() or scene.IsRedoing() or scene.IsBatchProcessing() or scene.IsImporting())
