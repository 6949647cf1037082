"""The landmarks of many cases by one rater: a table of coordinates, or a folder of landmark files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.datasets.importers.tables import read_points
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import is_manifest, read_text
from LandmarkDetectionLib.io.markups import READ_SUFFIXES, read_landmarks
from LandmarkDetectionLib.wording import counted

MEAN = "mean"


@dataclass(frozen=True, eq=False)
class Ratings:
    """One rater's landmarks.

    Attributes
    ----------
    rater
        The file's or folder's name.
    cases
        Names, each once.
    positions : (N, L, 3) float64
        RAS in the protocol's order, NaN where a landmark is absent. The coordinates x and y of a table are
        those of a picture as its reader places it: -R and -A.
    """

    rater: str
    cases: tuple[str, ...]
    positions: npt.NDArray[np.float64]

    def of(self, cases: tuple[str, ...]) -> npt.NDArray[np.float64]:
        """(N, L, 3) of some of the cases."""
        return self.positions[[self.cases.index(case) for case in cases]]


def read_ratings(path: Path, protocol: Protocol) -> Ratings:
    """Read a rater's landmarks.

    Parameters
    ----------
    path
        A ``.csv`` with one case per row: its name, then x and y of every landmark in the protocol's order
        (a first row of headings is passed over; an empty cell is an absent landmark). Or a folder with one
        landmark file (``.mrk.json``, ``.fcsv``, ``.csv`` or the ``.json`` of a detection) per case.
    protocol
        Which landmarks there are.

    Raises
    ------
    InputError
        There is nothing to read, or a row has the wrong number of columns or something else than numbers.
    """
    if path.is_dir():
        return _read_folder(path, protocol)
    if _is_landmark_file(path):
        read_text(path)  # What is not there, or is no text, is another mistake.
        raise InputError(
            f"{path} holds the landmarks of one case; raters are compared over several: give a folder of "
            "landmark files per rater, the files of a case under one name, or a table with a row per case."
        )
    return _read_table(path, protocol)


def mean_ratings(ratings: tuple[Ratings, ...], cases: tuple[str, ...]) -> Ratings:
    """The mean position of several raters; absent where it is for one of them."""
    return Ratings(MEAN, cases, np.mean([one.of(cases) for one in ratings], axis=0))


def common_cases(ratings: tuple[Ratings, ...]) -> tuple[str, ...]:
    """The cases that every rater has, in the first one's order; InputError when there are none."""
    cases = tuple(case for case in ratings[0].cases if all(case in one.cases for one in ratings))
    if not cases:
        raise InputError(
            f"{' and '.join(one.rater for one in ratings)} have no case in common; "
            "check that their cases have the same names."
        )
    return cases


def _is_landmark_file(path: Path) -> bool:
    if path.suffix.lower() != ".csv":
        return path.name.lower().endswith((*READ_SUFFIXES, ".json"))
    try:
        read_landmarks(path)
    except InputError:
        return False
    return True


def _read_table(path: Path, protocol: Protocol) -> Ratings:
    _, places = read_points(path)
    picture = np.array(list(places.values()))
    if picture.shape[1] != len(protocol.names):
        raise InputError(
            f"Cannot read {path}: it has {counted(picture.shape[1], 'landmark')} per case; {protocol.name} "
            f"needs {len(protocol.names)}: a name, then x and y of each landmark."
        )
    depth = np.where(np.isnan(picture[..., :1]), np.nan, 0.0)
    return Ratings(path.stem, tuple(places), np.concatenate([-picture, depth], axis=-1))


def _read_folder(path: Path, protocol: Protocol) -> Ratings:
    found: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        suffix = next((one for one in (*READ_SUFFIXES, ".json") if file.name.endswith(one)), None)
        if suffix is not None and not is_manifest(file):
            found.setdefault(file.name.removesuffix(suffix), file)
    if not found:
        raise InputError(f"{path} holds no landmark file; give a folder of {', '.join(READ_SUFFIXES)}.")
    places = []
    for file in found.values():
        landmarks = read_landmarks(file)
        known = {mark.name: mark.position for mark in landmarks}
        places.append([known.get(name, np.full(3, np.nan)) for name in protocol.names])
    return Ratings(path.name, tuple(found), np.array(places))
