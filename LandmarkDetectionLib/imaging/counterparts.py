"""The same places in another image: landmarks that a person set in one case, looked for in the next.

Nothing is learned, so one annotated case is enough. The part of it about the landmarks is registered to the
other image by an affine map (:mod:`LandmarkDetectionLib.imaging.registration`). About each landmark the
images are then compared block by block, from coarse to fine, by normalised cross-correlation under a Gaussian
window (block matching, Ourselin et al. 2000), and once more from where the neighbours say that it should be.
What was found is looked for again in the first image: how far from the landmark that ends (forward and
backward, Kalal et al. 2010) tells how much a match can be trusted, with its correlation and with how far it
lies from where the affine map has it.

Every place is a proposal: the images are of two people, or of one at another time, and what looks alike need
not be the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.doubts import Doubt, DoubtKind
from LandmarkDetectionLib.core.geometry import Affine
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.imaging.registration import averaged, register_to_template
from LandmarkDetectionLib.imaging.template import crop_around
from LandmarkDetectionLib.typing import FloatArray, Progress


@dataclass(frozen=True)
class MatchingConfig:
    """How places are compared, and what is expected of a match. Shares are of the longest side of the box
    about the landmarks.

    Attributes
    ----------
    margin
        Share of the landmarks' box that is registered around it.
    coarsest
        Step of the coarsest comparison, a share; each of ``levels`` halves it, down to the voxels.
    half, reach
        Steps from the middle of a block to its border, and to the farthest place that is tried.
    pull
        Correlation that a place at the farthest reach must have more than the middle.
    near, trusted
        Shares: how far neighbours count, and how far off the way back may end for them to count.
    least, back, unlike, away
        Expected square of the error: (``least`` times the finest step)^2 + (``back`` times how far off the
        way back ends)^2 + (``unlike``, a share, times 1 - correlation)^2 + (``away`` times the distance from
        the affine map's place)^2; ``Testing/Benchmarks/next_case.py`` tells how well it holds.
    alike
        Correlation, less for the way back, of images of which registering makes nothing better.
    sure
        Expected error, a share, up to which a place counts as found; beyond, it is uncertain.
    """

    margin: float = 0.25
    coarsest: float = 1 / 40
    levels: int = 4
    half: int = 7
    reach: int = 4
    pull: float = 0.1
    near: float = 0.2
    trusted: float = 0.03
    least: float = 1.1
    back: float = 0.8
    unlike: float = 0.023
    away: float = 0.37
    alike: float = 0.8
    sure: float = 0.015


CONFIG = MatchingConfig()
LEAST_NEIGHBOURS = 3


def find_counterparts(
    landmarks: LandmarkSet, source: Volume, target: Volume, *, progress: Progress | None = None
) -> Detection:
    """Look for the landmarks of one image in another.

    Parameters
    ----------
    landmarks
        RAS mm of ``source``; those without a position stay absent.
    source, target
        Two volumes or two radiographs, of the same kind of image.
    progress
        Called with a fraction and a text.

    Returns
    -------
    Detection
        Without a model. Every landmark found has an expected error in mm and, from it, a covariance; one that
        would lie outside ``target`` is absent. A registration that failed makes all of them uncertain.

    Raises
    ------
    InputError
        No landmark lies in ``source``, one image is a volume and the other a radiograph, or one is one grey
        value only.
    """
    tell = progress or (lambda fraction, text: None)
    started = time.perf_counter()
    names = landmarks.present.names
    if not names:
        raise InputError(f"None of the landmarks has a place in {source.name or 'the first image'}.")
    points = np.array([landmarks[name].position for name in names])
    tell(0.0, "laying the images onto one another")
    template = crop_around(source, points, CONFIG.margin)
    laid = register_to_template(target, template)
    registered = time.perf_counter()
    tell(0.5, "comparing the places")
    there = laid.affine.inverse
    ways = _Ways(template, target, there.linear)
    inside = source.holds(points) & target.holds(there.apply(points))
    matches: dict[str, _Match] = {}
    for name, point in zip(np.array(names)[inside].tolist(), points[inside], strict=True):
        matches[name] = ways.match(point, there.apply(point))
        tell(0.5 + 0.3 * len(matches) / len(names), "comparing the places")
    tell(0.8, "comparing with the neighbours")
    matches = _again(matches, dict(zip(names, points, strict=True)), ways, there)
    is_laid = laid.succeeded or _agree(matches)
    marks = [_mark(mark, matches.get(mark.name), ways, target, is_laid) for mark in landmarks]
    doubts = _doubts(marks, names, target, "" if is_laid else laid.warning)
    seconds = {"register": registered - started, "match": time.perf_counter() - registered}
    return Detection(replace(landmarks, landmarks=tuple(marks)), "", "", {}, doubts, seconds)


@dataclass(frozen=True)
class _Match:
    """Where a landmark was found.

    Attributes
    ----------
    position
        (3,) RAS mm in the target.
    offset
        (d,) mm of the source from where the affine map has it.
    correlation
        Of the finest blocks.
    back
        How far from the landmark the way back ends, mm of the target.
    away
        Length of ``offset`` in mm of the target.
    merit
        Correlation, less where the way back ends elsewhere; compares matches of one landmark.
    """

    position: FloatArray
    offset: FloatArray
    correlation: float
    back: float
    away: float

    merit: float


class _Ways:
    """From places of the source to those of the target, and back."""

    def __init__(self, source: Volume, target: Volume, linear: FloatArray) -> None:
        d = 2 if source.is_2d else 3
        # Unit steps (d, 3): of a radiograph along its own axes, and what the affine map makes of them.
        own = np.eye(3) if d == 3 else (source.ijk_to_ras[:3, :2] / source.spacing[:2]).T
        self._axes = own, own @ linear.T
        self._scale = float(np.linalg.norm(self._axes[1], axis=1).mean())
        #: Longest side of the source's box, in its own mm and in those of the target.
        self.length = length = float(source.extent_mm[:d].max())
        self.side = length * self._scale
        finest = max(float(source.spacing[:d].max()), float(target.spacing[:d].max()) / self._scale)
        steps = [CONFIG.coarsest * length / 2**level for level in range(CONFIG.levels)]
        self._steps = list(dict.fromkeys(max(step, finest) for step in steps))
        #: In mm of the target.
        self.finest = self._steps[-1] * self._scale
        self._images = (
            [_reduced(source, step) for step in self._steps],
            [_reduced(target, step * self._scale) for step in self._steps],
        )

    def match(self, here: FloatArray, expected: FloatArray, start: FloatArray | None = None) -> _Match:
        """Where (3,) of the source is in the target, looked for about ``expected``.

        With a ``start`` (d,), mm of the source from there, the coarsest comparison is left out.
        """
        offset, correlation = self._go(0, here, expected, start)
        found = expected + offset @ self._axes[1]
        returned, _correlation = self._go(1, found, here, None)
        back, away = (float(np.linalg.norm(one)) * self._scale for one in (returned, offset))
        merit = correlation - back / (0.1 * self.side)
        return _Match(found, offset, correlation, back, away, merit)

    def _go(
        self, way: int, here: FloatArray, expected: FloatArray, start: FloatArray | None
    ) -> tuple[FloatArray, float]:
        """From source to target (0) or back (1): offset (d,) in mm of the source, and the correlation."""
        images, others = self._images[way], self._images[1 - way]
        axes, other_axes = self._axes[way], self._axes[1 - way]
        d = len(axes)
        offset = np.zeros(d) if start is None else start
        first = 0 if start is None else min(1, len(self._steps) - 1)
        correlation = 0.0
        for step, image, other in list(zip(self._steps, images, others, strict=True))[first:]:
            block = _block(image, here, axes * step, CONFIG.half)
            around = _block(
                other, expected + offset @ other_axes, other_axes * step, CONFIG.half + CONFIG.reach
            )
            moved, correlation = _best(_correlations(block, around))
            offset = offset + moved * step
        return offset, correlation


def _again(
    matches: dict[str, _Match], points: dict[str, FloatArray], ways: _Ways, there: Affine
) -> dict[str, _Match]:
    """Every landmark once more from where its trusted neighbours moved, if that gives the better match."""
    if len(matches) < LEAST_NEIGHBOURS + 1:
        return matches
    names = list(matches)
    places = np.array([points[name] for name in names])
    offsets = np.array([matches[name].offset for name in names])
    trust = np.array(
        [
            max(one.correlation, 0.0) ** 2 * np.exp(-one.back / (CONFIG.trusted * ways.side))
            for one in matches.values()
        ]
    )
    better = {}
    for n, name in enumerate(names):
        distance = np.linalg.norm(places - places[n], axis=1)
        weights = trust * np.exp(-((distance / (CONFIG.near * ways.length)) ** 2))
        weights[n] = 0
        if weights.sum() < 0.2:
            better[name] = matches[name]
            continue
        start = weights @ offsets / weights.sum()
        other = ways.match(points[name], there.apply(points[name]), start)
        better[name] = max(matches[name], other, key=lambda one: one.merit)
    return better


def _agree(matches: dict[str, _Match]) -> bool:
    """Whether most blocks are so much alike that the images lie well as they are, unregistered."""
    return bool(matches) and float(np.median([one.merit for one in matches.values()])) >= CONFIG.alike


def _reduced(volume: Volume, step: float) -> Volume:
    """Means of whole blocks of voxels, as nearly ``step`` mm along each side as fit in."""
    counts = np.clip(np.floor(step / volume.spacing + 1e-6), 1, volume.size).astype(int)
    if volume.is_2d:
        counts[2] = 1
    matrix = volume.ijk_to_ras.copy()
    # A block of n voxels has its centre (n - 1) / 2 behind its first voxel.
    matrix[:3, 3] = volume.ijk_to_ras_points(((counts - 1) / 2)[None])[0]
    matrix[:3, :3] *= counts
    return replace(volume, voxels=averaged(volume.voxels, counts), ijk_to_ras=matrix)


def _block(volume: Volume, centre: FloatArray, axes: FloatArray, half: int) -> FloatArray:
    """(2 half + 1,)^d grey values about (3,) RAS mm, one step of ``axes`` (d, 3) apart."""
    from scipy.ndimage import map_coordinates

    d, steps = len(axes), np.arange(-half, half + 1)
    grid = np.stack(np.meshgrid(*[steps] * d, indexing="ij"), axis=-1).reshape(-1, d)
    index = volume.ras_to_ijk_points(centre + grid @ axes)[:, ::-1].T
    values = map_coordinates(volume.voxels, index, order=1, mode="nearest")
    return np.asarray(values, np.float64).reshape((len(steps),) * d)


def _correlations(block: FloatArray, around: FloatArray) -> FloatArray:
    """(2 reach + 1,)^d normalised cross-correlation under a Gaussian window; 0 where there is nothing."""
    from scipy.signal import fftconvolve

    d = block.ndim
    weights = np.exp(-2 * _squares(CONFIG.half, d) / CONFIG.half**2)
    weights /= weights.sum()
    centred = block - (weights * block).sum()
    spread = float((weights * centred**2).sum())
    around = around - around.mean()
    flip = (slice(None, None, -1),) * d
    products = fftconvolve(around, (weights * centred)[flip], mode="valid")
    means = fftconvolve(around, weights[flip], mode="valid")
    spreads = fftconvolve(around**2, weights[flip], mode="valid") - means**2
    least = 1e-6 * max(float((around**2).mean()), 1e-12)
    if spread <= 1e-12:
        return np.zeros_like(products)
    return np.where(spreads > least, products / np.sqrt(np.maximum(spreads, least) * spread), 0.0)


def _squares(half: int, d: int) -> FloatArray:
    """(2 half + 1,)^d squared distances from the middle, in steps."""
    steps = np.arange(-half, half + 1.0) ** 2
    return np.asarray(sum(np.meshgrid(*[steps] * d, indexing="ij")))


def _best(correlations: FloatArray) -> tuple[FloatArray, float]:
    """The best place (d,) in steps from the middle, between the steps by a parabola, and its correlation."""
    d = correlations.ndim
    pulled = correlations - CONFIG.pull * _squares(CONFIG.reach, d) / CONFIG.reach**2 / d
    at = np.unravel_index(int(np.argmax(pulled)), pulled.shape)
    place, along = np.array(at, float) - CONFIG.reach, np.eye(d, dtype=int)
    for axis in range(d):
        if 0 < at[axis] < correlations.shape[axis] - 1:
            low, middle, high = (
                float(correlations[tuple(np.array(at) + step * along[axis])]) for step in (-1, 0, 1)
            )
            bend = low - 2 * middle + high
            if bend < 0:
                place[axis] += float(np.clip(0.5 * (low - high) / bend, -0.5, 0.5))
    return place, float(correlations[at])


# --- what is said of it -------------------------------------------------------------------------------------


def _mark(mark: Landmark, match: _Match | None, ways: _Ways, target: Volume, is_laid: bool) -> Landmark:
    """A landmark of the target, as far as it was found."""
    absent = Landmark(mark.name, np.full(3, np.nan), Status.ABSENT, description=mark.description)
    if match is None or not target.holds(match.position):
        return absent
    parts = (
        CONFIG.least * ways.finest,
        CONFIG.back * match.back,
        CONFIG.unlike * ways.side * (1 - match.correlation),
        CONFIG.away * match.away,
    )
    error = float(np.linalg.norm(parts))
    is_sure = is_laid and error <= CONFIG.sure * ways.side
    if target.is_2d:
        axes = target.ijk_to_ras[:3, :2] / target.spacing[:2]
        covariance = axes @ axes.T * error**2 / 2
    else:
        covariance = np.eye(3) * error**2 / 3
    return Landmark(
        mark.name,
        match.position,
        Status.DETECTED if is_sure else Status.UNCERTAIN,
        covariance=covariance,
        description=mark.description,
        expected_error=error,
    )


def _doubts(
    marks: Sequence[Landmark], looked_for: Sequence[str], target: Volume, warning: str
) -> tuple[Doubt, ...]:
    doubts = [
        Doubt(
            "These places were carried over from another case by what the images look like, and no model "
            "knows them: look at each.",
            DoubtKind.REGISTRATION,
        )
    ]
    if warning:
        doubts.append(Doubt(warning, DoubtKind.REGISTRATION))
    outside = tuple(mark.name for mark in marks if not mark.is_present and mark.name in looked_for)
    if outside:
        text = f"Outside {target.name or 'the image'}, as far as can be told: {', '.join(outside)}."
        doubts.append(Doubt(text, DoubtKind.NOT_FOUND, outside))
    return tuple(doubts)
