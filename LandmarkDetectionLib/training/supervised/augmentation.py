"""Random warps of an image and its landmarks, exact to a thousandth of a voxel, and changes of its grey
values.

A warp maps the patch that a network sees back into the image: an affine map, and a displacement given by
cubic B-splines over a coarse mesh of control points, as ITK has them. Images are sampled through it,
landmarks go the other way by solving it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, model_validator
from torch import Tensor

#: Steps that solve a warp for a landmark; each leaves less than half of the error of the last.
ITERATIONS = 60
#: In voxels: a step that moves no landmark further is the last one.
SETTLED = 1e-6


class Augmentation(BaseModel):
    """How far images are changed at most; each draw is uniform.

    Attributes
    ----------
    translation, elastic
        Shares of the patch's longest side.
    rotation
        Radians, about every axis of volumes.
    scale, axis_scale
        Shares: of all axes together, then of each.
    nodes
        Control points of the elastic displacement along every axis.
    intensity_shift, intensity_scale, gamma, noise
        In standard deviations of the image; ``gamma`` the logarithm of the exponent.
    mirror
        Probability of exchanging left and right, names of paired landmarks with them.
    cut
        Probability of a shift by up to half of the patch, which leaves landmarks outside: how a network
        learns that not everything is in every image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    translation: NonNegativeFloat = Field(default=0.045, lt=1)
    rotation: NonNegativeFloat = Field(default=0.2, le=3.15)
    scale: NonNegativeFloat = Field(default=0.12, lt=0.9)
    axis_scale: NonNegativeFloat = Field(default=0.06, lt=0.9)
    elastic: NonNegativeFloat = Field(default=0.02, le=0.25)
    nodes: int = Field(default=5, ge=4, le=16)
    intensity_shift: NonNegativeFloat = 0.25
    intensity_scale: NonNegativeFloat = Field(default=0.25, lt=1)
    gamma: NonNegativeFloat = Field(default=0.3, le=2)
    noise: NonNegativeFloat = 0.15
    mirror: float = Field(default=0.0, ge=0, le=1)
    cut: float = Field(default=0.06, ge=0, le=1)

    @model_validator(mode="after")
    def _invertible(self) -> Augmentation:
        # The slope of the displacement, over all axes, must stay below that of the affine part.
        if 6 * self.elastic * (self.nodes - 3) >= (1 - self.scale) * (1 - self.axis_scale):
            raise ValueError("elastic is too strong for so many nodes: the image would be folded")
        return self


NONE = Augmentation(
    translation=0,
    rotation=0,
    scale=0,
    axis_scale=0,
    elastic=0,
    intensity_shift=0,
    intensity_scale=0,
    gamma=0,
    noise=0,
    cut=0,
)


@dataclass(frozen=True)
class Warp:
    """A map of the patch into the image.

    Attributes
    ----------
    matrix : (d, d + 1)
        Affine part, from patch voxels (x, y[, z], 1) to image voxels.
    control : (d, n, ..., n)
        Displacements of the control points in image voxels, added to the affine part; axes as the patch's.
    patch : (d,)
        Voxels along slices, rows and columns.
    """

    matrix: np.ndarray
    control: np.ndarray
    patch: tuple[int, ...]

    def source(self, points: np.ndarray) -> np.ndarray:
        """Where patch points (N, d), x first, lie in the image."""
        return np.asarray(points @ self.matrix[:, :-1].T + self.matrix[:, -1] + self._displaced(points))

    def target(self, points: np.ndarray) -> np.ndarray:
        """Where image points (N, d), x first, lie on the patch: the inverse of ``source``."""
        inverse = np.linalg.inv(self.matrix[:, :-1])
        found = (points - self.matrix[:, -1]) @ inverse.T
        for _ in range(ITERATIONS):
            before = found
            found = (points - self.matrix[:, -1] - self._displaced(found)) @ inverse.T
            if not (np.abs(found - before) > SETTLED).any():
                break
        return np.asarray(found)

    def sample(self, image: np.ndarray) -> Tensor:
        """The patch (C, *patch) float32 cut out of an image (C, *S), 0 where there is none."""
        d = len(self.patch)
        place = self._grid()
        size = torch.tensor(image.shape[1:][::-1], dtype=torch.float32)
        place = (place + 0.5) * (2 / size) - 1
        values = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))
        sampled = torch.nn.functional.grid_sample(
            values[None], place[None], padding_mode="zeros", align_corners=False
        )
        assert sampled.ndim == d + 2
        return sampled[0]

    def _grid(self) -> Tensor:
        """(*patch, d) image voxels, x first."""
        d = len(self.patch)
        matrix = torch.from_numpy(self.matrix).float()
        result = matrix[:, -1].expand(*self.patch, d).clone()
        for axis, count in enumerate(self.patch):
            shape = [1] * d
            shape[axis] = count
            along = torch.arange(count, dtype=torch.float32).reshape(*shape, 1)
            result += along * matrix[:, d - 1 - axis]
        if self.control.any():
            displaced = torch.from_numpy(self.control).float()
            for axis, count in enumerate(self.patch):
                weights = torch.from_numpy(
                    _weights(np.arange(count), count, self.control.shape[1 + axis])
                ).float()
                displaced = torch.movedim(
                    torch.tensordot(displaced, weights, dims=([1 + axis], [1])), -1, 1 + axis
                )
            result += torch.movedim(displaced, 0, -1)
        return result

    def _displaced(self, points: np.ndarray) -> np.ndarray:
        d = len(self.patch)
        if not self.control.any():
            return np.zeros_like(points)
        value = np.broadcast_to(self.control, (len(points), *self.control.shape))
        # The first axis of the mesh is that of slices (or rows), so points are taken from their last
        # coordinate.
        for axis, count in enumerate(self.patch):
            weights = _weights(points[:, d - 1 - axis], count, self.control.shape[1 + axis])
            value = np.einsum("nca...,na->nc...", value, weights)
        return np.asarray(value)


def draw_warp(
    rng: np.random.Generator,
    augmentation: Augmentation,
    patch: Sequence[int],
    centre: np.ndarray,
    mirrored: bool = False,
) -> Warp:
    """A random warp whose patch is centred about a place of the image.

    Parameters
    ----------
    centre : (d,)
        Image voxels, x first, that fall on the middle of the patch before the translation.
    mirrored
        Reverse x.
    """
    d = len(patch)
    linear = _rotation(rng, augmentation.rotation, d)
    scale = 1 + rng.uniform(-augmentation.scale, augmentation.scale)
    linear = linear * (scale * (1 + rng.uniform(-augmentation.axis_scale, augmentation.axis_scale, d)))
    if mirrored:
        linear = linear * np.array([-1.0, *[1.0] * (d - 1)])
    middle = (np.array(patch[::-1]) - 1) / 2
    side = max(patch)
    shift = (
        centre + side * rng.uniform(-augmentation.translation, augmentation.translation, d) - linear @ middle
    )
    if rng.uniform() < augmentation.cut:
        shift = shift + rng.uniform(-0.5, 0.5, d) * patch[::-1]
    control = side * rng.uniform(-augmentation.elastic, augmentation.elastic, (d, *[augmentation.nodes] * d))
    return Warp(np.c_[linear, shift], control, tuple(patch))


def change_intensity(rng: np.random.Generator, augmentation: Augmentation, image: Tensor) -> Tensor:
    """Other brightness, contrast, gamma and noise for every channel of an image (C, *S)."""
    for channel in image:
        if augmentation.gamma:
            low, high = channel.min(), channel.max()
            unit = (channel - low) / (high - low).clamp_min(1e-6)
            exponent = float(np.exp(rng.uniform(-augmentation.gamma, augmentation.gamma)))
            channel.copy_(unit.clamp_min(1e-6) ** exponent * (high - low) + low)
        factor = 1 + rng.uniform(-augmentation.intensity_scale, augmentation.intensity_scale)
        channel.mul_(factor).add_(rng.uniform(-augmentation.intensity_shift, augmentation.intensity_shift))
        if augmentation.noise:
            strength = augmentation.noise * rng.uniform()
            channel.add_(torch.from_numpy(rng.standard_normal(channel.shape, dtype=np.float32)) * strength)
    return image


def _rotation(rng: np.random.Generator, most: float, d: int) -> np.ndarray:
    """(d, d) about every axis in turn."""
    result = np.eye(d)
    for first in range(d):
        for second in range(first + 1, d):
            angle = rng.uniform(-most, most)
            turn = np.eye(d)
            turn[[first, second], [first, second]] = np.cos(angle)
            turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
            result = turn @ result
    return result


def _weights(places: np.ndarray, count: int, nodes: int) -> np.ndarray:
    """(N, nodes) weights of cubic B-splines at voxels of an axis; their mesh has ``nodes - 3`` intervals."""
    t = np.clip(np.asarray(places, float) / max(count - 1, 1), 0, 1) * (nodes - 3)
    first = np.minimum(t.astype(int), nodes - 4)
    u = t - first
    basis = (
        np.stack([(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3], axis=1) / 6
    )
    weights = np.zeros((len(u), nodes))
    weights[np.arange(len(u))[:, None], first[:, None] + np.arange(4)] = basis
    return weights
