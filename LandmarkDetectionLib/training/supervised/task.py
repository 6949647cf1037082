"""What a heatmap network learns from a batch of annotated images."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from LandmarkDetectionLib.heatmaps.decoding import Reading
from LandmarkDetectionLib.heatmaps.gaussian import gaussian_mass, image_to_heatmap
from LandmarkDetectionLib.heatmaps.inference import read_image
from LandmarkDetectionLib.heatmaps.ladder import Ladder, measure_ladder
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.arithmetic import memory_format
from LandmarkDetectionLib.networks.heatmap_output import HeatmapOutput
from LandmarkDetectionLib.training.supervised.cases import SupervisedCase
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.training.supervised.losses import HeatmapLoss, build_loss
from LandmarkDetectionLib.training.supervised.pictures import supervised_picture
from LandmarkDetectionLib.training.supervised.stream import SupervisedBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from LandmarkDetectionLib.core.protocol import Protocol

KEY = "heatmap"
"""Name of the network in a model package."""


class HeatmapTask(nn.Module):
    """A heatmap network with its loss.

    Parameters
    ----------
    config
    loss : callable, optional
        A loss of your own instead of the config's, with the signature of those in ``heatmap_losses``.
    """

    def __init__(self, config: SupervisedConfig, loss: Callable[..., Tensor] | None = None) -> None:
        super().__init__()
        self.config = config
        #: Of a chain that is read together, see `ladder_of`.
        self.ladder: Ladder | None = config.ladder
        architecture, parameters = config.network()
        network = build_network(architecture, **parameters)
        self.networks = nn.ModuleDict({KEY: network})
        self._format = memory_format(config.dimensions)
        self.networks.to(memory_format=self._format)  # type: ignore[call-overload]
        terms: dict[str, Any] = {} if loss is not None else {"sigma": config.sigma}
        if loss is None and config.loss == "weighted-mse":
            terms["weights"] = config.weights or [1.0] * len(config.landmarks)
        self.loss = build_loss(loss or config.loss, len(config.landmarks), config.dimensions, **terms)

    @property
    def network(self) -> Any:
        """The heatmap network."""
        return self.networks[KEY]

    def architectures(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Architecture and parameters, as the model package stores them."""
        return {KEY: self.config.network()}

    def sigmas(self) -> list[float]:
        """Standard deviation of each landmark's target in heatmap voxels, learned or fixed."""
        if isinstance(self.loss, HeatmapLoss):
            return [float(value) for value in self.loss.sigma.detach().cpu()]
        return [self.config.sigma] * len(self.config.landmarks)

    def peaks(self) -> list[float]:
        """Height of each landmark's target: 1, but for losses whose targets have a given sum (SCN's)."""
        scale = self.loss.scale if isinstance(self.loss, HeatmapLoss) else None
        d = self.config.dimensions
        return [1.0 if scale is None else scale / (sqrt(2 * pi) * one) ** d for one in self.sigmas()]

    def masses(self) -> list[float]:
        """Sum over all voxels of each landmark's target."""
        d = self.config.dimensions
        return [
            gaussian_mass(peak, sigma, d) for peak, sigma in zip(self.peaks(), self.sigmas(), strict=True)
        ]

    def prepare(self, batch: SupervisedBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Network input and targets of a batch, on the task's device."""
        device = next(self.parameters()).device
        images = batch.images.to(device, memory_format=self._format, non_blocking=True)
        targets = {name: getattr(batch, name).to(device) for name in ("points", "present", "known")}
        targets["points"] = image_to_heatmap(targets["points"], self.network.stride)
        return images, targets

    def forward(self, images: Tensor) -> HeatmapOutput:
        """Heatmaps."""
        output: HeatmapOutput = self.network(images)
        return output

    def losses(self, output: HeatmapOutput, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses by name; their sum is minimised."""
        full = type(output)(
            output.heatmaps.float(),
            None if output.appearance is None else output.appearance.float(),
            tuple(maps.float() for maps in output.intermediate),
        )
        return {"heatmaps": self.loss(full, targets["points"], targets["present"], targets["known"])}

    def read(self, batch: SupervisedBatch, copies: int = 0) -> Reading:
        """Positions (voxels of the patch), presence and spread in a batch, as a finished model reads them."""
        device = next(self.parameters()).device.type
        readings = [
            read_image(
                self.network,
                image.numpy(),
                self.config.grid.shape,
                self.is_of_logits,
                radius,
                self.masses(),
                device,
                copies,
                self.ladder,
                mirror=self.config.mirror,
            )[0]
            for image, radius in zip(batch.images, self._radius(batch).tolist(), strict=True)
        ]
        return Reading(*(np.concatenate(parts) for parts in zip(*readings, strict=True)))

    @property
    def is_of_logits(self) -> bool:
        """Whether the heatmaps are logits of a distribution, not Gaussians."""
        return self.config.loss == "cross-entropy"

    def _radius(self, batch: SupervisedBatch) -> np.ndarray:
        """(B,) radius of the confidence in voxels of the patch."""
        return np.asarray(self.config.radius / batch.voxel_mm.numpy())

    def measure(self, batch: SupervisedBatch) -> dict[str, Tensor]:
        """Error of landmarks that are there, in voxels and in mm or pixels, and presence told wrongly."""
        reading = self.read(batch)
        there = batch.present & batch.known
        error = torch.from_numpy(np.linalg.norm(reading.position - batch.points.numpy(), axis=-1))
        wrong = (torch.from_numpy(reading.present) > 0.5) != batch.present
        return {
            "error cells": error[there],
            "error": (error * batch.voxel_mm[:, None])[there],
            "presence wrong": wrong[batch.known].float(),
        }

    def picture(self, batch: SupervisedBatch) -> np.ndarray:
        """Early picture (H, W, 3) uint8 of predictions beside the truth."""
        return supervised_picture(batch, self.read(batch).position)


def ladder_of(
    config: SupervisedConfig, protocol: Protocol | None, cases: Sequence[SupervisedCase]
) -> Ladder | None:
    """How the levels of the protocol's chain follow one another in cases, where they are read together."""
    if config.ladder is not None:
        return config.ladder
    if not config.column or protocol is None or config.dimensions != 2 or not cases:
        return None
    chain = protocol.restricted(config.landmarks).chain
    order = {name: n for n, name in enumerate(config.landmarks)}
    shapes = np.concatenate([case.points for case in cases])
    return measure_ladder([[order[name] for name in level] for level in chain], shapes)
