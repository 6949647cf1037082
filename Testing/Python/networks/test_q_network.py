"""The network of search agents: values of six steps for every landmark."""

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.q_network import ACTIONS

SMALL = {"landmarks": 3, "side": 9, "channels": [4, 8], "hidden": 16}


def made(**changes):
    torch.manual_seed(1)
    network = build_network("q_network", **{**SMALL, **changes})
    for head in network.heads:
        torch.nn.init.normal_(head.weight)
    return network.eval()


def test_steps_lead_along_the_axes_and_opposite_ones_are_neighbours():
    steps = np.array(ACTIONS)
    assert (np.abs(steps).sum(axis=1) == 1).all() and len(set(ACTIONS)) == 6
    assert (steps[np.arange(6) ^ 1] == -steps).all()


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("pooling", [True, False])
def test_it_values_six_steps_for_every_landmark(shared, pooling):
    network = made(shared=shared, pooling=pooling)
    boxes = torch.randn(5, 1, 9, 9, 9)
    with torch.inference_mode():
        values = network(boxes)
        assert values.shape == (5, 3, 6)
        which = torch.tensor([2, 0, 1, 2, 2])
        own = network.of(boxes, which)
    assert torch.allclose(own, values[torch.arange(5), which], atol=1e-5)


def test_landmarks_share_all_but_the_last_layer_or_nothing():
    assert len(made().trunks) == 1
    apart = made(shared=False)
    assert len(apart.trunks) == 3
    before = apart(torch.ones(1, 1, 9, 9, 9))
    with torch.no_grad():
        apart.trunks[0][0].weight.add_(1.0)
    changed = apart(torch.ones(1, 1, 9, 9, 9)) != before
    assert changed[0, 0].any() and not changed[0, 1:].any()


def test_it_knows_nothing_at_first():
    assert not build_network("q_network", **SMALL)(torch.randn(2, 1, 9, 9, 9)).any()


@pytest.mark.parametrize(
    "wrong",
    [{"side": 8}, {"dimensions": 2}, {"channels": []}, {"kernel": 4}, {"side": 10_001}, {"hidden": 0}],
)
def test_parameters_that_make_no_network_are_refused(wrong):
    with pytest.raises(ModelError, match="cannot be built"):
        build_network("q_network", **{**SMALL, **wrong})
