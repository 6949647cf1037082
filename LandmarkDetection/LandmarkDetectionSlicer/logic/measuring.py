"""Measurements of a landmark node: their values, and lines and angles in the scene that show them.

The lines and angles are Markups nodes of their own, locked against the mouse and never saved; their points
follow the landmarks, which alone are the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import slicer

from LandmarkDetectionSlicer.scene.nodes import loadWorldReview, volumeOf
from LandmarkDetectionSlicer.scene.pixel_size import correctPixelSize, filesInDatabase
from LandmarkDetectionSlicer.scene.transforms import linearToWorld
from LandmarkDetectionSlicer.scene.volumes import isSingleImage, readVolume, refusal

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.landmarks import LandmarkSet
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.review import Review
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.measurement import Frame, Measured, Measurements

ATTRIBUTE = "LandmarkDetection.measurement"
AMBER = (0xE6 / 255, 0x9F / 255, 0.0)


def measureNode(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, protocol: Protocol, review: Review | None = None
) -> Measurements:
    """Measure the landmarks where they are in the world; raises InputError when their image does not fit.

    ``review`` is that of the node in the world, for who has loaded it already.
    """
    from LandmarkDetectionLib.core.doubts import DoubtKind
    from LandmarkDetectionLib.measurement import measure

    if review is None:
        correctPixelSize(volumeOf(landmarkNode))
        review = loadWorldReview(landmarkNode)
    volume = _radiograph(landmarkNode)
    measured = measure(review.landmarks, protocol, _frameIn(volume, protocol, review))
    told = review.prediction.doubts if volume is None else volume.doubts
    sizes = [one for one in told if one.kind is DoubtKind.PIXEL_SIZE and one not in measured.doubts]
    return replace(measured, doubts=(*measured.doubts, *sizes))


def measuringFrame(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, protocol: Protocol, review: Review
) -> Frame:
    """Where the landmarks of a node are measured; raises InputError when their image does not fit."""
    return _frameIn(_radiograph(landmarkNode), protocol, review)


def _frameIn(volume: Volume | None, protocol: Protocol, review: Review) -> Frame:
    from LandmarkDetectionLib.measurement import Frame

    inPixels = review.prediction.unit == "px"
    if volume is not None:
        return Frame.of(replace(volume, spacing_known=volume.spacing_known and not inPixels), protocol.view)
    if protocol.view == "picture":
        return Frame.picture(spacing_known=not inPixels)
    return Frame.space(spacing_known=not inPixels)


def writeReport(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
    protocol: Protocol,
    path: Path,
    reviewer: str = "",
) -> None:
    """Write a report (.pdf, .html, .csv, .dcm) of the landmarks as they stand.

    A ``.dcm`` places them where the image's DICOM files do, however it was moved in the scene.

    Raises
    ------
    OutputError, InputError, MissingPackageError
        As ``LandmarkDetectionLib.reporting.write_report``; a ``.dcm`` needs an image of the DICOM database.
    """
    writing(landmarkNode, protocol, path, reviewer)()


def writing(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
    protocol: Protocol,
    path: Path,
    reviewer: str = "",
) -> Callable[[], None]:
    """How to write a report of the landmarks as they stand now; what it gives can be done by a thread.

    Parameters and what is raised are as of :func:`writeReport`.
    """
    review, now = loadWorldReview(landmarkNode), datetime.now()
    volumeNode = volumeOf(landmarkNode)
    isUsable = volumeNode is not None and refusal(volumeNode) is None
    measured, landmarks = measureNode(landmarkNode, protocol, review), review.landmarks
    inWorld = path.suffix.lower() != ".dcm"
    if volumeNode is not None and not inWorld:
        landmarks = landmarks.transformed(linearToWorld(volumeNode).inverse)
    volume = readVolume(volumeNode, world=inWorld) if volumeNode is not None and isUsable else None
    files = filesInDatabase(volumeNode) if volumeNode is not None else ()
    name = landmarkNode.GetName()

    def write() -> None:
        from LandmarkDetectionLib.reporting import CaseReport, Reviewed, write_report

        report = CaseReport(
            name,
            measured,
            landmarks,
            now,
            volume,
            review.prediction.model,
            review.prediction.model_version,
            review.prediction.doubts,
            Reviewed(reviewer, now) if reviewer else None,
        )
        write_report(report, path, files)

    return write


class MeasurementLines:
    """Shows measurements of one landmark node as lines and angles, until closed."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[str, ...], str] = {}

    def show(self, measured: Iterable[Measured], landmarks: LandmarkSet) -> None:
        """Draw these measurements between landmarks in the world, and nothing else."""
        wanted: dict[tuple[str, ...], str] = {}
        for one in measured:
            if one.value is not None:
                for points in shapes(one):
                    wanted.setdefault(points, one.definition.title)
        for points in [points for points in self._nodes if points not in wanted]:
            self._remove(points)
        for points, title in wanted.items():
            places = np.array([landmarks[name].position for name in points])
            node = self._node(points, places, title)
            for index, place in enumerate(places):
                if not np.allclose(node.GetNthControlPointPositionWorld(index), place, atol=1e-6, rtol=0):
                    node.SetNthControlPointPositionWorld(index, *[float(value) for value in place])

    @property
    def nodes(self) -> list[slicer.vtkMRMLMarkupsNode]:
        """Those that are in the scene."""
        found = [slicer.mrmlScene.GetNodeByID(nodeId) for nodeId in self._nodes.values()]
        return [node for node in found if node is not None]

    def close(self) -> None:
        """Take everything out of the scene."""
        for points in list(self._nodes):
            self._remove(points)

    def _node(self, points: tuple[str, ...], places: np.ndarray, title: str) -> slicer.vtkMRMLMarkupsNode:
        node = slicer.mrmlScene.GetNodeByID(self._nodes.get(points, "")) if points in self._nodes else None
        if node is not None:
            return node
        kind = "vtkMRMLMarkupsAngleNode" if len(points) == 3 else "vtkMRMLMarkupsLineNode"
        node = slicer.mrmlScene.CreateNodeByClass(kind)
        node.UnRegister(None)
        node.SetName(title)
        node.SetAttribute(ATTRIBUTE, "1")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        slicer.mrmlScene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        for name, place in zip(points, places, strict=True):
            node.AddControlPoint([float(value) for value in place], name)
        node.SetLocked(True)
        display = node.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetSelectedColor(AMBER)
        display.SetColor(AMBER)
        display.SetPointLabelsVisibility(False)
        display.SetGlyphScale(0.5)
        self._nodes[points] = node.GetID()
        return node

    def _remove(self, points: tuple[str, ...]) -> None:
        node = slicer.mrmlScene.GetNodeByID(self._nodes.pop(points))
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)


def shapes(one: Measured) -> list[tuple[str, ...]]:
    """What draws a measurement: three landmarks for an angle, two for a line."""
    if len(one.lines) == 2 and one.unit == "deg" and one.lines[0][0] == one.lines[1][0]:
        return [(one.lines[0][1], one.lines[0][0], one.lines[1][1])]
    return list(one.lines)


def _radiograph(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode) -> Volume | None:
    """The image of the landmarks if it has one slice; only then does it tell more than the landmarks."""
    volumeNode = volumeOf(landmarkNode)
    if volumeNode is None or refusal(volumeNode) is not None or not isSingleImage(volumeNode):
        return None
    volume = readVolume(volumeNode)
    return volume if volume.is_2d else None
