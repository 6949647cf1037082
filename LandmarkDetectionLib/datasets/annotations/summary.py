"""What is in an annotation store: who did how much, in which time, and how far models were off."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.datasets.annotations.annotation import Annotation
from LandmarkDetectionLib.datasets.annotations.store import HELD_OUT, AnnotationStore


@dataclass(frozen=True)
class LandmarkCorrections:
    """What people said of one landmark.

    Attributes
    ----------
    accepted, corrected, missing
        How often.
    moved
        Median mm between prediction and correction, pixels in images of unknown pixel size; NaN where
        nothing was corrected.
    """

    landmark: str
    accepted: int
    corrected: int
    missing: int
    moved: float


#: Names in the record that are other ones here.
_KEYS = {"held_out": "held_back"}


@dataclass(frozen=True)
class StoreSummary:
    """A store in numbers.

    Attributes
    ----------
    annotations, images, subjects, held_out
        Those that stand; held out are images.
    reviewers
        Annotations by person.
    models
        Annotations by the model that was corrected; empty for those placed by hand.
    seconds
        Time of all together, where it was measured.
    landmarks
        In the order of the protocol.
    comments
        Reviewer and comment.
    damaged
        A sentence for each annotation that cannot be read.
    """

    path: Path
    protocol: str
    annotations: int
    images: int
    subjects: int
    held_out: int
    reviewers: dict[str, int]
    models: dict[str, int]
    seconds: float
    landmarks: tuple[LandmarkCorrections, ...]
    comments: tuple[tuple[str, str], ...]
    damaged: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            **{_KEYS.get(key, key): value for key, value in vars(self).items() if key != "landmarks"},
            "path": str(self.path),
            "comments": [list(one) for one in self.comments],
            "damaged": list(self.damaged),
            "landmarks": [
                {**vars(one), "moved": None if np.isnan(one.moved) else round(one.moved, 3)}
                for one in self.landmarks
            ],
        }


def summarise_store(path: str | Path) -> StoreSummary:
    """Count what a store holds; images are not opened.

    Raises
    ------
    InputError
        There is no such store.
    """
    store = AnnotationStore(path)
    standing, protocol = store.standing(), store.protocol
    names = dict.fromkeys(protocol.names if protocol is not None else ())
    names |= dict.fromkeys(name for one in standing for name in one.review.landmarks.names)
    rows = store.rows(standing)
    return StoreSummary(
        path=store.path,
        protocol=protocol.title if protocol is not None else "",
        annotations=len(standing),
        images=len(rows),
        subjects=len({one.subject for one in standing}),
        held_out=sum(row["split"] == HELD_OUT for row in rows),
        reviewers=dict(Counter(one.reviewer for one in standing)),
        models=dict(Counter(one.model for one in standing)),
        seconds=round(sum(one.seconds or 0.0 for one in standing), 1),
        landmarks=tuple(_corrections(name, standing) for name in names),
        comments=tuple((one.reviewer, one.comment) for one in standing if one.comment),
        damaged=tuple(store.readable()[1]),
    )


def _corrections(name: str, standing: list[Annotation]) -> LandmarkCorrections:
    counts: Counter[Status] = Counter()
    moved = []
    for annotation in standing:
        if name not in annotation.review.landmarks:
            continue
        mark = annotation.review.landmarks[name]
        counts[mark.status] += 1
        predicted = annotation.review.prediction.landmarks[name]
        if mark.status is Status.CORRECTED and predicted.is_present:
            moved.append(float(np.linalg.norm(mark.position - predicted.position)))
    return LandmarkCorrections(
        name,
        counts[Status.ACCEPTED],
        counts[Status.CORRECTED],
        counts[Status.MISSING],
        float(np.median(moved)) if moved else np.nan,
    )
