"""Several images of one case as the channels of one image: T1w and T2w, or a DTI colour map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.direction_colours import DirectionColours
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.volume import SAME_GRID, Volume, read_volume, voxels_apart, with_spacing

if TYPE_CHECKING:
    from LandmarkDetectionLib.datalist import Case


def read_channels(case: Case) -> list[Volume]:
    """Read all channels of a case, which lie on one grid.

    Parameters
    ----------
    case
        Its images in the order of the datalist; a colour map gives three channels.

    Returns
    -------
    list of Volume
        At least one.

    Raises
    ------
    InputError
        An image cannot be read, or the channels do not lie on one grid: nothing is resampled silently.
    """
    volumes = read_images(case)
    if problem := grid_problem(volumes):
        raise InputError(f"The channels of {case.name} {problem}.")
    return volumes


def read_images(case: Case) -> list[Volume]:
    """Read all images of a case, whether they lie on one grid or not; raises InputError."""
    volumes: list[Volume] = []
    for image in case.images:
        volumes += image.read() if isinstance(image, DirectionColours) else [read_volume(image)]
    return [with_spacing(volume, case.spacing) for volume in volumes] if case.spacing else volumes


def stack_channels(volumes: Sequence[Volume]) -> np.ndarray:
    """The channels as one array (C, K, J, I), of the narrowest type that holds all of them."""
    return np.stack([volume.voxels for volume in volumes])


def grid_problem(volumes: Sequence[Volume]) -> str:
    """Say how channels fail to lie on one grid, as the end of a sentence, or ""."""
    first = volumes[0]
    if len({volume.size for volume in volumes}) > 1:
        sizes = ", ".join(" x ".join(map(str, volume.size)) for volume in volumes)
        return f"are of unequal size ({sizes}); resample them onto one grid"
    for volume in volumes[1:]:
        apart = voxels_apart(first.size, first.ijk_to_ras, volume.ijk_to_ras)
        if apart > SAME_GRID:
            return (
                f"lie up to {apart:.1f} voxels apart ({first.name}, {volume.name}); "
                "resample them onto one grid"
            )
    return ""
