"""What the commands of the command line have in common: options that mean the same everywhere."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.files import reason_of

#: Where networks run.
Device = Literal["auto", "cpu", "cuda"]
#: How the depth of a landmark is found.
Depth = Literal["mean", "network", "lateral"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines; errors are JSON too.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print no table and no progress.")]
DeviceOption = Annotated[Device, typer.Option(help="auto takes a CUDA device when there is one.")]


@dataclass(frozen=True)
class Telling:
    """What is printed, and for whom."""

    as_json: JsonOption = False
    quiet: QuietOption = False

    @property
    def shown(self) -> bool:
        """Whether people watch: progress and tables."""
        return not self.quiet and not self.as_json


DEFAULT_MODEL = "whole-body-ct"
PICTURE_SUFFIXES = (".png", ".svg", ".pdf")

EXIT_CODES = (
    "Exit codes: 0 done, 1 a defect of this program, 2 wrong usage, 3 the input cannot be used, 4 the model "
    "cannot be used, 5 the output cannot be written, 6 no body in the image, 7 a package is missing, "
    "8 a training diverged, 9 the workers are gone, 10 a new model is not better, 130 cancelled."
)

#: Which hand a picture shows.
Side = Literal["auto", "left", "right"]

#: What is synthesised and studied.
Region = Literal["body", "bones", "hand", "cephalogram", "spine"]


def series_of(text: str | None) -> str | int | None:
    """A series is chosen by its number or its UID; a UID always holds dots."""
    return int(text) if text is not None and text.isdecimal() else text


def check_threshold(threshold: float | None) -> None:
    """Refuse a threshold that no voxel can be above or below."""
    if threshold is not None and not math.isfinite(threshold):
        raise typer.BadParameter("the threshold must be a finite number.", param_hint="--threshold")


ModelOption = Annotated[str, typer.Option("--model", "-m", help="Name of an installed model, or its folder.")]
SeedOption = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]


def check_outputs(paths: Sequence[Path], suffixes: Sequence[str]) -> None:
    """Refuse outputs before the heavy work: unknown ending, missing or unwritable folder, named twice."""
    for path in paths:
        if not path.name.lower().endswith(tuple(suffixes)) or path.name.lower() in suffixes:
            raise OutputError(f"Cannot write {path}: the name must end in {' or '.join(suffixes)}.")
        if path.is_dir():
            raise OutputError(f"Cannot write {path}: it is a folder; give a file name.")
        if not path.parent.is_dir():
            raise OutputError(f"Cannot write {path}: there is no folder {path.parent}; create it first.")
        try:
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise OutputError(
                f"Cannot write {path}: {reason_of(error)}; choose a folder you may write to."
            ) from error
    if len({path.absolute() for path in paths}) < len(paths):
        raise OutputError("The same output file is named twice; give each output its own name.")
