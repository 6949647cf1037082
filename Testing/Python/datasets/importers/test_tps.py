"""TPS files of morphometrics: rows count from the bottom, and what is missing or no landmark is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.datasets.importers.tps import import_tps, read_tps
from LandmarkDetectionLib.datasets.raters import case_landmarks
from LandmarkDetectionLib.errors import InputError

#: Bright pixels of every picture: (column, row) from the upper left corner.
SPOTS = np.array([[20, 10], [50, 60], [70, 30]])
HEIGHT, WIDTH = 80, 100


@pytest.fixture
def fish(tmp_path: Path) -> Path:
    """Pictures with bright pixels, and the TPS file that a person makes by clicking on them."""
    folder = tmp_path / "fish"
    folder.mkdir()
    blocks = []
    for n in range(3):
        pixels = np.random.default_rng(n).integers(0, 90, (HEIGHT, WIDTH)).astype(np.uint8)
        pixels[SPOTS[:, 1], SPOTS[:, 0]] = 255
        Image.fromarray(pixels).save(folder / f"Fish_{n}.PNG")
        rows = "\n".join(f"{x}.00000 {HEIGHT - 1 - y}.00000" for x, y in SPOTS)
        blocks.append(f"LM=3\n{rows}\nIMAGE=C:\\pictures\\fish_{n}.TIF\nID={n}\nSCALE=0.250000\n")
    (folder / "fish.tps").write_bytes("\n".join(blocks).replace("\n", "\r\n").encode("cp1252"))
    return folder


def test_points_lie_on_the_pixels_that_were_clicked(fish: Path, tmp_path: Path) -> None:
    done = import_tps(fish, tmp_path / "out")
    datalist = read_datalist(done.datalist)
    assert datalist.landmark_names == ("landmark_1", "landmark_2", "landmark_3")
    assert any("SCALE of 3 specimens is taken for mm per pixel" in note for note in done.notes)
    for case in datalist:
        volume = case.read_volume()
        assert volume.spacing[:2].tolist() == [0.25, 0.25]
        (found,) = case_landmarks(case, datalist.landmark_names, "mean", volume)
        i, j, _ = np.rint(volume.ras_to_ijk_points(found)).astype(int).T
        assert volume.voxels[0, j, i].tolist() == [255, 255, 255]


def test_the_unit_of_the_scale_and_the_size_of_a_pixel_can_be_given(fish: Path, tmp_path: Path) -> None:
    in_cm = read_datalist(import_tps(fish / "fish.tps", tmp_path / "cm", unit_mm=10).datalist)
    assert in_cm.cases[0].read_volume().spacing[0] == pytest.approx(2.5)
    done = import_tps(fish, tmp_path / "given", pixel_mm=0.1)
    assert read_datalist(done.datalist).cases[0].read_volume().spacing[0] == pytest.approx(0.1)
    assert any("SCALE of 3 specimens is not taken" in note for note in done.notes)


def test_missing_points_curves_and_foreign_entries_are_told_apart(fish: Path, tmp_path: Path) -> None:
    text = (
        "lm=3\n20 69\n-1 -1\nNA NA\nCURVES=2\nPOINTS=2\n1 2\n3 4\nPOINTS=1\n5 6\n"
        "VARIABLES=SEX=F,AGE=3\nIMAGE=fish_0.png\nID=7\nLM=3\n20 69\n50 19\n70 49\nID=Fish_1\n"
    )
    (fish / "fish.tps").write_text(text)
    done = import_tps(fish, tmp_path / "out", names=["nose", "fin", "tail"])
    assert done.cases == 2
    assert any(note.startswith("2 curves and outlines") for note in done.notes)
    assert any(note.startswith("2 points are negative or NA") for note in done.notes)
    assert any(note.startswith("1 image has no landmarks and was left out") for note in done.notes)
    datalist = read_datalist(done.datalist, missing="allow")
    assert [len(case.read_landmarks().present) for case in datalist] == [1, 3]
    assert not datalist.cases[0].read_volume().spacing_known, "nothing says how large a pixel is"


def test_several_people_are_raters(fish: Path, tmp_path: Path) -> None:
    other = tmp_path / "ann.tps"
    other.write_bytes((fish / "fish.tps").read_bytes().replace(b"20.0", b"22.0"))
    datalist = read_datalist(
        import_tps(fish, tmp_path / "out", {"Bob": fish / "fish.tps", "Ann": other}).datalist
    )
    assert datalist.raters == ("Bob", "Ann")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hello", "line 1 is no 'LM='"),
        ("LM=x\n", "'x' in line 1 is no number of points"),
        ("LM=3\n1 2\n", "ends within the 3 points that line 1 announces"),
        ("LM=1\n1,5 2,5\nIMAGE=fish_0\n", "line 2 .* is not 2 numbers; write numbers with a decimal point"),
        ("LM=1\n1 2\n3 4\nIMAGE=fish_0\n", "line 3 .* nor a point that its LM= counts"),
        ("LM3=1\n1 2 3\nIMAGE=fish_0\n", "three coordinates"),
        ("LM=1\n1 2\nSCALE=-1\nIMAGE=fish_0\n", "SCALE=-1 in line 3 is no size"),
        ("LM=1\n1 2\nIMAGE=fish_0\nLM=2\n1 2\n3 4\nIMAGE=fish_1\n", "have 1 and 2 landmarks"),
        ("LM=1\n1 2\nIMAGE=fish_0\nLM=1\n1 2\nIMAGE=Fish_0.jpg\n", "two specimens of the image Fish_0.PNG"),
        ("LM=1\n1 2\nIMAGE=bird\n", "No specimen of .* names an image"),
    ],
)
def test_what_is_broken_is_one_sentence_with_its_line(
    fish: Path, tmp_path: Path, text: str, sentence: str
) -> None:
    (fish / "fish.tps").write_text(text)
    with pytest.raises(InputError, match=sentence):
        import_tps(fish, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_numbers_in_three_dimensions_without_depth_are_those_of_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.tps").write_text("LM3=2\n1 2 0\n3 4 0\nIMAGE=a.png\n")
    assert read_tps(tmp_path / "a.tps")[0].points.tolist() == [[1, 2], [3, 4]]


def test_the_command_imports_checks_and_draws(fish: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    answer = cli("data", "import", "tps", fish, "--out", tmp_path / "out", "--names", "nose,fin,tail")
    assert answer.code == 0 and "3 cases" in answer.out
    sheet = tmp_path / "sheet.png"
    answer = cli("data", "check", tmp_path / "out" / "datalist.json", "--sheet", sheet)
    assert answer.code == 0 and "nose, fin, tail" in answer.out
    pixels = np.asarray(Image.open(sheet).convert("RGB")).astype(int)
    assert (np.ptp(pixels, axis=2) > 80).sum() > 50, "coloured points on grey pictures"


def test_a_data_set_that_is_refused_can_be_looked_at(
    fish: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    cli("data", "import", "tps", fish, "--out", tmp_path / "out", "--origin", "500")
    sheet = tmp_path / "sheet.png"
    answer = cli("data", "check", tmp_path / "out" / "datalist.json", "--sheet", sheet)
    assert answer.code == 3 and "outside the image" in answer.err and sheet.is_file()
