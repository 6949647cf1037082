"""Using ITK (through SimpleITK) and other libraries in C without what they print."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def quiet(sitk: Any) -> Iterator[None]:
    """Keep C++ from printing: every problem is raised, and what is printed means nothing to a user.

    ITK has a switch, which is put back as other programs in the process share it.
    """
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with no_standard_error():
            yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


@contextmanager
def no_standard_error() -> Iterator[None]:
    """Keep libraries in C from writing to file descriptor 2, which programs without a console may lack."""
    saved = None
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
        saved = os.dup(2)
    try:
        if saved is not None:
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        if saved is not None:
            os.dup2(saved, 2)
            os.close(saved)
