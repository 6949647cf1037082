"""The report says what was measured, in files that need nothing else."""

import csv
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.evaluation.evaluate import Evaluation, evaluate
from LandmarkDetectionLib.evaluation.plots import model_colours
from LandmarkDetectionLib.evaluation.predictions import read_predictions
from LandmarkDetectionLib.evaluation.report_pages import write_evaluation
from LandmarkDetectionLib.evaluation.worst_cases import show_plane, worst_cases
from Testing.examples.accessibility import faults

Make = Callable[..., Any]


def compare(data: Any, *folders: Path, **options: Any) -> Evaluation:
    datalist = read_datalist(data.datalist)
    found = [read_predictions(folder.name, folder, datalist.cases, data.folder) for folder in folders]
    return evaluate(datalist, found, **options)


def moved(x: float, worse: str = "") -> Callable[[str, np.ndarray], np.ndarray]:
    """Everything by ``x`` pixels, the index finger of one case by 10 more."""

    def move(case: str, points: np.ndarray) -> np.ndarray:
        found = points + np.array([x + int(case[-1]) / 10, 0.0, 0.0])
        if case == worse:
            found[2, 0] += 10.0
        return found

    return move


@pytest.fixture
def result(make_data: Make) -> Evaluation:
    data = make_data(raters={"anna": -1.0, "bela": 1.0})
    folders = data.predict("near", moved(1.0, "case-4"), 0.8), data.predict("far <1>", moved(3.0))
    return compare(data, *folders)


def test_tables_figures_and_page_are_written(result: Evaluation, tmp_path: Path) -> None:
    page = write_evaluation(result, tmp_path / "out", worst=2)
    out = page.parent
    assert {file.name for file in out.iterdir()} == {
        "report.html",
        "summary.md",
        "summary.csv",
        "errors.csv",
        "results.json",
        "figures",
    }
    figures = sorted(file.name for file in (out / "figures").iterdir())
    assert figures == [
        "cumulative.png",
        "landmarks.png",
        "reliability.png",
        "worst-1-near.png",
        "worst-2-far-1.png",
    ]
    for name in figures:
        with Image.open(out / "figures" / name) as picture:
            assert len(np.unique(np.asarray(picture.convert("L")))) > 20
    assert "![Cumulative" in (out / "summary.md").read_text()


def test_the_tables_hold_what_was_calculated(result: Evaluation, tmp_path: Path) -> None:
    out = write_evaluation(result, tmp_path / "out", worst=0).parent
    rows = list(csv.DictReader((out / "errors.csv").open()))
    assert len(rows) == 6 * 3 * 2
    errors = {(row["case"], row["model"], row["landmark"]): float(row["error"]) for row in rows}
    assert errors["case-4", "near", "index_tip"] == pytest.approx(11.4)
    assert errors["case-4", "far <1>", "index_tip"] == pytest.approx(3.4)
    everything = [value for (_, model, _), value in errors.items() if model == "near"]
    summary = {(row["model"], row["landmark"]): row for row in csv.DictReader((out / "summary.csv").open())}
    row = summary["near", "all"]
    assert float(row["mean"]) == pytest.approx(np.mean(everything), abs=1e-4)
    assert float(row["median"]) == pytest.approx(np.median(everything), abs=1e-4)
    assert float(row["sd"]) == pytest.approx(np.std(everything), abs=1e-4)
    assert float(row["SDR 5"]) == pytest.approx(np.mean(np.array(everything) <= 5), abs=1e-4)
    assert int(row["outliers 10"]) == 1
    assert float(row["mean low"]) < float(row["mean"]) < float(row["mean high"])
    image_means = [
        np.mean([errors[f"case-{n}", "near", name] for name in result.landmarks]) for n in range(6)
    ]
    assert float(summary["near", "image mean"]["sd"]) == pytest.approx(np.std(image_means), abs=1e-4)


def test_the_record_repeats_with_the_seed_and_names_what_it_was_made_with(
    result: Evaluation, tmp_path: Path
) -> None:
    records = []
    for name in ("one", "two"):
        out = write_evaluation(result, tmp_path / name, worst=0).parent
        records.append(json.loads((out / "results.json").read_text()))
    assert records[0] == records[1]
    facts = records[0]["facts"]
    assert re.fullmatch("[0-9a-f]{64}", facts["datalist and landmarks, SHA-256"])
    assert {"landmark-detection", "numpy", "seed", "model near"} <= set(facts)
    assert records[0]["disagreement"]["mean"] == pytest.approx(2.0)
    assert records[0]["tests"][0]["subjects"] == 6


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for key, value in attrs if key in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_no_other_file_and_no_network(result: Evaluation, tmp_path: Path) -> None:
    text = write_evaluation(result, tmp_path / "out", worst=1).read_text()
    page = Page()
    page.feed(text)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert page.sources and all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "url(" not in text
    assert "far <1>" in page.text
    for sentence in ("Read this first", "not in mm", "half of it by construction", "Wilcoxon"):
        assert sentence in page.text


def test_a_second_report_leaves_no_figure_of_the_first(make_data: Make, tmp_path: Path) -> None:
    data = make_data()
    one, other = data.predict("one", moved(1.0)), data.predict("other", moved(2.0))
    write_evaluation(compare(data, one, other), tmp_path / "out", worst=1)
    write_evaluation(compare(data, other), tmp_path / "out", worst=1)
    assert sorted(file.name for file in (tmp_path / "out" / "figures").iterdir()) == [
        "cumulative.png",
        "landmarks.png",
        "worst-1-other.png",
    ]


def test_models_keep_their_colours_and_seven_differ() -> None:
    colours = model_colours(list("abcdefg"))
    assert len(set(colours.values())) == 7
    assert model_colours(["a", "b"]) == {name: colours[name] for name in "ab"}


def test_the_worst_cases_come_first(result: Evaluation) -> None:
    worst = worst_cases(result, "near", 2)
    assert [(result.keys[one.case], result.landmarks[one.landmark]) for one in worst] == [
        ("case-4", "index_tip"),
        ("case-5", "wrist"),
    ]
    assert worst[0].error == pytest.approx(11.4)


def test_a_model_that_gives_nothing_has_a_report_without_a_gallery(make_data: Make, tmp_path: Path) -> None:
    data = make_data()
    folder = data.predict("silent", lambda case, points: np.full_like(points, np.nan))
    page = write_evaluation(compare(data, folder), tmp_path / "out", worst=2)
    assert not list((page.parent / "figures").glob("worst*"))
    assert "18 of 18" in page.read_text()
    assert faults(page.read_text(encoding="utf-8")) == []


def test_volumes_have_a_gallery_of_slices(make_data: Make, tmp_path: Path) -> None:
    data = make_data(cases=2, kind="volume")
    folder = data.predict("m", lambda case, points: points + np.array([4.0, 0.0, 3.0]))
    page = write_evaluation(compare(data, folder), tmp_path / "out", worst=2)
    assert (page.parent / "figures" / "worst-1-m.png").is_file()


@pytest.mark.parametrize(
    ("towards", "name", "across", "down"),
    [
        ((5.0, 5.0, 0.0), "axial", "L", "P"),
        ((5.0, 0.0, 5.0), "coronal", "L", "I"),
        ((0.0, 5.0, 5.0), "sagittal", "P", "I"),
    ],
)
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, 1), (-1, 1, -1)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_slices_are_turned_as_radiologists_look_at_them(
    towards: tuple[float, ...],
    name: str,
    across: str,
    down: str,
    signs: tuple[int, ...],
    order: tuple[int, ...],
) -> None:
    directions = np.zeros((3, 3))
    for axis, (patient, sign) in enumerate(zip(order, signs, strict=True)):
        directions[patient, axis] = sign * (1.0, 1.5, 2.0)[axis]
    affine = np.eye(4)
    affine[:3, :3] = directions
    rng = np.random.default_rng(0)
    volume = Volume(rng.integers(0, 1000, (9, 11, 13)).astype(np.int16), affine)
    middle = np.array([6.0, 5.0, 4.0])
    start = volume.ijk_to_ras_points([middle])[0]
    end = volume.ras_to_ijk_points([start + towards])[0]
    plane = show_plane(volume, middle, end)
    assert plane.name == name
    # The voxel of the landmark is where the picture says it is, and so are its neighbours by the patient.
    column, row = np.rint(plane.place(middle)).astype(int)
    assert plane.picture[row, column] == volume.voxels[4, 5, 6]
    steps = {"L": (-1, 0, 0), "P": (0, -1, 0), "I": (0, 0, -1)}
    for letter, moved_to in ((across, (1, 0)), (down, (0, 1))):
        step = volume.ras_to_ijk_points([start + 0.01 * np.array(steps[letter])])[0]
        way = plane.place(step) - plane.place(middle)
        assert np.argmax(np.abs(way)) == np.argmax(moved_to)
        assert way[np.argmax(moved_to)] > 0
