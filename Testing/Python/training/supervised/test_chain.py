"""Trainings on data whose protocol has a chain, from images to a detection."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.options import DetectOptions
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.detectors.dispatch import analyse
from LandmarkDetectionLib.detectors.settings import HeatmapSettings
from LandmarkDetectionLib.heatmaps.ladder import OF_SPINES
from LandmarkDetectionLib.heatmaps.rungs import put_in_line
from LandmarkDetectionLib.training.supervised import package
from LandmarkDetectionLib.training.supervised.package import package_supervised
from LandmarkDetectionLib.training.supervised.plan import divide, plan
from LandmarkDetectionLib.training.supervised.start import settings_of
from LandmarkDetectionLib.training.supervised.train import train_supervised
from LandmarkDetectionLib.typing import Array
from Testing.examples.blob_data import SMALL_TRAINING
from Testing.Python.heatmaps.test_column import corners
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


def test_tilts_of_levels_are_drawn_out_by_what_cases_held_out_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the ladder said before, as when a model is learned further."""
    truth = np.stack([corners(bend) for bend in np.linspace(6, 14, 9)])
    ones = np.ones(truth.shape[:2])
    less = OF_SPINES.model_copy(update={"stretch": 1 / 1.1})
    asked = []

    def measure(task: SimpleNamespace, _batches: object) -> dict[str, Array]:
        asked.append(task.ladder.stretch)
        found = np.stack([put_in_line(one, ones[0], less) for one in truth])
        return {"position": found, "points": truth, "there": ones}

    monkeypatch.setattr(package, "_measure", measure)
    before = OF_SPINES.model_copy(update={"stretch": 1.2})
    task: Any = SimpleNamespace(ladder=before)
    after = package.stretched(task, [], before)
    assert asked == [1.0]
    assert after == before.model_copy(update={"stretch": pytest.approx(1.1, abs=0.01)})
