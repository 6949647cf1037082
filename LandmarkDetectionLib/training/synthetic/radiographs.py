"""Heatmap networks that learn from synthetic radiographs, by the task of annotated ones.

Network, loss, grid and config are those of ``training.supervised``, so that the detector for annotated images
runs the result, and a training on real images can begin with its weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.heatmaps.ladder import OF_SPINES
from LandmarkDetectionLib.imaging.grid import normalised
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.body.skeleton import skeleton_path
from LandmarkDetectionLib.synthesis.radiograph.head.stream import CephalogramStream
from LandmarkDetectionLib.synthesis.radiograph.spine.stream import SpineStream
from LandmarkDetectionLib.training.loop import fit
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.training.supervised.stream import SupervisedBatch
from LandmarkDetectionLib.training.supervised.task import HeatmapTask
from LandmarkDetectionLib.typing import Progress

#: Training seeds lie below; held-out pictures have others.
VALIDATION_SEED, CALIBRATION_SEED = 1_000_000, 2_000_000
VALIDATION_BATCHES, VALIDATION_BATCH_SIZE = 12, 4
#: Share of batches whose pictures fill the canvas; others are narrower or lower than it, as real ones may be.
FILLED = 0.2


@dataclass(frozen=True)
class Kind:
    """One kind of radiographs.

    Attributes
    ----------
    stream
        Makes the pictures.
    narrow, low
        Least width and height of pictures that do not fill the canvas, as shares of its own.
    """

    stream: type[CephalogramStream | SpineStream]
    narrow: float
    low: float


#: By protocol.
KINDS = {
    "cephalometric-19": Kind(CephalogramStream, 0.78, 0.72),
    "spine-68": Kind(SpineStream, 0.68, 0.66),
}


@dataclass(frozen=True)
class TrainingStream:
    """Synthetic radiographs as a network takes them; the same seed and settings give the same bytes.

    Attributes
    ----------
    kind
    canvas : (rows, columns)
        Pictures are fitted into it at the upper left, the rest is padding.
    seed, batch_size
    path
        Of the skeleton.
    """

    kind: Kind
    canvas: tuple[int, int]
    seed: int
    batch_size: int
    path: str | None = None

    def batch(self, number: int) -> SupervisedBatch:
        """Batch ``number``, from 0."""
        rows, columns = shape = self._content(number)
        drawn = self.kind.stream(self.seed, self.batch_size, shape, path=self.path).batch(number)
        images = np.zeros((self.batch_size, 1, *self.canvas), np.float32)
        for target, image in zip(images, drawn.images, strict=True):
            target[0, :rows, :columns] = normalised(image, "standardise", _NAMELESS)
        return SupervisedBatch(
            images=torch.from_numpy(images),
            points=torch.from_numpy(drawn.points),
            present=torch.from_numpy(drawn.present),
            known=torch.ones(drawn.present.shape, dtype=torch.bool),
            voxel_mm=torch.from_numpy(drawn.pixel_mm),
        )

    def _content(self, number: int) -> tuple[int, int]:
        """Rows and columns of the pictures of a batch: one side fills the canvas."""
        rng = np.random.default_rng([self.seed, number, 23])
        rows, columns = self.canvas
        share = rng.random()
        if share < FILLED:
            return rows, columns
        if share < 0.8:
            return rows, int(rng.integers(round(self.kind.narrow * columns), columns + 1))
        return int(rng.integers(round(self.kind.low * rows), rows + 1)), columns


#: Named in the sentence about an image of one grey value, which no synthetic one is.
_NAMELESS = Volume(np.zeros((1, 1, 1), np.float32), np.eye(4))


def stream_of(config: SupervisedConfig, seed: int, batch_size: int) -> TrainingStream:
    """The pictures a config trains on, or others of their kind."""
    rows, columns = config.grid.shape
    kind = next(kind for name, kind in KINDS.items() if load_protocol(name).names == tuple(config.landmarks))
    return TrainingStream(kind, (rows, columns), seed, batch_size)


def _task(config: SupervisedConfig) -> HeatmapTask:
    task = HeatmapTask(config)
    task.ladder = OF_SPINES if config.column else None
    return task


def train_radiographs(
    config: SupervisedConfig,
    out: str | Path,
    *,
    resume: bool = True,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Train a heatmap network on synthetic radiographs, and keep it in a folder; see ``train.train``.

    Raises
    ------
    InputError
        When there is no skeleton, or the folder holds a run with another config.
    OutputError
        When the folder cannot be written.
    TrainingError
        When the training diverges.
    Cancelled
        When ``cancelled`` said so.
    """
    skeleton_path()  # said now rather than by a worker of the training
    held_out = stream_of(config, VALIDATION_SEED, VALIDATION_BATCH_SIZE)
    return fit(
        config,
        out,
        make_task=lambda: _task(config),
        stream=stream_of(config, config.seed, config.batch_size),
        held_out=lambda: [held_out.batch(n) for n in range(VALIDATION_BATCHES)],
        names=config.landmarks,
        resume=resume,
        device=device,
        devices=devices,
        num_nodes=num_nodes,
        progress=progress,
        cancelled=cancelled,
    )
