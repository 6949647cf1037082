"""What a command was asked, and the manifest that it leaves beside its results."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from LandmarkDetectionLib.cohort import CaseRecord
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.models import Model
    from LandmarkDetectionLib.provenance import ModelUsed

#: Options whose words are choices, landmarks, frames and numbers. Others may be names of files or people.
WORDS = {
    *(
        "landmark",
        "landmarks",
        "name",
        "stable",
        "axes",
        "missing",
        "at",
        "margin",
        "known_distance",
        "ruler",
    ),
    *("kind", "modality", "radius", "outlier", "normalise", "split", "rename", "network"),
    *("depth", "side", "device", "unit", "table_unit", "level"),
}
#: Of no consequence for what is written.
UNTOLD = {"as_json", "quiet", "no_manifest", "progress", "dashboard", "listing", "slurm_script"}


@dataclass(frozen=True)
class Asked:
    """What a command was asked, without what names a file, a series or a person."""

    command: str
    options: Mapping[str, Any]
    started: datetime


_ASKED: ContextVar[Asked] = ContextVar("asked")


@contextmanager
def asked(ctx: Any) -> Iterator[None]:
    """Note what the command of a context was asked while it runs."""
    command = str(ctx.command_path).removeprefix("landmark-detection").strip()
    options = {
        name: value
        for name, value in ctx.params.items()
        if name not in UNTOLD and _is_plain(value, name in WORDS)
    }
    token = _ASKED.set(Asked(command, options, datetime.now().astimezone()))
    try:
        yield
    finally:
        _ASKED.reset(token)


def _is_plain(value: object, words: bool) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(_is_plain(one, words) for one in value)
    is_number = isinstance(value, int | float) and math.isfinite(value)  # JSON knows no others
    return is_number or (words and isinstance(value, str))


@dataclass(frozen=True)
class Recording:
    """Whether a run is recorded beside its results."""

    no_manifest: Annotated[
        bool,
        typer.Option(
            "--no-manifest",
            help="Leave the file beside the result that tells how it came about: options, versions, and "
            "SHA-256 of model, inputs and results; nothing of the patient.",
        ),
    ] = False

    def keep(
        self,
        results: Sequence[Path],
        *,
        beside: Path | None = None,
        images: Sequence[Volume] = (),
        files: Mapping[str, Sequence[Path]] | None = None,
        models: Sequence[Model | ModelUsed] = (),
        protocol: Protocol | None = None,
        used: Mapping[str, Any] | None = None,
        cases: Sequence[CaseRecord] = (),
    ) -> Path | None:
        """Write the manifest of a run that has written results; see `provenance.Run`.

        Parameters
        ----------
        beside
            The result that the manifest is named after; the first one otherwise.

        Returns
        -------
        Path or None
            The manifest; None where nothing was written, or no manifest is wanted.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        if self.no_manifest or not results:
            return None
        from LandmarkDetectionLib.provenance import ModelUsed, Run, manifest_of, write_manifest

        said = _ASKED.get()
        made_by = [one if isinstance(one, ModelUsed) else ModelUsed.of(one) for one in models]
        run = Run(
            said.command,
            said.options,
            said.started,
            results,
            images,
            files or {},
            made_by,
            protocol,
            used or {},
            cases,
        )
        path = manifest_of(beside or results[0])
        write_manifest(run, path)
        return path
