"""Positions, spread and presence read off heatmaps of known shape."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.gaussian_heatmap import heatmap_distribution
from LandmarkDetectionLib.heatmap_reading import read_heatmaps, spread

SHAPES = {2: (40, 30), 3: (20, 24, 28)}


def gaussian(shape: tuple[int, ...], centre: np.ndarray, deviations: np.ndarray) -> torch.Tensor:
    """(1, 1, *S) with peak 1; centre and deviations x first."""
    places = np.indices(shape)[::-1]
    squared = sum(((p - c) / s) ** 2 for p, c, s in zip(places, centre, deviations, strict=True))
    return torch.from_numpy(np.exp(-0.5 * squared))[None, None].float()


@pytest.mark.parametrize("d", [2, 3])
@given(data=st.data())
def test_a_gaussian_is_read_at_its_centre(d, data):
    shape = SHAPES[d]
    centre = np.array([data.draw(st.floats(6, n - 7)) for n in shape[::-1]])
    width = data.draw(st.floats(0.8, 1.6))
    heatmap = gaussian(shape, centre, np.full(d, width))
    for logits, maps in ((False, heatmap), (True, torch.log(heatmap + 1e-20) + 12)):
        reading = read_heatmaps(maps, logits, 1, 5 * width)
        assert np.abs(reading.position[0, 0] - centre).max() < 0.05
        # The highest cell of a Gaussian is lower than its peak when that lies between cells.
        least = 0.95 if logits else 0.95 * float(heatmap.max())
        assert reading.near[0, 0] > least and reading.present[0, 0] > least


@pytest.mark.parametrize("d", [2, 3])
def test_the_covariance_is_that_of_the_distribution(d):
    shape, centre = SHAPES[d], np.array([14.3, 11.7, 9.2][:d])
    deviations = np.array([1.0, 2.0, 1.5][:d])
    probability = gaussian(shape, centre, deviations).double()
    probability /= probability.sum()
    covariance, _ = spread(probability, torch.from_numpy(centre)[None, None], torch.tensor(3.0))
    assert np.allclose(covariance[0, 0].numpy(), np.diag(deviations**2), atol=0.02)


def test_a_tilted_spread_has_the_sign_of_its_tilt():
    rows, columns = np.indices((40, 40))
    along = (columns - 20) + (rows - 20)
    across = (columns - 20) - (rows - 20)
    probability = torch.from_numpy(np.exp(-0.5 * (along / 6) ** 2 - 0.5 * (across / 2) ** 2))[None, None]
    covariance, _ = spread(probability / probability.sum(), torch.tensor([[[20.0, 20.0]]]), torch.tensor(3.0))
    assert covariance[0, 0, 0, 1] > 1 and torch.allclose(covariance[0, 0, 0, 1], covariance[0, 0, 1, 0])


def test_what_rises_nowhere_above_the_bar_is_not_there():
    quiet = torch.full((1, 1, 20, 20), -20.0)
    _, present = heatmap_distribution(quiet)
    assert present.item() < 1e-3
    loud = quiet.clone()
    loud[..., 5, 7] = 10
    assert heatmap_distribution(loud)[1].item() > 0.999


def test_positions_count_in_input_cells_whatever_the_stride():
    centre = np.array([10.0, 12.0])
    maps = gaussian((30, 30), centre, np.ones(2))
    assert np.allclose(read_heatmaps(maps, False, 2, 8).position[0, 0], (centre + 0.5) * 2 - 0.5, atol=0.05)


def test_presence_is_the_height_in_shares_of_the_target_it_learned():
    low, high = (
        0.3 * gaussian((20, 20), np.array([9.0, 8.0]), np.ones(2)),
        gaussian((20, 20), np.array([5.0, 8.0]), np.ones(2)),
    )
    reading = read_heatmaps(torch.cat([2.5 * low, 2.5 * high], dim=1), False, 1, 5, peaks=[2.5, 2.5])
    assert np.allclose(reading.present, [[0.3, 1.0]], atol=1e-5)


def test_the_score_is_the_mass_within_the_radius():
    maps = gaussian((61, 61), np.array([30.0, 30.0]), np.full(2, 4.0)).double()
    _, near = spread(maps / maps.sum(), torch.tensor([[[30.0, 30.0]]]).double(), torch.tensor(4.0))
    assert abs(near.item() - (1 - np.exp(-0.5))) < 0.01
