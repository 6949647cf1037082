"""What a model package must say for its detector to work, checked once before anything runs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, model_validator

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.protocol import readable

if TYPE_CHECKING:
    from LandmarkDetectionLib.model import Model

Shape = tuple[Annotated[int, Field(ge=32, le=4096)], Annotated[int, Field(ge=32, le=4096)]]
Kind = TypeVar("Kind", bound="DetectorSettings")


class Curve(BaseModel):
    """Knots of a calibration: scores rise, shares lie in [0, 1] and do not fall."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    """Settings that both kinds of silhouette detector need.

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

    model_config = ConfigDict(frozen=True, extra="ignore")

    pixel_mm: PositiveFloat
    coronal_shape: Shape
    depth_method: Literal["mean", "network", "lateral"]
    mean_depth_mm: dict[str, float]
    length_range_mm: dict[str, tuple[float, float]]

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
        for name, value in settings:
            if name in ("mean_depth_mm", "mean_depth_error_mm", "found_share"):
                missing = [landmark for landmark in model.protocol.names if landmark not in value]
                if missing:
                    raise ModelError(
                        f"The settings of the model {model.path} are not usable: {name} lacks "
                        f"{', '.join(missing[:3])}."
                    )
        return settings


class SilhouetteSettings(DetectorSettings):
    """Of a model with ``SilhouetteUNet`` networks."""

    lateral_shape: Shape
    mean_depth_error_mm: dict[str, float]
    calibration: dict[Literal["mean", "network", "lateral"], Curve]

    @model_validator(mode="after")
    def _calibrated(self) -> SilhouetteSettings:
        missing = {"mean", "network", "lateral"} - set(self.calibration)
        if missing:
            raise ValueError(f"calibration lacks {', '.join(sorted(missing))}")
        return self


class RegressionSettings(DetectorSettings):
    """Of a model with the paper's ``RegressionCNN`` networks.

    Attributes
    ----------
    found_share
        By landmark: share found within the confidence's radius on held-back bodies.
    """

    found_share: dict[str, Annotated[float, Field(ge=0, le=1)]]
