"""What a model package must say for its detector to work, checked once before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, model_validator

from LandmarkDetectionLib.core.protocol import readable
from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.heatmaps.ladder import OF_SPINES, Ladder
from LandmarkDetectionLib.imaging.grid import GridSettings
from LandmarkDetectionLib.models import Model
from LandmarkDetectionLib.quality.calibration import Calibration
from LandmarkDetectionLib.quality.conformal import ENOUGH, chance_within, widened
from LandmarkDetectionLib.wording import counted

if TYPE_CHECKING:
    from LandmarkDetectionLib.heatmaps.decoding import Reading

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

    @property
    def curve(self) -> Calibration:
        """The map from scores to shares."""
        return Calibration(np.array(self.scores), np.array(self.shares))


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


class OutlineSettings(BaseModel):
    """Of networks that tell the landmarks ``names`` from an outline; the rest as ``SilhouetteSettings``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    names: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    depth_method: Literal["mean", "network", "lateral"]
    mean_depth_mm: dict[str, float]
    mean_depth_error_mm: dict[str, float]
    calibration: Curve

    def mirror(self) -> np.ndarray:
        """Which landmark (L,) each becomes in a mirror image."""
        swap = {name: other for a, b in self.pairs for name, other in ((a, b), (b, a))}
        return np.array([self.names.index(swap.get(name, name)) for name in self.names])


class BoneSettings(DetectorSettings):
    """Of a model that looks at skin and bones, first at whole views and then closely.

    Attributes
    ----------
    pixel_mm, coronal_shape, lateral_shape
        Of the first look: size of its pixels, and least rows and columns.
    region_pixel_mm, regions
        Of the close looks: size of their pixels, and the names of every region's landmarks.
    calibration, spread
        By what a position rests on (``bone_estimates.KINDS``): from score to confidence; and by landmark,
        what the networks' own deviations are multiplied by.
    reliability
        By the same, and by landmark: what confidence is multiplied by where a landmark is found more rarely
        than others of the same score; 1 for those that are not named.
    outline
        Of the networks that tell some landmarks from the outline where no bone is in sight.
    length_range_mm
        By line "a-b" of the protocol: shortest and longest in the training population.
    """

    pixel_mm: PositiveFloat
    coronal_shape: Shape
    lateral_shape: Shape
    region_pixel_mm: PositiveFloat
    regions: tuple[tuple[str, ...], ...]
    calibration: dict[Literal["close", "first", "skin"], Curve]
    spread: dict[Literal["close", "first", "skin"], dict[str, PositiveFloat]]
    length_range_mm: dict[str, tuple[float, float]]
    reliability: dict[Literal["close", "first", "skin"], dict[str, Annotated[float, Field(ge=0, le=1)]]] = (
        Field(default_factory=dict)
    )
    outline: OutlineSettings | None = None

    @model_validator(mode="after")
    def _complete(self) -> BoneSettings:
        for name in ("calibration", "spread"):
            if missing := {"close", "first", "skin"} - set(getattr(self, name)):
                raise ValueError(f"{name} lacks {', '.join(sorted(missing))}")
        return self

    @classmethod
    def of(cls, model: Model) -> BoneSettings:
        """As of others; every landmark is in one region and has its spread."""
        settings = super().of(model)
        names = model.protocol.names

        def refuse(what: str) -> ModelError:
            return ModelError(f"The settings of the model {model.path} are not usable: {what}.")

        if sorted(name for region in settings.regions for name in region) != sorted(names):
            raise refuse("not every landmark is in one region")
        for kind, spread in settings.spread.items():
            if missing := [name for name in names if name not in spread]:
                raise refuse(f"the spread of {kind} lacks {', '.join(missing[:3])}")
        if settings.outline and (unknown := set(settings.outline.names) - set(names)):
            raise refuse(f"the outline tells {', '.join(sorted(unknown)[:3])}, which the protocol lacks")
        return settings

    def region_rows(self, names: Sequence[str]) -> list[np.ndarray]:
        """Places of every region's landmarks among names."""
        place = {name: n for n, name in enumerate(names)}
        return [np.array([place[name] for name in region]) for region in self.regions]

    def reliability_of(self, kind: str, names: Sequence[str]) -> np.ndarray:
        """Factors (L,) on the confidence of landmarks."""
        factors = self.reliability.get(kind, {})  # type: ignore[call-overload]
        return np.array([factors.get(name, 1.0) for name in names])

    def spread_of(self, kind: Literal["close", "first", "skin"], names: Sequence[str]) -> np.ndarray:
        """Factors (L,) on the deviations of landmarks."""
        return np.array([self.spread[kind][name] for name in names])


class RegressionSettings(BodySettings):
    """Of a model with the paper's ``RegressionCNN`` networks.

    Attributes
    ----------
    found_share
        By landmark: share found within the confidence's radius on held-out bodies.
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


class RegionSettings(BaseModel):
    """How far the regions reach that hold landmarks with a promised probability, see ``quality.conformal``.

    Attributes
    ----------
    level, promised, subjects
        Asked for, kept, and subjects held out.
    floor
        Added to variances along every axis first, square cells of the grid.
    scale, own
        By landmark: Mahalanobis distance to the region's border, and subjects of its own.
    calibration
        From the score of being in the image and, by the widened covariance, within the radius.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    level: Annotated[float, Field(gt=0, lt=1)]
    promised: Annotated[float, Field(gt=0, lt=1)]
    subjects: Annotated[int, Field(ge=1)]
    floor: Annotated[float, Field(ge=0)]
    scale: dict[str, PositiveFloat]
    own: dict[str, Annotated[int, Field(ge=0)]]
    calibration: Curve

    @property
    def text(self) -> str:
        """What is promised, in one sentence."""
        asked, kept = (f"{100 * share:.3g} %" for share in (self.level, self.promised))
        if self.promised < self.level:
            return (
                f"{counted(self.subjects, 'subject held out is', 'subjects held out are')} too few to "
                f"promise {asked}: the region of a landmark is as large as the largest error takes, and "
                f"promised to hold it in {kept} of images."
            )
        few = sum(count < ENOUGH for count in self.own.values())
        leaning = f"; {few} of {len(self.own)} have few subjects and lean on the others" if few else ""
        return (
            f"The region of a landmark holds it in {asked} of images of new people like the {self.subjects} "
            f"held out{leaning}."
        )

    def widened(self, covariance: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Covariances (..., L, d, d) whose Gaussians have the regions for ellipsoids of their level."""
        return widened(covariance, [self.scale[name] for name in names], self.level, self.floor)


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
        By landmark: standard deviation of the targets in heatmap voxels, and their height (1 where left out).
    radius, unit
        A landmark counts as found when it lies this close to the truth: what confidence is a probability of.
    copies
        See ``inference.averaged_output``.
    mirror
        Which landmark is which in a mirror, where the image is looked at in one, too; empty for without.
    column, ladder
        Whether levels of a chain are read together, see ``heatmaps.column``, and how they follow one another:
        without, as the corners of synthetic spines.
    calibration
        From the score of lying within the radius.
    regions
        What makes the networks' own spread hold landmarks as often as it says; None in old packages, and
        where nothing was held out.
    template
        Images are registered to it first, see ``aligned_grid``.
    length_range_cells
        By line "a|b": shortest and longest in the training images, in voxels of the grid.
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
    regions: RegionSettings | None = None
    template: TemplateFile | None = None
    copies: Annotated[int, Field(ge=0, le=4)] = 0
    mirror: tuple[int, ...] = ()
    column: bool = False
    ladder: Ladder | None = None
    length_range_cells: dict[str, tuple[float, float]] = {}

    @classmethod
    def of(cls, model: Model) -> HeatmapSettings:
        """As of others; where there are regions, every landmark has one."""
        settings = super().of(model)
        known = model.protocol.names if settings.regions is None else settings.regions.scale
        if missing := [name for name in model.protocol.names if name not in known]:
            raise ModelError(
                f"The settings of the model {model.path} are not usable: regions lacks "
                f"{', '.join(missing[:3])}."
            )
        if settings.mirror and sorted(settings.mirror) != list(range(len(model.protocol.names))):
            raise ModelError(
                f"The settings of the model {model.path} are not usable: mirror does not name each "
                "landmark once."
            )
        ladder = settings.read_by
        if ladder is not None and (
            max(ladder.landmarks) >= len(model.protocol.names) or len(settings.shape) != 2
        ):
            raise ModelError(
                f"The settings of the model {model.path} are not usable: its landmarks are not those of a "
                f"column of {len(ladder.landmarks)} in radiographs."
            )
        return settings

    @property
    def read_by(self) -> Ladder | None:
        """How levels of a chain follow one another, where they are read together."""
        return (self.ladder or OF_SPINES) if self.column else None

    def calibrated(self, reading: Reading, names: Sequence[str]) -> Reading:
        """What heatmaps say, with a spread that holds landmarks as often as it promises."""
        if self.regions is None:
            return reading
        return reading._replace(covariance=self.regions.widened(reading.covariance, names))

    def grid(self) -> GridSettings:
        """How images are brought onto the network's grid."""
        return GridSettings(self.shape, self.spacing, self.intensity)

    def masses(self, names: Sequence[str]) -> list[float]:
        """Sum over all voxels of the landmarks' targets."""
        from LandmarkDetectionLib.heatmaps.gaussian import gaussian_mass

        d = len(self.shape)
        return [gaussian_mass(self.peak.get(name, 1.0), self.sigma[name], d) for name in names]

    def confidence(self, near: np.ndarray) -> np.ndarray:
        """Calibrated confidence of the heatmaps' own scores."""
        return self.calibration.curve(near)

    def confidence_of(self, reading: Reading, radius: np.ndarray | float) -> np.ndarray:
        """Confidence (B, L) of a calibrated reading, the radius (B, 1) or for all in cells of its images."""
        if self.regions is None:
            return self.confidence(reading.near)
        score = chance_within(reading.covariance, radius) * reading.present * reading.chance
        return self.regions.calibration.curve(score)
