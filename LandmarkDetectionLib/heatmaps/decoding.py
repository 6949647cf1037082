"""Reading a heatmap network's answer: where each landmark is, how sure that is, and whether it is there at
all.

Two kinds of heatmap are read to the same numbers. *Logits* of networks trained by cross-entropy: a softmax
over all voxels and one more, whose logit is 0, for "not in the image". *Gaussians* of networks trained by a
squared error: the sum says whether the landmark is there, the shape around the peak how it is spread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from LandmarkDetectionLib.heatmaps.column import along_column
from LandmarkDetectionLib.heatmaps.gaussian import (
    decode_local_soft_argmax,
    heatmap_distribution,
    heatmap_to_image,
)
from LandmarkDetectionLib.heatmaps.ladder import Ladder
from LandmarkDetectionLib.heatmaps.rungs import present_together, put_in_line

#: Voxels of a Gaussian heatmap below this share of its peak are noise.
NOISE_SHARE = 0.1
#: Share of its target's mass from which a landmark is surely there. On cephalograms held out, 1.3 % of the
#: landmarks in the image had less than half of it, and none of those outside had as much.
FULL = 0.5


class Reading(NamedTuple):
    """What heatmaps say of L landmarks in B images.

    Attributes
    ----------
    position : (B, L, d)
        Input voxels (pixels of the network's input), x first.
    covariance : (B, L, d, d)
        Spread of the whole distribution about the position, square input voxels.
    present : (B, L)
        Score of the landmark being in the image, 0 to 1.
    near : (B, L)
        Score of it being within the radius of the position: what confidence is calibrated from.
    chance : (B, L)
        Of its level of a chain being the one it was taken for, 0 to 1; 1 where nothing is read together.
    """

    position: np.ndarray
    covariance: np.ndarray
    present: np.ndarray
    near: np.ndarray
    chance: np.ndarray


def read_heatmaps(
    heatmaps: Tensor,
    logits: bool,
    stride: int,
    radius: np.ndarray | float,
    masses: Sequence[float] | None = None,
    ladder: Ladder | None = None,
    placed: Mapping[int, tuple[float, float]] | None = None,
    size: Sequence[float] | None = None,
) -> Reading:
    """Positions, spread and scores of heatmaps.

    Parameters
    ----------
    heatmaps : (B, L, *S)
    logits
        Whether they are logits; Gaussians otherwise.
    stride
        Input voxels per heatmap voxel.
    radius : (B,) or float
        Input voxels.
    masses : L floats
        Sum over all voxels of the Gaussians that the network was trained towards; of logits none is needed.
    ladder
        Of a chain whose levels are read together, see ``column``.
    placed
        Landmarks of the chain that a person put somewhere, in heatmap voxels.
    size
        Input voxels along x and y that the image takes; all of them when None.

    Raises
    ------
    ValueError
        Gaussians came without masses.
    """
    if logits:
        probability, present = heatmap_distribution(heatmaps)
    else:
        probability = gaussian_distribution(heatmaps)
        if masses is None:
            raise ValueError("Gaussians are read with the masses of their targets")
        # A squared error is least for the mean of all heatmaps that may be: unsure of the place it gives a
        # low and broad one, but its sum stays the probability of being there times the target's. The product
        # of two branches loses some of it.
        total = heatmaps.flatten(2).float().sum(dim=2)
        present = (total / (FULL * total.new_tensor(masses))).clamp(0, 1)
    if ladder is None:
        return read_distribution(probability, present, stride, radius, scaled=not logits)
    read = [along_column(one.cpu().numpy(), ladder, placed) for one in probability]
    weighed = torch.from_numpy(np.stack([one.maps for one in read])).to(probability)
    reading = read_distribution(weighed, present, stride, radius, scaled=not logits)
    chance = np.stack([one.chance for one in read])
    inside = np.array(size if size is not None else [stride * n for n in heatmaps.shape[:1:-1]], float)
    between = present_between(reading.present, ladder)
    places, scores = [], []
    for position, one in zip(reading.position, between, strict=True):
        scores.append(present_together(one, position, ladder, inside))
        places.append(put_in_line(position, scores[-1], ladder, placed or ()))
    return reading._replace(
        position=np.stack(places), present=np.stack(scores), near=reading.near * chance, chance=chance
    )


def present_between(present: np.ndarray, ladder: Ladder) -> np.ndarray:
    """Presence (B, L) where a chain does not leave the image between two of a side that are in it."""
    result = present.copy()
    for side in (-1, 0, 1):
        down = [
            n
            for rung, landmarks in enumerate(ladder.rungs)
            for n, where in zip(landmarks, ladder.sides(rung), strict=True)
            if where == side
        ]
        if down:
            above = np.maximum.accumulate(present[:, down], axis=1)
            below = np.maximum.accumulate(present[:, down[::-1]], axis=1)[:, ::-1]
            result[:, down] = np.minimum(above, below)
    return result


def read_distribution(
    probability: Tensor, present: Tensor, stride: int, radius: np.ndarray | float, scaled: bool = False
) -> Reading:
    """Positions, spread and scores of distributions over voxels.

    Parameters
    ----------
    probability : (B, L, *S)
        Of every voxel.
    present : (B, L)
        Of being in the image.
    scaled
        Whether voxels sum to one and not to ``present``.
    """
    position = decode_local_soft_argmax(probability)
    covariance, near = spread(probability, position, torch.as_tensor(radius, dtype=torch.float32) / stride)
    if scaled:
        near = near * present
    return Reading(
        heatmap_to_image(position, stride).cpu().numpy().astype(float),
        (covariance * stride**2).cpu().numpy().astype(float),
        present.cpu().numpy().astype(float),
        near.cpu().numpy().astype(float),
        np.ones(tuple(present.shape)),
    )


def gaussian_distribution(heatmaps: Tensor) -> Tensor:
    """Gaussian heatmaps as distributions: what stands out of the noise, summing to one."""
    flat = heatmaps.flatten(2).float()
    above = flat - NOISE_SHARE * flat.amax(dim=2, keepdim=True).clamp_min(0)
    above.clamp_min_(0).add_(1e-12)
    return above.div_(above.sum(dim=2, keepdim=True)).reshape(heatmaps.shape)


def spread(probability: Tensor, position: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Covariance (B, L, d, d) about positions in square voxels, and mass (B, L) within a radius in voxels."""
    d = probability.ndim - 2
    shape = probability.shape[2:]
    offsets = [
        torch.arange(shape[d - 1 - x], device=probability.device).to(probability) - position[..., x : x + 1]
        for x in range(d)
    ]  # (B, L, size) for x, y(, z)
    # Large heatmaps are gone through once per plane; lines and the total follow from these.
    planes = {(i, j): _marginal(probability, i, j) for i in range(d) for j in range(i + 1, d)}
    lines = [planes[0, 1].sum(dim=3), *(planes[0, j].sum(dim=2) for j in range(1, d))]
    total = lines[0].sum(dim=2).clamp_min(1e-12)
    entries = []
    for a in range(d):
        for b in range(d):
            if a == b:
                weighted = lines[d - 1 - a] * offsets[a] ** 2
                entries.append(weighted.sum(-1) / total)
            else:
                first, second = (a, b) if d - 1 - a < d - 1 - b else (b, a)
                plane = planes[d - 1 - first, d - 1 - second]  # axes in the tensor's order
                entries.append(
                    torch.einsum("blij,bli,blj->bl", plane, offsets[first], offsets[second]) / total
                )
    covariance = torch.stack(entries, dim=-1).unflatten(-1, (d, d))
    squared = sum(_along(d - 1 - x, shape, offsets[x] ** 2) for x in range(d))
    assert isinstance(squared, Tensor)
    bound = radius.to(probability).reshape(-1, *[1] * (d + 1)) ** 2
    return covariance, (probability * (squared <= bound)).flatten(2).sum(dim=2)


def _along(axis: int, shape: torch.Size, values: Tensor) -> Tensor:
    """(B, L, size) values laid along one axis of S."""
    view = [1] * len(shape)
    view[axis] = shape[axis]
    return values.reshape(*values.shape[:2], *view)


def _marginal(probability: Tensor, *kept: int) -> Tensor:
    """Sum over all axes of S but those kept, which stay in their order."""
    d = probability.ndim - 2
    gone = [2 + axis for axis in range(d) if axis not in kept]
    return probability.sum(dim=gone) if gone else probability
