"""What is in a data set: cases, splits, and how far its raters are apart at each landmark."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.raters import ALL, case_annotations


@dataclass(frozen=True)
class LandmarkSummary:
    """One landmark.

    Attributes
    ----------
    landmark
        Its name.
    annotated
        Number of annotations with a position, of all raters.
    pairs
        Number of pairs of raters who placed it in one case.
    mean, median
        Of the distances within these pairs; NaN without any.
    """

    landmark: str
    annotated: int
    pairs: int
    mean: float
    median: float


@dataclass(frozen=True)
class Summary:
    """A data set. ``unit`` is mm, or px when some image's pixel size is unknown."""

    name: str
    cases: int
    subjects: int
    splits: dict[str, int]
    raters: dict[str, int]
    unit: str
    landmarks: tuple[LandmarkSummary, ...]

    def to_record(self) -> dict[str, Any]:
        """As JSON values; null where there is no number."""
        record = asdict(self)
        for row in record["landmarks"]:
            row |= {key: None for key in ("mean", "median") if not row["pairs"]}
        return record


def summarise(datalist: Datalist) -> Summary:
    """Count what a data set holds; raises InputError when a file cannot be read any more."""
    names = datalist.landmark_names
    annotated = np.zeros(len(names), int)
    distances: list[list[float]] = [[] for _ in names]
    known = True
    for case in datalist:
        volume = case.read_volume()
        known = known and volume.spacing_known
        positions = [one.positions for one in case_annotations(case, names, ALL, volume)]
        annotated += sum(np.isfinite(one[:, 0]) for one in positions)
        for first, second in combinations(positions, 2):
            for apart, distance in zip(distances, np.linalg.norm(first - second, axis=1), strict=True):
                apart += [float(distance)] if np.isfinite(distance) else []
    rows = tuple(
        LandmarkSummary(
            name,
            int(count),
            len(apart),
            float(np.mean(apart)) if apart else float("nan"),
            float(np.median(apart)) if apart else float("nan"),
        )
        for name, count, apart in zip(names, annotated, distances, strict=True)
    )
    return Summary(
        name=datalist.name,
        cases=len(datalist),
        subjects=len(set(datalist.subjects)),
        splits=dict(sorted(Counter(case.split for case in datalist).items())),
        raters=dict(Counter(rater for case in datalist for rater in case.raters)),
        unit="mm" if known else "px",
        landmarks=rows,
    )
