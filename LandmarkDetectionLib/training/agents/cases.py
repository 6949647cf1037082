"""Annotated volumes that agents walk through: as they are stored, and cut to fields of view."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case
from LandmarkDetectionLib.datasets.raters import case_annotations
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write, write_text
from LandmarkDetectionLib.imaging.boxes import BoxSource
from LandmarkDetectionLib.imaging.grid import Intensity
from LandmarkDetectionLib.training.supervised.cases import each_prepared
from LandmarkDetectionLib.typing import Array, Progress

#: Share of an axis that a cropped field keeps at least.
LEAST_KEPT = 0.35


@dataclass(frozen=True)
class AgentCase:
    """One case as a training sees it.

    Attributes
    ----------
    name, subject
        Of the datalist.
    file
        ``.npy`` with the voxels as stored, (K, J, I).
    ijk_to_ras : (4, 4)
    modality
        Of the volume.
    points : (L, 3) RAS mm
        NaN where there are none.
    known : (L,) bool
        False where a landmark was not annotated; known without a point is absent from the image.
    """

    name: str
    subject: str
    file: Path
    ijk_to_ras: Array
    modality: str
    points: Array
    known: npt.NDArray[np.bool_]

    @cached_property
    def volume(self) -> Volume:
        """The voxels, read when they are touched; the system keeps what fits into memory."""
        return Volume(np.load(self.file, mmap_mode="r"), self.ijk_to_ras, self.modality, self.name)

    def source(self, intensity: Intensity, field: Array | None = None) -> BoxSource:
        """Where boxes are cut from, the whole volume or a field (2, 3) of it."""
        return BoxSource.of(self.volume, intensity, field)


def prepare_cases(
    cases: Sequence[Case],
    names: Sequence[str],
    raters: str,
    folder: Path,
    progress: Progress | None = None,
) -> list[AgentCase]:
    """Cases with their voxels in a folder, each written there once.

    Raises
    ------
    InputError
        An image or landmark file cannot be used, or is no volume; the sentence names the row.
    """
    return each_prepared(cases, lambda case: _prepare(case, names, raters, folder), progress)


def drawn_field(rng: np.random.Generator, size: Sequence[int]) -> Array:
    """A field (2, 3) that one to three axes of a volume of (i, j, k) voxels are cut to, at either end."""
    low, high = np.zeros(3, np.int64), np.array(size, np.int64) - 1
    axes = rng.permutation(3)[: rng.integers(1, 4)]
    for axis in axes:
        length = int(high[axis]) + 1
        kept = max(2, round(length * rng.uniform(LEAST_KEPT, 0.95)))
        start = int(rng.integers(0, max(1, length - kept + 1)))
        low[axis], high[axis] = start, min(length, start + kept) - 1
    return np.stack([low, high])


def _prepare(case: Case, names: Sequence[str], raters: str, folder: Path) -> AgentCase:
    stem = f"{case.row:05d}-{_key(case)}"
    file, facts = folder / f"{stem}.npy", folder / f"{stem}.json"
    if not (file.exists() and facts.exists()):
        volume = case.read_volume()
        require_volume(volume)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.ascontiguousarray(volume.voxels))
        known = {"ijk_to_ras": volume.ijk_to_ras.tolist(), "modality": volume.modality}
        write_text(facts, json.dumps(known))
    told = json.loads(facts.read_text())
    rating = case_annotations(case, names, raters)[0]
    matrix = np.array(told["ijk_to_ras"])
    return AgentCase(
        case.name, case.subject, file, matrix, told["modality"], rating.positions, np.asarray(rating.known)
    )


def require_volume(volume: Volume) -> None:
    """Refuse what agents cannot walk through.

    Raises
    ------
    InputError
        It is a single image, or does not tell the size of its voxels.
    """
    name = volume.name or "The image"
    if volume.is_2d:
        raise InputError(
            f"{name} is a single image, and search agents walk through volumes; choose a heatmap preset such "
            "as scn-lite."
        )
    if not volume.spacing_known:
        raise InputError(f"{name} does not tell the size of its voxels, which search agents need.")


def _key(case: Case) -> str:
    """Changes with the image's file."""
    image = case.image_files[0]
    status = image.stat()
    parts = [repr(case.spacing), f"{image.resolve()} {status.st_size} {status.st_mtime_ns}"]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
