"""Batches of annotated images, warped and changed anew each time; batch ``n`` is always the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from LandmarkDetectionLib.training.supervised.augmentation import (
    Augmentation,
    Warp,
    change_intensity,
    draw_warp,
)
from LandmarkDetectionLib.training.supervised.cases import SupervisedCase
from LandmarkDetectionLib.training.supervised.grey_values import GreyChange, change_grey_values

#: Share of a landmark's patch crops that are about one of the landmarks, when an image is larger than the
#: patch.
ABOUT_LANDMARK = 0.75


@dataclass(frozen=True)
class SupervisedBatch:
    """Images and where their landmarks are.

    Attributes
    ----------
    images : (B, C, *patch) float32
    points : (B, L, d) float32
        Voxels of the patch, x first; meaningless where not present.
    present, known : (B, L) bool
        Known and not present is absent from the patch; not known was not annotated.
    voxel_mm : (B,) float32
        Size of a voxel, in mm or pixels as the case's unit says.
    """

    images: Tensor
    points: Tensor
    present: Tensor
    known: Tensor
    voxel_mm: Tensor


class SupervisedStream:
    """An endless course of augmented cases; every case once before any case twice.

    Parameters
    ----------
    cases
    patch
        What the network sees, in voxels along (slices,) rows and columns.
    batch_size
    augmentation
    mirror
        (L,) indices that exchange left and right, for ``augmentation.mirror``.
    seed
    grey_values
        Further changes of grey values, see ``grey_values.change_grey_values``.
    """

    def __init__(
        self,
        cases: Sequence[SupervisedCase],
        patch: Sequence[int],
        batch_size: int,
        augmentation: Augmentation,
        mirror: np.ndarray,
        seed: int,
        grey_values: Mapping[GreyChange, float] | None = None,
    ) -> None:
        self.grey_values = dict(grey_values or {})
        self.cases, self.patch, self.batch_size = list(cases), tuple(patch), batch_size
        self.augmentation, self.mirror, self.seed = augmentation, mirror, seed

    def batch(self, number: int) -> SupervisedBatch:
        """Batch ``number``, from 0."""
        first = number * self.batch_size
        return _collate([self._draw(n) for n in range(first, first + self.batch_size)])

    def _draw(self, number: int) -> tuple[Tensor, np.ndarray, np.ndarray, np.ndarray, float]:
        epoch, place = divmod(number, len(self.cases))
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.cases))
        case = self.cases[order[place]]
        rng = np.random.default_rng([self.seed, epoch, place, 1])
        rater = int(rng.integers(len(case.points)))
        points, known = case.points[rater], case.known[rater]
        mirrored = bool(rng.uniform() < self.augmentation.mirror)
        if mirrored:
            points, known = points[self.mirror], known[self.mirror]
        warp = draw_warp(rng, self.augmentation, self.patch, self._centre(rng, case, points), mirrored)
        image = warp.sample(case.image)
        if self.grey_values:
            # By a generator of their own: with them or without, everything else is drawn the same.
            change_grey_values(np.random.default_rng([self.seed, epoch, place, 2]), self.grey_values, image)
        image = change_intensity(rng, self.augmentation, image)
        return image, *_on_patch(warp, points, known), _voxel(case)

    def _centre(self, rng: np.random.Generator, case: SupervisedCase, points: np.ndarray) -> np.ndarray:
        """What the patch is centred about: the image where all of it fits, otherwise often a landmark."""
        size, patch = np.array(case.image.shape[1:][::-1]), np.array(self.patch[::-1])
        middle = (size - 1) / 2
        room = np.maximum(size - patch, 0) / 2
        if not room.any():
            return np.asarray((patch - 1) / 2)
        centre = middle + rng.uniform(-room, room)
        present = np.flatnonzero(np.isfinite(points).all(axis=1))
        if len(present) and rng.uniform() < ABOUT_LANDMARK:
            centre = points[rng.choice(present)] + rng.uniform(-0.35, 0.35, len(patch)) * patch
        return np.asarray(np.clip(centre, middle - room, middle + room))


def plain_batches(cases: Sequence[SupervisedCase], batch_size: int) -> list[SupervisedBatch]:
    """Whole cases as they are, with the first rater's points; every batch is of one size."""
    batches = []
    for group in _of_one_size(cases):
        for start in range(0, len(group), batch_size):
            drawn = []
            for case in group[start : start + batch_size]:
                image = torch.from_numpy(np.array(case.image, np.float32))
                points, known = case.points[0], case.known[0]
                drawn.append((image, points, np.isfinite(points).all(axis=1), known, _voxel(case)))
            batches.append(_collate(drawn))
    return batches


def in_batch_order(cases: Sequence[SupervisedCase]) -> list[SupervisedCase]:
    """The cases in the order in which `plain_batches` gives them."""
    return [case for group in _of_one_size(cases) for case in group]


def _of_one_size(cases: Sequence[SupervisedCase]) -> list[list[SupervisedCase]]:
    groups: dict[tuple[int, ...], list[SupervisedCase]] = {}
    for case in cases:
        groups.setdefault(case.image.shape, []).append(case)
    return list(groups.values())


def _on_patch(warp: Warp, points: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Landmarks moved with their image, which of them are on the patch, and of which anything is known."""
    there = np.isfinite(points).all(axis=1)
    moved = np.zeros_like(points)
    if there.any():
        moved[there] = warp.target(points[there])
    size = np.array(warp.patch[::-1])
    present = there & (moved >= -0.5).all(axis=1) & (moved <= size - 0.5).all(axis=1)
    return moved, present, known


def _collate(drawn: Sequence[tuple[Tensor, np.ndarray, np.ndarray, np.ndarray, float]]) -> SupervisedBatch:
    images, points, present, known, voxels = zip(*drawn, strict=True)
    return SupervisedBatch(
        images=torch.stack(images),
        points=torch.from_numpy(np.nan_to_num(np.stack(points)).astype(np.float32)),
        present=torch.from_numpy(np.stack(present)),
        known=torch.from_numpy(np.stack(known)),
        voxel_mm=torch.tensor(voxels, dtype=torch.float32),
    )


def _voxel(case: SupervisedCase) -> float:
    d = case.points.shape[-1]
    return float(np.linalg.norm(case.to_ras[:3, :d], axis=0).mean())
