"""What every training run is decided by, whatever it learns from."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt


class LoopConfig(BaseModel):
    """What every training run is decided by, whatever it learns from.

    ``schedule`` "cosine" warms up over 3 % of the steps and falls to zero; "constant" keeps the rate; "paper"
    multiplies the rate by 0.7943 after every ``steps_per_epoch`` (Riegler 2015, section 3). ``precision``
    "auto" is bf16-mixed where the machine has units for it, single precision elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: PositiveInt = 3800
    batch_size: PositiveInt = 32
    optimiser: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: PositiveFloat = 2e-3
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Of sgd.")
    nesterov: bool = Field(default=False, description="Of sgd.")
    weight_decay: float = Field(default=1e-4, ge=0)
    clip_gradient: PositiveFloat = Field(default=5.0, description="Largest norm of a step's gradient.")
    schedule: Literal["cosine", "constant", "paper"] = "cosine"
    steps_per_epoch: PositiveInt = 6000
    averaging: float = Field(
        default=0.998, ge=0, lt=1, description="Decay of the averaged weights; 0 for none."
    )
    seed: int = Field(
        default=1, ge=0, lt=10**6, description="Seeds from a million on are kept for evaluation."
    )
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    validate_every: PositiveInt = 500
    checkpoint_minutes: PositiveFloat = 3.0
