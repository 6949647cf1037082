"""The outline of a hand in a radiograph: from the skin, not from the bones.

Air is the smooth part of a radiograph and lies at one end of its grey values: a polynomial surface is fitted
to it for either polarity and from several starts, and what stands out of the surface on the side of the bones
is a hypothesis. The hypothesis that looks most like a hand in front of smooth air wins. Before that,
everything outside the collimated field is set aside, and afterwards lead markers are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from LandmarkDetectionLib.imaging.hand.fingers import find_fingers
from LandmarkDetectionLib.typing import Array

#: The longer side of the grid that a radiograph is looked at on, in cells; a finger is about 30 cells wide.
LONG_SIDE = 400
#: Share of the tissue's contrast to air at which the skin is taken to lie.
SKIN_SHARE = 0.10
#: Air is at most this many standard deviations of its own noise away from its surface.
AIR_DEVIATIONS = 4.0
#: A collimated field fills its rectangle to this share.
LEAST_RECTANGLE = 0.9
#: A hand with its forearm is at most this many times as large as the disc that fits into its palm.
LARGEST_HAND = 9.0
#: Slope at the edge of lead in a cell, as a share of the greatest height over air; bones rise more slowly.
LEAD_EDGE = 0.09
#: Of five fingers and a smooth background, less than this in ``Outline.score`` is doubtful.
LEAST_SCORE = 1.1
#: Half the width of a lead letter with its box, in cells, at most; a collimated field is wider.
LETTER_RADIUS = 24.0


@dataclass(frozen=True)
class Outline:
    """What is hand in a grid of grey values.

    Attributes
    ----------
    mask
        (H, W) bool, the hand with its forearm, as far as the field shows it.
    field
        (H, W) bool, what was exposed: not the border that a collimator leaves.
    bright
        Whether bone is brighter than air.
    threshold
        Step from air to skin in the image's units.
    score
        How much it looks like one hand in front of smooth air, up to 2.
    others
        How many further objects of a hand's size and shape there are.
    """

    mask: Array
    field: Array
    bright: bool
    threshold: float
    score: float
    others: int


@dataclass(frozen=True)
class _Air:
    """Distance of every cell from the fitted air, positive towards bone, and the air's own deviation."""

    above: Array
    deviation: float
    sign: int


def outline_hand(image: Array, threshold: float | None = None) -> Outline | None:
    """Find the hand in (H, W) float32 grey values on square cells; None when nothing stands out of the air.

    Parameters
    ----------
    image
        At most about ``LONG_SIDE`` cells long; no NaN.
    threshold
        Grey value of the skin, given by a person: then only the polarity is open.
    """
    if not np.ptp(image) > 0:
        return None
    noise = _noise(image)
    smooth = ndimage.gaussian_filter(image, 0.8)
    if threshold is not None:
        field = np.ones(image.shape, bool)
        airs = [_Air(sign * (smooth - threshold), noise, sign) for sign in (1, -1)]
        outlines = [_outline(image, air, field, noise, 0.0) for air in airs]
    else:
        field, airs = _field_and_airs(image, smooth, noise)
        outlines = [_outline(image, air, field, noise, None) for air in airs]
    found = [outline for outline in outlines if outline is not None]
    return max(found, key=lambda outline: outline.score, default=None)


def _noise(image: Array) -> float:
    """Deviation of cells from their neighbourhood; never nothing, as pictures may be flat."""
    rough = np.abs(image - ndimage.gaussian_filter(image, 1.5))
    low, high = np.percentile(image, [1, 99])
    return float(max(1.48 * np.median(rough), 0.002 * (high - low), 1e-6))


# --- air ---------------------------------------------------------------------------------------------------


def _field_and_airs(image: Array, smooth: Array, noise: float) -> tuple[Array, list[_Air]]:
    """The collimated field, and the surfaces of air within it."""
    field = np.ones(image.shape, bool)
    for _ in range(3):
        airs = [
            air
            for sign in (1, -1)
            for quantile in (0.1, 0.3, 0.5)
            if (air := _fit_air(smooth, field, sign, quantile, noise)) is not None
        ]
        smaller = _collimated(image, field, airs, noise)
        if smaller is None:
            break
        field = smaller
    return field, airs


def _terms(row: Array, column: Array, shape: tuple[int, ...], degree: int) -> Array:
    """(N, terms) monomials up to the degree of positions scaled to [-1, 1]."""
    y, x = 2 * row / shape[0] - 1, 2 * column / shape[1] - 1
    return np.stack([x**i * y**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=-1)


def _fit_air(smooth: Array, field: Array, sign: int, quantile: float, noise: float) -> _Air | None:
    """Fit a surface of degree 3 to the smooth side of the grey values, from a quantile of tiles."""
    tiles = np.array(list(_tiles(sign * smooth, field)))
    if len(tiles) < 6:
        return None
    coefficients = _quantile_plane(tiles, smooth.shape, quantile)
    row, column = (index.ravel() for index in np.mgrid[: smooth.shape[0] : 3, : smooth.shape[1] : 3])
    inside = field[row, column]
    row, column = row[inside], column[inside]
    values = sign * smooth[row, column]
    widest = 0.1 * float(np.ptp(np.percentile(values, [5, 95])))
    degree, deviation = 1, widest
    for round_ in range(14):
        above = values - _terms(row, column, smooth.shape, degree) @ coefficients
        if round_:
            near = above[np.abs(above) < 3 * deviation]
            if near.size > 50:
                spread = 1.48 * float(np.median(np.abs(near - np.median(near))))
                deviation = float(np.clip(spread, noise, max(widest, noise)))
        air = np.abs(above) < 2.5 * deviation
        if np.count_nonzero(air) < 60:
            break
        # Freedom comes with certainty: a curved surface could follow the hand at first.
        degree = 1 if round_ < 4 else 2 if round_ < 9 else 3
        terms = _terms(row[air], column[air], smooth.shape, degree)
        coefficients = _least_squares(terms, values[air])
    rows, columns = np.indices(smooth.shape).reshape(2, -1)
    surface = _terms(rows, columns, smooth.shape, degree) @ coefficients
    return _Air(sign * smooth - surface.reshape(smooth.shape), deviation, sign)


def _tiles(values: Array, field: Array, count: int = 8) -> Iterator[tuple[float, float, float]]:
    """Row, column and lower quartile of tiles that lie in the field for a fifth at least."""
    for rows in np.array_split(np.arange(values.shape[0]), count):
        for columns in np.array_split(np.arange(values.shape[1]), count):
            tile = np.ix_(rows, columns)
            inside = values[tile][field[tile]]
            if inside.size > 0.2 * rows.size * columns.size:
                yield float(rows.mean()), float(columns.mean()), float(np.percentile(inside, 25))


def _quantile_plane(tiles: Array, shape: tuple[int, ...], quantile: float) -> Array:
    """Quantile regression (Koenker and Bassett 1978) of a plane by reweighted least squares."""
    terms, values = _terms(tiles[:, 0], tiles[:, 1], shape, 1), tiles[:, 2]
    coefficients = np.zeros(terms.shape[1])
    coefficients[0] = np.quantile(values, quantile)
    least = 1e-2 * float(np.ptp(values)) + 1e-6
    for _ in range(40):
        above = values - terms @ coefficients
        weight = np.sqrt(np.where(above > 0, quantile, 1 - quantile) / np.maximum(np.abs(above), least))
        coefficients = _least_squares(terms * weight[:, None], values * weight)
    return coefficients


def _least_squares(terms: Array, values: Array) -> Array:
    """By the normal equations: many rows, few well-scaled columns."""
    square = terms.T @ terms
    return np.asarray(
        np.linalg.solve(square + 1e-9 * np.trace(square) * np.eye(len(square)), terms.T @ values)
    )


# --- collimation -------------------------------------------------------------------------------------------


def _collimated(image: Array, field: Array, airs: list[_Air], noise: float) -> Array | None:
    """The rectangle inside an even border, or None when there is no such border."""
    low, high = np.percentile(image, [0.5, 99.5])
    tolerance = max(AIR_DEVIATIONS * noise, 0.02 * float(high - low))
    median = ndimage.median_filter(image, 3)
    rim = field & ~ndimage.binary_erosion(field)
    slope = ndimage.gaussian_gradient_magnitude(image, 1.0)
    steep = ndimage.maximum_filter(slope, 5) > tolerance
    likes = [np.abs(median - level) <= tolerance for level in _crowded(median[rim], tolerance)]
    likes.append(ndimage.maximum_filter(slope, 3) < tolerance)
    likes += [np.abs(air.above) < max(tolerance, AIR_DEVIATIONS * air.deviation) for air in airs]
    for like in likes:
        labels, _ = ndimage.label(like & field)
        border = np.isin(labels, np.setdiff1d(labels[rim], [0]))
        # Letters beside the field, and partly over its border, are no part of it.
        rest = _largest(_open(field & ~border, LETTER_RADIUS))
        if rest is None or not 0.1 * image.size < np.count_nonzero(rest) < 0.995 * np.count_nonzero(field):
            continue
        rest = ndimage.binary_fill_holes(rest)
        rectangle = _rectangle(rest) & field
        if np.count_nonzero(rest) < LEAST_RECTANGLE * np.count_nonzero(rectangle):
            continue
        edge = rectangle & ~ndimage.binary_erosion(rectangle)
        edge &= ndimage.binary_erosion(field, iterations=6)
        if edge.any() and steep[edge].mean() > 0.7:
            return np.asarray(ndimage.binary_erosion(rectangle))
    return None


def _crowded(values: Array, tolerance: float, most: int = 4) -> Iterator[float]:
    """Values around which at least a twentieth of all lie, the most crowded first."""
    ordered = np.sort(values)
    crowd = np.searchsorted(ordered, ordered + tolerance) - np.searchsorted(ordered, ordered - tolerance)
    for _ in range(most):
        best = int(np.argmax(crowd))
        if crowd[best] < 0.05 * len(ordered):
            return
        yield float(ordered[best])
        crowd[np.abs(ordered - ordered[best]) < 2 * tolerance] = 0


def _rectangle(mask: Array) -> Array:
    """The smallest rectangle, turned freely, around the cells of a mask."""
    from scipy.spatial import ConvexHull

    rim = np.argwhere(mask & ~ndimage.binary_erosion(mask)).astype(float)
    corners = rim[ConvexHull(rim).vertices]
    sides = np.roll(corners, -1, axis=0) - corners
    row, column = np.indices(mask.shape)
    best: tuple[float, Array] | None = None
    for side in sides / np.linalg.norm(sides, axis=1, keepdims=True):
        bounds = []
        for axis in (side, np.array([-side[1], side[0]])):
            along = corners @ axis
            bounds.append((axis, along.min(), along.max()))
        area = float(np.prod([high - low for _, low, high in bounds]))
        if best is None or area < best[0] - 1e-9:
            inside = np.ones(mask.shape, bool)
            for axis, low, high in bounds:
                place = axis[0] * row + axis[1] * column
                inside &= (place >= low - 0.5) & (place <= high + 0.5)
            best = (area, inside)
    assert best is not None
    return best[1]


# --- hand --------------------------------------------------------------------------------------------------


def _outline(image: Array, air: _Air, field: Array, noise: float, given: float | None) -> Outline | None:
    above, deviation = air.above, air.deviation
    tissue = above[field & (above > AIR_DEVIATIONS * deviation)]
    if tissue.size < 100:
        return None
    contrast = float(np.median(tissue))
    if given is None:
        above = _without_remaining_air(above, field, deviation)
    # Only as much smoothing as the noise asks for: it rounds what lies between the fingers.
    for _ in range(3):
        if AIR_DEVIATIONS * deviation <= SKIN_SHARE * contrast:
            break
        above, deviation = ndimage.gaussian_filter(above, 1.2), deviation / 1.7
    step = max(AIR_DEVIATIONS * deviation, SKIN_SHARE * contrast) if given is None else given
    rough = _largest(ndimage.binary_opening(field & (above > step), iterations=2))
    if rough is None:
        return None
    radius = float(ndimage.distance_transform_edt(np.pad(rough, 1)).max())
    marker = _markers(air.above, field, radius)
    hand = _clean(field & (above > step), marker, radius)
    mask = _largest(hand)
    if mask is None:
        return None
    score = _score(mask, above, deviation, field)
    return Outline(mask, field, air.sign > 0, float(step), score, _other_hands(hand, mask))


def _without_remaining_air(above: Array, field: Array, deviation: float) -> Array:
    """Subtract what the surface left over: air changes slowly, so its neighbourhood tells it."""
    air = field & (np.abs(above) < 3 * deviation)
    weight = ndimage.gaussian_filter(air.astype(np.float32), 12)
    local = ndimage.gaussian_filter(np.where(air, above, 0).astype(np.float32), 12) / np.maximum(weight, 1e-3)
    return np.where(weight > 0.02, above - local, above)


def _markers(above: Array, field: Array, radius: float) -> Array:
    """Lead letters and plates: as far from air as anything, with edges that no bone has."""
    highest = float(np.percentile(above[field], 99.9))
    labels, _ = ndimage.label(field & (above > 0.85 * highest))
    marker = np.zeros(field.shape, bool)
    steep = ndimage.gaussian_gradient_magnitude(above, 1.0)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        box = tuple(slice(max(0, part.start - 2), part.stop + 2) for part in box)
        part = labels[box] == label
        area = np.count_nonzero(part)
        if not 8 <= area <= 0.5 * np.pi * radius**2:
            continue
        rim = ndimage.binary_dilation(part) & ~ndimage.binary_erosion(part)
        inner = above[box][ndimage.binary_erosion(part, iterations=2)]
        even = inner.size == 0 or inner.std() < 0.03 * highest
        if even and np.median(steep[box][rim]) > LEAD_EDGE * highest:
            marker[box] |= part
    return np.asarray(ndimage.binary_dilation(marker, iterations=3)) if marker.any() else marker


def _clean(mask: Array, marker: Array, radius: float) -> Array:
    """Fill specks, cut threads and thin strips, and take markers off, healing the hand under them."""
    mask = mask & ~marker
    labels, _ = ndimage.label(~mask)
    sizes = np.bincount(labels.ravel())
    # Larger holes are air between fingers that touch each other.
    mask = mask | (sizes[labels] < (0.2 * radius) ** 2)
    if marker.any():
        mask = mask | _under(marker, mask)
    return _open(mask, max(1.5, 0.06 * radius))


def _under(marker: Array, mask: Array) -> Array:
    """The hand under markers that it surrounds by two fifths at least, where its outline goes on."""
    healed = _close(mask, 2 * float(ndimage.distance_transform_edt(marker).max())) & marker
    labels, count = ndimage.label(marker)
    rim = ndimage.maximum_filter(labels, 3) * ~marker
    share = ndimage.mean(mask, rim, np.arange(count + 1))
    return np.asarray(healed & (share > 0.4)[labels])


def _open(mask: Array, radius: float) -> Array:
    """Opening by a disc, nothing taken to go on outside the image: strips along its border go, too."""
    core = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] > radius
    return np.asarray(ndimage.distance_transform_edt(~core) <= radius) if core.any() else core


def _close(mask: Array, radius: float) -> Array:
    reach = int(np.ceil(radius)) + 1
    grown = ndimage.distance_transform_edt(~np.pad(mask, reach)) <= radius
    closed = ndimage.distance_transform_edt(grown) > radius
    return np.asarray(closed[reach:-reach, reach:-reach])


def _score(mask: Array, above: Array, deviation: float, field: Array) -> float:
    """Fingers, smooth air, and little contact with the border of the field."""
    rim = field & ~ndimage.binary_erosion(field)
    contact = np.count_nonzero(mask & rim) / np.count_nonzero(rim)
    outside = field & ~ndimage.binary_dilation(mask, iterations=2)
    # What is further from bone than air (labels, corners, a film's border) is no tissue that was left out.
    smooth = float((above[outside] < AIR_DEVIATIONS * deviation).mean()) if outside.any() else 0.0
    area = np.count_nonzero(mask) / np.count_nonzero(field)
    found = find_fingers(mask)
    fingers = min(5, len(found.tips))
    no_palm = np.count_nonzero(mask) > LARGEST_HAND * np.pi * found.radius**2
    return fingers / 5 + smooth - 2 * max(0.0, contact - 0.2) - float(no_palm or not 0.02 < area < 0.9)


def _other_hands(hand: Array, mask: Array) -> int:
    labels, _ = ndimage.label(hand & ~mask)
    sizes = np.bincount(labels.ravel())
    large = np.flatnonzero(sizes[1:] > 0.3 * np.count_nonzero(mask)) + 1
    return sum(len(find_fingers(labels == label).tips) >= 3 for label in large)


def _largest(mask: Array) -> Array | None:
    labels, count = ndimage.label(mask)
    return labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]) if count else None
