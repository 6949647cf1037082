"""Endless synthetic hands: silhouettes, depth maps and landmarks, batch after batch, from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from LandmarkDetectionLib.detectors.hand_network import HAND_LINE
from LandmarkDetectionLib.synthesis.batches import ViewBatch, to_view
from LandmarkDetectionLib.synthesis.hand.model import HandModel, load_hand_model
from LandmarkDetectionLib.synthesis.hand.population import Hands, draw_hands
from LandmarkDetectionLib.synthesis.hand.scanner import Cuts, draw_cuts, image_hands, kept_extent
from LandmarkDetectionLib.synthesis.rasterise import rasterise
from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class HandFraming:
    """How hands are laid on the pixels.

    Attributes
    ----------
    shape : (rows, columns)
    fit : {"stretched", "inside", "true scale"}
        "stretched": the paper's unit size, where what is visible fills the image in both directions.
        "inside": square pixels, what is visible fills ``filled`` of the rows or of the columns, whichever
        limits, and lies in the middle. "true scale": square pixels of ``pixel_mm``.
    filled : float
    jitter : float
        Deviation of scale and middle as a share of the image; 0 for exact framing.
    pixel_mm : float
    """

    shape: tuple[int, int] = (160, 128)
    fit: Literal["stretched", "inside", "true scale"] = "inside"
    filled: float = 0.9
    jitter: float = 0.0
    pixel_mm: float = 2.0


HAND_UNIT_SIZE = HandFraming(shape=(96, 96), fit="stretched")
"""The paper's: 96 x 96."""


@dataclass(frozen=True)
class HandBatch:
    """A batch of synthetic hands in canonical hand axes (see ``hand``).

    Attributes
    ----------
    coronal : ViewBatch
        The back of the hand: columns run to a left hand's thumb, rows to the elbow, depth to the palm.
    landmarks : (B, L, 3) float32, mm
        As in the patient's axes of a raised left hand.
    visible : (B, L) bool
        Whether the landmark lies in the picture, not beyond a cut.
    hand_length : (B,) float32, mm
        Wrist to tip of the middle finger, in the picture's plane.
    phenotype : (B, 11), flat : (B,)
        What was drawn.
    """

    coronal: ViewBatch
    landmarks: Array
    visible: Array
    hand_length: Array
    phenotype: Array
    flat: Array

    @property
    def silhouettes(self) -> Array:
        """(B, H, W) bool: what is hand."""
        return np.isfinite(self.coronal.front)

    def normalised_depth(self) -> Array:
        """Depth of the hand's back (B, H, W) with zero mean and unit deviation, 3 off it (Riegler 2015)."""
        import torch

        from LandmarkDetectionLib.imaging.depth import (
            SMALLEST_DEVIATION_OF_HANDS_MM,
            depth_scale,
            normalised_depth,
        )

        front = torch.from_numpy(self.coronal.front)
        return np.asarray(normalised_depth(front, depth_scale(front, SMALLEST_DEVIATION_OF_HANDS_MM)))


@dataclass(frozen=True)
class HandStream:
    """Synthetic hands; the same seed and settings give the same bytes.

    Attributes
    ----------
    names : tuple of str
        Landmarks of the protocol ``hand``, in the order wanted.
    seed, batch_size : int
    framing : HandFraming
    disturbance : float
        Strength of everything imaging does; 0 leaves clean hands with a cut forearm, 1 is for training.
    side : {"left", "right"}
        Right hands are the mirror images of left ones.

    Examples
    --------
    >>> stream = HandStream(names=("thumb_tip", "wrist"), seed=7, framing=HAND_UNIT_SIZE)
    >>> stream.batch(0).coronal.front.shape
    (64, 96, 96)
    """

    names: tuple[str, ...]
    seed: int = 0
    batch_size: int = 64
    framing: HandFraming = field(default_factory=HandFraming)
    disturbance: float = 1.0
    side: Literal["left", "right"] = "left"

    def __iter__(self) -> Iterator[HandBatch]:
        return self.batches(0)

    def batches(self, start: int) -> Iterator[HandBatch]:
        """Batches from number ``start`` on, so that a resumed training sees no hand twice."""
        while True:
            yield self.batch(start)
            start += 1

    def batch(self, number: int) -> HandBatch:
        """Batch ``number`` of the stream, whatever was drawn before."""
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number]))
        model = load_hand_model()
        hands = draw_hands(model, self.batch_size, rng)
        marks = to_view(model.landmarks(hands.points), lateral=False)
        joints = to_view(hands.points, lateral=False)
        wrist, elbow = (joints[:, model.surface.bone(name), :2] for name in ("wrist.L", "lowerarm01.L"))
        skin = joints[:, len(model.surface.bones) :, :2]
        cuts = draw_cuts(wrist, elbow, skin, self.disturbance, rng)
        origin, spacing = self._frame(model, hands, cuts, rng)
        seeds = rng.integers(0, 2**31 - 1, self.batch_size)
        far = np.full(self.batch_size, 1e6, np.float32)
        front, back = rasterise(
            hands.vertices, model.surface.faces, False, origin, spacing, -far, far, self.framing.shape
        )
        ends = (np.concatenate([skin, wrist[:, None]], axis=1) - origin[:, None]) / spacing[:, None]
        exposed = image_hands(
            front, back, origin, spacing, cuts, ends.astype(np.float32), seeds, self.disturbance
        )
        chosen = [model.names.index(name) for name in self.names]
        points = marks[:, chosen].astype(np.float32)
        points[:, :, :2] = (points[:, :, :2] - origin[:, None]) / spacing[:, None]
        size = np.array(self.framing.shape[::-1])
        shown = np.all((points[:, :, :2] >= -0.5) & (points[:, :, :2] <= size - 0.5), axis=2)
        line = marks[:, [model.names.index(name) for name in HAND_LINE], :2]
        batch = HandBatch(
            ViewBatch(front, back, exposed, origin, spacing, points),
            landmarks=model.landmarks(hands.points)[:, chosen],
            visible=cuts.keep(marks[:, chosen, :2]) & shown,
            hand_length=np.linalg.norm(line[:, 1] - line[:, 0], axis=1).astype(np.float32),
            phenotype=hands.phenotype,
            flat=hands.flat,
        )
        return batch if self.side == "left" else mirrored(batch)

    def _frame(
        self, model: HandModel, hands: Hands, cuts: Cuts, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """Column and row mm of pixel (0, 0)'s centre, and mm per pixel, (B, 2) each."""
        framing, count = self.framing, self.batch_size
        places = np.ascontiguousarray(to_view(hands.vertices, lateral=False)[..., :2])
        low, high = kept_extent(places, model.surface.faces, cuts)
        middle, extent = (low + high) / 2, np.maximum(high - low, 1.0)
        size = np.array(framing.shape[::-1])
        jitter = rng.normal(0, 1, (count, 3)) * framing.jitter
        if framing.fit == "stretched":
            spacing = extent / size * (1 + jitter[:, 2:])
        elif framing.fit == "inside":
            scale = (extent / (framing.filled * size)).max(axis=1, keepdims=True)
            spacing = np.repeat(scale * (1 + jitter[:, 2:]), 2, axis=1)
        else:
            spacing = np.full((count, 2), framing.pixel_mm)
        middle = middle + jitter[:, :2] * size * spacing
        origin = middle - spacing * (size - 1) / 2
        return origin.astype(np.float32), spacing.astype(np.float32)


def mirrored(batch: HandBatch) -> HandBatch:
    """The mirror images of hands: right ones of left ones."""
    view = batch.coronal
    columns = view.front.shape[2]
    points, origin = view.points.copy(), view.origin.copy()
    points[..., 0] = columns - 1 - points[..., 0]
    origin[:, 0] = -(view.origin[:, 0] + view.spacing[:, 0] * (columns - 1))
    front, back, exposed = (
        np.ascontiguousarray(image[:, :, ::-1]) for image in (view.front, view.back, view.field_of_view)
    )
    return HandBatch(
        ViewBatch(front, back, exposed, origin, view.spacing, points),
        batch.landmarks * np.array([-1, 1, 1], np.float32),
        batch.visible,
        batch.hand_length,
        batch.phenotype,
        batch.flat,
    )
