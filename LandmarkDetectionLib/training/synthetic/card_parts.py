"""What the packages of bodies and of hands share: parts of cards and settings."""

from __future__ import annotations

from typing import Any

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.training.synthetic.presets import TrainingConfig
from LandmarkDetectionLib.training.synthetic.tasks import of_hands


def can_package(config: TrainingConfig) -> bool:
    """Whether a detector runs what a config trains; the paper's networks of hands serve the study alone."""
    return config.network == "silhouette_unet" or not of_hands(config)


def restrict(protocol: Protocol, names: tuple[str, ...]) -> Protocol:
    """The protocol with some of its landmarks, and what joins them."""
    return protocol.restricted(names)


def error_summary(values: np.ndarray) -> dict[str, float]:
    """Mean, median and 95 % quantile of errors."""
    return {
        "mean": round(float(values.mean()), 2),
        "median": round(float(np.median(values)), 2),
        "95 %": round(float(np.quantile(values, 0.95)), 2),
    }


def settings_table(config: dict[str, Any], states: dict[str, Any]) -> list[str]:
    """Lines of Markdown: every setting of the training, and the networks' sizes."""
    return [
        "| setting | value |",
        "|---|---|",
        *(f"| {key} | {value} |" for key, value in config.items()),
        *(
            f"| parameters of `{key}` ({architecture}) | "
            f"{sum(int(np.prod(t.shape)) for t in state.values()):,} |"
            for key, (architecture, _, state) in states.items()
        ),
    ]


def numbers(row: dict[str, float]) -> str:
    """The values of a summary, for a cell of a table."""
    return ", ".join(f"{value:.1f}" for value in row.values())


def cell(value: Any) -> str:
    """A value or a summary with its names, for a cell of a table."""
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
