"""What every exporter needs: names of cases, positions, and images that others see as this library does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case, Datalist
from LandmarkDetectionLib.datasets.raters import MEAN, Rating, case_annotations
from LandmarkDetectionLib.errors import InputError, OutputError
from LandmarkDetectionLib.files import atomic_folder, make_folder
from LandmarkDetectionLib.io.formats import stem, suffix_of
from LandmarkDetectionLib.io.volumes import write_volume


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    file
        The list of cases.
    cases
        How many there are.
    notes
        What was left out or changed, in sentences for people.
    """

    file: Path
    cases: int
    notes: tuple[str, ...] = ()


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``out`` when all is written.

    Raises
    ------
    OutputError
        ``out`` holds something already, or cannot be written.
    """
    target = out.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"Cannot write {out}: it holds something already; give a new folder.")
    make_folder(target.parent)
    with atomic_folder(target) as folder:
        yield folder


def case_names(cases: Sequence[Case]) -> list[str]:
    """A plain name for every case, each once."""
    names: list[str] = []
    for case in cases:
        plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in stem(Path(case.name)))
        names.append(f"{plain}-{case.row}" if plain in names else plain)
    return names


def rating_of(case: Case, datalist: Datalist, rater: str, volume: Volume) -> Rating:
    """What one rater, or the mean of all, says of a case.

    Raises
    ------
    InputError
        There is no such rater, or it stands for several.
    """
    if rater != MEAN and rater not in datalist.raters:
        known = ", ".join((MEAN, *datalist.raters))
        raise InputError(
            f"There is no rater {rater!r} in {datalist.path}; choose one of {known}.", about="rater"
        )
    return case_annotations(case, datalist.landmark_names, rater, volume)[0]


def is_seen_alike(file: Path, volume: Volume) -> bool:
    """Whether a file is a NIfTI that nibabel, and what is built on it, puts where this library does."""
    import nibabel

    if suffix_of(file) not in (".nii", ".nii.gz"):
        return False
    affine = nibabel.load(file).affine  # type: ignore[attr-defined]
    return bool(np.allclose(affine, volume.ijk_to_ras, rtol=0, atol=1e-4))


def write_nifti(volume: Volume, source: Path | None, target: Path) -> None:
    """Write an image as ``.nii.gz``: the source's own bytes where others see them alike."""
    if source is not None and suffix_of(source) == ".nii.gz" and is_seen_alike(source, volume):
        shutil.copyfile(source, target)
    else:
        write_volume(volume, target)
