"""What the commands of the command line have in common: options that mean the same everywhere."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from LandmarkDetectionLib.errors import OutputError


class Device(str, Enum):
    """Where networks run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines; errors are JSON too.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print no table and no progress.")]
DeviceOption = Annotated[Device, typer.Option(help="auto takes a CUDA device when there is one.")]


def make_folder(folder: Path) -> None:
    """Make a folder for results.

    Raises
    ------
    OutputError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"Cannot make the folder {folder}: {reason}; choose another.") from error
