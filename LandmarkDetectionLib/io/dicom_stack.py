"""Where the slices of a series lie, and how slices at uneven distances become a volume of even ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.errors import InputError

#: Slices lie evenly when none is farther than this part of the usual distance from its place on an even line.
EVEN = 0.2
#: A gap up to the larger of these is filled: in mm, and in usual distances.
WIDEST_GAP_MM, WIDEST_GAP = 30.0, 4.0
#: Filling may make this many slices out of one.
MOST_FILLED = 4
#: Share of the gaps that may be narrower than the distance of the filled slices.
NARROWER = 0.1
#: Slices that stray sideways by more mm than this get a sentence.
STRAIGHT_MM = 0.5


@dataclass(frozen=True, eq=False)
class Line:
    """The straight, even line of slices that a volume's matrix describes.

    Attributes
    ----------
    step
        (3,) LPS mm from slice to slice.
    places
        (M,) where the volume's slices lie between those of the files: 1.5 is halfway from the second to the
        third. None when the slices lie evenly and are the volume's.
    doubts
        About the slices.
    """

    step: np.ndarray
    places: np.ndarray | None = None
    doubts: tuple[Doubt, ...] = ()


def even_line(path: Path, positions: np.ndarray, normal: np.ndarray) -> Line:
    """Lay an even line through slices.

    Parameters
    ----------
    path
        Named in messages.
    positions
        (N, 3) LPS mm, sorted along the normal.
    normal
        (3,) unit vector of the slices.

    Raises
    ------
    InputError
        A gap is too wide to be filled, or the slices do not lie on a straight line.
    """
    heights = (positions - positions[0]) @ normal
    gaps = np.diff(heights)
    usual = float(np.median(gaps))
    # Without its sideways part, a gantry tilt would stray from the normal; along the line it is straight.
    line = positions[0] + np.outer(heights / heights[-1], positions[-1] - positions[0])
    stray = float(np.linalg.norm(positions - line, axis=1).max())
    if stray > max(usual, 1.0):
        raise InputError(
            f"{path} has slices that are not on a straight line; resample it to a volume or export it again."
        )
    told: list[str] = []
    if stray > STRAIGHT_MM:
        told.append(
            f"Slices stray sideways by up to {stray:.1f} mm from a straight line; positions may be wrong by "
            "as much."
        )
    across = positions[-1] - positions[0]
    even = np.linspace(0.0, heights[-1], len(heights))
    if np.abs(heights - even).max() <= EVEN * usual and np.abs(gaps - usual).max() <= EVEN * usual:
        return Line(across / (len(positions) - 1), None, _doubts(told))
    step, count = _filled(path, gaps)
    widest = int(np.argmax(gaps))
    told.append(
        f"Slices are missing or uneven: {gaps.min():.2f} to {gaps.max():.2f} mm apart, mostly {usual:.2f}, "
        f"the widest gap between slices {widest + 1} and {widest + 2}; every slice stays where the file has "
        f"it, and between them values are interpolated every {step:.2f} mm: landmarks in a gap are a guess."
    )
    places = np.interp(np.linspace(0.0, heights[-1], count), heights, np.arange(len(heights)))
    return Line(across / (count - 1), places, _doubts(told))


def _doubts(told: list[str]) -> tuple[Doubt, ...]:
    return tuple(Doubt(text, DoubtKind.SLICES) for text in told)


def _filled(path: Path, gaps: np.ndarray) -> tuple[float, int]:
    """Distance in mm and number of even slices instead of those with these gaps."""
    usual, widest = float(np.median(gaps)), int(np.argmax(gaps))
    if gaps[widest] > max(WIDEST_GAP_MM, WIDEST_GAP * usual):
        raise InputError(
            f"{path} has missing or uneven slices: {gaps[widest]:.2f} mm between slices {widest + 1} and "
            f"{widest + 2}, {usual:.2f} mm elsewhere, which is too much to fill; export the whole series "
            "again."
        )
    length = float(gaps.sum())
    for step in (float(np.quantile(gaps, NARROWER, method="lower")), usual):
        count = round(length / step) + 1
        if count <= MOST_FILLED * (len(gaps) + 1):
            break
    count = max(count, 2)
    return length / (count - 1), count


def resampled(voxels: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Slices between slices, by linear interpolation.

    Parameters
    ----------
    voxels
        (N, J, I), N at least 2.
    places
        (M,) from 0 to N - 1.

    Returns
    -------
    numpy.ndarray
        (M, J, I) of the same type, rounded where it is one of integers.
    """
    result = np.empty((len(places), *voxels.shape[1:]), voxels.dtype)
    for k, place in enumerate(places):
        below = min(int(place), len(voxels) - 2)
        share = place - below
        nearest = below + round(share)
        if abs(place - nearest) < 1e-3:
            result[k] = voxels[nearest]
            continue
        wide = np.float64 if voxels.dtype.itemsize > 2 else np.float32
        between = voxels[below].astype(wide) * (1 - share) + voxels[below + 1].astype(wide) * share
        result[k] = np.rint(between) if voxels.dtype.kind in "iu" else between
    return result
