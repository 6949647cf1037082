"""The results of a cohort as arrays: read from its folder, with what people have said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.cohort.results.records import (
    CASES,
    DETECTION,
    LANDMARKS,
    MEASUREMENTS,
    OVERLAY,
    THUMBNAIL,
    UNREADABLE_RESULT,
    CaseRecord,
    Cohort,
    ModelSettings,
    Outcome,
    State,
    read_case,
)
from LandmarkDetectionLib.cohort.results.reviews import REVIEWS, review_path
from LandmarkDetectionLib.core.doubts import Doubt, doubts_from_record
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError
from LandmarkDetectionLib.files import read_json
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.typing import FloatArray

_FILES = (LANDMARKS, DETECTION, MEASUREMENTS)
#: Mm, pixels or whatever a measurement counts in: what is larger is damage.
_FARTHEST = 1e6
_MOST_SECONDS = 1e9


@dataclass(frozen=True, eq=False)
class CaseResult:
    """What one model made of one case.

    Attributes
    ----------
    case
        Its key in the cohort.
    state
        Done, failed or set aside.
    model, version
        Which model.
    reason
        Why there is no result.
    names
        Of the L landmarks.
    positions : (L, 3)
        RAS mm as they stand after a review, NaN where a landmark is absent.
    confidence : (L,)
        Of the prediction, NaN where unknown.
    status
        Of each landmark as it stands after a review.
    doubts
        Of the detection and of the measurements.
    measurements
        Values by name and unit.
    files, picture, thumbnail
        Relative to the cohort's folder, with ``/``; empty when there is none.
    seconds
        That the model took.
    """

    case: str
    state: State
    model: str
    version: str
    reason: str = ""
    names: tuple[str, ...] = ()
    positions: FloatArray = field(default_factory=lambda: np.empty((0, 3)))
    confidence: FloatArray = field(default_factory=lambda: np.empty(0))
    status: tuple[Status, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    measurements: Mapping[tuple[str, str], float] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    picture: str = ""
    thumbnail: str = ""
    seconds: float | None = None

    @property
    def key(self) -> str:
        """Name and version of the model."""
        return f"{self.model} {self.version}".strip()


def case_results(
    cohort: Cohort, progress: Callable[[float, str], None] = lambda fraction, text: None
) -> list[CaseResult]:
    """Every result of a cohort; those whose files cannot be read count as failed, with the reason.

    Parameters
    ----------
    cohort
        From ``read_cohort``.
    progress
        Called with the fraction done and what is being done.
    """
    keys = cohort.keys()
    results: list[CaseResult] = []
    for number, key in enumerate(keys):
        if number % 100 == 0:
            progress(number / len(keys), "reading the cases")
        results += results_of(cohort, key)
    return results


def protocols_of(cohort: Cohort) -> dict[str, Protocol]:
    """Protocols of the cohort's models that are known here, by :attr:`CaseResult.key`."""
    found = {}
    for model in cohort.settings.models:
        protocol = _protocol(model)
        if protocol is not None:
            found[f"{model.name} {model.version}"] = protocol
    return found


def _protocol(settings: ModelSettings) -> Protocol | None:

    try:
        model = load_model(settings.name)
        if model.version == settings.version:
            return model.protocol
    except (LandmarkDetectionError, OSError, ValueError):
        pass
    try:
        return load_protocol(settings.protocol)
    except (LandmarkDetectionError, OSError, ValueError):
        return None


def results_of(cohort: Cohort, key: str) -> Iterator[CaseResult]:
    """The results of one case; see :func:`case_results`."""
    try:
        record = read_case(cohort.folder, key)
    except InputError as problem:
        # No file name of the machine: the report may be shared.
        reason = str(problem).replace(str(cohort.folder), ".")
        yield CaseResult(key, State.FAILED, "", "", reason)
        return
    for outcome in record.outcomes:
        if outcome.state is not State.DONE:
            yield _without_result(record, outcome, outcome.reason)
            continue
        try:
            yield _read(cohort, record, outcome)
        except UNREADABLE_RESULT as problem:
            reason = str(problem).replace(str(cohort.folder), ".")
            yield _without_result(record, outcome, f"Its files cannot be read: {reason}")


def _without_result(record: CaseRecord, outcome: Outcome, reason: str) -> CaseResult:
    state = outcome.state if outcome.state is not State.DONE else State.FAILED
    return CaseResult(record.key, state, outcome.model, outcome.model_version, reason)


def _read(cohort: Cohort, record: CaseRecord, outcome: Outcome) -> CaseResult:
    key, model = record.key, outcome.model
    here = cohort.path(key, model).parent
    reviewed = review_path(cohort, key, model)
    is_reviewed = reviewed.is_file()
    # A record that a person has worked on keeps the prediction beside it.
    path = reviewed if is_reviewed else cohort.path(key, model)
    if not path.is_file():
        raise InputError(f"{path} is missing or no file.")
    content = read_json(path)
    landmarks = [_Mark.of(one) for one in content["landmarks"]]
    predicted = {one.name: one for one in map(_Mark.of, content.get("prediction", content["landmarks"]))}
    if len({one.name for one in landmarks}) < len(landmarks):
        raise ValueError("a landmark occurs twice")
    folder = f"{CASES}/{key}/{model}"
    picture = f"{folder}/{OVERLAY}" if (here / OVERLAY).is_file() else ""
    files = [f"{folder}/{name}" for name in _FILES if name in outcome.files or (here / name).is_file()]
    if is_reviewed:
        files += [f"{REVIEWS}/{key}/{model}.mrk.json", f"{REVIEWS}/{key}/{model}.json"]
    names = tuple(one.name for one in landmarks)
    return CaseResult(
        key,
        State.DONE,
        model,
        outcome.model_version,
        names=names,
        positions=np.array([one.position for one in landmarks], dtype=np.float64).reshape(-1, 3),
        confidence=np.array([predicted[one.name].confidence for one in landmarks], dtype=np.float64),
        status=tuple(one.status for one in landmarks),
        doubts=doubts_from_record(vars(outcome), names),
        measurements=_measurements(cohort, key, model),
        files=tuple(files),
        picture=picture,
        thumbnail=f"{folder}/{THUMBNAIL}" if (here / THUMBNAIL).is_file() else picture,
        seconds=min(sum(outcome.seconds.values()), _MOST_SECONDS) if outcome.seconds else None,
    )


def _measurements(cohort: Cohort, key: str, model: str) -> dict[tuple[str, str], float]:
    return {
        (_text(one["name"]), _text(one["unit"])): _number(one["value"], -_FARTHEST, _FARTHEST)
        for one in cohort.measurements(key, model)
        if one["value"] is not None
    }


class _Mark(NamedTuple):
    """A landmark of a record, each value checked: what is damaged is told and not drawn."""

    name: str
    position: list[float]
    confidence: float
    status: Status

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> _Mark:
        """ValueError, KeyError or TypeError for a broken record."""
        name, status, position = _text(record["name"]), Status(record["status"]), record["position"]
        if position is None:
            if status.has_position:
                raise ValueError(f"{name} is {status.value} and has no position")
            place = [np.nan] * 3
        else:
            place = [_number(value, -_FARTHEST, _FARTHEST) for value in position]
        if len(place) != 3:
            raise ValueError(f"the position of {name} has {len(place)} numbers")
        confidence = record.get("confidence")
        return cls(name, place, np.nan if confidence is None else _number(confidence, 0.0, 1.0), status)


def _number(value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a {type(value).__name__} stands where a number should")
    if not least <= value <= most:  # NaN is neither
        raise ValueError(f"the number {value:.3g} is not between {least:g} and {most:g}")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"a {type(value).__name__} stands where a name should")
    return value
