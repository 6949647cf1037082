"""Write ``docs/api.md`` from the docstrings of the public names.

::

    python Testing/write_api_page.py           # write
    python Testing/write_api_page.py --check   # exit code 1 when the page is not that of the docstrings
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "api.md"
HEAD = """# The library in Python

<!-- Written by Testing/write_api_page.py from the docstrings; change those. -->

```python
import LandmarkDetectionLib as ld
```

Every position is in RAS millimetres. Importing takes milliseconds: what a name needs is loaded when it is
first used. How the parts fit together is drawn in [architecture.md](architecture.md).
"""


def page() -> str:
    """The whole page as Markdown."""
    import LandmarkDetectionLib as library  # noqa: N813

    names = [name for name in library.__all__ if not name.startswith("_")]
    index = ", ".join(f"[`{name}`](#{name.lower()})" for name in names)
    parts = [HEAD, index + "\n", *[_entry(name, getattr(library, name)) for name in names]]
    return "\n".join(parts)


def _entry(name: str, value: Any) -> str:
    if inspect.isclass(value) and issubclass(value, BaseModel):
        value.model_rebuild()  # one whose building is put off has no signature yet
    lines = [
        f"## {name}\n",
        "```python",
        _signature(name, value),
        "```\n",
        _markdown(inspect.getdoc(value) or ""),
    ]
    if inspect.isclass(value):
        lines += [*_members(value)]
    return "\n".join(lines).rstrip() + "\n"


def _signature(name: str, value: Any) -> str:
    if inspect.isclass(value) and issubclass(value, Enum):
        return f"class {name}: " + ", ".join(repr(member.value) for member in value)
    if inspect.isclass(value) and issubclass(value, Exception):
        return f"class {name}(Exception)"
    try:
        signature = inspect.signature(value)
    except ValueError:
        return f"class {name}"
    # Without annotations that are only for checkers of types: they are in the text where they tell something.
    words = [_parameter(one) for one in signature.parameters.values()]
    keyword = next(
        (n for n, one in enumerate(signature.parameters.values()) if one.kind is one.KEYWORD_ONLY), None
    )
    if keyword is not None:
        words.insert(keyword, "*")
    return f"{'class ' if inspect.isclass(value) else ''}{name}({', '.join(words)})"


def _parameter(one: inspect.Parameter) -> str:
    stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
    if one.default is one.empty:
        return stars + one.name
    shown = repr(one.default)
    return f"{one.name}={'...' if shown.startswith('<') else shown}"


def _members(kind: type) -> Iterator[str]:
    """Own public methods and properties with the first sentence of each."""
    for name, member in vars(kind).items():
        inner = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if name.startswith("_") or not inspect.isfunction(inner) or not inspect.getdoc(inner):
            continue
        call = name if isinstance(member, property) else f"{name}({_arguments(inner)})"
        yield f"- `{call}`: {_plain((inspect.getdoc(inner) or '').split(chr(10) * 2)[0])}"


def _arguments(function: Any) -> str:
    names = list(inspect.signature(function).parameters)
    return ", ".join(name for name in names if name not in ("self", "cls"))


def _markdown(text: str) -> str:
    """Numpydoc as Markdown: sections bold, their entries as a list, examples as code."""
    sections = re.split(r"^(\w[\w ]*)\n-{3,}$", text, flags=re.MULTILINE)
    result = [_paragraphs(sections[0])]
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        if title == "Examples":
            result.append(f"```python\n{body.strip()}\n```\n")
        elif title in ("Notes", "References"):
            result.append(f"**{title}**\n\n{_paragraphs(body)}")
        else:
            result.append(f"**{title}**\n\n{_list(body)}")
    return "\n".join(result)


def _paragraphs(text: str) -> str:
    return "".join(_plain(one) + "\n\n" for one in text.strip().split("\n\n") if one.strip()).rstrip() + "\n"


def _list(body: str) -> str:
    """``name : type`` lines with indented text below them."""
    entries: list[list[str]] = []
    for line in body.strip("\n").splitlines():
        if line.strip() and not line.startswith(" "):
            entries.append([line.strip()])
        elif line.strip() and entries:
            entries[-1].append(line.strip())
    return "".join(
        f"- `{head}`" + (f": {_plain(' '.join(rest))}" if rest else "") + "\n" for head, *rest in entries
    )


def _plain(text: str) -> str:
    """Without the roles and double quotes of reStructuredText, on one line."""
    text = re.sub(r":\w+:`~?\.?(?:[\w.]*\.)?(\w+)`", r"`\1`", " ".join(text.split()))
    return text.replace("``", "`")


def main(arguments: list[str]) -> int:
    """Write the page, or with ``--check`` say whether it is current."""
    text = page()
    if arguments == ["--check"]:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
            return 0
        print("docs/api.md is not that of the docstrings; run Testing/write_api_page.py")
        return 1
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    sys.exit(main(sys.argv[1:]))
