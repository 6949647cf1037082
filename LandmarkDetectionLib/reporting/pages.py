"""Pieces of the reports: tables as CSV, Markdown and HTML, and an HTML page that needs no other file."""

from __future__ import annotations

import base64
import html
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.files import write_text
from LandmarkDetectionLib.io.csv_text import table_text
from LandmarkDetectionLib.wording import counted

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """Part of a report, on its page and in Markdown.

    Attributes
    ----------
    title
        Empty for what stands under the title before.
    text
        Paragraphs.
    heading, rows
        A table, if any.
    figure
        Caption and file, if any.
    folded
        Whether the page keeps the table closed until it is wanted.
    """

    title: str = ""
    text: Sequence[str] = ()
    heading: Sequence[str] = ()
    rows: Rows = ()
    figure: tuple[str, Path] | None = None
    folded: str = ""


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as CSV; None and NaN are empty cells."""
    columns = list(rows[0]) if rows else []
    return table_text([columns, *([row.get(column) for column in columns] for row in rows)])


def markdown_table(heading: Sequence[str], rows: Rows) -> list[str]:
    """Lines of a table."""
    return [
        f"| {' | '.join(heading)} |",
        "|" + "---|" * len(heading),
        *(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows),
    ]


def html_table(heading: Sequence[str], rows: Rows, classes: Mapping[str, str] | None = None) -> str:
    """A table; cells whose whole text is a key of ``classes`` get that class."""
    named = classes or {}
    # An empty corner is no heading: a screen reader would announce it with every cell below.
    heads = (f'<th scope="col">{html.escape(cell)}</th>' if cell else "<td></td>" for cell in heading)
    head = "".join(heads) if any(heading) else ""
    lines = [
        "<tr>"
        + "".join(
            f'<td class="{named[cell]}">{html.escape(cell)}</td>'
            if cell in named
            else f"<td>{html.escape(cell)}</td>"
            for cell in row
        )
        + "</tr>"
        for row in rows
    ]
    return f"<div class=wide><table><tr>{head}</tr>{''.join(lines)}</table></div>"


def html_figure(caption: str, picture: Path) -> str:
    """A PNG file within the page, with its caption."""
    content = base64.b64encode(picture.read_bytes()).decode()
    text = html.escape(caption)
    picture_tag = f'<img alt="{text}" src="data:image/png;base64,{content}">'
    return f"<figure>{picture_tag}<figcaption>{text}</figcaption></figure>"


def html_page(title: str, body: Sequence[str]) -> str:
    """The page; it follows the reader's choice of light or dark."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n"
        "<body><main>\n" + "\n".join(body) + "\n</main></body></html>\n"
    )


def page_head(title: str, subtitle: str, notes: Sequence[str]) -> str:
    """Title and subtitle of a page, and what must be known before any figure."""
    escape = html.escape
    head = f"<h1>{escape(title)}</h1>\n<p class=soft>{escape(subtitle)}</p>"
    if not notes:
        return head
    said = "<br>".join(escape(note) for note in notes)
    return f"{head}\n<p class=warning><strong>Read this first.</strong> {said}</p>"


def sections_html(sections: Sequence[Section], classes: Mapping[str, str] | None = None) -> list[str]:
    """Sections as parts of a page; ``classes`` as for :func:`html_table`."""
    escape, body = html.escape, []
    for section in sections:
        body += [f"<h2>{escape(section.title)}</h2>"] if section.title else []
        body += [f"<p>{escape(text)}</p>" for text in section.text]
        if section.rows:
            table = html_table(section.heading, section.rows, classes)
            folded = f"<details><summary>{escape(section.folded)}</summary>{table}</details>"
            body.append(folded if section.folded else table)
        if section.figure is not None:
            body.append(html_figure(*section.figure))
    return body


def sections_markdown(
    title: str, subtitle: str, notes: Sequence[str], sections: Sequence[Section], folder: Path
) -> str:
    """A report in Markdown, which lies in ``folder`` as its figures do."""
    lines = [f"# {title}", "", subtitle, ""]
    lines += [line for note in notes for line in (f"> {note}", "")]
    for section in sections:
        lines += [f"## {section.title}", ""] if section.title else []
        lines += [f"### {section.folded}", ""] if section.folded else []
        lines += [line for text in section.text for line in (text, "")]
        if section.rows:
            lines += [*markdown_table(section.heading, section.rows), ""]
        if section.figure is not None:
            caption, path = section.figure
            lines += [f"![{caption}]({path.relative_to(folder).as_posix()})", "", caption, ""]
    return "\n".join(lines)


def write_pages(
    folder: Path,
    markdown: str,
    title: str,
    subtitle: str,
    notes: Sequence[str],
    sections: Sequence[Section],
    classes: Mapping[str, str],
    cards: str = "",
) -> Path:
    """Write a report in Markdown, under a name, and as ``report.html``, with ``cards`` below its head.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    write_text(folder / markdown, sections_markdown(title, subtitle, notes, sections, folder))
    page = folder / "report.html"
    body = [page_head(title, subtitle, notes), cards, *sections_html(sections, classes)]
    write_text(page, html_page(title, body))
    return page


def versions(packages: Sequence[str]) -> dict[str, str]:
    """What a result was made with: this program, Python, and packages."""
    return {
        "landmark-detection": __version__,
        "Python": platform.python_version(),
        **{name: _version(name) for name in packages},
    }


def machine() -> str:
    """What a result was made on."""
    return f"{platform.system()} {platform.machine()}, {counted(os.cpu_count() or 1, 'CPU core')}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1f2933; --soft: #616e7c; --line: #d8dee6; --page: #ffffff; --box: #f5f7fa;
  --good: #007a5a; --bad: #b84c00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3; --soft: #98a4b3; --line: #30363d; --page: #0d1117; --box: #161b22;
    --good: #2fc79a; --bad: #ff8f4d;
  }
}
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; margin: 0 0 .25rem; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; }
p.soft, figcaption { color: var(--soft); }
.warning { border-left: 5px solid #d55e00; background: var(--box); padding: .9rem 1.1rem; }
figure { margin: 1.5rem 0; } figure img { width: 100%; background: #fff; border-radius: 6px; }
figcaption { font-size: .9rem; margin-top: .4rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; width: 100%; }
th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
td.good { color: var(--good); font-weight: 600; } td.bad { color: var(--bad); font-weight: 600; }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.5rem 0; }
.card { flex: 1 1 13rem; padding: .8rem 1rem; background: var(--box); }
.card { border-top: 4px solid; border-radius: 8px; }
.card b { display: block; font-size: 1.7rem; line-height: 1.2; }
.card span { color: var(--soft); font-size: .85rem; }
.card .name { color: var(--ink); font-weight: 600; font-size: .95rem; }
summary { cursor: pointer; color: var(--soft); margin: .8rem 0; }
"""
