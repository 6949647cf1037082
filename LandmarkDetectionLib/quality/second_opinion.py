"""Landmarks against a second source, as the rules of a protocol on a label map: who disagrees gets a warning.

A landmark and its second source are two measurements of one place. Where they lie farther apart than both
their spreads explain, the landmark's confidence becomes the probability that it is right nevertheless (Bayes'
rule: the distance is either one of two right sources, or that of a wrong landmark, which may lie anywhere
within ``ANYWHERE_MM``). It never becomes more: agreement of two sources of one image proves little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.label_points import LabelPoint

DISAGREE = 0.001
"""Probability of a distance between two right sources below which they disagree."""
ANYWHERE_MM = 50.0
"""Radius within which a wrong landmark may lie."""
UNKNOWN_SD_MM = 5.0
"""Of a landmark whose spread is not known."""


def second_opinion(
    landmarks: LandmarkSet, points: Iterable[LabelPoint]
) -> tuple[LandmarkSet, tuple[Doubt, ...]]:
    """Landmarks with the confidence that is left to them, and what to say of those that disagree.

    Parameters
    ----------
    landmarks
        RAS mm; those that a person settled keep their status and confidence, and are warned of all the same.
    points
        Of ``label_points``; rules without a place say nothing.

    Raises
    ------
    InputError
        No rule found a landmark of these.
    """
    compared, doubts = 0, []
    for point in points:
        name = point.rule.landmark
        if point.position is None or name not in landmarks:
            continue
        compared += 1
        mark = landmarks[name]
        if not mark.is_present:
            doubts.append(
                Doubt(
                    f"{_title(name)} is called absent, but the label map has it.",
                    DoubtKind.SECOND_SOURCE,
                    (name,),
                )
            )
            continue
        away = mark.position - point.position
        spread = _spread(mark) + np.eye(3) * point.rule.sd**2
        squared = float(away @ np.linalg.solve(spread, away))
        if _chance(squared) >= DISAGREE:
            continue
        doubts.append(
            Doubt(
                f"{_title(name)} lies {np.linalg.norm(away):.0f} mm from where the label map has it; "
                "one of both is wrong.",
                DoubtKind.SECOND_SOURCE,
                (name,),
            )
        )
        if not mark.status.by_person:
            left = None if mark.confidence is None else _left(mark.confidence, squared, spread)
            landmarks = landmarks.with_landmark(replace(mark, status=Status.UNCERTAIN, confidence=left))
    if not compared:
        raise InputError("No rule of the protocol finds one of these landmarks in the label map.")
    return landmarks, tuple(doubts)


def _spread(mark: Landmark) -> np.ndarray:
    if mark.covariance is not None:
        return mark.covariance
    sd = UNKNOWN_SD_MM if mark.expected_error is None else mark.expected_error / math.sqrt(3)
    return np.eye(3) * sd**2


def _chance(squared: float) -> float:
    from scipy.special import chdtrc  # scipy.stats takes seconds to import

    return float(chdtrc(3, squared))


def _left(confidence: float, squared: float, spread: np.ndarray) -> float:
    right = confidence * math.exp(-squared / 2) / math.sqrt((2 * math.pi) ** 3 * float(np.linalg.det(spread)))
    wrong = (1 - confidence) / (4 / 3 * math.pi * ANYWHERE_MM**3)
    # A model that is sure beyond doubt is not: one in a thousand is wrong for reasons it does not know.
    wrong = max(wrong, 0.001 / (4 / 3 * math.pi * ANYWHERE_MM**3))
    return min(confidence, right / (right + wrong))


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
