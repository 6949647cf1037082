"""What a reviewer should look at next: landmarks of a case by expected error, cases by what may be wrong."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.detection import Detection
    from LandmarkDetectionLib.core.doubts import Doubt
    from LandmarkDetectionLib.core.review import Review


@dataclass(frozen=True)
class TriageConfig:
    """Numbers that the order of landmarks and cases rests on.

    Attributes
    ----------
    absent_factor
        What is called absent and is there after all is off by about so many times what the others are.
    least_doubt
        Of landmarks that are trusted without any doubt the expected error still tells which comes first.
    """

    absent_factor: float = 4.0
    least_doubt: float = 0.01


CONFIG = TriageConfig()


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
    expected_wrong
        How many of them are expected to be wrong, warnings counted: what cases are ordered by.
    """

    case: str
    expected_error: float
    worst: str | None
    open: int
    expected_wrong: float


def landmark_priority(landmarks: LandmarkSet, warned: Collection[str] = ()) -> dict[str, float]:
    """How urgently each landmark should be looked at, by name: the larger, the sooner.

    The expected error in mm times the square of one minus the confidence, where a detector gave expected
    errors: what is far off and hardly trusted comes first, not what is uncertain by nature and still good
    enough. Chosen on synthetic bodies and hands of a seed of its own: with either of both alone a reviewer
    needs more corrections. One minus the confidence where no expected errors are known.

    Parameters
    ----------
    warned
        Names that a warning is about: their doubt is half way to none being trusted at all.
    """
    doubts = {mark.name: _doubt(mark) for mark in landmarks}
    doubts = {name: (1 + doubt) / 2 if name in warned else doubt for name, doubt in doubts.items()}
    errors = [mark.expected_error for mark in landmarks if mark.expected_error is not None]
    if not errors:
        return doubts
    usual = float(np.median(errors))
    return {
        mark.name: _error(mark, usual) * max(doubts[mark.name], CONFIG.least_doubt) ** 2 for mark in landmarks
    }


def rank_landmarks(landmarks: LandmarkSet) -> tuple[str, ...]:
    """Names, the most urgent one first; see ``landmark_priority``."""
    priority = landmark_priority(landmarks)
    return tuple(sorted(landmarks.names, key=lambda name: -priority[name]))


def landmarks_by_priority(review: Review) -> tuple[str, ...]:
    """Names of a review's landmarks by how urgently they should be looked at; see ``landmark_priority``.

    Settling a landmark does not change its place, so that a list does not jump under the reader. Where the
    others have followed corrections, what is now known of them counts.
    """
    marks = tuple(
        review.prediction.landmarks[mark.name] if mark.status.by_person else mark for mark in review.landmarks
    )
    warned = {mark.name for mark in marks if warnings_of(review.prediction, mark.name)}
    priority = landmark_priority(replace(review.landmarks, landmarks=marks), warned)
    return tuple(sorted(review.landmarks.names, key=lambda name: -priority[name]))


def next_open(review: Review, after: str | None = None) -> str | None:
    """The worst landmark not yet settled, or the next one after ``after``; None when all are settled."""
    order, done = landmarks_by_priority(review), set(review.reviewed)
    start = order.index(after) + 1 if after in order else 0
    return next((name for name in order[start:] + order[:start] if name not in done), None)


def warnings_of(detection: Detection, name: str) -> tuple[str, ...]:
    """A detection's warnings that are about a landmark."""
    return tuple(doubt.text for doubt in detection.doubts if name in doubt.landmarks)


def rank_cases(cases: Mapping[str, Detection | Review]) -> list[CaseRank]:
    """Which case of a cohort to open next: the one with the most landmarks that are expected to be wrong
    first.

    This is the order of the cohort's report, but for what only a whole cohort knows (places that are unlike
    those of the others). Of cases that are alike in this, the one with the larger expected error comes first.

    Parameters
    ----------
    cases
        Detections or reviews by the case's name, of one model.
    """
    ranks = [_rank(name, case) for name, case in cases.items()]
    return sorted(ranks, key=lambda rank: (-round(rank.expected_wrong, 9), -rank.expected_error))


def _rank(name: str, case: Detection | Review) -> CaseRank:
    marks = case.landmarks
    prediction: Any = getattr(case, "prediction", case)  # of a review; a detection is its own
    suspect, general = suspects(prediction.doubts, marks.names)
    left = [mark for mark in marks if not mark.status.by_person]
    errors = [mark.expected_error for mark in marks if mark.expected_error is not None]
    if errors:
        usual = float(np.median(errors))
        total = math.sqrt(sum((_error(mark, usual) * _chance(mark)) ** 2 for mark in left))
    else:
        total = float(sum(_doubt(mark) for mark in left))
    wrong = case_priority(
        np.array([np.nan if mark.confidence is None else mark.confidence for mark in marks], float),
        np.array([mark.is_present for mark in marks], bool),
        np.array([mark.status.by_person for mark in marks], bool),
        suspect,
        general,
    )
    priority = landmark_priority(
        marks, [one for one, doubted in zip(marks.names, suspect, strict=True) if doubted]
    )
    worst = max((mark.name for mark in left), key=priority.__getitem__, default=None)
    return CaseRank(name, total, worst, len(left), float(wrong))


def case_priority(
    confidence: FloatArray,
    present: BoolArray,
    settled: BoolArray,
    suspect: BoolArray,
    general_warnings: npt.ArrayLike = 0,
) -> FloatArray:
    """How many landmarks of each result are expected to be wrong.

    One minus the confidence of each landmark that is there, the confidence of each that is called absent,
    half way to one where something speaks against it; nothing for what a person has settled.

    Parameters
    ----------
    confidence : (..., L)
        In [0, 1]; NaN (not known) counts as no confidence at all.
    present, settled, suspect : (..., L)
        Whether the model has the landmark, a person has settled it, a warning or its place speak against it.
    general_warnings : (...)
        How many warnings are about no landmark; they count until all landmarks are settled.

    Examples
    --------
    >>> yes, no = np.array([True, True]), np.array([False, False])
    >>> round(float(case_priority(np.array([0.9, 0.6]), yes, no, np.array([False, True]))), 2)
    0.8
    """
    doubt = np.where(present, 1 - confidence, confidence)
    doubt = np.where(np.isnan(doubt), 1.0, doubt)
    doubt = np.where(suspect, (1 + doubt) / 2, doubt)
    done = settled.all(axis=-1) & (settled.shape[-1] > 0)
    score: FloatArray = np.where(settled, 0.0, doubt).sum(axis=-1) + np.where(done, 0.0, general_warnings)
    return score


def suspects(doubts: Sequence[Doubt], names: Sequence[str]) -> tuple[BoolArray, int]:
    """(L,) which landmarks doubts are about, and how many doubts are about none of them."""
    about = [set(doubt.landmarks).intersection(names) for doubt in doubts]
    named = np.array([any(name in one for one in about) for name in names], bool)
    return named, sum(not one for one in about)


def _doubt(mark: Landmark) -> float:
    if mark.confidence is None:
        return 1.0
    # The confidence of an absent landmark is the chance that it is there after all.
    return 1 - mark.confidence if mark.is_present else mark.confidence


def _error(mark: Landmark, usual: float) -> float:
    """Expected error in mm; of what is called absent, should it be there after all."""
    if mark.is_present:
        return usual if mark.expected_error is None else mark.expected_error
    return CONFIG.absent_factor * usual


def _chance(mark: Landmark) -> float:
    """Of being in the image, as far as what is called absent goes."""
    return 1.0 if mark.is_present else mark.confidence or 0.0
