"""The study's commands: what they print, and how they refuse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import write_datalist
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume

Command = Callable[..., Any]


@pytest.fixture
def datalist(tmp_path: Path) -> Path:
    rows = []
    for seed, subject in enumerate(("a", "b")):
        pixels = np.random.default_rng(seed).integers(0, 1000, (3, 20, 30)).astype(np.int16)
        write_volume(Volume(pixels, np.eye(4)), tmp_path / f"{subject}.nrrd")
        marks = LandmarkSet((Landmark("wrist", np.array([9.0, 8.0, 1.0])),))
        write_landmarks(marks, tmp_path / f"{subject}.csv")
        rows.append({"image": f"{subject}.nrrd", "landmarks": f"{subject}.csv", "subject": subject})
    write_datalist(rows, tmp_path / "data.json", "two hands")
    return tmp_path / "data.json"


def test_a_study_needs_a_known_preset(cli: Command, tmp_path: Path) -> None:
    answer = cli("study", "synthetic", "--region", "hand", "--out", tmp_path / "s", "--preset", "huge")
    assert answer.code == 3
    assert "preset 'huge' is unknown; choose paper, scaled, tiny" in answer.err
    assert not (tmp_path / "s").exists()


def test_a_study_of_foreign_landmarks_is_refused_before_anything_is_trained(
    cli: Command, datalist: Path, tmp_path: Path
) -> None:
    pytest.importorskip("anny", reason="synthetic bodies need anny")
    arguments = ("--region", "body", "--data", datalist, "--out", tmp_path / "s", "--preset", "tiny")
    answer = cli("study", "synthetic", *arguments)
    assert answer.code == 3
    assert "have no landmark wrist" in answer.err


def test_only_a_finished_study_can_be_packaged(cli: Command, tmp_path: Path) -> None:
    answer = cli("study", "package", "--study", tmp_path, "--out", tmp_path / "m", "--name", "ours")
    assert answer.code == 3
    assert "config.json" in answer.err
