"""Early pictures of predictions during training, drawn without a plotting library."""

from __future__ import annotations

from typing import Any

import numpy as np

from LandmarkDetectionLib.heatmaps import softmax
from LandmarkDetectionLib.networks.regression_cnn import from_unit
from LandmarkDetectionLib.networks.silhouette_unet import STRIDE
from LandmarkDetectionLib.synthesis.body.regions import RegionBatch
from LandmarkDetectionLib.synthesis.body.stream import Batch
from LandmarkDetectionLib.synthesis.hand.stream import HandBatch
from LandmarkDetectionLib.training.pictures import mark
from LandmarkDetectionLib.training.supervised.pictures import PREDICTION, TRUTH


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
                mark(tile, batch.coronal.points[n, landmark, :2] * 2 + 0.5, TRUTH, cross=True)
            if present[n, landmark]:
                mark(tile, positions[n, landmark] * 2 + 0.5, PREDICTION, cross=False)
        tiles.append(tile)
    return np.concatenate(tiles, axis=1)


def predicted_positions(task: Any, batch: AnyBatch) -> tuple[np.ndarray, np.ndarray]:
    """Coronal positions (B, L, 2) in pixels and presence (B, L) bool of either task."""
    import torch

    with torch.no_grad():
        images, _ = task.prepare(batch)
        if "coronal" in task.networks:
            maps = task.networks["coronal"](images["coronal"])
            probability, present = softmax.distribution(maps.logits, maps.absent)
            stride = task.networks["coronal"].stride
            return softmax.decode(probability, stride).position.cpu().numpy(), (present > 0.5).cpu().numpy()
        units = task.networks["position"](images["position"]).unflatten(1, (-1, 2))
        positions = from_unit(units, *images["position"].shape[2:]).cpu().numpy()
        return positions, np.ones(positions.shape[:2], bool)


AnyBatch = Batch | HandBatch


def region_picture(task: Any, batch: RegionBatch, count: int = 12) -> np.ndarray:
    """The first regions of a batch from both sides, (H, W, 3) uint8: truth crosses, predictions dots."""
    import torch

    rows = []
    with torch.no_grad():
        images, targets = task.prepare(batch)
        for name, maps in task(images).items():
            image = getattr(batch, name)[0]
            points, visible = (targets[key].cpu().numpy() for key in (f"{name}_points", "visible"))
            probability, _ = softmax.distribution(maps.logits, maps.absent)
            positions = softmax.decode(probability, STRIDE).position.cpu().numpy()
            tiles = []
            for n in range(min(count, len(image))):
                grey = 30 + 40 * image[n, 0] + 60 * image[n, 1]
                tile = np.repeat(np.clip(grey, 0, 255)[:, :, None], 3, axis=2).astype(np.uint8)
                tile = tile.repeat(3, axis=0).repeat(3, axis=1)
                for landmark in np.flatnonzero(visible[n]):
                    mark(tile, points[n, landmark] * 3 + 1, TRUTH, cross=True)
                    mark(tile, positions[n, landmark] * 3 + 1, PREDICTION, cross=False)
                tiles.append(tile)
            rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows)
