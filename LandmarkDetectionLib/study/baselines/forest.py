"""RF: a random regression forest whose pixels vote for landmarks (after Ebner et al. 2014)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from LandmarkDetectionLib.errors import MissingPackageError
from LandmarkDetectionLib.typing import Array


@dataclass
class RandomForestVoting:
    """Every pixel near the object sees its surroundings and votes where each landmark lies.

    A pixel is described by the share of object in boxes of random size at random offsets (Haar-like features
    from an integral image, the same for the whole forest). Each tree maps this to the offsets of all
    landmarks; the votes of all pixels and trees are added up in one image per landmark, weighted by
    exp(-length / ``reach``) since near votes are the more exact ones, smoothed, and the maximum is taken.

    Parameters
    ----------
    trees, min_samples_leaf : int
        Of scikit-learn's ``ExtraTreesRegressor``.
    features : int
        Boxes a pixel sees.
    span : float
        Largest offset and box, as a share of the patch.
    pixels : int
        Pixels drawn from each training patch; twice as many vote.
    reach : float
        Pixels over which a vote loses weight.
    smoothing : float
        Standard deviation of the Gaussian over the votes, pixels.
    jobs : int
        Threads.
    seed : int
    """

    trees: int = 24
    min_samples_leaf: int = 5
    features: int = 120
    span: float = 0.5
    pixels: int = 250
    reach: float = 12.0
    smoothing: float = 1.5
    jobs: int = 1
    seed: int = 0
    forest_: Any = field(default=None, repr=False)
    boxes_: Array | None = field(default=None, repr=False)

    def fit(self, patches: Array, targets: Array) -> RandomForestVoting:
        """Learn from patches (N, H, W) and landmark coordinates (N, 2 L) in units of the patch.

        Raises
        ------
        MissingPackageError
            When scikit-learn is not installed.
        """
        try:
            from sklearn.ensemble import ExtraTreesRegressor
        except ImportError:
            raise MissingPackageError.of("The random forest", "scikit-learn", "study") from None
        rng = np.random.default_rng(self.seed)
        rows, columns = patches.shape[1:]
        reach = self.span * max(rows, columns)
        centre = rng.normal(0, reach / 2, (self.features, 2))
        half = rng.uniform(0.5, reach / 4, (self.features, 2))
        self.boxes_ = np.rint(np.concatenate([centre - half, centre + half], axis=1)).astype(int)
        seen, offsets = [], []
        places = (targets.reshape(len(targets), -1, 2) + 0.5) * (columns, rows)
        for patch, points in zip(patches != 0, places, strict=True):
            at = _voters(patch, self.pixels, rng)
            seen.append(self._describe(patch, at))
            offsets.append((points[None] - at[:, None, ::-1]).reshape(len(at), -1))
        self.forest_ = ExtraTreesRegressor(
            n_estimators=self.trees,
            min_samples_leaf=self.min_samples_leaf,
            max_features=0.3,
            bootstrap=True,
            n_jobs=self.jobs,
            random_state=self.seed,
        ).fit(np.concatenate(seen), np.concatenate(offsets))
        return self

    def predict(self, patches: Array) -> Array:
        """Landmark coordinates (M, 2 L) in units of the patch."""
        if self.forest_ is None:
            raise ValueError("fit comes before predict")
        rng = np.random.default_rng(self.seed + 1)
        rows, columns = patches.shape[1:]
        found = []
        for patch in patches != 0:
            at = _voters(patch, 2 * self.pixels, rng)
            seen = self._describe(patch, at)
            # (trees, voters, landmarks, 2), column first
            offsets = np.stack([tree.predict(seen) for tree in self.forest_.estimators_])
            offsets = offsets.reshape(*offsets.shape[:2], -1, 2)
            found.append(self._elect(at[None, :, None, ::-1] + offsets, offsets, rows, columns))
        points = np.stack(found)
        return ((points / (columns, rows)) - 0.5).reshape(len(points), -1).astype(np.float32)

    def _describe(self, patch: Array, at: Array) -> Array:
        """(P, features) float32: share of object in each box about each pixel (row, column)."""
        assert self.boxes_ is not None
        rows, columns = patch.shape
        integral = np.zeros((rows + 1, columns + 1), np.float32)
        integral[1:, 1:] = patch.cumsum(0, dtype=np.float32).cumsum(1)
        top, left = (np.clip(at[:, [n]] + self.boxes_[None, :, n], 0, patch.shape[n]) for n in (0, 1))
        bottom, right = (
            np.clip(at[:, [n]] + self.boxes_[None, :, n + 2] + 1, 0, patch.shape[n]) for n in (0, 1)
        )
        inside = integral[bottom, right] - integral[top, right] - integral[bottom, left] + integral[top, left]
        area = np.prod(self.boxes_[:, 2:] - self.boxes_[:, :2] + 1, axis=1)
        return np.asarray(inside / area, np.float32)

    def _elect(self, votes: Array, offsets: Array, rows: int, columns: int) -> Array:
        """(L, 2) column and row with the most votes, refined to a fraction of a pixel."""
        from scipy.ndimage import gaussian_filter

        weight = np.exp(-np.linalg.norm(offsets, axis=-1) / self.reach)
        elected = []
        for landmark in range(votes.shape[2]):
            cast = np.rint(votes[:, :, landmark].reshape(-1, 2)).astype(int)
            inside = ((cast >= 0) & (cast < (columns, rows))).all(axis=1)
            ballot = np.bincount(
                cast[inside, 1] * columns + cast[inside, 0],
                weight[:, :, landmark].ravel()[inside],
                rows * columns,
            ).reshape(rows, columns)
            elected.append(_peak(gaussian_filter(ballot, self.smoothing, mode="constant")))
        return np.array(elected)


def _voters(patch: Array, count: int, rng: np.random.Generator) -> Array:
    """(count, 2) row and column of pixels of the object; of any pixels when the patch is empty."""
    candidates = np.argwhere(patch)
    if not len(candidates):
        candidates = np.argwhere(np.ones_like(patch))
    return np.asarray(candidates[rng.integers(0, len(candidates), count)])


def _peak(image: Array) -> tuple[float, float]:
    """Column and row of the maximum, moved to the top of the parabola through its neighbours."""
    row, column = np.unravel_index(int(image.argmax()), image.shape)

    def shift(before: float, here: float, after: float) -> float:
        bend = before - 2 * here + after
        return 0.5 * (before - after) / bend if bend < 0 else 0.0

    padded = np.pad(image, 1, mode="edge")
    r, c = row + 1, column + 1
    return (
        float(column + shift(padded[r, c - 1], padded[r, c], padded[r, c + 1])),
        float(row + shift(padded[r - 1, c], padded[r, c], padded[r + 1, c])),
    )
