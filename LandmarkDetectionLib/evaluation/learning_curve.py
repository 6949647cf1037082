"""Learning curves: errors with 10, 50, 100 or all training images (as Payer et al. 2019, figure 2b).

The input is a table of runs, a CSV file with one row per trained network::

    network,images,errors
    SCN,10,runs/scn-10-fold-1/errors.csv
    SCN,10,runs/scn-10-fold-2/errors.csv
    U-Net,10,runs/unet-10/errors.csv

``errors`` is what ``landmark-detection evaluate`` wrote, relative to the table; rows of the same network and
number of images (folds, repetitions) are taken together. A fourth column ``model`` says which model is meant
where an ``errors.csv`` holds several.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from LandmarkDetectionLib.datasets.importers.tables import read_rows
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.metrics import image_errors, summarise
from LandmarkDetectionLib.evaluation.plots import LINES, draw_cumulative, model_colours, new_figure
from LandmarkDetectionLib.evaluation.statistics import resample
from LandmarkDetectionLib.io.csv_text import unguarded
from LandmarkDetectionLib.typing import FloatArray
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RUN_COLUMNS = ("network", "images", "errors")


@dataclass(frozen=True)
class Run:
    """A network trained on so many images, and its errors on others.

    Attributes
    ----------
    network : str
    images : int
        It was trained on.
    errors : (cases, landmarks)
        In ``unit``; see :mod:`.metrics` for NaN and inf.
    subjects : tuple of str
        Of the cases.
    unit : str
    """

    network: str
    images: int
    errors: FloatArray
    subjects: tuple[str, ...]
    unit: str


def read_runs(path: str | os.PathLike[str]) -> list[Run]:
    """Read a table of runs and the errors it names.

    Returns
    -------
    list of Run
        One per network and number of images, networks in the order of the table, fewest images first.

    Raises
    ------
    InputError
        A file is missing or broken, holds several models and none is chosen, or runs differ in their unit or
        landmarks; the row is named.
    """
    path = Path(path)
    rows = _table(path, RUN_COLUMNS)
    if not rows:
        raise InputError(f"The table {path} has no run.")
    parts: dict[tuple[str, int], list[tuple[FloatArray, tuple[str, ...], str, tuple[str, ...]]]] = {}
    for number, row in enumerate(rows, start=1):
        where = f"Row {number} of {path}"
        if not row["network"] or not row["images"].isdecimal() or int(row["images"]) < 1:
            raise InputError(f"{where} needs the name of a network and a whole number of images.")
        read = _read_errors(path.parent / row["errors"], row.get("model") or "", where)
        parts.setdefault((row["network"], int(row["images"])), []).append(read)
    first = next(iter(parts.values()))[0]
    for (network, images), several in parts.items():
        for _, _, unit, landmarks in several:
            if (unit, landmarks) != (first[2], first[3]):
                raise InputError(
                    f"The runs of {path} cannot be compared: {network} on {counted(images, 'image')} has "
                    "other landmarks or another unit than the first run."
                )
    networks = list(dict.fromkeys(network for network, _ in parts))
    return [
        Run(
            network,
            images,
            np.concatenate([one[0] for one in parts[network, images]]),
            tuple(subject for one in parts[network, images] for subject in one[1]),
            first[2],
        )
        for network in networks
        for images in sorted(images for name, images in parts if name == network)
    ]


def learning_curve_figure(runs: Sequence[Run]) -> Figure:
    """Distributions of the image-specific error by network and training set, and the MRE over its size.

    A colour is a network; the fewer its images, the more broken its line.
    """
    figure = new_figure(10.0, 4.4)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    networks = list(dict.fromkeys(run.network for run in runs))
    colours = model_colours(networks)
    sizes = sorted({run.images for run in runs}, reverse=True)
    unit = runs[0].unit
    name = {id(run): f"{run.network}, {counted(run.images, 'image')}" for run in runs}
    draw_cumulative(
        left,
        {name[id(run)]: image_errors(run.errors) for run in runs},
        f"image-specific point-to-point error ({unit})",
        colours={name[id(run)]: colours[run.network] for run in runs},
        lines={name[id(run)]: LINES[sizes.index(run.images) % len(LINES)] for run in runs},
    )
    left.set(ylabel="share of images within the error")
    left.legend(frameon=False, loc="lower right", fontsize=8)
    for network in networks:
        own = [run for run in runs if run.network == network]
        means = np.array([summarise(run.errors).mean for run in own])
        draws = [resample(run.subjects, np.random.default_rng(0)) for run in own]
        bounds = np.array([draw.mean_interval(run.errors) for draw, run in zip(draws, own, strict=True)])
        # Without an interval (few subjects) the point stands alone.
        spread = np.nan_to_num(np.abs(bounds.T - means))
        places = [run.images for run in own]
        right.errorbar(
            places, means, spread, color=colours[network], marker="o", capsize=3, linewidth=1.8, label=network
        )
    right.set(xscale="log", xlabel="training images", ylabel=f"MRE ({unit}), 95 % interval")
    right.set_xticks(sizes, [str(size) for size in sizes])
    right.xaxis.minorticks_off()
    right.set_ylim(bottom=0)
    right.grid(axis="y", color="#ececec", linewidth=0.8)
    right.set_axisbelow(True)
    right.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False)
    return figure


def _table(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    header, *rows = read_rows(path)
    if lacking := [column for column in columns if rows and column not in header]:
        raise InputError(
            f"The table {path} lacks the column {', '.join(lacking)}; it needs {', '.join(columns)}."
        )
    return [
        {key: unguarded(value) for key, value in itertools.zip_longest(header, row, fillvalue="")}
        for row in rows
    ]


def _read_errors(
    path: Path, model: str, where: str
) -> tuple[FloatArray, tuple[str, ...], str, tuple[str, ...]]:
    """Errors (cases, landmarks) of one model in an ``errors.csv``, subjects, unit and landmarks."""
    rows = _table(
        path, ("case", "subject", "model", "reference", "landmark", "present", "given", "error", "unit")
    )
    models = list(dict.fromkeys(row["model"] for row in rows))
    chosen = model or (models[0] if len(models) == 1 else "")
    if chosen not in models:
        raise InputError(
            f"{where}: {path} holds the models {', '.join(models) or 'none'}; name one of them in a column "
            "model."
        )
    # The first reference is the main one.
    rows = [row for row in rows if row["model"] == chosen and row["reference"] == rows[0]["reference"]]
    cases = {row["case"]: row["subject"] for row in rows}
    landmarks = tuple(dict.fromkeys(row["landmark"] for row in rows))
    errors = np.full((len(cases), len(landmarks)), np.nan)
    case_index = {case: n for n, case in enumerate(cases)}
    landmark_index = {name: n for n, name in enumerate(landmarks)}
    try:
        for row in rows:
            if row["present"] == "1":
                value = float(row["error"]) if row["given"] == "1" else np.inf
                errors[case_index[row["case"]], landmark_index[row["landmark"]]] = value
    except ValueError:
        raise InputError(f"{where}: {path} holds an error that is no number; evaluate again.") from None
    return errors, tuple(cases.values()), rows[0]["unit"], landmarks
