"""Large images are read in tiles, with the same answer as in one go."""

from typing import Any

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.heatmaps.gaussian import decode_local_soft_argmax
from LandmarkDetectionLib.heatmaps.inference import averaged_output, needs_sliding_window, read_image
from LandmarkDetectionLib.networks.heatmap_output import HeatmapOutput


class Spots:
    """A network that finds bright spots: Gaussians, or their logits."""

    landmarks, stride, multiple = 1, 1, 4

    def __init__(self, logits: bool) -> None:
        self.logits = logits

    def __call__(self, image: torch.Tensor) -> HeatmapOutput:
        return HeatmapOutput(20 * image - 16 if self.logits else image)


@pytest.mark.parametrize("logits", [False, True])
def test_tiles_and_one_go_give_the_same_reading(logits: bool) -> None:
    rows, columns = np.indices((96, 128))
    image = np.exp(-0.5 * ((columns - 101.3) ** 2 + (rows - 40.7) ** 2) / 2.0**2)[None].astype(np.float32)
    network: Any = Spots(logits)
    whole, output = read_image(network, image, (96, 128), logits, 5.0, [1.0])
    tiled, nothing = read_image(network, image, (48, 48), logits, 5.0, [1.0])
    assert output is not None and nothing is None
    assert np.allclose(whole.position[0, 0], [101.3, 40.7], atol=0.1)
    assert np.allclose(tiled.position, whole.position, atol=0.05)
    # What lies beyond the window about the peak is not in a tiled reading's spread.
    assert np.allclose(tiled.present, whole.present, atol=0.05)
    assert np.allclose(tiled.near, whole.near, atol=0.05)


def test_tiles_are_for_images_much_larger_than_the_canvas() -> None:
    assert not needs_sliding_window((96, 96), (64, 64))
    assert needs_sliding_window((64, 97), (64, 64))


class Bright:
    """Heatmaps are the image itself: whatever is turned must be turned back."""

    landmarks, stride, multiple = 1, 1, 4

    def __call__(self, image: torch.Tensor) -> HeatmapOutput:
        return HeatmapOutput(image)


@pytest.mark.parametrize("shape", [(96, 128), (40, 48, 64)])
def test_heatmaps_of_turned_copies_are_turned_back(shape: tuple[int, ...]) -> None:
    place = 0.3 * np.array(shape)
    squared = sum((axis - p) ** 2 for axis, p in zip(np.indices(shape), place, strict=True))
    image = torch.from_numpy(np.exp(-0.5 * squared / 3.0**2).astype(np.float32))[None, None]
    averaged = averaged_output(Bright(), image, 4).heatmaps
    assert not torch.equal(averaged, image)
    # Interpolated twice, peaks are a little lower, but where they were.
    assert torch.allclose(averaged, image, atol=0.1)
    turned, straight = (decode_local_soft_argmax(one) for one in (averaged, image))
    assert torch.allclose(turned, straight, atol=0.05)
    assert torch.allclose(
        averaged_output(Bright(), torch.ones_like(image), 4).heatmaps, torch.ones_like(image), atol=0.02
    )
    assert torch.equal(averaged_output(Bright(), image).heatmaps, image)


class Leaning:
    """Two landmarks, each seen a little to the right of a spot, the second less clearly."""

    landmarks, stride, multiple = 2, 1, 4

    def __call__(self, image: torch.Tensor) -> HeatmapOutput:
        right = torch.roll(image, 2, dims=-1)
        return HeatmapOutput(torch.cat([right, 0.5 * right], dim=1))


def test_an_image_and_its_mirror_image_have_mirrored_heatmaps_where_both_are_looked_at() -> None:
    image = torch.from_numpy(np.random.default_rng(0).random((1, 1, 12, 16), dtype=np.float32))
    averaged = averaged_output(Leaning(), image, mirror=(1, 0)).heatmaps
    mirrored = averaged_output(Leaning(), image.flip(-1), mirror=(1, 0)).heatmaps
    assert torch.allclose(mirrored.flip(-1)[:, [1, 0]], averaged)
    right, left = torch.roll(image, 2, dims=-1), torch.roll(image, -2, dims=-1)
    assert torch.allclose(averaged[:, :1], (right + 0.5 * left) / 2)
    assert torch.equal(averaged_output(Leaning(), image).heatmaps[:, :1], right)
