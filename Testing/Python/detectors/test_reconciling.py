"""Landmarks that the others contradict are looked for again where they are expected."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.correction import JointGaussian
from LandmarkDetectionLib.detectors.heatmap_evidence import answer_of
from LandmarkDetectionLib.detectors.reconciling import reconciled
from LandmarkDetectionLib.heatmaps.decoding import Reading, read_distribution
from LandmarkDetectionLib.heatmaps.gaussian import gaussian_heatmaps
from LandmarkDetectionLib.typing import Array

#: x, y in input pixels of an image of 64 x 80.
SHAPE = np.array([[12.0, 12], [40, 10], [26, 30], [14, 52], [42, 50], [28, 66]])
SIZE, RADIUS = (80, 64), 3.0
LOST = 2
NAMES = len(SHAPE)


def joint(dimensions: int = 2) -> JointGaussian:
    """Shapes that vary by 2 pixels in every coordinate, and a network whose spread is what it says."""
    mean = np.zeros((NAMES, dimensions))
    mean[:, :2] = SHAPE
    values = NAMES * dimensions
    calibration = np.zeros((NAMES, dimensions, 3))
    calibration[..., 1] = 1.0
    size = np.sqrt(((mean - mean.mean(axis=0)) ** 2).sum(axis=1).mean())
    calibration[..., 0] = np.log(size)
    return JointGaussian(mean - mean.mean(axis=0), 4.0 * np.eye(values), np.eye(values), calibration)


def heatmaps(places: Array, size: tuple[int, ...] = SIZE, sigma: float = 1.5) -> torch.Tensor:
    """(1, L, *S) distributions with one peak each."""
    maps = gaussian_heatmaps(torch.from_numpy(places)[None].float(), size, sigma, scale=1.0)
    return maps / maps.flatten(2).sum(dim=2).reshape(1, NAMES, *(1,) * len(size))


def read(maps: torch.Tensor, present: Array | None = None) -> tuple[Reading, Reading]:
    """Without and with the others."""
    there = torch.from_numpy(np.ones((1, NAMES)) if present is None else present[None])
    first = read_distribution(maps, there, 1, RADIUS, scaled=True)
    return first, reconciled(first, answer_of(first).observed, maps, joint(maps.ndim - 2), 1, RADIUS, True)


def two_peaks(where: Array, elsewhere: Array, share: float) -> torch.Tensor:
    """Heatmaps of a shape, one of whose landmarks is found elsewhere but for a share of it."""
    right = heatmaps(where)
    wrong = where.copy()
    wrong[LOST] = elsewhere
    maps = right.clone()
    maps[:, LOST] = share * right[:, LOST] + (1 - share) * heatmaps(wrong)[:, LOST]
    return maps


@pytest.mark.parametrize("elsewhere", [(55.0, 70.0), (4.0, 74.0), (58.0, 6.0)])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_a_lower_peak_where_the_others_expect_it_is_chosen(
    elsewhere: tuple[float, float], share: float
) -> None:
    first, second = read(two_peaks(SHAPE, np.array(elsewhere), share))
    assert np.linalg.norm(first.position[0, LOST] - elsewhere) < 0.5
    assert np.linalg.norm(second.position[0, LOST] - SHAPE[LOST]) < 0.7
    # Its score is what its heatmap has there, so nobody is told that this is sure.
    assert second.near[0, LOST] == pytest.approx(0.86 * share, abs=0.03 * share + 0.01)
    others = np.arange(NAMES) != LOST
    for before, after in zip(first, second, strict=True):
        np.testing.assert_array_equal(before[0, others], after[0, others])


def test_without_anything_there_it_is_put_where_the_others_expect_it_and_is_not_sure() -> None:
    _, second = read(two_peaks(SHAPE, np.array([55.0, 70.0]), 0.0))
    assert np.linalg.norm(second.position[0, LOST] - SHAPE[LOST]) < 2.5
    assert second.near[0, LOST] < 0.02
    assert np.sqrt(second.covariance[0, LOST].trace()) > 30


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-8, 12), st.floats(-6, 8))
def test_shapes_as_they_vary_stay_as_they_were_read(seed: int, right: float, down: float) -> None:
    own = np.random.default_rng(seed).normal(0, 1.3, SHAPE.shape).clip(-2.2, 2.2)
    places = SHAPE + np.array([right, down]) + own
    first, second = read(heatmaps(places))
    assert second is first


def test_what_is_not_in_the_image_is_left_alone() -> None:
    present = np.ones(NAMES)
    present[LOST] = 0.1
    first, second = read(two_peaks(SHAPE, np.array([55.0, 70.0]), 0.3), present)
    assert second is first


def test_of_two_that_are_lost_both_come_back() -> None:
    maps = two_peaks(SHAPE, np.array([58.0, 74.0]), 0.2)
    wrong = SHAPE.copy()
    wrong[4] = [5.0, 4.0]
    maps[:, 4] = 0.2 * maps[:, 4] + 0.8 * heatmaps(wrong)[:, 4]
    _, second = read(maps)
    assert np.linalg.norm(second.position[0] - SHAPE, axis=1).max() < 0.8


def test_volumes_are_reconciled_as_images_are() -> None:
    places = np.c_[SHAPE / 2, np.full(NAMES, 6.0)]
    wrong = places.copy()
    wrong[LOST] = [29.0, 37.0, 10.0]
    size = (14, 40, 32)
    maps = 0.3 * heatmaps(places, size) + 0.7 * heatmaps(wrong, size)
    first = read_distribution(maps, torch.ones(1, NAMES), 1, RADIUS, scaled=True)
    full = joint(3)
    half = JointGaussian(full.mean / 2, full.covariance / 4, full.error_correlation, full.calibration)
    second = reconciled(first, answer_of(first).observed, maps, half, 1, RADIUS, True)
    assert np.linalg.norm(first.position[0, LOST] - wrong[LOST]) < 0.5
    assert np.linalg.norm(second.position[0] - places, axis=1).max() < 0.8
