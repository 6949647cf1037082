"""Named settings for training search agents: as the paper has it, and a lite variant for a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AgentPreset:
    """One way to train agents.

    Attributes
    ----------
    description
        For people.
    options
        Fields of ``config.AgentConfig``.
    """

    description: str
    options: dict[str, Any]

    @property
    def architecture(self) -> str:
        """Of its networks."""
        return "q_network"


AGENT_PRESETS: dict[str, AgentPreset] = {
    # Variants: one network per scale for all landmarks, transitions that teach all of them both ways, a
    # target that follows slowly, and a small discount. The paper has none of them.
    "agent-lite": AgentPreset(
        "search agents for volumes (Ghesu et al. 2019), one network for all landmarks: trains on a CPU.",
        {
            "parameters": {"side": 25, "channels": [16, 32, 64], "kernel": 3, "hidden": 256},
            "steps": 4000,
            "batch_size": 24,
            "optimiser": "adamw",
            "learning_rate": 1e-3,
            "weight_decay": 1e-4,
            "clip_gradient": 5.0,
            "averaging": 0.0,
            "discount": 0.5,
            "target_every": 1,
            "target_share": 0.01,
            "relabel": True,
            "walkers": 8,
            "validate_every": 1000,
        },
    ),
    # A network for every landmark and scale, its own transitions only. Widths and schedule are ours.
    "agent-paper": AgentPreset(
        "search agents for volumes (Ghesu et al. 2019), one network per landmark and scale.",
        {
            "parameters": {
                "side": 25,
                "channels": [32, 48, 64],
                "kernel": 5,
                "hidden": 512,
                "pooling": True,
                "shared": False,
            },
            "steps": 100_000,
            "batch_size": 32,
            "optimiser": "adam",
            "learning_rate": 2.5e-4,
            "weight_decay": 0.0,
            "clip_gradient": 10.0,
            "schedule": "constant",
            "averaging": 0.0,
            "discount": 0.9,
            "target_every": 1000,
            "memory": 100_000,
            "warm_up": 10_000,
            "walkers": 8,
            "episode": 60,
            "starts": 1,
            "precision": "32-true",
            "validate_every": 5000,
        },
    ),
}
