"""What a reviewer should look at next: landmarks of a case and cases of a cohort, by expected error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.landmarks import Landmark, LandmarkSet

if TYPE_CHECKING:
    from LandmarkDetectionLib.detection import Detection
    from LandmarkDetectionLib.review import Review

#: What is called absent and is there after all is off by about so many times what the others are.
ABSENT_FACTOR = 4.0


@dataclass(frozen=True)
class CaseRank:
    """How much there is to correct in a case.

    Attributes
    ----------
    case
        Its name.
    expected_error
        Root of the sum of the expected squared errors of the landmarks nobody has settled, in mm; without
        expected errors in the detections the sum of their doubts, between 0 and 1 each.
    worst
        The landmark to begin with; None when all are settled.
    open
        How many landmarks nobody has settled.
    """

    case: str
    expected_error: float
    worst: str | None
    open: int


def landmark_doubts(landmarks: LandmarkSet) -> dict[str, float]:
    """How bad each landmark is expected to be, by name: the larger, the sooner it should be looked at.

    Expected errors in mm where a detector gave them; one minus the confidence where it did not.
    """
    errors = [mark.expected_error for mark in landmarks if mark.expected_error is not None]
    if not errors:
        return {mark.name: _doubt(mark) for mark in landmarks}
    usual = float(np.median(errors))
    return {mark.name: _error(mark, usual) for mark in landmarks}


def rank_landmarks(landmarks: LandmarkSet) -> tuple[str, ...]:
    """Names, the one that is expected to be worst first; see ``landmark_doubts``."""
    doubts = landmark_doubts(landmarks)
    return tuple(sorted(landmarks.names, key=lambda name: -doubts[name]))


def rank_cases(cases: Mapping[str, Detection | Review]) -> list[CaseRank]:
    """Which case of a cohort to open next: the one with the largest expected error first.

    Parameters
    ----------
    cases
        Detections or reviews by the case's name, of one model.
    """
    ranks = []
    for name, case in cases.items():
        marks = case.landmarks
        doubts = landmark_doubts(marks)
        open_names = [mark.name for mark in marks if not mark.status.by_person]
        squares = any(mark.expected_error is not None for mark in marks)
        values = [doubts[one] for one in open_names]
        total = math.sqrt(sum(v**2 for v in values)) if squares else float(sum(values))
        worst = max(open_names, key=doubts.__getitem__, default=None)
        ranks.append(CaseRank(name, total, worst, len(open_names)))
    return sorted(ranks, key=lambda rank: -rank.expected_error)


def _doubt(mark: Landmark) -> float:
    if mark.confidence is None:
        return 1.0
    # The confidence of an absent landmark is the chance that it is there after all.
    return 1 - mark.confidence if mark.is_present else mark.confidence


def _error(mark: Landmark, usual: float) -> float:
    if mark.is_present:
        return usual if mark.expected_error is None else mark.expected_error
    return ABSENT_FACTOR * usual * (mark.confidence or 0.0)
