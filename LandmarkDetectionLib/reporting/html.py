"""The report as one HTML file: the picture inside, no scripts, nothing fetched from elsewhere."""

from __future__ import annotations

import base64
import os
from html import escape

from LandmarkDetectionLib.files import write_text
from LandmarkDetectionLib.reporting.case import RESEARCH_ONLY, CaseReport, cells
from LandmarkDetectionLib.reporting.picture import picture_png

_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem; }
.research { color: #b00020; font-weight: 600; }
.top { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
.top img { max-width: 26rem; width: 100%; background: black; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; max-width: 30rem; }
dt { color: #666; } dd { margin: 0; }
.warning { color: #a04000; }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; }
th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top; }
td.number { text-align: right; white-space: nowrap; } tr.gap { color: #666; }
tr.group th { color: #555; font-style: italic; font-weight: 400; padding-top: .7rem; }
tr.outside td { color: #a04000; }
@media print { body { margin: 0; font-size: 9px; } .top img { max-width: 18rem; } }
"""


def write_html(report: CaseReport, path: str | os.PathLike[str]) -> None:
    """Write the page; OutputError when the file cannot be written."""
    write_text(path, html_text(report))


def html_text(report: CaseReport) -> str:
    """The page as text."""
    title = escape(report.measurements.protocol.title)
    picture = base64.b64encode(picture_png(report)).decode("ascii")
    facts = "".join(f"<dt>{escape(head)}</dt><dd>{escape(text)}</dd>" for head, text in report.facts)
    warnings = "".join(f'<p class="warning">&#9888; {escape(text)}</p>' for text in report.all_warnings)
    titles = ("Measurement", "Value", "95 % interval", "Usual", "Class and remarks")
    heads = "".join(f'<th scope="col">{head}</th>' for head in titles)
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}: {escape(report.name)}</title>'
        f"<style>{_STYLE}</style></head><body><main>\n"
        f'<h1>{title}</h1><p class="research">{RESEARCH_ONLY}</p>\n'
        f'<div class="top"><img alt="The image with its landmarks" src="data:image/png;base64,{picture}">'
        f"<div><dl>{facts}</dl>{warnings}</div></div>\n"
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n"
        f"{_rows(report)}</tbody></table>\n"
        f'<p class="research">{RESEARCH_ONLY}</p></main></body></html>\n'
    )


def _rows(report: CaseReport) -> str:
    lines = []
    for group in dict.fromkeys(one.definition.group for one in report.measurements):
        if group:
            lines.append(f'<tr class="group"><th colspan="5" scope="rowgroup">{escape(group)}</th></tr>')
        for one in report.measurements:
            if one.definition.group != group:
                continue
            title, value, interval, usual, said = (escape(text) for text in cells(one))
            kind = "gap" if one.value is None else "outside" if one.position in ("below", "above") else ""
            hint = escape(" ".join(filter(None, (one.definition.description, one.definition.source))))
            lines.append(
                f'<tr class="{kind}" title="{hint}"><td>{title}</td><td class="number">{value}</td>'
                f'<td class="number">{interval}</td><td class="number">{usual}</td><td>{said}</td></tr>'
            )
    return "\n".join(lines) + "\n"
