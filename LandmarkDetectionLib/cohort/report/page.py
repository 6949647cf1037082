"""The report of a cohort: one page that lists every case, worst first, and works offline with thousands.

The page carries its script and its style. What it says of the cases lies in a folder beside it, in small
scripts that are read one after the other, because a page opened from a disk may read nothing else; the
positions of a landmark in all cases are read when somebody looks at that landmark, and thumbnails when they
come into view.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cohort.report.data import ReportData, report_data
from LandmarkDetectionLib.cohort.results.case_results import case_results, protocols_of
from LandmarkDetectionLib.cohort.results.common_frame import LEAST_CASES, OUTLIER_QUANTILE
from LandmarkDetectionLib.cohort.results.records import read_cohort
from LandmarkDetectionLib.files import atomic_folder, read_text, resource_path, write_text

PAGE = "report.html"
FOLDER = "report-data"
CHUNK = 1000

_SCRIPTS = ("data.js", "filters.js", "cases.js", "charts.js", "landmarks.js", "main.js")
_FRAME_TEXT = (
    "Every case is moved, turned and scaled onto the cohort's median shape, with landmarks far from it "
    "counting less (generalised Procrustes analysis). Distances from where a landmark usually is are then "
    "measured in the cohort's own spread (minimum covariance determinant), which outliers do not widen. A "
    f"landmark is an outlier when fewer than one in {round(1 / (1 - OUTLIER_QUANTILE)):,} normal ones would "
    f"lie so far off; at least {LEAST_CASES} cases are needed."
)

#: How the score is explained to people, see ``quality.triage``.
SCORE_TEXT = (
    "The score estimates how many landmarks of a case are wrong. Each landmark adds one minus its calibrated "
    "confidence; one that the model calls absent adds its confidence, the chance that it is there after all. "
    "If a warning is about the landmark, or it is an outlier in the common frame, that number is moved half "
    "way to one. Each warning that is about no landmark adds one more, until all landmarks are settled. "
    "A landmark that a person has settled adds nothing."
)


def write_report(
    folder: str | os.PathLike[str],
    *,
    progress: Callable[[float, str], None] = lambda fraction, text: None,
) -> Path:
    """Write the report of a cohort into its folder, in the place of an earlier one.

    Parameters
    ----------
    folder
        What ``landmark-detection batch`` has written, finished or not.
    progress
        Called with the fraction done and what is being done.

    Returns
    -------
    Path
        ``report.html``; what it reads lies in ``report-data`` beside it.

    Raises
    ------
    InputError
        The folder is not that of a cohort.
    OutputError
        A file cannot be written; an earlier report is then as it was.
    """
    cohort = read_cohort(folder)
    results = case_results(cohort, lambda fraction, text: progress(0.6 * fraction, text))
    progress(0.6, "comparing the cases")
    waiting = max(0, cohort.settings.total - len({one.case for one in results}))
    data = report_data(results, protocols_of(cohort))
    progress(0.9, "writing the report")
    return write_page(data, cohort.folder, waiting=waiting)


def write_page(data: ReportData, folder: Path, *, waiting: int = 0, made: datetime | None = None) -> Path:
    """Write ``report.html`` and ``report-data``; ``waiting`` cases were not started."""
    chunks = [data.rows[start : start + CHUNK] for start in range(0, len(data.rows), CHUNK)]
    with atomic_folder(folder / FOLDER) as work:
        for number, chunk in enumerate(chunks):
            _write_script(work / f"cases-{number}.js", f"cohort.cases({number},{_json(chunk)});\n")
        for (model, landmark), packed in data.points.items():
            name = f"points-{model}-{landmark}"
            _write_script(work / f"{name}.js", f"cohort.points({_json(name)},{_json(packed)});\n")
    summary = {**data.summary, "folder": FOLDER, "chunks": len(chunks)}
    page = folder / PAGE
    write_text(page, _page(data, summary, waiting, made or datetime.now()))
    return page


def _page(data: ReportData, summary: dict[str, Any], waiting: int, made: datetime) -> str:
    source = resource_path("CohortReport")
    models = ", ".join(model["key"] for model in summary["models"]) or "no model"
    parts = {
        "title": "Cohort report",
        "subtitle": escape(
            f"{_count(len(data.rows), 'result')} of {models}; made {made:%Y-%m-%d %H:%M} by "
            f"landmark-detection {__version__}."
        ),
        "cards": _cards(data, waiting),
        "least": str(LEAST_CASES),
        "score": f"<p>{escape(SCORE_TEXT)} Cases without a result come last.</p>",
        "frame": f"<p>{escape(_FRAME_TEXT)}</p>",
        "style": read_text(source / "report.css"),
        "script": "\n".join(read_text(source / name) for name in _SCRIPTS),
        # Nothing in a text may end the element that holds it.
        "summary": _json(summary).replace("<", "\\u003c"),
    }
    # Split first: what is put in may hold such words itself.
    pieces = read_text(source / "page.html").split("@")
    return "".join(parts[piece] if number % 2 else piece for number, piece in enumerate(pieces))


def _cards(data: ReportData, waiting: int) -> str:
    """What became of the cases, in a few numbers; what no case has is not spoken of."""
    done = [(group, row) for group in data.groups for row, one in enumerate(group.results) if one.names]
    lowest = sorted(value for group, row in done if (value := group.lowest(row)) is not None)
    counts = [
        ("bad", len(data.rows) - len(done), "failed or set aside"),
        ("", waiting, "not started"),
        ("", sum(not group.present[row].any() for group, row in done), "without any landmark in the scan"),
        ("warn", sum(bool(group.results[row].doubts) for group, row in done), "with warnings"),
        ("warn", sum(bool(group.frame.outliers[row].any()) for group, row in done), "with outliers"),
        ("accent", sum(bool(group.settled[row].any()) for group, row in done), "reviewed by a person"),
    ]
    cards = [("good", f"{len(done):,}", "done")]
    cards += [(kind, f"{count:,}", text) for kind, count, text in counts if count]
    if lowest:
        text = "lowest confidence" if len(lowest) == 1 else "median of the cases' lowest confidence"
        cards.append(("accent", f"{100 * median(lowest):.0f} %", text))
    return "".join(
        f'<div class="{kind}"><b>{value}</b><span>{text}</span></div>' for kind, value, text in cards
    )


def _write_script(path: Path, text: str) -> None:
    path.write_bytes(text.encode("ascii"))


def _json(value: Any) -> str:
    """In ASCII, so that no page's encoding can change it."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
