"""Search agents that learn spots in small volumes within seconds."""

from pathlib import Path
from typing import Any

from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.training.agents.config import AgentConfig
from LandmarkDetectionLib.training.agents.package import package_agents
from LandmarkDetectionLib.training.agents.plan import plan_agents
from LandmarkDetectionLib.training.agents.train import train_agents
from LandmarkDetectionLib.training.supervised.plan import divide
from Testing.examples.blob_data import write_blob_data

SHAPE, SPACING = (24, 24, 24), 1.0
#: Fields of a training that learns them.
SMALL_AGENTS: dict[str, Any] = {
    "parameters": {"side": 11, "channels": [8, 16], "kernel": 3, "hidden": 48},
    "cells_mm": (2.0, 1.0),
    "steps": 300,
    "batch_size": 16,
    "learning_rate": 4e-3,
    "memory": 2000,
    "warm_up": 500,
    "reach": 4.0,
    "target_share": 0.05,
    "validate_every": 10_000,
    "radius": 2.0,
    "starts": 4,
    "most_steps": 40,
}


def blob_volumes(folder: Path, count: int = 14, held_out: int = 4) -> Datalist:
    """Volumes with three spots each, some of them held out."""
    return read_datalist(write_blob_data(folder, count, SHAPE, SPACING, splits={"val": held_out}))


def small_config(data: Datalist, **changes: Any) -> AgentConfig:
    """The settings of a small training."""
    return plan_agents(data, divide(data), "agent-lite", changes={**SMALL_AGENTS, **changes})


def trained_model(data: Datalist, folder: Path, **changes: Any) -> Model:
    """Train and package."""
    split = divide(data)
    train_agents(small_config(data, **changes), data, split, folder, device="cpu")
    return package_agents(folder, data, split, folder / "spots", name="spots")
