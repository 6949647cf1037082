"""The project's Markdown pages as GitHub and the documentation site read them."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Every page that a reader can come to."""
    folders = ("docs", "findings", "Resources", "Testing", ".github")
    inside = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.md")]
    return sorted([*REPOSITORY.glob("*.md"), *inside])


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return FENCE.sub("", text)


def blocks(text: str, language: str) -> Iterator[str]:
    """The blocks of code in one language."""
    yield from (match[3] for match in FENCE.finditer(text) if match[2] == language)


def links(text: str) -> Iterator[str]:
    """What links and pictures of a page lead to, addresses of the network left out."""
    plain = re.sub(r"`[^`]*`", "code", prose(text))
    for target in [*re.findall(r"\]\(\s*([^)\s]+)\)", plain), *re.findall(r'src="([^"]+)"', plain)]:
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(text: str) -> set[str]:
    """What headings are called in addresses, by the rule that GitHub and the site share."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", prose(text), re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower().strip()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(name if not seen[name] else f"{name}-{seen[name]}")
        seen[name] += 1
    return found
