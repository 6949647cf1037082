"""What all streams of synthetic radiographs share: settings, batches, and how rays become pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.projection import Setup
from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class RadiographBatch:
    """Pictures with their landmarks.

    Attributes
    ----------
    images : (B, H, W) float32
        0 to 1.
    points : (B, L, 2) float32 px
        Column and row.
    present : (B, L) bool
        Whether a landmark lies in its picture.
    pixel_mm : (B,) float32
        On the film.
    """

    images: Array
    points: Array
    present: Array
    pixel_mm: Array

    @classmethod
    def of(cls, images: Array, points: Array, setups: Sequence[Setup]) -> RadiographBatch:
        """Pictures (B, H, W) and marks (B, L, 2) of as many exposures."""
        last = np.array(images.shape[:0:-1]) - 1
        present = ((points >= 0) & (points <= last)).all(axis=2)
        sizes = np.array([setup.pixel_mm for setup in setups], np.float32)
        return cls(images, points, np.asarray(present), sizes)


@dataclass(frozen=True)
class RadiographStream(ABC):
    """Radiographs of people who do not exist; the same seed and settings give the same bytes.

    Attributes
    ----------
    seed
    batch_size
    shape : (rows, columns)
    variety
        Of bodies: 1 as in training, 0 that of the skeleton.
    disturbance
        Of films: 1 as in training, 0 without noise, blur and what else is in view.
    path
        Of the skeleton; see ``skeleton.skeleton_path``.
    """

    seed: int
    batch_size: int
    shape: tuple[int, int]
    variety: float = 1.0
    disturbance: float = 1.0
    path: str | None = None

    def __iter__(self) -> Iterator[RadiographBatch]:
        number = 0
        while True:
            yield self.batch(number)
            number += 1

    @abstractmethod
    def batch(self, number: int) -> RadiographBatch:
        """Batch ``number`` of the stream, whatever was drawn before.

        Raises
        ------
        InputError
            When there is no skeleton.
        """
