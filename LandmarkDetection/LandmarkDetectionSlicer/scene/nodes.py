"""What the scene keeps of a review: a point list, and the review's record beside it.

One ``vtkMRMLMarkupsFiducialNode`` per model and volume holds one control point per landmark of the protocol,
in its order; a landmark that is nowhere is a point whose position is missing. Everything that points cannot
hold (predictions, confidence, covariance, how the landmarks were made) is the JSON of
:meth:`LandmarkDetectionLib.core.review.Review.to_record` in a hidden ``vtkMRMLTextNode`` beside it, because a
scene, its undo and a copy keep a text as it is.

The text stays in the scene's own file. Slicer would give it a file of its own in a bundle (``.mrb``), and
leaves hidden nodes out when it saves a scene with the nodes' files beside it: then nothing would write the
text any more (:func:`keepRecords`).

Both are in the coordinates of the volume, whose parent transform the points share. **Where the points are is
the truth**: whatever the record says otherwise was moved by a person since.

Undo is switched on here and nowhere else (:func:`enableUndo`); it touches only the nodes of this module.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import numpy as np
import slicer

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.io.markups import describe, landmark_from_markup, parse_description
from LandmarkDetectionSlicer.scene.transforms import linearToWorld

RECORD_ROLE = "LandmarkDetection.record"
VOLUME_ROLE = "LandmarkDetection.volume"
OWNER_ROLE = "LandmarkDetection.landmarks"
MODEL_ATTRIBUTE = "LandmarkDetection.model"
TO_WORLD_ATTRIBUTE = "LandmarkDetection.toWorld"

TOLERANCE_MM = 1e-4
"""Points nearer than this to where the record has them were not moved."""

MOST_KNOWN = 24
"""A little more than there are steps of undo."""

SKY_BLUE = (0x56 / 255, 0xB4 / 255, 0xE9 / 255)

POINTS_CHANGED = (
    slicer.vtkMRMLMarkupsNode.PointModifiedEvent,
    slicer.vtkMRMLMarkupsNode.PointAddedEvent,
    slicer.vtkMRMLMarkupsNode.PointRemovedEvent,
    slicer.vtkMRMLMarkupsNode.PointPositionDefinedEvent,
    slicer.vtkMRMLMarkupsNode.PointPositionUndefinedEvent,
    slicer.vtkMRMLMarkupsNode.PointPositionMissingEvent,
)
"""Whoever shows points must hear of these: not every one of them comes with a modified event."""

_DEFINED = slicer.vtkMRMLMarkupsNode.PositionDefined
_PREVIEW = slicer.vtkMRMLMarkupsNode.PositionPreview
_MISSING = slicer.vtkMRMLMarkupsNode.PositionMissing
_NOWHERE = np.full(3, np.nan)


# --- writing --------------------------------------------------------------------------------------------


def applyDetection(
    detection: Detection, volumeNode: slicer.vtkMRMLScalarVolumeNode, keepReviewed: bool = True
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """Show a detection in the scene, in the node of an earlier one of the same model and volume if there is.

    Parameters
    ----------
    detection
        World RAS mm. When it was made is added to its parameters.
    volumeNode
        What it was made from.
    keepReviewed
        Leave alone what a person has accepted, corrected or called missing.

    Returns
    -------
    vtkMRMLMarkupsFiducialNode
        One step of undo takes the whole detection back.
    """
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    stamped = replace(detection, parameters={"detected_at": now, **detection.parameters})
    toVolume = linearToWorld(volumeNode).inverse
    review = Review.of(stamped).transformed(toVolume)
    node = findLandmarkNode(volumeNode, detection.model)
    if node is not None:
        # The points may lie under another transform than the volume by now.
        earlier = loadReview(node).transformed(toVolume @ linearToWorld(node))
        review = earlier.rerun(review.detection, keepReviewed)
    enableUndo()
    slicer.mrmlScene.SaveStateForUndo()
    return storeReview(review, volumeNode, node)


def storeReview(
    review: Review,
    volumeNode: slicer.vtkMRMLScalarVolumeNode | None,
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode | None = None,
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """Write a review into the scene.

    Saves no state for undo: the caller does, once per step of a person.

    Parameters
    ----------
    review
        In the coordinates of the landmark node, that is of the volume.
    volumeNode
        Whose landmarks they are; None leaves the node where and with what it is.
    landmarkNode
        The node to write to; a new one when None.
    """
    if landmarkNode is None:
        landmarkNode = _newLandmarkNode(review, volumeNode)
    with slicer.util.NodeModify(landmarkNode):
        landmarkNode.SetAttribute(MODEL_ATTRIBUTE, modelOf(review))
        if volumeNode is not None:
            landmarkNode.SetNodeReferenceID(VOLUME_ROLE, volumeNode.GetID())
            landmarkNode.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        # The record comes first: whoever is told of the moved points finds it right.
        _writeRecord(landmarkNode, review)
        _writePoints(landmarkNode, review.landmarks)
        # A record may change while its points stay; who watches them hears of it all the same.
        landmarkNode.InvokeCustomModifiedEvent(landmarkNode.PointModifiedEvent)
    return landmarkNode


def adopt(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> Review:
    """Make any point list ready for review: with a record, a fixed number of points, and undo.

    Returns
    -------
    Review
        What :func:`loadReview` reads, now also written to the record.
    """
    enableUndo()
    review = loadReview(landmarkNode)
    if not isUpToDate(landmarkNode, review):
        storeReview(review, None, landmarkNode)
    landmarkNode.SetFixedNumberOfControlPoints(True)
    # The scene file does not keep these.
    landmarkNode.SetUndoEnabled(True)
    landmarkNode.GetNodeReference(RECORD_ROLE).SetUndoEnabled(True)
    return loadReview(landmarkNode)


def rememberTransform(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> None:
    """Note where the node's coordinates lie in the world, so that hardening a transform is recognised."""
    record = landmarkNode.GetNodeReference(RECORD_ROLE)
    if record is not None:
        record.SetAttribute(TO_WORLD_ATTRIBUTE, json.dumps(linearToWorld(landmarkNode).matrix.tolist()))


def enableUndo() -> None:
    """Switch the scene's undo on: it is off in Slicer by default, and copies only nodes that ask for it."""
    if not slicer.mrmlScene.GetUndoFlag():
        slicer.mrmlScene.SetUndoOn()


# --- reading --------------------------------------------------------------------------------------------


def findLandmarkNode(
    volumeNode: slicer.vtkMRMLScalarVolumeNode | None, modelName: str
) -> slicer.vtkMRMLMarkupsFiducialNode | None:
    """The landmarks of a model (or, placed by hand, of a protocol's title) in a volume.

    The newest, should there be several.
    """
    found = [node for node in landmarkNodes(volumeNode) if node.GetAttribute(MODEL_ATTRIBUTE) == modelName]
    return found[-1] if found else None


def landmarkNodes(
    volumeNode: slicer.vtkMRMLScalarVolumeNode | None,
) -> list[slicer.vtkMRMLMarkupsFiducialNode]:
    """All landmark nodes of a volume, oldest first; empty for None."""
    if volumeNode is None:
        return []
    nodes = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    return [node for node in nodes if node.GetNodeReferenceID(VOLUME_ROLE) == volumeNode.GetID()]


def volumeOf(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The volume whose landmarks a node holds; None when it is unknown or deleted."""
    return landmarkNode.GetNodeReference(VOLUME_ROLE)


def modelOf(review: Review) -> str:
    """What a landmark node is found by: the model's name, or the protocol's title when placed by hand."""
    return review.prediction.model or review.landmarks.name


def loadReview(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> Review:
    """The review that a node holds, in the node's own coordinates.

    Points that are not where the record has them are corrected, points without a position are missing.
    Without a record (points loaded from a file alone) it is read from the points' labels and descriptions.
    Any point list gives a review.
    """
    labels, positions = _labels(landmarkNode), readPositions(landmarkNode)
    stored = storedReview(landmarkNode)
    if stored is None:
        return _rebuilt(landmarkNode, labels)
    if not labels:  # Nobody says of every landmark that it is missing: the points' file was lost.
        return stored
    places = _pointOfEach(stored.landmarks.names, labels)
    known = np.array([_NOWHERE if point is None else positions[point] for point in places]).reshape(-1, 3)
    review = reconciled(_followHardening(landmarkNode, stored, known), known)
    extra = [index for index in range(len(labels)) if index not in places]
    return _withPoints(review, landmarkNode, extra) if extra else review


def loadWorldReview(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> Review:
    """The review that a node holds, in world RAS mm; under a warp in those of the image without it."""
    return loadReview(landmarkNode).transformed(linearToWorld(landmarkNode))


def storedReview(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> Review | None:
    """The review as the record has it, wherever the points are; None without a readable record."""
    record = landmarkNode.GetNodeReference(RECORD_ROLE)
    if record is None or not record.GetText():
        return None
    _keepInScene(record)
    return _parsed(record.GetText())


def readPositions(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> np.ndarray:
    """(N, 3) positions in the node's coordinates, NaN where a point has none (yet)."""
    positions = np.full((landmarkNode.GetNumberOfControlPoints(), 3), np.nan)
    for index, row in enumerate(positions):
        if landmarkNode.GetNthControlPointPositionStatus(index) == _DEFINED:
            row[:] = landmarkNode.GetNthControlPointPosition(index)
    return positions


def reconciled(review: Review, positions: np.ndarray, tolerance: float = TOLERANCE_MM) -> Review:
    """The review with what a person moved since: the same object when nothing was.

    Parameters
    ----------
    review
        What was known.
    positions : (N, 3)
        Where the landmarks are, NaN for nowhere.
    tolerance
        In mm; what is no farther from where it was is there still.
    """
    before = review.landmarks.positions
    isThere, wasThere = (np.isfinite(places).all(axis=1) for places in (positions, before))
    isElsewhere = np.abs(positions - before).max(axis=1) > tolerance  # never where one of them is NaN
    for index in np.flatnonzero((isThere != wasThere) | isElsewhere).tolist():
        name = review.landmarks.names[index]
        isMissing = np.isnan(positions[index]).any()
        review = review.mark_missing(name) if isMissing else review.correct(name, positions[index])
    return review


def isUpToDate(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, review: Review) -> bool:
    """Whether a review just loaded is what the record has, and the points bear its names."""
    return review is storedReview(landmarkNode) and list(review.landmarks.names) == _labels(landmarkNode)


# --- the record -----------------------------------------------------------------------------------------


_known: OrderedDict[str, Review | None] = OrderedDict()
"""Records that were written or read last: reading one takes as long as all else of a step."""


def _parsed(text: str) -> Review | None:
    if text not in _known:
        review = None
        with suppress(ValueError, RecursionError, AttributeError, TypeError):
            review = Review.from_record(json.loads(text))
        _remember(text, review)
    _known.move_to_end(text)
    return _known[text]


def _remember(text: str, review: Review | None) -> None:
    _known[text] = review
    while len(_known) > MOST_KNOWN:
        _known.popitem(last=False)


def _writeRecord(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, review: Review) -> None:
    record = landmarkNode.GetNodeReference(RECORD_ROLE)
    owner = record.GetNodeReference(OWNER_ROLE) if record is not None else None
    # A copy of a landmark node points to the record of the original until it is written.
    if record is None or (owner is not None and owner.GetID() != landmarkNode.GetID()):
        record = _newRecordNode(landmarkNode)
    text = json.dumps(review.to_record(), ensure_ascii=False, allow_nan=False)
    if record.GetText() != text:
        _remember(text, review)
        record.SetText(text)
    _keepInScene(record)
    rememberTransform(landmarkNode)


def keepRecords(*_args: object) -> None:
    """Keep every record in the scene's own file, those of scenes that were saved otherwise too."""
    for node in slicer.util.getNodesByClass("vtkMRMLTextNode"):
        if node.GetNodeReferenceID(OWNER_ROLE):
            _keepInScene(node)


def watchRecords() -> None:
    """Do so whenever records come into the scene: Slicer neither saves nor copies that they have no file."""
    scene = slicer.mrmlScene
    for event in (scene.EndImportEvent, scene.EndUndoEvent, scene.EndRedoEvent, scene.EndRestoreEvent):
        scene.AddObserver(event, keepRecords)


def _keepInScene(record: slicer.vtkMRMLTextNode) -> None:
    record.SetForceCreateStorageNode(record.CreateStorageNodeNever)
    storage = record.GetStorageNode()
    # Without a text there is only the file to read it from.
    if storage is not None and record.GetText():
        record.SetAndObserveStorageNodeID(None)
        slicer.mrmlScene.RemoveNode(storage)


def _newRecordNode(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> slicer.vtkMRMLTextNode:
    record = slicer.mrmlScene.CreateNodeByClass("vtkMRMLTextNode")
    record.UnRegister(None)
    record.SetName(f"{landmarkNode.GetName()} record")
    record.SetHideFromEditors(True)
    record.SetUndoEnabled(True)
    record.SetForceCreateStorageNode(record.CreateStorageNodeNever)
    slicer.mrmlScene.AddNode(record)
    record.SetNodeReferenceID(OWNER_ROLE, landmarkNode.GetID())
    landmarkNode.SetNodeReferenceID(RECORD_ROLE, record.GetID())
    return record


def _followHardening(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, review: Review, positions: np.ndarray
) -> Review:
    """The review moved by the transform that was hardened on the points since, if one was."""
    record = landmarkNode.GetNodeReference(RECORD_ROLE)
    try:
        toWorld = Affine(json.loads(record.GetAttribute(TO_WORLD_ATTRIBUTE) or ""))
    except (ValueError, TypeError):
        return review
    if np.array_equal(toWorld.matrix, np.eye(4)):
        return review
    moved = review.transformed(toWorld)
    before, after = review.landmarks.positions, moved.landmarks.positions
    everywhere = np.isfinite(after).all(axis=1)
    unmoved = np.allclose(before[everywhere], positions[everywhere], atol=TOLERANCE_MM, rtol=0)
    hardened = np.allclose(after[everywhere], positions[everywhere], atol=TOLERANCE_MM, rtol=1e-9)
    return moved if hardened and not unmoved else review


# --- the points -----------------------------------------------------------------------------------------


def _newLandmarkNode(
    review: Review, volumeNode: slicer.vtkMRMLScalarVolumeNode | None
) -> slicer.vtkMRMLMarkupsFiducialNode:
    subject = volumeNode.GetName() if volumeNode is not None else review.landmarks.name
    name = " ".join(dict.fromkeys(filter(None, [subject, modelOf(review)]))) or "Landmarks"
    node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLMarkupsFiducialNode")
    node.UnRegister(None)
    node.SetName(slicer.mrmlScene.GenerateUniqueName(name))
    node.SetUndoEnabled(True)
    slicer.mrmlScene.AddNode(node)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSelectedColor(SKY_BLUE)
    display.SetColor(SKY_BLUE)
    display.SetGlyphTypeFromString("Cross2D")
    display.SetGlyphScale(4.0)
    display.SetTextScale(2.5)
    # Names behind the body would cover it; points are found by their marker.
    display.SetOccludedVisibility(False)
    return node


def _writePoints(node: slicer.vtkMRMLMarkupsFiducialNode, landmarks: LandmarkSet) -> None:
    """Make the points those of the landmarks, touching only what differs."""
    if node.GetNumberOfControlPoints() != len(landmarks):
        node.SetFixedNumberOfControlPoints(False)
        while node.GetNumberOfControlPoints() > len(landmarks):
            node.RemoveNthControlPoint(node.GetNumberOfControlPoints() - 1)
        for landmark in landmarks.landmarks[node.GetNumberOfControlPoints() :]:
            node.AddControlPoint([0.0, 0.0, 0.0], landmark.name)
    node.SetFixedNumberOfControlPoints(True)
    volumeId = node.GetNodeReferenceID(VOLUME_ROLE) or ""
    present = landmarks.present.positions
    # Slicer counts points without a position among the bounds: keep them among the others.
    middle = present.mean(axis=0) if len(present) else np.zeros(3)
    for index, landmark in enumerate(landmarks):
        _writeLabel(node, index, landmark)
        if node.GetNthControlPointAssociatedNodeID(index) != volumeId:
            node.SetNthControlPointAssociatedNodeID(index, volumeId)
        _writePosition(node, index, landmark, middle)


def _writeLabel(node: slicer.vtkMRMLMarkupsFiducialNode, index: int, landmark: Landmark) -> None:
    """Give a point the landmark's name and description."""
    if node.GetNthControlPointLabel(index) != landmark.name:
        node.SetNthControlPointLabel(index, landmark.name)
    if node.GetNthControlPointDescription(index) != (text := describe(landmark)):
        node.SetNthControlPointDescription(index, text)


def _writePosition(
    node: slicer.vtkMRMLMarkupsFiducialNode, index: int, landmark: Landmark, middle: np.ndarray
) -> None:
    status = node.GetNthControlPointPositionStatus(index)
    if landmark.is_present:
        old = node.GetNthControlPointPosition(index)
        if status != _DEFINED or np.abs(np.subtract(old, landmark.position)).max() > TOLERANCE_MM:
            node.SetNthControlPointPosition(index, *landmark.position, _DEFINED)
    elif status != _MISSING:
        place = middle if landmark.predicted is None else landmark.predicted
        node.SetNthControlPointPosition(index, *place, _MISSING)


def _labels(node: slicer.vtkMRMLMarkupsFiducialNode) -> list[str]:
    return [node.GetNthControlPointLabel(index) or "" for index in range(node.GetNumberOfControlPoints())]


def _pointOfEach(names: tuple[str, ...], labels: Sequence[str]) -> list[int | None]:
    """Which point is which landmark: by its label; renamed points by their place, if none came or went."""
    byLabel: dict[str, int] = {}
    for index, label in enumerate(labels):
        # Of several points of one label the one at the landmark's place is meant.
        if label not in byLabel or names[index : index + 1] == (label,):
            byLabel[label] = index
    places = [byLabel.get(name) for name in names]
    if len(names) == len(labels):
        taken = set(places)
        places = [
            index if place is None and index not in taken else place for index, place in enumerate(places)
        ]
    return places


# --- point lists of other origin ------------------------------------------------------------------------


def _rebuilt(node: slicer.vtkMRMLMarkupsFiducialNode, labels: Sequence[str]) -> Review:
    landmarks = tuple(_foreign(node, index, name) for index, name in enumerate(_unique(labels)))
    model = node.GetAttribute(MODEL_ATTRIBUTE) or ""
    return Review.of(Detection(LandmarkSet(landmarks, name=node.GetName() or ""), model, ""))


def _withPoints(review: Review, node: slicer.vtkMRMLMarkupsFiducialNode, extra: Sequence[int]) -> Review:
    """The review with points that somebody added; nothing was predicted for them."""
    labels = _labels(node)
    names = _unique([labels[index] for index in extra], taken=review.landmarks.names)
    absent = [Landmark(name, _NOWHERE, Status.ABSENT) for name in names]
    prediction = review.prediction
    landmarks = replace(prediction.landmarks, landmarks=(*prediction.landmarks, *absent))
    extended = Review(
        replace(prediction, landmarks=landmarks),
        replace(review.landmarks, landmarks=(*review.landmarks, *absent)),
    )
    for index, name in zip(extra, names, strict=True):
        added = _foreign(node, index, name)
        if added.is_present:
            extended = extended.correct(name, added.position)
        elif added.status is Status.MISSING:
            extended = extended.mark_missing(name)
    return extended


def _foreign(node: slicer.vtkMRMLMarkupsFiducialNode, index: int, name: str) -> Landmark:
    """A point that nothing is known of but what the point says.

    A point that Slicer calls missing is so by a person, unless its description says that a model found it
    nowhere. A file may call the points that it has places for "preview"; else that is where the mouse is.
    """
    status, text = (
        node.GetNthControlPointPositionStatus(index),
        node.GetNthControlPointDescription(index) or "",
    )
    if status == _DEFINED or (status == _PREVIEW and not _isBeingPlaced(node)):
        return landmark_from_markup(name, np.array(node.GetNthControlPointPosition(index)), text)
    if status == _MISSING and parse_description(text)[2] is None:
        return Landmark(name, _NOWHERE, Status.MISSING, description=text)
    return landmark_from_markup(name, None, text)


def _isBeingPlaced(node: slicer.vtkMRMLMarkupsFiducialNode) -> bool:
    """Whether the next click in a view places a point of the node."""
    selection = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    if selection is None or interaction is None:
        return False
    isPlacing = interaction.GetCurrentInteractionMode() == interaction.Place
    return isPlacing and selection.GetActivePlaceNodeID() == node.GetID()


def _unique(labels: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Names from labels: none empty, none twice."""
    used, names = set(taken), []
    for number, label in enumerate(labels, start=1):
        stem = label.strip() or f"point_{number}"
        name, count = stem, 1
        while name in used:
            count += 1
            name = f"{stem} ({count})"
        used.add(name)
        names.append(name)
    return names
