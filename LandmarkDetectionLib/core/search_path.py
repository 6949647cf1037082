"""The way of a search agent through a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True, eq=False)
class SearchPath:
    """Where one agent was on its way to a landmark.

    Attributes
    ----------
    landmark
        Whom it looked for.
    positions : (T, 3)
        RAS mm, from its start to where it stopped.
    cell_mm : (T,)
        Size of the cells that it saw there: coarse at first, fine in the end.
    left
        Whether it left the volume, which is how it says that the landmark is not there.
    """

    landmark: str
    positions: Array
    cell_mm: Array
    left: bool

    def to_record(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "landmark": self.landmark,
            "positions": np.asarray(self.positions, float).tolist(),
            "cell_mm": np.asarray(self.cell_mm, float).tolist(),
            "left": self.left,
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> SearchPath:
        """Inverse of ``to_record``."""
        positions = np.array(record["positions"], float).reshape(-1, 3)
        return cls(record["landmark"], positions, np.array(record["cell_mm"], float), bool(record["left"]))
