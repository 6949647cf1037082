"""Landmarks that no review of this program made, as a review."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.review import Review


def review_of_landmarks(landmarks: LandmarkSet) -> Review:
    """A plain list of landmarks as a review in which a person placed every point that has a position."""
    nothing = tuple(Landmark(one.name, np.full(3, np.nan), Status.ABSENT) for one in landmarks)
    placed = tuple(
        one if one.status.by_person or not one.is_present else replace(one, status=Status.CORRECTED)
        for one in landmarks
    )
    return Review(
        Detection(replace(landmarks, landmarks=nothing), "", ""), replace(landmarks, landmarks=placed)
    )
