"""One annotation: what a model said of an image, what a person made of it, and the file that keeps both."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import LandmarkSet, landmarks_from_records
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_json, write_text
from LandmarkDetectionLib.io.markups import markups_record

SCHEMA_VERSION = 1
SUFFIX = ".mrk.json"
SPLITS = ("train", "held back")
_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{16,64}")


@dataclass(frozen=True)
class Annotation:
    """A person's word on the landmarks of one image. It never changes; a later word replaces it.

    Parameters
    ----------
    id
        Of the annotation, random.
    image
        SHA-256 of the image's content, see :func:`.image_content.content_hash`.
    subject
        Pseudonym of whom it shows; images of one subject stay on one side of every split.
    split
        ``train``, or ``held back`` for the cases that models are only compared on.
    review
        What the model said and what stands now, RAS mm; parameters and warnings are left out.
    reviewer, comment
        As entered.
    seconds
        Time spent, None when it was not measured.
    replaces
        Ids of the annotations of the same image by the same person that this one takes the place of.
    """

    id: str
    image: str
    subject: str
    split: str
    review: Review
    reviewer: str = ""
    comment: str = ""
    seconds: float | None = None
    replaces: tuple[str, ...] = ()

    @property
    def settled(self) -> LandmarkSet:
        """The landmarks that a person has accepted, placed or called missing: nothing else is the truth."""
        landmarks = self.review.landmarks
        return replace(landmarks, landmarks=tuple(one for one in landmarks if one.status.by_person))

    @property
    def model(self) -> str:
        """Name and version of the model that was corrected; empty when a person started from nothing."""
        prediction = self.review.prediction
        return f"{prediction.model} {prediction.model_version}".strip()


def write_annotation(annotation: Annotation, path: Path) -> None:
    """Write the file of an annotation, whole or not at all.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    review = annotation.review
    record = {
        **markups_record(annotation.settled),
        "annotation": {
            "schema_version": SCHEMA_VERSION,
            "id": annotation.id,
            "image": annotation.image,
            "subject": annotation.subject,
            "split": annotation.split,
            "reviewer": annotation.reviewer,
            "comment": annotation.comment,
            "seconds": annotation.seconds,
            "replaces": list(annotation.replaces),
            "title": review.landmarks.name,
            "model": {"name": review.prediction.model, "version": review.prediction.model_version},
            "prediction": [mark.to_record() for mark in review.prediction.landmarks],
            "landmarks": [mark.to_record() for mark in review.landmarks],
        },
    }
    write_text(path, json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_annotation(path: Path) -> Annotation:
    """Read what :func:`write_annotation` wrote.

    Raises
    ------
    InputError
        The file is missing, broken, or no annotation.
    """
    record = read_json(path).get("annotation")
    try:
        if not isinstance(record, dict):
            raise ValueError("it holds landmarks, but no annotation of a store")
        if record.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(
                f"its version is {record.get('schema_version')!r}, this program reads {SCHEMA_VERSION}"
            )
        return _from_record(record)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as problem:
        text = f"{problem.args[0]} is missing" if isinstance(problem, KeyError) else str(problem)
        raise InputError(f"Cannot read the annotation {path}: {' '.join(text.split())}.") from None


def _from_record(record: dict[str, Any]) -> Annotation:
    # These become names of files: nothing but digits may reach one.
    for field, form in (("id", _ID), ("image", _HASH)):
        if not form.fullmatch(str(record[field])):
            raise ValueError(f"its entry '{field}' is broken")
    if record["split"] not in SPLITS:
        raise ValueError(f"its split is {str(record['split'])[:40]!r}, and there are {' and '.join(SPLITS)}")
    if not isinstance(record["subject"], str) or not record["subject"]:
        raise ValueError("its subject is missing")
    model, title = record["model"], str(record["title"])
    predicted = landmarks_from_records(record["prediction"], title)
    seconds = record.get("seconds")
    if seconds is not None and not 0 <= float(seconds) < math.inf:
        raise ValueError(f"its time of {seconds} seconds is none")
    return Annotation(
        id=record["id"],
        image=record["image"],
        subject=str(record["subject"]),
        split=str(record["split"]),
        review=Review(
            Detection(predicted, str(model["name"]), str(model["version"])),
            landmarks_from_records(record["landmarks"], title),
        ),
        reviewer=str(record.get("reviewer") or ""),
        comment=str(record.get("comment") or ""),
        seconds=None if seconds is None else float(seconds),
        replaces=tuple(str(one) for one in record.get("replaces") or ()),
    )
