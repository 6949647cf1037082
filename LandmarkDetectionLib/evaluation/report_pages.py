"""The report of an evaluation: tables as CSV and Markdown, figures, JSON, and one HTML page on its own."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from LandmarkDetectionLib.evaluation.evaluate import Evaluation, datalist_hash
from LandmarkDetectionLib.evaluation.glass_brain import CAPTION, glass_brain_figure
from LandmarkDetectionLib.evaluation.measures import Measures
from LandmarkDetectionLib.evaluation.plots import (
    cumulative_figure,
    landmark_figure,
    model_colours,
    reliability_figure,
    write_figure,
)
from LandmarkDetectionLib.evaluation.statistics import LEAST_SUBJECTS, LEVEL, RESAMPLES
from LandmarkDetectionLib.evaluation.tables import (
    ALL,
    PER_IMAGE,
    Disagreement,
    SummaryRow,
    Tables,
    error_rows,
    make_tables,
)
from LandmarkDetectionLib.evaluation.worst_cases import gallery_figure
from LandmarkDetectionLib.files import make_folder, write_text
from LandmarkDetectionLib.reporting.pages import (
    Section,
    csv_text,
    machine,
    versions,
    write_pages,
)
from LandmarkDetectionLib.typing import Progress
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PACKAGES = ("numpy", "scipy", "matplotlib", "torch")
NONE = "-"


def write_evaluation(
    result: Evaluation,
    out: str | Path,
    *,
    worst: int = 4,
    glass_brain: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write ``report.html``, ``summary.md``, ``summary.csv``, ``errors.csv``, ``results.json``, figures.

    Parameters
    ----------
    result
        From ``evaluate.evaluate``.
    out
        Folder; made when missing.
    worst
        Cases in the gallery of every model; none when 0.
    glass_brain
        Draw the errors on a glass brain: the images are in MNI space.
    progress
        Called with the fraction done and what is being done.

    Returns
    -------
    Path
        ``report.html``.

    Raises
    ------
    InputError
        The glass brain is wanted and the images are not in MNI space, or an image cannot be read any more.
    MissingPackageError
        The glass brain is wanted and nilearn is not installed.
    OutputError
        A file cannot be written.
    """
    folder = Path(out)
    make_folder(folder / "figures")
    say = progress or (lambda fraction, text: None)
    say(0.0, "computing intervals")
    tables = make_tables(result)
    say(0.4, "drawing")
    figures = _draw(result, tables, folder / "figures", worst, glass_brain)
    say(0.9, "writing")
    write_text(folder / "errors.csv", csv_text(error_rows(result)))
    write_text(folder / "summary.csv", csv_text([row.record(result.unit) for row in tables.rows]))
    if tables.measures is not None:
        measured = [row.record() for row in tables.measures.rows]
        write_text(folder / "measurements.csv", csv_text(measured))
    write_text(folder / "results.json", json.dumps(_record(result, tables), indent=1, allow_nan=False) + "\n")
    title = f"Evaluation on {result.datalist.name}" + (f", split {result.split}" if result.split else "")
    subtitle = (
        f"{_facts(result)['cases']} · {counted(len(result.landmarks), 'landmark')} · errors in {result.unit}"
    )
    better = {f"{model} is better": "good" for model in result.models}
    sections = _sections(result, tables, figures)
    cards = _cards(result, tables)
    return write_pages(folder, "summary.md", title, subtitle, result.notes, sections, better, cards)


# --- figures -----------------------------------------------------------------------------------------------


def _draw(
    result: Evaluation, tables: Tables, folder: Path, worst: int, glass_brain: bool
) -> dict[str, tuple[str, Path]]:
    """Caption and file of every figure by name; files of an earlier report are removed first."""
    drawn: dict[str, tuple[str, Figure | None]] = {}
    if glass_brain:
        # First, as it may be refused.
        drawn["glass-brain"] = (CAPTION, glass_brain_figure(result))
    grey = "; dotted grey: the distance between two raters" if tables.disagreement else ""
    drawn["cumulative"] = (
        "Cumulative distribution of the point-to-point error of every landmark (left; dotted lines: the "
        "radii of the SDR) and of the image-specific error, the mean over an image's landmarks "
        f"(right){grey}. A curve that ends below 100 % belongs to a model that missed landmarks.",
        cumulative_figure(result),
    )
    bar = "; grey line: mean distance between two raters" if tables.disagreement else ""
    drawn["landmarks"] = (
        "Errors at every landmark: quartiles, median (white), 5 and 95 % (whiskers) and mean (black "
        f"dot){bar}.",
        landmark_figure(result),
    )
    if tables.calibration:
        drawn["reliability"] = (
            f"Reliability: share of landmarks found within {result.found_within:g} {result.unit} at each "
            "confidence. Above the diagonal a model is better than it says, below it claims too much. A "
            "confidence that was calibrated for another radius need not lie on the diagonal.",
            reliability_figure(result, tables),
        )
    for model in result.models if worst else ():
        drawn[f"worst-{_file_name(model, result)}"] = (
            f"Worst cases of {model}: the whole picture and the worst landmark from near. Of a volume, the "
            "slice through the true landmark that holds most of the error.",
            gallery_figure(result, model, worst),
        )
    for old in folder.glob("*.png"):
        old.unlink()
    written = {}
    for name, (caption, figure) in drawn.items():
        if figure is not None:
            path = folder / f"{name}.png"
            write_figure(figure, path)
            written[name] = (caption, path)
    return written


def _file_name(model: str, result: Evaluation) -> str:
    """A file name that two models never share."""
    number = list(result.models).index(model) + 1
    return f"{number}-{re.sub(r'[^A-Za-z0-9.-]+', '-', model).strip('-.')[:40]}"


# --- what both pages show ----------------------------------------------------------------------------------


def _sections(result: Evaluation, tables: Tables, figures: dict[str, tuple[str, Path]]) -> list[Section]:
    sections = [
        _overview(result, tables),
        *_differences(result, tables),
        Section("Distribution of errors", figure=figures["cumulative"]),
        Section("Errors per landmark", figure=figures["landmarks"]),
        *(_per_landmark(result, tables, model) for model in result.models),
        *_measurements(tables),
        *_raters(result, tables),
        *_references(result, tables),
        *_presence(result, tables),
    ]
    if "reliability" in figures:
        sections.append(Section("Confidence", figure=figures["reliability"]))
    sections += _regions(result, tables)
    if "glass-brain" in figures:
        sections.append(Section("Glass brain", figure=figures["glass-brain"]))
    galleries = [figure for name, figure in figures.items() if name.startswith("worst-")]
    sections += [Section("" if n else "Worst cases", figure=figure) for n, figure in enumerate(galleries)]
    facts = tuple((key, value) for key, value in _facts(result).items())
    sections.append(Section("How it was measured", _how(result), ("", ""), facts))
    return sections


def _overview(result: Evaluation, tables: Tables) -> Section:
    """One row per measure, one column per model: two models or seven can be read."""
    rows = {model: tables.row(model) for model in result.models}
    images = {model: tables.row(model, PER_IMAGE) for model in result.models}
    unit = result.unit
    lines: list[tuple[str, list[str]]] = [
        (f"MRE ({unit})", [_with(row.summary.mean, row.mean_interval) for row in rows.values()]),
        (f"standard deviation ({unit})", [_number(row.summary.deviation) for row in rows.values()]),
        (f"median ({unit})", [_with(row.summary.median, row.median_interval) for row in rows.values()]),
        (f"95th percentile ({unit})", [_number(row.summary.percentile_95) for row in rows.values()]),
        (f"largest ({unit})", [_number(row.summary.largest) for row in rows.values()]),
        (
            f"image-specific error ({unit}), mean ± sd",
            [f"{_number(row.summary.mean)} ± {_number(row.summary.deviation)}" for row in images.values()],
        ),
    ]
    lines += [
        (
            f"SDR within {radius:g} {unit}",
            [_percent(row.summary.success[radius], row.success_intervals[radius]) for row in rows.values()],
        )
        for radius in result.radii
    ]
    lines += [
        (f"outliers above {radius:g} {unit}", [_outliers(row, radius) for row in rows.values()])
        for radius in result.outlier_radii
    ]
    lines.append(
        ("missed of all landmarks", [f"{row.summary.missed} of {row.summary.count}" for row in rows.values()])
    )
    lines += _region_lines(result, tables)
    if tables.disagreement is not None:
        ratios = tables.disagreement.ratios
        medians = tables.disagreement.median_ratios
        lines += [
            ("MRE / raters' disagreement", [_with(one[0], one[1:]) for one in ratios.values()]),
            ("median / raters' median disagreement", [_number(one) for one in medians.values()]),
        ]
    if (measures := tables.measures) is not None and measures.success:
        rates = [_percent(one.value, (one.low, one.high)) for one in measures.success.values()]
        lines.append((f"same class (SCR), mean of {counted(_judged(measures), 'measurement')}", rates))
    if measures is not None and measures.smape:
        errors = [_with(one.value, (one.low, one.high)) for one in measures.smape.values()]
        lines.append(("SMAPE of the Cobb angles (%)", errors))
    return Section(
        "Results",
        ("In brackets: 95 % intervals from resampled subjects.",),
        ("", *result.models),
        tuple((name, *values) for name, values in lines),
    )


def _region_lines(result: Evaluation, tables: Tables) -> list[tuple[str, list[str]]]:
    """How much 95 % regions hold, and how large they are; nothing where no model draws any."""
    if not tables.regions:
        return []
    of = [tables.regions.get(model, {}).get(ALL) for model in result.models]
    return [
        (
            "95 % regions hold",
            [NONE if one is None else _percent(one.share, (one.low, one.high)) for one in of],
        ),
        (
            f"median size of 95 % regions ({result.size_unit or NONE})",
            [NONE if one is None else _number(one.median_size) for one in of],
        ),
    ]


def _regions(result: Evaluation, tables: Tables) -> list[Section]:
    if not tables.regions:
        return []
    heading = ["landmark"]
    for model in tables.regions:
        heading += [f"{model}: in the region", "95 % interval", f"median size ({result.size_unit or NONE})"]
    rows = []
    for name in (*result.landmarks, ALL):
        cells = [name.replace("_", " ")]
        for found in tables.regions.values():
            one = found[name]
            between = f"{100 * one.low:.1f} to {100 * one.high:.1f} %" if np.isfinite(one.low) else NONE
            cells += [_percent(one.share), between, _number(one.median_size)]
        rows.append(tuple(cells))
    text = (
        f"How many true landmarks lie in the {100 * LEVEL:.0f} % regions that a model draws about its own, "
        "ellipses or ellipsoids by its covariances, and how large these are. What has none does not count.",
    )
    return [
        Section("Regions", text),
        Section(heading=tuple(heading), rows=tuple(rows), folded="Table of every landmark: regions"),
    ]


def _differences(result: Evaluation, tables: Tables) -> list[Section]:
    if not tables.tests:
        return []
    heading = ("first", "second", f"difference ({result.unit})", "Wilcoxon p", "after Holm", "subjects", "")
    rows = tuple(
        (
            test.first,
            test.second,
            _with(test.difference, (test.low, test.high), signed=True),
            _p(test.p),
            _p(test.p_holm),
            str(test.subjects),
            test.verdict,
        )
        for test in tables.tests
    )
    text = (
        "First minus second, each the mean over the subjects of a subject's mean error, over landmarks that "
        "both models gave. Interval by paired bootstrap over subjects, Wilcoxon's signed-rank test over "
        f"subjects, corrected by Holm for {counted(len(rows), 'comparison')}.",
    )
    return [Section("Differences between models", text, heading, rows)]


def _per_landmark(result: Evaluation, tables: Tables, model: str) -> Section:
    heading = (
        "landmark",
        f"mean ± sd ({result.unit})",
        "95 % interval",
        f"median ({result.unit})",
        *(f"SDR {radius:g}" for radius in result.radii),
        f"> {result.outlier_radii[-1]:g}",
        "missed",
    )
    rows = []
    for name in (*result.landmarks, ALL):
        row = tables.row(model, name)
        one = row.summary
        rows.append(
            (
                name.replace("_", " "),
                f"{_number(one.mean)} ± {_number(one.deviation)}",
                _interval(row.mean_interval),
                _number(one.median),
                *(_percent(one.success[radius]) for radius in result.radii),
                str(one.outliers[result.outlier_radii[-1]]),
                str(one.missed),
            )
        )
    return Section(heading=heading, rows=tuple(rows), folded=f"{model}: table of every landmark")


def _measurements(tables: Tables) -> list[Section]:
    """Errors of what is measured, one row per measurement; tables of classes follow, folded."""
    measures = tables.measures
    if measures is None:
        return []
    models = list(dict.fromkeys(row.model for row in measures.rows))
    heading = ["measurement", "unit", "cases"]
    for model in models:
        heading += [f"{model}: mean absolute error", "missed"]
        heading += ["same class"] if measures.success else []
    rows = []
    for several in zip(*(measures.of(model) for model in models), strict=True):
        first = several[0]
        cells = [first.definition.title, first.unit if first.unit != "1" else "", str(first.cases)]
        for row in several:
            error, same = row.error, row.same_class
            cells += [_with(error.value, (error.low, error.high)), str(row.missed)]
            if measures.success:
                cells.append(NONE if same is None else _percent(same.value, (same.low, same.high)))
        rows.append(tuple(cells))
    text = [
        "What the protocol measures, from a model's landmarks and from the reference's. Mean absolute "
        "errors are over the cases in which both have a value; a value that a model does not give is in no "
        "class."
    ]
    for model, one in measures.success.items():
        tables_of = [row.confusion for row in measures.of(model) if row.confusion is not None]
        classes = np.mean([table.rate_of_classes for table in tables_of if table.counts.any()])
        text.append(
            f"Success classification rate of {model}, mean of {counted(len(tables_of), 'measurement')}: "
            f"{_percent(one.value, (one.low, one.high))} of the images; {_percent(float(classes))} as the "
            "mean over each measurement's classes, where both have a value."
        )
    for model, one in measures.smape.items():
        text.append(
            f"Symmetric mean absolute percentage error of {model}'s Cobb angles: "
            f"{_with(one.value, (one.low, one.high))} %; an image without angles counts as a straight spine."
        )
    return [Section("Measurements", tuple(text), tuple(heading), tuple(rows))]


def _judged(measures: Measures) -> int:
    """How many measurements have classes."""
    return len({row.definition.name for row in measures.rows if row.same_class is not None})


def _raters(result: Evaluation, tables: Tables) -> list[Section]:
    apart = tables.disagreement
    if apart is None:
        return []
    unit = result.unit
    rows = tuple(
        (
            name.replace("_", " "),
            _number(value),
            *(_ratio_of(tables, model, name, value) for model in result.models),
        )
        for name, value in zip(result.landmarks, apart.per_landmark, strict=True)
    )
    heading = ("landmark", f"two raters ({unit})", *(f"{model} / two raters" for model in result.models))
    return [
        Section("Raters", _rater_text(result, apart)),
        Section(heading=heading, rows=rows, folded="Table of every landmark: mean error / mean disagreement"),
    ]


def _rater_text(result: Evaluation, apart: Disagreement) -> tuple[str, ...]:
    unit, raters = result.unit, len(apart.raters)
    first = (
        f"Two raters are {_number(apart.mean)} {unit} apart in the mean (median {_number(apart.median)} "
        f"{unit}); a single rater is {_number(apart.single)} {unit} from the mean of the {raters}"
    )
    first += ", which with two raters is half of it by construction." if raters == 2 else "."
    # With equal independent errors of variance s^2: two raters differ by 2 s^2, the truth and the mean of
    # n by s^2 / n, a further rater and the mean by s^2 (1 + 1/n).
    truth, further = np.sqrt(1 / (2 * raters)), np.sqrt((1 + 1 / raters) / 2)
    if result.reference.name == "mean":
        second = (
            "How to read a ratio to the disagreement when errors are told against the mean: if raters err "
            f"equally and independently, the unknown true position itself is {truth:.2f} times the "
            f"disagreement away from the mean of {raters}, and a further rater of the same skill "
            f"{further:.2f} times. A model below {further:.2f} is closer to the mean than such a "
            "person would be."
        )
    else:
        second = (
            f"Errors are told against {result.reference.name} alone: a model that is 1.0 times the "
            "disagreement away is as far as another rater."
        )
    return first, second


def _ratio_of(tables: Tables, model: str, landmark: str, apart: float) -> str:
    mean = tables.row(model, landmark).summary.mean
    return _number(mean / apart) if apart > 0 else NONE


def _references(result: Evaluation, tables: Tables) -> list[Section]:
    if len(result.references) < 2:
        return []
    heading = ("against", *(f"{model}: MRE, median ({result.unit})" for model in result.models))
    rows = []
    for reference in result.references:
        of = [tables.row(model, ALL, reference) for model in result.models]
        cells = [f"{_with(row.summary.mean, row.mean_interval)}, {_number(row.summary.median)}" for row in of]
        rows.append(("mean of the raters" if reference == "mean" else reference, *cells))
    return [Section("Against each rater", (), heading, tuple(rows))]


def _presence(result: Evaluation, tables: Tables) -> list[Section]:
    missed = sum(found[ALL].missed for found in tables.presence.values())
    if not tables.absent and not missed:
        return []
    heading = (
        "model",
        "there, given",
        "there, said absent",
        "absent, given",
        "absent, said absent",
        "sensitivity",
        "specificity",
    )
    rows = []
    for model, found in tables.presence.items():
        one = found[ALL]
        counts = (str(n) for n in (one.both, one.missed, one.invented, one.neither))
        rows.append((model, *counts, _percent(one.sensitivity), _percent(one.specificity)))
    text = (
        "Whether landmarks are said to be in the image rightly, over all landmarks whose presence is "
        "annotated.",
        f"{counted(tables.absent, 'landmark of the data set is', 'landmarks of the data set are')} "
        "annotated as absent.",
    )
    return [Section("Absent landmarks", text, heading, tuple(rows))]


def _how(result: Evaluation) -> tuple[str, ...]:
    plane = " (in the plane of a radiograph)" if any(one.is_2d for one in result.geometries) else ""
    against = "the mean of the raters" if result.reference.name == "mean" else result.reference.name
    return (
        f"The point-to-point error is the Euclidean distance{plane} between a model's landmark and "
        f"{against}. MRE is its mean over all landmarks of all images; SDR the share of landmarks within a "
        "radius. A landmark that is there and was not given counts as outside every radius; means are over "
        "those given.",
        f"Intervals: {100 * LEVEL:.0f} %, {RESAMPLES:,} draws of subjects with all they have, "
        "bias-corrected and accelerated for means and rates, percentiles for medians and ratios; none with "
        f"fewer than {LEAST_SUBJECTS} subjects. A rate of 100 % in every subject has an interval of no "
        "width, which is not certainty.",
    )


def _facts(result: Evaluation) -> dict[str, str]:
    subjects = len(set(result.subjects))
    normalised = str(result.normalisation) if result.normalisation else "no"
    return {
        "data set": result.datalist.name,
        "split": result.split or "all",
        "cases": f"{counted(len(result.cases), 'image')} of {counted(subjects, 'subject')}",
        "landmarks": str(len(result.landmarks)),
        "raters": ", ".join(result.raters),
        "reference": ", ".join(result.references),
        "unit": result.unit,
        "normalised": normalised,
        "seed": str(result.seed),
        "datalist and landmarks, SHA-256": datalist_hash(result.datalist),
        **{f"model {one.name}": _source(one.source) for one in result.models.values()},
        **versions(PACKAGES),
        "machine": machine(),
    }


def _source(source: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in source.items())


def _record(result: Evaluation, tables: Tables) -> dict[str, Any]:
    apart = tables.disagreement
    return {
        "facts": _facts(result),
        "notes": list(result.notes),
        "options": {
            "radii": list(result.radii),
            "outlier radii": list(result.outlier_radii),
            "found within": result.found_within,
            "seed": result.seed,
            "resamples": RESAMPLES,
        },
        "cases": list(result.keys),
        "landmarks": list(result.landmarks),
        "models": {one.name: one.source for one in result.models.values()},
        "summary": [row.record(result.unit) for row in tables.rows],
        "tests": [_plain({**vars(test), "verdict": test.verdict}) for test in tables.tests],
        "presence": {
            model: {name: vars(one) for name, one in found.items()}
            for model, found in tables.presence.items()
        },
        "disagreement": None
        if apart is None
        else _plain(
            {
                **vars(apart),
                "per_landmark": dict(zip(result.landmarks, apart.per_landmark.tolist(), strict=True)),
            }
        ),
        "measurements": None
        if tables.measures is None
        else _plain(
            {
                "rows": [row.record() for row in tables.measures.rows],
                "success classification rate": {
                    model: vars(one) for model, one in tables.measures.success.items()
                },
                "Cobb SMAPE percent": {model: vars(one) for model, one in tables.measures.smape.items()},
            }
        ),
        "regions": {
            model: {name: _plain(vars(one)) for name, one in found.items()}
            for model, found in tables.regions.items()
        },
        "calibration": {
            model: {"expected calibration error": error, "bins": rows}
            for model, (rows, error) in tables.calibration.items()
        },
    }


def _plain(value: Any) -> Any:
    """JSON values; what is not finite is null."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value


# --- numbers as text --------------------------------------------------------------------------------------


def _number(value: float, signed: bool = False) -> str:
    if not np.isfinite(value):
        return NONE
    return f"{value:+.2f}" if signed else f"{value:.2f}"


def _interval(interval: tuple[float, ...], signed: bool = False) -> str:
    low, high = interval
    return f"{_number(low, signed)} to {_number(high, signed)}" if np.isfinite(low) else NONE


def _with(value: float, interval: tuple[float, ...], signed: bool = False) -> str:
    text = _interval(interval, signed)
    return f"{_number(value, signed)} ({text})" if text != NONE else _number(value, signed)


def _percent(share: float, interval: tuple[float, float] | None = None) -> str:
    if not np.isfinite(share):
        return NONE
    if interval is None or not np.isfinite(interval[0]):
        return f"{100 * share:.1f} %"
    return f"{100 * share:.1f} % ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def _outliers(row: SummaryRow, radius: float) -> str:
    count = row.summary.outliers[radius]
    return f"{count} ({100 * count / row.summary.count:.2f} %)" if row.summary.count else NONE


def _p(value: float) -> str:
    if not np.isfinite(value):
        return NONE
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


# --- the pages ---------------------------------------------------------------------------------------------


def _cards(result: Evaluation, tables: Tables) -> str:
    """The mean error of every model, large."""
    cards = []
    radius = result.radii[0]
    for model, colour in model_colours(list(result.models)).items():
        row = tables.row(model)
        lines = [
            f"95 % interval {_interval(row.mean_interval)}",
            f"median {_number(row.summary.median)} {result.unit}",
            f"{_percent(row.summary.success[radius])} within {radius:g} {result.unit}",
        ]
        if tables.disagreement is not None:
            lines.append(f"{_number(tables.disagreement.ratios[model][0])} x raters' disagreement")
        cards.append(
            f'<div class=card style="border-color:{colour}"><div class=name>{html.escape(model)}</div>'
            f"<b>{_number(row.summary.mean)} {result.unit}</b>"
            f"<span>{'<br>'.join(html.escape(line) for line in lines)}</span></div>"
        )
    return f"<div class=cards>{''.join(cards)}</div>"
