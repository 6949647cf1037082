"""The compact network with positions alone, coarser maps and chosen landmarks, with PyTorch and without."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.networks.architectures import build_network
from LandmarkDetectionLib.networks.silhouette_arrays import SilhouetteArrays
from LandmarkDetectionLib.typing import Array

LANDMARKS = 5
OPTIONS = {
    "positions alone": {"depth": False},
    "coarser maps": {"level": 1},
    "coarser positions of bones": {"depth": False, "level": 1, "inputs": 6},
}


@pytest.fixture(params=OPTIONS, ids=str)
def pair(request: pytest.FixtureRequest) -> tuple[torch.nn.Module, SilhouetteArrays, Array]:
    """A network with random weights and running means in both forms, and images."""
    torch.manual_seed(4)
    parameters = {"landmarks": LANDMARKS, "channels": [6, 8, 12], **OPTIONS[request.param]}
    network = build_network("silhouette_unet", **parameters)
    images = torch.randn(3, parameters.get("inputs", 4), 32, 48)
    for _ in range(2):
        network(images)
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    return network.eval(), SilhouetteArrays(state, parameters), images.numpy()


def test_every_map_is_that_of_the_network_in_pytorch(
    pair: tuple[torch.nn.Module, SilhouetteArrays, Array],
) -> None:
    network, arrays, images = pair
    with torch.inference_mode():
        theirs = network(torch.as_tensor(images))
    for name, mine in arrays(images)._asdict().items():
        other = getattr(theirs, name)
        if other is None:
            assert mine is None
        else:
            np.testing.assert_allclose(mine, other.numpy(), atol=1e-4, err_msg=name)


def test_maps_have_the_size_and_the_stride_that_the_level_says(
    pair: tuple[torch.nn.Module, SilhouetteArrays, Array],
) -> None:
    network, arrays, images = pair
    assert network.stride == arrays.stride == 2 ** (1 + arrays.level)
    assert arrays(images).logits.shape == (3, LANDMARKS, 32 // arrays.stride, 48 // arrays.stride)


@pytest.mark.parametrize(
    "pair", [name for name, options in OPTIONS.items() if not options.get("depth", True)], indirect=True
)
def test_what_is_asked_for_is_what_the_whole_answer_says_of_it(
    pair: tuple[torch.nn.Module, SilhouetteArrays, Array],
) -> None:
    network, arrays, images = pair
    rows = np.array([[3, 0], [1, 1], [4, 2]])
    whole = arrays(images)
    with torch.inference_mode():
        theirs = network(torch.as_tensor(images), torch.as_tensor(rows))
    for n, asked in enumerate(rows):
        mine = arrays(images[n : n + 1], asked)
        for found in (mine.logits[0], theirs.logits[n].numpy()):
            np.testing.assert_allclose(found, whole.logits[n, asked], atol=1e-4)
        for found in (mine.absent[0], theirs.absent[n].numpy()):
            np.testing.assert_allclose(found, whole.absent[n, asked], atol=1e-4)


def test_features_are_asked_once_and_maps_of_them_as_often_as_wanted(
    pair: tuple[torch.nn.Module, SilhouetteArrays, Array],
) -> None:
    _, arrays, images = pair
    features, overview = arrays.features(images)
    np.testing.assert_array_equal(arrays.maps(features, overview, images).logits, arrays(images).logits)


def test_a_state_of_another_level_is_refused() -> None:
    network = build_network("silhouette_unet", landmarks=2, channels=[4, 8, 8], depth=False)
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    for wrong in ({"depth": True}, {"depth": False, "level": 1}, {"depth": False, "inputs": 6}):
        with pytest.raises((ValueError, KeyError)):
            SilhouetteArrays(state, {"landmarks": 2, "channels": [4, 8, 8], **wrong})
