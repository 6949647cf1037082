"""How many reviews are open on this computer: each is a process of its own, with the memory of its images."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import locked
from LandmarkDetectionLib.wording import counted


def places() -> Path:
    """Where the places of this account are; what is locked there is free when its process has ended."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in containers
        name = "somebody"
    return Path(tempfile.gettempdir()) / f"landmark-review-{name}"


@contextmanager
def one_of(most: int, folder: Path) -> Iterator[None]:
    """Be one of so many reviews while the block runs.

    Raises
    ------
    InputError
        So many are open.
    OutputError
        The folder cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputError(f"Cannot write {folder}: {problem.strerror or problem}.") from None
    with ExitStack() as stack:
        for number in range(1, most + 1):
            try:
                stack.enter_context(locked(folder / str(number), seconds=0))
            except OutputError:
                if number == most:
                    raise InputError(
                        f"{counted(most, 'review is', 'reviews are')} open on this computer already; end "
                        "one, or allow more if there is memory for them.",
                        about="sessions",
                    ) from None
            else:
                break
        yield
