"""Silhouettes with one bit per pixel: 2.2 million of 96 x 96 fit into 2.5 GB of memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.study.fit_arrays import ArraySource
from LandmarkDetectionLib.typing import Array


def packed(patches: Array) -> Array:
    """(N, bytes) uint8 with one bit per pixel of (N, H, W) patches, padded to whole words of 8 bytes."""
    flat = (np.asarray(patches) != 0).reshape(len(patches), -1)
    width = -(-flat.shape[1] // 64) * 8
    codes = np.zeros((len(flat), width), np.uint8)
    bits = np.packbits(flat, axis=1)
    codes[:, : bits.shape[1]] = bits
    return codes


def unpacked(codes: Array, shape: tuple[int, int]) -> Array:
    """(N, H, W) uint8, 0 or 1; the inverse of :func:`packed`."""
    return np.unpackbits(codes, axis=1, count=shape[0] * shape[1]).reshape(-1, *shape)


@dataclass
class PackedSource(ArraySource):
    """Batches of packed silhouettes (N, bytes) in memory, in another order every epoch.

    Parameters
    ----------
    shape
        Rows and columns.
    """

    shape: tuple[int, int] = (96, 96)

    def batch(self, number: int) -> tuple[Array, Array]:
        """Silhouettes (B, H, W) uint8 and targets (B, T)."""
        codes, targets = super().batch(number)
        return unpacked(codes, self.shape), targets
