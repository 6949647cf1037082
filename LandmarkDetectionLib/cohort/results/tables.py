"""The tables of a cohort: results, failures, cases, and what was left out.

``results.parquet`` and ``results.csv`` have one row per case and model that is done. Columns, in this order:

* ``case``, ``model``, ``model_version``, ``unit`` of positions ("mm" or "pixel"), ``landmarks``, ``present``,
  ``uncertain``, ``confidence`` (mean of those present), ``warnings`` (joined by "; "), ``seconds`` (in all),
  ``finished``, ``kind_of_file``, ``modality``, ``source`` (only when identifiers were asked for);
* by landmark ``<name>.r``, ``.a``, ``.s`` (RAS; empty where absent), ``.confidence``, ``.status``;
* by measurement ``<name>.value``, ``.sd``, ``.unit``, ``.gap``;
* by step of the work ``step.<name>`` in s.

With several models a row leaves empty what its model does not have.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.cohort.results.records import (
    FAILURES,
    LEFT_OUT,
    LISTED,
    RESULTS_CSV,
    RESULTS_PARQUET,
    UNREADABLE_RESULT,
    CaseRecord,
    Cohort,
    Outcome,
    State,
    read_case,
)
from LandmarkDetectionLib.cohort.run.plan import Job
from LandmarkDetectionLib.cohort.sources.case_source import LeftOut, text_of
from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.io.csv_text import write_row

UNREADABLE = "Unreadable"
#: Rows that are in memory at once.
ROWS = 500
TEXT, NUMBER, COUNT = "text", "number", "count"
STEPS = ("hash", "read", "project", "resample", "load model", "networks", "network", "check", "write", "draw")
FIRST: Mapping[str, str] = {
    "case": TEXT,
    "model": TEXT,
    "model_version": TEXT,
    "unit": TEXT,
    "landmarks": COUNT,
    "present": COUNT,
    "uncertain": COUNT,
    "confidence": NUMBER,
    "warnings": TEXT,
    "seconds": NUMBER,
    "finished": TEXT,
    "kind_of_file": TEXT,
    "modality": TEXT,
}
FAILURE_COLUMNS = ("case", "model", "state", "kind", "reason", "attempts", "finished")


def write_results(cohort: Cohort, protocols: Sequence[Protocol]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Write results and failures from the records; of any number of cases, few are in memory at once.

    A record or a result that cannot be read is a failure with the reason.

    Parameters
    ----------
    cohort
        Where, and of what.
    protocols
        Of its models.

    Returns
    -------
    tuple of str, frozenset of str
        Names of the files; and the cases that were done, of which a file cannot be read.

    Raises
    ------
    OutputError
        A file cannot be written; the old ones are then untouched.
    """
    columns = result_columns(protocols, cohort.settings.identifiers)
    folder = cohort.folder
    with ExitStack() as stack:
        parquet = stack.enter_context(_ParquetFile(folder / RESULTS_PARQUET, columns))
        results = stack.enter_context(_text_file(folder / RESULTS_CSV))
        failures = stack.enter_context(_text_file(folder / FAILURES))
        write_row(results, columns)
        unreadable = set()
        named = cohort.settings.identifiers
        write_row(failures, (*FAILURE_COLUMNS, *(("source",) if named else ())))
        for key in cohort.keys():
            for outcome, record, row in _rows(cohort, key):
                if row is None:
                    write_row(failures, _failure(record, outcome, named))
                    if outcome.kind == UNREADABLE:
                        unreadable.add(key)
                    continue
                values = {name: _of_kind(row.get(name), kind) for name, kind in columns.items()}
                parquet.add(values)
                write_row(results, values.values())
    return (RESULTS_PARQUET, RESULTS_CSV, FAILURES), frozenset(unreadable)


def result_columns(protocols: Sequence[Protocol], identifiers: bool = False) -> dict[str, str]:
    """Columns of the results with their types, in order."""
    columns = dict(FIRST)
    if identifiers:
        columns["source"] = TEXT
    for protocol in protocols:
        for name in protocol.names:
            columns |= {f"{name}.{part}": NUMBER for part in ("r", "a", "s", "confidence")}
            columns[f"{name}.status"] = TEXT
    for protocol in protocols:
        for measurement in protocol.measurements:
            if measurement.shown:
                columns |= {f"{measurement.name}.{part}": NUMBER for part in ("value", "sd")}
                columns |= {f"{measurement.name}.{part}": TEXT for part in ("unit", "gap")}
    return columns | {f"step.{step}": NUMBER for step in STEPS}


def write_left_out(folder: Path, left_out: Sequence[LeftOut], identifiers: bool) -> None:
    """Write what of the source is no case, named only when identifiers were asked for."""
    with _text_file(folder / LEFT_OUT) as file:
        write_row(file, ("what", "kind", "reason"))
        for number, one in enumerate(left_out, start=1):
            what = text_of(one.identity) if identifiers else f"left out {number}"
            write_row(file, (what, one.kind, one.reason))


def write_listed(folder: Path, jobs: Sequence[Job]) -> None:
    """Write which cases the source holds now."""
    with _text_file(folder / LISTED) as file:
        write_row(file, ("case", "kind_of_file", "modality", "slices"))
        for job in jobs:
            write_row(file, (job.key, job.case.kind, job.case.modality, job.case.slices or ""))


# --------------------------------------------------------------------------------------------------------


def _rows(cohort: Cohort, key: str) -> Iterator[tuple[Outcome, CaseRecord, dict[str, Any] | None]]:
    """The outcomes of a case, and the row of each that is done."""
    try:
        record = read_case(cohort.folder, key)
    except InputError as problem:
        broken = Outcome("", "", State.FAILED, "", UNREADABLE, _unreadable(cohort, problem))
        yield broken, CaseRecord(key, "", "", (broken,)), None
        return
    for outcome in record.outcomes:
        if outcome.state is not State.DONE:
            yield outcome, record, None
            continue
        try:
            row = _result(cohort, record, outcome)
        except UNREADABLE_RESULT as problem:
            reason = _unreadable(cohort, problem)
            yield replace(outcome, state=State.FAILED, kind=UNREADABLE, reason=reason), record, None
        else:
            yield outcome, record, row


def _unreadable(cohort: Cohort, problem: Exception) -> str:
    reason = str(problem).replace(str(cohort.folder), ".")
    return f"Its result cannot be read: {reason} Do it again with the files verified."


def _of_kind(value: Any, kind: str) -> Any:
    """A value that a column of this kind takes; None for any other."""
    if kind == TEXT:
        return text_of(value) if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if kind == NUMBER else int(value)


def _result(cohort: Cohort, record: CaseRecord, outcome: Outcome) -> dict[str, Any]:
    detection = cohort.detection(record.key, outcome.model)
    measurements = cohort.measurements(record.key, outcome.model)
    row: dict[str, Any] = {
        "case": record.key,
        "model": outcome.model,
        "model_version": outcome.model_version,
        "unit": detection.used.unit,
        "landmarks": outcome.landmarks,
        "present": outcome.present,
        "uncertain": outcome.uncertain,
        "confidence": outcome.confidence,
        "warnings": "; ".join(outcome.warnings),
        "seconds": round(sum(outcome.seconds.values()), 4),
        "finished": outcome.finished,
        "kind_of_file": record.kind_of_file,
        "modality": record.modality,
        "source": record.source,
    }
    for landmark in detection.landmarks:
        position = landmark.position.tolist() if landmark.is_present else (None,) * 3
        row |= dict(zip((f"{landmark.name}.{axis}" for axis in "ras"), position, strict=True))
        row[f"{landmark.name}.confidence"] = landmark.confidence
        row[f"{landmark.name}.status"] = landmark.status.value
    for one in measurements:
        row |= {f"{one['name']}.{part}": one.get(part) for part in ("value", "sd", "unit", "gap")}
    return row | {f"step.{step}": value for step, value in outcome.seconds.items()}


def _failure(record: CaseRecord, outcome: Outcome, named: bool) -> tuple[Any, ...]:
    state = outcome.state.value
    row = (record.key, outcome.model, state, outcome.kind, outcome.reason, record.attempts, outcome.finished)
    return (*row, record.source) if named else row


@contextmanager
def _text_file(path: Path) -> Iterator[io.TextIOWrapper]:
    """A text file that takes its place when the block ends well."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        yield file


class _ParquetFile:
    """The same for Parquet, written in groups of rows."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        import pyarrow as pa

        types = {TEXT: pa.string(), NUMBER: pa.float64(), COUNT: pa.int32()}
        self._schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
        self._path = path
        self._rows: list[dict[str, Any]] = []
        self._stack = ExitStack()

    def __enter__(self) -> _ParquetFile:
        import pyarrow.parquet as pq

        temporary = self._stack.enter_context(atomic_write(self._path))
        self._writer = self._stack.enter_context(pq.ParquetWriter(temporary, self._schema))
        return self

    def add(self, row: dict[str, Any]) -> None:
        """Take one row; what is no column is left out."""
        self._rows.append(row)
        if len(self._rows) >= ROWS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []

    def __exit__(self, kind: type[BaseException] | None, *details: Any) -> bool | None:
        if kind is None:
            self._flush()
        return self._stack.__exit__(kind, *details)
