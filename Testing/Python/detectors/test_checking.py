"""A package that is called valid can run: its detector, settings and networks are tried."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from LandmarkDetectionLib.detectors.checking import check_model
from LandmarkDetectionLib.errors import ModelError
from LandmarkDetectionLib.models import install_model, load_model, validate_model

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path / "models"))
    return Path(shutil.copytree(tiny_model, tmp_path / "tiny-model"))


def changed(model: Path, change: Change) -> None:
    file = model / "configs" / "metadata.json"
    content = json.loads(file.read_text())
    change(content["landmark_detection"])
    file.write_text(json.dumps(content))


def test_what_ships_and_what_is_sound_can_run(model: Path) -> None:
    assert check_model(model) == check_model(load_model("hand").path) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda section: section.update(detector="telepathy"), "asks for the detector 'telepathy'"),
        (lambda section: section["settings"].pop("pixel_mm"), "pixel_mm"),
        (lambda section: section["settings"].update(pixel_mm="wide"), "pixel_mm"),
        (lambda section: section["settings"]["mean_depth_mm"].pop("head_top"), "lacks head_top"),
        (lambda section: section["networks"].pop("lateral"), "lacks the network 'lateral'"),
        (lambda section: section["settings"].update(pixel_mm=float("nan")), "not finite"),
    ],
)
def test_a_package_that_cannot_run_is_not_called_valid(model: Path, change: Change, sentence: str) -> None:
    changed(model, change)
    (problem,) = check_model(model)
    assert sentence in problem
    with pytest.raises(ModelError, match="was not installed"):
        install_model(model, check=check_model)


def test_weights_that_answer_with_no_numbers_are_found(model: Path) -> None:
    file = model / "models" / "coronal.safetensors"
    weights = load_file(file)
    name = next(key for key in weights if key.endswith("running_var"))
    save_file({**weights, name: torch.full_like(weights[name], -1.0)}, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    changed(model, lambda section: section["networks"]["coronal"].update(sha256=digest))
    assert validate_model(model) == [], "every number in the file is finite"
    (problem,) = check_model(model)
    assert "network coronal answers with numbers that are not finite" in problem


def test_a_network_of_other_landmarks_than_the_protocol_is_found(model: Path) -> None:
    file = model / "configs" / "protocol.json"
    protocol = json.loads(file.read_text())
    protocol["landmarks"] = [one for one in protocol["landmarks"] if one["name"] == "head_top"]
    protocol["pairs"] = []
    file.write_text(json.dumps(protocol))
    assert any("3 landmarks, and the protocol has 1" in problem for problem in check_model(model))


def test_the_command_takes_the_name_of_a_listed_model(cli: Any, model: Path) -> None:
    assert cli("models", "validate", "hand").code == 0
    answer = json.loads(cli("models", "versions", "hand", "--json").out)
    assert [one["version"] for one in answer["versions"]] == [answer["in_use"]]
    changed(model, lambda section: section.update(detector="telepathy"))
    answer = cli("models", "validate", model)
    assert answer.code == 4 and "telepathy" in answer.err
