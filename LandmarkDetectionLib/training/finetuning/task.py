"""How a trained heatmap network goes on learning without forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.networks.heatmap_output import HeatmapOutput
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.training.supervised.start import begin_with
from LandmarkDetectionLib.training.supervised.stream import SupervisedBatch, SupervisedStream
from LandmarkDetectionLib.training.supervised.task import HeatmapTask


class FineTuningTask(HeatmapTask):
    """A heatmap network that starts where a model is, and may be held near it.

    Parameters
    ----------
    config
    model
        Where it starts.
    anchor
        Half of this times the squared distance of the weights from those of the model is added to the loss
        (L2-SP, Li et al. 2018), for where the data the model came from are not at hand.
    """

    def __init__(self, config: SupervisedConfig, model: Model, anchor: float = 0.0) -> None:
        super().__init__(config)
        self.anchor = anchor
        begin_with(self, model)
        self._start = [value.detach().clone() for value in self.network.parameters()] if anchor else []

    def losses(self, output: HeatmapOutput, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses by name; their sum is minimised."""
        found = super().losses(output, targets)
        if self.anchor:
            found["distance"] = 0.5 * self.anchor * self.distance()
        return found

    def distance(self) -> Tensor:
        """Squared distance of the weights from where they started."""
        total = torch.zeros((), device=next(self.parameters()).device)
        for value, start in zip(self.network.parameters(), self._start, strict=True):
            total = total + (value - start.to(value.device)).square().sum()
        return total


class MixedStream:
    """Batches of several courses of images together, of each its own number.

    Parameters
    ----------
    streams
        On one patch.
    """

    def __init__(self, streams: Sequence[SupervisedStream]) -> None:
        self.streams = list(streams)

    def batch(self, number: int) -> SupervisedBatch:
        """Batch ``number``, from 0."""
        parts = [stream.batch(number) for stream in self.streams]
        return SupervisedBatch(
            *(torch.cat([getattr(part, field) for part in parts]) for field in parts[0].__dataclass_fields__)
        )


def mixed(new: Any, earlier: Any | None, make: Any, batch_size: int) -> MixedStream:
    """Half of every batch, rounded up, from new cases, the rest from earlier ones where there are any."""
    if not earlier:
        return MixedStream([make(new, batch_size)])
    share = max(1, batch_size // 2)
    return MixedStream([make(new, max(1, batch_size - share)), make(earlier, share)])
