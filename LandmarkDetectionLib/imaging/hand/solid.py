"""The hand in a CT or MR volume: threshold, uneven brightness, table and sandbag."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import NoBodyError
from LandmarkDetectionLib.imaging.body.mask import AirThreshold, estimate_air_threshold, isolate_body
from LandmarkDetectionLib.imaging.hand.scan import SolidHand
from LandmarkDetectionLib.imaging.view import overlaps
from LandmarkDetectionLib.typing import Array

CELL_MM = 1.25
LONGEST_SIDE = 320  # cells
#: Denser than soft tissue, in HU, and thicker than any bone of a hand, in mm: sand.
SAND_HU, SAND_MM = 250.0, 11.0
NOISE_COHERENCE = 0.15
LEAST_SEPARATION = 0.66
SMALLEST_HAND_MM3 = 20_000.0
HAND_SHARE = 0.55


def isolate_hand(volume: Volume, threshold: float | None = None) -> tuple[SolidHand, float]:
    """Find the hand, and the threshold that was used.

    CT numbers have a fixed threshold. In MR the background's brightness is estimated, and the coils' uneven
    brightness taken out as a smooth factor first.

    Raises
    ------
    NoBodyError
        When nothing hand-like is above the threshold.
    """
    name = volume.name or "The volume"
    cells = _cells(volume)
    air = estimate_air_threshold(volume, threshold)
    in_hounsfield = air.kind.endswith("hounsfield")
    if air.kind == "constant":
        raise NoBodyError(f"{name} has the same value everywhere, so there is no hand in it; check the file.")
    if air.kind == "estimated":
        cells, air = _evened(cells, air)
        if abs(air.coherence) < NOISE_COHERENCE or air.separation < LEAST_SEPARATION:
            raise NoBodyError(f"{name} holds only noise or has no air around the hand; check the file.")
    half = max(air.value - air.air, 1e-6)
    occupancy = np.clip(0.5 + (cells.voxels - air.value) / (2 * half), 0, 1).astype(np.float32)
    cell = float(cells.spacing.mean())
    mask = occupancy >= 0.5
    if in_hounsfield:
        mask &= ~_sand(cells.voxels - (air.air + 1000.0), cell)
    mask = np.ascontiguousarray(mask.view(np.uint8))
    isolate_body(mask, cell, name=name)
    hand = _whole(mask > 0)
    if np.count_nonzero(hand) * cell**3 < SMALLEST_HAND_MM3:
        raise NoBodyError(
            f"{name} holds nothing as large as a hand; check its spacing or give a threshold.",
            about="threshold",
        )
    # What is inside counts as full, what was cleaned away as air; the surface keeps its fractions.
    solid = np.where(ndimage.binary_erosion(hand), 1, np.where(ndimage.binary_dilation(hand), occupancy, 0))
    solid = np.where(hand, np.maximum(solid, 0.5), np.minimum(solid, 0.49)).astype(np.float32)
    return SolidHand(solid, cells.ijk_to_ras, cell), air.value


def hand_axes(places: Array) -> tuple[Array, Array]:
    """RAS unit vectors to the fingers and through the palm of a hand with places (N, 3) RAS mm.

    A hand is flat and a forearm is round: of the two ends of the long axis the flatter one is the hand, and
    the direction in which it extends least goes through its palm.
    """
    offset = places - places.mean(axis=0)
    long = np.linalg.eigh(offset.T @ offset)[1][:, -1]
    ends = []
    for up in (long, -long):
        along = offset @ up
        # The hand is the larger part of what is usually scanned of a forearm with it.
        end = offset[along > along.max() - HAND_SHARE * np.ptp(along)]
        spread, axes = np.linalg.eigh(np.cov(end.T))
        ends.append((spread[1] / max(spread[0], 1e-9), up, axes[:, 0]))
    _, up, depth = max(ends, key=lambda end: float(end[0]))
    return up, depth


def _cells(volume: Volume) -> Volume:
    """The volume on even cells along its own axes, in the order and directions nearest to S, A and R."""
    matrix = volume.ijk_to_ras[:3, :3] / volume.spacing
    axes = _nearest_axes(matrix)  # of i, j, k for superior, anterior and right
    voxels = volume.voxels.transpose([2 - n for n in axes])
    steps, start = volume.ijk_to_ras[:3, axes].copy(), volume.ijk_to_ras[:3, 3].copy()
    for position, patient in enumerate((2, 1, 0)):
        # Rows to the feet, planes to the back, columns to the left.
        if steps[patient, position] > 0:
            voxels = np.flip(voxels, axis=position)
            start = start + steps[:, position] * (voxels.shape[position] - 1)
            steps[:, position] *= -1
    spacing = np.linalg.norm(steps, axis=0)
    extent = spacing * voxels.shape
    cell = max(CELL_MM, float(extent.max()) / LONGEST_SIDE)
    shape = tuple(max(2, round(float(n) / cell)) for n in extent)
    out = voxels.astype(np.float32)
    for axis, count in enumerate(shape):
        if count <= out.shape[axis]:
            weights = overlaps(out.shape[axis], count).astype(np.float32)
            out = np.moveaxis(np.tensordot(weights, out, (1, axis)), 0, axis)
        else:
            at = (np.arange(count) + 0.5) * out.shape[axis] / count - 0.5
            out = _interpolated(out, np.clip(at, 0, out.shape[axis] - 1), axis)
    scale = np.array(voxels.shape) / shape
    start = start + steps @ ((scale - 1) / 2)
    ijk_to_ras = np.eye(4)
    ijk_to_ras[:3, :3] = (steps * scale)[:, ::-1]
    ijk_to_ras[:3, 3] = start
    return replace(volume, voxels=np.ascontiguousarray(out), ijk_to_ras=ijk_to_ras)


def _nearest_axes(directions: Array) -> list[int]:
    """Which of i, j and k runs along superior, anterior and right; each once."""
    from itertools import permutations

    along = np.abs(directions[[2, 1, 0]])
    orders = [list(order) for order in permutations(range(3))]
    return max(orders, key=lambda order: float(along[range(3), order].sum()))


def _interpolated(values: Array, at: Array, axis: int) -> Array:
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    shape = [1, 1, 1]
    shape[axis] = len(at)
    share = (at - low).astype(np.float32).reshape(shape)
    return values.take(low, axis) * (1 - share) + values.take(high, axis) * share


def _evened(cells: Volume, air: AirThreshold) -> tuple[Volume, AirThreshold]:
    """Take a smooth factor out of an MR volume, and estimate its air again.

    The logarithm of the brightness of what is above the threshold is fitted with a polynomial of degree 2,
    whose values are kept to those found on the hand: beyond it, a polynomial says nothing.
    """
    voxels = ndimage.gaussian_filter(cells.voxels, 0.6)
    low = min(0.0, float(voxels.min()))
    evened = replace(cells, voxels=voxels)
    place = [np.linspace(-1, 1, n, dtype=np.float32) for n in voxels.shape]
    for _ in range(4):
        hand = np.argwhere(ndimage.binary_erosion(evened.voxels > air.value))
        hand = hand[:: max(1, len(hand) // 40_000)]
        if len(hand) < 1000:
            break
        values = np.log(np.maximum(voxels[tuple(hand.T)] - low, 1e-6))
        terms = _quadratic(*(axis[index] for axis, index in zip(place, hand.T, strict=True)))
        kept = np.ones(len(values), bool)
        for _ in range(3):
            fit = np.linalg.lstsq(terms[kept], values[kept], rcond=None)[0]
            rest = values - terms @ fit
            kept = np.abs(rest - np.median(rest[kept])) < 2.5 * rest[kept].std()
        factor = _quadratic(*np.meshgrid(*place, indexing="ij", sparse=True)) @ fit.astype(np.float32)
        factor = np.clip(factor, *np.percentile(terms @ fit, [0.5, 99.5])) - np.median(terms @ fit)
        evened = replace(cells, voxels=((voxels - low) / np.exp(factor) + low).astype(np.float32))
        air = estimate_air_threshold(evened)
        if air.kind != "estimated":
            air = replace(estimate_air_threshold(replace(evened, modality="MR")), kind="estimated")
    return evened, air


def _quadratic(z: Array, y: Array, x: Array) -> Array:
    """(..., 10) monomials up to degree 2."""
    one = np.ones_like(z * y * x)
    products = (one, z, y, x, z * z, y * y, x * x, z * y, z * x, y * x)
    return np.stack([np.broadcast_to(p, one.shape) for p in products], axis=-1)


def _sand(hounsfield: Array, cell: float) -> Array:
    """Dense parts that are thicker than bones, with the rim that scanning blurs."""
    dense = hounsfield > SAND_HU
    core = ndimage.distance_transform_edt(dense) * cell > SAND_MM
    if not core.any():
        return core
    return np.asarray(ndimage.distance_transform_edt(~core) * cell < SAND_MM + 2 * cell)


def _whole(mask: Array) -> Array:
    """The largest part, closed over dark bone and filled."""
    closed = ndimage.binary_closing(np.pad(mask, 2), ndimage.generate_binary_structure(3, 1), iterations=2)
    closed = closed[2:-2, 2:-2, 2:-2]
    for axis in range(3):
        for plane in np.moveaxis(closed, axis, 0):
            plane |= ndimage.binary_fill_holes(plane)
    opened = ndimage.binary_opening(closed, ndimage.generate_binary_structure(3, 1))
    labels, count = ndimage.label(opened)
    return labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]) if count else opened
