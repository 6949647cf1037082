"""Depth normalisation as in Riegler 2015, section 2.2."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from LandmarkDetectionLib.imaging.body.bone import BONE_MM, MOST_BONE
from LandmarkDetectionLib.imaging.depth import (
    BACKGROUND,
    SMALLEST_DEVIATION_MM,
    bone_input,
    depth_scale,
    network_input,
    normalised_depth,
)
from LandmarkDetectionLib.networks import silhouette_arrays

NAN = float("nan")


def body(seed: int, deviation: float = 60.0, offset: float = 0.0) -> Tensor:
    """Two bodies (2, 30, 20) of random depth, NaN around them."""
    generator = torch.Generator().manual_seed(seed)
    front = torch.randn(2, 30, 20, generator=generator) * deviation + offset
    front[:, :5], front[:, :, 15:] = NAN, NAN
    return front


@given(st.integers(0, 1000), st.floats(-2000, 2000), st.floats(20, 300))
def test_depth_on_the_body_has_zero_mean_and_unit_deviation(
    seed: int, offset: float, deviation: float
) -> None:
    front = body(seed, deviation, offset)
    normalised = normalised_depth(front, depth_scale(front))
    for image, original in zip(normalised, front, strict=True):
        on_body = image[~original.isnan()]
        assert on_body.mean().item() == pytest.approx(0, abs=1e-3)
        assert on_body.std(correction=0).item() == pytest.approx(1, abs=1e-3)


def test_the_background_is_three_deviations_behind_the_mean() -> None:
    front = body(1)
    normalised = normalised_depth(front, depth_scale(front))
    assert (normalised[front.isnan()] == 3.0).all()
    assert BACKGROUND == 3.0


@given(st.integers(0, 1000), st.floats(-500, 500))
def test_normalising_and_restoring_landmark_depths_gives_them_back(seed: int, offset: float) -> None:
    scale = depth_scale(body(seed, offset=offset))
    depths = torch.linspace(-200, 200, 8).reshape(2, 4)
    assert scale.restore(scale.normalise(depths)).numpy() == pytest.approx(depths.numpy(), abs=1e-3)


def test_a_nearly_flat_body_does_not_blow_up_noise() -> None:
    front = body(2, deviation=0.5, offset=100.0)
    scale = depth_scale(front)
    assert scale.deviation.tolist() == [15.0, 15.0]
    assert normalised_depth(front, scale)[~front.isnan()].abs().max() < 0.2


def test_an_image_without_a_body_gives_finite_input() -> None:
    empty = torch.full((1, 8, 8), NAN)
    channels, scale = network_input(empty, empty, torch.ones(1, 8, 8, dtype=torch.bool))
    assert torch.isfinite(channels).all()
    assert scale.mean.item() == 0


def test_network_input_is_silhouette_front_back_and_field_of_view() -> None:
    front = body(3)
    back = front + 150
    scanned = torch.ones(2, 30, 20, dtype=torch.bool)
    scanned[:, :, 18:] = False
    channels, scale = network_input(front, back, scanned)
    assert channels.shape == (2, 4, 30, 20)
    assert torch.equal(channels[:, 0] > 0, ~front.isnan())
    assert torch.equal(channels[:, 3] > 0, scanned)
    inside = ~front.isnan()
    thickness = ((channels[:, 2] - channels[:, 1]) * scale.deviation[:, None, None])[inside]
    assert np.median(thickness.numpy()) == pytest.approx(150, abs=0.01)


def test_network_input_does_not_change_when_the_table_moves() -> None:
    front, back = body(4), body(4) + 200
    scanned = torch.ones(2, 30, 20, dtype=torch.bool)
    here, _ = network_input(front, back, scanned)
    there, _ = network_input(front + 321, back + 321, scanned)
    assert torch.allclose(here, there, atol=1e-4)


def bones(seed: int) -> tuple[Tensor, Tensor]:
    """Thickness and mean depth (2, 30, 20) of bone in part of two bodies; the second shows none."""
    generator = torch.Generator().manual_seed(seed)
    bone = torch.rand(2, 30, 20, generator=generator) * 60
    bone[:, :12], bone[1] = 0, 0
    depth = torch.randn(2, 30, 20, generator=generator) * 90
    return bone, torch.where(bone > 5, depth, torch.full_like(depth, NAN))


@given(st.integers(0, 1000), st.floats(-1000, 1000))
def test_bone_without_pytorch_is_bone_with_it(seed: int, offset: float) -> None:
    front = body(seed, offset=offset)
    bone, depth = bones(seed)
    theirs = bone_input(bone, depth + offset, depth_scale(front)).numpy()
    scanned = np.ones((2, 30, 20), bool)
    _, mean, deviation = silhouette_arrays.network_input(
        front.numpy(), front.numpy(), scanned, SMALLEST_DEVIATION_MM
    )
    mine = silhouette_arrays.bone_input(
        bone.numpy(), (depth + offset).numpy(), mean, deviation, BONE_MM, MOST_BONE
    )
    assert mine.dtype == np.float32
    np.testing.assert_allclose(mine, theirs, atol=2e-3)


def test_bone_counts_with_the_root_of_its_amount_and_lies_as_deep_as_it_does() -> None:
    front = body(3)
    bone, depth = bones(3)
    scale = depth_scale(front)
    amount, place = bone_input(bone, depth, scale).unbind(dim=1)
    below = amount[0] < MOST_BONE
    assert torch.allclose((amount[0] ** 2 * BONE_MM)[below], bone[0][below], atol=1e-3)
    known = ~depth[0].isnan()
    assert (place[0][~known] == BACKGROUND).all()
    near = known & (place[0].abs() < 6)
    assert torch.allclose(place[0][near] * scale.deviation[0] + scale.mean[0], depth[0][near], atol=0.01)


def test_where_no_bone_can_be_seen_both_channels_are_empty() -> None:
    bone, depth = bones(5)
    assert not bone_input(bone, depth, depth_scale(body(5)))[1].any()
