"""What networks are compared with, and the paper's network itself, all with one interface.

Every estimator is fitted to patches (N, H, W) in the common domain and targets (N, T), coordinates in units
of the patch (``regression_cnn.to_unit``) or normalised depths, and predicts targets for other patches::

    estimator.fit(patches, targets).predict(other_patches)
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

Fitted = TypeVar("Fitted", bound="Estimator")


class Estimator(Protocol):
    """What cross-validation and the study need of a method."""

    def fit(self: Fitted, patches: np.ndarray, targets: np.ndarray) -> Fitted:
        """Learn from patches (N, H, W) and targets (N, T); gives itself."""
        ...

    def predict(self, patches: np.ndarray) -> np.ndarray:
        """Targets (M, T) float32 of patches (M, H, W)."""
        ...
