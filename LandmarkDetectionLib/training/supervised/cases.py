"""Annotated images, brought onto a network's grid once and kept as files: memory holds one at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case
from LandmarkDetectionLib.datasets.raters import case_annotations
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import atomic_write, write_text
from LandmarkDetectionLib.imaging.aligned_grid import look_at_aligned, template_bytes
from LandmarkDetectionLib.imaging.grid import GridSettings, ImageGrid, look_at
from LandmarkDetectionLib.typing import Array, Progress


@dataclass(frozen=True)
class AnnotatedCase:
    """One case as a training sees it.

    Attributes
    ----------
    name, subject
        Of the datalist.
    file
        ``.npy`` with the image, (C, *S) float16.
    to_ras : (4, 4)
        Cells (x, y, z, 1) to RAS mm.
    content
        Cells along each axis of S that the image takes.
    points : (R, L, d)
        Cells, x first, by rater; NaN where there are none.
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


def prepare_cases(
    cases: Sequence[Case],
    names: Sequence[str],
    settings: GridSettings,
    raters: str,
    folder: Path,
    multiple: int = 1,
    progress: Progress | None = None,
    template: Volume | None = None,
) -> list[AnnotatedCase]:
    """Bring cases onto the grid, each once: what an earlier call left in the folder is taken up.

    Parameters
    ----------
    names
        Landmarks, in the order of the network's outputs.
    raters
        See `raters.case_annotations`.
    folder
        For the images; made when missing.
    template
        Images are registered to it, see `aligned_grid`.

    Raises
    ------
    InputError
        An image or landmark file cannot be used; the sentence names the row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prepared = []
    for n, case in enumerate(cases):
        if progress is not None:
            progress(n / len(cases), f"reading {case.name}")
        try:
            prepared.append(_prepare(case, names, settings, raters, folder, multiple, template))
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


def _prepare(
    case: Case,
    names: Sequence[str],
    settings: GridSettings,
    raters: str,
    folder: Path,
    multiple: int,
    template: Volume | None,
) -> AnnotatedCase:
    stem = f"{case.row:05d}-{_key(case, settings, multiple, template)}"
    file, facts = folder / f"{stem}.npy", folder / f"{stem}.json"
    if file.exists() and facts.exists():
        kept = json.loads(facts.read_text())
        to_ras, content, unit = np.array(kept["to_ras"]), tuple(kept["content"]), kept["unit"]
        volume, warning = None, kept.get("warning", "")
    else:
        volumes = case.read_channels()
        volume = volumes[0]
        if template is None:
            grid, warning = look_at(volumes, settings, multiple), ""
        else:
            aligned = look_at_aligned(volumes, template, settings)
            grid, warning = aligned.grid, aligned.alignment.warning
        to_ras, content = grid.to_ras, grid.content
        unit = "mm" if volume.spacing_known else "px"
        with atomic_write(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, grid.image.astype(np.float16))
        kept = {"to_ras": to_ras.tolist(), "content": list(content), "unit": unit, "warning": warning}
        write_text(facts, json.dumps(kept))
    annotations = case_annotations(case, names, raters, volume)
    d = settings.dimensions
    geometry = ImageGrid(np.zeros((1, *[1] * d), np.float32), to_ras, content)
    points = np.stack([geometry.points_from_ras(one.positions) for one in annotations])
    return AnnotatedCase(
        name=case.name,
        subject=case.subject,
        file=file,
        to_ras=to_ras,
        content=content,
        points=points,
        known=np.stack([one.known for one in annotations]),
        unit=unit,
        warning=warning,
    )


def _key(case: Case, settings: GridSettings, multiple: int, template: Volume | None) -> str:
    """Changes with the images' files and with what is made of them."""
    parts = [repr(settings), str(multiple), repr(case.spacing)]
    for image in case.image_files:
        status = image.stat()
        parts.append(f"{image.resolve()} {status.st_size} {status.st_mtime_ns}")
    if template is not None:
        parts.append(hashlib.sha256(template_bytes(template)).hexdigest())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
