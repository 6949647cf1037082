"""The model card of search agents."""

from __future__ import annotations

from typing import Any

from LandmarkDetectionLib.core.protocol import Protocol
from LandmarkDetectionLib.training.agents.config import AgentConfig
from LandmarkDetectionLib.training.supervised.card import error_table, region_lines
from LandmarkDetectionLib.wording import counted


def agent_card(
    name: str, version: str, protocol: Protocol, config: AgentConfig, report: dict[str, Any]
) -> str:
    """Markdown: what the model is, what it learned from, what was measured, and what it is not for."""
    quality, absence = report["quality"], report["absence"]
    shared = "one for all landmarks" if config.parameters.get("shared", True) else "one per landmark"
    lines = [
        f"# {name} {version}",
        "",
        f"Finds {counted(len(protocol.landmarks), 'landmark')} of the protocol *{protocol.title}* by agents "
        "that",
        "walk through the volume, coarse to fine (Ghesu et al. 2019).",
        "",
        "**Research use only. Not a medical device.** The weights learned from the images of whoever trained",
        "the model: whether they may be passed on is for them to decide.",
        "",
        "## Training",
        "",
        "| setting | value |",
        "|---|---|",
        f"| box | {config.side} cells along every side |",
        f"| cells | {', '.join(f'{cell:g}' for cell in config.cells_mm)} mm; {config.intensity} |",
        f"| networks | one for each of these scales, {shared} |",
        f"| learning | deep Q-learning{', double' if config.double else ''}, discount {config.discount:g} |",
        f"| transitions | {_transitions(config)} |",
        f"| cases learned from | {report['training cases']} |",
        *([f"| splits | {report['split']} |"] if report["split"] else []),
        f"| raters | {config.raters} |",
        f"| steps | {config.steps}, {config.batch_size} transitions per scale each |",
        f"| optimiser | {config.optimiser}, learning rate {config.learning_rate:g} |",
        f"| seed | {config.seed} |",
        f"| agents per landmark | {config.starts} |",
        "",
    ]
    if not report["cases"]:
        return "\n".join(
            [*lines, "No case was held back: nothing was measured, and confidence is a guess.", ""]
        )
    return "\n".join(
        [
            *lines,
            f"## Measured on {counted(report['cases'], 'case that was', 'cases that were')} held back",
            "",
            *([f"**{quality.doubt}**", ""] if quality.doubt else []),
            *quality.sentences(),
            f"Landmarks that are there and were said to be absent: {report['missed']}.",
            "",
            *error_table(report["rows"], config.radius, "mm"),
            "",
            "On the same cases and crops of them, "
            f"{counted(absence['absent'], 'landmark was', 'landmarks were')} absent: "
            f"{100 * absence['recall']:.1f} % of those were",
            f"said to be, and {100 * absence['precision']:.1f} % of what was said to be absent was.",
            "",
            f"Confidence is the probability of lying in the volume and within {config.radius:g} mm of the",
            "truth, calibrated on the same cases and crops of them. Expected calibration error on the cases",
            f"themselves: {report['calibration error']}.",
            "",
            *region_lines(report["regions"]),
            "## Limits",
            "",
            "- Images of another kind, quality or field of view than those learned from give wrong answers.",
            "- An agent sees a box, never the whole volume: it may settle on what looks like its landmark.",
            "- The errors above are of the data set's own raters and scanners; measure on yours first.",
            "",
        ]
    )


def _transitions(config: AgentConfig) -> str:
    if config.relabel:
        return "each teaches every landmark in sight, and the step back (a variant)"
    return "each teaches the landmark that was looked for"
