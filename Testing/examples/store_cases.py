"""Reviews of small images with known landmarks, to save into stores."""

from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.protocol import protocol_of_names
from LandmarkDetectionLib.core.review import Review
from LandmarkDetectionLib.datasets.annotations import Annotation, AnnotationStore
from LandmarkDetectionLib.datasets.annotations.foreign import review_of_landmarks
from LandmarkDetectionLib.datasets.cases import Case
from LandmarkDetectionLib.datasets.datalist import read_datalist
from Testing.examples.blob_data import NAMES, write_blob_data

PROTOCOL = protocol_of_names(NAMES, "Spots")


def blob_cases(folder: Path, count: int = 6, shape: tuple[int, ...] = (24, 24)) -> tuple[Case, ...]:
    """Images with landmark files."""
    return read_datalist(write_blob_data(folder, count, shape), missing="allow").cases


def predicted(case: Case, shift: float = 1.0) -> Review:
    """A review just begun: a model found every landmark, ``shift`` mm beside where it is."""
    beside = np.array([shift, 0.0, 0.0])
    landmarks = tuple(
        Landmark(one.name, one.position + beside, Status.DETECTED, 0.8, np.eye(3), "PatientName^Hans")
        for one in case.read_landmarks()
    )
    detection = Detection(
        LandmarkSet(landmarks, "Hans 1950"),
        "spots",
        "1.0.0",
        {"detected_at": "2020-02-02"},
        ("Hans is cut off.",),
    )
    return Review.of(detection)


def corrected(case: Case, shift: float = 1.0) -> Review:
    """The same with every landmark put where it is."""
    review = predicted(case, shift)
    for one in case.read_landmarks():
        review = review.correct(one.name, one.position)
    return review


def save_case(store: AnnotationStore, case: Case, **options: object) -> Annotation:
    """Save a case whose landmarks were all placed by hand."""
    review = review_of_landmarks(case.read_landmarks())
    volume = case.read_volume()
    return store.save(review, volume, case.image_files[0], **{"protocol": PROTOCOL, **options})
