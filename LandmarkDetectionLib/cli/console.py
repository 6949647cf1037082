"""What the command line shows: tables, a progress bar, plain lines, and JSON for machines.

Rich is imported inside the functions, so that ``--help`` and ``--json`` do not wait for it.
"""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from types import FrameType

    from rich.console import Console

    from LandmarkDetectionLib.core.landmarks import LandmarkSet
    from LandmarkDetectionLib.typing import Progress


# Seconds between two progress lines where no bar can be drawn (a log file, a pipe).
_LINE_EVERY = 30.0


def print_json(value: Any) -> None:
    """Write one JSON document to standard output."""
    print(json.dumps(value, indent=2, allow_nan=False, default=_jsonable))


def say(message: str) -> None:
    """Write one line to standard error, where it does not disturb a result that is piped on."""
    print(message, file=sys.stderr, flush=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table that breaks no word; headings that end in mm or px, or name a number, align to the right.

    Texts wrap between words where the terminal is narrow. Where not even the longest words fit beside each
    other, lines are longer than the terminal, so that names and paths can still be copied and searched for.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    console = _console()
    widths = _widths([[columns[n], *(row[n] for row in rows)] for n in range(len(columns))], console.width)
    console.width = max(console.width, sum(widths) + _FRAME * len(widths))
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for heading, width in zip(columns, widths, strict=True):
        number = heading.endswith((" mm", " px")) or heading in _NUMBERS
        table.add_column(heading, justify="right" if number else "left", width=width, overflow="fold")
    for row in rows:
        # Text, not markup: a file name with [brackets] is printed as it is.
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    console.print(table)


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Widths of columns: room for their longest words at least, and for all of short cells first."""
    whole = [max(map(len, column)) for column in columns]
    widths = [max((len(word) for cell in column for word in cell.split()), default=1) for column in columns]
    left = room - sum(widths) - _FRAME * len(widths)
    for n in sorted(range(len(columns)), key=lambda n: whole[n]):
        more = max(0, min(whole[n] - widths[n], left))
        widths[n] += more
        left -= more
    return widths


def print_sentence(text: str) -> None:
    """Print a sentence to standard output, wrapped between words as the terminal is wide."""
    import textwrap

    for line in textwrap.wrap(text, _console().width, break_long_words=False, break_on_hyphens=False):
        print(line)


def print_landmarks(
    landmarks: LandmarkSet,
    title: str = "",
    errors: dict[str, float] | None = None,
    unit: str = "mm",
) -> None:
    """Print name, R, A, S (mm or px), confidence and status of each landmark, and its error when known.

    Landmarks without a position are named in one sentence below.
    """
    columns = ["landmark", *(f"{axis} {unit}" for axis in "RAS"), "confidence", "status"]
    if errors is not None:
        columns.append(f"error {unit}")
    rows = []
    for landmark in landmarks.present:
        place = landmark.position.tolist()
        row = [landmark.name, *("-" if math.isnan(value) else f"{value:.1f}" for value in place)]
        row.append("-" if landmark.confidence is None else f"{landmark.confidence:.2f}")
        row.append(landmark.status.value)
        if errors is not None:
            row.append(f"{errors[landmark.name]:.1f}" if landmark.name in errors else "-")
        rows.append(row)
    if rows:
        print_table(columns, rows, title)
    elif title:
        print(title)
    absent = [landmark.name for landmark in landmarks if not landmark.is_present]
    if absent:
        are = "is" if len(absent) == 1 else "are"
        print_sentence(
            f"{len(absent)} of {counted(len(landmarks), 'landmark')} {are} absent: {', '.join(absent)}."
        )


@contextmanager
def progress_bar(show: bool) -> Iterator[Progress]:
    """Give a callback ``(fraction, text)`` that draws a bar on standard error, or lines into a log."""
    if not show:
        yield lambda fraction, text: None
    elif not sys.stderr.isatty():
        yield _line_progress()
    else:
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Bar(*columns, console=_console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda fraction, text: bar.update(task, completed=fraction, description=text)


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed; pressed twice, it interrupts at once."""
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_FRAME = 3
"""Columns of the terminal that a column of a table needs beside its text."""
_NUMBERS = ("confidence", "slices", "landmarks", "number", "MB")
_STYLES = {
    "detected": "green",
    "accepted": "green",
    "corrected": "cyan",
    "uncertain": "yellow",
    "absent": "dim",
}


def error_console() -> Console:
    """What writes to standard error, where it does not disturb a result."""
    return _console(stderr=True)


def _console(stderr: bool = False) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        # A pipe has no width: never fold what a person will search in.
        console.width = 160
    return console


def _line_progress() -> Progress:
    last = time.monotonic()

    def show(fraction: float, text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY:
            last = time.monotonic()
            say(f"{fraction:4.0%} {text}")

    return show


def _jsonable(value: Any) -> Any:
    """Arrays and NumPy numbers as lists and numbers, paths and the rest as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
