"""Early pictures of predictions during training, drawn without a plotting library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib import heatmap

if TYPE_CHECKING:
    from LandmarkDetectionLib.training.annotated_stream import AnnotatedBatch
    from LandmarkDetectionLib.training.tasks import AnyBatch

TRUTH = (0, 158, 115)  # Okabe-Ito green
PREDICTION = (230, 159, 0)  # and orange


def prediction_picture(task: Any, batch: AnyBatch, count: int = 10) -> np.ndarray:
    """The first bodies of a batch, (H, W, 3) uint8: truth as green crosses, predictions as orange dots."""
    positions, present = predicted_positions(task, batch)
    tiles = []
    for n in range(min(count, len(batch.visible))):
        front = batch.coronal.front[n]
        body = ~np.isnan(front)
        span = np.nanmax(front) - np.nanmin(front) if body.any() else 1.0
        grey = np.where(body, 200 - 130 * (np.nan_to_num(front) - np.nanmin(front)) / max(span, 1.0), 25)
        grey = np.where(batch.coronal.field_of_view[n], grey, 8)
        tile = np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)
        tile = tile.repeat(2, axis=0).repeat(2, axis=1)
        for landmark in range(batch.visible.shape[1]):
            if batch.visible[n, landmark]:
                _mark(tile, batch.coronal.points[n, landmark, :2] * 2 + 0.5, TRUTH, cross=True)
            if present[n, landmark]:
                _mark(tile, positions[n, landmark] * 2 + 0.5, PREDICTION, cross=False)
        tiles.append(tile)
    return np.concatenate(tiles, axis=1)


def annotated_picture(batch: AnnotatedBatch, positions: np.ndarray, count: int = 6) -> np.ndarray:
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
                    _mark(
                        tile, np.array([column, row]) * scale + (scale - 1) / 2, colour, cross=colour is TRUTH
                    )
        tiles.append(tile)
    return np.concatenate(tiles, axis=1)


def predicted_positions(task: Any, batch: AnyBatch) -> tuple[np.ndarray, np.ndarray]:
    """Coronal positions (B, L, 2) in pixels and presence (B, L) bool of either task."""
    import torch

    from LandmarkDetectionLib.networks.regression_cnn import from_unit
    from LandmarkDetectionLib.networks.silhouette_unet import STRIDE

    with torch.no_grad():
        images, _ = task.prepare(batch)
        if "coronal" in task.networks:
            maps = task.networks["coronal"](images["coronal"])
            probability, present = heatmap.distribution(maps.logits, maps.absent)
            return heatmap.decode(probability, STRIDE).position.cpu().numpy(), (present > 0.5).cpu().numpy()
        units = task.networks["position"](images["position"]).unflatten(1, (-1, 2))
        positions = from_unit(units, *images["position"].shape[2:]).cpu().numpy()
        return positions, np.ones(positions.shape[:2], bool)


def _mark(image: np.ndarray, position: np.ndarray, colour: tuple[int, int, int], cross: bool) -> None:
    column, row = round(float(position[0])), round(float(position[1]))
    for d in range(-2, 3):
        for r, c in (
            ((row + d, column), (row, column + d))
            if cross
            else ((row + d // 2, column), (row, column + d // 2))
        ):
            if 0 <= r < image.shape[0] and 0 <= c < image.shape[1]:
                image[r, c] = colour
