"""The same scan written in other ways: what may change a header, and must not change an answer.

Every function takes a volume and returns a new one. Positions in RAS mm stay those of the first volume,
except where labels are made wrong (``mirrored``, ``relabelled``) or the body lies turned (``leaning``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from LandmarkDetectionLib.core.geometry import ras_from_lps
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging.body.projection import project_body
from LandmarkDetectionLib.imaging.view import View
from LandmarkDetectionLib.io.volumes import read_volume, write_dicom

Array = np.ndarray
#: CT numbers above this are something: table plates with their partial volume, not foam.
MATERIAL_HU = -900.0
AXES: dict[str, tuple[float, float, float]] = {"R": (1, 0, 0), "A": (0, 1, 0), "S": (0, 0, 1)}
#: Parts of a body between the soles (0) and the vertex (1).
CROPS = {"chest": (0.62, 0.86), "abdomen": (0.46, 0.74), "legs": (-0.2, 0.50), "head": (0.86, 1.2)}


def affine(linear: Array, about: Array) -> Array:
    """(4, 4) matrix that turns space by a (3, 3) matrix about a point."""
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = about - linear @ about
    return matrix


def rotation(axis: Sequence[float], degrees: float) -> Array:
    """(3, 3) rotation about an axis in RAS (Rodrigues)."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def centre(volume: Volume) -> Array:
    """(3,) RAS mm of the volume's middle."""
    return np.asarray(volume.ijk_to_ras_points([(np.array(volume.size) - 1) / 2])[0])


# --- the same scan, stored otherwise ----------------------------------------------------------------------


def reordered(volume: Volume, order: Sequence[int] = (0, 1, 2), flips: Sequence[int] = ()) -> Volume:
    """Axes (i, j, k) taken in another order and some of them backwards; the header says so.

    Parameters
    ----------
    order : permutation of (0, 1, 2)
        Which old axis becomes the new i, j and k.
    flips : new axes that run backwards.
    """
    voxels = volume.voxels.transpose([2 - order[2 - n] for n in range(3)])
    old_from_new = np.zeros((4, 4))
    old_from_new[3, 3] = 1
    for new, old in enumerate(order):
        backwards = new in flips
        old_from_new[old, new] = -1 if backwards else 1
        old_from_new[old, 3] = volume.size[old] - 1 if backwards else 0
    turn = tuple(slice(None, None, -1 if 2 - n in flips else 1) for n in range(3))
    return replace(
        volume, voxels=np.ascontiguousarray(voxels[turn]), ijk_to_ras=volume.ijk_to_ras @ old_from_new
    )


def all_orders() -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """All 48 axis orders with flips, the volume's own first."""
    for order in itertools.permutations(range(3)):
        for count in range(4):
            yield from ((order, flips) for flips in itertools.combinations(range(3), count))


def resampled(volume: Volume, spacing_mm: float | Sequence[float]) -> Volume:
    """Interpolated linearly to another spacing along i, j and k; coarser voxels are averages first."""
    spacing = np.broadcast_to(np.asarray(spacing_mm, float), 3)
    size = np.maximum(1, np.rint(volume.extent_mm / spacing)).astype(int)
    direction = volume.ijk_to_ras[:3, :3] / volume.spacing
    matrix = np.eye(4)
    matrix[:3, :3] = direction * spacing
    matrix[:3, 3] = centre(volume) - matrix[:3, :3] @ ((size - 1) / 2)
    return _on_grid(_averaged(volume, spacing), matrix, size, volume)


def oblique(volume: Volume, axis: Sequence[float], degrees: float = 10.0) -> Volume:
    """Interpolated on a grid turned about an axis in RAS, large enough for all of the volume."""
    turn = rotation(axis, degrees)
    linear = turn @ volume.ijk_to_ras[:3, :3]
    corners = volume.ijk_to_ras_points(
        list(itertools.product(*((-0.5, n - 0.5) for n in volume.size)))
    ) - centre(volume)
    reach = np.abs(corners @ np.linalg.inv(linear).T).max(axis=0)
    size = np.ceil(2 * reach).astype(int)
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = centre(volume) - linear @ ((size - 1) / 2)
    return _on_grid(volume, matrix, size, volume)


def through_dicom(volume: Volume, folder: Path) -> Volume:
    """Written as a DICOM series into a new folder, and read back."""
    write_dicom(volume, folder)
    return read_volume(folder)


def _averaged(volume: Volume, spacing: Array) -> Volume:
    """Smoothed, symmetrically and as wide as the new voxels, along the axes that will be sampled coarsely."""
    from scipy.ndimage import gaussian_filter1d

    voxels = volume.voxels
    for axis, step in enumerate(spacing / volume.spacing):
        if step > 1.2:
            voxels = gaussian_filter1d(
                voxels.astype(np.float32, copy=False), step / 2.355, axis=2 - axis, truncate=2.5
            )
    return replace(volume, voxels=voxels)


def _on_grid(source: Volume, ijk_to_ras: Array, size: Array, like: Volume) -> Volume:
    """Source at the voxels of another grid, stored as ``like``; outside is ``like``'s lowest value."""
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(source.voxels)
    _set_geometry(image, source.ijk_to_ras)
    grid = sitk.Image([int(n) for n in size], sitk.sitkUInt8)
    _set_geometry(grid, ijk_to_ras)
    lowest = float(like.voxels.min())
    out = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, lowest, sitk.sitkFloat32)
    voxels = sitk.GetArrayFromImage(out)
    if like.voxels.dtype.kind in "iub":
        np.rint(voxels, out=voxels)
    return Volume(voxels.astype(like.voxels.dtype), ijk_to_ras, like.modality, like.name)


def _set_geometry(image: Any, ijk_to_ras: Array) -> None:
    lps = ras_from_lps(ijk_to_ras)
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())


# --- another table, more noise, less of the body ----------------------------------------------------------


def table_voxels(volume: Volume) -> Array:
    """(K, J, I) bool: material outside the body's own envelope as both projections see it, CT only."""
    views = project_body(volume, pixel_mm=2.5)
    table = volume.voxels > MATERIAL_HU
    kji = np.argwhere(table)
    for start in range(0, len(kji), 1_000_000):  # bounds the memory of the coordinates
        part = kji[start : start + 1_000_000]
        ras = volume.ijk_to_ras_points(part[:, ::-1])
        body = _within(views.coronal, ras) & _within(views.lateral, ras)
        k, j, i = part[body].T
        table[k, j, i] = False
    return np.asarray(table)


def _within(view: View, ras: Array, margin_mm: float = 3.0) -> Array:
    from scipy.ndimage import maximum_filter, minimum_filter

    front = minimum_filter(np.where(view.silhouette, view.front, np.inf), 3) - margin_mm
    back = maximum_filter(np.where(view.silhouette, view.back, -np.inf), 3) + margin_mm
    column, row, depth = view.geometry.from_ras(ras).T
    rows, columns = view.geometry.shape
    r, c = (np.clip(np.rint(x), 0, n - 1).astype(int) for x, n in ((row, rows), (column, columns)))
    return np.asarray((depth >= front[r, c]) & (depth <= back[r, c]))


def table_removed(volume: Volume) -> Volume:
    """Everything outside the body is air."""
    voxels = volume.voxels.copy()
    voxels[table_voxels(volume)] = _air(volume)
    return replace(volume, voxels=voxels)


def table_moved(volume: Volume, ras_mm: Sequence[float]) -> Volume:
    """The table shifted by a vector in RAS mm, rounded to voxels; the body stays in front of it."""
    return _with_tables(volume, [ras_mm], removed=True)


def table_thickened(volume: Volume, extra_mm: float) -> Volume:
    """Plates that reach further down by ``extra_mm``, rounded to voxels, at least one."""
    step = float(volume.spacing @ _directions(volume)[1])
    count = max(1, round(extra_mm / step))
    return _with_tables(volume, [(0, -step * n, 0) for n in range(1, count + 1)], removed=False)


def _directions(volume: Volume) -> Array:
    """(3, 3): the voxel axis that runs closest to each of R, A and S is 1, the others 0."""
    cosines = np.abs(volume.ijk_to_ras[:3, :3] / volume.spacing)
    return np.asarray(np.eye(3)[cosines.argmax(axis=1)])


def _with_tables(volume: Volume, shifts: Sequence[Sequence[float]], removed: bool) -> Volume:
    table = table_voxels(volume)
    voxels = volume.voxels.copy()
    if removed:
        voxels[table] = _air(volume)
    old = np.argwhere(table)
    values = volume.voxels[table]
    for shift in shifts:
        ijk = np.rint(np.linalg.solve(volume.ijk_to_ras[:3, :3], np.asarray(shift, float))).astype(int)
        new = old + ijk[::-1]
        inside = ((new >= 0) & (new < volume.shape)).all(axis=1)
        k, j, i = new[inside].T
        voxels[k, j, i] = np.maximum(voxels[k, j, i], values[inside])
    return replace(volume, voxels=voxels)


def _air(volume: Volume) -> Any:
    sample = volume.voxels[::4, ::4, ::4]
    return np.median(sample[sample < MATERIAL_HU]).astype(volume.voxels.dtype)


def with_noise(volume: Volume, deviation: float, seed: int = 0) -> Volume:
    """Gaussian noise of a standard deviation in the volume's own units, clipped to its range."""
    generator = np.random.default_rng(seed)
    low, high = float(volume.voxels.min()), float(volume.voxels.max())
    voxels = np.empty_like(volume.voxels)
    for k, plane in enumerate(volume.voxels):
        noisy = plane + generator.normal(0, deviation, plane.shape)
        voxels[k] = np.clip(np.rint(noisy) if voxels.dtype.kind in "iu" else noisy, low, high)
    return replace(volume, voxels=voxels)


def cropped(volume: Volume, low_s: float, high_s: float) -> Volume:
    """The slices between two heights in RAS mm, along the axis that runs closest to S.

    Raises
    ------
    ValueError
        When no slice lies there.
    """
    axis = int(_directions(volume)[2].argmax())
    ends = np.tile((np.array(volume.size) - 1) / 2, (volume.size[axis], 1))
    ends[:, axis] = np.arange(volume.size[axis])
    heights = volume.ijk_to_ras_points(ends)[:, 2]
    kept = np.flatnonzero((heights >= low_s) & (heights <= high_s))
    if kept.size == 0:
        raise ValueError(f"no slice lies between S {low_s:.0f} and {high_s:.0f} mm")
    part = [slice(None)] * 3
    part[2 - axis] = slice(int(kept[0]), int(kept[-1]) + 1)
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, 3] += matrix[:3, axis] * kept[0]
    return replace(volume, voxels=np.ascontiguousarray(volume.voxels[tuple(part)]), ijk_to_ras=matrix)


def contains(volume: Volume, ras: Array) -> Array:
    """Which points (N, 3) RAS mm lie in the volume's voxels, (N,) bool; NaN lies nowhere."""
    ijk = volume.ras_to_ijk_points(ras)
    with np.errstate(invalid="ignore"):
        return np.asarray(((ijk >= -0.5) & (ijk <= np.array(volume.size) - 0.5)).all(axis=1))


# --- wrong labels, and bodies that lean -------------------------------------------------------------------


def mirrored(volume: Volume) -> Volume:
    """Voxels flipped between right and left, header kept: the body's mirror image."""
    axis = int(_directions(volume)[0].argmax())
    return replace(volume, voxels=np.ascontiguousarray(np.flip(volume.voxels, 2 - axis)))


def relabelled(volume: Volume, about: str) -> Volume:
    """A header turned by 180 degrees about "R", "A" or "S": labels the body does not obey."""
    return leaning(volume, AXES[about], 180.0)


def leaning(volume: Volume, axis: Sequence[float], degrees: float) -> Volume:
    """A header turned about the volume's middle, so that the body itself lies turned in patient space."""
    turn = affine(rotation(axis, degrees), centre(volume))
    return replace(volume, ijk_to_ras=turn @ volume.ijk_to_ras)
