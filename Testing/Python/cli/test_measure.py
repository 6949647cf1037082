"""Of many cases, one that cannot be read or written stops no other: it is named, and the command fails."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.io.markups import write_landmarks
from LandmarkDetectionLib.io.volumes import write_volume
from Testing.examples.measurement_cases import BODY, FACE, in_picture, in_space

PROTOCOL = ("--protocol", "cephalometric-19")


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Three cases, the second of them cut off."""
    folder = tmp_path / "cases"
    folder.mkdir()
    points = in_picture({name: FACE[name] for name in ("sella", "nasion", "subspinale")}, 0.8)
    for name in "abc":
        write_landmarks(points, folder / f"{name}.mrk.json")
    damaged = folder / "b.mrk.json"
    damaged.write_bytes(damaged.read_bytes()[:100])
    return folder


def measured(table: Path) -> list[str]:
    """The cases of a table."""
    with table.open(newline="", encoding="utf-8-sig") as file:
        return list(dict.fromkeys(row["case"] for row in csv.DictReader(file)))


@pytest.mark.parametrize("named", ["folder", "files"])
def test_a_damaged_landmark_file_stops_no_other_measurement(
    cases: Path, tmp_path: Path, cli: Callable, named: str
) -> None:
    sources = [cases] if named == "folder" else sorted(cases.iterdir())
    answer = cli("measure", *sources, *PROTOCOL, "-o", tmp_path / "all.csv")
    assert answer.code == 3
    assert "b.mrk.json" in answer.err and "SNA" in answer.out and "Wrote" in answer.out
    assert measured(tmp_path / "all.csv") == ["a", "c"]


def test_programs_are_told_which_cases_failed(cases: Path, cli: Callable) -> None:
    answer = cli("measure", cases, *PROTOCOL, "--json")
    told = json.loads(answer.out)
    assert [one["case"] for one in told["cases"]] == ["a", "c"]
    assert [Path(one["file"]).name for one in told["failures"]] == ["b.mrk.json"]
    assert json.loads(answer.err)["error"]["exit_code"] == answer.code == 3


def test_a_file_that_is_not_there_stops_no_other(cases: Path, tmp_path: Path, cli: Callable) -> None:
    answer = cli("measure", cases / "a.mrk.json", cases / "z.csv", *PROTOCOL, "-o", tmp_path / "all.csv")
    assert answer.code == 3 and "z.csv: there is no such file" in answer.err
    assert measured(tmp_path / "all.csv") == ["a"]


def test_a_damaged_image_and_a_missing_one_stop_no_other_report(
    cases: Path, tmp_path: Path, cli: Callable
) -> None:
    (cases / "b.mrk.json").write_bytes((cases / "a.mrk.json").read_bytes())
    images, out = tmp_path / "images", tmp_path / "out"
    images.mkdir()
    Image.fromarray(np.zeros((240, 240), np.uint8)).save(images / "a.png")
    (images / "b.png").write_bytes((images / "a.png").read_bytes()[:60])
    answer = cli(
        "report", cases, *PROTOCOL, "--image", images, "--out", out, "--format", "html", "--format", "csv"
    )
    assert answer.code == 3
    assert "b.png" in answer.err and "no image named c" in answer.err
    assert answer.err.endswith("Error: 2 of 3 cases could not be measured; see above.\n")
    assert sorted(path.name for path in out.iterdir()) == ["a.html", "measurements.csv", "run.manifest.json"]
    assert measured(out / "measurements.csv") == ["a"]


def test_a_case_that_fails_alone_is_one_sentence_and_writes_nothing(
    cases: Path, tmp_path: Path, cli: Callable
) -> None:
    answer = cli("measure", cases / "b.mrk.json", *PROTOCOL, "-o", tmp_path / "all.csv")
    assert (answer.code, answer.out, answer.err.count("\n")) == (3, "", 1)
    assert not (tmp_path / "all.csv").exists()


def test_what_is_wrong_with_all_cases_is_said_once(cases: Path, tmp_path: Path, cli: Callable) -> None:
    (cases / "b.mrk.json").unlink()
    answer = cli("measure", cases, "--protocol", "nose", "-o", tmp_path / "all.csv")
    assert answer.code == 3 and answer.err.count("There is no protocol 'nose'") == 1
    one_image = tmp_path / "one.png"
    Image.fromarray(np.zeros((240, 240), np.uint8)).save(one_image)
    answer = cli("measure", cases, *PROTOCOL, "--image", one_image)
    assert answer.code == 3 and answer.err.count("give the folder") == answer.err.count("\n") == 1


def test_cases_of_one_name_are_not_written_over_each_other(
    cases: Path, tmp_path: Path, cli: Callable
) -> None:
    (tmp_path / "others").mkdir()
    other = tmp_path / "others" / "a.mrk.json"
    other.write_bytes((cases / "a.mrk.json").read_bytes())
    answer = cli(
        "report", cases / "a.mrk.json", other, *PROTOCOL, "--out", tmp_path / "out", "--format", "html"
    )
    assert answer.code == 5 and "a.html" in answer.err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["measure", "report", "frame", "align", "visits"])
def test_an_image_that_the_landmarks_cannot_be_of_is_refused(
    command: str, tmp_path: Path, cli: Callable
) -> None:
    points = in_space(BODY)
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        write_landmarks(points, tmp_path / f"{name}.mrk.json")
        elsewhere = np.array([[2.0, 0, 0, 9000], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]])
        write_volume(Volume(np.zeros((4, 4, 4), np.int16), elsewhere), tmp_path / "images" / f"{name}.nrrd")
    a, b, image = tmp_path / "a.mrk.json", tmp_path / "b.mrk.json", tmp_path / "images" / "a.nrrd"
    asked = {
        "measure": (a, "--image", image),
        "report": (a, "--image", image, "--out", tmp_path / "out"),
        "frame": (a, "--protocol", "whole-body", "--image", image),
        "align": (a, b, "--image", image),
        "visits": (a, b, "--protocol", "whole-body", "--image", tmp_path / "images"),
    }
    answer = cli(command, *asked[command])
    assert answer.code == 3, answer.err
    assert "None of the landmarks of a lies in a: they are of another image" in answer.err
    assert not (tmp_path / "out").exists()
