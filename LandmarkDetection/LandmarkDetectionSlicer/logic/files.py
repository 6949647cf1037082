"""Landmarks to files and back.

Files hold world RAS mm, so that they fit the image however it was moved in the scene. A ``.mrk.json`` is what
Slicer and others read; what it cannot hold lies beside it in a ``.json`` of the same name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.errors import InputError, ModelError, OutputError
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.io.markups import LANDMARK_SUFFIXES, read_landmarks, write_landmarks
from LandmarkDetectionLib.io.records import read_review, write_review
from LandmarkDetectionSlicer.scene.nodes import (
    enableUndo,
    loadWorldReview,
    reconciled,
    storeReview,
    volumeOf,
)
from LandmarkDetectionSlicer.scene.pixel_size import filesInDatabase
from LandmarkDetectionSlicer.scene.transforms import linearToWorld
from LandmarkDetectionSlicer.scene.volumes import readVolume, refusal

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.detectors.analysis import Views
    from LandmarkDetectionLib.models import Model

MARKUPS = ".mrk.json"
PICTURES = (".png", ".svg", ".pdf")
SUFFIXES = (*LANDMARK_SUFFIXES, ".json", *PICTURES)

TOLERANCE_MM = 0.01
"""Other programs round positions that much."""


def exportLandmarks(
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
    path: str | os.PathLike[str],
    views: Views | None = None,
) -> None:
    """Write landmarks as they stand; the suffix chooses the kind of file.

    Parameters
    ----------
    landmarkNode
        Any point list.
    path
        ``.mrk.json`` (and a ``.json`` beside it), ``.fcsv``, ``.csv``, ``.json`` (everything that is known),
        or a picture: ``.png``, ``.svg``, ``.pdf``.
    views
        For a picture: the body seen from the front and from the left; projected from the volume when None,
        which takes seconds.

    Raises
    ------
    OutputError
        The suffix is unknown, the file cannot be written, there is no volume to draw, or the ``.json`` beside
        a ``.mrk.json`` is a file of something else. What stood there before is then untouched.
    InputError, NoBodyError
        The volume of the picture cannot be used.
    """
    path = Path(path)
    if path.name.lower().endswith(PICTURES):
        _writePicture(loadWorldReview(landmarkNode), landmarkNode, path, views)
    else:
        writing(landmarkNode, path)()


def writing(landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, path: Path) -> Callable[[], None]:
    """How to write landmarks as they stand now; what it gives needs no scene, so a thread can do it.

    ``path`` and what is raised are as in :func:`exportLandmarks`, but for pictures.
    """
    review, name = loadWorldReview(landmarkNode), path.name.lower()
    if name.endswith(MARKUPS):
        # Said now: only the main thread may ask Slicer for a translation.
        foreign = _(
            "Cannot write beside {path}: this file holds something else than landmarks and would be "
            "lost; choose another name."
        ).format(path=sidecarOf(path))
        return lambda: _writeMarkups(review, path, foreign)
    if name.endswith(LANDMARK_SUFFIXES):
        return lambda: write_landmarks(review.landmarks, path)
    if name.endswith(".json"):
        return lambda: write_review(review, path)
    raise OutputError(
        _("Cannot write {path}: unknown kind of file; use {endings}.").format(
            path=path, endings=", ".join(SUFFIXES)
        )
    )


def _writeMarkups(review: Review, path: Path, foreign: str) -> None:
    """Points and the record beside them, unless that would take the place of something ``foreign``."""
    record = sidecarOf(path)
    # Say, what a BIDS data set says of the image in a file of this name.
    if record.exists():
        try:
            read_review(record)
        except InputError:
            raise OutputError(foreign) from None
    write_landmarks(review.landmarks, path)
    write_review(review, record)


def importLandmarks(
    path: str | os.PathLike[str], volumeNode: slicer.vtkMRMLScalarVolumeNode | None = None
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """Read landmarks into a new node, as those of a volume.

    The record beside a ``.mrk.json`` is used when it has the same landmarks. Points that were moved in the
    ``.mrk.json`` since count as corrected.

    Parameters
    ----------
    path
        What :func:`exportLandmarks` or ``landmark-detection detect`` wrote, or point lists of other programs.
        A DICOM report is in the coordinates of its image, all others in those of the world.
    volumeNode
        The image they belong to.

    Raises
    ------
    InputError
        The file cannot be read; the scene is then as it was.
    """
    return putIntoScene(reading(Path(path), volumeNode)(), volumeNode)


class FileContent(NamedTuple):
    """What a file holds: a review, in the coordinates of its image or of the world, and what to call it."""

    review: Review
    isOfImage: bool
    name: str


def reading(
    path: Path, volumeNode: slicer.vtkMRMLScalarVolumeNode | None = None
) -> Callable[[], FileContent]:
    """How to read landmarks; what it gives needs nothing of the scene, so a thread can do it.

    ``path``, ``volumeNode`` and what is raised are as in :func:`importLandmarks`.
    """
    files: tuple[Path, ...] = ()
    volume = None
    if volumeNode is not None:
        files = filesInDatabase(volumeNode)[:1]
        volume = readVolume(volumeNode, world=False) if refusal(volumeNode) is None else None
    return lambda: _read(path, volume, files)


def putIntoScene(
    content: FileContent, volumeNode: slicer.vtkMRMLScalarVolumeNode | None
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """Show what was read in a new node, as landmarks of a volume."""
    review = content.review
    if volumeNode is not None and not content.isOfImage:
        review = review.transformed(linearToWorld(volumeNode).inverse)
    enableUndo()
    slicer.mrmlScene.SaveStateForUndo()
    node = storeReview(review, volumeNode)
    node.SetName(slicer.mrmlScene.GenerateUniqueName(content.name))
    return node


def sidecarOf(path: Path) -> Path:
    """Where the record of a ``.mrk.json`` lies."""
    return path.with_name(f"{_stem(path)}.json")


def _read(path: Path, volume: Volume | None, files: Sequence[Path]) -> FileContent:
    from LandmarkDetectionLib.io.dicom_sr import is_sr

    isReport = is_sr(path)
    review = _readReport(path, volume, files) if isReport else _readText(path)
    return FileContent(review, isReport, _stem(path))


def _readReport(path: Path, volume: Volume | None, files: Sequence[Path]) -> Review:
    """The points of a DICOM report; those of a radiograph are its pixels."""
    from LandmarkDetectionLib.io.dicom_sr import read_sr, require_made_on

    report = read_sr(path)
    for file in files:
        require_made_on(path, file)
    landmarks = replace(report.landmarks(volume if report.in_pixels else None), name=_stem(path))
    return Review.of(Detection(landmarks, report.model, report.model_version))


def _readText(path: Path) -> Review:
    name = path.name.lower()
    if name.endswith(".json") and not name.endswith(MARKUPS) and "markups" not in read_json(path):
        return read_review(path)
    landmarks = read_landmarks(path)
    named = replace(landmarks, name=landmarks.name or _stem(path))
    alone = Review.of(Detection(named, model="", model_version=""))
    return _withRecord(alone, sidecarOf(path)) if name.endswith(MARKUPS) else alone


def _withRecord(points: Review, sidecar: Path) -> Review:
    """The record that belongs to points, brought to where they are; only the points when there is none."""
    try:
        review = read_review(sidecar)
    except InputError:
        return points
    if set(review.landmarks.names) != set(points.landmarks.names):
        return points
    positions = np.array([points.landmarks[name].position for name in review.landmarks.names])
    return reconciled(review, positions.reshape(-1, 3), TOLERANCE_MM)


def _writePicture(
    review: Review,
    landmarkNode: slicer.vtkMRMLMarkupsFiducialNode,
    path: Path,
    views: Views | None,
) -> None:
    from LandmarkDetectionLib.reporting.overlay import write_overlay

    looked = views if views is not None else _looked(review, landmarkNode, path)
    write_overlay(review.detection, looked, _protocolOf(review), path)


def _looked(review: Review, landmarkNode: slicer.vtkMRMLMarkupsFiducialNode, path: Path) -> Views:
    """What the detection looked at."""
    from LandmarkDetectionLib.detectors.again import look_again

    volumeNode = volumeOf(landmarkNode)
    if volumeNode is None:
        raise OutputError(
            _(
                "Cannot draw {path}: {name} belongs to no volume in the scene; load the image and import the "
                "landmarks for it."
            ).format(path=path, name=landmarkNode.GetName())
        )
    return look_again(readVolume(volumeNode), _modelOf(review), review.prediction)


def _modelOf(review: Review) -> Model | None:
    """The model that made a review; None when it is not here."""
    from LandmarkDetectionLib.models import load_model

    try:
        return load_model(review.prediction.model or "none")
    except ModelError:
        return None


def _protocolOf(review: Review) -> Protocol:
    """The model's protocol for the lines of the picture; one without lines when the model is not here."""
    from LandmarkDetectionLib.core.protocol import Protocol

    model = _modelOf(review)
    return model.protocol if model is not None else Protocol.model_construct(pairs=(), lines=())


def _stem(path: Path) -> str:
    """The file's name without its ending, ``.mrk.json`` being one."""
    name = path.name
    return name[: -len(MARKUPS)] if name.lower().endswith(MARKUPS) else path.stem
