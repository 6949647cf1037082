"""What a heatmap network looks at: images resampled to its grid, and where the grid's voxels lie in the
patient.

A radiograph is fitted into the network's patch as a whole, however large its pixels are (``fit``), or
resampled to a fixed spacing; a volume is turned along the patient's axes without interpolation (x to the
left, y to the back, z to the head), then resampled. Several channels of one case share its grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import numpy as np

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError

Intensity = Literal["standardise", "hounsfield"]

#: Hounsfield units beyond these tell nothing of anatomy (air; dense bone and metal).
HOUNSFIELD = (-1024.0, 2000.0)
#: Grey values beyond these percentiles are labels, metal and noise.
PERCENTILES = (0.5, 99.5)
#: Slices that are resampled at once: bounds the memory that float copies take.
SLAB = 16


@dataclass(frozen=True)
class GridSettings:
    """How images become a network's grid.

    Attributes
    ----------
    shape
        The patch in voxels: (rows, columns), or (slices, rows, columns) of volumes. Images smaller than it
        are padded. With ``spacing`` larger images keep their size and are looked at in patches.
    spacing
        Voxel size along x, y(, z), in mm, or in pixels where an image's pixel size is unknown. None fits
        every image into the patch as a whole, keeping its proportions.
    intensity
        ``standardise``: percentiles clipped, mean 0 and standard deviation 1 in each image. ``hounsfield``:
        clipped and divided by 1000, for CT.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...] | None
    intensity: Intensity = "standardise"

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return len(self.shape)


@dataclass(frozen=True)
class ImageGrid:
    """An image on a network's grid.

    Attributes
    ----------
    image
        (C, *S) float32, S = (rows, columns) or (slices, rows, columns).
    to_ras
        (4, 4): voxel (x, y, z, 1), column first, to RAS mm; z is 0 in radiographs.
    content
        Voxels along each axis of S that the image takes; what lies behind is padding.
    """

    image: np.ndarray
    to_ras: np.ndarray
    content: tuple[int, ...]

    @property
    def voxel_mm(self) -> np.ndarray:
        """(d,) mm between voxels along x, y(, z)."""
        d = self.image.ndim - 1
        return np.asarray(np.linalg.norm(self.to_ras[:3, :d], axis=0))

    def points_to_ras(self, voxels: np.ndarray) -> np.ndarray:
        """(N, d) voxels (x, y[, z]) to (N, 3) RAS mm."""
        return Affine(self.to_ras).apply(voxels)

    def points_from_ras(self, ras: np.ndarray) -> np.ndarray:
        """(N, 3) RAS mm to (N, d) voxels; of a radiograph, the foot of the perpendicular on its plane."""
        return Affine(self.to_ras).apply_inverse(ras)[:, : self.image.ndim - 1]

    def covariance_to_ras(self, covariance: np.ndarray) -> np.ndarray:
        """(..., d, d) square voxels to (..., 3, 3) mm^2."""
        axes = self.to_ras[:3, : covariance.shape[-1]]
        return np.asarray(axes @ covariance @ axes.T)


def look_at(volumes: Sequence[Volume], settings: GridSettings, multiple: int = 1) -> ImageGrid:
    """Bring the channels of one case onto a network's grid.

    Parameters
    ----------
    volumes
        One per channel, on one voxel grid.
    settings
        See `GridSettings`.
    multiple
        The sizes of the result are multiples of it.

    Raises
    ------
    InputError
        The case is of the wrong dimension, its channels are on different grids, or it is one grey value only.
    """
    first = volumes[0]
    check_channels(volumes, settings)
    d = settings.dimensions
    arrays, matrix = _oriented(volumes, d)
    size = np.array(arrays[0].shape[::-1][:d])
    voxels = _voxels(size, np.linalg.norm(matrix[:3, :d], axis=0), settings, first.spacing_known)
    shape = tuple(int(n) for n in voxels[::-1])
    channels = [
        normalised(_resampled(array, shape), settings.intensity, v)
        for array, v in zip(arrays, volumes, strict=True)
    ]
    patch = tuple(
        -(-max(n, least) // multiple) * multiple for n, least in zip(shape, settings.shape, strict=True)
    )
    image = np.zeros((len(channels), *patch), np.float32)
    for target, channel in zip(image, channels, strict=True):
        target[tuple(slice(n) for n in shape)] = channel
    # The outer faces of voxels and voxels coincide, so centres are half a voxel inside.
    factor = np.ones(3)
    factor[:d] = size / voxels
    scaled = np.diag([*factor, 1.0])
    scaled[:d, 3] = 0.5 * (factor[:d] - 1)
    return ImageGrid(image, matrix @ scaled, shape)


def orientation(volume: Volume) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """Which voxel axis runs most nearly along left, posterior and superior, and which of them backwards."""
    directions = volume.ijk_to_ras[:3, :3] / volume.spacing
    along = np.array([-1.0, -1.0, 1.0])[:, None] * directions  # rows: left, posterior, superior
    order = max(
        permutations(range(3)), key=lambda p: sum(abs(along[row, axis]) for row, axis in enumerate(p))
    )
    return order, tuple(bool(along[row, axis] < 0) for row, axis in enumerate(order))


def check_channels(volumes: Sequence[Volume], settings: GridSettings) -> None:
    """Refuse images of the wrong dimension, and channels on different grids, by `InputError`."""
    first = volumes[0]
    name = first.name or "The image"
    if first.is_2d != (settings.dimensions == 2):
        kind, other = ("a single image", "a volume") if first.is_2d else ("a volume", "a single image")
        raise InputError(f"{name} is {kind}, but {other} is needed here; choose another image or model.")
    for other_volume in volumes[1:]:
        if not first.is_on_grid_of(other_volume):
            raise InputError(
                f"{other_volume.name or 'A further channel'} is not on the same voxels as {name}; resample "
                "it to that image first."
            )


def _oriented(volumes: Sequence[Volume], d: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Arrays (rows, columns) or (slices, rows, columns) along the patient's axes, and their matrix to RAS."""
    matrix = volumes[0].ijk_to_ras.copy()
    if d == 2:
        return [volume.voxels[0] for volume in volumes], matrix
    order, backwards = orientation(volumes[0])
    turned = np.zeros((4, 4))
    turned[3, 3] = 1
    for new, (axis, back) in enumerate(zip(order, backwards, strict=True)):
        turned[axis, new] = -1 if back else 1
        turned[axis, 3] += volumes[0].size[axis] - 1 if back else 0
    arrays = []
    for volume in volumes:
        array = volume.voxels.transpose(2, 1, 0).transpose(order)  # (x, y, z)
        array = array[tuple(slice(None, None, -1 if back else 1) for back in backwards)]
        arrays.append(array.transpose(2, 1, 0))
    return arrays, matrix @ turned


def _voxels(size: np.ndarray, voxel: np.ndarray, settings: GridSettings, spacing_known: bool) -> np.ndarray:
    """Voxels along x, y(, z) that an image takes."""
    if settings.spacing is None:
        extent = size * voxel
        side = float((extent / settings.shape[::-1]).max())
        return np.clip(np.round(extent / side), 1, settings.shape[::-1]).astype(int)
    if not spacing_known:
        voxel = np.ones_like(voxel)
    return np.maximum(np.round(size * voxel / settings.spacing), 1).astype(int)


def _resampled(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Linear interpolation, with a wider window where the grid is coarser; float32."""
    import torch

    def plane(slices: np.ndarray) -> np.ndarray:
        values = torch.from_numpy(np.ascontiguousarray(slices, dtype=np.float32))[:, None]
        scaled = torch.nn.functional.interpolate(values, shape[-2:], mode="bilinear", antialias=True)
        return np.asarray(scaled[:, 0].numpy())

    if len(shape) == 2:
        return plane(array[None])[0]
    planes = np.concatenate([plane(array[start : start + SLAB]) for start in range(0, len(array), SLAB)])
    unit = torch.eye(len(array))[None, None]
    weights = torch.nn.functional.interpolate(unit, (shape[0], len(array)), mode="bilinear", antialias=True)
    return np.tensordot(weights[0, 0].numpy(), planes, axes=1)


def normalised(image: np.ndarray, intensity: Intensity, volume: Volume) -> np.ndarray:
    """Grey values as networks take them.

    Raises
    ------
    InputError
        The image, which came from ``volume``, is one grey value only.
    """
    if intensity == "hounsfield":
        return np.clip(image, *HOUNSFIELD) / 1000
    low, high = np.percentile(image, PERCENTILES)
    image = np.clip(image, low, high)
    deviation = float(image.std())
    if deviation <= 1e-6 * max(1.0, abs(low), abs(high)):
        raise InputError(f"{volume.name or 'The image'} is one grey value only; check how it was exported.")
    return (image - image.mean()) / deviation
