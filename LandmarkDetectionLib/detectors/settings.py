"""What a model package must say for its detector to work, checked once before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, model_validator

from LandmarkDetectionLib.core.protocol import readable
from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.imaging.grid import GridSettings
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.quality.calibration import Calibration

Shape = tuple[Annotated[int, Field(ge=32, le=4096)], Annotated[int, Field(ge=32, le=4096)]]
Kind = TypeVar("Kind", bound="DetectorSettings")


class Curve(BaseModel):
    """Knots of a calibration: scores rise, shares lie in [0, 1] and do not fall."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    scores: tuple[float, ...]
    shares: tuple[Annotated[float, Field(ge=0, le=1)], ...]

    @model_validator(mode="after")
    def _rising(self) -> Curve:
        if len(self.scores) != len(self.shares) or not self.scores:
            raise ValueError("scores and shares must be of one length, at least 1")
        for values in (self.scores, self.shares):
            if any(after < before for before, after in pairwise(values)):
                raise ValueError("scores and shares must not fall")
        return self


class DetectorSettings(BaseModel):
    """What a detector needs to know of its model; ``by_landmark`` names what every landmark must have."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    by_landmark: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls: type[Kind], model: Model) -> Kind:
        """The checked settings of a model.

        Raises
        ------
        ModelError
            When something is missing or of the wrong kind, or a landmark is left out.
        """
        try:
            settings = cls.model_validate(model.settings)
        except ValidationError as problem:
            raise ModelError(
                f"The settings of the model {model.path} are not usable: {readable(problem)}."
            ) from None
        for name in cls.by_landmark:
            missing = [one for one in model.protocol.names if one not in getattr(settings, name)]
            if missing:
                raise ModelError(
                    f"The settings of the model {model.path} are not usable: {name} lacks "
                    f"{', '.join(missing[:3])}."
                )
        return settings


class BodySettings(DetectorSettings):
    """Settings that both kinds of silhouette detector need for bodies.

    Attributes
    ----------
    pixel_mm
        Size of the views' pixels.
    coronal_shape
        Rows and columns of the coronal image: at least (networks at true scale), or exactly (unit size).
    depth_method
        Default way to find depth.
    mean_depth_mm
        By landmark: depth behind the mean depth of the front surface.
    length_range_mm
        By line "a-b" of the protocol: shortest and longest in the training population.
    """

    by_landmark: ClassVar[tuple[str, ...]] = ("mean_depth_mm",)

    pixel_mm: PositiveFloat
    coronal_shape: Shape
    depth_method: Literal["mean", "network", "lateral"]
    mean_depth_mm: dict[str, float]
    length_range_mm: dict[str, tuple[float, float]]


class SilhouetteSettings(BodySettings):
    """Of a model of bodies with ``SilhouetteUNet`` networks."""

    by_landmark: ClassVar[tuple[str, ...]] = ("mean_depth_mm", "mean_depth_error_mm")

    lateral_shape: Shape
    mean_depth_error_mm: dict[str, float]
    calibration: dict[Literal["mean", "network", "lateral"], Curve]

    @model_validator(mode="after")
    def _calibrated(self) -> SilhouetteSettings:
        missing = {"mean", "network", "lateral"} - set(self.calibration)
        if missing:
            raise ValueError(f"calibration lacks {', '.join(sorted(missing))}")
        return self


class RegressionSettings(BodySettings):
    """Of a model with the paper's ``RegressionCNN`` networks.

    Attributes
    ----------
    found_share
        By landmark: share found within the confidence's radius on held-back bodies.
    """

    by_landmark: ClassVar[tuple[str, ...]] = ("mean_depth_mm", "found_share")

    found_share: dict[str, Annotated[float, Field(ge=0, le=1)]]


class HandSettings(DetectorSettings):
    """Of a model of hands with one ``SilhouetteUNet`` network; lengths are shares of the hand's length.

    Attributes
    ----------
    canvas_shape, filled
        Rows and columns of the network's image, and how much of it a hand fills.
    depth_method
        Default way to find depth where the picture has any.
    mean_depth
        By landmark: depth in standard deviations from the mean depth of the front surface.
    radius_share
        A landmark counts as found when it lies this close to the truth: what confidence is a probability of.
    calibration
        For hands with depth and for silhouettes alone.
    length_range_share
        By line "a-b" of the protocol: shortest and longest in the training population.
    """

    by_landmark: ClassVar[tuple[str, ...]] = ("mean_depth",)

    canvas_shape: Shape
    filled: Annotated[float, Field(gt=0, le=1)]
    depth_method: Literal["mean", "network"]
    mean_depth: dict[str, float]
    radius_share: Annotated[float, Field(gt=0, le=1)]
    calibration: dict[Literal["depth", "silhouette"], Curve]
    length_range_share: dict[str, tuple[float, float]]

    @model_validator(mode="after")
    def _calibrated(self) -> HandSettings:
        missing = {"depth", "silhouette"} - set(self.calibration)
        if missing:
            raise ValueError(f"calibration lacks {', '.join(sorted(missing))}")
        return self


class TemplateFile(BaseModel):
    """Where a model's template is, and what its checksum must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Literal["models/template.safetensors"]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class HeatmapSettings(DetectorSettings):
    """Of a model with a heatmap network that was trained on annotated images.

    Attributes
    ----------
    shape, spacing, intensity, channels
        See ``grid.GridSettings``; images per case.
    heatmaps
        "logits" of networks trained by cross-entropy, "gaussian" of those trained by a squared error.
    appearance
        By landmark, of networks with a spatial branch: background of the local appearance, and how much a
        landmark stands out of it.
    sigma, peak
        By landmark: standard deviation of the targets in heatmap cells, and their height (1 where left out).
    radius, unit
        A landmark counts as found when it lies this close to the truth: what confidence is a probability of.
    copies
        See ``inference.averaged_output``.
    calibration
        From the score of lying within the radius.
    template
        Images are registered to it first, see ``aligned_grid``.
    length_range_cells
        By line "a|b": shortest and longest in the training images, in cells of the grid.
    """

    by_landmark: ClassVar[tuple[str, ...]] = ("sigma",)

    shape: Annotated[tuple[Annotated[int, Field(ge=8, le=4096)], ...], Field(min_length=2, max_length=3)]
    spacing: tuple[PositiveFloat, ...] | None
    intensity: Literal["standardise", "hounsfield"]
    channels: Annotated[int, Field(ge=1, le=64)] = 1
    heatmaps: Literal["logits", "gaussian"]
    sigma: dict[str, PositiveFloat]
    peak: dict[str, PositiveFloat] = Field(default_factory=dict)
    appearance: dict[str, tuple[float, float]] = Field(default_factory=dict)
    radius: PositiveFloat
    unit: Literal["mm", "px"]
    calibration: Curve
    template: TemplateFile | None = None
    copies: Annotated[int, Field(ge=0, le=4)] = 0
    length_range_cells: dict[str, tuple[float, float]] = {}

    def grid(self) -> GridSettings:
        """How images are brought onto the network's grid."""
        return GridSettings(self.shape, self.spacing, self.intensity)

    def masses(self, names: Sequence[str]) -> list[float]:
        """Sum over all cells of the landmarks' targets."""
        from LandmarkDetectionLib.heatmaps.gaussian import gaussian_mass

        d = len(self.shape)
        return [gaussian_mass(self.peak.get(name, 1.0), self.sigma[name], d) for name in names]

    def confidence(self, near: np.ndarray) -> np.ndarray:
        """Calibrated confidence of scores."""
        return Calibration(np.array(self.calibration.scores), np.array(self.calibration.shares))(near)
