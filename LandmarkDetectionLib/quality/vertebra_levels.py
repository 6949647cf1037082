"""Whether vertebrae may be numbered wrongly, told from how far apart their centres lie.

Neighbouring vertebrae look alike, and a model that slips by one is wrong for all that follow although every
point is the centre of some vertebra. Three things give a slip away: a step along the spine that is one
vertebra too long or too short for its neighbours, vertebrae out of order, and a chain that reaches neither
the skull nor the sacrum, which nothing but its looks numbers. The distances alone cannot number such a chain:
one level up or down they differ by 3 %, less than people do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from LandmarkDetectionLib.typing import Array, FloatArray

LEVELS = (
    *(f"c{level}" for level in range(2, 8)),
    *(f"t{level}" for level in range(1, 13)),
    *(f"l{level}" for level in range(1, 6)),
)
CHAIN = (*(f"vertebra_{level}" for level in LEVELS), "s1_endplate")
"""Landmarks of the spine from top to bottom: centres of bodies, and the upper end plate of the sacrum."""

# Mean distance of each to the next in adults, mm: heights of bodies (Panjabi et al., Spine 1991 and 1992;
# Journal of Spinal Disorders 1991) and of the discs between them. Only their proportions to neighbours count.
TO_NEXT_MM = np.array(
    [
        *(18.0, 17.0, 17.0, 17.0, 17.0, 18.5),  # C2 to T1
        *(19.5, 20.5, 21.0, 21.5, 22.0, 23.0, 23.5, 24.0, 25.0, 26.5, 28.5, 31.0),  # T1 to L1
        *(33.0, 34.0, 34.5, 34.5, 22.0),  # L1 to the end plate of S1
    ]
)
_DEPTH = np.concatenate([[0.0], np.cumsum(TO_NEXT_MM)])


@dataclass(frozen=True)
class LevelConfig:
    """Numbers that the judgement rests on.

    Attributes
    ----------
    variation
        Standard deviation of a step, as a share of what its neighbours let expect: people differ, discs
        narrow, bodies collapse.
    alone
        The same where no neighbours tell the size of the person.
    neighbours
        How many steps on either side tell what to expect.
    noise_mm
        Standard deviation of a centre along the spine whose spread is not known.
    prior
        How likely one vertebra more is at one step, before looking, and how likely one fewer.
    stray, stray_mm
        How likely a centre is off by itself, and how far (standard deviation).
    unnumbered
        How likely a chain that reaches neither end is numbered wrongly.
    said
        From which probability on a slip is said.
    out_of_order
        What confidences are multiplied with where vertebrae are out of order.
    """

    variation: float = 0.12
    alone: float = 0.25
    neighbours: int = 3
    noise_mm: float = 3.0
    prior: float = 0.005
    stray: float = 0.02
    stray_mm: float = 15.0
    unnumbered: float = 0.5
    said: float = 0.3
    out_of_order: float = 0.3


CONFIG = LevelConfig()


@dataclass(frozen=True)
class LevelDoubt:
    """What speaks against the numbers of a chain of vertebrae.

    Attributes
    ----------
    text
        One sentence; empty when nothing does.
    factor
        From 0 to 1: what the confidence of each vertebra of the chain is to be multiplied with.
    """

    text: str
    factor: float


def level_doubt(
    positions: Mapping[str, Array],
    covariances: Mapping[str, Array] | None = None,
    confidences: Mapping[str, float] | None = None,
    config: LevelConfig = CONFIG,
) -> LevelDoubt:
    """Judge whether the vertebrae of a chain may be numbered wrongly by one.

    Parameters
    ----------
    positions : mapping of landmark to (3,)
        RAS mm, of any of ``CHAIN``; other landmarks, and positions that are NaN, are passed over.
    covariances : mapping of landmark to (3, 3), optional
        Spread in mm^2, where it is known.
    confidences : mapping of landmark to a number from 0 to 1, optional
        Those of both ends tell whether the chain is counted from one; not known counts as 1.
    config
        See :class:`LevelConfig`.

    Returns
    -------
    LevelDoubt
        An empty sentence and 1 where nothing speaks against the numbers, or there are no vertebrae.

    Notes
    -----
    A step from one present landmark to the next is expected to be what the mean distances say, times the
    median of measured by mean over its neighbours. Bayes' rule with Gaussian likelihoods of all steps weighs
    this against one vertebra more or one fewer in one step, and against one centre that is off by itself,
    which makes one step long and the next one short and says nothing of the numbers.

    Examples
    --------
    >>> heights = {"l1": 66, "l2": 33, "l3": 0, "l4": -34, "l5": -68}
    >>> spine = {f"vertebra_{name}": [0, 0, height] for name, height in heights.items()}
    >>> doubt = level_doubt({**spine, "s1_endplate": [0, 0, -90]})
    >>> doubt.text, round(doubt.factor, 2)
    ('', 1.0)
    >>> level_doubt(spine).text[:62]
    'The vertebrae may be numbered one too high or too low: neither'
    """
    places = {
        CHAIN.index(name): np.asarray(place, dtype=np.float64)
        for name, place in positions.items()
        if name in CHAIN and np.isfinite(place).all()
    }
    levels = sorted(places)
    if not levels or levels == [len(CHAIN) - 1]:
        return LevelDoubt("", 1.0)
    points = np.stack([places[level] for level in levels])
    disordered = _out_of_order(points)
    if disordered is not None:
        first, last = (_spoken(levels[row]) for row in (disordered, disordered + 1))
        return LevelDoubt(
            f"The vertebrae look numbered wrongly: {last} does not lie below {first}; check them all.",
            config.out_of_order,
        )
    noise = _noise(levels, points, covariances or {}, config)
    more, fewer = _slips(np.array(levels), points, noise, config)
    sure = float(np.clip(1.0 - more.sum() - fewer.sum(), 0.0, 1.0))
    adrift = _adrift(levels, confidences or {})
    factor = sure * (1.0 - config.unnumbered * adrift)
    if 1.0 - sure >= config.said:
        return LevelDoubt(_slip_text(levels, points, more, fewer), factor)
    if config.unnumbered * adrift >= config.said:
        text = (
            "The vertebrae may be numbered one too high or too low: neither the top of the neck (C2) nor the "
            "sacrum is there to count from."
        )
        return LevelDoubt(text, factor)
    return LevelDoubt("", factor)


def _out_of_order(points: FloatArray) -> int | None:
    """The first row that the next one does not lie below, as the chain around them runs, if there is one."""
    for row in range(len(points) - 1):
        around = points[min(row + 3, len(points) - 1)] - points[max(row - 2, 0)]
        if (points[row + 1] - points[row]) @ around <= 0:
            return row
    # A chain that runs upwards as a whole.
    if len(points) > 1 and points[-1, 2] >= points[0, 2] and _is_upright(points):
        return 0
    return None


def _is_upright(points: FloatArray) -> bool:
    """Whether the chain runs along the patient's axis rather than across it."""
    step = np.abs(points[-1] - points[0])
    return bool(step[2] >= max(step[0], step[1]))


def _noise(
    levels: list[int], points: FloatArray, covariances: Mapping[str, Array], config: LevelConfig
) -> FloatArray:
    """(N,) variance of each centre along the chain, mm^2."""
    along = points[-1] - points[0]
    length = float(np.linalg.norm(along))
    unit = along / length if length > 0 else np.array([0.0, 0.0, 1.0])
    return np.array(
        [
            float(unit @ np.asarray(covariances[CHAIN[level]]) @ unit)
            if CHAIN[level] in covariances
            else config.noise_mm**2
            for level in levels
        ]
    )


def _slips(
    levels: np.ndarray, points: FloatArray, noise: FloatArray, config: LevelConfig
) -> tuple[FloatArray, FloatArray]:
    """(N - 1,) probabilities of one vertebra more, and of one fewer, in each step than it is numbered."""
    usual = np.diff(_DEPTH[levels])
    if not len(usual):
        return np.zeros(0), np.zeros(0)
    measured = np.linalg.norm(np.diff(points, axis=0), axis=1)
    scale, share = _scales(measured / usual, config)
    count = np.diff(levels)
    one = scale * usual / count
    # Steps vary by themselves, so that the variances of several joined ones add up. A centre that is off
    # makes one step longer and the next one shorter.
    differences = np.diff(np.eye(len(levels)), axis=0)
    spread = np.diag((share * one) ** 2 * count) + differences @ np.diag(noise) @ differences.T
    rest = measured - scale * usual
    # Log likelihoods less that of the numbers being right. A vertebra more or fewer shifts one mean; a centre
    # that is off by itself adds the variance of its column (matrix determinant lemma, Sherman and Morrison).
    precision = np.linalg.inv(spread)
    pull, grip = precision @ rest, np.diag(precision)
    shifted = [sign * one * pull - 0.5 * one**2 * grip for sign in (1.0, -1.0)]
    columns = np.einsum("sn,st,tn->n", differences, precision, differences)
    grown = 1.0 + config.stray_mm**2 * columns
    stray = 0.5 * config.stray_mm**2 * (differences.T @ pull) ** 2 / grown - 0.5 * np.log(grown)
    slip = np.log(config.prior / (1.0 - config.prior))
    off = np.log(config.stray / (1.0 - config.stray))
    logs = np.concatenate([[0.0], shifted[0] + slip, shifted[1] + slip, stray + off])
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    more, fewer = np.split(weights[1 : 1 + 2 * len(one)], 2)
    return more, fewer


def _scales(ratio: FloatArray, config: LevelConfig) -> tuple[FloatArray, FloatArray]:
    """(N - 1,) what neighbours let expect of each step, as a share of the mean, and how far it varies."""
    scale, share = np.ones(len(ratio)), np.full(len(ratio), config.alone)
    for step in range(len(ratio)):
        near = [
            *ratio[max(step - config.neighbours, 0) : step],
            *ratio[step + 1 : step + config.neighbours + 1],
        ]
        if near:
            scale[step] = np.median(near)
        if len(near) > 1:
            share[step] = config.variation
    return scale, share


def _adrift(levels: list[int], confidences: Mapping[str, float]) -> float:
    """Probability that neither end of the chain is there to count from."""
    adrift = 1.0
    for end in (0, len(CHAIN) - 1):
        if end in levels:
            adrift *= 1.0 - confidences.get(CHAIN[end], 1.0)
    return adrift


def _slip_text(levels: list[int], points: FloatArray, more: FloatArray, fewer: FloatArray) -> str:
    step = int(np.argmax(np.maximum(more, fewer)))
    (first, last), (upper, lower) = list(pairwise(levels))[step], list(pairwise(points))[step]
    apart = f"{_spoken(first)} and {_spoken(last)} lie {np.linalg.norm(lower - upper):.0f} mm apart"
    what = (
        "so that one between them may have been passed over"
        if more[step] >= fewer[step]
        else "so that one may have been counted twice"
    )
    return f"The vertebrae may be numbered wrongly by one: {apart}, {what}; count them again."


def _spoken(level: int) -> str:
    return CHAIN[level].split("_")[1].upper() if level < len(LEVELS) else "the sacrum"
