"""The angle of a curved row of points, as of the centres of vertebral bodies.

A Cobb angle is measured between end plates. Where only the centres of the vertebrae are known, the tangent of
a smooth curve through them takes the place of an end plate's perpendicular: the analytical Cobb angle
(Jeffries, Tarlton, De Smet, Dwyer and Brower, Radiology 1980; review: Vrtovec, Pernus and Likar, European
Spine Journal 2009). The largest difference of two tangents is that between the ends of the largest curve.
"""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.measurement.geometry import LEAST_LENGTH
from LandmarkDetectionLib.typing import FloatArray

#: How much bending is smoothed away, in units of the mean distance of neighbours. Of 17 vertebrae from T1 to
#: L5 it leaves one, two or three curves of 20 to 50 degrees as they are within 2 degrees; a straight spine
#: whose centres are off by 1, 2 or 3 mm (standard deviation) reads 2, 5 or 7 degrees on average. Polynomials
#: that hold three curves read 7, 14 and 21 degrees there.
SMOOTHNESS = 5.0


def largest_curve_angle(points: FloatArray) -> FloatArray:
    """Largest angle between the tangents of a smooth curve along a row of points.

    Parameters
    ----------
    points : (S, N, 2)
        Of S curves, N points from one end to the other; N at least 4.

    Returns
    -------
    (S,) float64
        Degrees, 0 to 180; NaN where a point is NaN or does not lie farther along the line from the first
        point to the last than the one before it.

    Notes
    -----
    With t the place of a point along that line and s its distance from it, s is smoothed by
    ``(I + a D'D)^-1 s`` with D the third divided differences (Whittaker 1923; Eilers, Analytical Chemistry
    2003). Tangents are the steps between neighbouring smoothed points. Turning, shifting and scaling the
    points changes nothing.
    """
    chord = points[:, -1] - points[:, 0]
    size = np.linalg.norm(chord, axis=1)
    with np.errstate(all="ignore"):
        axis = chord / np.where(size > LEAST_LENGTH, size, np.nan)[:, None]
        unit = size[:, None] / (points.shape[1] - 1)
        steps = (points - points[:, :1]) / unit[..., None]
    t = (steps @ axis[:, :, None])[..., 0]
    s = axis[:, None, 0] * steps[..., 1] - axis[:, None, 1] * steps[..., 0]
    usable = np.isfinite(s).all(axis=1) & (np.diff(t, axis=1) > LEAST_LENGTH).all(axis=1)
    t = np.where(usable[:, None], t, np.arange(t.shape[1], dtype=np.float64))
    s = np.where(usable[:, None], s, 0.0)
    rough = _third_differences(t)
    system = np.eye(t.shape[1]) + SMOOTHNESS * rough.transpose(0, 2, 1) @ rough
    smooth = np.linalg.solve(system, s[..., None])[..., 0]
    lean = np.degrees(np.arctan2(np.diff(smooth, axis=1), np.diff(t, axis=1)))
    return np.where(usable, np.ptp(lean, axis=1), np.nan)


def _third_differences(t: FloatArray) -> FloatArray:
    """(S, N - 3, N) matrices that take values at places (S, N) to their third derivatives."""
    matrix = np.broadcast_to(np.eye(t.shape[1]), (len(t), t.shape[1], t.shape[1]))
    for _ in range(3):
        matrix = np.diff(matrix, axis=1) / np.diff(t, axis=1)[..., None]
        t = (t[:, 1:] + t[:, :-1]) / 2
    return np.asarray(matrix)
