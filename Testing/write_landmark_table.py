"""Write the table of ``docs/bony-landmarks.md`` from the protocol ``whole-body-bones``.

::

    python Testing/write_landmark_table.py           # write
    python Testing/write_landmark_table.py --check   # exit code 1 when the table is not that of the protocol
"""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "bony-landmarks.md"
FIRST, LAST = "<!-- table -->\n", "<!-- end of the table -->"


def table() -> str:
    """A row for each landmark, the two of a pair in one."""
    from LandmarkDetectionLib.io.protocols import load_protocol

    protocol = load_protocol("whole-body-bones")
    lines = ["| name | landmark | definition |", "|---|---|---|"]
    for one in protocol.landmarks:
        if one.name.endswith("_left"):
            continue
        name, title, definition = one.name, one.title, one.definition
        if name.endswith("_right"):
            # The left one says the same with the other side.
            name = f"{name.removesuffix('_right')}_right, _left"
            title = title.removeprefix("Right ").capitalize()
            definition = definition.replace(" right ", " right (left) ")
        lines.append(f"| `{name}` | {title} | {definition} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page with the table of now."""
    before, rest = PAGE.read_text(encoding="utf-8").split(FIRST)
    after = rest.split(LAST)[1]
    return f"{before}{FIRST}\n{table()}\n{LAST}{after}"


def main(arguments: list[str]) -> int:
    """Write the page, or with ``--check`` say whether its table is current."""
    text = page()
    if arguments == ["--check"]:
        if PAGE.read_text(encoding="utf-8") == text:
            return 0
        print("The table of docs/bony-landmarks.md is old; run Testing/write_landmark_table.py")
        return 1
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    sys.exit(main(sys.argv[1:]))
