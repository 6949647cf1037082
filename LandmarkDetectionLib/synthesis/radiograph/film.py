"""From attenuation to a picture: beam, scatter, noise, blur, film or detector, and what else is in view.

I = I0 h exp(-sum mu t) + s, with the heel effect h and scatter s; the picture shows -log I through a window
and a curve, bright where little arrives, as films of heads do. These vary more than anatomy does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from LandmarkDetectionLib.typing import Array

#: Attenuation of soft tissue per mm at 60 to 70 keV.
SOFT = 0.0175
#: Share of a picture's height over which brightness is evened out.
EQUALISING_REACH = 0.12


@dataclass(frozen=True)
class Film:
    """How one picture is exposed and shown.

    Attributes
    ----------
    exposure
        Scale of all attenuation: harder rays see less.
    heel
        Falling exposure across the picture, per width and height.
    wedge
        Where a filter that holds back rays over the profile begins (share of the width), over how much of it
        and how strong it is.
    scatter, scatter_reach
        Share of the primary rays that arrives elsewhere, and how far off, px.
    noise, grain
        Quantum noise at full exposure, and that of the film.
    blur
        Standard deviation, px.
    sharpening, sharpening_reach
        Unsharp masking, as digital systems do: strength, and over how many px.
    low, high, gamma, knee
        Window of -log I, as shares of what lies between the picture's own thin and dense parts, exponent, and
        how softly the ends are reached.
    base
        Grey value of unexposed and of fully exposed film.
    inverted
        Bone dark: as on a viewer that shows what arrives.
    equalising
        Share of the coarse brightness that a digital system takes away, so that thin and dense parts are seen
        at once.
    """

    exposure: float
    heel: tuple[float, float]
    wedge: tuple[float, float, float]
    scatter: float
    scatter_reach: float
    noise: float
    grain: float
    blur: float
    sharpening: float
    sharpening_reach: float
    low: float
    high: float
    gamma: float
    knee: float
    base: tuple[float, float]
    inverted: bool = False
    equalising: float = 0.0


def exposed(attenuation: Array, film: Film, rng: np.random.Generator) -> Array:
    """Grey values (H, W) float32 in 0..1 of a sum of attenuations (H, W) along every ray."""
    rows, columns = attenuation.shape
    y, x = np.linspace(-0.5, 0.5, rows, dtype=np.float32), np.linspace(-0.5, 0.5, columns, dtype=np.float32)
    texture = (
        1 + 0.010 * smooth_noise((rows, columns), 3, rng) + 0.012 * smooth_noise((rows, columns), 14, rng)
    )
    start, length, strength = film.wedge
    filtered = strength * np.clip((x + 0.5 - start) / length, 0, 1)
    primary = np.exp(-film.exposure * np.maximum(attenuation, 0) * texture)
    beam = np.exp(film.heel[0] * x[None] + film.heel[1] * y[:, None] - filtered[None])
    # Scatter comes from the head, not from the air beside it.
    scattered = blurred_coarsely(np.minimum(primary, 0.2), film.scatter_reach)
    arriving = primary * beam + film.scatter * scattered
    arriving = blurred(arriving.astype(np.float32), film.blur)
    quantum = rng.standard_normal((rows, columns), dtype=np.float32)
    arriving += film.noise * np.sqrt(arriving) * quantum * 0.35
    shown = -np.log(np.maximum(arriving, 1e-3))
    if film.sharpening > 0:
        shown += film.sharpening * (shown - blurred_coarsely(shown, film.sharpening_reach))
    if film.equalising > 0:
        shown -= film.equalising * blurred_coarsely(shown, EQUALISING_REACH * rows)
    thin, dense = np.quantile(shown[::6, ::6], (0.04, 0.96))
    shown = (shown - thin) / max(float(dense - thin), 0.5)
    shown = (shown - film.low) / (film.high - film.low)
    # A window whose ends are reached smoothly, as a film's curve is.
    knee = film.knee
    shown = _soft_clip(shown, knee) ** film.gamma if knee > 0.02 else np.clip(shown, 0, 1) ** film.gamma
    if film.grain:
        shown = shown + film.grain * smooth_noise((rows, columns), 1.6, rng)
    low, high = film.base
    shown = low + (high - low) * np.clip(shown, 0, 1)
    return np.asarray(1 - shown if film.inverted else shown, np.float32)


def _soft_clip(x: Array, knee: float) -> Array:
    """0 to 1 with rounded ends: exactly so at both ends for ``knee`` 0."""

    def below(t: Array) -> Array:
        return np.where(t < -knee, 0.0, np.where(t > knee, t, (t + knee) ** 2 / (4 * knee)))

    return np.clip(1 - below(1 - below(x)), 0, 1)


@lru_cache(maxsize=32)
def _enlarging(size: int, coarse: int) -> Array:
    """Matrix (size, coarse) of linear interpolation."""
    place = np.linspace(0, coarse - 1, size)
    low = np.minimum(place.astype(int), coarse - 2)
    matrix = np.zeros((size, coarse), np.float32)
    share = (place - low).astype(np.float32)
    matrix[np.arange(size), low] = 1 - share
    matrix[np.arange(size), low + 1] = share
    return matrix


def smooth_noise(shape: tuple[int, int], reach: float, rng: np.random.Generator) -> Array:
    """Noise (H, W) float32 of about unit deviation that changes over ``reach`` pixels."""
    coarse = tuple(max(2, int(np.ceil(n / reach)) + 1) for n in shape)
    noise = rng.standard_normal(coarse, dtype=np.float32)
    return _enlarging(shape[0], coarse[0]) @ noise @ _enlarging(shape[1], coarse[1]).T


def blurred_coarsely(picture: Array, reach: float) -> Array:
    """A picture blurred by about ``reach`` px, by way of a coarser one."""
    from scipy.ndimage import gaussian_filter

    step = 8 if reach > 14 else 2
    rows, columns = (n // step * step for n in picture.shape)
    means = picture[:rows, :columns].reshape(rows // step, step, columns // step, step).mean(axis=(1, 3))
    wide = gaussian_filter(means.astype(np.float32), reach / step, mode="nearest")
    return _enlarging(picture.shape[0], len(wide)) @ wide @ _enlarging(picture.shape[1], wide.shape[1]).T


def blurred(picture: Array, deviation: float) -> Array:
    """A picture blurred by a Gaussian of so many pixels."""
    from scipy.ndimage import gaussian_filter

    if deviation < 0.3:
        return picture
    return np.asarray(gaussian_filter(picture, deviation, mode="nearest", truncate=3.0))
