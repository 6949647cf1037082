"""Trainings on data whose protocol has a chain, from images to a detection."""

from __future__ import annotations

from pathlib import Path

import pytest

from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.detectors.dispatch import analyse
from LandmarkDetectionLib.detectors.settings import HeatmapSettings
from LandmarkDetectionLib.training.supervised.package import package_supervised
from LandmarkDetectionLib.training.supervised.plan import divide, plan
from LandmarkDetectionLib.training.supervised.start import settings_of
from LandmarkDetectionLib.training.supervised.train import train_supervised
from Testing.examples.blob_data import SMALL_TRAINING
from Testing.Python.training.supervised.test_plan import chained

CHAIN = {"parameters": {"levels": 3, "channels": [4, 6, 8], "context": 1, "coarse": 2}}


@pytest.mark.parametrize("preset", ["scn-lite", "chain-lite"])
def test_a_model_of_a_chain_knows_how_its_levels_follow_one_another(preset: str, tmp_path: Path) -> None:
    data = chained(tmp_path / "data", count=14)
    split = divide(read_datalist(data.path, missing="allow"))
    small = {**SMALL_TRAINING, **(CHAIN if preset == "chain-lite" else {}), "steps": 2, "copies": 0}
    config = plan(data, split, preset, shape=(64, 64), changes=small)
    train_supervised(config, data, split, tmp_path / "run", device="cpu")
    model = package_supervised(tmp_path / "run", data, split, tmp_path / "spots", name="spots")
    ladder = HeatmapSettings.of(model).read_by
    assert ladder is not None and ladder.rungs == ((0,), (1,), (2,))
    assert sum(ladder.lengths) == pytest.approx(1)
    assert settings_of(model).ladder == ladder
    found = analyse(split.held_out[0].read_channels()[0], model, DetectOptions(device="cpu"))
    heights = [-mark.position[1] for mark in found.detection.landmarks if mark.is_present]
    assert heights == sorted(heights)
