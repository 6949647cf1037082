"""Targets by MONAI's ``GenerateHeatmapd`` are ours at the same sigma, where landmarks are centres of voxels.

``normalize=True``, peak 1, is ours without a scale; ``normalize=False``, sum 1, is ours with a scale of 1.
MONAI integrates the Gaussian over every voxel where ours is its value at the centre, which makes it as wide
as one of sqrt(sigma^2 + 1/12).
"""

from math import sqrt
from typing import Any

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.heatmaps.gaussian import decode_local_soft_argmax, gaussian_heatmaps
from Testing.Python.interoperability.versions import seen_with

CASES = [((40, 50), [[12.0, 30.0], [20.0, 17.0]]), ((24, 30, 28), [[12.0, 15.0, 11.0], [9.0, 13.0, 16.0]])]


@pytest.fixture
def transforms() -> Any:
    found = pytest.importorskip("monai.transforms", reason="MONAI's heatmaps need the extra monai")
    if not hasattr(found, "GenerateHeatmapd"):
        pytest.skip("this MONAI has no GenerateHeatmapd (1.6 has)")
    return found


def theirs(
    transforms: Any, points: np.ndarray, size: tuple[int, ...], sigma: float, peak: bool
) -> np.ndarray:
    make = transforms.GenerateHeatmapd(
        "landmarks", sigma=sigma, spatial_shape=size, normalize=peak, truncated=6.0
    )
    return np.asarray(make({"landmarks": points.astype(np.float32)})["landmarks_heatmap"])


def ours(points: np.ndarray, size: tuple[int, ...], sigma: float, scale: float | None) -> np.ndarray:
    """Points are in the order of the array's axes, as MONAI has them."""
    x_first = torch.from_numpy(points[None, :, ::-1].copy())
    return np.asarray(gaussian_heatmaps(x_first, size, sigma, scale)[0].numpy())


@pytest.mark.parametrize(("size", "places"), CASES)
@pytest.mark.parametrize("sigma", [1.5, 2.5])
def test_a_target_of_monai_is_ours(
    size: tuple[int, ...], places: list[list[float]], sigma: float, transforms: Any
) -> None:
    points = np.array(places)
    for peak in (True, False):
        monai = theirs(transforms, points, size, sigma, peak)
        same = ours(points, size, sigma, None if peak else 1.0)
        integrated = ours(points, size, sqrt(sigma**2 + 1 / 12), None if peak else 1.0)
        assert np.abs(monai - same).max() < 0.06 * same.max()
        assert np.abs(monai - integrated).max() < 0.003 * integrated.max()


@seen_with(monai="1.6")
def test_between_voxels_monai_puts_the_peak_on_the_nearest_one(transforms: Any) -> None:
    """Which ours do not: a network that learns from MONAI's is off by up to half a voxel."""
    points, size = np.array([[12.4, 30.5], [20.0, 17.49]]), (40, 50)
    found = decode_local_soft_argmax(torch.from_numpy(theirs(transforms, points, size, 2.5, True))[None])
    assert found[0].flip(-1).numpy() == pytest.approx(np.array([[12.0, 30.0], [20.0, 17.0]]), abs=0.01)
    found = decode_local_soft_argmax(torch.from_numpy(ours(points, size, 2.5, None))[None])
    assert found[0].flip(-1).numpy() == pytest.approx(points, abs=0.01)


@seen_with(monai="1.6")
def test_a_landmark_in_the_outer_half_of_the_first_voxel_has_no_heatmap_in_monai(transforms: Any) -> None:
    made = theirs(transforms, np.array([[-0.4, 10.0], [39.4, 10.0]]), (40, 50), 2.5, True)
    assert not made[0].any() and made[1].max() == 1
