"""The visits of a patient as tables (CSV), Markdown, and one HTML page with a picture of every comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.files import atomic_write, make_folder, write_text
from LandmarkDetectionLib.measurement.frame import in_plane
from LandmarkDetectionLib.reporting.case import RESEARCH_ONLY, number
from LandmarkDetectionLib.reporting.figure_text import draw_as_written
from LandmarkDetectionLib.reporting.pages import Section, csv_text, write_pages
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.alignment.change import Change
    from LandmarkDetectionLib.alignment.compare import Comparison
    from LandmarkDetectionLib.alignment.displacement import Displacement
    from LandmarkDetectionLib.alignment.visits import Course, Rate

CHANGED, SAME, UNKNOWN = "changed", "within chance", "unknown"
_BEFORE, _AFTER, _MOVED = "#56b4e9", "#d55e00", "#d55e00"


def write_visits(course: Course, out: Path) -> list[Path]:
    """Write ``report.html``, ``visits.md``, ``changes.csv``, ``displacements.csv``, ``rates.csv``, pictures.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    make_folder(out / "figures")
    written = []
    tables = {
        "changes.csv": [_change_record(one, of) for one in course.comparisons for of in one.changes],
        "displacements.csv": [
            _displacement_record(one, of) for one in course.comparisons for of in one.displacements
        ],
        "rates.csv": [_rate_record(course, one) for one in course.rates],
    }
    for name, rows in tables.items():
        if rows:
            write_text(out / name, csv_text(rows))
            written.append(out / name)
    sections = [_visits_section(course)]
    for index, one in enumerate(course.comparisons, start=1):
        sections += _comparison_sections(one, out / "figures" / f"visit-{index + 1}.png")
    if course.rates:
        sections.append(_rates_section(course))
    title = f"Visits: {course.protocol.title}"
    names = ", ".join(visit.name for visit in course.visits)
    page = write_pages(
        out,
        "visits.md",
        title,
        names,
        [RESEARCH_ONLY, _level_sentence(course)],
        sections,
        {CHANGED: "bad", SAME: "good"},
    )
    return [page, out / "visits.md", *written]


def _level_sentence(course: Course) -> str:
    told = [
        [*(of.changed for of in one.changes), *(of.changed for of in one.displacements)]
        for one in course.comparisons
    ]
    tests = sum(changed is not None for one in told for changed in one)
    return (
        f"'{CHANGED}' means: more than the uncertainty of both visits explains in 95 of 100 cases without a "
        f"change. Of the {counted(tests, 'test')} here about {round(0.05 * tests)} would say so by chance "
        "alone."
    )


def _visits_section(course: Course) -> Section:
    rows = [
        [one.name, one.when or "-", f"{len(one.landmarks.present)} of {len(one.landmarks)}"]
        for one in course.visits
    ]
    return Section("Visits", heading=["visit", "when", "landmarks with a place"], rows=rows)


def _comparison_sections(one: Comparison, picture: Path) -> list[Section]:
    said = list(one.remarks)
    if one.superimposition is None:
        said.append("The visits were not laid onto one another; displacements are not told.")
    found = [
        Section(
            f"{one.later.name} against {one.first.name}: measurements",
            said,
            ["measurement", "before", "after", "change", "95 % interval", "judged", "remarks"],
            [change_cells(of) for of in one.changes if not of.gap],
        )
    ]
    gaps = [[of.definition.title, of.gap] for of in one.changes if of.gap]
    if gaps:
        found.append(
            Section(
                heading=["measurement", "why not"], rows=gaps, folded=f"{len(gaps)} that cannot be compared"
            )
        )
    rows = [displacement_cells(of, one.unit) for of in one.displacements if not of.gap]
    if rows:
        draw_displacements(one, picture)
        axes = ", ".join(one.axes).replace("_", " ")
        found.append(
            Section(
                f"{one.later.name} against {one.first.name}: landmarks",
                [f"Components along {axes}, with half their 95 % interval."],
                ["landmark", f"moved {one.unit}", "components", "p", "judged"],
                rows,
                (
                    f"Landmarks at {one.first.name} (blue), and where they are at {one.later.name} "
                    "(orange where they moved more than chance explains, else grey).",
                    picture,
                ),
            )
        )
    return found


def _rates_section(course: Course) -> Section:
    heads = ["measurement", *(one.when or one.name for one in course.visits), "per year", "95 % interval"]
    rows = [rate_cells(one) for one in course.rates]
    return Section("Course over time", heading=[*heads, "judged", "remarks"], rows=rows)


def judged(changed: bool | None) -> str:
    """In a word."""
    return UNKNOWN if changed is None else CHANGED if changed else SAME


def change_cells(one: Change) -> list[str]:
    """Title, before, after, change, interval, judgement, and remarks, as reports show them."""
    unit = one.before.unit
    if one.value is None or one.before.value is None or one.after.value is None:
        return [one.definition.title, "-", "-", "-", "", UNKNOWN, one.gap]
    between = ""
    if one.spread is not None:
        between = " to ".join(number(end, unit, with_unit=False) for end in (one.spread.low, one.spread.high))
    remarks = list(one.remarks)
    if one.before.class_name != one.after.class_name:
        remarks.insert(0, f"class {one.before.class_name or 'none'}, then {one.after.class_name or 'none'}")
    values = (number(value, unit) for value in (one.before.value, one.after.value, one.value))
    return [one.definition.title, *values, between, judged(one.changed), "; ".join(remarks)]


def displacement_cells(one: Displacement, unit: str) -> list[str]:
    """Name, length, components, probability, and judgement."""
    if one.vector is None or one.distance is None:
        return [one.name, "-", one.gap, "-", UNKNOWN]
    sd = np.full(len(one.vector), np.nan)
    if one.covariance is not None:
        sd = np.sqrt(np.clip(np.diag(one.covariance), 0, None))
    parts = [
        f"{value:+.1f}" + ("" if np.isnan(error) else f" ± {1.96 * error:.1f}")
        for value, error in zip(one.vector, sd, strict=True)
    ]
    said = judged(one.changed) + (", superimposed by it" if one.held else "")
    p = "-" if one.p is None else "< 0.001" if one.p < 0.001 else f"{one.p:.3f}"
    return [one.name, f"{one.distance:.1f}", ", ".join(parts), p, said]


def rate_cells(one: Rate) -> list[str]:
    """Title, values, slope, interval, judgement, and remarks."""
    values = ["-" if of.value is None else number(of.value, of.unit) for of in one.values]
    if one.per_year is None or one.spread is None:
        return [one.title, *values, "-", "", UNKNOWN, one.gap]
    between = " to ".join(
        number(end, one.unit, with_unit=False, more=1) for end in (one.spread.low, one.spread.high)
    )
    slope = number(one.per_year, one.unit, more=1)
    return [one.title, *values, slope, between, judged(one.changed), "; ".join(one.remarks)]


def _change_record(comparison: Comparison, one: Change) -> dict[str, Any]:
    spread = one.spread
    return {
        "first": comparison.first.name,
        "later": comparison.later.name,
        "measurement": one.definition.name,
        "unit": one.before.unit,
        "before": one.before.value,
        "after": one.after.value,
        "change": one.value,
        "sd": None if spread is None else spread.sd,
        "low_95": None if spread is None else spread.low,
        "high_95": None if spread is None else spread.high,
        "changed": one.changed,
        "class_before": one.before.class_name,
        "class_after": one.after.class_name,
        "gap": one.gap,
        "remarks": "; ".join(one.remarks),
        "use": RESEARCH_ONLY,
    }


def _displacement_record(comparison: Comparison, one: Displacement) -> dict[str, Any]:
    count = len(comparison.axes)
    vector = [None] * count if one.vector is None else one.vector.tolist()
    sd: Sequence[float | None] = [None] * count
    if one.covariance is not None:
        sd = np.sqrt(np.clip(np.diag(one.covariance), 0, None)).tolist()
    return {
        "first": comparison.first.name,
        "later": comparison.later.name,
        "landmark": one.name,
        "unit": comparison.unit,
        "distance": one.distance,
        **dict(zip(comparison.axes, vector, strict=True)),
        **{f"{axis}_sd": value for axis, value in zip(comparison.axes, sd, strict=True)},
        "p": one.p,
        "changed": one.changed,
        "superimposed_by_it": one.held,
        "gap": one.gap,
        "use": RESEARCH_ONLY,
    }


def _rate_record(course: Course, one: Rate) -> dict[str, Any]:
    spread = one.spread
    return {
        "measurement": one.name,
        "unit": one.unit,
        **{visit.name: of.value for visit, of in zip(course.visits, one.values, strict=True)},
        "per_year": one.per_year,
        "low_95": None if spread is None else spread.low,
        "high_95": None if spread is None else spread.high,
        "changed": one.changed,
        "gap": one.gap,
        "remarks": "; ".join(one.remarks),
        "use": RESEARCH_ONLY,
    }


def draw_displacements(one: Comparison, path: Path) -> None:
    """Draw where landmarks were and where they are, the later visit laid onto the first.

    Of a volume from the front and from the left; of a radiograph in its plane.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    first = {mark.name: one.first.frame.points(mark.position) for mark in one.first.landmarks.present}
    in_picture = len(one.axes) == 2
    laid = one.superimposition
    later = {}
    if laid is not None:
        for mark in one.later.landmarks.present:
            later[mark.name] = one.first.frame.points(laid.apply(mark.position))
    views = [("", None)] if in_picture else [("from the front", "coronal"), ("from the left", "sagittal")]
    figure = Figure(figsize=(4.6 * len(views), 6.0), dpi=130)
    FigureCanvasAgg(figure)
    for column, (title, plane) in enumerate(views, start=1):
        axes = figure.add_subplot(1, len(views), column)
        for of in one.displacements:
            if of.vector is None or of.name not in first or of.name not in later:
                continue
            ends = np.array([first[of.name], later[of.name]])
            x, y = (in_plane(ends, plane) if plane else ends).T
            colour = _MOVED if of.changed else "0.55"
            axes.plot(x, y, color=colour, linewidth=1.2, zorder=2)
            axes.plot(x[:1], y[:1], "o", color=_BEFORE, markersize=3.5, zorder=3)
            axes.plot(x[1:], y[1:], "o", color=_AFTER if of.changed else "0.55", markersize=3.5, zorder=4)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.set_title(title)
        axes.set_xlabel(one.unit)
        axes.grid(color="0.92")
    figure.tight_layout()
    with atomic_write(path) as temporary:
        draw_as_written(figure)
        figure.savefig(temporary, dpi=130)
