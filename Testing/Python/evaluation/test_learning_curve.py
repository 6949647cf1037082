"""Learning curves are drawn from what `evaluate` wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.evaluation.evaluate import evaluate
from LandmarkDetectionLib.evaluation.learning_curve import learning_curve_figure, read_runs
from LandmarkDetectionLib.evaluation.plots import write_figure
from LandmarkDetectionLib.evaluation.predictions import read_predictions
from LandmarkDetectionLib.evaluation.tables import error_rows
from LandmarkDetectionLib.files import write_text
from LandmarkDetectionLib.reporting.pages import csv_text


@pytest.fixture
def runs(make_data: Callable[..., Any], tmp_path: Path) -> Path:
    """Two networks, one evaluated on 10 and 50 images, the other on two folds of 10."""
    data = make_data()
    datalist = read_datalist(data.datalist)
    for name, x in (("a10", 4.0), ("a50", 2.0), ("b10-1", 5.0), ("b10-2", 7.0)):

        def move(case: str, points: np.ndarray, x: float = x, name: str = name) -> np.ndarray:
            found = points + np.array([x, 0.0, 0.0])
            if (name, case) == ("a50", "case-0"):
                found[0] = np.nan
            return found

        found = read_predictions("net", data.predict(name, move), datalist.cases, data.folder)
        (tmp_path / f"out-{name}").mkdir()
        errors = error_rows(evaluate(datalist, [found]))
        write_text(tmp_path / f"out-{name}" / "errors.csv", csv_text(errors))
    table = tmp_path / "runs.csv"
    table.write_text(
        "network,images,errors\nA,50,out-a50/errors.csv\nA,10,out-a10/errors.csv\n"
        "B,10,out-b10-1/errors.csv\nB,10,out-b10-2/errors.csv\n"
    )
    return table


def test_runs_are_read_and_folds_taken_together(runs: Path) -> None:
    found = read_runs(runs)
    assert [(run.network, run.images, run.errors.shape) for run in found] == [
        ("A", 10, (6, 3)),
        ("A", 50, (6, 3)),
        ("B", 10, (12, 3)),
    ]
    assert found[0].errors == pytest.approx(4.0)
    assert found[1].errors[0, 0] == np.inf
    assert found[2].errors.mean() == pytest.approx(6.0)
    assert found[2].unit == "px"


def test_the_figure_shows_every_run_and_the_means_over_the_images(runs: Path, tmp_path: Path) -> None:
    figure = learning_curve_figure(read_runs(runs))
    left, right = figure.axes
    assert [text.get_text() for text in left.get_legend().get_texts()] == [
        "A, 10 images",
        "A, 50 images",
        "B, 10 images",
    ]
    x, y = right.lines[0].get_data()
    assert list(x) == [10, 50]
    assert list(y) == pytest.approx([4.0, 2.0])
    write_figure(figure, tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as picture:
        assert picture.width > 1000


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("network,images\nA,10\n", "lacks the column errors"),
        ("network,images,errors\n", "has no run"),
        ("network,images,errors\nA,few,x.csv\n", "Row 1 of .* a whole number of images"),
        ("network,images,errors\nA,10,gone.csv\n", "gone.csv: there is no such file"),
        ("network,images,errors,model\nA,10,out-a10/errors.csv,other\n", "holds the models net; name one"),
    ],
)
def test_wrong_tables_are_refused_in_one_sentence(runs: Path, table: str, message: str) -> None:
    runs.write_text(table)
    with pytest.raises(InputError, match=message):
        read_runs(runs)


def test_runs_in_other_units_are_refused(runs: Path) -> None:
    errors = runs.parent / "out-a50" / "errors.csv"
    errors.write_text(errors.read_text().replace(",px,", ",mm,"))
    with pytest.raises(InputError, match="A on 10 images has other landmarks or another unit"):
        read_runs(runs)
