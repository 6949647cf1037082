"""Batches of annotated images, warped and changed anew each time; batch ``n`` is always the same."""

from __future__ import annotations

from collections.abc import Sequence
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
from LandmarkDetectionLib.training.supervised.cases import AnnotatedCase

#: Share of a landmark's canvas crops that are about one of the landmarks, when an image is larger than the
#: canvas.
ABOUT_LANDMARK = 0.75


@dataclass(frozen=True)
class AnnotatedBatch:
    """Images and where their landmarks are.

    Attributes
    ----------
    images : (B, C, *canvas) float32
    points : (B, L, d) float32
        Cells of the canvas, x first; meaningless where not present.
    present, known : (B, L) bool
        Known and not present is absent from the canvas; not known was not annotated.
    cell_mm : (B,) float32
        Size of a cell, in mm or pixels as the case's unit says.
    """

    images: Tensor
    points: Tensor
    present: Tensor
    known: Tensor
    cell_mm: Tensor


class AnnotatedStream:
    """An endless course of augmented cases; every case once before any case twice.

    Parameters
    ----------
    cases
    canvas
        What the network sees, in cells along (slices,) rows and columns.
    batch_size
    augmentation
    mirror
        (L,) indices that exchange left and right, for ``augmentation.mirror``.
    seed
    """

    def __init__(
        self,
        cases: Sequence[AnnotatedCase],
        canvas: Sequence[int],
        batch_size: int,
        augmentation: Augmentation,
        mirror: np.ndarray,
        seed: int,
    ) -> None:
        self.cases, self.canvas, self.batch_size = list(cases), tuple(canvas), batch_size
        self.augmentation, self.mirror, self.seed = augmentation, mirror, seed

    def batch(self, number: int) -> AnnotatedBatch:
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
        warp = draw_warp(rng, self.augmentation, self.canvas, self._centre(rng, case, points), mirrored)
        image = change_intensity(rng, self.augmentation, warp.sample(case.image))
        return image, *_on_canvas(warp, points, known), _cell(case)

    def _centre(self, rng: np.random.Generator, case: AnnotatedCase, points: np.ndarray) -> np.ndarray:
        """What the canvas is centred about: the image where all of it fits, otherwise often a landmark."""
        size, canvas = np.array(case.image.shape[1:][::-1]), np.array(self.canvas[::-1])
        middle = (size - 1) / 2
        room = np.maximum(size - canvas, 0) / 2
        if not room.any():
            return np.asarray((canvas - 1) / 2)
        centre = middle + rng.uniform(-room, room)
        present = np.flatnonzero(np.isfinite(points).all(axis=1))
        if len(present) and rng.uniform() < ABOUT_LANDMARK:
            centre = points[rng.choice(present)] + rng.uniform(-0.35, 0.35, len(canvas)) * canvas
        return np.asarray(np.clip(centre, middle - room, middle + room))


def plain_batches(cases: Sequence[AnnotatedCase], batch_size: int) -> list[AnnotatedBatch]:
    """Whole cases as they are, with the first rater's points; every batch is of one size."""
    batches = []
    for group in _of_one_size(cases):
        for start in range(0, len(group), batch_size):
            drawn = []
            for case in group[start : start + batch_size]:
                image = torch.from_numpy(np.array(case.image, np.float32))
                points, known = case.points[0], case.known[0]
                drawn.append((image, points, np.isfinite(points).all(axis=1), known, _cell(case)))
            batches.append(_collate(drawn))
    return batches


def in_batch_order(cases: Sequence[AnnotatedCase]) -> list[AnnotatedCase]:
    """The cases in the order in which `plain_batches` gives them."""
    return [case for group in _of_one_size(cases) for case in group]


def _of_one_size(cases: Sequence[AnnotatedCase]) -> list[list[AnnotatedCase]]:
    groups: dict[tuple[int, ...], list[AnnotatedCase]] = {}
    for case in cases:
        groups.setdefault(case.image.shape, []).append(case)
    return list(groups.values())


def _on_canvas(
    warp: Warp, points: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Landmarks moved with their image, which of them are on the canvas, and of which anything is known."""
    there = np.isfinite(points).all(axis=1)
    moved = np.zeros_like(points)
    if there.any():
        moved[there] = warp.target(points[there])
    size = np.array(warp.canvas[::-1])
    present = there & (moved >= -0.5).all(axis=1) & (moved <= size - 0.5).all(axis=1)
    return moved, present, known


def _collate(drawn: Sequence[tuple[Tensor, np.ndarray, np.ndarray, np.ndarray, float]]) -> AnnotatedBatch:
    images, points, present, known, cells = zip(*drawn, strict=True)
    return AnnotatedBatch(
        images=torch.stack(images),
        points=torch.from_numpy(np.nan_to_num(np.stack(points)).astype(np.float32)),
        present=torch.from_numpy(np.stack(present)),
        known=torch.from_numpy(np.stack(known)),
        cell_mm=torch.tensor(cells, dtype=torch.float32),
    )


def _cell(case: AnnotatedCase) -> float:
    d = case.points.shape[-1]
    return float(np.linalg.norm(case.to_ras[:3, :d], axis=0).mean())
