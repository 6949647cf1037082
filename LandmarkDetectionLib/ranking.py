"""What a reviewer should look at next: landmarks of a case and cases of a cohort, by expected error."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.landmarks import Landmark, LandmarkSet

if TYPE_CHECKING:
    from LandmarkDetectionLib.detection import Detection
    from LandmarkDetectionLib.review import Review

#: What is called absent and is there after all is off by about so many times what the others are.
ABSENT_FACTOR = 4.0
#: Of landmarks that are trusted without any doubt the expected error still tells which comes first.
LEAST_DOUBT = 0.01


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


def landmark_urgency(landmarks: LandmarkSet, warned: Collection[str] = ()) -> dict[str, float]:
    """How urgently each landmark should be looked at, by name: the larger, the sooner.

    The expected error in mm times the square of one minus the confidence, where a detector gave expected
    errors: what is far off and hardly trusted comes first, not what is uncertain by nature and still good
    enough. Chosen on synthetic bodies and hands of a seed of its own: with either of both alone a reviewer
    needs more corrections. One minus the confidence where no expected errors are known.

    Parameters
    ----------
    warned
        Names that a warning speaks of: their doubt is half way to none being trusted at all.
    """
    doubts = {mark.name: _doubt(mark) for mark in landmarks}
    doubts = {name: (1 + doubt) / 2 if name in warned else doubt for name, doubt in doubts.items()}
    errors = [mark.expected_error for mark in landmarks if mark.expected_error is not None]
    if not errors:
        return doubts
    usual = float(np.median(errors))
    return {mark.name: _error(mark, usual) * max(doubts[mark.name], LEAST_DOUBT) ** 2 for mark in landmarks}


def rank_landmarks(landmarks: LandmarkSet) -> tuple[str, ...]:
    """Names, the most urgent one first; see ``landmark_urgency``."""
    urgency = landmark_urgency(landmarks)
    return tuple(sorted(landmarks.names, key=lambda name: -urgency[name]))


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
        urgency = landmark_urgency(marks)
        worst = max((mark.name for mark in left), key=urgency.__getitem__, default=None)
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
