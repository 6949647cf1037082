"""Tiles give what one run over the whole image gives, and keep little of it."""

import tracemalloc
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from LandmarkDetectionLib.heatmaps.gaussian import heatmap_distribution
from LandmarkDetectionLib.heatmaps.sliding_window import sliding_window_peaks


class Output(NamedTuple):
    """As every heatmap network gives it."""

    heatmaps: Tensor
    appearance: Tensor | None = None
    intermediate: tuple[Tensor, ...] = ()


class GaussianFilter:
    """A network whose heatmap of landmark n is channel n, smoothed: its response to a blob is known."""

    def __init__(self, landmarks: int, dimensions: int, sigma: float = 1.5, stride: int = 1) -> None:
        self.landmarks, self.dimensions, self.sigma = landmarks, dimensions, sigma
        self.stride, self.multiple = stride, 4
        self.sizes: list[tuple[int, ...]] = []

    def __call__(self, image: Tensor) -> Output:
        self.sizes.append(tuple(image.shape[2:]))
        assert all(n % self.multiple == 0 for n in image.shape[2:])
        along = torch.exp(-0.5 * (torch.arange(-4, 5) / self.sigma) ** 2)
        heatmaps = image
        for axis in range(self.dimensions):
            shape = [1] * self.dimensions
            shape[axis] = 9
            kernel = (along / along.sum()).reshape(1, 1, *shape).expand(self.landmarks, -1, *shape)
            convolve = functional.conv2d if self.dimensions == 2 else functional.conv3d
            padding = [0] * self.dimensions
            padding[axis] = 4
            heatmaps = convolve(heatmaps, kernel, padding=padding, groups=self.landmarks)
        if self.stride > 1:
            pool = functional.avg_pool2d if self.dimensions == 2 else functional.avg_pool3d
            heatmaps = pool(heatmaps, self.stride)
        return Output(heatmaps)


def blobs(size: tuple[int, ...], points: np.ndarray, sigma: float = 2.0) -> np.ndarray:
    """(L, *size): a Gaussian blob at (x, y[, z]) in each channel, over faint noise."""
    image = np.random.default_rng(0).normal(0, 0.02, (len(points), *size)).astype(np.float32)
    axes = np.meshgrid(*(np.arange(n) for n in size), indexing="ij")
    for channel, point in zip(image, points, strict=True):
        squared = sum((axis - p) ** 2 for axis, p in zip(axes, point[::-1], strict=True))
        channel += np.exp(-0.5 * np.asarray(squared) / sigma**2).astype(np.float32)
    return image


def parabola(windows: Tensor) -> Tensor:
    """Cells of the highest place of (1, L, *w), refined by the parabola rule."""
    found = []
    for window in windows[0].numpy():
        cell = np.unravel_index(window.argmax(), window.shape)
        place = []
        for axis, c in enumerate(cell):
            line = window[tuple(slice(None) if a == axis else n for a, n in enumerate(cell))]
            if 0 < c < len(line) - 1:
                below, here, above = line[c - 1 : c + 2]
                place.append(c + 0.5 * (below - above) / (below - 2 * here + above))
            else:
                place.append(c)
        found.append(place[::-1])
    return torch.tensor(found)[None]


def untiled(image: np.ndarray, network: GaussianFilter) -> np.ndarray:
    """(L, *cells) heatmaps of one run, the image padded to a multiple as the tiles are."""
    size = image.shape[1:]
    padding: list[int] = []
    for n in reversed(size):
        padding += [0, -n % network.multiple]
    heatmaps = network(functional.pad(torch.from_numpy(image)[None], padding)).heatmaps[0].numpy()
    return heatmaps[(slice(None), *(slice(-(-n // network.stride)) for n in size))]


@settings(max_examples=25)
@given(
    st.sampled_from([(70, 53), (33, 90), (20, 20), (41, 30, 52)]),
    st.sampled_from([16, 24, 32]),
    st.sampled_from([1, 2]),
    st.integers(0, 1000),
)
def test_tiles_give_the_heatmaps_of_one_run(size: tuple[int, ...], tile: int, stride: int, seed: int) -> None:
    d = len(size)
    points = np.random.default_rng(seed).uniform(0, 1, (3, d)) * (np.array(size[::-1]) - 1)
    image = blobs(size, points)
    network = GaussianFilter(3, d, stride=stride)
    # A quarter of the overlap of 75 % is what the filter sees when tiles are 24 or more.
    peaks = sliding_window_peaks(image, network, (tile,) * d, overlap=0.75, radius=4)
    whole = untiled(image, network)
    tolerance = 1e-5 if tile >= 24 else 2e-2
    np.testing.assert_allclose(peaks.value, whole.reshape(3, -1).max(1), atol=tolerance)
    for n in range(3):
        cell = np.rint((peaks.origin[n] - (stride - 1) / 2) / stride).astype(int)[::-1]
        there = tuple(slice(c, c + w) for c, w in zip(cell, peaks.window.shape[1:], strict=True))
        np.testing.assert_allclose(peaks.window[n], whole[n][there], atol=tolerance)
    if tile >= 24:
        positive = np.maximum(whole, 0).reshape(3, -1).sum(1, dtype=float)
        np.testing.assert_allclose(peaks.mass, positive, rtol=1e-3)


def test_positions_are_those_of_the_blobs_to_a_twentieth_of_a_pixel() -> None:
    points = np.array([[11.3, 40.2, 25.6], [30.0, 15.5, 50.1], [4.8, 60.7, 8.2]])
    image = blobs((64, 70, 40), points)
    peaks = sliding_window_peaks(image, GaussianFilter(3, 3), (32, 32, 32), radius=5)
    np.testing.assert_allclose(peaks.points(parabola), points, atol=0.05)
    assert (np.abs(peaks.highest() - points) <= 0.6).all()


def test_a_peak_at_the_very_border_is_found_there() -> None:
    points = np.array([[0.0, 0.0], [62.0, 40.0]])
    image = blobs((41, 63), points, sigma=0.8)
    peaks = sliding_window_peaks(image, GaussianFilter(2, 2, sigma=0.4), (24, 24), radius=3)
    np.testing.assert_array_equal(peaks.highest(), points)


def test_a_higher_blob_in_a_later_tile_wins() -> None:
    image = blobs((90, 40), np.array([[10.0, 10.0]])) + 1.2 * blobs((90, 40), np.array([[30.0, 80.0]]))
    peaks = sliding_window_peaks(image, GaussianFilter(1, 2), (24, 24))
    np.testing.assert_allclose(peaks.points(parabola), [[30, 80]], atol=0.1)


def test_far_less_than_all_heatmaps_is_held_in_memory() -> None:
    landmarks, size = 16, (640, 32, 32)
    image = np.broadcast_to(np.float32(0), (landmarks, *size))
    network = GaussianFilter(landmarks, 3)
    tracemalloc.start()
    sliding_window_peaks(image, network, (32, 32, 32), radius=4)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    everything = landmarks * int(np.prod(size)) * 4
    assert peak < 0.4 * everything


def test_only_slices_of_the_image_are_taken_so_that_it_may_be_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    points = np.array([[20.0, 30.0, 44.0]])
    image = blobs((64, 48, 40), points)
    file = np.memmap(tmp_path / "image", np.float32, "w+", shape=image.shape)
    file[:] = image
    peaks = sliding_window_peaks(file, GaussianFilter(1, 3), (32, 32, 32))
    np.testing.assert_allclose(peaks.points(parabola), points, atol=0.05)


@pytest.mark.parametrize("tile", [(30, 32), (0, 32), (32,)])
def test_a_tile_that_does_not_fit_the_network_is_refused(tile: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiples of 4"):
        sliding_window_peaks(np.zeros((1, 64, 64), np.float32), GaussianFilter(1, 2), tile)


class Certain:
    """A network of logits that finds its landmark where the image is bright, and otherwise says "absent".

    Its logits on an empty tile are below 0, but the farther away the landmark, the higher they are.
    """

    landmarks, stride, multiple = 1, 1, 4

    def __call__(self, image: Tensor) -> Output:
        bright = functional.avg_pool2d(image, 3, 1, 1)
        empty = (image.amax(dim=(2, 3), keepdim=True) < 0.5).float()
        return Output(20 * bright - 16 + 4 * empty)


def test_tiles_without_the_landmark_do_not_outvote_the_one_that_has_it() -> None:
    image = np.zeros((1, 64, 96), np.float32)
    image[0, 19:22, 69:72] = 1
    logits = sliding_window_peaks(image, Certain(), (32, 32), radius=4)
    seen = sliding_window_peaks(
        image, Certain(), (32, 32), radius=4, distribution=lambda maps: heatmap_distribution(maps)[0]
    )
    assert np.allclose(seen.highest(), [[70, 20]])
    assert 0.9 < seen.mass[0] < 1.1, "all of the probability lies where the landmark is"
    assert logits.mass[0] != pytest.approx(1, abs=0.5)
