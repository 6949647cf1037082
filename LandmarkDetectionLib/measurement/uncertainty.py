"""From the spread of landmarks to the spread of a measurement.

First order where the measurement is as good as linear over the landmarks' spread: a Gaussian with the
variance J C J'. Whether it is, the values one step of sqrt(3) standard deviations away in every direction
tell (the points of an unscented transform, Julier and Uhlmann 1997): they give slope and curvature. Where
curvature matters, the landmarks are sampled with a fixed seed. The spread of different landmarks is taken as
independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from LandmarkDetectionLib.typing import FloatArray

LEVEL = 0.95
SAMPLES = 2000
STEP = np.sqrt(3.0)
_Z = 1.959963984540054  # 97.5 % quantile of the standard normal distribution

CURVED = 0.05
"""Share of the standard deviation that curvature may add before sampling takes over."""

REACHES_LIMIT = 2.6
"""Standard deviations from a limit (a straight angle) within which the interval reaches it: the 95 % quantile
of the length of a Gaussian vector in the plane, 2.45, and some more, as spreads near a limit are small."""


@dataclass
class Samples:
    """Many places of all landmarks.

    Attributes
    ----------
    points : mapping of landmark to (S, d)
        In the frame's unit.
    cache
        What was computed of them before, by name: measurements share parts.
    """

    points: Mapping[str, FloatArray]
    cache: dict[str, Any] = field(default_factory=dict)


Formula = Callable[[Samples], FloatArray]


@dataclass(frozen=True)
class Spread:
    """How sure a value is.

    Attributes
    ----------
    sd
        Standard deviation in the value's unit.
    low, high
        95 % interval: it covers the true value in 95 of 100 cases, if the landmarks' spread is true.
    method
        ``first order`` or ``sampling``.
    """

    sd: float
    low: float
    high: float
    method: Literal["first order", "sampling"]


class Propagation:
    """Carries the spread of the landmarks of one case over to its measurements.

    Parameters
    ----------
    points : mapping of landmark to (d,)
        Where the landmarks are.
    covariances : mapping of landmark to (d, d)
        Their spread. A landmark without one stays where it is; ask for no measurement that needs it.
    samples
        How many, where sampling is needed.
    """

    def __init__(
        self,
        points: Mapping[str, FloatArray],
        covariances: Mapping[str, FloatArray],
        samples: int = SAMPLES,
    ) -> None:
        self._names = list(points)
        self._count = samples
        self._base = np.stack([points[name] for name in self._names])
        nothing = np.zeros((self._base.shape[1],) * 2)
        matrices = np.stack([covariances.get(name, nothing) for name in self._names])
        variances, directions = np.linalg.eigh((matrices + matrices.transpose(0, 2, 1)) / 2)
        # R with R R' the covariance; rounding may have made an eigenvalue a little negative.
        self._roots = directions * np.sqrt(np.clip(variances, 0, None))[:, None, :]

    def spread_of(
        self,
        formula: Formula,
        centre: float,
        *,
        limits: tuple[float, float] = (-np.inf, np.inf),
        circular: bool = False,
        method: Literal["first order", "sampling"] | None = None,
    ) -> Spread | None:
        """The spread of one measurement.

        Parameters
        ----------
        formula
            Its value for many samples.
        centre
            Its value where the landmarks are.
        limits
            What the value cannot exceed: 0 and 180 for an angle.
        circular
            179 lies beside -179.
        method
            ``first order`` or ``sampling``; chosen by the curvature when None.

        Returns
        -------
        Spread or None
            None when the value is not defined all around the landmarks.
        """

        def differences(samples: Samples) -> FloatArray:
            step = formula(samples) - centre
            return np.asarray((step + 180) % 360 - 180 if circular else step)

        sd, bends = _first_order(differences(self._around))
        if not np.isfinite(sd):
            return None
        if method == "first order" or (method is None and bends <= CURVED * sd):
            low, high, method = centre - _Z * sd, centre + _Z * sd, "first order"
        else:
            step = differences(self._cloud)
            step = step[np.isfinite(step)]
            if len(step) < self._count / 2:
                return None
            sd, (low, high), method = float(step.std()), _interval(step, centre), "sampling"
        if centre - limits[0] <= REACHES_LIMIT * sd:
            low = limits[0]
        if limits[1] - centre <= REACHES_LIMIT * sd:
            high = limits[1]
        return Spread(sd, max(low, limits[0]), min(high, limits[1]), method)

    def covariance_of(self, formula: Formula) -> tuple[FloatArray, Literal["first order", "sampling"]] | None:
        """The joint spread of several values of one unit that are 0 where the landmarks are.

        Parameters
        ----------
        formula
            Gives (S, k) values for S samples: differences from what the landmarks themselves give.

        Returns
        -------
        (k, k) covariance and method, or None
            None when the values are not defined all around the landmarks.
        """
        ahead, behind = np.split(np.asarray(formula(self._around)), 2)
        slopes, curvatures = (ahead - behind) / (2 * STEP), (ahead + behind) / STEP**2
        sd = np.sqrt((slopes**2).sum(axis=0))
        bends = np.sqrt((0.5 * curvatures.sum(axis=0)) ** 2 + 0.5 * (curvatures**2).sum(axis=0))
        if not np.isfinite(sd).all():
            return None
        if (bends <= CURVED * sd.max()).all():
            return np.asarray(slopes.T @ slopes), "first order"
        values = np.asarray(formula(self._cloud))
        values = values[np.isfinite(values).all(axis=1)]
        if len(values) < self._count / 2:
            return None
        return np.asarray(np.cov(values.T)), "sampling"

    @cached_property
    def _around(self) -> Samples:
        """One step along every axis of every landmark's spread, and the same backwards."""
        count, dimensions = self._base.shape
        steps = np.zeros((count, dimensions, count, dimensions))
        rows = np.arange(count)
        steps[rows, :, rows] = STEP * self._roots.transpose(0, 2, 1)
        moves = steps.reshape(-1, count, dimensions)
        return self._samples(np.concatenate([self._base + moves, self._base - moves]))

    @cached_property
    def _cloud(self) -> Samples:
        noise = np.random.default_rng(0).standard_normal((self._count, *self._base.shape))
        return self._samples(self._base + np.einsum("lij,slj->sli", self._roots, noise))

    def _samples(self, places: FloatArray) -> Samples:
        return Samples({name: places[:, row] for row, name in enumerate(self._names)})


def _first_order(differences: FloatArray) -> tuple[float, float]:
    """Standard deviation of the linear part, and the size of what the second derivatives add to it."""
    ahead, behind = np.split(differences, 2)
    slopes, curvatures = (ahead - behind) / (2 * STEP), (ahead + behind) / STEP**2
    bends = np.sqrt((0.5 * curvatures.sum()) ** 2 + 0.5 * (curvatures**2).sum())
    return float(np.sqrt((slopes**2).sum())), float(bends)


def _interval(step: FloatArray, centre: float) -> tuple[float, float]:
    """Quantiles of sampled differences, moved against the bias that noise brings.

    The measured value has this bias once already and sampling adds it again: the end that the bias moves away
    from is moved back twice, the other once.
    """
    low, high = np.quantile(step, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    bias = step.mean()
    return (
        centre + low - (2 if bias > 0 else 1) * bias,
        centre + high - (1 if bias > 0 else 2) * bias,
    )
