"""Changes of grey values by MONAI: all that are allowed leave things where they are, from one seed."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from LandmarkDetectionLib.errors import MissingPackageError
from LandmarkDetectionLib.training.supervised.augmentation import NONE
from LandmarkDetectionLib.training.supervised.cases import SupervisedCase
from LandmarkDetectionLib.training.supervised.config import SupervisedConfig
from LandmarkDetectionLib.training.supervised.grey_values import (
    GREY_CHANGES,
    GREY_SETS,
    GreyChange,
    change_grey_values,
)
from LandmarkDetectionLib.training.supervised.stream import SupervisedStream

WANTED: dict[str, Any] = {
    "architecture": "localization_unet",
    "landmarks": ("one",),
    "grid": {"shape": (32, 32), "spacing": None, "intensity": "standardise"},
    "radius": 2.0,
}
SHAPES = {2: (64, 68), 3: (32, 36, 28)}


@pytest.fixture
def monai_transforms() -> Any:
    return pytest.importorskip("monai.transforms", reason="changes of grey values need the extra monai")


def picture(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Blobs everywhere, coarse and a few fine ones, so that a shift along any axis changes much."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=shape)
    coarse, fine = (gaussian_filter(noise, width, mode="wrap") for width in (2.5, 1.3))
    return np.asarray(coarse / coarse.std() + 0.2 * fine / fine.std(), np.float32)


def shift_between(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(d,) voxels that the picture was moved by, whatever else was done to its grey values.

    A shift by s adds -s times the gradient. Least squares over the inner voxels, in which other grey
    values are explained as any function of the old ones, by hats between their quantiles, and as smooth
    factors of them.
    """
    inner = (slice(5, -5),) * before.ndim
    places = np.meshgrid(*(np.linspace(-1, 1, n) for n in before.shape), indexing="ij")
    powers = [p for p in np.ndindex(*(4,) * before.ndim) if sum(p) <= 3]
    smooth = [np.prod([x**n for x, n in zip(places, p, strict=True)], axis=0) for p in powers]
    knots = np.quantile(before[inner], np.linspace(0, 1, 14))
    hats = [np.interp(before, knots, one) for one in np.eye(len(knots))]
    explained = [one for factor in smooth for one in (factor, factor * before)] + hats[1:-1]
    columns = np.stack([one[inner].ravel() for one in (*np.gradient(before), *explained)], axis=1)
    found = np.linalg.lstsq(columns, after[inner].ravel(), rcond=None)[0]
    gain = np.polyfit(before[inner].ravel(), after[inner].ravel(), 1)[0]
    return np.asarray(-found[: before.ndim] / gain)


def changed(name: GreyChange, image: np.ndarray, seed: int) -> np.ndarray:
    tensor = torch.from_numpy(image.copy())[None]
    return np.asarray(change_grey_values(np.random.default_rng(seed), {name: 1.0}, tensor)[0].numpy())


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_measure_finds_a_shift_that_was_made(dimensions: int) -> None:
    from scipy.ndimage import shift

    image = picture(SHAPES[dimensions])
    for asked in (0.1, -0.3, 0.5):
        moved = 2 * shift(image, [asked, *[0] * (dimensions - 1)], order=3, mode="wrap") + 1
        assert shift_between(image, moved)[0] == pytest.approx(asked, abs=0.06)
        assert shift_between(image, moved)[1] == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("name", GREY_CHANGES)
def test_no_allowed_change_moves_the_picture(
    name: GreyChange, dimensions: int, monai_transforms: Any
) -> None:
    shifts = []
    for seed in range(6):
        image = picture(SHAPES[dimensions], seed)
        after = changed(name, image, seed)
        assert not np.array_equal(after, image)
        shifts.append(shift_between(image, after))
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.03
    assert np.abs(shifts).max() < 0.15


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_simulated_low_resolution_that_is_not_allowed_does_move_it(
    dimensions: int, monai_transforms: Any
) -> None:
    image = picture(SHAPES[dimensions])
    mode = "bilinear" if dimensions == 2 else "trilinear"
    coarse = monai_transforms.RandSimulateLowResolution(prob=1, zoom_range=(0.5, 0.5), upsample_mode=mode)
    after = np.asarray(coarse(torch.from_numpy(image)[None]))[0]
    # (1 / 0.5 - 1) / 2 voxels in MONAI 1.6.1.
    assert np.abs(shift_between(image, after)).min() > 0.3


@pytest.mark.parametrize("name", GREY_CHANGES)
def test_a_change_follows_from_the_generator_alone(name: GreyChange, monai_transforms: Any) -> None:
    image = picture(SHAPES[2])
    np.random.seed(1)
    torch.manual_seed(1)
    first = changed(name, image, 7)
    np.random.seed(2)
    torch.manual_seed(2)
    monai_transforms.RandGaussianNoise(prob=1)(torch.zeros(1, 4, 4))
    assert np.array_equal(changed(name, image, 7), first)
    assert not np.array_equal(changed(name, image, 8), first)


Make = Callable[[dict[GreyChange, float]], SupervisedStream]


@pytest.fixture
def stream(tmp_path: Path) -> Make:
    """Streams of one case of two channels."""
    np.save(tmp_path / "one.npy", np.stack([picture((32, 32), n) for n in range(2)]).astype(np.float16))
    points = np.array([[[10.0, 12.0], [20.0, 7.0]]])
    case = SupervisedCase(
        "one", "s", tmp_path / "one.npy", np.eye(4), (32, 32), points, np.ones((1, 2), bool), "mm"
    )
    return lambda shares: SupervisedStream([case], (32, 32), 2, NONE, np.array([0, 1]), 3, shares)


def test_a_batch_is_the_same_whichever_was_drawn_before_and_points_stay(
    stream: Make, monai_transforms: Any
) -> None:
    shares: dict[GreyChange, float] = {"bias-field": 0.5, "rician": 0.5, "contrast": 0.5}
    one, plain = stream(shares), stream({})
    one.batch(0)
    again, there = one.batch(5), stream(shares).batch(5)
    assert torch.equal(again.images, there.images)
    assert torch.equal(again.points, plain.batch(5).points)
    batches = [n for n in range(6) if not torch.equal(one.batch(n).images, plain.batch(n).images)]
    assert batches


def test_it_is_off_unless_asked_for_and_then_monai_is_not_needed(
    stream: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "monai", None)
    assert SupervisedConfig(**WANTED).grey_values == {}
    assert stream({}).batch(0).images.isfinite().all()
    with pytest.raises(MissingPackageError, match=r'pip install "\.\[monai\]"'):
        stream({"contrast": 1.0}).batch(0)


def test_a_change_that_is_not_on_the_list_is_refused() -> None:
    assert SupervisedConfig(**WANTED, grey_values=GREY_SETS["mr"]).grey_values["rician"] == 0.2
    with pytest.raises(ValidationError, match="'bias-field', 'gibbs'"):
        SupervisedConfig(**WANTED, grey_values={"low-resolution": 0.1})
    with pytest.raises(ValidationError, match="less than or equal to 1"):
        SupervisedConfig(**WANTED, grey_values={"rician": 1.5})
