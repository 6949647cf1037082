"""The way of a search agent through a volume."""

from __future__ import annotations

from dataclasses import dataclass

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
