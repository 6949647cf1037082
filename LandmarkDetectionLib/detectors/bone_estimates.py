"""What networks say of skin and bones: a look at both whole views, then a close look at every region.

The first look finds every landmark to about a centimetre. Around the middle of each region, a box about a few
neighbours, both views of a slab are then looked at in pixels of 2.5 mm, in which nothing in front of the
region or behind it is in the way. Right-left comes from the front, front-back from the side, and the height
from both, each weighed by how sure it is. All positions are RAS mm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from LandmarkDetectionLib.imaging.body.bone import BONE_MM, MOST_BONE
from LandmarkDetectionLib.networks.silhouette_arrays import (
    HeatmapArrays,
    SilhouetteArrays,
    bone_input,
    decode,
    distribution,
    mass_within,
    mirrored,
    network_input,
)
from LandmarkDetectionLib.quality.calibration import RADIUS_MM
from LandmarkDetectionLib.typing import Array

LEAST_DEVIATION_MM = 15.0
#: Of the channel of bone, 6 mm of it; a finger's bones are seen in more pixels than this.
BONE_SEEN, BONE_PIXELS = 0.39, 6
#: A floor on deviations in mm: what no picture of this scale resolves.
LEAST_MM = 1.5


#: What positions may rest on, each with its own calibration; "outline": networks that know no bones.
Kind = Literal["close", "first", "skin", "outline"]
KINDS: tuple[Kind, ...] = ("close", "first", "skin", "outline")


class BodyView(NamedTuple):
    """One view of B scans: channels (B, 6, H, W) and column and row mm of pixel (0, 0), (B, 2)."""

    image: Array
    origin: Array


class BodyEstimates(NamedTuple):
    """What the networks say about L landmarks of B bodies.

    Attributes
    ----------
    position : (B, L, 3) RAS mm
    covariance : (B, L, 3, 3) mm2
    present : (B, L)
        Probability of lying in the scan.
    near : (B, L)
        Probability of lying within ``RADIUS_MM`` of the position, to be calibrated.
    kind : (B, L) str
        Who says so: "close" look, "first" look at skin and bones, or at "skin" alone; see ``KINDS``.
    maps : (B, L, h, w)
        Probability of every cell of the whole view from the front.
    """

    position: Array
    covariance: Array
    present: Array
    near: Array
    kind: Array
    maps: Array


#: Close looks at places (n, 3) RAS mm of scans (n,): pictures (n, 4, SIZE, SIZE) from the front and the left.
Look = Callable[[Array, Array], tuple[Array, Array]]


def body_image(
    front: Array, back: Array, inside: Array, bone: Array | None, bone_depth: Array | None
) -> Array:
    """Channels (B, 6, H, W) of views (B, H, W); those of bone are zero where none can be seen."""
    image, mean, deviation = network_input(front, back, inside, LEAST_DEVIATION_MM)
    if bone is None or bone_depth is None:
        bones = np.zeros((len(image), 2, *image.shape[2:]), np.float32)
    else:
        bones = bone_input(bone, bone_depth, mean, deviation, BONE_MM, MOST_BONE)
    return np.concatenate([image, bones], axis=1)


def first_look(
    networks: dict[str, Any], coronal: BodyView, lateral: BodyView, pixel_mm: float, mirror: Array
) -> BodyEstimates:
    """Every landmark from both whole views and the mirror image of the one from the front."""
    network = networks["coronal"]
    stride = network.stride
    maps = run(network, coronal.image)
    flipped = run(network, np.ascontiguousarray(coronal.image[..., ::-1]))
    probability, present = distribution(maps.logits, maps.absent)
    other, other_present = distribution(flipped.logits, flipped.absent)
    probability = (probability + mirrored(other, mirror)) / 2
    present = (present + other_present[:, mirror]) / 2
    place, covariance, _ = decode(probability, stride=stride)
    near = mass_within(probability, place, RADIUS_MM / pixel_mm, stride)

    side_stride = networks["lateral"].stride
    side = run(networks["lateral"], lateral.image)
    chance, side_present = distribution(side.logits, side.absent)
    side_place, side_covariance, _ = decode(chance, stride=side_stride)
    side_near = mass_within(chance, side_place, RADIUS_MM / pixel_mm, side_stride)
    front = place * pixel_mm + coronal.origin[:, None]
    left = side_place * pixel_mm + lateral.origin[:, None]
    position, spread = joined(front, covariance * pixel_mm**2, left, side_covariance * pixel_mm**2)
    return BodyEstimates(
        position,
        spread,
        (present + side_present) / 2,
        near * side_near,
        np.broadcast_to(np.where(shows_bone(coronal.image), "first", "skin")[:, None], present.shape),
        probability,
    )


def shows_bone(image: Array) -> Array:
    """Whether the views (B, 6, H, W) hold more bone than noise makes, (B,) bool."""
    return np.asarray((image[:, 4] > BONE_SEEN).sum(axis=(1, 2)) >= BONE_PIXELS)


def joined(front: Array, front_covariance: Array, left: Array, left_covariance: Array) -> tuple[Array, Array]:
    """Positions (..., 3) RAS mm and covariances (..., 3, 3) from both views.

    Parameters
    ----------
    front, left : (..., 2)
        Column and row mm: -right and -superior, -anterior and -superior.
    front_covariance, left_covariance : (..., 2, 2) mm2
    """
    floor = LEAST_MM**2
    a, b = front_covariance[..., 1, 1] + floor, left_covariance[..., 1, 1] + floor
    share = b / (a + b)  # of the view from the front
    height = share * front[..., 1] + (1 - share) * left[..., 1]
    apart = front[..., 1] - left[..., 1]
    position = np.stack([-front[..., 0], -left[..., 0], -height], axis=-1)
    covariance = np.zeros((*position.shape, 3))
    covariance[..., 0, 0] = front_covariance[..., 0, 0] + floor
    covariance[..., 1, 1] = left_covariance[..., 0, 0] + floor
    covariance[..., 2, 2] = a * b / (a + b) + share * (1 - share) * apart**2
    for axis, shared, part in ((0, front_covariance, share), (1, left_covariance, 1 - share)):
        covariance[..., axis, 2] = covariance[..., 2, axis] = part * shared[..., 0, 1]
    return position, covariance


def copied(estimates: BodyEstimates) -> BodyEstimates:
    """The same, to be changed; kinds of any name fit into it."""
    position, covariance, present, near = (np.array(part) for part in estimates[:4])
    kind = estimates.kind.astype(f"<U{max(map(len, KINDS))}")
    return BodyEstimates(position, covariance, present, near, kind, estimates.maps)


def run(network: Any, image: Array, chosen: Array | None = None) -> HeatmapArrays:
    """Heatmaps of a network of either kind, as arrays."""
    if isinstance(network, SilhouetteArrays):
        return network(image, chosen)
    import torch

    device = next(network.parameters()).device
    rows = None if chosen is None else torch.as_tensor(np.tile(chosen, (len(image), 1)), device=device)
    with torch.inference_mode():
        maps = network(torch.as_tensor(np.ascontiguousarray(image), device=device), rows)
    logits, absent, depth, log_scale = (None if p is None else p.float().cpu().numpy() for p in maps)
    assert logits is not None and absent is not None
    return HeatmapArrays(logits, absent, depth, log_scale)
