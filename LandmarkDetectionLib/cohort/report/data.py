"""What the report of a cohort shows, as the compact values that its page reads.

One row per case and model, worst first; how a row is laid out is known here and in ``data.js`` of the page.
Only keys of cases, results and files of the cohort's folder enter: nothing of where the images came from.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.cohort.results.case_results import CaseResult
from LandmarkDetectionLib.cohort.results.model_results import ModelResults, by_model, results_by_priority
from LandmarkDetectionLib.cohort.results.records import State
from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.typing import FloatArray

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.protocol import Protocol

_STATES = [state.value for state in State]
_LETTERS = {
    Status.DETECTED: "d",
    Status.UNCERTAIN: "u",
    Status.ABSENT: "a",
    Status.ACCEPTED: "A",
    Status.CORRECTED: "C",
    Status.MISSING: "M",
}
_UNITS = {"deg": "\u00b0", "1": ""}
_MOST_KINDS = 300
_OTHER = "other warnings"
_NOWHERE = -32_768
_REACH = 32_767


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything that the page reads.

    Attributes
    ----------
    groups
        The results of each model.
    summary
        What is part of the page itself.
    rows
        One list per result, worst first.
    points
        By model's and landmark's index: base64 of four 16 bit integers (x, y, z in steps of the model's
        ``unit`` mm, and 100 times the distance) for every result that is done, in the order of the rows.
    """

    groups: tuple[ModelResults, ...]
    summary: dict[str, Any]
    rows: list[list[Any]]
    points: dict[tuple[int, int], str]


def report_data(results: Sequence[CaseResult], protocols: Mapping[str, Protocol]) -> ReportData:
    """Pack the results of a cohort.

    Parameters
    ----------
    results
        In any order.
    protocols
        Of the models, by :attr:`CaseResult.key`; titles, lines and ranges of models that are not here any
        more are left out.
    """
    groups = by_model(results, protocols)
    order = results_by_priority(groups)
    packing = _Packing(groups, results)
    rows = [packing.row(group, row) for group, row in order]
    rows += [packing.row(None, 0, one) for one in results if not one.key]
    summary = {
        "states": _STATES,
        "models": [_model(group, packing.measured[group.key]) for group in groups],
        "warnings": list(packing.kinds),
        "files": list(packing.templates),
    }
    points = {
        (number, column): _packed_points(
            group, column, [row for one, row in order if one is group and one.results[row].names]
        )
        for number, group in enumerate(groups)
        for column in (range(len(group.names)) if group.has_frame else ())
    }
    return ReportData(tuple(groups), summary, rows, points)


class _Packing:
    """What all rows share: numbers for what is said often."""

    def __init__(self, groups: list[ModelResults], results: Sequence[CaseResult]) -> None:
        self.groups = [group.key for group in groups]
        self.kinds = _kinds(results)
        self.templates: dict[str, int] = {}
        self.measured = {group.key: _measured(group) for group in groups}

    def row(self, group: ModelResults | None, row: int, broken: CaseResult | None = None) -> list[Any]:
        one = group.results[row] if group is not None else broken
        assert one is not None
        number = None if group is None else self.groups.index(group.key)
        head = [one.case, _STATES.index(one.state.value), number]
        if group is None or one.state is not State.DONE:
            return [*head, 0, None, [], None, None, [], [], "", [], [], one.reason, 0, None]
        confidence = [_percent(value) for value in group.confidence[row]]
        outliers = [
            [int(column), round(float(group.frame.distances[row, column]), 1)]
            for column in np.flatnonzero(group.frame.outliers[row])
        ]
        lowest = group.lowest(row)
        return [
            *head,
            round(float(group.scores[row]), 2),
            None if lowest is None else _percent(lowest),
            [self._file(one, path) for path in one.files],
            self._file(one, one.thumbnail),
            self._file(one, one.picture),
            [[self.kinds.get(doubt.subject, len(self.kinds) - 1), doubt.text] for doubt in one.doubts],
            confidence,
            "".join(_LETTERS[status] for status in group.status[row]),
            sorted(outliers, key=lambda pair: -pair[1]),
            [
                _rounded(one.measurements.get((each["name"], each["written"])))
                for each in self.measured[group.key]
            ],
            "",
            int(group.settled[row].sum()),
            None if one.seconds is None else round(one.seconds, 2),
        ]

    def _file(self, one: CaseResult, path: str) -> int | None:
        """The number of a path in which case and model are left open."""
        if not path:
            return None
        parts = ["{case}" if part == one.case else part for part in path.split("/")]
        ends = [one.model, f"{one.model}.json", f"{one.model}.mrk.json"]
        template = "/".join(part.replace(one.model, "{model}") if part in ends else part for part in parts)
        return self.templates.setdefault(template, len(self.templates))


# --- models ------------------------------------------------------------------------------------------------


def _model(group: ModelResults, measured: list[dict[str, Any]]) -> dict[str, Any]:
    index = {name: column for column, name in enumerate(group.names)}
    lines = group.protocol.lines if group.protocol is not None else ()
    shape = group.frame.shape
    return {
        "key": group.key,
        "name": group.results[0].model,
        "landmarks": [_landmark(group, column) for column in range(len(group.names))],
        "lines": [[index[one], index[other]] for one, other in lines],
        "measurements": measured,
        "shape": _numbers(shape, 2) if group.has_frame else None,
        "plane": _plane(shape) if group.has_frame else None,
        "unit": _step(group),
    }


def _landmark(group: ModelResults, column: int) -> dict[str, Any]:
    name = group.names[column]
    done = [row for row, one in enumerate(group.results) if one.names]
    confidence = group.confidence[done, column]
    # The confidence of an absent landmark is another thing: the chance that it is there after all.
    confidence = confidence[np.isfinite(confidence) & group.present[done, column]]
    off = np.linalg.norm(group.frame.aligned[:, column] - group.frame.shape[column], axis=-1)
    off = off[np.isfinite(off)]
    return {
        "name": name,
        "title": group.protocol[name].title if group.protocol is not None else _words(name),
        "found": round(100 * float(group.present[done, column].mean())) if done else None,
        "confidence": _percent(float(np.median(confidence))) if len(confidence) else None,
        "spread": round(float(np.median(off)), 2) if len(off) else None,
        "outliers": int(group.frame.outliers[:, column].sum()),
    }


def _measured(group: ModelResults) -> list[dict[str, Any]]:
    """What the results measure, in the protocol's order; lengths in pixels are another thing than in mm."""
    used = dict.fromkeys(key for one in group.results for key in one.measurements)
    known = {one.name: one for one in group.protocol.measurements} if group.protocol is not None else {}
    order = {name: place for place, name in enumerate(known)}
    found = []
    for name, unit in sorted(used, key=lambda key: (order.get(key[0], len(order)), key)):
        definition = known.get(name)
        usual = definition.range if definition is not None and unit != "px" else None
        found.append(
            {
                "name": name,
                "title": definition.title if definition is not None else _words(name),
                "written": unit,
                "unit": _UNITS.get(unit, unit),
                "range": None if usual is None else list(usual),
            }
        )
    return found


# --- the common frame --------------------------------------------------------------------------------------


def _step(group: ModelResults) -> float:
    """Mm per step of the packed positions."""
    reach = float(np.nanmax(np.abs(group.frame.aligned))) if group.has_frame else 1.0
    return max(float(f"{1.01 * reach / _REACH:.2g}"), 1e-4)


def _packed_points(group: ModelResults, column: int, rows: list[int]) -> str:
    places = group.frame.aligned[rows, column] / _step(group)
    far = np.nan_to_num(group.frame.distances[rows, column])[:, None] * 100
    values = np.column_stack([places, far])
    packed = np.full((len(rows), 4), _NOWHERE, "<i2")
    known = np.isfinite(values).all(axis=1)
    packed[known] = np.clip(np.rint(values[known]), -_REACH, _REACH)
    return base64.b64encode(packed.tobytes()).decode("ascii")


def _plane(shape: FloatArray) -> list[list[int]] | None:
    """Axes and signs in which landmarks of a radiograph are looked at; None for landmarks in space."""
    spread = np.nanstd(shape, axis=0)
    thin = int(np.argmin(spread))
    if spread[thin] > 0.01 * spread.max():
        return None
    # As a reader sees them: to the left or to posterior, and downwards.
    across, down = (axis for axis in range(3) if axis != thin)
    return [[across, -1], [down, -1]]


# --- small things ------------------------------------------------------------------------------------------


def _kinds(results: Sequence[CaseResult]) -> dict[str, int]:
    """What warnings are about, numbered, the most frequent first; the rare ones of many share the last."""
    counted = Counter(kind for one in results for kind in {doubt.subject for doubt in one.doubts})
    kept = [kind for kind, _ in counted.most_common(_MOST_KINDS)]
    if len(counted) > len(kept):
        kept.append(_OTHER)
    return {kind: number for number, kind in enumerate(kept)}


def _percent(value: float) -> int | None:
    return None if not np.isfinite(value) else round(100 * float(value))


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(f"{value:.5g}")


def _numbers(places: FloatArray, digits: int) -> list[list[float] | None]:
    return [np.round(place, digits).tolist() if np.isfinite(place).all() else None for place in places]


def _words(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]
