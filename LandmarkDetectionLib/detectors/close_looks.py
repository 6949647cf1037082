"""Close looks at skin and bones: at every region, and again, with the others' word, at what is in doubt.

Landmarks that the first look puts into one box are looked at together. What stays in doubt, or lies where the
landmarks of other regions do not expect it, is looked at again about the place where all of this together
puts it, and as a mirror image, too. Of several places that this picture offers, the others choose: their
Gaussian (`neighbours`), mixed with anywhere, weighs the peaks. Where a peak lies, how sure it is and how far
off it may be is told by the picture alone, so that being expected makes nothing look surer than it was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.detectors.bone_estimates import BodyEstimates, Look, copied, joined, run
from LandmarkDetectionLib.detectors.neighbours import Gaussians, Shape, expected, fused
from LandmarkDetectionLib.imaging.body.patches import SIZE
from LandmarkDetectionLib.networks.silhouette_arrays import (
    SilhouetteArrays,
    decode,
    distribution,
    mass_within,
    pixel_centres,
)
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE, RADIUS_MM
from LandmarkDetectionLib.typing import Array

#: Half the box of landmarks that are looked at together.
REACH_MM = 36.0
#: What is less likely in the scan is not looked for.
LOOK_ABOVE = 0.25
#: A close look that finds a landmark less surely than this in one of its views changes nothing.
SURE_ABOVE = 0.35
#: Landmarks of a lower score are in doubt: looked at again, and not listened to by others.
DOUBT_BELOW = 0.5
#: A region whose landmarks turn out to lie farther from the middle of their picture is looked at again.
AGAIN_MM = 14.0
#: So many deviations from where the others expect it, a landmark is in doubt however sure it looks.
CONTRADICTS = 2.5
#: What the others know no more exactly than this is of little use.
VAGUE_MM = 50.0
#: How often what is in doubt may be looked at again.
TIMES = 2
#: A deviation that says nothing.
NOWHERE_MM = 1e3
#: How likely a landmark does not lie as the others expect it.
ODD = 0.1


class Region(NamedTuple):
    """Landmarks (K,) of a scan that are looked at together, about a middle (3,) RAS mm.

    Attributes
    ----------
    expected : Gaussians, optional
        Where the others expect them.
    twice : bool
        Whether the mirror image is looked at, too.
    to_beat : (K,)
        A lower score, as likely as the others find its place, changes nothing; 0 where anything is better.
    """

    scan: int
    rows: Array
    middle: Array
    expected: Gaussians | None
    twice: bool
    to_beat: Array


def look_closely(
    networks: dict[str, Any],
    first: BodyEstimates,
    look: Look,
    pixel_mm: float,
    mirror: Array,
    shape: Shape | None = None,
) -> tuple[BodyEstimates, list[Region]]:
    """Correct the first look, region by region.

    Parameters
    ----------
    first : BodyEstimates
        What is "close" already is not looked at, but tells where others lie.
    pixel_mm : float
        Of the close pictures.
    mirror : (L,) int
        The landmark that every landmark is in a mirror image.
    shape : Shape, optional
        How landmarks lie to one another; without it nobody expects a landmark anywhere.

    Returns
    -------
    estimates : BodyEstimates
    regions : list of Region
        What was looked at.
    """
    regions = []
    for b in range(len(first.present)):
        known = first.kind[b] == "close"
        rows = np.flatnonzero((first.present[b] >= LOOK_ABOVE) & ~known)
        if not len(rows):
            continue
        meant = fused(
            _expected(shape, first, b, known & (first.present[b] >= PRESENT_ABOVE), [rows]),
            Gaussians(first.position[b], first.covariance[b]),
        ).mean
        regions += [
            Region(b, one, _middle(meant, first, b, one), None, False, np.zeros(len(one)))
            for one in grouped(meant, rows)
        ]
    answer = copied(first)
    _look_at(networks, answer, first, regions, look, pixel_mm, mirror)
    return answer, regions


def look_again(
    networks: dict[str, Any],
    first: BodyEstimates,
    close: BodyEstimates,
    regions: Sequence[Region],
    look: Look,
    pixel_mm: float,
    mirror: Array,
    shape: Shape | None = None,
) -> BodyEstimates:
    """Correct what the close looks left in doubt, or found far from the middle of its picture.

    Parameters
    ----------
    close, regions
        What ``look_closely`` says and what it looked at.
    mirror : (L,) int
        The landmark that every landmark is in a mirror image; what is in doubt is also looked at in one.
    shape : Shape, optional
        How landmarks lie to one another; without it nobody expects a landmark anywhere.
    """
    answer, looked = copied(close), list(regions)
    for _ in range(TIMES):
        again = [
            one
            for b in range(len(close.present))
            for one in _worth_another(first, answer, b, [one for one in looked if one.scan == b], shape)
        ]
        _look_at(networks, answer, first, again, look, pixel_mm, mirror)
        looked = again
    return answer


def _worth_another(
    first: BodyEstimates, close: BodyEstimates, b: int, regions: Sequence[Region], shape: Shape | None
) -> list[Region]:
    """Regions of one scan that are to be looked at again, put together anew."""
    if not regions:
        return []
    score = close.present[b] * close.near[b]
    found = close.kind[b] == "close"
    heard = found & (close.present[b] >= PRESENT_ABOVE) & (score >= DOUBT_BELOW)
    groups = [one.rows for one in regions]
    others = _expected(shape, close, b, heard, groups)
    odd = found & (_surprise(close.position[b], others) > CONTRADICTS)
    if (odd & heard).any():
        others = _expected(shape, close, b, heard & ~odd, groups)
    doubted = odd | ((first.present[b] >= PRESENT_ABOVE) & (score < DOUBT_BELOW))
    todo = [one.rows for one in regions if doubted[one.rows].any() or _off(close, one)]
    if not todo:
        return []
    meant = fused(others, Gaussians(close.position[b], close.covariance[b])).mean
    meant[odd] = others.mean[odd]
    worth = np.minimum(score, DOUBT_BELOW) * _chance(close.position[b], others)
    to_beat = np.where(found & ~odd, worth, 0.0)
    seen = {int(row): one for one in regions for row in one.rows}
    again = []
    wanted = np.concatenate(todo)
    # What may lie far away is looked for by itself.
    alone = doubted[wanted] & (np.trace(others.covariance[wanted], axis1=1, axis2=2) > 3 * VAGUE_MM**2)
    for rows in (*grouped(meant, wanted[~alone]), *wanted[alone, None]):
        middle, twice = _middle(meant, close, b, rows), bool(doubted[rows].any())
        before = [seen[int(row)] for row in rows]
        # The same picture says the same.
        if all(np.abs(one.middle - middle).max() <= AGAIN_MM and one.twice >= twice for one in before):
            continue
        own = Gaussians(*(part[rows] for part in others))
        again.append(Region(b, rows, middle, own, twice, to_beat[rows]))
    return again


def _off(close: BodyEstimates, region: Region) -> bool:
    """Whether what was found lies far from the middle of the picture."""
    found = region.rows[close.kind[region.scan, region.rows] == "close"]
    away = close.position[region.scan, found].mean(axis=0) - region.middle if len(found) else np.zeros(3)
    return bool(np.abs(away).max() > AGAIN_MM)


def _chance(position: Array, others: Gaussians) -> Array:
    """How likely others find places (K, 3), as a share of the likeliest, or that they are wrong."""
    return np.asarray(np.maximum(np.exp(-1.5 * _surprise(position, others) ** 2), ODD**2))


def _surprise(position: Array, others: Gaussians) -> Array:
    """How many deviations (L,) landmarks lie from where others expect them, root mean square over axes."""
    apart = position - others.mean
    # What was found rightly lies within the radius.
    told = np.linalg.solve(others.covariance + (RADIUS_MM / 2) ** 2 * np.eye(3), apart[..., None])[..., 0]
    return np.asarray(np.sqrt((apart * told).sum(axis=1) / 3))


def _expected(
    shape: Shape | None, close: BodyEstimates, b: int, heard: Array, groups: Sequence[Array]
) -> Gaussians:
    """Of all landmarks, by those of other regions; of no use where nobody expects anything."""
    mean, covariance = (
        close.position[b].copy(),
        np.tile(np.eye(3) * NOWHERE_MM**2, (close.present.shape[1], 1, 1)),
    )
    if shape is not None:
        said = expected(shape, close.position[b], close.covariance[b], heard, groups)
        for rows, (place, spread) in zip(groups, said, strict=True):
            mean[rows], covariance[rows] = place, spread
    return Gaussians(mean, covariance)


def grouped(points: Array, rows: Array, reach: float = REACH_MM) -> list[Array]:
    """Few boxes that hold landmarks ``rows`` (K,) of points (L, 3) mm: greedily, the fullest box first."""
    own = points[rows]
    apart = np.abs(own[:, None] - own).max(axis=2)
    one, other = np.nonzero(np.triu(apart <= 2 * reach))
    inside = np.abs((own[one] + own[other])[:, None] / 2 - own).max(axis=2) <= reach
    left, groups = np.ones(len(rows), bool), []
    while left.any():
        chosen = inside[(inside & left).sum(axis=1).argmax()] & left
        groups.append(rows[chosen])
        left &= ~chosen
    return groups


def _middle(points: Array, estimates: BodyEstimates, b: int, rows: Array) -> Array:
    """The mean of some of points (L, 3), each as far as its landmark is in the scan and sure."""
    weight = estimates.present[b, rows] ** 2 * (estimates.near[b, rows] + 0.05)
    return np.asarray((points[rows] * weight[:, None]).sum(axis=0) / weight.sum())


def _look_at(
    networks: dict[str, Any],
    answer: BodyEstimates,
    first: BodyEstimates,
    regions: Sequence[Region],
    look: Look,
    pixel_mm: float,
    mirror: Array,
) -> None:
    """Write into the answer what pictures of regions show."""
    if not regions:
        return
    middles, scans = np.array([one.middle for one in regions]), np.array([one.scan for one in regions])
    sides = []
    for name, picture in zip(("fine_coronal", "fine_lateral"), look(middles, scans), strict=True):
        front = name == "fine_coronal"
        seen = _seen(networks[name], picture, front, regions, mirror)
        stride = networks[name].stride
        sides.append(
            [
                _read(maps, present, stride, pixel_mm, _weights(one, front, maps.shape[2], stride, pixel_mm))
                for (maps, present), one in zip(seen, regions, strict=True)
            ]
        )
    half = (SIZE - 1) / 2 * pixel_mm
    for one, front_said, left_said in zip(regions, *sides, strict=True):
        b, rows = one.scan, one.rows
        corner = np.array([-one.middle[0], -one.middle[2]]) - half
        side = np.array([-one.middle[1], -one.middle[2]]) - half
        position, covariance = joined(
            front_said[0] + corner, front_said[1], left_said[0] + side, left_said[1]
        )
        present, near = np.minimum(front_said[2], left_said[2]), front_said[3] * left_said[3]
        both = (first.present[b, rows] + present) / 2
        worth = both * near if one.expected is None else both * near * _chance(position, one.expected)
        better = (present >= SURE_ABOVE) & (worth >= one.to_beat)
        found = rows[better]
        answer.position[b, found], answer.covariance[b, found] = position[better], covariance[better]
        answer.near[b, found], answer.present[b, found] = near[better], both[better]
        answer.kind[b, found] = "close"
        lost = ~better & (one.to_beat == 0)
        if one.expected is not None and lost.any():
            # Nothing surely seen: where the first look and the others put it.
            others = Gaussians(*(part[lost] for part in one.expected))
            own = Gaussians(first.position[b, rows[lost]], first.covariance[b, rows[lost]])
            answer.position[b, rows[lost]], answer.covariance[b, rows[lost]] = fused(others, own)
            for ours, theirs in (
                (answer.present, first.present),
                (answer.near, first.near),
                (answer.kind, first.kind),
            ):
                ours[b, rows[lost]] = theirs[b, rows[lost]]


def _read(
    maps: Array, present: Array, stride: int, pixel_mm: float, weights: Array | None
) -> tuple[Array, Array, Array, Array]:
    """Places (K, 2) mm from the first pixel, their covariances, presence and nearness by one picture."""
    place, covariance, _ = decode(maps, stride=stride, weights=weights)
    near = mass_within(maps, place, RADIUS_MM / pixel_mm, stride)
    return place[0] * pixel_mm, covariance[0] * pixel_mm**2, present[0], near[0]


def _weights(region: Region, front: bool, cells: int, stride: int, pixel_mm: float) -> Array | None:
    """How the others weigh the cells (1, K, h, w) of a view, at most 1."""
    if region.expected is None:
        return None
    axis = 0 if front else 1
    offsets = ((SIZE - 1) / 2 - pixel_centres(cells, stride)) * pixel_mm
    mean, covariance = region.expected
    # Both views weigh the height, each with half of what is known of it.
    variance = np.stack([covariance[:, axis, axis], 2 * covariance[:, 2, 2]], axis=1)
    across, along = (
        np.exp(-0.5 * (region.middle[k] + offsets - mean[:, k, None]) ** 2 / variance[:, n, None])
        for n, k in enumerate((axis, 2))
    )
    peak = 1 / (2 * np.pi * np.sqrt(variance.prod(axis=1)))[:, None, None]
    anywhere = 1 / (SIZE * pixel_mm) ** 2
    density = (1 - ODD) * peak * along[:, :, None] * across[:, None, :] + ODD * anywhere
    return np.asarray(density / ((1 - ODD) * peak + ODD * anywhere), np.float32)[None]


def _seen(
    network: Any, picture: Array, front: bool, regions: Sequence[Region], mirror: Array
) -> list[tuple[Array, Array]]:
    """Probabilities (1, K, h, w) and presence (1, K) by every picture, and its mirror image if asked for."""
    seen = asked_maps(network, picture, [one.rows for one in regions])
    twice = [n for n, one in enumerate(regions) if one.twice]
    if not twice:
        return seen
    turned = asked_maps(
        network, _mirror_image(picture[twice], front), [mirror[regions[n].rows] for n in twice]
    )
    for n, (other, other_present) in zip(twice, turned, strict=True):
        maps, present = seen[n]
        seen[n] = (maps + (other[..., ::-1] if front else other)) / 2, (present + other_present) / 2
    return seen


def _mirror_image(picture: Array, front: bool) -> Array:
    """What a mirrored body looks like: turned round from the front, its depths negated from the left."""
    if front:
        return np.ascontiguousarray(picture[..., ::-1])
    return np.asarray(picture * np.array([1, 1, -1, 1], np.float32)[:, None, None])


def asked_maps(network: Any, picture: Array, asked: Sequence[Array]) -> list[tuple[Array, Array]]:
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
