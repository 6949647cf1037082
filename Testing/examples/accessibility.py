"""What a page owes to people who hear it, or see little: what of WCAG 2.1 its text tells."""

import itertools
import re
from html.parser import HTMLParser

#: Least ratio of luminances of text and what is behind it (WCAG 2.1, 1.4.3).
LEAST_CONTRAST = 4.5


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.headings: list[int] = []
        self.title = ""
        self.count = {"main": 0, "title": 0}
        self._open = ""  # a heading of a table, or the title, whose text is read
        self._text = ""
        self._labels = 0
        self._named: set[str] = set()
        self._fields: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html" and not given.get("lang"):
            self.faults.append("the page names no language")
        if tag in self.count:
            self.count[tag] += 1
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img" and not (given.get("alt") or "").strip():
            self.faults.append("a picture has no text")
        if tag == "th" and not given.get("scope"):
            self.faults.append("a heading of a table does not say what it heads")
        if tag in ("th", "title"):
            self._open, self._text = tag, ""
        if tag == "label":
            self._labels += 1
            self._named.add(given.get("for") or "")
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            self._fields.append((given.get("id") or "", bool(self._labels or given.get("aria-label"))))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._labels -= 1
        if tag == self._open:
            if not self._text.strip():
                self.faults.append(f"a {tag} is empty")
            self._open = ""

    def all_faults(self) -> list[str]:
        """What was found, with what only the whole page shows."""
        found = list(self.faults)
        found += [f"{count} {tag}" for tag, count in self.count.items() if count != 1]
        found += heading_faults(self.headings)
        unnamed = [name for name, labelled in self._fields if not (labelled or name in self._named)]
        return found + [f"a field has no label: {name}" for name in unnamed]


def heading_faults(levels: list[int]) -> list[str]:
    """What is wrong with the levels of headings: one of the first, and none left out on the way down."""
    found = [] if levels.count(1) == 1 and levels[0] == 1 else [f"headings of level 1: {levels.count(1)}"]
    steps = itertools.pairwise(levels)
    return found + [f"level {below} follows level {above}" for above, below in steps if below > above + 1]


def faults(page: str) -> list[str]:
    """What of a page, as HTML, people who hear it would miss; empty when nothing."""
    parser = _Page()
    parser.feed(page)
    return parser.all_faults()


def contrast(one: str, other: str) -> float:
    """Ratio of the luminances of two colours (``#rgb`` or ``#rrggbb``), 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    parts = [digits[n] * 2 for n in range(3)] if len(digits) == 3 else [digits[n : n + 2] for n in (0, 2, 4)]
    shares = (int(part, 16) / 255 for part in parts)
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def variables(style: str) -> list[dict[str, str]]:
    """The colours that a style names (``--ink: #123456``), for a light screen and for a dark one."""
    blocks = re.findall(r":root\s*\{(.*?)\}", style, re.DOTALL)
    return [dict(re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{3,6})\b", block)) for block in blocks]
