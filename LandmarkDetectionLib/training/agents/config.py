"""Everything a training of search agents is decided by, as data."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, JsonValue, PositiveFloat, PositiveInt

from LandmarkDetectionLib.training.config import LoopConfig


class AgentConfig(LoopConfig):
    """One training of search agents. The same config and data on the same machine give the same weights.

    Attributes
    ----------
    agent
        Tells the settings of agents from others.
    parameters
        Of ``networks.q_network.QNetwork``, without landmarks and dimensions.
    landmarks
        Names, in the order of the networks' outputs.
    cells_mm
        Size of the cells at each scale, coarse to fine.
    intensity
        See ``imaging.grid.GridSettings``.
    discount
        Of what is gained later (gamma). Distances tell of every step at once whether it was right, so that
        a small one serves, and leaves right and wrong steps further apart.
    double
        Choose the best next step by the network that learns, and value it by the target network (van
        Hasselt, Guez and Silver 2016).
    target_every, target_share
        After so many steps the target network takes this share of the weights that are learned: 1 of 1000
        copies them now and then (Mnih et al. 2015), a small share of every step follows slowly.
    leaving
        Cells that leaving is worth, beside the distance, where the landmark lies outside, and that it costs
        where it lies inside; the paper has the distance alone.
    relabel
        Learn of every transition what it was worth to all landmarks in sight, and what the way back would
        have been worth; otherwise only its own landmark's, one way.
    walkers
        Agents that walk while they learn, at each scale; each adds one transition per step.
    memory, warm_up
        Transitions kept for replay at each scale, and random ones that it begins with.
    explore_from, explore_to, explore_share
        Share of random steps at first and in the end, and after what share of the training it is that.
    curriculum
        Share of the training until starts at the coarsest scale lie anywhere; before, nearer.
    episode
        Steps after which an agent begins anew.
    reach
        Cells from its landmark within which an agent begins at finer scales.
    cropped
        Share of the fields of view that are cropped, so that some landmarks lie outside. Every agent that
        begins anew has a field of its own.
    starts, most_steps
        Of the finished model: agents per landmark, and steps at each scale.
    radius
        A landmark counts as found when it lies this close to the truth, in mm.
    raters, limit, data, training_cases, held_back_cases
        See ``training.supervised.config.SupervisedConfig``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    agent: Literal["dqn"] = "dqn"
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    landmarks: tuple[str, ...] = Field(min_length=1)
    cells_mm: tuple[PositiveFloat, ...] = Field(min_length=1, max_length=8)
    intensity: Literal["standardise", "hounsfield"]
    discount: float = Field(default=0.9, ge=0, lt=1)
    double: bool = False
    target_every: PositiveInt = 1000
    target_share: float = Field(default=1.0, gt=0, le=1)
    leaving: float = Field(default=0.0, ge=0)
    relabel: bool = False
    walkers: PositiveInt = 16
    memory: PositiveInt = 20_000
    warm_up: PositiveInt = 2000
    explore_from: float = Field(default=1.0, ge=0, le=1)
    explore_to: float = Field(default=0.1, ge=0, le=1)
    explore_share: float = Field(default=0.5, gt=0, le=1)
    curriculum: float = Field(default=0.3, ge=0, le=1)
    episode: PositiveInt = 25
    reach: PositiveFloat = 6.0
    cropped: float = Field(default=0.6, ge=0, le=1)
    starts: PositiveInt = 5
    most_steps: PositiveInt = 60
    radius: PositiveFloat
    raters: str = "mean"
    limit: PositiveInt | None = None
    training_cases: tuple[str, ...] = ()
    held_back_cases: tuple[str, ...] = ()
    data: str = ""

    @property
    def side(self) -> int:
        """Cells along every side of a box."""
        side = self.parameters.get("side", 25)
        return side if isinstance(side, int) else 25

    def network(self) -> tuple[str, dict[str, Any]]:
        """Architecture and everything else that ``networks.architectures.build_network`` needs."""
        return "q_network", {**self.parameters, "landmarks": len(self.landmarks), "dimensions": 3}

    def keys(self) -> tuple[str, ...]:
        """Names of the networks in a model package, coarse to fine."""
        return tuple(f"scale_{n}" for n in range(1, len(self.cells_mm) + 1))
