"""Measurements of many cases as one CSV table, one row per case and measurement."""

from __future__ import annotations

import os
from collections.abc import Sequence

from LandmarkDetectionLib.files import write_text
from LandmarkDetectionLib.io.csv_text import table_text
from LandmarkDetectionLib.reporting.case import RESEARCH_ONLY, CaseReport

COLUMNS = (
    "case",
    "measurement",
    "group",
    "value",
    "unit",
    "sd",
    "low_95",
    "high_95",
    "range_low",
    "range_high",
    "position",
    "class",
    "meaning",
    "gap",
    "remarks",
    "protocol",
    "model",
    "reviewed_by",
    "reviewed_at",
    "use",
)


def write_csv(reports: Sequence[CaseReport], path: str | os.PathLike[str]) -> None:
    """Write the table, numbers with all their digits; OutputError when the file cannot be written."""
    write_text(path, csv_text(reports))


def csv_text(reports: Sequence[CaseReport]) -> str:
    """The table as text."""
    rows: list[Sequence[object]] = [COLUMNS]
    for report in reports:
        protocol = report.measurements.protocol
        made_by = (f"{protocol.name} {protocol.version}", f"{report.model} {report.model_version}".strip())
        reviewed = report.reviewed
        seen = (reviewed.by, reviewed.when.isoformat(timespec="minutes")) if reviewed else ("", "")
        for one in report.measurements:
            spread = one.spread
            rows.append(
                (
                    report.name,
                    one.name,
                    one.definition.group,
                    one.value,
                    one.unit,
                    *(("", "", "") if spread is None else (spread.sd, spread.low, spread.high)),
                    *(one.usual or ("", "")),
                    one.position,
                    one.class_name,
                    one.class_meaning,
                    one.gap,
                    "; ".join(one.remarks),
                    *made_by,
                    *seen,
                    RESEARCH_ONLY,
                )
            )
    return table_text(rows)
