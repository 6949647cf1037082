"""A page of A4 as PDF: picture, facts, warnings, and every measurement; more pages where they do not fit."""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.reporting.case import RESEARCH_ONLY, CaseReport, cells
from LandmarkDetectionLib.reporting.figure_text import draw_as_written
from LandmarkDetectionLib.reporting.picture import draw
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from LandmarkDetectionLib.measurement import Measured

_WIDTH, _HEIGHT, _EDGE = 8.27, 11.69, 0.5  # inches
_PICTURE = (4.75, 4.1)
_LINE = 0.145  # between two rows
_SIZE = 7.0  # of the table's letters, in points
_COLUMNS = (0.0, 2.25, 2.95, 3.9, 4.85)  # inches from the left edge of the table
_HEADS = ("Measurement", "Value", "95 % interval", "Usual", "Class and remarks")
_TITLE, _GAP, _REMARK = 48, 96, 46  # characters
_FACT, _WARNING = 26, 40  # characters
_MOST_WARNINGS = 12  # lines


def write_pdf(report: CaseReport, path: str | os.PathLike[str]) -> None:
    """Write the page, and as many more as the table needs; OutputError when the file cannot be written."""
    import matplotlib
    from matplotlib.backends.backend_pdf import PdfPages

    metadata = {"Title": f"{report.name}: measurements", "Creator": report.facts[-1][1]}
    # Fonts are embedded as they are: viewers hint them, and the text can be searched and copied.
    with (
        atomic_write(path) as temporary,
        matplotlib.rc_context({"pdf.fonttype": 42}),
        PdfPages(temporary, metadata=metadata) as pages,
    ):
        rows, number = _rows(report), 0
        while rows or number == 0:
            figure, page = _new_page(report)
            top = _EDGE + 0.45
            if number == 0:
                top += _draw_head(figure, page, report, top) + 0.3
            fitting = int((_HEIGHT - 0.6 - top) / _LINE) - 1
            _write_rows(page, rows[:fitting], top)
            rows, number = rows[fitting:], number + 1
            draw_as_written(figure)
            pages.savefig(figure, dpi=200)


def _new_page(report: CaseReport) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, _HEIGHT))
    FigureCanvasPdf(figure)
    page = figure.add_axes((0, 0, 1, 1))
    page.set_axis_off()
    page.set_xlim(0, _WIDTH)
    page.set_ylim(_HEIGHT, 0)
    title = report.measurements.protocol.title
    page.text(_EDGE, _EDGE, title, fontsize=15, weight="bold", va="top", parse_math=False)
    page.text(_WIDTH - _EDGE, _EDGE + 0.05, RESEARCH_ONLY, fontsize=8, color="#b00020", ha="right", va="top")
    page.text(_EDGE, _HEIGHT - 0.35, RESEARCH_ONLY, fontsize=7, color="#b00020", va="bottom")
    return figure, page


def _draw_head(figure: Figure, page: Axes, report: CaseReport, top: float) -> float:
    """The picture with the facts beside it; how many inches high they are."""
    width, height = _PICTURE
    picture = figure.add_axes(
        (_EDGE / _WIDTH, 1 - (top + height) / _HEIGHT, width / _WIDTH, height / _HEIGHT), anchor="NW"
    )
    drawn = draw(picture, report, _PICTURE)
    return max(drawn, _write_facts(page, report, _EDGE + width + 0.2, top) - top)


def _write_facts(page: Axes, report: CaseReport, left: float, top: float) -> float:
    """Write them from a height on, and return where they end."""
    for head, text in report.facts:
        page.text(left, top, head, fontsize=7.5, color="0.4", va="top")
        for line in textwrap.wrap(text, _FACT) or [""]:
            page.text(left + 0.75, top, line, fontsize=7.5, va="top", parse_math=False)
            top += 0.16
        top += 0.05
    lines = [
        line
        for warning in report.all_warnings
        for line in textwrap.wrap(f"! {warning}", _WARNING, subsequent_indent="  ")
    ]
    if len(lines) > _MOST_WARNINGS:
        lines = [*lines[: _MOST_WARNINGS - 1], f"... {counted(len(report.all_warnings), 'warning')} in all"]
    for line in lines:
        page.text(left, top, line, fontsize=7.5, color="#a04000", va="top", parse_math=False)
        top += 0.155
    return top


@dataclass(frozen=True)
class _Row:
    """One line of the table, and how it is written."""

    texts: tuple[str, ...]
    style: dict[str, Any]


def _rows(report: CaseReport) -> list[_Row]:
    rows = []
    for group in dict.fromkeys(one.definition.group for one in report.measurements):
        if group:
            rows.append(_Row((group, "", "", "", ""), {"color": "0.35", "style": "italic"}))
        for one in report.measurements:
            if one.definition.group == group:
                colour = "#a04000" if one.position in ("below", "above") else "black"
                style = {"color": "0.55" if one.value is None else colour}
                rows.extend(_Row(line, style) for line in _texts(one))
    return rows


def _write_rows(page: Axes, rows: list[_Row], top: float) -> None:
    for row in (_Row(_HEADS, {"weight": "bold"}), *rows):
        for left, text in zip(_COLUMNS, row.texts, strict=True):
            page.text(_EDGE + left, top, text, fontsize=_SIZE, va="top", parse_math=False, **row.style)
        top += _LINE
        if row.texts == _HEADS:
            page.plot([_EDGE, _WIDTH - _EDGE], [top - 0.25 * _LINE] * 2, color="0.5", linewidth=0.6)


def _texts(one: Measured) -> list[tuple[str, str, str, str, str]]:
    """The lines of one measurement; why there is no value takes the place of the value."""
    title, value, interval, usual, said = cells(one)
    title = textwrap.shorten(title, _TITLE, placeholder="...")
    if one.value is None:
        first, *others = textwrap.wrap(said, _GAP) or [""]
        return [(title, first, "", "", ""), *(("", line, "", "", "") for line in others)]
    first, *others = textwrap.wrap(said, _REMARK) or [""]
    return [(title, value, interval, usual, first), *(("", "", "", "", line) for line in others)]
