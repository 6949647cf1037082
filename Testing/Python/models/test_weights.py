"""Weights on disk: eight bits for what convolutions multiply by, and refusals of what does not fit."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.torch import save

from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.models import load_model, validate_model
from LandmarkDetectionLib.models.package import read_package
from LandmarkDetectionLib.models.weights import STEP, in_eight_bits, multiplied, stored_tensors

SHAPES = arrays.array_shapes(min_dims=2, max_dims=4, max_side=5)
Change = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]
NUMBERS = st.floats(-1e3, 1e3, width=32)


@pytest.fixture
def hand(tmp_path: Path) -> Path:
    """The model of hands with its weights in eight bits."""
    return _stored_anew(tmp_path / "hand", in_eight_bits)


def _stored_anew(folder: Path, change: Change) -> Path:
    model = load_model("hand")
    shutil.copytree(model.path, folder)
    metadata = folder / "configs" / "metadata.json"
    content = json.loads(metadata.read_text(encoding="utf-8"))
    entry = content["landmark_detection"]["networks"]["coronal"]
    new = save(dict(change(multiplied(stored_tensors(model.path, model.networks["coronal"])))))
    (folder / entry["weights"]).write_bytes(new)
    entry["sha256"] = hashlib.sha256(new).hexdigest()
    metadata.write_text(json.dumps(content), encoding="utf-8")
    return folder


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(np.float32, SHAPES, elements=NUMBERS))
def test_a_weight_comes_back_within_half_a_step_of_its_channel(values: np.ndarray) -> None:
    stored = in_eight_bits({"weight": torch.from_numpy(values)})
    assert stored["weight"].dtype == torch.int8
    (back,) = multiplied(stored).values()
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
    assert np.all(np.abs(back.numpy() - values) <= largest / 127 * 0.5001 + 1e-30)


def test_what_was_stored_once_is_stored_alike_again() -> None:
    state = {"weight": torch.randn(6, 5, 3, 3, generator=torch.Generator().manual_seed(1))}
    once = in_eight_bits(state)
    twice = in_eight_bits(multiplied(once))
    assert torch.equal(once["weight"], twice["weight"])
    torch.testing.assert_close(once["weight" + STEP], twice["weight" + STEP], rtol=1e-6, atol=0)


def test_biases_and_counts_stay_as_they_are() -> None:
    state = {"bias": torch.tensor([0.1, 1e-7]), "seen": torch.tensor(7)}
    assert in_eight_bits(state) == state == multiplied(state)


def test_a_channel_of_zeros_comes_back_as_zeros() -> None:
    (back,) = multiplied(in_eight_bits({"weight": torch.zeros(2, 3)})).values()
    assert torch.equal(back, torch.zeros(2, 3))


def test_arrays_and_networks_read_the_same_numbers(hand: Path) -> None:
    assert validate_model(hand) == []
    model = read_package(hand)
    network = model.build_networks()["coronal"].state_dict()
    weights = model.read_weights()["coronal"]
    assert weights.keys() == network.keys()
    for name, value in network.items():
        np.testing.assert_array_equal(weights[name], value.numpy())
    read = sum(value.nbytes for value in weights.values())
    assert (hand / "models" / "coronal.safetensors").stat().st_size < 0.3 * read


def _without_steps(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in in_eight_bits(state).items() if not name.endswith(STEP)}


def _steps_in_excess(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    stored = in_eight_bits(state)
    return {
        name: value.expand(-1, 3, *value.shape[2:]).contiguous() if name.endswith(STEP) else value
        for name, value in stored.items()
    }


def _without_end(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    stored = in_eight_bits(state)
    return {name: value * torch.inf if name.endswith(STEP) else value for name, value in stored.items()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_steps, "is torch.int8"),
        (_steps_in_excess, "is not one step for every output channel"),
        (_without_end, "not finite"),
    ],
)
def test_eight_bits_that_do_not_fit_are_refused(tmp_path: Path, change: Change, said: str) -> None:
    folder = _stored_anew(tmp_path / "hand", change)
    (problem,) = validate_model(folder)
    assert said in problem
    assert "coronal.safetensors" in problem
    with pytest.raises(ModelError, match=said):
        read_package(folder).build_networks()


def test_steps_that_do_not_fit_are_told_by_the_network_that_is_built_instead(tmp_path: Path) -> None:
    model = read_package(_stored_anew(tmp_path / "hand", _steps_in_excess))
    with pytest.raises(ValueError, match="one step for every output channel"):
        model.read_weights()
