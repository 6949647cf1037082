"""Draw the parts of the library and the arrows between them from its imports, for ``docs/architecture.md``.

::

    python Testing/draw_architecture.py           # write docs/images/architecture.svg
    python Testing/draw_architecture.py --check   # exit code 1 when the picture is not that of the code

Every import counts, also those inside functions and under ``TYPE_CHECKING``. ``LAYERS`` is the order that
``Testing/Python/test_architecture.py`` holds the library to.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
LIBRARY = REPOSITORY / "LandmarkDetectionLib"
PICTURE = REPOSITORY / "docs" / "images" / "architecture.svg"

#: Lowest first, one part per layer: a part imports itself and what stands before it, nothing else.
LAYERS = (
    "errors",
    "_version",
    "_renamed",
    "typing",
    "wording",
    "files",
    "requests",
    "core",
    "correction",
    "io",
    "networks",
    "heatmaps",
    "imaging",
    "models",
    "quality",
    "measurement",
    "alignment",
    "datasets",
    "detectors",
    "reporting",
    "synthesis",
    "evaluation",
    "training",
    "cohort",
    "study",
    "provenance",
    "worker",
    "mcp_server",
    "remote",
    "cli",
    "__main__",
)
#: Too small, or too much used by everything, to tell anything in a picture.
NOT_DRAWN = ("errors", "_version", "_renamed", "typing", "wording", "files", "requests", "__main__")

Graph = dict[str, set[str]]


def modules(library: Path = LIBRARY) -> dict[str, Path]:
    """Dotted name below the library (``imaging.body.mask``; "" for the library itself) and file."""
    found = {}
    for file in sorted(library.rglob("*.py")):
        parts = file.relative_to(library).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def part_of(module: str) -> str:
    """First word of a module's name: ``imaging.body.mask`` belongs to ``imaging``."""
    return module.split(".")[0]


def module_imports(library: Path = LIBRARY) -> Graph:
    """For every module the modules of the library that it imports, wherever in the file."""
    known = modules(library)
    return {
        name: {other for other in _imported(name, file, known, library.name) if other != name}
        for name, file in known.items()
    }


def _imported(name: str, file: Path, known: Mapping[str, Path], root: str) -> Iterator[str]:
    package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
    for node in _import_statements(file):
        if isinstance(node, ast.Import):
            for alias in node.names:
                words = alias.name.split(".")
                if words[0] == root:
                    yield ".".join(words[1:])
        else:
            words = (node.module or "").split(".") if node.module else []
            if node.level:
                words = [root, *package[: len(package) - node.level + 1], *words]
            if words[:1] != [root]:
                continue
            base = ".".join(words[1:])
            for alias in node.names:
                inner = f"{base}.{alias.name}".strip(".")
                # A package may offer a name that one of its modules has, too: then the package is meant.
                offered = base in known and alias.name in _names(known[base])
                yield inner if inner in known and not offered else base


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def _import_statements(file: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    return tuple(node for node in ast.walk(_tree(file)) if isinstance(node, ast.Import | ast.ImportFrom))


@cache
def _names(file: Path) -> set[str]:
    return {
        alias.asname or alias.name
        for node in _tree(file).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def part_imports(imports: Mapping[str, set[str]]) -> Graph:
    """The same between parts; the public face, the library's own ``__init__``, is none."""
    found: Graph = {}
    for name, others in imports.items():
        if name:
            targets = found.setdefault(part_of(name), set())
            targets.update(part_of(other) for other in others if other and part_of(other) != part_of(name))
    return found


def circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import one another, directly or around a corner; empty when there are none."""
    reached = {name: _reached(name, imports) for name in imports}
    groups = {
        tuple(sorted({name, *(other for other in reached[name] if name in reached.get(other, ()))}))
        for name in imports
        if name in reached[name]
    }
    return [list(group) for group in sorted(groups)]


def _reached(name: str, imports: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    pending = [*imports[name]]
    while pending:
        other = pending.pop()
        if other not in found:
            found.add(other)
            pending.extend(imports.get(other, ()))
    return found


def upwards(imports: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    """Imports of modules (importer, imported) that point to a part above."""
    height = {part: number for number, part in enumerate(LAYERS)}
    return {
        (name, other)
        for name, others in imports.items()
        if name
        for other in others
        if other == "" or height[part_of(other)] > height[part_of(name)]
    }


# --- the picture -------------------------------------------------------------------------------------------

ROW, BOX, LEFT, TEXT = 30, 112, 110, 12
WIDTH = 920


def picture(library: Path = LIBRARY) -> str:
    """The drawing as SVG; arrows that follow from others are left out."""
    graph = part_imports(module_imports(library))
    drawn = [part for part in reversed(LAYERS) if part in graph and part not in NOT_DRAWN]
    row = {part: 20 + ROW * number for number, part in enumerate(drawn)}
    arrows = [(upper, lower) for upper in drawn for lower in sorted(_needed(upper, graph, row))]
    height = 20 + ROW * len(drawn) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="Helvetica, Arial, sans-serif" font-size="{TEXT}">',
        "<title>Parts of the library; arrows point from a part to those it imports</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#486a8c"/></marker></defs>',
    ]
    for upper, lower in arrows:
        start, end = row[upper] + ROW // 2, row[lower] + ROW // 2
        bend = LEFT - 14 - min(abs(end - start) * 0.42, LEFT)
        colour = "#486a8c" if end > start else "#c0392b"
        lines.append(
            f'<path d="M{LEFT},{start} C{bend:.0f},{start} {bend:.0f},{end} {LEFT},{end}" fill="none" '
            f'stroke="{colour}" stroke-width="1.2" opacity="0.75" marker-end="url(#tip)"/>'
        )
    for part in drawn:
        top = row[part]
        lines += [
            f'<rect x="{LEFT}" y="{top + 3}" width="{BOX}" height="{ROW - 6}" rx="4" fill="#e8f0f7" '
            'stroke="#486a8c"/>',
            f'<text x="{LEFT + BOX / 2:.0f}" y="{top + ROW / 2 + 4:.0f}" text-anchor="middle" '
            f'font-weight="bold" fill="#1c2b3a">{escape(part)}</text>',
            f'<text x="{LEFT + BOX + 12}" y="{top + ROW / 2 + 4:.0f}" fill="#333">'
            f"{escape(_says(part, library))}</text>",
        ]
    return "\n".join([*lines, "</svg>", ""])


def _needed(part: str, graph: Graph, row: Mapping[str, int]) -> set[str]:
    """The parts that it imports and does not reach by way of another one that it imports."""
    direct = {other for other in graph[part] if other in row}
    return {
        other
        for other in direct
        if row[other] < row[part]
        or not any(other in _below(middle, graph, row) for middle in direct - {other})
    }


def _below(part: str, graph: Graph, row: Mapping[str, int]) -> set[str]:
    downwards = {
        name: {other for other in graph.get(name, ()) if other in row and row[other] > row[name]}
        for name in row
    }
    return _reached(part, downwards)


def _says(part: str, library: Path, most: int = 104) -> str:
    """The first line of the part's own description."""
    folder, file = library / part / "__init__.py", library / f"{part}.py"
    text = (
        ast.get_docstring(ast.parse((folder if folder.is_file() else file).read_text(encoding="utf-8"))) or ""
    )
    line = re.sub(r":mod:`[~.]*(\w+)`", r"\1", text.splitlines()[0]).replace("``", "") if text else ""
    return line if len(line) <= most else line[: line.rfind(" ", 0, most)] + " ..."


def main(arguments: list[str]) -> int:
    """Write the picture, or with ``--check`` say whether it is current."""
    drawing = picture()
    if arguments == ["--check"]:
        if PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == drawing:
            return 0
        print("docs/images/architecture.svg is not that of the code; run Testing/draw_architecture.py")
        return 1
    PICTURE.write_text(drawing, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
