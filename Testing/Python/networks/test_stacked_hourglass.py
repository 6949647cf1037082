"""The stacked hourglass: parameters of the published network, intermediate heatmaps, what a stack sees."""

import pytest
import torch
from torch import nn

from LandmarkDetectionLib.networks.presets import network_preset
from LandmarkDetectionLib.networks.stacked_hourglass import Hourglass, Residual, StackedHourglassNet
from LandmarkDetectionLib.training.supervised.losses import MeanSquaredError
from Testing.Python.networks.receptive_field import field, made_positive


def residual(inputs: int, outputs: int) -> int:
    """Batch norms of two numbers per channel; convolutions 1, 3, 1; a bias only in the last and the skip."""
    half = outputs // 2
    norms = 2 * inputs + 2 * half + 2 * half
    convolutions = inputs * half + 9 * half * half + half * outputs + outputs
    return norms + convolutions + (inputs * outputs + outputs if inputs != outputs else 0)


def test_the_paper_preset_has_the_parameters_of_the_published_network() -> None:
    """8 stacks of 4 levels for 16 joints in colour images: about 25.6 million.

    An hourglass has 3 residuals per level and one at the bottom, and one follows it. Between stacks, two
    1 x 1 convolutions. The stem's kernel is 8 wide instead of 7 (see ``layers.stem``).
    """
    joints, stacks, width = 16, 8, 256
    stem = 64 * 3 * 8 * 8 + 2 * 64 + residual(64, 128) + residual(128, width) + residual(width, width)
    stack = (3 * 4 + 1 + 1) * residual(width, width) + width * width + 2 * width + (width * joints + joints)
    between = width * width + width + joints * width + width
    expected = stem + stacks * stack + (stacks - 1) * between
    network = StackedHourglassNet(joints, inputs=3, **network_preset("stacked_hourglass", "paper", 2))
    assert sum(p.numel() for p in network.parameters()) == expected
    assert expected == pytest.approx(25.6e6, rel=0.002)


def test_every_stack_but_the_last_gives_intermediate_heatmaps() -> None:
    torch.manual_seed(0)
    network = StackedHourglassNet(3, stacks=3, width=8, depth=2).eval()
    with torch.no_grad():
        output = network(torch.randn(1, 1, 16, 16))
    assert len(output.intermediate) == 2
    stacks = [*output.intermediate, output.heatmaps]
    assert not any(torch.allclose(stacks[a], stacks[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_a_single_stack_has_none() -> None:
    assert StackedHourglassNet(3, stacks=1, width=8, depth=1)(torch.randn(1, 1, 8, 8)).intermediate == ()


def test_supervision_reaches_an_early_stack_on_its_own() -> None:
    """With nothing to learn from the last heatmaps, the first head still learns."""
    torch.manual_seed(0)
    network = StackedHourglassNet(2, stacks=2, width=8, depth=1)
    output = network(torch.randn(1, 1, 16, 16))
    one = torch.ones(1, 2, dtype=torch.bool)
    points = torch.tensor([[[5.0, 6.0], [9.0, 3.0]]])
    detached = output._replace(heatmaps=output.heatmaps.detach())
    MeanSquaredError(2)(detached, points, one, one).backward()
    assert network.heatmaps[0].weight.grad.abs().sum() > 0
    assert network.heatmaps[1].weight.grad is None


def test_a_later_stack_sees_what_the_one_before_said() -> None:
    torch.manual_seed(0)
    network = StackedHourglassNet(2, stacks=2, width=8, depth=1).eval()
    image = torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        before = network(image)
        network.heatmaps[0].bias += 1
        after = network(image)
    assert torch.allclose(after.intermediate[0], before.intermediate[0] + 1, atol=1e-6)
    assert not torch.allclose(after.heatmaps, before.heatmaps)


def test_the_published_stride_is_4() -> None:
    network = StackedHourglassNet(2, stacks=1, width=8, depth=2, stem_stride=4).eval()
    assert (network.stride, network.multiple) == (4, 16)
    with torch.no_grad():
        assert network(torch.zeros(1, 1, 32, 48)).heatmaps.shape == (1, 2, 8, 12)


def test_an_hourglass_of_four_levels_sees_the_whole_of_a_64_x_64_map() -> None:
    """The paper's heatmaps have 64 x 64 cells; 127 cells about each are the whole map.

    Poolings 1 + 2 + 4 + 8, a residual after each 4 + 8 + 16 + 32, two more at the bottom 32 + 32: 140 cells
    for one of 16. The convolutions on the way up take in the next one, 156.
    """
    network = made_positive(Hourglass(2, 2, 4))
    for module in network.modules():
        if isinstance(module, nn.MaxPool2d):  # maxima pass the gradient to one pixel only
            module.forward = lambda x: nn.functional.avg_pool2d(x, 2)  # type: ignore[method-assign]
    features = torch.ones(1, 2, 256, 256, dtype=torch.double, requires_grad=True)
    assert field(network(features), features) == (156, 156)


def test_a_residual_block_starts_from_what_it_gets() -> None:
    block = Residual(2, 8, 8).eval()
    nn.init.zeros_(block.body[-1].weight)
    nn.init.zeros_(block.body[-1].bias)
    x = torch.randn(1, 8, 5, 5)
    with torch.no_grad():
        assert torch.equal(block(x), x)


def test_spatial_dropout_drops_whole_channels() -> None:
    network = StackedHourglassNet(2, stacks=2, width=8, depth=1, dropout=0.3)
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout2d)] == [0.3, 0.3]
