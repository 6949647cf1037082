"""An endless stream of synthetic scans: both views and all landmarks, batch after batch, from one seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from LandmarkDetectionLib.synthesis.batches import ViewBatch, to_view
from LandmarkDetectionLib.synthesis.body.anatomy import landmark_positions
from LandmarkDetectionLib.synthesis.body.binding import load_binding
from LandmarkDetectionLib.synthesis.body.bone_views import DenseBodies, add_bone, dense_bodies
from LandmarkDetectionLib.synthesis.body.model import BodyModel, load_body_model
from LandmarkDetectionLib.synthesis.body.population import Bodies, draw_bodies
from LandmarkDetectionLib.synthesis.body.scanner import FieldOfView, disturb, draw_fields_of_view
from LandmarkDetectionLib.synthesis.rasterise import rasterise, visible_extent
from LandmarkDetectionLib.typing import Array


@dataclass(frozen=True)
class Framing:
    """How bodies are laid on the pixels.

    ``pixel_mm`` set: true scale, isotropic pixels, the scan near the middle of the image. ``pixel_mm``
    None: the paper's unit size, where what is visible of the body is scaled to fill the image (Riegler
    2015, section 2.2).
    """

    coronal: tuple[int, int] = (256, 96)
    lateral: tuple[int, int] = (256, 64)
    pixel_mm: float | None = 8.0
    jitter_px: float = 5.0


UNIT_SIZE = Framing(coronal=(160, 76), lateral=(160, 76), pixel_mm=None)


@dataclass(frozen=True)
class ViewFrame:
    """Pixels of one view of a batch: shape (rows, columns), origin and spacing (B, 2) mm in its axes."""

    shape: tuple[int, int]
    origin: Array
    spacing: Array


@dataclass(frozen=True)
class Batch:
    """A batch of synthetic scans.

    Attributes
    ----------
    coronal, lateral : ViewBatch
    landmarks : (B, L, 3) float32, RAS mm
    visible : (B, L) bool
        Whether the landmark lies inside the scanned box.
    phenotype : (B, 11), posture : (B,), prone : (B,), field_of_view : FieldOfView
        What was drawn.
    """

    coronal: ViewBatch
    lateral: ViewBatch
    landmarks: Array
    visible: Array
    phenotype: Array
    posture: Array
    prone: Array
    field_of_view: FieldOfView


@dataclass(frozen=True)
class BodyStream:
    """Synthetic whole-body scans; the same seed and settings give the same bytes.

    Examples
    --------
    >>> stream = BodyStream(names=("head_top", "knee_left"), seed=7)
    >>> batch = next(iter(stream))
    >>> batch.coronal.front.shape
    (64, 256, 96)

    With ``skeleton`` the bodies have bones, which both views show; see ``bone_views``.
    """

    names: tuple[str, ...]
    seed: int = 0
    batch_size: int = 64
    framing: Framing = field(default_factory=Framing)
    whole_body_only: bool = False
    disturbance: float = 1.0
    skeleton: bool = False
    variety: float = 1.0

    def __iter__(self) -> Iterator[Batch]:
        return self.batches(0)

    def batches(self, start: int) -> Iterator[Batch]:
        """Batches from number ``start`` on, so that a resumed training sees no body twice."""
        while True:
            yield self.batch(start)
            start += 1

    def batch(self, number: int) -> Batch:
        """Batch ``number`` of the stream, whatever was drawn before."""
        return self.scans(number)[0]

    def scans(self, number: int) -> tuple[Batch, Bodies, DenseBodies | None]:
        """Batch ``number``, and the bodies that were scanned."""
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number]))
        model = load_body_model()
        binding = load_binding() if self.skeleton else None
        bodies = draw_bodies(model, self.batch_size, rng, binding, self.variety)
        box = draw_fields_of_view(bodies.vertices, rng, self.whole_body_only, hospital=self.skeleton)
        frames, box = self._frame(bodies.vertices, box, rng)
        dense = None
        if binding is not None and bodies.bones is not None:
            dense = dense_bodies(binding, bodies.bones, rng.spawn(1)[0])
        landmarks = landmark_positions(
            model, bodies.vertices, bodies.joints, self.names, dense.landmarks if dense else None
        )
        seeds = rng.integers(0, 2**31 - 1, self.batch_size)
        coronal, lateral = (
            _view(
                bool(n),
                model,
                bodies.vertices,
                landmarks,
                box,
                bodies.prone,
                frames[n],
                self.disturbance,
                seeds,
                dense,
            )
            for n in range(2)
        )
        batch = Batch(
            coronal=coronal,
            lateral=lateral,
            landmarks=landmarks,
            visible=box.contains(landmarks),
            phenotype=bodies.phenotype,
            posture=bodies.posture,
            prone=bodies.prone,
            field_of_view=box,
        )
        return batch, bodies, dense

    def _frame(
        self, vertices: Array, box: FieldOfView, rng: np.random.Generator
    ) -> tuple[tuple[ViewFrame, ViewFrame], FieldOfView]:
        """Where both views lie, and the scanned box clipped to what they show."""
        start, end = visible_extent(vertices, box.low, box.high)
        count, framing = len(start), self.framing
        (rows, columns), (_, lateral_columns) = framing.coronal, framing.lateral
        size = np.array([columns, lateral_columns, rows])  # pixels along right, anterior, superior
        if framing.pixel_mm is None:
            # A millimetre more on every side, so that a vertex exactly on the border counts as inside.
            start, end = start - 1.0, end + 1.0
            spacing = np.maximum(end - start, 1.0) / size
            first = start + spacing / 2
        else:
            spacing = np.full((count, 3), framing.pixel_mm)
            middle = (start + end) / 2 + rng.normal(0, framing.jitter_px, (count, 3)) * spacing
            # What is longer than the image is shown in part, anywhere along its length.
            middle += np.maximum(end - start - spacing * (size - 4), 0) * rng.uniform(-0.5, 0.5, (count, 3))
            first = middle - spacing * (size - 1) / 2 + rng.uniform(-0.5, 0.5, (count, 3)) * spacing
        last = first + spacing * (size - 1)
        box = replace(
            box,
            low=np.maximum(box.low, first - spacing / 2).astype(np.float32),
            high=np.minimum(box.high, last + spacing / 2).astype(np.float32),
        )
        # Rows run inferior, columns left or posterior: the first pixel lies at the far end of each axis.
        coronal = ViewFrame(
            (rows, columns), -last[:, [0, 2]].astype(np.float32), spacing[:, [0, 2]].astype(np.float32)
        )
        lateral = ViewFrame(
            (rows, lateral_columns),
            -last[:, [1, 2]].astype(np.float32),
            spacing[:, [1, 2]].astype(np.float32),
        )
        return (coronal, lateral), box


def _view(
    lateral: bool,
    model: BodyModel,
    vertices: Array,
    landmarks: Array,
    box: FieldOfView,
    prone: Array,
    frame: ViewFrame,
    disturbance: float,
    seeds: Array,
    dense: DenseBodies | None = None,
) -> ViewBatch:
    (rows, columns), origin, spacing = frame.shape, frame.origin, frame.spacing
    corners = to_view(np.stack([box.low, box.high], axis=1), lateral)
    low, high = corners.min(axis=1), corners.max(axis=1)
    front, back = rasterise(
        vertices, model.faces, lateral, origin, spacing, low[:, 2].copy(), high[:, 2].copy(), frame.shape
    )
    inside_columns = _between(origin[:, 0], spacing[:, 0], columns, low[:, 0], high[:, 0])
    inside_rows = _between(origin[:, 1], spacing[:, 1], rows, low[:, 1], high[:, 1])
    inside = inside_rows[:, :, None] & inside_columns[:, None, :]
    disturb(front, back, inside, seeds + lateral, lateral, prone, disturbance)
    marks = to_view(landmarks, lateral)
    marks[:, :, :2] = (marks[:, :, :2] - origin[:, None]) / spacing[:, None]
    view = ViewBatch(front, back, inside, origin, spacing, marks.astype(np.float32))
    if dense is None:
        return view
    return add_bone(view, dense, lateral, low[:, 2], high[:, 2], seeds, disturbance)


def _between(origin: Array, spacing: Array, count: int, low: Array, high: Array) -> Array:
    position = origin[:, None] + spacing[:, None] * np.arange(count)
    return (position >= low[:, None]) & (position <= high[:, None])
