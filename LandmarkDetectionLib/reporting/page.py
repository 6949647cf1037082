"""One page of A4 as PDF: picture, facts, warnings, and every measurement."""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.reporting.case import RESEARCH_ONLY, CaseReport, cells
from LandmarkDetectionLib.reporting.picture import draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from LandmarkDetectionLib.measurement import Measured

_WIDTH, _HEIGHT, _EDGE = 8.27, 11.69, 0.5  # inches
_PICTURE = (3.7, 4.1)
_LINE = 0.155  # between two rows, at most
_COLUMNS = (0.0, 2.25, 2.95, 3.9, 4.85)  # inches from the left edge of the table
_HEADS = ("Measurement", "Value", "95 % interval", "Usual", "Class and remarks")
_TITLE, _GAP, _REMARK = 48, 96, 46  # characters
_MOST_WARNINGS = 8  # lines


def write_pdf(report: CaseReport, path: str | os.PathLike[str]) -> None:
    """Write the page; OutputError when the file cannot be written."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, _HEIGHT))
    FigureCanvasPdf(figure)
    page = figure.add_axes((0, 0, 1, 1))
    page.set_axis_off()
    page.set_xlim(0, _WIDTH)
    page.set_ylim(_HEIGHT, 0)
    page.text(_EDGE, _EDGE, report.measurements.protocol.title, fontsize=15, weight="bold", va="top")
    page.text(_WIDTH - _EDGE, _EDGE + 0.05, RESEARCH_ONLY, fontsize=8, color="#b00020", ha="right", va="top")
    top = _EDGE + 0.45
    width, height = _PICTURE
    picture = figure.add_axes(
        (_EDGE / _WIDTH, 1 - (top + height) / _HEIGHT, width / _WIDTH, height / _HEIGHT), anchor="NW"
    )
    draw(picture, report)
    _write_facts(page, report, _EDGE + width + 0.25, top)
    _write_table(page, report, top + height + 0.3)
    page.text(_EDGE, _HEIGHT - 0.35, RESEARCH_ONLY, fontsize=7, color="#b00020", va="bottom")
    metadata = {"Title": f"{report.name}: measurements", "Creator": report.facts[-1][1]}
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="pdf", dpi=200, metadata=metadata)


def _write_facts(page: Axes, report: CaseReport, left: float, top: float) -> None:
    for head, text in report.facts:
        lines = textwrap.wrap(text, 36) or [""]
        page.text(left, top, head, fontsize=7.5, color="0.4", va="top")
        for line in lines:
            page.text(left + 0.75, top, line, fontsize=7.5, va="top")
            top += 0.16
        top += 0.05
    lines = [line for warning in report.all_warnings for line in _wrapped_warning(warning)]
    if len(lines) > _MOST_WARNINGS:
        lines = [*lines[: _MOST_WARNINGS - 1], f"... {len(report.all_warnings)} warnings in all"]
    for line in lines:
        page.text(left, top, line, fontsize=7.5, color="#a04000", va="top")
        top += 0.155


def _wrapped_warning(warning: str) -> list[str]:
    return textwrap.wrap(f"! {warning}", 52, subsequent_indent="  ")


def _write_table(page: Axes, report: CaseReport, top: float) -> None:
    groups = list(dict.fromkeys(one.definition.group for one in report.measurements))
    texts = {one.name: _texts(one) for one in report.measurements}
    rows = sum(map(len, texts.values())) + len([group for group in groups if group]) + 1
    step = min(_LINE, (_HEIGHT - 0.6 - top) / max(rows, 1))
    size = min(7.0, step / _LINE * 7.0)

    def row(texts: tuple[str, ...], **style: Any) -> None:
        nonlocal top
        for left, text in zip(_COLUMNS, texts, strict=True):
            page.text(_EDGE + left, top, text, fontsize=size, va="top", **style)
        top += step

    row(_HEADS, weight="bold")
    page.plot([_EDGE, _WIDTH - _EDGE], [top - 0.25 * step] * 2, color="0.5", linewidth=0.6)
    for group in groups:
        if group:
            row((group, "", "", "", ""), color="0.35", style="italic")
        for one in report.measurements:
            if one.definition.group == group:
                for line in texts[one.name]:
                    row(line, color="0.55" if one.value is None else _colour(one.position))


def _texts(one: Measured) -> list[tuple[str, str, str, str, str]]:
    """The lines of one measurement; why there is no value takes the place of the value."""
    title, value, interval, usual, said = cells(one)
    title = textwrap.shorten(title, _TITLE, placeholder="...")
    if one.value is None:
        return [(title, line, "", "", "") for line in textwrap.wrap(said, _GAP)]
    first, *others = textwrap.wrap(said, _REMARK) or [""]
    return [(title, value, interval, usual, first), *(("", "", "", "", line) for line in others)]


def _colour(position: str) -> str:
    return "#a04000" if position in ("below", "above") else "black"
