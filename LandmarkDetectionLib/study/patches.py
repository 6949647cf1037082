"""The common domain of Riegler et al. 2015: objects cropped and scaled to unit size, with their landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.imaging.depth import BACKGROUND, depth_statistics
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class Patches:
    """N objects at unit size with L landmarks.

    Attributes
    ----------
    names : (L,) str
        Landmarks.
    silhouettes : (N, H, W) bool
    front : (N, H, W) float32
        Depth of the first surface in mm, NaN off the object; all NaN where no depth is known (radiographs).
    points : (N, L, 3) float32
        Column px, row px, depth mm (NaN where unknown).
    spacing : (N, 2) float32
        Mm per column and per row; the patch is stretched, so they differ.
    cases, subjects : (N,) str
    """

    names: tuple[str, ...]
    silhouettes: Array
    front: Array
    points: Array
    spacing: Array
    cases: tuple[str, ...]
    subjects: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.silhouettes)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.silhouettes.shape[1:]
        return int(rows), int(columns)

    @property
    def has_depth(self) -> bool:
        """Whether every patch has a depth map and every landmark a depth."""
        seen = np.isfinite(self.front).any(axis=(1, 2))
        return bool(seen.all() and np.isfinite(self.points[..., 2]).all())

    def position_targets(self) -> Array:
        """(N, 2 L) float32: column and row of every landmark in units of the patch (eq. 1)."""
        return to_targets(self.points[..., :2], self.shape)

    def depth_images(self, least_mm: float) -> Array:
        """(N, H, W) float32: depth at zero mean and unit deviation, 3 off the object (section 2.2)."""

        mean, deviation = depth_statistics(self.front, least_mm)
        images = (self.front - mean[:, None, None]) / deviation[:, None, None]
        return np.where(np.isfinite(images), images, BACKGROUND).astype(np.float32)

    def depth_targets(self, least_mm: float) -> Array:
        """(N, L) float32: normalised depth of every landmark."""
        mean, deviation = depth_statistics(self.front, least_mm)
        return np.asarray((self.points[..., 2] - mean[:, None]) / deviation[:, None], np.float32)

    def depths_of(self, targets: Array, least_mm: float) -> Array:
        """(N, L) mm of normalised depths."""
        mean, deviation = depth_statistics(self.front, least_mm)
        return np.asarray(targets * deviation[:, None] + mean[:, None])

    def take(self, indices: Sequence[int]) -> Patches:
        """Some of the patches."""
        chosen = list(indices)
        cases, subjects = (tuple(labels[n] for n in chosen) for labels in (self.cases, self.subjects))
        return replace(
            self, cases=cases, subjects=subjects, **{name: getattr(self, name)[chosen] for name in _ARRAYS}
        )

    def save(self, path: Path) -> None:
        """Write an ``.npz`` file, whole or not at all."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        with atomic_write(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, **content)

    @classmethod
    def load(cls, path: Path) -> Patches:
        """Read what :meth:`save` wrote."""
        with np.load(path) as stored:
            content: dict[str, Any] = {name: stored[name] for name in _ARRAYS}
            for name in ("names", "cases", "subjects"):
                content[name] = tuple(stored[name].tolist())
        return cls(**content)


_ARRAYS = ("silhouettes", "front", "points", "spacing")


def unit_patch(view: View, landmarks: Array, shape: tuple[int, int]) -> tuple[Array, Array, Array, Array]:
    """Crop a view to its object and scale it to unit size.

    Parameters
    ----------
    view : View
    landmarks : (L, 3) RAS mm
    shape
        Rows and columns.

    Returns
    -------
    silhouette (H, W), front (H, W) mm, points (L, 3), spacing (2,)
        As in :class:`Patches`.

    Raises
    ------
    NoBodyError
        When the view is empty.
    """
    patch = view.cropped_to_object().resampled(shape)
    spacing = np.array(patch.geometry.spacing, np.float32)
    return patch.silhouette, patch.front, patch.geometry.from_ras(landmarks).astype(np.float32), spacing


def to_targets(points: Array, shape: tuple[int, int]) -> Array:
    """(N, 2 L) float32 of points (N, L, 2), column and row in pixels (``regression_cnn.to_unit``)."""
    size = np.array(shape[::-1], np.float32)
    return np.asarray(((points - size / 2) / size).reshape(len(points), -1), np.float32)


def from_targets(targets: Array, shape: tuple[int, int]) -> Array:
    """(N, L, 2) pixels; the inverse of :func:`to_targets`."""
    size = np.array(shape[::-1], np.float32)
    return np.asarray(targets.reshape(len(targets), -1, 2) * size + size / 2, np.float32)
