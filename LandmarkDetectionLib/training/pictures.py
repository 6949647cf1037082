"""What pictures of training have in common."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib._renamed import names_of_before


def mark(image: np.ndarray, position: np.ndarray, colour: tuple[int, int, int], cross: bool) -> None:
    """Draw a cross or a slanted mark, five pixels wide, into an image (rows, columns, 3)."""
    column, row = round(float(position[0])), round(float(position[1]))
    for d in range(-2, 3):
        for r, c in (
            ((row + d, column), (row, column + d))
            if cross
            else ((row + d // 2, column), (row, column + d // 2))
        ):
            if 0 <= r < image.shape[0] and 0 <= c < image.shape[1]:
                image[r, c] = colour


__getattr__ = names_of_before(__name__)
