"""The scan itself as a person would see it in a radiograph: from the front and from the left, bones bright.

A digitally reconstructed radiograph with parallel rays: attenuation summed along one of the patient's axes at
the resolution of the scan. It shows whether a landmark lies on its bone, which an outline cannot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.core.volume import Volume as Upright
from LandmarkDetectionLib.imaging.view import ViewGeometry
from LandmarkDetectionLib.typing import Array

#: Longest side of a picture, in pixels.
LONGEST = 1200
#: Most voxels that are summed; of more, every second, third ... along the rays.
MOST_VOXELS = 60_000_000
#: Most voxels of an oblique scan after it was turned.
MOST_TURNED = 12_000_000
#: Cosine of the angle up to which a scan counts as straight: 0.5 degrees move 1 m by less than 9 mm.
STRAIGHT = np.cos(np.radians(0.5))
#: Bone counts this much more than water of the same density, so that ribs show in a chest.
BONE_HU, BONE_WEIGHT = 150.0, 2.5

# Direction of growing column, row and depth of each view.
_FRONT = (np.array([-1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0]), np.array([0.0, -1.0, 0.0]))
_LEFT = (np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0]))


@dataclass(frozen=True, eq=False)
class ScanPicture:
    """A scan seen through from one side.

    Attributes
    ----------
    grey
        (H, W) float32, 0 to 1, dense things bright.
    geometry
        Where the pixels are.
    """

    grey: Array
    geometry: ViewGeometry


def scan_pictures(volume: Volume) -> tuple[ScanPicture, ScanPicture]:
    """See through a volume from the patient's front and from the patient's left.

    Parameters
    ----------
    volume
        Any volume of more than one slice. Computed tomography (by its modality, or by values of air) is
        shown by its attenuation, anything else by its mean value.

    Returns
    -------
    tuple of ScanPicture
        From the front (columns to the patient's left) and from the left (columns to the back); rows run to
        the feet. Pixels are as fine as the voxels, but no side is longer than :data:`LONGEST`.
    """
    upright = volume if _is_straight(volume) else _turned(volume)
    hounsfield = _is_hounsfield(volume)
    return _seen_along(upright, _FRONT, hounsfield), _seen_along(upright, _LEFT, hounsfield)


def _is_straight(volume: Volume) -> bool:
    directions = volume.ijk_to_ras[:3, :3] / volume.spacing
    return bool((np.abs(directions).max(axis=0) > STRAIGHT).all())


def _is_hounsfield(volume: Volume) -> bool:
    if volume.modality:
        return volume.modality == "CT"
    return bool(volume.voxels[:: max(1, len(volume.voxels) // 16)].min() < -500)


def _turned(volume: Volume) -> Volume:
    """The same along the patient's axes, on cubes as fine as :data:`MOST_TURNED` allows."""
    from scipy.ndimage import affine_transform

    last = np.array(volume.size) - 1
    corners = volume.ijk_to_ras_points(
        np.array(np.meshgrid(*zip((0, 0, 0), last, strict=True))).reshape(3, -1).T
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    cube = max(float(volume.spacing.min()), float(np.prod(high - low) / MOST_TURNED) ** (1 / 3))
    size = np.maximum(np.ceil((high - low) / cube).astype(int) + 1, 1)
    to_ras = np.diag([cube, cube, cube, 1.0])
    to_ras[:3, 3] = low
    # Voxels finer than the cubes are thinned first: what the picture cannot show need not be read.
    steps = np.maximum((cube / volume.spacing).astype(int), 1)
    source = volume.voxels[:: steps[2], :: steps[1], :: steps[0]]
    to_source = (volume.affine @ Affine(np.diag([*steps, 1.0]))).inverse @ Affine(to_ras)
    matrix, offset = to_source.linear[::-1, ::-1], to_source.shift[::-1]
    voxels = affine_transform(
        np.asarray(source, np.float32),
        matrix,
        offset,
        tuple(size[::-1]),
        order=1,
        cval=float(volume.voxels.min()),
    )
    return Upright(voxels, to_ras, modality=volume.modality, name=volume.name)


def _seen_along(volume: Volume, axes: tuple[Array, Array, Array], hounsfield: bool) -> ScanPicture:
    directions = volume.ijk_to_ras[:3, :3] / volume.spacing
    # Which voxel axis runs along the view's columns, rows and depth, and whether the same way.
    column, row, depth = (int(np.argmax(np.abs(axis @ directions))) for axis in axes)
    summed = _summed(volume.voxels, 2 - depth, hounsfield)
    # NumPy's axes are (k, j, i) without the one summed over; rows are to come first.
    picture = summed if row > column else summed.T
    index = np.zeros(3)
    index[depth] = (volume.size[depth] - 1) / 2
    for place, (axis, voxel_axis) in enumerate(((axes[1], row), (axes[0], column))):
        if axis @ directions[:, voxel_axis] < 0:
            picture = np.flip(picture, place)
            index[voxel_axis] = volume.size[voxel_axis] - 1
    spacing = (float(volume.spacing[column]), float(volume.spacing[row]))
    geometry = ViewGeometry(volume.ijk_to_ras_points(index[None])[0], *axes, spacing, picture.shape)
    return _toned(*_no_longer_than(picture, geometry), hounsfield)


def _summed(voxels: Array, axis: int, hounsfield: bool) -> Array:
    """Attenuation, or values, summed along one axis of a (K, J, I) array, slab by slab."""
    step = -(-voxels.size // MOST_VOXELS)
    rays = np.moveaxis(voxels, axis, 0)[::step]
    total = np.zeros(rays.shape[1:], np.float32)
    for layer in rays:
        value = np.asarray(layer, np.float32)
        if hounsfield:
            bone = np.clip(value - BONE_HU, 0, 1500)
            value = np.clip(value + 1000, 0, 2000) + BONE_WEIGHT * bone
        total += value
    return total


def _no_longer_than(picture: Array, geometry: ViewGeometry) -> tuple[Array, ViewGeometry]:
    """Neighbouring pixels averaged until no side is longer than :data:`LONGEST`."""
    steps = [-(-size // LONGEST) for size in picture.shape]
    if steps == [1, 1]:
        return picture, geometry
    (rows, down), (columns, across) = (
        (size // step, step) for size, step in zip(picture.shape, steps, strict=True)
    )
    window = geometry.window(0, 0, (rows * down, columns * across))
    blocks = picture[: rows * down, : columns * across].reshape(rows, down, columns, across)
    return blocks.mean(axis=(1, 3)), window.resized((rows, columns))


def _toned(picture: Array, geometry: ViewGeometry, hounsfield: bool) -> ScanPicture:
    shown = picture[picture > picture.min()]
    low, high = np.percentile(shown, [2.0, 99.8]) if shown.size else (0.0, 1.0)
    low = min(float(low), 0.3 * float(high)) if hounsfield else float(low)
    grey = np.clip((picture - low) / max(float(high) - low, 1e-6), 0, 1)
    return ScanPicture(np.asarray(grey, np.float32), geometry)
