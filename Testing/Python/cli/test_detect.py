"""From a CT to files that open in Slicer, with the model that ships, through the real command."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.landmarks import Status
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.files import resource_path
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.records import read_detection, read_review
from LandmarkDetectionLib.io.volumes import read_volume, write_dicom, write_volume
from LandmarkDetectionLib.models import Model
from Testing.examples.hand_radiograph import drawn_radiograph

pytestmark = pytest.mark.skipif(
    not resource_path("Models", "whole-body-ct").is_dir(), reason="the shipped model is not in this checkout"
)


class Demo(NamedTuple):
    """The folder a demo wrote and what it printed."""

    folder: Path
    record: dict[str, Any]
    stderr: str

    @property
    def ct(self) -> Path:
        return self.folder / "synthetic_ct.nii.gz"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "output"
    ended = subprocess.run(
        [sys.executable, "-m", "LandmarkDetectionLib", "demo", "--out", str(folder), "--json"],
        cwd=repository,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    return Demo(folder, json.loads(ended.stdout), ended.stderr)


def test_the_demo_finds_the_landmarks_of_its_synthetic_ct(demo: Demo) -> None:
    assert demo.record["synthetic"] is True
    assert len(demo.record["errors_mm"]) >= 20
    assert demo.record["mean_error_mm"] < 20


def test_the_demo_writes_what_it_says(demo: Demo) -> None:
    assert {Path(file).name for file in demo.record["files"]} == {file.name for file in demo.folder.iterdir()}
    found, truth = (read_landmarks(demo.folder / f"{name}.mrk.json") for name in ("landmarks", "truth"))
    for name, error in demo.record["errors_mm"].items():
        assert np.linalg.norm(found[name].position - truth[name].position) == pytest.approx(error, abs=0.01)
    with Image.open(demo.folder / "overlay.png") as picture:
        assert min(picture.size) > 500


def assert_same_landmarks(here: list[dict[str, Any]], there: list[dict[str, Any]]) -> None:
    """Equal but for rounding: PyTorch adds in an order that depends on its threads, which moves a point by
    some 0.0004 mm and a covariance by a millionth of its size."""
    measured = ("position", "covariance", "confidence")
    for one, other in zip(here, there, strict=True):
        assert {**one, **dict.fromkeys(measured)} == {**other, **dict.fromkeys(measured)}
        assert (one["position"] is None) == (other["position"] is None)
        if one["position"] is not None:
            np.testing.assert_allclose(one["position"], other["position"], atol=0.005)
            np.testing.assert_allclose(one["covariance"], other["covariance"], rtol=1e-3, atol=0.05)
        assert one["confidence"] == pytest.approx(other["confidence"], abs=1e-4)


def test_one_detection_in_every_format_is_the_same(demo: Demo, cli: Callable, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("x.json", "x.mrk.json", "x.fcsv", "x.csv")]
    outputs = [word for file in files for word in ("--output", file)]
    answer = cli("detect", demo.ct, *outputs, "--overlay", tmp_path / "x.png", "--json")
    assert answer.code == 0, answer.err
    printed = json.loads(answer.out)
    assert printed["landmarks"] == json.loads(files[0].read_text())["landmarks"]
    assert_same_landmarks(printed["landmarks"], demo.record["landmarks"])
    recorded = read_detection(files[0]).landmarks
    for file in files[1:]:
        assert read_landmarks(file).names == recorded.names
        np.testing.assert_allclose(read_landmarks(file).positions, recorded.positions, atol=0.001)
    assert (tmp_path / "x.png").stat().st_size > 10_000
    assert not list(tmp_path.glob(".writing*"))


def test_people_get_a_table(demo: Demo, cli: Callable) -> None:
    answer = cli("detect", demo.ct)
    assert answer.code == 0
    for one in demo.record["landmarks"]:
        assert one["name"] in answer.out
        assert one["status"] in answer.out
    assert "Time: " in answer.out


def test_quiet_prints_nothing(demo: Demo, cli: Callable, tmp_path: Path) -> None:
    answer = cli("detect", demo.ct, "--quiet", "-o", tmp_path / "x.csv")
    assert (answer.code, answer.out) == (0, "")
    assert (tmp_path / "x.csv").is_file()


def test_the_options_are_used_and_recorded(demo: Demo, cli: Callable, skin_model: Model) -> None:
    options = ("--threshold", "-350", "--depth", "mean", "--device", "cpu")
    answer = cli("detect", demo.ct, "-m", skin_model.name, *options, "--json")
    assert answer.code == 0, answer.err
    parameters = json.loads(answer.out)["parameters"]
    assert (parameters["threshold"], parameters["depth"], parameters["device"]) == (-350, "mean", "cpu")


def test_a_dicom_folder_gives_the_same_landmarks(demo: Demo, cli: Callable, tmp_path: Path) -> None:
    write_dicom(read_volume(demo.ct), tmp_path / "dicom")
    record = json.loads(cli("detect", tmp_path / "dicom", "--json").out)
    for here, there in zip(record["landmarks"], demo.record["landmarks"], strict=True):
        assert here["status"] == there["status"]
        if here["status"] != "absent":
            assert np.linalg.norm(np.subtract(here["position"], there["position"])) < 5


def test_a_head_alone_is_no_failure_and_the_rest_is_absent(demo: Demo, cli: Callable, tmp_path: Path) -> None:
    whole = read_volume(demo.ct)
    top = read_landmarks(demo.folder / "truth.mrk.json")["head_top"].position
    k = int(whole.ras_to_ijk_points([top - [0, 0, 280]])[0, 2])
    corner = np.eye(4)
    corner[2, 3] = k
    head = Volume(whole.voxels[k:], whole.ijk_to_ras @ corner, modality="CT", name="head")
    write_volume(head, tmp_path / "head.nii.gz")
    answer = cli("detect", tmp_path / "head.nii.gz", "-o", tmp_path / "head.mrk.json")
    assert answer.code == 0, answer.err
    found = read_landmarks(tmp_path / "head.mrk.json")
    assert found["head_top"].is_present
    for name in ("knee_left", "knee_right", "big_toe_left", "big_toe_right"):
        assert found[name].status is Status.ABSENT


@pytest.mark.skipif(
    not resource_path("Models", "hand").is_dir(), reason="the hand model is not in this checkout"
)
def test_a_pictures_landmarks_are_pixels_until_a_person_says_how_large_one_is(
    cli: Callable, tmp_path: Path
) -> None:
    picture, other = tmp_path / "hand.png", tmp_path / "other.jpg"
    grey = np.clip(drawn_radiograph(), 0, 255).astype(np.uint8)
    Image.fromarray(grey).save(picture, dpi=(300, 300))
    Image.fromarray(grey).save(other, dpi=(0.01, 0.01), quality=100)
    answer = cli("detect", picture, "-m", "hand", "-o", tmp_path / "px.json")
    assert answer.code == 0, answer.err
    assert "R px" in answer.out and " mm" not in answer.out.split("Time:")[0]
    assert "in pixels, not mm" in " ".join(answer.err.split())
    pixels = read_detection(tmp_path / "px.json")
    assert pixels.parameters["unit"] == "pixel"
    assert answer_of(cli, other).landmarks["middle_tip"].position == pytest.approx(
        pixels.landmarks["middle_tip"].position, abs=3.0
    )

    answer = cli("detect", picture, "-m", "hand", "--pixel-size", "0.5", "-o", tmp_path / "mm.json")
    assert answer.code == 0, answer.err
    assert "R mm" in answer.out and " px" not in answer.out
    millimetres = read_detection(tmp_path / "mm.json")
    assert (millimetres.parameters["unit"], millimetres.parameters["pixel_size_mm"]) == ("mm", 0.5)
    for name in ("wrist", "middle_tip"):
        expected = pixels.landmarks[name].position * 0.5
        assert millimetres.landmarks[name].position == pytest.approx(expected, abs=0.5)

    # Corrections go on in the size that was given.
    x, y, z = millimetres.landmarks["middle_tip"].position
    again = tmp_path / "again.json"
    answer = cli("refine", picture, tmp_path / "mm.json", "--at", f"middle_tip={x + 1},{y},{z}", "-o", again)
    assert answer.code == 0, answer.err
    wrist = json.loads(again.read_text())["prediction"][0]["position"]
    assert wrist == pytest.approx(millimetres.landmarks["wrist"].position.tolist(), abs=0.01)

    # What is measured afterwards counts in the same unit, with the image or without it.
    def length(*words: object) -> tuple[float, str]:
        rows = json.loads(cli("measure", *words, "--json").out)["cases"][0]["measurements"]
        (one,) = (row for row in rows if row["name"] == "hand_length")
        return one["value"], one["unit"]

    value, unit = length(tmp_path / "px.json")
    assert unit == "px" and length(tmp_path / "px.json", "--image", picture) == (pytest.approx(value), "px")
    assert length(tmp_path / "mm.json") == (pytest.approx(value / 2, rel=0.02), "mm")
    assert length(tmp_path / "px.json", "--pixel-size", "0.5") == (pytest.approx(value / 2), "mm")

    # A file that says it is believed, and a size that cannot be is not.
    write_volume(Volume(grey[None], np.diag([-0.5, -0.5, 1, 1])), tmp_path / "sized.nrrd")
    for file, size in ((tmp_path / "sized.nrrd", "0.5"), (picture, "1e9"), (picture, "0")):
        assert cli("detect", file, "-m", "hand", "--pixel-size", size).code == 3


def test_a_chain_that_is_off_is_shifted_by_one_option(cli: Callable, tmp_path: Path) -> None:
    """The joints of a finger for want of a small spine."""
    picture, record, out = tmp_path / "hand.png", tmp_path / "hand.json", tmp_path / "shifted.json"
    Image.fromarray(np.clip(drawn_radiograph(), 0, 255).astype(np.uint8)).save(picture)
    chain = ("index_mcp", "index_pip", "index_dip", "index_tip")
    model = tmp_path / "chained"
    shutil.copytree(resource_path("Models", "hand"), model)
    file = model / "configs/protocol.json"
    protocol = json.loads(file.read_text())
    file.write_text(json.dumps({**protocol, "chain": [[name] for name in chain]}))

    assert cli("detect", picture, "-m", model, "-o", record).code == 0
    found = read_detection(record).landmarks
    answer = cli("refine", picture, "-m", model, "--shift-levels", "1", "-o", out)
    assert answer.code == 0, answer.err
    review = read_review(out)
    for name, neighbour in pairwise(chain):
        mark = review.landmarks[name]
        assert mark.status is Status.CORRECTED
        assert mark.position == pytest.approx(found[neighbour].position, abs=0.01)
        assert mark.predicted == pytest.approx(found[name].position, abs=0.01)
    assert not review.landmarks["index_tip"].status.by_person, "what no other had is looked for, not made up"
    assert review.prediction.landmarks.positions == pytest.approx(found.positions, abs=0.01)

    for words, sentence in (
        ((picture, "-m", model, "--shift-levels", "4"), "has 4 levels; shift it by fewer, not by 4"),
        ((picture, record, "--shift-levels", "1"), "has no chain of levels"),
    ):
        answer = cli("refine", *words)
        assert answer.code == 3 and sentence in " ".join(answer.err.split())


def answer_of(cli: Callable, file: Path) -> Any:
    """The detection in a hand."""
    assert cli("detect", file, "-m", "hand", "-o", file.with_suffix(".json")).code == 0
    return read_detection(file.with_suffix(".json"))
