"""One set of points laid onto another by a rigid map or a similarity, some of the pairs being wrong.

A start that up to nearly half of the pairs cannot spoil: of maps through few pairs the one whose residual is
smallest at the pair in the middle (least median of squares, Rousseeuw 1984). From there pairs whose residual
no error explains are left out, and the rest is fitted by Gauss and Newton with every pair's own covariance,
which gives the covariance of the map, too. Residuals are judged as chi-squared variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np

from LandmarkDetectionLib.alignment.rotations import radius_95
from LandmarkDetectionLib.core.shapes import similarities
from LandmarkDetectionLib.typing import BoolArray, FloatArray

STARTS = 500
"""Maps through few pairs that are tried; with a third of the pairs wrong 3 of 10 are good."""
LEAST_TO_CHECK = 3
"""Pairs beyond what a map needs; with fewer a wrong pair cannot be told from the others."""
WRONG = 0.999
"""Quantile of a pair's residual beyond which it counts as wrong."""
SURE = 0.99
"""Quantile of the sum of squares beyond which the stated errors do not explain the residuals."""
_STEPS = 20
_MIRRORED = 0.4  # a mirrored fit this many times closer is no chance
_FLAT = 0.05  # second by first extent of points on a line


class UndeterminedError(ValueError):
    """The pairs do not determine a map; the text is the end of a sentence."""


class MirroredError(UndeterminedError):
    """One set fits the mirror image of the other far better."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A map ``y = linear @ x + shift`` in d = 2 or 3 dimensions.

    Attributes
    ----------
    linear : (d, d)
        Rotation, times ``scale`` of a similarity.
    shift : (d,)
        Where the origin goes.
    scale
        1 for a rigid map.
    residuals : (N, d)
        Of the target less the mapped point, for every pair.
    errors : (N, d, d)
        Covariance of the residuals if the map were known: of both points, ``factor`` included.
    used : (N,) bool
        Pairs that the map is fitted to; the others count as wrong.
    factor
        By how much the residuals of the used pairs exceed the stated errors; 1 where chance explains them.
        Where no errors are stated, the standard deviation that the residuals have.
    parameters : (p, p)
        Covariance of turn (radians), logarithm of the scale (similarities only) and shift about ``centre``.
    centre : (d,)
        Middle of the used targets.
    extent
        Root mean square distance of the used targets from it.
    with_scale
        Whether it is a similarity.
    explained
        Whether the stated errors explain the residuals; None where none are stated or nothing is left over.
    """

    linear: FloatArray
    shift: FloatArray
    scale: float
    residuals: FloatArray
    errors: FloatArray
    used: BoolArray
    factor: float
    parameters: FloatArray
    centre: FloatArray
    extent: float
    with_scale: bool
    explained: bool | None

    def apply(self, points: FloatArray) -> FloatArray:
        """(N, d) points mapped."""
        return np.asarray(points @ self.linear.T + self.shift)

    def spread_at(self, mapped: FloatArray) -> FloatArray:
        """(N, d, d) covariance that the uncertain map itself gives to (N, d) mapped points."""
        jacobian = _jacobian(mapped - self.centre, self.with_scale)
        return np.asarray(jacobian @ self.parameters @ jacobian.transpose(0, 2, 1))

    @cached_property
    def turning_95(self) -> float:
        """Degrees within which the true turn lies in 95 of 100 cases, in one turn."""
        turns = 3 if len(self.shift) == 3 else 1
        return float(np.degrees(radius_95(self.parameters[:turns, :turns])))


def fit(
    moving: FloatArray,
    fixed: FloatArray,
    moving_errors: FloatArray | None = None,
    fixed_errors: FloatArray | None = None,
    *,
    with_scale: bool = False,
) -> Fit:
    """Fit a map to N pairs of which some may be wrong.

    Parameters
    ----------
    moving, fixed : (N, d)
        Pairs of points, d = 2 or 3; finite.
    moving_errors, fixed_errors : (N, d, d), optional
        Covariances. None when they are not known: all pairs then count alike, and the residuals tell the
        errors.
    with_scale
        Similarity instead of a rigid map; never mirrored.

    Raises
    ------
    UndeterminedError
        Too few pairs, points on one line or on one spot, or one set is the mirror image of the other.

    Examples
    --------
    >>> square = np.array([[0.0, 0, 0], [100, 0, 0], [0, 100, 0], [0, 0, 100]])
    >>> found = fit(square, square + [5.0, 0, 0])
    >>> found.shift.round(6).tolist(), found.used.all().item()
    ([5.0, 0.0, 0.0], True)
    """
    moving, fixed = np.asarray(moving, dtype=np.float64), np.asarray(fixed, dtype=np.float64)
    count, d = moving.shape
    if count < d:
        raise UndeterminedError(f"they share {count}, and {d} are needed")
    known = moving_errors is not None and fixed_errors is not None
    if moving_errors is None or fixed_errors is None:
        moving_errors, fixed_errors = np.zeros((count, d, d)), np.broadcast_to(np.eye(d), (count, d, d))
    # A point that is said to have no error still is no better than its file's digits.
    fixed_errors = fixed_errors + np.eye(d) * 1e-6
    _require_extent(moving)
    _require_extent(fixed)
    scales = np.sqrt(np.trace(moving_errors + fixed_errors, axis1=1, axis2=2) / d)
    checked = count >= d + LEAST_TO_CHECK
    start = _start(moving, fixed, scales, with_scale, checked)
    _require_unmirrored(moving, fixed, scales, with_scale, start[2])
    linear, shift = start[:2]
    used, found = np.ones(count, bool), None
    for _ in range(_STEPS):
        if checked:
            distance = _distances(linear, shift, moving, fixed, moving_errors, fixed_errors)
            used, before = _right(distance, d, known), used
            if found is not None and (used == before).all():
                break
        if used.sum() < d:
            raise UndeterminedError("fewer of them agree than a map needs")
        _require_extent(moving[used])
        found = _fitted(linear, shift, used, moving, fixed, moving_errors, fixed_errors, with_scale, known)
        linear, shift = found.linear, found.shift
        if not checked:
            break
    assert found is not None
    return found


def _start(
    moving: FloatArray, fixed: FloatArray, scales: FloatArray, with_scale: bool, checked: bool
) -> tuple[FloatArray, FloatArray, float]:
    """Linear part, shift, and the size of the residual that decided."""
    count, d = moving.shape
    if checked:
        rows = _subsets(count, d)
        weights = np.zeros((len(rows), count))
        np.put_along_axis(weights, rows, 1.0, axis=1)
        rank = count // 2 + (d + 1) // 2
    else:
        weights, rank = (1 / scales**2)[None], count - 1
    scale, rotation, middle, target = similarities(
        np.broadcast_to(moving, (len(weights), count, d)), fixed, weights
    )
    linear = rotation * (scale if with_scale else np.ones_like(scale))[:, None, None]
    shift = target - np.einsum("nij,nj->ni", linear, middle)
    residual = (
        np.linalg.norm(np.einsum("nij,lj->nli", linear, moving) + shift[:, None] - fixed, axis=2) / scales
    )
    decisive = np.partition(residual, min(rank, count - 1), axis=1)[:, min(rank, count - 1)]
    best = int(decisive.argmin())
    return linear[best], shift[best], float(decisive[best])


def _subsets(count: int, size: int) -> np.ndarray:
    """(S, size) rows of different pairs: all there are, or as many as are tried, always the same."""
    if comb(count, size) <= STARTS:
        return np.array(list(combinations(range(count), size)))
    rng = np.random.default_rng(0)
    return rng.random((STARTS, count)).argpartition(size, axis=1)[:, :size]


def _require_extent(points: FloatArray) -> None:
    extent = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if extent[0] < 1e-6:
        raise UndeterminedError("they lie on one spot")
    if points.shape[1] == 3 and extent[1] < _FLAT * extent[0]:
        raise UndeterminedError("they lie nearly on one line, about which any turn fits")


def _require_unmirrored(
    moving: FloatArray, fixed: FloatArray, scales: FloatArray, with_scale: bool, size: float
) -> None:
    count, d = moving.shape
    if count <= d:
        return
    mirror = np.eye(d)
    mirror[0, 0] = -1.0
    other = _start(moving @ mirror, fixed, scales, with_scale, count >= d + LEAST_TO_CHECK)[2]
    extent = float(np.linalg.norm(fixed - fixed.mean(axis=0), axis=1).mean()) / float(np.median(scales))
    if other < _MIRRORED * size and size > 0.02 * extent:
        raise MirroredError(
            "one fits the mirror image of the other far better: left and right are exchanged in one of them, "
            "or its image is mirrored"
        )


def _errors(linear: FloatArray, moving_errors: FloatArray, fixed_errors: FloatArray) -> FloatArray:
    return np.asarray(linear @ moving_errors @ linear.T + fixed_errors)


def _distances(
    linear: FloatArray,
    shift: FloatArray,
    moving: FloatArray,
    fixed: FloatArray,
    moving_errors: FloatArray,
    fixed_errors: FloatArray,
) -> FloatArray:
    """(N,) Mahalanobis distances of the residuals."""
    residuals = fixed - moving @ linear.T - shift
    errors = _errors(linear, moving_errors, fixed_errors)
    return np.sqrt(np.einsum("ni,ni->n", residuals, np.linalg.solve(errors, residuals[..., None])[..., 0]))


def _right(distance: FloatArray, d: int, known: bool) -> BoolArray:
    """Which residuals an error explains, of the size that more than half of them show."""
    count = len(distance)
    rank = min(count // 2 + (d + 1) // 2, count - 1)
    size = np.partition(distance, rank)[rank] / np.sqrt(_quantile((rank + 0.5) / count, d))
    return np.asarray(
        distance <= max(float(size), 1.0 if known else 0.0) * np.sqrt(_quantile(WRONG, d)) + 1e-9
    )


def _fitted(
    linear: FloatArray,
    shift: FloatArray,
    used: BoolArray,
    moving: FloatArray,
    fixed: FloatArray,
    moving_errors: FloatArray,
    fixed_errors: FloatArray,
    with_scale: bool,
    known: bool,
) -> Fit:
    from scipy.spatial.transform import Rotation

    d = moving.shape[1]
    turns = 3 if d == 3 else 1
    for _ in range(_STEPS):
        errors = _errors(linear, moving_errors, fixed_errors)
        mapped = moving @ linear.T + shift
        centre = fixed[used].mean(axis=0)
        jacobian = _jacobian(mapped - centre, with_scale)
        weighted = np.linalg.solve(errors[used], jacobian[used])
        normal = np.einsum("nip,niq->pq", jacobian[used], weighted)
        step = np.linalg.solve(normal, np.einsum("nip,ni->p", weighted, (fixed - mapped)[used]))
        vector = step[:turns] if d == 3 else np.array([0.0, 0.0, step[0]])
        turn = Rotation.from_rotvec(vector).as_matrix()[:d, :d]
        grown = float(np.exp(step[turns])) if with_scale else 1.0
        linear, shift = grown * turn @ linear, centre + grown * turn @ (shift - centre) + step[-d:]
        if np.abs(step).max() < 1e-10:
            break
    errors = _errors(linear, moving_errors, fixed_errors)
    residuals = fixed - moving @ linear.T - shift
    squares = np.einsum("ni,ni->n", residuals, np.linalg.solve(errors, residuals[..., None])[..., 0])[
        used
    ].sum()
    freedom = d * int(used.sum()) - len(normal)
    factor, explained = 1.0, None
    if freedom > 0:
        ratio = float(np.sqrt(squares / freedom))
        explained = bool(squares <= _quantile(SURE, freedom)) if known else None
        factor = ratio if not known or not explained else 1.0
    scale = float(np.abs(np.linalg.det(linear)) ** (1 / d))
    return Fit(
        linear,
        shift,
        scale if with_scale else 1.0,
        residuals,
        errors * factor**2,
        used,
        factor,
        np.linalg.inv(normal) * factor**2,
        centre,
        float(np.sqrt(((fixed[used] - centre) ** 2).sum(axis=1).mean())),
        with_scale,
        explained,
    )


def _jacobian(arms: FloatArray, with_scale: bool) -> FloatArray:
    """(N, d, p): how mapped points move with turn, growth and shift, for (N, d) arms from the centre."""
    count, d = arms.shape
    if d == 3:
        x, y, z = arms.T
        zero = np.zeros(count)
        turn = np.stack(
            [np.stack([zero, z, -y], -1), np.stack([-z, zero, x], -1), np.stack([y, -x, zero], -1)], axis=1
        )
    else:
        turn = np.stack([-arms[:, 1], arms[:, 0]], axis=-1)[..., None]
    parts = [turn, *([arms[..., None]] if with_scale else []), np.broadcast_to(np.eye(d), (count, d, d))]
    return np.concatenate(parts, axis=2)


def _quantile(share: float, freedom: float) -> float:
    from scipy.special import chdtri  # scipy.stats takes seconds to import

    return float(chdtri(freedom, 1 - share))
