"""One synthetic body as a CT volume: organ-like CT numbers, a table, noise. Clearly not a patient.

For the demonstration, the tests and the benchmarks: everything from reading a file to the overlay can be
tried, with landmarks that are known exactly, on a machine without any medical image. Its bones are those of
BodyParts3D, where they are installed; without them it has none, as a body in MR shows none.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.body.bone import RANGE_HU
from LandmarkDetectionLib.imaging.voxel_loops import compiled
from LandmarkDetectionLib.io.protocols import load_protocol
from LandmarkDetectionLib.synthesis.body.anatomy import landmark_positions
from LandmarkDetectionLib.synthesis.body.binding import Binding, load_binding
from LandmarkDetectionLib.synthesis.body.bone_views import DenseBodies, dense_bodies, slab_bone
from LandmarkDetectionLib.synthesis.body.model import BodyModel, load_body_model
from LandmarkDetectionLib.synthesis.body.population import POSTURES, Bodies, draw_bodies
from LandmarkDetectionLib.synthesis.volume_set import write_set
from LandmarkDetectionLib.typing import Array

SEED_OFFSET = 2_000_000  # training draws from seeds below a million

AIR, FOAM, LUNG, FAT, MUSCLE, BRAIN, HEART, LIVER, PLATE = (
    -1000, -960, -830, -95, 50, 35, 45, 62, 180,
)  # fmt: skip

#: CT number of spongy bone of density 0, where the bone channel begins; see ``imaging.body.bone``.
SPONGY_HU = 150.0
SLABS_AT_ONCE = 16


@dataclass(frozen=True)
class _Grid:
    """Cells of the phantom: first centre in RAS mm, spacing, and counts along right, anterior, superior."""

    first: Array
    spacing: float
    counts: tuple[int, int, int]

    def axis(self, n: int) -> Array:
        return self.first[n] + self.spacing * np.arange(self.counts[n])


def make_phantom(
    seed: int = 0,
    spacing_mm: float = 4.0,
    posture: str = POSTURES[0],
    table: bool = True,
    adult: bool = True,
    bones: bool = False,
) -> tuple[Volume, LandmarkSet]:
    """A synthetic body as a CT volume (int16, Hounsfield units) and its true landmarks.

    Parameters
    ----------
    seed : int
        Bodies are drawn from seeds that training never uses.
    spacing_mm : float
        Voxel size, the same along all axes.
    posture : str
        One of ``population.POSTURES``; the body lies on its back.
    table : bool
        Two thin plates with foam between them under the body.
    adult : bool
        False allows children.
    bones : bool
        With the bones of BodyParts3D, bound to the body; what else is as dense is drawn with them.

    Returns
    -------
    Volume, LandmarkSet
        The landmarks of the protocol ``whole-body``, or with bones of ``whole-body-bones``, in RAS mm.

    Raises
    ------
    InputError
        When bones are asked for and no skeleton is installed; see ``skeleton.read_skeleton``.
    """
    rng = np.random.default_rng(np.random.SeedSequence([SEED_OFFSET + seed]))
    # The bones are bound to the thinned model.
    model = load_body_model(thinned=bones)
    binding = load_binding() if bones else None
    body = _draw_one(model, rng, POSTURES.index(posture), adult, binding)
    dense = None if binding is None or body.bones is None else dense_bodies(binding, body.bones, rng)
    vertices, joints = body.vertices, body.joints
    protocol = load_protocol("whole-body" if dense is None else "whole-body-bones")
    placed = None if dense is None else dense.landmarks
    positions = landmark_positions(model, vertices, joints, tuple(protocol.names), placed)[0]
    height = float(vertices[0, :, 2].max() - vertices[0, :, 2].min())
    low = vertices[0].min(axis=0) - np.array([40, 90, 25])
    high = vertices[0].max(axis=0) + np.array([40, 60, 25])
    counts = tuple(int(n) for n in np.ceil((high - low) / spacing_mm).astype(int) + 1)
    grid = _Grid(low, spacing_mm, (counts[0], counts[1], counts[2]))
    inside = _voxelise(vertices[0], model.faces, grid)
    chin = positions[protocol.names.index("chin")]
    _shut_mouth(inside, grid, chin, height / 1700.0)
    voxels = _tissues(inside, grid, model, joints[0], positions, tuple(protocol.names), height, rng)
    if dense is not None:
        _add_bones(voxels, inside, grid, dense)
    if table:
        _add_table(voxels, inside, grid, rng)
    voxels += rng.normal(0, 11, voxels.shape).astype(np.float32)
    # Stored as scanners do: columns to the left, rows to the back, slices to the head.
    stored = np.clip(np.rint(voxels), -1024, 3071).astype(np.int16)[:, ::-1, ::-1]
    ijk_to_ras = np.diag([-spacing_mm, -spacing_mm, spacing_mm, 1.0])
    ijk_to_ras[:3, 3] = (grid.axis(0)[-1], grid.axis(1)[-1], grid.first[2])
    truth = LandmarkSet(
        tuple(
            Landmark(name=d.name, position=p.astype(float), description=d.definition)
            for d, p in zip(protocol.landmarks, positions, strict=True)
        ),
        name="Synthetic phantom, true positions",
    )
    return Volume(np.ascontiguousarray(stored), ijk_to_ras, "CT", f"synthetic phantom {seed}"), truth


def write_body_set(
    folder: str | os.PathLike[str],
    count: int,
    *,
    spacing_mm: float = 4.0,
    bones: bool = False,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Write phantoms, children among them, as a data set, see ``volume_set.write_set``.

    Raises
    ------
    InputError
        As ``make_phantom``.
    """
    write_set(
        folder,
        count,
        lambda number: make_phantom(seed + number, spacing_mm, adult=False, bones=bones),
        "body",
        "synthetic bodies, CT",
        progress,
        cancelled,
    )


def _draw_one(
    model: BodyModel, rng: np.random.Generator, posture: int, adult: bool, binding: Binding | None
) -> Bodies:
    """Draw until a body lies on its back in the posture asked for; one body."""
    while True:
        bodies = draw_bodies(model, 8, rng, binding)
        fits = (bodies.posture == posture) & ~bodies.prone
        fits &= (bodies.phenotype[:, 1] > 0.6) if adult else np.ones(8, bool)
        if fits.any():
            n = int(np.flatnonzero(fits)[0])
            one = slice(n, n + 1)
            return Bodies(
                bodies.vertices[one],
                bodies.joints[one],
                bodies.phenotype[one],
                bodies.posture[one],
                bodies.prone[one],
                None if bodies.bones is None else bodies.bones[one],
            )


def _voxelise(vertices: Array, faces: Array, grid: _Grid) -> Array:
    """Cells (K, J, I) inside a closed surface, from the winding number along the anterior axis."""
    columns, depths, rows = grid.counts
    crossings = np.zeros((rows, depths + 1, columns), np.int8)
    scaled = ((vertices - grid.first) / grid.spacing).astype(np.float32)
    _cross(scaled, faces, crossings)
    inside = np.cumsum(crossings[:, :-1], axis=1, dtype=np.int8) != 0
    # A ray that grazes an edge may be counted once too often and never come out again: its neighbour knows.
    rows_off, columns_off = np.nonzero(crossings.sum(axis=1) != 0)
    for r, c in zip(rows_off, columns_off, strict=True):
        inside[r, :, c] = inside[r, :, max(c - 1, 0)]
    return inside


def _shut_mouth(inside: Array, grid: _Grid, chin: Array, size: float) -> None:
    """Fill what the skin of mouth and nose encloses behind the chin and above it."""
    low, high = chin + size * np.array([-60, -110, -25]), chin + size * np.array([60, 30, 110])
    window, _ = _window(grid, low, high)
    part = inside[window]
    for axis in (2, 1):  # between the cheeks, where lips are apart; then behind them
        before = np.logical_or.accumulate(part, axis=axis)
        behind = np.flip(np.logical_or.accumulate(np.flip(part, axis), axis=axis), axis)
        part |= before & behind


@compiled
def _cross(points, faces, crossings):  # type: ignore[no-untyped-def]
    rows, depths, columns = crossings.shape[0], crossings.shape[1] - 1, crossings.shape[2]
    for f in range(len(faces)):
        a, b, c = points[faces[f, 0]], points[faces[f, 1]], points[faces[f, 2]]
        area = (b[0] - a[0]) * (c[2] - a[2]) - (c[0] - a[0]) * (b[2] - a[2])
        if area == 0:
            continue
        step = 1 if area > 0 else -1
        for r in range(
            max(0, int(np.ceil(min(a[2], b[2], c[2])))),
            min(rows - 1, int(np.floor(max(a[2], b[2], c[2])))) + 1,
        ):
            for i in range(
                max(0, int(np.ceil(min(a[0], b[0], c[0])))),
                min(columns - 1, int(np.floor(max(a[0], b[0], c[0])))) + 1,
            ):
                w1 = ((i - a[0]) * (c[2] - a[2]) - (c[0] - a[0]) * (r - a[2])) / area
                w2 = ((b[0] - a[0]) * (r - a[2]) - (i - a[0]) * (b[2] - a[2])) / area
                if w1 < 0 or w2 < 0 or w1 + w2 >= 1:
                    continue
                depth = a[1] + w1 * (b[1] - a[1]) + w2 * (c[1] - a[1])
                crossings[r, min(max(int(np.ceil(depth)), 0), depths), i] += step


def _tissues(
    inside: Array,
    grid: _Grid,
    model: BodyModel,
    joints: Array,
    positions: Array,
    names: tuple[str, ...],
    height: float,
    rng: np.random.Generator,
) -> Array:
    """CT numbers (K, J, I) float32 of fat, muscle, bones, brain, lungs, heart and liver."""
    from scipy.ndimage import distance_transform_edt

    size = height / 1700.0
    from_skin = distance_transform_edt(inside, sampling=grid.spacing).astype(np.float32)
    voxels = np.full(inside.shape, AIR, np.float32)
    voxels[inside] = MUSCLE
    voxels[inside & (from_skin < rng.uniform(4, 10) * size)] = FAT
    voxels[inside & (from_skin < 2.5)] = 10  # skin

    def joint(name: str) -> Array:
        return joints[model.bone(name)]

    def mark(name: str) -> Array:
        return positions[names.index(name)]

    shoulders = (mark("shoulder_right"), mark("shoulder_left"))
    width = float(np.linalg.norm(shoulders[0] - shoulders[1]))
    chest, top = joint("spine01"), (shoulders[0] + shoulders[1]) / 2
    deep = from_skin > 14 * size
    up = np.array([0.0, 0.0, 1.0])
    across = (shoulders[0] - shoulders[1]) / width  # to the right
    centre = 0.55 * chest + 0.45 * top + np.array([0, 0.05 * width, 0])
    organs = (
        # the right lung is larger; the heart takes room from the left one, the liver pushes the right one up
        (centre + 0.24 * width * across + 0.02 * width * up, (0.175, 0.22, 0.34), LUNG),
        (centre - 0.24 * width * across - 0.02 * width * up, (0.15, 0.20, 0.34), LUNG),
        (
            centre - 0.10 * width * across - 0.14 * width * up + [0, 0.12 * width, 0],
            (0.17, 0.16, 0.17),
            HEART,
        ),
        (
            centre + 0.16 * width * across - 0.40 * width * up + [0, 0.06 * width, 0],
            (0.28, 0.24, 0.20),
            LIVER,
        ),
        (centre - 0.62 * width * up + [0, 0.04 * width, 0], (0.24, 0.16, 0.20), FAT),
    )
    for middle, radii, value in organs:
        _fill_ellipsoid(voxels, grid, middle, np.array(radii) * width, value, deep)
    head = joint("head")
    in_head = np.zeros(inside.shape, bool)
    in_head[grid.axis(2) > float(head[2]) - 15 * size] = True
    near_head = np.abs(grid.axis(0) - head[0]) < 110 * size
    in_head &= near_head[None, None, :] & inside
    voxels[in_head & (from_skin > 13 * size)] = BRAIN
    return voxels


def _add_bones(voxels: Array, inside: Array, grid: _Grid, dense: DenseBodies) -> None:
    """Bones and what is as dense, each voxel the mean of what is in it: exact along the anterior axis."""
    columns, depths, rows = grid.counts
    pixel = np.full((1, 2), grid.spacing, np.float32)
    origin = np.array([[-grid.axis(0)[-1], -grid.axis(2)[-1]]], np.float32)
    # All of a bone is in the way, whatever its density, and what fills its cavity too.
    bone_alone = (dense.density > 0).astype(np.float32)
    solid = replace(dense, density=bone_alone, parts=dense.parts * 0)
    for start in range(0, depths, SLABS_AT_ONCE):
        anterior = grid.axis(1)[start : start + SLABS_AT_ONCE]
        count = len(anterior)
        near, far = ((-anterior + side * grid.spacing / 2).astype(np.float32) for side in (-1, 1))
        body = np.zeros(count, int)
        slabs = (np.repeat(origin, count, 0), np.repeat(pixel, count, 0), near, far, (rows, columns), body)
        density, share = (slab_bone(one, False, *slabs)[0] / grid.spacing for one in (dense, solid))
        # Rows of a view run down, columns to the left.
        density, share = (a[:, ::-1, ::-1].transpose(1, 0, 2) for a in (density, share))
        part = voxels[:, start : start + count]
        there = inside[:, start : start + count]
        bone = part * (1 - share) + SPONGY_HU * share + RANGE_HU * density
        part[there] = bone[there]


def _fill_ellipsoid(
    voxels: Array, grid: _Grid, centre: Array, radii: Array, value: float, where: Array
) -> None:
    window, offsets = _window(grid, centre - radii, centre + radii)
    r, a, s = (o - c for o, c in zip(offsets, centre, strict=True))
    distance = (
        (r[None, None, :] / radii[0]) ** 2
        + (a[None, :, None] / radii[1]) ** 2
        + (s[:, None, None] / radii[2]) ** 2
    )
    voxels[window][(distance <= 1) & where[window]] = value


def _window(
    grid: _Grid, low: Array, high: Array
) -> tuple[tuple[slice, slice, slice], tuple[Array, Array, Array]]:
    axes, slices = [], []
    for n in range(3):
        axis = grid.axis(n)
        start, stop = np.searchsorted(axis, low[n]), np.searchsorted(axis, high[n], side="right")
        slices.append(slice(int(start), int(stop)))
        axes.append(axis[start:stop])
    return (slices[2], slices[1], slices[0]), (axes[0], axes[1], axes[2])


def _add_table(voxels: Array, inside: Array, grid: _Grid, rng: np.random.Generator) -> None:
    """Two thin plates with foam between them, just under the lowest point of the body."""
    anterior, right = grid.axis(1), grid.axis(0)
    lowest = anterior[np.flatnonzero(inside.any(axis=(0, 2)))[0]]
    upper = lowest - 1.0
    lower = upper - rng.uniform(35, 60)
    wide = np.abs(right - right.mean()) < rng.uniform(200, 260)
    columns = wide[None, None, :] & ~inside
    voxels[
        np.broadcast_to(((anterior < upper) & (anterior > lower))[None, :, None], inside.shape) & columns
    ] = FOAM
    thickness = max(2.5, grid.spacing)
    for level in (upper, lower):
        plate = (anterior <= level) & (anterior > level - thickness)
        voxels[np.broadcast_to(plate[None, :, None], inside.shape) & columns] = PLATE
