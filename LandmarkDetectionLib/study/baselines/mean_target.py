"""The mean of the training annotations, whatever the image shows: the paper's first way to find depth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from LandmarkDetectionLib.typing import Array


@dataclass
class MeanTarget:
    """Predicts the mean of the targets it was fitted to."""

    mean_: Array | None = field(default=None, repr=False)

    def fit(self, patches: Array, targets: Array) -> MeanTarget:
        """Take the mean of targets (N, T); the patches are not looked at."""
        self.mean_ = np.asarray(targets, np.float32).mean(axis=0)
        return self

    def predict(self, patches: Array) -> Array:
        """The mean (M, T), once per patch."""
        if self.mean_ is None:
            raise ValueError("fit comes before predict")
        return np.tile(self.mean_, (len(patches), 1))
