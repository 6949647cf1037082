"""Recognising an image by what it shows, not by what its file is called."""

from __future__ import annotations

import hashlib

import numpy as np

from LandmarkDetectionLib.core.volume import Volume

#: Voxels that are hashed at a time.
_PORTION = 1 << 22


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
