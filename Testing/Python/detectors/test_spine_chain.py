"""A spine's levels agreed on together: neighbours that look alike are told apart by all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from LandmarkDetectionLib.detectors.bone_estimates import BodyEstimates
from LandmarkDetectionLib.detectors.spine_chain import (
    STEP_MM,
    _best_path,
    _kernel,
    _marginals,
    smoothed,
    with_spine,
)
from LandmarkDetectionLib.imaging.body.patches import SIZE
from LandmarkDetectionLib.networks.silhouette_arrays import HeatmapArrays, SilhouetteArrays, pixel_centres
from LandmarkDetectionLib.quality.vertebra_levels import CHAIN, TO_NEXT_MM
from LandmarkDetectionLib.typing import Array

NAMES = (*CHAIN, "disc_c7_t1", "neck", "disc_l5_s1", "chin")
PIXEL = 2.5
LEVELS = len(CHAIN)


def spine(scale: float = 1.0) -> Array:
    """A spine (K, 3) RAS mm in the midline that bends forward and back."""
    height = 300.0 - scale * np.concatenate([[0.0], np.cumsum(TO_NEXT_MM)])
    return np.stack([np.zeros(LEVELS), 15 * np.sin(height / 90.0), height], axis=1)


class Unsure(SilhouetteArrays):
    """A network that takes each vertebra for its neighbours as readily as for itself."""

    def __init__(self, truth: Array, axis: int, own: float = 0.4) -> None:
        self.level, self.truth, self.axis, self.own = 0, truth, axis, own

    def features(self, image: Array) -> tuple[Array, Array]:
        return image, np.zeros((len(image), 1), np.float32)

    def maps(
        self, features: Array, overview: Array, image: Array, chosen: Array | None = None
    ) -> HeatmapArrays:
        assert chosen is not None
        middle = image[0, 0, 0, :3]
        centres = pixel_centres(SIZE // 2, 2)
        across = (middle[self.axis] - self.truth[:, self.axis]) / PIXEL + (SIZE - 1) / 2
        down = (middle[2] - self.truth[:, 2]) / PIXEL + (SIZE - 1) / 2
        spots = np.exp(
            -((centres - down[:, None]) ** 2)[:, :, None] / 8
            - ((centres - across[:, None]) ** 2)[:, None] / 8
        )
        seen = (down > 0) & (down < SIZE - 1)
        spots *= seen[:, None, None] / np.maximum(spots.sum(axis=(1, 2), keepdims=True), 1e-9)
        maps = np.stack(
            [
                self.own * spots[k]
                + (1 - self.own) / 2 * (spots[max(k - 1, 0)] + spots[min(k + 1, LEVELS - 1)])
                for k in chosen
            ]
        )
        absent = np.maximum(1 - maps.sum(axis=(1, 2)), 1e-4)
        return HeatmapArrays(
            np.log(np.maximum(maps, 1e-9))[None].astype(np.float32),
            np.log(absent)[None].astype(np.float32),
            None,
            None,
        )


def look(middles: Array, scans: Array) -> tuple[Array, Array]:
    """Pictures that hold where they are, also when they are turned round."""
    pictures = np.zeros((len(middles), 4, SIZE, SIZE), np.float32)
    pictures[:, 0, 0, :3], pictures[:, 0, 0, -3:] = middles, middles[:, ::-1]
    return pictures, pictures


def estimates(truth: Array, off: Array, seen: slice = slice(None)) -> BodyEstimates:
    places = np.concatenate([truth + off, np.zeros((len(NAMES) - LEVELS, 3))])
    discs = (truth[5] + truth[6]) / 2
    places[LEVELS : LEVELS + 2] = discs
    present = np.full(len(NAMES), 0.02)
    present[:LEVELS][seen] = 0.95
    covariance = np.tile(np.eye(3) * 100.0, (len(NAMES), 1, 1))
    return BodyEstimates(
        places[None], covariance[None], present[None], present[None] * 0.6, np.full((1, len(NAMES)), "first"),
        np.zeros((1, len(NAMES), 1, 1)),
    )  # fmt: skip


@pytest.mark.parametrize("scale", [0.7, 1.0, 1.1])
def test_levels_that_look_alike_are_told_apart_together(scale: float) -> None:
    truth = spine(scale)
    networks = {"fine_coronal": Unsure(truth, 0), "fine_lateral": Unsure(truth, 1)}
    rng = np.random.default_rng(3)
    first = estimates(truth, rng.normal(0, 6, (LEVELS, 3)))
    # Each by itself, some vertebrae were taken for their neighbours.
    slipped = truth.copy()
    slipped[3:9] = truth[4:10]
    close = estimates(slipped, np.zeros((LEVELS, 3)))
    found = with_spine(networks, first, close, NAMES, look, PIXEL)
    error = np.linalg.norm(found.position[0, :LEVELS] - truth, axis=1)
    assert error.max() < 0.5 * scale * TO_NEXT_MM.min(), error.round(1)
    assert (found.near[0, :LEVELS] > 0.5).all()
    assert (found.kind[0, :LEVELS] == "close").all()
    # What was given stays as it was.
    np.testing.assert_array_equal(close.position[0, :LEVELS], slipped)


def test_a_disc_follows_its_vertebrae_and_others_stay() -> None:
    truth = spine()
    networks = {"fine_coronal": Unsure(truth, 0), "fine_lateral": Unsure(truth, 1)}
    first = estimates(truth, np.zeros((LEVELS, 3)))
    first.position[0, LEVELS : LEVELS + 2] += 60.0
    found = with_spine(networks, first, first, NAMES, look, PIXEL)
    disc = (found.position[0, 5] + found.position[0, 6]) / 2
    np.testing.assert_allclose(found.position[0, LEVELS], disc, atol=1e-9)
    np.testing.assert_array_equal(found.position[0, LEVELS + 1], found.position[0, LEVELS])
    np.testing.assert_array_equal(found.position[0, -1], first.position[0, -1])
    # The last one ends at an end plate, which is nearer to it than the vertebra's centre.
    last, plate = found.position[0, LEVELS - 2], found.position[0, LEVELS - 1]
    np.testing.assert_allclose(found.position[0, LEVELS + 2], last + 0.68 * (plate - last), atol=1e-9)


def test_a_disc_is_put_between_its_vertebrae_without_a_jump() -> None:
    """What differs by rounding, as the axes of a scan are stored, must not move it."""
    truth = spine()
    networks = {"fine_coronal": Unsure(truth, 0), "fine_lateral": Unsure(truth, 1)}
    first = estimates(truth, np.zeros((LEVELS, 3)))
    found = with_spine(networks, first, first, NAMES, look, PIXEL)
    middle = found.position[0, LEVELS]
    places = []
    for away in np.linspace(0.0, 16.0, 33):
        first.position[0, LEVELS] = middle + np.array([0.0, away, 0.0])
        places.append(with_spine(networks, first, first, NAMES, look, PIXEL).position[0, LEVELS])
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps.max() < 1.5
    np.testing.assert_allclose(places[4], middle + np.array([0.0, 2.0, 0.0]), atol=1e-6)
    between = (found.position[0, 5] + found.position[0, 6]) / 2
    np.testing.assert_allclose(places[-1], between, atol=1e-6)


def test_two_vertebrae_make_no_chain() -> None:
    truth = spine()
    first = estimates(truth, np.zeros((LEVELS, 3)), slice(4, 6))
    found = with_spine({}, first, first, NAMES, look, PIXEL)
    np.testing.assert_array_equal(found.position, first.position)


def test_landmarks_without_a_spine_stay_as_they_are() -> None:
    first = estimates(spine(), np.zeros((LEVELS, 3)))
    assert with_spine({}, first, first, ("chin",), look, PIXEL) is first


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_the_best_path_goes_down_and_marginals_are_probabilities(seed: int) -> None:
    rng = np.random.default_rng(seed)
    evidence = rng.normal(0, 2, (6, 80))
    kernels = [_kernel(usual) for usual in rng.uniform(12, 30, 5)]
    path, best = _best_path(evidence, kernels)
    assert (np.diff(path) <= 0).all()
    marginal, total = _marginals(evidence, kernels)
    np.testing.assert_allclose(marginal.sum(axis=1), 1)
    # The best path is one of those that the total adds up.
    assert best <= total + 1e-6


def test_steps_down_are_as_long_as_usual_on_average() -> None:
    kernel = _kernel(30.0)
    assert kernel.sum() == pytest.approx(1)
    assert (np.arange(len(kernel)) * STEP_MM) @ kernel == pytest.approx(30.0, abs=1.0)


def test_a_vertebra_that_is_unsure_follows_its_neighbours() -> None:
    truth = spine(1.05)
    places, spread = truth.copy(), np.tile(np.eye(3) * 4.0, (LEVELS, 1, 1))
    places[4] += (3.0, -4.0, -7.0)
    spread[4] = np.eye(3) * 100.0
    found = smoothed(places, spread, np.arange(LEVELS))
    error = np.linalg.norm(found - truth, axis=1)
    assert error[4] < 2.5
    assert np.delete(error, 4).max() < 2.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(3, LEVELS))
def test_straight_spines_of_any_size_stay_where_they_are(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.permutation(LEVELS)[:count])
    depth = np.concatenate([[0.0], np.cumsum(TO_NEXT_MM)])[levels]
    places = rng.normal(0, 100, 3) + depth[:, None] * rng.uniform(0.4, 1.3) * np.array([0.1, -0.2, -1.0])
    spread = rng.uniform(1, 60, (count, 1, 1)) * np.eye(3)
    np.testing.assert_allclose(smoothed(places, spread, levels), places, atol=1e-6)
