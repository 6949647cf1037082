"""From attenuation to grey values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from LandmarkDetectionLib.synthesis.radiograph.film import exposed, smooth_noise
from LandmarkDetectionLib.synthesis.radiograph.head.accessories import add_frame
from LandmarkDetectionLib.synthesis.radiograph.head.exposure import draw_film

SHAPE = (160, 136)


def wedge_of_bone() -> np.ndarray:
    """Attenuation from 0 to 3 across the picture."""
    return np.tile(np.linspace(0, 3, SHAPE[1], dtype=np.float32), (SHAPE[0], 1))


def test_every_film_gives_grey_values_between_black_and_white() -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        shown = exposed(wedge_of_bone(), draw_film(rng), rng)
        add_frame(shown, rng)
        assert shown.shape == SHAPE and shown.dtype == np.float32
        assert shown.min() >= 0 and shown.max() <= 1
        assert shown.std() > 0.05


def test_bone_is_bright_unless_the_film_is_inverted() -> None:
    rng = np.random.default_rng(2)
    film = replace(draw_film(rng, 0.0), inverted=False, heel=(0.0, 0.0), wedge=(0.5, 0.2, 0.0))
    shown = exposed(wedge_of_bone(), film, np.random.default_rng(0))
    turned = exposed(wedge_of_bone(), replace(film, inverted=True), np.random.default_rng(0))
    assert shown[:, -20:].mean() > shown[:, :20].mean() + 0.3
    assert np.allclose(shown, 1 - turned, atol=1e-6)


def test_scatter_lessens_contrast_where_much_is_in_the_way() -> None:
    film = replace(draw_film(np.random.default_rng(1), 0.0), scatter=0.0, sharpening=0.0, knee=0.0)
    film = replace(film, heel=(0.0, 0.0), wedge=(0.5, 0.2, 0.0), gamma=1.0, inverted=False)
    hazy = replace(film, scatter=0.4)
    plain, haze = (exposed(wedge_of_bone(), f, np.random.default_rng(0)).mean(axis=0) for f in (film, hazy))
    last, first = slice(-40, -15), slice(15, 40)
    share = [np.diff(one[last]).mean() / np.diff(one[first]).mean() for one in (plain, haze)]
    assert share[1] < share[0] - 0.02


def test_smooth_noise_has_about_unit_deviation_and_is_smooth() -> None:
    noise = smooth_noise((200, 180), 12, np.random.default_rng(3))
    assert 0.4 < noise.std() < 1.3
    assert np.abs(np.diff(noise, axis=1)).mean() < 0.2
