"""Several raters of one case: believe one, the mean of them, or each.

Learning from each rater in turn lets a network see how far apart people are; the mean is closer to the truth
than any of them where their errors are independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.core.landmarks import LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case
from LandmarkDetectionLib.typing import FloatArray

#: Of which landmarks there is a mean: those that all raters placed, or those that any of them did.
MeanOf = Literal["all", "any"]
MEAN, ALL = "mean", "all"


class Rating(NamedTuple):
    """What one rater, or the mean of several, says of one case.

    Attributes
    ----------
    rater
        Name, or ``mean``.
    positions : (N, 3) float64
        RAS mm, NaN where there is none.
    known : (N,) bool
        Whether the rater said anything of the landmark. Known and without a position is a landmark that a
        person declared missing from the image; not known is one that nobody annotated.
    """

    rater: str
    positions: FloatArray
    known: npt.NDArray[np.bool_]


def case_annotations(
    case: Case, names: Sequence[str], rater: str = MEAN, volume: Volume | None = None, mean_of: MeanOf = "any"
) -> list[Rating]:
    """Read the annotations of a case as training targets.

    Parameters
    ----------
    case
        Of a datalist.
    names
        Landmarks in the wanted order; a name that a file lacks is not annotated.
    rater
        ``"mean"`` of the raters, ``"all"`` of them one by one, or one rater's name.
    volume
        The first image, where it is at hand: files that count in pixels need its geometry.
    mean_of
        Whether a mean needs all raters or takes those there are.

    Returns
    -------
    list of Rating
        One, or one per rater for ``"all"``.

    Raises
    ------
    InputError
        A file is broken, or the case has no landmarks by that rater.
    """
    chosen = case.raters if rater in (MEAN, ALL) else (rater,)
    read = [_rating(one, case.read_landmarks(one, volume), names) for one in chosen]
    if rater != MEAN:
        return read
    if len(read) == 1:
        return [read[0]._replace(rater=MEAN)]
    return [mean_annotation(read, mean_of)]


def case_landmarks(
    case: Case, names: Sequence[str], rater: str = MEAN, volume: Volume | None = None, mean_of: MeanOf = "any"
) -> list[FloatArray]:
    """The positions of :func:`case_annotations`: (N, 3) RAS mm each, NaN where not annotated."""
    return [one.positions for one in case_annotations(case, names, rater, volume, mean_of)]


def mean_annotation(annotations: Sequence[Rating], mean_of: MeanOf = "any") -> Rating:
    """The mean of several raters.

    A landmark that some placed and others declared missing, or did not annotate, has the mean of those who
    placed it with ``mean_of="any"``, and is not known with ``"all"``. One that nobody placed is known to be
    missing when every rater who said anything says so.
    """
    positions = np.stack([one.positions for one in annotations])
    known = np.stack([one.known for one in annotations])
    placed = np.isfinite(positions[..., 0])
    count = np.sum(placed, axis=0)
    total = np.where(placed[..., None], positions, 0.0).sum(axis=0)
    enough = np.asarray(count >= (1 if mean_of == "any" else len(annotations)))
    mean = np.full(total.shape, np.nan)
    mean[enough] = total[enough] / count[enough, None]
    said = np.any(known, axis=0) if mean_of == "any" else np.all(known, axis=0)
    declared = np.logical_and(count == 0, said)
    return Rating(MEAN, mean, enough | declared)


def _rating(rater: str, landmarks: LandmarkSet, names: Sequence[str]) -> Rating:
    of_name = {one.name: one for one in landmarks}
    positions = np.full((len(names), 3), np.nan)
    known = np.zeros(len(names), bool)
    for n, name in enumerate(names):
        landmark = of_name.get(name)
        if landmark is not None and (landmark.is_present or landmark.status is Status.MISSING):
            positions[n], known[n] = landmark.position, True
    return Rating(rater, positions, known)
