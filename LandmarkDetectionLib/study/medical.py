"""The medical side of a study in the common domain: from a datalist, or from the domain that stands in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.errors import InputError, LandmarkDetectionError
from LandmarkDetectionLib.study.patches import Patches, unit_patch
from LandmarkDetectionLib.study.regions import Region
from LandmarkDetectionLib.synthesis.surrogate_domain import SurrogateDomain
from LandmarkDetectionLib.typing import Progress
from LandmarkDetectionLib.wording import counted

STAND_IN_SEED = 2_000_000  # beyond the seeds of training and evaluation


def patches_of_datalist(
    datalist: Datalist, region: Region, shape: tuple[int, int], progress: Progress | None = None
) -> Patches:
    """Read every case, find its object and scale it to unit size.

    Raises
    ------
    InputError
        When an image cannot be used (the sentence names its row), or the synthetic images lack a landmark.
    """
    names = region.ordered(datalist.landmark_names)
    rows = []
    for number, case in enumerate(datalist, start=1):
        try:
            landmarks = case.read_landmarks()
            ordered = np.array([landmarks[name].position for name in names])
            patch = unit_patch(region.view(case.read_volume(), case.side), ordered, shape)
            rows.append((patch, f"row {case.row} ({case.name})", case.subject))
        except LandmarkDetectionError as problem:
            raise InputError(f"Row {case.row} ({case.name}) of {datalist.path}: {problem}") from None
        if progress is not None:
            progress(number / len(datalist), f"read {number} of {counted(len(datalist), 'case')}")
    return _stack(names, rows)


def stand_in(
    region: Region,
    names: tuple[str, ...],
    shape: tuple[int, int],
    subjects: int,
    images: int = 2,
    domain: SurrogateDomain | None = None,
) -> Patches:
    """Draw a medical data set that is none: see ``synthesis.surrogate_domain``.

    Parameters
    ----------
    region : Region
    names, shape
        Landmarks, and rows and columns.
    subjects, images : int
        People, and images of each.
    """
    domain = domain or SurrogateDomain()
    rows = []
    for subject, (view, n) in enumerate(_people(region, names, shape, subjects)):
        for number in range(images):
            seen, landmarks = domain.image(view, n, subject, number)
            label = f"person {subject + 1}"
            rows.append((unit_patch(seen, landmarks, shape), f"{label}, image {number + 1}", label))
    return _stack(names, rows)


def _people(
    region: Region, names: tuple[str, ...], shape: tuple[int, int], count: int
) -> Iterator[tuple[Any, int]]:
    """Undisturbed people of one narrow group, whole in the picture, at twice the resolution."""
    stream = region.stream(names, STAND_IN_SEED, 32, (2 * shape[0], 2 * shape[1]), 0.0)
    found = 0
    for batch in stream:
        for n in np.flatnonzero(region.group(batch.phenotype) & batch.visible.all(axis=1)):
            yield batch.coronal, int(n)
            found += 1
            if found == count:
                return


def _stack(names: tuple[str, ...], rows: list[tuple[Any, str, str]]) -> Patches:
    silhouettes, front, points, spacing = (
        np.stack(one) for one in zip(*(row[0] for row in rows), strict=True)
    )
    return Patches(
        names,
        silhouettes,
        front,
        points,
        spacing,
        tuple(row[1] for row in rows),
        tuple(row[2] for row in rows),
    )
