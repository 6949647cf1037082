"""Sets of 3D volumes with landmarks known exactly: heads in CT or T1-weighted MR, no two alike.

A head (:mod:`~LandmarkDetectionLib.synthesis.head.model`) is turned, scaled, bent by a smooth displacement
and seen in a field of view of its own; texture, a bias field (MR) and noise are added. Landmarks are defined
by the shapes and follow the same map, so they are exact. ``landmark-detection synthesize --volumes`` writes
such sets as files with a datalist, to try training and detection in 3D without any medical image.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.head.model import TISSUES, Head, draw_head
from LandmarkDetectionLib.synthesis.volume_set import write_set
from LandmarkDetectionLib.typing import Array

Contrast = Literal["ct", "mr"]
CONTRASTS: tuple[Contrast, ...] = get_args(Contrast)
PROTOCOL = "synthetic-head"
SEED_OFFSET = 3_000_000
#: Least distance of a landmark from the border of the field of view, mm.
CLEAR = 10.0
ITERATIONS = 50


@dataclass(frozen=True)
class _Pose:
    """From the patient's frame (RAS mm) to the head's: affine, then a smooth displacement of some mm."""

    linear: Array
    shift: Array
    nodes: Array
    bends: Array
    reach: float

    def to_head(self, points: Array) -> Array:
        """(N, 3) RAS mm to (N, 3) mm of the head."""
        straight = (points - self.shift) @ self.linear.T
        return np.asarray(straight + self._bend(straight))

    def from_head(self, points: Array) -> Array:
        """The inverse, by fixed-point iteration: the displacement's slope is well below 1."""
        straight = points
        for _ in range(ITERATIONS):
            straight = points - self._bend(straight)
        return np.asarray(np.linalg.solve(self.linear, straight.T).T + self.shift)

    def _bend(self, points: Array) -> Array:
        result = np.zeros_like(points)
        for node, bend in zip(self.nodes.astype(points.dtype), self.bends.astype(points.dtype), strict=True):
            offset = points - node
            weight = np.exp(np.einsum("ij,ij->i", offset, offset) * points.dtype.type(-0.5 / self.reach**2))
            result += weight[:, None] * bend
        return result


def make_head(seed: int, size: int = 64, contrast: Contrast = "mr") -> tuple[Volume, LandmarkSet]:
    """One head as a volume of ``size`` voxels along every side, and its true landmarks.

    Parameters
    ----------
    seed : int
        The same seed and contrast give the same head; every seed is another one.
    size : int
        The field of view is a cube of 240 to 420 mm, so voxels of 64^3 are 4 to 6.5 mm.
    contrast : {"ct", "mr"}
        Hounsfield units, or T1-weighted MR with an arbitrary scale, a bias field and Rician noise.

    Returns
    -------
    Volume, LandmarkSet
        int16; landmarks of the protocol ``synthetic-head`` in RAS mm, all inside the field of view.

    Raises
    ------
    ValueError
        The size is below 16, or the contrast unknown.
    """
    if size < 16 or contrast not in CONTRASTS:
        raise ValueError(f"no head of {size} voxels in {contrast!r}")
    rng = np.random.default_rng(np.random.SeedSequence([SEED_OFFSET + seed, CONTRASTS.index(contrast)]))
    head, pose = draw_head(rng), _draw_pose(rng)
    protocol = load_protocol(PROTOCOL)
    positions = pose.from_head(np.array([head.landmarks[name] for name in protocol.names], float))
    low, side = _field_of_view(positions, rng)
    spacing = side / size
    axes = [low[n] + spacing * (np.arange(size) + 0.5) for n in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.float32)
    values = _painted(
        head, pose.to_head(grid), spacing / float(np.cbrt(np.linalg.det(pose.linear))), contrast, rng
    )
    voxels = _scanned(values.reshape(size, size, size), contrast, rng)
    # Stored as scanners do: columns to the left, rows to the back, slices to the head.
    stored = np.ascontiguousarray(voxels.transpose(2, 1, 0)[:, ::-1, ::-1])
    ijk_to_ras = np.diag([-spacing, -spacing, spacing, 1.0])
    ijk_to_ras[:3, 3] = (axes[0][-1], axes[1][-1], axes[2][0])
    truth = LandmarkSet(
        tuple(
            Landmark(name=one.name, position=position, description=one.definition)
            for one, position in zip(protocol.landmarks, positions, strict=True)
        ),
        name="Synthetic head, true positions",
    )
    return Volume(stored, ijk_to_ras, contrast.upper(), f"synthetic head {seed}"), truth


def write_volume_set(
    folder: str | os.PathLike[str],
    count: int,
    *,
    size: int = 64,
    contrast: Contrast = "mr",
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Write heads as a data set, see ``volume_set.write_set``."""
    write_set(
        folder,
        count,
        lambda number: make_head(seed + number, size, contrast),
        "head",
        f"synthetic heads, {contrast.upper()}",
        progress,
        cancelled,
    )


def _draw_pose(rng: np.random.Generator) -> _Pose:
    angles = np.clip(rng.normal(0, 0.14, 3), -0.35, 0.35)
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        a, b = (n for n in range(3) if n != axis)
        one = np.eye(3)
        one[a, a] = one[b, b] = np.cos(angle)
        one[a, b], one[b, a] = -np.sin(angle), np.sin(angle)
        turn = turn @ one
    # Children's heads are smaller; heads are longer, wider or higher than others.
    scales = rng.uniform(0.8, 1.12) * np.clip(rng.normal(1, 0.04, 3), 0.9, 1.1)
    nodes = rng.uniform((-75, -90, -110), (75, 110, 100), (8, 3))
    bends = rng.normal(0, 3.5, (8, 3))
    shift = rng.normal(0, (15, 15, 60))
    # The inverse of turning and scaling a head.
    return _Pose(np.diag(1 / scales) @ turn.T, shift, nodes, bends, 45.0)


def _field_of_view(positions: Array, rng: np.random.Generator) -> tuple[Array, float]:
    """Lowest corner and side (mm) of a cube that holds all landmarks."""
    low, high = positions.min(axis=0) - CLEAR, positions.max(axis=0) + CLEAR
    side = max(float((high - low).max()) + rng.uniform(20, 130), 240.0)
    # Mostly about the middle of the head, which lies above and behind that of the landmarks.
    middle = (low + high) / 2 + rng.normal((0, -12, 22), (15, 18, 25))
    return np.clip(middle - side / 2, high - side, low), side


def _painted(head: Head, points: Array, voxel: float, contrast: Contrast, rng: np.random.Generator) -> Array:
    """Grey values (N,) float32; surfaces are as wide as a voxel, as scanners see them."""
    channel = CONTRASTS.index(contrast)
    spread = 0.03 if contrast == "ct" else 0.08
    grey = {name: values[channel] * rng.normal(1, spread) for name, values in TISSUES.items()}
    values = np.full(len(points), grey["air"], np.float32)
    for tissue, shape in head.parts:
        near = shape.near(points, voxel)
        share = np.clip(0.5 - shape.distance(points[near]) / np.float32(voxel), 0, 1)
        values[near] += share * (np.float32(grey[tissue]) - values[near])
    return values


def _scanned(values: Array, contrast: Contrast, rng: np.random.Generator) -> Array:
    """Texture, bias and noise; int16."""
    from scipy.ndimage import gaussian_filter

    texture = gaussian_filter(rng.normal(0, 1, values.shape).astype(np.float32), 1.2)
    texture /= texture.std()
    if contrast == "ct":
        body = values > -500
        values = values + body * texture * rng.uniform(3, 7) + rng.normal(0, rng.uniform(4, 12), values.shape)
        return np.clip(np.rint(values), -1024, 3071).astype(np.int16)
    values = values * (1 + 0.05 * texture) * _bias(values.shape, rng)
    noise = rng.uniform(0.01, 0.04)
    real, imaginary = rng.normal(0, noise, (2, *values.shape))
    signal = np.hypot(values + real, imaginary) * rng.uniform(200, 1500)
    return np.clip(np.rint(signal), 0, 32767).astype(np.int16)


def _bias(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """A smooth factor about 1, as receiver coils leave it."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    x, y, z = axes
    terms = (x, y, z, x * y, y * z, x * z, x**2, y**2, z**2)
    field = sum(c * term for c, term in zip(rng.normal(0, 0.12, len(terms)), terms, strict=True))
    return np.asarray(np.exp(field))
