"""What a model of search agents must say, checked once before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveFloat, model_validator

from LandmarkDetectionLib.detectors.search_result import Found, SearchRules
from LandmarkDetectionLib.detectors.settings import Curve, DetectorSettings, RegionSettings
from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.quality.conformal import chance_within


class SearchSettings(DetectorSettings):
    """Of a model of agents that search volumes.

    Attributes
    ----------
    cells_mm
        Size of the cells at each scale, coarse to fine; the network of scale n is called ``scale_n``.
    intensity
        See ``grid.GridSettings``.
    start
        By landmark: where agents begin, as shares of the field along R, A and S.
    jitter
        See ``search_result.SearchRules``.
    starts, most_steps
        Agents per landmark, and steps of each at each scale.
    discount
        That the networks learned with.
    reach
        Cells from which agents of finer scales learned to come; None in models that do not say it.
    radius
        A landmark counts as found when it lies this close to the truth, mm.
    calibration
        From the score of being in the volume and within the radius.
    regions
        In mm; None where nothing was held out.
    length_range_mm
        By line "a-b" of the protocol: shortest and longest in the training cases.
    """

    by_landmark: ClassVar[tuple[str, ...]] = ("start",)

    cells_mm: Annotated[tuple[PositiveFloat, ...], Field(min_length=1, max_length=8)]
    intensity: Literal["standardise", "hounsfield"]
    start: dict[str, tuple[float, float, float]]
    jitter: Annotated[float, Field(ge=0, le=1)]
    starts: Annotated[int, Field(ge=1, le=64)]
    most_steps: Annotated[int, Field(ge=2, le=1000)]
    discount: Annotated[float, Field(ge=0, lt=1)]
    reach: PositiveFloat | None = None
    radius: PositiveFloat
    calibration: Curve
    regions: RegionSettings | None = None
    length_range_mm: dict[str, tuple[float, float]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _finer(self) -> SearchSettings:
        if any(after >= before for before, after in pairwise(self.cells_mm)):
            raise ValueError("cells_mm must go from coarse to fine")
        return self

    @classmethod
    def of(cls, model: Model) -> SearchSettings:
        """As of others; there is a network for every scale, and a region for every landmark, if any."""
        settings = super().of(model)
        if missing := [key for key in settings.keys() if key not in model.networks]:
            raise ModelError(
                f"The settings of the model {model.path} are not usable: it has no network {missing[0]!r}."
            )
        known = model.protocol.names if settings.regions is None else settings.regions.scale
        if missing := [name for name in model.protocol.names if name not in known]:
            raise ModelError(
                f"The settings of the model {model.path} are not usable: regions lacks "
                f"{', '.join(missing[:3])}."
            )
        return settings

    def keys(self) -> tuple[str, ...]:
        """Names of the networks, coarse to fine."""
        return tuple(f"scale_{n}" for n in range(1, len(self.cells_mm) + 1))

    def rules(self, names: Sequence[str]) -> SearchRules:
        """How the agents search."""
        start = np.array([self.start[name] for name in names])
        reach = np.inf if self.reach is None else self.reach
        return SearchRules(
            self.cells_mm, start, self.jitter, self.starts, self.most_steps, self.discount, reach=reach
        )

    def widened(self, covariance: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Covariances (L, 3, 3) mm^2 that hold landmarks as often as they promise."""
        return covariance if self.regions is None else self.regions.widened(covariance, names)

    def score(self, found: Found, names: Sequence[str]) -> np.ndarray:
        """Agents' own probability (L,) of being in the volume and within the radius, to be calibrated."""
        return score_of(self.widened(found.covariance, names), found.agreed, self.radius)

    def confidence(self, found: Found, names: Sequence[str]) -> np.ndarray:
        """Calibrated confidence (L,)."""
        return self.calibration.curve(self.score(found, names))


def score_of(covariance: np.ndarray, agreed: np.ndarray, radius: float) -> np.ndarray:
    """Chance (...) of agents' ends of being within a radius, times the share of agents that agree on them."""
    # Where all have left, there is no spread to look at.
    floor = 1e-6 * np.eye(covariance.shape[-1])
    return np.asarray(chance_within(covariance + floor, radius) * agreed)
