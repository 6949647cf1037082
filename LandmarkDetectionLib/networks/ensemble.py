"""Several networks of one kind that answer together: what each gets wrong by chance is averaged away.

Lakshminarayanan, Pritzel and Blundell, Simple and scalable predictive uncertainty estimation using deep
ensembles, NeurIPS 2017.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.heatmap_output import (
    MOST_LEVELS,
    HeatmapNetwork,
    HeatmapOutput,
    require_whole,
)


class HeatmapEnsemble(HeatmapNetwork):
    """Networks with fresh weights each, trained side by side on the same images.

    In training every member's heatmaps enter the loss on their own; the mean of all, which would make the
    members alike, does not. In evaluation the heatmaps are the mean over members. The spatial branch and its
    local appearance are those of the first member.

    Parameters
    ----------
    landmarks, inputs : int
    dimensions : {2, 3}
    member : str
        Architecture of the members, a heatmap network.
    members : int
    parameters : dict
        Of a member, beside landmarks, inputs and dimensions.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 2,
        member: str = "spatial_configuration",
        members: int = 3,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        require_whole(MOST_LEVELS, members=members)
        if member == "ensemble":
            raise ValueError("member must not be an ensemble itself")
        if not isinstance(parameters, dict | None):
            raise ValueError(f"parameters must be those of a member by name, not {parameters!r}")
        common = {"landmarks": landmarks, "inputs": inputs, "dimensions": dimensions}
        networks: list[Any] = [
            build_network(member, **{**(parameters or {}), **common}) for _ in range(members)
        ]
        if not isinstance(networks[0], HeatmapNetwork):
            raise ValueError(f"member must be a heatmap network, which {member!r} is not")
        super().__init__(landmarks, inputs, dimensions, networks[0].stride, networks[0].multiple)
        self.networks = nn.ModuleList(networks)

    @property
    def first(self) -> Any:
        """The first member, whose spatial branch looks again at corrections."""
        return self.networks[0]

    def forward(self, image: Tensor) -> HeatmapOutput:
        """Images (B, inputs, *spatial), every size a multiple of ``multiple``."""
        outputs: list[HeatmapOutput] = [network(image) for network in self.networks]
        first = outputs[0]
        if self.training:
            others = [maps for one in outputs[1:] for maps in (one.heatmaps, *one.intermediate)]
            return first._replace(intermediate=(*first.intermediate, *others))
        mean = torch.stack([one.heatmaps for one in outputs]).mean(dim=0)
        return HeatmapOutput(mean, first.appearance)

    def combine(self, appearance: Tensor, image: Tensor | None = None) -> HeatmapOutput:
        """Run the first member's spatial branch alone; see the member's own ``combine``."""
        output: HeatmapOutput = self.first.combine(appearance, image)
        return output
