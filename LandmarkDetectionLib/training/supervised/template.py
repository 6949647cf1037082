"""The template that a training's images are registered to: chosen, made once, and kept with the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case
from LandmarkDetectionLib.datasets.raters import ALL, MEAN, case_landmarks
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.aligned_grid import AVERAGED, mean_template, read_template, write_template
from LandmarkDetectionLib.imaging.grid import GridSettings
from LandmarkDetectionLib.imaging.template import choose_template

TEMPLATE = "template.safetensors"


def most_usual_case(
    cases: Sequence[Case], names: Sequence[str], raters: str = MEAN
) -> tuple[int, np.ndarray]:
    """Index of the case whose landmarks are nearest to the mean shape, and they (N, 3), RAS mm.

    Raises
    ------
    InputError
        No case has all landmarks.
    """
    # All raters of a case show one shape.
    rater = MEAN if raters == ALL else raters
    positions = np.stack([case_landmarks(case, names, rater)[0] for case in cases])
    try:
        chosen = choose_template(positions)
    except ValueError:
        raise InputError(
            "Images can only be registered to a template when one case to learn from has all landmarks; "
            "annotate one fully, or train without registration."
        ) from None
    return chosen, positions[chosen]


def run_template(
    folder: Path,
    cases: Sequence[Case],
    names: Sequence[str],
    raters: str,
    settings: GridSettings,
    multiple: int,
    progress: Callable[[float, str], None] | None = None,
) -> Volume:
    """The template of a run's folder, made of the cases to learn from when it is not there yet."""
    file = folder / TEMPLATE
    if not file.exists():
        chosen, positions = most_usual_case(cases, names, raters)

        def step(number: int) -> None:
            if progress is not None:
                progress(0.0, f"making the template, image {number} of at most {AVERAGED}")

        step(1)
        others = (case.read_channels()[0] for n, case in enumerate(cases) if n != chosen)
        write_template(
            file,
            mean_template(cases[chosen].read_channels()[0], positions, others, settings, multiple, step),
        )
    return read_template(file)
