"""Weights of a model that ships need not lie in another package a second time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.models.monai_bundle import export_bundle
from LandmarkDetectionLib.models.package import leave_out_shipped, read_package, validate_model

VIEWS = ("coronal", "lateral")
METADATA = Path("configs", "metadata.json")


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """The model of bones, with everything in its own folder."""
    model, skin = load_model("whole-body-ct"), load_model("whole-body-skin")
    folder = tmp_path / "whole-body-ct"
    shutil.copytree(model.path, folder)
    content = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    for view in VIEWS:
        file = f"models/skin_{view}.safetensors"
        shutil.copyfile(skin.path / "models" / f"{view}.safetensors", folder / file)
        entry = content["landmark_detection"]["networks"][f"skin_{view}"]
        del entry["shipped"]
        entry["weights"] = file
    (folder / METADATA).write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_the_model_of_bones_takes_the_outline_from_that_of_the_skin() -> None:
    model, skin = load_model("whole-body-ct"), load_model("whole-body-skin")
    assert validate_model(model.path) == []
    weights, own = model.read_weights(), skin.read_weights()
    for view in VIEWS:
        assert model.networks[f"skin_{view}"].shipped == skin.name
        assert not (model.path / "models" / f"skin_{view}.safetensors").exists()
        for name, value in own[view].items():
            np.testing.assert_array_equal(weights[f"skin_{view}"][name], value)


def test_what_ships_is_left_out_and_read_as_before(whole: Path) -> None:
    before = read_package(whole).read_weights()
    model = leave_out_shipped(read_package(whole), load_model("whole-body-skin"))
    assert validate_model(whole) == []
    assert {key for key, entry in model.networks.items() if entry.shipped} == {"skin_coronal", "skin_lateral"}
    assert sorted(path.stem for path in (whole / "models").glob("*.safetensors")) == [
        *("coronal", "fine_coronal", "fine_lateral", "joint", "lateral"),
    ]
    for key, tensors in model.read_weights().items():
        for name, value in tensors.items():
            np.testing.assert_array_equal(value, before[key][name])


@pytest.mark.parametrize("name", ["no-such-model", "hand"])
def test_a_model_that_does_not_ship_or_holds_other_weights_is_said(whole: Path, name: str) -> None:
    content = json.loads((whole / METADATA).read_text(encoding="utf-8"))
    content["landmark_detection"]["networks"]["skin_coronal"] |= {
        "weights": "models/coronal.safetensors",
        "shipped": name,
    }
    (whole / METADATA).write_text(json.dumps(content), encoding="utf-8")
    (problem,) = validate_model(whole)
    assert "models/coronal.safetensors" in problem


def test_a_name_that_leads_out_of_the_folder_of_models_is_refused(whole: Path) -> None:
    content = json.loads((whole / METADATA).read_text(encoding="utf-8"))
    content["landmark_detection"]["networks"]["skin_coronal"]["shipped"] = "../elsewhere"
    (whole / METADATA).write_text(json.dumps(content), encoding="utf-8")
    (problem,) = validate_model(whole)
    assert "configs/metadata.json" in problem


def test_a_bundle_for_others_holds_all_weights_itself(tmp_path: Path) -> None:
    model = load_model("whole-body-ct")
    export_bundle(model.path, model.metadata, tuple(model.protocol.names), tmp_path / "bundle")
    bundle = read_package(tmp_path / "bundle")
    assert all(entry.shipped is None for entry in bundle.networks.values())
    for key, tensors in bundle.read_weights().items():
        for name, value in model.read_weights()[key].items():
            np.testing.assert_array_equal(tensors[name], value)
