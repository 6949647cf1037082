"""The manifest of a run: what was asked, by which program and models, of which inputs, and what came of it.

It lies beside the result, as ``ct.mrk.json.manifest.json``, or as ``run.manifest.json`` in the folder of
results. It names no file, folder or DICOM UID and holds nothing of the patient: inputs and outputs are known
by their SHA-256 alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.errors import OutputError
from LandmarkDetectionLib.files import MANIFEST, is_manifest, sha256_of, write_text

if TYPE_CHECKING:
    from LandmarkDetectionLib.cohort import CaseRecord
    from LandmarkDetectionLib.core.protocol import Protocol
    from LandmarkDetectionLib.core.volume import Volume
    from LandmarkDetectionLib.models import Model

SCHEMA_VERSION = 1

#: Packages that results depend on, and those of the extras.
PACKAGES = (
    *("numpy", "scipy", "numba", "SimpleITK", "nibabel", "pydicom", "pillow", "pydantic", "safetensors"),
    *("torch", "matplotlib", "typer", "highdicom", "anny", "lightning-fabric", "dask", "pingouin", "nilearn"),
)
#: Of the manifest in a folder of results.
IN_FOLDER = f"run{MANIFEST}"
#: Of a file's name on nearly every file system.
LONGEST_NAME = 255
#: What follows the last dot of a name and is longer may be anything, a name of a patient too.
LONGEST_ENDING = len(".nhdr")


@dataclass(frozen=True)
class ModelUsed:
    """A model by name and version; ``sha256`` of all its files, None where only a record names it."""

    name: str
    version: str
    sha256: str | None = None

    @classmethod
    def of(cls, model: Model) -> ModelUsed:
        """One that is at hand."""
        from LandmarkDetectionLib.cohort.run.hashing import model_digest

        return cls(model.name, model.version, model_digest(model))


@dataclass(frozen=True)
class Run:
    """A run that is over.

    Attributes
    ----------
    command, options
        As given; without what names a file, a series or a person.
    started
        With its time zone.
    outputs
        Files that were written.
    images
        Volumes and radiographs as they were read, all channels.
    files
        What else was read, files or folders, by what it is: landmarks, labels, datalist.
    models
        Which looked at the images, or made the landmarks.
    protocol
        By which was measured.
    used
        What it ran with: given, estimated or chosen by the model.
    cases
        Of a cohort, whose records have the SHA-256 of each image and each result.
    """

    command: str
    options: Mapping[str, Any]
    started: datetime
    outputs: Sequence[Path]
    images: Sequence[Volume] = ()
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    models: Sequence[ModelUsed] = ()
    protocol: Protocol | None = None
    used: Mapping[str, Any] = field(default_factory=dict)
    cases: Sequence[CaseRecord] = ()


def manifest_of(result: Path) -> Path:
    """Where the manifest of a result lies: beside a file, inside a folder.

    Raises
    ------
    OutputError
        Its name would be longer than file systems take, or the result has the name of a manifest.

    Examples
    --------
    >>> manifest_of(Path("ct.csv")).name
    'ct.csv.manifest.json'
    """
    if os.path.isdir(result):  # noqa: PTH112 - false, too, for names that the system refuses
        return result / IN_FOLDER
    if is_manifest(result):
        raise OutputError(f"Cannot write {result}: names that end in {MANIFEST} are those of manifests.")
    letters = len(os.fsencode(result.name))
    if letters <= LONGEST_NAME < letters + len(MANIFEST):
        raise OutputError(
            f"Cannot write {result}: its name is too long for a manifest beside it; give a shorter one, or "
            "leave the manifest.",
            about="no_manifest",
        )
    return result.with_name(f"{result.name}{MANIFEST}")


def write_manifest(run: Run, path: Path) -> None:
    """Write the manifest of a run as JSON; raises OutputError."""
    packages = {name: number for name in PACKAGES if (number := version_of(name)) is not None}
    protocol = run.protocol
    inputs: list[dict[str, Any]] = [
        {"role": "image", "size": list(one.size), "sha256": volume_digest(one)} for one in run.images
    ]
    inputs += [_of_file(role, one) for role, paths in run.files.items() for one in paths]
    outputs: list[dict[str, Any]] = [{"kind": _kind(one), "sha256": sha256_of(one)} for one in run.outputs]
    if run.cases:
        made = [digest for case in run.cases for one in case.outcomes for digest in one.files.values()]
        inputs.append({"role": "cases", **_together([one.digest for one in run.cases])})
        outputs.append({"kind": "cases", **_together(made)})
    record = {
        "schema_version": SCHEMA_VERSION,
        "program": {"name": "landmark-detection", "version": __version__, "research_use_only": True},
        "python": platform.python_version(),
        "packages": packages,
        "command": run.command,
        "options": dict(run.options),
        "used": dict(run.used),
        "models": [vars(one) for one in dict.fromkeys(run.models)],
        "protocol": None if protocol is None else {"name": protocol.name, "version": protocol.version},
        "inputs": inputs,
        "outputs": outputs,
        "started": run.started.astimezone(timezone.utc).isoformat(timespec="seconds"),
        "seconds": round((datetime.now(timezone.utc) - run.started).total_seconds(), 3),
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


def version_of(package: str) -> str | None:
    """The version of an installed package; None of one that is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _of_file(role: str, path: Path) -> dict[str, Any]:
    if path.is_dir():
        inside = [one for one in path.rglob("*") if one.is_file() and not is_manifest(one)]
        return {"role": role, "kind": "folder", **_together([sha256_of(one) for one in inside])}
    return {"role": role, "kind": _kind(path), "sha256": sha256_of(path)}


def _together(digests: Sequence[str]) -> dict[str, Any]:
    """Of many files: how many, and SHA-256 over theirs in sorted order, whatever their names."""
    return {"files": len(digests), "sha256": hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()}


def _kind(file: Path) -> str:
    """The ending of a name."""
    name = file.name.lower()
    long = next((one for one in (".mrk.json", ".nii.gz", ".seg.nrrd") if name.endswith(one)), "")
    return long or (file.suffix.lower() if len(file.suffix) <= LONGEST_ENDING else "")
