"""Recognising an image by what it shows, not by what its file is called."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from LandmarkDetectionLib.core.volume import Volume

#: Voxels that are hashed at a time.
_PORTION = 1 << 22
#: Files round their geometry; farther apart than this, in mm at the image's corners, they are two places.
SAME_PLACE_MM = 0.01


def content_hash(volume: Volume) -> str:
    """SHA-256 of the grey values and their number along the axes, in whatever type they are stored.

    The same radiograph as PNG and NRRD, or opened by another program, has the same hash; the place in space
    is no part of it.
    """
    digest = hashlib.sha256(repr(tuple(int(n) for n in volume.shape)).encode())
    flat = volume.voxels.reshape(-1)
    for start in range(0, flat.size, _PORTION):
        # Adding 0 makes -0 and 0 the same.
        digest.update((flat[start : start + _PORTION].astype("<f4") + np.float32(0)).data)
    return digest.hexdigest()


def same_place(one: Volume, other: Volume) -> bool:
    """Whether two images of one content lie at the same place, so that positions mean the same in both."""
    if one.shape != other.shape:
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in one.size])).reshape(3, -1).T
    apart = one.ijk_to_ras_points(corners) - other.ijk_to_ras_points(corners)
    return bool(np.abs(apart).max() <= SAME_PLACE_MM)
