"""The manifest of a run: what was asked, by which program and model, of which image, and what came of it.

It names no file, folder or DICOM UID and holds nothing of the patient: the image and the outputs are known by
their SHA-256 alone.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cli.info import PACKAGES, version_of
from LandmarkDetectionLib.files import sha256_of, write_text

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.models import Model

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Run:
    """A run that is over.

    Attributes
    ----------
    command, options
        As given; without what names a file or a series.
    used
        What it ran with: given, estimated or chosen by the model.
    model
        Which found the landmarks.
    images
        All channels, as read.
    outputs
        Files that were written.
    started
        With its time zone.
    """

    command: str
    options: Mapping[str, Any]
    used: Mapping[str, Any]
    model: Model
    images: Sequence[Volume]
    outputs: Sequence[Path]
    started: datetime


def write_manifest(run: Run, path: Path) -> None:
    """Write the manifest of a run as JSON; raises OutputError."""
    from LandmarkDetectionLib.cohort.run.hashing import model_digest

    model = {"name": run.model.name, "version": run.model.version, "sha256": model_digest(run.model)}
    packages = {name: number for name in PACKAGES if (number := version_of(name)) is not None}
    ended = datetime.now(timezone.utc)
    record = {
        "schema_version": SCHEMA_VERSION,
        "program": {"name": "landmark-detection", "version": __version__, "research_use_only": True},
        "python": platform.python_version(),
        "packages": packages,
        "command": run.command,
        "options": dict(run.options),
        "used": dict(run.used),
        "model": model,
        "images": [{"size": list(one.size), "sha256": volume_digest(one)} for one in run.images],
        "outputs": [{"kind": _kind(file), "sha256": sha256_of(file)} for file in run.outputs],
        "started": run.started.astimezone(timezone.utc).isoformat(timespec="seconds"),
        "seconds": round((ended - run.started).total_seconds(), 3),
    }
    write_text(path, json.dumps(record, indent=1, allow_nan=False) + "\n")


def volume_digest(volume: Volume) -> str:
    """SHA-256 of an image as it was read: its voxels, their type and where they lie.

    The same for every kind of file that holds the same image, and for every computer.
    """
    kind = volume.voxels.dtype.newbyteorder("<")
    digest = hashlib.sha256(f"{volume.shape} {kind.str}\n".encode())
    digest.update(volume.ijk_to_ras.astype("<f8").tobytes())
    for voxels in volume.voxels:
        digest.update(np.ascontiguousarray(voxels.astype(kind, copy=False)).tobytes())
    return digest.hexdigest()


def _kind(file: Path) -> str:
    return ".mrk.json" if file.name.lower().endswith(".mrk.json") else file.suffix.lower()
