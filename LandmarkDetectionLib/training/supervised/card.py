"""The model card of a network that was trained on annotated images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.detectors.settings import RegionSettings
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.typing import Array
from LandmarkDetectionLib.wording import counted


def error_rows(
    error: Array, there: Array, names: Sequence[str], radius: float
) -> dict[str, dict[str, float]]:
    """Point-to-point errors by landmark and of all: mean, median, sd, 95 %, share within the radius."""
    rows = {}
    there = there.astype(bool)
    for n, name in enumerate(names):
        rows[name] = _summary(error[:, n][there[:, n]], radius)
    rows["all"] = _summary(error[there], radius)
    return rows


def error_table(rows: dict[str, dict[str, float]], radius: float, unit: str) -> list[str]:
    """Lines of Markdown of what ``error_rows`` gives."""
    return [
        f"| landmark | cases | mean {unit} | median | sd | 95 % | within {radius:g} {unit} |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {key} | {row['count']} | {row['mean']:.2f} | {row['median']:.2f} | {row['sd']:.2f} | "
            f"{row['p95']:.2f} | {100 * row['within']:.1f} % |"
            for key, row in rows.items()
            if row["count"]
        ),
    ]


def _network(config: SupervisedConfig) -> str:
    return config.architecture if config.members == 1 else f"{config.members} times {config.architecture}"


def supervised_card(
    name: str, version: str, protocol: Protocol, config: SupervisedConfig, report: dict[str, Any]
) -> str:
    """Markdown: what the model is, what it learned from, what was measured, and what it is not for."""
    unit, quality = report["unit"], report["quality"]
    grid = config.grid
    spacing = "fitted into it as a whole" if grid.spacing is None else f"cells of {_by(grid.spacing)} {unit}"
    lines = [
        f"# {name} {version}",
        "",
        f"Finds {counted(len(protocol.landmarks), 'landmark')} of the protocol *{protocol.title}* by "
        "heatmaps.",
        "",
        "**Research use only. Not a medical device.** The weights learned from the images of whoever trained",
        "the model: whether they may be passed on is for them to decide.",
        "",
        "## Training",
        "",
        "| setting | value |",
        "|---|---|",
        f"| network | {_network(config)}, {config.dimensions}D |",
        f"| images | {_by(grid.shape)} cells, {spacing}; {grid.intensity} |",
        f"| channels | {config.channels} |",
        f"| registered to a template | {_aligned(report)} |",
        f"| loss | {config.loss} |",
        f"| cases learned from | {report['training cases']} |",
        *([f"| splits | {report['split']} |"] if report["split"] else []),
        f"| raters | {config.raters} |",
        f"| steps | {config.steps}, {counted(config.batch_size, 'image')} each |",
        f"| optimiser | {config.optimiser}, learning rate {config.learning_rate:g} |",
        f"| seed | {config.seed} |",
        "",
    ]
    if not report["cases"]:
        return "\n".join(
            [*lines, "No case was held back: nothing was measured, and confidence is a guess.", ""]
        )
    lines += [
        f"## Measured on {counted(report['cases'], 'case that was', 'cases that were')} held back",
        "",
        *([f"**{quality.doubt}**", ""] if quality.doubt else []),
        *quality.sentences(),
        "",
        *error_table(report["rows"], config.radius, unit),
    ]
    lines += [
        "",
        f"Confidence is the probability of lying in the image and within {config.radius:g} {unit} of the",
        "truth, calibrated on the same cases and warped copies of them. Expected calibration error on the",
        f"cases themselves: {report['calibration error']}.",
        "",
        *region_lines(report["regions"]),
        "## Limits",
        "",
        "- Images of another kind, quality or field of view than those learned from give wrong answers.",
        "- The errors above are of the data set's own raters and scanners; measure on yours first.",
        "",
    ]
    return "\n".join(lines)


def region_lines(regions: RegionSettings | None) -> list[str]:
    """What a model's regions promise."""
    if regions is None:
        return []
    return [
        f"The spread of a landmark is the Gaussian whose {100 * regions.level:g} % ellipse or ellipsoid is",
        f"its region by split conformal prediction. {regions.text}",
        "",
    ]


def _aligned(report: dict[str, Any]) -> str:
    if not report["aligned"]:
        return "no"
    failed = report["not registered"]
    return "yes; the package holds the template, a mean of up to a dozen images" + (
        f"; {counted(failed, 'image')} could not be registered" if failed else ""
    )


def _summary(errors: Array, radius: float) -> dict[str, float]:
    if not len(errors):
        return {"count": 0}
    values = {
        "mean": errors.mean(),
        "median": np.median(errors),
        "sd": errors.std(),
        "p95": np.percentile(errors, 95),
        "within": (errors <= radius).mean(),
    }
    return {"count": len(errors), **{key: round(float(value), 4) for key, value in values.items()}}


def _by(numbers: Sequence[float]) -> str:
    return " x ".join(f"{n:g}" for n in numbers)
