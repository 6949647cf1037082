"""Bone of a CT: from CT numbers to bone density in cells, and what a camera would see of it.

The density of a voxel is d = clip((HU - t) / 900, 0, 1), where t is the upper end of soft tissue in the scan.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.imaging import voxel_loops
from LandmarkDetectionLib.imaging.body.cells import (
    CELL_MM,
    CellGrid,
    Window,
    block_means,
    block_size,
    box_corners,
    marked_blocks,
    resampled,
)

#: From no bone to density 1, in HU: compact bone has some 1000 to 1800, spongy bone 150 to 400.
RANGE_HU = 900.0
#: Where bone begins when soft tissue does not tell, and the least and most that it may tell, in HU.
USUAL_THRESHOLD_HU, LEAST_THRESHOLD_HU, MOST_THRESHOLD_HU = 120.0, 90.0, 200.0
#: Muscle, blood and organs, with contrast agent or without, have their commonest CT number here.
SOFT_HU = (0.0, 150.0)
#: Soft tissue ends where its histogram has fallen to this share of its peak: of a normal distribution 2.1
#: deviations above the mean. Spongy bone, spread over hundreds of CT numbers, does not reach it again.
SHARE_OF_PEAK = 0.1
#: Width of the histogram's bins in HU, and the fewest voxels worth a look.
BIN_HU, LEAST_VOXELS = 10.0, 500
#: Cells that are worked on at once.
SLAB_CELLS = 64
#: Depth is given where a ray passes through this much bone at least, in mm.
LEAST_BONE_MM = 1.0
#: What networks see of it: the root of its amount in this unit, at most so much.
BONE_MM, MOST_BONE = 40.0, 3.0


def bone_threshold(hounsfield: np.ndarray) -> float:
    """CT number where bone begins: the upper end of this scan's soft tissue.

    Contrast agent, dense organs and noise raise it, so that little but bone lies above; vessels and kidneys
    full of contrast agent still do.

    Parameters
    ----------
    hounsfield
        CT numbers of any shape, spread over the volume; air and table do no harm.
    """
    edges = np.arange(SOFT_HU[0] - 2 * BIN_HU, MOST_THRESHOLD_HU + 4 * BIN_HU, BIN_HU)
    counts = np.histogram(hounsfield, edges)[0]
    if counts.sum() < LEAST_VOXELS:
        return USUAL_THRESHOLD_HU
    smooth = np.convolve(counts, np.ones(3) / 3, mode="same")[1:-1]
    starts = edges[1:-2]
    soft = (starts >= SOFT_HU[0]) & (starts < SOFT_HU[1])
    peak = int(np.argmax(np.where(soft, smooth, 0)))
    fallen = np.flatnonzero(smooth[peak:] <= SHARE_OF_PEAK * smooth[peak])
    end = starts[peak + fallen[0]] if fallen.size else MOST_THRESHOLD_HU
    return float(np.clip(end, LEAST_THRESHOLD_HU, MOST_THRESHOLD_HU))


def bone_cells(
    volume: Volume, threshold: float, body: np.ndarray, grid: CellGrid, window: Window
) -> np.ndarray:
    """Bone density (S, A, R) uint8 times 255 on the window's cells, 0 off the body.

    Parameters
    ----------
    threshold
        Where bone begins, in stored units.
    body
        (S, A, R) uint8, 1 in the body.
    """
    bone = np.empty_like(body)
    # Slab by slab along the slowest axis in memory: what is read stays contiguous, what is kept small.
    slowest = int(np.argmax(np.abs(volume.voxels.strides)))
    along = 2 - int(np.argmax(np.abs(volume.ijk_to_ras[:3, 2 - slowest])))
    for start in range(window[along].start, window[along].stop, SLAB_CELLS):
        slab, place = list(window), [slice(None)] * 3
        slab[along] = slice(start, min(start + SLAB_CELLS, window[along].stop))
        place[along] = slice(start - window[along].start, slab[along].stop - window[along].start)
        part_window: Window = (slab[0], slab[1], slab[2])
        part = _slices_around(volume, slowest, grid, part_window)
        source, to_ras = block_means(part, threshold, threshold + RANGE_HU, CELL_MM)
        bone[tuple(place)] = resampled(source, marked_blocks(source, 1), to_ras, grid, part_window)
    bone *= body
    return bone


def _slices_around(volume: Volume, axis: int, grid: CellGrid, window: Window) -> Volume:
    """The slices along an axis of ``voxels`` that a window of cells lies in, from a whole block on."""
    column = 2 - axis
    size = np.array([part.stop - part.start for part in window])[::-1] * grid.cell
    index = volume.ras_to_ijk_points(grid.corner_of(window) - box_corners(np.zeros(3), size))[:, column]
    block = block_size(float(volume.spacing[column]), volume.size[column], CELL_MM)
    # Between the middles of two blocks is interpolated.
    first = int(max(np.floor(index.min()) - 2 * block, 0)) // block * block
    last = int(min(np.ceil(index.max()) + 2 * block + 1, volume.size[column]))
    place = [slice(None)] * 3
    place[axis] = slice(min(first, volume.size[column] - 1), max(last, 1))
    matrix = volume.ijk_to_ras.copy()
    matrix[:3, 3] += matrix[:3, column] * place[axis].start
    return replace(volume, voxels=volume.voxels[tuple(place)], ijk_to_ras=matrix)


def bone_rays(bone: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Sums of the density over rays along a and along r, and of density times index: first moments.

    Parameters
    ----------
    bone
        (S, A, R) uint8, density times 255.

    Returns
    -------
    along_a, along_r
        Sum and first moment, (S, R) and (S, A) float32, in cells of density 1.
    """
    planes, rows, columns = bone.shape
    along_a = np.zeros((2, planes, columns), np.float32)
    along_r = np.zeros((2, planes, rows), np.float32)
    voxel_loops.in_slabs(lambda i, j: voxel_loops.bone_sums(bone, along_a, along_r, i, j), planes)
    along_a /= 255
    along_r /= 255
    return (along_a[0], along_a[1]), (along_r[0], along_r[1])
