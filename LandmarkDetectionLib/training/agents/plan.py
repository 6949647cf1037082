"""From a data set to a training of agents: every setting that the data decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.raters import ALL, MEAN
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.training.agents.config import AgentConfig
from LandmarkDetectionLib.training.agents.presets import AGENT_PRESETS
from LandmarkDetectionLib.training.supervised.cases import digest
from LandmarkDetectionLib.training.supervised.plan import (
    RADIUS_MM,
    ImageFacts,
    Split,
    check_wishes,
    survey,
)
from LandmarkDetectionLib.typing import Progress

#: The finest cells are half as large as voxels, where these are not small already (mm).
FINEST_SHARE, FINEST_MM = 0.5, 1.0
#: Scales are added, each twice as coarse, until a box shows this share of a usual volume's longest side.
SEEN, MOST_SCALES = 0.5, 6


def plan_agents(
    datalist: Datalist,
    split: Split,
    preset: str = "agent-lite",
    *,
    spacing: Sequence[float] | None = None,
    raters: str = MEAN,
    limit: int | None = None,
    changes: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> AgentConfig:
    """Settle everything that a training of agents needs.

    Parameters
    ----------
    preset
        Name in ``presets.AGENT_PRESETS``.
    spacing
        Size of the finest cells in mm, one number; chosen from the data when None.
    raters
        ``mean``, or a name.
    limit
        Learn from so many cases only.
    changes
        Further fields of ``config.AgentConfig`` to set.

    Raises
    ------
    InputError
        The data do not fit together or the preset, or an image cannot be read.
    """
    chosen = AGENT_PRESETS[preset]
    check_wishes(datalist, split, raters, limit)
    if raters == ALL:
        raise InputError("Search agents learn from one place per landmark; choose the mean, or one rater.")
    if spacing is not None and len(spacing) != 1:
        raise InputError(f"Search agents walk on cells of one size; give one number, not {len(spacing)}.")
    facts = survey(split.training, progress)
    for wrong, what in (
        (
            any(fact.dimensions == 2 for fact in facts),
            "single images, and search agents walk through volumes",
        ),
        (any(fact.channels > 1 for fact in facts), "several channels, and search agents look at one"),
        (not all(fact.spacing_known for fact in facts), "volumes that do not tell the size of their voxels"),
    ):
        if wrong:
            raise InputError(f"The datalist {datalist.path} has {what}; choose a heatmap preset for it.")
    options = {**chosen.options, **(changes or {})}
    side = int(options["parameters"].get("side", 25))
    wanted = {
        "cells_mm": scales_of(facts, side, spacing[0] if spacing else None),
        "intensity": "hounsfield" if np.mean([fact.is_ct for fact in facts]) > 0.5 else "standardise",
        "landmarks": datalist.landmark_names,
        "radius": RADIUS_MM[3],
        "raters": raters,
        "limit": limit,
        "training_cases": tuple(case.name for case in split.training),
        "held_back_cases": tuple(case.name for case in split.held_out),
        "data": digest((*split.training, *split.held_out)),
        **options,
    }
    return AgentConfig.model_validate(wanted)


def scales_of(facts: Sequence[ImageFacts], side: int, finest: float | None = None) -> tuple[float, ...]:
    """Size of the cells at each scale, mm, coarse to fine.

    Parameters
    ----------
    side
        Cells along a box's side.
    finest
        Size of the finest cells; chosen from the voxels when None.
    """
    if finest is None:
        voxel = float(np.median([fact.spacing.min() for fact in facts]))
        finest = max(FINEST_SHARE * voxel, min(voxel, FINEST_MM))
    extent = float(np.median([fact.extent.max() for fact in facts]))
    cells = [round(finest, 3)]
    while cells[-1] * side < SEEN * extent and len(cells) < MOST_SCALES:
        cells.append(round(2 * cells[-1], 3))
    return tuple(reversed(cells))
