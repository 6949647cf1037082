"""Which results of a cohort a person should look at first."""

from __future__ import annotations

import re

from LandmarkDetectionLib.quality.triage import expected_wrong, named_by, suspects
from LandmarkDetectionLib.typing import BoolArray, FloatArray

__all__ = ["SCORE_TEXT", "BoolArray", "FloatArray", "expected_wrong", "kind_of", "named_by", "suspects"]


SCORE_TEXT = (
    "The score estimates how many landmarks of a case are wrong. Each landmark adds one minus its calibrated "
    "confidence; one that the model calls absent adds its confidence, the chance that it is there after all. "
    "If a warning names the landmark, or it is an outlier in the common frame, that number is moved half way "
    "to one. Each warning that names no landmark adds one more, until all landmarks are settled. A "
    "landmark that a person has settled adds nothing."
)


def kind_of(warning: str) -> str:
    """The warning without its numbers, so that those of many cases can be counted together.

    Examples
    --------
    >>> kind_of("Hip left and knee left are 210 mm apart; between 280 and 420 mm is usual.")
    'Hip left and knee left are … mm apart; between … and … mm is usual.'
    """
    return re.sub(r"(?<![\w.])-?\d+(?:\.\d+)?", "…", warning)
