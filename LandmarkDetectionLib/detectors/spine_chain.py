"""Which vertebra is which: all levels of a spine agreed on together, from pictures along the whole of it.

Neighbouring vertebrae look alike, so each by itself is easily taken for the next one. Pictures of slabs that
overlap along the spine each say where every vertebra may lie; a chain of levels with usual distances between
them (a hidden Markov model along the body's axis) weighs all they say. Its best path (Viterbi 1967) gives
every level its height, and its marginals (forward-backward) how sure that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.detectors.bone_estimates import (
    LEAST_MM,
    BodyEstimates,
    Look,
    copied,
    seen_twice,
)
from LandmarkDetectionLib.imaging.body.patches import SIZE
from LandmarkDetectionLib.networks.silhouette_arrays import pixel_centres
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE, RADIUS_MM
from LandmarkDetectionLib.quality.vertebra_levels import CHAIN, TO_NEXT_MM
from LandmarkDetectionLib.typing import Array

#: Heights are told apart to this many mm.
STEP_MM = 2.5
#: Pictures along the spine are so far apart; each shows twice as much.
APART_MM = 60.0
#: How far beyond the first and last vertebra that were found is looked.
BEYOND_MM = 60.0
#: A chain of fewer vertebrae is left as it is.
FEWEST = 3
#: Of one picture: how likely it says nothing of a level; its vote counts so much, since pictures overlap.
LOST, VOTE = 0.02, 0.5
#: Distances between neighbours vary by this share and so many mm, and now and then by much more.
VARIATION, SLACK_MM, ODD = 0.12, 2.0, 0.01
#: Sizes of spines beside the one the first look tells, and how much they vary.
SIZES, SIZE_VARIATION = (0.82, 0.9, 1.0, 1.1, 1.22), 0.12
#: The first look's word about a height: at least so uncertain, and wrong with this probability.
FIRST_MM, FIRST_WRONG = 15.0, 0.3
#: Deviation of the window about a level's height that its place is read in, as a share of a step.
REACH = 0.35
#: How much the slope of a spine bends from one vertebra to the next, as a share of usual distances: along
#: right, anterior and superior (standard deviations in people).
BEND = np.array([0.3, 0.3, 0.3])
#: Discs lie between two of the chain, at this share of the way down; below the last is an end plate. In nine
#: of ten drawn bodies a disc's own place lies no farther from there than the second share of the way: so near
#: it counts wholly, and from twice as far on no more.
DISCS = {
    "disc_c7_t1": ("vertebra_c7", "vertebra_t1", 0.5, 0.18),
    "disc_t12_l1": ("vertebra_t12", "vertebra_l1", 0.5, 0.09),
    "disc_l5_s1": ("vertebra_l5", "s1_endplate", 0.68, 0.27),
}
#: The name of one of them that is also used.
SAME_AS_DISC = {"neck": "disc_c7_t1"}


class _Votes(NamedTuple):
    """What pictures of one scan say of the chain's levels.

    Attributes
    ----------
    middle : (P, 3) RAS mm
    front, left : (P, K, h, w)
        Probabilities of every cell.
    present : (P, K)
    """

    middle: Array
    front: Array
    left: Array
    present: Array


def with_spine(
    networks: dict[str, Any],
    first: BodyEstimates,
    close: BodyEstimates,
    names: Sequence[str],
    look: Look,
    pixel_mm: float,
) -> BodyEstimates:
    """The close looks' answer with the spine's levels agreed on together.

    Parameters
    ----------
    first, close : BodyEstimates
        Before and after the close looks.
    names : sequence of str
        Of the landmarks; without a chain of vertebrae among them nothing changes.
    look, pixel_mm
        As in ``bone_estimates.look_closely``.
    """
    if not set(CHAIN) <= set(names):
        return close
    rows = np.array([list(names).index(name) for name in CHAIN])
    answer = copied(close)
    for b in range(len(close.present)):
        seen = close.present[b, rows] >= PRESENT_ABOVE
        if seen.sum() < FEWEST:
            continue
        middles = _along(close.position[b, rows][seen], close.near[b, rows][seen])
        votes = _votes(networks, middles, b, rows, look, pixel_mm)
        _agree(answer, first, votes, b, rows, pixel_mm)
        _between(answer, b, list(names))
    return answer


def _along(points: Array, weight: Array) -> Array:
    """Middles (P, 3) of pictures along a smooth curve through points (N, 3)."""
    height = points[:, 2]
    low, high = height.min() - BEYOND_MM, height.max() + BEYOND_MM
    count = max(int(np.ceil((high - low) / APART_MM)), 1)
    places = low + (np.arange(count) + 0.5) * (high - low) / count
    degree = min(3, len(points) - 2)
    scale = max(np.ptp(height) / 2, 1.0)
    where, at = (height - height.mean()) / scale, (places - height.mean()) / scale
    at = np.clip(at, where.min(), where.max())  # beyond the ends it goes straight on
    curve = []
    for axis in range(2):
        trust = weight + 0.05
        for _ in range(4):  # reweighted, so that vertebrae beside the others do not bend it
            fitted = np.polynomial.Polynomial.fit(
                where, points[:, axis], degree, domain=[-1, 1], w=np.sqrt(trust)
            )
            trust = (weight + 0.05) / (1 + (np.abs(points[:, axis] - fitted(where)) / 8.0) ** 2)
        curve.append(fitted(at))
    return np.stack([*curve, places], axis=1)


def _votes(
    networks: dict[str, Any], middles: Array, scan: int, rows: Array, look: Look, pixel_mm: float
) -> _Votes:
    parts = []
    for name, picture in zip(
        ("fine_coronal", "fine_lateral"), look(middles, np.full(len(middles), scan)), strict=True
    ):
        front = name == "fine_coronal"
        asked = [rows] * len(middles)
        # A vertebra is its own mirror image.
        seen = seen_twice(networks[name], picture, front, asked, asked)
        parts.append(tuple(np.concatenate(part) for part in zip(*seen, strict=True)))
    (front_maps, front_present), (left_maps, left_present) = parts
    return _Votes(middles, front_maps, left_maps, np.minimum(front_present, left_present))


def _agree(
    answer: BodyEstimates, first: BodyEstimates, votes: _Votes, b: int, rows: Array, pixel_mm: float
) -> None:
    """Write what the chain says of one scan."""
    stride = SIZE // votes.front.shape[-1]
    offsets = ((SIZE - 1) / 2 - pixel_centres(votes.front.shape[-2], stride)) * pixel_mm  # rows run down
    low, high = votes.middle[:, 2].min() + offsets.min(), votes.middle[:, 2].max() + offsets.max()
    margin = float(TO_NEXT_MM.sum()) / 2  # levels that are not in the pictures lie beyond them
    heights = np.arange(low - margin, high + margin, STEP_MM)
    evidence = _evidence(votes, heights, offsets) + _first_word(first, b, rows, heights)
    path, marginal = _chain(evidence, heights, _size(first, b, rows))
    placed = []
    for level, row in enumerate(rows):
        height = heights[path[level]]
        if not low < height < high:
            answer.present[b, row] = min(answer.present[b, row], 0.2)
            continue
        around = heights[path[[max(level - 1, 0), min(level + 1, len(rows) - 1)]]]
        reach = REACH * abs(around[0] - around[1]) / (2 if 0 < level < len(rows) - 1 else 1)
        place, spread, mass = _place(votes, level, height, reach, pixel_mm)
        if mass < LOST:
            continue
        sure = float(marginal[level, np.abs(heights - height) <= RADIUS_MM].sum())
        off = float((marginal[level] * (heights - place[2]) ** 2).sum())
        spread[2, 2] += min(off, 1600.0)
        answer.position[b, row], answer.covariance[b, row] = place, spread
        answer.near[b, row] = sure
        inside = np.abs(votes.middle[:, 2] - height) < (SIZE / 2 - 6) * pixel_mm
        said = (
            votes.present[inside, :][:, max(level - 1, 0) : level + 2] if inside.any() else np.zeros((1, 1))
        )
        answer.present[b, row] = max(first.present[b, row], float(said.max()))
        answer.kind[b, row] = "close"
        placed.append(level)
    at = rows[placed]
    answer.position[b, at] = smoothed(answer.position[b, at], answer.covariance[b, at], np.array(placed))


def smoothed(places: Array, covariance: Array, levels: Array) -> Array:
    """Places (K, 3) RAS mm of vertebrae, off as far as their spread allows, along a spine that bends gently.

    Parameters
    ----------
    places : (K, 3) RAS mm
    covariance : (K, 3, 3) mm2
    levels : (K,) int
        Ascending places in ``CHAIN``.

    Notes
    -----
    The mean of a Gaussian with these observations, and with a normal prior on second differences along the
    usual distances (a discrete smoothing spline, Whittaker 1922), solved for all axes at once.
    """
    if len(levels) < 3:
        return places
    depth = np.concatenate([[0.0], np.cumsum(TO_NEXT_MM)])[levels]
    step = np.diff(depth)
    size = float(np.linalg.norm(np.diff(places, axis=0), axis=1).sum() / step.sum())
    second = np.zeros((len(levels) - 2, len(levels)))
    for k in range(len(second)):
        second[k, k : k + 3] = (1 / step[k], -1 / step[k] - 1 / step[k + 1], 1 / step[k + 1])
    # Over a gap the slope may have bent more often.
    gaps = np.diff(levels)
    weight = 1.0 / (size**2 * (gaps[:-1] + gaps[1:]) / 2)
    system = np.zeros((len(levels), 3, len(levels), 3))
    for axis, bend in enumerate(BEND):
        system[:, axis, :, axis] = second.T @ (second * weight[:, None]) / bend**2
    right = np.zeros((len(levels), 3))
    for k, own in enumerate(np.linalg.inv(covariance)):
        system[k, :, k, :] += own
        right[k] = own @ places[k]
    count = 3 * len(levels)
    return np.linalg.solve(system.reshape(count, count), right.ravel()).reshape(-1, 3)


def _evidence(votes: _Votes, heights: Array, offsets: Array) -> Array:
    """Log likelihood (K, Z) of every level's height."""
    total = np.zeros((votes.front.shape[1], len(heights)))
    order = np.argsort(offsets)
    for n, middle in enumerate(votes.middle):
        at = middle[2] + offsets[order]
        inside = (heights >= at[0]) & (heights <= at[-1])
        for maps in (votes.front[n], votes.left[n]):
            by_row = maps.sum(axis=2)[:, order]  # (K, h), their sum is the presence
            share = STEP_MM / abs(at[1] - at[0])
            density = np.stack([np.interp(heights, at, row * share) for row in by_row])
            elsewhere = (1 - by_row.sum(axis=1, keepdims=True)) / max((~inside).sum(), 1)
            said = np.where(inside, density, elsewhere)
            total += VOTE * np.log((1 - LOST) * said + LOST / len(heights))
    return total


def _first_word(first: BodyEstimates, b: int, rows: Array, heights: Array) -> Array:
    """Log likelihood (K, Z) of heights by the first look, which may be wrong."""
    variance = first.covariance[b, rows, 2, 2] + FIRST_MM**2
    squared = (heights - first.position[b, rows, 2][:, None]) ** 2 / variance[:, None]
    normal = np.exp(-0.5 * squared) * STEP_MM / np.sqrt(2 * np.pi * variance)[:, None]
    trust = (1 - FIRST_WRONG) * first.present[b, rows][:, None]
    return np.asarray(np.log(trust * normal + (1 - trust) / len(heights)))


def _size(first: BodyEstimates, b: int, rows: Array) -> float:
    """Size of the spine by the first look, 1 for usual distances: the median slope of heights."""
    usual = np.concatenate([[0.0], np.cumsum(TO_NEXT_MM)])
    seen = np.flatnonzero(first.present[b, rows] >= PRESENT_ABOVE)
    pairs = [(i, j) for i in seen for j in seen if j >= i + 4]
    if not pairs:
        return 1.0
    height = first.position[b, rows, 2]
    slopes = [(height[i] - height[j]) / (usual[j] - usual[i]) for i, j in pairs]
    return float(np.clip(np.median(slopes), 0.3, 1.3))


def _chain(evidence: Array, heights: Array, size: float) -> tuple[Array, Array]:
    """Best heights (K,) as indices, and marginals (K, Z) over all sizes."""
    results = []
    for factor in SIZES:
        kernels = [_kernel(size * factor * usual) for usual in TO_NEXT_MM]
        prior = -0.5 * (np.log(factor) / SIZE_VARIATION) ** 2
        path, best = _best_path(evidence, kernels)
        marginal, likelihood = _marginals(evidence, kernels)
        results.append((prior + likelihood, prior + best, path, marginal))
    weights = np.exp(np.array([r[0] for r in results]) - max(r[0] for r in results))
    marginal = np.einsum("s,skz->kz", weights / weights.sum(), np.stack([r[3] for r in results]))
    return max(results, key=lambda r: r[1])[2], marginal


def _kernel(usual: float) -> Array:
    """Probabilities of going down 0, 1, 2 ... steps of height from one level to the next."""
    down = np.arange(1, int(2.2 * usual / STEP_MM) + 2) * STEP_MM
    deviation = VARIATION * usual + SLACK_MM
    normal = np.exp(-0.5 * ((down - usual) / deviation) ** 2)
    odd = (down > 0.4 * usual).astype(float)
    kernel = (1 - ODD) * normal / normal.sum() + ODD * odd / odd.sum()
    return np.concatenate([[0.0], kernel])


def _best_path(evidence: Array, kernels: Sequence[Array]) -> tuple[Array, float]:
    """Viterbi's path: indices of heights, which ascend, from the highest level down."""
    score, back = evidence[0], []
    count = evidence.shape[1]
    for kernel, own in zip(kernels, evidence[1:], strict=True):
        logs = np.log(np.maximum(kernel, 1e-12))
        steps = np.arange(len(kernel))
        source = np.arange(count)[:, None] + steps  # the level above lies higher
        reached = np.where(source < count, score[np.minimum(source, count - 1)] + logs, -np.inf)
        choice = reached.argmax(axis=1)
        back.append(choice)
        score = own + reached[np.arange(count), choice]
    path = [int(score.argmax())]
    for choice in reversed(back):
        path.append(min(path[-1] + int(choice[path[-1]]), count - 1))
    return np.array(path[::-1]), float(score.max())


def _marginals(evidence: Array, kernels: Sequence[Array]) -> tuple[Array, float]:
    """Posterior (K, Z) of every level's height, and the log likelihood of all."""
    peak = evidence.max(axis=1, keepdims=True)
    local = np.exp(evidence - peak)
    count = evidence.shape[1]
    forward, total = [local[0] / local[0].sum()], float(np.log(local[0].sum()) + peak[0, 0])
    for kernel, own, top in zip(kernels, local[1:], peak[1:, 0], strict=True):
        # Down is towards smaller indices.
        moved = np.convolve(forward[-1][::-1], kernel)[:count][::-1] * own + 1e-300
        total += float(np.log(moved.sum()) + top)
        forward.append(moved / moved.sum())
    backward = [np.ones(count)]
    for kernel, own in zip(kernels[::-1], local[:0:-1], strict=True):
        moved = np.convolve(backward[-1] * own, kernel)[:count] + 1e-300
        backward.append(moved / moved.sum())
    both = np.stack(forward) * np.stack(backward[::-1])
    return both / both.sum(axis=1, keepdims=True), total


def _place(
    votes: _Votes, level: int, height: float, reach: float, pixel_mm: float
) -> tuple[Array, Array, float]:
    """Position, covariance and mass of what pictures show at a height: of the level or its like."""
    stride = SIZE // votes.front.shape[-1]
    own = slice(level, level + 1) if level == len(CHAIN) - 1 else slice(0, len(CHAIN) - 1)
    cells = ((SIZE - 1) / 2 - pixel_centres(votes.front.shape[-1], stride)) * pixel_mm
    sums = np.zeros((2, 6))
    for n, middle in enumerate(votes.middle):
        above = middle[2] + cells
        rows = np.abs(above - height) < 2 * reach
        if not rows.any():
            continue
        # A picture tells best of what lies in its middle.
        weight = np.exp(-0.5 * ((height - middle[2]) / 40.0) ** 2)
        near = weight * np.exp(-0.5 * ((above[rows] - height) / reach) ** 2)
        for view, (maps, across) in enumerate(
            ((votes.front[n], middle[0] + cells), (votes.left[n], middle[1] + cells))
        ):
            seen = maps[own, rows].sum(axis=0) * near[:, None]
            u, v = np.meshgrid(across, above[rows])
            sums[view] += [(seen * f).sum() for f in (1, u, v, u * u, u * v, v * v)]
    mass = float(sums[:, 0].min())
    if mass <= 0:
        return np.zeros(3), np.eye(3), 0.0
    mean = sums[:, 1:] / sums[:, :1]
    floor = LEAST_MM**2
    x, y = mean[0, 0], mean[1, 0]
    z = float((sums[:, 0] * mean[:, 1]).sum() / sums[:, 0].sum())
    covariance = np.diag(
        [
            mean[0, 2] - x**2 + floor,
            mean[1, 2] - y**2 + floor,
            float((mean[:, 4] - mean[:, 1] ** 2).mean()) / 2 + floor,
        ]
    )
    return np.array([x, y, z]), covariance, mass


def _between(answer: BodyEstimates, b: int, names: list[str]) -> None:
    """Discs that do not lie between the vertebrae they are named after are put there, without a jump."""
    for disc, (above, below, share, usual) in DISCS.items():
        if disc not in names:
            continue
        row, ends = names.index(disc), [names.index(name) for name in (above, below)]
        if not (answer.present[b, ends] >= PRESENT_ABOVE).all():
            continue
        upper, lower = answer.position[b, ends]
        middle, apart = upper + share * (lower - upper), np.linalg.norm(upper - lower)
        offset = answer.position[b, row] - middle
        trust = float(np.clip(2 - np.linalg.norm(offset) / (apart * usual), 0.0, 1.0))
        answer.position[b, row] = middle + trust * offset
        ends_say = answer.covariance[b, ends].mean(axis=0)
        answer.covariance[b, row] = trust * answer.covariance[b, row] + (1 - trust) * ends_say
        answer.near[b, row] = answer.near[b, ends].min()
        answer.present[b, row] = answer.present[b, ends].max()
        answer.kind[b, row] = "close"
    for name, disc in SAME_AS_DISC.items():
        if name in names and disc in names:
            for part in answer[:5]:
                part[b, names.index(name)] = part[b, names.index(disc)]
