"""Positions, spread and presence read off heatmaps of known shape."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.heatmaps.decoding import read_heatmaps, spread
from LandmarkDetectionLib.heatmaps.gaussian import gaussian_mass, heatmap_distribution

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
        reading = read_heatmaps(maps, logits, 1, 5 * width, masses=[gaussian_mass(1.0, width, d)])
        assert np.abs(reading.position[0, 0] - centre).max() < 0.05
        assert reading.near[0, 0] > 0.95 and reading.present[0, 0] > 0.95


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
    assert np.allclose(
        read_heatmaps(maps, False, 2, 8, masses=[1.0]).position[0, 0], (centre + 0.5) * 2 - 0.5, atol=0.05
    )


def test_presence_is_the_sum_in_shares_of_the_target_however_unsure_the_place_is():
    """A network trained by a squared error answers with the mean of all targets that may be."""
    sure, unsure = gaussian((40, 40), np.array([19.0, 18.0]), np.ones(2)), torch.zeros(1, 1, 40, 40)
    places = np.random.default_rng(2).normal(20, 3, (200, 2))
    for place in places:
        unsure += gaussian((40, 40), place, np.ones(2)) / len(places)
    assert unsure.max() < 0.3
    mass = gaussian_mass(1.0, 1.0, 2)
    maps = torch.cat([sure, unsure, 0.8 * unsure, 0.1 * unsure, -sure], dim=1)
    present = read_heatmaps(2.5 * maps, False, 1, 5, masses=[2.5 * mass] * 5).present[0]
    assert np.allclose(present, [1, 1, 1, 0.2, 0], atol=0.01)
    with pytest.raises(ValueError, match="masses"):
        read_heatmaps(maps, False, 1, 5)


def test_the_score_is_the_mass_within_the_radius():
    maps = gaussian((61, 61), np.array([30.0, 30.0]), np.full(2, 4.0)).double()
    _, near = spread(maps / maps.sum(), torch.tensor([[[30.0, 30.0]]]).double(), torch.tensor(4.0))
    assert abs(near.item() - (1 - np.exp(-0.5))) < 0.01
