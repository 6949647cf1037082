"""Warps move an image and its landmarks together, and exactly."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from LandmarkDetectionLib.training.supervised.augmentation import (
    NONE,
    Augmentation,
    change_intensity,
    draw_warp,
)

CANVASES = {2: (64, 48), 3: (32, 40, 48)}
STRONG = Augmentation(translation=0.1, rotation=0.4, scale=0.2, axis_scale=0.1, elastic=0.05, cut=0)


def middle(canvas: tuple[int, ...]) -> np.ndarray:
    return (np.array(canvas[::-1]) - 1) / 2


@pytest.mark.parametrize("d", [2, 3])
@given(seed=st.integers(0, 10_000), mirrored=st.booleans())
def test_points_go_to_the_canvas_and_back(d, seed, mirrored):
    rng = np.random.default_rng(seed)
    canvas = CANVASES[d]
    warp = draw_warp(rng, STRONG, canvas, middle(canvas), mirrored)
    points = rng.uniform(0.1, 0.9, (12, d)) * canvas[::-1]
    assert np.abs(warp.source(warp.target(points)) - points).max() < 1e-3


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_a_bright_spot_arrives_where_its_landmark_does(d, seed):
    rng = np.random.default_rng(seed)
    canvas = CANVASES[d]
    spot = middle(canvas) + rng.uniform(-4, 4, d)
    places = np.indices(canvas)[::-1]
    image = np.exp(-0.5 * sum((p - c) ** 2 for p, c in zip(places, spot, strict=True)) / 2.5**2)[None]
    warp = draw_warp(rng, STRONG, canvas, middle(canvas))
    seen = warp.sample(image)[0].numpy()
    found = np.array([(seen * axis).sum() / seen.sum() for axis in np.indices(canvas)])[::-1]
    # Unequal stretching makes the spot lopsided; its centre of mass is off by less than this.
    assert np.abs(found - warp.target(spot[None])[0]).max() < 0.2


def test_the_grid_and_the_points_use_one_displacement():
    warp = draw_warp(np.random.default_rng(3), STRONG, (24, 30), middle((24, 30)))
    cells = np.stack(np.meshgrid(np.arange(30), np.arange(24)), axis=-1).reshape(-1, 2).astype(float)
    assert np.allclose(warp._grid().reshape(-1, 2).numpy(), warp.source(cells), atol=1e-3)


def test_no_augmentation_changes_nothing():
    image = np.random.default_rng(0).normal(size=(2, 30, 20)).astype(np.float32)
    rng = np.random.default_rng(1)
    seen = change_intensity(rng, NONE, draw_warp(rng, NONE, (30, 20), middle((30, 20))).sample(image))
    assert torch.allclose(seen, torch.from_numpy(image), atol=1e-4)


def test_a_mirrored_warp_exchanges_left_and_right():
    image = np.zeros((1, 10, 20), np.float32)
    image[0, :, 3] = 1
    warp = draw_warp(np.random.default_rng(0), NONE, (10, 20), middle((10, 20)), mirrored=True)
    assert int(warp.sample(image)[0].sum(0).argmax()) == 16
    assert np.allclose(warp.target(np.array([[3.0, 4.0]])), [[16.0, 4.0]])


def test_a_cut_leaves_part_of_the_image_outside():
    canvas = (40, 40)
    warps = [
        draw_warp(np.random.default_rng(n), NONE.model_copy(update={"cut": 1.0}), canvas, middle(canvas))
        for n in range(40)
    ]
    moved = np.array([warp.target(middle(canvas)[None])[0] - middle(canvas) for warp in warps])
    assert np.abs(moved).max() <= 20 and np.abs(moved).mean() > 5


def test_the_same_seed_gives_the_same_image():
    image = np.random.default_rng(0).normal(size=(1, 30, 20)).astype(np.float32)

    def draw(seed: int) -> torch.Tensor:
        rng = np.random.default_rng(seed)
        return change_intensity(rng, STRONG, draw_warp(rng, STRONG, (30, 20), middle((30, 20))).sample(image))

    assert torch.equal(draw(5), draw(5)) and not torch.equal(draw(5), draw(6))


def test_a_displacement_that_would_fold_the_image_is_refused():
    with pytest.raises(ValidationError, match="too strong for so many nodes"):
        Augmentation(elastic=0.1, nodes=10)
