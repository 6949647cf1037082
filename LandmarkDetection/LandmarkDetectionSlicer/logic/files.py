"""Landmarks to files and back.

Files hold world RAS mm, so that they fit the image however it was moved in the scene. A ``.mrk.json`` is what
Slicer and others read; what it cannot hold lies beside it in a ``.json`` of the same name.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

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
from LandmarkDetectionSlicer.scene.volumes import readVolume

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol
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
    name = path.name.lower()
    review = loadWorldReview(landmarkNode)
    if name.endswith(PICTURES):
        _writePicture(review, landmarkNode, path, views)
    elif name.endswith(MARKUPS):
        _refuseForeign(sidecarOf(path))
        write_landmarks(review.landmarks, path)
        write_review(review, sidecarOf(path))
    elif name.endswith(LANDMARK_SUFFIXES):
        write_landmarks(review.landmarks, path)
    elif name.endswith(".json"):
        write_review(review, path)
    else:
        raise OutputError(
            _("Cannot write {path}: unknown kind of file; use {endings}.").format(
                path=path, endings=", ".join(SUFFIXES)
            )
        )


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
    from LandmarkDetectionLib.io.dicom_sr import is_sr

    path = Path(path)
    isReport = is_sr(path)
    review = _readReport(path, volumeNode) if isReport else _read(path)
    if volumeNode is not None and not isReport:
        review = review.transformed(linearToWorld(volumeNode).inverse)
    enableUndo()
    slicer.mrmlScene.SaveStateForUndo()
    node = storeReview(review, volumeNode)
    node.SetName(slicer.mrmlScene.GenerateUniqueName(_stem(path)))
    return node


def sidecarOf(path: Path) -> Path:
    """Where the record of a ``.mrk.json`` lies."""
    return path.with_name(f"{_stem(path)}.json")


def _readReport(path: Path, volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> Review:
    """The points of a DICOM report; those of a radiograph are its pixels."""
    from LandmarkDetectionLib.io.dicom_sr import read_sr, require_made_on

    report = read_sr(path)
    volume = None
    if volumeNode is not None:
        for file in filesInDatabase(volumeNode)[:1]:
            require_made_on(path, file)
        volume = readVolume(volumeNode, world=False) if report.in_pixels else None
    landmarks = replace(report.landmarks(volume), name=_stem(path))
    return Review.of(Detection(landmarks, report.model, report.model_version))


def _read(path: Path) -> Review:
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


def _refuseForeign(path: Path) -> None:
    """Keep from overwriting, say, what a BIDS data set says of the image in a file of this name."""
    if not path.exists():
        return
    try:
        read_review(path)
    except InputError:
        raise OutputError(
            _(
                "Cannot write beside {path}: this file holds something else than landmarks and would be "
                "lost; choose another name."
            ).format(path=path)
        ) from None


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
