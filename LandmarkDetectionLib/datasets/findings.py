"""What is found when a data set is checked: one sentence per finding, and what is known of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from LandmarkDetectionLib.core.geometry import Affine


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or looks so.

    Attributes
    ----------
    kind
        A word for programs, such as ``outside`` or ``misspelt``.
    text
        What is wrong, without the case.
    fatal
        Whether the data set is refused for it.
    row, case
        Of the case, 0 and empty when it is of the whole set.
    """

    kind: str
    text: str
    fatal: bool = True
    row: int = 0
    case: str = ""

    def __str__(self) -> str:
        return f"row {self.row} ({self.case}): {self.text}" if self.row else self.text


class ImageFacts(NamedTuple):
    """What the checks need of an image after it was read."""

    size: tuple[int, ...]
    ijk_to_ras: np.ndarray
    spacing_known: bool
    channels: int
    checksum: str
    constant: tuple[str, ...]

    @property
    def is_2d(self) -> bool:
        """Whether there is one slice."""
        return self.size[2] == 1

    @property
    def spacing(self) -> np.ndarray:
        """(3,) mm, or (2,) of one slice."""
        return Affine(self.ijk_to_ras).spacing[: 2 if self.is_2d else 3]

    def ijk(self, ras: np.ndarray) -> np.ndarray:
        """(N, 3) RAS mm to voxel indices (i, j, k)."""
        return Affine(self.ijk_to_ras).apply_inverse(ras)

    def ras(self, ijk: np.ndarray) -> np.ndarray:
        """(N, 3) voxel indices (i, j, k) to RAS mm."""
        return Affine(self.ijk_to_ras).apply(ijk)
