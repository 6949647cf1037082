"""What levels of a chain have in common has one map, and where each lies another."""

from __future__ import annotations

import torch

from LandmarkDetectionLib.networks.chain_unet import ChainUNet


def test_a_heatmap_is_the_sum_of_its_kind_and_its_level() -> None:
    torch.manual_seed(0)
    network = ChainUNet(6, levels=3, channels=(4, 6, 8), context=1).eval()
    with torch.no_grad():
        maps = network(torch.randn(1, 1, 32, 16)).heatmaps[0].unflatten(0, (3, 2))
    # The difference of two kinds is the same in every level, that of two levels the same for every kind.
    kinds, levels = maps[:, 0] - maps[:, 1], maps[0] - maps[1]
    torch.testing.assert_close(kinds[0], kinds[2])
    torch.testing.assert_close(levels[0], levels[1])
    assert kinds.std() > 0 and levels.std() > 0


def test_levels_may_be_told_at_the_deepest_resolution() -> None:
    network = ChainUNet(4, levels=2, channels=(4, 6, 8), coarse=4, stem_stride=4).eval()
    assert (network.stride, network.multiple) == (4, 16)
    with torch.no_grad():
        assert network(torch.randn(1, 1, 32, 16)).heatmaps.shape == (1, 4, 8, 4)
