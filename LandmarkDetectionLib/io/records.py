"""The full record of a detection or a review as a JSON file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from LandmarkDetectionLib.core.detection import Detection, detection_from_record
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import read_json, write_text
from LandmarkDetectionLib.io.markups import LANDMARK_SUFFIXES, write_landmarks

DETECTION_SUFFIXES = (*LANDMARK_SUFFIXES, ".json")


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
