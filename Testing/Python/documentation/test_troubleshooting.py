"""Troubleshooting speaks of sentences that the program really says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from Testing.examples.pages import DOCS, REPOSITORY

HEADINGS = re.findall(r"^### (.*)$", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
#: What stands for a value in a heading, in an f-string and in a text that Slicer translates.
VALUE = re.compile(r"…|\{\w*\}")


def sentences(path: Path) -> Iterator[str]:
    """Texts of a module, with … for every value."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = [one.value if isinstance(one, ast.Constant) else "…" for one in node.values]
            yield "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield VALUE.sub("…", node.value)


@pytest.fixture(scope="module")
def said() -> str:
    """Everything that the library and the panel can say, one sentence per line."""
    folders = ("LandmarkDetectionLib", "LandmarkDetection")
    modules = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    return "\n".join(text.replace("\n", " ") for path in modules for text in sentences(path))


def is_said(heading: str, said: str) -> bool:
    """Whether one sentence has all that the heading says, in its order."""
    parts = [part.strip() for part in VALUE.split(heading) if part.strip(" .")]
    return re.search("[^\n]*".join(map(re.escape, parts)), said) is not None


@pytest.mark.parametrize("heading", HEADINGS)
def test_the_program_says_this(heading: str, said: str) -> None:
    assert is_said(heading, said)


def test_what_it_does_not_say_is_found(said: str) -> None:
    assert len(HEADINGS) > 30
    assert not is_said("… does not exist; check the moon and the folder.", said)
