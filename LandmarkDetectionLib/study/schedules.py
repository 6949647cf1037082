"""How a network is trained on images and targets: the paper's two schedules, and shorter ones, as data."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt


class Schedule(BaseModel):
    """Optimiser, rate and length of a training.

    The rate is multiplied by ``epoch_factor`` after every epoch, and by ``drop_factor`` once after
    ``drop_after`` epochs; ``cosine`` instead warms up over 3 % of the training and falls to zero.
    ``recentre`` is for fine-tuning: before the first step the output layer takes up the mean error that the
    network makes on the training images, so that not all layers need to learn offsets between raters.
    ``precision`` bf16-mixed is single precision on a machine without units for bfloat16.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: PositiveInt = 30
    batch_size: PositiveInt = 100
    optimiser: Literal["sgd", "adamw"] = "sgd"
    learning_rate: PositiveFloat = 0.01
    momentum: NonNegativeFloat = Field(default=0.9, lt=1, description="Of sgd.")
    weight_decay: NonNegativeFloat = 0.0
    epoch_factor: PositiveFloat = 1.0
    drop_after: PositiveInt | None = None
    drop_factor: PositiveFloat = 0.1
    cosine: bool = False
    recentre: bool = False
    precision: Literal["32-true", "bf16-mixed"] = "32-true"

    def rate(self, step: int, per_epoch: int) -> float:
        """Learning rate of a step, counted from 0, when an epoch has ``per_epoch`` steps."""
        if self.cosine:
            total = self.epochs * per_epoch
            warm = max(1, round(0.03 * total))
            if step < warm:
                return self.learning_rate * (step + 1) / warm
            return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
        epoch = step // per_epoch
        rate = self.learning_rate * self.epoch_factor**epoch
        if self.drop_after is not None and epoch >= self.drop_after:
            rate *= self.drop_factor
        return rate


PAPER_SYNTHETIC = Schedule(epochs=30, epoch_factor=0.7943)
"""Riegler et al. 2015, section 3: training on synthetic images."""

PAPER_FINE_TUNING = Schedule(epochs=700, drop_after=500)
"""Riegler et al. 2015, section 3: on medical images, after the synthetic ones or alone."""
