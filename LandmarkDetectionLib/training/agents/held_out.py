"""What agents find in cases that they do not learn from, while they learn and at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.detectors.search_result import Found, SearchRules, find_all
from LandmarkDetectionLib.evaluation.metrics import finite_mean
from LandmarkDetectionLib.imaging.boxes import BoxSource
from LandmarkDetectionLib.imaging.previews import image_views
from LandmarkDetectionLib.training.agents.cases import AgentCase
from LandmarkDetectionLib.training.agents.config import AgentConfig
from LandmarkDetectionLib.typing import Array

#: How far from the mean place agents begin in a finished model, as a share of the field.
JITTER = 0.2


class Searcher(NamedTuple):
    """Networks, coarse to fine, how they were trained, and (L, 3) where their agents begin."""

    networks: Sequence[Any]
    config: AgentConfig
    start: Array

    def find(self, source: BoxSource) -> Found:
        """Search with one agent per landmark."""
        return find_all(self.networks, source, rules_of(self.config, self.start, starts=1))


def mean_start(cases: Sequence[AgentCase], config: AgentConfig) -> Array:
    """(L, 3) where landmarks lie on average, as shares of the whole volumes; the middle of unknown ones."""
    shares = [case.source(config.intensity).shares(case.points) for case in cases]
    mean = finite_mean(np.stack(shares), axis=0)
    return np.where(np.isfinite(mean), mean, 0.5)


def rules_of(config: AgentConfig, start: Array, starts: int | None = None) -> SearchRules:
    """How the agents of a training search."""
    return SearchRules(
        config.cells_mm,
        start,
        JITTER,
        starts or config.starts,
        config.most_steps,
        config.discount,
        reach=config.reach,
    )


def found_by(searcher: Searcher, cases: Sequence[AgentCase]) -> tuple[Array, Array]:
    """Errors in mm of landmarks that are there and were found, and which of those there were not."""
    errors, left = [], []
    for case in cases:
        found = searcher.find(case.source(searcher.config.intensity))
        there = np.isfinite(case.points).all(axis=1)
        error = np.linalg.norm(found.position - case.points, axis=1)
        errors.append(error[there & np.isfinite(error)])
        left.append(~np.isfinite(error[there]))
    return np.concatenate(errors), np.concatenate(left)


def picture_of(searcher: Searcher, case: AgentCase) -> np.ndarray:
    """Picture (H, W, 3) uint8 of a case from the front, with ways in colour and true places in white."""
    from PIL import Image, ImageDraw

    view = image_views(case.volume).views[0]
    grey = np.repeat((255 * view.thickness).astype(np.uint8)[..., None], 3, axis=2)
    picture = Image.fromarray(grey)
    draw = ImageDraw.Draw(picture)

    def pixels(places: Array) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in view.geometry.from_ras(places)[:, :2]]

    for way in searcher.find(case.source(searcher.config.intensity)).ways:
        draw.line(pixels(way.positions), fill=(240, 163, 10) if way.left else (86, 180, 233), width=2)
    for x, y in pixels(case.points[np.isfinite(case.points).all(axis=1)]):
        draw.ellipse([x - 2, y - 2, x + 2, y + 2], outline=(255, 255, 255))
    return np.asarray(picture)
