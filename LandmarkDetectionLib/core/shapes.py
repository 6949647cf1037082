"""Shapes of landmarks: brought onto one another, and mirrored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from LandmarkDetectionLib.typing import FloatArray


def moved_onto(shapes: npt.ArrayLike, target: npt.ArrayLike, weights: npt.ArrayLike) -> FloatArray:
    """Each shape under the similarity that brings it nearest to the target.

    Parameters
    ----------
    shapes : (N, L, d)
        NaN where a landmark is not known.
    target : (L, d)
        NaN where it has none.
    weights : (N, L)
        Not negative, 0 for landmarks that are not known; those that the target lacks do not count either.

    Returns
    -------
    (N, L, d)
        Moved, turned and scaled, never mirrored; NaN where the landmark is not known.

    Notes
    -----
    With centred X (shape) and Y (target), W the weights and Y^T W X = U S V^T, the rotation is U D V^T and
    the scale tr(S D) / tr(X^T W X), where D = diag(1, ..., 1, det(U V^T)) (Umeyama 1991).

    References
    ----------
    S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE
    Transactions on Pattern Analysis and Machine Intelligence 13(4), 376-380 (1991).
    """
    cases = np.asarray(shapes, dtype=np.float64)
    scale, rotation, from_middle, to_middle = similarities(cases, target, weights)
    return np.asarray(
        scale[:, None, None] * np.einsum("nij,nlj->nli", rotation, cases - from_middle[:, None])
        + to_middle[:, None]
    )


def similarities(
    shapes: npt.ArrayLike, target: npt.ArrayLike, weights: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The maps of :func:`moved_onto`: x goes to ``scale * rotation @ (x - from_middle) + to_middle``.

    Returns
    -------
    scale (N,), rotation (N, d, d), from_middle (N, d), to_middle (N, d)
        Rotation and middles are also those of the best map without a scale.
    """
    cases, places = np.asarray(shapes, dtype=np.float64), np.asarray(target, dtype=np.float64)
    weight = np.where(np.isfinite(places[:, 0]), np.asarray(weights, dtype=np.float64), 0.0)[..., None]
    total = np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    ours, theirs = np.nan_to_num(cases), np.nan_to_num(places)[None]
    from_middle = (weight * ours).sum(axis=1, keepdims=True) / total
    to_middle = (weight * theirs).sum(axis=1, keepdims=True) / total
    ours, theirs = ours - from_middle, theirs - to_middle
    left, values, right = np.linalg.svd(np.einsum("nli,nlj->nij", weight * theirs, ours))
    sign = np.ones_like(values)
    sign[:, -1] = np.sign(np.linalg.det(left @ right))
    rotation = (left * sign[:, None]) @ right
    variance = (weight * ours**2).sum(axis=(1, 2))
    scale = np.where(variance > 0, (values * sign).sum(axis=1) / np.maximum(variance, 1e-12), 1.0)
    return scale, rotation, from_middle[:, 0], to_middle[:, 0]


def mirror_permutation(names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.intp]:
    """(L,) indices that exchange left and right: ``mirrored = positions[permutation]``.

    Landmarks of no pair keep their place, as do those whose partner is not among the names; applying it twice
    changes nothing.

    Examples
    --------
    >>> mirror_permutation(("nose", "eye_left", "eye_right"), [("eye_left", "eye_right")]).tolist()
    [0, 2, 1]
    """
    row = {name: n for n, name in enumerate(names)}
    permutation = np.arange(len(names))
    for left, right in pairs:
        if left in row and right in row:
            permutation[row[left]], permutation[row[right]] = row[right], row[left]
    return permutation
