"""What corrections need of a heatmap model: how its landmarks lie together, and what each looks like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from LandmarkDetectionLib.correction import JointGaussian, Observed
from LandmarkDetectionLib.heatmaps.inference import needs_sliding_window
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE
from LandmarkDetectionLib.training.joint_fit import TOLERANCE_MM, joint_of
from LandmarkDetectionLib.training.supervised.cases import SupervisedCase
from LandmarkDetectionLib.training.supervised.stream import SupervisedBatch
from LandmarkDetectionLib.training.supervised.task import HeatmapTask
from LandmarkDetectionLib.typing import Array


def joint_of_measured(
    training: Sequence[SupervisedCase], measured: dict[str, Array], radius: float
) -> JointGaussian | None:
    """How the landmarks lie to one another, in voxels; None where too few cases tell.

    Parameters
    ----------
    training
        The cases that were learned from, all raters.
    measured
        Of images held out: ``position``, ``deviation``, ``points`` (M, L, d), ``near``, ``present``,
        ``there``, ``known`` (M, L) and ``voxel_mm`` (M,).
    radius
        Of the confidence, in mm or pixels.
    """
    shapes = np.concatenate([case.points for case in training])
    there = measured["there"].astype(bool)[..., None]
    truth = np.where(there, measured["points"], np.nan)
    voxel = measured["voxel_mm"]
    observed = Observed(
        measured["position"],
        measured["deviation"],
        measured["near"],
        measured["present"] >= PRESENT_ABOVE,
    )
    try:
        return joint_of(shapes, observed, truth, TOLERANCE_MM / voxel, radius / voxel)
    except ValueError:
        return None


def appearance_contrast(task: HeatmapTask, batches: Sequence[SupervisedBatch]) -> dict[str, list[float]]:
    """Background of every landmark's local appearance and how much it stands out there, over images."""
    import torch

    seen: list[Array] = []
    for batch in batches:
        if needs_sliding_window(batch.images.shape[2:], task.config.grid.shape):
            continue
        images, targets = task.prepare(batch)
        with torch.inference_mode():
            appearance = task.network(images).appearance
        if appearance is None:
            return {}
        base = appearance.flatten(2).float().median(dim=2).values
        size = torch.tensor(appearance.shape[2:][::-1], device=appearance.device)
        voxel = targets["points"].nan_to_num().round().long().clamp_min(0).minimum(size - 1)
        image, landmark = torch.arange(len(voxel))[:, None], torch.arange(voxel.shape[1])[None, :]
        place = (image, landmark) + tuple(voxel.flip(-1).unbind(-1))  # noqa: RUF005 (Python 3.10)
        value = appearance[place].float()
        pair = torch.stack([base, value - base], dim=-1)
        there = (targets["present"] & targets["known"])[..., None]
        seen.append(torch.where(there, pair, torch.full_like(pair, torch.nan)).cpu().numpy())
    if not seen:
        return {}
    values = np.concatenate(seen)
    known = np.isfinite(values).any(axis=(0, 2))
    return {
        name: [round(float(v), 5) for v in np.nanmedian(values[:, n], axis=0)]
        for n, name in enumerate(task.config.landmarks)
        if known[n]
    }
