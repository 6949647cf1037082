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
    """How urgently each landmark should be looked at, by name: the larger, the sooner.

    The expected error in mm times the square of one minus the confidence, where a detector gave expected
    errors: what is far off and hardly trusted comes first, not what is uncertain by nature and still good
    enough. Chosen on synthetic bodies and hands of a seed of its own: with either of both alone a reviewer
    needs more corrections. One minus the confidence where no expected errors are known.
    """
    errors = [mark.expected_error for mark in landmarks if mark.expected_error is not None]
    if not errors:
        return {mark.name: _doubt(mark) for mark in landmarks}
    usual = float(np.median(errors))
    return {mark.name: _error(mark, usual) * _doubt(mark) ** 2 for mark in landmarks}


def rank_landmarks(landmarks: LandmarkSet) -> tuple[str, ...]:
    """Names, the most urgent one first; see ``landmark_doubts``."""
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
        left = [mark for mark in marks if not mark.status.by_person]
        errors = [mark.expected_error for mark in marks if mark.expected_error is not None]
        if errors:
            usual = float(np.median(errors))
            total = math.sqrt(sum((_error(mark, usual) * _chance(mark)) ** 2 for mark in left))
        else:
            total = float(sum(_doubt(mark) for mark in left))
        doubts = landmark_doubts(marks)
        worst = max((mark.name for mark in left), key=doubts.__getitem__, default=None)
        ranks.append(CaseRank(name, total, worst, len(left)))
    return sorted(ranks, key=lambda rank: -rank.expected_error)


def _doubt(mark: Landmark) -> float:
    if mark.confidence is None:
        return 1.0
    # The confidence of an absent landmark is the chance that it is there after all.
    return 1 - mark.confidence if mark.is_present else mark.confidence


def _error(mark: Landmark, usual: float) -> float:
    """Expected error in mm; of what is called absent, should it be there after all."""
    if mark.is_present:
        return usual if mark.expected_error is None else mark.expected_error
    return ABSENT_FACTOR * usual


def _chance(mark: Landmark) -> float:
    """Of being in the image, as far as what is called absent goes."""
    return 1.0 if mark.is_present else mark.confidence or 0.0
