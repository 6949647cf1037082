"""Annotated images, brought onto a network's grid once and kept as files: memory holds one at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case
from LandmarkDetectionLib.datasets.raters import case_annotations
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write, write_text
from LandmarkDetectionLib.imaging.aligned_grid import look_at_aligned, template_bytes
from LandmarkDetectionLib.imaging.grid import GridSettings, ImageGrid, look_at
from LandmarkDetectionLib.typing import Array, Progress

Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class SupervisedCase:
    """One case as a training sees it.

    Attributes
    ----------
    name, subject
        Of the datalist.
    file
        ``.npy`` with the image, (C, *S) float16.
    to_ras : (4, 4)
        Voxels (x, y, z, 1) to RAS mm.
    content
        Voxels along each axis of S that the image takes.
    points : (R, L, d)
        Voxels, x first, by rater; NaN where there are none.
    known : (R, L) bool
        False where a landmark was not annotated; known without a point is absent from the image.
    unit
        "mm", or "px" where the pixel size is unknown.
    warning
        Why it could not be registered to the template, where there is one.
    """

    name: str
    subject: str
    file: Path
    to_ras: Array
    content: tuple[int, ...]
    points: Array
    known: Array
    unit: str
    warning: str = ""

    @cached_property
    def image(self) -> Array:
        """The image, read when it is touched; the system keeps what fits into memory."""
        return np.asarray(np.load(self.file, mmap_mode="r"))

    @property
    def grid(self) -> ImageGrid:
        """Image and geometry together."""
        return ImageGrid(np.asarray(self.image, np.float32), self.to_ras, self.content)


@dataclass(frozen=True)
class CaseFolder:
    """A folder of images on a network's grid, each brought there once.

    Attributes
    ----------
    path
        Made when missing. What an earlier call left there is taken up.
    settings, multiple
        See `grid.look_at`.
    template
        Images are registered to it, see `aligned_grid`.
    """

    path: Path
    settings: GridSettings
    multiple: int = 1
    template: Volume | None = None

    def keep(self, case: Case, volumes: Sequence[Volume] | None = None) -> tuple[Path, Mapping[str, Any]]:
        """The file of a case's image, and what else there is to know of it.

        Parameters
        ----------
        volumes
            Its channels, where they are at hand; otherwise they are read when they are needed.

        Raises
        ------
        InputError
            The images cannot be read, or are none for this grid.
        """
        stem = f"{case.row:05d}-{self._key(case)}"
        file, facts = self.path / f"{stem}.npy", self.path / f"{stem}.json"
        if file.exists() and facts.exists():
            return file, json.loads(facts.read_text())
        volumes = volumes or case.read_channels()
        if self.template is None:
            grid, warning = look_at(volumes, self.settings, self.multiple), ""
        else:
            aligned = look_at_aligned(volumes, self.template, self.settings)
            grid, warning = aligned.grid, aligned.alignment.warning
        known = {
            "to_ras": grid.to_ras.tolist(),
            "content": list(grid.content),
            "unit": "mm" if volumes[0].spacing_known else "px",
            "warning": warning,
        }
        self.path.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, grid.image.astype(np.float16))
        write_text(facts, json.dumps(known))
        return file, known

    def _key(self, case: Case) -> str:
        """Changes with the images' files and with what is made of them."""
        parts = [repr(self.settings), str(self.multiple), repr(case.spacing)]
        for image in case.image_files:
            status = image.stat()
            parts.append(f"{image.resolve()} {status.st_size} {status.st_mtime_ns}")
        if self.template is not None:
            parts.append(hashlib.sha256(template_bytes(self.template)).hexdigest())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def prepare_cases(
    cases: Sequence[Case],
    names: Sequence[str],
    raters: str,
    folder: CaseFolder,
    progress: Progress | None = None,
) -> list[SupervisedCase]:
    """Cases with their images in a folder.

    Parameters
    ----------
    names
        Landmarks, in the order of the network's outputs.
    raters
        See `raters.case_annotations`.

    Raises
    ------
    InputError
        An image or landmark file cannot be used; the sentence names the row.
    """
    return each_prepared(cases, lambda case: _prepare(case, names, raters, folder), progress)


def each_prepared(
    cases: Sequence[Case], prepare: Callable[[Case], Prepared], progress: Progress | None = None
) -> list[Prepared]:
    """What is made of every case, with progress.

    Raises
    ------
    InputError
        A case cannot be used; the sentence names its row.
    """
    prepared = []
    for n, case in enumerate(cases):
        if progress is not None:
            progress(n / len(cases), f"reading {case.name}")
        try:
            prepared.append(prepare(case))
        except InputError as problem:
            raise InputError(f"Row {case.row} ({case.name}): {problem}") from None
    return prepared


def digest(cases: Iterable[Case]) -> str:
    """SHA-256 of landmark files and of names and sizes of images: tells whether a data set was changed."""
    state = hashlib.sha256()
    for case in cases:
        for image in case.image_files:
            state.update(f"{image.name} {image.stat().st_size if image.is_file() else 0}\n".encode())
        for rater, file in case.landmarks:
            state.update(rater.encode() + file.read_bytes())
    return state.hexdigest()


def _prepare(case: Case, names: Sequence[str], raters: str, folder: CaseFolder) -> SupervisedCase:
    file, known = folder.keep(case)
    to_ras, content = np.array(known["to_ras"]), tuple(known["content"])
    annotations = case_annotations(case, names, raters)
    geometry = ImageGrid(np.zeros((1, *[1] * folder.settings.dimensions), np.float32), to_ras, content)
    return SupervisedCase(
        name=case.name,
        subject=case.subject,
        file=file,
        to_ras=to_ras,
        content=content,
        points=np.stack([geometry.points_from_ras(one.positions) for one in annotations]),
        known=np.stack([one.known for one in annotations]),
        unit=known["unit"],
        warning=known.get("warning", ""),
    )
