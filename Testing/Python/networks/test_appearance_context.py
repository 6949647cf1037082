"""The deep appearance-context network: its parts, counted and measured."""

import pytest
import torch
from torch import nn

from LandmarkDetectionLib.networks.appearance_context import AppearanceContextNet, AttentionBlock
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.presets import network_preset
from LandmarkDetectionLib.networks.spatial_configuration import SpatialConfigurationNet
from Testing.Python.networks.receptive_field import field, made_positive

SPINE = {
    "context_size": [64, 32],
    "context_kernel": [5, 3],
    "context_dilations": [1, 1, 2, 4, 4, 2, 2],
}
CHANNELS = (64, 128, 256, 512, 1024)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def block(inputs: int, width: int) -> int:
    """Two 3 x 3 convolutions with batch normalisation (no bias), and attention on the result."""
    convolutions = 9 * inputs * width + 9 * width * width + 2 * 2 * width
    hidden = width // 16
    return convolutions + 2 * width * hidden + hidden + width + (49 * 2 + 1)


def test_the_paper_preset_has_the_parameters_its_description_implies() -> None:
    """19 landmarks: a U-Net of the original's widths with attention, seven convolutions of 128 filters."""
    landmarks = 19
    encoder = sum(block(i, w) for i, w in zip((1, *CHANNELS), CHANNELS, strict=False))
    decoder = sum(block(w + 2 * w, w) for w in CHANNELS[:-1])  # the skip and, from below, twice the width
    appearance = encoder + decoder + 64 * landmarks + landmarks
    context = 9 * (1 + landmarks) * 128 + 6 * 9 * 128 * 128 + 7 * 2 * 128 + 128 * landmarks + landmarks
    preset = network_preset("appearance_context", "paper", 2)
    network = build_network("appearance_context", landmarks=19, **preset)
    assert count(network) == appearance + context == 32_519_001


def test_the_context_has_about_a_fourth_of_scns_parameters() -> None:
    """The paper: small dilated kernels took "four times" fewer parameters than SCN's large ones."""
    spine = AppearanceContextNet(68, **{**network_preset("appearance_context", "paper", 2), **SPINE})
    configuration = SpatialConfigurationNet(68, **network_preset("spatial_configuration", "paper", 2))
    assert 3.5 < count(configuration.configuration) / count(spine.context) < 4.5


@pytest.mark.parametrize(
    ("other", "extent"), [({}, (65, 65)), (SPINE, (65, 33))], ids=["cephalogram", "spine"]
)
def test_the_context_sees_what_the_paper_says(other: dict, extent: tuple[int, int]) -> None:
    """1 + (kernel - 1) * sum of dilations: 1 + 2 * 32 = 65; 1 + 4 * 16 = 65 by 1 + 2 * 16 = 33."""
    preset = {**network_preset("appearance_context", "paper", 2), **other}
    network = AppearanceContextNet(1, **{**preset, "channels": [1], "context_width": 1})
    context = made_positive(network).context
    grid = torch.ones(1, 2, 80, 80, dtype=torch.double, requires_grad=True)
    assert field(context(grid), grid) == extent
    assert len([m for m in context if isinstance(m, nn.Conv2d) and m.kernel_size != (1, 1)]) == 7


def test_attention_ends_every_level_of_encoder_and_decoder() -> None:
    network = AppearanceContextNet(2, channels=[4, 8, 12])
    levels = [*network.appearance.encoder, *network.appearance.decoder]
    assert len(levels) == 5
    assert all(isinstance(level[-1], AttentionBlock) for level in levels)


def test_every_convolution_but_those_to_heatmaps_is_normalised_and_rectified() -> None:
    network = AppearanceContextNet(2, channels=[4, 8])
    for part in (network.context, *network.appearance.encoder, *network.appearance.decoder):
        flat = [m for m in part.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.ReLU)]
        convolutions = [i for i, m in enumerate(flat) if isinstance(m, nn.Conv2d) and m.bias is None]
        assert convolutions
        for index in convolutions:
            assert isinstance(flat[index + 1], nn.BatchNorm2d) and isinstance(flat[index + 2], nn.ReLU)
    heads = (network.context[-1], network.appearance.heatmaps)
    assert [head.kernel_size for head in heads] == [(1, 1), (1, 1)]


def test_attention_only_scales_and_does_so_by_channel_then_by_place() -> None:
    torch.manual_seed(0)
    attention = AttentionBlock(2, 8)
    x = torch.rand(2, 8, 6, 7) + 0.5
    with torch.no_grad():
        factor = attention(x) / x
        nn.init.zeros_(attention.places.weight)
        nn.init.zeros_(attention.places.bias)
        channels = attention(x) / x
    assert ((factor > 0) & (factor < 1)).all()
    assert torch.allclose(channels, channels[:, :, :1, :1].expand_as(channels))  # one factor per channel
    assert channels[0, :, 0, 0].std() > 1e-3
    places = factor / channels
    assert torch.allclose(places, places[:, :1].expand_as(places), atol=1e-5)  # one factor per place
    assert places[0, 0].std() > 1e-3


def test_the_context_sees_the_image_itself() -> None:
    """The paper's skip: with the same appearance, another image gives another context."""
    torch.manual_seed(0)
    network = AppearanceContextNet(2, channels=[4, 8], context_size=(8, 8), context_width=4).eval()
    appearance, image = torch.rand(1, 2, 32, 32), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        one, other = network.combine(appearance, image), network.combine(appearance, 1 - image)
    assert not torch.allclose(one.heatmaps, other.heatmaps)


def test_heatmaps_are_appearance_times_context() -> None:
    torch.manual_seed(0)
    network = AppearanceContextNet(2, channels=[4, 8], context_size=(8, 8), context_width=4).eval()
    seen: list[torch.Tensor] = []
    network.context.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        output = network(torch.rand(1, 1, 32, 48))
    assert output.appearance is not None and seen[0].shape == (1, 2, 8, 8)
    context = nn.functional.interpolate(seen[0], (32, 48), mode="bilinear", align_corners=False)
    assert torch.allclose(output.heatmaps, output.appearance * context, atol=1e-6)
