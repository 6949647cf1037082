"""The results of one model over a cohort as arrays, compared with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.cohort.results.case_results import CaseResult
from LandmarkDetectionLib.cohort.results.common_frame import CommonFrame, common_frame
from LandmarkDetectionLib.cohort.results.records import State
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.quality.triage import case_priority, suspects
from LandmarkDetectionLib.typing import BoolArray, FloatArray

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol


@dataclass(frozen=True, eq=False)
class ModelResults:
    """N results of a model with L landmarks.

    Attributes
    ----------
    key
        Name and version of the model.
    results
        All of them, failures too.
    names
        Of the landmarks.
    protocol
        None when the model is not here any more.
    confidence : (N, L)
        Of the predictions; NaN where unknown.
    present, settled : (N, L)
        Whether a landmark has a place, and whether a person has settled it.
    status
        Of each landmark of each result.
    frame
        All results in one frame.
    scores : (N,)
        How many landmarks may be wrong; see ``results_by_priority``.
    """

    key: str
    results: tuple[CaseResult, ...]
    names: tuple[str, ...]
    protocol: Protocol | None
    confidence: FloatArray
    present: BoolArray
    settled: BoolArray
    status: tuple[tuple[Status, ...], ...]
    frame: CommonFrame
    scores: FloatArray

    @property
    def has_frame(self) -> bool:
        """Whether there are enough cases to compare."""
        return bool(np.isfinite(self.frame.distances).any())

    def lowest(self, row: int) -> float | None:
        """The lowest confidence of the landmarks that a result has; None when none is known."""
        values = self.confidence[row, self.present[row]]
        values = values[np.isfinite(values)]
        return float(values.min()) if len(values) else None


@dataclass(frozen=True)
class Ranked:
    """One result in the order in which a person should look at them.

    Attributes
    ----------
    case, model, state, reason
        As in :class:`CaseResult`.
    score
        How many landmarks may be wrong.
    lowest
        Lowest confidence, or None.
    warnings, outliers
        How many there are.
    reviewed, landmarks
        How many landmarks a person has settled, of how many.
    """

    case: str
    model: str
    state: str
    reason: str = ""
    score: float = 0.0
    lowest: float | None = None
    warnings: int = 0
    outliers: int = 0
    reviewed: int = 0
    landmarks: int = 0

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def by_model(results: Sequence[CaseResult], protocols: Mapping[str, Protocol]) -> list[ModelResults]:
    """The results of each model, by the models' names.

    Parameters
    ----------
    results
        Of ``case_results``.
    protocols
        By :attr:`CaseResult.key`; the order of landmarks is theirs, or that of the first result.
    """
    keys = sorted({one.key for one in results if one.key})
    return [
        _model_results(key, tuple(one for one in results if one.key == key), protocols.get(key))
        for key in keys
    ]


def results_by_priority(groups: Sequence[ModelResults]) -> list[tuple[ModelResults, int]]:
    """Model and row of every result: the worst first, what has no result last."""
    pairs = [(group, row) for group in groups for row in range(len(group.results))]

    def order(pair: tuple[ModelResults, int]) -> tuple[bool, float, str, str]:
        group, row = pair
        one = group.results[row]
        return one.state is not State.DONE, -float(group.scores[row]), one.case, group.key

    return sorted(pairs, key=order)


def ranked(groups: Sequence[ModelResults]) -> list[Ranked]:
    """Every result with what a list of them shows, the worst first."""
    return [_ranked(group, row) for group, row in results_by_priority(groups)]


def _ranked(group: ModelResults, row: int) -> Ranked:
    one = group.results[row]
    if one.state is not State.DONE:
        return Ranked(one.case, one.model, one.state.value, one.reason)
    return Ranked(
        one.case,
        one.model,
        one.state.value,
        score=round(float(group.scores[row]), 2),
        lowest=group.lowest(row),
        warnings=len(one.doubts),
        outliers=int(group.frame.outliers[row].sum()),
        reviewed=int(group.settled[row].sum()),
        landmarks=len(group.names),
    )


def _model_results(key: str, results: tuple[CaseResult, ...], protocol: Protocol | None) -> ModelResults:
    found = next((one.names for one in results if one.names), ())
    names = protocol.names if protocol is not None else found
    count = len(names)
    positions = np.full((len(results), count, 3), np.nan)
    confidence = np.full((len(results), count), np.nan)
    suspect = np.zeros((len(results), count), bool)
    general = np.zeros(len(results))
    status = []
    for row, one in enumerate(results):
        at = {name: index for index, name in enumerate(one.names)}
        columns = [column for column, name in enumerate(names) if name in at]
        rows = [at[names[column]] for column in columns]
        positions[row, columns], confidence[row, columns] = one.positions[rows], one.confidence[rows]
        line = [Status.ABSENT] * count
        for column, index in zip(columns, rows, strict=True):
            line[column] = one.status[index]
        status.append(tuple(line))
        suspect[row], general[row] = suspects(one.doubts, names)
    present = _flags([[one.has_position for one in line] for line in status], count)
    settled = _flags([[one.by_person for one in line] for line in status], count)
    positions[~present] = np.nan
    frame = common_frame(positions)
    scores = case_priority(confidence, present, settled, suspect | frame.outliers, general)
    return ModelResults(
        key, results, names, protocol, confidence, present, settled, tuple(status), frame, scores
    )


def _flags(lines: list[list[bool]], count: int) -> BoolArray:
    return np.array(lines, dtype=bool).reshape(len(lines), count)
