"""Several networks that answer together."""

import pytest
import torch

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.ensemble import HeatmapEnsemble
from Testing.Python.networks.test_heatmap_networks import SMALL, image_for


def ensemble(member: str, members: int = 3) -> HeatmapEnsemble:
    torch.manual_seed(0)
    network = build_network(
        "ensemble", landmarks=3, inputs=2, member=member, members=members, parameters=SMALL[member]
    )
    assert isinstance(network, HeatmapEnsemble)
    return network


@pytest.mark.parametrize("member", SMALL)
def test_the_answer_is_the_mean_of_the_members(member: str) -> None:
    network = ensemble(member).eval()
    image = image_for(network)
    with torch.inference_mode():
        alone = torch.stack([one(image).heatmaps for one in network.networks])
        together = network(image)
    assert (alone[0] != alone[1]).any()
    torch.testing.assert_close(together.heatmaps, alone.mean(dim=0))
    assert together.intermediate == ()


@pytest.mark.parametrize("member", SMALL)
def test_in_training_every_member_learns_from_its_own_heatmaps(member: str) -> None:
    network = ensemble(member)
    output = network(image_for(network))
    stacks = SMALL[member].get("stacks", 1)
    assert 1 + len(output.intermediate) == 3 * stacks
    output.heatmaps.square().sum().backward()
    learning = [
        any(p.grad is not None and p.grad.abs().sum() > 0 for p in one.parameters())
        for one in network.networks
    ]
    assert learning == [True, False, False]


def test_the_spatial_branch_is_the_first_members() -> None:
    network = ensemble("spatial_configuration").eval()
    image = image_for(network)
    with torch.inference_mode():
        output = network(image)
        assert output.appearance is not None
        again = network.combine(output.appearance)
        torch.testing.assert_close(again.heatmaps, network.first(image).heatmaps)


@pytest.mark.parametrize(
    "parameters",
    [
        {"member": "ensemble"},
        {"member": "regression_cnn"},
        {"member": "no such"},
        {"members": 0},
        {"members": 1000},
        {"parameters": "width"},
        {"parameters": {"wide": 3}},
    ],
)
def test_what_cannot_be_an_ensemble_is_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=r"cannot be built|unknown"):
        build_network("ensemble", landmarks=3, **parameters)
