"""The report of a study: tables as CSV and Markdown, figures, and one HTML page that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.files import write_text
from LandmarkDetectionLib.reporting.pages import (
    Rows,
    Section,
    csv_text,
    machine,
    versions,
    write_pages,
)
from LandmarkDetectionLib.study.accuracy import (
    Comparison,
    compare,
    depth_errors,
    position_errors,
    position_errors_mm,
    table,
)
from LandmarkDetectionLib.study.figures import write_figures
from LandmarkDetectionLib.study.run import StudyResult
from LandmarkDetectionLib.wording import counted

VERDICTS = {"holds": "good", "does not hold": "bad"}
PACKAGES = ("torch", "numpy", "scipy", "faiss-cpu", "scikit-learn", "anny", "numba")
STAND_IN = (
    "No medical image was used. A second, deliberately different synthetic domain stands in for the medical "
    "one (other people, bent shapes, partial volume, bias field, noise, thresholds, a rater with habits), so "
    "CNN(med), CNN(ft), NN(med) and RF learned from it and all errors were measured on it. What holds here "
    "need not hold on scans of patients."
)

TINY = "The preset tiny shows only that everything works; its figures mean nothing."
ORDER = {
    "hand": "The order is that which the paper found in MR of hands.",
    "body": "The order is that which the paper found in MR of hands; in CT of bodies it was less pronounced.",
}
TIMES = "Of a training that was stopped and taken up again, only the last run is counted."
HOW = (
    "The error of a landmark in an image is the root of its squared error, the distance between estimate "
    "and truth, in pixels of the patch that was cropped to the object and scaled to unit size. Every "
    "estimate is for a case that its method had not seen; no subject is in training and test of a fold."
)


def write_report(result: StudyResult, out: str | Path) -> Path:
    """Write ``report.html``, ``report.md``, ``results.json``, ``*.csv`` and ``figures/`` into a folder.

    Returns
    -------
    Path
        ``report.html``.

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    folder = Path(out)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    figures = write_figures(result, folder / "figures")
    names = result.medical.names
    tables = {"errors_px": table(position_errors(result), names)}
    if np.isfinite(result.medical.spacing).all():
        tables["errors_mm"] = table(position_errors_mm(result), names)
    if result.depths:
        tables["depth_errors_mm"] = table(depth_errors(result), names)
    for name, rows in tables.items():
        write_text(folder / f"{name}.csv", csv_text(rows))
    comparisons = compare(position_errors(result), result.medical.subjects, result.config.seed)
    facts = _facts(result)
    record = {
        "config": result.config.model_dump(mode="json"),
        "facts": facts,
        "tables": tables,
        "order": [{**vars(one), "verdict": one.verdict} for one in comparisons],
        "seconds": result.seconds,
    }
    write_text(folder / "results.json", json.dumps(record, indent=1) + "\n")
    sections = _sections(result, figures, tables, comparisons, facts)
    title = f"Synthetic-data study, {result.region.title}"
    subtitle = f"{facts['images']} · {facts['folds']} · preset {facts['preset']} · seed {facts['seed']}"
    cautions = [TINY] if result.config.preset == "tiny" else []
    cautions += [] if result.config.data else [STAND_IN]
    return write_pages(folder, "report.md", title, subtitle, cautions, sections, VERDICTS)


def _facts(result: StudyResult) -> dict[str, str]:
    """What a reader needs to judge or repeat the study."""
    config, medical = result.config, result.medical
    synthetic = config.synthetic.epochs * config.images_per_epoch
    again = f"{config.synthetic.epochs} times the same {config.images_per_epoch:,} images"
    clock, cores = (sum(values) for values in zip(*result.seconds.values(), strict=True))
    return {
        "region": result.region.title,
        "preset": config.preset,
        "medical data": config.data or "none: a second synthetic domain stands in",
        "images": f"{len(medical)} of {counted(len(set(medical.subjects)), 'subject')}",
        "folds": f"{config.folds}, {counted(len(result.folds), 'fold')} by subject",
        "patch": "{} x {} px (rows x columns)".format(*medical.shape),
        "CNN(syn) saw": again if config.repeat_images else f"{synthetic:,} images, none twice",
        "NN(syn) searched": f"{config.neighbour_images:,} images",
        "seed": str(config.seed),
        **versions(PACKAGES),
        "machine": machine(),
        "time": f"{clock / 60:.1f} minutes by the clock, {cores / 60:.1f} core minutes",
    }


# --- what both pages show ---------------------------------------------------------------------------------

TITLES = {
    "errors_px": "Error in pixels of the patch: mean ± standard deviation",
    "errors_mm": "Error in mm: mean ± standard deviation",
    "depth_errors_mm": "Absolute depth error in mm: mean ± standard deviation",
}


def _by_landmark(rows: Sequence[dict[str, Any]]) -> tuple[list[str], Rows]:
    """One row per method, one column per landmark."""
    landmarks = list(dict.fromkeys(row["landmark"] for row in rows))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    cell = {(row["method"], row["landmark"]): f"{row['mean']:.2f} ± {row['deviation']:.2f}" for row in rows}
    heading = ["method", *(name.replace("_", " ") for name in landmarks)]
    return heading, [[method, *(cell[method, name] for name in landmarks)] for method in methods]


def _order(comparisons: Sequence[Comparison]) -> tuple[list[str], Rows]:
    heading = ["the paper", "here: difference of mean errors, px", "95 % interval", "the paper's order"]
    return heading, [
        [
            f"{one.better} better than {one.worse}",
            f"{one.difference:+.2f}",
            f"{one.low:+.2f} to {one.high:+.2f}",
            one.verdict,
        ]
        for one in comparisons
    ]


def _settings(result: StudyResult) -> tuple[list[str], Rows]:
    config = result.config
    schedules = {"CNN(syn)": config.synthetic, "CNN(med)": config.medical, "CNN(ft)": config.fine_tuning}
    fields = list(type(config.synthetic).model_fields)
    values = [
        ["-" if (value := getattr(one, field)) is None else str(value) for one in schedules.values()]
        for field in fields
    ]
    return ["schedule", *schedules], [
        [field.replace("_", " "), *row] for field, row in zip(fields, values, strict=True)
    ]


def _times(result: StudyResult) -> tuple[list[str], Rows]:
    heading = ["part", "seconds by the clock", "seconds of all cores"]
    return heading, [
        [name, f"{clock:.1f}", f"{cores:.1f}"] for name, (clock, cores) in result.seconds.items()
    ]


def _depth_sentence(result: StudyResult) -> str:
    errors = {method: float(values.mean()) for method, values in depth_errors(result).items()}
    best = min((method for method in errors if method != "mean depth"), key=errors.__getitem__)
    share = errors[best] / max(errors["mean depth"], 1e-6)
    return (
        f"Depth: {best} is wrong by {errors[best]:.2f} mm in the mean, {share:.0%} of the "
        f"{errors['mean depth']:.2f} mm of the mean depth. The latter is taken relative to the mean depth of "
        "the object's surface in the same image, the harder baseline: the paper took it in the scanner."
    )


def _sections(
    result: StudyResult,
    figures: dict[str, Path],
    tables: dict[str, list[dict[str, Any]]],
    comparisons: Sequence[Comparison],
    facts: dict[str, str],
) -> list[Section]:
    sections = [Section(text=[HOW]), *(Section(figure=figure) for figure in figures.items())]
    sections.append(Section("The paper's order of methods", (), *_order(comparisons)))
    sections.append(Section(text=[ORDER[result.config.region]]))
    sections += [Section(TITLES[name], (), *_by_landmark(rows)) for name, rows in tables.items()]
    if result.depths:
        sections.append(Section(text=[_depth_sentence(result)]))
    return [
        *sections,
        Section("How it was done", (), ("", ""), list(facts.items())),
        Section("Schedules", (), *_settings(result)),
        Section("Times", [TIMES], *_times(result)),
    ]
