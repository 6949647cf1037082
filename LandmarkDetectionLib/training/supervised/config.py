"""Everything a training on annotated images is decided by, as data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PositiveFloat, PositiveInt

from LandmarkDetectionLib.heatmaps.ladder import Ladder
from LandmarkDetectionLib.imaging.grid import GridSettings
from LandmarkDetectionLib.training.config import LoopConfig
from LandmarkDetectionLib.training.supervised.augmentation import Augmentation
from LandmarkDetectionLib.training.supervised.grey_values import GreyChange

Loss = Literal["cross-entropy", "scn", "mse", "weighted-mse", "adaptive-wing"]


class GridConfig(BaseModel):
    """`GridSettings` as a file holds them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[PositiveInt, ...] = Field(min_length=2, max_length=3)
    spacing: tuple[PositiveFloat, ...] | None
    intensity: Literal["standardise", "hounsfield"]

    def settings(self) -> GridSettings:
        """For `grid.look_at`."""
        return GridSettings(self.shape, self.spacing, self.intensity)


class SupervisedConfig(LoopConfig):
    """One training on annotated images. The same config and data on the same machine give the same weights.

    Attributes
    ----------
    architecture, parameters
        The network; parameters as `networks.architectures.build_network` takes them, without landmarks,
        inputs, dimensions.
    members
        Networks of this kind that are trained side by side and answer together, see ``networks.ensemble``.
    landmarks
        Names, in the order of the network's outputs.
    channels
        Images per case.
    grid
        What the network looks at.
    loss, sigma
        See ``training.supervised.losses``; sigma in voxels of the heatmap.
    weights
        One per landmark, for ``weighted-mse``.
    raters
        ``mean``, ``all`` (a rater drawn anew each time), or the name of one.
    align
        Register every image to a template first, the mean of training images about their landmarks.
    copies
        Test-time augmentation: turned copies that are looked at, too, see ``inference.averaged_output``.
    mirror
        The same: the image in a mirror, in which these are the landmarks; empty for without.
    column
        Read the levels of the protocol's chain together, see ``heatmaps.column``.
    ladder
        How they follow one another, of a model that learns on; otherwise the shapes to learn from tell.
    radius
        A landmark counts as found when it lies this close to the truth, in mm or, where an image's pixel size
        is unknown, in pixels.
    grey_values
        Changes of grey values by MONAI, see ``training.supervised.grey_values``: the probability of each.
    limit
        Learn from so many of the training cases only, drawn by the seed: how accuracy grows with their
        number.
    data
        Digest of the data set: a run goes on only with the data it began with.
    """

    architecture: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    members: int = Field(default=1, ge=1, le=16)
    landmarks: tuple[str, ...] = Field(min_length=1)
    channels: PositiveInt = 1
    grid: GridConfig
    loss: Loss = "cross-entropy"
    sigma: PositiveFloat = 1.0
    weights: tuple[PositiveFloat, ...] | None = None
    raters: str = "mean"
    align: bool = False
    copies: int = Field(default=0, ge=0, le=4)
    mirror: tuple[int, ...] = ()
    column: bool = False
    ladder: Ladder | None = None
    radius: PositiveFloat
    augmentation: Augmentation = Augmentation()
    grey_values: dict[GreyChange, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    limit: PositiveInt | None = None
    training_cases: tuple[str, ...] = ()
    held_back_cases: tuple[str, ...] = ()
    data: str = ""

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return len(self.grid.shape)

    def network(self) -> tuple[str, dict[str, Any]]:
        """Architecture and everything else that `networks.architectures.build_network` needs."""
        common = {"landmarks": len(self.landmarks), "inputs": self.channels, "dimensions": self.dimensions}
        if self.members == 1:
            return self.architecture, {**self.parameters, **common}
        one = {"member": self.architecture, "members": self.members, "parameters": self.parameters}
        return "ensemble", {**one, **common}
