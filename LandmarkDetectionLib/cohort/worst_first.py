"""Which results of a cohort a person should look at first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.review import speaks_of

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SCORE_TEXT = (
    "The score estimates how many landmarks of a case are wrong. Each landmark adds one minus its calibrated "
    "confidence; one that the model calls absent adds its confidence, the chance that it is there after all. "
    "If a warning names the landmark, or it is an outlier in the common frame, that number is moved half way "
    "to one. Each warning that names no landmark adds one more. A landmark that a person has settled adds "
    "nothing."
)


def expected_wrong(
    confidence: FloatArray,
    present: BoolArray,
    settled: BoolArray,
    suspect: BoolArray,
    general_warnings: npt.ArrayLike = 0,
) -> FloatArray:
    """How many landmarks of each result are expected to be wrong; see ``SCORE_TEXT``.

    Parameters
    ----------
    confidence : (..., L)
        In [0, 1]; NaN (not known) counts as no confidence at all.
    present, settled, suspect : (..., L)
        Whether the model has the landmark, a person has settled it, a warning or its place speak against it.
    general_warnings : (...)
        How many warnings name no landmark.

    Examples
    --------
    >>> yes, no = np.array([True, True]), np.array([False, False])
    >>> round(float(expected_wrong(np.array([0.9, 0.6]), yes, no, np.array([False, True]))), 2)
    0.8
    """
    doubt = np.where(present, 1 - confidence, confidence)
    doubt = np.where(np.isnan(doubt), 1.0, doubt)
    doubt = np.where(suspect, (1 + doubt) / 2, doubt)
    score: FloatArray = np.where(settled, 0.0, doubt).sum(axis=-1) + np.asarray(general_warnings)
    return score


@lru_cache(maxsize=20_000)
def named_by(warning: str, names: tuple[str, ...]) -> tuple[int, ...]:
    """Indices of the landmarks that a warning speaks of."""
    return tuple(index for index, name in enumerate(names) if speaks_of(warning, name))


def suspects(warnings: Sequence[str], names: tuple[str, ...]) -> tuple[BoolArray, int]:
    """(L,) which landmarks warnings speak of, and how many warnings speak of none."""
    named = np.zeros(len(names), bool)
    general = 0
    for warning in warnings:
        found = named_by(warning, names)
        named[list(found)] = True
        general += not found
    return named, general


def kind_of(warning: str) -> str:
    """The warning without its numbers, so that those of many cases can be counted together.

    Examples
    --------
    >>> kind_of("Hip left and knee left are 210 mm apart; between 280 and 420 mm is usual.")
    'Hip left and knee left are … mm apart; between … and … mm is usual.'
    """
    return re.sub(r"(?<![\w.])-?\d+(?:\.\d+)?", "…", warning)
