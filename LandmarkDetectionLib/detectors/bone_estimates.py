"""What networks say of skin and bones: a look at both whole views, then a close look at every region.

The first look finds every landmark to about a centimetre. Around the middle of each region, a box about a few
neighbours, both views of a slab are then looked at in pixels of 2.5 mm, in which nothing in front of the
region or behind it is in the way. Right-left comes from the front, front-back from the side, and the height
from both, each weighed by how sure it is. All positions are RAS mm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from LandmarkDetectionLib.imaging.body.bone import BONE_MM, MOST_BONE
from LandmarkDetectionLib.imaging.body.patches import SIZE
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
#: A region is looked at closely when its likeliest landmark is at least so likely in the scan.
LOOK_ABOVE = 0.25
#: A close look that finds a landmark less surely than this in one of its views changes nothing.
SURE_ABOVE = 0.35
#: A region is looked at once more when its landmarks turn out to lie farther from its middle than this.
AGAIN_MM = 14.0
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


def look_closely(
    networks: dict[str, Any],
    first: BodyEstimates,
    regions: Sequence[Array],
    look: Look,
    pixel_mm: float,
    mirror: Array,
    passes: int = 2,
) -> BodyEstimates:
    """Correct the first look, region by region.

    Parameters
    ----------
    regions : sequence of (K,) int
        Landmarks of every region.
    look : callable
    pixel_mm : float
        Of the close pictures.
    mirror : (L,) int
        The landmark that every landmark is in a mirror image; pictures are also looked at mirrored.
    passes : int
        How often a region may be looked at, the later times about what was found.
    """
    answer = copied(first)
    count = len(first.present)
    todo = [(b, r) for b in range(count) for r in range(len(regions)) if _worth(first, b, regions[r])]
    for _ in range(passes):
        if not todo:
            break
        middles = np.array([middle_of(answer, b, regions[r]) for b, r in todo])
        scans, asked = np.array([b for b, _ in todo]), [regions[r] for _, r in todo]
        found = close_answers(networks, middles, scans, asked, look, pixel_mm, mirror)
        again = []
        for (b, r), middle, (position, covariance, present, near) in zip(todo, middles, found, strict=True):
            rows = regions[r]
            sure = present >= SURE_ABOVE
            answer.position[b, rows[sure]] = position[sure]
            answer.covariance[b, rows[sure]] = covariance[sure]
            answer.near[b, rows[sure]] = near[sure]
            answer.kind[b, rows] = np.where(sure, "close", first.kind[b, rows])
            answer.present[b, rows] = np.where(
                sure, (first.present[b, rows] + present) / 2, first.present[b, rows]
            )
            if sure.any() and np.abs(position[sure].mean(axis=0) - middle).max() > AGAIN_MM:
                again.append((b, r))
        todo = again
    return answer


def copied(estimates: BodyEstimates) -> BodyEstimates:
    """The same, to be changed; kinds of any name fit into it."""
    position, covariance, present, near = (np.array(part) for part in estimates[:4])
    kind = estimates.kind.astype(f"<U{max(map(len, KINDS))}")
    return BodyEstimates(position, covariance, present, near, kind, estimates.maps)


def _worth(first: BodyEstimates, b: int, rows: Array) -> bool:
    return bool(first.present[b, rows].max() >= LOOK_ABOVE)


def middle_of(answer: BodyEstimates, b: int, rows: Array) -> Array:
    """Where a region lies: the mean of its landmarks, each as far as it is in the scan and sure."""
    weight = answer.present[b, rows] ** 2 * (answer.near[b, rows] + 0.05)
    return np.asarray((answer.position[b, rows] * weight[:, None]).sum(axis=0) / weight.sum())


def close_answers(
    networks: dict[str, Any],
    middles: Array,
    scans: Array,
    asked: Sequence[Array],
    look: Look,
    pixel_mm: float,
    mirror: Array,
) -> list[tuple[Array, Array, Array, Array]]:
    """Position, covariance, presence and nearness of every region's landmarks."""
    others = [mirror[rows] for rows in asked]
    ends = np.cumsum([len(rows) for rows in asked])[:-1]
    sides = []
    for name, picture in zip(("fine_coronal", "fine_lateral"), look(middles, scans), strict=True):
        network, front = networks[name], name == "fine_coronal"
        seen = seen_twice(network, picture, front, asked, others)
        # Maps of all pictures are alike, and read together.
        probability, present = (np.concatenate(part, axis=1) for part in zip(*seen, strict=True))
        place, covariance, _ = decode(probability, stride=network.stride)
        near = mass_within(probability, place, RADIUS_MM / pixel_mm, network.stride)
        read = (place, covariance * pixel_mm**2, present, near)
        sides.append(list(zip(*(np.split(part[0], ends) for part in read), strict=True)))
    result = []
    half = (SIZE - 1) / 2
    for middle, front, left in zip(middles, *sides, strict=True):
        corner = np.array([-middle[0], -middle[2]]) - half * pixel_mm
        side = np.array([-middle[1], -middle[2]]) - half * pixel_mm
        position, covariance = joined(
            front[0] * pixel_mm + corner, front[1], left[0] * pixel_mm + side, left[1]
        )
        result.append((position, covariance, np.minimum(front[2], left[2]), front[3] * left[3]))
    return result


def seen_twice(
    network: Any, picture: Array, front: bool, asked: Sequence[Array], others: Sequence[Array]
) -> list[tuple[Array, Array]]:
    """Probabilities (1, K, h, w) and presence (1, K) of every picture's landmarks, and of its mirror image's.

    Parameters
    ----------
    picture : (n, 4, SIZE, SIZE)
    front : bool
        Seen from the front, not from the left.
    asked, others : n times (K,) int
        Landmarks that are asked for, and what they are in a mirror image.
    """
    own = _asked_maps(network, picture, asked)
    turned = _asked_maps(network, _mirror_image(picture, front), others)
    return [
        ((maps + (other[..., ::-1] if front else other)) / 2, (present + other_present) / 2)
        for (maps, present), (other, other_present) in zip(own, turned, strict=True)
    ]


def _mirror_image(picture: Array, front: bool) -> Array:
    """What a mirrored body looks like: turned round from the front, its depths negated from the left."""
    if front:
        return np.ascontiguousarray(picture[..., ::-1])
    return np.asarray(picture * np.array([1, 1, -1, 1], np.float32)[:, None, None])


def _asked_maps(network: Any, picture: Array, asked: Sequence[Array]) -> list[tuple[Array, Array]]:
    """Probabilities (1, K, h, w) and presence (1, K) of every picture's landmarks."""
    if not isinstance(network, SilhouetteArrays):
        maps = [run(network, picture[n : n + 1], rows) for n, rows in enumerate(asked)]
    else:
        features, overview = network.features(picture)
        maps = [
            network.maps(features[n : n + 1], overview[n : n + 1], picture[n : n + 1], rows)
            for n, rows in enumerate(asked)
        ]
    return [distribution(one.logits, one.absent) for one in maps]


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
