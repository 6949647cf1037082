"""The documentation site: the Markdown of the repository as it lies there, with a menu and a search.

``make docs`` builds it. The source folder is the repository, so that every relative link of a page leads
to the same file here as on the repository's page. The menu is the list of links in ``docs/README.md``.
"""

import re
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
HOME = "https://github.com/landmark-detection/SlicerLandmarkDetection"

project = "Landmark Detection"
author = "The Landmark Detection developers"
project_copyright = author
_VERSION_FILE = (REPOSITORY / "LandmarkDetectionLib/_version.py").read_text(encoding="utf-8")
version = release = re.findall(r'^__version__ = "(.+)"', _VERSION_FILE, re.MULTILINE)[0]

extensions = ["myst_parser"]
root_doc = "docs/README"
include_patterns = [
    "docs/**.md",
    "Resources/CREDITS.md",
    "Resources/Models/*/docs/README.md",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
exclude_patterns = [".git", ".venv*", "build"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"{project} {version}"
html_logo = "../LandmarkDetection/Resources/Icons/LandmarkDetection.png"
html_extra_path = ["site"]
html_theme_options = {
    "source_repository": HOME,
    "source_branch": "main",
    "source_directory": "",
    "top_of_page_buttons": ["view"],
}


def menu(page: str) -> str:
    """A hidden table of contents per section of the first page, with the pages its list links to."""
    parts = []
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        links = re.findall(r"^- \[[^]]+\]\(([^)#:]+\.md)\)", section, re.MULTILINE)
        entries = "\n".join("/" + _in_repository(link, REPOSITORY / "docs") for link in links)
        title = section.splitlines()[0]
        parts.append(f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n{entries}\n```\n")
    return "".join(parts)


def _in_repository(link: str, folder: Path) -> str:
    return (folder / link).resolve().relative_to(REPOSITORY).as_posix()


def _prepare(app: Any, name: str, source: list[str]) -> None:
    """Give the first page its menu, and lead links to code and folders to the repository's page."""
    folder = (REPOSITORY / name).parent
    pages = app.env.found_docs

    def outside(match: re.Match[str]) -> str:
        path, _, anchor = match[2].partition("#")
        target = _in_repository(path, folder)
        if target.removesuffix(".md") in pages or not (REPOSITORY / target).exists():
            return match[0]  # a page of the site; what is missing is Sphinx's to complain of
        kind = "tree" if (REPOSITORY / target).is_dir() else "blob"
        return f"{match[1]}({HOME}/{kind}/main/{target}{'#' + anchor if anchor else ''})"

    # [text](path), but no ![picture](path), #anchor or address.
    text = re.sub(r"((?<!!)\[[^][]*\])\(([^)#:\s][^):\s]*)\)", outside, source[0])
    source[0] = text + menu(text) if name == root_doc else text


def accessible(html: str) -> str:
    """What Sphinx and docutils leave out for people who hear a page or have no mouse."""
    for written, better in (
        # A caption of the menu is a heading, and says of no level.
        ('<p class="caption" role="heading">', '<p class="caption" role="heading" aria-level="2">'),
        # What is wider than the page is scrolled by keys only where the keys can get to.
        ("<pre>", '<pre tabindex="0">'),
        # The empty corner of a table is no heading.
        ('<th class="head"><p></p></th>', "<td></td>"),
    ):
        html = html.replace(written, better)
    return html


def _finish(app: Any, name: str, template: str, context: dict[str, Any], tree: Any) -> None:
    for part in ("body", "furo_navigation_tree"):
        if part in context:
            context[part] = accessible(context[part])


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _prepare)
    app.connect("html-page-context", _finish, priority=900)  # after the theme
