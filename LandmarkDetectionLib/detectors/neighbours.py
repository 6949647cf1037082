"""Where a landmark should lie, told from the others alone: bodies differ, but not without bounds.

A point distribution model (Cootes et al. 1995): the landmarks of a body are one Gaussian vector whose place
in the scan is free, N(m, S) with S the covariance of shapes, and added to it what moves all of them together
and what a person has of their own. Landmarks of a region were found in the same picture and err together, so
what is expected of one rests on the landmarks of other regions only. With K = S_hh + R of the h that were
heard and B = K^-1, leaving out those of a group g takes no second inverse (Rasmussen and Williams, Gaussian
Processes for Machine Learning, 2006, section 5.4.2, for single ones):

    mean_t = m_t + S_th B (y - m) - S_th B_hg B_gg^-1 (B (y - m))_g,
    covariance_t = S_tt - S_th B S_ht + S_th B_hg B_gg^-1 B_gh S_ht.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from LandmarkDetectionLib.correction import JointGaussian, fit_shape
from LandmarkDetectionLib.typing import Array

#: What one body has of its own, beyond the bodies that were drawn: the bones of those are one man's.
OWN_MM = 8.0
#: A body may lie anywhere in a scan; so far that nothing else matters, and no farther, for the digits' sake.
ANYWHERE_MM = 3000.0
#: From coordinates of the view from the front, along columns, rows and depth, to RAS.
_TO_RAS = np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, -1.0, 0]])


class Gaussians(NamedTuple):
    """Means (K, 3) RAS mm and covariances (K, 3, 3) mm2 of landmarks."""

    mean: Array
    covariance: Array


class Shape(NamedTuple):
    """How landmarks lie to one another: mean (L, 3) and covariance (L, L, 3, 3), RAS mm."""

    mean: Array
    covariance: Array


def shape_of(joint: JointGaussian | None) -> Shape | None:
    """The shapes that a joint Gaussian of three axes knows, without what it knows of networks."""
    if joint is None or joint.dimensions != 3:
        return None
    return Shape(joint.mean @ _TO_RAS.T, _TO_RAS @ _blocks(joint.covariance) @ _TO_RAS.T)


def shape_from(bodies: Array) -> Shape:
    """Of landmarks (N, L, 3) RAS mm of bodies."""
    mean, covariance = fit_shape(bodies)
    return Shape(mean, _blocks(covariance))


def expected(
    shape: Shape, position: Array, covariance: Array, heard: Array, groups: Sequence[Array]
) -> list[Gaussians]:
    """Where every group's landmarks lie by the word of those that are not in it.

    Parameters
    ----------
    position : (L, 3) RAS mm
    covariance : (L, 3, 3) mm2
        Of their errors.
    heard : (L,) bool
        Those that are listened to.
    groups : sequence of (K,) int
        Landmarks that do not speak for one another.
    """
    rows = np.flatnonzero(heard)
    common, own = ANYWHERE_MM**2 * np.eye(3), OWN_MM**2 * np.eye(3)
    told = shape.covariance[rows][:, rows] + common
    told[np.arange(len(rows)), np.arange(len(rows))] += own + covariance[rows]
    inverse = np.linalg.inv(_flat(told))
    explained = inverse @ (position[rows] - shape.mean[rows]).ravel()
    answers = []
    for group in groups:
        shared = _flat(shape.covariance[group][:, rows] + common)  # (3K, 3H)
        weight = shared @ inverse
        mean = shape.mean[group].ravel() + shared @ explained
        spread = _flat(shape.covariance[group][:, group] + common) - weight @ shared.T
        mine = np.flatnonzero(np.repeat(np.isin(rows, group), 3))
        if len(mine):
            own_weight = weight[:, mine]
            freed = np.linalg.solve(
                inverse[np.ix_(mine, mine)], np.column_stack([explained[mine], own_weight.T])
            )
            mean -= own_weight @ freed[:, 0]
            spread += own_weight @ freed[:, 1:]
        each = np.arange(len(group))
        blocks = spread.reshape(len(group), 3, len(group), 3)[each, :, each] + own
        answers.append(Gaussians(mean.reshape(-1, 3), (blocks + blocks.transpose(0, 2, 1)) / 2))
    return answers


def _blocks(flat: Array) -> Array:
    """(3L, 3L) as (L, L, 3, 3)."""
    count = len(flat) // 3
    return np.asarray(flat.reshape(count, 3, count, 3).transpose(0, 2, 1, 3))


def _flat(blocks: Array) -> Array:
    """(M, N, 3, 3) as (3M, 3N)."""
    rows, columns = blocks.shape[:2]
    return np.asarray(blocks.transpose(0, 2, 1, 3).reshape(3 * rows, 3 * columns))


def fused(one: Gaussians, other: Gaussians) -> Gaussians:
    """What both say together."""
    mine, theirs = np.linalg.inv(one.covariance), np.linalg.inv(other.covariance)
    covariance = np.linalg.inv(mine + theirs)
    told = mine @ one.mean[..., None] + theirs @ other.mean[..., None]
    return Gaussians((covariance @ told)[..., 0], covariance)
