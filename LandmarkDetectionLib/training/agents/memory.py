"""Experience replay: transitions as places only, so that a hundred thousand of them are a few megabytes.

The boxes that an agent saw are cut anew from the volume when a transition is learned from.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.typing import Array


class Transitions(NamedTuple):
    """Steps that agents took.

    Attributes
    ----------
    view : (N,) int64
        Where they walked.
    landmark : (N,) int64
        Whom they looked for.
    place : (N, 3) float64
        RAS mm before the step.
    action : (N,) int64
        Of ``networks.q_network.ACTIONS``.
    """

    view: npt.NDArray[np.int64]
    landmark: npt.NDArray[np.int64]
    place: Array
    action: npt.NDArray[np.int64]


class ReplayMemory:
    """The latest transitions, the oldest forgotten first.

    Parameters
    ----------
    size
        How many are kept.
    """

    def __init__(self, size: int) -> None:
        self.size, self.count = size, 0
        self._kept = Transitions(
            np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros((size, 3)), np.zeros(size, np.int64)
        )

    def __len__(self) -> int:
        return min(self.count, self.size)

    def add(self, new: Transitions) -> None:
        """Keep transitions, at most ``size`` of them."""
        rows = (self.count + np.arange(len(new.view))) % self.size
        for kept, added in zip(self._kept, new, strict=True):
            kept[rows] = added
        self.count += len(new.view)

    def sample(self, number: int, rng: np.random.Generator) -> Transitions:
        """So many, each as likely as any other and maybe several times."""
        rows = rng.integers(len(self), size=number)
        return Transitions(*(kept[rows] for kept in self._kept))

    def state(self) -> dict[str, Any]:
        """As tensors, for a checkpoint."""
        import torch

        kept = {name: torch.from_numpy(one.copy()) for name, one in self._kept._asdict().items()}
        return {"count": torch.tensor(self.count), **kept}

    def restore(self, state: dict[str, Any]) -> None:
        """Inverse of ``state``."""
        self.count = int(state["count"])
        self._kept = Transitions(*(state[name].cpu().numpy().copy() for name in Transitions._fields))
