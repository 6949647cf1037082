"""Pictures of what a network says of annotated images while it learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.training.pictures import mark

if TYPE_CHECKING:
    from LandmarkDetectionLib.training.supervised.stream import SupervisedBatch


TRUTH = (0, 158, 115)  # Okabe-Ito green
PREDICTION = (230, 159, 0)  # and orange


def supervised_picture(batch: SupervisedBatch, positions: np.ndarray, count: int = 6) -> np.ndarray:
    """The first images of a batch, (H, W, 3) uint8: truth as green crosses, predictions as orange dots.

    Volumes are seen through from the front: mean grey value along the patient's depth.
    """
    tiles = []
    for n in range(min(count, len(batch.images))):
        image = batch.images[n, 0].numpy()
        columns_rows = (0, 1)
        if image.ndim == 3:
            image, columns_rows = image.mean(axis=1)[::-1], (0, 2)
        low, high = np.percentile(image, [1, 99])
        grey = np.clip((image - low) / max(float(high - low), 1e-6), 0, 1) * 255
        scale = max(1, round(320 / grey.shape[0]))
        tile = (
            np.repeat(grey[:, :, None], 3, axis=2)
            .astype(np.uint8)
            .repeat(scale, axis=0)
            .repeat(scale, axis=1)
        )
        for landmark in range(batch.points.shape[1]):
            for place, colour, drawn in (
                (
                    batch.points[n, landmark].numpy(),
                    TRUTH,
                    bool(batch.present[n, landmark] & batch.known[n, landmark]),
                ),
                (positions[n, landmark], PREDICTION, True),
            ):
                column, row = place[columns_rows[0]], place[columns_rows[1]]
                if columns_rows[1] == 2:
                    row = grey.shape[0] - 1 - row
                if drawn:
                    mark(
                        tile, np.array([column, row]) * scale + (scale - 1) / 2, colour, cross=colour is TRUTH
                    )
        tiles.append(tile)
    return np.concatenate(tiles, axis=1)
