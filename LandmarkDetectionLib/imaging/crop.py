"""A box cut out of an image about landmarks: the voxels themselves, each where it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.typing import FloatArray
from LandmarkDetectionLib.wording import counted

LARGEST_MARGIN_MM = 2000.0
_SIDES = (("left", "right"), ("posterior", "anterior"), ("inferior", "superior"))


@dataclass(frozen=True, eq=False)
class Cropped:
    """A box of an image.

    Attributes
    ----------
    volume
        The box: the same voxels in the same places in the patient.
    first : (i, j, k)
        Index of its first voxel in the whole image.
    cut : tuple of str
        Sides of the patient on which the image ends before the margin does.
    """

    volume: Volume
    first: tuple[int, int, int]
    cut: tuple[str, ...] = ()


def crop_about(
    volume: Volume, landmarks: LandmarkSet, margin_mm: float | Sequence[float], names: Sequence[str] = ()
) -> Cropped:
    """The smallest box of voxels that holds landmarks with a margin on every side; nothing is resampled.

    Parameters
    ----------
    volume
        An image or a radiograph, however oblique: the box has the image's own axes.
    landmarks
        RAS mm of the same image.
    margin_mm
        To every side, or three: to right and left, to anterior and posterior, to superior and inferior. In a
        picture whose pixels have no known size, in pixels.
    names
        Which landmarks; all that have a place when empty.

    Raises
    ------
    InputError
        There is no landmark, one of those named is not there or absent, one lies outside of the image, or the
        margin cannot be.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> volume, landmarks = ld.read_volume("ct.nrrd"), ld.read_landmarks("ct.mrk.json")
    >>> box = ld.crop_about(volume, landmarks, 60, ["knee_left", "ankle_left"]).volume
    >>> box.size < volume.size, box.spacing.tolist()
    (True, [5.0, 5.0, 5.0])
    """
    margin = _margin(margin_mm)
    places = np.array([landmarks[name].position for name in _chosen(landmarks, names, volume)])
    size = np.array(volume.size)
    corners = np.array(
        [place + np.multiply(side, margin) for place in places for side in product((-1, 1), repeat=3)]
    )
    index = volume.ras_to_ijk_points(corners)
    # A voxel belongs to the box when any of it does; a margin on its face does not count for the next one.
    low, high = np.ceil(index.min(axis=0) - 0.5 - 1e-6), np.floor(index.max(axis=0) + 0.5 + 1e-6)
    flat = size == 1
    first = np.where(flat, 0, np.clip(low, 0, size - 1)).astype(int)
    last = np.where(flat, 0, np.clip(high, first, size - 1)).astype(int)
    cut = _cut(volume, places, margin)
    (i, j, k), (i_end, j_end, k_end) = first.tolist(), (last + 1).tolist()
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, 3] = volume.ijk_to_ras_points([first])[0]
    box = replace(volume, voxels=volume.voxels[k:k_end, j:j_end, i:i_end].copy(), ijk_to_ras=matrix)
    return Cropped(box, (i, j, k), cut)


def _margin(given: float | Sequence[float]) -> FloatArray:
    margin = np.array(given, dtype=np.float64).reshape(-1)
    if margin.size not in (1, 3) or not np.isfinite(margin).all() or margin.min() < 0:
        raise InputError(
            "The margin has to be one length, or three: to the sides, to front and back, up and down."
        )
    if margin.max() > LARGEST_MARGIN_MM:
        raise InputError(
            f"A margin of {margin.max():g} mm is larger than a person; give the mm about the landmarks."
        )
    return np.broadcast_to(margin, 3)


def _chosen(landmarks: LandmarkSet, names: Sequence[str], volume: Volume) -> tuple[str, ...]:
    for name in names:
        if name not in landmarks:
            raise InputError(f"There is no landmark {name}; there are {', '.join(landmarks.names[:6])}, ...")
        if not landmarks[name].is_present:
            raise InputError(f"The landmark {name} is absent, so there is no box about it; leave it out.")
    chosen = tuple(names) or landmarks.present.names
    if not chosen:
        raise InputError("No landmark has a place, so there is no box about them.")
    inside = volume.holds(np.array([landmarks[name].position for name in chosen]))
    if not inside.any():
        raise InputError(
            f"None of {counted(len(chosen), 'landmark')} lies in {volume.name or 'the image'}: they are of "
            "another image, or in other coordinates."
        )
    if not inside.all():
        outside = [name for name, one in zip(chosen, inside, strict=True) if not one]
        raise InputError(
            f"{', '.join(outside[:3])}{' and more' if len(outside) > 3 else ''} lie outside of "
            f"{volume.name or 'the image'}; leave them out, or check that the landmarks are of this image."
        )
    return chosen


def _cut(volume: Volume, places: FloatArray, margin: FloatArray) -> tuple[str, ...]:
    """Sides on which a landmark with its margin reaches out of the image."""
    found = []
    for axis, sides in enumerate(_SIDES):
        for sign, side in zip((-1, 1), sides, strict=True):
            step = np.zeros(3)
            step[axis] = sign * margin[axis]
            # R grows to the right, A to the front, S to the head.
            if margin[axis] > 0 and not volume.holds(places + step).all():
                found.append(side)
    return tuple(found)
