"""What the landmarks that were found say of those that were not: where to look, and what to believe.

A close look shows only what lies about its place, and the first look may have sent it astray: to the
belly instead of the breastbone's end. How landmarks lie to one another in people (the joint Gaussian of
``correction``) tells where the landmarks that close looks found expect every other one, and how surely:

1. what close looks found, but far from where all the others expect it, counts as not found;
2. what is not found is looked for where it is expected, and believed there alone;
3. what is still not found is drawn towards there, or put there when it was said to be far off, no surer
   than before;
4. what is found is the less sure the farther it lies from where the others expect it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from LandmarkDetectionLib.correction import JointGaussian
from LandmarkDetectionLib.detectors.bone_estimates import (
    AGAIN_MM,
    SURE_ABOVE,
    BodyEstimates,
    Look,
    close_answers,
    copied,
    middle_of,
)
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE
from LandmarkDetectionLib.typing import Array

#: Fewer found landmarks tell nothing of the others.
FEWEST = 8
#: A close look that is less sure than this of being near has not found anything.
WEAK = 0.35
#: Deviations at most between what is found and where it is expected, and mm that never matter.
STRAY, TOLERANCE_MM = 5.0, 25.0
#: Places that are expected less exactly than this (mm) are not looked at.
EXACT_MM = 35.0
#: By how much people differ more than drawn bodies.
UNLIKE = 2.0
#: Deviations that are as usual; the odds of being near fall by a factor of e with each one more.
USUAL = 1.0
#: Deviation of what a close look finds, at least: bones are not where a Gaussian thinks.
FOUND_MM = 4.0
#: Of the joint Gaussian: mm along -right, -superior and -anterior.
AXES = np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]])


class Expected(NamedTuple):
    """Where all others expect every landmark: places (L, 3) RAS mm and covariances (L, 3, 3) mm2."""

    place: Array
    covariance: Array


def expected(joint: JointGaussian, places: Array, covariance: Array, found: Array) -> Expected:
    """Where the found landmarks expect every landmark; a found one is expected by the others alone.

    Parameters
    ----------
    joint : JointGaussian
        Along ``AXES``; only how landmarks lie to one another is used.
    places : (L, 3) RAS mm
    covariance : (L, 3, 3) mm2
        Of what was found.
    found : (L,) bool
    """
    y = places @ AXES.T
    noise = AXES @ covariance @ AXES.T + FOUND_MM**2 * np.eye(3)
    mean, spread = joint.given(y, noise, found)
    # Take back what each found landmark itself said.
    own, with_own = np.linalg.inv(noise[found]), np.linalg.inv(spread[found])
    alone = np.linalg.inv(with_own - own + 1e-9 * np.eye(3))
    told = with_own @ mean[found][..., None] - own @ y[found][..., None]
    mean[found], spread[found] = (alone @ told)[..., 0], alone
    return Expected(mean @ AXES, AXES.T @ spread @ AXES)


def with_expected(
    networks: dict[str, Any],
    estimates: BodyEstimates,
    regions: Sequence[Array],
    look: Look,
    pixel_mm: float,
    mirror: Array,
    joint: JointGaussian,
) -> BodyEstimates:
    """The answer of close looks, with what the found landmarks say of the others.

    Parameters
    ----------
    estimates : BodyEstimates
        After close looks and the agreement of the spine.
    regions, look, pixel_mm, mirror
        As in ``bone_estimates.look_closely``.
    joint : JointGaussian
        Of the model.
    """
    answer = copied(estimates)
    todo: list[tuple[int, Array, Array]] = []
    expectations: dict[int, Expected] = {}
    for b in range(len(answer.present)):
        found = (answer.kind[b] == "close") & (answer.present[b] >= PRESENT_ABOVE) & (answer.near[b] >= WEAK)
        found = _without_strays(joint, answer, b, found)
        if found.sum() < FEWEST:
            continue
        said = expectations[b] = expected(joint, answer.position[b], answer.covariance[b], found)
        answer.kind[b, (answer.kind[b] == "close") & ~found] = "first"
        exact = _exact(said)
        for rows in regions:
            missing = rows[~found[rows] & exact[rows]]
            if len(missing):
                middle = said.place[missing].mean(axis=0)
                if np.abs(middle - middle_of(answer, b, rows)).max() > AGAIN_MM:
                    todo.append((b, rows, middle))
    if todo:
        middles, scans = np.array([middle for *_, middle in todo]), np.array([b for b, *_ in todo])
        asked = [rows for _, rows, _ in todo]
        for (b, rows, _), (place, covariance, present, near) in zip(
            todo, close_answers(networks, middles, scans, asked, look, pixel_mm, mirror), strict=True
        ):
            apart = _apart(place, covariance, expectations[b], rows)
            sure = (present >= SURE_ABOVE) & (near >= WEAK) & (apart <= STRAY)
            sure &= answer.kind[b, rows] != "close"
            kept = rows[sure]
            answer.position[b, kept], answer.covariance[b, kept] = place[sure], covariance[sure]
            answer.near[b, kept] = near[sure]
            answer.present[b, kept] = (answer.present[b, kept] + present[sure]) / 2
            answer.kind[b, kept] = "close"
    for b, said in expectations.items():
        _put(answer, b, said, _exact(said))
        close = np.flatnonzero(answer.kind[b] == "close")
        apart = _apart(answer.position[b, close], answer.covariance[b, close], said, close)
        answer.near[b, close] = less_likely(answer.near[b, close], apart)
    return answer


def less_likely(near: Array, apart: Array) -> Array:
    """Chances (K,) of being near for what lies so many deviations (K,) from where it is expected."""
    against = (1 - near) * np.exp(np.maximum(apart - USUAL, 0))
    return np.asarray(near / np.maximum(near + against, 1e-12))


def of_people(joint: JointGaussian) -> JointGaussian:
    """How landmarks lie to one another in people, who differ by more than drawn bodies."""
    return replace(joint, covariance=UNLIKE**2 * joint.covariance)


def _without_strays(joint: JointGaussian, answer: BodyEstimates, b: int, found: Array) -> Array:
    """What is found where the others expect it; what is farthest off goes first, as it misleads."""
    found = found.copy()
    rows = np.arange(len(found))
    while found.sum() >= FEWEST:
        said = expected(joint, answer.position[b], answer.covariance[b], found)
        apart = np.where(found, _apart(answer.position[b], answer.covariance[b], said, rows), 0.0)
        far = np.linalg.norm(answer.position[b] - said.place, axis=1) > TOLERANCE_MM
        apart = np.where(far, apart, 0.0)
        worst = int(apart.argmax())
        if apart[worst] <= STRAY:
            break
        found[worst] = False
    return found


def _exact(said: Expected) -> Array:
    """What (L,) is expected exactly enough to tell anything."""
    return np.asarray(np.sqrt(np.linalg.eigvalsh(said.covariance)[:, -1]) <= EXACT_MM)


def _apart(places: Array, covariance: Array, said: Expected, rows: Array) -> Array:
    """Deviations (K,) between places (K, 3) and where they are expected."""
    offset = places - said.place[rows]
    spread = said.covariance[rows] + covariance + FOUND_MM**2 * np.eye(3)
    return np.asarray(np.sqrt((offset * np.linalg.solve(spread, offset[..., None])[..., 0]).sum(axis=1)))


def _put(answer: BodyEstimates, b: int, said: Expected, exact: Array) -> None:
    """What is not found lies between where it was thought to be and where it is expected.

    People differ from one another by more than drawn bodies do: what is expected counts ``UNLIKE`` times less
    exactly. What was thought to be far from there is put there.
    """
    rows = np.flatnonzero((answer.kind[b] == "first") & exact)
    offset = answer.position[b, rows] - said.place[rows]
    squared = (offset * np.linalg.solve(said.covariance[rows], offset[..., None])[..., 0]).sum(axis=1)
    far, between = rows[squared > STRAY**2], rows[squared <= STRAY**2]
    answer.position[b, far], answer.covariance[b, far] = said.place[far], said.covariance[far]
    wide = UNLIKE**2 * said.covariance[between]
    share = wide @ np.linalg.inv(wide + answer.covariance[b, between])
    offset = (answer.position[b, between] - said.place[between])[..., None]
    answer.position[b, between] = said.place[between] + (share @ offset)[..., 0]
    answer.covariance[b, between] = share @ answer.covariance[b, between]
