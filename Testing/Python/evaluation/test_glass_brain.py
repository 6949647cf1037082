"""Errors on a glass brain, only for volumes that can be in MNI space."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.evaluate import Evaluation, evaluate
from LandmarkDetectionLib.evaluation.glass_brain import glass_brain_figure, mean_positions
from LandmarkDetectionLib.evaluation.predictions import read_predictions


def result(data: Any, *names: str) -> Evaluation:
    datalist = read_datalist(data.datalist)
    folders = [data.predict(name, lambda case, points: points + np.array([2.0, 0, 0])) for name in names]
    found = [read_predictions(folder.name, folder, datalist.cases, data.folder) for folder in folders]
    return evaluate(datalist, found)


def test_radiographs_are_refused(make_data: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match=r"Row 1 \(case-0.png\) is a radiograph"):
        mean_positions(result(make_data(), "m"))


def test_landmarks_stand_at_their_mean_positions(make_data: Callable[..., Any]) -> None:
    data = make_data(cases=3, kind="volume")
    expected = np.mean(list(data.truth.values()), axis=0)
    assert mean_positions(result(data, "m")) == pytest.approx(expected)


def test_every_model_has_its_brain(make_data: Callable[..., Any]) -> None:
    pytest.importorskip("nilearn", reason="the glass brain needs nilearn")
    figure = glass_brain_figure(result(make_data(cases=2, kind="volume"), "one", "other"))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title for title in titles if title] == ["one: mean error (mm)", "other: mean error (mm)"]
