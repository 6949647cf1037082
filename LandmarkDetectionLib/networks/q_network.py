"""The network of search agents: from a box of voxels to the value of each of six steps, for every landmark.

Ghesu, Georgescu, Zheng, Grbic, Maier, Hornegger and Comaniciu, Multi-scale deep reinforcement learning for
real-time 3D-landmark detection in CT scans, IEEE TPAMI 41(1), 2019. There every landmark has a network of its
own at every scale (``shared=False``); that all landmarks of one scale share the layers before the last is a
variant. The widths are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from LandmarkDetectionLib.networks.heatmap_output import require_one_of, require_sequence, require_whole

#: One cell to the right, left, front, back, head and feet of the patient: RAS. Opposites are neighbours.
ACTIONS = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))
SLOPE = 0.1
LARGEST_SIDE = 99


class QNetwork(nn.Module):
    """Values of the six steps for L landmarks, seen from the middle of a box.

    Parameters
    ----------
    landmarks, inputs : int
    dimensions : {3}
    side : int
        Cells along every side of the box, odd, so that one is in the middle.
    channels : sequence of int
        Of the convolutions. The first has ``kernel`` cells along every side, the others three; each halves
        the box.
    kernel : int
    hidden : int
        Of the layer between convolutions and values.
    pooling : bool
        Halve by the maximum of neighbours; otherwise by steps of two cells, which costs an eighth.
    shared : bool
        Whether all landmarks look through the same layers but the last.
    """

    def __init__(
        self,
        landmarks: int,
        inputs: int = 1,
        dimensions: int = 3,
        side: int = 25,
        channels: Sequence[int] = (16, 32, 64),
        kernel: int = 3,
        hidden: int = 256,
        pooling: bool = False,
        shared: bool = True,
    ) -> None:
        super().__init__()
        require_one_of((3,), dimensions=dimensions)
        require_sequence(channels=channels)
        require_whole(landmarks=landmarks, inputs=inputs, hidden=hidden)
        require_whole(LARGEST_SIDE, side=side, kernel=kernel)
        if side % 2 == 0 or kernel % 2 == 0:
            raise ValueError("side and kernel must be odd, so that one cell is in the middle")
        self.landmarks, self.dimensions, self.side, self.shared = landmarks, dimensions, side, shared
        each = landmarks if shared else 1
        self.trunks = nn.ModuleList(
            _trunk(inputs, side, channels, kernel, hidden, pooling) for _ in range(1 if shared else landmarks)
        )
        self.heads = nn.ModuleList(nn.Linear(hidden, each * len(ACTIONS)) for _ in self.trunks)
        for head in self.heads:
            # Nothing is known at first, so that targets do not begin with noise.
            nn.init.zeros_(head.weight)  # type: ignore[arg-type]
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]

    def forward(self, boxes: Tensor) -> Tensor:
        """Boxes (B, inputs, side, side, side), axes S, A, R, to values (B, L, 6) of ``ACTIONS``."""
        values = [head(trunk(boxes)) for trunk, head in zip(self.trunks, self.heads, strict=True)]
        return torch.cat(values, dim=1).unflatten(1, (self.landmarks, len(ACTIONS)))

    def of(self, boxes: Tensor, landmark: Tensor) -> Tensor:
        """Values (B, 6) for one landmark (B,) int64 of each box."""
        if self.shared:
            rows = torch.arange(len(boxes), device=boxes.device)
            values: Tensor = self(boxes)
            return values[rows, landmark]
        out: Tensor | None = None
        for n in landmark.unique().tolist():
            chosen = landmark == n
            found = self.heads[n](self.trunks[n](boxes[chosen]))
            out = found.new_zeros(len(boxes), len(ACTIONS)) if out is None else out
            out[chosen] = found
        return boxes.new_zeros(0, len(ACTIONS)) if out is None else out


def _trunk(
    inputs: int, side: int, channels: Sequence[int], kernel: int, hidden: int, pooling: bool
) -> nn.Sequential:
    layers: list[Any] = []
    before, size = inputs, kernel
    for width in channels:
        layers.append(nn.Conv3d(before, width, size, stride=1 if pooling else 2, padding=size // 2))
        layers.append(nn.LeakyReLU(SLOPE))
        if pooling:
            layers.append(nn.MaxPool3d(2, ceil_mode=True))
        nn.init.kaiming_normal_(layers[-3 if pooling else -2].weight, a=SLOPE)
        before, size, side = width, 3, -(-side // 2)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * side**3, hidden), nn.LeakyReLU(SLOPE))
