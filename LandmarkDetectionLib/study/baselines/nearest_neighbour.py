"""NN of Riegler et al. 2015: the mean annotation of the three nearest patches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from LandmarkDetectionLib.errors import MissingPackageError
from LandmarkDetectionLib.study.packed import packed
from LandmarkDetectionLib.typing import Array

QUERIES_AT_ONCE = 256


@dataclass
class NearestNeighbour:
    """Mean annotation of the nearest binary patches, by the number of pixels that differ.

    The search is exact (brute force over packed bits by faiss): 2.2 million patches of 96 x 96 pixels take
    2.5 GB, and on one core a query takes about a quarter of a second.

    Parameters
    ----------
    neighbours : int
        How many nearest patches are averaged; 3 in the paper.

    Examples
    --------
    >>> estimator = NearestNeighbour().fit(patches, targets)  # doctest: +SKIP
    >>> estimator.predict(others)  # doctest: +SKIP
    """

    neighbours: int = 3
    codes_: Array | None = field(default=None, repr=False)
    targets_: Array | None = field(default=None, repr=False)

    def fit(self, patches: Array, targets: Array) -> NearestNeighbour:
        """Keep patches (N, H, W), where anything but zero is the object, and targets (N, T)."""
        return self.fit_packed(packed(patches), targets)

    def fit_packed(self, codes: Array, targets: Array) -> NearestNeighbour:
        """Keep patches that are packed already, (N, bytes) uint8 of ``packed``; nothing is copied."""
        if len(codes) != len(targets) or not len(codes):
            raise ValueError(f"{len(codes)} patches and {len(targets)} targets")
        self.codes_, self.targets_ = codes, np.asarray(targets, np.float32)
        return self

    def nearest(self, patches: Array) -> tuple[Array, Array]:
        """Differing pixels (M, k) and index (M, k) of the nearest patches, nearest first.

        Raises
        ------
        MissingPackageError
            When faiss is not installed.
        """
        if self.codes_ is None:
            raise ValueError("fit comes before predict")
        try:
            import faiss
        except ImportError:
            raise MissingPackageError.of("The nearest neighbour search", "faiss", "study") from None
        wanted = min(self.neighbours, len(self.codes_))
        queries = packed(patches)
        if queries.shape[1] != self.codes_.shape[1]:
            raise ValueError("the patches are of another size than those of the fit")
        found = [
            faiss.knn_hamming(queries[start : start + QUERIES_AT_ONCE], self.codes_, wanted)
            for start in range(0, len(queries), QUERIES_AT_ONCE)
        ]
        distances, indices = (np.concatenate(one) for one in zip(*found, strict=True))
        return distances, indices

    def predict(self, patches: Array) -> Array:
        """Mean targets (M, T) of the nearest patches."""
        _, indices = self.nearest(patches)
        assert self.targets_ is not None
        return np.asarray(self.targets_[indices].mean(axis=1), np.float32)
