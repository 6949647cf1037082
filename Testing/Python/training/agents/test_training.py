"""From annotated volumes to search agents: as one command, resumed, and with data that will not do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import Cancelled, InputError
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.models import validate_model
from LandmarkDetectionLib.training.agents.plan import plan_agents, scales_of
from LandmarkDetectionLib.training.agents.presets import AGENT_PRESETS
from LandmarkDetectionLib.training.agents.train import train_agents, trained_agents
from LandmarkDetectionLib.training.supervised.model import Lessons, NewModel, make_model
from LandmarkDetectionLib.training.supervised.plan import ImageFacts, Split, divide
from LandmarkDetectionLib.training.supervised.presets import find_preset
from Testing.examples.agent_cases import SMALL_AGENTS, blob_volumes, small_config, trained_model
from Testing.examples.blob_data import write_blob_data


def test_a_resumed_training_gives_the_weights_of_one_that_never_stopped(tmp_path):
    data = blob_volumes(tmp_path / "data", count=4, held_out=1)
    split, config = divide(data), small_config(data, steps=12)
    whole = train_agents(config, data, split, tmp_path / "whole", device="cpu")
    told = []

    def stop() -> bool:
        told.append(1)
        return len(told) == 5

    with pytest.raises(Cancelled, match="after step 5 of 12"):
        train_agents(config, data, split, tmp_path / "halves", device="cpu", cancelled=stop)
    halves = train_agents(config, data, split, tmp_path / "halves", device="cpu")
    a, b = (torch.load(one, weights_only=True)["task"] for one in (whole, halves))
    assert set(a) == set(b)
    for key in a:
        if key == "_extra_state":
            for one, other in zip(a[key]["memories"], b[key]["memories"], strict=True):
                assert all(torch.equal(one[name], other[name]) for name in one)
        else:
            assert torch.equal(a[key], b[key]), key


def test_the_package_is_complete_and_holds_no_names_of_files(spot_agents: Path) -> None:
    folder = spot_agents / "run" / "spots"
    assert validate_model(folder) == []
    text = (
        "".join(file.read_text() for file in folder.rglob("*.json")) + (folder / "docs/README.md").read_text()
    )
    assert "case0" not in text
    metrics = json.loads((folder / "configs/metadata.json").read_text())["eval_metrics"]
    assert metrics["mean"] < 1.0 and metrics["held back"]["mean_shape"] > 2 * metrics["mean"]
    assert "said to be absent" in (folder / "docs/README.md").read_text()


def test_networks_of_their_own_for_every_landmark_learn_too(tmp_path):
    data = blob_volumes(tmp_path / "data", count=4, held_out=1)
    parameters = {"side": 9, "channels": [4, 4], "kernel": 3, "hidden": 8, "shared": False}
    changes = {"parameters": parameters, "relabel": False, "target_every": 4, "target_share": 1.0}
    model = trained_model(data, tmp_path / "run", steps=6, **changes)
    assert validate_model(model.path) == []
    task = trained_agents(tmp_path / "run")[1]
    assert len(task.networks["scale_1"].trunks) == 3


def test_a_model_is_made_where_nothing_is_held_back(tmp_path):
    data = blob_volumes(tmp_path / "data", count=3, held_out=0)
    lessons = Lessons("agent-lite", {**SMALL_AGENTS, "steps": 2}, held_out="none")
    made = make_model(data, lessons, NewModel("agents", install=False), tmp_path, run={"device": "cpu"})
    assert made.quality.mean is None and made.regions == ""
    assert "confidence is a guess" in (tmp_path / "agents" / "docs" / "README.md").read_text()
    assert validate_model(tmp_path / "agents") == []


def test_scales_double_until_a_box_shows_half_of_the_volume():
    def facts(voxel: float, size: int) -> list[ImageFacts]:
        return [ImageFacts(3, 1, np.full(3, size), np.full(3, voxel), True, False)]

    assert scales_of(facts(5.0, 64), 25) == (10.0, 5.0, 2.5)
    assert scales_of(facts(0.7, 512), 25) == (11.2, 5.6, 2.8, 1.4, 0.7)
    assert scales_of(facts(1.0, 20), 25) == (1.0,)
    assert scales_of(facts(5.0, 64), 25, finest=4.0) == (8.0, 4.0)


def test_presets_are_found_and_plans_follow_the_data(spot_agents: Path) -> None:
    data = read_datalist(spot_agents / "data" / "data.json")
    for name in AGENT_PRESETS:
        config = plan_agents(data, divide(data), name)
        assert config.landmarks == data.landmark_names and config.intensity == "standardise"
        assert len(config.training_cases) == 10 and len(config.held_back_cases) == 4
    with pytest.raises(InputError, match="agent-lite, agent-paper"):
        find_preset("agent-huge")


def test_images_are_refused_in_one_sentence(tmp_path):
    flat = read_datalist(write_blob_data(tmp_path, 6))
    with pytest.raises(InputError, match="single images, and search agents walk through volumes"):
        plan_agents(flat, divide(flat, "none"))
    several = read_datalist(write_blob_data(tmp_path / "two", 3, (8, 8, 8), 1.0, channels=2))
    with pytest.raises(InputError, match="several channels"):
        plan_agents(several, divide(several, "none"))


def test_a_landmark_that_no_case_to_learn_from_has_is_named(tmp_path):
    path = write_blob_data(tmp_path, 3, (8, 8, 8), 1.0)
    for number in (1, 2):
        file = tmp_path / f"case{number:02d}.csv"
        file.write_text("\n".join(line for line in file.read_text().splitlines() if "wide" not in line))
    data = read_datalist(path, missing="allow")
    lacking = Split(data.cases[1:], ())
    config = plan_agents(data, lacking, changes=SMALL_AGENTS)
    with pytest.raises(InputError, match="has the landmark wide; leave it out"):
        train_agents(config, data, lacking, tmp_path / "run", device="cpu")


@pytest.mark.parametrize(
    ("lessons", "sentence"),
    [
        ({"changes": {"members": 3}}, "there is no members"),
        ({"shape": [32, 32, 32]}, "there is no shape"),
        ({"start": "whole-body-ct"}, "there is no model to begin with"),
        ({"spacing": [1.0, 1.0, 2.0]}, "give one number"),
        ({"raters": "all"}, "choose the mean, or one rater"),
    ],
)
def test_what_agents_do_not_have_is_refused(spot_agents: Path, tmp_path, lessons, sentence) -> None:
    data = read_datalist(spot_agents / "data" / "data.json")
    with pytest.raises(InputError, match=sentence):
        make_model(data, Lessons("agent-lite", **lessons), NewModel("agents", install=False), tmp_path)


def test_one_process_learns(spot_agents: Path, tmp_path) -> None:
    data = read_datalist(spot_agents / "data" / "data.json")
    with pytest.raises(InputError, match="one process"):
        train_agents(small_config(data), data, divide(data), tmp_path, devices=2)


def test_the_command_trains_and_detects_with_paths(
    spot_agents: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    data = spot_agents / "data" / "data.json"
    words = ("--preset", "agent-lite", "--steps", "2", "--batch-size", "2", "--limit", "2", "--spacing", "1")
    made = cli(
        "train", "--data", str(data), *words, "--out", str(tmp_path), "--name", "mine", "--no-install", "-q"
    )
    assert made.code == 0, made.err
    assert validate_model(tmp_path / "mine") == []
    model = shutil.copytree(spot_agents / "run" / "spots", tmp_path / "spots")
    image = spot_agents / "data" / "case01.nrrd"
    found = cli(
        *("detect", str(image), "--model", str(model), "-o", str(tmp_path / "found.mrk.json"), "--json"),
        *("--paths", str(tmp_path / "ways"), "--overlay", str(tmp_path / "found.png")),
    )
    assert found.code == 0, found.err
    names = sorted(file.name for file in (tmp_path / "ways").iterdir())
    assert names == ["round.path.mrk.json", "tall.path.mrk.json", "wide.path.mrk.json"]
    assert (tmp_path / "found.png").stat().st_size > 10_000
    assert len(json.loads(found.out)["landmarks"]) == 3
    slice_ = tmp_path / "slice.nrrd"
    write_volume(Volume(np.ones((1, 20, 20), np.int16), np.eye(4)), slice_)
    refused = cli("detect", str(slice_), "--model", str(model))
    assert refused.code and "is a single image" in refused.err and "Traceback" not in refused.err
