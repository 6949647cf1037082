"""The full record of a detection or a review as a JSON file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from LandmarkDetectionLib.core.detection import Detection, detection_from_record
from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.options import Used
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import read_json, write_text
from LandmarkDetectionLib.io.markups import LANDMARK_SUFFIXES, as_recorded, read_landmarks, write_landmarks

DETECTION_SUFFIXES = (*LANDMARK_SUFFIXES, ".json")
SLICER_SUFFIXES = (".mrk.json", ".fcsv")


def write_detection(detection: Detection, path: str | os.PathLike[str]) -> None:
    """Write the full record (``.json``) or only the landmarks (``.mrk.json``, ``.fcsv``, ``.csv``).

    Raises
    ------
    OutputError
        The suffix is unknown or the file cannot be written; an old file is then untouched.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> ld.write_detection(ld.read_detection("ct.json"), "table.csv")
    >>> ld.read_landmarks("table.csv").names == ld.read_detection("ct.json").landmarks.names
    True
    """
    name = Path(path).name.lower()
    if name.endswith(LANDMARK_SUFFIXES):
        write_landmarks(detection.landmarks, path)
    elif name.endswith(".json"):
        record = json.dumps(detection.to_record(), indent=1, ensure_ascii=False, allow_nan=False)
        write_text(path, record + "\n")
    else:
        raise OutputError(f"Cannot write {path}: unknown kind of file; use {', '.join(DETECTION_SUFFIXES)}.")


def read_detection(path: str | os.PathLike[str]) -> Detection:
    """Read the full record written by :func:`write_detection`.

    Raises
    ------
    InputError
        The file is missing, no such record, of a newer version, or broken.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> ld.read_detection("ct.json").landmarks["knee_left"].status.value
    'detected'
    """
    try:
        return detection_from_record(read_json(path))
    except ValueError as problem:
        raise InputError(f"Cannot read {path}: {problem}.") from None


def write_review(review: Review, path: str | os.PathLike[str]) -> None:
    """Write the record of a review as JSON, which ``read_detection`` reads, too.

    Raises
    ------
    OutputError
        The file cannot be written; an old one is then untouched.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> review = ld.Review.of(ld.read_detection("ct.json")).mark_missing("knee_left")
    >>> ld.write_review(review, "review.json")
    >>> ld.read_review("review.json").landmarks["knee_left"].status.value
    'missing'
    """
    record = json.dumps(review.to_record(), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, record + "\n")


def read_review(path: str | os.PathLike[str]) -> Review:
    """Read what :func:`write_review` or ``write_detection`` wrote.

    Raises
    ------
    InputError
        The file is missing, no such record, of a newer version, or broken.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> ld.read_review("ct.json").reviewed  # nothing is settled yet
    ()
    """
    try:
        return Review.from_record(read_json(path))
    except ValueError as problem:
        raise InputError(f"Cannot read {path}: {problem}.") from None


def recorded_pixel_size(path: str | os.PathLike[str]) -> float | None:
    """The mm of a picture's pixel that a person gave for the points of a file, whose image does not say it.

    Parameters
    ----------
    path
        The record of a detection or review, or a landmark file with its record (``.json``) beside it.

    Returns
    -------
    float or None
        mm; None where no record says it.
    """
    path = Path(path)
    suffix = next((one for one in SLICER_SUFFIXES if path.name.lower().endswith(one)), None)
    record = path if suffix is None else path.with_name(f"{path.name[: -len(suffix)]}.json")
    if record.suffix.lower() != ".json" or not record.is_file():
        return None
    try:
        parameters = read_json(record).get("parameters")
    except InputError:
        return None
    return Used.of(parameters).pixel_size_mm if isinstance(parameters, dict) else None


def read_recorded_landmarks(path: str | os.PathLike[str], record: str = "") -> LandmarkSet:
    """Read a landmark file to learn from: what a person did is known from a record, never from a description.

    The record is in the file or, for Slicer's kinds, in the ``.json`` of the same name beside it, where the
    panel leaves it. Points that were moved since count as corrected; those of no record are what their
    positions say.

    Parameters
    ----------
    path
        As for ``read_landmarks``.
    record
        The text of the record, where it is kept elsewhere: in a scene.

    Raises
    ------
    InputError
        The file cannot be read. What lies beside it and is no record of a review is left alone.
    """
    path = Path(path)
    points = read_landmarks(path, described=False)
    suffix = next((one for one in SLICER_SUFFIXES if path.name.lower().endswith(one)), None)
    if suffix is None:
        return points
    beside = path.with_name(f"{path.name[: -len(suffix)]}.json")
    try:
        review = Review.from_record(json.loads(record)) if record else read_review(beside)
    except (InputError, ValueError, TypeError, AttributeError, RecursionError):
        return points
    return as_recorded(points, review.landmarks)
