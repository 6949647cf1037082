"""One command says what is installed and what it can do."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.models import list_models


def test_programs_learn_which_landmarks_every_model_finds(cli: Callable) -> None:
    told = json.loads(cli("info", "--json").out)
    assert told["program"]["version"] == __version__ and told["packages"]["numpy"] == np.__version__
    models = {one.name: one for one in list_models()}
    assert {one["name"] for one in told["models"]} == models.keys()
    for one in told["models"]:
        assert one["landmarks"] == list(models[one["name"]].protocol.names)
        assert one["capabilities"]["volumes"] == models[one["name"]].capabilities.volumes
        assert len(one["sha256"]) == 64
    assert "cephalometric-19" in {one["name"] for one in told["protocols"]}
    assert {".mrk.json", ".dcm"} <= set(told["landmark_files"]["read"])


def test_people_get_tables_and_nothing_of_themselves(cli: Callable) -> None:
    answer = cli("info")
    assert answer.code == 0 and f"landmark-detection {__version__}" in answer.out
    assert "spine-68" in answer.out and str(Path.home()) not in answer.out
